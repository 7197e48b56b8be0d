"""What the layers' activations look like, and which units are dead."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.diagnostics.running import inputs_of, untouched, watching
from utils.nn import Module
from utils.tensor import no_grad

_FLAT = {  # where the derivative is below a tenth of its maximum
    "Tanh": lambda a: np.abs(a) > 0.95,
    "Sigmoid": lambda a: np.abs(a - 0.5) > 0.475,
}


@dataclass(frozen=True)
class LayerStatistics:
    """The activations of one layer for one batch.

    `zeros` is the share of entries that are exactly zero, `dead` the share of units that are so for the whole batch,
    `saturated` the share of entries on the flat parts of tanh and sigmoid (derivative below about a tenth of its
    maximum; NaN for other layers).

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    mean: float
    std: float
    zeros: float
    dead: float
    saturated: float


def layer_statistics(model: Module, batch: Any) -> list[LayerStatistics]:
    """Statistics of every layer (module without others inside) in the order of the forward pass.

    `batch` is an array of inputs, or a tuple (inputs..., targets) as a loader gives it. The model runs in the mode it
    is in: call `model.eval()` first where dropout should not count. A module that runs twice is listed twice, the
    second time as "name#2". Glorot and Bengio (2010) read such tables.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    found: list[LayerStatistics] = []
    with untouched(model), no_grad(), watching(model, lambda *seen: found.append(_statistics(*seen))):
        model(*inputs_of(model, batch))
    return found


def _statistics(name: str, module: Module, a: NDArray) -> LayerStatistics:
    kind = type(module).__name__
    saturated = float(_FLAT[kind](a).mean()) if kind in _FLAT else math.nan
    mean, std = float(a.mean(dtype=np.float64)), float(a.std(dtype=np.float64))
    dead = float(_silent(a).mean())
    return LayerStatistics(name, kind, a.shape, mean, std, float((a == 0).mean()), dead, saturated)


def _silent(a: NDArray) -> NDArray:
    """Units that are zero for all samples and positions; they lie on axis 1 of (N, C, H, W), else on the last."""
    units = 1 if a.ndim > 3 else a.ndim - 1
    return ~a.any(axis=tuple(i for i in range(a.ndim) if i != units))


def dead_units(model: Module, loader: Iterable) -> dict[str, NDArray]:
    """For every layer, which of its units are zero for all samples of `loader`: bool (units,), in evaluation mode.

    A dead unit of a ReLU layer gets no gradient from any of the samples, and stays dead.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    dead: dict[str, NDArray] = {}

    def see(name: str, module: Module, a: NDArray) -> None:
        silent = _silent(a)
        dead[name] = silent & dead.get(name, silent)

    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for batch in loader:
            with no_grad(), watching(model, see):
                model(*inputs_of(model, batch))
    finally:
        for module, mode in modes:
            module.training = mode
    if not dead:
        raise ValueError("the loader gave no batch, so that no unit was seen")
    return dead
