"""Losses, calibration, perplexity and information, beside scikit-learn, SciPy and sums by hand."""

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from utils import metrics

TIGHT = {"rtol": 1e-12, "atol": 1e-12}
EDGES = st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 1.0])


@st.composite
def binary(draw):
    n = draw(st.integers(2, 40))
    p = draw(st.lists(EDGES | st.floats(0, 1), min_size=n, max_size=n))
    return np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))]), np.array(p)


def soft(rng, n, k):
    return rng.dirichlet(np.ones(k), size=n)


def ece_by_hand(y_true, p, n_bins):
    total = 0.0
    for m in range(1, n_bins + 1):
        low, high = (m - 1) / n_bins, m / n_bins
        chosen = [i for i in range(len(p)) if low < max(p[i]) <= high]
        if chosen:
            accuracy = np.mean([np.argmax(p[i]) == y_true[i] for i in chosen])
            confidence = np.mean([max(p[i]) for i in chosen])
            total += len(chosen) / len(p) * abs(accuracy - confidence)
    return total


@settings(deadline=None)
@given(binary())
def test_binary_losses_equal_scikit_learn(pair):
    assert metrics.log_loss(*pair) == pytest.approx(reference.log_loss(*pair), abs=1e-12)
    assert metrics.brier_score_loss(*pair) == pytest.approx(reference.brier_score_loss(*pair), abs=1e-12)


@pytest.mark.parametrize("k", [2, 3, 10])
def test_losses_of_many_classes_equal_scikit_learn(k):
    rng = np.random.default_rng(k)
    y, p, labels = rng.integers(0, k, 50), soft(rng, 50, k), list(range(k))
    assert metrics.log_loss(y, p, labels=labels) == pytest.approx(
        reference.log_loss(y, p, labels=labels), abs=1e-12
    )
    expected = reference.brier_score_loss(y, p, labels=labels)
    assert metrics.brier_score_loss(y, p, labels=labels) == pytest.approx(expected, abs=1e-12)


def test_log_loss_of_certainty_is_finite():
    assert metrics.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]]) == pytest.approx(
        reference.log_loss([0, 1], [[0.0, 1.0], [0.0, 1.0]]), abs=1e-12
    )
    wrong = metrics.log_loss([0, 1], np.array([[0, 1], [0, 1]], dtype=np.float32))
    assert wrong == pytest.approx(-np.log(np.finfo(np.float32).eps) / 2, rel=1e-6)


def test_single_precision_softmax_counts_as_summing_to_one():
    z = np.random.default_rng(0).normal(size=(20, 5000)).astype(np.float32)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = np.arange(20)
    expected = -np.mean(np.log(p[np.arange(20), y].astype(float)))
    assert metrics.log_loss(y, p, labels=range(5000)) == pytest.approx(expected)


@settings(deadline=None)
@given(binary(), st.integers(1, 12), st.sampled_from(["uniform", "quantile"]))
def test_calibration_curve_equals_scikit_learn(pair, n_bins, strategy):
    ours = metrics.calibration_curve(*pair, n_bins=n_bins, strategy=strategy)
    theirs = calibration_curve(*pair, n_bins=n_bins, strategy=strategy)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, **TIGHT)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([1, 2, 4, 5, 15]))
def test_expected_calibration_error_equals_the_sum_by_hand(seed, k, n_bins):
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, k, 60), soft(rng, 60, k)
    ours = metrics.expected_calibration_error(y, p, n_bins=n_bins)
    assert ours == pytest.approx(ece_by_hand(y, p, n_bins), abs=1e-12)


def test_bins_of_calibration_contain_their_upper_edge():
    y, p = np.array([0, 1]), np.array([0.75, 0.875])  # together if the bin (1/2, 3/4] were open above
    two_classes = np.stack([1 - p, p], axis=1)
    assert metrics.expected_calibration_error(y, p, n_bins=4) == pytest.approx((0.75 + 0.125) / 2)
    assert metrics.expected_calibration_error(y, two_classes, n_bins=4) == pytest.approx((0.75 + 0.125) / 2)
    assert metrics.expected_calibration_error(y, p, n_bins=1) == pytest.approx(abs(0.5 - 0.8125))


def test_calibration_error_of_the_calibrated_and_the_sure():
    assert metrics.expected_calibration_error([0, 1, 1, 1], [0.75] * 4) == 0
    assert metrics.expected_calibration_error([0, 1], [[0, 1], [1, 0]]) == 1
    assert metrics.expected_calibration_error([1, 0], [[0, 1], [1, 0]]) == 0


def test_perplexity_of_an_even_guess_is_the_number_of_choices():
    assert metrics.perplexity(np.full((3, 7), np.log(50257))) == pytest.approx(50257)
    assert metrics.perplexity([0.0]) == 1.0
    assert metrics.perplexity([1.0, 3.0]) == pytest.approx(np.exp(2))
    assert metrics.perplexity(1e6) == np.inf


