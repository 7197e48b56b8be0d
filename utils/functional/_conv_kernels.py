"""Kernels of the two-dimensional convolution: one for every case, and three for common cases on the CPU.

A kernel takes images `x` (N, C, H, W), weights `w` (O, C / groups, kh, kw) and the padding ((top, bottom),
(left, right)), and returns the result with the functions of its gradients for `x` and `w`. The fast kernels work
with the channels as the innermost axis, and return such an array seen as (N, O, H, W): the next convolution then
finds the order it wants.
"""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from utils.functional._windows import cropped, padded, reach, taps

BUFFER = 2**21  # bytes of unrolled windows, about what stays in the cache while BLAS reads them
Kernel = tuple[np.ndarray, tuple[Callable, Callable]]


def output_size(
    shape: tuple, kernel: tuple, padding: tuple, stride=(1, 1), dilation=(1, 1)
) -> tuple[int, int]:
    spans = reach(kernel, dilation)
    return tuple(
        (n + sum(p) - k) // s + 1 for n, p, k, s in zip(shape[2:], padding, spans, stride, strict=True)
    )


# ---- every case ----


def unfold(x: np.ndarray, kernel: tuple, stride: tuple, dilation: tuple, out: tuple) -> np.ndarray:
    """All windows as columns, (N, C, kh, kw, *out)."""
    if kernel == stride == (1, 1):
        return x[:, :, None, None]
    columns = np.empty_like(x, shape=(*x.shape[:2], *kernel, *out))
    for position, seen in taps(kernel, stride, dilation, out):
        columns[(slice(None), slice(None), *position)] = x[seen]
    return columns


def fold(columns: np.ndarray, stride: tuple, dilation: tuple, size: tuple) -> np.ndarray:
    """The adjoint of `unfold`: every window is added back to the cells it was read from."""
    kernel, out = columns.shape[2:4], columns.shape[4:]
    x = np.zeros_like(columns, shape=(*columns.shape[:2], *size))
    for position, seen in taps(kernel, stride, dilation, out):
        x[seen] += columns[(slice(None), slice(None), *position)]
    return x


