"""Exercises 8 and 9: weights that vanish in groups, and images made of two."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/02-training-exercises.ipynb"
ITEMS = ["Fitting and judging"]


pixel_groups = Exercise(
    "02-mlp/learning-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The lengths of the columns: `np.linalg.norm(W, axis=0, keepdims=True)`, of shape (1, D).",
        "A column of length r becomes a column of length max(r - threshold, 0) in the same direction.",
        "So multiply by max(r - threshold, 0) / r, and divide by 1 where r is 0.",
    ],
    explanation="""
        The columns do not meet in the sum, so each is minimized alone, and by symmetry along its own direction:
        ½ (ρ - r)² + t ρ has its minimum at ρ = max(r - t, 0). A column shorter than t vanishes wholly, and its
        input is not needed any more. Soft-thresholding single numbers is the same thing in one dimension.
        (M. Yuan, Y. Lin, 2006.)""",
)


@pixel_groups.reference
def shrink_columns(W, threshold):
    length = np.linalg.norm(W, axis=0, keepdims=True)  # (1, D)
    return W * np.maximum(length - threshold, 0) / np.where(length > 0, length, 1)


@pixel_groups.case("some columns shrink, short ones vanish")
def _(rng):
    return (rng.normal(size=(2, 5)) * [0.1, 0.3, 1, 2, 4]).round(2), 0.75


@pixel_groups.case("as many units as inputs, so that a wrong axis does not show in shapes", seeds=2)
def _(rng):
    return rng.normal(size=(3, 3)).round(1), 0.5


@pixel_groups.case("a column of zeros stays zero and does not become NaN", seeds=1)
def _(rng):
    return np.array([[0.0, 3.0], [0.0, 4.0]]), 1.0


@pixel_groups.case("one unit: soft-thresholding", seeds=1)
def _(rng):
    return np.array([[-2.0, -0.5, 0.0, 0.5, 2.0]]), 1.0


@pixel_groups.case("threshold 0 changes nothing", seeds=1)
def _(rng):
    return rng.normal(size=(2, 3)).round(1), 0.0


@pixel_groups.wrong("Each weight was shrunk by itself: a column vanishes as a whole or not at all.")
def _(W, threshold):
    return np.sign(W) * np.maximum(np.abs(W) - threshold, 0)


@pixel_groups.wrong("The rows were shrunk: an input's weights to all units stand in a column of W.")
def _(W, threshold):
    return shrink_columns(W.T, threshold).T


@pixel_groups.wrong("A column of zeros has length 0: do not divide by it.")
def _(W, threshold):
    length = np.linalg.norm(W, axis=0)
    return W * np.maximum(length - threshold, 0) / length


@pixel_groups.wrong("Columns shorter than the threshold came out turned round: at 0 they stop.")
def _(W, threshold):
    length = np.linalg.norm(W, axis=0)
    return W * (length - threshold) / np.where(length > 0, length, 1)


@pixel_groups.wrong("The columns that stay must become shorter by the threshold, too.")
def _(W, threshold):
    return W * (np.linalg.norm(W, axis=0) > threshold)


cutmix = Exercise(
    "02-mlp/learning-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Cut the box to the image first: rows from max(top, 0) to min(top + size, H), columns likewise.",
        "A negative start would count from the other end of the array: that is why it must be cut first.",
        "Copy X, then `new[:, rows, columns] = X[order][:, rows, columns]`. The share that is kept is "
        "1 - (area of the cut box) / (H W).",
    ],
    explanation="""
        The labels must tell what is to be seen, so the share is computed from the box after it was cut to the
        image: at a corner a box of size 2 a side may cover one pixel only. `slice(max(top, 0), ...)` keeps
        negative places from wrapping around. X[order] is read from the untouched batch, or an image could
        receive a patch that has already been replaced. (S. Yun and others, 2019.)""",
)


@cutmix.reference
def cutmix_batch(X, Y, order, top, left, size):
    _, H, W = X.shape
    rows = slice(max(top, 0), max(min(top + size, H), 0))
    columns = slice(max(left, 0), max(min(left + size, W), 0))
    mixed = X.copy()
    mixed[:, rows, columns] = X[order][:, rows, columns]
    kept = 1 - X[0, rows, columns].size / (H * W)
    return mixed, kept * Y + (1 - kept) * Y[order]


def _images(rng, n=3, h=4, w=5):
    X, Y = rng.integers(0, 9, size=(n, h, w)) * 1.0, np.eye(n)[rng.permutation(n)]
    return X, Y, rng.permutation(n)


@cutmix.case("a box inside of the image")
def _(rng):
    return *_images(rng), int(rng.integers(0, 3)), int(rng.integers(0, 4)), 2


@cutmix.case("a box that hangs over the top or the left", seeds=3)
def _(rng):
    return *_images(rng), int(rng.integers(-1, 1)), -1, 2


@cutmix.case("a box that hangs over the bottom right corner", seeds=2)
def _(rng):
    return *_images(rng), 3, 3, 3


@cutmix.case("a box as large as the image: all of it is replaced, and all of its label", seeds=1)
def _(rng):
    return *_images(rng), -1, -1, 9


@cutmix.case("a box of size 0 changes nothing", seeds=1)
def _(rng):
    return *_images(rng), 1, 1, 0


def _cut(top, left, size, H, W):
    rows = slice(max(top, 0), max(min(top + size, H), 0))
    return rows, slice(max(left, 0), max(min(left + size, W), 0))


@cutmix.wrong("The share counts pixels beyond the border: take the area of the box after it was cut.")
def _(X, Y, order, top, left, size):
    share = size**2 / X[0].size
    return cutmix_batch(X, Y, order, top, left, size)[0], (1 - share) * Y + share * Y[order]


@cutmix.wrong("A negative start counts from the other end of the array: cut it to 0.")
def _(X, Y, order, top, left, size):
    mixed = X.copy()
    mixed[:, top : top + size, left : left + size] = X[order][:, top : top + size, left : left + size]
    share = mixed[0, top : top + size, left : left + size].size / X[0].size
    return mixed, (1 - share) * Y + share * Y[order]


@cutmix.wrong("The shares are exchanged: the patch brings its own share of the label.")
def _(X, Y, order, top, left, size):
    mixed, labels = cutmix_batch(X, Y, order, top, left, size)
    return mixed, Y + Y[order] - labels


@cutmix.wrong("The images are mixed, the labels are not: a patch of a 7 makes it partly a 7.")
def _(X, Y, order, top, left, size):
    return cutmix_batch(X, Y, order, top, left, size)[0], Y


@cutmix.wrong("This mixes brightness everywhere, as mixup does: the box is to be replaced, the rest kept.")
def _(X, Y, order, top, left, size):
    rows, columns = _cut(top, left, size, *X.shape[1:])
    kept = 1 - X[0, rows, columns].size / X[0].size
    return kept * X + (1 - kept) * X[order], kept * Y + (1 - kept) * Y[order]
