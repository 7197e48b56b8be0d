"""MobileNets: networks whose convolutions come in two parts, within each channel and then across channels."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from utils import nn
from utils.nn import init
from utils.tensor import Tensor

V1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)
V2_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
SMALL_INPUT = {"n_classes": 10, "dropout": 0.0, "norm_eps": 1e-5, "norm_momentum": 0.1}


# ---- what the family shares ----


def divisible(channels: float, by: int = 8) -> int:
    """The multiple of `by` nearest to `channels`, or the next one where that would lose more than a tenth.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """
    nearest = max(by, int(channels + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * channels else nearest


def conv_norm(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    groups: int = 1,
    act: type[nn.Module] | None = nn.ReLU6,
    eps: float = 1e-5,
    momentum: float = 0.1,
) -> nn.Sequential:
    """Convolution, batch normalization and, unless `act` is None, an activation; odd kernels keep height and width.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs, eps, momentum), *([act()] if act else []))


class Slim(nn.Module):
    """What these networks share: `features`, the mean over positions, a linear `classifier`; images to scores.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, config: Any):
        self.config = config
        self.norm = {"eps": config.norm_eps, "momentum": config.norm_momentum}

    def channels(self, published: float) -> int:
        """So many times the width, rounded."""
        return divisible(published * self.config.width, self.config.divisor)

    def assemble(self, parts: Iterable[nn.Module], channels: int, last: Callable[[Tensor], Any]) -> None:
        """First values: He's by fan-out for convolutions, what `last` fills the Linear with, 0 for biases."""
        self.features = nn.Sequential(*parts)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        linear = nn.Linear(channels, self.config.n_classes)
        self.classifier = nn.Sequential(nn.Dropout(self.config.dropout), linear)
        for name, p in self.named_parameters():
            if p.ndim == 4:
                init.kaiming_normal_(p, mode="fan_out")
            elif name.endswith("bias"):
                init.zeros_(p)
        last(linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        channels = self.config.in_channels
        if x.ndim != 4 or x.shape[1] != channels:
            move = x.shape[-1] == channels
            hint = ": move the channels forward with x.transpose(0, 3, 1, 2)" if move else ""
            raise ValueError(
                f"{type(self).__name__} expects images (N, {channels}, H, W) but got {tuple(x.shape)}{hint}"
            )
        return self.classifier(self.avgpool(self.features(x)).reshape(len(x), -1))


def check_common(config: Any) -> None:
    """ValueError for a setting that no network of the family can have.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """
    name = type(config).__name__
    if not config.width > 0:
        raise ValueError(f"{name}: width={config.width} must be above 0; 1.0 is the published network")
    if not 0 <= config.dropout < 1:
        raise ValueError(f"{name}: dropout={config.dropout} must lie in [0, 1); 0 drops nothing")
    if config.stem_stride not in (1, 2):
        raise ValueError(f"{name}: stem_stride={config.stem_stride} must be 1 or 2")
    for field in ("stem", "head", "divisor", "in_channels", "n_classes"):
        value = getattr(config, field, 1)  # not every network has a head
        if not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name}: {field}={value!r} must be a whole number of at least 1")


def check_rows(rows: tuple, name: str, columns: tuple[str, ...]) -> None:
    """ValueError unless `rows` is a table of whole numbers from 1 with these columns, and strides of 1 or 2.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """
    if not rows:
        raise ValueError(f"{name} is empty: give at least one row ({', '.join(columns)})")
    for row in rows:
        if len(row) != len(columns) or any(not isinstance(n, int | np.integer) or n < 1 for n in row):
            raise ValueError(
                f"{name} has the row {row}: expected whole numbers of at least 1, ({', '.join(columns)})"
            )
        if row[columns.index("stride")] > 2:
            raise ValueError(f"{name} has the row {row}, whose stride must be 1 or 2")


# ---- the networks ----


