"""VGG: blocks of small kernels, halved in height and width between them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from utils import nn
from utils.models.alexnet import check_images, he_normal
from utils.tensor import Tensor

Blocks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class VGGConfig:
    """The settings of a `VGG`; the defaults are those of VGG-16 for ImageNet. ValueError where a block is empty.

    Notebook: 03-cnn/architectures/02-vgg.ipynb
    """

    in_channels: int = 3
    n_classes: int = 1000
    blocks: Blocks = (
        (64,) * 2,
        (128,) * 2,
        (256,) * 3,
        (512,) * 3,
        (512,) * 3,
    )  # channels; pooling ends a block
    norm: bool = False  # batch normalization behind every convolution
    grid: int = 7  # height and width of the features that reach the classifier; 1 is global average pooling
    hidden: tuple[int, ...] = (4096, 4096)  # units of the hidden fully connected layers
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if not self.blocks or any(len(block) == 0 or min(block) < 1 for block in self.blocks):
            raise ValueError(
                f"blocks={self.blocks}: every block needs one convolution or more, each with channels, as in "
                "((64,), (128, 128))"
            )
        if self.grid < 1:
            raise ValueError(f"grid={self.grid} must be 1 or more: 1 is global average pooling")

    @classmethod
    def vgg11(cls) -> "VGGConfig":
        """Configuration A of the paper: 132,863,336 parameters."""
        return cls._of_depths(1, 1, 2, 2, 2)

    @classmethod
    def vgg13(cls) -> "VGGConfig":
        """Configuration B: 133,047,848 parameters."""
        return cls._of_depths(2, 2, 2, 2, 2)

    @classmethod
    def vgg16(cls) -> "VGGConfig":
        """Configuration D: 138,357,544 parameters."""
        return cls._of_depths(2, 2, 3, 3, 3)

    @classmethod
    def vgg19(cls) -> "VGGConfig":
        """Configuration E: 143,667,240 parameters."""
        return cls._of_depths(2, 2, 4, 4, 4)

    @classmethod
    def _of_depths(cls, *depths: int) -> "VGGConfig":
        widths = (64, 128, 256, 512, 512)
        return cls(blocks=tuple((width,) * depth for width, depth in zip(widths, depths, strict=True)))

    @classmethod
    def small(cls) -> "VGGConfig":
        """For CIFAR-10 images of 16 x 16 pixels: 106,714 parameters, 2.5 million multiply-adds."""
        blocks = ((16, 16), (32, 32), (64, 64))
        return cls(n_classes=10, blocks=blocks, norm=True, grid=2, hidden=(128,), dropout=0.1)

    def with_norm(self) -> "VGGConfig":
        """The same with batch normalization."""
        return replace(self, norm=True)

    @property
    def depth(self) -> int:
        """How many layers have weights, as the number in a name says."""
        return sum(map(len, self.blocks)) + len(self.hidden) + 1

    @property
    def features(self) -> int:
        """How many numbers reach the classifier."""
        return self.blocks[-1][-1] * self.grid**2

    @property
    def num_parameters(self) -> int:
        """How many parameters the model has, without building it."""
        channels = [self.in_channels, *(width for block in self.blocks for width in block)]
        linears = pairwise((self.features, *self.hidden, self.n_classes))
        beside = 3 if self.norm else 1  # a bias; factor and shift of the normalization
        return sum(o * (9 * i + beside) for i, o in pairwise(channels)) + sum(o * (i + 1) for i, o in linears)

    @property
    def smallest(self) -> int:
        """The least height and width of an image of which pooling leaves something."""
        return 2 ** len(self.blocks)


class VGG(nn.Module):
    """Blocks of 3 x 3 convolutions with pooling behind each, then a classifier: (N, C, H, W) -> (N, n_classes).

    The default, VGG-16, has 138,357,544 parameters, named as torchvision names them, whose weights load. Pooling
    stands before the ReLU of a block's last convolution: the numbers are the same for a quarter of its work. First
    values: normal with variance 2 / fan-in (He et al. 2015), biases 0.

    Simonyan and Zisserman, *Very deep convolutional networks for large-scale image recognition* (2015).

    Notebook: 03-cnn/architectures/02-vgg.ipynb
    """

    def __init__(self, config: VGGConfig = VGGConfig()):
        self.config = config
        self.features = nn.Sequential(*self._features())
        self.avgpool = nn.AdaptiveAvgPool2d(config.grid)
        self.classifier = nn.Sequential(*self._classifier())
        self.apply(he_normal)

    def _features(self) -> Iterator[nn.Module]:
        inputs = self.config.in_channels
        for block in self.config.blocks:
            for i, outputs in enumerate(block, 1):
                yield nn.Conv2d(inputs, outputs, 3, padding=1)
                if self.config.norm:
                    yield nn.BatchNorm2d(outputs)
                if i == len(block):
                    yield nn.MaxPool2d(2)
                yield nn.ReLU()
                inputs = outputs

    def _classifier(self) -> Iterator[nn.Module]:
        config = self.config
        *hidden, last = pairwise((config.features, *config.hidden, config.n_classes))
        for inputs, outputs in hidden:
            yield from [nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(config.dropout)]
        yield nn.Linear(*last)

    def forward(self, x: Tensor) -> Tensor:
        check_images(self, x, self.config.in_channels, self.config.smallest)
        x = self.avgpool(self.features(x))  # (N, C, grid, grid)
        return self.classifier(x.reshape(len(x), -1))
