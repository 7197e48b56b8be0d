r"""The same numbers in another shape or order: gradients go back along the same way."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from utils.tensor import Tensor, op


@op
def reshape(x, *, shape):
    r"""The entries in order in another shape, of which one number may be -1;  $\bar x$ is $\bar z$ in the old one.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    try:
        z = x.reshape(shape)
    except ValueError as error:
        raise ValueError(
            f"cannot reshape {x.shape} to {shape}: the product of the new lengths must be {x.size}, and one may be -1"
        ) from error
    return z, lambda g: g.reshape(x.shape)


@op
def transpose(x, *, axes=None):
    r"""The axes in another order, backwards by default;  $\bar x$ has those of $\bar z$ put back.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if axes is None:
        return x.T, lambda g: g.T
    if sorted([axis % x.ndim for axis in axes if -x.ndim <= axis < x.ndim]) != list(range(x.ndim)):
        raise ValueError(
            f"transpose needs all {x.ndim} axes of {x.shape}, each once, but got {tuple(axes)}: "
            "swapaxes(a, b) exchanges two"
        )
    back = sorted(range(x.ndim), key=[axis % x.ndim for axis in axes].__getitem__)
    return x.transpose(axes), lambda g: g.transpose(back)


@op
def broadcast_to(x, *, shape):
    r"""Repeated along new axes, and along axes of length 1;  $\bar x$ is the sum of $\bar z$ over them.

    -1 keeps a length, as in PyTorch's expand.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    start = len(shape) - x.ndim
    return np.broadcast_to(
        x, [x.shape[i - start] if n == -1 else n for i, n in enumerate(shape)]
    ), lambda g: g


@op
def flip(x, *, axis=None):
    r"""Backwards along one axis, several or all;  $\bar x$ is $\bar z$ turned back.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return np.flip(x, axis), lambda g: np.flip(g, axis)


@op
def astype(x, *, dtype):
    r"""In another precision, float32 or float64;  $\bar x$ is $\bar z$ in the old one.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(
            f"a Tensor is float32 or float64, not {np.dtype(dtype)}: convert its array, x.data.astype(...)"
        )
    return x.astype(dtype), lambda g: g.astype(x.dtype)


def squeeze(x: Tensor, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """Without the axes of length 1, or without those of `axis` that have length 1.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    gone = {i % x.ndim for i in axes}
    return reshape(x, shape=[n for i, n in enumerate(x.shape) if n != 1 or i not in gone])


def unsqueeze(x: Tensor, axis: int) -> Tensor:
    """With a new axis of length 1 at that place.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if not -x.ndim - 1 <= axis <= x.ndim:
        raise ValueError(f"axis={axis} is out of range for {x.ndim} axes: expected {-x.ndim - 1} to {x.ndim}")
    place = axis % (x.ndim + 1)
    return reshape(x, shape=(*x.shape[:place], 1, *x.shape[place:]))


def flatten(x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The axes from `start_dim` to `end_dim`, both included, as one.

    Notebook: 02-mlp/forward-propagation/01-neurons-and-layers.ipynb
    """
    start, end = start_dim % max(x.ndim, 1), end_dim % max(x.ndim, 1)
    if start > end:
        raise ValueError(
            f"flatten from axis {start_dim} to axis {end_dim} of {x.shape}: the first comes after the last"
        )
    return reshape(x, shape=(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :]))


def swapaxes(x: Tensor, axis0: int, axis1: int) -> Tensor:
    """Two axes exchanged.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = list(range(x.ndim))
    for axis in (axis0, axis1):
        if not -x.ndim <= axis < x.ndim:
            raise ValueError(f"axis {axis} is out of range for {x.shape}: expected {-x.ndim} to {x.ndim - 1}")
    axes[axis0], axes[axis1] = axes[axis1], axes[axis0]
    return transpose(x, axes=axes)


def concatenate(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """One after another along an axis that they have; the other axes are equal. `dim` is PyTorch's name of `axis`.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return joined(*_some("concatenate", tensors), axis=axis if dim is None else dim)


@op
def joined(*arrays, axis):
    r"""The op behind `concatenate`: each input gets its part of $\bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    try:
        z = np.concatenate(arrays, axis)
    except ValueError as error:
        raise ValueError(
            f"cannot concatenate shapes {', '.join([str(x.shape) for x in arrays])} along axis {axis}: they need "
            "that axis, and all others of equal length"
        ) from error
    ends = list(accumulate([x.shape[axis] for x in arrays]))
    return z, lambda g: tuple(np.split(g, ends[:-1], axis))


def stack(tensors: Sequence[Any], axis: int = 0, *, dim: int | None = None) -> Tensor:
    """One after another along a new axis; all have one shape. `dim` is PyTorch's name of `axis`.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return stacked(*_some("stack", tensors), axis=axis if dim is None else dim)


def _some(name: str, tensors: Sequence[Any]) -> Sequence[Any]:
    if not (tensors := list(tensors)):
        raise ValueError(f"{name} got an empty list: it needs one Tensor or more")
    return tensors


@op
def stacked(*arrays, axis):
    r"""The op behind `stack`: each input gets its part of $\bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if len({x.shape for x in arrays}) > 1:
        raise ValueError(
            f"cannot stack shapes {', '.join([str(x.shape) for x in arrays])}: all must be equal; concatenate takes "
            "different lengths"
        )
    return np.stack(arrays, axis), lambda g: tuple(np.moveaxis(g, axis, 0))


def split(x: Tensor, split_size: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """Parts along an axis: of one size (the last may be smaller), or of the sizes listed. PyTorch's split.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axis, length = axis % x.ndim, x.shape[axis]
    regular = isinstance(split_size, int)
    ends = [*range(0, length, split_size), length] if regular else [0, *accumulate(split_size)]
    if ends[-1] != length:
        raise ValueError(
            f"sizes {tuple(split_size)} add up to {ends[-1]}, but axis {axis} of {x.shape} has {length}"
        )
    return tuple([x[(slice(None),) * axis + (slice(i, j),)] for i, j in pairwise(ends)])


@op
def padded(x, *, widths, value=0.0):
    r"""The op behind `pad`: `value` around $x$, (before, after) for each axis;  $\bar x$ is the middle of $\bar z$.

    Notebook: 03-cnn/convolution-basics/01-convolution.ipynb
    """
    middle = tuple([slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True)])
    return np.pad(x, widths, constant_values=value), lambda g: g[middle]


def pad(x: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """PyTorch's pad: (left, right) of the last axis, then of the one before it, and so on.

    `mode` is "constant" (filled with `value`), "reflect", "replicate" or "circular".

    Notebook: 03-cnn/convolution-basics/01-convolution.ipynb
    """
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ValueError(
            f"pad={tuple(pad)} needs two numbers for each axis to be padded, at most {2 * x.ndim}"
        )
    if mode not in _MODES:
        raise ValueError(f"mode={mode!r}: expected one of {', '.join(map(repr, _MODES))}")
    given = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    widths = [(0, 0)] * (x.ndim - len(given)) + given
    if mode == "constant":
        return padded(x, widths=widths, value=value)
    for axis, width in enumerate(widths):
        if any(width):
            places = np.pad(np.arange(x.shape[axis]), width, mode=_MODES[mode])
            x = x[(slice(None),) * axis + (places,)]
    return x


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
