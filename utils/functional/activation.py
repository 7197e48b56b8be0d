r"""Activation functions and the softmax: each one fused op, forward and backward.

Settings that are numbers may be given by position, as in PyTorch: `leaky_relu(x, 0.1)`, `softmax(x, 1)`.

Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from utils.backend import array_module
from utils.ops import relu, sigmoid, tanh
from utils.tensor import op

__all__ = [
    "elu",
    "gelu",
    "glu",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]

_SAFE = 30.0  # exp(+-30), and sums of such numbers, are far from the limits of float32
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805
_GELU_SLOPE, _GELU_CUBE = math.sqrt(2 / math.pi), 0.044715


def _step(x: NDArray) -> NDArray:
    return (x > 0).astype(x.dtype)


def logistic(x: NDArray) -> NDArray:
    r"""$\sigma(x) = 1/(1 + e^{-x})$ of a plain array; small values keep their digits.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    s = np.negative(x, out=np.empty_like(x))
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is the right 0
        np.exp(s, out=s)
    s += 1.0
    return np.divide(1.0, s, out=s)


@op
def leaky_relu(x, negative_slope: float = 0.01):
    r"""$y = x$ where $x > 0$, else $ax$;  $\bar x = \bar y$ where $x > 0$, else $a\bar y$ (Maas et al. 2013).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    slope = _step(x)
    slope *= 1.0 - negative_slope
    slope += negative_slope
    return x * slope, lambda g: g * slope


@op
def elu(x, alpha: float = 1.0):
    r"""$y = x$ where $x > 0$, else $\alpha(e^x - 1)$;  $\bar x = \bar y \odot (1$ or $\alpha e^x)$ (Clevert 2016).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    return _elu(x, alpha, 1.0)


