"""python -m benchmarks.architectures [names] [--seeds 2] [--epochs 8]: ten networks, one recipe, CIFAR-10 at 16 x 16.

All are trained alike: 9,000 images of 16 x 16 pixels, flipped and shifted at random, in batches of 64, by AdamW with
one cycle of the learning rate. Nothing is chosen by looking: the accuracy on 1,000 validation images is written down
after each epoch, that on the test set at the end. Seconds are CPU seconds, and BLAS has one thread.

Without names it trains what resources/results/architectures.json has not yet with these settings; named networks are
trained anew. `--full-size` counts the published networks instead. `--device cuda` trains on a GPU by the same code.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.memory import forget_peak, resident
from benchmarks.mnist import surroundings
from benchmarks.tables import RESULTS, save
from utils import functional as F
from utils import models, nn
from utils.backend import DEVICES, asnumpy, to_device
from utils.data_loaders import DataLoader, load_cifar10, random_shift
from utils.nn import init
from utils.optim import AdamW, OneCycleLR
from utils.tensor import Tensor, no_grad
from utils.training import fit, predict

EPOCHS, SEEDS, BATCH, LR, WEIGHT_DECAY = 8, 2, 64, 2e-3, 0.01
VALIDATION, SIZE = 1000, 16  # images; pixels of a side
IN_A_ROW = 20  # steps: the fastest so many in a row tell what a quiet machine takes
ROUNDS = 10  # of a prediction, of which the fastest counts


# ---- the networks ----


def lenet() -> nn.Module:
    """LeNet-5 with ReLU and max-pooling, for smaller and coloured images."""
    features = [nn.Conv2d(3, 6, 5, padding=2), nn.MaxPool2d(2), nn.ReLU()]
    features += [nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()]
    hidden = [nn.Linear(64, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()]
    return nn.Sequential(*features, *hidden, nn.Linear(84, 10))


SMALL: dict[str, Callable[[], nn.Module]] = {
    "MLP": lambda: models.MLP(models.MLPConfig((3 * SIZE**2, 128, 64, 10))),
    "LeNet-5": lenet,
    "AlexNet": lambda: models.AlexNet(models.AlexNetConfig.small()),
    "VGG": lambda: models.VGG(models.VGGConfig.small()),
    "ResNet": lambda: models.ResNet(models.ResNetConfig.small()),
    "DenseNet": lambda: models.DenseNet(models.DenseNetConfig.small()),
    "MobileNet-v1": lambda: models.MobileNetV1(models.MobileNetV1Config.small()),
    "MobileNet-v1-full": lambda: models.MobileNetV1(models.MobileNetV1Config.small(separable=False)),
    "MobileNet-v2": lambda: models.MobileNetV2(models.MobileNetV2Config.small()),
    "EfficientNet": lambda: models.EfficientNet(models.EfficientNetConfig.small()),
}


@dataclass(frozen=True)
class Published:
    """A network of ImageNet's size, the small one that stands for it, and its published accuracy."""

    build: Callable[[], nn.Module]
    small: str
    top1: float  # per cent, one crop of 224 pixels
    source: str


TORCHVISION = "torchvision's documentation of its weights IMAGENET1K_V1"
FULL_SIZE = {
    "AlexNet": Published(models.AlexNet, "AlexNet", 56.522, TORCHVISION),
    "VGG-16": Published(models.VGG, "VGG", 71.592, TORCHVISION),
    "ResNet-18": Published(models.ResNet, "ResNet", 69.758, TORCHVISION),
    "ResNet-50": Published(
        lambda: models.ResNet(models.ResNetConfig.resnet50()), "ResNet", 76.130, TORCHVISION
    ),
    "DenseNet-121": Published(models.DenseNet, "DenseNet", 74.434, TORCHVISION),
    "MobileNet-v1": Published(models.MobileNetV1, "MobileNet-v1", 70.6, "Howard et al. (2017), table 4"),
    "MobileNet-v2": Published(models.MobileNetV2, "MobileNet-v2", 71.878, TORCHVISION),
    "EfficientNet-B0": Published(models.EfficientNet, "EfficientNet", 77.692, TORCHVISION),
}


# ---- data ----


@dataclass(frozen=True)
class Split:
    """Images (N, 3, 16, 16), standardized, and their labels: to train on, to validate, to test."""

    training: tuple[NDArray, NDArray]
    validation: tuple[NDArray, NDArray]
    test: tuple[NDArray, NDArray]


def halved(images: NDArray) -> NDArray:
    """(N, 3, 32, 32) of 0 to 255 as (N, 3, 16, 16), each pixel the mean of four."""
    return images.reshape(len(images), 3, SIZE, 2, SIZE, 2).mean((3, 5), dtype=np.float32)


