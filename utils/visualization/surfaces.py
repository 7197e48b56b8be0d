"""Functions of two variables, paths over them, and arrows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from utils.visualization._inputs import axes_or_new, finite, numbers, one_label_each, points
from utils.visualization.style import PALETTE, as_ink

_CMAP = "cividis"
_REMEDY = "write f with NumPy operations, or pass np.vectorize(f)"


def plot_surface(
    f: Callable[[np.ndarray, np.ndarray], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    ax: Axes | None = None,
    *,
    levels: int | Sequence[float] = 15,
    log: bool = False,
    resolution: int = 150,
    labels: tuple[str, str, str] = ("$x$", "$y$", "$f(x, y)$"),
    colorbar: bool = True,
) -> Axes:
    """Draw the contours of f(x, y) over the rectangle; dark is low.

    `f` gets two arrays of one shape and returns an array of that shape. `levels` is their number or the list
    of them; `log=True` spaces them evenly in log f, for valleys like Rosenbrock's. `labels` name x, y and f.
    Raises ValueError where f returns another shape, NaN or infinity, or values not above 0 with `log`.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    x, y, values = _sample(f, xlim, ylim, resolution)
    levels = _levels(values, levels, log)
    ax = axes_or_new(ax)
    filled = ax.contourf(x, y, values, levels, cmap=_CMAP, alpha=0.55, norm="log" if log else None)
    ax.contour(x, y, values, levels, colors="#333333", linewidths=0.5, alpha=0.6)
    ax.set(xlabel=labels[0], ylabel=labels[1])
    ax.grid(False)
    if colorbar:
        ax.figure.colorbar(filled, ax=ax, label=labels[2], ticks=LogLocator() if log else None)
    return ax


