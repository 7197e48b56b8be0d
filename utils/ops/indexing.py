"""Parts of an array. The gradient of what was not taken is zero; what was taken twice adds up."""

import math
from typing import Any

import numpy as np

from utils.backend import array_module, as_array
from utils.tensor import Part, Tensor, op


@op
def getitem(x, *, index):
    r"""$z = x_{\text{index}}$ as in NumPy;  $\bar x$ is zero but for that part, to which $\bar z$ is added.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    index = _plain(index, x)
    if _repeats(index):
        return x[index], lambda g: _scattered(g, index, x)
    return x[index], lambda g: Part(g, index)


def _plain(index: Any, x: np.ndarray) -> Any:
    return tuple([_part(i, x) for i in index]) if type(index) is tuple else _part(index, x)


def _part(i: Any, x: np.ndarray) -> Any:
    if isinstance(i, Tensor):
        raise TypeError(
            "a Tensor holds real numbers, which are no indices: take an array of integers or truth values"
        )
    return np.asarray(i, like=x) if isinstance(i, list | np.ndarray) else i


def _repeats(index: Any) -> bool:
    """Can an entry be taken twice? Only by an array of integers."""
    parts = index if type(index) is tuple else (index,)
    return any(getattr(i, "ndim", 0) and i.dtype != bool for i in parts)


def _scattered(g: np.ndarray, index: Any, x: np.ndarray) -> np.ndarray:
    dx = np.zeros_like(x, order="C")
    positions = np.arange(x.size, like=x).reshape(x.shape)[index]
    _add_at(dx.reshape(-1), positions.reshape(-1), g.reshape(-1))  # far faster than along many axes
    return dx


def _add_at(x: np.ndarray, positions: np.ndarray, values: np.ndarray) -> None:
    array_module(x).add.at(x, positions, values)  # which NumPy does not hand on to CuPy


@op
def take(x, *, indices, axis=0):
    r"""Rows by their numbers, $z_i = x_{\text{indices}_i}$ (or along another axis); those taken twice add up.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    indices = np.asarray(indices, like=x)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"take needs whole numbers but got {indices.dtype}: convert with .astype(int)")
    axis %= x.ndim
    return np.take(x, indices, axis), lambda g: _rows_back(g, indices % x.shape[axis], x, axis)


def _rows_back(g: np.ndarray, indices: np.ndarray, x: np.ndarray, axis: int) -> np.ndarray:
    before, n, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    width = math.prod(before) * math.prod(after)
    rows = np.moveaxis(g.reshape(*before, indices.size, *after), axis, 0).reshape(-1)
    dx = np.zeros_like(x, shape=n * width)
    _add_at(dx, (indices.reshape(-1, 1) * width + np.arange(width, like=x)).reshape(-1), rows)
    return np.moveaxis(dx.reshape(n, *before, *after), 0, axis)


def gather(x: Tensor, dim: int, index: Any) -> Tensor:
    r"""PyTorch's gather: $z_{ijk} = x_{i, \text{index}_{ijk}, k}$ for dim 1. The index has as many axes as `x`.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    index = as_array(index)
    if index.ndim != x.ndim or index.dtype.kind not in "iu":
        raise ValueError(
            f"gather needs whole numbers with {x.ndim} axes but got {index.dtype} of shape {index.shape}: "
            "add axes with index[..., None], convert with .astype(int)"
        )
    if index.size and not 0 <= index.min() <= index.max() < x.shape[dim]:
        raise IndexError(
            f"gather has indices from {index.min()} to {index.max()}, but axis {dim} of {x.shape} has 0 to "
            f"{x.shape[dim] - 1}"
        )
    places = list(np.ogrid[tuple([slice(n) for n in index.shape])])
    places[dim] = index
    return getitem(x, index=tuple(places))
