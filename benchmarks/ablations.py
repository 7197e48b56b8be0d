"""python -m benchmarks.ablations [alexnet|vgg] [--seeds 3]: one thing changed at a time, on CIFAR-10 at 16 x 16.

alexnet: each idea of the paper taken from, or added to, `AlexNetConfig.small()`, and one change that is none; two are
trained three times as long. vgg: blocks of one to four convolutions, by their first values and with batch
normalization, and other kernels and heads, half as long; five are trained four times as long as that. Recipe and
data are those of benchmarks.architectures. Writes resources/results/ablations.json, a run after the other; what
stands there already is not trained again. Takes about 40 minutes of one core.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.architectures import BATCH, LR, WEIGHT_DECAY, Split, answers, per_cent, prepared
from benchmarks.tables import RESULTS, save
from utils import functional as F
from utils import nn
from utils.data_loaders import DataLoader, load_cifar10, random_shift
from utils.models import VGG, AlexNet, AlexNetConfig, VGGConfig
from utils.models.alexnet import he_normal
from utils.nn import init
from utils.optim import AdamW, OneCycleLR
from utils.training import fit

SEEDS = 3
ALEXNET, SMALL_VGG = AlexNetConfig.small(), VGGConfig.small()
WIDTHS = tuple(block[0] for block in SMALL_VGG.blocks)
STARTS = {
    "plain": {"plain": True, "norm": False},
    "He": {"norm": False},
    "batch norm": {"norm": True},
}


@dataclass(frozen=True)
class Variant:
    """A network, and what its images go through."""

    build: Callable[[], nn.Module]
    flip: bool = True
    shift: int = 2  # pixels
    colours: float = 0.0  # deviation of the random step along each principal axis, in the pixels' deviations
    factor: float = 1.0  # of all pixels
    epochs: int = 8
    seeds: int = SEEDS


def alexnet(**changes) -> Callable[[], nn.Module]:
    return lambda: AlexNet(replace(ALEXNET, **changes))


def vgg(convolutions: int, plain: bool = False, **changes) -> Callable[[], nn.Module]:
    """Blocks of so many convolutions; `plain` draws the first values as PyTorch's layers do."""
    blocks = tuple((width,) * convolutions for width in WIDTHS)

    def build() -> nn.Module:
        model = VGG(replace(SMALL_VGG, blocks=blocks, dropout=0.0, **changes))
        return model.apply(plain_start) if plain else model

    return build


