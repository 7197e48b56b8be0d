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
