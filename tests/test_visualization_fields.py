"""Surfaces, paths, vectors and matrices: what the artists hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from utils import visualization as viz


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    with plt.rc_context():
        viz.use_style()
        yield
    plt.close("all")


def contours_of(ax):
    return [c for c in ax.collections if type(c).__name__ == "QuadContourSet"]


def bowl(x, y):
    return x**2 + 4 * y**2


# surfaces


def test_contours_are_level_sets():
    ax = viz.plot_surface(bowl, (-2, 2), (-1, 1), levels=[0.5, 1, 2], labels=("$w$", "$b$", "loss"))
    filled, lines = contours_of(ax)
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        inside = path.vertices[np.abs(path.vertices).max(axis=1) < 0.99]
        np.testing.assert_allclose(bowl(*inside.T), level, atol=5e-3)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.figure.axes[1].get_ylabel()) == ("$w$", "$b$", "loss")
    assert list(filled.levels) == [0.5, 1, 2]


def test_logarithmic_levels_grow_by_one_factor():
    ax = viz.plot_surface(
        lambda x, y: 1e-3 + bowl(x, y), (-2, 2), (-2, 2), log=True, levels=8, colorbar=False
    )
    levels = contours_of(ax)[0].levels
    np.testing.assert_allclose(levels[1:] / levels[:-1], levels[1] / levels[0])
    assert len(levels) == 9 and len(ax.figure.axes) == 1


@pytest.mark.parametrize("log", [False, True])
def test_constant_surface_is_drawn(log, recwarn):
    viz.plot_surface(lambda x, y: 3.0, (0, 1), (0, 1), log=log).figure.canvas.draw()
    assert not recwarn


def test_surface_in_three_dimensions():
    ax = viz.plot_surface_3d(bowl, (-2, 2), (-1, 1))
    assert ax.name == "3d" and ax.get_zlabel() == "$f(x, y)$"
    with pytest.raises(ValueError, match='projection="3d"'):
        viz.plot_surface_3d(bowl, (-2, 2), (-1, 1), plt.subplots()[1])


@pytest.mark.parametrize(
    ("f", "xlim", "options", "message"),
    [
        (lambda x, y: x.ravel(), (0, 1), {}, "\\(22500,\\), expected \\(150, 150\\); .*np.vectorize"),
        (lambda x, y: x * np.nan, (0, 1), {}, "NaN or infinite"),
        (bowl, (1, 0), {}, "xlim=\\(1, 0\\), expected \\(low, high\\)"),
        (bowl, 3, {}, "xlim has shape"),
        (lambda x, y: x, (-1, 1), {"log": True}, "falls to -1, expected above 0"),
    ],
)
def test_mistakes_with_surfaces(f, xlim, options, message):
    with pytest.raises(ValueError, match=message):
        viz.plot_surface(f, xlim, (0, 1), **options)


def test_an_error_in_f_says_how_f_was_called():
    with pytest.raises(ValueError, match="ambiguous") as caught:
        viz.plot_surface(lambda x, y: max(x, y), (0, 1), (0, 1))
    assert "two arrays of shape (150, 150)" in caught.value.__notes__[0]


def test_path_marks_start_and_end():
    path = [[0, 0], [1, 2], [3, 1]]
    ax = viz.plot_path(path, label="descent")
    line, start, end = ax.lines
    np.testing.assert_array_equal(line.get_xydata(), path)
    np.testing.assert_array_equal([start.get_xydata()[0], end.get_xydata()[0]], [path[0], path[-1]])
    assert (start.get_marker(), end.get_marker()) == ("o", "*")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["descent"]


def test_diverging_path_ends_before_infinity():
    ax = viz.plot_path([[0, 0], [9, 9], [np.inf, 1], [np.nan, np.nan], [1, 1]])
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[0, 0], [9, 9]])


@pytest.mark.parametrize("path", [np.zeros((3, 3)), np.zeros((0, 2)), [[np.nan, 0]], [1, 2]])
def test_mistakes_with_paths(path):
    with pytest.raises(ValueError, match="path has"):
        viz.plot_path(path)


def test_vectors_are_true_arrows_within_the_axes():
    ax = viz.plot_vectors([[2, 1], [-1, 3]], labels=["a", "b"], origins=[[0, 0], [2, 1]])
    first, second = (c for c in ax.collections if type(c).__name__ == "Quiver")
    assert (first.U[0], first.V[0], first.scale, first.scale_units, first.angles) == (2, 1, 1, "xy", "xy")
    np.testing.assert_array_equal(second.XY, [[2, 1]])
    assert [text.get_text() for text in ax.texts] == ["a", "b"]
    ax.figure.draw_without_rendering()
    assert ax.get_aspect() == 1 and ax.get_ylim()[1] > 4 and ax.get_xlim()[1] > 2 and ax.get_xlim()[0] < 0


def test_arrow_field_follows_f_to_one_scale():
    ax = viz.plot_arrow_field(lambda x, y: (2 * x, -y), (-1, 1), (-2, 2), resolution=5)
    (quiver,) = ax.collections
    np.testing.assert_allclose(quiver.U, 2 * quiver.X)
    np.testing.assert_allclose(quiver.V, -quiver.Y)
    drawn = np.hypot(quiver.U / quiver.scale / 0.5, quiver.V / quiver.scale / 1.0)
    assert drawn.max() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: viz.plot_vectors([1, 2]), "write \\[vectors\\]"),
        (lambda: viz.plot_vectors([[1, 2]], labels=["a", "b"]), "labels has 2 entries for 1 vectors"),
        (lambda: viz.plot_vectors([[1, 2]], origins=[[0, 0], [1, 1]]), "origins has shape"),
        (lambda: viz.plot_arrow_field(lambda x, y: x, (0, 1), (0, 1)), "expected the pair"),
    ],
)
def test_mistakes_with_arrows(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# matrices


def test_signed_matrix_is_symmetric_about_zero_and_unsigned_starts_at_zero():
    signed = viz.plot_matrix([[1, -2], [5, 0]]).images[0]
    assert signed.get_clim() == (-5, 5) and signed.get_cmap().name == "RdBu_r"
    np.testing.assert_allclose(signed.cmap(signed.norm(0.0))[:3], 0.965, atol=0.01)
    unsigned = viz.plot_matrix([[1, 2], [5, 3]]).images[0]
    assert unsigned.get_clim() == (0, 5) and unsigned.get_cmap().name == "Blues"
    assert viz.plot_matrix([[1, 2]], limits=(-1, 1)).images[0].get_clim() == (-1, 1)
    assert viz.plot_matrix(np.zeros((2, 2))).images[0].get_clim() == (0, 1)


def test_cells_hold_their_numbers_at_their_places():
    M = np.array([[1.5, -2.25, 0], [3, 4, 5]])
    ax = viz.plot_matrix(M, fmt=".1f", row_labels=["r", "s"], xlabel="key", ylabel="query")
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts == {(c, r): f"{M[r, c]:.1f}".replace("-", "−") for r in range(2) for c in range(3)}
    np.testing.assert_array_equal(ax.images[0].get_array(), M)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["r", "s"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("key", "query")


@pytest.mark.parametrize(
    ("M", "annotate", "n_texts"),
    [
        (np.zeros((16, 12)), None, 192),
        (np.zeros((17, 2)), None, 0),
        (np.zeros((2, 13)), None, 0),
        (np.zeros((17, 2)), True, 34),
        (np.zeros((2, 2)), False, 0),
    ],
)
def test_numbers_are_written_where_they_can_be_read(M, annotate, n_texts):
    assert len(viz.plot_matrix(M, annotate=annotate).texts) == n_texts


def contrast(ink, paper):
    def luminance(rgb):
        rgb = np.asarray(rgb)
        return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ [
            0.2126,
            0.7152,
            0.0722,
        ]

    light, dark = sorted([luminance(to_rgb(ink)), luminance(paper)], reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("low", [-1, 0])
def test_numbers_stand_out_from_their_cells(low):
    ax = viz.plot_matrix(np.linspace(low, 1, 100).reshape(10, 10))
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        paper = image.to_rgba(image.get_array())[row, column, :3]
        assert contrast(text.get_color(), paper) >= 4.5


def test_missing_cells_are_grey_and_do_not_set_the_scale():
    image = viz.plot_matrix([[1, -np.inf], [np.nan, 2]]).images[0]
    assert image.get_clim() == (0, 2)
    np.testing.assert_allclose(image.to_rgba(image.get_array())[1, 0, :3], to_rgb("#BBBBBB"))


def test_masks_are_written_as_ones_and_noughts():
    assert {text.get_text() for text in viz.plot_matrix(np.eye(3) > 0).texts} == {"0", "1"}


def test_crowded_labels_are_turned_and_long_strips_fill_the_axes():
    words = [f"word{k}" for k in range(12)]
    ax = viz.plot_matrix(np.zeros((3, 12)), col_labels=words)
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {45}
    assert viz.plot_matrix(np.zeros((2, 300))).get_aspect() == "auto"


def test_confusion_matrix_writes_counts_and_colours_shares():
    ax = viz.plot_confusion_matrix([[90, 10], [1, 1]], ["cat", "dog"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    texts = {text.get_position(): text.get_text() for text in ax.texts}
    assert texts == {(0, 0): "90", (1, 0): "10", (0, 1): "1", (1, 1): "1"}
    np.testing.assert_allclose(ax.images[0].get_array(), [[0.9, 0.1], [0.5, 0.5]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in viz.plot_confusion_matrix(np.eye(10)).get_xticklabels()] == [
        *"0123456789"
    ]


def test_weights_share_a_scale_symmetric_about_zero():
    W = np.arange(-4.0, 8.0).reshape(2, 6)
    axes = viz.plot_weights(W, (2, 3), titles=["a", "b"])
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in axes], W.reshape(2, 2, 3))
    assert {ax.images[0].get_clim() for ax in axes} == {(-7, 7)}
    assert {ax.images[0].get_cmap().name for ax in axes} == {"RdBu_r"}
    assert axes[0].figure.axes[-1].get_ylabel() == "weight"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: viz.plot_matrix([1, 2]), ValueError, "M\\[None, :\\]"),
        (lambda: viz.plot_matrix(np.zeros((0, 2))), ValueError, "at least one row"),
        (lambda: viz.plot_matrix([["a"]]), TypeError, "real numbers"),
        (lambda: viz.plot_matrix(np.eye(2), row_labels=["a"]), ValueError, "1 entries for 2 rows"),
        (lambda: viz.plot_confusion_matrix(np.zeros((2, 3))), ValueError, "expected \\(K, K\\)"),
        (lambda: viz.plot_confusion_matrix([[1, -1], [0, 1]]), ValueError, "least entry -1"),
        (lambda: viz.plot_confusion_matrix(np.eye(2), ["a"]), ValueError, "classes has 1 entries"),
        (lambda: viz.plot_weights(np.zeros((64, 3)), (8, 8)), ValueError, "W.T may be meant"),
        (lambda: viz.plot_weights(np.zeros((3, 60)), (8, 8)), ValueError, "expected 8 x 8 = 64"),
        (lambda: viz.plot_weights(np.zeros(64), (8, 8)), ValueError, "w\\[None, :\\]"),
        (lambda: viz.plot_weights(np.zeros((3, 64)), 64), ValueError, "give \\(height, width\\)"),
    ],
)
def test_mistakes_with_matrices(call, error, message):
    with pytest.raises(error, match=message):
        call()
