"""Dropout, active in training mode only."""

from typing import Any

import numpy as np

from utils.functional.dropout import dropout
from utils.nn.module import Module
from utils.tensor import Tensor


class Dropout(Module):
    """In training, each entry is zero with probability `p`, the others are divided by 1 - p (Srivastava et al. 2014).

    `rng` is a Generator, or a seed for one of the layer's own; None draws from the one `nn.manual_seed` seeds.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """

    def __init__(self, p: float = 0.5, *, rng: Any = None):
        if not 0 <= p <= 1:
            raise ValueError(f"p={p}: a probability lies between 0 and 1")
        self.p = p
        self.rng = None if rng is None else np.random.default_rng(rng)  # a seed would repeat one mask

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"
