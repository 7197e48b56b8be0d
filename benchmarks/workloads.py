"""The workloads, written once: the same code builds and trains the model with PyTorch and with this library."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np


class Library(NamedTuple):
    """The parts of a library that the workloads use, by PyTorch's names."""

    nn: ModuleType
    F: ModuleType
    optim: ModuleType
    tensor: Callable[..., Any]  # of a float array, with requires_grad
    labels: Callable[[np.ndarray], Any]  # of an integer array
    images: Callable[[Any], Any]  # a leaf in the layout in which the library's convolutions are fastest
    data_parallel: Callable[[Any], Any] | None = None  # a trainer of a model on two threads


class Job(NamedTuple):
    """What is timed, `step()`, which returns the loss or the output; and the leaves whose gradients it finds."""

    step: Callable[[], Any]
    leaves: list


def torch_library() -> Library:
    import torch

    def tensor(x, requires_grad=False):
        return torch.tensor(x, requires_grad=requires_grad)

    def images(x):
        return x.detach().to(memory_format=torch.channels_last).requires_grad_(x.requires_grad)

    return Library(torch.nn, torch.nn.functional, torch.optim, tensor, torch.tensor, images)


def our_library() -> Library:
    from utils import functional, nn, optim
    from utils.distributed import ThreadedDataParallel
    from utils.tensor import Tensor

    return Library(nn, functional, optim, Tensor, np.asarray, lambda x: x, ThreadedDataParallel)


def training(lib: Library, model: Any, optimizer: Any, x: Any, y: Any, parallel: bool = False) -> Job:
    """Steps of an optimizer on one batch: scores of `model` (..., classes) for labels `y` (...)."""
    backward = (lib.data_parallel if parallel and lib.data_parallel else _Alone)(model).backward

    def loss_function(scores, y):
        return lib.F.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))

    def step():
        optimizer.zero_grad()
        loss = backward((x, y), loss_function)
        optimizer.step()
        return loss

    return Job(step, list(model.parameters()))


class _Alone:
    """The interface of a data-parallel trainer, for one that is not."""

    def __init__(self, model: Any):
        self.model = model

    def backward(self, batch: Any, loss_function: Callable) -> Any:
        loss = loss_function(self.model(batch[0]), batch[1])
        loss.backward()
        return loss


def function(lib: Library, f: Callable[..., Any], *leaves: Any) -> Job:
    """A function of leaves forward, and backward from a fixed random gradient."""
    return weighted(f, lib.tensor(_numbers(tuple(f(*leaves).shape), seed=1)), *leaves)


def weighted(f: Callable[..., Any], weights: Any, *leaves: Any) -> Job:
    """The same from a given gradient."""

    def step():
        for leaf in leaves:
            leaf.grad = None
        out = f(*leaves)
        out.backward(weights)
        return out

    return Job(step, list(leaves))


def normal(lib: Library, *shape: int) -> Any:
    """A leaf of random numbers, the same in every library."""
    return lib.tensor(_numbers(shape), requires_grad=True)


def _numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def mlp(lib: Library, optimizer: str) -> Job:
    """784-256-128-10, batch 128."""
    rng, nn = np.random.default_rng(0), lib.nn
    layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers)
    x, y = lib.tensor(rng.random((128, 784), dtype=np.float32)), lib.labels(rng.integers(0, 10, 128))
    return training(lib, model, getattr(lib.optim, optimizer)(model.parameters(), lr=0.001), x, y)


def lenet(lib: Library) -> Job:
    """LeNet-5 with ReLU and max-pooling, batch 64, Adam."""
    rng, nn = np.random.default_rng(0), lib.nn
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    head = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*features, *head)
    x, y = lib.tensor(rng.random((64, 1, 28, 28), dtype=np.float32)), lib.labels(rng.integers(0, 10, 64))
    return training(lib, model, lib.optim.Adam(model.parameters(), lr=0.001), x, y)


