"""Exercises 9 to 11: probability and information."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/exercises/01-math-exercises.ipynb"
ITEMS = ["Probability and information"]


lifetimes = Exercise(
    "01-foundations/math-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "A lamp that failed at t contributes log λ - λt to the log-likelihood, one that still burns at t "
        "only -λt.",
        "Add them up: with d failures the sum is d log λ - λ Σ t, where Σ runs over all lamps.",
        "Set its derivative to 0: d/λ = Σ t. Solve for λ.",
    ],
    explanation="""
        A lamp that still burns has told something too: it lasted at least t, which has probability e^(-λt).
        The log-likelihood is d log λ - λ Σ t, with d the number of failures and the sum over all lamps. Its
        slope d/λ - Σ t is 0 at λ = d / Σ t: failures per hour of burning, whoever burned. Leaving the
        survivors out makes lamps look worse than they are, because the good ones are those that are still
        on.""",
)


@lifetimes.reference
def failure_rate(hours, failed):
    return failed.sum() / hours.sum()


@lifetimes.case("all lamps have failed: one over the mean lifetime")
def _(rng):
    n = int(rng.integers(2, 6))
    return rng.integers(100, 900, size=n) * 1.0, np.ones(n, dtype=np.int64)


@lifetimes.case("some lamps still burn")
def _(rng):
    return rng.integers(100, 900, size=6) * 1.0, rng.permutation([1, 1, 1, 1, 0, 0])


@lifetimes.case("all lamps still burn: no failure was seen, and the likeliest rate is 0")
def _(rng):
    return rng.integers(100, 900, size=3) * 1.0, np.zeros(3, dtype=np.int64)


@lifetimes.wrong("Lamps that still burn were left out; the hours they have lasted count.")
def _(hours, failed):
    return 1 / hours[failed == 1].mean() if failed.any() else 0.0


@lifetimes.wrong("Lamps that still burn were counted as failures: only failures stand above the bar.")
def _(hours, failed):
    return len(hours) / hours.sum()


@lifetimes.wrong("This is a mean lifetime in hours; the rate is its inverse.")
def _(hours, failed):
    return hours.sum() / failed.sum()


@lifetimes.wrong("This is the share of lamps that failed; time has to come in.")
def _(hours, failed):
    return failed.mean()


@lifetimes.wrong(
    "Only the hours of the failed lamps stand below the bar; those of the others belong there too."
)
def _(hours, failed):
    return failed.sum() / hours[failed == 1].sum()


information = Exercise(
    "01-foundations/math-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "First the table of joint probabilities: count how often each pair occurs (problem 2) and divide "
        "by N.",
        "Its row sums are P(a), its column sums P(b); with keepdims their product has the table's shape.",
        "Pairs that never occur contribute nothing. Keep the others with a mask `seen = joint > 0`.",
        "`(joint[seen] * np.log2(joint[seen] / independent[seen])).sum()`",
    ],
    explanation="""
        Mutual information is the KL divergence between the joint distribution and the one that independence
        would give, P(a) P(b). A pair that never occurs adds 0 log 0 = 0, a limit that floating point does
        not know, so it is masked out. A pair with P(a, b) > 0 has P(a) P(b) > 0 too, so no division by zero
        is left.""",
)


@information.reference
def mutual_information(a, b):
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return (joint[seen] * np.log2(joint[seen] / independent[seen])).sum()


@information.case("two variables that share a part of what they say")
def _(rng):
    a = rng.permutation([0, 0, 1, 1, 2, 2, 2, 0])
    return a, np.where(rng.random(8) < 0.6, a, rng.integers(0, 3, size=8))


@information.case("every value of a occurs as often with each value of b: nothing is shared")
def _(rng):
    a, b = np.divmod(rng.permutation(6), 3)
    return a, b


@information.case("b is a under other names: all of a's entropy is shared")
def _(rng):
    a = rng.permutation([0, 0, 0, 1, 1, 2])
    return a, np.array([3, 1, 0])[a]


@information.case("a number of values that differs, and values that never occur")
def _(rng):
    return rng.choice([0, 4], size=7), rng.choice([1, 2, 3], size=7)


def _joint(a, b):
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    return joint


@information.wrong("These are nats: bits take the logarithm to base 2.")
def _(a, b):
    return mutual_information(a, b) * np.log(2)


@information.wrong("A pair that never occurs gave 0 times log 0, which is NaN: leave such pairs out.")
def _(a, b):
    joint = _joint(a, b)
    return (joint * np.log2(joint / (joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)))).sum()


@information.wrong("This is the joint entropy H(a, b): divide inside the logarithm by P(a) P(b).")
def _(a, b):
    joint = _joint(a, b)
    return -(joint[joint > 0] * np.log2(joint[joint > 0])).sum()


@information.wrong("This is the entropy of a alone, more than b can tell unless b decides a.")
def _(a, b):
    return mutual_information(a, a)


@information.wrong("Repeated pairs were counted once: `joint[a, b] += 1` reads all places before it writes.")
def _(a, b):
    joint = (_joint(a, b) > 0).astype(float)
    joint /= joint.sum()
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    return (joint[joint > 0] * np.log2(joint[joint > 0] / independent[joint > 0])).sum()


@information.wrong("The logarithms are weighted with P(a) P(b); the weight is the joint probability.")
def _(a, b):
    joint = _joint(a, b)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return (independent[seen] * np.log2(joint[seen] / independent[seen])).sum()


@information.wrong("These are counts: divide by the number of samples to get probabilities.")
def _(a, b):
    joint = _joint(a, b) * len(a)
    independent = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    seen = joint > 0
    return (joint[seen] * np.log2(joint[seen] / independent[seen])).sum()


mixture = Exercise(
    "01-foundations/math-11",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Work with logarithms (N, K): `np.log(weights) - np.log(stds) - ((x[:, None] - means) / stds) ** "
        "2 / 2`. "
        "The factor 1/√(2π) is the same for all k and cancels.",
        "The responsibilities are the softmax of each row: subtract the row's largest entry, "
        "exponentiate, normalize.",
        "With n = R.sum(axis=0), the effective number of points of each part: weights n / N, means R.T @ "
        "x / n.",
        "The standard deviations are measured from the new means: the root of Σ R (x - new mean)² / n.",
    ],
    explanation="""
        The E step is Bayes' theorem: prior weights times likelihoods, normalized over the parts; in
        logarithms that is a softmax, and no point is too far away for it. The M step is maximum likelihood
        for Gaussians with R[n, k] in place of whole points: weighted means, weighted variances. Together
        they never lower the likelihood of the data. (A. P. Dempster, N. M. Laird, D. B. Rubin, 1977.)""",
)


@mixture.reference
def em_step(x, weights, means, stds):
    log_p = np.log(weights) - np.log(stds) - ((x[:, None] - means) / stds) ** 2 / 2  # (N, K)
    R = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    R /= R.sum(axis=1, keepdims=True)
    n = R.sum(axis=0)  # (K,)
    means = R.T @ x / n
    variances = (R * (x[:, None] - means) ** 2).sum(axis=0) / n
    return n / len(x), means, np.sqrt(variances)


@mixture.case("two parts of equal weight and width")
def _(rng):
    x = np.concatenate([rng.normal(-1, 1, size=4), rng.normal(2, 1, size=3)]).round(1)
    return x, np.array([0.5, 0.5]), np.array([-1.0, 1.5]), np.array([1.0, 1.0])


@mixture.case("three parts, no two of a weight or width")
def _(rng):
    x = rng.normal(0, 3, size=8).round(1)
    return x, np.array([0.2, 0.5, 0.3]), np.array([-2.0, 0.3, 2.0]), np.array([0.7, 2.0, 1.2])


@mixture.case("a point so far away that every density is 0 in floating point")
def _(rng):
    x = np.append(rng.normal(size=5).round(1), 300.0)
    return x, np.array([0.6, 0.4]), np.array([-0.5, 0.5]), np.array([1.0, 1.5])


@mixture.case("one part alone: the plain mean and standard deviation of the data")
def _(rng):
    return rng.normal(size=6).round(1), np.array([1.0]), np.array([0.2]), np.array([2.0])


def _responsibilities(x, weights, means, stds, axis=1):
    log_p = np.log(weights) - np.log(stds) - ((x[:, None] - means) / stds) ** 2 / 2
    R = np.exp(log_p - log_p.max(axis=axis, keepdims=True))
    return R / R.sum(axis=axis, keepdims=True)


def _maximized(x, R, centres=None):
    n = R.sum(axis=0)
    means = R.T @ x / n
    spread = (R * (x[:, None] - (means if centres is None else centres)) ** 2).sum(axis=0) / n
    return n / len(x), means, np.sqrt(spread)


@mixture.wrong(
    "Right near the data; far away all densities are 0 and the share is 0/0. Compute in logarithms."
)
def _(x, weights, means, stds):
    P = weights / stds * np.exp(-(((x[:, None] - means) / stds) ** 2) / 2)
    return _maximized(x, P / P.sum(axis=1, keepdims=True))


@mixture.wrong("The spread was measured from the old means: it belongs to the new ones.")
def _(x, weights, means, stds):
    return _maximized(x, _responsibilities(x, weights, means, stds), means)


@mixture.wrong("The weights are missing from the responsibilities: a rare part starts with a smaller claim.")
def _(x, weights, means, stds):
    return _maximized(x, _responsibilities(x, np.ones_like(weights), means, stds))


@mixture.wrong("The density's factor 1/σ is missing: a wide Gaussian is low.")
def _(x, weights, means, stds):
    return _maximized(x, _responsibilities(x, weights * stds, means, stds))


@mixture.wrong("Each point went to one part as a whole: its share is a probability.")
def _(x, weights, means, stds):
    R = _responsibilities(x, weights, means, stds)
    return _maximized(x, np.eye(len(means))[R.argmax(axis=1)])


@mixture.wrong("The third result is a variance: take its root.")
def _(x, weights, means, stds):
    weights, means, stds = _maximized(x, _responsibilities(x, weights, means, stds))
    return weights, means, stds**2


@mixture.wrong("The shares of a point sum to 1 over the parts: normalize along axis 1.")
def _(x, weights, means, stds):
    return _maximized(x, _responsibilities(x, weights, means, stds, axis=0))


@mixture.wrong("The exponent is half of the squared distance in units of σ; the half is missing.")
def _(x, weights, means, stds):
    log_p = np.log(weights) - np.log(stds) - ((x[:, None] - means) / stds) ** 2
    R = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    return _maximized(x, R / R.sum(axis=1, keepdims=True))
