"""python -m benchmarks.mnist [mlp|cnn|long ...] [--seeds 3] [--validate]: accuracy on MNIST in given time, two cores.

Every recipe trains for a fixed number of epochs, so that a seed gives one result (up to the last digits of BLAS), and
is sized to take less than its limit where nothing else runs. Recipes were chosen with `--validate`, which trains on
55,000 images and measures on the other 5,000; without it they train on all 60,000 and measure on the test set.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from utils import nn
from utils.data_loaders import DataLoader, elastic, load_mnist, random_affine
from utils.distributed import ThreadedDataParallel
from utils.files import atomic_write
from utils.models import MLP, ConvNet, ConvNetConfig, MLPConfig
from utils.nn import init
from utils.optim import AdamW, OneCycleLR
from utils.training import predict

RESULTS = Path(__file__).resolve().parents[1] / "resources" / "results" / "mnist_benchmark.json"
SHIFTS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]  # pixels; predictions for all five are averaged
IN_A_ROW = 20  # steps: the fastest so many in a row tell what a quiet machine takes


@dataclass(frozen=True)
class Recipe:
    """All that a training depends on but its seed."""

    build: Callable[[], nn.Module]
    limit_seconds: int  # of training, on two cores that nobody else uses
    epochs: int
    batch: int
    lr: float  # at its peak; AdamW
    weight_decay: float
    affine: dict[str, float] = field(default_factory=dict)  # strengths of random_affine
    alpha: float = 0.0  # strength of elastic distortions


RECIPES = {
    "mlp": Recipe(
        lambda: MLP(MLPConfig((784, 512, 256, 10), dropout=0.1)),
        limit_seconds=60,
        epochs=15,
        batch=256,
        lr=3e-3,
        weight_decay=0.01,
        affine={"rotation": 12, "scale": 0.12, "shear": 0.15, "shift": 1.5},
        alpha=20.0,
    ),
    "cnn": Recipe(
        lambda: ConvNet(ConvNetConfig(channels=(16, 32, 64), dropout=0.3)),
        limit_seconds=120,
        epochs=6,
        batch=128,
        lr=4e-3,
        weight_decay=0.02,
        affine={"rotation": 10, "scale": 0.1, "shear": 0.1, "shift": 2.0},
    ),
    "long": Recipe(
        lambda: ConvNet(ConvNetConfig(channels=(32, 64, 128), dropout=0.3)),
        limit_seconds=600,
        epochs=12,
        batch=128,
        lr=4e-3,
        weight_decay=0.02,
        affine={"rotation": 12, "scale": 0.12, "shear": 0.12, "shift": 2.0},
    ),
}


# ---- training ----


def distorted_batches(recipe: Recipe, X: NDArray, y: NDArray, seed: int) -> Iterator[tuple[NDArray, NDArray]]:
    shuffle, distort = np.random.default_rng([seed, 1]).spawn(2)
    loader = DataLoader((X, y), recipe.batch, shuffle=True, drop_last=True, rng=shuffle)
    for _ in range(recipe.epochs):
        for images, labels in loader:
            images = random_affine(images, distort, **recipe.affine)
            yield elastic(images, distort, recipe.alpha) if recipe.alpha else images, labels


def made_ahead(items: Iterator) -> Iterator:
    """The same items; while one is in use, a thread makes the next."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = pool.submit(next, items, end)
            yield item


