"""Exercises 1 to 3: starting and debugging."""

from itertools import pairwise

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "02-mlp/exercises/02-training-exercises.ipynb"
ITEMS = ["Starting and debugging"]


first_guess = Exercise(
    "02-mlp/learning-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "With weights near 0 the network answers softmax(b), whatever the input. Which b makes that the shares?",
        "softmax(log q) is q itself, if q sums to 1.",
        "`np.bincount(y, minlength=K)` counts, with zeros for classes that do not occur.",
    ],
    explanation="""
        softmax(log q)_k = q_k / Σ q = q_k. Any constant may be added to b. The first loss is then the entropy of
        the labels instead of log K, and the first steps are not spent on learning how frequent the classes are.
        The added 1 keeps log 0 away: a class unseen so far is improbable, not impossible.""",
)


@first_guess.reference
def output_bias(y, K):
    counts = np.bincount(y, minlength=K) + 1
    return np.log(counts / counts.sum())


@first_guess.driver
def shares(answer, y, K):
    """What a network of zero weights says: biases that differ by a constant are the same answer."""
    b = np.asarray(answer(y, K), dtype=float)
    if b.shape != (K,):
        raise ExerciseError(f"the biases have shape {b.shape}, expected ({K},)")
    E = np.exp(b - b.max())
    return E / E.sum()


@first_guess.case("classes of different frequency")
def _(rng):
    return rng.choice(3, size=20, p=[0.7, 0.2, 0.1]), 3


@first_guess.case("classes that do not occur, the last one among them", seeds=2)
def _(rng):
    return rng.choice([0, 2], size=9), 5


@first_guess.case("no labels at all: every class is as likely as any other", seeds=1)
def _(rng):
    return np.zeros(0, dtype=np.int64), 4


@first_guess.wrong(
    "These are the shares themselves. Softmax exponentiates, so the biases are their logarithms."
)
def _(y, K):
    counts = np.bincount(y, minlength=K) + 1
    return counts / counts.sum()


@first_guess.wrong("A class without a sample got log 0: add 1 to every count.")
def _(y, K):
    return np.log(np.bincount(y, minlength=K))


@first_guess.wrong("The sign is turned round: frequent classes need a large bias.")
def _(y, K):
    return -output_bias(y, K)


@first_guess.wrong("Zeros make all classes equally likely; the labels say otherwise.")
def _(y, K):
    return np.zeros(K)


@first_guess.wrong("Classes after the largest label that occurs are forgotten: give bincount a minlength.")
def _(y, K):
    return np.log(np.bincount(y) + 1)


unit_variance = Exercise(
    "02-mlp/learning-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Walk through the layers with A, beginning with A = X. Z = A @ W.T, then one number: Z.std().",
        "Dividing W by s divides Z by s. So the layer's output is f(Z / s), and that goes into the next layer.",
        "Collect `W / s` in a new list; the old arrays stay as they are.",
    ],
    explanation="""
        Z is linear in W, so that W / s gives Z / s, with standard deviation 1 exactly. The next layer has to be
        measured on what it will really get, f(Z / s). No theory of the activation is needed, since one batch
        tells everything; that is why it works for activations nobody has derived a factor for. (D. Mishkin,
        J. Matas, 2016.)""",
)


@unit_variance.reference
def unit_variance_init(weights, X, f):
    A, scaled = X, []
    for W in weights:
        Z = A @ W.T
        scaled.append(W / Z.std())
        A = f(Z / Z.std())
    return scaled


def relu(Z):
    return np.maximum(Z, 0)


def _stack(rng, sizes, n=5):
    weights = [rng.normal(0, 3, size=(o, i)).round(1) for i, o in pairwise(sizes)]
    return weights, rng.normal(size=(n, sizes[0])).round(1)


@unit_variance.case("three layers of ReLU")
def _(rng):
    return *_stack(rng, [3, 6, 6, 2]), relu


@unit_variance.case("tanh, whose output depends on the scale in a way that no factor can repair", seeds=2)
def _(rng):
    return *_stack(rng, [3, 4, 4, 3]), np.tanh


@unit_variance.case("one layer", seeds=1)
def _(rng):
    return *_stack(rng, [2, 3]), np.sin


@unit_variance.case("inputs that are not centred: the mean is no part of the standard deviation", seeds=2)
def _(rng):
    weights, X = _stack(rng, [3, 4, 2])
    return weights, X + 5, np.tanh


@unit_variance.wrong("The later layers were measured on the old activations: pass on f(Z / s).")
def _(weights, X, f):
    A, scaled = X, []
    for W in weights:
        Z = A @ W.T
        scaled.append(W / Z.std())
        A = f(Z)
    return scaled


