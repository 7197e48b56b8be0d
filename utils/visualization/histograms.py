"""What the numbers in each layer look like, layer under layer."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from utils.visualization._inputs import axes_or_new
from utils.visualization.style import PALETTE, as_ink

_HEIGHT = 0.82  # of the tallest bar, in rows


def plot_layer_histograms(
    layers: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    xlabel: str = "activation",
    bins: int = 80,
    limits: tuple[float, float] | None = None,
    log: bool = False,
    color: str = PALETTE[0],
) -> Axes:
    """Draw a histogram of each named array, of any shape, in a row of its own, the first one on top.

    All rows share the horizontal axis; each has its own vertical scale. It runs over `limits`, by default over the
    middle 99 % of the widest row, symmetric about 0 where a value is negative. With `log` it shows magnitudes as
    powers of ten, and zeros are left out. At the right stand the standard deviation of each row, the share of zeros
    where it is 5 % or more, and how many entries are NaN or infinite, which are not drawn. Raises TypeError unless
    `layers` maps names to arrays of numbers, ValueError where there are none.

    Glorot and Bengio (2010) looked at networks this way.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    rows = _rows(layers)
    finite = {name: row[np.isfinite(row)] for name, row in rows.items()}
    shown = {name: np.log10(np.abs(row[row != 0])) if log else row for name, row in finite.items()}
    low, high = _limits(shown.values(), log) if limits is None else np.log10(limits) if log else limits
    ax = axes_or_new(ax, figsize=(5.6, 0.8 + 0.42 * len(rows)))
    edges = np.linspace(low, high, bins + 1)
    for number, (name, row) in enumerate(rows.items()):
        counts = np.histogram(shown[name], edges)[0]
        heights = _HEIGHT * counts / max(counts.max(), 1)
        ax.stairs(heights - number, edges, baseline=-number, fill=True, color=color, alpha=0.55)
        ax.stairs(heights - number, edges, baseline=-number, color=as_ink(color), linewidth=0.8)
        ax.annotate(
            _numbers_of(row, finite[name]),
            (1.01, -number),
            xycoords=ax.get_yaxis_transform(),
            va="bottom",
            fontsize=8,
        )
    edges_of_axis = 10.0 ** np.array([low, high]) if log else (low, high)
    _dress(ax, list(rows), edges_of_axis, xlabel, log)
    return ax


def _rows(layers: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if not isinstance(layers, Mapping):
        kind = type(layers).__name__
        raise TypeError(f'layers is {kind}, expected names with arrays, such as {{"layer 1": A1}}')
    rows = {str(name): np.asarray(values).ravel() for name, values in layers.items()}
    for name, row in rows.items():
        if row.dtype.kind not in "biuf":
            raise TypeError(f"layer {name!r} holds {row.dtype}, expected real numbers")
    if not sum(row.size for row in rows.values()):
        raise ValueError("layers holds no numbers; give at least one layer that is not empty")
    return {name: row.astype(np.float64) for name, row in rows.items()}


def _limits(shown: Any, log: bool) -> tuple[float, float]:
    """The middle 99 % of the widest row, with some room if it has no width."""
    ends = np.array([np.quantile(row, [0.005, 0.995]) for row in shown if row.size] or [(0.0, 0.0)])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    if log:
        return (low - 0.1, high + 0.1)
    if low < 0:
        low, high = -max(-low, high), max(-low, high)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _numbers_of(row: np.ndarray, finite: np.ndarray) -> str:
    parts = [f"std {finite.std():.2g}"] if finite.size else []
    zeros = np.mean(row == 0) if row.size else 0
    parts += [f"{zeros:.0%} zero"] if zeros >= 0.05 else []
    parts += [f"{row.size - finite.size} NaN or inf"] if finite.size < row.size else []
    return ", ".join(parts)


def _dress(ax: Axes, names: list[str], limits: Any, xlabel: str, log: bool) -> None:
    ax.set_yticks([0.3 - number for number in range(len(names))], names)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set(ylim=(-len(names) + 0.9, 1.0), xlabel=xlabel)
    if not log:
        ax.set_xlim(*limits)
        return
    low, high = np.log10(limits)
    powers = np.arange(np.ceil(low), np.floor(high) + 1)
    powers = powers[:: max(1, len(powers) // 6)]
    ax.set_xlim(low, high)
    ax.set_xticks(powers, [f"$10^{{{power:.0f}}}$" for power in powers])
