"""Exercises of 03-cnn/convolution-basics/03-pooling.ipynb."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/convolution-basics/03-pooling.ipynb"


winners = Exercise(
    "03-cnn/pooling-1",
    notebook=NOTEBOOK,
    items=["Max pooling"],
    hints=[
        "Window i is x[s * i : s * i + k]; dy[i] goes to one entry of it.",
        "`s * i + np.argmax(x[s * i : s * i + k])` is the first of its greatest entries.",
        "An entry that wins two windows gets both gradients: add, do not assign.",
    ],
    explanation="""
        Each window hands its gradient to one place. Places repeat where windows overlap, so the gradients add up, and
        the sum of dx equals the sum of dy whatever x is. argmax returns the first of equals, as PyTorch does.""",
)


@winners.reference
def max_pool_backward(x, dy, k, s):
    dx = np.zeros_like(x)
    for i, g in enumerate(dy):
        dx[s * i + np.argmax(x[s * i : s * i + k])] += g
    return dx


def _sequence(rng, k, s, values=None):
    x = rng.normal(size=3 * s + k).round(2) if values is None else values(3 * s + k)
    return x, rng.normal(size=4).round(2), k, s


@winners.case("windows side by side")
def _(rng):
    return _sequence(rng, 3, 3)


@winners.case("windows that overlap")
def _(rng):
    return _sequence(rng, 3, 1)


@winners.case("gaps between the windows")
def _(rng):
    return _sequence(rng, 2, 3)


@winners.case("ties")
def _(rng):
    return _sequence(rng, 3, 2, lambda n: rng.integers(0, 2, n).astype(float))


@winners.wrong("A peak that wins several windows collects from each: add where you assign.")
def _(x, dy, k, s):
    dx = np.zeros_like(x)
    for i, g in enumerate(dy):
        dx[s * i + np.argmax(x[s * i : s * i + k])] = g
    return dx


@winners.wrong("Of equals only the first gets the gradient; here each of them does.")
def _(x, dy, k, s):
    dx = np.zeros_like(x)
    for i, g in enumerate(dy):
        window = x[s * i : s * i + k]
        dx[s * i : s * i + k] += g * (window == window.max())
    return dx


@winners.wrong("Windows begin at s * i, not at k * i.")
def _(x, dy, k, s):
    dx = np.zeros_like(x)
    for i, g in enumerate(dy):
        if k * i < len(x):
            dx[k * i + np.argmax(x[k * i : k * i + k])] += g
    return dx


frame = Exercise(
    "03-cnn/pooling-2",
    notebook=NOTEBOOK,
    items=["Average pooling"],
    hints=[
        "At a corner only some of the k x k neighbours exist, but the mean divides by all of them.",
        "Smooth a picture of ones in the same way: it says which share of each window exists.",
        "Divide the one by the other.",
    ],
    explanation="""
        The sum over the zeros of the padding is right; only the number of cells is not. The same operation on ones
        gives the share of existing cells, and the quotient is their mean: count_include_pad=False.""",
)


def _zero_padded(image, k):
    return sliding_window_view(np.pad(image, k // 2), (k, k)).mean(axis=(2, 3))


@frame.reference
def smooth(image, k):
    def mean_with_zeros(image):
        return sliding_window_view(np.pad(image, k // 2), (k, k)).mean(axis=(2, 3))

    return mean_with_zeros(image) / mean_with_zeros(np.ones_like(image))


@frame.case("a plain picture stays as it is")
def _(rng):
    return np.full((4, 5), round(float(rng.uniform(0.5, 1)), 2)), 3


@frame.case("any picture")
def _(rng):
    return rng.random((5, 6)).round(2), 3


@frame.case("windows larger than the picture")
def _(rng):
    return rng.random((3, 4)).round(2), 7


@frame.wrong("The zeros of the padding still count: divide by the cells that exist.")
def _(image, k):
    return _zero_padded(image, k)


@frame.wrong("Repeating the edge invents neighbours: the mean is over those that exist.")
def _(image, k):
    padded = np.pad(image, k // 2, mode="edge")
    return sliding_window_view(padded, (k, k)).mean(axis=(2, 3))


@frame.wrong("Cells that are 0 in the picture exist too: count places, not values.")
def _(image, k):
    sums = sliding_window_view(np.pad(image, k // 2), (k, k))
    rows = np.minimum(k, len(image)) * np.ones_like(image)
    return sums.sum(axis=(2, 3)) / (rows * k)


stripes = Exercise(
    "03-cnn/pooling-3",
    notebook=NOTEBOOK,
    items=["Strided convolution instead"],
    hints=[
        "The frequency is f = 1 / period, in cycles a pixel. Samples s apart cannot tell f from f - m / s, m whole.",
        "Of all those aliases the slowest is seen: |f - m / s| with m = round(f s).",
        "The apparent period is 1 over that frequency; over 0 it is infinite.",
    ],
    explanation="""
        In units of the samples the frequency is f s, and only its distance from the nearest whole number can be seen:
        at most 1/2. Divided by s this is in cycles a pixel again. Stripes with a period of 2 s or more keep theirs.""",
    rtol=1e-5,
)


@stripes.reference
def apparent_period(period, s):
    cycles = s / period  # from one sample to the next
    seen = abs(cycles - round(cycles))
    return s / seen if seen > 1e-9 else np.inf


@stripes.driver
def as_number(function, period, s):
    with np.errstate(divide="ignore"):
        return float(function(period, s))


@stripes.case("slow enough to be kept")
def _(rng):
    return float(rng.choice([5.0, 8.0, 12.5])), 2


@stripes.case("too fast for the stride")
def _(rng):
    return [(2.5, 2), (3.0, 4), (2.4, 4), (3.2, 3)][rng.bit_generator.seed_seq.entropy]


@stripes.case("a period that divides the stride seems constant")
def _(rng):
    return float(rng.choice([2.0, 3.0])), 6


@stripes.wrong("Fast stripes do not keep their period: fold the frequency first.")
def _(period, s):
    return np.inf if s % period == 0 else period


@stripes.wrong("This is counted in samples: times s it is in pixels of the original.")
def _(period, s):
    cycles = s / period
    seen = abs(cycles - round(cycles))
    return 1 / seen if seen > 1e-9 else np.inf


@stripes.wrong(
    "The remainder alone is not enough: 0.8 cycles a sample look like 0.2, so far from a whole number."
)
def _(period, s):
    seen = (s / period) % 1
    return s / seen if seen > 1e-9 else np.inf


ranges = Exercise(
    "03-cnn/pooling-4",
    notebook=NOTEBOOK,
    items=["Max pooling"],
    hints=[
        "Column i covers x[i * T // n : -(-(i + 1) * T // n)]: // rounds down, and up with two minus signs.",
        "The smallest is a pooling, too: the negative of the greatest of -x.",
        "`np.stack([smallest, greatest])` has shape (2, n).",
    ],
    explanation="""
        Minimum and maximum of each column keep every spike. Where n does not divide T, neighbouring columns share a
        value, so that none is left out; adaptive pooling uses the same grid. Oscilloscopes call it peak detection.""",
)


def _columns(T, n, up=True):
    return [slice(i * T // n, -(-(i + 1) * T // n) if up else (i + 1) * T // n) for i in range(n)]


@ranges.reference
def envelope(x, n):
    T = len(x)
    columns = [x[i * T // n : -(-(i + 1) * T // n)] for i in range(n)]
    return np.array([[c.min() for c in columns], [c.max() for c in columns]])


@ranges.case("n divides the length")
def _(rng):
    return rng.normal(size=24).round(2), 6


@ranges.case("n does not divide the length")
def _(rng):
    return rng.normal(size=23).round(2), 5


@ranges.case("one spike in silence")
def _(rng):
    x = np.zeros(50)
    x[rng.integers(0, 50)] = -3.0
    return x, 7


@ranges.case("more columns than values")
def _(rng):
    return rng.normal(size=4).round(2), 6


@ranges.wrong("The last values are left out where n does not divide the length.")
def _(x, n):
    columns = x[: len(x) // n * n].reshape(n, -1)
    return np.array([columns.min(axis=1), columns.max(axis=1)])


@ranges.wrong("A mean hides the spike: the range needs the smallest and the greatest.")
def _(x, n):
    means = [x[part].mean() for part in _columns(len(x), n)]
    return np.array([means, means])


@ranges.wrong("The end of a column is rounded up, so that neighbours may share a value.")
def _(x, n):
    columns = [x[part] for part in _columns(len(x), n, up=False)]
    return np.array([[c.min() for c in columns], [c.max() for c in columns]])


@ranges.wrong("The order is smallest first, greatest second.")
def _(x, n):
    columns = [x[part] for part in _columns(len(x), n)]
    return np.array([[c.max() for c in columns], [c.min() for c in columns]])
