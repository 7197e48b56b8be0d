"""Exercises of 03-cnn/convolution-basics/05-batch-normalization.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/convolution-basics/05-batch-normalization.ipynb"


rms = Exercise(
    "03-cnn/batch-normalization-1",
    notebook=NOTEBOOK,
    items=["Layer, instance and group normalization"],
    hints=[
        "G = gamma * dY arrives at x_hat. Two paths lead from there to x: directly, and by r.",
        "dr = sum_k G_k x_k, and r = (mean(x**2) + eps)**-0.5 gives dx_k = ... - r**3 x_k dr / D.",
        "With x_hat = x r: dX = r (G - x_hat * mean(G * x_hat)), the mean along each row; dgamma sums over the rows.",
    ],
    explanation="""
        The boxed formula without the middle term: nothing was subtracted in the forward pass, so nothing is taken out
        along (1, ..., 1). What is left is the projection away from x_hat, times r.""",
)


def _rms(dY, X, gamma, eps, center=False, inner=True, scaled=True, mean=True):
    r = 1 / np.sqrt((X**2).mean(axis=1, keepdims=True) + eps)
    X_hat, G = X * r, dY * gamma if scaled else dY
    dX = G - (G.mean(axis=1, keepdims=True) if center else 0)
    if inner:
        along = (G * X_hat).sum(axis=1, keepdims=True)
        dX = dX - X_hat * (along / X.shape[1] if mean else along)
    return r * dX, (dY * X_hat).sum(axis=0)


@rms.reference
def rms_norm_backward(dY, X, gamma, eps):
    r = 1 / np.sqrt((X**2).mean(axis=1, keepdims=True) + eps)
    X_hat, G = X * r, dY * gamma
    dX = r * (G - X_hat * (G * X_hat).mean(axis=1, keepdims=True))
    return dX, (dY * X_hat).sum(axis=0)


def _rows(rng, N, D):
    return rng.normal(size=(N, D)).round(2), rng.normal(1, 2, size=(N, D)).round(2)


@rms.case("gamma of ones")
def _(rng):
    return *_rows(rng, 3, 4), np.ones(4), 1e-6


@rms.case("any gamma, and a guard that is felt")
def _(rng):
    return *_rows(rng, 4, 3), rng.normal(1, 0.5, 3).round(2), 0.5


@rms.case("as many rows as columns")
def _(rng):
    return *_rows(rng, 4, 4), rng.normal(1, 0.5, 4).round(2), 1e-3


@rms.wrong("Nothing was subtracted in the forward pass: the mean of the gradient stays in.")
def _(dY, X, gamma, eps):
    return _rms(dY, X, gamma, eps, center=True)


@rms.wrong("r depends on every entry of the row: its path to x is missing.")
def _(dY, X, gamma, eps):
    return _rms(dY, X, gamma, eps, inner=False)


@rms.wrong("What arrives at x_hat is gamma * dY.")
def _(dY, X, gamma, eps):
    return _rms(dY, X, gamma, eps, scaled=False)


@rms.wrong("The component along x_hat is a mean over the row, not a sum.")
def _(dY, X, gamma, eps):
    return _rms(dY, X, gamma, eps, mean=False)


running = Exercise(
    "03-cnn/batch-normalization-2",
    notebook=NOTEBOOK,
    items=["Training and inference mode"],
    hints=[
        "With a momentum of 0.1 the new batch has the weight 0.1 and the past keeps 0.9.",
        "The running variance follows the unbiased estimate, with m - 1 in the denominator: X.var(axis=0, ddof=1).",
        "`mean *= ...` changes the caller's array: compute new ones.",
    ],
    explanation="""
        (1 - momentum) * old + momentum * new, with ddof=1 for the variance. Written so, new arrays arise and the old
        ones stay; a layer that updates in place does it on purpose, on its own buffers.""",
)


@running.reference
def update(mean, var, X, momentum=0.1):
    mean = (1 - momentum) * mean + momentum * X.mean(axis=0)
    var = (1 - momentum) * var + momentum * X.var(axis=0, ddof=1)
    return mean, var


def _before(rng, m, D, momentum):
    X = rng.normal(2, 3, size=(m, D)).round(2)
    return rng.normal(size=D).round(2), rng.uniform(0.5, 2, D).round(2), X, momentum


@running.case("a small batch")
def _(rng):
    return _before(rng, 3, 2, 0.1)


@running.case("another momentum")
def _(rng):
    return _before(rng, 8, 3, 0.3)


@running.case("momentum 1 forgets the past")
def _(rng):
    return _before(rng, 4, 2, 1.0)


@running.wrong("The weights are exchanged: momentum belongs to the new batch.")
def _(mean, var, X, momentum=0.1):
    a = momentum
    return a * mean + (1 - a) * X.mean(axis=0), a * var + (1 - a) * X.var(axis=0, ddof=1)


@running.wrong("The running variance follows the unbiased estimate, divided by m - 1.")
def _(mean, var, X, momentum=0.1):
    a = momentum
    return (1 - a) * mean + a * X.mean(axis=0), (1 - a) * var + a * X.var(axis=0)


@running.wrong("The result is right, but the arrays that were given have changed: make new ones.")
def _(mean, var, X, momentum=0.1):
    mean *= 1 - momentum
    mean += momentum * X.mean(axis=0)
    var *= 1 - momentum
    var += momentum * X.var(axis=0, ddof=1)
    return mean, var


growth = Exercise(
    "03-cnn/batch-normalization-3",
    notebook=NOTEBOOK,
    items=["Batch normalization forward and backward"],
    hints=[
        "The gradient is orthogonal to w: after a step the new length is the hypotenuse.",
        "At length a the gradient has the norm g / a, so the other side is lr * g / a.",
        "a becomes sqrt(a**2 + (lr * g / a)**2), n times.",
    ],
    explanation="""
        Pythagoras in every step, with a gradient that shrinks as the weights grow. The squared length obeys
        q += (lr g)^2 / q, so in the long run the length grows like the fourth root of the number of steps.""",
)


@growth.reference
def length_after(length, g, lr, n):
    for _ in range(n):
        length = np.sqrt(length**2 + (lr * g / length) ** 2)
    return length


@growth.driver
def as_number(function, length, g, lr, n):
    return float(function(length, g, lr, n))


@growth.case("one step")
def _(rng):
    return round(float(rng.uniform(0.5, 2)), 2), round(float(rng.uniform(0.5, 3)), 2), 0.5, 1


@growth.case("several steps")
def _(rng):
    return (
        round(float(rng.uniform(0.5, 2)), 2),
        round(float(rng.uniform(0.5, 3)), 2),
        0.3,
        int(rng.integers(2, 6)),
    )


@growth.case("no step")
def _(rng):
    return 1.5, 2.0, 0.1, 0


@growth.wrong("The gradient shrinks with the length: at length a it is g / a.")
def _(length, g, lr, n):
    return np.sqrt(length**2 + n * (lr * g) ** 2)


@growth.wrong("The gradient must be computed anew at each new length.")
def _(length, g, lr, n):
    return np.sqrt(length**2 + n * (lr * g / length) ** 2)


@growth.wrong("The step is orthogonal to the weights: lengths add as in Pythagoras' theorem.")
def _(length, g, lr, n):
    for _ in range(n):
        length = length + lr * g / length
    return length


forward = Exercise(
    "03-cnn/batch-normalization-4",
    notebook=NOTEBOOK,
    items=["Training and inference mode"],
    hints=[
        "In inference mode each feature becomes a x + c, with a = gamma / sqrt(var + eps), c = beta - a * mean.",
        "(X * a + c) @ W.T = X @ (W * a).T + W @ c: a scales the columns of W, which belong to the inputs.",
        "b2 = b + W @ (beta - a * mean).",
    ],
    explanation="""
        Columns of W belong to its inputs, so the scale of feature j goes into column j, and the constant c passes
        through the old W into the bias. A convolution pads with zeros *behind* the layer, where no c is added; folded,
        the bias would add W @ c there as well, and the border would come out wrong.""",
)


@forward.reference
def fold_forward(W, b, gamma, beta, mean, var, eps):
    a = gamma / np.sqrt(var + eps)
    return W * a, b + W @ (beta - a * mean)


def _layer(rng, out, D, eps=1e-5):
    W, b = rng.normal(size=(out, D)).round(2), rng.normal(size=out).round(2)
    gamma, beta = rng.normal(1, 0.5, D).round(2), rng.normal(size=D).round(2)
    return W, b, gamma, beta, rng.normal(size=D).round(2), rng.uniform(0.2, 3, D).round(2), eps


@forward.case("more features than units")
def _(rng):
    return _layer(rng, 2, 4)


@forward.case("as many features as units")
def _(rng):
    return _layer(rng, 3, 3)


@forward.case("a guard that is felt")
def _(rng):
    return _layer(rng, 3, 3, 0.5)


@forward.wrong("The scale belongs to the inputs of W, its columns; this scales the rows.")
def _(W, b, gamma, beta, mean, var, eps):
    a = gamma / np.sqrt(var + eps)
    if len(W) != len(a):
        raise ValueError("rows and features differ")
    return W * a[:, None], b + W @ (beta - a * mean)


@forward.wrong("The constant passes through the old W, not through the scaled one.")
def _(W, b, gamma, beta, mean, var, eps):
    a = gamma / np.sqrt(var + eps)
    return W * a, b + (W * a) @ (beta - a * mean)


@forward.wrong("beta passes through W as well.")
def _(W, b, gamma, beta, mean, var, eps):
    a = gamma / np.sqrt(var + eps)
    return W * a, b - W @ (a * mean)


@forward.wrong("eps stands under the root, beside the variance.")
def _(W, b, gamma, beta, mean, var, eps):
    a = gamma / np.sqrt(var)
    return W * a, b + W @ (beta - a * mean)
