"""Whole networks, a file per family, each built from a dataclass of its settings: `MLP(MLPConfig(sizes=(784, 10)))`."""

from utils.models.alexnet import AlexNet, AlexNetConfig, LocalResponseNorm
from utils.models.convnet import ConvNet, ConvNetConfig
from utils.models.densenet import DenseNet, DenseNetConfig
from utils.models.detector import Detector, DetectorConfig
from utils.models.efficientnet import EfficientNet, EfficientNetConfig
from utils.models.gpt import GPT, GPTConfig
from utils.models.lenet import ClassicLeNet5, LeNet5, LeNetConfig
from utils.models.mlp import MLP, MLPConfig
from utils.models.mobilenet import MobileNetV1, MobileNetV1Config, MobileNetV2, MobileNetV2Config
from utils.models.reader import Reader, ReaderConfig, read, reading_loss, shares
from utils.models.resnet import ResNet, ResNetConfig
from utils.models.unet import UNet, UNetConfig
from utils.models.vgg import VGG, VGGConfig

__all__ = [
    "GPT",
    "MLP",
    "VGG",
    "AlexNet",
    "AlexNetConfig",
    "ClassicLeNet5",
    "ConvNet",
    "ConvNetConfig",
    "DenseNet",
    "DenseNetConfig",
    "Detector",
    "DetectorConfig",
    "EfficientNet",
    "EfficientNetConfig",
    "GPTConfig",
    "LeNet5",
    "LeNetConfig",
    "LocalResponseNorm",
    "MLPConfig",
    "MobileNetV1",
    "MobileNetV1Config",
    "MobileNetV2",
    "MobileNetV2Config",
    "Reader",
    "ReaderConfig",
    "ResNet",
    "ResNetConfig",
    "UNet",
    "UNetConfig",
    "VGGConfig",
    "read",
    "reading_loss",
    "shares",
]
