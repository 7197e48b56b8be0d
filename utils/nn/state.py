"""Copying a state, a mapping of names to arrays, into the arrays of a module."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from utils.backend import as_array, placed
from utils.tensor import Tensor


class LoadResult(NamedTuple):
    """What `load_state_dict(..., strict=False)` did without.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """

    missing_keys: list[str]
    unexpected_keys: list[str]


def copy_into(own: dict[str, np.ndarray], given: Mapping[str, Any], strict: bool, owner: str) -> LoadResult:
    """Copy `given` into the arrays `own` of the same names, all or nothing.

    Raises ValueError where shapes or dtypes do not fit, KeyError (if `strict`) where names do not.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """
    if not isinstance(given, Mapping):
        raise TypeError(
            f"load_state_dict expects a mapping of names to arrays but got {type(given).__name__}"
        )
    arrays = {name: _as_array(value) for name, value in given.items()}
    missing = [name for name in own if name not in arrays]
    unexpected = [name for name in arrays if name not in own]
    mismatched = [_mismatch(name, arrays[name], own[name]) for name in own if name in arrays]
    mismatched = [line for line in mismatched if line]
    if mismatched or (strict and (missing or unexpected)):
        report = _report(owner, missing if strict else [], unexpected if strict else [], mismatched)
        raise ValueError(report) if mismatched else MissingKeysError(report)
    for name, array in arrays.items():
        if name in own:
            np.copyto(own[name], placed(array, own[name]), casting="unsafe")
    return LoadResult(missing, unexpected)


class MissingKeysError(KeyError):
    """A state with other names than the module's; its text keeps its line breaks, which KeyError's would not.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """

    __str__ = Exception.__str__


def _as_array(value: Any) -> np.ndarray:
    value = value.data if isinstance(value, Tensor) else value
    return np.asarray(value.detach().cpu()) if hasattr(value, "detach") else as_array(value)


def _mismatch(name: str, array: np.ndarray, own: np.ndarray) -> str:
    if array.dtype.kind not in "biuf":
        return f"{name} has dtype {array.dtype} where numbers are expected"
    return f"{name} has shape {array.shape}, expected {own.shape}" if array.shape != own.shape else ""


def _report(owner: str, missing: list[str], unexpected: list[str], mismatched: list[str]) -> str:
    lines = [f"the state does not fit {owner}:"]
    lines += [f"  missing: {', '.join(missing)}"] if missing else []
    lines += [f"  unexpected: {', '.join(unexpected)}"] if unexpected else []
    lines += [f"  {line}" for line in mismatched]
    if not mismatched:
        lines.append("rename the entries, or pass strict=False to load what fits")
    else:
        lines.append("build the module with the sizes that the state was saved with")
    return "\n".join(lines)
