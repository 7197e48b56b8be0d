"""Numeric gradients and checks on plain arrays: the ruler by which every derivation is measured."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray


def relative_error(actual: ArrayLike, expected: ArrayLike) -> float:
    """Largest difference between two arrays, in units of the largest magnitude in either.

    0.0 for two zero arrays, NaN where either holds NaN or infinity.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    actual, expected = _numbers(actual), _numbers(expected)
    scale = float(np.maximum(np.abs(actual), np.abs(expected)).max(initial=0.0))
    return float(_distance(actual, expected).max(initial=0.0)) / scale if scale != 0 else 0.0


def _numbers(values: ArrayLike) -> NDArray:
    """As an array in which differences are true: unsigned integers would wrap around, truth values refuse."""
    values = np.asarray(values)
    return values.astype(np.float64) if values.dtype.kind in "bui" else values


def _distance(actual: NDArray, expected: NDArray) -> NDArray:
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, which no check lets pass
        return np.abs(actual - expected)


def check_close(
    actual: ArrayLike, expected: ArrayLike, *, rtol: float = 1e-7, atol: float = 0.0, name: str = "result"
) -> None:
    """Assert that two arrays have one shape and that |actual - expected| <= atol + rtol * |expected|.

    Raises AssertionError with the worst entry: where, what was found, what was expected. NaN never passes.

    Notebook: 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb
    """
    actual, expected = _numbers(actual), _numbers(expected)
    if actual.shape != expected.shape:
        raise AssertionError(f"{name} has shape {actual.shape}, expected {expected.shape}")
    difference = _distance(actual, expected)
    with np.errstate(invalid="ignore"):  # 0 * inf
        close = np.isfinite(difference) & (difference <= atol + rtol * np.abs(expected))
    bad = ~(close | (actual == expected))
    if bad.any():
        raise AssertionError(_worst(name, actual, expected, difference, bad, rtol, atol))


def _worst(name, actual, expected, difference, bad, rtol, atol) -> str:
    excess = np.where(bad, np.nan_to_num(difference, nan=np.inf), -1.0)
    where = np.unravel_index(np.argmax(excess), excess.shape)
    at = f"[{', '.join(map(str, where))}]" if where else ""
    return (
        f"{name}{at} = {actual[where]:.10g}, expected {expected[where]:.10g} "
        f"({bad.sum()} of {bad.size} entries differ by more than atol {atol:g} + rtol {rtol:g})"
    )


def numeric_gradient(
    f: Callable[[NDArray], float], x: ArrayLike, eps: float = 6e-6, method: str = "central"
) -> NDArray[np.float64]:
    """Gradient of the scalar function `f` at `x` by finite differences, one coordinate at a time, in float64.

    `x` may have any shape; the result has the same. `method` is "central" (error of order eps**2), "forward"
    (order eps) or "complex" (the imaginary part of f(x + i eps); exact to rounding for an `f` that accepts
    complex arrays; Squire and Trapp 1998). Raises ValueError where `f` does not return one number.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    jacobian = numeric_jacobian(lambda v: _scalar(f(v)), x, eps, method)
    return jacobian.reshape(np.shape(x))


def _scalar(value: ArrayLike) -> NDArray:
    if np.size(value) != 1:
        raise ValueError(
            f"f returned an array of shape {np.shape(value)}; a gradient needs one number: "
            "sum or average it, or ask for numeric_jacobian"
        )
    return np.reshape(value, ())


def numeric_jacobian(
    f: Callable[[NDArray], ArrayLike], x: ArrayLike, eps: float = 6e-6, method: str = "central"
) -> NDArray[np.float64]:
    """Jacobian of `f` at `x` by finite differences; its shape is that of f(x) followed by that of x.

    The methods are those of `numeric_gradient`.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    if method not in _DIFFERENCES:
        raise ValueError(f"method={method!r}: expected one of {', '.join(map(repr, _DIFFERENCES))}")
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.number) or np.iscomplexobj(x):
        raise ValueError(f"x has dtype {x.dtype}; a derivative needs real numbers")
    x = x.astype(np.float64)
    columns = []
    for index in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[index] = eps
        columns.append(np.asarray(_DIFFERENCES[method](f, x, step, eps), dtype=np.float64))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape) if columns else np.zeros((0,))


