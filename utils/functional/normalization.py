r"""Normalization: subtract a mean, divide by a standard deviation, then scale and shift; forward and backward fused.

All variants share one backward pass. With $\hat x = (x - \mu)\,r$, $r = 1/\sqrt{\sigma^2 + \varepsilon}$,
$y = w\hat x + b$, and $\langle\cdot\rangle$ the mean over the entries that share $\mu$ and $\sigma$:

$\bar x = r\,(w\bar y - \langle w\bar y\rangle - \hat x\,\langle w\bar y\,\hat x\rangle)$,
$\bar w = \sum\bar y\,\hat x$,  $\bar b = \sum\bar y$.

Sums along rows are products with a vector of ones, several times as fast as `sum`.

Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.functional._channels import Planes, layout
from utils.functional.activation import dot_along
from utils.tensor import Tensor, op

_BLOCK = 131_072  # entries of a block of rows: a few such arrays stay in a core's L2 cache


@op
def standardize_rows(x, weight, bias, *, eps, width):
    r"""Layer normalization of $x$, `width` entries at a time; weight and bias so many, or None (Ba et al. 2016).

    $\bar x = r(w\bar y - \langle w\bar y\rangle - \hat x\langle w\bar y\hat x\rangle)$,
    $\bar w = \sum\bar y\hat x$,  $\bar b = \sum\bar y$.

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """
    rows = x.reshape(-1, width)
    w = 1.0 if weight is None else weight.reshape(width)
    out, x_hat = np.empty_like(rows), np.empty_like(rows)
    r = np.empty_like(rows, shape=(len(rows), 1))
    average = np.full_like(rows, 1 / width, shape=(width, 1))
    for part in _blocks(rows):
        xh, y = np.subtract(rows[part], rows[part] @ average, out=x_hat[part]), out[part]
        var, rest = dot_along(xh, xh) * (1 / width) + eps, xh @ average
        if _matters(rest, var):
            xh -= rest
            var = dot_along(xh, xh) * (1 / width) + eps
        r[part] = _inverse_root(var)
        xh *= r[part]
        np.multiply(xh, w, out=y)
        if bias is not None:
            y += bias.reshape(width)
    return out.reshape(x.shape), _rows_back(x_hat, r, weight, bias, x.shape, centered=True)


@op
def divide_by_rms(x, weight, *, eps, width):
    r"""$y = w \odot x r$ with $r = 1/\sqrt{\langle x^2\rangle + \varepsilon}$, `width` entries at a time.

    $\bar x = r(w\bar y - \hat x\langle w\bar y\hat x\rangle)$ with $\hat x = xr$,
    $\bar w = \sum\bar y\hat x$ (Zhang and Sennrich 2019).

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    rows = x.reshape(-1, width)
    w = 1.0 if weight is None else weight.reshape(width)
    out, x_hat = np.empty_like(rows), np.empty_like(rows)
    r = np.empty_like(rows, shape=(len(rows), 1))
    for part in _blocks(rows):
        r[part] = _inverse_root(dot_along(rows[part], rows[part]) * (1 / width) + eps)
        np.multiply(rows[part], r[part], out=x_hat[part])
        np.multiply(x_hat[part], w, out=out[part])
    back = _rows_back(x_hat, r, weight, None, x.shape, centered=False)
    return out.reshape(x.shape), lambda g: back(g)[:2]


def _matters(rest: NDArray, var: NDArray) -> bool:
    """Whether what rounding left of a mean is seen beside the deviation: so it is in data far from zero."""
    return bool((rest * rest > (32 * np.finfo(var.dtype).eps) ** 2 * var).any())


def _inverse_root(x: NDArray) -> NDArray:
    return 1.0 / np.sqrt(x)  # x**-0.5 takes many times as long


