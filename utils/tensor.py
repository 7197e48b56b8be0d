r"""The engine: arrays that remember how they were made, and the backward pass through that memory.

An op is a function of plain arrays that returns its result and one gradient function for each input:

    @op
    def mul(x, y):
        r"$z = x \odot y$;  $\bar x = \bar z \odot y$,  $\bar y = \bar z \odot x$"
        return x * y, (lambda g: g * y, lambda g: g * x)

`g` is $\bar z$, the gradient of the loss with respect to the result. Where the inputs' gradients share work, one
function may return them all, as a tuple; an op of a single input may return its one function. A gradient function
returns a new array, `g` itself or a view of it, never an array it has saved. Settings that are not differentiated
are keyword-only. Everything else is done here, once: dtypes, un-broadcasting, adding up, order, freeing.

Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
"""

import importlib
import traceback
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np

from utils.backward import Node, backward, detect_anomaly, mode, no_grad

__all__ = ["FLOATS", "OPS", "Node", "Tensor", "as_float", "detect_anomaly", "graph", "no_grad", "op"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
OPS: dict[str, Callable] = {}  # every op registers itself; tests/ hold a gradient case for each
_here = str(Path(__file__).parent)


class Tensor:
    """An array that can be differentiated: `data` and, after `backward`, `grad` are plain arrays of one shape.

    float32 and float64 are kept, everything else becomes float32; the array is not copied. `requires_grad` marks
    a leaf whose gradient is wanted. Arithmetic, indexing and the methods of `utils.ops` work as in NumPy and
    PyTorch; there are no in-place operators. Arrays and numbers that meet a Tensor take its dtype, and two Tensors
    of different dtypes raise TypeError.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    __slots__ = ("__weakref__", "_hooks", "data", "grad", "node", "requires_grad")
    __array_ufunc__ = None  # array + Tensor asks Tensor.__radd__

    def __init__(self, data: Any, requires_grad: bool = False):
        if isinstance(data, Tensor):
            data = data.data
        self.data = as_float(data)
        self.requires_grad = requires_grad
        self.grad = self.node = self._hooks = None

    shape = property(lambda self: self.data.shape)
    dtype = property(lambda self: self.data.dtype)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    is_leaf = property(lambda self: self.node is None)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        made = (
            f", made by {self.node.op}" if self.node else ", requires_grad=True" if self.requires_grad else ""
        )
        return f"Tensor({np.array2string(self.data, precision=4, threshold=20)}, {self.dtype}{made})"

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data)

    def item(self) -> float:
        """The value of a Tensor of one element."""
        return self.data.item()

    def numpy(self) -> np.ndarray:
        """The data, not copied."""
        return self.data

    def detach(self) -> "Tensor":
        """The same data, forgetting how they were made."""
        return Tensor(self.data)

    def zero_grad(self) -> None:
        self.grad = None

    def register_hook(self, hook: Callable[[np.ndarray], None]) -> Callable[[], None]:
        """Call `hook(gradient)` in every backward pass that reaches this Tensor; returns a function that removes it."""
        if not self.requires_grad:
            raise RuntimeError(
                "this Tensor gets no gradient, so its hook would never be called: requires_grad is False"
            )
        owner, name = (self, "_hooks") if self.node is None else (self.node, "hooks")
        hooks = getattr(owner, name) or []
        hooks.append(hook)
        setattr(owner, name, hooks)
        return lambda: hooks.remove(hook)

    def backward(self, gradient: Any = None, retain_graph: bool = False) -> None:
        """Add the gradient of this Tensor (a single number, or weighted by `gradient`) to `grad` of every leaf.

        The graph is freed on the way unless `retain_graph`; a second pass through a freed one raises RuntimeError.

        Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
        """
        if not self.requires_grad:
            raise RuntimeError(
                "no input of this Tensor requires a gradient: mark the leaves with requires_grad=True"
            )
        if gradient is None:
            if self.data.size != 1:
                raise ValueError(
                    f"backward needs a single number but the shape is {self.shape}: sum or average it first"
                )
            gradient = np.ones_like(self.data)
        gradient = _own_dtype(gradient, self.data)
        if gradient.shape != self.shape:
            raise ValueError(f"gradient has shape {gradient.shape} but the Tensor has {self.shape}")
        backward(self, gradient, retain_graph)


def op(function: Callable) -> Callable:
    """Make an op of a function of arrays; see the text at the head of this file.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    name = function.__name__

    @wraps(function)
    def apply(*inputs: Any, **settings: Any) -> Tensor:
        dtype, wanted, arrays, foreign = None, False, [], False
        for x in inputs:
            if isinstance(x, Tensor):
                data = x.data
                if dtype is None:
                    dtype = data.dtype
                elif data.dtype != dtype:
                    raise _mixed(name, inputs)
                if x.requires_grad:
                    wanted = True
                arrays.append(data)
            else:
                foreign = True
                arrays.append(x)
        if foreign:
            arrays, dtype = _converted(arrays, dtype)
        out, gradients = function(*arrays, **settings)
        if out.dtype != dtype and out.dtype != settings.get("dtype", dtype):
            raise TypeError(f"{name} turned {dtype} into {out.dtype}: a NumPy scalar or array in it is wider")
        result = Tensor.__new__(Tensor)
        result.data = np.asarray(out) if isinstance(out, np.generic) else out
        result.grad = result.node = result._hooks = None
        result.requires_grad = wanted = wanted and mode.recording
        if wanted:
            tracked = tuple([x if isinstance(x, Tensor) and x.requires_grad else None for x in inputs])
            if type(gradients) is tuple and None in tracked:
                gradients = _needed(gradients, tracked)
            result.node = Node(name, tracked, gradients)
        if mode.anomaly:
            _inspect(name, result)
        return result

    if name in OPS:
        raise ValueError(f"there is an op called {name} already")
    OPS[name] = apply
    return apply


def _needed(gradients: tuple, tracked: tuple) -> tuple:
    """Without the functions nobody will call, so that the arrays they hold are free at once."""
    return tuple([f if x is not None else None for f, x in zip(gradients, tracked, strict=True)])


def as_float(data: Any) -> np.ndarray:
    """float32 and float64 arrays as they are, all else (lists and numbers of Python too) as float32.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    array = data if hasattr(data, "dtype") else np.asarray(data)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"a Tensor holds real numbers but got {array.dtype}")
    dtype = array.dtype if array is data and array.dtype in FLOATS else np.float32
    return np.asarray(array, dtype) if isinstance(array, np.generic) else array.astype(dtype, copy=False)


def _converted(arrays: list, dtype: np.dtype | None) -> tuple[list, np.dtype]:
    """The inputs as arrays of the Tensors' dtype; of their own, if there is no Tensor."""
    if dtype is None:
        dtype = as_float(arrays[0]).dtype
        arrays = [as_float(arrays[0]), *arrays[1:]]
    return [_companion(x, dtype) for x in arrays], dtype


def _companion(x: Any, dtype: np.dtype) -> Any:
    """An input that is no Tensor: Python's numbers as they are, arrays in the dtype of the Tensor they meet."""
    if x is None or type(x) in (int, float, bool):
        return x
    return (
        np.asarray(x, dtype=dtype)
        if not hasattr(x, "astype") or isinstance(x, np.generic)
        else x.astype(dtype, copy=False)
    )


def _own_dtype(gradient: Any, data: np.ndarray) -> np.ndarray:
    gradient = gradient.data if isinstance(gradient, Tensor) else gradient
    return _companion(np.asarray(gradient) if np.isscalar(gradient) else gradient, data.dtype)


def _mixed(name: str, inputs: tuple) -> TypeError:
    found = ", ".join(str(x.dtype) for x in inputs if isinstance(x, Tensor))
    return TypeError(
        f"{name} got Tensors of different dtypes ({found}): convert one with x.astype(np.float32)"
    )


def _inspect(name: str, result: Tensor) -> None:
    frame = next((f for f in reversed(traceback.extract_stack()) if not f.filename.startswith(_here)), None)
    where = f", line {frame.lineno}: {frame.line}" if frame else ""
    if result.node:
        result.node.where = where
    if not np.isfinite(result.data).all():
        raise FloatingPointError(f"{name} made NaN or infinity{where}")


def graph(*roots: Tensor) -> tuple[list[dict], list[tuple]]:
    """The graph behind Tensors as plain records, `utils.visualization.plot_graph(*graph(loss))`.

    Nodes are {"id", "label", "kind": "input" | "parameter" | "op" | "output", "value"}, edges pairs of ids.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    nodes, edges, left = {}, [], list(roots)
    while left:
        x = left.pop()
        key = id(x) if x.node is None else f"op {x.node.number}"
        if key in nodes:
            continue
        kind = "op" if x.node else "parameter" if x.requires_grad else "input"
        kind = "output" if any(x is root for root in roots) else kind
        label = x.node.op if x.node else "leaf"
        nodes[key] = {"id": key, "label": label, "kind": kind, "value": str(x.shape)}
        for parent in _parents(x):
            edges.append((id(parent) if parent.node is None else f"op {parent.node.number}", key))
            left.append(parent)
    return list(nodes.values()), edges


def _parents(x: Tensor) -> Iterable[Tensor]:
    return [] if x.node is None else [parent for parent in x.node.inputs if parent is not None]


def _first_use(name: str) -> Callable:
    """Operators are ops, one floor up. Whoever has not imported them yet does so by using the first."""

    def method(self: Tensor, *arguments: Any, **settings: Any) -> Any:
        importlib.import_module("utils.ops")  # which puts the real methods in place
        return getattr(self, name)(*arguments, **settings)

    return method


for _name in [
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "matmul",
    "rmatmul",
    "neg",
    "getitem",
]:
    setattr(Tensor, f"__{_name}__", _first_use(f"__{_name}__"))
