"""What a training records, why it may stop, and what may look on."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from utils.training.loop import Training


PER_STEP, PER_EPOCH = ("loss", "lr", "grad_norm"), ("epoch_loss", "validation", "seconds")


@dataclass(frozen=True)
class History:
    """What a training recorded: one entry an optimizer step, or one an epoch, float64.

    `grad_norm` (before clipping) is empty without `clip_norm`, `validation` without `validate`. `seconds` are those
    of each epoch. `best_epoch` counts from 0; `stopped` says why the training ended.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    loss: NDArray
    lr: NDArray
    grad_norm: NDArray
    epoch_loss: NDArray
    validation: NDArray
    seconds: NDArray
    stopped: str = ""
    best_epoch: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers, fit for JSON."""
        return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(self).items()}


class TrainingStopped(RuntimeError):
    """The loss or the parameters became NaN or infinite: `step`, `last_loss` (the last finite one) and `history`.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    def __init__(self, message: str, step: int, last_loss: float | None, history: History):
        super().__init__(message)
        self.step, self.last_loss, self.history = step, last_loss, history


@dataclass(frozen=True)
class EarlyStopping:
    """Stop after `patience` epochs in a row that do not beat the best by more than `min_delta`.

    What is watched is the result of `validate`, or without it the training loss; `mode` is "min" or "max".
    `restore_best` ends with the weights of the best epoch, however the training ended.

    Notebook: 02-mlp/regularization/02-dropout-and-early-stopping.ipynb
    """

    patience: int = 5
    min_delta: float = 0.0
    mode: str = "min"
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.patience < 1 or not self.min_delta >= 0 or self.mode not in ("min", "max"):
            raise ValueError(f"{self}: patience is at least 1, min_delta at least 0, mode 'min' or 'max'")

    def is_better(self, value: float, best: float | None) -> bool:
        sign = 1 if self.mode == "max" else -1
        return best is None or sign * (value - best) > self.min_delta


class Callback:
    """What `fit` calls after every optimizer step and every epoch, with the `Training` as its argument.

    It may read `training.step`, `epoch`, `model`, `optimizer`, `records["loss"][-1]`, and call `training.stop(why)`.
    One with `state_dict` and `load_state_dict` is saved in checkpoints too.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    def on_step_end(self, training: "Training") -> None:
        """After an optimizer step."""

    def on_epoch_end(self, training: "Training") -> None:
        """After an epoch and its validation."""
