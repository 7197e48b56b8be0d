"""Decoder-only transformers, in GPT-2's shape and with its names of parameters."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils import functional as F
from utils import nn
from utils.nn import init
from utils.tensor import Tensor


@dataclass(frozen=True)
class GPTConfig:
    """The settings of a `GPT`; the defaults are those of GPT-2 small.

    Notebook: 06-language-models/pre-training/03-gpt.ipynb
    """

    vocab_size: int = 50257
    block_size: int = 1024  # the longest context, in tokens
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.0
    bias: bool = True  # in Linears and LayerNorms
    tie_weights: bool = True  # the embedding is the output's matrix too (Press and Wolf 2017)

    def __post_init__(self) -> None:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd={self.n_embd} cannot be divided into n_head={self.n_head} equal parts")

    @property
    def num_parameters(self) -> int:
        """How many parameters the model has, without building it."""
        width, biases = self.n_embd, int(self.bias)
        tables = (self.vocab_size * (1 if self.tie_weights else 2) + self.block_size) * width
        norm = width * (1 + biases)
        block = 12 * width**2 + biases * 9 * width + 2 * norm  # 3 + 1 + 4 + 4 squares
        return tables + self.n_layer * block + norm


class GPT(nn.Module):
    """A decoder-only transformer: tokens (B, T) of integers -> logits (B, T, vocab_size), each of the next token.

    Blocks normalize before attention and before the feed-forward part (pre-LN); GELU is GPT-2's approximation; places
    are learned. First values: normal with standard deviation 0.02, for projections back into the residual stream
    divided by the root of their number. Radford et al., *Language models are unsupervised multitask learners* (2019).

    Notebook: 06-language-models/pre-training/03-gpt.ipynb
    """

    def __init__(self, config: GPTConfig = GPTConfig()):
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.n_embd),
                "wpe": nn.Embedding(config.block_size, config.n_embd),
                "drop": nn.Dropout(config.dropout),
                "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                "ln_f": nn.LayerNorm(config.n_embd, bias=config.bias),
            }
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        if config.tie_weights:
            self.lm_head.weight = self.transformer["wte"].weight
        self.reset_parameters()

    def reset_parameters(self, rng: Any = None) -> None:
        """GPT-2's first values."""
        rng = init.generator(rng)
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                init.zeros_(p)
            elif p.ndim == 2:
                share = math.sqrt(2 * self.config.n_layer) if name.endswith("c_proj.weight") else 1
                init.normal_(p, std=0.02 / share, rng=rng)

    def forward(self, tokens: Any) -> Tensor:
        parts = self.transformer
        x = parts["wte"](tokens) + parts["wpe"](np.arange(self._length(tokens)))  # (B, T, C)
        x = parts["drop"](x)
        for block in parts["h"]:
            x = block(x)
        return self.lm_head(parts["ln_f"](x))

    def _length(self, tokens: Any) -> int:
        shape = np.shape(tokens)
        if len(shape) != 2:
            raise ValueError(
                f"GPT expects tokens (B, T) but got {shape}: add the batch axis with tokens[None]"
            )
        if shape[1] > self.config.block_size:
            raise ValueError(
                f"{shape[1]} tokens are more than block_size={self.config.block_size}: keep the last ones, "
                f"tokens[:, -{self.config.block_size}:]"
            )
        return shape[1]


class Block(nn.Module):
    """Attention and a feed-forward part, each a residual branch behind a LayerNorm: (B, T, C) -> (B, T, C).

    Notebook: 06-language-models/pre-training/03-gpt.ipynb
    """

    def __init__(self, config: GPTConfig):
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = FeedForward(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class CausalSelfAttention(nn.Module):
    """Every token takes a weighted mean of itself and those before it, in `n_head` parts: (B, T, C) -> (B, T, C).

    Notebook: 06-language-models/pre-training/03-gpt.ipynb
    """

    def __init__(self, config: GPTConfig):
        self.n_head, self.dropout, self.rng = config.n_head, config.dropout, None  # rng=None: `manual_seed`'s
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, config.bias)  # queries, keys and values
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        heads = self.c_attn(x).reshape(B, T, 3, self.n_head, C // self.n_head).transpose(2, 0, 3, 1, 4)
        q, k, v = heads[0], heads[1], heads[2]  # (B, heads, T, C / heads)
        p = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True, rng=self.rng)
        return self.resid_dropout(self.c_proj(y.transpose(0, 2, 1, 3).reshape(B, T, C)))


class FeedForward(nn.Module):
    """Four times as wide inside, with GELU: (B, T, C) -> (B, T, C).

    Notebook: 06-language-models/pre-training/03-gpt.ipynb
    """

    def __init__(self, config: GPTConfig):
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, config.bias)
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))
