"""Exercises of 02-mlp/regularization/03-data-augmentation.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/regularization/03-data-augmentation.ipynb"


between = Exercise(
    "02-mlp/data-augmentation-1",
    notebook=NOTEBOOK,
    items=["Shifts, rotations and elastic distortions"],
    hints=[
        "i = floor(r) and j = floor(s) name the upper left neighbour; u = r - i and t = s - j are the fractions.",
        "Interpolate along the upper row, along the lower row, then between the two results.",
        "On the last row or column there is no neighbour beyond: move i and j back by one there, and u or t becomes 1.",
    ],
    explanation="""
        The four weights (1-u)(1-t), (1-u)t, u(1-t) and u t sum to 1. With i at most H - 2 the four neighbours always
        exist; on the last row u is then 1, and the lower row gets all the weight.""",
)


@between.reference
def bilinear(image, r, s):
    i, j = min(int(r), image.shape[0] - 2), min(int(s), image.shape[1] - 2)
    u, t = r - i, s - j
    upper = (1 - t) * image[i, j] + t * image[i, j + 1]
    lower = (1 - t) * image[i + 1, j] + t * image[i + 1, j + 1]
    return (1 - u) * upper + u * lower


@between.case("between four pixels")
def _(rng):
    return (
        rng.normal(size=(4, 5)).round(1),
        round(float(rng.uniform(0, 2.9)), 2),
        round(float(rng.uniform(0, 3.9)), 2),
    )


@between.case("exactly on a pixel")
def _(rng):
    return rng.normal(size=(4, 5)).round(1), float(rng.integers(0, 3)), float(rng.integers(0, 4))


@between.case("on the last row or the last column")
def _(rng):
    place = [(3.0, 1.25), (0.5, 4.0), (3.0, 4.0), (3.0, 0.0)][rng.bit_generator.seed_seq.entropy]
    return rng.normal(size=(4, 5)).round(1), *place


@between.wrong("On the last row or column there is no further neighbour: read none beyond the edge.")
def _(image, r, s):
    i, j = int(r), int(s)
    u, t = r - i, s - j
    upper = (1 - t) * image[i, j] + t * image[i, j + 1]
    return (1 - u) * upper + u * ((1 - t) * image[i + 1, j] + t * image[i + 1, j + 1])


@between.wrong("This takes the nearest pixel: mix the four neighbours by their areas.")
def _(image, r, s):
    return image[round(r), round(s)]


@between.wrong("Rows and columns are exchanged: u belongs to the row, t to the column.")
def _(image, r, s):
    i, j = min(int(r), image.shape[0] - 2), min(int(s), image.shape[1] - 2)
    t, u = r - i, s - j
    upper = (1 - t) * image[i, j] + t * image[i, j + 1]
    return (1 - u) * upper + u * ((1 - t) * image[i + 1, j] + t * image[i + 1, j + 1])


source = Exercise(
    "02-mlp/data-augmentation-2",
    notebook=NOTEBOOK,
    items=["Shifts, rotations and elastic distortions"],
    hints=[
        "Undo the last thing first: where was the pixel before the picture was moved down?",
        "Then undo the turn: i = c + R.T @ (o - c), with the centre c = ((H - 1) / 2, (W - 1) / 2).",
        "R = [[cos, -sin], [sin, cos]] acts on (row, column); its inverse is its transpose.",
    ],
    explanation="""
        The picture is turned, then moved, so the inverse moves back up first (row i - down) and turns back after that,
        by the transpose of R about the centre. Pixels begin at 0, so the centre lies at (H - 1) / 2, not at H / 2.""",
)


def _place(i, j, size, degrees, down, back=True, turn_first=False, half=1, sign=-1):
    a = np.deg2rad(degrees)
    R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    centre = (np.array(size) - half) / 2
    moved = np.array([sign * down, 0.0])
    o = np.array([i, j]) + (0 if turn_first else moved)
    return centre + (R.T if back else R) @ (o - centre) + (moved if turn_first else 0)


@source.reference
def source_place(i, j, size, degrees, down):
    a = np.deg2rad(degrees)
    R = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    centre = (np.array(size) - 1) / 2
    return centre + R.T @ (np.array([i - down, j]) - centre)


@source.driver
def as_array(function, i, j, size, degrees, down):
    return np.array(function(i, j, size, degrees, down), dtype=float)


@source.case("turned and moved")
def _(rng):
    return (
        int(rng.integers(0, 8)),
        int(rng.integers(0, 10)),
        (8, 10),
        int(rng.integers(10, 80)),
        int(rng.integers(1, 4)),
    )


@source.case("turned only")
def _(rng):
    return int(rng.integers(0, 5)), int(rng.integers(0, 5)), (5, 5), 90, 0


@source.case("moved only")
def _(rng):
    return int(rng.integers(0, 6)), int(rng.integers(0, 6)), (6, 6), 0, 2


@source.wrong("This asks where a pixel goes: the inverse rotation is R.T.")
def _(i, j, size, degrees, down):
    return _place(i, j, size, degrees, down, back=False)


@source.wrong("The order is turned round: what was done last must be undone first.")
def _(i, j, size, degrees, down):
    return _place(i, j, size, degrees, down, turn_first=True)


@source.wrong("Pixels are counted from 0, so the centre lies at (H - 1) / 2.")
def _(i, j, size, degrees, down):
    return _place(i, j, size, degrees, down, half=0)


@source.wrong("To move the picture down by 2, read 2 pixels higher: i - down.")
def _(i, j, size, degrees, down):
    return _place(i, j, size, degrees, down, sign=1)


targets = Exercise(
    "02-mlp/data-augmentation-3",
    notebook=NOTEBOOK,
    items=["Label smoothing and mixup"],
    hints=[
        "`np.eye(K)[y]` makes the labels one-hot, (N, K).",
        "Smoothing: (1 - epsilon) times that, plus epsilon / K everywhere.",
        "kept[:, None] has shape (N, 1): it multiplies each row. Row n's partner is row partner[n].",
    ],
    explanation="""
        T = (1 - epsilon) Y + epsilon / K, then kept T + (1 - kept) T[partner], row by row. Rows sum to 1 before and
        after, since both steps are mixtures of distributions.""",
)


@targets.reference
def soft_targets(y, partner, kept, K, epsilon):
    T = (1 - epsilon) * np.eye(K)[y] + epsilon / K
    return kept[:, None] * T + (1 - kept[:, None]) * T[partner]


@targets.case("smoothed and mixed")
def _(rng):
    return rng.integers(0, 4, 5), rng.permutation(5), rng.random(5).round(2), 4, 0.1


@targets.case("mixed only")
def _(rng):
    return rng.integers(0, 3, 4), rng.permutation(4), rng.random(4).round(2), 3, 0.0


@targets.case("smoothed only, as many samples as classes")
def _(rng):
    return rng.integers(0, 4, 4), rng.permutation(4), np.ones(4), 4, 0.2


@targets.wrong("epsilon is shared by all K classes, the true one included: add epsilon / K everywhere.")
def _(y, partner, kept, K, epsilon):
    Y = np.eye(K)[y]
    T = (1 - epsilon) * Y + (1 - Y) * epsilon / (K - 1)
    return kept[:, None] * T + (1 - kept[:, None]) * T[partner]


@targets.wrong("Rows do not sum to 1: what is added must be epsilon / K, and the rest times 1 - epsilon.")
def _(y, partner, kept, K, epsilon):
    T = np.eye(K)[y] + epsilon / K
    return kept[:, None] * T + (1 - kept[:, None]) * T[partner]


@targets.wrong("The shares are exchanged: `kept` belongs to the sample itself.")
def _(y, partner, kept, K, epsilon):
    T = (1 - epsilon) * np.eye(K)[y] + epsilon / K
    return (1 - kept[:, None]) * T + kept[:, None] * T[partner]


worth = Exercise(
    "02-mlp/data-augmentation-4",
    notebook=NOTEBOOK,
    items=["How much data is augmentation worth?"],
    hints=[
        "Going sideways turns the axes round: the accuracy is given, the size is sought.",
        "`np.interp(target, plain, np.log(sizes))` interpolates the logarithm of the size.",
        "`np.interp` stays at the last value beyond the end: test for target > plain[-1] yourself.",
    ],
    explanation="""
        Between two measured sizes the accuracy is taken to rise linearly in log size, so log size is linear in the
        accuracy there. exp of it is the number of plain images; divided by n, the factor.""",
)


@worth.reference
def worth_factor(n, target, sizes, plain):
    if target > plain[-1]:
        return np.nan
    return np.exp(np.interp(target, plain, np.log(sizes))) / n


@worth.driver
def as_number(function, n, target, sizes, plain):
    answer = function(n, target, sizes, plain)
    return "nan" if np.isnan(answer) else float(answer)


def _curve(rng):
    return np.array([100, 300, 1000, 3000]), np.sort(rng.uniform(0.7, 0.95, 4)).round(3)


@worth.case("between two measured sizes")
def _(rng):
    sizes, plain = _curve(rng)
    return 100, round(float(plain[1] + 0.6 * (plain[3] - plain[1])), 4), sizes, plain


@worth.case("exactly at a measured size")
def _(rng):
    sizes, plain = _curve(rng)
    return 300, float(plain[2]), sizes, plain


@worth.case("better than the plain curve ever gets")
def _(rng):
    sizes, plain = _curve(rng)
    return 1000, 0.99, sizes, plain


@worth.wrong("Interpolate the logarithm of the size: between 100 and 1000 the middle is 316, not 550.")
def _(n, target, sizes, plain):
    return np.interp(target, plain, sizes) / n if target <= plain[-1] else np.nan


@worth.wrong("Beyond its end the curve says nothing: nan, not the last size.")
def _(n, target, sizes, plain):
    return np.exp(np.interp(target, plain, np.log(sizes))) / n


@worth.wrong("This is the number of plain images; the factor divides it by n.")
def _(n, target, sizes, plain):
    return np.exp(np.interp(target, plain, np.log(sizes))) if target <= plain[-1] else np.nan
