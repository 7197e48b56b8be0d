"""Pooling: the maximum or the mean of windows, fixed ones or as many as a wanted size of the result takes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.functional._windows import cropped, order_of, padded, reach, sizes, taps
from utils.tensor import Tensor, op

Size = int | tuple[int, ...]


@op
def max_pool(x, *, kernel, stride, padding, dilation, out):
    r"""Maximum of each window, $y = \max_{i} x_i$; $\bar x_i = \bar y$ for the first $i$ that attains it.

    The padding, ((before, after), ...) of the last axes, is $-\infty$. A cell adds up what its windows give it.

    LeCun et al., *Gradient-based learning applied to document recognition* (1998); Scherer et al., *Evaluation of
    pooling operations* (2010).

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """
    full = padded(x, padding, value=-np.inf) if any(map(any, padding)) else x
    y, backs = full, []
    for axis in range(-1, -len(kernel) - 1, -1):  # columns, then rows: ties go to the first in reading order
        y, back = _maxima(y, axis, kernel[axis], stride[axis], dilation[axis], out[axis])
        backs.append(back)

    def dx(g):
        for back in reversed(backs):
            g = back(g)
        return padded(g, cropped(padding)) if full is not x else g

    return y, dx


def _maxima(x: NDArray, axis: int, kernel: int, stride: int, dilation: int, out: int) -> tuple:
    """Maxima of `out` windows along one axis, and the function that takes a gradient back to the first of each."""
    after = (slice(None),) * (-1 - axis)
    taps = [(..., slice(i, i + stride * out, stride), *after) for i in range(0, kernel * dilation, dilation)]
    y = np.empty_like(x[taps[0]], order=order_of(x))
    np.maximum(x[taps[0]], x[taps[-1]], out=y)
    for tap in taps[1:-1]:
        np.maximum(y, x[tap], out=y)
    apart = stride > (kernel - 1) * dilation  # no cell lies in two windows
    covered = apart and stride == kernel and out * stride == x.shape[axis]

    def back(g):
        dx = np.empty_like(x) if covered else np.zeros_like(x)
        for tap in taps[:-1]:
            part = np.multiply(x[tap] == y, g, out=dx[tap] if apart else None)
            if not apart:
                dx[tap] += part
            g = g - part  # what is left: the windows whose maximum has not been met yet
        if apart:
            dx[taps[-1]] = g
        else:
            dx[taps[-1]] += g
        return dx

    return y, back


@op
def avg_pool(x, *, kernel, stride, padding, out, counts):
    r"""Mean of each window, $y = \frac1n \sum_i x_i$;  $\bar x_i = \sum \bar y / n$ over the windows that hold $i$.

    `counts` holds the numbers $n$ of cells of the windows, a number or an array; the padding is 0.

    LeCun et al., *Backpropagation applied to handwritten zip code recognition* (1989).

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """
    full = padded(x, padding) if any(map(any, padding)) else x
    shares = np.asarray(1 / counts, dtype=x.dtype, like=x)
    indices = [index for _, index in taps(kernel, stride, (1,) * len(kernel), out)]
    y = full[indices[0]].copy(order_of(x))
    for index in indices[1:]:
        y += full[index]
    y *= shares

    def dx(g):
        result, share = np.zeros_like(full), g * shares
        for index in indices:
            result[index] += share
        return padded(result, cropped(padding)) if full is not x else result

    return y, dx


@op
def adaptive_avg_pool(x, *, size):
    r"""Mean of each cell of a grid of `size`; cells may overlap.

    Output $i$ of $n$ sees the inputs from $\lfloor iH/n \rfloor$ to $\lceil (i+1)H/n \rceil$, the end left out.
    $\bar x$ is the sum of $\bar y$ over the cells that hold $x$, each divided by the size of the cell.

    Lin et al., *Network in network* (2013).

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """
    cells = list(_grid(x.shape[-len(size) :], size))
    axes = tuple(range(-len(size), 0))
    y = np.empty_like(x, shape=(*x.shape[: -len(size)], *size))
    for target, seen in cells:
        y[target] = x[seen].mean(axis=axes, keepdims=True)

    def dx(g):
        result = np.zeros_like(x)
        for target, seen in cells:
            part = result[seen]
            part += g[target] * (1 / _cells_in(part, axes))
        return result

    return y, dx


@op
def adaptive_max_pool(x, *, size):
    r"""Maximum of each cell of a grid of `size`, the cells of `adaptive_avg_pool`; $\bar x$ goes to the first maximum.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """
    n = len(size)
    cells = list(_grid(x.shape[-n:], size))
    y = np.empty_like(x, shape=(*x.shape[:-n], *size))
    for target, seen in cells:
        y[target] = x[seen].max(axis=tuple(range(-n, 0)), keepdims=True)

    def dx(g):
        result = np.zeros_like(x)
        for target, seen in cells:
            part = x[seen]
            flat = part.reshape(*part.shape[:-n], -1)
            hit = flat.argmax(axis=-1)[..., None] == np.arange(flat.shape[-1], like=x)
            result[seen] += g[target] * hit.reshape(part.shape)
        return result

    return y, dx


def _grid(shape: tuple, size: tuple) -> Iterator[tuple[tuple, tuple]]:
    """The index of each output, keeping its axes, with the index of the inputs that it sees."""
    for position in np.ndindex(*size):
        seen = [
            slice(i * h // n, -(-(i + 1) * h // n)) for i, h, n in zip(position, shape, size, strict=True)
        ]
        yield (..., *(slice(i, i + 1) for i in position)), (..., *seen)


def _cells_in(part: np.ndarray, axes: tuple) -> int:
    return int(np.prod([part.shape[axis] for axis in axes]))


def max_pool1d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Maximum of windows of sequences: (N, C, L) -> (N, C, L'); see `max_pool2d`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Maximum of windows of images: (N, C, H, W) -> (N, C, H', W'), by default windows side by side.

    H' = (H + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1, rounded down, or up with `ceil_mode`. The
    first of equal maxima gets the gradient. Raises ValueError where shape and settings do not fit together.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool1d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of windows of sequences: (N, C, L) -> (N, C, L'); see `avg_pool2d`.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Any,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Mean of windows of images: (N, C, H, W) -> (N, C, H', W'), the padding counted as zeros or left out.

    Sizes as in `max_pool2d`. Raises ValueError where shape and settings do not fit together.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """
    return _avg_pool("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


def adaptive_avg_pool2d(input: Any, output_size: int | tuple[int | None, ...] | None) -> Tensor:
    """Means over a grid of `output_size` cells: (N, C, H, W) -> (N, C, *output_size); 1 pools globally, None keeps.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """
    return adaptive_avg_pool(input, size=_adaptive("adaptive_avg_pool2d", input, output_size))


def adaptive_max_pool2d(input: Any, output_size: int | tuple[int | None, ...] | None) -> Tensor:
    """Maxima over a grid of `output_size` cells: (N, C, H, W) -> (N, C, *output_size); 1 pools globally, None keeps.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """
    return adaptive_max_pool(input, size=_adaptive("adaptive_max_pool2d", input, output_size))


def _max_pool(name, n, input, kernel_size, stride, padding, dilation, ceil_mode) -> Tensor:
    kernel, stride, pads = _settings(n, kernel_size, stride, padding)
    dilation = sizes(dilation, n, "dilation")
    out, around = _output(name, np.shape(input), reach(kernel, dilation), stride, pads, ceil_mode)
    return max_pool(input, kernel=kernel, stride=stride, padding=around, dilation=dilation, out=out)


def _avg_pool(name, n, input, kernel_size, stride, padding, ceil_mode, count_include_pad) -> Tensor:
    kernel, stride, pads = _settings(n, kernel_size, stride, padding)
    shape = np.shape(input)
    out, around = _output(name, shape, kernel, stride, pads, ceil_mode)
    counts = 1
    for i in range(n):
        before = pads[i] if count_include_pad else 0
        starts = np.arange(out[i]) * stride[i] - pads[i]
        counted = np.minimum(starts + kernel[i], shape[i - n] + before) - np.maximum(starts, -before)
        counts = np.multiply.outer(counts, counted)
    return avg_pool(input, kernel=kernel, stride=stride, padding=around, out=out, counts=counts)


def _settings(n: int, kernel_size: Size, stride: Size | None, padding: Size) -> tuple[tuple, tuple, tuple]:
    kernel = sizes(kernel_size, n, "kernel_size")
    pads = sizes(padding, n, "padding", 0)
    if any(2 * p > k for p, k in zip(pads, kernel, strict=True)):
        raise ValueError(
            f"padding={padding!r} is more than half the kernel_size {kernel}: windows would see nothing"
        )
    return kernel, kernel if stride is None else sizes(stride, n, "stride"), pads


def _output(name, shape, spans, stride, pads, ceil_mode) -> tuple[tuple, tuple]:
    """The size of the result, and the padding (before, after) with which all its windows lie inside."""
    n = len(spans)
    if len(shape) != n + 2:
        raise ValueError(f"{name} expects input (N, C, {'L' if n == 1 else 'H, W'}) but got {shape}")
    out, around = [], []
    for length, span, s, p in zip(shape[2:], spans, stride, pads, strict=True):
        room = length + 2 * p - span
        count = (room + (s - 1 if ceil_mode else 0)) // s + 1
        if (count - 1) * s >= length + p:  # a window must begin inside, or in the padding before
            count -= 1
        if count < 1:
            raise ValueError(
                f"{name}: windows {spans} are larger than the input {shape[2:]} with padding {pads}: "
                "take a smaller kernel_size, or more padding"
            )
        out.append(count)
        around.append((p, max(p, (count - 1) * s + span - length - p)))
    return tuple(out), tuple(around)


def _adaptive(name: str, input: Any, output_size: Any) -> tuple[int, ...]:
    shape = np.shape(input)
    if len(shape) != 4:
        raise ValueError(f"{name} expects input (N, C, H, W) but got {shape}")
    wanted = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(wanted) == 2:
        wanted = tuple(h if v is None else v for v, h in zip(wanted, shape[2:], strict=True))
    return sizes(wanted, 2, "output_size")
