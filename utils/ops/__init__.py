"""The basic ops, and the operators and methods of Tensor, which are bound to them here."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from utils.ops.arithmetic import (
    abs,
    add,
    clip,
    contract,
    div,
    einsum,
    exp,
    log,
    matmul,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    relu,
    select,
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
    concatenate,
    flatten,
    flip,
    joined,
    pad,
    padded,
    reshape,
    split,
    squeeze,
    stack,
    stacked,
    swapaxes,
    transpose,
    unsqueeze,
)
from utils.tensor import Tensor

amax, amin, cat = max, min, concatenate  # PyTorch's names

__all__ = [
    "abs",
    "add",
    "amax",
    "amin",
    "astype",
    "broadcast_to",
    "cat",
    "clip",
    "concatenate",
    "contract",
    "cumsum",
    "div",
    "einsum",
    "exp",
    "flatten",
    "flip",
    "gather",
    "getitem",
    "joined",
    "log",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "min",
    "minimum",
    "mul",
    "neg",
    "pad",
    "padded",
    "pow",
    "prod",
    "relu",
    "reshape",
    "select",
    "sigmoid",
    "split",
    "sqrt",
    "squeeze",
    "stack",
    "stacked",
    "sub",
    "sum",
    "swapaxes",
    "take",
    "tanh",
    "transpose",
    "unsqueeze",
    "var",
    "where",
]

_ALIASES = {"dim": "axis", "keepdim": "keepdims"}  # PyTorch's names beside NumPy's


def _method(function: Callable, *names: str) -> Callable:
    """As a method: settings by position, in the order of `names`, or by name, NumPy's or PyTorch's."""

    @wraps(function)
    def method(self: Tensor, *values: Any, **settings: Any) -> Any:
        if len(values) > len(names):
            raise TypeError(
                f"{function.__name__} takes at most {len(names)} settings but got {len(values)}: {values}"
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


def _reflected(function: Callable) -> Callable:
    return lambda x, y: function(y, x)


def _comparison(name: str) -> Callable:
    """x > 0 is a plain array of truth values: nothing to differentiate."""
    return lambda x, y: getattr(x.data, name)(y.data if isinstance(y, Tensor) else y)


def _bind() -> None:
    arithmetic = {"add": add, "sub": sub, "mul": mul, "truediv": div, "matmul": matmul}
    reductions = (sum, mean, max, min, amax, amin, logsumexp, prod)
    methods = {
        **{f"__{name}__": function for name, function in arithmetic.items()},
        **{f"__r{name}__": _reflected(function) for name, function in arithmetic.items()},
        **{f"__{name}__": _comparison(f"__{name}__") for name in ("lt", "le", "gt", "ge")},
        "__neg__": neg,
        "__abs__": abs,
        "__pow__": lambda x, exponent: pow(x, exponent=exponent),
        "__getitem__": lambda x, index: getitem(x, index=index),
        "T": property(lambda x: transpose(x)),
        "mT": property(lambda x: swapaxes(x, -1, -2)),
        **{function.__name__: function for function in (exp, log, sqrt, tanh, sigmoid, relu, abs, matmul)},
        **{function.__name__: _method(function, "axis", "keepdims") for function in reductions},
        "amax": _method(max, "axis", "keepdims"),
        "amin": _method(min, "axis", "keepdims"),
        "var": _method(var, "axis", "correction", "keepdims"),
        "argmax": _method(lambda x, axis=None: x.data.argmax(axis), "axis"),
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
        "transpose": _spread(transpose, "axes"),
        "permute": _spread(transpose, "axes"),
        "expand": _spread(broadcast_to, "shape"),
        "broadcast_to": _spread(broadcast_to, "shape"),
    }
    for name, method in methods.items():
        setattr(Tensor, name, method)


_bind()
