"""Exercises of 02-mlp/regularization/01-overfitting-and-weight-penalties.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/regularization/01-overfitting-and-weight-penalties.ipynb"


with_bias = Exercise(
    "02-mlp/overfitting-and-weight-penalties-1",
    notebook=NOTEBOOK,
    items=["L2 regularization"],
    hints=[
        "The slope with respect to b is the mean of the errors: at the solution it is 0. What does that say of b?",
        "b = mean(y) - mean(X) . w. Put it in: the same problem remains for X and y with their means taken off.",
        "Solve (Xc.T @ Xc / N + lam I) w = Xc.T @ yc / N with the centred Xc and yc, then compute b.",
    ],
    explanation="""
        At the minimum the errors sum to 0, so b = mean(y) - mean(X) . w. What remains is ridge without a bias on
        centred data. A penalty on b would pull all answers to 0: move y by 100, and b must follow.""",
)


@with_bias.reference
def ridge_with_bias(X, y, lam):
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    w = np.linalg.solve(Xc.T @ Xc / len(X) + lam * np.eye(X.shape[1]), Xc.T @ yc / len(X))
    return w, y.mean() - X.mean(axis=0) @ w


@with_bias.case("features and targets far from 0")
def _(rng):
    return rng.normal(2, 1, size=(8, 3)).round(2), rng.normal(10, 1, size=8).round(2), 0.3


@with_bias.case("more features than samples, which a penalty allows")
def _(rng):
    return rng.normal(size=(3, 5)).round(2), rng.normal(size=3).round(2), 0.1


@with_bias.case("a penalty so strong that only the bias is left")
def _(rng):
    return rng.normal(size=(6, 2)).round(2), rng.normal(5, 1, size=6).round(2), 1e9


def _penalized_bias(X, y, lam):
    X1 = np.column_stack([X, np.ones(len(X))])
    solution = np.linalg.solve(X1.T @ X1 / len(X) + lam * np.eye(X1.shape[1]), X1.T @ y / len(X))
    return solution[:-1], solution[-1]


with_bias.wrong("The bias is penalized here like a weight: it must be free.")(_penalized_bias)


@with_bias.wrong("The 1/N of the loss is missing: without it the same lam is a weaker penalty.")
def _(X, y, lam):
    Xc, yc = X - X.mean(axis=0), y - y.mean()
    w = np.linalg.solve(Xc.T @ Xc + lam * np.eye(X.shape[1]), Xc.T @ yc)
    return w, y.mean() - X.mean(axis=0) @ w


@with_bias.wrong("The bias is not the mean of y: the mean of X times w must be taken off.")
def _(X, y, lam):
    return ridge_with_bias(X, y, lam)[0], y.mean()


pieces = Exercise(
    "02-mlp/overfitting-and-weight-penalties-2",
    notebook=NOTEBOOK,
    items=["Bias, variance and overfitting"],
    hints=[
        "Average over the learners first: one answer for each point, (M,).",
        "The bias of a point is the distance of that average to f; square it before you average over the points.",
        "The variance of a point is the mean squared distance of the learners to their own average, divided by R.",
    ],
    explanation="""
        m = Y_hat.mean(axis=0) is the average learner. Bias² is its squared distance to f, variance the spread of the
        learners around it; both are averaged over the points. Their sum is the mean of (f - Y_hat)², exactly.""",
)


@pieces.reference
def bias_and_variance(Y_hat, f):
    m = Y_hat.mean(axis=0)
    return np.mean((m - f) ** 2), np.mean((Y_hat - m) ** 2)


@pieces.case("several learners at several points")
def _(rng):
    return rng.normal(size=(5, 4)).round(2), rng.normal(size=4).round(2)


@pieces.case("learners that agree and are wrong: no variance")
def _(rng):
    return np.tile(rng.normal(size=3).round(2), (4, 1)), rng.normal(size=3).round(2)


@pieces.case("a bias that has another sign at each point")
def _(rng):
    f = rng.normal(size=4).round(2)
    return f + np.array([1, -1, 1, -1]) + rng.normal(0, 0.1, (6, 4)).round(2), f


@pieces.wrong("Square before you average over the points: biases of opposite sign must not cancel.")
def _(Y_hat, f):
    m = Y_hat.mean(axis=0)
    return np.mean(m - f) ** 2, np.mean((Y_hat - m) ** 2)


@pieces.wrong("This is the whole error, (Y_hat - f)²: the bias is that of the average answer.")
def _(Y_hat, f):
    return np.mean((Y_hat - f) ** 2), np.mean((Y_hat - Y_hat.mean(axis=0)) ** 2)


@pieces.wrong("The average must go over the learners (axis 0), not over the points.")
def _(Y_hat, f):
    m = Y_hat.mean(axis=1, keepdims=True)
    return np.mean((m - f) ** 2), np.mean((Y_hat - m) ** 2)


@pieces.wrong("Divide by R, not R - 1: then bias² and variance add up to the error exactly.")
def _(Y_hat, f):
    return np.mean((Y_hat.mean(axis=0) - f) ** 2), Y_hat.var(axis=0, ddof=1).mean()


elastic = Exercise(
    "02-mlp/overfitting-and-weight-penalties-3",
    notebook=NOTEBOOK,
    items=["L2 regularization", "L1 regularization and sparsity"],
    hints=[
        "The squared loss and the L2 penalty are smooth: both belong into the gradient.",
        "After that step comes the soft threshold, for the L1 penalty alone.",
        "The threshold is lr * l1: the step size scales the price, too.",
    ],
    explanation="""
        Smooth parts by gradient, the kink exactly: a = w - lr (X.T @ (X @ w - y) / N + l2 w), then every entry of a
        is moved lr * l1 towards 0 and stops there.""",
)


@elastic.reference
def elastic_step(w, X, y, l1, l2, lr):
    a = w - lr * (X.T @ (X @ w - y) / len(X) + l2 * w)
    return np.sign(a) * np.maximum(np.abs(a) - lr * l1, 0)


@elastic.case("both penalties")
def _(rng):
    return (
        rng.normal(size=4).round(2),
        rng.normal(size=(6, 4)).round(2),
        rng.normal(size=6).round(2),
        0.3,
        0.5,
        0.4,
    )


@elastic.case("no L1: a step with weight decay")
def _(rng):
    return (
        rng.normal(size=3).round(2),
        rng.normal(size=(5, 3)).round(2),
        rng.normal(size=5).round(2),
        0.0,
        0.5,
        0.2,
    )


@elastic.case("a price on L1 that sends every weight to exactly 0")
def _(rng):
    return (
        rng.normal(size=3).round(2),
        rng.normal(size=(5, 3)).round(2),
        rng.normal(size=5).round(2),
        1e3,
        0.1,
        0.2,
    )


def _wrong_step(threshold=lambda l1, lr: lr * l1, n=len, decay=1.0, clip=True):
    def answer(w, X, y, l1, l2, lr):
        a = w - lr * (X.T @ (X @ w - y) / n(X) + decay * l2 * w)
        shrunk = np.abs(a) - threshold(l1, lr)
        return np.sign(a) * (np.maximum(shrunk, 0) if clip else shrunk)

    return answer


elastic.wrong("The threshold must be scaled with the step: lr * l1, not l1.")(
    _wrong_step(threshold=lambda l1, lr: l1)
)
elastic.wrong("A weight that would pass 0 must stop there: clip |a| - lr l1 at 0.")(_wrong_step(clip=False))
elastic.wrong("The loss is a mean: divide the gradient by the number of samples.")(_wrong_step(n=lambda X: 1))
elastic.wrong("The gradient of (l2 / 2) |w|² is l2 w, without a factor of 2.")(_wrong_step(decay=2.0))


@elastic.wrong(
    "This follows the slope of |w|, which never arrives at 0: use the soft threshold after the step."
)
def _(w, X, y, l1, l2, lr):
    return w - lr * (X.T @ (X @ w - y) / len(X) + l2 * w + l1 * np.sign(w))


effective = Exercise(
    "02-mlp/overfitting-and-weight-penalties-4",
    notebook=NOTEBOOK,
    items=["L2 regularization"],
    hints=[
        "`np.linalg.eigvalsh` gives the eigenvalues of the symmetric matrix X.T @ X / N.",
        "With more features than samples some eigenvalues are 0: 0 / 0 must not appear when lam is 0.",
        "Singular values of X help: h = s² / N. Leave out those below a tiny share of the largest.",
    ],
    explanation="""
        Each direction keeps the share h / (h + lam) of its weight. Without a penalty every direction that the data
        see counts 1, so the sum is the rank of X; directions with h = 0 never count.""",
)


@effective.reference
def effective_parameters(X, lam):
    h = np.linalg.svd(X, compute_uv=False) ** 2 / len(X)
    h = h[h > 1e-12 * h.max()]
    return np.sum(h / (h + lam))


@effective.case("more samples than features")
def _(rng):
    return rng.normal(size=(9, 4)).round(2), 0.5


@effective.case("no penalty: the rank of X, also with more features than samples")
def _(rng):
    return rng.normal(size=(3, 6)).round(2), 0.0


@effective.case("no penalty, and a feature that repeats another")
def _(rng):
    X = rng.normal(size=(7, 2)).round(2)
    return np.column_stack([X, X[:, 0]]), 0.0


@effective.wrong("These are the eigenvalues of X.T @ X: divide by N.")
def _(X, lam):
    h = np.linalg.svd(X, compute_uv=False) ** 2
    h = h[h > 1e-12 * h.max()]
    return np.sum(h / (h + lam))


@effective.wrong("Square the singular values: the eigenvalues of X.T @ X are their squares.")
def _(X, lam):
    s = np.linalg.svd(X, compute_uv=False)
    s = s[s > 1e-6 * s.max()]
    return np.sum(s / (s + lam))


@effective.wrong("Without a penalty this counts all columns: directions that no sample has must not count.")
def _(X, lam):
    h = np.maximum(np.linalg.eigvalsh(X.T @ X / len(X)), 0)
    return float(X.shape[1]) if lam == 0 else np.sum(h / (h + lam))
