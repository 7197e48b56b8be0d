"""Exercises 5 to 7: gradients through blocks."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/exercises/02-architecture-exercises.ipynb"
ITEMS = ["Gradients through blocks"]


residual = Exercise(
    "03-cnn/blocks-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "X is used twice: on the skip, whose gradient is dY itself, and in the branch. Add both.",
        "dH = dY @ W2; through ReLU dZ = dH * (Z > 0); dX = dY + dZ @ W1.",
        "dW2 = dY.T @ H and dW1 = dZ.T @ X. Keep Z or H from the forward pass.",
    ],
    explanation="""
        The skip passes dY on as it is; the branch adds its share. However small W1 and W2 are, the identity
        is left, which is why forty such blocks in a row still have a gradient at their beginning.""",
)


@residual.reference
def residual_gradients(X, W1, W2, dY):
    Z = X @ W1.T  # (N, D) @ (D, H)
    H = np.maximum(Z, 0)
    dZ = (dY @ W2) * (Z > 0)  # (N, D) @ (D, H)
    return dY + dZ @ W1, dZ.T @ X, dY.T @ H


def _block(rng, N, D, H):
    shapes = (N, D), (H, D), (D, H), (N, D)
    return tuple(rng.normal(size=shape).round(1) for shape in shapes)


@residual.case("a batch, a wide branch")
def _(rng):
    return _block(rng, 4, 2, 5)


@residual.case("N, D and H are the same, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return _block(rng, 3, 3, 3)


@residual.case("a branch that is closed: W2 is 0", seeds=2)
def _(rng):
    X, W1, W2, dY = _block(rng, 2, 3, 2)
    return X, W1, 0 * W2, dY


@residual.wrong("This is the branch's share of dX: the skip adds dY.")
def _(X, W1, W2, dY):
    dX, dW1, dW2 = residual_gradients(X, W1, W2, dY)
    return dX - dY, dW1, dW2


@residual.wrong("ReLU lets the gradient pass only where Z is positive.")
def _(X, W1, W2, dY):
    dZ = dY @ W2
    return dY + dZ @ W1, dZ.T @ X, dY.T @ np.maximum(X @ W1.T, 0)


@residual.wrong("dW2 meets what W2 saw, which is H after the ReLU.")
def _(X, W1, W2, dY):
    dX, dW1, _ = residual_gradients(X, W1, W2, dY)
    return dX, dW1, dY.T @ (X @ W1.T)


highway = Exercise(
    "03-cnn/blocks-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "y = t h + (1 - t) x. By h: t; by t: h - x; by x on the carried path: 1 - t.",
        "Through tanh: da = dy t (1 - h^2). Through the sigmoid: db = dy (h - x) t (1 - t).",
        "dX = dY * (1 - T) + dA @ Wh + dB @ Wt, where A and B are the two pre-activations.",
    ],
    explanation="""
        X reaches Y by three ways: carried with weight 1 - T, through the candidate H, and through the gate T
        itself. A residual block is the case in which the gate is gone and both paths are open.""",
)


@highway.reference
def highway_gradients(X, Wh, Wt, bt, dY):
    H, T = np.tanh(X @ Wh.T), 1 / (1 + np.exp(-(X @ Wt.T + bt)))
    dA = dY * T * (1 - H**2)
    dB = dY * (H - X) * T * (1 - T)
    return dY * (1 - T) + dA @ Wh + dB @ Wt, dA.T @ X, dB.T @ X, dB.sum(axis=0)


def _highway(rng, N, D, bias):
    X, Wh, Wt, dY = (rng.normal(size=shape).round(1) for shape in ((N, D), (D, D), (D, D), (N, D)))
    return X, Wh, Wt, (bias + rng.normal(size=D)).round(1), dY


@highway.case("gates half open")
def _(rng):
    return _highway(rng, 4, 3, 0.0)


@highway.case("gates nearly closed, as at the beginning of training", seeds=2)
def _(rng):
    return _highway(rng, 2, 3, -4.0)


@highway.case("as many samples as features", seeds=2)
def _(rng):
    return _highway(rng, 3, 3, 1.0)


@highway.wrong("X is carried past the layer as well: dY * (1 - T) is missing.")
def _(X, Wh, Wt, bt, dY):
    dX, *others = highway_gradients(X, Wh, Wt, bt, dY)
    T = 1 / (1 + np.exp(-(X @ Wt.T + bt)))
    return dX - dY * (1 - T), *others


@highway.wrong("The gate depends on X, too: its share dB @ Wt is missing.")
def _(X, Wh, Wt, bt, dY):
    dX, dWh, dWt, dbt = highway_gradients(X, Wh, Wt, bt, dY)
    H, T = np.tanh(X @ Wh.T), 1 / (1 + np.exp(-(X @ Wt.T + bt)))
    return dX - (dY * (H - X) * T * (1 - T)) @ Wt, dWh, dWt, dbt


@highway.wrong("The gate opens one path and closes the other: its gradient meets H - X, not H.")
def _(X, Wh, Wt, bt, dY):
    H, T = np.tanh(X @ Wh.T), 1 / (1 + np.exp(-(X @ Wt.T + bt)))
    dA, dB = dY * T * (1 - H**2), dY * H * T * (1 - T)
    return dY * (1 - T) + dA @ Wh + dB @ Wt, dA.T @ X, dB.T @ X, dB.sum(axis=0)


@highway.wrong("The candidate passes tanh: its gradient is multiplied by 1 - H^2.")
def _(X, Wh, Wt, bt, dY):
    H, T = np.tanh(X @ Wh.T), 1 / (1 + np.exp(-(X @ Wt.T + bt)))
    dA, dB = dY * T, dY * (H - X) * T * (1 - T)
    return dY * (1 - T) + dA @ Wh + dB @ Wt, dA.T @ X, dB.T @ X, dB.sum(axis=0)


distil = Exercise(
    "03-cnn/blocks-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "q = softmax(teacher / T) is a constant. Cross-entropy with targets q has the gradient softmax -"
        " q by its scores.",
        "The scores of that softmax are student / T: the chain rule brings 1 / T, and the loss a factor "
        "T^2. T is left.",
        "dZ = (weight * T * (p_T - q) + (1 - weight) * (p - onehot)) / N, with p_T at temperature T and "
        "p at 1.",
    ],
    explanation="""
        Dividing scores by T shrinks the gradient by T once through the chain rule and about once more because
        p_T and q come closer together. The factor T^2 in front makes up for both, so that the weight keeps
        its meaning when T changes.""",
)


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def _distil(student, teacher, y, T, weight, factor=2, chain=1, mean=True):
    N, rows = len(y), np.arange(len(y))
    q, p_T, p = _softmax(teacher / T), _softmax(student / T), _softmax(student)
    soft, hard = -(q * np.log(p_T)).sum(axis=1), -np.log(p[rows, y])
    dZ = weight * T ** (factor - chain) * (p_T - q) + (1 - weight) * (p - np.eye(p.shape[1])[y])
    loss = weight * T**2 * soft + (1 - weight) * hard
    return loss.mean(), dZ / (N if mean else 1)


@distil.reference
def distillation(student, teacher, y, T, weight):
    N, rows = len(y), np.arange(len(y))
    q, p_T, p = (_softmax(scores) for scores in (teacher / T, student / T, student))
    soft, hard = -(q * np.log(p_T)).sum(axis=1), -np.log(p[rows, y])
    onehot = np.eye(student.shape[1])[y]
    dZ = (weight * T * (p_T - q) + (1 - weight) * (p - onehot)) / N
    return (weight * T**2 * soft + (1 - weight) * hard).mean(), dZ


def _scores(rng, N, K):
    return rng.normal(0, 2, (N, K)).round(1), rng.normal(0, 3, (N, K)).round(1), rng.integers(0, K, N)


@distil.case("soft and hard targets mixed, T = 4")
def _(rng):
    return *_scores(rng, 5, 3), 4.0, 0.7


@distil.case("T = 1, as many samples as classes", seeds=2)
def _(rng):
    return *_scores(rng, 4, 4), 1.0, 0.5


@distil.case("the teacher alone", seeds=2)
def _(rng):
    return *_scores(rng, 3, 5), 3.0, 1.0


@distil.wrong("The scores are divided by T, so the chain rule divides the gradient by T once.")
def _(student, teacher, y, T, weight):
    return _distil(student, teacher, y, T, weight, chain=0)


@distil.wrong("The loss carries a factor T^2 in front of its soft part, and so does the gradient.")
def _(student, teacher, y, T, weight):
    return _distil(student, teacher, y, T, weight, factor=0)


@distil.wrong("The loss is a mean over the samples: divide the gradient by N.")
def _(student, teacher, y, T, weight):
    return _distil(student, teacher, y, T, weight, mean=False)