def correlate(x, w, padding, stride, dilation, groups) -> np.ndarray:
    """Windows of `x` times the weights: a product of matrices for each image and group."""
    (n, c), (o, _, *kernel) = x.shape[:2], w.shape
    out = output_size(x.shape, tuple(kernel), padding, stride, dilation)
    columns = unfold(padded(x, padding), tuple(kernel), stride, dilation, out)
    rows = c // groups * prod(kernel)
    y = w.reshape(groups, o // groups, rows) @ columns.reshape(n, groups, rows, prod(out))
    return y.reshape(n, o, *out)


def spread(g, w, padding, stride, dilation, groups, size) -> np.ndarray:
    """The adjoint of `correlate` in `x`, whose height and width are `size`."""
    (n, o), (_, c, *kernel), out = g.shape[:2], w.shape, g.shape[2:]
    transposed = w.reshape(groups, o // groups, -1).swapaxes(1, 2)
    columns = transposed @ g.reshape(n, groups, o // groups, prod(out))
    full = tuple(m + sum(p) for m, p in zip(size, padding, strict=True))
    x = fold(columns.reshape(n, groups * c, *kernel, *out), stride, dilation, full)
    return padded(x, cropped(padding))


def weigh(x, g, padding, stride, dilation, groups, kernel) -> np.ndarray:
    """The adjoint of `correlate` in `w`, from windows that are unrolled anew: to keep them takes kh kw times `x`."""
    (n, c), (_, o, *out) = x.shape[:2], g.shape
    columns = unfold(padded(x, padding), kernel, stride, dilation, tuple(out))
    columns = columns.reshape(n, groups, c // groups * prod(kernel), prod(out))
    dw = g.reshape(n, groups, o // groups, prod(out)) @ columns.swapaxes(2, 3)
    return dw.sum(axis=0).reshape(o, c // groups, *kernel)


def general(x, w, padding, stride=(1, 1), dilation=(1, 1), groups=1) -> Kernel:
    settings = (padding, stride, dilation, groups)
    return correlate(x, w, *settings), (
        lambda g: spread(g, w, *settings, x.shape[2:]),
        lambda g: weigh(x, g, *settings, w.shape[2:]),
    )


# ---- many channels: unroll a few images at a time ----


def unrolled(x: np.ndarray, kernel: tuple) -> Iterator[tuple[slice, np.ndarray]]:
    """Windows of images (N, H, W, C) as rows (positions, kh kw C), in blocks that fit a buffer used again and again."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel, axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    n, *shape = windows.shape
    size = shape[0] * shape[1]
    at_once = min(n, max(1, round(BUFFER / (x.itemsize * np.prod(shape)))))
    buffer = np.empty((at_once, *shape), x.dtype)
    for start in range(0, n, at_once):
        block = windows[start : start + at_once]
        rows = buffer[: len(block)]
        rows[...] = block
        yield slice(start * size, (start + len(block)) * size), rows.reshape(len(block) * size, -1)


def last(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) seen as (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def first(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) seen as (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)


def blocked(x, w, padding) -> Kernel:
    """Unrolls into a buffer that stays in the cache.

    The gradient unrolls the padded $\\bar Y$ once, for $\\bar X$ (times the flipped weights) and for $\\bar W$.
    """
    (n, c, height, width), (o, _, *kernel) = x.shape, w.shape
    kernel = tuple(kernel)
    y = np.empty((n, *output_size(x.shape, kernel, padding), o), x.dtype)
    rows, matrix = y.reshape(-1, o), w.transpose(2, 3, 1, 0).reshape(-1, o)
    for block, windows in unrolled(padded(last(x), padding, 1), kernel):
        np.matmul(windows, matrix, out=rows[block])
    around = tuple((k - 1 - p, k - 1 - q) for k, (p, q) in zip(kernel, padding, strict=True))
    found = []

    def dx(g):
        result = np.empty((n, height, width, c), x.dtype)
        inputs, size = last(x), height * width
        flipped = w[:, :, ::-1, ::-1].transpose(2, 3, 0, 1).reshape(-1, c)
        dw = np.zeros((len(flipped), c), x.dtype)
        for block, windows in unrolled(padded(last(g), around, 1), kernel):
            np.matmul(windows, flipped, out=result.reshape(-1, c)[block])
            dw += windows.T @ inputs[block.start // size : block.stop // size].reshape(-1, c)
        found[:] = [dw.reshape(*kernel, o, c)[::-1, ::-1].transpose(2, 3, 0, 1)]
        return first(result)

    def dw(g):
        if found:
            return found.pop()
        rows = np.ascontiguousarray(last(g)).reshape(-1, o)
        windows = unrolled(padded(last(x), padding, 1), kernel)
        dw = sum(window.T @ rows[block] for block, window in windows)
        return dw.reshape(*kernel, c, o).transpose(3, 2, 0, 1)

    return first(y), (dx, dw)


# ---- few channels: several outputs in a row of the product ----


def toeplitz(x, w, padding, run: int | None = None) -> Kernel:
    """Each row of the product yields `run` neighbouring outputs, from a window that is `run` - 1 cells wider.

    The weights stand in a matrix $T$ once for each of the outputs, a cell further right every time: more
    multiplications, many of them by zero, but wider matrices, longer copies and fewer of them.
    """
    (n, c, height, width), (o, _, kh, kw) = x.shape, w.shape
    oh, ow = output_size(x.shape, (kh, kw), padding)
    run = run or best_run(ow, kw)
    blocks, wide = -(-ow // run), kw + run - 1
    extra = blocks * run - ow
    (top, bottom), (left, right) = padding
    around = ((top, bottom), (left, right + extra))
    windows = np.lib.stride_tricks.sliding_window_view(padded(last(x), around, 1), (kh, wide), axis=(1, 2))
    rows = np.empty((n, oh, blocks, kh, wide, c), x.dtype)
    rows[...] = windows[:, :, ::run].transpose(0, 1, 2, 4, 5, 3)
    rows = rows.reshape(n * oh * blocks, -1)
    matrix = np.zeros((kh, wide, c, run, o), x.dtype)
    for i in range(run):
        matrix[:, i : i + kw, :, i] = w.transpose(2, 3, 1, 0)
    matrix = matrix.reshape(-1, run * o)
    y = (rows @ matrix).reshape(n, oh, blocks * run, o)[:, :, :ow]

    def flat(g):
        return padded(last(g), ((0, 0), (0, extra)), 1).reshape(-1, run * o)

    def dx(g):
        parts = (flat(g) @ matrix.T).reshape(n, oh, blocks, kh, wide, c)
        result = np.zeros((n, height + top + bottom, width + left + right + extra, c), x.dtype)
        for i, j in np.ndindex(kh, blocks):
            result[:, i : i + oh, j * run : j * run + wide] += parts[:, :, j, i]
        return first(result[:, top : top + height, left : left + width])

    def dw(g):
        diagonals = (rows.T @ flat(g)).reshape(kh, wide, c, run, o)
        return sum(diagonals[:, i : i + kw, :, i] for i in range(run)).transpose(3, 2, 0, 1)

    return first(y), (dx, dw)


def best_run(width: int, kernel: int) -> int:
    """The run, not far above the kernel's width, that leaves the least over at the right edge; of these the longest."""
    runs = range(min(kernel + 2, width), min(1, width - 1), -1)
    return min(runs, key=lambda run: -(-width // run) * run)


# ---- one channel a group ----


def depthwise(x, w, padding, stride=(1, 1), dilation=(1, 1)) -> Kernel:
    """Each channel with its own kernel, (C, 1, kh, kw): a sum over the taps, without any product of matrices."""
    kernel = tuple(w.shape[2:])
    out = output_size(x.shape, kernel, padding, stride, dilation)
    full = padded(x, padding)
    seen = list(taps(kernel, stride, dilation, out))
    y = np.zeros_like(full, shape=(*x.shape[:2], *out))
    part = np.empty_like(y)
    for (i, j), index in seen:
        y += np.multiply(full[index], w[:, 0, i, j, None, None], out=part)

    def dx(g):
        result, part = np.zeros_like(full), np.empty_like(full, shape=g.shape)
        for (i, j), index in seen:
            result[index] += np.multiply(g, w[:, 0, i, j, None, None], out=part)
        return padded(result, cropped(padding))

    def dw(g):
        result = np.empty_like(w)
        for (i, j), index in seen:
            result[:, 0, i, j] = (g * full[index]).sum(axis=(0, 2, 3))
        return result

    return y, (dx, dw)


def choose(x, w, padding, stride, dilation, groups) -> Kernel:
    """The fastest kernel that knows the case."""
    if groups == x.shape[1] == w.shape[0] and w.shape[1] == 1:
        return depthwise(x, w, padding, stride, dilation)
    plain = stride == dilation == (1, 1) and groups == 1
    if not plain or not isinstance(x, np.ndarray) or not x.size:
        return general(x, w, padding, stride, dilation, groups)
    few = (
        w.shape[1] <= 2 * w.shape[3]
    )  # measured: then rows of single windows are too short for BLAS and for copies
    return toeplitz(x, w, padding) if few and w.shape[3] > 1 else blocked(x, w, padding)
