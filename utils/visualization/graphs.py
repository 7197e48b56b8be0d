"""Computation graphs as boxes and arrows, from left to right."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from utils.visualization._inputs import axes_or_new
from utils.visualization._layers import longest_path_layers, ordered_layers, vertical_places, with_waypoints

_MISSING = object()
_FONT = 10  # points
_LETTER, _LINE, _PADDING = 0.085, 0.18, 0.16  # inches, at that size
_GAP_X, _GAP_Y, _MARGIN = 0.5, 0.18, 0.15
_LARGEST = np.array([14.0, 9.0])

# Colour and shape say the same, for readers who see only one of them.
_LOOKS = {
    "input": {"facecolor": "#D6E8F5", "edgecolor": "#0072B2", "boxstyle": "round,pad=0,rounding_size=0.06"},
    "parameter": {"facecolor": "#FBE9C6", "edgecolor": "#9A6A00", "boxstyle": "square,pad=0"},
    "op": {"facecolor": "#F2F2F2", "edgecolor": "#444444", "boxstyle": "round,pad=0,rounding_size=0.16"},
    "output": {
        "facecolor": "#CDEBE0",
        "edgecolor": "#00674C",
        "boxstyle": "round,pad=0,rounding_size=0.06",
        "linewidth": 2,
    },
}


class _Box(NamedTuple):
    text: str
    kind: str

    @property
    def width(self) -> float:
        return max(map(_letters, self.text.split("\n"))) * _LETTER + 2 * _PADDING

    @property
    def height(self) -> float:
        return (self.text.count("\n") + 1) * _LINE + _PADDING


class _Place(NamedTuple):
    """Where a node is: the left and the right edge of its layer, and its height."""

    left: float
    right: float
    y: float

    @property
    def middle(self) -> np.ndarray:
        return np.array([(self.left + self.right) / 2, self.y])


def plot_graph(nodes: Sequence[Any], edges: Sequence[tuple[Any, Any]], ax: Axes | None = None) -> Axes:
    """Draw a computation graph from left to right.

    `nodes` are dicts, or objects with attributes: `id`; `label` (by default the id); `kind`, one of "input",
    "parameter", "op" (the default) and "output"; and, if wanted, `value`, text of one or more lines under the
    label. `edges` are pairs (id, id) from a value to what is computed from it. Layers follow the longest path
    from the inputs (Sugiyama, Tagawa and Toda 1981). Raises ValueError for a cycle, an id that is missing,
    double or unknown, and another kind.

    Notebook: 02-mlp/backpropagation/02-backpropagation-by-hand.ipynb
    """
    boxes = _boxes(nodes)
    edges = _known_edges(edges, boxes)
    layers, chains = with_waypoints(longest_path_layers(list(boxes), edges), edges)
    links = [link for chain in chains for link in pairwise(chain)]
    places = _places(ordered_layers(layers, links), links, boxes)
    ax, scale = _canvas(ax, places, boxes)
    for chain in chains:
        _draw_edge(ax, _stops(chain, places, boxes), scale)
    for node, box in boxes.items():
        _draw_box(ax, places[node].middle, box, scale)
    return ax


def _boxes(nodes: Sequence[Any]) -> dict[Any, _Box]:
    boxes: dict[Any, _Box] = {}
    for record in nodes:
        name, kind = _field(record, "id", _MISSING), _field(record, "kind", "op")
        if name is _MISSING:
            raise ValueError(f"node {record!r} has no id; give each node one of its own")
        if name in boxes:
            raise ValueError(f"two nodes have the id {name!r}; give each node one of its own")
        if kind not in _LOOKS:
            raise ValueError(f"node {name!r} has kind {kind!r}, expected one of {', '.join(_LOOKS)}")
        lines = [_field(record, "label", name), _field(record, "value", None)]
        boxes[name] = _Box("\n".join(str(line) for line in lines if line is not None), kind)
    if not boxes:
        raise ValueError("nodes is empty; a graph needs at least one node")
    return boxes


def _field(record: Any, name: str, default: Any) -> Any:
    return record.get(name, default) if isinstance(record, Mapping) else getattr(record, name, default)


def _known_edges(edges: Sequence[tuple[Any, Any]], boxes: Mapping[Any, _Box]) -> list[tuple[Any, Any]]:
    pairs = [tuple(edge) for edge in edges]
    for pair in pairs:
        if len(pair) != 2:
            raise ValueError(f"edge {pair!r} has {len(pair)} ends, expected (from, to)")
        for end in pair:
            if end not in boxes:
                raise ValueError(
                    f"edge {pair!r} names {end!r}, which is no node's id; add the node or mend the edge"
                )
    return list(dict.fromkeys(pairs))


def _letters(line: str) -> int:
    """The width of a line in letters; markup of mathematics between dollar signs takes little room."""
    for sign in ("$", "{", "}", "\\", "^", "_"):
        line = line.replace(sign, "") if "$" in line or sign != "_" else line
    return max(len(line), 1)


def _places(
    rows: list[list[Any]], links: list[tuple[Any, Any]], boxes: Mapping[Any, _Box]
) -> dict[Any, _Place]:
    heights = {node: boxes[node].height if node in boxes else 0.05 for row in rows for node in row}
    widths = [max(boxes[node].width if node in boxes else 0 for node in row) for row in rows]
    lefts = np.cumsum([0, *widths[:-1]]) + _GAP_X * np.arange(len(rows))
    vertical = vertical_places(rows, links, heights, _GAP_Y)
    return {
        node: _Place(left, left + width, -vertical[node])
        for left, width, row in zip(lefts, widths, rows, strict=True)
        for node in row
    }


def _canvas(ax: Axes | None, places: Mapping[Any, _Place], boxes: Mapping[Any, _Box]) -> tuple[Axes, float]:
    """The axes, measured in inches of a drawing at full size, and the scale at which it fits."""
    halves = {node: np.array([box.width, box.height]) / 2 for node, box in boxes.items()}
    low = np.min([place.middle - halves.get(node, 0) for node, place in places.items()], axis=0) - _MARGIN
    high = np.max([place.middle + halves.get(node, 0) for node, place in places.items()], axis=0) + _MARGIN
    size = high - low
    ax = axes_or_new(ax, figsize=tuple(size * min(1, *(_LARGEST / size))))
    ax.set_axis_off()
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    ax.figure.canvas.figure.draw_without_rendering()  # the layout decides how much room there is
    room = ax.get_window_extent().size / ax.figure.dpi
    return ax, float(min(1.0, *(room / size)))


def _draw_box(ax: Axes, middle: np.ndarray, box: _Box, scale: float) -> None:
    corner = middle - np.array([box.width, box.height]) / 2
    ax.add_patch(FancyBboxPatch(corner, box.width, box.height, **_LOOKS[box.kind], zorder=3))
    font = {"fontsize": _FONT * scale, "color": "black", "linespacing": 1.15}
    ax.text(*middle, box.text, ha="center", va="center", zorder=4, **font)


def _draw_edge(ax: Axes, stops: list[tuple[float, float, float]], scale: float) -> None:
    """An arrow through `stops` (left, right, y): level inside a layer, bent between two."""
    corners, codes = [(stops[0][0], stops[0][2])], [Path.MOVETO]
    for (_, right, y), (left, _, next_y) in pairwise(stops):
        bend = (right + left) / 2
        corners += [(right, y), (bend, y), (bend, next_y), (left, next_y)]
        codes += [Path.LINETO] + [Path.CURVE4] * 3
    if stops[-1][1] > stops[-1][0]:  # a last step of no length would hide the arrow's head
        corners.append((stops[-1][1], stops[-1][2]))
        codes.append(Path.LINETO)
    look = {
        "arrowstyle": "-|>",
        "mutation_scale": 11 * scale,
        "color": "#555555",
        "linewidth": 1.1,
        "zorder": 2,
    }
    ax.add_patch(FancyArrowPatch(path=Path(corners, codes), **look))


def _stops(
    chain: list[Any], places: Mapping[Any, _Place], boxes: Mapping[Any, _Box]
) -> list[tuple[float, float, float]]:
    """From the right side of the first box, through the layers between, to the left side of the last box."""
    stops = [tuple(places[node]) for node in chain]
    (_, right, y), (left, _, last_y) = stops[0], stops[-1]
    start = places[chain[0]].middle[0] + boxes[chain[0]].width / 2
    stop = places[chain[-1]].middle[0] - boxes[chain[-1]].width / 2
    return [(start, right, y), *stops[1:-1], (left, stop, last_y)]
