"""Drawings: the pad's strokes, their pixels, and those in the form of MNIST's digits."""

import numpy as np
import pytest
import scipy.ndimage
import traitlets
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.data_loaders import load_mnist, normalize_digit
from utils.visualization import DrawingPad, rasterize

SEVEN = [[[0.2, 0.2], [0.8, 0.2], [0.4, 0.9]], [[0.4, 0.55], [0.7, 0.55]]]


def rasterize_slowly(strokes, size, pen):
    image = np.zeros((size, size))
    for y in range(size):
        for x in range(size):
            middle = np.array([x + 0.5, y + 0.5])
            for stroke in strokes:
                places = np.array(stroke, float) * size
                for start, end in zip(places, places[1:] if len(places) > 1 else places, strict=False):
                    along = end - start
                    t = np.clip((middle - start) @ along / max(along @ along, 1e-12), 0, 1)
                    distance = np.linalg.norm(middle - start - t * along)
                    image[y, x] = max(image[y, x], np.clip(pen * size / 2 + 0.5 - distance, 0, 1))
    return image


# ---- strokes to pixels ----


@pytest.mark.parametrize(("size", "pen"), [(28, 0.07), (40, 0.2), (17, 0.01)])
@pytest.mark.parametrize("strokes", [SEVEN, [[[0.3, 0.6]]], [[[0, 0], [1, 1]]], []])
def test_rasterize_equals_the_loop_over_pixels(strokes, size, pen):
    image = rasterize(strokes, size, pen)
    assert image.shape == (size, size) and image.dtype == np.float32
    np.testing.assert_allclose(image, rasterize_slowly(strokes, size, pen), atol=1e-5)


def test_ink_has_the_area_of_a_line_with_round_ends():
    image = rasterize([[[0.25, 0.5], [0.75, 0.5]]], 200, 0.1)
    assert image.sum() == pytest.approx(100 * 20 + np.pi * 10**2, rel=0.01)


@pytest.mark.parametrize(
    ("strokes", "says"),
    [
        (
            [[[0.5, 0.5]], [[120, 30], [4, 5]]],
            r"stroke 1 leaves the paper: .*go from 4 to 120; divide pixels",
        ),
        ([[[0.5, np.nan]]], "stroke 0 leaves the paper"),
        ([[0.5, 0.5]], r"stroke 0 must be points \(n, 2\) but has the shape \(2,\)"),
        ([[[0.1, 0.2, 0.3]]], "stroke 0 must be points"),
        ([[]], "stroke 0 must be points"),
    ],
)
def test_strokes_that_are_none_get_a_clear_error(strokes, says):
    with pytest.raises(ValueError, match=says):
        rasterize(strokes)
    with pytest.raises((ValueError, traitlets.TraitError), match=says):
        DrawingPad(strokes)


@pytest.mark.parametrize("settings", [{"size": 0}, {"pen": 0}, {"pen": 1.5}])
def test_a_pen_or_paper_that_draws_nothing_is_refused(settings):
    with pytest.raises(ValueError, match=r"size=.*must be 1 or more, and pen="):
        rasterize(SEVEN, **settings)


# ---- pixels to digits ----


@pytest.mark.parametrize("shape", [(112, 112), (60, 90), (28, 28)])
def test_a_drawing_fills_the_box_and_has_its_mass_in_the_middle(shape):
    ink = np.zeros(shape, np.float32)
    ink[10:26, 5:12] = 1  # 16 high, 7 wide
    ink[10:14, 12:20] = 1
    digit = normalize_digit(ink)
    rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
    assert digit.shape == (28, 28) and digit.dtype == np.float32
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 19)  # 20 * 15 / 16
    np.testing.assert_allclose(scipy.ndimage.center_of_mass(digit), 14, atol=0.5)


@given(st.integers(3, 12), st.integers(3, 12), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_place_and_size_on_the_paper_do_not_matter(height, width, factor):
    shape = np.random.default_rng(height * width).integers(0, 2, (height, width)).astype(np.float32)
    shape[[0, -1], :] = shape[:, [0, -1]] = 1
    large = np.kron(shape, np.ones((factor, factor), np.float32))
    here, there = np.zeros((2, 60, 60), np.float32)
    here[2 : 2 + large.shape[0], 3 : 3 + large.shape[1]] = large
    there[20 : 20 + height, 15 : 15 + width] = shape
    np.testing.assert_allclose(normalize_digit(here), normalize_digit(there), atol=1e-5)


def test_means_over_areas_keep_the_mass():
    ink = rasterize(SEVEN, 100)
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    factor = 20 / max(np.ptp(rows) + 1, np.ptp(columns) + 1)
    assert normalize_digit(ink).sum() == pytest.approx(ink.sum() * factor**2, rel=0.03)


def test_mnist_itself_does_not_change():
    data = load_mnist()
    for image in data.X_test[:200]:
        if not data.is_stand_in:
            np.testing.assert_allclose(normalize_digit(image), image, atol=1e-3)


def test_a_scan_needs_a_threshold():
    ink = rasterize(SEVEN, 60)
    scan = np.maximum(ink, 0.1)
    ink[ink <= 0.1] = 0
    np.testing.assert_allclose(normalize_digit(scan, threshold=0.1), normalize_digit(ink), atol=1e-6)
    assert np.abs(normalize_digit(scan) - normalize_digit(ink)).mean() > 0.05


def test_paper_stays_paper_and_other_arrays_are_refused():
    assert not normalize_digit(np.zeros((50, 50))).any()
    with pytest.raises(ValueError, match=r"one image \(H, W\) is expected but the shape is \(3, 28, 28\)"):
        normalize_digit(np.zeros((3, 28, 28)))
    with pytest.raises(ValueError, match="box=30 must be from 1 to side=28"):
        normalize_digit(np.zeros((28, 28)), box=30)


# ---- the pad ----


def test_a_pad_holds_a_drawing_and_tells_of_changes():
    pad, seen = DrawingPad(SEVEN, pen=0.1), []
    assert pad.value == SEVEN and pad.pen == 0.1
    pad.observe(lambda change: seen.append(change["new"]), names="value")
    pad.value = [[[0.5, 0.5]]]
    pad.value = []
    assert seen == [[[[0.5, 0.5]]], []]


def test_a_refused_drawing_leaves_the_old_one():
    pad = DrawingPad(SEVEN)
    with pytest.raises((ValueError, traitlets.TraitError), match="leaves the paper"):
        pad.value = [[[2, 2]]]
    assert pad.value == SEVEN
