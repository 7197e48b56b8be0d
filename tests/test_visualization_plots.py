"""Images, curves, points and boundaries: what the artists hold."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from utils import visualization as viz
from utils.visualization.style import as_ink, luminance


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    with plt.rc_context():
        viz.use_style()
        yield
    plt.close("all")


def images_of(axes):
    return [np.asarray(ax.images[0].get_array()) for ax in axes]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def sample(n=40, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 2))
    return X, (X[:, 0] > 0).astype(int)


# images


def test_images_share_one_scale_and_keep_their_pixels():
    images = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    axes = viz.plot_images(images, titles=["a", "b", 3], n_cols=2)
    assert [ax.get_title() for ax in axes] == ["a", "b", "3"]
    np.testing.assert_array_equal(images_of(axes), images)
    assert {ax.images[0].get_clim() for ax in axes} == {(0, 59)}
    assert len(axes[0].figure.axes) == 3
    assert not any(ax.axison for ax in axes)


def test_images_stand_row_by_row():
    axes = viz.plot_images(np.zeros((5, 2, 2)), n_cols=3)
    places = [(ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start) for ax in axes]
    assert places == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]


def test_colour_may_stand_first_or_last():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    for given_images in (images, images.transpose(0, 3, 1, 2), images.astype(int), images / 255):
        for shown, image in zip(images_of(viz.plot_images(given_images)), images, strict=True):
            np.testing.assert_allclose(shown / shown.max() * image.max(), image)


def test_one_channel_is_grey_and_a_figure_can_be_given():
    fig = plt.figure()
    axes = viz.plot_images(np.ones((2, 1, 3, 3)), fig=fig, vmin=0, vmax=2, cmap="Blues")
    assert fig.axes == list(axes) and plt.get_fignums() == [fig.number]
    assert axes[1].images[0].get_clim() == (0, 2) and axes[1].images[0].get_cmap().name == "Blues"
    assert images_of(axes)[0].shape == (3, 3)


@pytest.mark.parametrize(
    ("images", "options", "error", "message"),
    [
        (np.zeros((28, 28)), {}, ValueError, "images\\[None\\] for one image"),
        (np.zeros((0, 3, 3)), {}, ValueError, "N at least 1"),
        (np.zeros((2, 4, 4, 5)), {}, ValueError, "\\(2, 4, 4, 5\\)"),
        ([np.zeros((3, 3)), np.zeros((3, 4))], {}, ValueError, "\\(3, 3\\), \\(3, 4\\).*crop or resize"),
        (np.full((1, 3, 4, 4), 1.5), {}, ValueError, "1.5, expected 0 to 1"),
        (np.full((1, 3, 4, 4), 300), {}, ValueError, "300, expected 0 to 255"),
        (np.full((1, 4, 4), np.nan), {}, ValueError, "16 values that are NaN"),
        (np.full((1, 4, 4), "a"), {}, TypeError, "real numbers"),
        (np.zeros((2, 3, 3)), {"titles": ["a"]}, ValueError, "titles has 1 entries for 2 images"),
        (np.zeros((2, 3, 3)), {"n_cols": 0}, ValueError, "n_cols=0"),
        (np.zeros((401, 2, 2)), {}, ValueError, "images\\[:100\\]"),
        (np.zeros((2, 3, 3)), {"fig": 3}, TypeError, "fig is int"),
    ],
)
def test_mistakes_with_images(images, options, error, message):
    with pytest.raises(error, match=message):
        viz.plot_images(images, **options)


# curves


def test_curves_are_named_and_drawn_over_steps_or_their_x():
    ax = viz.plot_curves({"a": [3, 2, 1], "b": ([10, 20], [5, 4])}, ylabel="loss")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")
    assert legend_of(ax) == ["a", "b"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 3], [1, 2], [2, 1]])
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), [[10, 5], [20, 4]])
    assert [line.get_color() for line in ax.lines] == viz.PALETTE[:2]


def test_curves_beyond_the_palette_differ_in_dashes():
    ax = viz.plot_curves({str(k): [k, k] for k in range(20)})
    looks = [(line.get_color(), line.get_linestyle()) for line in ax.lines]
    assert len(set(looks)) == 20


def test_a_second_call_goes_on_with_the_colours():
    ax = viz.plot_curves({"a": [1, 2]})
    assert viz.plot_curves({"b": [2, 3]}, ax) is ax
    assert [line.get_color() for line in ax.lines] == viz.PALETTE[:2]
    assert legend_of(ax) == ["a", "b"]


def test_names_beside_the_ends_do_not_touch():
    t = np.arange(10)
    ax = viz.plot_curves({"a": t, "b": t + 0.01, "c": t + 0.02, "d": np.where(t < 5, t, np.nan)}, direct=True)
    assert ax.get_legend() is None
    ax.figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert [text.get_text() for text in ax.texts] == ["a", "b", "c", "d"]
    assert sorted(boxes[:3], key=lambda box: box.y0) == boxes[:3]
    assert all(low.y1 <= high.y0 for low, high in pairwise(boxes[:3]))
    assert ax.texts[3].xy == (4, 4)
    assert [text.get_color() for text in ax.texts] == [as_ink(color) for color in viz.PALETTE[:4]]


def test_logarithmic_axes():
    ax = viz.plot_curves({"a": ([1, 10], [1, 100])}, log_x=True, log_y=True)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


@pytest.mark.parametrize(
    ("curves", "options", "error", "message"),
    [
        ([1, 2, 3], {}, TypeError, '\\{"loss": losses\\}'),
        ({"a": np.zeros((3, 2))}, {}, ValueError, "curve 'a' has shape \\(3, 2\\)"),
        ({"a": ([1, 2], [1, 2, 3])}, {}, ValueError, "2 values of x and 3 of y"),
        ({"a": ["x", "y"]}, {}, TypeError, "real numbers"),
        ({"a": [1, 0.0]}, {"log_y": True}, ValueError, "falls to 0 .* drop log_y"),
        ({"a": [1, 2]}, {"log_x": True}, ValueError, "falls to 0 .* drop log_x"),
    ],
)
def test_mistakes_with_curves(curves, options, error, message):
    with pytest.raises(error, match=message):
        viz.plot_curves(curves, **options)
    assert not plt.get_fignums()


def test_text_in_the_colours_of_the_palette_is_legible():
    for color in viz.PALETTE:
        assert 1.05 / (luminance(as_ink(color)) + 0.05) >= 4.5
    assert as_ink("#000080") == "#000080"


# points and boundaries


def test_points_of_each_class_have_a_colour_and_a_marker():
    X, y = sample()
    ax = viz.plot_points(X, y, labels=["left", "right"])
    assert legend_of(ax) == ["left", "right"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$")
    for number, cloud in enumerate(ax.collections):
        np.testing.assert_array_equal(cloud.get_offsets(), X[y == number])
        assert to_hex(cloud.get_facecolor()[0]).upper() == viz.PALETTE[number].upper()
    assert len(ax.collections[0].get_paths()[0]) != len(ax.collections[1].get_paths()[0])


def test_points_without_classes_and_with_names_of_classes():
    X, y = sample()
    assert viz.plot_points(X).get_legend() is None
    assert legend_of(viz.plot_points(X, np.where(y, "spam", "ham"))) == ["$y = ham$", "$y = spam$"]


def boundary_points(ax):
    contours = [c for c in ax.collections if hasattr(c, "get_paths") and type(c).__name__ == "QuadContourSet"]
    return np.concatenate([path.vertices for c in contours for path in c.get_paths()])


@pytest.mark.parametrize(
    "predict",
    [
        lambda P: P @ [1, -2] + 0.3,
        lambda P: 1 / (1 + np.exp(-P @ [1, -2] - 0.3)),
        lambda P: (P @ [1, -2] + 0.3)[:, None],
        lambda P: np.stack([np.zeros(len(P)), P @ [1, -2] + 0.3], axis=1),
        lambda P: P @ [1, -2] + 0.3 > 0,
        lambda P: np.where(P @ [1, -2] + 0.3 > 0, 1.0, 0.0),
    ],
    ids=["score", "probability", "column", "two scores", "bool", "class as float"],
)
def test_boundary_is_where_the_prediction_changes(predict):
    X, _ = sample()
    y = (X @ [1, -2] + 0.3 > 0).astype(int)
    ax = viz.plot_decision_boundary(predict, X, y, resolution=150)
    line = boundary_points(ax)
    cell = np.ptp(X, axis=0).max() * 1.2 / 149
    assert np.abs(line @ [1, -2] + 0.3).max() < 2 * cell
    regions, extent = np.asarray(ax.images[0].get_array()), ax.images[0].get_extent()
    columns = ((X[:, 0] - extent[0]) / (extent[1] - extent[0]) * 149).round().astype(int)
    rows = ((X[:, 1] - extent[2]) / (extent[3] - extent[2]) * 149).round().astype(int)
    assert ax.images[0].origin == "lower"  # else the first row would stand on top
    far = np.abs(X @ [1, -2] + 0.3) > 3 * cell
    np.testing.assert_array_equal(regions[rows, columns][far], y[far])


def test_regions_have_the_pale_colours_of_the_points():
    X, y = sample()
    ax = viz.plot_decision_boundary(lambda P: P[:, 0], X, y)
    clouds = [c for c in ax.collections if type(c).__name__ == "PathCollection"]
    for number, cloud in enumerate(clouds):
        full, pale = cloud.get_facecolor()[0][:3], ax.images[0].get_cmap()(number)[:3]
        np.testing.assert_allclose(pale, 1 - 0.25 * (1 - np.array(full)), atol=1e-6)
        assert to_hex(full) == to_hex(to_rgb(viz.PALETTE[number]))


def test_threshold_moves_the_boundary_and_signs_are_classes():
    X, y = sample()
    assert boundary_points(viz.plot_decision_boundary(lambda P: P[:, 0], X, y, threshold=0.5))[:, 0] == (
        pytest.approx(0.5)
    )
    ax = viz.plot_decision_boundary(lambda P: np.sign(P[:, 0]), X, 2 * y - 1)
    assert legend_of(ax) == legend_of(viz.plot_points(X, 2.0 * y - 1)) == ["$y = -1$", "$y = 1$"]
    assert np.abs(boundary_points(ax)[:, 0]).max() < 0.05


def test_four_classes_meet():
    centres = np.array([[0, 0], [4, 0], [0, 4], [4, 4]])
    X = np.random.default_rng(0).normal(size=(80, 2)) + np.repeat(centres, 20, axis=0)
    scores = lambda P: -np.square(P[:, None] - centres).sum(axis=-1)  # noqa: E731
    ax = viz.plot_decision_boundary(scores, X, np.repeat(np.arange(4), 20))
    assert np.abs(boundary_points(ax) - 2).min(axis=1).max() < 0.02
    assert set(np.unique(ax.images[0].get_array())) == {0, 1, 2, 3}


def test_prediction_of_one_class_everywhere_has_no_boundary():
    X, y = sample()
    ax = viz.plot_decision_boundary(lambda P: np.zeros(len(P)), X, y)
    assert {type(c).__name__ for c in ax.collections} == {"PathCollection"}


X, Y = sample()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: viz.plot_points(np.zeros((4, 3))), ValueError, "X\\[:, \\[0, 1\\]\\]"),
        (lambda: viz.plot_points([1, 2]), ValueError, "for one point write \\[X\\]"),
        (lambda: viz.plot_points(np.zeros((0, 2))), ValueError, "no rows"),
        (lambda: viz.plot_points([[1, np.nan]]), ValueError, "1 values that are NaN"),
        (lambda: viz.plot_points(X, Y[:-1]), ValueError, "y has shape \\(39,\\) for 40 points"),
        (lambda: viz.plot_points(X, Y[:, None]), ValueError, "y.ravel\\(\\)"),
        (lambda: viz.plot_points(X, X[:, 0]), ValueError, "40 different values, at most 20"),
        (lambda: viz.plot_points(X, Y, labels=["a"]), ValueError, "labels has 1 entries for 2 classes"),
        (lambda: viz.plot_points(X, Y, plt.figure()), TypeError, "plt.subplots\\(\\)"),
        (lambda: viz.plot_points(X, Y, plt.subplots(2)[1]), TypeError, "axes\\[0\\]"),
        (lambda: viz.plot_decision_boundary(Y, X, Y), TypeError, "pass it uncalled"),
        (lambda: viz.plot_decision_boundary(lambda P: 1, X, Y), ValueError, "shape \\(\\) for 40000 points"),
        (lambda: viz.plot_decision_boundary(lambda P: P[:3, 0], X, Y), ValueError, "shape \\(3,\\)"),
        (lambda: viz.plot_decision_boundary(lambda P: P * np.nan, X, Y), ValueError, "40000 of 40000 places"),
        (
            lambda: viz.plot_decision_boundary(lambda P: P[:, 0], X, np.arange(40) % 3),
            ValueError,
            "3 classes",
        ),
    ],
)
def test_mistakes_with_points(call, error, message):
    with pytest.raises(error, match=message):
        call()


# lines


def new_axes(xlim=(-1, 3), ylim=(-2, 5)):
    _, ax = plt.subplots()
    ax.set(xlim=xlim, ylim=ylim)
    return ax


@pytest.mark.parametrize(
    ("w", "b", "ends"),
    [
        ([1, 0], -2, [[2, -2], [2, 5]]),
        ([0, 2], -2, [[-1, 1], [3, 1]]),
        ([1, -1], 0, [[-1, -1], [3, 3]]),
        ([-3, 1], 0, [[-2 / 3, -2], [5 / 3, 5]]),
    ],
)
def test_line_runs_from_edge_to_edge(w, b, ends):
    ax = viz.plot_line(w, b, new_axes(), label="boundary")
    drawn = ax.lines[0].get_xydata()
    np.testing.assert_allclose(drawn[np.lexsort(drawn.T[::-1])], ends, atol=1e-12)
    assert ax.get_xlim() == (-1, 3) and ax.get_ylim() == (-2, 5)
    assert legend_of(ax) == ["boundary"]


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)).filter(lambda w: np.hypot(*w) > 1e-3),
    st.floats(-8, 8),
    st.booleans(),
)
def test_line_is_clipped_and_missing_only_outside(w, b, upside_down):
    ax = viz.plot_line(w, b, new_axes(ylim=(5, -2) if upside_down else (-2, 5)))
    ends = ax.lines[0].get_xydata()
    corners = np.array([[-1, -2], [-1, 5], [3, -2], [3, 5]]) @ w + b
    assert len(ends) == 2 or corners.min() >= -1e-9 or corners.max() <= 1e-9
    np.testing.assert_allclose(ends @ w + b, 0, atol=1e-9)
    on_edge = np.isclose(np.abs(ends[:, 0] - 1), 2) | np.isclose(np.abs(ends[:, 1] - 1.5), 3.5)
    assert on_edge.all() and np.all(np.abs(ends - [1, 1.5]) <= np.array([2, 3.5]) + 1e-9)
    plt.close("all")


def test_normal_points_to_the_positive_side():
    ax = viz.plot_line([1, 2], -1, new_axes(), normal=True)
    arrow = next(text for text in ax.texts if text.arrow_patch is not None)
    direction = np.subtract(arrow.xy, arrow.xyann)
    assert np.cross([*direction, 0], [1, 2, 0])[2] == pytest.approx(0, abs=1e-12) and direction @ [1, 2] > 0
    assert np.dot(arrow.xyann, [1, 2]) - 1 == pytest.approx(0, abs=1e-12)


def test_line_leaves_the_view_of_the_points():
    X, y = sample()
    ax = viz.plot_points(X, y)
    before = ax.get_xlim(), ax.get_ylim()
    viz.plot_line([1, 2], 0.1, ax)
    ax.figure.draw_without_rendering()
    assert (ax.get_xlim(), ax.get_ylim()) == before


def test_line_makes_axes_of_its_own():
    ax = viz.plot_line([1, 1], 0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_1$", "$x_2$") and len(ax.lines[0].get_xydata()) == 2


@pytest.mark.parametrize(
    ("w", "b", "message"),
    [
        ([0, 0], 1, "w = \\(0, 0\\) has no line.*after the first update"),
        ([1, 2, 3], 0, "expected \\(2,\\)"),
        (1, [1, 2], "the order is plot_line\\(w, b\\)"),
        ([1, 2], [1], "b has shape \\(1,\\), expected a single number"),
        ([1, np.inf], 0, "NaN or infinite"),
    ],
)
def test_mistakes_with_lines(w, b, message):
    with pytest.raises(ValueError, match=message):
        viz.plot_line(w, b)
