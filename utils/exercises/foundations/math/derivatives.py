"""Exercises 5 to 8: derivatives and descent."""

import itertools

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/exercises/01-math-exercises.ipynb"
ITEMS = ["Derivatives and descent"]


slope_by_hand = Exercise(
    "01-foundations/math-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Name the links of the chain from the outside in: a root, of 1 + a square, of a sine, of 3x. "
        "Each has a slope.",
        "The slope of the root of v is 1 / (2 root v); that of s squared is 2s; that of sin u is cos u; "
        "that of 3x is 3.",
        "Multiply the four, each at its own place: the root's slope at 1 + sin²(3x), the sine's at 3x. A "
        "2 cancels.",
    ],
    explanation="""
        With u = 3x, s = sin u, v = 1 + s² and f = √v the chain rule multiplies four slopes: f'(x) = 1/(2√v)
        · 2s · cos u · 3 = 3 sin(3x) cos(3x) / √(1 + sin²(3x)).""",
)


@slope_by_hand.reference
def slope(x):
    s, c = np.sin(3 * x), np.cos(3 * x)
    return 3 * s * c / np.sqrt(1 + s**2)


@slope_by_hand.case("at one place")
def _(rng):
    return round(float(rng.uniform(-2, 2)), 2)


@slope_by_hand.case("at several places at once")
def _(rng):
    return rng.uniform(-3, 3, size=4).round(2)


@slope_by_hand.case("at the foot of the valley the slope is 0", seeds=1)
def _(rng):
    return 0.0


@slope_by_hand.wrong("The innermost slope is missing: 3x changes three times as fast as x.")
def _(x):
    return slope(x) / 3


@slope_by_hand.wrong("A factor 2 is too much: the root's slope has a 2 below that cancels the square's.")
def _(x):
    return 2 * slope(x)


@slope_by_hand.wrong("The outermost slope is missing: the root changes less than what stands under it.")
def _(x):
    return 6 * np.sin(3 * x) * np.cos(3 * x)


@slope_by_hand.wrong("The sine's own slope, a cosine, is missing.")
def _(x):
    return 3 * np.sin(3 * x) / np.sqrt(1 + np.sin(3 * x) ** 2)


@slope_by_hand.wrong("This is f itself, not its slope.")
def _(x):
    return np.sqrt(1 + np.sin(3 * x) ** 2)


huber = Exercise(
    "01-foundations/math-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "First the slope of h in r: in the middle it is r itself; far out it is +delta or -delta.",
        "So h'(r) is r, cut off at -delta and +delta. NumPy has a function for that: `np.clip`.",
        "The residual changes with w by X and with b by 1, and the mean divides by N: "
        "dw = X.T @ h'(r) / N, and db is the mean of h'(r).",
    ],
    explanation="""
        The slope of h is r where |r| <= delta and delta sign(r) beyond: r clipped. By the chain rule dL/dw_j
        = 1/N Σ_n h'(r_n) X[n, j], which is X^T h'(r) / N, and dL/db is the mean of h'(r). A point that is
        far off pulls with strength delta and no more; under a squared loss it would pull with all of r.""",
)


@huber.reference
def huber_gradient(w, b, X, y, delta):
    slope = np.clip(X @ w + b - y, -delta, delta)  # (N,)
    return X.T @ slope / len(y), slope.mean()


@huber.case("residuals of every size")
def _(rng):
    n, d = int(rng.integers(3, 7)), int(rng.integers(1, 4))
    X, y = rng.normal(size=(n, d)).round(1), rng.normal(0, 3, size=n).round(1)
    return rng.normal(size=d).round(1), 0.5, X, y, 1.05


@huber.case("all residuals small: there the loss is a plain square")
def _(rng):
    X = rng.normal(size=(4, 2)).round(1)
    w = rng.normal(size=2).round(1)
    return w, 1.0, X, X @ w + 1.0 + rng.uniform(-0.5, 0.5, size=4).round(2), 3.0


@huber.case("one sample a thousand times too large pulls no harder than any other far-off sample")
def _(rng):
    X = rng.normal(size=(5, 2)).round(1)
    return rng.normal(size=2).round(1), 0.0, X, np.array([0.3, -0.2, 1.4, 0.6, 1000.0]), 0.75


@huber.wrong("This is the gradient of the squared loss: large residuals must pull with strength delta only.")
def _(w, b, X, y, delta):
    r = X @ w + b - y
    return X.T @ r / len(y), r.mean()


@huber.wrong("Every sample pulls with strength delta here: small residuals pull with their own size.")
def _(w, b, X, y, delta):
    slope = delta * np.sign(X @ w + b - y)
    return X.T @ slope / len(y), slope.mean()


