"""Train the detector of digits; it writes digit-detector.safetensors beside this file.

    python resources/checkpoints/digit_detector.py

Every scene is new and composed of the first 50,000 training digits of MNIST; the other 10,000 make the validation
scenes, and the test digits those whose mAP the file states. About 13 minutes on one core.

Notebook: 03-cnn/applications/03-object-detection.ipynb
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from utils import nn, optim
from utils.checkpoint import save_checkpoint
from utils.data_loaders import load_mnist, make_detection_scenes
from utils.metrics import mean_average_precision
from utils.models import Detector
from utils.models.detector import assign_anchors, detection_loss
from utils.training import fit

PATH = Path(__file__).with_name("digit-detector.safetensors")
SEED, BATCH, STEPS_AN_EPOCH, EPOCHS, LR = 0, 16, 500, 20, 6e-3
THRESHOLDS = np.linspace(0.5, 0.95, 10)


class FreshScenes:
    """Batches of scenes that no other batch has seen: images (B, 1, 64, 64), targets (B, M, 5)."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, anchors: np.ndarray, rng: np.random.Generator):
        self.digits, self.anchors, self.rng = (images, labels), anchors, rng

    def __len__(self) -> int:
        return STEPS_AN_EPOCH

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(len(self)):
            X, boxes, labels = make_detection_scenes(*self.digits, BATCH, rng=self.rng)
            pairs = zip(boxes, labels, strict=True)
            yield X[:, None], np.stack([assign_anchors(self.anchors, *pair) for pair in pairs])


def measure(model: Detector, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """mAP at an IoU of 0.5, and from 0.5 to 0.95, on 1,000 scenes of these digits."""
    X, *truth = make_detection_scenes(images, labels, 1000, rng=SEED)
    truth, found = list(zip(*truth, strict=True)), model.detect(X[:, None])
    return mean_average_precision(truth, found), mean_average_precision(truth, found, thresholds=THRESHOLDS)


def main() -> None:
    data, started = load_mnist(), time.process_time()
    if data.is_stand_in:
        raise SystemExit("the checkpoint is trained on the real MNIST, which could not be loaded")
    nn.manual_seed(SEED)
    model = Detector()
    optimizer = optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-3)
    schedule = optim.OneCycleLR(optimizer, max_lr=LR, total_steps=EPOCHS * STEPS_AN_EPOCH)
    loader = FreshScenes(
        data.X_train[:50_000], data.y_train[:50_000], model.anchors, np.random.default_rng(SEED)
    )
    history = fit(model, loader, detection_loss, optimizer, epochs=EPOCHS, scheduler=schedule, clip_norm=10.0)
    validation = measure(model, data.X_train[50_000:], data.y_train[50_000:])
    test = measure(model, data.X_test, data.y_test)
    extra = {
        "command": "python resources/checkpoints/digit_detector.py",
        "data": data.name,
        "seed": SEED,
        "steps": EPOCHS * STEPS_AN_EPOCH,
        "batch": BATCH,
        "loss": float(history.loss[-STEPS_AN_EPOCH:].mean()),
        "validation mAP": list(validation),
        "test mAP": list(test),
        "parameters": model.num_parameters(),
        "CPU minutes": round((time.process_time() - started) / 60, 1),
    }
    save_checkpoint(PATH, model=model, extra=extra)
    print("\n".join(f"{name}: {value}" for name, value in extra.items()))


if __name__ == "__main__":
    main()
