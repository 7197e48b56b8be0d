"""Training: the loop over epochs, batches and steps, with everything that belongs around it.

    history = fit(model, loader, F.cross_entropy, AdamW(model.parameters()), epochs=5, validate=validation_loader)

The loop stops at the first NaN, stops early where validation no longer improves, and goes on after a crash from its
checkpoint, with the very numbers of a training that was never interrupted.

Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
"""

from utils.training.evaluation import evaluate, predict
from utils.training.loop import Training, fit
from utils.training.records import Callback, EarlyStopping, History, TrainingStopped

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "Training",
    "TrainingStopped",
    "evaluate",
    "fit",
    "predict",
]
