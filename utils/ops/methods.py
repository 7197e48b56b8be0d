"""What a Tensor can do: the operators and methods, under the names of NumPy and of PyTorch."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from utils.ops.arithmetic import (
    abs,
    add,
    clip,
    div,
    exp,
    log,
    matmul,
    mul,
    neg,
    pow,
    relu,
    sigmoid,
    sqrt,
    sub,
    tanh,
    where,
)
from utils.ops.indexing import gather, getitem, take
from utils.ops.reductions import cumsum, logsumexp, max, mean, min, prod, sum, var
from utils.ops.shape import (
    astype,
    broadcast_to,
    flatten,
    flip,
    reshape,
    split,
    squeeze,
    swapaxes,
    transpose,
    unsqueeze,
)
from utils.tensor import Tensor

_ALIASES = {"dim": "axis", "keepdim": "keepdims"}  # PyTorch's names beside NumPy's


def _method(function: Callable, *names: str) -> Callable:
    """As a method: settings by position, in the order of `names`, or by name, NumPy's or PyTorch's."""

    @wraps(function)
    def method(self: Tensor, *values: Any, **settings: Any) -> Any:
        if len(values) > len(names):
            raise TypeError(
                f"{function.__name__.strip('_')} takes at most {len(names)} settings but got {len(values)}: {values}"
            )
        settings = {_ALIASES.get(name, name): value for name, value in settings.items()}
        return function(self, **dict(zip(names, values, strict=False)), **settings)

    return method


def _spread(function: Callable, name: str) -> Callable:
    """As a method whose one setting is a list: x.reshape(2, 3) is x.reshape((2, 3)), and x.transpose() has none."""

    @wraps(function)
    def method(self: Tensor, *values: Any) -> Tensor:
        listed = len(values) == 1 and (values[0] is None or isinstance(values[0], tuple | list))
        return function(self, **({name: values[0] if listed else values} if values else {}))

    return method


_permuted = _spread(transpose, "axes")


@wraps(transpose)
def _transposed(x: Tensor, *axes: Any) -> Tensor:
    """Two axes alone are exchanged, as in PyTorch; otherwise as `permute`, and backwards by default."""
    return swapaxes(x, *axes) if len(axes) == 2 else _permuted(x, *axes)


def _reflected(function: Callable) -> Callable:
    return lambda x, y: function(y, x)


def _comparison(name: str) -> Callable:
    """x > 0 is a plain array of truth values: nothing to differentiate."""
    return lambda x, y: getattr(x.data, name)(y.data if isinstance(y, Tensor) else y)


# What PyTorch has and NumPy has not, or not so


def _argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    return x.data.argmax(axis, keepdims=keepdims)


def _argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> np.ndarray:
    return x.data.argmin(axis, keepdims=keepdims)


@wraps(var)
def _var(x: Tensor, unbiased: bool | None = None, **settings: Any) -> Tensor:
    return var(x, **settings) if unbiased is None else var(x, correction=int(unbiased), **settings)


def _std(x: Tensor, **settings: Any) -> Tensor:
    """The root of `var`, with its settings."""
    return sqrt(_var(x, **settings))


def _log_softmax(x: Tensor, axis: int) -> Tensor:
    return sub(x, logsumexp(x, axis=axis, keepdims=True))


def _t(x: Tensor) -> Tensor:
    if x.ndim > 2:
        raise ValueError(f"t() is of matrices but the shape is {x.shape}: use swapaxes(a, b) or permute(...)")
    return transpose(x)


def _chunk(x: Tensor, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
    return split(x, -(-x.shape[axis] // chunks), axis)


def _requires_grad_(x: Tensor, requires_grad: bool = True) -> Tensor:
    if x.node is not None and not requires_grad:
        raise RuntimeError(
            f"this Tensor was made by {x.node.op}: only leaves lose requires_grad, and x.detach() is one"
        )
    x.requires_grad = requires_grad
    return x


_PYTORCHS = {
    "argmax": _method(_argmax, "axis", "keepdims"),
    "argmin": _method(_argmin, "axis", "keepdims"),
    "var": _method(_var, "axis", "correction", "keepdims"),
    "std": _method(_std, "axis", "correction", "keepdims"),
    "softmax": _method(lambda x, axis: exp(_log_softmax(x, axis)), "axis"),
    "log_softmax": _method(_log_softmax, "axis"),
    "clamp": _method(clip, "min", "max"),
    "chunk": _method(_chunk, "chunks", "axis"),
    "masked_fill": lambda x, mask, value: where(mask, value, x),
    "requires_grad_": _requires_grad_,
    "view": _spread(reshape, "shape"),
    "t": _t,
    "clone": lambda x: astype(x, dtype=x.dtype),
    "dim": lambda x: x.ndim,
    "numel": lambda x: x.size,
    "tolist": lambda x: x.data.tolist(),
}

_INSTEAD = {
    "norm": "(x * x).sum().sqrt()",
    "float": "x.astype(np.float32)",
    "double": "x.astype(np.float64)",
    **dict.fromkeys(["long", "int", "bool"], "x.data.astype(int), since a Tensor holds real numbers"),
    **dict.fromkeys(
        ["to", "cpu", "cuda"], "x.astype(dtype), or Tensor(utils.backend.to_device(x.data, device))"
    ),
    "device": "utils.backend.array_module(x.data)",
    "contiguous": "x itself",
    "copy": "x.clone()",
    "ravel": "x.flatten()",
    "repeat": "ops.concatenate([x] * n, axis)",
    **dict.fromkeys(["mm", "bmm", "dot"], "x @ y"),
    "index_select": "x.take(indices, axis)",
    "masked_select": "x[mask]",
    "topk": "np.sort(x.data, axis), which has no gradient",
    "unbind": "list(x)",
    "grad_fn": "x.node",
    "retain_grad": "x.register_hook(function)",
}


def _missing(x: Tensor, name: str) -> Any:  # called for missing attributes only
    instead = _INSTEAD.get(name, "")
    if name.endswith("_") and not name.startswith("_"):
        instead = "x.data[...] = ..., since no method changes a Tensor in place"
    elif not instead and not name.startswith("_") and callable(getattr(np, name, None)):
        instead = f"np.{name}(x.data, ...), which has no gradient"
    hint = f": use {instead}" if instead else ""
    raise AttributeError(f"{type(x).__name__} has no attribute {name!r}{hint}", name=name, obj=x)


def bind() -> None:
    """Give Tensor its operators and methods."""
    arithmetic = {"add": add, "sub": sub, "mul": mul, "truediv": div, "matmul": matmul}
    reductions = (sum, mean, max, min, logsumexp, prod)
    methods = {
        **{f"__{name}__": function for name, function in arithmetic.items()},
        **{f"__r{name}__": _reflected(function) for name, function in arithmetic.items()},
        **{f"__{name}__": _comparison(f"__{name}__") for name in ("lt", "le", "gt", "ge", "eq", "ne")},
        "__neg__": neg,
        "__abs__": abs,
        "__pow__": lambda x, exponent: pow(x, exponent=exponent),
        "__getitem__": lambda x, index: getitem(x, index=index),
        "__getattr__": _missing,
        "T": property(lambda x: transpose(x)),
        "mT": property(lambda x: swapaxes(x, -1, -2)),
        **{function.__name__: function for function in (exp, log, sqrt, tanh, sigmoid, relu, abs, matmul)},
        **{function.__name__: _method(function, "axis", "keepdims") for function in reductions},
        "amax": _method(max, "axis", "keepdims"),
        "amin": _method(min, "axis", "keepdims"),
        "pow": _method(pow, "exponent"),
        "clip": _method(clip, "min", "max"),
        "cumsum": _method(cumsum, "axis"),
        "take": _method(take, "indices", "axis"),
        "gather": gather,
        "flip": _method(flip, "axis"),
        "astype": _method(astype, "dtype"),
        "squeeze": _method(squeeze, "axis"),
        "unsqueeze": _method(unsqueeze, "axis"),
        "flatten": flatten,
        "swapaxes": swapaxes,
        "split": _method(split, "split_size", "axis"),
        "reshape": _spread(reshape, "shape"),
        "transpose": _transposed,
        "permute": _permuted,
        "expand": _spread(broadcast_to, "shape"),
        "broadcast_to": _spread(broadcast_to, "shape"),
        **_PYTORCHS,
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)
