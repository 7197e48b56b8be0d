"""python -m benchmarks.scaling [names]: a tiny EfficientNet made four times as costly in four ways.

Deeper, wider, with more pixels, or a bit of each, all at four times the multiply-adds of the base; trained as
`benchmarks.architectures` trains, for four epochs with each of two seeds. Writes resources/results/scaling.json, which
03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb shows.
"""

import argparse
import json
import sys
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.architectures import answers, per_cent, prepared, train
from benchmarks.mnist import surroundings
from benchmarks.tables import RESULTS, save
from utils.data_loaders import load_cifar10
from utils.models import EfficientNet, EfficientNetConfig

EPOCHS, SEEDS = 4, 2
BASE = EfficientNetConfig(
    resolution=16,
    stem=8,
    stem_stride=1,
    stages=((1, 3, 2, 8, 1), (3, 3, 1, 12, 2), (3, 3, 2, 24, 2)),
    head=96,
    divisor=2,  # rounding to 8 would undo small factors
    n_classes=10,
    dropout=0.0,
    stochastic_depth=0.0,
)
# In so small a network depth and resolution go in large steps; the width then makes the cost 4 times the base's.
VARIANTS = {
    "base": BASE,
    "depth": replace(BASE, depth=4.5),
    "width": replace(BASE, width=2.21),
    "resolution": replace(BASE, resolution=32),
    "compound": replace(BASE, depth=1.5, width=1.21, resolution=21),
}


def multiply_adds(config: EfficientNetConfig) -> int:
    return EfficientNet(config).summary((1, 3, config.resolution, config.resolution)).flops // 2


def resized(images: NDArray, size: int) -> NDArray:
    """Images (N, 3, H, H) as (N, 3, size, size): each new pixel is the mean over the area that it covers."""
    edges = np.linspace(0, images.shape[-1], size + 1)
    pixels = np.arange(images.shape[-1])
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    means = (np.maximum(covered, 0) * size / images.shape[-1]).astype(np.float32)  # (size, H)
    return means @ images.astype(np.float32) @ means.T


def row(name: str, data, epochs: int, seeds: int) -> dict:
    config = VARIANTS[name]
    split = prepared(data, lambda images: resized(images, config.resolution))
    runs = []
    for seed in range(seeds):
        model, found = train(lambda: EfficientNet(config), seed, split, epochs)
        found["test"] = per_cent(answers(model, split.test[0], "cpu"), split.test[1])
        runs.append(found)
        print(f"{name:12} seed {seed}: test {found['test']:.2f}%, {found['cpu_seconds']} s", flush=True)
    sizes = {key: value for key, value in asdict(config).items() if key in ("width", "depth", "resolution")}
    counts = {"parameters": EfficientNet(config).num_parameters(), "multiply_adds": multiply_adds(config)}
    return {**sizes, **counts, "epochs": epochs, "runs": runs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *VARIANTS], metavar="|".join(VARIANTS))
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args()
    data = load_cifar10()
    if data.is_stand_in:
        print(f"{data.name} is not CIFAR-10, which these results are of: see resources/datasets.md.")
        return 1
    path = RESULTS / "scaling.json"
    results = json.loads(path.read_text("utf-8")) if path.exists() else {"variants": {}}
    results |= {"command": "python -m benchmarks.scaling", "data": data.name, "surroundings": surroundings()}
    with threadpool_limits(1):
        for name in chosen.names or VARIANTS:
            results["variants"][name] = row(name, data, chosen.epochs, chosen.seeds)
            save("scaling", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