def plot_surface_3d(
    f: Callable[[np.ndarray, np.ndarray], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    ax: Axes | None = None,
    *,
    resolution: int = 60,
    labels: tuple[str, str, str] = ("$x$", "$y$", "$f(x, y)$"),
) -> Axes:
    """Draw the surface z = f(x, y) over the rectangle in perspective; `f` as for `plot_surface`.

    Raises ValueError for axes that are not three-dimensional.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    x, y, values = _sample(f, xlim, ylim, resolution)
    ax = axes_or_new(ax, subplot_kw={"projection": "3d"})
    if ax.name != "3d":
        raise ValueError(
            'ax is flat, expected three dimensions; make it with fig.add_subplot(projection="3d")'
        )
    ax.plot_surface(x, y, values, cmap=_CMAP, rcount=resolution, ccount=resolution, linewidth=0)
    ax.set(xlabel=labels[0], ylabel=labels[1], zlabel=labels[2])
    return ax


def plot_path(
    path: Any, ax: Axes | None = None, *, label: str | None = None, color: str = PALETTE[1]
) -> Axes:
    """Draw the steps of `path` (T, 2) in order: a ring at the start, a star at the end.

    Places that are NaN or infinite, where a descent diverged, end the line. Raises ValueError for another
    shape.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    path = numbers(path, "path", shape=(None, 2))
    path = path[: _first_bad(path)]
    if not len(path):
        raise ValueError("path has no finite place to draw, expected at least one row")
    ax = axes_or_new(ax)
    ax.plot(*path.T, "o-", color=color, markersize=3, linewidth=1.4, label=label, zorder=3)
    marks = {"color": color, "linestyle": "none", "zorder": 4}
    ax.plot(*path[0], marker="o", markersize=8, markerfacecolor="white", markeredgewidth=1.6, **marks)
    ax.plot(*path[-1], marker="*", markersize=13, markeredgecolor="white", **marks)
    if label is not None:
        ax.legend()
    return ax


def plot_vectors(
    vectors: Any, ax: Axes | None = None, *, labels: Sequence[Any] | None = None, origins: Any = None
) -> Axes:
    """Draw each of `vectors` (K, 2) as an arrow from the origin, or from its row of `origins` (K, 2).

    The scales of the axes are equal, so angles and lengths are true.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """
    vectors = points(vectors, "vectors")
    starts = (
        np.zeros_like(vectors)
        if origins is None
        else finite(origins, "origins", shape=vectors.shape).astype(float)
    )
    names = (
        [""] * len(vectors) if labels is None else one_label_each(labels, len(vectors), "labels", "vectors")
    )
    ax = axes_or_new(ax, figsize=(4.2, 4.2))
    for number, (start, vector, name) in enumerate(zip(starts, vectors, names, strict=True)):
        color = PALETTE[number % len(PALETTE)]
        ax.quiver(*start, *vector, angles="xy", scale_units="xy", scale=1, color=color, width=0.012, zorder=3)
        side = np.sign(vector) * 9
        ax.annotate(
            name,
            start + vector,
            side,
            textcoords="offset points",
            ha="center",
            va="center",
            color=as_ink(color),
        )
    ax.axhline(0, color="#999999", linewidth=0.8, zorder=1)
    ax.axvline(0, color="#999999", linewidth=0.8, zorder=1)
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal", adjustable="datalim")
    ax.update_datalim(np.concatenate([starts, starts + vectors]))
    ax.margins(0.15)
    ax.autoscale_view()
    return ax


def plot_arrow_field(
    f: Callable[[np.ndarray, np.ndarray], Any],
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    ax: Axes | None = None,
    *,
    resolution: int = 15,
    color: str = "#333333",
) -> Axes:
    """Draw the arrows of a field, such as a gradient; `f(x, y)` returns its two components on the grid.

    Arrows are to one scale, chosen so that neighbours do not run into each other.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    x, y = np.meshgrid(np.linspace(*xlim, resolution), np.linspace(*ylim, resolution))
    field = _call(f, x, y)
    if not isinstance(field, tuple | list | np.ndarray) or len(field) != 2:
        raise ValueError(f"f returned {type(field).__name__}, expected the pair of its components (u, v)")
    arrows = np.stack([_on_grid(part, x, f"component {k} of f") for k, part in enumerate(field)])
    ax = axes_or_new(ax)
    cell = np.array([np.ptp(x), np.ptp(y)]) / (resolution - 1)
    longest = np.max(np.hypot(arrows[0] / cell[0], arrows[1] / cell[1]))
    ax.quiver(x, y, *arrows, angles="xy", scale_units="xy", scale=longest or 1, color=color, width=0.004)
    ax.set(xlabel="$x$", ylabel="$y$")
    return ax


def _sample(
    f: Callable, xlim: tuple[float, float], ylim: tuple[float, float], resolution: int
) -> tuple[np.ndarray, ...]:
    for name, limits in (("xlim", xlim), ("ylim", ylim)):
        low, high = finite(limits, name, shape=(2,))
        if not low < high:
            raise ValueError(f"{name}={limits}, expected (low, high) with low < high")
    x, y = np.meshgrid(np.linspace(*xlim, resolution), np.linspace(*ylim, resolution))
    return x, y, _on_grid(_call(f, x, y), x, "f(x, y)")


def _call(f: Callable, x: np.ndarray, y: np.ndarray) -> Any:
    try:
        return f(x, y)
    except Exception as error:
        error.add_note(f"f was called with two arrays of shape {x.shape}; {_REMEDY}")
        raise


def _on_grid(values: Any, x: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim == 0:
        values = np.full(x.shape, values)
    return finite(values, name, shape=x.shape, remedy=_REMEDY)


def _levels(values: np.ndarray, levels: int | Sequence[float], log: bool) -> Any:
    low, high = values.min(), values.max()
    if log and low <= 0:
        raise ValueError(f"f falls to {low:g}, expected above 0 for log=True; add a constant or drop log")
    if np.ndim(levels):
        return levels
    if low == high:
        return np.sort([0.9 * low, 1.1 * low]) if low else [-0.1, 0.1]
    return np.geomspace(low, high, levels + 1) if log else levels


def _first_bad(path: np.ndarray) -> int:
    bad = ~np.isfinite(path).all(axis=1)
    return int(np.argmax(bad)) if bad.any() else len(path)
