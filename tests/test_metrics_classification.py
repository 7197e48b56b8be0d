"""Accuracy, confusion and the scores of classes, beside scikit-learn's."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from utils import metrics

pytestmark = pytest.mark.filterwarnings("ignore:A single label was found")  # scikit-learn's advice

AVERAGES = (None, "micro", "macro", "weighted")
TIGHT = {"rtol": 1e-12, "atol": 1e-12}


@st.composite
def label_pairs(draw, n_classes=5, most=40):
    n = draw(st.integers(1, most))
    column = st.lists(st.integers(0, draw(st.integers(0, n_classes - 1))), min_size=n, max_size=n)
    y_true, y_pred = np.array(draw(column)), np.array(draw(column))
    names = np.array(["eel", "ant", "cat", "bee", "dog"])
    return (names[y_true], names[y_pred]) if draw(st.booleans()) else (y_true, y_pred)


@settings(deadline=None)
@given(label_pairs())
def test_accuracy_equals_scikit_learn(pair):
    assert metrics.accuracy_score(*pair) == pytest.approx(reference.accuracy_score(*pair), abs=1e-12)


@settings(deadline=None)
@given(label_pairs(), st.sampled_from([None, "true", "pred", "all"]))
def test_confusion_matrix_equals_scikit_learn(pair, normalize):
    expected = reference.confusion_matrix(*pair, normalize=normalize)
    np.testing.assert_allclose(metrics.confusion_matrix(*pair, normalize=normalize), expected, **TIGHT)


def test_confusion_matrix_has_true_classes_in_rows():
    cm = metrics.confusion_matrix([0, 0, 1], [1, 1, 1])
    np.testing.assert_array_equal(cm, [[0, 2], [0, 1]])
    assert cm.dtype.kind == "i"


@pytest.mark.parametrize("labels", [[2, 0, 1], [1], [0, 7, 2], range(4)])
@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_confusion_matrix_of_chosen_labels(labels, normalize):
    rng = np.random.default_rng(1)
    pair = rng.integers(0, 4, (2, 60))
    options = {"labels": list(labels), "normalize": normalize}
    np.testing.assert_allclose(
        metrics.confusion_matrix(*pair, **options), reference.confusion_matrix(*pair, **options), **TIGHT
    )


@settings(deadline=None)
@given(
    label_pairs(),
    st.sampled_from(AVERAGES),
    st.sampled_from([0.0, 1.0, np.nan]),
    st.sampled_from([0.0, 0.5, 1.0, 2.0, np.inf]),
)
def test_precision_recall_fscore_support_equals_scikit_learn(pair, average, zero_division, beta):
    options = {"average": average, "zero_division": zero_division, "beta": beta}
    ours = metrics.precision_recall_fscore_support(*pair, **options)
    theirs = reference.precision_recall_fscore_support(*pair, **options)
    for mine, other in zip(ours, theirs, strict=True):
        if other is None:
            assert mine is None
        else:
            np.testing.assert_allclose(mine, other, **TIGHT)


@pytest.mark.parametrize("labels", [[2, 0], [1, 3, 9], [3]])
@pytest.mark.parametrize("average", AVERAGES)
def test_scores_of_chosen_labels(labels, average):
    pair = np.random.default_rng(2).integers(0, 4, (2, 80))
    options = {"labels": labels, "average": average, "zero_division": 0}
    ours = metrics.precision_recall_fscore_support(*pair, **options)[:3]
    theirs = reference.precision_recall_fscore_support(*pair, **options)[:3]
    np.testing.assert_allclose(ours, theirs, **TIGHT)


@pytest.mark.parametrize("name", ["precision_score", "recall_score", "f1_score"])
@pytest.mark.parametrize("dtype", [int, float, bool])
def test_binary_scores_take_class_one_as_positive(name, dtype):
    rng = np.random.default_rng(3)
    for pair in [
        *rng.integers(0, 2, (20, 2, 7)).astype(dtype),
        np.zeros((2, 4), dtype),
        np.ones((2, 4), dtype),
    ]:
        expected = getattr(reference, name)(*pair, zero_division=0)
        assert getattr(metrics, name)(*pair) == pytest.approx(expected, abs=1e-12)


def test_another_class_can_be_positive():
    y_true, y_pred = ["ham", "spam", "spam", "ham"], ["spam", "spam", "ham", "ham"]
    for name in ("precision_score", "recall_score", "f1_score"):
        assert getattr(metrics, name)(y_true, y_pred, pos_label="spam") == 0.5


@settings(deadline=None)
@given(label_pairs(), st.integers(0, 5))
def test_report_is_scikit_learns_to_the_letter(pair, digits):
    assume(np.any(pair[0] == pair[1]))  # where nothing is right scikit-learn's counts turn into floats
    expected = reference.classification_report(*pair, digits=digits, zero_division=0)
    assert metrics.classification_report(*pair, digits=digits) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"target_names": ["a rather long class name", "b", "c", "d"]},
        {"labels": [0, 2]},
        {"labels": [3, 1, 0, 2], "target_names": ["d", "b", "a", "c"]},
        {"labels": [0, 1, 2, 3, 4], "zero_division": 1},
        {"labels": [0, 1, 2, 3, 4], "zero_division": np.nan},
        {"digits": 14},
    ],
)
def test_report_options_equal_scikit_learn(options):
    pair = np.random.default_rng(4).integers(0, 4, (2, 3000))
    theirs = {"zero_division": 0} | options
    assert metrics.classification_report(*pair, **options) == reference.classification_report(*pair, **theirs)
    ours = metrics.classification_report(*pair, output_dict=True, **options)
    expected = reference.classification_report(*pair, output_dict=True, **theirs)
    assert list(ours) == list(expected)
    for name, scores in expected.items():
        assert ours[name] == pytest.approx(scores, abs=1e-12, nan_ok=True)


def test_report_of_floats_and_booleans_equals_scikit_learn():
    y_true, y_pred = np.random.default_rng(5).integers(0, 2, (2, 30))
    floats = [y.astype(float) for y in (y_true, y_pred)]
    for pair in (floats, (y_true, floats[1]), (floats[0], y_pred), (y_true == 1, y_pred == 1)):
        assert metrics.classification_report(*pair) == reference.classification_report(*pair)


def test_report_counts_are_whole_where_nothing_is_right():
    pair = ([0, 1, 1], [1, 0, 0])
    expected = reference.classification_report(*pair, zero_division=0)
    for count in (1, 2, 3):
        expected = expected.replace(f"{count:>9.1f}\n", f"{count:>9}\n")
    assert metrics.classification_report(*pair) == expected


def test_report_shows_as_a_table():
    report = metrics.classification_report([0, 1], [0, 1])
    assert repr(report) == report
    assert report.splitlines()[0].split() == ["precision", "recall", "f1-score", "support"]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([0, 1, 1], [0, 1], "y_true has 3 entries and y_pred has 2"),
        ([], [], "expected \\(N,\\) with N at least 1"),
        ([0, 1], [[0.2, 0.8], [0.9, 0.1]], "argmax\\(axis=1\\)"),
        ([[0], [1]], [0, 1], "ravel"),
        ([0, 1], [0.2, 0.8], "holds 0.2, expected labels"),
        ([0, 1], [np.nan, 1], "holds nan"),
        ([0, 1], ["0", "1"], "one kind of label"),
        ([0, 1], [0, 1j], "complex"),
        (1, 1, "pass a list or an array"),
    ],
)
@pytest.mark.parametrize("name", ["accuracy_score", "confusion_matrix", "f1_score", "classification_report"])
def test_mistakes_get_clear_errors(name, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name)(y_true, y_pred)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.f1_score([0, 1, 2], [0, 1, 2]), 'choose average="macro"'),
        (lambda: metrics.f1_score([-1, 0], [0, -1]), "pos_label=1, expected one of \\[-1, 0\\]"),
        (lambda: metrics.f1_score(["a"], ["a"]), "one kind of label"),
        (lambda: metrics.f1_score([0, 1], [0, 1], average="mean"), "average='mean'"),
        (lambda: metrics.precision_recall_fscore_support([0, 1], [0, 1], beta=-1), "beta=-1"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], normalize="rows"), "normalize='rows'"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], labels=[5]), "has no class of y_true"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 1], labels=[0, 0]), "names a class twice"),
        (
            lambda: metrics.classification_report([0, 1], [0, 1], target_names=["a"]),
            "1 entries for 2 classes",
        ),
    ],
)
def test_impossible_options_get_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
