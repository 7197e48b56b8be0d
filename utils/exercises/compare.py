"""Comparing a learner's value with the reference's, and saying in words where they part."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np


def difference(
    actual: Any, expected: Any, rtol: float = 1e-6, atol: float = 1e-9, reveal: bool = True
) -> str | None:
    """What separates `actual` from `expected`, as a sentence for the learner, or None where they agree.

    Numbers agree within `atol + rtol * |expected|`; arrays must have the same shape; containers are compared item
    by item. With `reveal=False` the sentence does not give the expected value away.
    """
    if isinstance(expected, np.ndarray):
        return _array_difference(actual, expected, rtol, atol, reveal)
    if isinstance(expected, Mapping):
        return _mapping_difference(actual, expected, rtol, atol, reveal)
    if isinstance(expected, (list, tuple)):
        return _sequence_difference(actual, expected, rtol, atol, reveal)
    return _scalar_difference(actual, expected, rtol, atol, reveal)


def _is_number(value: Any) -> bool:
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biufc"


def _scalar_difference(actual, expected, rtol, atol, reveal) -> str | None:
    if _is_number(expected):
        if not _is_number(actual):
            return f"expected one number, but got {describe(actual)}"
        if not np.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True):
            return f"got {show(actual)}" + (f", expected {show(expected)}" if reveal else "")
        return None
    if type(actual) is not type(expected) or actual != expected:
        return f"got {show(actual)}" + (f", expected {show(expected)}" if reveal else "")
    return None


def _array_difference(actual, expected, rtol, atol, reveal) -> str | None:
    if not isinstance(actual, (np.ndarray, np.generic)) or (np.ndim(actual) == 0 and expected.ndim > 0):
        return f"expected a NumPy array of shape {expected.shape}, but got {describe(actual)}"
    if actual.shape != expected.shape:
        return f"the result has shape {actual.shape}, expected {expected.shape}"
    if actual.dtype.kind not in "biufc" or expected.dtype.kind not in "biufc":
        same = np.array_equal(actual, expected)
    else:
        same = np.allclose(actual, expected, rtol=rtol, atol=atol, equal_nan=True)
    if same:
        return None
    return f"got\n{show(actual)}" + (f"\nexpected\n{show(expected)}" if reveal else "")


def _sequence_difference(actual, expected, rtol, atol, reveal) -> str | None:
    if isinstance(actual, Iterator) and isinstance(expected, list):
        actual = list(actual)
    kind = type(expected).__name__
    if not isinstance(actual, type(expected)):
        return f"expected a {kind} of {len(expected)} items, but got {describe(actual)}"
    if len(actual) != len(expected):
        return f"the {kind} has {len(actual)} items, expected {len(expected)}"
    for index, (mine, theirs) in enumerate(zip(actual, expected, strict=True)):
        if found := difference(mine, theirs, rtol, atol, reveal):
            return f"at index {index}: {found}"
    return None


def _mapping_difference(actual, expected, rtol, atol, reveal) -> str | None:
    if not isinstance(actual, Mapping):
        return f"expected a dictionary, but got {describe(actual)}"
    if missing := [key for key in expected if key not in actual]:
        return f"the key {missing[0]!r} is missing"
    if extra := [key for key in actual if key not in expected]:
        return f"the key {extra[0]!r} is too much"
    for key in expected:
        if found := difference(actual[key], expected[key], rtol, atol, reveal):
            return f"at key {key!r}: {found}"
    return None


def describe(value: Any) -> str:
    """A value's type in a learner's words, with shape or value where that helps."""
    if value is None:
        return "None (is a `return` missing?)"
    if value is ...:
        return "`...` (is a part of the stub still in place?)"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)} items"
    if isinstance(value, Iterator):
        return "a generator"
    if callable(value):
        return f"the function {getattr(value, '__name__', value)} itself"
    return f"{show(value)} ({type(value).__name__})"


def _is_tiny(array: np.ndarray) -> bool:
    """Whether the numbers would all be shown as 0, and some of them are not."""
    return array.dtype.kind == "f" and 0 < np.nanmax(np.abs(array), initial=0.0) < 1e-4


def show(value: Any) -> str:
    """A value, rounded and short enough to read."""
    if isinstance(value, np.ndarray):
        return np.array2string(value, precision=4, threshold=40, suppress_small=not _is_tiny(value))
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, np.generic):
        return str(value.item())
    if isinstance(value, list) and value and not isinstance(value[0], str) and len(value) <= 12:
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, tuple) and len(value) <= 12:
        return "(" + ", ".join(map(show, value)) + ("," if len(value) == 1 else "") + ")"
    text = repr(value)
    return text if len(text) <= 200 else text[:197] + "..."
