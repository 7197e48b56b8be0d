"""python -m benchmarks.ladder: from the classic 784-10-10 network to 98.5%, one change a rung, on real MNIST.

For every rung a few learning rates are tried with one seed, and the best on 5,000 validation images is trained with two
more; the test accuracies of the three are written down. 02-mlp/backpropagation/03-mnist-from-scratch.ipynb climbs the
same ladder in a short run. Writes resources/results/mnist.json; takes about ten minutes on two cores.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from utils import functional as F
from utils import nn
from utils.data_loaders import DataLoader, load_mnist, random_shift, train_test_split
from utils.files import atomic_write
from utils.models import MLP, MLPConfig
from utils.optim import SGD, Adam, Optimizer
from utils.tensor import Tensor, no_grad

RESULTS = Path(__file__).resolve().parents[1] / "resources" / "results" / "mnist.json"
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": SGD,
    "momentum": lambda params, lr: SGD(params, lr, momentum=0.9),
    "Adam": Adam,
}


@dataclass(frozen=True)
class Rung:
    """One network and how it is trained; `batch=None` means all of the first 10,000 images at once."""

    name: str
    rates: tuple[float, ...]
    sizes: tuple[int, ...] = (784, 256, 128, 10)
    initialization: str = "He"
    batch: int | None = 128
    epochs: int = 10
    optimizer: str = "SGD"
    falling: bool = True  # the learning rate, linearly to 0
    dropout: float = 0.0
    shift: int = 0  # pixels


SMALL = (784, 10, 10)
LADDER = [
    Rung("classic", (0.1,), SMALL, "uniform", None, 500, falling=False),
    Rung("He initialization", (0.1,), SMALL, batch=None, epochs=500, falling=False),
    Rung("mini-batches", (0.03, 0.1, 0.3), SMALL, falling=False),
    Rung("falling rate", (0.1, 0.3, 1.0), SMALL),
    Rung("width: 256", (0.1, 0.3, 1.0), (784, 256, 10)),
    Rung("depth: 256-128", (0.1, 0.3, 1.0)),
    Rung("momentum 0.9", (0.03, 0.1, 0.2), optimizer="momentum"),
    Rung("Adam", (0.001, 0.002, 0.004), optimizer="Adam"),
    Rung("dropout 0.2", (0.001, 0.002, 0.004), optimizer="Adam", dropout=0.2),
    Rung("shifted images", (0.001, 0.002, 0.004), optimizer="Adam", shift=2, epochs=20),
]


def initialize(model: nn.Module, how: str) -> None:
    for name, p in model.named_parameters():
        if how == "uniform":
            nn.init.uniform_(p, -0.5, 0.5)
        elif name.endswith("weight"):
            nn.init.kaiming_normal_(p, nonlinearity="relu")
        else:
            nn.init.zeros_(p)


def train(rung: Rung, lr: float, X: NDArray, y: NDArray, seed: int) -> nn.Module:
    nn.init.manual_seed(seed)
    model = MLP(MLPConfig(rung.sizes, dropout=rung.dropout))
    initialize(model, rung.initialization)
    optimizer = OPTIMIZERS[rung.optimizer](model.parameters(), lr=lr)
    batches = batches_of(rung, X, y, seed)
    total = rung.epochs * (len(X) // rung.batch if rung.batch else 1)
    for t, (images, labels) in enumerate(batches):
        optimizer.param_groups[0]["lr"] = lr * (1 - t / total) if rung.falling else lr
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(images)), labels).backward()
        optimizer.step()
    model.eval()
    return model


def batches_of(rung: Rung, X: NDArray, y: NDArray, seed: int) -> Iterator[tuple[NDArray, NDArray]]:
    rng = np.random.default_rng([seed, 1])
    if rung.batch is None:
        yield from [(X[:10_000], y[:10_000])] * rung.epochs
        return
    loader = DataLoader((X, y), rung.batch, shuffle=True, drop_last=True, rng=rng)
    for _ in range(rung.epochs):
        for images, labels in loader:
            yield random_shift(images, rung.shift, rng) if rung.shift else images, labels


def accuracy(model: nn.Module, X: NDArray, y: NDArray) -> float:
    """Per cent."""
    with no_grad():
        return 100 * float((model(Tensor(X)).data.argmax(axis=1) == y).mean())


def climb(rung: Rung, training: tuple, validation: tuple, test: tuple) -> dict:
    started = time.process_time()
    models = [train(rung, lr, *training, seed=0) for lr in rung.rates]
    seconds = (time.process_time() - started) / len(models)
    scores = [accuracy(model, *validation) for model in models]
    best = int(np.argmax(scores))
    models = [models[best], *(train(rung, rung.rates[best], *training, seed=seed) for seed in (1, 2))]
    tested = [accuracy(model, *test) for model in models]
    return {
        **asdict(rung),
        "parameters": sum(p.size for p in models[0].parameters()),
        "validation": scores,
        "lr": rung.rates[best],
        "test": tested,
        "median": statistics.median(tested),
        "cpu_seconds": round(seconds, 1),
    }


def main() -> int:
    data = load_mnist()
    if data.is_stand_in:
        print(f"the ladder is climbed on MNIST itself, and this is {data.name}")
        return 1
    images, test = data.X_train[:, None] / np.float32(255), data.X_test[:, None] / np.float32(255)
    X, X_val, y, y_val = train_test_split(images, data.y_train, test_size=5000, stratify=data.y_train, rng=0)
    rows = []
    for rung in LADDER:
        rows.append(climb(rung, (X, y), (X_val, y_val), (test, data.y_test)))
        row = rows[-1]
        print(
            f"{row['name']:18} lr {row['lr']:<6} test {row['median']:.2f}  {row['cpu_seconds']} s", flush=True
        )
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"command": "python -m benchmarks.ladder", "rungs": rows}, indent=1)
    atomic_write(RESULTS, (text + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
