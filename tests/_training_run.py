"""A small training with everything that draws or counts; `tests/test_training.py` kills it and starts it again.

As a script: CHECKPOINT RESULT EVERY [KILL_AT], where KILL_AT is the step in which it kills itself.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

from utils import nn
from utils.data_loaders import DataLoader
from utils.functional import manual_seed
from utils.functional.losses import cross_entropy
from utils.optim import AdamW, CosineAnnealingLR
from utils.training import Callback, EarlyStopping, evaluate, fit

EPOCHS, STEPS = 4, 16  # of 4 steps each, the last of one batch of 15


def data():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(111, 6)).astype(np.float32)
    return X, (X[:, 0] * X[:, 1] > 0).astype(np.int64)


class Average(Callback):
    """A callback with a state: the running mean of the loss."""

    def __init__(self):
        self.values = []
        self.mean = 0.0

    def on_step_end(self, training):
        self.mean = 0.9 * self.mean + 0.1 * training.records["loss"][-1]
        self.values.append(self.mean)

    def state_dict(self):
        return {"mean": self.mean, "values": self.values}

    def load_state_dict(self, state):
        self.mean, self.values = state["mean"], state["values"]


class Kill(Callback):
    """Calls `how` in a step, or for a text such as "epoch 2" where that epoch is validated."""

    def __init__(self, at, how):
        self.at, self.how, self.epoch = at, how, 0

    def on_step_end(self, training):
        self.epoch = training.epoch + 1
        if training.step == self.at:
            self.how()

    def validate(self, model):
        if self.at == f"epoch {self.epoch}":
            self.how()
        return evaluate(model, DataLoader(data(), 50), cross_entropy)


def parts():
    X, y = data()
    rng = np.random.default_rng(3)
    manual_seed(4)  # the second dropout draws from the shared generator
    model = nn.Sequential(
        nn.Linear(6, 16, rng=rng),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.Dropout(0.3, rng=rng),
        nn.Dropout(0.1),
        nn.Linear(16, 2, rng=rng),
    )
    optimizer = AdamW(model.parameters(), lr=0.02)
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": CosineAnnealingLR(optimizer, T_max=STEPS),
        "loader": DataLoader((X, y), batch_size=16, shuffle=True, rng=5),
    }


def train(checkpoint=None, kill_at=None, how=None, **settings):
    """History as a dict, with what else must come out the same."""
    made, average, kill = parts(), Average(), Kill(kill_at, how)
    history = fit(
        loss_fn=cross_entropy,
        epochs=EPOCHS,
        validate=kill.validate,
        callbacks=[average, kill],
        accumulate=2,
        clip_norm=0.5,
        early_stopping=EarlyStopping(patience=3),
        checkpoint=checkpoint,
        **made,
        **settings,
    )
    result = history.to_dict()
    del result["seconds"]
    weights = {name: x.tolist() for name, x in made["model"].state_dict().items()}
    return result | {"average": average.values, "weights": weights}


if __name__ == "__main__":
    checkpoint, result, every, *kill_at = sys.argv[1:]
    kill = int(kill_at[0]) if kill_at else None
    done = train((checkpoint, int(every)), kill, lambda: os.kill(os.getpid(), signal.SIGKILL))
    Path(result).write_text(json.dumps(done))
