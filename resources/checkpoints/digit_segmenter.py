"""Train the U-Net of digits; it writes digit-segmenter.safetensors beside this file.

    python resources/checkpoints/digit_segmenter.py

Every scene is new and composed of the first 50,000 training digits of MNIST, three to six of them, so that a step
sees more ink; the other 10,000 make the validation scenes, and the test digits those whose mean IoU the files
states, with one to four digits. About 7 minutes on one core.

Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from utils import functional as F
from utils import nn, optim
from utils.checkpoint import save_checkpoint
from utils.data_loaders import DataLoader, load_mnist, make_segmentation_scenes
from utils.metrics import mean_iou
from utils.models import UNet, UNetConfig
from utils.tensor import Tensor
from utils.training import fit, predict

PATH = Path(__file__).with_name("digit-segmenter.safetensors")
SEED, BATCH, STEPS_AN_EPOCH, EPOCHS, LR = 0, 8, 500, 14, 1e-2
CHANNELS = (8, 16, 48, 96)
WEIGHTS = np.array([1, *[3] * 10], np.float32)  # of background and of the digits


class FreshScenes:
    """Batches of scenes that no other batch has seen: images (B, 1, 64, 64), masks (B, 64, 64)."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator):
        self.digits, self.rng = (images, labels), rng

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(len(self)):
            X, masks = make_segmentation_scenes(*self.digits, BATCH, n_digits=(3, 6), rng=self.rng)
            yield X[:, None], masks


def loss(scores: Tensor, masks: np.ndarray) -> Tensor:
    return F.cross_entropy(scores, masks, weight=WEIGHTS)


def measure(model: UNet, images: np.ndarray, labels: np.ndarray) -> float:
    """The mean IoU on 500 scenes of these digits."""
    X, masks = make_segmentation_scenes(images, labels, 500, rng=SEED)
    return mean_iou(masks, predict(model, DataLoader((X[:, None], masks), 50)).argmax(axis=1), 11)


def train(path: Path, skips: bool = True) -> None:
    data, started = load_mnist(), time.process_time()
    if data.is_stand_in:
        raise SystemExit("the checkpoint is trained on the real MNIST, which could not be loaded")
    nn.manual_seed(SEED)
    model = UNet(UNetConfig(channels=CHANNELS, convs=1, skips=skips))
    model.head.bias.data[0] += 3.0  # most pixels are background, and the network need not find that out
    optimizer = optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-3)
    schedule = optim.OneCycleLR(optimizer, max_lr=LR, total_steps=EPOCHS * STEPS_AN_EPOCH)
    loader = FreshScenes(data.X_train[:50_000], data.y_train[:50_000], np.random.default_rng(SEED))
    history = fit(model, loader, loss, optimizer, epochs=EPOCHS, scheduler=schedule)
    extra = {
        "command": f"python resources/checkpoints/{path.stem.replace('-', '_')}.py",
        "data": data.name,
        "seed": SEED,
        "steps": EPOCHS * STEPS_AN_EPOCH,
        "batch": BATCH,
        "loss": float(history.loss[-STEPS_AN_EPOCH:].mean()),
        "validation mean IoU": measure(model, data.X_train[50_000:], data.y_train[50_000:]),
        "test mean IoU": measure(model, data.X_test, data.y_test),
        "parameters": model.num_parameters(),
        "CPU minutes": round((time.process_time() - started) / 60, 1),
    }
    save_checkpoint(path, model=model, extra=extra)
    print("\n".join(f"{name}: {value}" for name, value in extra.items()))


if __name__ == "__main__":
    train(PATH)
