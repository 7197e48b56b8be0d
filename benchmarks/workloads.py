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


def torch_library() -> Library:
    import torch

    def tensor(x, requires_grad=False):
        return torch.tensor(x, requires_grad=requires_grad)

    return Library(torch.nn, torch.nn.functional, torch.optim, tensor, torch.tensor)


def our_library() -> Library:
    from utils import functional, nn, optim
    from utils.tensor import Tensor

    return Library(nn, functional, optim, Tensor, np.asarray)


def training_step(
    lib: Library, model: Any, optimizer: Any, x: np.ndarray, y: np.ndarray
) -> Callable[[], None]:
    loss_function, x, y = lib.nn.CrossEntropyLoss(), lib.tensor(x), lib.labels(y)

    def step():
        optimizer.zero_grad()
        loss_function(model(x), y).backward()
        optimizer.step()

    return step


def mlp(lib: Library, optimizer: str) -> Callable[[], None]:
    """784-256-128-10, batch 128."""
    rng, nn = np.random.default_rng(0), lib.nn
    layers = [nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)]
    model = nn.Sequential(*layers)
    x, y = rng.random((128, 784), dtype=np.float32), rng.integers(0, 10, 128)
    return training_step(lib, model, getattr(lib.optim, optimizer)(model.parameters(), lr=0.001), x, y)


def lenet(lib: Library) -> Callable[[], None]:
    """LeNet-5 with ReLU and max-pooling, batch 64, Adam."""
    rng, nn = np.random.default_rng(0), lib.nn
    features = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    head = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    model = nn.Sequential(*features, *head)
    x, y = rng.random((64, 1, 28, 28), dtype=np.float32), rng.integers(0, 10, 64)
    return training_step(lib, model, lib.optim.Adam(model.parameters(), lr=0.001), x, y)


def conv3x3(lib: Library) -> Callable[[], None]:
    """One 3x3 convolution, 32 channels, 32x32, batch 32, forward and backward."""
    rng = np.random.default_rng(0)
    x = lib.tensor(rng.standard_normal((32, 32, 32, 32), np.float32), requires_grad=True)
    w = lib.tensor(0.05 * rng.standard_normal((32, 32, 3, 3), np.float32), requires_grad=True)
    weights = lib.tensor(rng.standard_normal((32, 32, 32, 32), np.float32))

    def step():
        x.grad = w.grad = None
        lib.F.conv2d(x, w, padding=1).backward(weights)

    return step


def lstm(lib: Library) -> Callable[[], None]:
    """An LSTM of 128 units on 64 steps of 128 numbers, batch 32, forward and backward."""
    rng = np.random.default_rng(0)
    layer = lib.nn.LSTM(128, 128)
    x = lib.tensor(rng.standard_normal((64, 32, 128), np.float32), requires_grad=True)
    weights = lib.tensor(rng.standard_normal((64, 32, 128), np.float32))

    def step():
        x.grad = None
        for parameter in layer.parameters():
            parameter.grad = None
        layer(x)[0].backward(weights)

    return step


def max_pool(lib: Library) -> Callable[[], None]:
    """2x2 max-pooling of (64, 6, 28, 28), forward and backward."""
    rng = np.random.default_rng(0)
    x = lib.tensor(rng.standard_normal((64, 6, 28, 28), np.float32), requires_grad=True)
    weights = lib.tensor(rng.standard_normal((64, 6, 14, 14), np.float32))

    def step():
        x.grad = None
        lib.F.max_pool2d(x, 2).backward(weights)

    return step


def dropout(lib: Library) -> Callable[[], None]:
    """Dropout of (768, 512), forward and backward."""
    rng = np.random.default_rng(0)
    x = lib.tensor(rng.standard_normal((768, 512), np.float32), requires_grad=True)
    weights = lib.tensor(rng.standard_normal((768, 512), np.float32))

    def step():
        x.grad = None
        lib.F.dropout(x, 0.1, True).backward(weights)

    return step


def op_chain(lib: Library) -> Callable[[], None]:
    """A thousand multiplications and additions of 4x4 arrays, forward and backward."""
    rng = np.random.default_rng(0)
    x = lib.tensor(rng.standard_normal((4, 4), np.float32), requires_grad=True)
    w = lib.tensor(np.full((4, 4), 0.5, np.float32), requires_grad=True)
    ones = lib.tensor(np.ones((4, 4), np.float32))

    def step():
        x.grad = w.grad = None
        y = x
        for _ in range(500):
            y = y * w + w
        y.backward(ones)

    return step


def gpt(lib: Library) -> Callable[[], None]:
    """A decoder-only transformer, 4 layers, 4 heads, 128 wide, context 64, 65 characters, batch 12, AdamW."""
    rng, nn = np.random.default_rng(0), lib.nn

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(128, 384), nn.Linear(128, 128)

        def forward(self, x):
            q, k, v = (
                part.reshape(12, 64, 4, 32).permute(0, 2, 1, 3) for part in self.qkv(x).split(128, dim=2)
            )
            y = lib.F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, heads, T, 32)
            return self.out(y.permute(0, 2, 1, 3).reshape(12, 64, 128))

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
            return self.head(self.norm(self.blocks(x))).reshape(12 * 64, 65)

    model = GPT()
    optimizer = lib.optim.AdamW(model.parameters(), lr=0.001)
    tokens, targets = (lib.labels(rng.integers(0, 65, size)) for size in ((12, 64), 12 * 64))
    loss_function = nn.CrossEntropyLoss()

    def step():
        optimizer.zero_grad()
        loss_function(model(tokens), targets).backward()
        optimizer.step()

    return step


WORKLOADS: dict[str, Callable[[Library], Callable[[], None]]] = {
    "MLP, SGD step": lambda lib: mlp(lib, "SGD"),
    "MLP, Adam step": lambda lib: mlp(lib, "Adam"),
    "LeNet-5, Adam step": lenet,
    "3x3 convolution": conv3x3,
    "LSTM": lstm,
    "GPT, AdamW step": gpt,
    "max-pool": max_pool,
    "dropout": dropout,
    "1,000 small ops": op_chain,
}
