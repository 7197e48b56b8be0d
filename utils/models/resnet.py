"""Residual networks, of ImageNet's size and of CIFAR's, with torchvision's names of parameters."""

from dataclasses import dataclass, replace
from typing import Any

from utils import functional as F
from utils import nn
from utils.nn import init
from utils.ops import pad
from utils.tensor import Tensor

EXPANSION = {"basic": 1, "bottleneck": 4}  # channels that a block puts out, over its width


@dataclass(frozen=True)
class ResNetConfig:
    """The settings of a `ResNet`; the defaults are those of ResNet-18. ValueError where they do not fit together.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    layers: tuple[int, ...] = (2, 2, 2, 2)  # blocks of each stage; a stage after the first halves the image
    widths: tuple[int, ...] = (64, 128, 256, 512)  # channels of the 3 x 3 convolutions of each stage
    block: str = "basic"  # two 3 x 3 convolutions, or "bottleneck": 1 x 1, 3 x 3, 1 x 1
    stem: str = "imagenet"  # 7 x 7 and pooling, which leave a quarter of height and width, or "cifar": 3 x 3
    shortcut: str = "B"  # where the shape changes: "A" fills channels up with zeros, "B" projects
    skip: bool = True  # False: the plain network, without any shortcut
    zero_init: bool = False  # the last scale of each block begins at 0 (Goyal et al. 2017)
    in_channels: int = 3
    n_classes: int = 1000

    def __post_init__(self) -> None:
        if len(self.layers) != len(self.widths) or not self.layers:
            raise ValueError(f"layers={self.layers}, widths={self.widths} must be of one length, 1 or more")
        if min(self.layers + self.widths) < 1:
            raise ValueError(f"layers={self.layers}, widths={self.widths} must be 1 or more each")
        known = {"block": tuple(EXPANSION), "stem": ("imagenet", "cifar"), "shortcut": ("A", "B")}
        for name, choices in known.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected one of {', '.join(choices)}")
        if self.zero_init and not self.skip:
            raise ValueError("zero_init=True with skip=False would let nothing through: drop one of the two")

    @property
    def depth(self) -> int:
        """Layers with weights on the way from input to output, as in the names of the networks."""
        return 2 + sum(self.layers) * (2 if self.block == "basic" else 3)

    @classmethod
    def resnet18(cls, **settings: Any) -> "ResNetConfig":
        """11,689,512 parameters."""
        return replace(cls(), **settings)

    @classmethod
    def resnet34(cls, **settings: Any) -> "ResNetConfig":
        """21,797,672 parameters."""
        return replace(cls((3, 4, 6, 3)), **settings)

    @classmethod
    def resnet50(cls, **settings: Any) -> "ResNetConfig":
        """25,557,032 parameters."""
        return replace(cls((3, 4, 6, 3), block="bottleneck"), **settings)

    @classmethod
    def resnet101(cls, **settings: Any) -> "ResNetConfig":
        """44,549,160 parameters."""
        return replace(cls((3, 4, 23, 3), block="bottleneck"), **settings)

    @classmethod
    def resnet152(cls, **settings: Any) -> "ResNetConfig":
        """60,192,808 parameters."""
        return replace(cls((3, 8, 36, 3), block="bottleneck"), **settings)

    @classmethod
    def cifar(cls, n: int, widths: tuple[int, ...] = (16, 32, 64), **settings: Any) -> "ResNetConfig":
        """The paper's networks for CIFAR-10, of 6n + 2 layers, with shortcuts "A"; n=3 has 0.27 M parameters."""
        if n < 1:
            raise ValueError(f"n={n} blocks in each stage must be 1 or more")
        config = cls((n,) * len(widths), widths, stem="cifar", shortcut="A", n_classes=10)
        return replace(config, **settings)

    @classmethod
    def small(cls, **settings: Any) -> "ResNetConfig":
        """8 layers for images of 16 x 16 pixels, with 75,290 parameters."""
        return cls.cifar(1, **settings)


