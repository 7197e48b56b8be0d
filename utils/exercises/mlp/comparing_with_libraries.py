"""Exercises of 02-mlp/backpropagation/06-comparing-with-libraries.ipynb."""

from itertools import pairwise

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/backpropagation/06-comparing-with-libraries.ipynb"


penalty = Exercise(
    "02-mlp/comparing-with-libraries-1",
    notebook=NOTEBOOK,
    items=["scikit-learn"],
    hints=[
        "scikit-learn: |w|^2 / 2 + C * (sum of losses). Divide it by C * n to get a mean of losses.",
        "Then the penalty is |w|^2 / (2 C n). It must be lam * |w|^2.",
    ],
    explanation="""
        Minimizing a function or a multiple of it is the same. Divided by C n, scikit-learn's is the mean loss plus
        |w|^2 / (2 C n), so lam = 1 / (2 C n) and C = 1 / (2 lam n).""",
)


@penalty.reference
def matching_C(lam, n):
    return 1 / (2 * lam * n)


@penalty.case("a hundred samples", seeds=1)
def _(rng):
    return 0.01, 100


@penalty.case("any penalty, any number of samples")
def _(rng):
    return float(rng.uniform(0.001, 2)), int(rng.integers(3, 5000))


@penalty.wrong("Your penalty has no half, scikit-learn's has: a factor 2 is missing.")
def _(lam, n):
    return 1 / (lam * n)


@penalty.wrong("Your loss is a mean, scikit-learn's is a sum: n is missing.")
def _(lam, n):
    return 1 / (2 * lam)


@penalty.wrong("C stands on the side of the losses: the larger the penalty, the smaller C.")
def _(lam, n):
    return 2 * lam * n


layout = Exercise(
    "02-mlp/comparing-with-libraries-2",
    notebook=NOTEBOOK,
    items=["The same network in PyTorch"],
    hints=[
        "Linear layers have the numbers 0, 2, 4, ...: activations stand between them.",
        "Weights here are (in, out), there (out, in): transpose.",
        "`zip(coefs, intercepts)` with `enumerate` gives k, weights, biases of each layer.",
    ],
    explanation="""
        Layer k of the list is module 2k of the Sequential, because each activation is a module as well. scikit-learn
        computes X @ W + b, so its W is the transpose of ours.""",
)


@layout.reference
def to_state_dict(coefs, intercepts):
    state = {}
    for k, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        state |= {f"{2 * k}.weight": W.T, f"{2 * k}.bias": b}
    return state


def layers(rng, *sizes):
    coefs = [rng.normal(size=shape).round(2) for shape in pairwise(sizes)]
    return coefs, [rng.normal(size=n).round(2) for n in sizes[1:]]


@layout.case("one hidden layer")
def _(rng):
    return layers(rng, 4, 3, 2)


@layout.case("three hidden layers, all of one width, so that a forgotten transposition has the right shape")
def _(rng):
    return layers(rng, 3, 3, 3, 3, 3)


@layout.case("no hidden layer")
def _(rng):
    return layers(rng, 5, 2)


@layout.wrong("Weights are (out, in) there: transpose them.")
def _(coefs, intercepts):
    return {name: v.T for name, v in to_state_dict(coefs, intercepts).items()}


@layout.wrong("The activations are modules, too: Linear layers are numbers 0, 2, 4, ...")
def _(coefs, intercepts):
    state = {}
    for k, (W, b) in enumerate(zip(coefs, intercepts, strict=True)):
        state |= {f"{k}.weight": W.T, f"{k}.bias": b}
    return state


@layout.wrong("The biases are missing.")
def _(coefs, intercepts):
    return {f"{2 * k}.weight": W.T for k, W in enumerate(coefs)}


parting = Exercise(
    "02-mlp/comparing-with-libraries-3",
    notebook=NOTEBOOK,
    items=["The same network in PyTorch", "What the frameworks add"],
    hints=[
        "Entry by entry: |a - b| > tol * max(|a|, |b|).",
        "Any comparison with NaN is False: treat it apart, np.isnan(a) != np.isnan(b).",
        "np.flatnonzero(differs) gives the steps; return the first as an int, or None if there is none.",
    ],
    explanation="""
        Relative to the larger magnitude, so that it does not matter which run comes first, and that 0 against 0 is
        equal. NaN compares as False with everything, so a run that broke would pass for equal; it is asked for
        by name.""",
)


@parting.reference
def first_parting(a, b, tol):
    with np.errstate(invalid="ignore"):
        differs = np.abs(a - b) > tol * np.maximum(np.abs(a), np.abs(b))
    steps = np.flatnonzero(differs | (np.isnan(a) != np.isnan(b)))
    return int(steps[0]) if len(steps) else None


@parting.driver
def plain(function, a, b, tol):
    with np.errstate(all="ignore"):
        answer = function(a.copy(), b.copy(), tol)
    return int(answer) if isinstance(answer, (int, np.integer)) and not isinstance(answer, bool) else answer


@parting.case("they part in the middle")
def _(rng):
    a = rng.uniform(1, 2, size=20)
    step = int(rng.integers(1, 19))
    return a, a * (1 + 1e-9 + 0.01 * (np.arange(20) >= step)), 1e-4


@parting.case("small losses, where a fixed tolerance would see nothing")
def _(rng):
    a = rng.uniform(1, 2, size=10) * 1e-6
    return a, a * (1 + 0.1 * (np.arange(10) == 6)), 1e-3


@parting.case("equal, zeros among them")
def _(rng):
    a = np.append(rng.uniform(size=5), [0.0, 0.0])
    return a, a.copy(), 1e-6


