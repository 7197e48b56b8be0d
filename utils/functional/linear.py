"""The linear layer: one matrix product for all rows, however many axes they stand on."""

from typing import Any

import numpy as np

from utils.tensor import Tensor, op


@op
def affine(x, w, b):
    r"""Rows times a matrix plus a bias: $Z = X W^\top + b$, with $X$ (..., in), $W$ (out, in), $b$ (out,) or None.

    $\bar X = \bar Z W$,  $\bar W = \bar Z^\top X$,  $\bar b = \mathbf 1^\top \bar Z$, over all rows.

    Notebook: 02-mlp/backpropagation/02-backpropagation-by-hand.ipynb
    """
    rows = x.reshape(-1, x.shape[-1])  # batched products of three axes run one by one in BLAS
    z = rows @ w.T
    if b is not None:
        z += b

    def flat(g):
        return g.reshape(-1, w.shape[0])

    return z.reshape(*x.shape[:-1], w.shape[0]), (
        lambda g: (flat(g) @ w).reshape(x.shape),
        lambda g: flat(g).T @ rows,
        lambda g: np.ones_like(g, shape=g.size // w.shape[0]) @ flat(g),
    )


def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    r"""Linear layer $X W^\top + b$: input (..., in), weight (out, in), bias (out,) or None -> (..., out).

    Raises ValueError where the shapes do not fit together.

    Notebook: 02-mlp/backpropagation/02-backpropagation-by-hand.ipynb
    """
    x, w = np.shape(input), np.shape(weight)
    if len(w) != 2:
        raise ValueError(f"linear expects a weight (out, in) but got {w}")
    if not x or x[-1] != w[1]:
        flatten = len(x) > 2 and np.prod(x[1:]) == w[1]
        remedy = (
            f"flatten the samples first, x.reshape({x[0]}, -1)"
            if flatten
            else "the last axis must be that long"
        )
        if x == w[:1]:
            remedy = "the weight is (out, in), so weight.T may be meant"
        raise ValueError(f"linear expects input (..., {w[1]}) for a weight {w} but got {x}: {remedy}")
    if bias is not None and np.shape(bias) != w[:1]:
        raise ValueError(f"linear expects a bias ({w[0]},) for a weight {w} but got {np.shape(bias)}")
    return affine(input, weight, bias)
