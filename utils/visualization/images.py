"""Grids of small pictures."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import FigureBase

from utils.visualization._inputs import finite, one_label_each

_MOST_IMAGES = 400
_CELL = 0.8  # inches
_TITLE = 0.22


def plot_images(
    images: Any,
    titles: Sequence[Any] | None = None,
    n_cols: int = 10,
    *,
    fig: FigureBase | None = None,
    scale: float = 1.0,
    cmap: str = "gray",
    vmin: float | None = None,
    vmax: float | None = None,
) -> np.ndarray:
    """Show images in a grid, all on one scale of brightness; returns their axes, (N,).

    `images` is (N, H, W) or (N, 1, H, W) grey, or (N, 3, H, W) or (N, H, W, 3) in colour, with uint8 0..255
    or floats 0..1. Grey runs from `vmin` to `vmax`, by default the least and the greatest value of them all.
    A new figure is made unless `fig` is given; `scale` enlarges it. Raises ValueError for another shape, more
    than 400 images, colour floats outside 0..1 or another number of titles.

    Notebook: 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb
    """
    pictures = _pictures(images)
    names = None if titles is None else one_label_each(titles, len(pictures), "titles", "images")
    axes = image_grid(len(pictures), n_cols, fig, scale, titled=titles is not None)
    if pictures.ndim == 3:
        vmin, vmax = pictures.min() if vmin is None else vmin, pictures.max() if vmax is None else vmax
    for ax, picture in zip(axes, pictures, strict=True):
        ax.imshow(picture, cmap=cmap, vmin=vmin, vmax=vmax)
    for ax, name in zip(axes, names or [], strict=False):
        ax.set_title(name, fontsize=9, fontweight="normal", pad=3)
    return axes


def image_grid(n: int, n_cols: int, fig: FigureBase | None, scale: float, titled: bool) -> np.ndarray:
    """Bare axes for `n` pictures, row by row."""
    if n_cols < 1:
        raise ValueError(f"n_cols={n_cols}, expected at least 1")
    if n > _MOST_IMAGES:
        raise ValueError(
            f"{n} images are more than the {_MOST_IMAGES} that one figure shows; choose some, as images[:100]"
        )
    n_cols = min(n, n_cols)
    n_rows = -(-n // n_cols)
    if not isinstance(fig, FigureBase | None):
        raise TypeError(f"fig is {type(fig).__name__}, expected a figure; leave it out to make a new one")
    if fig is None:
        fig = plt.figure(figsize=(n_cols * _CELL * scale, n_rows * (_CELL * scale + _TITLE * titled)))
    axes = fig.subplots(n_rows, n_cols, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    for ax in axes[n:]:
        ax.remove()
    return axes[:n]


def _pictures(images: Any) -> np.ndarray:
    array = _stacked(images)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 4 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)
    if (array.ndim != 3 and not (array.ndim == 4 and array.shape[3] == 3)) or array.size == 0:
        remedy = "; images[None] for one image, images.reshape(-1, H, W) for rows of pixels" * (
            array.ndim == 2
        )
        expected = "(N, H, W), (N, 3, H, W) or (N, H, W, 3) with N at least 1"
        raise ValueError(f"images has shape {array.shape}, expected {expected}{remedy}")
    finite(array, "images", shape=(None,) * array.ndim)
    return _colour(array) if array.ndim == 4 else array


def _stacked(images: Any) -> np.ndarray:
    try:
        return np.asarray(images)
    except ValueError:
        shapes = sorted({np.shape(image) for image in images})
        raise ValueError(f"images have the shapes {shapes}, expected one; crop or resize them") from None


def _colour(array: np.ndarray) -> np.ndarray:
    low, high = array.min(), array.max()
    limit = 1 if array.dtype.kind == "f" else 255
    if low < 0 or high > limit:
        raise ValueError(
            f"colour images run from {low} to {high}, expected 0 to {limit}; rescale or np.clip them"
        )
    return array if array.dtype.kind == "f" else array.astype(np.uint8)
