"""How good forecasts are beside the naive one."""

from typing import Any

import numpy as np

from utils.metrics._checks import real_numbers
from utils.metrics.regression import mean_absolute_error


def mean_absolute_scaled_error(y_true: Any, y_pred: Any, y_train: Any, period: int = 1) -> float:
    """The mean absolute error over the naive forecast's in training (Hyndman and Koehler 2006).

    y_true and y_pred are (H,), y_train is (T,). The naive forecast repeats the value of `period` steps
    before: 12 for months with a yearly season, 1 without season. Below 1 is better than naive. Raises
    ValueError for a training series not longer than `period`, or one that repeats itself so that the naive
    error is 0.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """
    return mean_absolute_error(y_true, y_pred) / _naive_error(
        real_numbers(y_train, "y_train", ndim=1), period
    )


def _naive_error(y_train: np.ndarray, period: int) -> float:
    if not 1 <= period < len(y_train):
        limit = f"1 to {len(y_train) - 1} for the {len(y_train)} values of y_train"
        raise ValueError(f"period={period}, expected {limit}; give a longer series or a shorter period")
    error = float(np.mean(np.abs(y_train[period:] - y_train[:-period])))
    if error == 0:
        remedy = "use mean_absolute_error, or another period"
        raise ValueError(f"y_train repeats itself every {period} steps, so the scale is 0; {remedy}")
    return error
