"""Computation graphs: layers, crossings, and boxes that keep clear of each other and of the arrows."""

from dataclasses import dataclass
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from sklearn.isotonic import isotonic_regression

from utils import visualization as viz
from utils.visualization._layers import (
    crossings,
    isotonic,
    longest_path_layers,
    ordered_layers,
    with_waypoints,
)

NEURON = ["x", "w", "b", "mul", "add", "sigmoid", "y", "loss"]
NEURON_EDGES = [
    ("x", "mul"), ("w", "mul"), ("mul", "add"), ("b", "add"),
    ("add", "sigmoid"), ("sigmoid", "loss"), ("y", "loss"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    with plt.rc_context():
        viz.use_style()
        yield
    plt.close("all")


def plain(names):
    return [{"id": name} for name in names]


def boxes_of(ax):
    return [patch.get_bbox() for patch in ax.patches if isinstance(patch, FancyBboxPatch)]


def arrows_of(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def track_of(arrow):
    """Points along the arrow, close together."""
    corners = arrow._path_original.to_polygons(closed_only=False)[0]
    steps = np.linspace(0, 1, 20)[:, None, None]
    return (corners[:-1] + steps * np.diff(corners, axis=0)).reshape(-1, 2)


def random_edges(n, density, rng, reach=12):
    return [(i, j) for i in range(n) for j in range(i + 1, min(i + reach, n)) if rng.random() < density]


def test_boxes_hold_labels_and_values_and_every_edge_has_an_arrow():
    @dataclass
    class Record:
        id: int
        label: str
        kind: str
        value: str | None = None

    nodes = [
        Record(1, "x", "input", "2.0"),
        {"id": 2, "label": "square", "value": 4.0},
        {"id": 3, "kind": "output"},
    ]
    ax = viz.plot_graph(nodes, [(1, 2), (2, 3), (2, 3)])
    assert [text.get_text() for text in ax.texts] == ["x\n2.0", "square\n4.0", "3"]
    assert len(boxes_of(ax)) == 3 and len(arrows_of(ax)) == 2
    assert not ax.axison


def test_kinds_differ_in_colour_and_shape():
    kinds = ("input", "parameter", "op", "output")
    ax = viz.plot_graph([{"id": kind, "kind": kind} for kind in kinds], [])
    boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    assert len({patch.get_facecolor() for patch in boxes}) == 4
    shapes = {
        (type(p.get_boxstyle()).__name__, getattr(p.get_boxstyle(), "rounding_size", 0), p.get_linewidth())
        for p in boxes
    }
    assert len(shapes) == 4


def test_edges_run_from_left_to_right_and_parameters_stand_beside_their_use():
    layers = longest_path_layers(NEURON, NEURON_EDGES)
    assert all(layers[a] < layers[b] for a, b in NEURON_EDGES)
    assert layers == {"x": 0, "w": 0, "b": 1, "mul": 1, "add": 2, "sigmoid": 3, "y": 3, "loss": 4}
    ax = viz.plot_graph(plain(NEURON), NEURON_EDGES)
    middles = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert all(middles[a] < middles[b] for a, b in NEURON_EDGES)


@given(st.integers(2, 25), st.integers(0, 1000))
def test_layers_are_longest_paths(n, seed):
    edges = random_edges(n, 0.25, np.random.default_rng(seed))
    layers = longest_path_layers(range(n), edges)
    for node in range(n):
        before = [layers[a] for a, b in edges if b == node]
        after = [layers[b] for a, b in edges if a == node]
        assert layers[node] == (max(before) + 1 if before else min(after) - 1 if after else 0)


def test_crossings_are_counted_and_reduced():
    rows, links = [["a", "b"], ["c", "d"]], [("a", "d"), ("b", "c")]
    assert crossings(rows, links) == 1 and crossings([["a", "b"], ["d", "c"]], links) == 0
    assert crossings([["a", "b"], ["c"]], [("a", "c"), ("b", "c")]) == 0
    assert crossings(ordered_layers({"a": 0, "b": 0, "c": 1, "d": 1}, links), links) == 0
    pairs = [(f"a{k}", f"b{7 - k}") for k in range(8)]
    assert crossings(ordered_layers({f"{c}{k}": c == "b" for c in "ab" for k in range(8)}, pairs), pairs) == 0


def test_long_edges_get_a_waypoint_in_each_layer_they_pass():
    layers, chains = with_waypoints({"a": 0, "b": 1, "c": 3}, [("a", "b"), ("a", "c")])
    assert chains[0] == ["a", "b"] and len(chains[1]) == 4
    assert [layers[node] for node in chains[1]] == [0, 1, 2, 3]


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_isotonic_equals_scikit_learn(values):
    np.testing.assert_allclose(isotonic(np.array(values)), isotonic_regression(values), atol=1e-9)


@settings(deadline=None, max_examples=6)
@given(st.integers(1, 60), st.integers(0, 1000))
def test_boxes_overlap_neither_each_other_nor_a_foreign_arrow(n, seed):
    rng = np.random.default_rng(seed)
    edges = random_edges(n, 0.1, rng)
    nodes = [
        {"id": i, "label": "n" * rng.integers(1, 12), "value": "v\n" * rng.integers(0, 3) + "1"}
        for i in range(n)
    ]
    ax = viz.plot_graph(nodes, edges)
    boxes = boxes_of(ax)
    assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
    for (a, b), arrow in zip(edges, arrows_of(ax), strict=True):
        track = track_of(arrow)
        for number, box in enumerate(boxes):
            inside = (track > box.min + 1e-9).all(axis=1) & (track < box.max - 1e-9).all(axis=1)
            assert not inside.any(), (a, b, number)
    plt.close("all")


@pytest.mark.parametrize("own_axes", [False, True])
def test_text_stays_inside_its_box_and_the_drawing_inside_the_axes(own_axes):
    ax = None if own_axes else plt.subplots(1, 2, figsize=(7, 3))[1][0]
    nodes = [
        {"id": name, "label": label}
        for name, label in zip(
            NEURON, ["x", "w", "MMMM", "X @ W.T", "+", "σ(z)", "$y_1$", "cross-entropy"], strict=True
        )
    ]
    ax = viz.plot_graph(nodes, NEURON_EDGES, ax)
    ax.figure.draw_without_rendering()
    patches = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
    for patch, text in zip(patches, ax.texts, strict=True):
        outer, inner = patch.get_window_extent(), text.get_window_extent()
        assert outer.x0 <= inner.x0 and inner.x1 <= outer.x1
        assert outer.y0 <= inner.y0 and inner.y1 <= outer.y1
        assert ax.bbox.x0 <= outer.x0 and outer.x1 <= ax.bbox.x1


@pytest.mark.parametrize(
    ("nodes", "edges", "message"),
    [
        (plain("abc"), [("a", "b"), ("b", "c"), ("c", "b")], "circle through \\['b', 'c'\\]"),
        (plain("a"), [("a", "a")], "circle"),
        ([], [], "nodes is empty"),
        (["a"], [], "has no id"),
        (plain("aa"), [], "two nodes have the id 'a'"),
        (plain("a"), [("a", "z")], "names 'z', which is no node's id"),
        (plain("ab"), [("a", "b", "a")], "3 ends"),
        ([{"id": 1, "kind": "neuron"}], [], "kind 'neuron', expected one of input, parameter, op, output"),
    ],
)
def test_mistakes_with_graphs(nodes, edges, message):
    with pytest.raises(ValueError, match=message):
        viz.plot_graph(nodes, edges)
