"""Entropy and its relatives, for distributions over finitely many outcomes."""

from typing import Any

import numpy as np

from utils.metrics._checks import distributions, label_pair

_NATS = float(np.e)


def entropy(p: Any, *, base: float = _NATS) -> Any:
    """-Σ p log p along the last axis of `p` (..., K) in nats, or bits with `base=2` (Shannon 1948).

    0 log 0 counts as 0. A float for one distribution, else an array (...). Raises ValueError for entries
    outside 0..1, sums other than 1.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """
    p = distributions(p, "p")
    return _plain(-np.sum(_x_log(p, p), axis=-1) / _unit(base))


def kl_divergence(p: Any, q: Any, *, base: float = _NATS) -> Any:
    """Σ p log(p / q) along the last axis (Kullback and Leibler 1951): the cost of taking q for p, in nats.

    `p` and `q` are (..., K) of one shape. Infinite where q is 0 and p is not. Raises ValueError as `entropy`,
    and for unequal shapes.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """
    p, q = distributions(p, "p"), distributions(q, "q")
    if p.shape != q.shape:
        raise ValueError(
            f"p has shape {p.shape} and q {q.shape}, expected one shape; both are over the same outcomes"
        )
    return _plain(np.maximum(0.0, np.sum(_x_log(p, p) - _x_log(p, q), axis=-1)) / _unit(base))


def mutual_information(x: Any, y: Any, *, base: float = _NATS) -> float:
    """What one label tells of the other, in nats, by their joint frequencies; x (N,) and y (N,).

    Equals scikit-learn's `mutual_info_score`. Raises ValueError for no samples and unequal lengths.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """
    x, y = (np.unique(labels, return_inverse=True)[1] for labels in label_pair(x, y, ("x", "y")))
    counts = np.zeros((x.max() + 1, y.max() + 1))
    np.add.at(counts, (x, y), 1)
    joint = counts / len(x)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0)
    return max(0.0, float(np.sum(_x_log(joint, joint) - _x_log(joint, apart)))) / _unit(base)


def _x_log(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x log y, and 0 where x is 0."""
    with np.errstate(divide="ignore"):
        return np.multiply(x, np.log(y), out=np.zeros(x.shape), where=x > 0)


def _unit(base: float) -> float:
    if not base > 1:
        raise ValueError(f"base={base}, expected above 1; 2 gives bits, e gives nats")
    return float(np.log(base))


def _plain(values: np.ndarray) -> Any:
    return float(values) if np.ndim(values) == 0 else values
