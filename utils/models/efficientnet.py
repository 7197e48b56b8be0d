"""EfficientNets: one small network, and a rule by which it grows."""

import math
from dataclasses import dataclass, replace
from typing import Any

from utils import nn
from utils.backend import placed
from utils.functional.dropout import keep_mask
from utils.models.mobilenet import SMALL_INPUT, Slim, check_common, check_rows, conv_norm, divisible
from utils.nn import init
from utils.tensor import Tensor

B0_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
# B0 to B7: width, depth, resolution, dropout
COEFFICIENTS = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4),
    (1.6, 2.2, 456, 0.4),
    (1.8, 2.6, 528, 0.5),
    (2.0, 3.1, 600, 0.5),
)


@dataclass(frozen=True)
class EfficientNetConfig:
    """The settings of an `EfficientNet`; the defaults are B0 for ImageNet, ValueError for one that cannot be.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    width: float = 1.0  # multiplies all channels, which are then rounded to multiples of `divisor`
    depth: float = 1.0  # multiplies the layers of each stage, which are then rounded up
    resolution: int = 224  # pixels for which width and depth were chosen; images of any size can be read
    stem: int = 32  # channels of the first convolution
    stem_stride: int = 2
    stages: tuple[tuple[int, int, int, int, int], ...] = (
        B0_STAGES  # expansion, kernel, stride, channels, layers
    )
    head: int = 1280  # channels before the mean over positions
    divisor: int = 8
    in_channels: int = 3
    n_classes: int = 1000
    dropout: float = 0.2  # before the last layer
    stochastic_depth: float = 0.2  # towards it rises the probability that a block is skipped
    norm_eps: float = (
        1e-5  # of batch normalization; it and the momentum as torchvision's weights were trained
    )
    norm_momentum: float = 0.1

    def __post_init__(self) -> None:
        check_common(self)
        check_rows(self.stages, "stages", ("expansion", "kernel", "stride", "channels", "layers"))
        if even := [row for row in self.stages if row[1] % 2 == 0]:
            raise ValueError(
                f"stages has the row {even[0]}, whose kernel must be odd, to keep height and width"
            )
        if not self.depth > 0:
            raise ValueError(f"depth={self.depth} must be above 0; 1.0 is B0's")
        if not 0 <= self.stochastic_depth < 1:
            raise ValueError(f"stochastic_depth={self.stochastic_depth} must lie in [0, 1); 0 skips no block")

    @classmethod
    def b(cls, number: int, **changes: Any) -> "EfficientNetConfig":
        """The published network B0 to B7; from B5 on batch normalization has the paper's own settings."""
        if number not in range(len(COEFFICIENTS)):
            raise ValueError(f"B{number}: there are B0 to B{len(COEFFICIENTS) - 1}")
        width, depth, resolution, dropout = COEFFICIENTS[number]
        norm = {"norm_eps": 1e-3, "norm_momentum": 0.01} if number >= 5 else {}
        return replace(cls(width, depth, resolution, dropout=dropout, **norm), **changes)

    @classmethod
    def small(cls, **changes: Any) -> "EfficientNetConfig":
        """For images of 16 x 16 pixels and 10 classes."""
        stages = ((1, 3, 2, 16, 1), (4, 3, 1, 24, 1), (4, 5, 2, 40, 3))
        small = {"resolution": 16, "stem": 16, "stem_stride": 1, "head": 160, "stochastic_depth": 0.1}
        return replace(cls(stages=stages, **small, **SMALL_INPUT), **changes)

    def scaled(self, width: float = 1.0, depth: float = 1.0, resolution: float = 1.0) -> "EfficientNetConfig":
        """These settings with the three multiplied: compound scaling by 1 has (1.1, 1.2, 1.15)."""
        pixels = round(self.resolution * resolution)
        return replace(self, width=self.width * width, depth=self.depth * depth, resolution=pixels)

    def layers(self, stage: tuple[int, int, int, int, int]) -> int:
        """How many blocks a row of `stages` stands for."""
        return math.ceil(stage[-1] * self.depth)

    @property
    def blocks(self) -> list[tuple[int, int, int, int, int]]:
        """Of each block, in order: input channels, output channels, expansion, kernel, stride."""
        found, inputs = [], divisible(self.stem * self.width, self.divisor)
        for stage in self.stages:
            expansion, kernel, stride, channels, _ = stage
            outputs = divisible(channels * self.width, self.divisor)
            for i in range(self.layers(stage)):
                found.append((inputs, outputs, expansion, kernel, 1 if i else stride))
                inputs = outputs
        return found