@huber.wrong("The loss is a mean, so its gradient is divided by N.")
def _(w, b, X, y, delta):
    slope = np.clip(X @ w + b - y, -delta, delta)
    return X.T @ slope, slope.sum()


@huber.wrong("The sign is turned round: r is the prediction minus the target.")
def _(w, b, X, y, delta):
    slope = np.clip(y - X @ w - b, -delta, delta)
    return X.T @ slope / len(y), slope.mean()


@huber.wrong("The gradient was clipped as a whole: it is each sample's residual that has a limit.")
def _(w, b, X, y, delta):
    r = X @ w + b - y
    return np.clip(X.T @ r / len(y), -delta, delta), np.clip(r.mean(), -delta, delta)


@huber.wrong("Samples beyond delta were dropped; they still pull, with strength delta.")
def _(w, b, X, y, delta):
    r = X @ w + b - y
    slope = np.where(np.abs(r) <= delta, r, 0.0)
    return X.T @ slope / len(y), slope.mean()


softmax_rows = Exercise(
    "01-foundations/math-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Softmax first, row by row; subtract each row's largest entry before `np.exp`, or 1000 overflows.",
        "For one row, put J into the sum: dz_k = Σ_i g_i p_i ([i = k] - p_k). Split it into two sums.",
        "The first sum is g_k p_k, the second p_k Σ_i g_i p_i, so dz = p * (g - Σ_i g_i p_i).",
        "Sum over axis 1 with keepdims=True, so that (N, 1) meets (N, K).",
    ],
    explanation="""
        Σ_i g_i p_i ([i = k] - p_k) = p_k (g_k - Σ_i g_i p_i): every entry gets its upstream gradient minus
        the mean of all, weighted by the probabilities. That costs K multiplications rather than the K² of a
        Jacobian. The rows of the result sum to 0, because adding a constant to all scores changes no
        probability.""",
)


@softmax_rows.reference
def softmax_backward(Z, G):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)  # (N, K)
    return P * (G - (G * P).sum(axis=1, keepdims=True))


@softmax_rows.case("one row")
def _(rng):
    return rng.normal(size=(1, 3)).round(1), rng.normal(size=(1, 3)).round(1)


@softmax_rows.case(
    "several rows, each by itself; as many rows as columns, so that a wrong axis does not show in shapes"
)
def _(rng):
    return rng.normal(0, 2, size=(3, 3)).round(1), rng.normal(size=(3, 3)).round(1)


@softmax_rows.case("scores so large that exp(z) overflows")
def _(rng):
    return 1000 + rng.normal(size=(2, 3)).round(1), rng.normal(size=(2, 3)).round(1)


@softmax_rows.case("one row of huge scores beside one of tiny scores")
def _(rng):
    return np.array([[800.0, 801.0], [-800.0, -799.0]]) + rng.normal(size=2).round(1), rng.normal(
        size=(2, 2)
    ).round(1)


@softmax_rows.wrong(
    "Only the Jacobian's diagonal, p (1 - p), was used: every score changes every probability."
)
def _(Z, G):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    return G * P * (1 - P)


@softmax_rows.wrong("Raising one score lowers the other probabilities: the second sum of hint 2 is missing.")
def _(Z, G):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return G * E / E.sum(axis=1, keepdims=True)


@softmax_rows.wrong("The formula is right, exp(z) overflows: subtract each row's largest score first.")
def _(Z, G):
    E = np.exp(Z)
    P = E / E.sum(axis=1, keepdims=True)
    return P * (G - (G * P).sum(axis=1, keepdims=True))


@softmax_rows.wrong(
    "The largest score of the whole matrix was subtracted; a row far below it is left with 0/0."
)
def _(Z, G):
    E = np.exp(Z - Z.max())
    P = E / E.sum(axis=1, keepdims=True)
    return P * (G - (G * P).sum(axis=1, keepdims=True))


@softmax_rows.wrong("The inner sum went over the samples: every row is by itself, so the axis is 1.")
def _(Z, G):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    return P * (G - (G * P).sum(axis=0))


@softmax_rows.wrong("Without keepdims the sums (N,) are laid along the columns instead of the rows.")
def _(Z, G):
    E = np.exp(Z - Z.max(axis=1))
    P = E / E.sum(axis=1)
    return P * (G - (G * P).sum(axis=1))


@softmax_rows.wrong(
    "The sums in softmax are right; the last one lacks keepdims, so it is laid along the columns."
)
def _(Z, G):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    return P * (G - (G * P).sum(axis=1))


