"""Dropout, active in training mode only."""

from typing import Any

import numpy as np

from utils.functional.dropout import dropout
from utils.nn._sizes import check_rate
from utils.nn.module import Module
from utils.tensor import Tensor


class Dropout(Module):
    """In training, each entry is zero with probability `p`, the others are divided by 1 - p (Srivastava et al. 2014).

    `rng` is a Generator, or a seed for one of the layer's own; None draws from the one `nn.manual_seed` seeds.
    PyTorch's `inplace` is taken, but the input stays as it is.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Any = None):
        check_rate("p", p)
        self.p = p
        self.rng = None if rng is None else np.random.default_rng(rng)  # a seed would repeat one mask

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"
