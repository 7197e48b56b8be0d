"""Errors of predicted numbers and of forecasts, beside scikit-learn's and by hand."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import metrics

NAMES = ("mean_squared_error", "root_mean_squared_error", "mean_absolute_error", "r2_score")
VALUES = st.floats(-100, 100).map(lambda x: round(x, 3))


@st.composite
def pairs(draw):
    shape = draw(st.sampled_from([(2,), (9,), (5, 1), (4, 3)]))
    flat = st.lists(VALUES, min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
    return np.reshape(draw(flat), shape), np.reshape(draw(flat), shape)


@settings(deadline=None)
@given(pairs())
def test_errors_equal_scikit_learn(pair):
    for name in ("mean_squared_error", "mean_absolute_error", "r2_score"):
        expected = getattr(reference, name)(*pair)
        assert getattr(metrics, name)(*pair) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_root_mean_squared_error_equals_scikit_learn():
    pair = np.random.default_rng(0).normal(size=(2, 30))
    assert metrics.root_mean_squared_error(*pair) == pytest.approx(reference.root_mean_squared_error(*pair))


def test_r2_of_the_exact_the_mean_and_the_constant():
    y = np.array([1.0, 2.0, 3.0])
    assert metrics.r2_score(y, y) == 1
    assert metrics.r2_score(y, np.full(3, 2.0)) == 0
    assert metrics.r2_score([2, 2], [2, 2]) == 1
    assert metrics.r2_score([2, 2], [2, 3]) == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        ([1, 2, 3], [1, 2], "y_true has shape \\(3,\\) and y_pred \\(2,\\)"),
        ([1, 2, 3], [[1], [2], [3]], "y_pred.ravel\\(\\)"),
        ([], [], "at least one entry"),
        ([1, np.nan], [1, 2], "y_true holds 1 values that are NaN"),
        ([1, 2], [1, np.inf], "y_pred holds 1 values that are NaN or infinite"),
        (["a"], ["b"], "expected real numbers"),
    ],
)
def test_mistakes_get_clear_errors(name, y_true, y_pred, message):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, name)(y_true, y_pred)


def test_r2_needs_two_samples():
    with pytest.raises(ValueError, match="N at least 2"):
        metrics.r2_score([1], [1])


def test_scaled_error_of_a_worked_example():
    y_train = [1, 3, 2, 6]  # steps 2, 1, 4: naive error 7/3; two apart 1, 3: naive error 2
    assert metrics.mean_absolute_scaled_error([7, 8], [6, 10], y_train) == pytest.approx(1.5 / (7 / 3))
    assert metrics.mean_absolute_scaled_error([7, 8], [6, 10], y_train, period=2) == pytest.approx(0.75)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 12), st.floats(0.1, 50))
def test_scaled_error_is_that_of_hyndman_and_koehler_and_has_no_unit(seed, period, unit):
    rng = np.random.default_rng(seed)
    y_train, y_true, y_pred = rng.normal(size=40), rng.normal(size=6), rng.normal(size=6)
    naive = sum(abs(y_train[t] - y_train[t - period]) for t in range(period, 40)) / (40 - period)
    expected = sum(abs(y_true - y_pred)) / 6 / naive
    assert metrics.mean_absolute_scaled_error(y_true, y_pred, y_train, period) == pytest.approx(expected)
    scaled = metrics.mean_absolute_scaled_error(unit * y_true, unit * y_pred, unit * y_train, period)
    assert scaled == pytest.approx(expected)


def test_naive_forecast_of_a_seasonal_series_scores_by_its_season():
    t = np.arange(48)
    series = np.sin(2 * np.pi * t / 12) + 0.01 * t
    ours = metrics.mean_absolute_scaled_error(series[36:], series[24:36], series[:36], period=12)
    assert ours == pytest.approx(1)


@pytest.mark.parametrize(
    ("y_train", "period", "message"),
    [
        ([5, 5, 5, 5], 1, "repeats itself every 1 steps, so the scale is 0"),
        ([1, 2, 1, 2], 2, "repeats itself every 2 steps"),
        ([1, 2, 3], 3, "period=3, expected 1 to 2"),
        ([1, 2, 3], 0, "period=0"),
        ([[1, 2], [3, 4]], 1, "expected 1 dimensions"),
        ([1, np.nan, 2], 1, "y_train holds 1 values that are NaN"),
    ],
)
def test_useless_training_series_get_clear_errors(y_train, period, message):
    with pytest.raises(ValueError, match=message):
        metrics.mean_absolute_scaled_error([1], [2], y_train, period)