def train(recipe: Recipe, X: NDArray, y: NDArray, seed: int) -> tuple[nn.Module, NDArray]:
    """The trained model, and at which second each step ended."""
    init.manual_seed(seed)
    model = recipe.build()
    parallel = ThreadedDataParallel(model)
    optimizer = AdamW(model.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * (len(X) // recipe.batch)
    schedule = OneCycleLR(optimizer, recipe.lr, total_steps=steps, pct_start=0.2, cycle_momentum=False)
    loss_fn, ended = nn.CrossEntropyLoss(), [time.perf_counter()]
    for batch in made_ahead(distorted_batches(recipe, X, y, seed)):
        optimizer.zero_grad()
        parallel.backward(batch, loss_fn)
        optimizer.step()
        schedule.step()
        ended.append(time.perf_counter())
    return model, np.array(ended)


def accuracy(model: nn.Module, X: NDArray, y: NDArray, shifts: list[tuple[int, int]]) -> float:
    """Per cent; the probabilities for the images moved by each of `shifts` are averaged."""
    total = np.zeros((len(X), 10))
    for shift in shifts:
        moved = np.roll(X, shift, axis=(2, 3))  # the outermost pixels are paper
        scores = predict(model, DataLoader((moved, y), 500))
        total += np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
    return round(100 * float((total.argmax(axis=1) == y).mean()), 2)


# ---- results ----


def run(
    recipe: Recipe, seed: int, training: tuple[NDArray, NDArray], measured: tuple[NDArray, NDArray]
) -> dict:
    cpu = time.process_time()
    model, ended = train(recipe, *training, seed)
    cpu = time.process_time() - cpu
    fastest = (ended[IN_A_ROW:] - ended[:-IN_A_ROW]).min() / IN_A_ROW
    return {
        "seed": seed,
        "accuracy": accuracy(model, *measured, SHIFTS[:1]),
        "accuracy_with_shifts": accuracy(model, *measured, SHIFTS),
        "seconds": round(ended[-1] - ended[0], 1),
        "cpu_seconds": round(cpu, 1),
        "quiet_seconds": round(fastest * (len(ended) - 1), 1),
        "steps": len(ended) - 1,
    }


def summary(name: str, runs: list[dict]) -> dict:
    recipe = RECIPES[name]
    medians = {
        key: statistics.median(run[key] for run in runs) for key in ("accuracy", "accuracy_with_shifts")
    }
    return {
        "command": f"python -m benchmarks.mnist {name} --seeds {len(runs)}",
        "limit_seconds": recipe.limit_seconds,
        "epochs": recipe.epochs,
        "parameters": recipe.build().num_parameters(),
        "median": medians,
        "runs": runs,
        "surroundings": surroundings(),
    }


def surroundings() -> dict:
    blas = [
        {k: pool.get(k) for k in ("internal_api", "version", "architecture")} for pool in threadpool_info()
    ]
    return {"python": platform.python_version(), "numpy": np.__version__, "blas": blas}


def keep(name: str, entry: dict) -> None:
    """Put the entry into the results file beside those of the other recipes."""
    kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    ordered = {key: value for key, value in (kept | {name: entry}).items() if key in RECIPES}
    atomic_write(RESULTS, (json.dumps(ordered, indent=1) + "\n").encode())


def split(data, validate: bool) -> tuple[tuple[NDArray, NDArray], tuple[NDArray, NDArray]]:
    """What to train on and what to measure on, with images (N, 1, 28, 28) of 0 to 1."""
    parts = [(data.X_train, data.y_train), (data.X_test, data.y_test)]
    if validate:
        order = np.random.default_rng(0).permutation(len(data.X_train))
        parts = [(data.X_train[chosen], data.y_train[chosen]) for chosen in (order[:55_000], order[55_000:])]
    return tuple((X[:, None].astype(np.float32) / 255, y) for X, y in parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="*", metavar="|".join(RECIPES))
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each recipe, with seeds 0, 1, ...")
    parser.add_argument(
        "--validate", action="store_true", help="train on 55,000, measure on 5,000, keep nothing"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.recipes) - set(RECIPES):
        parser.error(f"no recipe {', '.join(unknown)}: there are {', '.join(RECIPES)}")
    data = load_mnist()
    if data.is_stand_in:
        print(
            f"{data.name} is not MNIST, which these results are of: see resources/datasets.md for how to have it."
        )
        return 1
    parts = split(data, chosen.validate)
    for name in chosen.recipes or RECIPES:
        runs = []
        for seed in range(chosen.seeds):
            runs.append(run(RECIPES[name], seed, *parts))
            print(name, json.dumps(runs[-1]), flush=True)
            if not chosen.validate:
                keep(name, summary(name, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
