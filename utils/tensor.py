r"""The engine: arrays that remember how they were made, and the backward pass through that memory.

An op is a function of plain arrays that returns its result and one gradient function for each input:

    @op
    def mul(x, y):
        r"$z = x \odot y$;  $\bar x = \bar z \odot y$,  $\bar y = \bar z \odot x$"
        return x * y, (lambda g: g * y, lambda g: g * x)

`g` is $\bar z$, the gradient of the loss with respect to the result. Where the inputs' gradients share work, one
function may return them all, as a tuple; an op of a single input may return its one function. A gradient function
returns a new array, `g` itself or a view of it, never an array it has saved; or a `Part`. Settings that are not
differentiated are keyword-only. Everything else is done here, once: dtypes, un-broadcasting, adding up, order, freeing.

Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
"""

import importlib
import traceback
from collections.abc import Callable, Iterator
from functools import wraps
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from utils.backward import Node, Part, backward, detect_anomaly, no_grad, recording, watching

__all__ = ["FLOATS", "OPS", "Node", "Part", "Tensor", "as_float", "detect_anomaly", "graph", "no_grad", "op"]

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
OPS: dict[str, Callable] = {}  # every op registers itself; tests/ hold a gradient case for each
_PLAIN = frozenset({int, float, bool, type(None)})  # inputs that have no dtype of their own
_here = str(Path(__file__).parent)
_new = object.__new__

# glibc hands large arrays back to the system when they die, and fetches the next one page by page, which takes a
# quarter of a training step. It stops doing so for sizes of which it has seen one die: one that was never touched.
np.empty(31 << 20, np.uint8)


class Tensor:
    """An array that can be differentiated: `data` and, after `backward`, `grad` are plain arrays of one shape.

    float32 and float64 are kept, everything else becomes float32; the array is not copied. `requires_grad` marks
    a leaf whose gradient is wanted. Arithmetic, indexing and the methods of `utils.ops` work as in NumPy and
    PyTorch; comparisons are plain arrays of truth values, and nothing changes a Tensor in place but writing into
    its `data`. Arrays and numbers that meet a Tensor take its dtype, and two Tensors of different dtypes raise
    TypeError.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    __slots__ = ("__weakref__", "_hooks", "data", "grad", "node", "requires_grad")
    __array_ufunc__ = None  # array + Tensor asks Tensor.__radd__
    __hash__ = object.__hash__  # by identity, though == goes entry by entry

    def __init__(self, data: Any, requires_grad: bool = False):
        if isinstance(data, Tensor):
            data = data.data
        self.data = as_float(data)
        self.requires_grad = requires_grad
        self.grad = self.node = self._hooks = None

    shape = property(attrgetter("data.shape"))
    dtype = property(attrgetter("data.dtype"))
    ndim = property(attrgetter("data.ndim"))
    size = property(attrgetter("data.size"))
    is_leaf = property(lambda self: self.node is None)

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator["Tensor"]:
        if not self.ndim:
            raise TypeError("a Tensor of a single number has no entries to go through: x.item() is its value")
        return (self[i] for i in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self.data, dtype=dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:  # methods are ops, too: see _first_use
        importlib.import_module("utils.ops")
        return getattr(self, name)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("Tensors are not changed in place: write x.data[...] = ...")

    def _in_place(self, other: Any) -> Any:
        if self.requires_grad and self.node is None:  # to bind its name anew would leave the leaf as it was
            raise TypeError(
                "Tensors are not changed in place, and x -= ... would leave this leaf as it is: write x.data -= ..."
            )
        return NotImplemented  # so x += y is x = x + y

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __imatmul__ = __ipow__ = _in_place

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
                "no input of this Tensor requires a gradient: mark the leaves with requires_grad=True, and see that "
                "nothing on the way is within no_grad() or goes through detach(), item() or .data"
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
        arrays, targets = [], []
        dtype, wanted, foreign = None, 0, False
        for x in inputs:
            target = None
            if isinstance(x, Tensor):
                data = x.data
                if dtype is None:
                    dtype = data.dtype
                elif data.dtype is not dtype:
                    _agree(name, dtype, data.dtype)
                if x.requires_grad:
                    target = x.node or x
                    wanted += 1
            else:
                data = x
                foreign = foreign or type(x) not in _PLAIN
            arrays.append(data)
            targets.append(target)
        if foreign or dtype is None:
            arrays, dtype = _converted(inputs)
        out, gradients = function(*arrays, **settings) if settings else function(*arrays)
        shape = out.shape
        if out.dtype is not dtype:
            dtype = _kept(name, dtype, out.dtype, settings)
        result = _new(Tensor)
        result.data = out if shape or not isinstance(out, np.generic) else np.asarray(out)
        result.grad = result._hooks = None
        if wanted and recording.get():
            if wanted < len(targets) and type(gradients) is tuple:
                gradients = _needed(gradients, targets)
            result.requires_grad = True
            result.node = Node(name, targets, gradients, shape, dtype)
        else:
            result.requires_grad = False
            result.node = None
        if watching.get():
            _inspect(name, result)
        return result

    if name in OPS:
        raise ValueError(f"there is an op called {name} already")
    OPS[name] = apply
    return apply


def _agree(name: str, dtype: np.dtype, other: np.dtype) -> None:
    if dtype != other:
        raise TypeError(
            f"{name} got Tensors of different dtypes ({dtype}, {other}): convert one with x.astype(np.float32), or a "
            "model with model.to(np.float64)"
        )


def _kept(name: str, dtype: np.dtype, found: np.dtype, settings: dict) -> np.dtype:
    if found == settings.get("dtype", dtype):
        return found
    raise TypeError(f"{name} turned {dtype} into {found}: a NumPy scalar or array in it is wider")


def _needed(gradients: tuple, targets: list) -> tuple:
    """Without the functions nobody will call, so that the arrays they hold are free at once."""
    needed = list(gradients)
    for i, target in enumerate(targets):
        if target is None:
            needed[i] = None
    return tuple(needed)


def as_float(data: Any) -> np.ndarray:
    """float32 and float64 arrays as they are, all else (lists and numbers of Python too) as float32.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    array = data if hasattr(data, "dtype") else _listed(data)
    if getattr(array.dtype, "kind", "") not in ("b", "i", "u", "f"):
        foreign = "" if isinstance(array.dtype, np.dtype) else f" of {type(data).__module__}: give x.numpy()"
        raise TypeError(f"a Tensor holds real numbers but got {array.dtype}{foreign}")
    dtype = array.dtype if array is data and array.dtype in FLOATS else np.float32
    return np.asarray(array, dtype) if isinstance(array, np.generic) else array.astype(dtype, copy=False)


