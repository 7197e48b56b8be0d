r"""Dropout (Srivastava et al. 2014) with cheap random masks.

Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.backend import placed
from utils.functional.generators import generator
from utils.tensor import Tensor, op


def keep_mask(
    shape: tuple[int, ...], p: float, rng: np.random.Generator | int | None = None
) -> tuple[NDArray, float]:
    """Truth values that are False with probability `p`, and the factor 1 / P(True).

    An entry compares one random byte with a limit, so p is rounded to a multiple of 1/256 (below 0.05 and above
    0.95 two bytes and 1/65536); the factor is that of the rounded p, so means stay exact. This is five times as
    fast as random floats.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p={p}: a probability lies between 0 and 1")
    rng = generator(rng, "dropout")
    word = np.uint8 if 0.05 <= p <= 0.95 else np.uint16
    levels, n = np.iinfo(word).max + 1, math.prod(shape)
    limit = round(p * levels)
    if limit == levels:
        return np.zeros(shape, bool), 0.0
    raw = rng.integers(
        0, 2**64 - 1, size=-(-n * np.dtype(word).itemsize // 8), dtype=np.uint64, endpoint=True
    )
    return (raw.view(word)[:n] >= limit).reshape(shape), levels / (levels - limit)


def dropout(
    input: Any, p: float = 0.5, training: bool = True, rng: np.random.Generator | int | None = None
) -> Tensor:
    """In training, zero each entry with probability `p` and divide the others by 1 - p; otherwise the input.

    `rng` is a Generator or a seed; None draws from the one that `manual_seed` seeds. `keep_mask` says how p is
    rounded. Raises ValueError for a p outside 0 to 1.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p={p}: a probability lies between 0 and 1")
    if not training or p == 0.0:
        return input if isinstance(input, Tensor) else Tensor(input)
    mask, factor = keep_mask(np.shape(input), p, rng)
    return keep(input, mask=mask, factor=factor)


@op
def keep(x, *, mask, factor):
    r"""$y = f\,m \odot x$ with a mask $m$ of truth values and a number $f$;  $\bar x = f\,m \odot \bar y$.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """
    mask = placed(mask, x)
    return masked(x, mask, factor), lambda g: masked(g, mask, factor)


def masked(x: NDArray, mask: NDArray, factor: float) -> NDArray:
    """`x * mask * factor` for a mask of truth values.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """
    out = mask.astype(x.dtype)  # faster than to multiply by truth values
    out *= factor
    out *= x
    return out
