"""python -m benchmarks.lenet: LeNet-5 as of 1998 and as of today, for the twenty passes of the paper, on real MNIST.

The network of 1998 sees the images as they are, today's sees them distorted; both learn by AdamW and a one-cycle
rate. 03-cnn/convolution-basics/04-lenet-5.ipynb trains a short run of the latter and shows both. Writes
resources/results/lenet.json; takes about seven minutes of one core. `--validate` measures on 5,000 of the training
images instead of the test images, after as many passes as it is given, and writes nothing.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from utils import functional as F
from utils import nn
from utils.data_loaders import DataLoader, load_mnist, random_affine
from utils.files import atomic_write
from utils.models import ClassicLeNet5, LeNet5
from utils.optim import AdamW, OneCycleLR
from utils.training import fit, predict

RESULTS = Path(__file__).resolve().parents[1] / "resources" / "results" / "lenet.json"
BATCH, EPOCHS, SEED = 64, 20, 0
Images = tuple[NDArray, NDArray]


@dataclass(frozen=True)
class Recipe:
    """One network and how it is trained."""

    build: Callable[[], nn.Module]
    lr: float = 3e-3
    distortions: dict[str, float] = field(default_factory=dict)  # strengths of random_affine


RECIPES = {
    "classic": Recipe(ClassicLeNet5),
    "modern, distorted": Recipe(
        LeNet5, distortions={"rotation": 10, "scale": 0.1, "shear": 0.1, "shift": 1.5}
    ),
}


class Distorted:
    """Batches of (X, y), shuffled anew and distorted anew in each epoch."""

    def __init__(self, X: NDArray, y: NDArray, strengths: dict[str, float], rng: np.random.Generator):
        self.loader = DataLoader((X, y), BATCH, shuffle=True, drop_last=True, rng=rng)
        self.strengths, self.rng = strengths, rng

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Images]:
        for images, labels in self.loader:
            yield random_affine(images, self.rng, **self.strengths) if self.strengths else images, labels


def train(recipe: Recipe, X: NDArray, y: NDArray, epochs: int) -> nn.Module:
    nn.manual_seed(SEED)
    model = recipe.build()
    batches = Distorted(X, y, recipe.distortions, np.random.default_rng(SEED))
    optimizer = AdamW(model.parameters(), lr=recipe.lr, weight_decay=0.02)
    steps = epochs * len(batches)
    schedule = OneCycleLR(optimizer, recipe.lr, total_steps=steps, pct_start=0.2, cycle_momentum=False)
    fit(model, batches, F.cross_entropy, optimizer, epochs=epochs, scheduler=schedule)
    return model


def error(model: nn.Module, X: NDArray, y: NDArray) -> float:
    """Per cent."""
    answers = predict(model, DataLoader((X, y), 500)).argmax(axis=1)
    return round(100 * float((answers != y).mean()), 2)


def run(name: str, epochs: int, training: Images, measured: Images) -> dict:
    started = time.process_time()
    model = train(RECIPES[name], *training, epochs)
    seconds = round(time.process_time() - started)
    return {
        "name": name,
        "parameters": model.num_parameters(),
        "epochs": epochs,
        "seed": SEED,
        "distortions": RECIPES[name].distortions,
        "train_error": error(model, *training),
        "test_error": error(model, *measured),
        "cpu_seconds": seconds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--validate", type=int, metavar="EPOCHS", help="passes before measuring on 5,000 training images"
    )
    epochs = parser.parse_args().validate
    data = load_mnist()
    if data.is_stand_in:
        print(f"these are results of MNIST itself, and this is {data.name}")
        return 1
    parts = [
        (X[:, None] / np.float32(255), y)
        for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))
    ]
    if epochs:
        X, y = parts[0]
        order = np.random.default_rng(0).permutation(len(X))
        parts = [(X[chosen], y[chosen]) for chosen in (order[:55_000], order[55_000:])]
    rows = []
    for name in RECIPES:
        rows.append(run(name, epochs or EPOCHS, *parts))
        print(json.dumps(rows[-1]), flush=True)
    if not epochs:
        text = json.dumps({"command": "python -m benchmarks.lenet", "runs": rows}, indent=1)
        atomic_write(RESULTS, (text + "\n").encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
