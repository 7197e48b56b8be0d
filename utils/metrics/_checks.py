"""What every metric asks of its input."""

from typing import Any

import numpy as np


def labels_of(y: Any, name: str) -> np.ndarray:
    """`y` as a vector of labels: whole numbers, booleans or text."""
    y = np.asarray(y)
    if y.dtype == object:
        y = np.asarray(y.tolist())
    if y.ndim != 1 or not len(y):
        remedy = {0: "pass a list or an array", 1: "pass at least one label"}.get(y.ndim, _flatten(y))
        raise ValueError(f"{name} has shape {y.shape}, expected (N,) with N at least 1; {remedy}")
    if y.dtype.kind not in "biufU":
        raise ValueError(f"{name} holds {y.dtype}, expected labels: whole numbers, booleans or text")
    if y.dtype.kind == "f":
        _refuse_fractions(y, name)
    return y


def _flatten(y: np.ndarray) -> str:
    return f"use {'.ravel()' if y.shape[1:] == (1,) else '.argmax(axis=1)'} to get one label for each sample"


def _refuse_fractions(y: np.ndarray, name: str) -> None:
    with np.errstate(invalid="ignore"):
        wrong = y[~(np.isfinite(y) & (y == np.round(y)))]
    if len(wrong):
        remedy = "turn probabilities into labels with (p >= 0.5).astype(int) or p.argmax(axis=1)"
        raise ValueError(f"{name} holds {wrong[0]:g}, expected labels such as 0 and 1; {remedy}")


def label_pair(y_true: Any, y_pred: Any, names: tuple[str, str] = ("y_true", "y_pred")) -> list[np.ndarray]:
    """Two vectors of labels of one length, both of numbers or both of text."""
    pair = [labels_of(y, name) for y, name in zip((y_true, y_pred), names, strict=True)]
    same_length(*pair, names)
    same_kind(*pair, names)
    if {"i", "f"} == {pair[0].dtype.kind, pair[1].dtype.kind}:
        pair[1] = pair[1].astype(pair[0].dtype)  # 1.0 is the class 1
    return pair


def same_kind(a: np.ndarray, b: np.ndarray, names: tuple[str, str]) -> None:
    """Raise ValueError where one holds text and the other numbers."""
    if (a.dtype.kind == "U") != (b.dtype.kind == "U"):
        raise ValueError(
            f"{names[0]} holds {a.dtype} and {names[1]} {b.dtype}; use one kind of label in both"
        )


def same_length(a: np.ndarray, b: np.ndarray, names: tuple[str, str] = ("y_true", "y_pred")) -> None:
    """Raise ValueError unless both have as many rows."""
    if len(a) != len(b):
        remedy = "give one entry of each for every sample"
        raise ValueError(f"{names[0]} has {len(a)} entries and {names[1]} has {len(b)}; {remedy}")


def real_numbers(values: Any, name: str, ndim: int | None = None) -> np.ndarray:
    """`values` as a float array that is not empty and holds neither NaN nor infinity."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}, expected real numbers")
    if array.size == 0 or ndim not in (None, array.ndim):
        wanted = "at least one entry" if ndim is None else f"{ndim} dimensions and at least one entry"
        raise ValueError(f"{name} has shape {array.shape}, expected {wanted}")
    n_bad = array.size - np.count_nonzero(np.isfinite(array))
    if n_bad:
        raise ValueError(
            f"{name} holds {n_bad} values that are NaN or infinite, expected none; look where they arise"
        )
    return array.astype(float)


def probabilities(values: Any, name: str, ndim: int | None = None) -> np.ndarray:
    """`values` as numbers within 0..1."""
    p = real_numbers(values, name, ndim)
    low, high = p.min(), p.max()
    if low < 0 or high > 1:
        wrong = low if low < 0 else high
        raise ValueError(
            f"{name} holds {wrong:g}, expected 0 to 1; turn scores into probabilities by sigmoid or softmax"
        )
    return p


def distributions(values: Any, name: str, ndim: int | None = None) -> np.ndarray:
    """`values` as probabilities that sum to 1 along the last axis, to the precision of their dtype."""
    p = probabilities(values, name, ndim)
    if not p.ndim:
        raise ValueError(
            f"{name} is the number {p:g}, expected a probability for each outcome, such as [p, 1 - p]"
        )
    sums = p.sum(axis=-1)
    worst = np.ravel(sums)[np.argmax(np.abs(np.ravel(sums) - 1))]
    if abs(worst - 1) > np.sqrt(precision(values)):
        raise ValueError(f"{name} sums to {worst:g}, expected 1; divide by the sum, or apply softmax")
    return p


def precision(values: Any) -> float:
    """The spacing of floats at 1 in the dtype of `values`."""
    dtype = np.asarray(values).dtype
    return float(np.finfo(dtype if dtype.kind == "f" else float).eps)


def classes_for(y_true: np.ndarray, labels: Any, n_columns: int, name: str) -> np.ndarray:
    """The class of each column: `labels`, or by default the sorted classes of `y_true`."""
    classes = np.unique(y_true) if labels is None else labels_of(labels, "labels")
    if len(classes) != n_columns:
        remedy = f"pass labels=range({n_columns})" if labels is None else "give one for each column"
        origin = "y_true" if labels is None else "labels"
        raise ValueError(f"{name} has {n_columns} columns and {origin} has {len(classes)} classes; {remedy}")
    if np.any(classes[1:] <= classes[:-1]):
        raise ValueError(f"labels={classes.tolist()}, expected distinct labels in ascending order")
    known(y_true, classes)
    return classes


def known(y_true: np.ndarray, classes: np.ndarray) -> None:
    """Raise ValueError where a label of `y_true` is none of the classes."""
    strange = np.setdiff1d(y_true, classes)
    if len(strange):
        raise ValueError(f"y_true holds {strange[0]!r}, expected one of {classes.tolist()}; add it to labels")


def positive_class(y_true: np.ndarray, pos_label: Any) -> np.ndarray:
    """Where `y_true` is the positive class: `pos_label`, or 1 for labels 0 and 1 or -1 and 1."""
    classes = np.unique(y_true)
    if pos_label is None:
        if len(classes) > 2:
            remedy = "compare one class with the others, as y_true == classes[0]"
            raise ValueError(f"y_true has {len(classes)} classes, expected 2; {remedy}")
        if classes.dtype.kind == "U" or not any(np.isin(classes, pair).all() for pair in ([0, 1], [-1, 1])):
            raise ValueError(
                f"y_true holds {classes.tolist()}, expected 0 and 1 or -1 and 1; else pass pos_label"
            )
        pos_label = 1
    return y_true == pos_label
