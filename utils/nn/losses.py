"""Losses as modules. `reduction` is "mean", "sum" or "none"."""

from typing import Any

import numpy as np

from utils.backend import as_array
from utils.functional import ctc
from utils.functional import losses as F
from utils.nn.module import Module
from utils.tensor import Tensor


class _Loss(Module):
    def __init__(self, *, reduction: str = "mean"):
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"reduction={reduction!r}: expected 'mean', 'sum' or 'none'")
        self.reduction = reduction


class MSELoss(_Loss):
    """The mean of (input - target)².

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The mean of abs(input - target).

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """Half the square of errors up to `delta`, then delta · (abs(error) - delta/2) (Huber 1964).

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SmoothL1Loss(_Loss):
    """Huber's loss divided by its delta, here called `beta` (Girshick 2015).

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction=reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class BCEWithLogitsLoss(_Loss):
    """Cross-entropy of targets in [0, 1] and sigmoid(input); `pos_weight` multiplies the positive term.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None):
        super().__init__(reduction=reduction)
        self.register_buffer("weight", _array(weight))
        self.register_buffer("pos_weight", _array(pos_weight))

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class CrossEntropyLoss(_Loss):
    """The mean of -log softmax(input)[target]: scores (N, C) or (N, C, ...), classes (N,) or (N, ...).

    Targets may be probabilities of the input's shape. Targets equal to `ignore_index` do not count.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(reduction=reduction)
        self.register_buffer("weight", _array(weight))
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """The mean of -input[target], for log-probabilities such as LogSoftmax gives.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.register_buffer("weight", _array(weight))
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.nll_loss(
            input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class MultiMarginLoss(_Loss):
    """Hinge loss of several classes: the mean over them of max(0, margin - input[target] + input)^p.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, p: int = 1, margin: float = 1.0, weight: Any = None, *, reduction: str = "mean"):
        super().__init__(reduction=reduction)
        self.p, self.margin = p, margin
        self.register_buffer("weight", _array(weight))

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence of targets from log-probabilities `input`; "batchmean" divides by the batch.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, *, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction="mean" if reduction == "batchmean" else reduction)
        self.reduction, self.log_target = reduction, log_target

    def forward(self, input: Tensor, target: Any) -> Tensor:
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class CTCLoss(_Loss):
    """Connectionist temporal classification: log-probabilities (T, N, C) and unaligned labels (Graves et al. 2006).

    Notebook: 04-rnn/applications/04-reading-numbers-with-ctc.ipynb
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False):
        super().__init__(reduction=reduction)
        self.blank, self.zero_infinity = blank, zero_infinity

    def forward(self, log_probs: Tensor, targets: Any, input_lengths: Any, target_lengths: Any) -> Tensor:
        return ctc.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


def _array(weight: Any) -> np.ndarray | None:
    if weight is None:
        return None
    return as_array(weight.data if isinstance(weight, Tensor) else weight).astype(np.float32, copy=False)
