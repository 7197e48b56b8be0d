"""The blocks of the Transformer and their stacks (Vaswani et al. 2017), with PyTorch's names of parameters."""

import copy
from typing import Any

from utils.functional import activation
from utils.nn.attention import MultiheadAttention
from utils.nn.containers import ModuleList
from utils.nn.dropout import Dropout
from utils.nn.linear import Linear
from utils.nn.module import Module
from utils.nn.normalization import LayerNorm
from utils.tensor import Tensor


class _Layer(Module):
    """What encoder and decoder layers share: self-attention, the feed-forward part, residuals around normalization."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Any = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        rng: Any = None,
    ):
        self.activation, self.norm_first = _function(activation), norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, bias, batch_first=batch_first, rng=rng)
        if self.n_attentions == 2:
            self.multihead_attn = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, rng=rng
            )
        self.linear1 = Linear(d_model, dim_feedforward, bias, rng=rng)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=rng)
        for i in range(1, self.n_attentions + 2):
            setattr(self, f"norm{i}", LayerNorm(d_model, layer_norm_eps, bias=bias))
        for i in range(1, self.n_attentions + 2):
            setattr(self, f"dropout{i}", Dropout(dropout))

    n_attentions = 1

    def _residual(self, i: int, x: Tensor, branch: Any) -> Tensor:
        """x + branch(x), normalized before the branch or after the sum."""
        norm, dropout = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
        if self.norm_first:
            return x + dropout(branch(norm(x)))
        return norm(x + dropout(branch(x)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward part, each with a residual: (T, B, d_model), or (B, T, d_model) batch first.

    `norm_first` normalizes before each part (pre-LN) and not after. `activation` is "relu", "gelu" or a function.

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """

    def forward(
        self, src: Tensor, src_mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            masks = {"attn_mask": src_mask, "key_padding_mask": src_key_padding_mask, "is_causal": is_causal}
            return self.self_attn(x, x, x, need_weights=False, **masks)[0]

        return self._residual(2, self._residual(1, src, attend), self._feed_forward)


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's output `memory`, and a feed-forward part, each with a residual.

    Settings as in `TransformerEncoderLayer`.

    Notebook: 05-attention/transformers/05-encoder-and-decoder.ipynb
    """

    n_attentions = 2

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Any = None,
        memory_mask: Any = None,
        tgt_key_padding_mask: Any = None,
        memory_key_padding_mask: Any = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            masks = {
                "attn_mask": tgt_mask,
                "key_padding_mask": tgt_key_padding_mask,
                "is_causal": tgt_is_causal,
            }
            return self.self_attn(x, x, x, need_weights=False, **masks)[0]

        def look(x: Tensor) -> Tensor:
            masks = {"attn_mask": memory_mask, "key_padding_mask": memory_key_padding_mask}
            return self.multihead_attn(
                x, memory, memory, need_weights=False, is_causal=memory_is_causal, **masks
            )[0]

        x = self._residual(1, tgt, attend)
        return self._residual(3, self._residual(2, x, look), self._feed_forward)


class _Stack(Module):
    """Copies of one layer, which start from equal values as in PyTorch, and a last normalization."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None = None):
        self.layers = ModuleList(copy.deepcopy(layer) for _ in range(num_layers))
        self.num_layers = num_layers
        self.norm = norm

    def _finish(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """`num_layers` copies of a TransformerEncoderLayer, one after another, and `norm` at the end.

    The copies start from equal values, as in PyTorch: initialize them afresh before training, e.g. with
    `init.xavier_uniform_` for every parameter of two axes.

    Notebook: 05-attention/transformers/05-encoder-and-decoder.ipynb
    """

    def forward(
        self, src: Tensor, mask: Any = None, src_key_padding_mask: Any = None, is_causal: bool = False
    ) -> Tensor:
        for layer in self.layers:
            src = layer(src, mask, src_key_padding_mask, is_causal)
        return self._finish(src)


class TransformerDecoder(_Stack):
    """`num_layers` copies of a TransformerDecoderLayer, one after another, and `norm` at the end.

    The copies start from equal values; see `TransformerEncoder`.

    Notebook: 05-attention/transformers/05-encoder-and-decoder.ipynb
    """

    def forward(self, tgt: Tensor, memory: Tensor, *masks: Any, **settings: Any) -> Tensor:
        for layer in self.layers:
            tgt = layer(tgt, memory, *masks, **settings)
        return self._finish(tgt)


def _function(name: Any) -> Any:
    if callable(name):
        return name
    if name not in ("relu", "gelu"):
        raise ValueError(f"activation={name!r}: expected 'relu', 'gelu' or a function")
    return getattr(activation, name)