_DIFFERENCES = {
    "central": lambda f, x, step, eps: (np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * eps),
    "forward": lambda f, x, step, eps: (np.asarray(f(x + step)) - np.asarray(f(x))) / eps,
    "complex": lambda f, x, step, eps: np.imag(f(x + 1j * step)) / eps,
}


def check_gradient(
    f: Callable[[NDArray], float], x: ArrayLike, gradient: ArrayLike, *, tol: float = 1e-7, eps: float = 6e-6
) -> None:
    """Assert that `gradient` is the gradient of the scalar function `f` at `x`.

    Compares with central differences in float64; `tol` bounds `relative_error`. Raises AssertionError naming
    the entry that is furthest off, with both values.

    Notebook: 01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb
    """
    numeric, gradient = numeric_gradient(f, x, eps), _numbers(gradient)
    if gradient.shape != numeric.shape:
        raise AssertionError(f"the gradient has shape {gradient.shape}, but x has shape {numeric.shape}")
    error = relative_error(gradient, numeric)
    if not error <= tol:
        off = np.nan_to_num(_distance(gradient, numeric), nan=np.inf)
        where = np.unravel_index(np.argmax(off), numeric.shape)
        at = f"[{', '.join(map(str, where))}]" if where else ""
        raise AssertionError(
            f"gradient{at} = {gradient[where]:.8g}, but finite differences give {numeric[where]:.8g} "
            f"(relative error {error:.1e}, allowed {tol:.0e})"
        )


def gradcheck(
    f: Callable, *inputs: ArrayLike, tol: float = 1e-6, eps: float = 6e-6, seed: int = 0, full_below: int = 60
) -> None:
    """Assert that the gradients which the engine finds for `f(*tensors) -> Tensor` are those of finite differences.

    Each input is an array, taken in float64 as a leaf. The result, of any shape, is weighted by random numbers to a
    single one. Every input is moved in three random directions, and one with fewer than `full_below` entries in
    each of its coordinates as well. Raises AssertionError naming the input.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    from utils.tensor import Tensor

    rng = np.random.default_rng(seed)
    arrays = [np.array(x, dtype=np.float64) for x in inputs]
    leaves = [Tensor(x.copy(), requires_grad=True) for x in arrays]
    out = f(*leaves)
    weights = rng.normal(size=out.shape)
    out.backward(weights)
    for i, (x, leaf) in enumerate(zip(arrays, leaves, strict=True)):
        gradient = np.zeros_like(x) if leaf.grad is None else leaf.grad
        if gradient.shape != x.shape:
            raise AssertionError(f"input {i}: the gradient has shape {gradient.shape}, the input {x.shape}")

        def loss(moved: NDArray, i: int = i) -> float:
            tensors = [Tensor(moved if j == i else other) for j, other in enumerate(arrays)]
            return float(np.sum(weights * f(*tensors).data))

        for direction in rng.normal(size=(3, *x.shape)):
            slope = (loss(x + eps * direction) - loss(x - eps * direction)) / (2 * eps)
            typical = float(np.linalg.norm(gradient) * np.linalg.norm(direction)) / np.sqrt(x.size or 1)
            scale = max(abs(slope), typical, 1e-3)
            if not abs(slope - np.sum(gradient * direction)) <= tol * scale:
                raise AssertionError(
                    f"input {i}: along a random direction the slope is {slope:.8g}, "
                    f"but the gradient gives {np.sum(gradient * direction):.8g}"
                )
        if 0 < x.size < full_below:
            try:
                check_gradient(loss, x, gradient, tol=tol, eps=eps)
            except AssertionError as error:
                raise AssertionError(f"input {i}: {error}") from None
