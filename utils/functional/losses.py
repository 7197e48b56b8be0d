r"""Loss functions, each fused with its gradient. `reduction` is "mean", "sum" or "none", as in PyTorch.

Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utils.backend import as_array
from utils.functional._classes import (
    as_rows,
    check_weight,
    class_indices,
    constant,
    counted_rows,
    from_rows,
    picked,
)
from utils.functional.activation import exponentials, logistic, shifted, sum_along
from utils.tensor import Tensor, op


def _reduced(losses: NDArray, reduction: str, count: float | None = None) -> tuple[Any, float]:
    """The result, and the factor by which `reduction` multiplies each loss (and so its gradient)."""
    if reduction == "none":
        return losses, 1.0
    if reduction == "sum":
        return losses.sum(), 1.0
    if reduction != "mean":
        raise ValueError(f"reduction={reduction!r}: expected 'mean', 'sum' or 'none'")
    count = losses.size if count is None else count
    scale = 1.0 / count if count else float("nan")  # the mean of nothing
    return losses.sum() * scale, scale


def _check_same_shape(name: str, x: NDArray, y: Any) -> None:
    if np.shape(y) != x.shape:
        hint = " with target.reshape(-1, 1)" if np.shape(y) == x.shape[:-1] and x.shape[-1:] == (1,) else ""
        raise ValueError(
            f"{name} expects input and target of one shape but got {x.shape} and {np.shape(y)}: reshape one{hint}"
        )


def _of_difference(
    name: str, x: NDArray, y: NDArray, reduction: str, loss: Callable, slope: Callable
) -> tuple:
    """Losses that depend on d = x - y alone."""
    _check_same_shape(name, x, y)
    d = x - y
    out, scale = _reduced(loss(d), reduction)

    def gradient(g):
        dx = slope(d) * (g * scale)
        return dx, -dx

    return out, gradient


@op
def mse_loss(x, y, *, reduction="mean"):
    r"""$l = (x - y)^2$;  $\bar x = 2\,\bar l\,(x - y) = -\bar y$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    return _of_difference("mse_loss", x, y, reduction, lambda d: d * d, lambda d: 2.0 * d)


@op
def l1_loss(x, y, *, reduction="mean"):
    r"""$l = |x - y|$;  $\bar x = \bar l\,\mathrm{sign}(x - y) = -\bar y$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    return _of_difference("l1_loss", x, y, reduction, np.abs, np.sign)


@op
def huber_loss(x, y, *, reduction="mean", delta=1.0):
    r"""$l = \tfrac12 d^2$ where $|d| \le \delta$, else $\delta(|d| - \tfrac12\delta)$, with $d = x - y$ (Huber 1964).

    $\bar x = \bar l\,\min(\max(d, -\delta), \delta) = -\bar y$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if delta <= 0:
        raise ValueError(f"huber_loss got delta={delta}: it must be positive")
    return _of_difference("huber_loss", x, y, reduction, *_huber(delta))


@op
def smooth_l1_loss(x, y, *, reduction="mean", beta=1.0):
    r"""$l = d^2 / 2\beta$ where $|d| < \beta$, else $|d| - \tfrac12\beta$, with $d = x - y$ (Girshick 2015).

    $\bar x = \bar l\,\min(\max(d/\beta, -1), 1) = -\bar y$. beta=0 is `l1_loss`.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss got beta={beta}: it must be 0 or more")
    if beta == 0:
        return _of_difference("smooth_l1_loss", x, y, reduction, np.abs, np.sign)
    loss, slope = _huber(beta)
    return _of_difference(
        "smooth_l1_loss", x, y, reduction, lambda d: loss(d) * (1 / beta), lambda d: slope(d) * (1 / beta)
    )


def _huber(delta: float) -> tuple[Callable, Callable]:
    def loss(d):
        inner = np.minimum(np.abs(d), delta)
        return inner * (np.abs(d) - 0.5 * inner)

    return loss, lambda d: np.clip(d, -delta, delta)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    r"""$l = -w\,[\,p\,y\log\sigma(x) + (1 - y)\log(1 - \sigma(x))\,]$ for logits x and targets y of one shape.

    `weight` $w$ and `pos_weight` $p$ broadcast to that shape and are not differentiated.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    for name, value in (("weight", weight), ("pos_weight", pos_weight)):
        if value is not None:
            _check_fits(name, np.shape(value), np.shape(input))
    return logistic_loss(input, target, weight=weight, pos_weight=pos_weight, reduction=reduction)


