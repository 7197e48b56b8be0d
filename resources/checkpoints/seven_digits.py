"""Train the reader of seven-digit numbers; it writes seven-digits.safetensors beside this file.

    python resources/checkpoints/seven_digits.py

Every batch is composed anew of the first 55,000 training digits of MNIST, the other 5,000 make the strings that the
progress is measured on, and the test digits those of the accuracy that the file states. About 23 minutes on one core.

Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from utils import nn, optim
from utils.checkpoint import save_checkpoint
from utils.data_loaders import load_mnist, make_digit_strings
from utils.models import Reader, read, reading_loss
from utils.tensor import Tensor, no_grad
from utils.training import Callback, Training, fit

FILE = Path(__file__).with_name("seven-digits.safetensors")
COMMAND = "python resources/checkpoints/seven_digits.py"
SEED, BATCH, EPOCHS, STEPS_AN_EPOCH = 0, 32, 16, 500
LR, WEIGHT_DECAY, WIDTH = 3e-3, 0.02, 196


class Strings:
    """Batches of pictures (B, 1, 32, 196) and labels (B, 7), none of them ever seen before."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.digits, self.rng = (images, labels), np.random.default_rng(SEED)

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(STEPS_AN_EPOCH):
            X, y = make_digit_strings(*self.digits, BATCH, width=WIDTH, rng=self.rng)
            yield X[:, None], y


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


def main() -> None:
    started, data = time.process_time(), load_mnist()
    n_train = len(data.X_train) * 11 // 12  # 55,000 of MNIST's 60,000
    digits, held_out = [
        (data.X_train[part], data.y_train[part]) for part in (slice(n_train), slice(n_train, None))
    ]
    X, y = make_digit_strings(*held_out, 1000, width=WIDTH, rng=1)
    nn.manual_seed(SEED)
    model = Reader()
    optimizer = optim.AdamW(model.parameters(), lr=LR, weight_decay=WEIGHT_DECAY)
    history = fit(
        model,
        Strings(*digits),
        reading_loss,
        optimizer,
        epochs=EPOCHS,
        scheduler=optim.OneCycleLR(optimizer, max_lr=LR, total_steps=EPOCHS * STEPS_AN_EPOCH, pct_start=0.15),
        validate=lambda model: right_digits(model, X, y).all(axis=1).mean(),
        callbacks=[Progress()],
        clip_norm=5.0,
        progress=False,
    )
    X, y = make_digit_strings(data.X_test, data.y_test, 5000, width=WIDTH, rng=2)
    right = right_digits(model, X, y)
    extra = {
        "command": COMMAND,
        "seed": SEED,
        "data": f"{data.name}, strings of seven digits (make_digit_strings, width {WIDTH})",
        "steps": EPOCHS * STEPS_AN_EPOCH,
        "batch": BATCH,
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