class ResNet(nn.Module):
    """Blocks whose input is added to their output: images (N, in_channels, H, W) -> scores (N, n_classes).

    The stride of a bottleneck is that of its 3 x 3 convolution, as in torchvision (the paper's is in the first 1 x 1).
    He, Zhang, Ren and Sun, *Deep residual learning for image recognition* (2016).

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    def __init__(self, config: ResNetConfig = ResNetConfig()):
        self.config = config
        kernel, stride = (7, 2) if config.stem == "imagenet" else (3, 1)
        channels = config.widths[0]
        self.conv1 = nn.Conv2d(config.in_channels, channels, kernel, stride, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for i, (n, width) in enumerate(zip(config.layers, config.widths, strict=True)):
            strides = [1 if i == 0 else 2] + [1] * (n - 1)
            blocks = []
            for s in strides:
                blocks.append(ResidualBlock(channels, width, s, config))
                channels = blocks[-1].out_channels
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, config.n_classes)
        self.reset_parameters()

    def reset_parameters(self, rng: Any = None) -> None:
        """He's normal first values for convolutions, by their outputs; scales 1, or 0 where `zero_init` says so."""
        rng = init.generator(rng)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", rng=rng)
            elif isinstance(module, ResidualBlock) and self.config.zero_init:
                init.zeros_(module.last_norm.weight)

    @property
    def blocks(self) -> list["ResidualBlock"]:
        """All blocks, from the input to the output."""
        return [module for module in self.modules() if isinstance(module, ResidualBlock)]

    def forward(self, x: Tensor) -> Tensor:
        if len(x.shape) != 4 or x.shape[1] != self.config.in_channels:
            hint = ": add the batch axis with x[None]" if len(x.shape) == 3 else ""
            expected = f"(N, {self.config.in_channels}, H, W)"
            raise ValueError(f"ResNet expects images {expected} but got {tuple(x.shape)}{hint}")
        x = F.relu(self.bn1(self.conv1(x)))
        if self.config.stem == "imagenet":
            x = F.max_pool2d(x, 3, 2, 1)
        for block in self.blocks:
            x = block(x)
        return self.fc(x.mean((2, 3)))


class ResidualBlock(nn.Module):
    r"""$y = \mathrm{relu}(S(x) + F(x))$: convolutions F beside a shortcut S, the identity where shapes allow it.

    (N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride). Without `skip` it is relu(F(x)).

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    def __init__(self, in_channels: int, width: int, stride: int, config: ResNetConfig):
        self.out_channels = out = width * EXPANSION[config.block]
        self.stride, self.skip = stride, config.skip
        sizes = [(in_channels, width, 3, stride), (width, width, 3, 1)]
        if config.block == "bottleneck":
            sizes = [(in_channels, width, 1, 1), (width, width, 3, stride), (width, out, 1, 1)]
        self.n_convs = len(sizes)
        for i, (a, b, kernel, s) in enumerate(sizes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, s, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.downsample = None
        if config.skip and config.shortcut == "B" and (stride > 1 or in_channels != out):
            projection = nn.Conv2d(in_channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(out))

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The normalization at the end of the residual branch."""
        return getattr(self, f"bn{self.n_convs}")

    def residual(self, x: Tensor) -> Tensor:
        """F(x), what the block adds."""
        for i in range(1, self.n_convs + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            x = F.relu(x) if i < self.n_convs else x
        return x

    def shortcut(self, x: Tensor) -> Tensor:
        """S(x): x itself, projected, or every `stride`-th pixel of it with channels of zeros behind."""
        if self.downsample is not None:
            return self.downsample(x)
        missing = self.out_channels - x.shape[1]
        x = x[:, :, :: self.stride, :: self.stride] if self.stride > 1 else x
        return pad(x, (0, 0, 0, 0, 0, missing)) if missing else x

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.residual(x) if self.skip else self.residual(x))
