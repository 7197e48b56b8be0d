"""Drawings as the strokes of a hand, and their pixels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def rasterize(strokes: Any, size: int = 112, pen: float = 0.07) -> NDArray:
    """Draw lines with a round pen: strokes, each (n, 2) points x, y of 0 to 1 -> image (size, size) float32.

    0 is paper, 1 ink. `pen` is the width of the line as a share of the side. A pixel's ink falls from 1 to 0 over the
    one pixel around the edge of the line. A stroke of one point is a dot. Raises ValueError for points outside of the
    paper, and for a `size` or `pen` that draws nothing.

    Notebook: 03-cnn/applications/06-draw-a-digit.ipynb
    """
    if size < 1 or not 0 < pen <= 1:
        raise ValueError(f"size={size} must be 1 or more, and pen={pen} above 0 and at most 1")
    image, radius = np.zeros((size, size), np.float32), pen * size / 2
    for stroke in check_strokes(strokes):
        places = stroke * size
        for start, end in zip(places, places[1:] if len(places) > 1 else places, strict=False):
            _draw_line(image, start, end, radius)
    return image


def _draw_line(image: NDArray, start: NDArray, end: NDArray, radius: float) -> None:
    """Ink the pixels nearer to the line than `radius`; only those about it are looked at."""
    reach = radius + 1
    low = np.floor(np.maximum(np.minimum(start, end) - reach, 0)).astype(int)
    high = np.ceil(np.minimum(np.maximum(start, end) + reach, len(image))).astype(int)
    x = np.arange(low[0], high[0], dtype=np.float32)[None, :] + 0.5 - start[0]
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None] + 0.5 - start[1]
    dx, dy = end - start
    t = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)  # the line's nearest point
    distance = np.hypot(x - t * dx, y - t * dy)
    part = image[low[1] : high[1], low[0] : high[0]]
    np.maximum(part, np.clip(radius + 0.5 - distance, 0, 1), out=part)


def check_strokes(strokes: Any) -> list[NDArray]:
    """The strokes as arrays (n, 2); ValueError that names the first one that is not of points from 0 to 1."""
    checked = []
    for number, stroke in enumerate(strokes):
        points = np.asarray(stroke, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise ValueError(f"stroke {number} must be points (n, 2) but has the shape {points.shape}")
        if not (points >= 0).all() or not (points <= 1).all():
            raise ValueError(
                f"stroke {number} leaves the paper: x and y are shares of its side, 0 to 1, but "
                f"go from {points.min():g} to {points.max():g}; divide pixels by the side"
            )
        checked.append(points)
    return checked
