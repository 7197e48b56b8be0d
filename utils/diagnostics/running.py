"""Running a model under observation."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.nn import Module
from utils.tensor import Tensor


@contextmanager
def untouched(model: Module) -> Iterator[None]:
    """Afterwards the buffers, such as running means, are what they were."""
    before = {name: buffer.copy() for name, buffer in model.named_buffers()}
    try:
        yield
    finally:
        for name, buffer in model.named_buffers():
            buffer[...] = before[name]


@contextmanager
def watching(model: Module, see: Callable[[str, Module, NDArray], None]) -> Iterator[None]:
    """Inside, `see(name, module, output)` is called after every module without others inside."""
    calls: Counter = Counter()

    def hook(name: str) -> Callable:
        def after(module: Module, inputs: tuple, output: Any) -> None:
            calls[name] += 1
            for tensor in tensors_in(output)[:1]:
                see(name if calls[name] == 1 else f"{name}#{calls[name]}", module, tensor.data)

        return after

    leaves = [(name, m) for name, m in model.named_modules() if not any(True for _ in m.children())]
    removers = [module.register_forward_hook(hook(name or type(model).__name__)) for name, module in leaves]
    try:
        yield
    finally:
        for remove in removers:
            remove()


def tensors_in(values: Any) -> list[Tensor]:
    """The Tensors in what a module takes or gives; recurrent layers give tuples of tuples."""
    if isinstance(values, Tensor):
        return [values]
    return [x for value in values for x in tensors_in(value)] if isinstance(values, tuple | list) else []


def inputs_of(model: Module, batch: Any) -> list:
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    inputs = batch[:-1] if isinstance(batch, tuple | list) else (batch,)
    return [
        Tensor(x.astype(dtype)) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x for x in inputs
    ]