def prepared(data, shrink: Callable[[NDArray], NDArray] = halved, validation: int = VALIDATION) -> Split:
    """Smaller images, standardized by the mean and the deviation of each channel in training."""
    images, test = shrink(data.X_train), shrink(data.X_test)
    order = np.random.default_rng(0).permutation(len(images))
    chosen, left = order[validation:], order[:validation]
    mean, std = (f(images[chosen], (0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    images, test = (images - mean) / std, (test - mean) / std
    parts = [(images[i], data.y_train[i]) for i in (chosen, left)]
    return Split(*parts, (test, data.y_test))


class Batches:
    """Shuffled batches, each image flipped or not and moved by up to an eighth of its size, on a device."""

    def __init__(self, X: NDArray, y: NDArray, seed: int, device: str = "cpu"):
        self.loader = DataLoader((X, y), BATCH, shuffle=True, drop_last=True, rng=seed)
        self.rng, self.device = np.random.default_rng([seed, 1]), device
        self.shift = X.shape[-1] // 8

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple]:
        for images, labels in self.loader:
            flipped = self.rng.random(len(images)) < 0.5
            images = np.where(flipped[:, None, None, None], images[..., ::-1], images)
            images = random_shift(images, self.shift, self.rng)
            yield to_device(images, self.device), to_device(labels, self.device)


# ---- one training ----


class Clock:
    """CPU seconds at the end of each step, as a callback of `fit`."""

    def __init__(self):
        self.ends = [time.process_time()]

    def on_step_end(self, training) -> None:
        self.ends.append(time.process_time())


def answers(model: nn.Module, X: NDArray, device: str) -> NDArray:
    """The class that the model gives to each image."""
    batches = (X[i : i + 500] for i in range(0, len(X), 500))
    return asnumpy(predict(model, [to_device(batch, device) for batch in batches])).argmax(axis=1)


def train(
    build: Callable[[], nn.Module], seed: int, split: Split, epochs: int, device: str = "cpu"
) -> tuple[nn.Module, dict]:
    """The trained model, and what is written down of its training."""
    init.manual_seed(seed)
    model = build().to(device)
    batches = Batches(*split.training, seed, device)
    optimizer = AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    schedule = OneCycleLR(optimizer, LR, total_steps=epochs * len(batches), cycle_momentum=False)
    clock, apart = Clock(), 0.0

    def validate(model: nn.Module) -> float:
        nonlocal apart
        started = time.process_time()
        right = per_cent(answers(model, split.validation[0], device), split.validation[1])
        apart += time.process_time() - started
        return right

    history = fit(
        model,
        batches,
        F.cross_entropy,
        optimizer,
        epochs=epochs,
        scheduler=schedule,
        validate=validate,
        callbacks=[clock],
        progress=False,
    )
    ends = np.array(clock.ends)
    row = min(IN_A_ROW, len(ends) - 1)
    return model, {
        "seed": seed,
        "validation": history.validation.tolist(),
        "loss": history.epoch_loss.round(4).tolist(),
        "cpu_seconds": round(ends[-1] - ends[0] - apart, 1),
        "quiet_seconds": round((ends[row:] - ends[:-row]).min() / row * (len(ends) - 1), 1),
    }


def per_cent(given: NDArray, labels: NDArray) -> float:
    return round(100 * float((given == labels).mean()), 2)


def run(name: str, seed: int, split: Split, epochs: int, device: str = "cpu") -> dict:
    model, found = train(SMALL[name], seed, split, epochs, device)
    given = answers(model, split.test[0], device)
    return {**found, "test": per_cent(given, split.test[1]), "answers": digits(given)}


def digits(classes: NDArray) -> str:
    """One digit for each test image, in their order."""
    return "".join(map(str, classes.tolist()))


# ---- what does not depend on training ----


def milliseconds(model: nn.Module, images: int) -> float:
    """CPU time of the fastest prediction for so many images at once, for each of them."""
    x = Tensor(np.zeros((images, 3, SIZE, SIZE), np.float32))
    times = []
    with no_grad():
        for _ in range(ROUNDS):
            started = time.process_time()
            model(x)
            times.append(time.process_time() - started)
    return round(1000 * min(times) / images, 4)


def step_growth(name: str) -> float:
    """Megabytes by which the first steps of a training go above model, optimizer and data."""
    model = SMALL[name]()
    optimizer = AdamW(model.parameters(), lr=LR)
    x = np.random.default_rng(0).standard_normal((BATCH, 3, SIZE, SIZE), np.float32)
    y = np.arange(BATCH) % 10
    forget_peak()
    before = resident()
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(x)), y).backward()
        optimizer.step()
    return resident(peak=True) - before


