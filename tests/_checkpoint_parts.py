"""A model with everything that a checkpoint holds, for the tests of checkpoints."""

import json

import numpy as np

from utils import nn
from utils.checkpoint import save_checkpoint
from utils.data_loaders import DataLoader
from utils.optim import AdamW, CosineAnnealingLR
from utils.tensor import Tensor

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)


def make(seed=0, width=4, optimizer=AdamW):
    model = nn.Sequential(
        nn.Linear(3, width, rng=seed), nn.BatchNorm1d(width), nn.Linear(width, 2, rng=seed + 1)
    )
    optimizer = optimizer(model.parameters(), lr=0.01 * (seed + 1))
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": CosineAnnealingLR(optimizer, T_max=10),
        "loader": DataLoader(X, 4, shuffle=True, rng=seed),
        "rngs": {"noise": np.random.default_rng(seed), "old": np.random.Generator(np.random.MT19937(seed))},
    }


def step(parts, batches=1):
    losses = []
    for x, _ in zip(parts["loader"], range(batches), strict=False):
        parts["optimizer"].zero_grad()
        noise = sum(rng.normal() for rng in parts["rngs"].values())
        loss = (parts["model"](Tensor(x)) * noise).sum()
        loss.backward()
        parts["optimizer"].step()
        parts["scheduler"].step()
        losses.append(loss.item())
    return losses


def snapshot(parts):
    """Everything that a load could change, as JSON."""
    states = {name: parts[name].state_dict() for name in ("model", "optimizer", "scheduler", "loader")}
    states["rngs"] = {name: rng.bit_generator.state for name, rng in parts["rngs"].items()}
    return json.dumps(states, default=lambda x: x.tolist())


def saved_in(folder):
    """Some trained parts, and the file that holds them."""
    parts, path = make(), folder / "run.safetensors"
    step(parts, 2)
    save_checkpoint(path, **parts, extra={"step": 2})
    return parts, path
