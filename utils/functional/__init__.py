"""Fused ops, a file for each family: what layers are made of, with PyTorch's names, argument order and defaults."""

from utils.functional._instead import FUNCTIONS, explain
from utils.functional.activation import (
    elu,
    gelu,
    glu,
    hardtanh,
    leaky_relu,
    log_softmax,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from utils.functional.attention import rotary, rotary_tables, scaled_dot_product_attention
from utils.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from utils.functional.ctc import ctc_loss
from utils.functional.dropout import dropout
from utils.functional.embedding import embedding
from utils.functional.generators import manual_seed
from utils.functional.linear import linear
from utils.functional.losses import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    multi_margin_loss,
    nll_loss,
    smooth_l1_loss,
)
from utils.functional.normalization import batch_norm, group_norm, instance_norm, layer_norm, rms_norm
from utils.functional.pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    max_pool1d,
    max_pool2d,
)
from utils.functional.recurrent import gru, lstm, rnn_relu, rnn_tanh

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "cross_entropy",
    "ctc_loss",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "group_norm",
    "gru",
    "hardtanh",
    "huber_loss",
    "instance_norm",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "lstm",
    "manual_seed",
    "max_pool1d",
    "max_pool2d",
    "mse_loss",
    "multi_margin_loss",
    "nll_loss",
    "relu",
    "rms_norm",
    "rnn_relu",
    "rnn_tanh",
    "rotary",
    "rotary_tables",
    "scaled_dot_product_attention",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]

__getattr__ = explain(__name__, FUNCTIONS)
