"""LeNet-5, as it is built today and as it was built in 1998."""

from dataclasses import dataclass

import numpy as np

from utils import functional as F
from utils import nn
from utils.nn import init
from utils.ops import concatenate
from utils.tensor import Tensor

# Which of the six maps of S2 each of the sixteen maps of C3 sees (Table I of the paper)
SEEN = [{i % 6, (i + 1) % 6, (i + 2) % 6} for i in range(6)]
SEEN += [{i % 6, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6} for i in range(6)]
SEEN += [{0, 1, 3, 4}, {1, 2, 4, 5}, {0, 2, 3, 5}, set(range(6))]


@dataclass(frozen=True)
class LeNetConfig:
    """The settings of a `LeNet5`.

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    in_channels: int = 1
    n_classes: int = 10
    channels: tuple[int, int] = (6, 16)  # of the two convolutions
    hidden: tuple[int, int] = (120, 84)  # of the two hidden layers


class LeNet5(nn.Module):
    """LeNet-5 with ReLU and max-pooling: images (N, in_channels, 28, 28) -> scores (N, n_classes).

    61,706 parameters. After LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document
    recognition* (1998), of which `ClassicLeNet5` keeps more.

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    def __init__(self, config: LeNetConfig = LeNetConfig()):
        self.config = config
        (first, second), (wide, narrow) = config.channels, config.hidden
        self.conv1 = nn.Conv2d(config.in_channels, first, 5, padding=2)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.fc1 = nn.Linear(second * 5 * 5, wide)
        self.fc2 = nn.Linear(wide, narrow)
        self.fc3 = nn.Linear(narrow, config.n_classes)

    def forward(self, x: Tensor) -> Tensor:
        _check_digits(x, self.config.in_channels)
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, 6, 14, 14); ReLU last has a quarter of the work
        x = F.relu(F.max_pool2d(self.conv2(x), 2))  # (N, 16, 5, 5)
        x = F.relu(self.fc1(x.reshape(len(x), -1)))
        return self.fc3(F.relu(self.fc2(x)))


class ClassicLeNet5(nn.Module):
    r"""LeNet-5 as published: images (N, 1, 28, 28) -> scores (N, 10), with 60,000 parameters before the output.

    Subsampling with a factor and a bias of its own for each map, C3 connected by the paper's table, the activation
    $1.7159 \tanh(\frac23 x)$. The output is a Linear where the paper compares with drawn bitmaps of the characters.
    LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition* (1998).

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    def __init__(self, n_classes: int = 10):
        self.c1, self.s2 = nn.Conv2d(1, 6, 5, padding=2), _Subsampling(6)
        self.c3, self.s4 = _TableConv2d(SEEN, 5), _Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        _check_digits(x, 1)
        x = self.s2(_squash(self.c1(x)))
        x = self.s4(_squash(self.c3(x)))
        x = _squash(self.c5(x)).reshape(len(x), -1)
        return self.output(_squash(self.f6(x)))


class _Subsampling(nn.Module):
    """The mean of each 2 x 2 window, times a factor and plus a bias that each map has to itself, squashed."""

    def __init__(self, channels: int):
        self.weight = nn.Parameter(np.ones((channels, 1, 1), np.float32))
        self.bias = nn.Parameter(np.zeros((channels, 1, 1), np.float32))

    def forward(self, x: Tensor) -> Tensor:
        return _squash(F.avg_pool2d(x, 2) * self.weight + self.bias)


class _TableConv2d(nn.Module):
    """A convolution whose output maps see the input maps of a table; other kernels do not exist."""

    def __init__(self, table: list[set[int]], size: int):
        pairs = [(o, c) for o, seen in enumerate(table) for c in sorted(seen)]
        self.kernel_of = np.full((len(table), 1 + max(c for _, c in pairs)), len(pairs))  # the last one is 0
        self.kernel_of[tuple(zip(*pairs, strict=True))] = np.arange(len(pairs))
        self.weight = nn.Parameter(np.empty((len(pairs), size, size), np.float32))
        self.bias = nn.Parameter(np.empty(len(table), np.float32))
        bound = (size * size * len(pairs) / len(table)) ** -0.5
        for parameter in (self.weight, self.bias):
            init.uniform_(parameter, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        nothing = np.zeros((1, *self.weight.shape[1:]), self.weight.dtype)
        return F.conv2d(x, concatenate([self.weight, nothing])[self.kernel_of], self.bias)


def _squash(x: Tensor) -> Tensor:
    return 1.7159 * F.tanh(2 / 3 * x)


def _check_digits(x: Tensor, channels: int) -> None:
    if tuple(x.shape[1:]) != (channels, 28, 28):
        hint = ": add the axis of the channels with x[:, None]" if tuple(x.shape[1:]) == (28, 28) else ""
        raise ValueError(f"LeNet-5 expects images (N, {channels}, 28, 28) but got {tuple(x.shape)}{hint}")
