"""Running a model over batches: in training, and to measure it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.tensor import Tensor, no_grad


def evaluate(model: Any, loader: Iterable, metric: Callable) -> float:
    """The mean of `metric(output, target)` over the samples of `loader`, in evaluation mode, without gradients.

    Exact for metrics that are means over samples, as losses and accuracy are; others take `predict`.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    total, samples = 0.0, 0
    check_batches("loader", loader)
    with evaluation_mode(model), no_grad():
        for batch in loader:
            total += float(run_batch(model, batch, metric)) * batch_size(batch)
            samples += batch_size(batch)
    if samples == 0:
        raise ValueError("the loader gave no batch to evaluate")
    return total / samples


def predict(model: Any, loader: Iterable) -> NDArray:
    """The outputs for all samples of `loader`, one array (N, ...), in evaluation mode, without gradients.

    Batches are as for `fit`: of a tuple, all but the last array are inputs. The loader must not shuffle where the
    order matters.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    check_batches("loader", loader)
    with evaluation_mode(model), no_grad():
        outputs = [run_batch(model, batch, lambda output, _: output.data) for batch in loader]
    if not outputs:
        raise ValueError("the loader gave no batch to predict")
    return np.concatenate(outputs)


def run_batch(model: Any, batch: Any, function: Callable) -> Any:
    """`function(model(*inputs), target)` of a batch."""
    *inputs, target = batch if isinstance(batch, tuple | list) else (batch, batch)
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    return function(model(*[_as_input(x, dtype) for x in inputs]), target)


def _as_input(x: Any, dtype: np.dtype) -> Any:
    is_float = hasattr(x, "dtype") and not isinstance(x, Tensor) and x.dtype.kind == "f"
    return Tensor(x.astype(dtype, copy=False)) if is_float else x


def check_batches(name: str, batches: Any) -> None:
    """TypeError for data that is not in batches yet: its rows would pass for them."""
    arrays = (np.ndarray, Tensor)
    whole = isinstance(batches, arrays)
    if whole or (isinstance(batches, tuple) and batches and all(isinstance(x, arrays) for x in batches)):
        given, data = ("an array", "X") if whole else (f"a tuple of {len(batches)} arrays", "(X, y)")
        raise TypeError(f"{name} gives batches but is {given}: write DataLoader({data}, batch_size=64)")


def batch_size(batch: Any) -> int:
    return len(batch[-1] if isinstance(batch, tuple | list) else batch)


@contextmanager
def evaluation_mode(model: Any) -> Iterator[None]:
    """Inside, dropout and batch norm are as in use; afterwards each module is as it was, frozen ones too."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextmanager
def training_mode(model: Any) -> Iterator[None]:
    """Inside, a model that was in evaluation mode trains. One in training mode may hold modules that are frozen."""
    was_training = model.training
    if not was_training:
        model.train()
    try:
        yield
    finally:
        if not was_training:
            model.eval()
