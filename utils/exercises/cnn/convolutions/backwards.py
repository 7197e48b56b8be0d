"""Exercises 5 to 7: gradients of what slides."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/exercises/01-convolution-exercises.ipynb"
ITEMS = ["Gradients of what slides"]


ring = Exercise(
    "03-cnn/convolutions-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "y[t] = sum over j of w[j] x[(t + j) mod T]. Which y's does x[s] take part in, and with which "
        "weight?",
        "x[s] meets w[j] in y[s - j]: dx[s] = sum over j of w[j] dy[(s - j) mod T].",
        "np.roll(dy, j)[s] is dy[s - j]; np.roll(x, -j)[t] is x[t + j]. Loop over the taps.",
    ],
    explanation="""
        On a ring there is no edge, so nothing is padded and nothing lost. Forwards the index grows with j,
        backwards it falls: the gradient of a correlation is a convolution. dw[j] compares dy with x moved by
        j.""",
)


@ring.reference
def ring_gradients(x, w, dy):
    dx = sum(w[j] * np.roll(dy, j) for j in range(len(w)))
    dw = np.array([dy @ np.roll(x, -j) for j in range(len(w))])
    return dx, dw


@ring.case("three taps on a ring of seven")
def _(rng):
    return rng.normal(size=7).round(1), rng.normal(size=3).round(1), rng.normal(size=7).round(1)


@ring.case("as many taps as places")
def _(rng):
    return rng.normal(size=4).round(1), rng.normal(size=4).round(1), rng.normal(size=4).round(1)


@ring.case("more taps than places: the kernel goes round", seeds=2)
def _(rng):
    return rng.normal(size=3).round(1), rng.normal(size=5).round(1), rng.normal(size=3).round(1)


@ring.wrong("This slides the same way as the forward pass: backwards the index falls with j.")
def _(x, w, dy):
    return sum(w[j] * np.roll(dy, -j) for j in range(len(w))), ring_gradients(x, w, dy)[1]


@ring.wrong("dw[j] compares dy[t] with x[t + j], not with x[t - j].")
def _(x, w, dy):
    return ring_gradients(x, w, dy)[0], np.array([dy @ np.roll(x, j) for j in range(len(w))])


@ring.wrong("The ring is cut: what leaves at the end comes back at the beginning.")
def _(x, w, dy):
    dx = np.convolve(dy, w)[: len(x)]
    return dx, ring_gradients(x, w, dy)[1]


power = Exercise(
    "03-cnn/convolutions-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Write m = mean of x^p over the pixels, so y = m^(1/p). Then log y = log(m) / p.",
        "dy/dx = y^(1-p) x^(p-1) / (number of pixels).",
        "dy/dp = y (mean(x^p log x) / (p m) - log(m) / p^2); sum dy times that over samples and channels.",
    ],
    explanation="""
        From log y = log(m) / p: by x it is y / (p m) * p x^(p-1) / n, which is y^(1-p) x^(p-1) / n since m =
        y^p. By p the product rule gives two terms, one from the power inside the mean and one from the root
        outside. p is one number, so its gradient is a sum over everything.""",
    rtol=1e-5,
)


@power.reference
def gem_gradients(X, p, dY):
    n = X.shape[2] * X.shape[3]
    m = (X**p).mean(axis=(2, 3))  # (N, C)
    Y = m ** (1 / p)
    dX = (dY * Y ** (1 - p))[:, :, None, None] * X ** (p - 1) / n
    slope = Y * ((X**p * np.log(X)).mean(axis=(2, 3)) / (p * m) - np.log(m) / p**2)
    return Y, dX, (dY * slope).sum()


def _positive(rng, N, C, H, W, p):
    return rng.uniform(0.2, 2, (N, C, H, W)).round(2), p, rng.normal(size=(N, C)).round(1)


@power.case("p = 3, as it is used")
def _(rng):
    return _positive(rng, 2, 3, 2, 3, 3.0)


@power.case("p = 1 is the mean")
def _(rng):
    return _positive(rng, 1, 2, 3, 2, 1.0)


@power.case("p = 20 is nearly the maximum", seeds=2)
def _(rng):
    return _positive(rng, 2, 1, 2, 2, 20.0)


@power.wrong("The mean divides by the number of pixels, and so does its gradient.")
def _(X, p, dY):
    Y, dX, dp = gem_gradients(X, p, dY)
    return Y, dX * X.shape[2] * X.shape[3], dp


@power.wrong("The root outside is missing from dX: the factor y^(1 - p).")
def _(X, p, dY):
    Y, _, dp = gem_gradients(X, p, dY)
    n = X.shape[2] * X.shape[3]
    return Y, dY[:, :, None, None] * X ** (p - 1) / n, dp


@power.wrong("p stands in two places: the root 1/p has a share in dp, too.")
def _(X, p, dY):
    Y, dX, _ = gem_gradients(X, p, dY)
    m = (X**p).mean(axis=(2, 3))
    return Y, dX, (dY * Y * (X**p * np.log(X)).mean(axis=(2, 3)) / (p * m)).sum()


@power.wrong("p is one number for all: sum its gradient over samples and channels.")
def _(X, p, dY):
    Y, dX, dp = gem_gradients(X, p, dY)
    return Y, dX, dp / dY.size


standard = Exercise(
    "03-cnn/convolutions-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "It is batch normalization turned by 90 degrees: statistics over the numbers of each filter, not"
        " over samples.",
        "With V the standardized weights, n numbers in a filter and G = dV: subtract from G its mean and V times the "
        "mean of G * V, all over the filter.",
        "dW = (G - mean(G) - V * mean(G * V)) / s with s the square root of variance + eps.",
    ],
    explanation="""
        V does not change when a constant is added to a filter or when it is scaled, so the gradient by W must
        be orthogonal to both directions: the two means take these parts out of dV. What is left is divided by
        s.""",
    rtol=1e-5,
)
EPS = 1e-5


def _standardized(W):
    axes = (1, 2, 3)
    s = np.sqrt(W.var(axis=axes, keepdims=True) + EPS)
    return (W - W.mean(axis=axes, keepdims=True)) / s, s


@standard.reference
def weight_standardization(W, dV, eps=1e-5):
    axes = (1, 2, 3)
    s = np.sqrt(W.var(axis=axes, keepdims=True) + eps)  # (F, 1, 1, 1)
    V = (W - W.mean(axis=axes, keepdims=True)) / s
    mean, along = dV.mean(axis=axes, keepdims=True), (dV * V).mean(axis=axes, keepdims=True)
    return V, (dV - mean - V * along) / s


@standard.driver
def plain_call(function, W, dV):
    return function(W, dV)


@standard.case("filters of several channels")
def _(rng):
    return rng.normal(1, 1, (3, 2, 3, 3)).round(1), rng.normal(size=(3, 2, 3, 3)).round(1)


@standard.case(
    "as many filters as channels and pixels, so that a wrong axis does not show in shapes", seeds=2
)
def _(rng):
    return rng.normal(1, 2, (3, 3, 3, 3)).round(1), rng.normal(size=(3, 3, 3, 3)).round(1)


@standard.case("small weights, where eps counts", seeds=2)
def _(rng):
    return 0.01 * rng.normal(1, 1, (2, 1, 3, 3)).round(1), rng.normal(size=(2, 1, 3, 3)).round(1)


@standard.wrong("The mean of a filter depends on W, too: subtract the mean of dV.")
def _(W, dV):
    V, s = _standardized(W)
    return V, (dV - V * (dV * V).mean(axis=(1, 2, 3), keepdims=True)) / s


@standard.wrong("The deviation depends on W, too: subtract V times the mean of dV * V.")
def _(W, dV):
    V, s = _standardized(W)
    return V, (dV - dV.mean(axis=(1, 2, 3), keepdims=True)) / s


@standard.wrong("Statistics belong to one filter: take them over axes 1, 2 and 3, not over the filters.")
def _(W, dV):
    s = np.sqrt(W.var(axis=0, keepdims=True) + EPS)
    V = (W - W.mean(axis=0, keepdims=True)) / s
    along = (dV * V).mean(axis=0, keepdims=True)
    return V, (dV - dV.mean(axis=0, keepdims=True) - V * along) / s


@standard.wrong("What is left must still be divided by the deviation s.")
def _(W, dV):
    V, s = _standardized(W)
    return V, weight_standardization(W, dV)[1] * s
