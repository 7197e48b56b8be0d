"""Exercises 9 to 11: gradients by hand."""

import itertools

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/01-mlp-exercises.ipynb"
ITEMS = ["Gradients by hand"]


autoencoder = Exercise(
    "02-mlp/networks-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Give the two uses of W different names, V in the encoder and U in the decoder. Differentiate, then add.",
        "From the end: dX_hat = (X_hat - X) / N. X_hat = H @ U + c gives dU = H.T @ dX_hat and "
        "dH = dX_hat @ U.T.",
        "Through tanh: dZ = dH * (1 - H**2). Z = X @ V.T + b gives dV = dZ.T @ X. Both are (H, D): dW = dU + dV.",
    ],
    explanation="""
        A number that is used twice gets a gradient from each use, and they add up. The decoder uses W as
        (H, D) without a transpose, so its share is H^T dX_hat; the encoder's is dZ^T X. The target is X too, but
        X is data, so nothing flows into it.""",
)


@autoencoder.reference
def tied_autoencoder(W, b, c, X):
    H = np.tanh(X @ W.T + b)  # (N, D) @ (D, H) -> (N, H)
    error = H @ W + c - X  # (N, H) @ (H, D) -> (N, D)
    dX_hat = error / len(X)
    dZ = (dX_hat @ W.T) * (1 - H**2)
    dW = H.T @ dX_hat + dZ.T @ X  # as decoder, and as encoder
    return 0.5 * (error**2).sum() / len(X), dW, dZ.sum(axis=0), dX_hat.sum(axis=0)


def _tied(rng, n, d, h):
    W, b, c = rng.normal(size=(h, d)), rng.normal(size=h), rng.normal(size=d)
    return W.round(1), b.round(1), c.round(1), rng.normal(size=(n, d)).round(1)


@autoencoder.case("a batch, fewer units than features")
def _(rng):
    return _tied(rng, 4, 3, 2)


@autoencoder.case("N, D and H are the same, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return _tied(rng, 3, 3, 3)


@autoencoder.case("one sample, more units than features", seeds=2)
def _(rng):
    return _tied(rng, 1, 2, 4)


@autoencoder.wrong("This is the encoder's share of dW. The decoder uses W, too: add what it sends.")
def _(W, b, c, X):
    loss, dW, db, dc = tied_autoencoder(W, b, c, X)
    H = np.tanh(X @ W.T + b)
    return loss, dW - H.T @ (H @ W + c - X) / len(X), db, dc


@autoencoder.wrong("This is the decoder's share of dW. The encoder uses W, too: add what it sends.")
def _(W, b, c, X):
    loss, _, db, dc = tied_autoencoder(W, b, c, X)
    H = np.tanh(X @ W.T + b)
    return loss, H.T @ (H @ W + c - X) / len(X), db, dc


@autoencoder.wrong("Two uses, two gradients: they are added, not averaged.")
def _(W, b, c, X):
    loss, dW, db, dc = tied_autoencoder(W, b, c, X)
    return loss, dW / 2, db, dc


@autoencoder.wrong("The slope of tanh, 1 - H**2, is missing on the way to the encoder.")
def _(W, b, c, X):
    loss, _, _, dc = tied_autoencoder(W, b, c, X)
    H = np.tanh(X @ W.T + b)
    dX_hat = (H @ W + c - X) / len(X)
    dH = dX_hat @ W.T
    return loss, H.T @ dX_hat + dH.T @ X, dH.sum(axis=0), dc


@autoencoder.wrong("The loss is a mean over the samples: the gradients are divided by N.")
def _(W, b, c, X):
    loss, *gradients = tied_autoencoder(W, b, c, X)
    return loss, *(len(X) * gradient for gradient in gradients)


maxout = Exercise(
    "02-mlp/networks-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Z of shape (N, H, k) is `np.einsum('nd,hkd->nhk', X, W) + b`; A is its maximum over the last axis.",
        "Only the winner has a slope, and it is 1: dZ is dA at the winner and 0 elsewhere. "
        "`np.arange(k) == Z.argmax(axis=2)[..., None]` marks the winners, the first one on a tie.",
        "From dZ on it is an affine layer with H·k units: dX sums over h and k, dW and db over n.",
    ],
    explanation="""
        A maximum hands its gradient to whoever won and nothing to the others, like a ReLU, which is the maximum
        of z and 0. argmax names the first of several winners, so a tie is settled once and not paid twice. The
        rest are the three products of an affine layer, with two letters for its units instead of one.
        (I. Goodfellow and others, 2013.)""",
)


@maxout.reference
def maxout_both(X, W, b, dA):
    Z = np.einsum("nd,hkd->nhk", X, W) + b
    winner = np.arange(Z.shape[2]) == Z.argmax(axis=2)[..., None]  # (N, H, k)
    dZ = dA[..., None] * winner
    dX = np.einsum("nhk,hkd->nd", dZ, W)
    dW = np.einsum("nhk,nd->hkd", dZ, X)
    return Z.max(axis=2), dX, dW, dZ.sum(axis=0)


def _pieces(rng, n, d, h, k):
    X, W, b = rng.normal(size=(n, d)), rng.normal(size=(h, k, d)), rng.normal(size=(h, k))
    return X.round(1), W.round(1), b.round(1), rng.normal(size=(n, h)).round(1)


@maxout.case("several samples, units and pieces")
def _(rng):
    return _pieces(rng, 4, 3, 2, 3)


