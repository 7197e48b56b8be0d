"""Exercises 1 to 4: layers and their cost."""

from itertools import pairwise

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/01-mlp-exercises.ipynb"
ITEMS = ["Layers and their cost"]


absorb = Exercise(
    "02-mlp/networks-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Write the old layer for one unit j: Σ_i W[j, i] (x_i - mean_i) / std_i + b_j. What multiplies x_i?",
        "x_i is multiplied by W[j, i] / std_i, so column i of W is divided by std_i. What is left does not "
        "depend on x: it is the new bias.",
        "`scale = np.where(std > 0, std, 1)`, `W_raw = W / scale`, `b_raw = b - W_raw @ mean`.",
    ],
    explanation="""
        Σ_i W_ji (x_i - m_i) / s_i + b_j = Σ_i (W_ji / s_i) x_i + (b_j - Σ_i (W_ji / s_i) m_i). An affine map
        followed by an affine map is one affine map. Nothing has to be remembered beside the network, and
        nobody can forget to standardize. The same algebra merges batch normalization into the layer before
        it when a network is shipped.""",
)


@absorb.reference
def absorb_standardization(W, b, mean, std):
    scale = np.where(std > 0, std, 1)
    W_raw = W / scale  # (out, in): column i belongs to input i
    return W_raw, b - W_raw @ mean


def _layer(rng, n_out, n_in):
    return rng.normal(size=(n_out, n_in)).round(1), rng.normal(size=n_out).round(1)


@absorb.case("several inputs and units")
def _(rng):
    n_in = int(rng.integers(2, 5))
    return *_layer(rng, 3, n_in), rng.normal(size=n_in).round(1), rng.uniform(0.5, 4, size=n_in).round(1)


@absorb.case("as many units as inputs, so that a wrong axis does not show in shapes")
def _(rng):
    return *_layer(rng, 2, 2), np.array([1.0, -2.0]), np.array([4.0, 0.5])


@absorb.case("an input that never changed: its std is 0, and it was centred only")
def _(rng):
    return *_layer(rng, 2, 3), np.array([0.5, 7.0, -1.0]), np.array([2.0, 0.0, 0.5])


@absorb.wrong("The bias must make up for the mean with the new weights: here the old ones were used.")
def _(W, b, mean, std):
    return W / np.where(std > 0, std, 1), b - W @ mean


@absorb.wrong(
    "Where inputs were divided by std, weights on raw inputs are divided by it too, not multiplied."
)
def _(W, b, mean, std):
    W_raw = W * np.where(std > 0, std, 1)
    return W_raw, b - W_raw @ mean


@absorb.wrong("The mean was subtracted from the inputs, so it lowers the bias by W_raw @ mean.")
def _(W, b, mean, std):
    W_raw = W / np.where(std > 0, std, 1)
    return W_raw, b + W_raw @ mean


@absorb.wrong("An input that never changed has std 0: divide by 1 there.")
def _(W, b, mean, std):
    return W / std, b - (W / std) @ mean


@absorb.wrong("The mean is still to be subtracted: the new layer gets raw inputs.")
def _(W, b, mean, std):
    return W / np.where(std > 0, std, 1), b


quadratic = Exercise(
    "02-mlp/networks-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "For one class k the double sum is x·(M_k x). For a batch: one row of `X @ M[k]` for each sample.",
        "Multiply those rows entry by entry with the rows of X and sum over the features: that is z_nk, and "
        "not the (N, N) table of all pairs of samples.",
        "All classes at once: `np.einsum('ni,kij,nj->nk', X, M, X)`, or `X @ M` of shape (K, N, D), times X, "
        "summed over the last axis, transposed.",
    ],
    explanation="""
        X @ M broadcasts the matrix product over the classes, (N, D) @ (K, D, D) -> (K, N, D). Its product
        with X, summed over features, pairs each sample with itself alone. einsum says the same in the
        letters of the formula. Looking for `X @ M[k] @ X.T` one gets N² numbers, of which the diagonal is
        wanted.""",
)