def _listed(data: Any) -> np.ndarray:
    try:
        return np.asarray(data)
    except ValueError as error:
        raise ValueError(f"a Tensor is made of rows of one length: pad the shorter ones ({error})") from error


def _converted(inputs: tuple) -> tuple[list, np.dtype]:
    """The inputs as arrays like those of the Tensors among them; like the first input, if there is no Tensor."""
    like = next((x.data for x in inputs if isinstance(x, Tensor)), None)
    if like is None:
        like, inputs = (first := as_float(inputs[0])), (first, *inputs[1:])
    return [x.data if isinstance(x, Tensor) else _companion(x, like) for x in inputs], like.dtype


def _companion(x: Any, like: np.ndarray) -> Any:
    """An input that is no Tensor: Python's numbers as they are, arrays in the dtype of the Tensor they meet."""
    if type(x) in _PLAIN:
        return x
    if isinstance(x, np.generic) or not hasattr(x, "astype"):
        return np.asarray(x, dtype=like.dtype, like=like)
    return x.astype(like.dtype, copy=False)


def _own_dtype(gradient: Any, data: np.ndarray) -> np.ndarray:
    gradient = gradient.data if isinstance(gradient, Tensor) else gradient
    return (
        np.asarray(gradient, dtype=data.dtype, like=data)
        if np.isscalar(gradient)
        else _companion(gradient, data)
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
    records, edges, left = {}, [], [x.node or x for x in roots]
    outputs = list(map(id, left))
    while left:
        x = left.pop()
        if id(x) in records:
            continue
        is_op = isinstance(x, Node)
        kind = "op" if is_op else "parameter" if x.requires_grad else "input"
        records[id(x)] = {
            "id": id(x),
            "label": x.op if is_op else "leaf",
            "kind": "output" if id(x) in outputs else kind,
            "value": str(x.shape),
        }
        parents = [parent for parent in x.inputs if parent is not None] if is_op else []
        edges += [(id(parent), id(x)) for parent in parents]
        left += parents
    return list(records.values()), edges


def _first_use(name: str) -> Callable:
    """Operators are ops, one floor up. Whoever has not imported them yet does so by using the first."""

    def method(self: Tensor, *arguments: Any, **settings: Any) -> Any:
        importlib.import_module("utils.ops")  # which puts the real methods in place
        return getattr(self, name)(*arguments, **settings)

    return method


_OPERATORS = (
    "add radd sub rsub mul rmul truediv rtruediv pow matmul rmatmul neg abs getitem lt le gt ge eq ne"
)
for _name in _OPERATORS.split():
    setattr(Tensor, f"__{_name}__", _first_use(f"__{_name}__"))
