"""Classes as targets: what is refused, which rows count, and scores (N, K, ...) as rows with the classes last."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utils.backend import as_array
from utils.tensor import Tensor


def class_indices(name: str, target: ArrayLike, shape: tuple[int, ...], ignore_index: int | None) -> NDArray:
    """Targets as an array of int64, or ValueError: they are classes 0 to K - 1, one for each row of scores (N, K, ...).

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    target = target.data if isinstance(target, Tensor) else as_array(target)
    if not shape:
        raise ValueError(f"{name} expects scores (N, K) but got a single number")
    expected, n_classes = shape[:1] + shape[2:] if len(shape) > 1 else (), shape[:2][-1]
    if target.shape != expected:
        says = f"{name} expects targets {expected} for scores {shape} but got {target.shape}"
        raise ValueError(says + _remedy(target, expected, shape, name == "cross_entropy"))
    if target.dtype.kind not in "iu":
        raise ValueError(
            f"{name} expects whole numbers as classes but got {target.dtype}: target.astype(int)"
        )
    wrong = (target < 0) | (target >= n_classes)
    if wrong.any() and (wrong & (target != ignore_index)).any():
        value = int(target[wrong & (target != ignore_index)][0])
        raise ValueError(
            f"{name} got class {value} for {n_classes} scores: classes run from 0 to {n_classes - 1}"
        )
    return target.astype(np.int64, copy=False)


def _remedy(target: NDArray, expected: tuple, shape: tuple, takes_probabilities: bool) -> str:
    if target.shape == shape and target.dtype.kind in "biu":
        return ": target.argmax(1) turns rows of 0 and 1 into classes" + (
            ", target.astype(np.float32) into probabilities" if takes_probabilities else ""
        )
    if target.size == math.prod(expected):
        return f": target.reshape({'-1' if len(expected) == 1 else expected})"
    return ""


def check_weight(name: str, weight: Any, shape: tuple[int, ...]) -> None:
    """ValueError unless there is a weight for each class of scores (N, K, ...), or none at all."""
    n_classes = shape[:2][-1]
    if weight is not None and np.shape(weight) != (n_classes,):
        raise ValueError(
            f"{name} expects a weight for each of {n_classes} classes, ({n_classes},), but got {np.shape(weight)}"
        )


def constant(values: Any, x: NDArray) -> NDArray:
    """An undifferentiated companion of x, in its dtype."""
    return np.asarray(values.data if isinstance(values, Tensor) else values, dtype=x.dtype, like=x)


def picked(target: NDArray, weight: Any, ignore_index: int, x: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Row numbers, classes (0 where ignored) and weights (0 where ignored)."""
    c = np.asarray(target, like=x).reshape(-1)
    counts = c != ignore_index
    w = counts.astype(x.dtype)
    c = c * counts
    return np.arange(c.size, like=x), c, w if weight is None else w * constant(weight, x)[c]


def counted_rows(x: NDArray, target: NDArray, ignore_index: int) -> NDArray:
    """`as_rows(x)`, with zeros for ignored rows that hold NaN or infinities: 0 times these would be NaN."""
    rows, ignored = as_rows(x), (np.asarray(target, like=x) == ignore_index).reshape(-1)
    if not ignored.any() or np.isfinite(rows[ignored]).all():
        return rows
    return np.where(ignored[:, None], np.zeros_like(x, shape=()), rows)


def as_rows(x: NDArray) -> NDArray:
    """Scores (N, K, ...) with the classes last: (rows, K)."""
    if x.ndim <= 2:
        return x.reshape(-1, x.shape[-1])
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def from_rows(rows: NDArray, shape: tuple[int, ...]) -> NDArray:
    if len(shape) <= 2:
        return rows.reshape(shape)
    return np.moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)