@quadratic.reference
def quadratic_layer(X, M, W, b):
    curved = ((X @ M) * X).sum(axis=2).T  # (N, D) @ (K, D, D) -> (K, N, D), then (K, N), then (N, K)
    return curved + X @ W.T + b


def _quadratic(rng, n, d, k):
    M, W = rng.normal(size=(k, d, d)).round(1), rng.normal(size=(k, d)).round(1)
    return rng.normal(size=(n, d)).round(1), M, W, rng.normal(size=k).round(1)


@quadratic.case("a batch, several features and units")
def _(rng):
    return _quadratic(rng, 4, 3, 2)


@quadratic.case("N, D and K are the same, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return _quadratic(rng, 3, 3, 3)


@quadratic.case("one sample, one feature", seeds=1)
def _(rng):
    return _quadratic(rng, 1, 1, 4)


@quadratic.case("M with M^T = -M adds nothing: the pairs (i, j) and (j, i) cancel", seeds=1)
def _(rng):
    X, M, W, b = _quadratic(rng, 2, 3, 2)
    return X, M - M.transpose(0, 2, 1), W, b


@quadratic.wrong("Only the squares x_i² are here; the products of different features are missing.")
def _(X, M, W, b):
    return X**2 @ np.diagonal(M, axis1=1, axis2=2).T + X @ W.T + b


@quadratic.wrong("The linear part, Σ_i W[k, i] x_i, is missing.")
def _(X, M, W, b):
    return quadratic_layer(X, M, 0 * W, b)


@quadratic.wrong("The double sum has two factors x: M_k x was summed without the second one.")
def _(X, M, W, b):
    return (X @ M).sum(axis=2).T + X @ W.T + b


@quadratic.wrong("The sum ran over pairs of samples as well: each sample meets itself alone.")
def _(X, M, W, b):
    return np.einsum("ni,kij,mj->nk", X, M, X) + X @ W.T + b


@quadratic.wrong("Rows are samples: this is the transposed result.")
def _(X, M, W, b):
    return quadratic_layer(X, M, W, b).T


flops = Exercise(
    "02-mlp/networks-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The three products of a layer, A @ W.T, dZ.T @ A and dZ @ W, have N, in and out in another order each "
        "time: all cost 2 N in out.",
        "Biases: N out additions forward, N out backward for the sum over the samples.",
        "The data have no use for a gradient: leave dZ @ W out for the first layer.",
        "Loop over `enumerate(itertools.pairwise(sizes))`, which gives (in, out) for each layer.",
    ],
    explanation="""
        With P weights a forward pass costs about 2 N P operations and a backward pass about 4 N P, less what
        the first layer saves. The sum, six operations for each sample and weight, is how the cost of
        training is estimated in advance, for language models too (J. Kaplan and others, 2020).""",
)


@flops.reference
def count_flops(sizes, N):
    forward = backward = 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        product, bias = 2 * N * n_in * n_out, N * n_out
        forward += product + bias
        backward += product + bias + (product if layer > 0 else 0)
    return {"forward": forward, "backward": backward}


@flops.case("two layers and more")
def _(rng):
    return rng.integers(2, 30, size=int(rng.integers(3, 6))).tolist(), int(rng.integers(2, 9))


@flops.case("one layer: backwards there is nothing to hand on", seeds=1)
def _(rng):
    return [4, 3], 5


@flops.case("a single sample", seeds=1)
def _(rng):
    return [2, 3, 1], 1


@flops.case("no layer, no cost", seeds=1)
def _(rng):
    return [7], 10


def _total(sizes, N, first=True, factor=2, biases=1, backward_products=2):
    forward = backward = 0
    for layer, (n_in, n_out) in enumerate(pairwise(sizes)):
        product, bias = factor * N * n_in * n_out, biases * N * n_out
        skipped = product if layer == 0 and not first else 0
        forward += product + bias
        backward += backward_products * product - skipped + bias
    return {"forward": forward, "backward": backward}


@flops.wrong("The gradient with respect to the data is not needed: the first layer hands nothing on.")
def _(sizes, N):
    return _total(sizes, N)


@flops.wrong("A product of matrices has as many additions as multiplications: count 2 for each pair.")
def _(sizes, N):
    return _total(sizes, N, first=False, factor=1)