@dataclass(frozen=True)
class MobileNetV1Config:
    """The settings of a `MobileNetV1`; the defaults are the paper's for ImageNet, ValueError for one that cannot be.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    width: float = 1.0  # multiplies all channels, which are then rounded to multiples of `divisor`
    divisor: int = 8
    stem: int = 32  # channels of the first convolution, the only full one
    stem_stride: int = 2
    blocks: tuple[tuple[int, int], ...] = V1_BLOCKS  # output channels and stride of each
    separable: bool = True  # else each block is one full convolution, as in the paper's comparison
    in_channels: int = 3
    n_classes: int = 1000
    dropout: float = 0.0  # before the last layer
    norm_eps: float = 1e-3  # of batch normalization; it and the momentum as its authors trained it
    norm_momentum: float = 0.01

    def __post_init__(self) -> None:
        check_common(self)
        check_rows(self.blocks, "blocks", ("channels", "stride"))

    @classmethod
    def small(cls, **changes: Any) -> "MobileNetV1Config":
        """For images of 16 x 16 pixels and 10 classes."""
        blocks = ((32, 2), (64, 1), (128, 2), (128, 1), (128, 1))
        return replace(cls(stem=16, stem_stride=1, blocks=blocks, **SMALL_INPUT), **changes)


@dataclass(frozen=True)
class MobileNetV2Config:
    """The settings of a `MobileNetV2`; the defaults are the paper's for ImageNet, ValueError for one that cannot be.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    width: float = 1.0  # multiplies all channels but that of a narrower head, then rounded as by `divisor`
    divisor: int = 8
    stem: int = 32  # channels of the first convolution
    stem_stride: int = 2
    blocks: tuple[tuple[int, int, int, int], ...] = (
        V2_BLOCKS  # expansion, channels, repetitions, first stride
    )
    head: int = 1280  # channels before the mean over positions
    in_channels: int = 3
    n_classes: int = 1000
    dropout: float = 0.2  # before the last layer
    norm_eps: float = 1e-5
    norm_momentum: float = 0.1

    def __post_init__(self) -> None:
        check_common(self)
        check_rows(self.blocks, "blocks", ("expansion", "channels", "repetitions", "stride"))

    @classmethod
    def small(cls, **changes: Any) -> "MobileNetV2Config":
        """For images of 16 x 16 pixels and 10 classes."""
        blocks = ((1, 16, 1, 2), (4, 24, 1, 1), (4, 40, 3, 2))
        return replace(cls(stem=16, stem_stride=1, blocks=blocks, head=160, **SMALL_INPUT), **changes)


class MobileNetV1(Slim):
    """Depthwise separable convolutions one after another: images (N, in_channels, H, W) -> scores (N, n_classes).

    4,231,976 parameters and 569 million multiply-adds for 224 x 224 pixels. Howard et al., *MobileNets: efficient
    convolutional neural networks for mobile vision applications* (2017).

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, config: MobileNetV1Config = MobileNetV1Config()):
        super().__init__(config)
        inputs = self.channels(config.stem)
        parts = [conv_norm(config.in_channels, inputs, 3, config.stem_stride, act=nn.ReLU, **self.norm)]
        for published, stride in config.blocks:
            outputs = self.channels(published)
            parts.append(self._block(inputs, outputs, stride))
            inputs = outputs
        self.assemble(parts, inputs, lambda weight: init.normal_(weight, std=0.01))

    def _block(self, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        settings = {"act": nn.ReLU, **self.norm}
        if not self.config.separable:
            return conv_norm(inputs, outputs, 3, stride, **settings)
        depthwise = conv_norm(inputs, inputs, 3, stride, groups=inputs, **settings)
        return nn.Sequential(depthwise, conv_norm(inputs, outputs, **settings))


class MobileNetV2(Slim):
    """Inverted residual blocks: images (N, in_channels, H, W) -> scores (N, n_classes).

    3,504,872 parameters and 301 million multiply-adds for 224 x 224 pixels; parameters are named as torchvision
    names them. Sandler et al., *MobileNetV2: inverted residuals and linear bottlenecks* (2018).

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, config: MobileNetV2Config = MobileNetV2Config()):
        super().__init__(config)
        inputs = self.channels(config.stem)
        parts = [conv_norm(config.in_channels, inputs, 3, config.stem_stride, **self.norm)]
        for expansion, published, repetitions, first in config.blocks:
            outputs = self.channels(published)
            for stride in (first, *(1,) * (repetitions - 1)):
                parts.append(InvertedResidual(inputs, outputs, expansion, stride, **self.norm))
                inputs = outputs
        head = divisible(config.head * max(1.0, config.width), config.divisor)
        parts.append(conv_norm(inputs, head, **self.norm))
        self.assemble(parts, head, lambda weight: init.normal_(weight, std=0.01))


class InvertedResidual(nn.Module):
    """Widen by `expansion`, filter each channel, narrow without activation: (N, inputs, H, W) -> (N, outputs, H', W').

    The input is added where the shapes agree, so that the shortcut joins the narrow ends. Sandler et al. (2018).

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, **norm: float):
        hidden = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *([conv_norm(inputs, hidden, **norm)] if expansion > 1 else []),
            conv_norm(hidden, hidden, 3, stride, groups=hidden, **norm),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs, **norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)
