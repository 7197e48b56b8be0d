"""The backward pass: what an op leaves behind, and the walk through it from the youngest node to the oldest."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import Any

import numpy as np

_numbers = count(-1, -1)


class _Mode(threading.local):
    recording = True
    anomaly = False


mode = _Mode()


class Node:
    """One application of an op: its inputs and gradient functions. It does not know its result, so no cycle arises.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    __slots__ = ("gradients", "hooks", "inputs", "number", "op", "where")

    def __init__(self, op: str, inputs: tuple, gradients: Any):
        self.op, self.inputs, self.gradients = op, inputs, gradients
        self.number = next(_numbers)  # an op comes after its inputs, so numbers are a topological order
        self.hooks = self.where = None


def backward(root: Any, gradient: np.ndarray, retain_graph: bool) -> None:
    """Walk from `root` to the leaves: a gradient is sent on when all who contribute to it have been visited."""
    # what waits, nodes by number (negative) and leaves by id: [node or leaf, gradient so far, is it ours]
    pending: dict[int, list] = {}
    heap: list[int] = []
    _send(root, gradient, False, pending, heap)
    while heap:  # the youngest node first: all who use its result are younger still
        node, g, _ = pending.pop(heappop(heap))
        if node.hooks:
            _call(node.hooks, g)
        gradients = node.gradients
        if gradients is None:
            raise RuntimeError(
                f"the graph behind {node.op} is freed: call the first backward with retain_graph=True"
            )
        together = _together(gradients(g)) if callable(gradients) else None
        for i, x in enumerate(node.inputs):
            if x is None:
                continue
            dx = gradients[i](g) if together is None else together[i]
            if dx.shape != x.data.shape or dx.dtype != g.dtype:
                dx = _fitted(dx, x.data, node)
            if mode.anomaly and not np.isfinite(dx).all():
                raise FloatingPointError(f"the gradient of {node.op}{place(node)} is NaN or infinite")
            ours = dx is not g and dx.base is None and (together is None or _once(dx, together))
            _send(x, dx, ours, pending, heap)
        if not retain_graph:
            node.gradients, node.inputs = None, ()
    for leaf, g, ours in pending.values():
        _accumulate(leaf, g, ours)


def _send(x: Any, dx: np.ndarray, ours: bool, pending: dict[int, list], heap: list[int]) -> None:
    """Add to what waits for `x`: in place where nobody else can see the sum."""
    node = x.node
    key = id(x) if node is None else node.number
    entry = pending.get(key)
    if entry is None:
        pending[key] = [x if node is None else node, dx, ours]
        if node is not None:
            heappush(heap, key)
    elif entry[2]:
        entry[1] += dx
    else:
        entry[1], entry[2] = entry[1] + dx, True


def _together(gradients: Any) -> tuple:
    return gradients if type(gradients) is tuple else (gradients,)


def _once(dx: np.ndarray, gradients: tuple) -> bool:
    return [other is dx for other in gradients].count(True) == 1


def _accumulate(leaf: Any, g: np.ndarray, ours: bool) -> None:
    if leaf._hooks:
        _call(leaf._hooks, g)
        ours = False  # a hook may have kept it
    if leaf.grad is None:
        leaf.grad = g if ours and g.ndim else np.array(g, like=leaf.data)
    else:
        leaf.grad += g


def _fitted(dx: np.ndarray, x: np.ndarray, node: Node) -> np.ndarray:
    """Sum a gradient over the axes along which its input was broadcast; refuse any other shape, or another dtype."""
    if dx.dtype != x.dtype:
        raise TypeError(f"the gradient of {node.op}{place(node)} is {dx.dtype} where its input is {x.dtype}")
    extra = dx.ndim - x.ndim
    axes = tuple([i for i in range(dx.ndim) if i < extra or x.shape[i - extra] == 1])
    summed = dx.sum(axis=axes, keepdims=True)
    if extra < 0 or summed.shape[extra:] != x.shape:
        raise ValueError(
            f"the gradient of {node.op}{place(node)} has shape {dx.shape} where its input has {x.shape}"
        )
    return summed.reshape(x.shape)


def _call(hooks: list, g: np.ndarray) -> None:
    for hook in tuple(hooks):
        hook(g)


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, nothing is recorded: for evaluation, and for updates of parameters.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    before, mode.recording = mode.recording, False
    try:
        yield
    finally:
        mode.recording = before


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Inside, the first NaN or infinity raises FloatingPointError naming the op and the line that called it.

    Backward passes inside name the op and line of the forward pass whose gradient it is. Slow: for debugging.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    before, mode.anomaly = mode.anomaly, True
    try:
        yield
    finally:
        mode.anomaly = before


def place(node: Node) -> str:
    return node.where or ""
