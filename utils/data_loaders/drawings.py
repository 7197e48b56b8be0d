"""Digits as a hand draws them: strokes from a few patterns, each drawing with a shape, size and place of its own."""

import numpy as np
from numpy.typing import NDArray

from utils.data_loaders.generators import Rng, positive_int

# For each digit its ways of being drawn; a way is strokes, a stroke is points x, y in per cent of the paper, through
# which a smooth line is laid. A point given twice is a corner.
PATTERNS: tuple[tuple[str, ...], ...] = (
    ("50 8, 28 22, 22 50, 30 82, 50 92, 70 80, 78 50, 70 18, 50 8",),
    ("50 8, 50 92", "32 28, 52 8, 52 8, 52 92", "34 26, 52 8, 52 8, 52 92; 32 92, 74 92"),
    (
        "25 28, 38 10, 60 9, 72 27, 60 52, 24 92, 24 92, 78 92",
        "24 26, 45 7, 70 22, 62 52, 34 86, 26 82, 38 78, 76 90",
    ),
    (
        "27 18, 48 7, 70 20, 64 40, 45 47, 45 47, 70 57, 74 78, 52 94, 24 84",
        "24 9, 70 9, 70 9, 45 42, 45 42, 72 55, 72 82, 48 95, 24 86",
    ),
    ("35 8, 22 58, 22 58, 80 58; 62 30, 62 93", "62 8, 20 62, 20 62, 82 62; 62 8, 62 93"),
    (
        "72 10, 33 10, 33 10, 29 45, 29 45, 55 40, 75 60, 62 89, 25 88",
        "33 10, 29 45, 29 45, 55 40, 75 60, 62 89, 25 88; 33 10, 74 9",
    ),
    ("65 8, 38 33, 27 68, 45 93, 70 80, 66 58, 46 53, 28 70",),
    ("22 10, 76 10, 76 10, 42 93", "22 10, 76 10, 76 10, 42 93; 36 50, 70 50"),
    ("52 48, 30 29, 50 7, 70 27, 50 48, 27 72, 50 94, 74 72, 52 48",),
    (
        "70 27, 50 8, 30 28, 46 50, 66 38, 70 27, 68 60, 60 93",
        "70 27, 50 8, 30 28, 46 50, 66 38, 70 27, 70 70, 54 93, 32 86",
    ),
)
Strokes = list[NDArray]


def make_drawings(
    n: int,
    *,
    scale: tuple[float, float] = (0.4, 0.9),
    slant: float = 0.25,
    rotation: float = 8.0,
    wobble: float = 0.02,
    rng: Rng = 0,
) -> tuple[list[Strokes], NDArray]:
    """Drawn digits: n drawings, each a list of strokes (k, 2) of points x, y from 0 to 1, and labels (n,) int64.

    A drawing's height is a share of the paper in `scale`; it lies anywhere on it, leans by up to `slant` pixels a
    pixel, is turned by up to `rotation` degrees, and every point of its pattern is off by a normal deviate of `wobble`
    of its height. `rasterize` makes pixels of it, `DrawingPad` shows it.

    Notebook: 03-cnn/applications/06-draw-a-digit.ipynb
    """
    if not (len(scale) == 2 and 0 < scale[0] <= scale[1] <= 0.95):
        raise ValueError(
            f"scale={scale} must be (low, high) with 0 < low <= high <= 0.95, shares of the paper"
        )
    rng = np.random.default_rng(rng)
    labels = rng.permutation(np.arange(positive_int("n", n)) % 10)
    return [_draw(label, scale, slant, rotation, wobble, rng) for label in labels], labels


def _draw(
    label: int,
    scale: tuple[float, float],
    slant: float,
    rotation: float,
    wobble: float,
    rng: np.random.Generator,
) -> Strokes:
    pattern = PATTERNS[label][rng.integers(len(PATTERNS[label]))]
    angle, lean = np.deg2rad(rng.uniform(-rotation, rotation)), rng.uniform(-slant, slant)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    A = turn @ [[rng.uniform(0.8, 1.15), -lean], [0, 1]]
    strokes = [_smooth(_wobbled(stroke, wobble, rng)) @ A.T for stroke in pattern.split(";")]
    points = np.concatenate(strokes)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    size = rng.uniform(*scale) / extent.max()
    corner = rng.uniform(0.02, np.maximum(0.98 - size * extent, 0.02))
    return [np.clip((stroke - low) * size + corner, 0, 1) for stroke in strokes]


def _wobbled(stroke: str, wobble: float, rng: np.random.Generator) -> NDArray:
    points = np.array([point.split() for point in stroke.split(",")], dtype=np.float64) / 100
    corners = np.append(False, (points[1:] == points[:-1]).all(axis=1))
    points = points + rng.normal(0, wobble, points.shape)
    points[corners] = points[np.flatnonzero(corners) - 1]
    return points


def _smooth(points: NDArray, steps: int = 8) -> NDArray:
    """A Catmull-Rom spline through the points (k, 2), with `steps` points for each of its pieces."""
    p = np.concatenate([points[:1], points, points[-1:]])
    t = np.arange(steps)[:, None, None] / steps
    before, start, end, after = p[:-3], p[1:-2], p[2:-1], p[3:]
    bends = 2 * before - 5 * start + 4 * end - after, 3 * (start - end) + after - before
    curve = start + t / 2 * (end - before + t * (bends[0] + t * bends[1]))  # (steps, k - 1, 2)
    return np.concatenate([curve.swapaxes(0, 1).reshape(-1, 2), points[-1:]])
