"""Convolution and its transpose, in one and two dimensions, with PyTorch's names, defaults and weight layouts."""

from typing import Any

import numpy as np

from utils.functional import _conv_kernels as kernels
from utils.functional._windows import reach, sizes
from utils.tensor import Tensor, op

AXES = {1: "L", 2: "H, W"}
Size = int | tuple[int, ...]


@op
def convolve(x, w, b, *, stride, padding, dilation, groups):
    r"""Cross-correlation of images (N, C, H, W) with kernels $W$ (O, C / groups, kh, kw), or both with one axis less:

    $Y_{noyx} = b_o + \sum_{cij} W_{ocij}\, X_{n,c,\;sy + di - p,\;sx + dj - p}$,

    $\bar X_{ncuv} = \sum_{oij} W_{ocij} \bar Y_{noyx}$ over the outputs $y, x$ that read $u, v$ through $i, j$,
    $\bar W_{ocij} = \sum_{nyx} \bar Y_{noyx} X_{n,c,\;sy + di - p,\;sx + dj - p}$,
    $\bar b_o = \sum_{nyx} \bar Y_{noyx}$.

    LeCun et al., *Backpropagation applied to handwritten zip code recognition* (1989).

    Notebook: 03-cnn/convolution-basics/02-convolution-backward.ipynb
    """
    settings = kernels.Settings(padding, stride, dilation, groups)
    y, (dx, dw) = kernels.choose(_image(x), _image(w), settings)
    if b is not None:
        _add_channels(y, b)
    return _with_axes_of(x, y), (
        lambda g: _with_axes_of(x, dx(_image(g))),
        lambda g: _with_axes_of(x, dw(_image(g))),
        _over_positions,
    )


