"""Measures of masks beside sets of pixels and scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import metrics

K = 4


@st.composite
def mask_pairs(draw):
    shape = draw(st.sampled_from([(6,), (3, 4), (2, 3, 2)]))
    pixels = st.lists(st.integers(0, K - 1), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
    return tuple(np.array(draw(pixels)).reshape(shape) for _ in range(2))


def sets_of(mask):
    return [{i for i, value in enumerate(mask.ravel()) if value == k} for k in range(K)]


@settings(deadline=None)
@given(mask_pairs())
def test_iou_and_dice_are_those_of_sets_of_pixels(pair):
    ious, dices = metrics.class_iou(*pair, K), metrics.dice_score(*pair, K)
    for k, (a, b) in enumerate(zip(*map(sets_of, pair), strict=True)):
        if not a | b:
            assert np.isnan(ious[k]) and np.isnan(dices[k])
        else:
            assert ious[k] == len(a & b) / len(a | b)
            assert dices[k] == 2 * len(a & b) / (len(a) + len(b))
    assert metrics.mean_iou(*pair, K) == pytest.approx(np.nanmean(ious))


@settings(deadline=None)
@given(mask_pairs())
def test_measures_equal_scikit_learns(pair):
    flat, classes = [mask.ravel() for mask in pair], range(K)
    np.testing.assert_array_equal(
        metrics.mask_confusion(*pair, K), reference.confusion_matrix(*flat, labels=classes)
    )
    there = np.isin(classes, np.concatenate(flat))
    expected = reference.jaccard_score(*flat, labels=classes, average=None, zero_division=0)
    np.testing.assert_allclose(metrics.class_iou(*pair, K)[there], expected[there], rtol=1e-12)
    expected = reference.f1_score(*flat, labels=classes, average=None, zero_division=0)
    np.testing.assert_allclose(metrics.dice_score(*pair, K)[there], expected[there], rtol=1e-12)
    assert metrics.pixel_accuracy(*pair) == pytest.approx(reference.accuracy_score(*flat))


def test_all_background_is_accurate_and_worthless():
    y_true = np.zeros((10, 10), int)
    y_true[0, :5], y_true[1, :5] = 1, 2
    nothing = np.zeros_like(y_true)
    assert metrics.pixel_accuracy(y_true, nothing) == 0.9
    assert metrics.class_iou(y_true, nothing).tolist() == [0.9, 0, 0]
    assert metrics.mean_iou(y_true, nothing) == pytest.approx(0.3)


def test_the_number_of_classes_is_the_greatest_plus_one_unless_given():
    assert metrics.mask_confusion([0, 2], [1, 2]).shape == (3, 3)
    assert metrics.mask_confusion([0, 2], [1, 2], 5).shape == (5, 5)
    assert metrics.class_iou(np.uint8([200, 3]), np.uint8([200, 3]))[200] == 1


@pytest.mark.parametrize(
    ("y_true", "y_pred", "settings", "message"),
    [
        (np.zeros((2, 3), int), np.zeros((2, 4), int), {}, r"shape \(2, 3\) and y_pred \(2, 4\)"),
        ([0, 1], [0.2, 0.8], {}, "y_pred holds float64, expected whole numbers"),
        ([0, -1], [0, 0], {}, "y_true has the class -1"),
        ([], [], {}, "holds float64|no pixel"),
        (np.zeros((0, 2), int), np.zeros((0, 2), int), {}, "no pixel"),
        ([0, 7], [0, 0], {"n_classes": 3}, "hold class 7, expected 0 to 2"),
    ],
)
def test_mistakes_get_clear_errors(y_true, y_pred, settings, message):
    for name in ("mask_confusion", "class_iou", "mean_iou", "dice_score"):
        with pytest.raises(ValueError, match=message):
            getattr(metrics, name)(y_true, y_pred, **settings)
