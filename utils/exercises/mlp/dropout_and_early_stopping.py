"""Exercises of 02-mlp/regularization/02-dropout-and-early-stopping.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/regularization/02-dropout-and-early-stopping.ipynb"


layer = Exercise(
    "02-mlp/dropout-and-early-stopping-1",
    notebook=NOTEBOOK,
    items=["Dropout"],
    hints=[
        "In training the whole layer is a product with a fixed array: 1 / (1 - p) where u >= p, else 0.",
        "The gradient of a product with a fixed array is the product with the same array.",
        "Outside of training the array is all ones: nothing is dropped, and nothing is scaled.",
    ],
    explanation="""
        scale = (u >= p) / (1 - p) in training and 1 in use. Forward and backward multiply by the same array, so a
        unit that was dropped receives no gradient, and a unit that was kept receives 1 / (1 - p) times its own.""",
)


@layer.reference
def dropout_layer(X, u, p, training):
    scale = (u >= p) / (1 - p) if training else np.ones(X.shape)
    return X * scale, lambda dY: dY * scale


@layer.driver
def forward_and_backward(function, X, u, p, training):
    output, backward = function(X, u, p, training)
    return output, backward(np.arange(1.0, X.size + 1).reshape(X.shape))


def _layer_inputs(rng, p, training):
    shape = tuple(rng.integers(2, 5, size=2))
    return rng.normal(size=shape).round(2), rng.random(shape).round(2), p, training


@layer.case("training, half of the units dropped")
def _(rng):
    return _layer_inputs(rng, 0.5, True)


@layer.case("training, another rate")
def _(rng):
    return _layer_inputs(rng, 0.2, True)


@layer.case("in use: nothing is dropped or scaled")
def _(rng):
    return _layer_inputs(rng, 0.5, False)


def _wrong_layer(mask=lambda u, p: u >= p, forward=lambda p: 1 - p, backward=lambda p: 1 - p, always=False):
    def answer(X, u, p, training):
        if not (training or always):
            return X, lambda dY: dY
        return X * mask(u, p) / forward(p), lambda dY: dY * mask(u, p) / backward(p)

    return answer


layer.wrong("The survivors must be divided by 1 - p, or the next layer receives less than in use.")(
    _wrong_layer(forward=lambda p: 1, backward=lambda p: 1)
)
layer.wrong("The gradient is scaled like the values: dY is divided by 1 - p too.")(
    _wrong_layer(backward=lambda p: 1)
)
layer.wrong("p is the probability to drop: what survives is u >= p, and it is divided by 1 - p.")(
    _wrong_layer(mask=lambda u, p: u < p, forward=lambda p: p, backward=lambda p: p)
)
layer.wrong("Outside of training nothing is dropped: look at `training`.")(_wrong_layer(always=True))


regression = Exercise(
    "02-mlp/dropout-and-early-stopping-2",
    notebook=NOTEBOOK,
    items=["Dropout"],
    hints=[
        "The mean over masks is the plain loss plus half of sum_j price_j w_j²: ridge with a price for each weight.",
        "price_j = p / (1 - p) times the mean of X[:, j]².",
        "Solve (X.T @ X / N + np.diag(price)) w = X.T @ y / N.",
    ],
    explanation="""
        The variance that dropout adds to an answer is p / (1 - p) sum_j w_j² x_j². Averaged over the samples it is a
        penalty p / (1 - p) mean(x_j²) on w_j², so the solution is that of ridge with these prices on the diagonal.""",
)


@regression.reference
def dropout_regression(X, y, p):
    H = X.T @ X / len(X)
    return np.linalg.solve(H + p / (1 - p) * np.diag(np.diag(H)), X.T @ y / len(X))


@regression.case("inputs of different strength")
def _(rng):
    return rng.normal(size=(9, 3)).round(2) * np.array([0.5, 1, 3]), rng.normal(size=9).round(2), 0.4


@regression.case("another rate and more inputs")
def _(rng):
    return rng.normal(size=(12, 5)).round(2), rng.normal(size=12).round(2), 0.2


@regression.case("no dropout: least squares")
def _(rng):
    return rng.normal(size=(8, 3)).round(2), rng.normal(size=8).round(2), 0.0


@regression.wrong("Every weight has its own price, p / (1 - p) times the mean square of its input.")
def _(X, y, p):
    return np.linalg.solve(X.T @ X / len(X) + p / (1 - p) * np.eye(X.shape[1]), X.T @ y / len(X))


@regression.wrong("The factor is p / (1 - p), the variance of m / (1 - p); p (1 - p) is that of m.")
def _(X, y, p):
    H = X.T @ X / len(X)
    return np.linalg.solve(H + p * (1 - p) * np.diag(np.diag(H)), X.T @ y / len(X))


@regression.wrong("The price uses the mean of the squares, not the variance: a constant input pays too.")
def _(X, y, p):
    return np.linalg.solve(X.T @ X / len(X) + p / (1 - p) * np.diag(X.var(axis=0)), X.T @ y / len(X))


patience = Exercise(
    "02-mlp/dropout-and-early-stopping-3",
    notebook=NOTEBOOK,
    items=["Early stopping"],
    hints=[
        "Larger is better here. Keep the best accuracy and its epoch.",
        "An epoch counts as better only if accuracy > best + min_delta.",
        "Stop when epoch - best_epoch reaches the patience; epochs run is then epoch + 1.",
    ],
    explanation="""
        Only an improvement of more than min_delta resets the clock and moves the best. The training ends in the epoch
        that is `patience` after the best one, or with the list.""",
)


@patience.reference
def stop_by_accuracy(accuracies, patience, min_delta):
    best, best_epoch = -np.inf, 0
    for epoch, accuracy in enumerate(accuracies):
        if accuracy > best + min_delta:
            best, best_epoch = accuracy, epoch
        elif epoch - best_epoch >= patience:
            return best_epoch, epoch + 1
    return best_epoch, len(accuracies)


@patience.case("a curve that rises and then wavers")
def _(rng):
    return (0.9 - 0.5 * np.exp(-np.arange(15) / 2) + rng.normal(0, 0.01, 15)).round(3).tolist(), 3, 0.0


@patience.case("a threshold that ignores small gains")
def _(rng):
    return (0.8 + 0.004 * np.arange(12) + rng.normal(0, 0.001, 12)).round(4).tolist(), 3, 0.01


@patience.case("a late gain, just within or beyond the patience")
def _(rng):
    return [0.5, 0.7, 0.6, 0.6, 0.9, 0.8], int(rng.integers(2, 5)), 0.0


@patience.case("equal accuracies are no gain")
def _(rng):
    return [0.6, 0.8, 0.8, 0.8, 0.8, 0.8], 2, 0.0


def _wrong_stop(better, late=0, value=lambda epoch: epoch + 1):
    def answer(accuracies, patience, min_delta):
        best, best_epoch = None, 0
        for epoch, accuracy in enumerate(accuracies):
            if best is None or better(accuracy, best, min_delta):
                best, best_epoch = accuracy, epoch
            elif epoch - best_epoch >= patience + late:
                return best_epoch, value(epoch)
        return best_epoch, len(accuracies)

    return answer


patience.wrong("Accuracies should rise: this rule is for losses.")(
    _wrong_stop(lambda a, best, d: a < best - d)
)
patience.wrong("min_delta is not used: a gain must be larger than it to count.")(
    _wrong_stop(lambda a, best, d: a > best)
)
patience.wrong("An equal accuracy is no gain: > rather than >=.")(
    _wrong_stop(lambda a, best, d: a >= best + d)
)
patience.wrong("One epoch too late: stop when epoch - best_epoch reaches the patience.")(
    _wrong_stop(lambda a, best, d: a > best + d, late=1)
)
patience.wrong("Epochs run counts from 1: the epoch with index 5 is the sixth.")(
    _wrong_stop(lambda a, best, d: a > best + d, value=lambda epoch: epoch)
)


ignorance = Exercise(
    "02-mlp/dropout-and-early-stopping-4",
    notebook=NOTEBOOK,
    items=["Monte Carlo dropout"],
    hints=[
        "Total uncertainty is the entropy of the mean over masks; take off the mean of the masks' entropies.",
        "Sum over the classes (the last axis), average over the masks (the first).",
        "P log P is 0 where P is 0: replace such P inside the logarithm by 1.",
    ],
    explanation="""
        H(mean P) - mean H(P). Where the masks agree the two are equal; where each mask is sure of another class, the
        first is large and the second 0. A probability of 0 contributes nothing, since P log P tends to 0.""",
    atol=1e-7,
)


def _entropy(P):
    return -np.sum(P * np.log(np.where(P > 0, P, 1)), axis=-1)


@ignorance.reference
def disagreement_of(P):
    def entropy(P):
        return -np.sum(P * np.log(np.where(P > 0, P, 1)), axis=-1)

    return entropy(P.mean(axis=0)) - entropy(P).mean(axis=0)


@ignorance.case("several masks, samples and classes")
def _(rng):
    return rng.dirichlet(np.ones(4), size=(5, 3)).round(6)


@ignorance.case("masks that are sure, of different classes, with probabilities of exactly 0")
def _(rng):
    return np.eye(3)[rng.integers(0, 3, size=(6, 2))]


@ignorance.case("masks that agree: no disagreement, however unsure they are")
def _(rng):
    return np.repeat(rng.dirichlet(np.ones(3), size=(1, 2)), 4, axis=0)


@ignorance.wrong("This is the total uncertainty: take off the mean of the masks' own entropies.")
def _(P):
    return _entropy(P.mean(axis=0))


@ignorance.wrong("The sign is turned round: the entropy of the mean is the larger one.")
def _(P):
    return _entropy(P).mean(axis=0) - _entropy(P.mean(axis=0))


@ignorance.wrong("A probability of 0 gives 0 * log 0 = NaN here: it must count 0.")
def _(P):
    with np.errstate(all="ignore"):
        total = -np.sum(P.mean(axis=0) * np.log(P.mean(axis=0)), axis=-1)
        return total + np.sum(P * np.log(P), axis=-1).mean(axis=0)


@ignorance.wrong("These are bits; nats use the natural logarithm.")
def _(P):
    return disagreement_of(P) / np.log(2)