backtracking = Exercise(
    "01-foundations/math-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Two loops: the outer one takes `steps` steps, the inner one halves the rate until the step is "
        "good enough.",
        "Compute the gradient g once a step. A step is good if `f(x - lr * g) <= f(x) - 0.3 * lr * (g @ g)`.",
        "Begin each step with lr = 1 again: a valley that was narrow here may be wide further on.",
        "Collect the places in a list that begins with the start, and return `np.array(path)`.",
    ],
    explanation="""
        To first order a step of size lr lowers f by lr ||g||². The test asks for three tenths of that
        promise, and for a small enough lr a smooth f keeps it, so the inner loop ends. No curvature need be
        known beforehand: the halvings find it. The price is a few extra calls of f. (L. Armijo, 1966.)""",
)


@backtracking.reference
def descend(f, gradient, x, steps):
    path = [x]
    for _ in range(steps):
        g, lr = gradient(x), 1.0
        while f(x - lr * g) > f(x) - 0.3 * lr * (g @ g):
            lr /= 2
        x = x - lr * g
        path.append(x)
    return np.array(path)


@backtracking.driver
def with_limited_patience(answer, f, gradient, x, steps):
    """Call the answer with an f that refuses to be called for ever, so that an endless loop ends."""
    calls = itertools.count(1)

    def limited(x):
        if next(calls) > 500:
            raise RuntimeError("f was called 500 times: the loop that halves the rate seems never to end")
        return f(x)

    return answer(limited, gradient, x, steps)


def bowl(*curvature):
    """A bowl that is as narrow along each axis as its curvature is large, and its gradient."""
    c = np.array(curvature)

    def f(x):
        return 0.5 * x @ (c * x)

    def gradient(x):
        return c * x

    numbers = np.array2string(c, precision=6, separator=", ")
    f.__name__, gradient.__name__ = f"0.5 * x @ ({numbers} * x)", f"{numbers} * x"
    return f, gradient


def valley(x):
    return (1 - x[0]) ** 2 + 3 * (x[1] - x[0] ** 2) ** 2


def valley_gradient(x):
    bend = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - 12 * x[0] * bend, 6 * bend])


valley.__name__ = "(1 - x[0]) ** 2 + 3 * (x[1] - x[0] ** 2) ** 2"
valley_gradient.__name__ = "its gradient"


@backtracking.case("one step in a narrow bowl")
def _(rng):
    return *bowl(1.3, round(rng.uniform(5, 30), 1)), rng.normal(size=2).round(1), 1


@backtracking.case("one step in a flat bowl, where a rate of 1 is already good")
def _(rng):
    return *bowl(*rng.uniform(0.1, 0.9, size=2).round(2)), rng.normal(size=2).round(1), 1


@backtracking.case("several steps in a bent valley: narrow in one place, wide in another")
def _(rng):
    return valley, valley_gradient, np.array([-1.2, 1.0]) + rng.uniform(-0.2, 0.2, size=2).round(2), 8


@backtracking.case("started at the lowest point, it stays there", seeds=1)
def _(rng):
    return *bowl(2.0, 0.7, 9.0), np.zeros(3), 3


@backtracking.case("no steps: the path is the start alone", seeds=1)
def _(rng):
    return valley, valley_gradient, np.array([0.5, 0.5]), 0


def _variant(slack=0.3, reset=True, squared=True, shrink=2.0, start=True):
    """The reference with one of its parts changed."""

    def descend(f, gradient, x, steps):
        path, lr = [x], 1.0
        for _ in range(steps):
            g, lr = gradient(x), 1.0 if reset else lr
            promise = g @ g if squared else np.linalg.norm(g)
            while f(x - lr * g) > f(x) - slack * lr * promise and lr > 1e-12:
                lr /= shrink
            x = x - lr * g
            path.append(x)
        return np.array(path if start else path[1:])

    return descend


for _diagnosis, _changes in {
    "The rate is only ever made smaller: begin each step with 1 again.": {"reset": False},
    "Any step that goes down was accepted; the test asks for three tenths of the promised descent.": {
        "slack": 0.0
    },
    "The promise is lr times the square of the gradient's length, g @ g.": {"squared": False},
    "All of the promised descent was demanded, which no curved f can keep: the factor is 0.3.": {
        "slack": 1.0
    },
    "The rate is halved, not divided by ten.": {"shrink": 10.0},
    "The path begins with the start itself, so it has steps + 1 rows.": {"start": False},
}.items():
    backtracking.wrong(_diagnosis)(_variant(**_changes))


@backtracking.wrong("The rate was never reduced: in a narrow bowl a step of 1 flies out on the other side.")
def _(f, gradient, x, steps):
    path = [x]
    for _ in range(min(steps, 4)):
        x = x - gradient(x)
        path.append(x)
    return np.array(path + [x] * (steps - 4))
