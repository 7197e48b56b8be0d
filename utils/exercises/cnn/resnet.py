"""Exercises of 03-cnn/architectures/03-resnet.ipynb."""

import math

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/architectures/03-resnet.ipynb"


copying = Exercise(
    "03-cnn/resnet-1",
    notebook=NOTEBOOK,
    items=["The degradation problem"],
    hints=[
        "relu(x) forgets the negative numbers. Which second unit remembers them?",
        "x = relu(x) - relu(-x), for every real x.",
        "So W1 holds the identity above its negative, (2D, D), and W2 takes the difference, (D, 2D).",
    ],
    explanation="""
        One unit keeps the positive part and another the negative part; the second matrix subtracts. A plain layer can
        copy, then, but it takes exact weights and twice the width. A residual block copies with weights of 0.""",
)


@copying.reference
def copying_layers(D):
    identity = np.eye(D)
    return np.concatenate([identity, -identity]), np.concatenate([identity, -identity], axis=1)


@copying.driver
def through(function, D, X):
    W1, W2 = (np.asarray(W, dtype=float) for W in function(D))
    if W1.ndim != 2 or W1.shape[1] != D or W2.shape != (D, len(W1)):
        raise ExerciseError(f"W1 has shape {W1.shape} and W2 {W2.shape}, expected (H, {D}) and ({D}, H)")
    return np.maximum(X @ W1.T, 0) @ W2.T


@copying.case("numbers of either sign are copied")
def _(rng):
    D = int(rng.integers(2, 5))
    return D, rng.normal(size=(3, D)).round(2)


@copying.case("positive numbers are copied")
def _(rng):
    return 3, rng.random((2, 3)).round(2)


@copying.case("a single feature")
def _(rng):
    return 1, np.array([[-1.5], [0.0], [2.0]])


@copying.wrong("Negative numbers are lost in the ReLU: give them units of their own.")
def _(D):
    return np.eye(D), np.eye(D)


@copying.wrong("This is the absolute value: the units of the negative parts must be subtracted.")
def _(D):
    identity = np.eye(D)
    return np.concatenate([identity, -identity]), np.concatenate([identity, identity], axis=1)


scaled = Exercise(
    "03-cnn/resnet-2",
    notebook=NOTEBOOK,
    items=["Skip connections"],
    hints=[
        "Two roads lead from X to Y: each gives X a gradient, and they are added.",
        "Through the block: dA = alpha dY W, which passes where X > 0.",
        "alpha is one number that multiplies every entry of A W.T: its gradient is the sum of dY * (A @ W.T).",
    ],
    explanation="""
        With A = relu(X): dX = dY + alpha (dY W) (X > 0), dW = alpha dY.T A, and dalpha = sum(dY * (A W.T)). At
        alpha = 0, where such blocks begin (ReZero, Bachlechner et al. 2021), dX = dY exactly, dW is zero, and alpha
        alone learns at first.""",
)


def _scaled_back(dY, X, W, alpha, skip=True, mask=True, total=np.sum):
    A = np.maximum(X, 0)
    through = alpha * (dY @ W) * ((X > 0) if mask else 1)
    return (dY if skip else 0) + through, alpha * dY.T @ A, total(dY * (A @ W.T))


@scaled.reference
def scaled_backward(dY, X, W, alpha):
    A = np.maximum(X, 0)
    dX = dY + alpha * (dY @ W) * (X > 0)
    return dX, alpha * dY.T @ A, np.sum(dY * (A @ W.T))


def _rows(rng, N, D):
    return tuple(rng.normal(size=shape).round(2) for shape in ((N, D), (N, D), (D, D)))


@scaled.case("several rows")
def _(rng):
    return *_rows(rng, 4, 3), round(float(rng.uniform(0.2, 0.9)), 2)


@scaled.case("one row")
def _(rng):
    return *_rows(rng, 1, 4), 0.5


@scaled.case("alpha is zero: the gradient passes untouched")
def _(rng):
    return *_rows(rng, 3, 2), 0.0


@scaled.wrong("The gradient that goes around the block is missing from dX: add dY.")
def _(dY, X, W, alpha):
    return _scaled_back(dY, X, W, alpha, skip=False)


@scaled.wrong("The way through the block crosses a ReLU: the gradient passes only where X > 0.")
def _(dY, X, W, alpha):
    return _scaled_back(dY, X, W, alpha, mask=False)


@scaled.wrong("dalpha is the sum over all entries, not their mean.")
def _(dY, X, W, alpha):
    return _scaled_back(dY, X, W, alpha, total=np.mean)


