"""Bounds on gradients, between `backward()` and `step()`.

Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from utils.optim.optimizer import as_list
from utils.tensor import Tensor


def clip_grad_norm_(
    parameters: Iterable | Tensor, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    r"""Shorten all gradients together, in place, to a norm of at most `max_norm`; returns the norm they had.

    $$g \leftarrow g \cdot \min\!\left(1, \frac{c}{\lVert g \rVert + 10^{-6}}\right)$$

    with $g$ the gradients of all `parameters` as one vector (Pascanu, Mikolov and Bengio 2013), so the direction is
    kept. `norm_type` is any positive number or `math.inf`. A NaN or infinite norm makes gradients NaN, as in PyTorch,
    or with `error_if_nonfinite` raises RuntimeError and leaves them alone.

    Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
    """
    _check_bound("max_norm", max_norm)
    if not norm_type > 0:
        raise ValueError(f"norm_type={norm_type} must be positive: 2, 1 or math.inf")
    gradients = _gradients(parameters)
    total = _norm([_norm_of(g, norm_type) for g in gradients], norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"the norm of the gradients is {total}: utils.tensor.detect_anomaly() finds the origin"
        )
    scale = float(max_norm) / (total + 1e-6)
    if not scale >= 1:  # true of NaN as well
        for g in gradients:
            g *= scale
    return total


def clip_grad_value_(parameters: Iterable | Tensor, clip_value: float) -> None:
    r"""Limit every entry of the gradients, in place, to $[-c, c]$; NaN stays NaN.

    Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
    """
    _check_bound("clip_value", clip_value)
    for g in _gradients(parameters):
        np.clip(g, -float(clip_value), float(clip_value), out=g)


def _check_bound(name: str, bound: float) -> None:
    if not bound >= 0:
        raise ValueError(f"{name}={bound} must be at least 0")


def _gradients(parameters: Any) -> list[np.ndarray]:
    single = hasattr(parameters, "grad")
    return [p.grad for p in ([parameters] if single else as_list(parameters)) if p.grad is not None]


def _norm_of(g: np.ndarray, norm_type: float) -> float:
    if norm_type == 2:
        return math.sqrt(float(np.vdot(g, g)))
    if norm_type == math.inf:
        return float(np.abs(g).max()) if g.size else 0.0
    return float((np.abs(g) ** float(norm_type)).sum()) ** (1 / norm_type)


def _norm(norms: list[float], norm_type: float) -> float:
    return _norm_of(np.array(norms, dtype=np.float64), norm_type)