@op
def convolve_transposed(x, w, b, *, stride, padding, dilation, groups, size):
    r"""The adjoint of `convolve` in its images, of height and width `size`, with $W$ (C, O / groups, kh, kw), plus $b$.

    $Y_{nouv} = b_o + \sum_{cij} W_{coij} X_{ncyx}$ over the $y, x$ with $sy + di - p = u$ and $sx + dj - p = v$;
    $\bar X$ is the convolution of $\bar Y$ with $W$, and $\bar W$ that of `convolve` with $X$ and $\bar Y$ exchanged.

    Zeiler et al., *Deconvolutional networks* (2010).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    settings = kernels.Settings(padding, stride, dilation, groups)
    y, (dx, dw) = kernels.transposed(_image(x), _image(w), settings, size)
    if b is not None:
        _add_channels(y, b)
    return _with_axes_of(x, y), (
        lambda g: _with_axes_of(x, dx(_image(g))),
        lambda g: _with_axes_of(x, dw(_image(g))),
        _over_positions,
    )


def _image(x: np.ndarray) -> np.ndarray:
    """A batch of sequences as images of height 1."""
    return x[:, :, None] if x.ndim == 3 else x


def _with_axes_of(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y[:, :, 0] if x.ndim == 3 else y


def _add_channels(y: np.ndarray, b: np.ndarray) -> None:
    """Add a number to each channel of `y`, in place."""
    innermost = kernels.last(y)
    if innermost.flags.c_contiguous:  # then whole lines at once, where NumPy would go channel by channel
        lines = innermost.reshape(-1, y.shape[3] * y.shape[1])
        lines += np.tile(b, y.shape[3])
    else:
        y += b[:, None, None]


def _over_positions(g: np.ndarray) -> np.ndarray:
    """The sum of each channel."""
    innermost = kernels.last(_image(g))
    if innermost.flags.c_contiguous:
        return np.ones_like(g, shape=g.size // g.shape[1]) @ innermost.reshape(-1, g.shape[1])
    return g.sum(axis=(0, *range(2, g.ndim)))


def conv1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of sequences: input (N, C, L), weight (O, C / groups, k), bias (O,) or None -> (N, O, L').

    L' = (L + 2 padding - dilation (k - 1) - 1) // stride + 1. `padding` may be "valid" (none) or, with stride 1,
    "same" (L' = L). Raises ValueError where shapes or settings do not fit together.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    return _convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution of images: input (N, C, H, W), weight (O, C / groups, kh, kw), bias (O,) or None -> (N, O, H', W').

    H' = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1, each setting one number or one for each axis.
    `padding` may be "valid" (none) or, with stride 1, "same" (H' = H). The result may be laid out in memory with
    its channels innermost. Raises ValueError where shapes or settings do not fit together.

    Notebook: 03-cnn/convolution-basics/01-convolution.ipynb
    """
    return _convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Transposed convolution of sequences: input (N, C, L), weight (C, O / groups, k), bias (O,) -> (N, O, L').

    L' = (L - 1) stride - 2 padding + dilation (k - 1) + output_padding + 1. Raises ValueError where shapes or
    settings do not fit together.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    return _transposed(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    groups: int = 1,
    dilation: Size = 1,
) -> Tensor:
    """Transposed convolution: input (N, C, H, W), weight (C, O / groups, kh, kw), bias (O,) -> (N, O, H', W').

    H' = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1, so that a convolution with the same
    settings leads back to H. Raises ValueError where shapes or settings do not fit together.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    return _transposed(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def _convolution(name, n, input, weight, bias, stride, padding, dilation, groups) -> Tensor:
    x, w = np.shape(input), np.shape(weight)
    stride, dilation = sizes(stride, n, "stride"), sizes(dilation, n, "dilation")
    (groups,) = sizes(groups, 1, "groups")
    _check_weight(name, n, w, "O, C / groups", w and w[0], groups)
    _check_input(name, n, x, w, w[1] * groups)
    _check_bias(name, bias, w[0])
    pads = _padding(padding, w[2:], stride, dilation, n)
    spans = reach(w[2:], dilation)
    for length, span, (before, after) in zip(x[2:], spans, pads, strict=True):
        if length + before + after < span:
            raise ValueError(
                f"{name}: a kernel {w[2:]} with dilation {dilation} spans {spans} cells, more than the input "
                f"{x[2:]} with padding {padding!r} has: enlarge the padding or the input"
            )
    settings = {"stride": stride, "padding": pads, "dilation": dilation}
    return convolve(input, weight, bias, **_two_dimensional(settings), groups=groups)


def _transposed(name, n, input, weight, bias, stride, padding, output_padding, groups, dilation) -> Tensor:
    x, w = np.shape(input), np.shape(weight)
    stride, dilation = sizes(stride, n, "stride"), sizes(dilation, n, "dilation")
    padding, extra = sizes(padding, n, "padding", 0), sizes(output_padding, n, "output_padding", 0)
    (groups,) = sizes(groups, 1, "groups")
    _check_weight(name, n, w, "C, O / groups", w and w[0], groups)
    _check_input(name, n, x, w, w[0])
    _check_bias(name, bias, w[1] * groups)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"{name}: output_padding={output_padding!r} must be below the stride {stride} or dilation {dilation}"
        )
    spans = reach(w[2:], dilation)
    size = tuple(
        (m - 1) * s - 2 * p + k + e
        for m, s, p, k, e in zip(x[2:], stride, padding, spans, extra, strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"{name}: the result would have the size {size}; padding={padding!r} is too large")
    settings = {
        "stride": stride,
        "padding": tuple((p, p) for p in padding),
        "dilation": dilation,
        "size": size,
    }
    return convolve_transposed(input, weight, bias, **_two_dimensional(settings), groups=groups)


def _two_dimensional(settings: dict) -> dict:
    """Settings of a sequence as those of an image of height 1."""
    ahead = {"padding": ((0, 0),)}
    return {
        name: ahead.get(name, (1,)) + value if len(value) == 1 else value for name, value in settings.items()
    }


def _padding(padding: Size | str, kernel: tuple, stride: tuple, dilation: tuple, n: int) -> tuple:
    """(before, after) for each axis; an odd cell of "same" goes after, as in PyTorch."""
    if padding == "same":
        if stride != (1,) * n:
            raise ValueError(f'padding="same" needs stride 1 but got {stride}: give the padding in numbers')
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f'padding={padding!r}: expected integers, "same" or "valid"')
    return tuple((p, p) for p in sizes(0 if padding == "valid" else padding, n, "padding", 0))


def _check_weight(name: str, n: int, w: tuple, layout: str, first: int, groups: int) -> None:
    if len(w) != n + 2 or not all(w):
        kernel = ["k"] if n == 1 else ["kh", "kw"]
        raise ValueError(f"{name} expects a weight ({layout}, {', '.join(kernel)}) but got {w}")
    if first % groups:
        raise ValueError(f"{name}: the weight {w} begins with {first}, which groups={groups} does not divide")


def _check_input(name: str, n: int, x: tuple, w: tuple, channels: int) -> None:
    if len(x) == n + 2 and x[1] == channels and min(x[2:]) > 0:
        return
    remedy = f"the weight is {w}"
    if len(x) == n + 2 and x[-1] == channels:
        remedy = (
            f"move the channels forward with x.transpose({', '.join(map(str, (0, n + 1, *range(1, n + 1))))})"
        )
    elif len(x) == n + 1 and x[0] == channels:
        remedy = "add the batch axis with x[None]"
    elif len(x) == n + 1 and channels == 1:
        remedy = "add the axis of the channels with x[:, None]"
    raise ValueError(f"{name} expects input (N, {channels}, {AXES[n]}) but got {x}: {remedy}")


def _check_bias(name: str, bias: Any, channels: int) -> None:
    if bias is not None and np.shape(bias) != (channels,):
        raise ValueError(f"{name} expects a bias ({channels},) but got {np.shape(bias)}")
