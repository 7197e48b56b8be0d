"""Exercises 10 to 12: what the numbers on unseen data are worth."""

from math import comb

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/02-training-exercises.ipynb"
ITEMS = ["Fitting and judging"]


bias_and_variance = Exercise(
    "02-mlp/learning-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Variance: over the R networks, for each point, with ddof=1; then the mean over the points.",
        "First guess of the squared bias: the mean over the points of (mean of the networks - truth)².",
        "The mean of R networks still wobbles with variance/R, and its square is too large by just that.",
    ],
    explanation="""
        The mean of R predictions is the expected prediction plus an error of variance σ²/R, and the expectation
        of its square is bias² + σ²/R. So subtract the estimated variance / R. With ddof=1 the variance is
        unbiased, too, since one degree of freedom went into the mean. With few networks the difference is
        not small: for R = 2 half of the variance would be booked as bias. An estimate may come out below 0.""",
)


@bias_and_variance.reference
def bias_variance(predictions, truth):
    R = len(predictions)
    variance = predictions.var(axis=0, ddof=1).mean()
    squared = ((predictions.mean(axis=0) - truth) ** 2).mean()
    return squared - variance / R, variance


@bias_and_variance.case("several networks, several points")
def _(rng):
    return rng.normal(size=(5, 3)).round(1), rng.normal(size=3).round(1)


@bias_and_variance.case("two networks", seeds=2)
def _(rng):
    return rng.normal(size=(2, 4)).round(1), rng.normal(size=4).round(1)


@bias_and_variance.case("networks that all say the same: bias only", seeds=1)
def _(rng):
    return np.tile([1.0, 2.0, -1.0], (4, 1)), np.array([0.0, 2.0, 1.0])


@bias_and_variance.case("too high here, too low there: biases do not cancel", seeds=1)
def _(rng):
    return np.array([[1.1, -1.0], [0.9, -1.0], [1.0, -0.9]]), np.zeros(2)


@bias_and_variance.wrong("The mean of R networks still wobbles: subtract variance / R from the squared bias.")
def _(predictions, truth):
    variance = predictions.var(axis=0, ddof=1).mean()
    return ((predictions.mean(axis=0) - truth) ** 2).mean(), variance


@bias_and_variance.wrong("The variance was divided by R: it is too small, since the mean was fitted. ddof=1.")
def _(predictions, truth):
    variance = predictions.var(axis=0).mean()
    return ((predictions.mean(axis=0) - truth) ** 2).mean() - variance / len(predictions), variance


@bias_and_variance.wrong("The biases of the points were averaged before they were squared, and cancel.")
def _(predictions, truth):
    variance = predictions.var(axis=0, ddof=1).mean()
    return (predictions.mean(axis=0) - truth).mean() ** 2 - variance / len(predictions), variance


@bias_and_variance.wrong("Variance is over the networks at one point, not over the points of one network.")
def _(predictions, truth):
    variance = predictions.var(axis=1, ddof=1).mean()
    return ((predictions.mean(axis=0) - truth) ** 2).mean() - variance / len(predictions), variance


@bias_and_variance.wrong("This is the mean squared error: bias² and variance together.")
def _(predictions, truth):
    return ((predictions - truth) ** 2).mean(), predictions.var(axis=0, ddof=1).mean()


honest = Exercise(
    "02-mlp/learning-11",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Loop over `np.unique(folds)`. Everything that looks at labels looks at `folds != fold` only.",
        "Class means of the training part, (2, D). `np.argsort(-gap, kind='stable')[:n_keep]` are the features.",
        "The squared distances to both means over those features: answer 1 where that to class 1 is smaller.",
        "Count right answers over all folds and divide by N once, at the end: folds may differ in size.",
    ],
    explanation="""
        Choosing features is training, because it uses labels. Chosen on all samples, the features have already
        seen the answers of the fold that is to judge them, and with thousands of them some fit any labels by
        chance. The rule is short: whatever is fitted goes inside the loop. (C. Ambroise, G. McLachlan, 2002,
        found published results spoiled by this.)""",
)


@honest.reference
def honest_accuracy(X, y, folds, n_keep):
    right = 0
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        means = np.array([X[train & (y == c)].mean(axis=0) for c in (0, 1)])  # (2, D)
        keep = np.argsort(-np.abs(means[1] - means[0]), kind="stable")[:n_keep]
        distance = ((X[test][:, None, keep] - means[:, keep]) ** 2).sum(axis=2)  # (N_test, 2)
        right += ((distance[:, 1] < distance[:, 0]) == y[test]).sum()
    return float(right / len(y))


def _samples(rng, n, d):
    return rng.normal(size=(n, d)).round(1), np.arange(n) % 2, rng.permutation(n) % 3


@honest.case("many features, few samples")
def _(rng):
    return *_samples(rng, 18, 40), 3


@honest.case("all features are kept", seeds=2)
def _(rng):
    return *_samples(rng, 12, 3), 3


@honest.case("folds of different sizes", seeds=3)
def _(rng):
    X, y, _ = _samples(rng, 14, 8)
    return X, y, np.repeat([0, 1, 2], [2, 4, 8]), 2


@honest.case("a feature that gives the class away", seeds=1)
def _(rng):
    X, y, folds = _samples(rng, 12, 6)
    X[:, 4] = 10 * y
    return X, y, folds, 1


