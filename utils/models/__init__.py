"""Whole networks, a file per family, each built from a dataclass of its settings: `MLP(MLPConfig(sizes=(784, 10)))`."""

from utils.models.convnet import ConvNet, ConvNetConfig
from utils.models.gpt import GPT, GPTConfig
from utils.models.lenet import ClassicLeNet5, LeNet5, LeNetConfig
from utils.models.mlp import MLP, MLPConfig

__all__ = [
    "GPT",
    "MLP",
    "ClassicLeNet5",
    "ConvNet",
    "ConvNetConfig",
    "GPTConfig",
    "LeNet5",
    "LeNetConfig",
    "MLPConfig",
]