def growth_elsewhere(name: str) -> float | None:
    """`step_growth` in a fresh process; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    command = [sys.executable, "-m", "benchmarks.architectures", "--memory", name]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, check=True)
    return round(float(done.stdout), 1)


def measured(name: str) -> dict:
    model = SMALL[name]().eval()
    return {
        "parameters": model.num_parameters(),
        "multiply_adds": model.summary((1, 3, SIZE, SIZE)).flops // 2,
        "ms_per_image": milliseconds(model, BATCH),
        "ms_alone": milliseconds(model, 1),
        "step_mb": growth_elsewhere(name),
    }


def counted(name: str) -> dict:
    published = FULL_SIZE[name]
    model = published.build()
    return {
        "name": name,
        "small": published.small,
        "parameters": model.num_parameters(),
        "multiply_adds": model.summary((1, 3, 224, 224)).flops // 2,
        "top1": published.top1,
        "source": published.source,
    }


# ---- results ----


def kept() -> dict:
    path = RESULTS / "architectures.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def settings(data_name: str, epochs: int, device: str) -> dict:
    names = {"epochs": epochs, "batch": BATCH, "lr": LR, "weight_decay": WEIGHT_DECAY, "shift": SIZE // 8}
    return {
        "data": data_name,
        "size": SIZE,
        "validation_images": VALIDATION,
        **names,
        "device": device,
        "threads": 1,
    }


def missing(entry: dict, chosen: dict, seeds: int) -> list[int]:
    """The seeds that an entry has not been trained with in these settings."""
    have = {run["seed"] for run in entry.get("runs", [])} if entry.get("settings") == chosen else set()
    return [seed for seed in range(seeds) if seed not in have]


def with_run(entry: dict, chosen: dict, found: dict) -> dict:
    """The entry with one more training, in place of an earlier one of that seed or of other settings."""
    same = entry.get("runs", []) if entry.get("settings") == chosen else []
    runs = sorted([*(r for r in same if r["seed"] != found["seed"]), found], key=lambda r: r["seed"])
    mean = {key: round(float(np.mean([r[key] for r in runs])), 2) for key in ("test", "quiet_seconds")}
    return {**entry, **mean, "settings": chosen, "runs": runs}


def keep(**changes: dict) -> None:
    """Replace parts of the results file, the networks in their order."""
    results = {"command": "python -m benchmarks.architectures", **kept(), **changes}
    entries = results.get("networks", {})
    results["networks"] = {name: entries[name] for name in SMALL if name in entries}
    save("architectures", results)


def train_all(names: list[str], anew: bool, seeds: int, data, epochs: int, device: str) -> None:
    split, chosen = prepared(data), settings(data.name, epochs, device)
    for name in names:
        entry = kept().get("networks", {}).get(name, {})
        due = list(range(seeds)) if anew else missing(entry, chosen, seeds)
        for seed in due:
            found = run(name, seed, split, epochs, device)
            entry = with_run(entry, chosen, found)
            if seed == due[-1]:
                entry |= measured(name)
            networks = {**kept().get("networks", {}), name: entry}
            keep(networks=networks, labels=digits(split.test[1]), surroundings=surroundings())
            line = f"{name:18} seed {seed}: test {found['test']:.2f}%"
            print(f"{line}, {found['cpu_seconds']} s, quiet {found['quiet_seconds']} s", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="|".join(SMALL))
    parser.add_argument("--seeds", type=int, default=SEEDS, help="trainings of each, with seeds 0, 1, ...")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument(
        "--full-size", action="store_true", help="count the published networks, train nothing"
    )
    parser.add_argument(
        "--memory", metavar="NAME", help="print the megabytes of a training step of one network"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(SMALL):
        parser.error(f"no network {', '.join(sorted(unknown))}: there are {', '.join(SMALL)}")
    if chosen.memory:
        print(step_growth(chosen.memory))
        return 0
    if chosen.full_size:
        keep(full_size=[counted(name) for name in FULL_SIZE])
        return 0
    data = load_cifar10()
    if data.is_stand_in:
        print(f"{data.name} is not CIFAR-10, which these results are of: see resources/datasets.md.")
        return 1
    names = chosen.names or list(SMALL)
    with threadpool_limits(1):
        train_all(names, bool(chosen.names), chosen.seeds, data, chosen.epochs, chosen.device)
    return 0


if __name__ == "__main__":
    sys.exit(main())