class EfficientNet(Slim):
    """Inverted residual blocks with squeeze-and-excitation: (N, in_channels, H, W) -> scores (N, n_classes).

    B0 has 5,288,548 parameters and 386 million multiply-adds for 224 x 224 pixels. Parameters are named as torchvision
    names them. Tan and Le, *EfficientNet: rethinking model scaling for convolutional neural networks* (2019).

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, config: EfficientNetConfig = EfficientNetConfig()):
        super().__init__(config)
        blocks, head = config.blocks, self.channels(config.head)
        rates = (config.stochastic_depth * i / len(blocks) for i in range(len(blocks)))
        made = [MBConv(*block, drop=rate, **self.norm) for block, rate in zip(blocks, rates, strict=True)]
        parts = [conv_norm(config.in_channels, blocks[0][0], 3, config.stem_stride, act=nn.SiLU, **self.norm)]
        for row in config.stages:
            layers = config.layers(row)
            parts.append(nn.Sequential(*made[:layers]))
            del made[:layers]
        parts.append(conv_norm(blocks[-1][1], head, act=nn.SiLU, **self.norm))
        bound = 1 / math.sqrt(config.n_classes)
        self.assemble(parts, head, lambda weight: init.uniform_(weight, -bound, bound))


class MBConv(nn.Module):
    """An inverted residual block that weighs its wide channels: (N, inputs, H, W) -> (N, outputs, H', W').

    Tan et al., *MnasNet* (2019); squeeze-and-excitation stands between the depthwise convolution and the narrow end.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        expansion: int,
        kernel: int,
        stride: int,
        drop: float = 0.0,
        **norm: float,
    ):
        hidden = inputs * expansion
        self.shortcut = stride == 1 and inputs == outputs
        self.block = nn.Sequential(
            *([conv_norm(inputs, hidden, act=nn.SiLU, **norm)] if hidden != inputs else []),
            conv_norm(hidden, hidden, kernel, stride, groups=hidden, act=nn.SiLU, **norm),
            SqueezeExcitation(hidden, max(1, inputs // 4)),
            conv_norm(hidden, outputs, act=None, **norm),
        )
        self.stochastic_depth = StochasticDepth(drop)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        return self.stochastic_depth(y) + x if self.shortcut else y


class SqueezeExcitation(nn.Module):
    """Each channel times a number in (0, 1) that two small layers compute from the means of all: (N, C, H, W), same.

    Hu, Shen and Sun, *Squeeze-and-excitation networks* (2018), here with SiLU inside as EfficientNet has it.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, channels: int, squeezed: int):
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.activation, self.scale_activation = nn.SiLU(), nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(x)))  # (N, C, H, W) -> (N, squeezed, 1, 1)
        return x * self.scale_activation(self.fc2(squeezed))


class StochasticDepth(nn.Module):
    """In training, a whole sample is zero with probability `p`, the others are divided by 1 - p: (N, ...), same shape.

    Behind a residual branch it skips the block. `p` is rounded as `Dropout` rounds it. `rng` is a Generator or a seed;
    None draws from the one `nn.manual_seed` seeds. Huang et al., *Deep networks with stochastic depth* (2016).

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def __init__(self, p: float, *, rng: Any = None):
        if not 0 <= p <= 1:
            raise ValueError(f"p={p}: a probability lies between 0 and 1")
        self.p, self.rng = p, None if rng is None else init.generator(rng)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        mask, factor = keep_mask((len(x), *(1,) * (x.ndim - 1)), self.p, self.rng)
        return x * placed(factor * mask, x.data)

    def extra_repr(self) -> str:
        return f"p={self.p}"