lengths = Exercise(
    "03-cnn/resnet-3",
    notebook=NOTEBOOK,
    items=["Skip connections"],
    hints=[
        "The share of length k is binomial: comb(L, k) s^(2k) / (1 + s^2)^L.",
        "Add them up from k = 0 until the sum reaches `share`.",
        "With probability p = s^2 / (1 + s^2) of going through: comb(L, k) p^k (1 - p)^(L - k).",
    ],
    explanation="""
        The cumulative sum of the binomial distribution with p = s^2 / (1 + s^2), and the first k at which it reaches
        the share. For 54 blocks with s = 0.3, paths of 8 blocks or fewer carry 95% of the squared gradient.""",
)


def _first_length(L, s, share, p):
    total = 0.0
    for k in range(L + 1):
        total += math.comb(L, k) * p**k * (1 - p) ** (L - k)
        if total >= share:
            return k
    return L


@lengths.reference
def longest_needed(L, s, share):
    p, total = s**2 / (1 + s**2), 0.0
    for k in range(L + 1):
        total += math.comb(L, k) * p**k * (1 - p) ** (L - k)
        if total >= share:
            return k
    return L


@lengths.case("many blocks of small gain")
def _(rng):
    return int(rng.integers(30, 100)), round(float(rng.uniform(0.1, 0.5)), 2), 0.95


@lengths.case("few blocks")
def _(rng):
    return int(rng.integers(3, 9)), round(float(rng.uniform(0.3, 1.5)), 2), 0.8


@lengths.case("the path around all blocks is enough")
def _(rng):
    return 10, 0.05, 0.9


@lengths.wrong("Paths are counted without their gain: each block on the way multiplies the square by s^2.")
def _(L, s, share):
    return _first_length(L, s, share, 0.5)


@lengths.wrong("The squared gradient is shared out: the gain enters as s^2, not as s.")
def _(L, s, share):
    return _first_length(L, s, share, s / (1 + s))


@lengths.wrong("Counted from 1: the path around all blocks has length 0.")
def _(L, s, share):
    return _first_length(L, s, share, s**2 / (1 + s**2)) + 1


alias = Exercise(
    "03-cnn/resnet-4",
    notebook=NOTEBOOK,
    items=["Training deep residual networks"],
    hints=[
        "Print the kept inputs after the call. How many different ones are there?",
        "`x += f(x)` writes into the array that x names; the list holds the same array, and so does the caller.",
        "`x = x + f(x)` makes a new array.",
    ],
    explanation="""
        `+=` changes the array in place: all kept inputs are one and the same array, which holds the final output, and
        the caller's input is destroyed as well. The forward pass is right, so nothing shows, while every backward pass
        is computed at the wrong place. `x = x + f(x)` is the repair.""",
)


@alias.reference
def residual_stack(x, blocks):
    inputs = []
    for f in blocks:
        inputs.append(x)
        x = x + f(x)
    return x, inputs


@alias.driver
def outputs_and_inputs(function, x, names):
    given = x.copy()
    blocks = [{"half": lambda v: 0.5 * v, "square": lambda v: v * v, "tanh": np.tanh}[name] for name in names]
    y, inputs = function(given, blocks)
    if len(inputs) != len(blocks):
        raise ExerciseError(f"{len(inputs)} inputs were kept, expected one for each of {len(blocks)} blocks")
    return {"output": y, "kept inputs": np.array(inputs), "x after the call": given}


def _names(rng, n):
    return [("half", "square", "tanh")[i] for i in rng.integers(0, 3, n)]


@alias.case("three blocks: the output, the kept inputs, and x untouched")
def _(rng):
    return rng.normal(size=4).round(2), _names(rng, 3)


@alias.case("a batch of two")
def _(rng):
    return rng.normal(size=(2, 3)).round(2), _names(rng, 2)


@alias.case("one block")
def _(rng):
    return rng.normal(size=3).round(2), _names(rng, 1)


@alias.wrong("`+=` writes into the array that was kept: all kept inputs are the final output.")
def _(x, blocks):
    inputs = []
    for f in blocks:
        inputs.append(x)
        x += f(x)
    return x, inputs


@alias.wrong("The caller's x must survive, and so must the inputs between: copy nothing, but make a new sum.")
def _(x, blocks):
    inputs = []
    for f in blocks:
        inputs.append(x.copy())
        x += f(x)
    return x, inputs


@alias.wrong("What is kept must be the block's input, before the sum.")
def _(x, blocks):
    inputs = []
    for f in blocks:
        x = x + f(x)
        inputs.append(x)
    return x, inputs