@parting.case("one run breaks, then both")
def _(rng):
    a, b = np.ones(6), np.ones(6)
    a[3:], b[4:] = np.nan, np.nan
    return a, b, 1e-6


@parting.case("both break at the same step", seeds=1)
def _(rng):
    a = np.array([1.0, 2.0, np.nan])
    return a, a.copy(), 1e-6


@parting.case("the second run is the smaller one", seeds=1)
def _(rng):
    return np.array([1.0, 1.0]), np.array([1.0, 0.5]), 0.6


@parting.wrong("The tolerance is relative: multiply it by the larger magnitude.")
def _(a, b, tol):
    steps = np.flatnonzero((np.abs(a - b) > tol) | (np.isnan(a) != np.isnan(b)))
    return int(steps[0]) if len(steps) else None


@parting.wrong("Comparisons with NaN are False: a run that broke passes for equal.")
def _(a, b, tol):
    steps = np.flatnonzero(np.abs(a - b) > tol * np.maximum(np.abs(a), np.abs(b)))
    return int(steps[0]) if len(steps) else None


@parting.wrong("np.argmax of nothing but False is 0: return None where the runs agree.")
def _(a, b, tol):
    step = first_parting(a, b, tol)
    return 0 if step is None else step


@parting.wrong("NaN in both runs at the same step is no difference.")
def _(a, b, tol):
    close = np.abs(a - b) <= tol * np.maximum(np.abs(a), np.abs(b))
    steps = np.flatnonzero(~close)
    return int(steps[0]) if len(steps) else None


@parting.wrong("Take the larger of the two magnitudes as the scale, not the second run's.")
def _(a, b, tol):
    steps = np.flatnonzero((np.abs(a - b) > tol * np.abs(b)) | (np.isnan(a) != np.isnan(b)))
    return int(steps[0]) if len(steps) else None


jump = Exercise(
    "02-mlp/comparing-with-libraries-4",
    notebook=NOTEBOOK,
    items=["Logistic regression"],
    hints=[
        "Append a column of ones to X and b to w; the penalty is lam for every weight and 0 for the last.",
        "gradient = X.T @ (p - y) / N + penalty * w; Hessian = (X.T * (p * (1 - p))) @ X / N + np.diag(penalty).",
        "w - np.linalg.solve(hessian, gradient), then split off the last entry.",
    ],
    explanation="""
        With the bias as a last weight, gradient and Hessian of the mean loss are X^T (p - y) / N and
        X^T diag(p (1 - p)) X / N; the penalty adds lam w and lam on the diagonal, but nothing in the bias's place.
        The step solves H d = gradient.""",
)


@jump.reference
def newton_step(X, y, w, b, lam):
    X, w = np.column_stack([X, np.ones(len(X))]), np.append(w, b)
    diagonal = np.append(np.full(len(w) - 1, lam), 0.0)
    p = 1 / (1 + np.exp(-X @ w))
    gradient = X.T @ (p - y) / len(y) + diagonal * w
    hessian = (X.T * (p * (1 - p))) @ X / len(y) + np.diag(diagonal)
    w = w - np.linalg.solve(hessian, gradient)
    return w[:-1], float(w[-1])


@jump.driver
def as_pair(function, *arguments):
    answer = function(*arguments)
    if isinstance(answer, tuple) and len(answer) == 2 and np.ndim(answer[1]) == 0 and answer[1] is not ...:
        return answer[0], float(answer[1])
    return answer


@jump.case("from somewhere")
def _(rng):
    X = rng.normal(size=(20, 3)).round(2)
    return X, rng.integers(0, 2, 20), rng.normal(size=3).round(2), 0.3, 0.1


@jump.case("one feature, a strong penalty")
def _(rng):
    return rng.normal(size=(8, 1)).round(2), rng.integers(0, 2, 8), np.array([0.5]), -1.0, 2.0


@jump.case("from zero, more features than samples")
def _(rng):
    return rng.normal(size=(4, 6)).round(2), np.array([0, 1, 1, 0]), np.zeros(6), 0.0, 0.5


@jump.wrong("The bias must not be penalized: its entries of gradient and Hessian get no lam.")
def _(X, y, w, b, lam):
    X, w = np.column_stack([X, np.ones(len(X))]), np.append(w, b)
    p = 1 / (1 + np.exp(-X @ w))
    hessian = (X.T * (p * (1 - p))) @ X / len(y) + lam * np.eye(len(w))
    w = w - np.linalg.solve(hessian, X.T @ (p - y) / len(y) + lam * w)
    return w[:-1], float(w[-1])


@jump.wrong("The penalty's share of the gradient, lam * w, is missing.")
def _(X, y, w, b, lam):
    X, w = np.column_stack([X, np.ones(len(X))]), np.append(w, b)
    diagonal = np.append(np.full(len(w) - 1, lam), 0.0)
    p = 1 / (1 + np.exp(-X @ w))
    w = w - np.linalg.solve((X.T * (p * (1 - p))) @ X / len(y) + np.diag(diagonal), X.T @ (p - y) / len(y))
    return w[:-1], float(w[-1])


@jump.wrong("This is a step of gradient descent: Newton's solves with the Hessian.")
def _(X, y, w, b, lam):
    p = 1 / (1 + np.exp(-X @ w - b))
    return w - X.T @ (p - y) / len(y) - lam * w, float(b - (p - y).mean())


@jump.wrong("Downhill is minus: subtract the solution.")
def _(X, y, w, b, lam):
    new_w, new_b = newton_step(X, y, w, b, lam)
    return 2 * w - new_w, float(2 * b - new_b)


@jump.wrong("Gradient and Hessian of the mean loss: both need the division by N, or the penalty is too weak.")
def _(X, y, w, b, lam):
    return newton_step(X, y, w, b, lam / len(y))
