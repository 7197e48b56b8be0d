"""Exercises of 03-cnn/applications/05-what-a-cnn-sees.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/05-what-a-cnn-sees.ipynb"


margin = Exercise(
    "03-cnn/what-a-cnn-sees-1",
    notebook=NOTEBOOK,
    items=["Adversarial examples"],
    hints=[
        "Against one rival j the margin is f_r - f_j = (w_r - w_j) . x + b_r - b_j, with r the answer.",
        "A change within eps lowers a linear function u . x by at most eps times the sum of |u_i|.",
        "So rival j needs eps = margin / ||w_r - w_j||_1; the smallest over all rivals is the answer.",
    ],
    explanation="""
        The margin to rival j is linear in x with the weights w_r - w_j. The change that lowers it most is
        -eps sign(w_r - w_j), by eps ||w_r - w_j||_1. The nearest rival in this sense need not be the second answer.""",
)


def _margins(W, b, x):
    z = W @ x + b
    r = z.argmax()
    others = np.arange(len(b)) != r
    return (z[r] - z)[others], (W[r] - W)[others], r


@margin.reference
def smallest_epsilon(W, b, x):
    z = W @ x + b
    r = z.argmax()
    others = np.arange(len(b)) != r
    gaps, directions = (z[r] - z)[others], (W[r] - W)[others]
    return (gaps / np.abs(directions).sum(axis=1)).min()


@margin.driver
def as_number(function, W, b, x):
    return float(function(W, b, x))


@margin.case("two classes")
def _(rng):
    return rng.normal(size=(2, 3)).round(1), rng.normal(size=2).round(1), rng.random(3).round(2)


@margin.case("several classes")
def _(rng):
    return rng.normal(size=(5, 6)).round(2), rng.normal(size=5).round(2), rng.random(6).round(2)


@margin.case("where the second answer is not the nearest rival", seeds=1)
def _(rng):
    W = np.array([[1.0, 1.0, 1.0, 1.0], [0.9, 0.9, 0.9, 0.9], [-3.0, -3.0, -3.0, -3.0]])
    return W, np.array([0.0, 0.0, 14.0]), np.full(4, 1.0)


@margin.wrong(
    "The second answer need not be the nearest: divide each rival's margin by its own norm, then take the least."
)
def _(W, b, x):
    gaps, directions, _ = _margins(W, b, x)
    j = gaps.argmin()
    return gaps[j] / np.abs(directions[j]).sum()


@margin.wrong(
    "The box bounds every pixel, so the gain is eps times the sum of |u_i|, not eps times the length of u."
)
def _(W, b, x):
    gaps, directions, _ = _margins(W, b, x)
    return (gaps / np.sqrt((directions**2).sum(axis=1))).min()


@margin.wrong("Both scores change: what counts is the difference of their weights, w_r - w_j.")
def _(W, b, x):
    gaps, _, r = _margins(W, b, x)
    return (gaps / np.abs(W[r]).sum()).min()


complete = Exercise(
    "03-cnn/what-a-cnn-sees-2",
    notebook=NOTEBOOK,
    items=["Saliency and Grad-CAM"],
    hints=[
        "The path leads from the baseline to x: at t it is at baseline + t (x - baseline).",
        "The midpoint rule asks at t = (i + 1/2) / steps, and divides the sum by the number of steps.",
        "What multiplies the mean gradient is the whole way, x - baseline.",
    ],
    explanation="""
        The chain rule along baseline + t (x - baseline) gives (x - baseline) times the gradient there; its integral
        from 0 to 1 is f(x) - f(baseline). linspace(0, 1, steps) includes both ends, so dividing by steps weighs them
        twice too much; midpoints have an error that falls with the square of the number of steps.""",
)


@complete.reference
def integrated(gradient, x, baseline, steps):
    total = np.zeros_like(x)
    for t in (np.arange(steps) + 0.5) / steps:
        total += gradient(baseline + t * (x - baseline))
    return (x - baseline) * total / steps


def cubic(x):
    """The gradient of sum x^3 + x_0 x_1."""
    g = 3 * x**2
    g[0], g[1] = g[0] + x[1], g[1] + x[0]
    return g


def kinked(x):
    """The gradient of sum max(x - 0.5, 0)."""
    return (x > 0.5).astype(float)


def quadratic(x):
    """The gradient of (sum x)^2."""
    return 2 * x.sum() * np.ones_like(x)


@complete.case("from blank paper, a curved function")
def _(rng):
    return cubic, rng.random(4).round(2), np.zeros(4), 8


@complete.case("from another baseline")
def _(rng):
    return quadratic, rng.random(3).round(2), rng.random(3).round(2), 5


@complete.case("a function with kinks, few steps")
def _(rng):
    return kinked, rng.uniform(0.6, 1, 3).round(2), np.zeros(3), int(rng.integers(1, 6))


@complete.wrong(
    "Begin at the baseline: the gradient is asked at baseline + t (x - baseline), and x - baseline multiplies it."
)
def _(gradient, x, baseline, steps):
    return integrated(gradient, x, np.zeros_like(x), steps)


@complete.wrong("Both ends of linspace are asked here: take the middles of the steps, (i + 1/2) / steps.")
def _(gradient, x, baseline, steps):
    points = [gradient(baseline + t * (x - baseline)) for t in np.linspace(0, 1, steps)]
    return (x - baseline) * np.mean(points, axis=0)


@complete.wrong("This multiplies by x: what was walked is x - baseline.")
def _(gradient, x, baseline, steps):
    points = [gradient(baseline + t * (x - baseline)) for t in (np.arange(steps) + 0.5) / steps]
    return x * np.mean(points, axis=0)


finger = Exercise(
    "03-cnn/what-a-cnn-sees-3",
    notebook=NOTEBOOK,
    items=["Saliency and Grad-CAM"],
    hints=[
        "alpha is the mean of dA over the places: `dA.mean(axis=(2, 3))`, (N, C).",
        "The sum over channels of alpha times A is (N, H, W); np.einsum writes it in a line. Then cut the negative.",
        "Divide each map by its own maximum, and a map that is all 0 by 1.",
    ],
    explanation="""
        The mean gradient of a channel is its weight, the weighted sum of channels the map. What is negative speaks
        for other classes and is cut off after the sum, not before; a map without anything positive stays 0.""",
)


@finger.reference
def cam(A, dA):
    M = np.maximum(np.einsum("nc,nchw->nhw", dA.mean(axis=(2, 3)), A), 0)
    top = M.max(axis=(1, 2), keepdims=True)
    return M / np.where(top > 0, top, 1)


@finger.case("several images and channels")
def _(rng):
    return rng.random((2, 3, 2, 3)).round(2), rng.normal(size=(2, 3, 2, 3)).round(2)


@finger.case("one channel, one image")
def _(rng):
    return rng.random((1, 1, 3, 3)).round(2), rng.random((1, 1, 3, 3)).round(2)


@finger.case("an image for which nothing speaks")
def _(rng):
    dA = rng.normal(size=(2, 2, 2, 2)).round(2)
    dA[1] = -1
    return rng.random((2, 2, 2, 2)).round(2), dA


@finger.wrong("The gradient is averaged over the places first: this multiplies place by place.")
def _(A, dA):
    M = np.maximum((A * dA).sum(axis=1), 0)
    top = M.max(axis=(1, 2), keepdims=True)
    return M / np.where(top > 0, top, 1)


@finger.wrong("Cut what is negative after the sum over the channels: one channel may outweigh another.")
def _(A, dA):
    M = np.maximum(dA.mean(axis=(2, 3))[:, :, None, None] * A, 0).sum(axis=1)
    top = M.max(axis=(1, 2), keepdims=True)
    return M / np.where(top > 0, top, 1)


@finger.wrong("Each map has a maximum of its own: this divides all by the greatest of the batch.")
def _(A, dA):
    M = np.maximum(np.einsum("nc,nchw->nhw", dA.mean(axis=(2, 3)), A), 0)
    return M / (M.max() or 1)


@finger.wrong("A map without a positive value has the maximum 0: leave it at 0 instead of dividing.")
def _(A, dA):
    M = np.maximum(np.einsum("nc,nchw->nhw", dA.mean(axis=(2, 3)), A), 0)
    with np.errstate(all="ignore"):
        return M / M.max(axis=(1, 2), keepdims=True)


box = Exercise(
    "03-cnn/what-a-cnn-sees-4",
    notebook=NOTEBOOK,
    items=["Adversarial examples"],
    hints=[
        "Towards a target its loss must fall: step against the sign of the gradient.",
        "The box lies around the image x, not around the point you stand at: clip to x - eps and x + eps.",
        "Then clip to [0, 1], since there is no ink blacker than black.",
    ],
    explanation="""
        A step against sign(g) lowers the loss of the target; the two clips are the projection onto the intersection
        of two boxes, which for boxes may be done one after the other. Clipping around `moved` would let the attack
        wander away from the image step by step.""",
)


@box.reference
def targeted_step(moved, x, g, step, eps):
    moved = moved - step * np.sign(g)
    return np.clip(np.clip(moved, x - eps, x + eps), 0, 1)


def _attack(rng, eps):
    x = rng.random((2, 4)).round(2)
    moved = np.clip(x + rng.uniform(-eps, eps, x.shape), 0, 1).round(3)
    return moved, x, rng.normal(size=x.shape).round(2)


@box.case("a small step")
def _(rng):
    return *_attack(rng, 0.3), 0.02, 0.3


@box.case("a step that leaves the box around the image")
def _(rng):
    return *_attack(rng, 0.1), 0.15, 0.1


@box.case("paper and ink: a step that leaves [0, 1]")
def _(rng):
    x = rng.integers(0, 2, (3, 3)).astype(float)
    return x.copy(), x, rng.normal(size=x.shape).round(2), 0.1, 0.3


@box.wrong("This climbs the loss of the target, away from it: step against the gradient.")
def _(moved, x, g, step, eps):
    return targeted_step(moved, x, -g, step, eps)


@box.wrong("The box lies around the image x: around the present point it wanders along.")
def _(moved, x, g, step, eps):
    return targeted_step(moved, moved, g, step, eps)


@box.wrong("The step has the sign of the gradient, each pixel equally far, whatever its size.")
def _(moved, x, g, step, eps):
    return np.clip(np.clip(moved - step * g, x - eps, x + eps), 0, 1)


@box.wrong("Pixels must stay between 0, paper, and 1, ink.")
def _(moved, x, g, step, eps):
    return np.clip(moved - step * np.sign(g), x - eps, x + eps)
