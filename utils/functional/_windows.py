"""Windows that slide over images: sizes, padding, and the strided slices that a kernel's taps see."""

from collections.abc import Iterator
from math import gcd
from typing import Any

import numpy as np


def sizes(value: Any, n: int, name: str, least: int = 1) -> tuple[int, ...]:
    """`value` once for each of `n` axes, as integers not below `least`."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * n
    if len(values) != n:
        raise ValueError(f"{name}={value!r} has {len(values)} numbers where {n} are needed, or one for all")
    for v in values:
        if isinstance(v, bool) or not isinstance(v, int | np.integer) or v < least:
            raise ValueError(f"{name}={value!r}: expected integers of at least {least}")
    return tuple(int(v) for v in values)


def reach(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    """How many cells a dilated kernel spans on each axis."""
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def taps(
    kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], out: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], tuple]]:
    """For each kernel position, the index of all the cells of an image that meet it: `image[index]` is (..., *out)."""
    for position in np.ndindex(*kernel):
        starts = [i * d for i, d in zip(position, dilation, strict=True)]
        yield position, (..., *(slice(a, a + s * n, s) for a, s, n in zip(starts, stride, out, strict=True)))


def padded(x: np.ndarray, padding: tuple, axis: int = 2, value: float = 0.0) -> np.ndarray:
    """`x` with (before, after) cells of `value` added on the axes from `axis`; negative numbers crop.

    The result is contiguous in C order; without padding it may be `x` itself.
    """
    if not any(map(any, padding)) and x.flags.c_contiguous:
        return x
    shape, inside, taken = list(x.shape), [slice(None)] * x.ndim, [slice(None)] * x.ndim
    for i, (before, after) in enumerate(padding, axis):
        shape[i] += before + after
        inside[i] = slice(max(before, 0), shape[i] - max(after, 0))
        taken[i] = slice(max(-before, 0), x.shape[i] - max(-after, 0))
    out = np.full_like(x, value, shape=shape, order="C")
    assign(out[tuple(inside)], x[tuple(taken)])
    return out


def assign(target: np.ndarray, source: np.ndarray) -> None:
    """`target[...] = source`, where the innermost axis of the target may be another than the source's.

    Cells that lie 4,096 bytes apart share one set of the processor's cache, which holds eight of them: of columns at
    such distances no more are read at a time than it holds.
    """
    columns, distance = source.shape[-1], abs(source.strides[-1])
    step = 8 * (4096 // gcd(4096, distance)) if isinstance(source, np.ndarray) else columns
    for i in range(0, columns, step or 1):
        target[..., i : i + step] = source[..., i : i + step]


def order_of(x: np.ndarray) -> str:
    """'K', the order of `x` in memory, where its innermost axis is long enough for NumPy to go along it; else 'C'."""
    axis = min(range(x.ndim), key=lambda i: abs(x.strides[i]))
    return "K" if x.shape[axis] >= 12 else "C"


def cropped(padding: tuple) -> tuple:
    """The padding that undoes `padding`."""
    return tuple((-before, -after) for before, after in padding)