def test_bits_per_byte_counts_bytes_not_tokens():
    assert metrics.bits_per_byte([np.log(256)], 1) == pytest.approx(8)
    assert metrics.bits_per_byte([np.log(2)] * 6, len("für".encode())) == pytest.approx(1.5)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.sampled_from([2.0, np.e, 10.0]))
def test_entropy_and_divergence_equal_scipy(seed, k, base):
    rng = np.random.default_rng(seed)
    p, q = soft(rng, 3, k), soft(rng, 3, k)
    np.testing.assert_allclose(
        metrics.entropy(p, base=base), scipy.stats.entropy(p, axis=1, base=base), **TIGHT
    )
    expected = scipy.stats.entropy(p, q, axis=1, base=base)
    np.testing.assert_allclose(metrics.kl_divergence(p, q, base=base), expected, **TIGHT)


def test_entropy_and_divergence_at_the_edges():
    assert metrics.entropy([1, 0, 0]) == 0
    assert metrics.entropy([0.25] * 4, base=2) == 2
    assert metrics.kl_divergence([0.5, 0.5], [1, 0]) == np.inf
    assert metrics.kl_divergence([1, 0], [0.5, 0.5], base=2) == 1
    assert metrics.kl_divergence([0.3, 0.7], [0.3, 0.7]) == 0


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 5), st.data())
def test_mutual_information_equals_scikit_learn(n, k, data):
    column = st.lists(st.integers(-1, k), min_size=n, max_size=n)
    x, y = data.draw(column), data.draw(column)
    expected = reference.mutual_info_score(x, y)
    assert metrics.mutual_information(x, y) == pytest.approx(expected, abs=1e-12)


def test_mutual_information_of_the_same_and_of_the_independent():
    x, y = np.repeat([0, 1], 8), np.tile([0, 1], 8)
    assert metrics.mutual_information(x, x, base=2) == pytest.approx(1)
    assert metrics.mutual_information(x, y) == 0
    assert metrics.mutual_information(x, 1 - x) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.log_loss([0, 1], [0.5, 1.5]), "y_proba holds 1.5, expected 0 to 1"),
        (lambda: metrics.log_loss([0, 1], [-2.0, 0.5]), "y_proba holds -2, .* sigmoid or softmax"),
        (lambda: metrics.log_loss([0, 1], [[0.5, 0.6], [0.5, 0.5]]), "sums to 1.1, expected 1"),
        (lambda: metrics.log_loss([0, 1], [0.5]), "y_true has 2 entries and y_proba has 1"),
        (lambda: metrics.log_loss([0, 1], [0.5, np.nan]), "NaN"),
        (lambda: metrics.log_loss([0, 0], [0.5, 0.5]), "labels=range\\(2\\)"),
        (lambda: metrics.log_loss([], []), "at least one entry|N at least 1"),
        (lambda: metrics.brier_score_loss([0, 1], [0.5]), "y_true has 2 entries"),
        (lambda: metrics.brier_score_loss([0, 2], [0.5, 0.1]), "pass pos_label"),
        (lambda: metrics.calibration_curve([0, 1], [0.5, 2]), "y_prob holds 2"),
        (lambda: metrics.calibration_curve([0, 1], [0.5, 1], n_bins=0), "n_bins=0"),
        (lambda: metrics.calibration_curve([0, 1], [0.5, 1], strategy="even"), "strategy='even'"),
        (
            lambda: metrics.expected_calibration_error([0, 3], [[0.5, 0.5]] * 2),
            "y_true holds .*3.* expected one of",
        ),
        (lambda: metrics.expected_calibration_error([0, 1], [[1.0, 2.0]] * 2), "holds 2, expected 0 to 1"),
        (lambda: metrics.perplexity([]), "at least one entry"),
        (lambda: metrics.perplexity([-1.0]), "minus the log-probabilities"),
        (lambda: metrics.perplexity([np.nan]), "NaN"),
        (lambda: metrics.bits_per_byte([1.0], 0), "n_bytes=0"),
        (lambda: metrics.entropy([2, 3, 5]), "holds 5, expected 0 to 1"),
        (lambda: metrics.entropy([0.2, 0.2]), "sums to 0.4, expected 1"),
        (lambda: metrics.entropy(0.5), "is the number 0.5"),
        (lambda: metrics.entropy([1.0], base=1), "base=1"),
        (lambda: metrics.kl_divergence([1.0], [0.5, 0.5]), "expected one shape"),
        (lambda: metrics.mutual_information([0, 1], [0]), "x has 2 entries and y has 1"),
    ],
)
def test_mistakes_get_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
