"""Train the reader of seven-digit numbers; it writes seven-digits.safetensors beside this file.

    python resources/checkpoints/seven_digits.py

Every batch is composed anew of the first 55,000 training digits of MNIST, the other 5,000 make the strings that the
progress is measured on, and the test digits those of the accuracy that the file states. After a first part on the
strings that are asked for, a second part bends the digits, and makes the strings a little harder than the test will
be. About 30 minutes on one core.

Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from utils import nn, optim
from utils.checkpoint import save_checkpoint
from utils.data_loaders import elastic, load_mnist, make_digit_strings, random_affine
from utils.models import Reader, read, reading_loss
from utils.tensor import Tensor, no_grad
from utils.training import Callback, History, Training, fit

FILE = Path(__file__).with_name("seven-digits.safetensors")
COMMAND = "python resources/checkpoints/seven_digits.py"
SEED, BATCH, STEPS_AN_EPOCH = 0, 32, 500
WEIGHT_DECAY, WIDTH = 0.02, 196
# Of each part: epochs, the rate at the peak of its cycle, and what the strings are like
PARTS = [
    (16, 3e-3, {"gap": (-2, 12), "scale": (0.8, 1.2), "slant": 0.3}),
    (5, 2e-3, {"gap": (-4, 12), "scale": (0.75, 1.25), "slant": 0.35}),
]


class Strings:
    """Batches of pictures (B, 1, 32, 196) and labels (B, 7), none of them ever seen before."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, settings: dict, bent: bool, seed: int):
        self.images, self.labels, self.settings, self.bent = images, labels, settings, bent
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        digits = (bend(self.images, self.rng) if self.bent else self.images), self.labels
        for _ in range(STEPS_AN_EPOCH):
            X, y = make_digit_strings(*digits, BATCH, width=WIDTH, rng=self.rng, **self.settings)
            yield X[:, None], y


def bend(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The digits (N, 28, 28), uint8, each turned a little and trembling."""
    parts = []
    for part in np.array_split(images, 1 + len(images) // 5000):
        turned = random_affine(part.astype(np.float32), rng, rotation=8)
        parts.append(elastic(turned, rng, 20.0, 4.0).astype(np.uint8))
    return np.concatenate(parts)


class Progress(Callback):
    """A line for every epoch."""

    def __init__(self):
        self.start = time.process_time()

    def on_epoch_end(self, training: Training) -> None:
        loss, whole = training.records["epoch_loss"][-1], training.records["validation"][-1]
        minutes = (time.process_time() - self.start) / 60
        line = f"step {training.step:5}  loss {loss:.4f}  validation: {whole:.2%} of the numbers read"
        print(f"{line}  {minutes:.1f} CPU minutes", flush=True)


def right_digits(model: Reader, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which digits (N, 7) of the pictures (N, 32, 196) are read right."""
    parts = [slice(start, start + 100) for start in range(0, len(X), 100)]
    model.eval()
    with no_grad():
        answers = [read(model(Tensor(X[part, None])), y.shape[1]).data.argmax(axis=2) for part in parts]
    return np.concatenate(answers) == y


def practise(model: Reader, digits: tuple, part: int, validate: Callable[[Reader], float]) -> History:
    """One part of the training: one cycle of the learning rate."""
    epochs, lr, settings = PARTS[part]
    optimizer = optim.AdamW(model.parameters(), lr=lr, weight_decay=WEIGHT_DECAY)
    steps = epochs * STEPS_AN_EPOCH
    return fit(
        model,
        Strings(*digits, settings, bent=part > 0, seed=SEED + part),
        reading_loss,
        optimizer,
        epochs=epochs,
        scheduler=optim.OneCycleLR(optimizer, max_lr=lr, total_steps=steps, pct_start=0.15),
        validate=validate,
        callbacks=[Progress()],
        clip_norm=5.0,
        progress=False,
    )


def main() -> None:
    started, data = time.process_time(), load_mnist()
    n_train = len(data.X_train) * 11 // 12  # 55,000 of MNIST's 60,000
    digits, held_out = [
        (data.X_train[part], data.y_train[part]) for part in (slice(n_train), slice(n_train, None))
    ]
    X, y = make_digit_strings(*held_out, 1000, width=WIDTH, rng=1)
    nn.manual_seed(SEED)
    model = Reader()
    for part in range(len(PARTS)):
        history = practise(model, digits, part, lambda model: right_digits(model, X, y).all(axis=1).mean())
    X, y = make_digit_strings(data.X_test, data.y_test, 5000, width=WIDTH, rng=2)
    right = right_digits(model, X, y)
    extra = {
        "command": COMMAND,
        "seed": SEED,
        "data": f"{data.name}, strings of seven digits (make_digit_strings, width {WIDTH})",
        "steps": sum(epochs for epochs, _, _ in PARTS) * STEPS_AN_EPOCH,
        "batch": BATCH,
        "settings": PARTS[-1][2],  # of the strings at the end of training; those of the test are the defaults
        "loss": float(history.epoch_loss[-1]),
        "validation": float(history.validation[-1]),
        "accuracy": float(right.all(axis=1).mean()),  # of whole numbers
        "digit_accuracy": float(right.mean()),
        "test_strings": len(X),
        "parameters": model.num_parameters(),
        "minutes": round((time.process_time() - started) / 60, 1),
    }
    save_checkpoint(FILE, model=model, extra=extra)
    print(f"{FILE.name}:", ", ".join(f"{name} {value}" for name, value in extra.items() if name != "command"))


if __name__ == "__main__":
    main()
