"""How far predicted numbers are off."""

from typing import Any

import numpy as np

from utils.metrics._checks import real_numbers


def mean_squared_error(y_true: Any, y_pred: Any) -> float:
    """The mean of (y_true - y_pred)² over all entries of two arrays of one shape.

    Raises ValueError for no entries, unequal shapes, NaN and infinity.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    return float(np.mean(errors(y_true, y_pred) ** 2))


def root_mean_squared_error(y_true: Any, y_pred: Any) -> float:
    """The square root of the mean squared error, in the unit of y, for two arrays (N,); raises as that.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """
    return float(np.sqrt(mean_squared_error(y_true, y_pred)))


def mean_absolute_error(y_true: Any, y_pred: Any) -> float:
    """The mean of |y_true - y_pred| over all entries; shapes and errors as `mean_squared_error`.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    return float(np.mean(np.abs(errors(y_true, y_pred))))


def r2_score(y_true: Any, y_pred: Any) -> float:
    """1 less the squared errors over those of predicting the mean; (N,), or (N, K) averaged over K.

    A column of equal true values has 1 if predicted exactly, else 0. Raises ValueError as
    `mean_squared_error`, and for fewer than two samples.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """
    residuals, y_true = errors(y_true, y_pred), real_numbers(y_true, "y_true")
    if y_true.ndim not in (1, 2) or len(y_true) < 2:
        raise ValueError(f"y_true has shape {y_true.shape}, expected (N,) or (N, K) with N at least 2")
    columns = (len(y_true), -1)
    squares = np.sum(residuals.reshape(columns) ** 2, axis=0)
    total = np.sum((y_true - y_true.mean(axis=0)).reshape(columns) ** 2, axis=0)
    constant = np.where(squares == 0, 1.0, 0.0)
    scores = 1 - np.divide(squares, total, out=1 - constant, where=total > 0)
    return float(np.mean(scores))


def errors(y_true: Any, y_pred: Any) -> np.ndarray:
    """y_true - y_pred, of two arrays of one shape."""
    y_true, y_pred = real_numbers(y_true, "y_true"), real_numbers(y_pred, "y_pred")
    if y_true.shape != y_pred.shape:
        remedy = "reshape one, as y_pred.ravel() does for (N, 1)"
        raise ValueError(
            f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}, expected one shape; {remedy}"
        )
    return y_true - y_pred
