"""Convolutions and transposed convolutions."""

import math
from typing import Any

import numpy as np

from utils.functional import convolution as F
from utils.nn import init
from utils.nn._sizes import check_sizes
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.tensor import Tensor

Sizes = int | tuple[int, ...]


class _Conv(Module):
    """What all convolutions share; subclasses say how many axes they slide along, and call their function."""

    axes = 0
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes,
        padding: Any,
        dilation: Sizes,
        groups: int,
        bias: bool,
        rng: Any,
    ):
        check_sizes(self, in_channels=in_channels, out_channels=out_channels)
        for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if groups < 1 or channels % groups:
                raise ValueError(f"{name}={channels} cannot be divided into groups={groups} equal parts")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size, self.stride = self._sizes("kernel_size", kernel_size), self._sizes("stride", stride)
        self.padding = self._checked_padding(padding)
        self.dilation = self._sizes("dilation", dilation)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(np.empty((first, second // groups, *self.kernel_size), np.float32))
        self.bias = Parameter(np.empty(out_channels, np.float32)) if bias else None
        self.reset_parameters(rng)

    def _sizes(self, name: str, size: Sizes, least: int = 1) -> tuple[int, ...]:
        sizes = tuple(size) if isinstance(size, tuple | list | np.ndarray) else (size,) * self.axes
        if len(sizes) != self.axes:
            raise ValueError(f"{type(self).__name__} takes one number or {self.axes} but got {name}={size}")
        for n in sizes:
            check_sizes(self, least, **{name: n})
        return tuple(int(n) for n in sizes)

    def _checked_padding(self, padding: Any) -> Any:
        if not isinstance(padding, str):
            return self._sizes("padding", padding, 0)
        if self.transposed or padding not in ("same", "valid"):
            words = "" if self.transposed else ', "same" or "valid"'
            raise ValueError(f"{type(self).__name__} got padding={padding!r}: expected whole numbers{words}")
        return padding

    def reset_parameters(self, rng: Any = None) -> None:
        """Uniform in ±1/√fan_in, as in PyTorch."""
        rng = init.generator(rng)
        bound = 1 / math.sqrt(max(1, init.fans(self.weight.shape)[0]))
        for parameter in self._own_parameters().values():
            init.uniform_(parameter, -bound, bound, rng=rng)

    def flops(self, inputs: tuple, output: Tensor) -> int:
        """Each position (of the output, or of the input of a transposed convolution) meets the whole kernel."""
        positions = inputs[0] if self.transposed else output
        return 2 * positions.size * math.prod(self.weight.shape[1:])

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        shown = {"padding": (0,) * self.axes, "dilation": (1,) * self.axes, "groups": 1}
        text += "".join(
            f", {k}={getattr(self, k)!r}" for k, plain in shown.items() if getattr(self, k) != plain
        )
        return text if self.bias is not None else text + ", bias=False"


class Conv1d(_Conv):
    """Correlation of sequences (N, in_channels, L) with learned kernels; weight (out, in/groups, k).

    `padding` is a number, "valid" or "same".

    Notebook: 03-cnn/convolution-basics/01-convolution.ipynb
    """

    axes = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Any = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: Any = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv1d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Conv2d(Conv1d):
    """Correlation of images (N, in_channels, H, W) with learned kernels; weight (out, in/groups, kh, kw).

    `padding` is a number, a pair, "valid" or "same".

    Notebook: 03-cnn/convolution-basics/01-convolution.ipynb
    """

    axes = 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose1d(_Conv):
    """The transpose of Conv1d, which enlarges: (N, in, L) -> (N, out, (L-1)·stride - 2·padding + k + output_padding).

    Its weight is (in, out/groups, k).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """

    axes = 1
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        *,
        rng: Any = None,
    ):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, rng)
        self.output_padding = self._sizes("output_padding", output_padding, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self._function()(
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def _function(self) -> Any:
        return F.conv_transpose1d


class ConvTranspose2d(ConvTranspose1d):
    """The transpose of Conv2d, which enlarges images; weight (in, out/groups, kh, kw).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """

    axes = 2

    def _function(self) -> Any:
        return F.conv_transpose2d
