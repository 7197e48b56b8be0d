"""What gradients and updates look like, once and over a training."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.nn import Module
from utils.tensor import Tensor


@dataclass(frozen=True)
class GradientStatistics:
    """The gradient of one parameter: its norm, standard deviation and share of zeros; NaN where there is none.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    parameter: str
    shape: tuple[int, ...]
    norm: float
    std: float
    zeros: float


@dataclass(frozen=True)
class UpdateRatio:
    """How far a step moved a parameter: the norms of the weights before it, of the update, and their ratio.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    parameter: str
    weight: float
    update: float
    ratio: float


def gradient_statistics(model: Module) -> list[GradientStatistics]:
    """Statistics of every parameter's gradient, after `backward`.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return [_gradient(name, p) for name, p in model.named_parameters()]


def _gradient(name: str, p: Tensor) -> GradientStatistics:
    if p.grad is None:
        return GradientStatistics(name, p.shape, math.nan, math.nan, math.nan)
    std, zeros = float(p.grad.std(dtype=np.float64)), float((p.grad == 0).mean())
    return GradientStatistics(name, p.shape, _norm(p.grad), std, zeros)


def snapshot(model: Module) -> dict[str, NDArray]:
    """Copies of all parameters by name, for `update_ratios`.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return {name: p.data.copy() for name, p in model.named_parameters()}


def update_ratios(model: Module, before: dict[str, NDArray]) -> list[UpdateRatio]:
    """How far each parameter is from where it was at the `snapshot` named `before`.

    The ratio is infinite for a parameter that was zero, as biases are at first, and NaN where it stayed so.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    missing = [name for name, _ in model.named_parameters() if name not in before]
    if missing:
        raise KeyError(
            f"the snapshot lacks {', '.join(missing)}: take it from the same model with snapshot(model)"
        )
    return [_update(name, p.data, before[name]) for name, p in model.named_parameters()]


def _update(name: str, now: NDArray, before: NDArray) -> UpdateRatio:
    weight, update = _norm(before), _norm(now - before)
    ratio = update / weight if weight else math.inf if update else math.nan
    return UpdateRatio(name, weight, update, ratio)


@contextmanager
def watch_updates(model: Module) -> Iterator[list[UpdateRatio]]:
    """`with watch_updates(model) as updates: optimizer.step()` fills `updates` when the block ends.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    before: dict[str, NDArray] = snapshot(model)
    updates: list[UpdateRatio] = []
    yield updates
    updates += update_ratios(model, before)


def _norm(x: NDArray) -> float:
    return float(np.linalg.norm(x.astype(np.float64, copy=False)))


class Recorder:
    """A callback for `utils.training.fit` that keeps gradient norms and update ratios of every parameter.

    `steps` holds the numbers of the steps seen, every `every`-th; `gradient_norm[name]` and `update_ratio[name]` one
    number for each. The very first step has no update ratio (NaN), since nothing was seen before it. Gradients are
    those the optimizer used, after clipping.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    def __init__(self, every: int = 1):
        if every < 1:
            raise ValueError(f"every={every} must be a whole number of at least 1")
        self.every = every
        self.steps: list[int] = []
        self.gradient_norm: dict[str, list[float]] = {}
        self.update_ratio: dict[str, list[float]] = {}
        self._before: dict[str, NDArray] | None = None

    def on_step_end(self, training: Any) -> None:
        if training.step % self.every == 0:
            self._record(training)
        self._before = snapshot(training.model) if (training.step + 1) % self.every == 0 else None

    def _record(self, training: Any) -> None:
        self.steps.append(training.step)
        for g in gradient_statistics(training.model):
            self.gradient_norm.setdefault(g.parameter, []).append(g.norm)
        before = self._before
        for name, p in training.model.named_parameters():
            ratio = _update(name, p.data, before[name]).ratio if before else math.nan
            self.update_ratio.setdefault(name, []).append(ratio)

    def curves(self, what: str = "gradient_norm") -> dict[str, NDArray]:
        """The histories as arrays (steps,) by parameter: "gradient_norm" or "update_ratio"."""
        if what not in ("gradient_norm", "update_ratio"):
            raise ValueError(f'{what!r} is not recorded: expected "gradient_norm" or "update_ratio"')
        return {name: np.array(values) for name, values in getattr(self, what).items()}

    def state_dict(self) -> dict[str, Any]:
        """The histories, for a checkpoint."""
        histories = {what: self.curves(what) for what in ("gradient_norm", "update_ratio")}
        return {"steps": np.array(self.steps, dtype=np.int64), **histories}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from the histories of `state_dict`."""
        self.steps = [int(step) for step in state["steps"]]
        for what in ("gradient_norm", "update_ratio"):
            setattr(self, what, {name: [float(v) for v in values] for name, values in state[what].items()})
