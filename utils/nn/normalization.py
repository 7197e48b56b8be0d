"""Normalization over batches, features, groups and instances."""

from typing import Any

import numpy as np

from utils.functional import normalization as F
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.tensor import Tensor


class _BatchNorm(Module):
    """Statistics of each channel over the batch and all positions; running ones in eval mode."""

    ndims: tuple[int, ...] = ()
    wanted = ""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ):
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", np.zeros(num_features, np.float32) if tracked else None)
        self.register_buffer("running_var", np.ones(num_features, np.float32) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        momentum = self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            momentum = 1 / int(self.num_batches_tracked) if momentum is None else momentum
        by_batch = self.training or not self.track_running_stats
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            by_batch,
            momentum or 0.0,
            self.eps,
        )

    def _check(self, x: Tensor) -> None:
        if x.ndim not in self.ndims or x.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__} expects {self.wanted.format(self.num_features)} but got {tuple(x.shape)}: "
                "axis 1 holds the features, whose number is the first argument"
            )

    def extra_repr(self) -> str:
        settings = ("eps", "momentum", "affine", "track_running_stats")
        return ", ".join([str(self.num_features), *(f"{name}={getattr(self, name)}" for name in settings)])


class BatchNorm1d(_BatchNorm):
    """Each feature of (N, C) or (N, C, L) with mean 0 and variance 1 over the batch, then scaled and shifted.

    In eval mode the running mean and variance serve; `momentum=None` averages over all batches seen.
    Ioffe and Szegedy, 2015.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    ndims, wanted = (2, 3), "(N, {0}) or (N, {0}, L)"


class BatchNorm2d(_BatchNorm):
    """As `BatchNorm1d`, for images (N, C, H, W).

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    ndims, wanted = (4,), "(N, {0}, H, W)"


class LayerNorm(Module):
    """The last axes, of shape `normalized_shape`, with mean 0 and variance 1, then scaled and shifted.

    Ba, Kiros and Hinton, 2016.

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ):
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape, np.float32)) if elementwise_affine else None
        affine = elementwise_affine and bias
        self.bias = Parameter(np.zeros(self.normalized_shape, np.float32)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        _check_last(self, x)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """The last axes divided by their root mean square, then scaled (Zhang and Sennrich 2019).

    `eps=None` means the spacing of the input's dtype at 1, as in PyTorch.

    Notebook: 05-attention/transformers/04-the-transformer-block.ipynb
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float | None = None,
        elementwise_affine: bool = True,
    ):
        self.normalized_shape = _shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = Parameter(np.ones(self.normalized_shape, np.float32)) if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        _check_last(self, x)
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Groups of channels of (N, C, ...), each with mean 0 and variance 1 in each sample (Wu and He 2018).

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True):
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"num_channels={num_channels} cannot be divided into num_groups={num_groups} equal parts"
            )
        self.num_groups, self.num_channels, self.eps, self.affine = num_groups, num_channels, eps, affine
        self.weight = Parameter(np.ones(num_channels, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_channels, np.float32)) if affine else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(f"GroupNorm expects (N, {self.num_channels}, ...) but got {tuple(x.shape)}")
        return F.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class InstanceNorm2d(_BatchNorm):
    """Each channel of each image of (N, C, H, W) with mean 0 and variance 1 (Ulyanov et al. 2016).

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    ndims, wanted = (4,), "(N, {0}, H, W)"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        by_input = self.training or not self.track_running_stats
        return F.instance_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, by_input, self.momentum, self.eps
        )


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    return (normalized_shape,) if isinstance(normalized_shape, int | np.integer) else tuple(normalized_shape)


def _check_last(module: Module, x: Tensor) -> None:
    wanted = module.normalized_shape
    if tuple(x.shape[-len(wanted) :]) != wanted:
        raise ValueError(
            f"{type(module).__name__} expects (..., {', '.join(map(str, wanted))}) but got {tuple(x.shape)}: "
            "it normalizes the last axes, whose sizes are its first argument"
        )