def _blocks(rows: NDArray) -> list[slice]:
    """Slices of as many rows as fit the cache, so that one pass after another finds them there."""
    step = max(1, _BLOCK // max(1, rows.shape[1]))
    return [slice(i, i + step) for i in range(0, len(rows), step)]


def _rows_back(x_hat: NDArray, r: NDArray, weight: Any, bias: Any, shape: tuple, centered: bool) -> Callable:
    def gradient(g):
        width = x_hat.shape[1]
        g = g.reshape(-1, width)
        w = np.ones_like(g, shape=width) if weight is None else weight.reshape(width)
        average = (w * (1 / width))[:, None]
        dx = np.empty_like(x_hat)
        dw, db = np.zeros_like(g, shape=width), np.zeros_like(g, shape=width)
        for part in _blocks(x_hat):
            xh, gy, d = x_hat[part], g[part], dx[part]
            ones = np.ones_like(g, shape=len(xh))
            product = gy * xh
            dw += ones @ product
            if bias is not None:
                db += ones @ gy
            np.multiply(xh, product @ average, out=product)
            np.multiply(gy, w, out=d)
            d -= product
            if centered:
                d -= gy @ average
            d *= r[part]
        dw, db = (d if p is None else d.reshape(p.shape) for d, p in ((dw, weight), (db, bias)))
        return dx.reshape(shape), dw, db

    return gradient


@op
def standardize_channels(x, weight, bias, *, eps, groups=0, running=None, momentum=0.1):
    r"""Normalize $x$ (N, C, ...), where weight and bias are (C,) or None.

    Statistics are over batch and positions for each channel (groups=0), or for each sample over positions and the
    channels of each of `groups` groups. `running` is None or the pair of arrays (mean, variance) to be updated in
    place with weight `momentum`: $m \leftarrow (1 - \beta)m + \beta\mu$, the variance with $n - 1$ in its denominator.

    $\bar x = r(w\bar y - \langle w\bar y\rangle - \hat x\langle w\bar y\hat x\rangle)$,
    $\bar w = \sum\bar y\hat x$,  $\bar b = \sum\bar y$ (Ioffe and Szegedy 2015; Wu and He 2018).

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """
    N, C, *size = x.shape
    view = layout(x) if groups == 0 else Planes(x.shape)
    count = max((N if groups == 0 else C // groups) * math.prod(size), 1)  # not 0, of an empty batch
    w = np.ones_like(x, shape=C) if weight is None else weight
    x = view.flat(x)
    mean = _pooled(view.sums(x), groups) * (1 / count)  # (1, C) or (N, C)
    xc = x - view.spread(mean)
    var, rest = (_pooled(sums, groups) * (1 / count) for sums in (view.dots(xc, xc), view.sums(xc)))
    if _matters(rest, var + eps):
        mean = mean + rest
        xc -= view.spread(rest)
        var = _pooled(view.dots(xc, xc), groups) * (1 / count)
    r = _inverse_root(var + eps)
    if running is not None and x.size:
        _update(running, mean.mean(axis=0), var.mean(axis=0) * (count / (count - 1)), momentum)
    out = xc * view.spread(r * w)
    if bias is not None:
        out += view.spread(bias)

    def gradient(g):
        g = view.flat(g)
        sums, dots = view.sums(g), view.dots(g, xc)  # (1, C) or (N, C)
        dx = g * view.spread(r * w)
        dx -= xc * view.spread(r * r * r * _pooled(dots * w, groups) * (1 / count))
        dx -= view.spread(r * _pooled(sums * w, groups) * (1 / count))
        return view.unflat(dx), (dots * r).sum(axis=0), sums.sum(axis=0)

    return view.unflat(out), gradient


def _pooled(sums: NDArray, groups: int) -> NDArray:
    """Add up the (N, C) sums that share one statistic, and give the total to each of them: (1, C) or (N, C)."""
    N, C = sums.shape
    if groups == 0:
        return sums if N == 1 else np.ones_like(sums, shape=(1, N)) @ sums
    return np.repeat(sums.reshape(N, groups, C // groups).sum(axis=-1), C // groups, axis=1)


def _update(running: tuple[NDArray, NDArray], mean: NDArray, var: NDArray, momentum: float) -> None:
    for kept, new in zip(running, (mean, var), strict=True):
        if kept is not None:
            kept *= 1.0 - momentum
            kept += momentum * new


@op
def scale_channels(x, weight, bias, *, mean, var, eps):
    r"""$y = w\,(x - \mu)\,r + b$ with given statistics (C,), for $x$ (N, C, ...).

    $r = 1/\sqrt{\sigma^2 + \varepsilon}$;  $\bar x = wr\bar y$,
    $\bar w = \sum\bar y\,(x - \mu)\,r$,  $\bar b = \sum\bar y$.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """
    view = layout(x)
    mean, var = mean.astype(x.dtype, copy=False), var.astype(x.dtype, copy=False)
    r = _inverse_root(var + eps)
    scale = r if weight is None else r * weight
    x = view.flat(x)
    out = x * view.spread(scale)
    out += view.spread((0.0 if bias is None else bias) - mean * scale)

    def gradient(g):
        g = view.flat(g)
        sums, dots = view.sums(g).sum(axis=0), view.dots(g, x).sum(axis=0)
        return view.unflat(g * view.spread(scale)), (dots - mean * sums) * r, sums

    return view.unflat(out), gradient


def batch_norm(
    input: Any,
    running_mean: NDArray | None,
    running_var: NDArray | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Batch normalization of (N, C) or (N, C, ...), each channel over batch and positions (Ioffe and Szegedy 2015).

    In training the batch's own mean and variance are used, and `running_mean` and `running_var`, arrays (C,) or
    None, move towards them in place (the variance with n - 1 in its denominator); otherwise they are what is used.
    Raises ValueError where a channel has one value only in training.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """
    shape = _with_channels("batch_norm", input, weight, bias)
    if training:
        count = shape[0] * math.prod(shape[2:])
        if count < 2:
            raise ValueError(
                f"batch_norm in training needs 2 values or more in each channel but got {shape}: "
                "take a larger batch, or set training=False"
            )
        running = None if running_mean is None and running_var is None else (running_mean, running_var)
        return standardize_channels(input, weight, bias, eps=eps, running=running, momentum=momentum)
    if running_mean is None or running_var is None:
        raise ValueError("batch_norm with training=False needs running_mean and running_var but got None")
    return scale_channels(input, weight, bias, mean=running_mean, var=running_var, eps=eps)


def group_norm(
    input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalize (N, C, ...) within each sample and each of `num_groups` groups of channels (Wu and He 2018).

    Raises ValueError where the groups do not divide the channels.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """
    shape = _with_channels("group_norm", input, weight, bias)
    if num_groups < 1 or shape[1] % num_groups:
        raise ValueError(
            f"group_norm got {shape[1]} channels in {num_groups} groups: take a divisor of {shape[1]}"
        )
    return standardize_channels(input, weight, bias, eps=eps, groups=num_groups)


def instance_norm(
    input: Any,
    running_mean: NDArray | None = None,
    running_var: NDArray | None = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalize each channel of each sample of (N, C, ...) over its positions (Ulyanov et al. 2016).

    The running arrays and `use_input_stats` are those of `batch_norm`; what they follow is the mean over the samples.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """
    shape = _with_channels("instance_norm", input, weight, bias)
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, eps=eps)
    if math.prod(shape[2:]) < 2:
        raise ValueError(f"instance_norm needs 2 positions or more in each channel but got {shape}")
    running = None if running_mean is None and running_var is None else (running_mean, running_var)
    settings = {"eps": eps, "groups": shape[1], "running": running, "momentum": momentum}
    return standardize_channels(input, weight, bias, **settings)


def layer_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Tensor:
    """Normalize over the last axes, which have `normalized_shape`, as weight and bias do (Ba et al. 2016).

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """
    width = _check_trailing("layer_norm", input, normalized_shape, weight, bias)
    return standardize_rows(input, weight, bias, eps=eps, width=width)


def rms_norm(
    input: Any, normalized_shape: int | Sequence[int], weight: Any = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last axes (Zhang and Sennrich 2019).

    `eps` of None is the distance from 1 to the next number of the input's dtype, as in PyTorch.

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """
    width = _check_trailing("rms_norm", input, normalized_shape, weight)
    return divide_by_rms(input, weight, eps=eps, width=width)


def _with_channels(name: str, input: Any, weight: Any, bias: Any) -> tuple[int, ...]:
    shape = np.shape(input)
    if len(shape) < 2:
        raise ValueError(f"{name} expects input (N, C) or (N, C, ...) but got {shape}")
    for what, value in (("weight", weight), ("bias", bias)):
        if value is not None and np.shape(value) != shape[1:2]:
            raise ValueError(
                f"{name} expects a {what} ({shape[1]},) for input {shape} but got {np.shape(value)}"
            )
    return shape


def _check_trailing(name: str, input: Any, normalized_shape: int | Sequence[int], *parameters: Any) -> int:
    """The number of entries in `normalized_shape`, which the last axes of the input and all parameters have."""
    single = isinstance(normalized_shape, int | np.integer)
    axes, shape = (normalized_shape,) if single else tuple(normalized_shape), np.shape(input)
    if not axes or shape[-len(axes) :] != axes:
        raise ValueError(
            f"{name} expects input (..., {', '.join(map(str, axes))}) but got {shape}: "
            "it normalizes the last axes, whose sizes are normalized_shape"
        )
    for value in parameters:
        if value is not None and np.shape(value) != axes:
            raise ValueError(f"{name} expects parameters of shape {axes} but got {np.shape(value)}")
    return math.prod(axes)
