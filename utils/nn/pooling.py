"""Pooling: the largest entry, or the mean, of each window."""

from typing import Any

from utils.functional import pooling as F
from utils.nn.module import Module
from utils.tensor import Tensor

Sizes = int | tuple[int, ...]


class MaxPool1d(Module):
    """The largest entry of each window of (N, C, L); `stride` is the kernel's size unless given.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        if return_indices:
            raise ValueError("return_indices=True is not offered: keep the input, and find them with argmax")
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool1d(x, **_settings(self, "kernel_size", "stride", "padding", "dilation", "ceil_mode"))

    def extra_repr(self) -> str:
        return _shown(self, "kernel_size", "stride", "padding", "dilation", "ceil_mode")


class MaxPool2d(MaxPool1d):
    """The largest entry of each window of (N, C, H, W); `stride` is the kernel's size unless given.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(x, **_settings(self, "kernel_size", "stride", "padding", "dilation", "ceil_mode"))


class AvgPool1d(Module):
    """The mean of each window of (N, C, L); `stride` is the kernel's size unless given.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        self.kernel_size, self.stride, self.padding = (
            kernel_size,
            kernel_size if stride is None else stride,
            padding,
        )
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool1d(x, **_settings(self, *_AVERAGE))

    def extra_repr(self) -> str:
        return _shown(self, "kernel_size", "stride", "padding")


class AvgPool2d(AvgPool1d):
    """The mean of each window of (N, C, H, W); `stride` is the kernel's size unless given.

    Notebook: 03-cnn/convolution-basics/03-pooling.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, **_settings(self, *_AVERAGE))


class AdaptiveAvgPool2d(Module):
    """Means over a grid: (N, C, H, W) -> (N, C, *output_size); 1 is the mean of the whole image, None keeps a size.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    def __init__(self, output_size: Any):
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool2d(AdaptiveAvgPool2d):
    """Maxima over a grid: (N, C, H, W) -> (N, C, *output_size); sizes as in `AdaptiveAvgPool2d`.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_max_pool2d(x, self.output_size)


_AVERAGE = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")


def _settings(module: Module, *names: str) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


def _shown(module: Module, *names: str) -> str:
    return ", ".join(f"{name}={getattr(module, name)}" for name in names)
