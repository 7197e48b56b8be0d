"""AlexNet, as it is built today and with the settings of 2012."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from utils import functional as F
from utils import nn
from utils.models.mlp import ACTIVATIONS
from utils.nn import init
from utils.tensor import Tensor


@dataclass(frozen=True)
class AlexNetConfig:
    """The settings of an `AlexNet`; the defaults are the single-device version for ImageNet.

    Five convolutions, each with a number of channels, a kernel, a number of groups, and pooling behind it or not.
    ValueError where the settings do not fit together.

    Notebook: 03-cnn/architectures/01-alexnet.ipynb
    """

    in_channels: int = 3
    n_classes: int = 1000
    channels: tuple[int, ...] = (64, 192, 384, 256, 256)
    kernels: tuple[int, ...] = (11, 5, 3, 3, 3)
    groups: tuple[int, ...] = (1, 1, 1, 1, 1)
    pooled: tuple[bool, ...] = (True, True, False, False, True)
    stride: int = 4  # of the first convolution
    pool: tuple[int, int] = (3, 2)  # the window and the stride of the pooling; equal ones do not overlap
    activation: str = "relu"
    local_response_norm: bool = False  # behind the first two activations
    grid: int = 6  # height and width of the features that reach the classifier
    hidden: tuple[int, ...] = (4096, 4096)  # units of the hidden fully connected layers
    dropout: float = 0.5

    def __post_init__(self) -> None:
        parts = (self.channels, self.kernels, self.groups, self.pooled)
        if len({len(part) for part in parts}) != 1:
            raise ValueError(
                f"channels={self.channels}, kernels={self.kernels}, groups={self.groups}, pooled={self.pooled} "
                "must be of one length: an entry for each convolution"
            )
        if any(kernel % 2 == 0 for kernel in self.kernels):
            raise ValueError(f"kernels={self.kernels} must be odd, so that the padding has a middle")
        for inputs, outputs, groups in zip(self._inputs, self.channels, self.groups, strict=True):
            if inputs % groups or outputs % groups:
                raise ValueError(
                    f"groups={groups} divides {inputs} -> {outputs} channels unequally: use 1 or 2"
                )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: expected one of {', '.join(ACTIVATIONS)}")

    @classmethod
    def original(cls) -> "AlexNetConfig":
        """The network of the paper: two groups for two GPUs, local response normalization, 60,965,224 parameters."""
        return cls(channels=(96, 256, 384, 384, 256), groups=(1, 2, 1, 2, 2), local_response_norm=True)

    @classmethod
    def small(cls) -> "AlexNetConfig":
        """For CIFAR-10 images of 16 x 16 pixels: 162,066 parameters, 1.8 million multiply-adds."""
        return cls(
            n_classes=10,
            channels=(16, 40, 64, 48, 48),
            kernels=(5, 5, 3, 3, 3),
            pooled=(True, True, False, False, False),
            stride=1,
            grid=3,
            hidden=(128, 128),
            dropout=0.1,
        )

    @property
    def _inputs(self) -> tuple[int, ...]:
        return self.in_channels, *self.channels[:-1]

    @property
    def features(self) -> int:
        """How many numbers reach the classifier."""
        return self.channels[-1] * self.grid**2

    @property
    def num_parameters(self) -> int:
        """How many parameters the model has, without building it."""
        convolutions = zip(self._inputs, self.channels, self.kernels, self.groups, strict=True)
        linears = pairwise((self.features, *self.hidden, self.n_classes))
        return sum(o * (i // g * k * k + 1) for i, o, k, g in convolutions) + sum(
            o * (i + 1) for i, o in linears
        )

    @property
    def smallest(self) -> int:
        """The least height and width of an image of which pooling leaves something."""
        size, (window, stride) = 1, self.pool
        for number, (kernel, pooled) in reversed(
            list(enumerate(zip(self.kernels, self.pooled, strict=True)))
        ):
            size = (size - 1) * stride + window if pooled else size
            size = max(1, (size - 1) * self._stride(number) + kernel - 2 * self._padding(number))
        return size

    def _stride(self, number: int) -> int:
        return self.stride if number == 0 else 1

    def _padding(self, number: int) -> int:
        return min(2, self.kernels[number] // 2)


class AlexNet(nn.Module):
    """Five convolutions, then fully connected layers: images (N, C, H, W) -> scores (N, n_classes).

    The default has 61,100,840 parameters, named as torchvision names them, whose weights load. Where nothing stands
    between an activation and the pooling behind it, pooling comes first: the numbers are the same, and a quarter of
    the work is left to the activation. First values: normal with variance 2 / fan-in (He et al. 2015), biases 0.

    Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* (2012), in
    the version of Krizhevsky, *One weird trick for parallelizing convolutional neural networks* (2014).

    Notebook: 03-cnn/architectures/01-alexnet.ipynb
    """

    def __init__(self, config: AlexNetConfig = AlexNetConfig()):
        self.config = config
        self.features = nn.Sequential(*self._features())
        self.avgpool = nn.AdaptiveAvgPool2d(config.grid)
        self.classifier = nn.Sequential(*self._classifier())
        self.apply(he_normal)

    def _features(self) -> Iterator[nn.Module]:
        config = self.config
        for i, (inputs, outputs) in enumerate(zip(config._inputs, config.channels, strict=True)):
            yield nn.Conv2d(
                inputs,
                outputs,
                config.kernels[i],
                config._stride(i),
                config._padding(i),
                groups=config.groups[i],
            )
            pool = [nn.MaxPool2d(*config.pool)] if config.pooled[i] else []
            activation = ACTIVATIONS[config.activation]()
            if config.local_response_norm and i < 2:
                yield from [activation, LocalResponseNorm(), *pool]
            else:
                yield from [*pool, activation]

    def _classifier(self) -> Iterator[nn.Module]:
        config = self.config
        *hidden, last = pairwise((config.features, *config.hidden, config.n_classes))
        for inputs, outputs in hidden:
            yield nn.Dropout(config.dropout)
            yield nn.Linear(inputs, outputs)
            yield ACTIVATIONS[config.activation]()
        yield nn.Linear(*last)

    def forward(self, x: Tensor) -> Tensor:
        check_images(self, x, self.config.in_channels, self.config.smallest)
        x = self.avgpool(self.features(x))  # (N, C, grid, grid)
        return self.classifier(x.reshape(len(x), -1))


class LocalResponseNorm(nn.Module):
    r"""Divide each entry by what the neighbouring channels show at the same place: (N, C, H, W), `size` odd.

    $y_c = x_c \,/\, \bigl(k + \frac{\alpha}{n} \sum_{c'} x_{c'}^2\bigr)^{\beta}$, over the $n$ = `size` channels around
    $c$. As in PyTorch the sum is divided by $n$; the paper's $\alpha = 10^{-4}$ is $n\alpha$ here, hence the default.
    Krizhevsky, Sutskever and Hinton, *ImageNet classification with deep convolutional neural networks* (2012).

    Notebook: 03-cnn/architectures/01-alexnet.ipynb
    """

    def __init__(self, size: int = 5, alpha: float = 5e-4, beta: float = 0.75, k: float = 2.0):
        if size < 1 or size % 2 == 0:
            raise ValueError(f"size={size} must be odd: as many channels before as behind")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        N, C, H, W = x.shape
        squares = (x * x).reshape(N, 1, C, H * W)
        mean = F.avg_pool2d(squares, (self.size, 1), stride=1, padding=(self.size // 2, 0))
        return x * (self.k + self.alpha * mean.reshape(N, C, H, W)) ** -self.beta

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def he_normal(module: nn.Module) -> None:
    """Draw the weights of a convolution or Linear from a normal of variance 2 / fan-in; biases become 0."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            init.zeros_(module.bias)


def check_images(model: nn.Module, x: Tensor, channels: int, smallest: int) -> None:
    """ValueError unless `x` is (N, channels, H, W) with sides of `smallest` pixels or more."""
    name = type(model).__name__
    if x.ndim != 4 or x.shape[1] != channels:
        hint = ": add the axis of the batch with x[None]" if x.ndim == 3 and x.shape[0] == channels else ""
        raise ValueError(f"{name} expects images (N, {channels}, H, W) but got {tuple(x.shape)}{hint}")
    if min(x.shape[2:]) < smallest:
        raise ValueError(
            f"{name} pools images of {x.shape[2]} x {x.shape[3]} pixels down to nothing: enlarge them to {smallest} "
            f"or more, or build {name}({name}Config.small())"
        )
