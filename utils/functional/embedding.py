r"""Embedding: rows of a matrix, picked by number.

Notebook: 06-language-models/pre-training/01-from-n-grams-to-neural-language-models.ipynb
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csc_array

from utils.backend import array_module, as_array
from utils.tensor import Tensor, op


def embedding(input: ArrayLike, weight: Any, padding_idx: int | None = None) -> Tensor:
    """The rows of `weight` (V, D) that `input`, whole numbers 0 to V - 1 of any shape (...), names: (..., D).

    Row `padding_idx` is used but gets no gradient. Raises ValueError for numbers outside the table.

    Notebook: 06-language-models/pre-training/01-from-n-grams-to-neural-language-models.ipynb
    """
    indices, shape = as_array(input.data if isinstance(input, Tensor) else input), np.shape(weight)
    if len(shape) != 2:
        raise ValueError(f"embedding expects a weight (V, D) but got {shape}")
    if indices.dtype.kind not in "iu":
        raise ValueError(f"embedding expects whole numbers but got {indices.dtype}: use indices.astype(int)")
    if indices.size and not (indices.min() >= 0 and indices.max() < shape[0]):
        wrong = indices.min() if indices.min() < 0 else indices.max()
        raise ValueError(
            f"embedding got index {wrong} for a table of {shape[0]} rows: take 0 to {shape[0] - 1}"
        )
    if padding_idx is not None and not -shape[0] <= padding_idx < shape[0]:
        raise ValueError(f"embedding got padding_idx={padding_idx} for a table of {shape[0]} rows")
    return pick_rows(weight, indices=indices, padding_idx=padding_idx)


@op
def pick_rows(w, *, indices, padding_idx=None):
    r"""$Y_i = W_{t_i}$;  $\bar W_v = \sum_{i : t_i = v} \bar Y_i$, which is $S^\top \bar Y$ with the one-hot rows $S$.

    $S$ is a sparse matrix with a single 1 in each row, so the product only adds rows of $\bar Y$.

    Notebook: 06-language-models/pre-training/01-from-n-grams-to-neural-language-models.ipynb
    """

    indices = np.asarray(indices, like=w)

    def gradient(g):
        dw = add_rows(g.reshape(-1, w.shape[1]), indices.reshape(-1), len(w))
        if padding_idx is not None:
            dw[padding_idx] = 0.0
        return dw

    return np.take(w, indices, axis=0), gradient


def add_rows(g: NDArray, indices: NDArray, n_rows: int) -> NDArray:
    """(n_rows, D): the sums of the rows of `g` (n, D) that have the same index.

    Notebook: 06-language-models/pre-training/01-from-n-grams-to-neural-language-models.ipynb
    """
    if array_module(g) is not np:
        sums = np.zeros_like(g, shape=(n_rows, g.shape[1]))
        array_module(g).add.at(sums, indices, g)
        return sums
    n = len(indices)
    one_hot = csc_array((np.ones_like(g, shape=n), indices, np.arange(n + 1)), shape=(n_rows, n))
    return one_hot @ g
