"""Train the network that looks at digits and at drawings; it writes mnist-cnn.safetensors beside this file.

    python resources/checkpoints/mnist_cnn.py

Every image is seen turned, slanted, enlarged, moved, bent and drawn with another pen each time, so that digits drawn
with a mouse are no strangers. The last 5,000 training digits of MNIST watch over the training, the test digits give
the accuracy that the file states. About 8 minutes on one core.

Notebook: 03-cnn/applications/05-what-a-cnn-sees.ipynb
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from utils import functional as F
from utils import nn, optim
from utils.checkpoint import save_checkpoint
from utils.data_loaders import DataLoader, elastic, load_mnist, random_affine
from utils.models import ConvNet, ConvNetConfig
from utils.training import Callback, Training, fit, predict

FILE = Path(__file__).with_name("mnist-cnn.safetensors")
COMMAND = "python resources/checkpoints/mnist_cnn.py"
SEED, BATCH, EPOCHS, LR, WEIGHT_DECAY = 0, 64, 20, 3e-3, 0.02
CONFIG = ConvNetConfig(channels=(8, 16, 32), hidden=64, dropout=0.2)
AFFINE = {"rotation": 15, "scale": 0.2, "shear": 0.25, "shift": 2.5}
PENS = (0.2, 0.1)  # shares of the images whose strokes are one pixel wider, or thinner


class NewHands:
    """Batches of (X, y), each digit as another hand would have written it."""

    def __init__(self, X: NDArray, y: NDArray, rng: np.random.Generator):
        self.loader, self.rng = DataLoader((X, y), BATCH, shuffle=True, drop_last=True, rng=rng), rng

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[NDArray, NDArray]]:
        for images, labels in self.loader:
            images = elastic(random_affine(images, self.rng, **AFFINE), self.rng, alpha=12.0)
            yield another_pen(images, self.rng), labels


def another_pen(images: NDArray, rng: np.random.Generator) -> NDArray:
    """Some of the images (N, 1, H, W) with strokes that a 2 x 2 pen has widened, or eaten into."""
    chance = rng.random(len(images))
    wide, thin = chance < PENS[0], chance > 1 - PENS[1]
    images[wide] = _pen(images[wide], np.maximum)
    images[thin] = _pen(images[thin], np.minimum)
    return images


def _pen(images: NDArray, choose: np.ufunc) -> NDArray:
    wide = choose(images, np.roll(images, 1, axis=3))
    return choose(wide, np.roll(wide, 1, axis=2))


def accuracy(model: ConvNet, X: NDArray, y: NDArray) -> float:
    return float((predict(model, DataLoader((X, y), 500)).argmax(axis=1) == y).mean())


class Progress(Callback):
    """A line for every epoch."""

    def __init__(self):
        self.start = time.process_time()

    def on_epoch_end(self, training: Training) -> None:
        loss, right = training.records["epoch_loss"][-1], training.records["validation"][-1]
        minutes = (time.process_time() - self.start) / 60
        print(
            f"step {training.step:6}  loss {loss:.4f}  validation {right:.2%}  {minutes:.1f} CPU minutes",
            flush=True,
        )


def main() -> None:
    data, started = load_mnist(), time.process_time()
    if data.is_stand_in:
        raise SystemExit("the checkpoint is trained on the real MNIST, which could not be loaded")
    X, X_test = (images[:, None] / np.float32(255) for images in (data.X_train, data.X_test))
    nn.manual_seed(SEED)
    model = ConvNet(CONFIG)
    batches = NewHands(X[:-5000], data.y_train[:-5000], np.random.default_rng(SEED))
    optimizer = optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    steps = EPOCHS * len(batches)
    history = fit(
        model,
        batches,
        F.cross_entropy,
        optimizer,
        epochs=EPOCHS,
        scheduler=optim.OneCycleLR(optimizer, LR, total_steps=steps, pct_start=0.2, cycle_momentum=False),
        validate=lambda model: accuracy(model, X[-5000:], data.y_train[-5000:]),
        callbacks=[Progress()],
        progress=False,
    )
    extra = {
        "command": COMMAND,
        "seed": SEED,
        "data": data.name,
        "steps": steps,
        "batch": BATCH,
        "loss": float(history.epoch_loss[-1]),  # on images as they were in training
        "validation": float(history.validation[-1]),
        "accuracy": accuracy(model, X_test, data.y_test),
        "parameters": model.num_parameters(),
        "minutes": round((time.process_time() - started) / 60, 1),
    }
    save_checkpoint(FILE, model=model, extra=extra)
    print(f"{FILE.name}:", ", ".join(f"{name} {value}" for name, value in extra.items() if name != "command"))


if __name__ == "__main__":
    main()