def _estimate(X, y, folds, n_keep, chosen_on="train", means_of="train", per_fold=False, smallest=False):
    scores = []
    for fold in np.unique(folds):
        part = {"train": folds != fold, "test": folds == fold, "all": folds >= 0}
        gap = [X[part[chosen_on] & (y == c)].mean(axis=0) for c in (0, 1)]
        order = np.argsort((1 if smallest else -1) * np.abs(gap[1] - gap[0]), kind="stable")
        means = np.array([X[part[means_of] & (y == c)].mean(axis=0) for c in (0, 1)])
        test, keep = part["test"], order[:n_keep]
        distance = ((X[test][:, None, keep] - means[:, keep]) ** 2).sum(axis=2)
        scores.append((distance[:, 1] < distance[:, 0]) == y[test])
    return float(np.mean([s.mean() for s in scores]) if per_fold else np.concatenate(scores).mean())


@honest.wrong(
    "The features were chosen with the labels of the samples that are to judge them: choose per fold."
)
def _(X, y, folds, n_keep):
    return _estimate(X, y, folds, n_keep, chosen_on="all")


@honest.wrong("The class means have seen the test fold: take them from the training part.")
def _(X, y, folds, n_keep):
    return _estimate(X, y, folds, n_keep, chosen_on="all", means_of="all")


@honest.wrong("The fold itself was used for choosing: training is everything but the fold.")
def _(X, y, folds, n_keep):
    return _estimate(X, y, folds, n_keep, chosen_on="test")


@honest.wrong("Small folds counted as much as large ones: divide by N once, at the end.")
def _(X, y, folds, n_keep):
    return _estimate(X, y, folds, n_keep, per_fold=True)


@honest.wrong("These are the features with the smallest gap between the classes.")
def _(X, y, folds, n_keep):
    return _estimate(X, y, folds, n_keep, smallest=True)


sign_test = Exercise(
    "02-mlp/learning-12",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Samples that both get right, or both wrong, say nothing about which is better. Count the two other kinds.",
        "If both were equally good, each of the n disagreements would be a fair coin: k of them or fewer have "
        "probability Σ C(n, i) / 2^n for i = 0 ... k, with k the smaller count.",
        "Twice that, since the other network might have been the better one, but not more than 1. Whole numbers in "
        "Python have no largest: divide only at the end.",
    ],
    explanation="""
        Under "equally good" the smaller count is Binomial(n, ½), and both tails together have twice the
        probability of one. With as many disagreements on each side the tails overlap: 1 is the limit.
        2.0**2000 is no float, whereas Python divides whole numbers of any size. (Q. McNemar, 1947; this is the
        exact form.)""",
)


@sign_test.reference
def sign_test_p(y, first, second):
    first_only = int(((first == y) & (second != y)).sum())
    second_only = int(((first != y) & (second == y)).sum())
    n, k = first_only + second_only, min(first_only, second_only)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / 2**n)


def _two_networks(rng, n, wrong=0.3):
    y = rng.integers(0, 4, size=n)
    first, second = (np.where(rng.random(n) < share, (y + 1) % 4, y) for share in (wrong, wrong / 2))
    return y, first, second


@sign_test.case("two networks that differ now and then")
def _(rng):
    return _two_networks(rng, int(rng.integers(20, 60)))


@sign_test.case("no disagreement: nothing speaks for either", seeds=1)
def _(rng):
    y = rng.integers(0, 4, size=9)
    return y, y, y


@sign_test.case("as many on each side: 1, and not more", seeds=1)
def _(rng):
    y = np.zeros(6, dtype=np.int64)
    return y, np.array([1, 0, 0, 1, 2, 0]), np.array([0, 1, 0, 1, 0, 3])


@sign_test.case("both wrong in different ways says nothing", seeds=2)
def _(rng):
    y, first, second = _two_networks(rng, 30)
    both = slice(0, 8)
    first[both], second[both] = (y[both] + 1) % 4, (y[both] + 2) % 4
    return y, first, second


@sign_test.case("two thousand disagreements", seeds=1)
def _(rng):
    y = np.zeros(2000, dtype=np.int64)
    first = (np.arange(2000) < 960).astype(np.int64)
    return y, first, 1 - first


def _tail(n, k):
    return sum(comb(n, i) for i in range(k + 1)) / 2**n


def _counts(y, first, second):
    return int(((first == y) & (second != y)).sum()), int(((first != y) & (second == y)).sum())


@sign_test.wrong("One tail only: beforehand either of the two might have been the better one.")
def _(y, first, second):
    a, b = _counts(y, first, second)
    return _tail(a + b, min(a, b))


@sign_test.wrong("A probability is at most 1: with equal counts the two tails overlap.")
def _(y, first, second):
    a, b = _counts(y, first, second)
    return 2 * _tail(a + b, min(a, b))


@sign_test.wrong("All samples where the answers differ were counted: if both are wrong, neither is better.")
def _(y, first, second):
    n, (a, b) = int((first != second).sum()), _counts(y, first, second)
    return min(1.0, 2 * _tail(n, min(a, b)))


@sign_test.wrong("2.0**n is too large for a float once n passes 1023.")
def _(y, first, second):
    a, b = _counts(y, first, second)
    return min(1.0, 2 * sum(comb(a + b, i) / 2.0 ** (a + b) for i in range(min(a, b) + 1)))


@sign_test.wrong("The larger count was summed up to: the tail ends at the smaller one.")
def _(y, first, second):
    a, b = _counts(y, first, second)
    return min(1.0, 2 * _tail(a + b, max(a, b)))