@unit_variance.wrong("To get variance 1 divide by the standard deviation, not by the variance.")
def _(weights, X, f):
    A, scaled = X, []
    for W in weights:
        Z = A @ W.T
        scaled.append(W / Z.var())
        A = f(Z / Z.var())
    return scaled


@unit_variance.wrong("Each unit was scaled by itself: one number for the whole layer.")
def _(weights, X, f):
    A, scaled = X, []
    for W in weights:
        s = (A @ W.T).std(axis=0)
        scaled.append(W / s[:, None])
        A = f(A @ W.T / s)
    return scaled


@unit_variance.wrong("The root mean square counts the mean, too; the standard deviation does not.")
def _(weights, X, f):
    A, scaled = X, []
    for W in weights:
        Z = A @ W.T
        s = np.sqrt((Z**2).mean())
        scaled.append(W / s)
        A = f(Z / s)
    return scaled


@unit_variance.wrong("The next layer gets activations, not pre-activations: f is missing.")
def _(weights, X, f):
    return unit_variance_init(weights, X, lambda Z: Z)


four_faults = Exercise(
    "02-mlp/learning-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Two calls of rng.permutation are two different orders. Draw one, and use it for X and for y.",
        "How many batches does range(0, len(X) - batch_size, batch_size) give for 10 samples in batches of 5? "
        "And for 11?",
        "The last batch may be smaller. Its mean is over the samples that it has.",
        "`W -= ...` changes the array of whoever called. `W = W - ...` makes a new one.",
    ],
    explanation="""
        The first fault gives every image somebody else's label, and accuracy stays at guessing. The others are
        worse, since nobody sees them: samples that are never learned from, last batches that count too little,
        and a caller whose initial weights are no longer the initial ones, so that the second experiment starts
        where the first one ended.""",
)


@four_faults.reference
def train_epoch(W, b, X, y, lr, batch_size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), batch_size):
        batch = order[start : start + batch_size]
        Z = X[batch] @ W.T + b
        P = np.exp(Z - Z.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        dZ = (P - np.eye(len(b))[y[batch]]) / len(batch)
        W, b = W - lr * dZ.T @ X[batch], b - lr * dZ.sum(axis=0)
    return W, b


@four_faults.driver
def seeded(answer, W, b, X, y, lr, batch_size, seed):
    return answer(W, b, X, y, lr, batch_size, np.random.default_rng(seed))


def _epoch(rng, n, batch_size):
    W, b, X = rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=(n, 2))
    return W.round(1), b.round(1), X.round(1), rng.integers(0, 3, n), 0.5, batch_size, int(rng.integers(100))


@four_faults.case("whole batches: the last one belongs to the epoch, too", seeds=3)
def _(rng):
    return _epoch(rng, 8, 4)


@four_faults.case("a smaller batch at the end", seeds=3)
def _(rng):
    return _epoch(rng, 7, 3)


@four_faults.case("a batch size of 1, and one larger than the data", seeds=2)
def _(rng):
    return _epoch(rng, 4, int(rng.choice([1, 6])))


def _faulty(pair=True, all_batches=True, own_mean=True, new_arrays=True):
    def train(W, b, X, y, lr, batch_size, rng):
        if pair:
            order = rng.permutation(len(X))
            X, y = X[order], y[order]
        else:
            X, y = rng.permutation(X), rng.permutation(y)
        for start in range(0, len(X) if all_batches else len(X) - batch_size, batch_size):
            X_batch, y_batch = X[start : start + batch_size], y[start : start + batch_size]
            Z = X_batch @ W.T + b
            P = np.exp(Z - Z.max(axis=1, keepdims=True))
            P /= P.sum(axis=1, keepdims=True)
            dZ = (P - np.eye(len(b))[y_batch]) / (len(X_batch) if own_mean else batch_size)
            if new_arrays:
                W, b = W - lr * dZ.T @ X_batch, b - lr * dZ.sum(axis=0)
            else:
                W -= lr * dZ.T @ X_batch
                b -= lr * dZ.sum(axis=0)
        return W, b

    return train


four_faults.wrong("Images and labels were shuffled apart: one order for both.")(_faulty(pair=False))
four_faults.wrong("The last samples are never seen: the range ends too early.")(_faulty(all_batches=False))
four_faults.wrong("The last, smaller batch was divided by batch_size: its mean is over its own samples.")(
    _faulty(own_mean=False)
)
four_faults.wrong("W -= changes the caller's array: make a new one.")(_faulty(new_arrays=False))
