"""Matrices as coloured cells."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.image import AxesImage

from utils.visualization._inputs import axes_or_new, finite, numbers, one_label_each
from utils.visualization.images import plot_images
from utils.visualization.style import ink_on

_MOST_ANNOTATED = np.array([16, 12])  # rows, columns
_MOST_TICKS = 20
_SIGNED, _UNSIGNED = "RdBu_r", "Blues"


def plot_matrix(
    M: Any,
    ax: Axes | None = None,
    annotate: bool | None = None,
    *,
    fmt: str | None = None,
    row_labels: Sequence[Any] | None = None,
    col_labels: Sequence[Any] | None = None,
    xlabel: str = "column",
    ylabel: str = "row",
    limits: tuple[float, float] | None = None,
    cmap: str | None = None,
    colorbar: bool = True,
) -> Axes:
    """Draw M (rows, columns) as coloured cells, with the numbers in them unless there are too many to read.

    A matrix with a negative entry gets red and blue that meet at zero, on a scale symmetric about it; another
    runs from 0 to its greatest entry; `limits` sets the scale instead. `annotate` forces the numbers on or
    off; `fmt` is their format, such as ".1f". NaN and infinite cells are grey. Raises ValueError for another
    shape.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """
    M = numbers(M, "M", shape=(None, None), remedy="for one row write M[None, :]")
    if not M.size:
        raise ValueError(f"M has shape {M.shape}, expected at least one row and one column")
    ax = axes_or_new(ax, layout="compressed")
    image = _cells(ax, M, limits, cmap)
    _ticks(ax.xaxis, M.shape[1], col_labels, "col_labels", "columns")
    _ticks(ax.yaxis, M.shape[0], row_labels, "row_labels", "rows")
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if np.all(M.shape <= _MOST_ANNOTATED) if annotate is None else annotate:
        _write_numbers(ax, image, M, fmt)
    if colorbar:
        ax.figure.colorbar(image, ax=ax)
    return ax


def plot_confusion_matrix(cm: Any, classes: Sequence[Any] | None = None, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix (K, K), rows the true and columns the predicted classes.

    The numbers are those of `cm`; the colour is their share of the row, so that rare classes show as well.
    Raises ValueError unless `cm` is square and without negative entries.

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """
    cm = finite(cm, "cm", shape=(None, None))
    if cm.shape[0] != cm.shape[1] or not cm.size or cm.min() < 0:
        least = cm.min(initial=0)
        raise ValueError(f"cm has shape {cm.shape} and least entry {least}, expected (K, K) and at least 0")
    names = one_label_each(range(len(cm)) if classes is None else classes, len(cm), "classes", "rows of cm")
    totals = cm.sum(axis=1, keepdims=True)
    shares = np.divide(cm, totals, out=np.zeros(cm.shape), where=totals > 0)
    side = max(3.6, 0.45 * len(cm) + 1)
    ax = axes_or_new(ax, figsize=(side + 0.8, side), layout="compressed")
    labels = {"row_labels": names, "col_labels": names, "xlabel": "predicted class", "ylabel": "true class"}
    plot_matrix(shares, ax, annotate=False, limits=(0, 1), colorbar=False, **labels)
    _write_numbers(ax, ax.images[-1], cm, None)
    ax.figure.colorbar(ax.images[-1], ax=ax, label="share of the true class")
    return ax


def plot_weights(
    W: Any,
    image_shape: tuple[int, int],
    n_cols: int = 10,
    *,
    titles: Sequence[Any] | None = None,
    fig: FigureBase | None = None,
    scale: float = 1.0,
) -> np.ndarray:
    """Show each row of W (units, pixels) as an image of `image_shape`: red above zero, blue below it.

    All units share one scale, symmetric about zero. Returns the axes of the units, (units,). Raises
    ValueError where the rows do not have as many entries as the image has pixels.

    Notebook: 02-mlp/forward-propagation/03-hidden-representations.ipynb
    """
    W = finite(W, "W", shape=(None, None), remedy="for one unit write w[None, :]")
    height, width = finite(image_shape, "image_shape", shape=(2,), remedy="give (height, width)")
    if W.shape[1] != height * width:
        remedy = (
            "rows of W are units; W.T may be meant" if W.shape[0] == height * width else "check image_shape"
        )
        raise ValueError(
            f"W has {W.shape[1]} entries per unit, expected {height} x {width} = {height * width}; {remedy}"
        )
    limit = np.abs(W).max(initial=0) or 1.0
    images = W.reshape(-1, height, width)
    axes = plot_images(images, titles, n_cols, fig=fig, scale=scale, cmap=_SIGNED, vmin=-limit, vmax=limit)
    axes[0].figure.colorbar(axes[0].images[0], ax=list(axes), label="weight")
    return axes


def colour_limits(M: np.ndarray) -> tuple[float, float]:
    """0 to the greatest entry, or symmetric about 0 where an entry is negative."""
    entries = M[np.isfinite(M)]
    greatest = float(np.abs(entries.astype(float)).max(initial=0)) or 1.0
    return (-greatest if entries.min(initial=0) < 0 else 0.0), greatest


def _cells(ax: Axes, M: np.ndarray, limits: tuple[float, float] | None, cmap: str | None) -> AxesImage:
    vmin, vmax = colour_limits(M) if limits is None else limits
    colours = plt.get_cmap(cmap or (_SIGNED if vmin < 0 else _UNSIGNED)).with_extremes(bad="#BBBBBB")
    shown = np.ma.masked_invalid(M.astype(float))
    ax.grid(False)
    aspect = "equal" if 0.25 <= M.shape[0] / M.shape[1] <= 4 else "auto"
    return ax.imshow(shown, cmap=colours, vmin=vmin, vmax=vmax, interpolation="nearest", aspect=aspect)


def _ticks(axis: Any, n: int, labels: Sequence[Any] | None, name: str, of: str) -> None:
    if labels is None and n > _MOST_TICKS:
        axis.get_major_locator().set_params(integer=True)
        return
    texts = one_label_each(range(n) if labels is None else labels, n, name, of)
    crowded = axis.axis_name == "x" and sum(len(text) + 2 for text in texts) > 50
    turn = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if crowded else {}
    axis.set_ticks(range(n), texts, **turn)


def _write_numbers(ax: Axes, image: AxesImage, M: np.ndarray, fmt: str | None) -> None:
    M = M.astype(int) if M.dtype.kind == "b" else M
    fmt = fmt or ("d" if M.dtype.kind in "iu" else ".2f")
    colours = image.to_rgba(image.get_array())
    size = 9 if M.shape[1] <= 10 else 7
    for (row, column), value in np.ndenumerate(M):
        text = format(value, fmt).replace("-", "−")
        ax.text(
            column, row, text, ha="center", va="center", color=ink_on(colours[row, column]), fontsize=size
        )
