"""Top-k accuracy, ROC and precision-recall curves, beside scikit-learn's and by counting pairs."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from utils import metrics

TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@st.composite
def scored(draw):
    """Both classes, and few distinct scores, so that ties are common."""
    n = draw(st.integers(2, 40))
    y = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    assume(0 < sum(y) < n)
    score = st.integers(-4, 4).map(float) if draw(st.booleans()) else st.floats(-1, 1)
    return np.array(y), np.array(draw(st.lists(score, min_size=n, max_size=n)))


@settings(deadline=None)
@given(scored(), st.booleans())
def test_roc_curve_equals_scikit_learn(pair, drop):
    ours = metrics.roc_curve(*pair, drop_intermediate=drop)
    for mine, theirs in zip(ours, reference.roc_curve(*pair, drop_intermediate=drop), strict=True):
        np.testing.assert_allclose(mine, theirs, **TIGHT)


@settings(deadline=None)
@given(scored())
def test_auc_is_the_share_of_pairs_in_order_ties_half(pair):
    y, score = pair
    gaps = score[y == 1][:, None] - score[y == 0]
    expected = np.mean((gaps > 0) + 0.5 * (gaps == 0))
    assert metrics.roc_auc_score(y, score) == pytest.approx(expected, abs=1e-12)
    assert metrics.roc_auc_score(y, score) == pytest.approx(reference.roc_auc_score(y, score), abs=1e-12)


def test_auc_of_ties():
    assert metrics.roc_auc_score([0, 1, 0, 1], [3, 3, 3, 3]) == 0.5
    assert metrics.roc_auc_score([0, 1, 1], [1, 1, 2]) == 0.75
    assert metrics.roc_auc_score(["ham", "spam"], [0, 1]) == 1.0


@settings(deadline=None)
@given(scored())
def test_precision_recall_curve_equals_scikit_learn(pair):
    for mine, theirs in zip(
        metrics.precision_recall_curve(*pair), reference.precision_recall_curve(*pair), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, **TIGHT)
    expected = reference.average_precision_score(*pair)
    assert metrics.average_precision_score(*pair) == pytest.approx(expected, abs=1e-12)


def test_signs_and_a_named_positive_class():
    rng = np.random.default_rng(0)
    y, score = np.where(rng.random(50) < 0.4, 1, -1), rng.normal(size=50)
    named = np.where(y == 1, "spam", "ham")
    for name in ("roc_curve", "precision_recall_curve"):
        expected = getattr(reference, name)(y, score)
        for ours in (
            getattr(metrics, name)(y, score),
            getattr(metrics, name)(named, score, pos_label="spam"),
        ):
            for mine, theirs in zip(ours, expected, strict=True):
                np.testing.assert_allclose(mine, theirs, **TIGHT)


@settings(deadline=None)
@given(st.integers(2, 30), st.integers(3, 6), st.data())
def test_top_k_accuracy_equals_scikit_learn_with_ties(n, n_classes, data):
    y = data.draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n))
    rows = st.lists(st.integers(0, 3), min_size=n_classes, max_size=n_classes)
    scores = data.draw(st.lists(rows, min_size=n, max_size=n))
    k, labels = data.draw(st.integers(1, n_classes - 1)), list(range(n_classes))
    expected = reference.top_k_accuracy_score(y, scores, k=k, labels=labels)
    assert metrics.top_k_accuracy_score(y, scores, k=k, labels=labels) == pytest.approx(expected, abs=1e-12)


def test_top_k_accuracy_of_two_classes_and_all_classes():
    assert metrics.top_k_accuracy_score([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], k=1) == 2 / 3
    assert metrics.top_k_accuracy_score(["b", "a"], [[0, 1], [0, 1]], k=2) == 1.0


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=20), st.data())
def test_auc_of_a_line_equals_scikit_learn(x, data):
    x = np.sort(x)[:: data.draw(st.sampled_from([1, -1]))]
    y = data.draw(st.lists(st.floats(0, 5), min_size=len(x), max_size=len(x)))
    assert metrics.auc(x, y) == pytest.approx(reference.auc(x, y), abs=1e-12)


@pytest.mark.parametrize(
    "name", ["roc_curve", "roc_auc_score", "precision_recall_curve", "average_precision_score"]
)
@pytest.mark.parametrize(
    ("y_true", "y_score", "message"),
    [
        ([0, 1, 1], [0.1, 0.2], "y_true has 3 entries and y_score has 2"),
        ([], [], "with N at least 1"),
        ([0, 1], [0.5, np.nan], "1 values that are NaN"),
        ([0, 1], [[0.5, 0.5], [0.1, 0.9]], "expected 1 dimensions"),
        ([0, 1], ["a", "b"], "expected real numbers"),
        ([0.3, 1], [0.1, 0.2], "holds 0.3, expected labels"),
        ([0, 0], [0.1, 0.2], "positive"),
    ],
)
def test_mistakes_get_clear_errors(name, y_true, y_score, message):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name)(y_true, y_score)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.roc_curve([1, 1], [0.1, 0.2]), "2 positive of 2 samples, expected both"),
        (lambda: metrics.roc_curve([1, 2], [0.1, 0.2]), "else pass pos_label"),
        (lambda: metrics.roc_curve(["a", "b"], [0.1, 0.2]), "else pass pos_label"),
        (lambda: metrics.roc_curve([0, 1, 2], [0.1, 0.2, 0.3]), "y_true has 3 classes, expected 2"),
        (lambda: metrics.roc_auc_score([0, 1, 2], [0.1, 0.2, 0.3]), "y_true has 3 classes, expected 2"),
        (lambda: metrics.auc([0, 1, 0.5], [0, 1, 1]), "both rises and falls"),
        (lambda: metrics.auc([0], [1]), "at least 2"),
        (lambda: metrics.top_k_accuracy_score([0, 1], np.eye(3)[:2]), "labels=range\\(3\\)"),
        (lambda: metrics.top_k_accuracy_score([0, 1, 2], np.eye(3), k=4), "k=4, expected 1 to 3"),
        (lambda: metrics.top_k_accuracy_score([0, 1, 2], np.eye(3), labels=[2, 1, 0]), "ascending order"),
        (lambda: metrics.top_k_accuracy_score([0, 1, 5], np.eye(3), labels=[0, 1, 2]), "add it to labels"),
        (lambda: metrics.top_k_accuracy_score([0, 1, 2], np.eye(3), labels=[0, 1]), "labels has 2 classes"),
    ],
)
def test_impossible_requests_get_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
