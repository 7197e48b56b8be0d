"""Where the first NaN arises."""

import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.diagnostics.running import inputs_of, tensors_in, untouched
from utils.nn import Module
from utils.tensor import Node, Tensor, detect_anomaly


@dataclass(frozen=True)
class NanSource:
    """Where the first NaN or infinity arises: in the "input", a "parameter", the "forward" or the "backward" pass.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    stage: str
    layer: str
    op: str
    message: str

    def __str__(self) -> str:
        return f"{self.stage}, {self.layer}: {self.message}"


def nan_source(model: Module, batch: Any, loss_fn: Callable) -> NanSource | None:
    """Where the first NaN or infinity arises in `loss_fn(model(*inputs), target)` and its backward pass, else None.

    The layer is the innermost module at work, "loss" outside of the model. Runs in the mode the model is in.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    if broken := _broken_before(model, batch):
        return broken
    gradients = [(p, p.grad) for p in model.parameters()]
    spans: dict[str, tuple[int, int]] = {}
    model.zero_grad()
    stage = "forward"
    try:
        with untouched(model), _spans(model, spans), detect_anomaly(), np.errstate(all="ignore"):
            loss = loss_fn(
                model(*inputs_of(model, batch)), batch[-1] if isinstance(batch, tuple | list) else batch
            )
            stage = "backward"
            loss.backward()
    except FloatingPointError as error:
        op = re.match(r"(?:the gradient of )?(\w+)", str(error))[1]
        return NanSource(stage, _layer_of(error, model, spans), op, str(error))
    finally:
        for p, gradient in gradients:
            p.grad = gradient
    return None


def _broken_before(model: Module, batch: Any) -> NanSource | None:
    for x in batch if isinstance(batch, tuple | list) else (batch,):
        x = np.asarray(x.data if isinstance(x, Tensor) else x)
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            at = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
            return NanSource("input", "batch", "", f"the batch holds {x[at]} at {at}")
    for name, p in model.named_parameters():
        if not np.isfinite(p.data).all():
            count = int((~np.isfinite(p.data)).sum())
            return NanSource(
                "parameter", name, "", f"{count} of {p.size} entries of {name} are NaN or infinite"
            )
    return None


@contextmanager
def _spans(model: Module, spans: dict[str, tuple[int, int]]) -> Iterator[None]:
    """Which nodes of the graph each module made: those after its inputs, up to its output."""

    def hook(name: str) -> Callable:
        def see(module: Module, inputs: tuple, output: Any) -> None:
            made = [_age(x.node) for x in tensors_in(output) if x.node]
            taken = [_age(x.node) for x in tensors_in(inputs) if x.node]
            if made:
                spans[name] = (max(taken, default=-1), max(made))

        return see

    removers = [module.register_forward_hook(hook(name)) for name, module in model.named_modules()]
    try:
        yield
    finally:
        for remove in removers:
            remove()


def _age(node: Node) -> int:
    """A number that is larger for an op that came later."""
    return abs(node.number)


def _layer_of(error: Exception, model: Module, spans: dict[str, tuple[int, int]]) -> str:
    """The innermost module on the error's call stack, or the one that made the node whose gradient is at fault."""
    names = {id(module): name or type(model).__name__ for name, module in model.named_modules()}
    layer = "loss"
    for frame, _ in traceback.walk_tb(error.__traceback__):
        here = frame.f_locals
        layer = names.get(id(here.get("self")), layer)
        if isinstance(here.get("node"), Node):
            number = _age(here["node"])
            around = {name: high - low for name, (low, high) in spans.items() if low < number <= high}
            layer = (min(around, key=around.get) or type(model).__name__) if around else "loss"
    return layer
