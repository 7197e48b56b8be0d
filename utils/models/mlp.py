"""Multilayer perceptrons."""

from dataclasses import dataclass
from itertools import pairwise

from utils import nn
from utils.tensor import Tensor

ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}
NORMS = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


@dataclass(frozen=True)
class MLPConfig:
    """The settings of an `MLP`; ValueError for one that it does not know.

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """

    sizes: tuple[int, ...] = (784, 512, 256, 10)  # of the input, the hidden layers, the output
    activation: str = "relu"
    norm: str | None = None  # "batch" or "layer", between a hidden product and its activation
    dropout: float = 0.0  # behind every hidden activation
    bias: bool = True

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or min(self.sizes) < 1:
            raise ValueError(f"sizes={self.sizes} must name input and output, each 1 or more: (784, 10)")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: expected one of {', '.join(ACTIVATIONS)}")
        if self.norm is not None and self.norm not in NORMS:
            raise ValueError(f"norm={self.norm!r}: expected None or one of {', '.join(NORMS)}")


class MLP(nn.Module):
    """Affine maps with an activation between them: (N, ...), flattened to (N, sizes[0]) -> scores (N, sizes[-1]).

    Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors* (1986).

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """

    def __init__(self, config: MLPConfig = MLPConfig()):
        self.config = config
        *hidden, outputs = config.sizes
        layers = []
        for inputs, width in pairwise(hidden):
            layers += self._hidden(inputs, width)
        self.layers = nn.Sequential(*layers, nn.Linear(hidden[-1], outputs, config.bias))

    def _hidden(self, inputs: int, width: int) -> list[nn.Module]:
        config = self.config
        parts = [nn.Linear(inputs, width, config.bias)]
        if config.norm:
            parts.append(NORMS[config.norm](width))
        parts.append(ACTIVATIONS[config.activation]())
        if config.dropout:
            parts.append(nn.Dropout(config.dropout))
        return parts

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.reshape(len(x), -1) if x.ndim > 2 else x)
