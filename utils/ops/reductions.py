r"""Sums and their kin. `axis` is None (all axes), a number or several; `keepdims` keeps the reduced axes as ones."""

import math

import numpy as np

from utils.tensor import op


def _axes(x: np.ndarray, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """The axes by their numbers from 0."""
    if axis is None:
        return tuple(range(x.ndim))
    return np.lib.array_utils.normalize_axis_tuple(axis, x.ndim, "axis")


def _count(x: np.ndarray, axes: tuple[int, ...]) -> int:
    return math.prod([x.shape[axis] for axis in axes])


def _with_axes(g: np.ndarray, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """With the reduced axes put back as ones, so that it meets the input of the reduction."""
    return g.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])


@op
def sum(x, *, axis=None, keepdims=False):
    r"""$z = \sum_i x_i$;  $\bar x_i = \bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    return x.sum(axis=axes, keepdims=keepdims), lambda g: np.broadcast_to(_with_axes(g, x, axes), x.shape)


@op
def mean(x, *, axis=None, keepdims=False):
    r"""$z = \frac1n \sum_i x_i$;  $\bar x_i = \bar z / n$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    z, n = x.mean(axis=axes, keepdims=keepdims), _count(x, axes)
    return z, lambda g: np.broadcast_to(_with_axes(g / n, x, axes), x.shape)


@op
def var(x, *, axis=None, correction=1, keepdims=False):
    r"""$z = \frac{1}{n-c} \sum_i (x_i - \mu)^2$;  $\bar x_i = \frac{2}{n-c} (x_i - \mu) \bar z$. As in PyTorch $c = 1$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    n = _count(x, axes) - correction
    if n <= 0:
        raise ValueError(
            f"var with correction={correction} needs more than {correction} entries but got {n + correction}"
        )
    centred = x - x.mean(axis=axes, keepdims=True)
    z = (centred * centred).sum(axis=axes, keepdims=keepdims) / n
    return z, lambda g: _with_axes(g * (2 / n), x, axes) * centred


@op
def max(x, *, axis=None, keepdims=False):
    r"""The largest entry. Where several are, each gets an equal share of the gradient (as torch.amax).

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    z = x.max(axis=axes, keepdims=keepdims)
    return z, lambda g: _shared(g, z, x, axes)


@op
def min(x, *, axis=None, keepdims=False):
    r"""The smallest entry. Where several are, each gets an equal share of the gradient (as torch.amin).

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    z = x.min(axis=axes, keepdims=keepdims)
    return z, lambda g: _shared(g, z, x, axes)


def _shared(g: np.ndarray, z: np.ndarray, x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    chosen = x == _with_axes(z, x, axes)
    return chosen * (_with_axes(g, x, axes) / chosen.sum(axis=axes, keepdims=True, dtype=x.dtype))


@op
def logsumexp(x, *, axis=None, keepdims=False):
    r"""$z = \ln \sum_i e^{x_i}$, without overflow;  $\bar x_i = \bar z e^{x_i - z}$, the softmax of $x$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    axes = _axes(x, axis)
    top = x.max(axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # all of a row may be -inf
    with np.errstate(divide="ignore"):
        z = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return z if keepdims else z.squeeze(axes), lambda g: _with_axes(g, x, axes) * np.exp(x - z)


@op
def prod(x, *, axis=None, keepdims=False):
    r"""$z = \prod_i x_i$;  $\bar x_i = \bar z \prod_{j \ne i} x_j$, which holds for zeros too. One axis, or all.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    axes = _axes(x, axis)
    z = x.prod(axis=axes, keepdims=keepdims)
    return (
        z,
        lambda g: (
            _with_axes(g, x, axes)
            * (_others(x.reshape(-1), 0).reshape(x.shape) if axis is None else _others(x, axis))
        ),
    )


def _others(x: np.ndarray, axis: int) -> np.ndarray:
    """For each entry the product of all others along an axis: of those before it and of those after it."""
    x = np.moveaxis(x, axis, -1)
    one = np.ones_like(x[..., :1])
    before = np.cumprod(np.concatenate([one, x[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, x[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return np.moveaxis(before * after, -1, axis)


@op
def cumsum(x, *, axis):
    r"""$z_i = \sum_{j \le i} x_j$ along an axis;  $\bar x_j = \sum_{i \ge j} \bar z_i$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return x.cumsum(axis=axis), lambda g: np.flip(np.flip(g, axis).cumsum(axis=axis), axis)
