r"""Entry by entry, and products of matrices. $\bar x$ is the gradient of the loss with respect to $x$."""

from collections.abc import Callable
from typing import Any

import numpy as np

from utils.backend import as_array, placed
from utils.tensor import Tensor, op


def _same(g: np.ndarray) -> np.ndarray:
    return g


@op
def add(x, y):
    r"""$z = x + y$;  $\bar x = \bar z$,  $\bar y = \bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return x + y, (_same, _same)


@op
def sub(x, y):
    r"""$z = x - y$;  $\bar x = \bar z$,  $\bar y = -\bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return x - y, (_same, np.negative)


@op
def mul(x, y):
    r"""$z = x \odot y$;  $\bar x = \bar z \odot y$,  $\bar y = \bar z \odot x$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return x * y, (lambda g: g * y, lambda g: g * x)


@op
def div(x, y):
    r"""$z = x / y$;  $\bar x = \bar z / y$,  $\bar y = -\bar z \odot z / y$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    z = x / y
    return z, (lambda g: g / y, lambda g: -g * z / y)


@op
def neg(x):
    r"""$z = -x$;  $\bar x = -\bar z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return -x, np.negative


@op
def pow(x, *, exponent):
    r"""$z = x^n$ for a number $n$;  $\bar x = n x^{n-1} \bar z$. Whole powers are products, which is far faster.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    n = _number(exponent)
    return _power(x, n), lambda g: g * (n * _power(x, n - 1)) if n else np.zeros_like(x)


def _number(exponent: Any) -> int | float:
    if isinstance(exponent, Tensor) or np.ndim(exponent):
        raise TypeError("the exponent must be a number; for an exponent per entry write (y * x.log()).exp()")
    n = float(exponent)
    return int(n) if n.is_integer() else n


