"""U-Net: an encoder that sees far, a decoder that sees sharply, and bridges between them."""

from dataclasses import dataclass

from utils import functional as F
from utils import nn
from utils.ops import concatenate
from utils.tensor import Tensor


@dataclass(frozen=True)
class UNetConfig:
    """The settings of a `UNet`; ValueError where they do not fit together.

    The network as published is `UNetConfig(n_classes=2, channels=(64, 128, 256, 512, 1024), norm=False, padded=False)`.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """

    in_channels: int = 1
    n_classes: int = 11
    channels: tuple[int, ...] = (8, 16, 32, 64)  # on each scale, the finest first
    convs: int = 2  # convolutions in each block
    norm: bool = True  # batch normalization
    padded: bool = True  # convolutions that keep height and width; else the answer is smaller than the image
    skips: bool = (
        True  # without them the decoder's maps are made twice as many, so that the rest stays as it is
    )

    def __post_init__(self) -> None:
        if len(self.channels) < 2:
            raise ValueError(f"channels={self.channels} must be of two scales or more: a U has two sides")


class UNet(nn.Module):
    """Images (N, C, H, W) -> a score for each class and pixel, (N, n_classes, H, W); H and W fit the halvings.

    Ronneberger, Fischer and Brox, *U-Net: convolutional networks for biomedical image segmentation* (2015).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """

    def __init__(self, config: UNetConfig = UNetConfig()):
        self.config = config
        widths = config.channels
        inputs = (config.in_channels, *widths)
        self.down = nn.ModuleList([_block(i, o, config) for i, o in zip(inputs, widths, strict=False)])
        self.up, self.merge = nn.ModuleList([]), nn.ModuleList([])
        for wide, narrow in zip(widths[:0:-1], widths[-2::-1], strict=True):
            made = narrow if config.skips else 2 * narrow
            self.up.append(nn.ConvTranspose2d(wide, made, 2, stride=2))
            self.merge.append(_block(2 * narrow, narrow, config))
        self.head = nn.Conv2d(widths[0], config.n_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        _check_image(x, self.config)
        bridges = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if bridges else x)
            bridges.append(x)
        for up, merge, bridge in zip(self.up, self.merge, bridges[-2::-1], strict=True):
            x = up(x)  # half the channels, twice the height and width
            x = merge(concatenate([_cropped(bridge, x), x], axis=1) if self.config.skips else x)
        return self.head(x)


def _block(inputs: int, outputs: int, config: UNetConfig) -> nn.Sequential:
    parts = []
    for channels in (inputs, *[outputs] * (config.convs - 1)):
        parts.append(nn.Conv2d(channels, outputs, 3, padding=int(config.padded), bias=not config.norm))
        parts += [nn.BatchNorm2d(outputs)] if config.norm else []
        parts.append(nn.ReLU())
    return nn.Sequential(*parts)


def _cropped(bridge: Tensor, x: Tensor) -> Tensor:
    """The middle of `bridge`, as high and wide as `x`."""
    top, left = ((b - s) // 2 for b, s in zip(bridge.shape[2:], x.shape[2:], strict=True))
    if not top and not left:
        return bridge
    return bridge[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def _check_image(x: Tensor, config: UNetConfig) -> None:
    if x.ndim != 4 or x.shape[1] != config.in_channels:
        hint = ": add the axis of the channels with x[:, None]" if x.ndim == 3 else ""
        raise ValueError(
            f"UNet expects images (N, {config.in_channels}, H, W) but got {tuple(x.shape)}{hint}"
        )
    for side in x.shape[2:]:
        _check_side(side, config)


def _check_side(side: int, config: UNetConfig) -> None:
    lost, left = 0 if config.padded else 2 * config.convs, side
    for _ in config.channels[1:]:
        left -= lost
        if left % 2 or left <= lost + 1:
            unit = 2 ** (len(config.channels) - 1)
            wanted = (
                f"a multiple of {unit}"
                if config.padded
                else "even before each halving, as 572 is in the paper"
            )
            raise ValueError(
                f"UNet got an image of side {side}, expected one that is {wanted}: pad or crop it"
            )
        left //= 2
