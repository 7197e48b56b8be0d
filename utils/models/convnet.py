"""Small convolutional networks for digits."""

from dataclasses import dataclass

from utils import nn
from utils.tensor import Tensor


@dataclass(frozen=True)
class ConvNetConfig:
    """The settings of a `ConvNet`; ValueError where they do not fit together.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    in_channels: int = 1
    size: int = 28  # height and width of the images
    channels: tuple[int, ...] = (16, 32, 64)  # of the convolutions
    kernels: tuple[int, ...] = (5, 3, 3)  # their heights and widths, odd
    pooled: tuple[bool, ...] = (True, True, False)  # whether each halves height and width
    hidden: int = 128  # units of the layer before the output; 0 for none
    norm: bool = True  # batch normalization
    dropout: float = 0.3  # of the features, and of the hidden layer
    n_classes: int = 10

    def __post_init__(self) -> None:
        if not len(self.channels) == len(self.kernels) == len(self.pooled):
            raise ValueError(
                f"channels={self.channels}, kernels={self.kernels}, pooled={self.pooled} must be of one length"
            )
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels={self.kernels} must be odd, to keep height and width")
        if self.features[1] < 1:
            raise ValueError(f"pooled={self.pooled} leaves nothing of {self.size} pixels: halve less often")

    @property
    def features(self) -> tuple[int, int]:
        """Channels, and height or width, of what the convolutions make of an image."""
        return self.channels[-1], self.size >> sum(self.pooled)


class ConvNet(nn.Module):
    """Convolutions that widen while pooling shrinks, then a hidden layer: (N, C, H, W) -> scores (N, n_classes).

    In the manner of VGG (Simonyan and Zisserman 2015), with batch normalization (Ioffe and Szegedy 2015). Of
    what follows a convolution pooling comes first: it leaves a quarter of the work to the others.

    Notebook: 03-cnn/convolution-basics/05-batch-normalization.ipynb
    """

    def __init__(self, config: ConvNetConfig = ConvNetConfig()):
        self.config = config
        inputs = (config.in_channels, *config.channels)
        stages = zip(inputs, config.channels, config.kernels, config.pooled, strict=False)
        self.features = nn.Sequential(*[part for stage in stages for part in self._stage(*stage)])
        self.classifier = nn.Sequential(nn.Flatten(), *self._head())

    def _stage(self, inputs: int, outputs: int, kernel: int, pooled: bool) -> list[nn.Module]:
        norm = self.config.norm
        parts = [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=not norm)]
        parts += [nn.MaxPool2d(2)] if pooled else []
        parts += [nn.BatchNorm2d(outputs)] if norm else []
        return [*parts, nn.ReLU()]

    def _head(self) -> list[nn.Module]:
        config = self.config
        channels, size = config.features
        width, parts = channels * size * size, []
        if config.hidden:
            parts = [nn.Dropout(config.dropout), nn.Linear(width, config.hidden), nn.ReLU()]
            width = config.hidden
        return [*parts, nn.Dropout(config.dropout), nn.Linear(width, config.n_classes)]

    def forward(self, x: Tensor) -> Tensor:
        config = self.config
        expected = config.in_channels, config.size, config.size
        if tuple(x.shape[1:]) != expected:
            hint = (
                ": add the axis of the channels with x[:, None]" if tuple(x.shape[1:]) == expected[1:] else ""
            )
            raise ValueError(
                f"ConvNet expects images (N, {', '.join(map(str, expected))}) but got {tuple(x.shape)}{hint}"
            )
        return self.classifier(self.features(x))
