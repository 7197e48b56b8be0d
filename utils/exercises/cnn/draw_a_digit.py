"""Exercises of 03-cnn/applications/06-draw-a-digit.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/06-draw-a-digit.ipynb"
ITEMS = ["Draw, and watch it read"]


segment = Exercise(
    "03-cnn/draw-a-digit-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The nearest point of the infinite line is a + t (b - a) with t = (p - a)·(b - a) / ‖b - a‖².",
        "Beyond the ends the end is nearest: clip t to 0 and 1.",
        "A segment of no length has ‖b - a‖² = 0: its only point is a.",
    ],
    explanation="""
        The squared distance to a + t (b - a) is a parabola in t with its minimum at (p - a)·(b - a) / ‖b -
        a‖². Clipped to 0 and 1 it stays on the segment, which makes the round caps of the pen.""",
)


@segment.reference
def distance_to_segment(p, a, b):
    along = b - a
    length = along @ along
    t = np.clip((p - a) @ along / length, 0, 1) if length > 0 else 0.0
    return np.linalg.norm(p - a - t * along)


@segment.driver
def as_number(function, p, a, b):
    return float(function(np.array(p), np.array(a), np.array(b)))


@segment.case("beside the segment")
def _(rng):
    return [float(rng.uniform(1, 3)), 2.0], [0.0, 0.5], [4.0, 0.0]


@segment.case("beyond one of its ends")
def _(rng):
    return [float(rng.uniform(5, 9)), 2.0], [0.0, 0.0], [4.0, 1.0]


@segment.case("before its beginning")
def _(rng):
    return [float(rng.uniform(-9, -5)), 1.0], [0.0, 0.0], [4.0, 1.0]


@segment.case("a segment of no length, which is a dot")
def _(rng):
    return [float(rng.uniform(-2, 2)), 1.0], [0.5, 0.5], [0.5, 0.5]


@segment.wrong(
    "This is the distance from the endless line: beyond an end of the segment, the end is nearest."
)
def _(p, a, b):
    along = b - a
    return np.linalg.norm(p - a - (p - a) @ along / max(along @ along, 1e-12) * along)


@segment.wrong("A dot has no direction: with a = b this divides 0 by 0. The distance is then that from a.")
def _(p, a, b):
    along = b - a
    with np.errstate(invalid="ignore"):
        t = np.clip((p - a) @ along / (along @ along), 0, 1)
    return np.linalg.norm(p - a - t * along)


@segment.wrong("The projection must be divided by the squared length of b - a, not by the length.")
def _(p, a, b):
    along = b - a
    t = np.clip((p - a) @ along / max(np.linalg.norm(along), 1e-12), 0, 1)
    return np.linalg.norm(p - a - t * along)


centre = Exercise(
    "03-cnn/draw-a-digit-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The centre of mass in rows is the mean of the places 0.5, 1.5, ..., weighted by the ink of each"
        " row.",
        "The sums of rows are image.sum(axis=1), of columns image.sum(axis=0).",
        "The shift is the middle minus the centre of mass, rounded: round(H / 2 - row), round(W / 2 - "
        "column).",
    ],
    explanation="""
        With pixel i reaching from i to i + 1, its middle is i + 1/2 and the image's middle is H / 2. The
        shift wanted is the difference, rounded to whole pixels, so that nothing is interpolated.""",
)


def _shift(image, half=0.5, sign=1, weights=None):
    weights = image if weights is None else weights
    out = []
    for axis in (0, 1):
        n, mass = image.shape[axis], weights.sum(axis=1 - axis)
        out.append(round(float(sign * (n / 2 - (np.arange(n) + half) @ mass / mass.sum()))))
    return tuple(out)


@centre.reference
def shift_to_centre(image):
    H, W = image.shape
    row = (np.arange(H) + 0.5) @ image.sum(axis=1) / image.sum()
    column = (np.arange(W) + 0.5) @ image.sum(axis=0) / image.sum()
    return round(H / 2 - row), round(W / 2 - column)


@centre.driver
def as_pair(function, image):
    down, right = function(image)
    return np.array([int(down), int(right)])


def _grey(rng, H, W, rows, columns):
    image = np.zeros((H, W))
    image[rows, columns] = rng.uniform(0.2, 1, image[rows, columns].shape).round(2)
    return image


@centre.case("ink in a corner")
def _(rng):
    return (_grey(rng, 8, 10, slice(0, 3), slice(7, 10)),)


@centre.case("light and dark ink")
def _(rng):
    image = np.zeros((12, 12))
    image[1:4, 1:11] = 0.1
    image[9:11, 2 + rng.integers(0, 2) : 5] = 1.0
    return (image,)


@centre.case("an odd number of pixels, one of them inked in the middle")
def _(rng):
    image = np.zeros((7, 9))
    image[3, 4] = rng.uniform(0.2, 1)
    return (image,)


@centre.case("one pixel in the last row")
def _(rng):
    image = np.zeros((9, 5))
    image[8, rng.integers(0, 2)] = 1.0
    return (image,)


@centre.wrong(
    "A pixel's middle lies half a pixel after its edge: pixel 0 is at 0.5 when the middle is H / 2."
)
def _(image):
    return _shift(image, half=-0.3)


@centre.wrong("This is where the ink is, seen from the middle; it must be moved by the opposite.")
def _(image):
    return _shift(image, sign=-1)


@centre.wrong(
    "This takes the middle of the box around the ink: the centre of mass weighs dark pixels more than light ones."
)
def _(image):
    out = []
    for axis in (0, 1):
        where = np.flatnonzero((image > 0).any(axis=1 - axis))
        out.append(round(float(image.shape[axis] / 2 - (where[0] + where[-1] + 1) / 2)))
    return tuple(out)


@centre.wrong("Rows and columns are exchanged: the sum over axis 1 is the ink of each row.")
def _(image):
    return _shift(image)[::-1]


thumbnails = Exercise(
    "03-cnn/draw-a-digit-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Write A (m, n) for one direction: its row i covers the input from i n / m to (i + 1) n / m.",
        "Overlap of [l, r] with pixel j: max(0, min(r, j + 1) - max(l, j)). Divide by n / m for a mean.",
        "The result is A(H, h) @ image @ A(W, w).T.",
    ],
    explanation="""
        Every row of A holds the shares that n input pixels have in one output pixel, and sums to 1. Rows and
        columns are scaled one after the other, in either order, which is a product from the left and one from
        the right.""",
)


def _areas(n, m):
    i, j = np.arange(m)[:, None], np.arange(n)
    overlap = np.minimum((i + 1) * n / m, j + 1) - np.maximum(i * n / m, j)
    return np.maximum(overlap, 0) * m / n


@thumbnails.reference
def thumbnail(image, h, w):
    return _areas(image.shape[0], h) @ image @ _areas(image.shape[1], w).T


@thumbnails.case("whole factors")
def _(rng):
    return rng.normal(size=(6, 8)).round(1), 3, 2


@thumbnails.case("factors that are no whole numbers")
def _(rng):
    return rng.normal(size=(7, 5)).round(1), 3, 2


@thumbnails.case("enlarged along one axis")
def _(rng):
    return rng.normal(size=(2, 6)).round(1), 5, 4


@thumbnails.wrong("Taking every k-th pixel forgets those between: take means over the areas.")
def _(image, h, w):
    rows = (np.arange(h) * image.shape[0] / h).astype(int)
    columns = (np.arange(w) * image.shape[1] / w).astype(int)
    return image[rows][:, columns]


@thumbnails.wrong(
    "These are sums of ink: divide by the area that an output pixel covers, n / m along each axis."
)
def _(image, h, w):
    H, W = image.shape
    return _areas(H, h) @ image @ _areas(W, w).T * (H / h) * (W / w)


@thumbnails.wrong(
    "The edges of output pixels are not whole pixels here: take shares of the pixels that they cut."
)
def _(image, h, w):
    rows = np.linspace(0, image.shape[0], h + 1).astype(int)
    columns = np.linspace(0, image.shape[1], w + 1).astype(int)
    return np.array(
        [
            [
                image[
                    rows[i] : max(rows[i + 1], rows[i] + 1), columns[j] : max(columns[j + 1], columns[j] + 1)
                ].mean()
                for j in range(w)
            ]
            for i in range(h)
        ]
    )


refusal = Exercise(
    "03-cnn/draw-a-digit-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "What counts is P.max(axis=1); sort it.",
        "At a threshold equal to the k-th smallest (counted from 0), exactly the k smaller ones are refused.",
        "At most floor(loss * N) may be refused, so take the value at that place of the sorted array.",
    ],
    explanation="""
        Sorted upwards, a threshold at place k refuses the k values below it and keeps the one that equals it.
        The largest k allowed is floor(loss N): a higher threshold would refuse one more. Rounding up breaks
        the promise.""",
)


@refusal.reference
def refusal_threshold(P, loss):
    top = np.sort(P.max(axis=1))
    return top[int(np.floor(loss * len(top) + 1e-9))]


@refusal.driver
def as_float(function, P, loss):
    return float(function(P, loss))


def _beliefs(rng, N):
    return rng.dirichlet(np.ones(10) / 3, N).round(6)


@refusal.case("a twentieth of forty")
def _(rng):
    return _beliefs(rng, 40), 0.05


@refusal.case("a share that is no whole number of drawings")
def _(rng):
    return _beliefs(rng, 15), 0.25


@refusal.case("nobody may be refused")
def _(rng):
    return _beliefs(rng, 12), 0.0


@refusal.wrong("This refuses more than the share allowed: round the number of refused drawings down.")
def _(P, loss):
    top = np.sort(P.max(axis=1))
    return top[min(int(np.ceil(loss * len(top))) + 1, len(top) - 1)]


@refusal.wrong("The largest probability of each drawing decides, not the smallest.")
def _(P, loss):
    top = np.sort(P.min(axis=1))
    return top[int(np.floor(loss * len(top) + 1e-9))]


@refusal.wrong("A quantile between two drawings lies below the largest threshold that keeps the promise.")
def _(P, loss):
    top = np.sort(P.max(axis=1))
    k = int(np.floor(loss * len(top) + 1e-9))
    return (top[k] + top[max(k - 1, 0)]) / 2 - 1e-6
