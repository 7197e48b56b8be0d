"""Generated points and sequences, each drawn from `rng` (a Generator or an int seed)."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np

Rng = np.random.Generator | int


def positive_int(name: str, value: int, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer but is {value!r} ({type(value).__name__})")
    if value < least:
        raise ValueError(f"{name} must be at least {least} but is {value}")
    return int(value)


def _not_negative(name: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(f"{name} must be 0 or more but is {value!r}")
    return float(value)


def _shuffled(X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    order = rng.permutation(len(X))
    return X[order], y[order]


def make_moons(n_samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaving half circles of radius 1: X (n_samples, 2) float64, y (n_samples,) 0 or 1, shuffled.

    `noise` is the standard deviation of the Gaussian added to each coordinate. As in scikit-learn's
    `make_moons`.

    Notebook: 02-mlp/forward-propagation/03-hidden-representations.ipynb
    """
    n_samples, rng = positive_int("n_samples", n_samples, 2), np.random.default_rng(rng)
    y = (np.arange(n_samples) >= n_samples // 2).astype(np.int64)
    outer, inner = (np.linspace(0, np.pi, int((y == c).sum())) for c in (0, 1))
    X = np.concatenate(
        [np.c_[np.cos(outer), np.sin(outer)], np.c_[1 - np.cos(inner), 0.5 - np.sin(inner)]], axis=0
    )
    return _shuffled(X + rng.normal(0, _not_negative("noise", noise), X.shape), y, rng)


def make_spirals(
    n_samples: int = 300, n_classes: int = 2, turns: float = 1.5, noise: float = 0.02, rng: Rng = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Interleaved spiral arms in the unit circle, one a class: X (n_samples, 2) float64, y int64, shuffled.

    Each arm makes `turns` turns from near the centre outwards; `noise` is the standard deviation of each
    coordinate. The two-spirals problem is from Lang, Witbrock 1988, "Learning to Tell Two Spirals Apart".

    Notebook: 02-mlp/forward-propagation/03-hidden-representations.ipynb
    """
    n_classes = positive_int("n_classes", n_classes)
    n_samples, rng = positive_int("n_samples", n_samples, n_classes), np.random.default_rng(rng)
    y = np.arange(n_samples) % n_classes
    radius = np.sqrt(rng.uniform(0.01, 1.0, n_samples))
    angle = 2 * np.pi * (turns * radius + y / n_classes)
    X = radius[:, None] * np.c_[np.cos(angle), np.sin(angle)]
    return _shuffled(X + rng.normal(0, _not_negative("noise", noise), X.shape), y.astype(np.int64), rng)


def make_blobs(
    n_samples: int = 200, centers: int | Sequence = 3, std: float = 1.0, rng: Rng = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds of equal size: X (n_samples, D) float64, y (n_samples,) int64, shuffled.

    `centers` is an array (K, D), or a number K of centres drawn in the square [-10, 10]²; `std` is the
    standard deviation around each. As in scikit-learn's `make_blobs`.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """
    n_samples, rng = positive_int("n_samples", n_samples), np.random.default_rng(rng)
    if np.ndim(centers) == 0:
        centers = rng.uniform(-10, 10, (positive_int("centers", centers), 2))
    centers = np.asarray(centers, dtype=np.float64)
    if centers.ndim != 2:
        raise ValueError(f"centers must be a number or an array (K, D) but has shape {centers.shape}")
    y = np.arange(n_samples) % len(centers)
    X = centers[y] + rng.normal(0, _not_negative("std", std), (n_samples, centers.shape[1]))
    return _shuffled(X, y.astype(np.int64), rng)


def make_xor(n_samples: int = 200, noise: float = 0.1, rng: Rng = 0) -> tuple[np.ndarray, np.ndarray]:
    """Points around the corners of the unit square, labelled by XOR: X (n_samples, 2) float64, y in {0, 1}.

    The corners take turns: (0, 0), (0, 1), (1, 0), (1, 1), so with `n_samples=4, noise=0` X is the truth
    table.

    Notebook: 01-foundations/perceptron/02-linear-limits-and-xor.ipynb
    """
    n_samples, rng = positive_int("n_samples", n_samples), np.random.default_rng(rng)
    corner = np.arange(n_samples) % 4
    bits = np.c_[corner // 2, corner % 2]
    X = bits + rng.normal(0, _not_negative("noise", noise), bits.shape)
    return X, (bits[:, 0] ^ bits[:, 1]).astype(np.int64)


def make_linearly_separable(
    n_samples: int = 100, n_features: int = 2, margin: float = 0.1, rng: Rng = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Points of [-1, 1]^D on both sides of a random hyperplane near 0: X (n_samples, D) float64, y 0 or 1.

    Every point keeps a distance of at least `margin` from the hyperplane (Novikoff 1962 bounds the
    perceptron's mistakes by it). Raises ValueError where `margin` leaves no room for points.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    n_samples, n_features = positive_int("n_samples", n_samples, 2), positive_int("n_features", n_features)
    margin, rng = _not_negative("margin", margin), np.random.default_rng(rng)
    w = rng.normal(size=n_features)
    w, b = w / np.linalg.norm(w), rng.uniform(-0.1, 0.1)
    X, distance = np.empty((0, n_features)), np.empty(0)
    for _ in range(200):
        candidates = rng.uniform(-1, 1, (4 * n_samples, n_features))
        signed = candidates @ w + b
        clear = (np.abs(signed) >= margin) & (signed != 0)
        X, distance = np.concatenate([X, candidates[clear]]), np.concatenate([distance, signed[clear]])
        sides = [np.flatnonzero(distance > 0), np.flatnonzero(distance < 0)]
        if len(X) >= n_samples and all(map(len, sides)):
            keep = _both_sides(sides, n_samples)
            return X[keep], (distance[keep] > 0).astype(np.int64)
    raise ValueError(
        f"margin={margin} leaves hardly any points of [-1, 1]^{n_features} on both sides: "
        "take a smaller one, e.g. 0.1"
    )


def _both_sides(sides: list[np.ndarray], n_samples: int) -> np.ndarray:
    """First points in the order drawn, with at least one of each side."""
    first = np.array([side[0] for side in sides])
    others = np.setdiff1d(np.concatenate(sides), first)
    return np.sort(np.concatenate([first, others[: n_samples - 2]]))


def make_adding(n: int, length: int, rng: Rng = 0) -> tuple[np.ndarray, np.ndarray]:
    """The adding problem: X (n, length, 2) float64, y (n,) float64, the sum of the two marked numbers.

    X[..., 0] are numbers uniform in [0, 1); X[..., 1] is 1 at one place of each half and else 0. Hochreiter,
    Schmidhuber 1997, "Long Short-Term Memory", experiment 4, in the form of Arjovsky et al. 2016. Answering 1
    always has a mean squared error of 1/6.

    Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
    """
    n, length, rng = positive_int("n", n), positive_int("length", length, 2), np.random.default_rng(rng)
    X = np.zeros((n, length, 2))
    X[..., 0] = rng.random((n, length))
    half, rows = length // 2, np.arange(n)
    for low, high in ((0, half), (half, length)):
        X[rows, rng.integers(low, high, n), 1] = 1.0
    return X, (X[..., 0] * X[..., 1]).sum(axis=1)


def make_copy(
    n: int, length: int = 10, n_symbols: int = 8, delay: int = 20, rng: Rng = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The copy task: X, Y (n, 2 * length + delay) int64; repeat the first `length` symbols after a delay.

    Symbols are 1 to n_symbols, 0 is the blank, n_symbols + 1 the sign to begin, given at the last step of the
    delay. Hochreiter, Schmidhuber 1997, in the form of Arjovsky et al. 2016.

    Notebook: 04-rnn/lstm-gru/03-lstm-vs-gru.ipynb
    """
    n, length, delay = positive_int("n", n), positive_int("length", length), positive_int("delay", delay)
    symbols = np.random.default_rng(rng).integers(1, positive_int("n_symbols", n_symbols) + 1, (n, length))
    X = np.zeros((n, 2 * length + delay), dtype=np.int64)
    Y = X.copy()
    X[:, :length], X[:, length + delay - 1], Y[:, -length:] = symbols, n_symbols + 1, symbols
    return X, Y


MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
DATE_FORMATS = (
    "{day} {month} {year}", "{month} {day}, {year}", "{day} {short} {year}", "{short} {day}, {year}",
    "{day}.{number}.{year}", "{number}/{day}/{year}", "{year}/{number:02}/{day:02}",
    "{day:02} {number:02} {year}",
    "{weekday}, {day} {month} {year}", "{weekday} {month} {day} {year}", "the {ordinal} of {month} {year}",
    "{month} the {ordinal}, {year}",
)  # fmt: skip


def make_dates(n: int, rng: Rng = 0) -> tuple[tuple[str, str], ...]:
    """n pairs of a date as people write it and its ISO form: ("the 3rd of March 1998", "1998-03-03").

    Days of 1950 to 2049 in twelve formats, a third of them in lower case. One format is American (month
    first), and where it is ambiguous with no other: it alone has slashes and the year last.

    Notebook: 05-attention/basic-attention/02-additive-attention.ipynb
    """
    rng = np.random.default_rng(rng)
    first, last = date(1950, 1, 1), date(2049, 12, 31)
    days = rng.integers(0, (last - first).days + 1, positive_int("n", n))
    formats, lower = rng.integers(0, len(DATE_FORMATS), n), rng.random(n) < 1 / 3
    return tuple(
        _date_pair(first + timedelta(days=int(d)), DATE_FORMATS[f], low)
        for d, f, low in zip(days, formats, lower, strict=True)
    )


def _date_pair(day: date, form: str, lower: bool) -> tuple[str, str]:
    month = MONTHS[day.month - 1]
    text = form.format(
        day=day.day, number=day.month, year=day.year, month=month, short=month[:3],
        weekday=DAYS[day.weekday()], ordinal=_ordinal(day.day),
    )  # fmt: skip
    return (text.lower() if lower else text), day.isoformat()


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number in (11, 12, 13) else suffix}"