@flops.wrong("The biases are missing: N out additions forward, N out backward.")
def _(sizes, N):
    return _total(sizes, N, first=False, biases=0)


@flops.wrong("Backward costs more than forward: a layer has two gradients, of its weights and of its input.")
def _(sizes, N):
    return _total(sizes, N, backward_products=1)


@flops.wrong("This is the cost of one sample: every one of the N samples costs as much.")
def _(sizes, N):
    return count_flops(sizes, 1)


repaired = Exercise(
    "02-mlp/networks-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Print the shape of `error`. (N, 1) minus (N,) is (N, N): every prediction minus every target.",
        "Give both one shape before you subtract: `y.reshape(-1, 1)` turns (N,) and (N, 1) into (N, 1).",
        "A single target also broadcasts against N predictions. Compare the shapes and raise ValueError.",
    ],
    explanation="""
        Broadcasting makes an (N, N) table of an (N, 1) column and an (N,) row. Its mean over the targets is
        the prediction minus the *mean* target, so the gradient is that of a network that is asked for the
        mean. No error, no warning, a loss that falls and then stops falling. A reshape cures it, and a check
        of the shapes keeps the next such mistake from being silent.""",
)


@repaired.reference
def mse_gradient(W, b, X, y):
    y_hat = X @ W.T + b  # (N, 1)
    y = y.reshape(-1, 1)
    if y.shape != y_hat.shape:
        raise ValueError(f"{len(y)} targets for {len(y_hat)} predictions")
    error = y_hat - y  # (N, 1)
    dZ = 2 * error / len(X)
    return (error**2).mean(), dZ.T @ X, dZ.sum(axis=0)


@repaired.driver
def called(answer, W, b, X, y):
    try:
        return answer(W, b, X, y)
    except ValueError as error:
        if "broadcast" in str(error) or "matmul" in str(error):  # NumPy's own, of a mistake further down
            raise
        return "ValueError"


def _regression(rng, n, d):
    return rng.normal(size=(1, d)).round(1), rng.normal(size=1).round(1), rng.normal(size=(n, d)).round(1)


@repaired.case("targets of shape (N,)")
def _(rng):
    return *_regression(rng, 4, 2), rng.normal(size=4).round(1)


@repaired.case("targets of shape (N, 1)", seeds=2)
def _(rng):
    return *_regression(rng, 3, 2), rng.normal(size=(3, 1)).round(1)


@repaired.case("one sample", seeds=1)
def _(rng):
    return *_regression(rng, 1, 3), np.array([2.0])


@repaired.case("one target for four samples raises ValueError", seeds=1)
def _(rng):
    return *_regression(rng, 4, 2), np.array([2.0])


@repaired.wrong("The fault is still there: (N, 1) minus (N,) is (N, N), every prediction minus every target.")
def _(W, b, X, y):
    error = X @ W.T + b - y
    dZ = 2 * error.mean(axis=1) / len(X)
    return (error**2).mean(), dZ[None] @ X, dZ.sum(keepdims=True)


@repaired.wrong("Right for (N,) and wrong again for (N, 1): `y[:, None]` makes (N, 1, 1) of that.")
def _(W, b, X, y):
    error = X @ W.T + b - y[:, None]
    dZ = 2 * error.mean(axis=-1) / len(X)
    return (error**2).mean(), dZ.T @ X, dZ.sum(axis=0)


@repaired.wrong("One target against four predictions went through: compare the shapes, raise ValueError.")
def _(W, b, X, y):
    error = X @ W.T + b - y.reshape(-1, 1)
    dZ = 2 * error / len(X)
    return (error**2).mean(), dZ.T @ X, dZ.sum(axis=0)


@repaired.wrong("The slope of the square has a factor 2.")
def _(W, b, X, y):
    loss, dW, db = mse_gradient(W, b, X, y)
    return loss, dW / 2, db / 2


@repaired.wrong("A gradient has the shape of what it belongs to: dW is (1, D) and db (1,).")
def _(W, b, X, y):
    loss, dW, db = mse_gradient(W, b, X, y)
    return loss, dW[0], db[0]
