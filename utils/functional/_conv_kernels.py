"""Kernels of the two-dimensional convolution: one for every case, and two for common cases on the CPU.

A kernel takes images `x` (N, C, H, W), weights `w` (O, C / groups, kh, kw) and `Settings`, and returns the result
with the functions of its gradients for `x` and `w`. Inside, the channels are the innermost axis, and the result is
such an array seen as (N, O, H, W): the next convolution then finds the order it wants.
"""

from collections.abc import Callable, Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from utils.functional._windows import padded, reach

BUFFER = 2**21  # bytes of unrolled windows, about what stays in the cache while BLAS reads them
DEVICE_BUFFER = 2**28  # a GPU wants few and large products
COLUMNS = 48  # of a product: measured, BLAS gains little from more
KEPT = 2**24  # bytes of windows that are kept for the gradient rather than unrolled again
NO_PADDING = ((0, 0), (0, 0))
Kernel = tuple[np.ndarray, tuple[Callable, Callable]]


class Settings(NamedTuple):
    """How the windows lie: padding ((top, bottom), (left, right)), strides, dilations; and the groups of channels."""

    padding: tuple = NO_PADDING
    stride: tuple = (1, 1)
    dilation: tuple = (1, 1)
    groups: int = 1


def output_size(shape: tuple, kernel: tuple, settings: Settings) -> tuple[int, int]:
    spans = reach(kernel, settings.dilation)
    lengths = zip(shape[2:], settings.padding, spans, settings.stride, strict=True)
    return tuple((n + sum(p) - k) // s + 1 for n, p, k, s in lengths)


def last(x: np.ndarray) -> np.ndarray:
    """(N, C, H, W) seen as (N, H, W, C)."""
    return x.transpose(0, 2, 3, 1)


def first(x: np.ndarray) -> np.ndarray:
    """(N, H, W, C) seen as (N, C, H, W)."""
    return x.transpose(0, 3, 1, 2)


def around(x: np.ndarray, padding: tuple) -> np.ndarray:
    """Images (N, C, H, W) as a contiguous array (N, H, W, C) with padding."""
    return padded(last(x), padding, 1)


def windows(x: np.ndarray, kernel: tuple, settings: Settings) -> np.ndarray:
    """All windows of padded images (N, H, W, C), a view (N, H', W', kh, kw, C)."""
    (sh, sw), (dh, dw) = settings.stride, settings.dilation
    seen = np.lib.stride_tricks.sliding_window_view(x, reach(kernel, settings.dilation), axis=(1, 2))
    return seen[:, ::sh, ::sw, :, ::dh, ::dw].transpose(0, 1, 2, 4, 5, 3)


# ---- every case: unroll as many windows at a time as the cache holds ----


def blocks(x: np.ndarray, n: int, height: int, per_line: int) -> Iterator[tuple[slice, slice]]:
    """Parts of `n` images of `height` lines, a few images or a few lines of one, for buffers of the kind of `x`."""
    lines = (BUFFER if isinstance(x, np.ndarray) else DEVICE_BUFFER) // (x.itemsize * per_line)
    images, lines = max(1, lines // height), min(height, max(1, lines))
    for i in range(0, n, images):
        for j in range(0, height, lines):
            yield slice(i, min(i + images, n)), slice(j, min(j + lines, height))


def unrolled(x, kernel, settings, out) -> Iterator[tuple[tuple, np.ndarray]]:
    """Which part of the result (N, H', W', O) it is, and its windows as rows (groups, positions, kh kw C / groups).

    The rows stand in a buffer that is used again and again.
    """
    seen = windows(x, kernel, settings)[:, : out[0], : out[1]]
    if settings.groups == 1 and seen.flags.c_contiguous:  # nothing overlaps: a plain product of matrices
        yield (slice(None), slice(None)), seen.reshape(1, len(x) * prod(out), prod(seen.shape[3:]))
        return
    seen = by_groups(seen, settings.groups)
    buffer = None
    for part in blocks(x, *seen.shape[1:3], per_line=prod(seen.shape[3:]) * settings.groups):
        source = seen[:, *part]
        buffer = np.empty_like(x, shape=source.size) if buffer is None else buffer
        rows = buffer[: source.size].reshape(source.shape)
        rows[...] = source
        yield part, rows.reshape(settings.groups, prod(source.shape[1:4]), -1)


def by_groups(x: np.ndarray, groups: int) -> np.ndarray:
    """(..., C) seen as (groups, ..., C / groups)."""
    split = x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
    return split.transpose(split.ndim - 2, *range(split.ndim - 2), split.ndim - 1)


def as_rows(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, H, W, C) as (groups, positions, C / groups)."""
    return by_groups(x.reshape(prod(x.shape[:-1]), x.shape[-1]), groups)


def by_taps(w: np.ndarray, groups: int) -> np.ndarray:
    """Weights as matrices (groups, kh kw C / groups, O / groups), in the order of the windows."""
    _, c, kh, kw = w.shape
    return w.reshape(groups, -1, c, kh, kw).transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * c, -1)


def from_taps(matrices: np.ndarray, kernel: tuple) -> np.ndarray:
    """The inverse of `by_taps`."""
    groups, _, o = matrices.shape
    return matrices.reshape(groups, *kernel, -1, o).transpose(0, 4, 3, 1, 2).reshape(groups * o, -1, *kernel)


def turned(w: np.ndarray, groups: int) -> np.ndarray:
    """The weights (C, O / groups, kh, kw) that lead back from the result of `w` (O, C / groups, kh, kw)."""
    _, c, *kernel = w.shape
    back = w.reshape(groups, -1, c, *kernel)[..., ::-1, ::-1].swapaxes(1, 2)
    return back.reshape(groups * c, -1, *kernel)


def products(x, kernel, settings, out, w=None, g=None) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What the windows of `x` are for: times `w` the result (N, O, *out), times its gradient `g` that of `w`.

    Given both, the windows are unrolled once.
    """
    groups, y, dw = settings.groups, None, None
    if w is not None:
        matrices = by_taps(w, groups)
        y = np.empty_like(x, shape=(len(x), *out, len(w)), order="C")
    if g is not None:
        g = around(g, NO_PADDING)
        dw = np.zeros_like(x, shape=(groups, prod(kernel) * x.shape[1] // groups, g.shape[3] // groups))
    for part, rows in unrolled(around(x, settings.padding), kernel, settings, out):
        if y is not None:
            np.matmul(rows, matrices, out=as_rows(y[part], groups))
        if g is not None:
            dw += rows.mT @ as_rows(g[part], groups)
    return y if y is None else first(y), dw if dw is None else from_taps(dw, kernel)


def correlate(x, w, settings, out) -> np.ndarray:
    """The windows of `x` times the weights, (N, O, *out)."""
    return products(x, w.shape[2:], settings, out, w=w)[0]


def weigh(x, g, settings, kernel) -> np.ndarray:
    """The adjoint of `correlate` in `w`."""
    return products(x, kernel, settings, g.shape[2:], g=g)[1]


def spread(g, w, settings, size) -> np.ndarray:
    """The adjoint of `correlate` in `x`, whose height and width are `size`."""
    if settings.stride == (1, 1):
        return correlate(g, turned(w, settings.groups), backwards(g.shape, w.shape, settings, size), size)
    return folded(around(g, NO_PADDING), by_taps(w, settings.groups), w.shape[2:], settings, size)


def backwards(shape: tuple, weights: tuple, settings: Settings, size: tuple) -> Settings:
    """With these a gradient of this shape, correlated with turned weights, gives that of images of `size`."""
    spans = reach(weights[2:], settings.dilation)
    before = [k - 1 - p for k, (p, _) in zip(spans, settings.padding, strict=True)]
    after = [n + k - 1 - m - b for n, k, m, b in zip(size, spans, shape[2:], before, strict=True)]
    return settings._replace(padding=tuple(zip(before, after, strict=True)), stride=(1, 1))


def folded(g, matrices, kernel, settings, size) -> np.ndarray:
    """Every window is multiplied out of `g` (N, H', W', O) and added to the cells it was read from."""
    n, height, width, _ = g.shape
    groups, (sh, sw), (dh, dw) = settings.groups, settings.stride, settings.dilation
    channels = matrices.shape[1] // prod(kernel)
    full = tuple(m + sum(p) for m, p in zip(size, settings.padding, strict=True))
    x = np.zeros_like(g, shape=(n, *full, groups * channels))
    cells, back = by_groups(x, groups), matrices.mT
    for images, lines in blocks(g, n, height, per_line=width * back.shape[2] * groups):
        parts = as_rows(g[images, lines], groups) @ back
        count = lines.stop - lines.start
        parts = parts.reshape(groups, -1, count, width, *kernel, channels)
        for i, j in np.ndindex(*kernel):
            top, left = i * dh + lines.start * sh, j * dw
            seen = slice(top, top + count * sh, sh), slice(left, left + width * sw, sw)
            cells[:, images, *seen] += parts[..., i, j, :]
    (top, _), (left, _) = settings.padding
    return first(x[:, top : top + size[0], left : left + size[1]])


def sharing(both: Callable, alone: Callable) -> tuple[Callable, Callable]:
    """The gradients of `x` and `w`; what `both` finds for `w` on the way to `x` waits until it is asked for."""
    found = []

    def dx(g):
        result, weights = both(g)
        found[:] = [weights]
        return result

    return dx, lambda g: found.pop() if found else alone(g)


def blocked(x, w, settings: Settings) -> Kernel:
    """Windows are unrolled in parts into a buffer that stays in the cache, and multiplied there.

    At stride 1 the gradients share the windows of the padded $\\bar Y$: times the turned weights they are
    $\\bar X$, times $X$ they are $\\bar W$.
    """
    kernel, size = w.shape[2:], x.shape[2:]

    def both(g):
        back = backwards(g.shape, w.shape, settings, size)
        dx, dw = products(g, kernel, back, size, w=turned(w, settings.groups), g=x)
        return dx, turned(dw, settings.groups)

    def dw(g):
        return weigh(x, g, settings, kernel)

    y = correlate(x, w, settings, output_size(x.shape, kernel, settings))
    if settings.stride == (1, 1):
        return y, sharing(both, dw)
    return y, (lambda g: spread(g, w, settings, size), dw)


def transposed(x, w, settings: Settings, size: tuple) -> Kernel:
    """`spread` with its gradients, which share the windows of $\\bar Y$."""
    kernel, out = w.shape[2:], x.shape[2:]  # output_padding may leave room for more windows than x has cells
    return spread(x, w, settings, size), sharing(
        lambda g: products(g, kernel, settings, out, w=w, g=x),
        lambda g: products(g, kernel, settings, out, g=x)[1],
    )


# ---- few channels: several outputs in a row of the product ----


def toeplitz(x, w, settings: Settings, run: int | None = None) -> Kernel:
    """Each row of the product yields `run` neighbouring outputs, from a window that is wider by `run` - 1 strides.

    The weights stand in a matrix $T$ once for each of the outputs, a stride further right every time: more
    multiplications, many of them by zero, but wider matrices, longer copies and fewer of them. A NaN or an infinity
    would reach all outputs of its run, since 0 times it is NaN: `choose` takes such images elsewhere, and in the
    gradient of the input it does spread so.
    """
    (n, c, height, width), (o, _, kh, kw) = x.shape, w.shape
    sh, sw = settings.stride
    oh, ow = output_size(x.shape, (kh, kw), settings)
    run = run or best_run(ow, kw // sw + 2, o)
    count, wide, step = -(-ow // run), kw + (run - 1) * sw, run * sw
    extra = count * run - ow
    (top, bottom), (left, right) = settings.padding
    right = max(right, (count - 1) * step + wide - width - left)
    matrix = np.zeros_like(x, shape=(kh, wide, c, run, o))
    for i in range(run):
        matrix[:, i * sw : i * sw + kw, :, i] = w.transpose(2, 3, 1, 0)
    matrix = matrix.reshape(-1, run * o)

    def unroll():
        full = around(x, ((top, bottom), (left, right)))
        seen = windows(full, (kh, wide), Settings(stride=(sh, step)))
        return seen[:, :, :count].reshape(n * oh * count, -1)

    rows = unroll()
    y = (rows @ matrix).reshape(n, oh, count * run, o)[:, :, :ow]
    kept = rows if rows.nbytes <= KEPT else None

    def flat(g):
        return around(g, ((0, 0), (0, extra))).reshape(-1, run * o)

    def dx(g):
        parts = (flat(g) @ matrix.T).reshape(n, oh, count, kh, wide, c)
        result = np.zeros_like(parts, shape=(n, height + top + bottom, width + left + right, c))
        for i, j in np.ndindex(kh, count):
            result[:, i : i + sh * oh : sh, j * step : j * step + wide] += parts[:, :, j, i]
        return first(result[:, top : top + height, left : left + width])

    def dw(g):
        rows = unroll() if kept is None else kept
        diagonals = (rows.T @ flat(g)).reshape(kh, wide, c, run, o)
        return sum(diagonals[:, i * sw : i * sw + kw, :, i] for i in range(run)).transpose(3, 2, 0, 1)

    return first(y), (dx, dw)


def best_run(width: int, longest: int, channels: int) -> int:
    """The run up to `longest` that leaves the least over at the right edge; the longest of these."""
    most = min(longest, max(2, COLUMNS // channels), width)
    return min(range(most, min(1, width - 1), -1), key=lambda run: -(-width // run) * run)


# ---- one channel a group ----


def depthwise(x, w, settings: Settings) -> Kernel:
    """Each channel with its own kernel, (C, 1, kh, kw): a sum over the taps, without any product of matrices.

    `einsum` multiplies and adds in one pass over whole lines (W, C), where the weights are repeated for each cell.
    """
    kernel, size = w.shape[2:], x.shape[2:]
    y = over_taps(around(x, settings.padding), w, settings)

    def dx(g):
        g = apart(g, settings.stride)
        back = backwards(g.shape, w.shape, settings, size)
        return over_taps(around(g, back.padding), w[..., ::-1, ::-1], back)

    def dw(g):
        seen, g = windows(around(x, settings.padding), kernel, settings), around(g, NO_PADDING)
        result = np.empty_like(w)
        for i, j in np.ndindex(*kernel):
            result[:, 0, i, j] = np.einsum("nhwc,nhwc->wc", seen[:, :, :, i, j], g).sum(axis=0)
        return result

    return y, (dx, dw)


def apart(g: np.ndarray, stride: tuple) -> np.ndarray:
    """`g` with zeros between its cells, so that it seems to come from stride 1."""
    if stride == (1, 1):
        return g
    size = [(m - 1) * s + 1 for m, s in zip(g.shape[2:], stride, strict=True)]
    result = np.zeros_like(g, shape=(len(g), *size, g.shape[1]), order="C")
    result[:, :: stride[0], :: stride[1]] = last(g)
    return first(result)


def over_taps(x, w, settings) -> np.ndarray:
    """Padded images (N, H, W, C) with a kernel for each channel, (N, C, H', W')."""
    seen = windows(x, w.shape[2:], settings).transpose(0, 1, 3, 4, 2, 5)  # (N, H', kh, kw, W', C)
    *outer, width, c = seen.shape
    lines = np.repeat(w.transpose(2, 3, 1, 0), width, axis=2)  # (kh, kw, W', C)
    # one axis is faster, where it takes no copy
    line = (1, width * c) if settings.stride[1] == 1 else (width, c)
    y = np.einsum("nhijwc,ijwc->nhwc", seen.reshape(*outer, *line), lines.reshape(*lines.shape[:2], *line))
    return first(y.reshape(*outer[:2], width, c))


def choose(x, w, settings: Settings) -> Kernel:
    """The fastest kernel that knows the case."""
    (o, c, _, width), groups = w.shape, settings.groups
    if groups == x.shape[1] == o:
        return depthwise(x, w, settings)
    # measured: with few channels the rows of single windows are too short for BLAS and for copies
    few = c <= 2 * width and 1 < width >= settings.stride[1]
    if few and groups == 1 and settings.dilation == (1, 1) and x.size and isinstance(x, np.ndarray):
        return toeplitz(x, w, settings) if finite(x) else blocked(x, w, settings)
    return blocked(x, w, settings)


def finite(x: np.ndarray) -> bool:
    """Whether the sum is finite, as it is without NaN and infinities: a fast look at all entries."""
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.isfinite(x.sum()))
