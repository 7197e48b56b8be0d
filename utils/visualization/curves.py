"""Curves over steps, and what they are read by."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from utils.visualization._inputs import axes_or_new, finite, numbers
from utils.visualization._layers import isotonic
from utils.visualization.style import PALETTE, as_ink

_DASHES = ("-", "--", ":", "-.")


def plot_curves(
    curves: Mapping[str, Any],
    ax: Axes | None = None,
    xlabel: str = "step",
    ylabel: str = "",
    *,
    direct: bool = False,
    log_x: bool = False,
    log_y: bool = False,
) -> Axes:
    """Draw named curves; each value is an array (T,), drawn over 0..T-1, or a pair of arrays `(x, y)`.

    The names stand in a legend, or with `direct=True` beside the ends of the curves. NaN leaves a gap. Raises
    TypeError unless `curves` maps names to values, ValueError for arrays that are not one-dimensional, pairs
    of unequal length, and values a logarithmic axis cannot show.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    if not isinstance(curves, Mapping):
        raise TypeError(
            f'curves is {type(curves).__name__}, expected names with values, such as {{"loss": losses}}'
        )
    lines = {name: _xy(name, values, log_x, log_y) for name, values in curves.items()}
    ax = axes_or_new(ax)
    first = len(ax.lines)
    for number, (name, (x, y)) in enumerate(lines.items(), start=first):
        dash = _DASHES[number // len(PALETTE) % len(_DASHES)]
        ax.plot(x, y, color=PALETTE[number % len(PALETTE)], linestyle=dash, label=str(name))
    ax.set(xlabel=xlabel, ylabel=ylabel, **_scales(log_x, log_y))
    if not log_x and all(np.all(x == np.round(x)) for x, _ in lines.values()):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    if direct:
        _label_ends(ax, ax.lines[first:])
    elif lines:
        ax.legend()
    return ax


def _scales(log_x: bool, log_y: bool) -> dict[str, str]:
    return {f"{axis}scale": "log" for axis, wanted in (("x", log_x), ("y", log_y)) if wanted}


def _xy(name: str, values: Any, log_x: bool, log_y: bool) -> tuple[np.ndarray, np.ndarray]:
    paired = isinstance(values, tuple) and len(values) == 2 and np.ndim(values[0]) > 0
    y = numbers(values[1] if paired else values, f"curve {name!r}", shape=(None,))
    x = finite(values[0], f"x of curve {name!r}", shape=(None,)) if paired else np.arange(len(y))
    if len(x) != len(y):
        raise ValueError(f"curve {name!r} has {len(x)} values of x and {len(y)} of y; give as many of each")
    for axis, numbers_on_axis in (("x", x if log_x else []), ("y", y if log_y else [])):
        if np.any(np.asarray(numbers_on_axis) <= 0):
            least = np.nanmin(numbers_on_axis)
            raise ValueError(
                f"curve {name!r} falls to {least:g} on a logarithmic axis, expected above 0; drop log_{axis}"
            )
    return x, y


def _label_ends(ax: Axes, lines: list) -> None:
    """Names beside the last points, moved apart where they would touch."""
    lines = [line for line in lines if np.isfinite(line.get_ydata().astype(float)).any()]
    ends = [_last_point(line) for line in lines]
    ax.autoscale_view()
    heights = ax.transData.transform(ends)[:, 1] if ends else np.empty(0)
    gap = 1.3 * 9 * ax.figure.dpi / 72
    wanted = spread(heights, gap)
    for line, end, height, place in zip(lines, ends, heights, wanted, strict=True):
        offset = (6, (place - height) * 72 / ax.figure.dpi)
        ax.annotate(
            line.get_label(),
            end,
            offset,
            textcoords="offset points",
            va="center",
            fontsize=9,
            color=as_ink(line.get_color()),
        )


def _last_point(line: Any) -> tuple[float, float]:
    x, y = line.get_data()
    last = np.flatnonzero(np.isfinite(y))[-1]
    return x[last], y[last]


def spread(places: np.ndarray, gap: float) -> np.ndarray:
    """The places closest to `places` in squares, in the same order, that lie at least `gap` apart."""
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(order))
    result = np.empty(len(order))
    result[order] = steps + isotonic(places[order] - steps)
    return result