@op
def selu(x):
    r"""$y = \lambda\,\mathrm{elu}(x; \alpha)$ with the $\lambda, \alpha$ that keep mean 0 and variance 1.

    $\bar x = \lambda\bar y \odot (1$ or $\alpha e^x)$ (Klambauer et al. 2017).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    return _elu(x, _SELU_ALPHA, _SELU_SCALE)


def _elu(x: NDArray, alpha: float, scale: float) -> tuple:
    below = np.expm1(np.minimum(x, 0.0))
    below *= alpha * scale

    def gradient(g):
        slope = np.minimum(x, 0.0, out=np.empty_like(x))
        np.exp(slope, out=slope)  # expm1 + 1 would lose the digits of small values
        slope *= alpha * scale
        if alpha != 1.0:
            slope += _step(x) * (scale - alpha * scale)
        slope *= g
        return slope

    return np.maximum(x, 0.0) * scale + below, gradient


@op
def gelu(x, *, approximate: str = "none"):
    r"""$y = x\,\Phi(x)$, with $\Phi$ the normal distribution function (Hendrycks and Gimpel 2016).

    $\bar x = \bar y \odot (\Phi(x) + x\,\varphi(x))$. With approximate="tanh", as in GPT-2,
    $\Phi(x) \approx \tfrac12\bigl(1 + \tanh u\bigr)$, $u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)$, and
    $\bar x = \bar y \odot \tfrac12\bigl(1 + \tanh u + x\,(1 - \tanh^2 u)\,u'\bigr)$.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu got approximate={approximate!r}: expected 'none' or 'tanh'")
    return _gelu_tanh(x) if approximate == "tanh" else _gelu(x)


def erf(x: NDArray) -> NDArray:
    """The error function: SciPy's in float64; in float32 Hastings' formula, within 5e-7 and many times as fast.

    Abramowitz and Stegun 1964, 7.1.26.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    if x.dtype != np.float32:
        return special.erf(x)
    size = np.abs(x, out=np.empty_like(x))
    t = 1.0 / (1.0 + 0.3275911 * size)
    out = 1.061405429 * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        out += coefficient
        out *= t
    size *= -size
    out *= np.exp(size, out=size)
    return np.copysign(1.0 - out, x)


def _gelu(x: NDArray) -> tuple:
    cdf = erf(x * math.sqrt(0.5))
    cdf += 1.0
    cdf *= 0.5

    def gradient(g):
        slope = np.multiply(x, x, out=np.empty_like(x))
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= 1 / math.sqrt(2 * math.pi)
        slope *= x
        slope += cdf
        slope *= g
        return slope

    return x * cdf, gradient


def _gelu_tanh(x: NDArray) -> tuple:
    t = np.multiply(x, x, out=np.empty_like(x))
    t *= _GELU_SLOPE * _GELU_CUBE
    t += _GELU_SLOPE
    t *= x
    np.tanh(t, out=t)
    out = t + 1.0
    out *= x
    out *= 0.5

    def gradient(g):
        du = x * x
        du *= 3 * _GELU_SLOPE * _GELU_CUBE
        du += _GELU_SLOPE
        du *= x  # x u'
        slope = 1.0 - t * t
        slope *= du
        slope += t
        slope += 1.0
        slope *= 0.5
        slope *= g
        return slope

    return out, gradient


@op
def silu(x):
    r"""$y = x\,\sigma(x)$, also called swish;  $\bar x = \bar y \odot \bigl(s + y(1 - s)\bigr)$, $s = \sigma(x)$.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    s = logistic(x)
    out = x * s

    def gradient(g):
        slope = 1.0 - s
        slope *= out
        slope += s
        slope *= g
        return slope

    return out, gradient


@op
def softplus(x, beta: float = 1.0, threshold: float = 20.0):
    r"""$y = \tfrac1\beta\log(1 + e^{\beta x})$;  $\bar x = \bar y \odot \sigma(\beta x)$ (Dugas et al. 2001).

    Where $\beta x$ exceeds `threshold`, $y = x$, as in PyTorch. Nothing overflows below it either.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    out = np.log1p(np.exp(-beta * np.abs(x)))
    out *= beta * x <= threshold
    out *= 1 / beta
    out += np.maximum(x, 0.0)
    return out, lambda g: g * np.maximum(logistic(beta * x), beta * x > threshold)


@op
def hardtanh(x, min_val: float = -1.0, max_val: float = 1.0):
    r"""$y = \min(\max(x, a), b)$;  $\bar x = \bar y$ where $a < x < b$, else 0.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    return np.clip(x, min_val, max_val), lambda g: g * ((x > min_val) & (x < max_val))


@op
def glu(x, dim: int = -1):
    r"""$y = a \odot \sigma(b)$ for the halves $a, b$ of $x$ along `dim` (Dauphin et al. 2017).

    $\bar a = \bar y \odot s$,  $\bar b = \bar y \odot a \odot s(1 - s)$ with $s = \sigma(b)$.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    if x.shape[dim] % 2:
        raise ValueError(f"glu halves an axis of even length but axis {dim} of {x.shape} has {x.shape[dim]}")
    a, b = np.split(x, 2, axis=dim)
    s = logistic(b)
    return a * s, lambda g: np.concatenate([g * s, g * (a * s * (1.0 - s))], axis=dim)


def exponentials(x: NDArray, dim: int = -1) -> tuple[NDArray, NDArray | float]:
    """exp(x - shift) and the shift: 0 where no entry is large, else the maxima along `dim`.

    Rows that are -inf throughout give zeros. The maxima of many short rows cost more than all else in a softmax.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if x.size == 0 or (x.max() < _SAFE and x.min() > -_SAFE):
        return np.exp(x), 0.0
    shift = x.max(axis=dim, keepdims=True)
    shift[shift == -np.inf] = 0.0  # -inf - (-inf) would be NaN
    e = x - shift
    return np.exp(e, out=e), shift


def shifted(x: NDArray, shift: NDArray | float) -> NDArray:
    """`x - shift`, which of large numbers keeps the digits that adding the shift to a logarithm would lose.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    return x if isinstance(shift, float) else x - shift  # the 0.0 of `exponentials`


def sum_along(x: NDArray, dim: int = -1) -> NDArray:
    """`x.sum(axis=dim, keepdims=True)`; along the last axis by a product with ones, which is several times as fast.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if dim not in (-1, x.ndim - 1):
        return x.sum(axis=dim, keepdims=True)
    width = x.shape[-1]
    return (x.reshape(-1, width) @ np.ones_like(x, shape=width)).reshape(*x.shape[:-1], 1)


def dot_along(x: NDArray, y: NDArray, dim: int = -1) -> NDArray:
    """`(x * y).sum(axis=dim, keepdims=True)`; along the last axis without the product as an array, on the CPU.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    if dim in (-1, x.ndim - 1) and array_module(x) is np:
        return np.vecdot(x, y)[..., None]
    return sum_along(x * y, dim)


@op
def softmax(x, dim: int = -1):
    r"""$p_i = e^{x_i} / \sum_j e^{x_j}$ along `dim`;  $\bar x = p \odot (\bar p - \sum_j \bar p_j p_j)$ (Bridle 1990).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    p, _ = exponentials(x, dim)
    p *= 1.0 / sum_along(p, dim)

    def gradient(g):
        dx = g - dot_along(g, p, dim)
        dx *= p
        return dx

    return p, gradient


@op
def log_softmax(x, dim: int = -1):
    r"""$y_i = x_i - \log\sum_j e^{x_j}$ along `dim`;  $\bar x_i = \bar y_i - e^{y_i} \sum_j \bar y_j$.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    e, shift = exponentials(x, dim)
    out = shifted(x, shift) - np.log(sum_along(e, dim))

    def gradient(g):
        dx = np.exp(out)
        dx *= -sum_along(g, dim)
        dx += g
        return dx

    return out, gradient