def conv_net(lib: Library) -> Job:
    """Two blocks of 3x3 convolutions with batch normalization on 32x32 images, batch 32, SGD with momentum."""
    rng, nn = np.random.default_rng(0), lib.nn

    def block(inputs, outputs):
        first = [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        second = [nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        return [*first, *second, nn.MaxPool2d(2)]

    model = nn.Sequential(*block(3, 16), *block(16, 32), nn.Flatten(), nn.Linear(2048, 10))
    x, y = lib.tensor(rng.random((32, 3, 32, 32), dtype=np.float32)), lib.labels(rng.integers(0, 10, 32))
    return training(lib, model, lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), x, y)


def conv3x3(lib: Library) -> Job:
    """One 3x3 convolution, 32 channels, 32x32, batch 32, forward and backward; PyTorch's with the channels last."""
    x, w = lib.images(normal(lib, 32, 32, 32, 32)), lib.images(normal(lib, 32, 32, 3, 3))
    weights = lib.images(lib.tensor(_numbers((32, 32, 32, 32), seed=1)))
    return weighted(lambda x, w: lib.F.conv2d(x, w, padding=1), weights, x, w)


def lstm(lib: Library) -> Job:
    """An LSTM of 128 units on 64 steps of 128 numbers, batch 32, forward and backward."""
    layer = lib.nn.LSTM(128, 128)
    leaves = [normal(lib, 64, 32, 128), *layer.parameters()]
    return function(lib, lambda x, *_: layer(x)[0], *leaves)


def max_pool(lib: Library) -> Job:
    """2x2 max-pooling of (64, 6, 28, 28), forward and backward."""
    return function(lib, lambda x: lib.F.max_pool2d(x, 2), normal(lib, 64, 6, 28, 28))


def dropout(lib: Library) -> Job:
    """Dropout of (768, 512), forward and backward."""
    return function(lib, lambda x: lib.F.dropout(x, 0.1, True), normal(lib, 768, 512))


def op_chain(lib: Library) -> Job:
    """A thousand multiplications and additions of 4x4 arrays, forward and backward."""

    def chain(x, w):
        y = x
        for _ in range(500):
            y = y * w + w
        return y

    w = lib.tensor(np.full((4, 4), 0.99, np.float32), requires_grad=True)  # no denormals
    return function(lib, chain, normal(lib, 4, 4), w)


def gpt(lib: Library, parallel: bool = False) -> Job:
    """A decoder-only transformer, 4 layers, 4 heads, 128 wide, context 64, 65 characters, batch 12, AdamW."""
    rng, nn = np.random.default_rng(0), lib.nn

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(128, 384), nn.Linear(128, 128)

        def forward(self, x):  # (B, T, 128)
            B, T, C = x.shape
            parts = self.qkv(x).split(C, dim=2)
            q, k, v = (part.reshape(B, T, 4, 32).permute(0, 2, 1, 3) for part in parts)
            y = lib.F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, heads, T, 32)
            return self.out(y.permute(0, 2, 1, 3).reshape(B, T, C))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.attention, self.norm2 = nn.LayerNorm(128), Attention(), nn.LayerNorm(128)
            self.mlp = nn.Sequential(nn.Linear(128, 512), nn.GELU(approximate="tanh"), nn.Linear(512, 128))

        def forward(self, x):
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(65, 128), nn.Embedding(64, 128)
            self.blocks = nn.Sequential(*[Block() for _ in range(4)])
            self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 65, bias=False)

        def forward(self, tokens):
            x = self.tokens(tokens) + self.places(lib.labels(np.arange(64)))
            return self.head(self.norm(self.blocks(x)))

    model = GPT()
    tokens, targets = (lib.labels(rng.integers(0, 65, (12, 64))) for _ in range(2))
    optimizer = lib.optim.AdamW(model.parameters(), lr=0.001)
    return training(lib, model, optimizer, tokens, targets, parallel)


WORKLOADS: dict[str, Callable[[Library], Job]] = {
    "MLP, SGD step": lambda lib: mlp(lib, "SGD"),
    "MLP, Adam step": lambda lib: mlp(lib, "Adam"),
    "LeNet-5, Adam step": lenet,
    "3x3 convolution": conv3x3,
    "LSTM": lstm,
    "GPT, AdamW step, two threads": lambda lib: gpt(lib, parallel=True),
    "GPT, AdamW step, one thread": gpt,
    "max-pool": max_pool,
    "dropout": dropout,
    "1,000 small ops": op_chain,
}
