"""Multi-head attention with PyTorch's parameters and masks."""

from typing import Any

import numpy as np

from utils.functional.activation import softmax
from utils.functional.attention import check_mask_dtype, scaled_dot_product_attention
from utils.functional.dropout import dropout
from utils.functional.linear import linear
from utils.nn import init
from utils.nn.linear import Linear
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.tensor import Tensor


class MultiheadAttention(Module):
    """Each query takes a weighted mean of the values, in `num_heads` parts side by side (Vaswani et al. 2017).

    query (L, N, E), key (S, N, kdim), value (S, N, vdim) -> output (L, N, E), weights (N, L, S); with `batch_first`
    the batch N leads. In `attn_mask`, (L, S) or (N · heads, L, S), and `key_padding_mask`, (N, S), True means
    "not to be looked at"; floats are added to the scores, whole numbers raise TypeError. `is_causal=True` hides all
    later keys. Without `need_weights` the second result is None, and all is faster. A query that may look at nothing
    gets NaN with the weights and, as in `scaled_dot_product_attention`, zeros without them; both are PyTorch's way.
    `in_proj_weight` holds the projections of queries, keys and values one below the other.

    Notebook: 05-attention/transformers/02-multi-head-attention.ipynb
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        *,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        rng: Any = None,
    ):
        if num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                f"embed_dim={embed_dim} cannot be divided into num_heads={num_heads} equal parts"
            )
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = (
            embed_dim,
            num_heads,
            dropout,
            batch_first,
        )
        self.rng = None  # of dropout; None is the one that `manual_seed` seeds
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = _empty(3 * embed_dim, embed_dim)
        else:
            self.q_proj_weight = _empty(embed_dim, embed_dim)
            self.k_proj_weight = _empty(embed_dim, self.kdim)
            self.v_proj_weight = _empty(embed_dim, self.vdim)
        self.in_proj_bias = _empty(3 * embed_dim) if bias else None
        rng = init.generator(rng)
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=rng)
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Any = None) -> None:
        """Xavier's for the projections in, zeros for all biases, as in PyTorch."""
        rng = init.generator(rng)
        for weight in [p for p in self._own_parameters().values() if p.ndim == 2]:
            init.xavier_uniform_(weight, rng=rng)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        self._check(query, key, value)
        q, k, v = (
            self._heads(x) for x in self._projected(query, key, value)
        )  # (N, heads, L or S, E / heads)
        mask = self._mask(attn_mask, key_padding_mask, is_causal, q, k)
        p = self.dropout if self.training else 0.0
        if need_weights:
            out, weights = _with_weights(q, k, v, mask, p, self.rng)
            weights = weights.mean(axis=1) if average_attn_weights else weights
        else:
            out, weights = scaled_dot_product_attention(q, k, v, mask, p, rng=self.rng), None
        out = out.transpose(*((0, 2, 1, 3) if self.batch_first else (2, 0, 1, 3)))
        return self.out_proj(out.reshape(*query.shape)), weights

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        E, bias = self.embed_dim, self.in_proj_bias
        parts = [slice(i * E, (i + 1) * E) for i in range(3)]
        if query is key is value and "in_proj_weight" in vars(self):  # one product for all three
            together = linear(query, self.in_proj_weight, bias)
            return tuple(together[..., part] for part in parts)
        if "in_proj_weight" in vars(self):
            weights = [self.in_proj_weight[part] for part in parts]
        else:
            weights = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        biases = [None if bias is None else bias[part] for part in parts]
        return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))

    def _heads(self, x: Tensor) -> Tensor:
        x = x.reshape(*x.shape[:2], self.num_heads, self.embed_dim // self.num_heads)
        return x.transpose(*((0, 2, 1, 3) if self.batch_first else (1, 2, 0, 3)))

    def _mask(self, attn_mask: Any, padding: Any, is_causal: bool, q: Tensor, k: Tensor) -> Any:
        """All masks as one array to be added to the scores (N, heads, L, S)."""
        (N, heads, L), S = q.shape[:3], k.shape[2]
        masks = []
        if is_causal and attn_mask is None:
            attn_mask = np.triu(np.ones((L, S), bool), 1)
        if attn_mask is not None:
            attn_mask = _added(attn_mask, q.data)
            if attn_mask.shape not in ((L, S), (N * heads, L, S)):
                raise ValueError(
                    f"attn_mask expects {(L, S)} or {(N * heads, L, S)} but got {attn_mask.shape}"
                )
            masks.append(attn_mask.reshape(-1, heads if attn_mask.ndim == 3 else 1, L, S))
        if padding is not None:
            padding = _added(padding, q.data)
            if padding.shape != (N, S):
                raise ValueError(f"key_padding_mask expects (batch, keys) {(N, S)} but got {padding.shape}")
            masks.append(padding[:, None, None])
        return sum(masks[1:], masks[0]) if masks else None

    def _check(self, query: Tensor, key: Tensor, value: Tensor) -> None:
        order = "N, L" if self.batch_first else "L, N"
        given = {"query": (query, self.embed_dim), "key": (key, self.kdim), "value": (value, self.vdim)}
        for name, (x, width) in given.items():
            if x.ndim != 3 or x.shape[2] != width:
                hint = ": add the axis of the batch" if x.ndim == 2 else ""
                raise ValueError(
                    f"MultiheadAttention expects {name} ({order}, {width}) but got {tuple(x.shape)}{hint}"
                )
        batch = 0 if self.batch_first else 1
        if key.shape[:2] != value.shape[:2] or key.shape[batch] != query.shape[batch]:
            shapes = ", ".join(str(tuple(x.shape)) for x in (query, key, value))
            raise ValueError(
                f"query, key and value of shapes {shapes} differ in their batch, or key and value in their length: "
                f"the order is ({order}, E), see batch_first"
            )

    def flops(self, inputs: tuple, output: Any) -> int:
        """Of the projections in, the scores and the means; the projection out is a Linear of its own."""
        query, key, value = inputs[:3]
        E, S = self.embed_dim, key.shape[1 if self.batch_first else 0]
        return 2 * E * (query.size + key.size + value.size) + 4 * query.size * S


def _with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Any, p: float, rng: np.random.Generator | None
) -> tuple[Tensor, Tensor]:
    scores = (q * q.shape[-1] ** -0.5) @ k.swapaxes(-1, -2)
    weights = softmax(scores if mask is None else scores + mask, -1)
    weights = dropout(weights, p, rng=rng) if p else weights
    return weights @ v, weights


def _added(mask: Any, like: np.ndarray) -> Any:
    """True as minus infinity. A Tensor stays one: it may be learned."""
    mask = mask if isinstance(mask, Tensor) else np.asarray(mask, like=like)
    check_mask_dtype(mask, "the key is hidden")
    if isinstance(mask, Tensor):
        return mask
    if mask.dtype != bool:
        return mask.astype(like.dtype, copy=False)
    added = np.zeros_like(like, shape=mask.shape)
    added[mask] = -np.inf
    return added


def _empty(*shape: int) -> Parameter:
    return Parameter(np.empty(shape, np.float32))
