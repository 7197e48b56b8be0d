"""Points in the plane, the lines that separate them and the regions a classifier makes of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb

from utils.visualization._inputs import axes_or_new, finite, one_label_each, points
from utils.visualization.style import PALETTE

_MARKERS = "os^DvPX*<>"
_MOST_CLASSES = 20
_MARGIN = 0.1
_NAMES = ("$x_1$", "$x_2$")


def plot_points(
    X: Any, y: Any = None, ax: Axes | None = None, *, labels: Sequence[Any] | None = None, size: float = 28
) -> Axes:
    """Scatter the points X (N, 2), each class of y (N,) in a colour and a marker of its own.

    `labels` names the classes in sorted order. Raises ValueError unless X has two columns and y one entry for
    each row, or for more than 20 classes.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    X = points(X)
    if y is None:
        ax = axes_or_new(ax)
        ax.scatter(*X.T, s=size, color=PALETTE[0], edgecolors="#333333", linewidths=0.4, zorder=3)
        return _named(ax)
    y = _class_labels(y, len(X))
    return _scatter(X, y, np.unique(y), axes_or_new(ax), labels, size)


def plot_decision_boundary(
    predict: Callable[[np.ndarray], Any],
    X: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    resolution: int = 200,
    threshold: float | None = None,
    labels: Sequence[Any] | None = None,
) -> Axes:
    """Colour the plane by the class `predict` gives it, draw the boundary, and scatter X (N, 2) by y (N,).

    `predict` maps (M, 2) to classes (M,), to one score per point (M,), or to a score per class (M, K). A
    single score says the second class of y above `threshold`, which is 0.5 for scores within 0..1 and 0
    otherwise. Raises ValueError for X, y or predictions of another shape, or NaN among the predictions.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    X = points(X)
    y = _class_labels(y, len(X))
    if not callable(predict):
        raise TypeError(
            f"predict is {type(predict).__name__}, expected a function of points; pass it uncalled"
        )
    horizontal, vertical = (np.linspace(*_with_margin(column), resolution) for column in X.T)
    grid = np.stack(np.meshgrid(horizontal, vertical), axis=-1)
    classes, scores = _class_scores(predict(grid.reshape(-1, 2)), np.unique(y), resolution**2, threshold)
    ax = axes_or_new(ax)
    _fill(
        ax,
        scores.argmax(axis=1).reshape(grid.shape[:2]),
        len(classes),
        (*horizontal[[0, -1]], *vertical[[0, -1]]),
    )
    for lead in _leads(scores):
        if lead.min() < 0 < lead.max():
            ax.contour(
                horizontal, vertical, lead.reshape(grid.shape[:2]), [0], colors="#333333", linewidths=1.4
            )
    return _scatter(X, y, classes, ax, labels, 28)


def plot_line(
    w: Any,
    b: float,
    ax: Axes | None = None,
    *,
    label: str | None = None,
    color: str = "#333333",
    linestyle: str = "-",
    normal: bool = False,
) -> Axes:
    """Draw the line w·x + b = 0, w (2,), from edge to edge of the axes as they are; their limits stay.

    `normal=True` adds an arrow along w, towards the side where w·x + b > 0; it stands upright on the line
    where the axes have equal scales. Nothing shows where the line passes outside the axes. Raises ValueError
    for w = 0.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    w = finite(w, "w", shape=(2,), remedy="the order is plot_line(w, b)").astype(float)
    b = float(finite(b, "b", shape=()))
    if not w.any():
        raise ValueError(
            "w = (0, 0) has no line: w·x + b is the same everywhere; draw it after the first update"
        )
    if ax is None:
        ax = axes_or_new(None)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel=_NAMES[0], ylabel=_NAMES[1])
    x_limits, y_limits = ax.get_xlim(), ax.get_ylim()
    ends = _clip(w, b, sorted(x_limits), sorted(y_limits))
    ax.plot(*ends.T, color=color, linestyle=linestyle, label=label, zorder=4)
    if normal and len(ends):
        _draw_normal(ax, ends.mean(axis=0), w, color)
    ax.set(xlim=x_limits, ylim=y_limits)
    if label is not None:
        ax.legend()
    return ax


def _clip(w: np.ndarray, b: float, x_limits: Sequence[float], y_limits: Sequence[float]) -> np.ndarray:
    """The two ends (2, 2) of the line inside the rectangle, or (0, 2) where it misses it."""
    low, high = np.transpose([x_limits, y_limits])
    centre, half = (low + high) / 2, (high - low) / 2
    scaled, offset = w * half, w @ centre + b
    norm = np.hypot(*scaled)
    unit, distance = scaled / norm, -offset / norm
    foot, along = unit * distance, np.array([-unit[1], unit[0]])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        reach = np.stack([(-1 - foot) / along, (1 - foot) / along])
    reach = np.where(along == 0, np.where(np.abs(foot) <= 1, [[-np.inf], [np.inf]], np.nan), reach)
    start, stop = np.min(reach, axis=0).max(), np.max(reach, axis=0).min()
    if not start < stop:
        return np.empty((0, 2))
    return centre + half * (foot + np.outer([start, stop], along))