def _check_fits(name: str, given: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if len(given) > len(shape) or any(
        n not in (1, m) for n, m in zip(given[::-1], shape[::-1], strict=False)
    ):
        raise ValueError(
            f"binary_cross_entropy_with_logits got a {name} {given} that does not broadcast to the input {shape}: "
            f"give one number, or one for each of its last axis, {shape[-1:]}"
        )


@op
def logistic_loss(x, y, *, weight=None, pos_weight=None, reduction="mean"):
    r"""$l = w\,[(1 - y)\,x + q\,\mathrm{softplus}(-x)]$ with $q = 1 + (p - 1)y$: nothing overflows.

    $\bar x = \bar l w\,(q\,\sigma(x) - p y)$,  $\bar y = \bar l w\,((p - 1)\,\mathrm{softplus}(-x) - x)$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    _check_same_shape("binary_cross_entropy_with_logits", x, y)
    w = 1.0 if weight is None else constant(weight, x)
    excess = 0.0 if pos_weight is None else constant(pos_weight, x) - 1.0
    q = 1.0 + excess * y
    softplus = np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0.0)
    out, scale = _reduced(w * ((1.0 - y) * x + q * softplus), reduction)

    def gradient(g):
        slope = w * (g * scale)
        return slope * (q * logistic(x) - (1.0 + excess) * y), slope * (excess * softplus - x)

    return out, gradient


@op
def kl_div(x, y, *, reduction="mean", log_target=False):
    r"""$l = y\,(\log y - x)$ for log-probabilities $x$ and probabilities $y$, or their logarithms with `log_target`.

    $\bar x = -\bar l y$,  $\bar y = \bar l\,(\log y + 1 - x)$. "batchmean" divides the sum by the length of axis 0,
    which makes it the divergence of Kullback and Leibler (1951); "mean" divides by the number of entries.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    _check_same_shape("kl_div", x, y)
    p = np.exp(y) if log_target else y
    log_p = y if log_target else np.log(p + (p == 0))  # 0 log 0 is 0
    losses = p * (log_p - x)
    batchmean = reduction == "batchmean"
    out, scale = _reduced(
        losses, "mean" if batchmean else reduction, len(x) if batchmean and x.ndim else None
    )

    def gradient(g):
        slope = g * scale
        return p * -slope, (losses + p if log_target else (log_p + 1.0 - x) * (p > 0)) * slope

    return out, gradient


def multi_margin_loss(
    input: Any,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    reduction: str = "mean",
) -> Tensor:
    r"""$l = \tfrac1K\sum_{k \ne c} \max(0, m - x_c + x_k)^p$ for scores (N, K) and classes $c$ (N,), weighted by class.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    x = np.shape(input)
    if len(x) != 2:
        raise ValueError(f"multi_margin_loss expects scores (N, K) but got {x}")
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss got p={p}: expected 1 or 2")
    check_weight("multi_margin_loss", weight, x)
    target = class_indices("multi_margin_loss", target, x, ignore_index=None)
    return margin_loss(input, target=target, p=p, margin=margin, weight=weight, reduction=reduction)


@op
def margin_loss(x, *, target, p=1, margin=1.0, weight=None, reduction="mean"):
    r"""$l = \tfrac{w_c}{K}\sum_{k \ne c} h_k^p$, $h_k = \max(0, m - x_c + x_k)$.

    $\bar x_k = \bar l\,\tfrac{w_c}{K}\,p\,h_k^{p-1}[h_k > 0]$ for $k \ne c$,  $\bar x_c = -\sum_{k \ne c} \bar x_k$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    rows, n_classes, target = np.arange(len(x), like=x), x.shape[1], np.asarray(target, like=x)
    h = np.maximum(x - x[rows, target][:, None] + margin, 0.0)
    h[rows, target] = 0.0
    w = (np.ones_like(x, shape=len(x)) if weight is None else constant(weight, x)[target]) * (1 / n_classes)
    out, scale = _reduced(w * (h if p == 1 else h * h).sum(axis=1), reduction)

    def gradient(g):
        dx = (h > 0) * (w * (g * scale))[:, None] if p == 1 else h * (2.0 * w * (g * scale))[:, None]
        dx[rows, target] = -dx.sum(axis=1)
        return dx

    return out, gradient


def nll_loss(
    input: Any, target: ArrayLike, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    r"""$l = -w_c\,x_c$ for log-probabilities (N, K) or (N, K, ...) and classes $c$ (N,) or (N, ...).

    Targets equal to `ignore_index` do not count; "mean" divides by the sum of the weights $w_c$ of those that do.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    target = class_indices("nll_loss", target, np.shape(input), ignore_index)
    check_weight("nll_loss", weight, np.shape(input))
    return picked_loss(input, target=target, weight=weight, ignore_index=ignore_index, reduction=reduction)


@op
def picked_loss(x, *, target, weight=None, ignore_index=-100, reduction="mean"):
    r"""$l = -w_c x_c$;  $\bar x_k = -\bar l\,w_c\,[k = c]$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    rows = counted_rows(x, target, ignore_index)
    i, c, w = picked(target, weight, ignore_index, x)
    out, scale = _reduced((-w * rows[i, c]).reshape(target.shape), reduction, float(w.sum()))

    def gradient(g):
        dx = np.zeros_like(rows)
        dx[i, c] = -w * (g * scale).reshape(-1)
        return from_rows(dx, x.shape)

    return out, gradient


def cross_entropy(
    input: Any,
    target: ArrayLike,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""$l = -\sum_k w_k t_k \log\mathrm{softmax}(x)_k$ for scores (N, K) or (N, K, ...).

    The targets are classes (N,) or (N, ...), or probabilities of the shape of the scores, and $t$ is those mixed with
    $1/K$ in the proportion `label_smoothing` (Szegedy et al. 2016). `ignore_index` and "mean" as in `nll_loss`;
    with probabilities "mean" divides by the number of rows.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if not 0.0 <= label_smoothing <= 1.0:
        raise ValueError(f"label_smoothing={label_smoothing}: expected 0 to 1")
    shape, target = np.shape(input), target.data if isinstance(target, Tensor) else as_array(target)
    settings = {"weight": weight, "reduction": reduction, "label_smoothing": label_smoothing}
    if shape:
        check_weight("cross_entropy", weight, shape)
    if target.shape == shape and target.dtype.kind == "f":
        return soft_cross_entropy(input, target=target, **settings)
    target = class_indices("cross_entropy", target, shape, ignore_index)
    if label_smoothing == 0.0:
        del settings["label_smoothing"]
        return hard_cross_entropy(input, target=target, ignore_index=ignore_index, **settings)
    return soft_cross_entropy(input, target=target, ignore_index=ignore_index, **settings)


@op
def hard_cross_entropy(x, *, target, weight=None, ignore_index=-100, reduction="mean"):
    r"""$l = w_c\,(\log\sum_k e^{x_k} - x_c)$;  $\bar x_k = \bar l\,w_c\,(\mathrm{softmax}(x)_k - [k = c])$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    rows = counted_rows(x, target, ignore_index)
    i, c, w = picked(target, weight, ignore_index, x)
    e, shift = exponentials(rows)
    total = sum_along(e)
    losses = (np.log(total) - (rows[i, c][:, None] - shift))[:, 0]
    out, scale = _reduced((w * losses).reshape(target.shape), reduction, float(w.sum()))

    def gradient(g):
        slope = w * (g * scale).reshape(-1)
        dx = e * (slope[:, None] / total)
        dx[i, c] -= slope
        return from_rows(dx, x.shape)

    return out, gradient


@op
def soft_cross_entropy(x, *, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    r"""$l = \sum_k q_k\,(\log\sum_j e^{x_j} - x_k)$ with $q_k = w_k t_k$.

    $\bar x = \bar l\,(\mathrm{softmax}(x)\sum_k q_k - q)$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    shape = x.shape[:1] + x.shape[2:] if x.ndim > 1 else ()
    rows = as_rows(x) if target.dtype.kind == "f" else counted_rows(x, target, ignore_index)
    q, count = _smoothed(target, weight, ignore_index, label_smoothing, x)
    e, shift = exponentials(rows)
    total, mass = sum_along(e), sum_along(q)
    losses = mass * np.log(total) - sum_along(q * shifted(rows, shift))
    out, scale = _reduced(losses.reshape(shape), reduction, count)

    def gradient(g):
        dx = e * (mass / total)
        dx -= q
        dx *= (g * scale).reshape(-1, 1)
        return from_rows(dx, x.shape)

    return out, gradient


def _smoothed(
    target: NDArray, weight: Any, ignore_index: int, smoothing: float, x: NDArray
) -> tuple[NDArray, float]:
    """The weighted targets (rows, K), and what "mean" divides by."""
    target = np.asarray(target, like=x)
    if target.dtype.kind == "f":
        q, valid = as_rows(target.astype(x.dtype)) * (1.0 - smoothing), 1.0
        count = float(len(q))
    else:
        i, c, w = picked(target, weight, ignore_index, x)
        q = np.zeros_like(x, shape=as_rows(x).shape)
        q[i, c] = 1.0 - smoothing
        valid, count = (target != ignore_index).reshape(-1, 1), float(w.sum())
    q += smoothing / q.shape[1]
    q *= valid
    return q if weight is None else q * constant(weight, x), count
