"""Rows of a table, looked up by integers."""

from typing import Any

import numpy as np

from utils.functional.embedding import embedding
from utils.nn import init
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.tensor import Tensor


class Embedding(Module):
    """Integers of any shape (...) below num_embeddings -> their vectors (..., embedding_dim).

    The weight (num_embeddings, embedding_dim) is normal at first. The row `padding_idx` is zero and stays so.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, rng: Any = None
    ):
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"padding_idx={padding_idx} is no row of {num_embeddings}")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), np.float32))
        self.reset_parameters(rng)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None
    ) -> "Embedding":
        """An Embedding with the given weight (a copy), which training leaves as it is unless `freeze=False`."""
        weight = Parameter(Tensor(embeddings).data.copy())
        layer = cls(*weight.shape, padding_idx)
        layer.weight = weight
        return layer.requires_grad_(not freeze)

    def reset_parameters(self, rng: Any = None) -> None:
        init.normal_(self.weight, rng=rng)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0

    def forward(self, indices: Any) -> Tensor:
        return embedding(indices, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
