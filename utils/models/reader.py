"""Reading a row of digits: a convolutional network over the columns, and counting instead of cutting."""

from dataclasses import dataclass

import numpy as np

from utils import functional as F
from utils import nn
from utils.ops import cumsum
from utils.tensor import Tensor

COLUMN = 4  # pixels from one column to the next
COUNT_WEIGHT = 1.0  # of the squared relative error of the count, beside the cross-entropy


@dataclass(frozen=True)
class ReaderConfig:
    """The settings of a `Reader`; ValueError where they do not fit together.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """

    height: int = 32  # of the pictures, in pixels
    channels: tuple[int, int, int, int] = (16, 32, 64, 128)
    context: int = 5  # columns that the last convolution sees, odd
    n_classes: int = 10
    first_mass: float = 1 / 7  # of a digit, that each column of an untrained reader adds to the count

    def __post_init__(self) -> None:
        if self.height < 8 or self.height % 8:
            raise ValueError(f"height={self.height} must be a multiple of 8: it is halved three times")
        if self.context % 2 == 0:
            raise ValueError(f"context={self.context} must be odd, to keep the number of columns")
        if not 0 < self.first_mass < 1:
            raise ValueError(f"first_mass={self.first_mass} must lie between 0 and 1")


class Reader(nn.Module):
    """A network that sees a picture as columns: (N, 1, height, W) -> (N, W / 4, n_classes + 1), for W of 4 or more.

    Of the last axis, the first `n_classes` are a column's votes for the class of the digit it belongs to, the last
    is the logit of its mass: which part of a digit it adds to the count. `read` makes digits of them. All layers are
    convolutions, so that pictures may be of any width, and hold any number of digits.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """

    def __init__(self, config: ReaderConfig = ReaderConfig()):
        self.config = config
        one, two, three, four = config.channels
        self.layers = nn.Sequential(
            *[nn.Conv2d(1, one, 5, padding=2, bias=False), nn.MaxPool2d(2), *_normalized(one)],
            *[nn.Conv2d(one, two, 3, padding=1, bias=False), nn.MaxPool2d(2), *_normalized(two)],
            *[nn.Conv2d(two, three, 3, padding=1, bias=False), nn.MaxPool2d((2, 1)), *_normalized(three)],
            *[
                nn.Conv2d(three, four, (config.height // 8, 3), padding=(0, 1), bias=False),
                *_normalized(four),
            ],
            *[nn.Conv2d(four, four, (1, config.context), padding=(0, config.context // 2), bias=False)],
            *_normalized(four),
            nn.Conv2d(four, config.n_classes + 1, 1),
        )
        self.layers[-1].bias.data[-1] = np.log(config.first_mass / (1 - config.first_mass))

    def forward(self, x: Tensor) -> Tensor:
        height = self.config.height
        if x.ndim != 4 or tuple(x.shape[1:3]) != (1, height) or x.shape[3] < COLUMN:
            hint = (
                ": add the axis of the channels with x[:, None]" if tuple(x.shape[1:2]) == (height,) else ""
            )
            raise ValueError(
                f"Reader expects pictures (N, 1, {height}, W), W of {COLUMN} or more, but got {tuple(x.shape)}{hint}"
            )
        z = self.layers(x)  # (N, K + 1, 1, T)
        return z.reshape(*z.shape[:2], -1).swapaxes(1, 2)


def _normalized(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]


def shares(mass: Tensor, length: int) -> Tensor:
    r"""How much of each column goes to each digit: mass (N, T), not negative -> (N, length, T).

    The masses add up to a running count $c_t$; digit k takes what column t adds to it between k and k + 1:
    $a_{kt} = \mathrm{clip}(c_t - k, 0, 1) - \mathrm{clip}(c_{t-1} - k, 0, 1)$. Where the count reaches k + 1, the
    shares of digit k sum to 1. Dong and Xu, *CIF: continuous integrate-and-fire* (2020), without its recurrence.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """
    n, columns = mass.shape
    start = np.arange(length, dtype=mass.dtype)[:, None]
    after = cumsum(mass, axis=1).reshape(n, 1, columns)
    before = after - mass.reshape(n, 1, columns)
    return (after - start).clip(0, 1) - (before - start).clip(0, 1)


def read(columns: Tensor, length: int | None = None) -> Tensor:
    """Scores of the digits (N, length, n_classes), of the columns (N, T, n_classes + 1) of a `Reader`.

    A score is the mean of the columns' votes, weighted by `shares`. With `length` the masses are scaled to so many
    digits; without it they stand as they are, and all pictures give as many as the longest holds.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """
    mass = F.sigmoid(columns[:, :, -1])
    total = mass.sum(axis=1, keepdims=True)
    if length is None:
        length = max(1, round(float(total.data.max())))
    else:
        mass = mass * (length / total)
    return shares(mass, length) @ columns[:, :, :-1]


def reading_loss(columns: Tensor, labels: np.ndarray) -> Tensor:
    """Cross-entropy of the digits `labels` (N, length), and the squared relative error of their count.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """
    length = labels.shape[1]
    scores = read(columns, length)
    count = F.sigmoid(columns[:, :, -1]).sum(axis=1)
    cross_entropy = F.cross_entropy(scores.reshape(-1, scores.shape[2]), labels.reshape(-1))
    return cross_entropy + COUNT_WEIGHT * ((count / length - 1) ** 2).mean()