def _draw_normal(ax: Axes, foot: np.ndarray, w: np.ndarray, color: str) -> None:
    view = np.abs([np.diff(ax.get_xlim())[0], np.diff(ax.get_ylim())[0]])
    tip = foot + 0.15 * w / np.max(np.abs(w) / view)
    arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", tip, foot, arrowprops=arrow, zorder=4)
    ax.annotate("$w$", tip, (4, 4), textcoords="offset points", color=color)


def _class_labels(y: Any, n: int) -> np.ndarray:
    y = np.asarray(y)
    if y.shape != (n,):
        remedy = "use y.ravel()" if y.shape == (n, 1) else "give one label for each row of X"
        raise ValueError(f"y has shape {y.shape} for {n} points, expected ({n},); {remedy}")
    if y.dtype.kind == "f":
        y = finite(y, "y", shape=(n,))
        y = y.astype(int) if np.all(y == np.round(y)) else y
    n_classes = len(np.unique(y))
    if n_classes > _MOST_CLASSES:
        raise ValueError(
            f"y has {n_classes} different values, at most {_MOST_CLASSES} can be told apart; y holds classes"
        )
    return y


def _scatter(
    X: np.ndarray, y: np.ndarray, classes: np.ndarray, ax: Axes, labels: Sequence[Any] | None, size: float
) -> Axes:
    names = [f"$y = {c}$" for c in classes] if labels is None else labels
    names = one_label_each(names, len(classes), "labels", "classes")
    for number, (value, name) in enumerate(zip(classes, names, strict=True)):
        color, marker = PALETTE[number % len(PALETTE)], _MARKERS[number % len(_MARKERS)]
        chosen = X[y == value]
        ax.scatter(
            *chosen.T,
            s=size,
            color=color,
            marker=marker,
            edgecolors="#333333",
            linewidths=0.4,
            label=name,
            zorder=3,
        )
    ax.legend()
    return _named(ax)


def _named(ax: Axes) -> Axes:
    ax.set_xlabel(ax.get_xlabel() or _NAMES[0])
    ax.set_ylabel(ax.get_ylabel() or _NAMES[1])
    return ax


def _with_margin(column: np.ndarray) -> tuple[float, float]:
    margin = _MARGIN * np.ptp(column) or 1.0
    return column.min() - margin, column.max() + margin


def _class_scores(
    output: Any, classes: np.ndarray, n: int, threshold: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """The classes in order, and for each place on the grid a score for each of them, (n, K)."""
    output = _predictions(output, n)
    if output.ndim == 2:
        return (classes if len(classes) == output.shape[1] else np.arange(output.shape[1])), output
    known = np.isin(output, classes).all()
    if known or output.dtype.kind != "f":
        classes = classes if known else np.union1d(classes, output)
        return classes, (output[:, None] == classes) - 0.5
    return _two_classes(classes), _signed(output, threshold)


def _predictions(output: Any, n: int) -> np.ndarray:
    output = np.asarray(output)
    if output.shape == (n, 1):
        output = output[:, 0]
    if output.ndim not in (1, 2) or len(output) != n:
        raise ValueError(f"predict gave shape {output.shape} for {n} points, expected ({n},) or ({n}, K)")
    if output.dtype.kind == "f" and np.isnan(output).any():
        n_bad = np.isnan(output.reshape(n, -1)).any(axis=1).sum()
        raise ValueError(f"predict gave NaN at {n_bad} of {n} places; look at the weights it uses")
    return output


def _signed(scores: np.ndarray, threshold: float | None) -> np.ndarray:
    if threshold is None:
        threshold = 0.5 if scores.min() >= 0 and scores.max() <= 1 else 0.0
    return np.stack([threshold - scores, scores - threshold], axis=1)


def _two_classes(classes: np.ndarray) -> np.ndarray:
    pairs = [classes, np.array([0, 1]), np.array([-1, 1])]
    for pair in pairs:
        if len(pair) == 2 and np.isin(classes, pair).all():
            return pair
    raise ValueError(
        f"predict gave one score for {len(classes)} classes in y, expected classes or a score for each class"
    )


def _leads(scores: np.ndarray) -> list[np.ndarray]:
    """By how much each class leads the best of the others; two classes share one boundary."""
    leads = (
        [column - np.delete(scores, k, axis=1).max(axis=1) for k, column in enumerate(scores.T)]
        if scores.shape[1] > 1
        else []
    )
    return leads[1:] if len(leads) == 2 else leads


def _fill(ax: Axes, numbers: np.ndarray, n_classes: int, extent: tuple[float, ...]) -> None:
    rgb = np.array([to_rgb(PALETTE[k % len(PALETTE)]) for k in range(n_classes)])
    pale = ListedColormap(1 - 0.25 * (1 - rgb))
    ax.imshow(
        numbers, cmap=pale, vmin=-0.5, vmax=n_classes - 0.5, extent=extent, origin="lower", aspect="auto",
        interpolation="nearest", zorder=0,
    )  # fmt: skip
    ax.grid(False)
