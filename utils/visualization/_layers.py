"""Layers, orders with few crossings and places for drawing graphs (Sugiyama, Tagawa and Toda 1981)."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np

Node = Hashable
Edge = tuple[Node, Node]

_SWEEPS = 12


def longest_path_layers(nodes: Sequence[Node], edges: Iterable[Edge]) -> dict[Node, int]:
    """The layer of each node: one past its last predecessor, and for a source one before its first successor.

    Raises ValueError naming the nodes of a cycle.
    """
    before, after = neighbours(nodes, edges)
    layers: dict[Node, int] = {}
    missing = {node: len(before[node]) for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    for node in ready:
        layers[node] = max((layers[source] + 1 for source in before[node]), default=0)
        for target in after[node]:
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    if len(ready) < len(nodes):
        stuck = [node for node in nodes if node not in layers]
        raise ValueError(
            f"the edges run in a circle through {stuck[:6]}; a computation graph has none, remove one edge"
        )
    for node in nodes:
        if not before[node] and after[node]:
            layers[node] = min(layers[target] for target in after[node]) - 1
    return layers


def neighbours(nodes: Iterable[Node], edges: Iterable[Edge]) -> tuple[dict[Node, list], dict[Node, list]]:
    """The predecessors and the successors of each node."""
    nodes = list(nodes)
    before, after = {node: [] for node in nodes}, {node: [] for node in nodes}
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    return before, after


def with_waypoints(
    layers: Mapping[Node, int], edges: Sequence[Edge]
) -> tuple[dict[Node, int], list[list[Node]]]:
    """Layers with a waypoint where an edge passes one, and each edge as the chain of nodes it passes."""
    layers, chains = dict(layers), []
    for number, (source, target) in enumerate(edges):
        passed = range(layers[source] + 1, layers[target])
        waypoints = {("waypoint", number, layer): layer for layer in passed}
        layers.update(waypoints)
        chains.append([source, *waypoints, target])
    return layers, chains


def ordered_layers(layers: Mapping[Node, int], links: Sequence[Edge]) -> list[list[Node]]:
    """The nodes of each layer, ordered by the barycentres of their neighbours; the best of several sweeps."""
    rows: list[list[Node]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for node, layer in layers.items():
        rows[layer].append(node)
    before, after = neighbours(layers, links)
    best, fewest = [row[:] for row in rows], crossings(rows, links)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for row in rows if forward else reversed(rows):
            place = {node: position for row_ in rows for position, node in enumerate(row_)}
            near = before if forward else after
            row.sort(key=lambda node: np.mean([place[other] for other in near[node]] or [place[node]]))
        count = crossings(rows, links)
        if count < fewest:
            best, fewest = [row[:] for row in rows], count
    return best


def crossings(rows: Sequence[Sequence[Node]], links: Sequence[Edge]) -> int:
    """How many pairs of links between two layers cross."""
    where = {node: (layer, position) for layer, row in enumerate(rows) for position, node in enumerate(row)}
    ends = np.array([(where[a][0], where[a][1], where[b][1]) for a, b in links]).reshape(-1, 3)
    layer, start, stop = ends.T
    same = layer[:, None] == layer
    return int(np.sum(same & (start[:, None] < start) & (stop[:, None] > stop)))


def vertical_places(
    rows: Sequence[Sequence[Node]], links: Sequence[Edge], heights: Mapping[Node, float], gap: float
) -> dict[Node, float]:
    """A height for each node near the mean of its neighbours', no two of a layer closer than `gap`."""
    before, after = neighbours([node for row in rows for node in row], links)
    place = {}
    for row in rows:
        stacked = _apart(np.zeros(len(row)), row, heights, gap)
        place.update(zip(row, stacked, strict=True))
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 else reversed(rows):
            wanted = [
                np.mean([place[other] for other in before[node] + after[node]] or [place[node]])
                for node in row
            ]
            place.update(zip(row, _apart(np.array(wanted), row, heights, gap), strict=True))
    return place


def _apart(wanted: np.ndarray, row: Sequence[Node], heights: Mapping[Node, float], gap: float) -> np.ndarray:
    tall = np.array([heights[node] for node in row])
    least = np.concatenate([[0.0], np.cumsum((tall[:-1] + tall[1:]) / 2 + gap)])[: len(row)]
    return least + isotonic(wanted - least)


def isotonic(values: np.ndarray) -> np.ndarray:
    """The non-decreasing values closest to `values` in squares, pooled as by Ayer et al. (1955)."""
    blocks: list[list[float]] = []
    for value in values:
        blocks.append([value])
        while len(blocks) > 1 and np.mean(blocks[-2]) >= np.mean(blocks[-1]):
            tail = blocks.pop()
            blocks[-1] += tail
    return np.repeat([np.mean(block) for block in blocks], [len(block) for block in blocks])
