"""Generators: shapes, what each promises, reproducibility, errors."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import utils.data_loaders as data

CALLS = {
    "make_moons": {},
    "make_spirals": {},
    "make_blobs": {},
    "make_xor": {},
    "make_linearly_separable": {},
    "make_adding": {"n": 30, "length": 12},
    "make_copy": {"n": 30},
    "make_dates": {"n": 30},
}


@pytest.mark.parametrize("name", CALLS)
def test_the_seed_decides(name):
    make, arguments = getattr(data, name), CALLS[name]
    first, again, from_generator, other = (
        make(**arguments, rng=rng) for rng in (3, 3, np.random.default_rng(3), 4)
    )
    for a, b, c in zip(first, again, from_generator, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    "name", ["make_moons", "make_spirals", "make_blobs", "make_xor", "make_linearly_separable"]
)
def test_points_and_labels(name):
    X, y = getattr(data, name)(n_samples=61)
    assert X.shape == (61, 2) and X.dtype == np.float64 and y.shape == (61,) and y.dtype == np.int64
    assert set(y) == set(range(y.max() + 1))


def test_moons_are_scikit_learns():
    from sklearn.datasets import make_moons

    for n in (50, 51):
        ours, theirs = data.make_moons(n, noise=0), make_moons(n, shuffle=False)
        order = np.argsort(ours[1], kind="stable")
        for X, expected in ((ours[0][order], theirs[0]),):
            np.testing.assert_allclose(np.sort(X, axis=0), np.sort(expected, axis=0), atol=1e-12)
        assert np.bincount(ours[1]).tolist() == np.bincount(theirs[1]).tolist()


def test_spirals_are_separable_by_their_neighbours_and_not_by_a_line():
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    X, y = data.make_spirals(600, n_classes=3)
    assert set(y) == {0, 1, 2} and np.hypot(*X.T).max() < 1.2
    assert KNeighborsClassifier(3).fit(X[:400], y[:400]).score(X[400:], y[400:]) > 0.95
    assert LogisticRegression().fit(X, y).score(X, y) < 0.6


def test_blobs_lie_around_their_centres():
    centers = np.array([[0.0, 0, 0], [10, 0, 5]])
    X, y = data.make_blobs(4000, centers, std=0.5)
    for label, center in enumerate(centers):
        np.testing.assert_allclose(X[y == label].mean(axis=0), center, atol=0.06)
        np.testing.assert_allclose(X[y == label].std(axis=0), 0.5, atol=0.05)


def test_xor_without_noise_is_the_truth_table():
    X, y = data.make_xor(4, noise=0)
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]] and y.tolist() == [0, 1, 1, 0]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(1, 5), st.floats(0, 0.4), st.integers(0, 1000))
def test_separable_points_keep_their_margin(n, d, margin, seed):
    """The largest margin over all planes, by a support vector machine, is at least the one asked for."""
    from sklearn.svm import SVC

    X, y = data.make_linearly_separable(n, d, margin, rng=seed)
    assert X.shape == (n, d) and set(y) == {0, 1} and np.abs(X).max() <= 1
    machine = SVC(kernel="linear", C=1e8).fit(X, y)
    assert 1 / np.linalg.norm(machine.coef_) >= margin * 0.999 - 1e-3


def test_a_margin_without_room_is_refused():
    with pytest.raises(ValueError, match=r"margin=1\.5 leaves hardly any points.*smaller"):
        data.make_linearly_separable(margin=1.5)


def test_the_adding_problem():
    X, y = data.make_adding(2000, 11)
    assert X.shape == (2000, 11, 2) and y.shape == (2000,)
    assert (X[:, :5, 1].sum(axis=1) == 1).all() and (X[:, 5:, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose(y, [row[row[:, 1] == 1, 0].sum() for row in X])
    assert abs(np.mean((y - 1) ** 2) - 1 / 6) < 0.02
    assert set(X[:, :, 1].argmax(axis=1)) == set(range(5))


def test_the_copy_task():
    X, Y = data.make_copy(50, length=4, n_symbols=5, delay=7)
    assert X.shape == Y.shape == (50, 15) and X.dtype == Y.dtype == np.int64
    assert (Y[:, -4:] == X[:, :4]).all() and not Y[:, :-4].any()
    assert set(np.unique(X[:, :4])) == set(range(1, 6))
    assert (X[:, 10] == 6).all() and not X[:, 11:].any() and not X[:, 4:10].any()


def test_dates_name_the_day_they_say():
    pairs = data.make_dates(3000)
    assert len(pairs) == 3000 and any(text == text.lower() and text[0].isalpha() for text, _ in pairs)
    for text, iso in pairs:
        day = datetime.date.fromisoformat(iso)
        assert 1950 <= day.year <= 2049 and str(day.year) in text and str(day.day) in text
        name = next((n for n in data.generators.MONTHS if n[:3].lower() in text.lower()), None)
        assert name is None or data.generators.MONTHS.index(name) == day.month - 1
    texts = dict(pairs)
    assert all(
        texts[t] == f"{t[-4:]}-{int(t.split('/')[0]):02}-{int(t.split('/')[1]):02}"
        for t in texts
        if t[-5:-4] == "/"
    )


@pytest.mark.parametrize(
    ("number", "text"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (13, "13th"), (22, "22nd")]
)
def test_ordinals(number, text):
    assert data.generators._ordinal(number) == text


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: data.make_moons(1), ValueError, "n_samples must be at least 2 but is 1"),
        (lambda: data.make_moons(10.0), TypeError, "n_samples must be an integer but is 10.0"),
        (lambda: data.make_moons(True), TypeError, "integer"),
        (lambda: data.make_moons(noise=-1), ValueError, "noise must be 0 or more but is -1"),
        (lambda: data.make_moons(noise=float("nan")), ValueError, "noise"),
        (lambda: data.make_blobs(centers=[1, 2]), ValueError, "shape \\(2,\\)"),
        (lambda: data.make_blobs(centers=0), ValueError, "centers must be at least 1"),
        (lambda: data.make_adding(5, 1), ValueError, "length must be at least 2"),
        (lambda: data.make_copy(5, delay=0), ValueError, "delay"),
        (lambda: data.make_dates(0), ValueError, "n must be at least 1"),
    ],
)
def test_impossible_wishes(call, error, words):
    with pytest.raises(error, match=words):
        call()


# Scenes


@pytest.fixture(scope="module")
def digits():
    from utils.data_loaders.standins_images import enlarged_digits

    X, _, y, _ = enlarged_digits()
    return X, y


def test_digit_strings_are_made_of_the_digits(digits):
    X, y = data.make_digit_strings(*digits, 40, noise=0)
    assert X.shape == (40, 32, 196) and X.dtype == np.float32 and y.shape == (40, 7) and y.dtype == np.int64
    assert X.min() >= 0 and X.max() <= 1 + 1e-6 and set(np.unique(y)) <= set(range(10))
    assert (X > 0.3).any(axis=1).sum(axis=1).min() > 40  # seven digits leave ink in many columns
    again, _ = data.make_digit_strings(*digits, 40, noise=0)
    np.testing.assert_array_equal(X, again)
    noisy, _ = data.make_digit_strings(*digits, 40, noise=0.1)
    assert abs((noisy - X).std() - 0.1) < 0.005


def test_a_string_of_one_upright_digit_of_natural_size_is_that_digit(digits):
    images, labels = digits
    X, y = data.make_digit_strings(images[:1], labels[:1], 1, 1, height=28, scale=(1, 1), slant=0, noise=0)
    ink = np.flatnonzero((X[0] > 0.2).any(axis=0))
    source = images[0] / 255
    columns = np.flatnonzero((source > 0.2).any(axis=0))
    np.testing.assert_allclose(
        X[0][:, ink[0] : ink[-1] + 1], source[:, columns[0] : columns[-1] + 1], atol=1e-6
    )
    assert y.tolist() == [[labels[0]]]


def test_scaling_and_shearing_agree_with_scipy(digits):
    from scipy.ndimage import affine_transform

    from utils.data_loaders.scenes import _warp

    image, scale, slant, side = digits[0][3] / 255, 1.17, -0.24, 40
    inverse = np.array([[1, 0], [slant, 1]]) / scale  # of (row, column) offsets from the centre
    offset = 13.5 - inverse @ np.full(2, (side - 1) / 2)
    expected = affine_transform(image, inverse, offset, (side, side), order=1)
    ours = _warp(image[None].astype(np.float32), np.array([scale]), np.array([slant]), side)[0]
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_gaps_are_as_asked(digits):
    one = np.zeros((1, 28, 28), np.uint8)
    one[0, 4:24, 12:16] = 255
    X, _ = data.make_digit_strings(one, np.array([1]), 200, 3, scale=(1, 1), slant=0, gap=(0, 5), noise=0)
    for row in X:
        ink = np.flatnonzero((row > 0.5).any(axis=0))
        assert len(ink) == 12 and ink[-1] - ink[0] + 1 <= 12 + 2 * 5
    touching, _ = data.make_digit_strings(
        one, np.array([1]), 5, 3, scale=(1, 1), slant=0, gap=(-1, -1), noise=0
    )
    assert ((touching > 0.5).any(axis=1).sum(axis=1) == 10).all()


def test_a_row_too_narrow_for_its_gaps_keeps_every_digit(digits):
    one = np.zeros((1, 28, 28), np.uint8)
    one[0, 4:24, 12:16] = 255
    X, _ = data.make_digit_strings(
        one, np.array([1]), 50, 4, width=48, scale=(1, 1), slant=0, gap=(30, 30), noise=0
    )
    for row in X:
        starts = np.diff(np.r_[0, (row > 0.5).any(axis=0).astype(int)]) == 1
        assert starts.sum() == 4
    with pytest.raises(ValueError, match="width must be at least 48 but is 47"):
        data.make_digit_strings(*digits, 1, 4, width=47)


def test_digit_strings_of_several_lengths(digits):
    X, labels = data.make_digit_strings(*digits, 30, (3, 9), noise=0)
    assert X.shape == (30, 32, 28 * 9) and {len(row) for row in labels} == set(range(3, 10))
    for image, row in zip(X, labels, strict=True):
        assert (image > 0.2).any(axis=0).sum() > 3 * len(row)
    with pytest.raises(ValueError, match="length must be at least 5 but is 3"):
        data.make_digit_strings(*digits, 2, (5, 3))


def test_given_numbers_are_written(digits):
    images, labels = np.where(digits[0] > 60, digits[0], 0), digits[1]  # no ink near the threshold
    one_each = np.array([images[labels == digit][0] for digit in range(10)]), np.arange(10)
    plain = {"scale": (1, 1), "slant": 0, "gap": (3, 3), "noise": 0}
    X = data.write_numbers(*one_each, ["90210", "07"], **plain)
    assert X.shape == (2, 32, 140) and X.dtype == np.float32
    for row, number in zip(X, ("90210", "07"), strict=True):
        start = np.flatnonzero((row > 0.2).any(axis=0))[0]
        for digit in number:  # what the row must be made of, from left to right
            glyph = one_each[0][int(digit)] / 255
            inked = np.flatnonzero((glyph > 0.2).any(axis=0))
            part = glyph[:, inked[0] : inked[-1] + 1]
            np.testing.assert_allclose(row[2:30, start : start + part.shape[1]], part, atol=1e-6)
            start += part.shape[1] + 3
    drawn = data.write_numbers(images, labels, ["111"] * 8, noise=0, rng=3)
    assert len({row.tobytes() for row in drawn}) == 8  # a new choice and a new place for every row
    np.testing.assert_array_equal(drawn, data.write_numbers(images, labels, ["111"] * 8, noise=0, rng=3))


@pytest.mark.parametrize("numbers", [["12a"], ["1", ""], ["-1"], ["1.5"], [12], ["\u0663"]])
def test_what_is_no_number_is_refused(digits, numbers):
    with pytest.raises(ValueError, match="texts of the digits 0 to 9"):
        data.write_numbers(*digits, numbers)


def test_digits_that_nobody_wrote_are_refused(digits):
    images, labels = digits
    with pytest.raises(ValueError, match=r"no image shows the digits \[7, 8\]"):
        data.write_numbers(images[labels < 7], labels[labels < 7], ["1787"])
    with pytest.raises(ValueError, match="no number is given"):
        data.write_numbers(images, labels, [])


def test_detection_boxes_are_tight_and_apart(digits):
    from utils.data_loaders.scenes import _iou

    X, boxes, labels = data.make_detection_scenes(*digits, 60, clutter=0, noise=0, overlap=0)
    assert X.shape == (60, 64, 64) and len(boxes) == len(labels) == 60
    for image, found, classes in zip(X, boxes, labels, strict=True):
        assert found.shape == (len(classes), 4) and classes.dtype == np.int64 and len(classes) >= 1
        covered = np.zeros((64, 64), bool)
        for i, (x1, y1, x2, y2) in enumerate(found.astype(int)):
            assert 0 <= x1 < x2 <= 64 and 0 <= y1 < y2 <= 64
            ink = image[y1:y2, x1:x2] > 0.2
            assert ink[0].any() and ink[-1].any() and ink[:, 0].any() and ink[:, -1].any()
            covered[y1:y2, x1:x2] = True
            assert (_iou(found[i : i + 1], np.delete(found, i, axis=0)) == 0).all()
        assert not (image[~covered] > 0.2).any()
    heights = np.concatenate([b[:, 3] - b[:, 1] for b in boxes])
    assert heights.max() > 2 * heights.min()


def test_overlap_and_clutter(digits):
    from utils.data_loaders.scenes import _iou

    clean, boxes, _ = data.make_detection_scenes(
        *digits, 80, clutter=0, noise=0, overlap=0.3, n_digits=(3, 5)
    )
    shares = [_iou(b[i : i + 1], np.delete(b, i, axis=0)) for b in boxes for i in range(len(b))]
    assert 0 < max(map(max, filter(len, shares))) <= 0.3
    cluttered, _, _ = data.make_detection_scenes(*digits, 80, clutter=8, noise=0, n_digits=(3, 5))
    assert (cluttered > 0.5).mean() > (clean > 0.5).mean()


def test_iou_of_known_boxes():
    from utils.data_loaders.scenes import _iou

    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 6, 6.0]])
    np.testing.assert_allclose(_iou(boxes[:1], boxes), [1, 1 / 7, 0])


def test_segmentation_masks_cover_the_ink_with_its_class(digits):
    X, masks = data.make_segmentation_scenes(*digits, 60, clutter=0, noise=0)
    same, _, labels = data.make_detection_scenes(*digits, 60, clutter=0, noise=0)
    np.testing.assert_array_equal(X, same)
    assert masks.shape == X.shape and masks.dtype == np.int64
    assert ((masks > 0) == (X > 0.2)).all()
    for mask, classes in zip(masks, labels, strict=True):
        assert set(np.unique(mask)) - {0} <= {int(c) + 1 for c in classes}


def test_scenes_want_digits(digits):
    images, labels = digits
    for bad_images, bad_labels in (
        (images[0], labels[:1]),
        (images[:5], labels[:4]),
        (images[:0], labels[:0]),
    ):
        for make in (data.make_digit_strings, data.make_detection_scenes, data.make_segmentation_scenes):
            with pytest.raises(ValueError, match=r"images \(N, H, W\) and labels \(N,\)"):
                make(bad_images, bad_labels, 3)
    for wrong in ({"scale": (0, 1)}, {"scale": (2, 1)}, {"gap": (5, 1)}, {"gap": 3}):
        with pytest.raises(ValueError, match=r"must be a pair \(low, high\)"):
            data.make_digit_strings(images, labels, 3, **wrong)
    with pytest.raises(ValueError, match=r"n_digits must be a pair .* but is \(0, 2\)"):
        data.make_detection_scenes(images, labels, 3, n_digits=(0, 2))
    with pytest.raises(ValueError, match="size must be at least 42 but is 30"):
        data.make_detection_scenes(images, labels, 1, size=30)