def kernels(*sizes: int, bend: bool = True) -> Callable[[], nn.Module]:
    """Blocks of convolutions of these sizes with batch normalization; without `bend`, ReLU only behind the last."""

    def build() -> nn.Module:
        layers = [layer for C, width in pairwise((3, *WIDTHS)) for layer in block(C, width)]
        head = [nn.Flatten(), nn.Linear(4 * WIDTHS[-1], 128), nn.ReLU(), nn.Linear(128, 10)]
        return nn.Sequential(*layers, *head).apply(he_normal)

    def block(inputs: int, width: int) -> Iterator[nn.Module]:
        for i, size in enumerate(sizes, 1):
            yield nn.Conv2d(inputs, width, size, padding=size // 2)
            inputs = width
            if bend or i == len(sizes):
                yield from [nn.BatchNorm2d(width), nn.ReLU()]
        yield nn.MaxPool2d(2)

    return build


def plain_start(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        module.reset_parameters()


SHORT_VGG = {
    f"{n} a block, {name}": Variant(vgg(n, **changes), epochs=4, seeds=2)
    for n in (1, 2, 4)
    for name, changes in STARTS.items()
} | {
    "one 5 x 5": Variant(kernels(5), epochs=4, seeds=2),
    "two 3 x 3 without ReLU between": Variant(kernels(3, 3, bend=False), epochs=4, seeds=2),
    "global average pooling": Variant(vgg(2, norm=True, grid=1, hidden=()), epochs=4, seeds=2),
}
LONGER = [f"{n} a block, batch norm" for n in (1, 2, 4)] + ["one 5 x 5", "two 3 x 3 without ReLU between"]
VARIANTS = {
    "alexnet": {
        "as it is": Variant(alexnet()),
        "tanh": Variant(alexnet(activation="tanh")),
        "local response norm": Variant(alexnet(local_response_norm=True)),
        "pooling without overlap": Variant(alexnet(pool=(2, 2), grid=4)),
        "two groups": Variant(alexnet(groups=(1, 2, 1, 2, 2))),
        "no dropout": Variant(alexnet(dropout=0.0)),
        "dropout 0.5": Variant(alexnet(dropout=0.5)),
        "nothing moved or flipped": Variant(alexnet(), flip=False, shift=0),
        "colours shifted too": Variant(alexnet(), colours=0.1),
        "pixels times 1.000001": Variant(alexnet(), factor=1.000001),  # changes nothing but the rounding
        "24 passes": Variant(alexnet(), epochs=24, seeds=1),
        "24 passes, nothing moved or flipped": Variant(alexnet(), flip=False, shift=0, epochs=24, seeds=1),
    },
    "vgg": SHORT_VGG | {f"{name}, 16 passes": replace(SHORT_VGG[name], epochs=16) for name in LONGER},
}


class Views:
    """Batches of images flipped, moved and recoloured at random."""

    def __init__(self, X: NDArray, y: NDArray, seed: int, variant: Variant):
        self.loader = DataLoader((X, y), BATCH, shuffle=True, drop_last=True, rng=seed)
        self.rng, self.variant, self.axes = np.random.default_rng([seed, 1]), variant, principal_axes(X)

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple]:
        for images, labels in self.loader:
            if self.variant.flip:
                flipped = self.rng.random(len(images)) < 0.5
                images = np.where(flipped[:, None, None, None], images[..., ::-1], images)
            if self.variant.shift:
                images = random_shift(images, self.variant.shift, self.rng)
            if self.variant.colours:
                steps = self.variant.colours * self.rng.standard_normal((len(images), 3), np.float32)
                images = images + (steps @ self.axes)[:, :, None, None]
            yield images * np.float32(self.variant.factor), labels


def principal_axes(X: NDArray) -> NDArray:
    """(3, 3): the principal directions of the pixels' colours as rows, each as long as the deviation along it."""
    variances, directions = np.linalg.eigh(np.cov(X.transpose(1, 0, 2, 3).reshape(3, -1)))
    return (directions * np.sqrt(variances)).T.astype(X.dtype)


def run(variant: Variant, seed: int, split: Split) -> dict:
    init.manual_seed(seed)
    model = variant.build()
    batches = Views(*split.training, seed, variant)
    optimizer = AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, LR, total_steps=variant.epochs * len(batches), cycle_momentum=False)
    started = time.process_time()
    history = fit(
        model, batches, F.cross_entropy, optimizer, epochs=variant.epochs, scheduler=schedule, progress=False
    )
    seconds = time.process_time() - started
    parts = {"validation": split.validation, "test": split.test}
    right = {name: per_cent(answers(model, X, "cpu"), y) for name, (X, y) in parts.items()}
    return {
        "seed": seed,
        **right,
        "loss": history.epoch_loss.round(4).tolist(),
        "cpu_seconds": round(seconds, 1),
    }


def described(variant: Variant) -> dict:
    model = variant.build()
    flops = model.summary((1, 3, 16, 16)).flops
    return {"parameters": model.num_parameters(), "multiply_adds": flops // 2, "epochs": variant.epochs}


def kept() -> dict:
    path = RESULTS / "ablations.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def due(family: str, seeds: int) -> Iterator[tuple[str, int]]:
    """The names and seeds that the results file lacks, seed after seed."""
    for seed in range(seeds):
        for name, variant in VARIANTS[family].items():
            have = [found["seed"] for found in kept().get(family, {}).get(name, {}).get("runs", [])]
            if seed < variant.seeds and seed not in have:
                yield name, seed


def keep(family: str, name: str, found: dict) -> None:
    """Add a run to the results file as it is by now: the other family may be in training elsewhere."""
    results = kept()
    results["command"] = "python -m benchmarks.ablations"
    rows = results.setdefault(family, {})
    row = rows.setdefault(name, {**described(VARIANTS[family][name]), "runs": []})
    row["runs"].append(found)
    save("ablations", results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family", nargs="?", choices=VARIANTS, help="both unless named")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of each, with seeds 0, 1, ...")
    chosen = parser.parse_args()
    data = load_cifar10()
    if data.is_stand_in:
        print(f"{data.name} is not CIFAR-10, which these results are of: see resources/datasets.md.")
        return 1
    split = prepared(data)
    with threadpool_limits(1):
        for family in [chosen.family] if chosen.family else VARIANTS:
            for name, seed in due(family, chosen.seeds):
                found = run(VARIANTS[family][name], seed, split)
                keep(family, name, found)
                print(f"{name:28} {json.dumps(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