@maxout.case("all sizes the same, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return _pieces(rng, 3, 3, 3, 3)


@maxout.case("one piece: a plain affine layer", seeds=1)
def _(rng):
    return _pieces(rng, 2, 2, 3, 1)


@maxout.case("two equal pieces: the first one gets all of the gradient", seeds=2)
def _(rng):
    X, W, b, dA = _pieces(rng, 3, 2, 2, 1)
    return X, np.repeat(W, 2, axis=1), np.repeat(b, 2, axis=1), dA


@maxout.wrong("Every piece got the gradient: only the one that won has a say in A.")
def _(X, W, b, dA):
    dZ = np.repeat(dA[..., None], W.shape[1], axis=2)
    A = maxout_both(X, W, b, dA)[0]
    return A, np.einsum("nhk,hkd->nd", dZ, W), np.einsum("nhk,nd->hkd", dZ, X), dZ.sum(axis=0)


@maxout.wrong("On a tie all winners were paid: the first one gets everything.")
def _(X, W, b, dA):
    Z = np.einsum("nd,hkd->nhk", X, W) + b
    dZ = dA[..., None] * (Z.max(axis=2, keepdims=True) == Z)
    dX, dW = np.einsum("nhk,hkd->nd", dZ, W), np.einsum("nhk,nd->hkd", dZ, X)
    return Z.max(axis=2), dX, dW, dZ.sum(axis=0)


@maxout.wrong("The maximum runs over the pieces of a unit; here it ran over the units.")
def _(X, W, b, dA):
    Z = np.einsum("nd,hkd->nhk", X, W) + b
    winner = np.arange(Z.shape[1])[:, None] == Z.argmax(axis=1)[:, None]
    dZ = dA[..., None] * winner
    dX, dW = np.einsum("nhk,hkd->nd", dZ, W), np.einsum("nhk,nd->hkd", dZ, X)
    return Z.max(axis=1), dX, dW, dZ.sum(axis=0)


@maxout.wrong("dA is a gradient already, means included: do not divide by N again.")
def _(X, W, b, dA):
    A, dX, dW, db = maxout_both(X, W, b, dA)
    return A, dX, dW / len(X), db / len(X)


@maxout.wrong("The winners are right, but what flows back is dA, not A.")
def _(X, W, b, dA):
    A = maxout_both(X, W, b, dA)[0]
    return maxout_both(X, W, b, A)


forward_mode = Exercise(
    "02-mlp/networks-11",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Beside each activation A carry its rate of change dA. At the start they are X and V.",
        "An affine layer: the rate of A @ W.T + b is dA @ W.T. The bias does not change.",
        "tanh: the rate is multiplied by its slope, 1 - A**2, with the new A. The last layer has no tanh.",
    ],
    explanation="""
        Each step sends the rate of change through its own derivative: J v is built from the right, a vector at
        a time, and no Jacobian is ever formed. It costs as much as two forward passes, keeps nothing in memory,
        and gives one direction v. Backpropagation builds from the left and gives one output: cheap for a
        loss, which has one output and many inputs, just as this is cheap where inputs are few. (R. Wengert,
        1964.)""",
)


@forward_mode.reference
def forward_with_rate(layers, X, V):
    A, dA = X, V
    for number, (W, b) in enumerate(layers, start=1):
        A, dA = A @ W.T + b, dA @ W.T
        if number < len(layers):
            A = np.tanh(A)
            dA = dA * (1 - A**2)
    return A, dA


def _network(rng, sizes):
    return [
        (rng.normal(size=(n_out, n_in)).round(1), rng.normal(size=n_out).round(1))
        for n_in, n_out in itertools.pairwise(sizes)
    ]


def _moving(rng, n, sizes):
    directions = rng.normal(size=(n, sizes[0])).round(1)
    return _network(rng, sizes), rng.normal(size=(n, sizes[0])).round(1), directions


@forward_mode.case("three layers, each sample with its own direction")
def _(rng):
    return _moving(rng, 3, [2, 4, 3, 2])


@forward_mode.case("one layer: no tanh at all", seeds=2)
def _(rng):
    return _moving(rng, 2, [3, 2])


@forward_mode.case("a direction of zeros changes nothing", seeds=1)
def _(rng):
    layers, X, V = _moving(rng, 2, [2, 3, 2])
    return layers, X, 0 * V


@forward_mode.case("all sizes the same, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return _moving(rng, 3, [3, 3, 3])


@forward_mode.wrong("A bias does not change when the input does: it has no place in the rate.")
def _(layers, X, V):
    A, dA = X, V
    for number, (W, b) in enumerate(layers, start=1):
        A, dA = A @ W.T + b, dA @ W.T + b
        if number < len(layers):
            A = np.tanh(A)
            dA = dA * (1 - A**2)
    return A, dA


@forward_mode.wrong("The rate went through tanh itself: it is multiplied by the slope of tanh.")
def _(layers, X, V):
    A, dA = X, V
    for number, (W, b) in enumerate(layers, start=1):
        A, dA = A @ W.T + b, dA @ W.T
        if number < len(layers):
            A, dA = np.tanh(A), np.tanh(dA)
    return A, dA


@forward_mode.wrong("The last layer has no tanh, so the rate has no slope of tanh there.")
def _(layers, X, V):
    A, dA = forward_with_rate(layers, X, V)
    return A, dA * (1 - np.tanh(A) ** 2)


@forward_mode.wrong(
    "The slope of tanh, in terms of its value, is 1 - A²: here the pre-activation was squared."
)
def _(layers, X, V):
    A, dA = X, V
    for number, (W, b) in enumerate(layers, start=1):
        Z, dA = A @ W.T + b, dA @ W.T
        A = np.tanh(Z) if number < len(layers) else Z
        dA = dA * (1 - Z**2) if number < len(layers) else dA
    return A, dA


@forward_mode.wrong("This is where the network goes when the input becomes V: a derivative is taken at X.")
def _(layers, X, V):
    return forward_with_rate(layers, X, V)[0], forward_with_rate(layers, V, V)[0]