def _power(x: np.ndarray, n: int | float) -> np.ndarray:
    """By repeated squaring where n is whole: NumPy takes 270 times as long for x**3 in float32 as for x * x * x."""
    if isinstance(n, float):
        return np.sqrt(x) if n == 0.5 else x**n
    if n < 0:
        return 1 / _power(x, -n)
    if n < 2:
        return x * 1 if n else np.ones_like(x)
    half = _power(x, n // 2) if n > 3 else x
    return half * half * x if n % 2 else half * half


@op
def exp(x):
    r"""$z = e^x$;  $\bar x = \bar z \odot z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    z = np.exp(x)
    return z, lambda g: g * z


@op
def log(x):
    r"""$z = \ln x$;  $\bar x = \bar z / x$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return np.log(x), lambda g: g / x


@op
def sqrt(x):
    r"""$z = \sqrt x$;  $\bar x = \bar z / 2z$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    z = np.sqrt(x)
    return z, lambda g: g / (z + z)


@op
def tanh(x):
    r"""$z = \tanh x$;  $\bar x = \bar z \odot (1 - z^2)$.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    z = np.tanh(x)
    return z, lambda g: g * (1 - z * z)


@op
def sigmoid(x):
    r"""$z = \sigma(x) = 1 / (1 + e^{-x})$;  $\bar x = \bar z \odot z (1 - z)$.

    Only $e^{-|x|}$ is computed, so nothing overflows, and small values keep their digits.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    e = np.exp(-np.abs(x))  # sigma(|x|) = 1 / (1 + e), sigma(-|x|) = e / (1 + e)
    z = np.maximum(e, x >= 0)
    z /= 1 + e
    return z, lambda g: g * (z * (1 - z))


@op
def relu(x):
    r"""$z = \max(x, 0)$;  $\bar x = \bar z \odot [x > 0]$.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """
    z = np.maximum(x, 0)
    return z, lambda g: g * (z > 0)


@op
def abs(x):
    r"""$z = |x|$;  $\bar x = \bar z \odot \mathrm{sign}(x)$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return np.abs(x), lambda g: g * np.sign(x)


@op
def maximum(x, y):
    r"""$z = \max(x, y)$;  the gradient goes to the larger, and half to each where they are equal.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return np.maximum(x, y), (lambda g: _to_greater(g, x, y), lambda g: _to_greater(g, y, x))


@op
def minimum(x, y):
    r"""$z = \min(x, y)$;  the gradient goes to the smaller, and half to each where they are equal.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return np.minimum(x, y), (lambda g: _to_greater(g, y, x), lambda g: _to_greater(g, x, y))


def _to_greater(g: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return g * (x > y) * 0.5 + g * (x >= y) * 0.5


@op
def clip(x, *, min=None, max=None):
    r"""$z = \min(\max(x, a), b)$;  $\bar x = \bar z \odot [a \le x \le b]$. A bound may be None.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if min is None and max is None:
        raise ValueError("clip needs min, max or both")
    z = np.clip(x, min, max)
    return z, lambda g: g * (x == z)


def where(condition: Any, x: Any, y: Any) -> Tensor:
    r"""$z = x$ where the condition (an array of truth values) holds and $y$ elsewhere.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    if isinstance(condition, Tensor) or (condition := as_array(condition)).dtype != bool:
        raise TypeError("the condition must be an array of truth values, such as x.data > 0")
    return select(x, y, condition=condition)


@op
def select(x, y, *, condition):
    r"""The op behind `where`: $z = c ? x : y$;  $\bar x = \bar z \odot [c]$,  $\bar y = \bar z \odot [\neg c]$.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    condition = placed(condition, x)
    return np.where(condition, x, y), (lambda g: g * condition, lambda g: g * ~condition)


@op
def matmul(x, y):
    r"""$Z = XY$;  $\bar X = \bar Z Y^\top$,  $\bar Y = X^\top \bar Z$. Vectors and stacks of matrices as in NumPy.

    A stack times one matrix, (..., K) @ (K, N), is a single product of matrices.

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """
    _check_inner(x, y)
    if y.ndim > 2:
        return _stack_product(x, y)
    k = x.shape[-1]
    a, b = (x if x.ndim == 2 else x.reshape(x.size // max(k, 1), k)), (y if y.ndim == 2 else y[:, None])
    z = a @ b
    flat = z.shape
    return z.reshape(x.shape[:-1] + y.shape[1:]), (
        lambda g: (g.reshape(flat) @ b.T).reshape(x.shape),
        lambda g: (a.T @ g.reshape(flat)).reshape(y.shape),
    )


def _stack_product(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, tuple[Callable, Callable]]:
    if x.ndim > 1:
        return x @ y, (lambda g: g @ y.swapaxes(-1, -2), lambda g: x.swapaxes(-1, -2) @ g)
    return x @ y, (
        lambda g: (y @ g[..., None])[..., 0],
        lambda g: x[:, None] * g[..., None, :],
    )


def _check_inner(x: Any, y: Any) -> None:
    if not np.ndim(x) or not np.ndim(y):
        raise ValueError(
            f"matmul needs arrays but got shapes {np.shape(x)} and {np.shape(y)}: use * for numbers"
        )
    inner = y.shape[-2] if y.ndim > 1 else y.shape[0]
    if x.shape[-1] != inner:
        raise ValueError(
            f"matmul cannot multiply {x.shape} by {y.shape}: the last axis of the first has {x.shape[-1]} entries, "
            f"the axis of the second that it meets has {inner}; transpose one of them?"
        )


def einsum(subscripts: str, *operands: Any) -> Tensor:
    r"""Sums of products by their indices, `einsum("bik,bkj->bij", x, y)`, as in NumPy and PyTorch.

    The gradient of an operand is the product of $\bar z$ and the other operands with its subscripts as the result's.
    Raises ValueError where one operand has a subscript twice (a diagonal).

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    return contract(*operands, subscripts=subscripts)


@op
def contract(*operands, subscripts):
    r"""The op behind `einsum`.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    terms, result = _terms(subscripts, operands)

    def gradient(i: int) -> Callable:
        others, arrays = [*terms[:i], *terms[i + 1 :]], [*operands[:i], *operands[i + 1 :]]
        return lambda g: _summed_back([result, *others], [g, *arrays], terms[i], operands[i].shape)

    try:
        z = np.einsum(f"{','.join(terms)}->{result}", *operands, optimize=True)
    except ValueError as error:
        shapes = ", ".join([str(x.shape) for x in operands])
        raise ValueError(
            f"einsum {subscripts!r} does not fit shapes {shapes}: each subscript is one axis, and of one length"
        ) from error
    return z.copy() if z.base is not None else z, tuple([gradient(i) for i in range(len(operands))])


def _summed_back(terms: list[str], arrays: list[np.ndarray], own: str, shape: tuple[int, ...]) -> np.ndarray:
    """The product over all but one operand, by that operand's subscripts; one that it alone has was summed over."""
    known = "".join([c for c in own if any(c in term for term in terms)])
    dx = np.einsum(f"{','.join(terms)}->{known}", *arrays, optimize=True)
    if known == own:
        return dx.copy() if any(dx is array for array in arrays[1:]) else dx
    sizes = iter(dx.shape)
    dx = dx.reshape([next(sizes) if c in known else 1 for c in own])
    return np.broadcast_to(dx, np.broadcast_shapes(dx.shape, shape))


def _terms(subscripts: str, operands: tuple) -> tuple[list[str], str]:
    """The subscripts of each operand and of the result, with letters for every "..."."""
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(
            f"einsum got {len(operands)} operands for {subscripts!r}, which has subscripts for {len(terms)}"
        )
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" if c not in subscripts]
    extra = [
        x.ndim - len(term.replace("...", "")) if "..." in term else 0
        for term, x in zip(terms, operands, strict=True)
    ]
    dots = free[: max([0, *extra])]
    terms = [
        term.replace("...", "".join(dots[len(dots) - n :])) for term, n in zip(terms, extra, strict=True)
    ]
    for term in terms:
        if len(set(term)) < len(term):
            raise ValueError(
                f"einsum {subscripts!r} has a subscript twice in one operand: take the diagonal by x[i, i] first"
            )
    if not arrow:
        letters = "".join(terms)
        result = "..." + "".join(sorted([c for c in set(letters) - set(dots) if letters.count(c) == 1]))
    return terms, result.replace("...", "".join(dots))
