"""Optimizers, learning rate schedules and gradient clipping, under PyTorch's names.

    optimizer = AdamW(model.parameters(), lr=3e-4)
    schedule = CosineAnnealingLR(optimizer, T_max=1000)
    for x, y in batches:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()

Notebook: 02-mlp/optimizers/01-gradient-descent-variants.ipynb
"""

from utils.optim.adaptive import Adagrad, Adam, AdamW, Lion, NAdam, RMSprop
from utils.optim.clipping import clip_grad_norm_, clip_grad_value_
from utils.optim.lr_scheduler import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from utils.optim.optimizer import Optimizer
from utils.optim.schedule import LRScheduler
from utils.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "Lion",
    "MultiStepLR",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "RMSprop",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
]
