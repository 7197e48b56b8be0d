"""Exercises of 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb"


swish = Exercise(
    "01-foundations/calculus-1",
    notebook=NOTEBOOK,
    items=["Derivatives", "The chain rule"],
    hints=[
        "x enters twice: as the factor in front, and inside the sigmoid. Both paths count.",
        "Product rule: 1 times σ(x), plus x times the slope of σ.",
        "The slope of σ can be computed from its value: σ(x) (1 - σ(x)).",
    ],
    explanation="""
        The product rule adds the two paths: the factor x moves (slope 1, times σ), and σ moves (slope
        σ (1 - σ), times x). Far to the left the slope is near 0, far to the right near 1.""",
)


@swish.reference
def swish_slope(x):
    s = 1 / (1 + np.exp(-x))
    return s + x * s * (1 - s)


@swish.case("a few numbers")
def _(rng):
    return (rng.normal(0, 2, size=5).round(1),)


@swish.case("a matrix of numbers: the result has its shape")
def _(rng):
    return (rng.normal(0, 2, size=(2, 3)).round(1),)


@swish.case("at 0 the slope is one half; far out it is near 0 and near 1", seeds=1)
def _(rng):
    return (np.array([0.0, -20.0, 20.0]),)


@swish.wrong("One path is missing: x also stands inside the sigmoid.")
def _(x):
    return 1 / (1 + np.exp(-x))


@swish.wrong("One path is missing: x also stands in front of the sigmoid.")
def _(x):
    s = 1 / (1 + np.exp(-x))
    return x * s * (1 - s)


@swish.wrong("That is the value of the function, not its slope.")
def _(x):
    return x / (1 + np.exp(-x))


@swish.wrong(
    "The two slopes were multiplied: in the product rule, each slope meets the other factor's value."
)
def _(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)


differences = Exercise(
    "01-foundations/calculus-2",
    notebook=NOTEBOOK,
    items=["Partial derivatives and gradients", "Numerical and automatic gradients"],
    hints=[
        "One coordinate at a time: f with x[index] + h minus f with x[index] - h, over 2 h.",
        "`np.ndindex(x.shape)` runs through the indices of an array of any shape.",
        "Make `step = np.zeros(x.shape)` with h at one index; x + step and x - step are new arrays.",
    ],
    explanation="""
        Each coordinate is moved alone while the others rest, which is what a partial derivative means. Adding
        an array of zeros with one h makes a new float array, so integers are not truncated and x stays
        untouched.""",
)


@differences.reference
def central_gradient(f, x, h):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient


def sum_of_cubes(x):
    return np.sum(x**3)


def product_of_all(x):
    return np.prod(x)


@differences.case("the sum of cubes of a vector")
def _(rng):
    return sum_of_cubes, rng.normal(size=3).round(1), 0.1


@differences.case("the product of the entries of a matrix: every coordinate matters to every other")
def _(rng):
    return product_of_all, rng.normal(size=(2, 2)).round(1) + 0.05, 0.01


@differences.case("a vector of whole numbers")
def _(rng):
    return sum_of_cubes, rng.integers(-3, 4, size=3), 0.1


@differences.case("an array without axes", seeds=2)
def _(rng):
    return sum_of_cubes, np.array(rng.normal().__round__(1)), 0.1


@differences.wrong("That is the forward difference: step to both sides and divide by 2 h.")
def _(f, x, h):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        gradient[index] = (f(x + step) - f(x)) / h
    return gradient


@differences.wrong("The two points are 2 h apart: divide by 2 h.")
def _(f, x, h):
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        gradient[index] = (f(x + step) - f(x - step)) / h
    return gradient


@differences.wrong("All the coordinates moved together: move one and hold the others.")
def _(f, x, h):
    return np.full(x.shape, (f(x + h) - f(x - h)) / (2 * h))


@differences.wrong("A coordinate was left where it had been moved to: put it back before moving the next.")
def _(f, x, h):
    gradient, x = np.zeros(x.shape), x.astype(float)
    for index in np.ndindex(x.shape):
        x[index] += h
        above = f(x)
        x[index] -= 2 * h
        gradient[index] = (above - f(x)) / (2 * h)
    return gradient


ridge = Exercise(
    "01-foundations/calculus-3",
    notebook=NOTEBOOK,
    items=["Manual gradient calculations"],
    hints=[
        "The gradient of a sum is the sum of the gradients: first the regression's, then the penalty's.",
        "In indices the penalty is α Σ w_j²: its derivative with respect to w_j is 2 α w_j. b is not in it.",
        "With r = X @ w + b - y: dw = 2/N Xᵀ r + ..., db = 2/N times the sum of r.",
    ],
    explanation="""
        The residual part is that of the notebook. The penalty adds 2 α w to dw, a pull towards zero in
        proportion to w, and nothing to db, because the bias is not punished.""",
)


@ridge.reference
def ridge_gradients(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y) / len(X)
    return X.T @ dy + 2 * alpha * w, dy.sum()


@ridge.case("a few samples and a penalty")
def _(rng):
    n, d = rng.integers(2, 6, size=2)
    return (
        rng.normal(size=(n, d)).round(1),
        rng.normal(size=n).round(1),
        rng.normal(size=d).round(1) + 0.05,
        0.3,
        0.5,
    )


@ridge.case("without a penalty it is plain regression")
def _(rng):
    return (
        rng.normal(size=(4, 2)).round(1),
        rng.normal(size=4).round(1),
        rng.normal(size=2).round(1),
        -0.2,
        0.0,
    )


@ridge.case("at a perfect fit only the penalty pulls, and not at b")
def _(rng):
    X, w = rng.normal(size=(3, 2)).round(1), np.array([1.0, -2.0])
    return X, X @ w + 0.5, w, 0.5, float(rng.integers(1, 4))


@ridge.wrong("The penalty is missing from dw.")
def _(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y) / len(X)
    return X.T @ dy, dy.sum()


@ridge.wrong("The square brings down a factor 2, in the penalty as well.")
def _(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y) / len(X)
    return X.T @ dy + alpha * w, dy.sum()


@ridge.wrong("The loss is a mean over the samples: divide by N.")
def _(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y)
    return X.T @ dy + 2 * alpha * w, dy.sum()


@ridge.wrong("The bias is not punished: there is no b in the penalty.")
def _(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y) / len(X)
    return X.T @ dy + 2 * alpha * w, dy.sum() + 2 * alpha * b


@ridge.wrong("The penalty is divided by N here: it stands outside the mean.")
def _(X, y, w, b, alpha):
    dy = 2 * (X @ w + b - y) / len(X)
    return X.T @ dy + 2 * alpha * w / len(X), dy.sum()


learning_rate = Exercise(
    "01-foundations/calculus-4",
    notebook=NOTEBOOK,
    items=["Jacobians and Hessians", "Gradient descent"],
    hints=[
        "Along an eigenvector of curvature λ a step multiplies the distance by |1 - lr λ|.",
        "The steepest and the flattest direction are the worst: make their two factors equal.",
        "1 - lr λmin = lr λmax - 1 gives lr; put it back in for the rate. `np.linalg.eigvalsh` finds the λ.",
    ],
    explanation="""
        The largest of all |1 - lr λ| decides. It belongs to the smallest or to the largest curvature, and one
        falls as the other rises, so the best lr makes them equal: 2 / (λmax + λmin), with the rate
        (κ - 1) / (κ + 1).""",
)


@learning_rate.reference
def best_learning_rate(H):
    lam = np.linalg.eigvalsh(H)
    return 2 / (lam[-1] + lam[0]), (lam[-1] - lam[0]) / (lam[-1] + lam[0])


def _positive_definite(rng, n):
    A = rng.normal(size=(n, n)).round(1)
    return A @ A.T + 0.5 * np.eye(n)


@learning_rate.case("two dimensions")
def _(rng):
    return (_positive_definite(rng, 2),)


@learning_rate.case("five dimensions: the curvatures between play no part")
def _(rng):
    return (_positive_definite(rng, 5),)


@learning_rate.case("a round bowl is solved in one step: the rate is 0", seeds=2)
def _(rng):
    return (float(rng.integers(1, 6)) * np.eye(3),)


@learning_rate.wrong(
    "That learning rate is the border of divergence: the steepest direction then swings for ever."
)
def _(H):
    lam = np.linalg.eigvalsh(H)
    return 2 / lam[-1], 1.0


@learning_rate.wrong("1/λmax is safe, not best: the flattest direction could still go faster.")
def _(H):
    lam = np.linalg.eigvalsh(H)
    return 1 / lam[-1], 1 - lam[0] / lam[-1]


@learning_rate.wrong("Only the largest and the smallest curvature count, not the sum of all of them.")
def _(H):
    lam = np.linalg.eigvalsh(H)
    return 2 / lam.sum(), (lam[-1] - lam[0]) / lam.sum()


@learning_rate.wrong("The diagonal holds the curvatures only where H is diagonal: take the eigenvalues.")
def _(H):
    lam = np.sort(np.diag(H))
    return 2 / (lam[-1] + lam[0]), (lam[-1] - lam[0]) / (lam[-1] + lam[0])
