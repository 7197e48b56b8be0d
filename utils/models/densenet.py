"""Densely connected networks, of ImageNet's size and of CIFAR's, with torchvision's names of parameters."""

from dataclasses import dataclass, replace
from typing import Any

from utils import functional as F
from utils import nn
from utils.nn import init
from utils.ops import concatenate
from utils.tensor import Tensor


@dataclass(frozen=True)
class DenseNetConfig:
    """The settings of a `DenseNet`; the defaults are those of DenseNet-121. ValueError for numbers out of range.

    Notebook: 03-cnn/architectures/04-densenet.ipynb
    """

    blocks: tuple[int, ...] = (6, 12, 24, 16)  # layers of each dense block; between two of them a transition
    growth: int = 32  # channels that each layer adds
    init_channels: int = 64  # channels before the first block
    bottleneck: int = (
        4  # the 1 x 1 convolution before a 3 x 3 one has so many times `growth` channels; 0: none
    )
    compression: float = 0.5  # share of the channels that a transition keeps
    stem: str = "imagenet"  # 7 x 7 and pooling, which leave a quarter of height and width, or "cifar": 3 x 3
    dropout: float = 0.0  # of what each layer adds
    in_channels: int = 3
    n_classes: int = 1000

    def __post_init__(self) -> None:
        if not self.blocks or min(self.blocks) < 1:
            raise ValueError(f"blocks={self.blocks} must name one block or more, each of 1 layer or more")
        if min(self.growth, self.init_channels) < 1:
            raise ValueError(f"growth={self.growth}, init_channels={self.init_channels} must be 1 or more")
        if self.bottleneck < 0:
            raise ValueError(f"bottleneck={self.bottleneck} must be 0, for none, or more")
        if not 0 < self.compression <= 1:
            raise ValueError(f"compression={self.compression} is a share of the channels: above 0, at most 1")
        if self.stem not in ("imagenet", "cifar"):
            raise ValueError(f"stem={self.stem!r}: expected one of imagenet, cifar")

    @property
    def channels(self) -> tuple[tuple[int, int], ...]:
        """Channels before and after each dense block."""
        before, found = self.init_channels, []
        for n in self.blocks:
            found.append((before, before + n * self.growth))
            before = int(found[-1][1] * self.compression)
        return tuple(found)

    @classmethod
    def densenet121(cls, **settings: Any) -> "DenseNetConfig":
        """7,978,856 parameters."""
        return replace(cls(), **settings)

    @classmethod
    def densenet169(cls, **settings: Any) -> "DenseNetConfig":
        """14,149,480 parameters."""
        return replace(cls((6, 12, 32, 32)), **settings)

    @classmethod
    def densenet201(cls, **settings: Any) -> "DenseNetConfig":
        """20,013,928 parameters."""
        return replace(cls((6, 12, 48, 32)), **settings)

    @classmethod
    def cifar(cls, n: int, growth: int = 12, **settings: Any) -> "DenseNetConfig":
        """The paper's DenseNet-BC for CIFAR-10: three blocks of n layers, 6n + 4 layers in all."""
        config = cls((n,) * 3, growth, 2 * growth, stem="cifar", n_classes=10)
        return replace(config, **settings)

    @classmethod
    def small(cls, **settings: Any) -> "DenseNetConfig":
        """For images of 16 x 16 pixels: few layers where pixels are many, many where they are few."""
        return cls.cifar(1, 8, **{"blocks": (2, 4, 8), **settings})


class DenseNet(nn.Module):
    """Each layer sees the outputs of all before it: images (N, in_channels, H, W) -> scores (N, n_classes).

    Huang, Liu, van der Maaten and Weinberger, *Densely connected convolutional networks* (2017).

    Notebook: 03-cnn/architectures/04-densenet.ipynb
    """

    def __init__(self, config: DenseNetConfig = DenseNetConfig()):
        self.config = config
        parts = self._stem()
        for i, (n, (before, after)) in enumerate(zip(config.blocks, config.channels, strict=True), 1):
            parts[f"denseblock{i}"] = DenseBlock(n, before, config)
            if i < len(config.blocks):
                parts[f"transition{i}"] = Transition(after, config.channels[i][0])
        parts["norm5"] = nn.BatchNorm2d(after)
        self.features = nn.Sequential(parts)
        self.classifier = nn.Linear(after, config.n_classes)
        self.reset_parameters()

    def _stem(self) -> dict[str, nn.Module]:
        inputs, outputs = self.config.in_channels, self.config.init_channels
        if self.config.stem == "cifar":
            return {"conv0": nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)}
        conv = nn.Conv2d(inputs, outputs, 7, 2, 3, bias=False)
        pool = nn.MaxPool2d(3, 2, 1)
        return {"conv0": conv, "norm0": nn.BatchNorm2d(outputs), "relu0": nn.ReLU(), "pool0": pool}

    def reset_parameters(self, rng: Any = None) -> None:
        """He's normal first values for convolutions; the output's bias 0."""
        rng = init.generator(rng)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init.kaiming_normal_(module.weight, nonlinearity="relu", rng=rng)
        init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        if len(x.shape) != 4 or x.shape[1] != self.config.in_channels:
            hint = ": add the batch axis with x[None]" if len(x.shape) == 3 else ""
            expected = f"(N, {self.config.in_channels}, H, W)"
            raise ValueError(f"DenseNet expects images {expected} but got {tuple(x.shape)}{hint}")
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


class DenseBlock(nn.Module):
    """(N, C, H, W) -> (N, C + n growth, H, W): the input, then what each of the n layers made of all before it.

    Notebook: 03-cnn/architectures/04-densenet.ipynb
    """

    def __init__(self, n: int, channels: int, config: DenseNetConfig):
        for i in range(n):
            setattr(self, f"denselayer{i + 1}", DenseLayer(channels + i * config.growth, config))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = concatenate([x, layer(x)], axis=1)
        return x


class DenseLayer(nn.Module):
    """Norm, ReLU, 1 x 1, norm, ReLU, 3 x 3: (N, C, H, W) -> (N, growth, H, W); without `bottleneck` no 1 x 1.

    Notebook: 03-cnn/architectures/04-densenet.ipynb
    """

    def __init__(self, channels: int, config: DenseNetConfig):
        self.norm1 = nn.BatchNorm2d(channels)
        if config.bottleneck:
            inner = config.bottleneck * config.growth
            self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(inner)
            self.conv2 = nn.Conv2d(inner, config.growth, 3, padding=1, bias=False)
        else:
            self.conv1, self.conv2 = nn.Conv2d(channels, config.growth, 3, padding=1, bias=False), None
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(F.relu(self.norm1(x)))
        x = self.conv2(F.relu(self.norm2(x))) if self.conv2 is not None else x
        return self.dropout(x)


class Transition(nn.Module):
    """Norm, ReLU, 1 x 1, then means of 2 x 2 pixels: (N, C, H, W) -> (N, out_channels, H / 2, W / 2).

    Notebook: 03-cnn/architectures/04-densenet.ipynb
    """

    def __init__(self, channels: int, out_channels: int):
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)
