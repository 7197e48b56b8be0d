"""The backward pass: what an op leaves behind, and the walk through it from the youngest node to the oldest."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

import numpy as np

recording = ContextVar("recording", default=True)  # each thread has its own
watching = ContextVar("watching", default=False)
_numbers = count()


class Node:
    """One application of an op: where its gradients go (nodes, leaves, or None for nowhere) and how they are made.

    It knows neither its result nor its inputs' data: no cycle arises, and what no gradient needs is free at once.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    __slots__ = ("dtype", "gradients", "hooks", "inputs", "number", "op", "shape", "where")

    def __init__(self, op: str, inputs: list, gradients: Any, shape: tuple, dtype: np.dtype):
        self.op = op
        self.inputs = inputs
        self.gradients = gradients
        self.shape = shape
        self.dtype = dtype
        self.number = next(_numbers)  # an op comes after its inputs, so numbers are a topological order
        self.hooks = self.where = None

    def __lt__(self, other: "Node") -> bool:
        return self.number > other.number  # the youngest first, to a heap


class Part(NamedTuple):
    """A gradient that is zero but for `gradient` at `index`, where no entry may be twice.

    Gradient functions may return it: many parts of one array, as the steps of a sequence, then add up in one array
    of its size, where zeros for each of them would take time that grows with the square of their number.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    gradient: np.ndarray
    index: Any
    shape = dtype = None  # those of no array

    def whole(self, shape: tuple) -> np.ndarray:
        dx = np.zeros_like(self.gradient, shape=shape, order="C")
        dx[self.index] = self.gradient
        return dx


def backward(root: Any, gradient: np.ndarray, retain_graph: bool) -> None:
    """Walk from `root` to the leaves: a gradient is sent on when all who contribute to it have been visited."""
    # what waits, nodes and leaves: [gradient so far, may we add to that array]; and a heap of the nodes among them
    waiting = {root.node or root: [gradient, False]}
    nodes = [root.node] if root.node else []
    watched = watching.get()
    while nodes:
        node = heappop(nodes)  # the youngest: all who use its result are younger still
        g, _ = waiting.pop(node)
        if node.hooks:
            _call(node.hooks, g)
        gradients = node.gradients
        if gradients is None:
            raise RuntimeError(
                f"the graph behind {node.op} is freed: call the first backward with retain_graph=True or, for a state "
                "carried over from the batch before, cut it off with h.detach()"
            )
        together = type(gradients) is not tuple
        if together:
            gradients = _together(gradients(g))
        for i, x in enumerate(node.inputs):
            if x is None:
                continue
            dx = gradients[i] if together else gradients[i](g)
            if watched:
                _check_finite(dx, node)
            entry = waiting.get(x)
            if dx.shape != x.shape or dx.dtype is not x.dtype:
                if type(dx) is Part and entry and entry[1] and x.shape:
                    entry[0][dx.index] += dx.gradient
                    continue
                dx = _fitted(dx, x, node)
            ours = dx is not g and dx.base is None and not (together and _twice(dx, gradients))
            if entry is None:
                waiting[x] = [dx, ours]
                if type(x) is Node:
                    heappush(nodes, x)
            elif entry[1]:
                entry[0] += dx
            else:
                entry[:] = entry[0] + dx, True
        if not retain_graph:
            node.gradients, node.inputs = None, ()
    for leaf, (g, ours) in waiting.items():
        _accumulate(leaf, g, ours)


def _together(gradients: Any) -> tuple:
    return gradients if type(gradients) is tuple else (gradients,)


def _twice(dx: np.ndarray, gradients: tuple) -> bool:
    return [other is dx for other in gradients].count(True) > 1


def _check_finite(dx: Any, node: Node) -> None:
    if not np.isfinite(dx.gradient if type(dx) is Part else dx).all():
        raise FloatingPointError(f"the gradient of {node.op}{place(node)} is NaN or infinite")


def _accumulate(leaf: Any, g: np.ndarray, ours: bool) -> None:
    if leaf._hooks:
        _call(leaf._hooks, g)
        ours = False  # a hook may have kept it
    if leaf.grad is None:
        leaf.grad = g if ours and g.ndim else np.array(g, like=leaf.data)
    else:
        leaf.grad += g


def _fitted(dx: np.ndarray, x: Any, node: Node) -> np.ndarray:
    """Sum a gradient over the axes along which its input was broadcast; refuse any other shape, or another dtype."""
    shape = x.shape
    if type(dx) is Part:
        dx = dx.whole(shape)
    if dx.dtype != x.dtype:
        raise TypeError(f"the gradient of {node.op}{place(node)} is {dx.dtype} where its input is {x.dtype}")
    if dx.shape == shape:
        return dx
    extra = dx.ndim - len(shape)
    axes = tuple([i for i in range(dx.ndim) if i < extra or shape[i - extra] == 1])
    summed = dx.sum(axis=axes, keepdims=True)
    if extra < 0 or summed.shape[extra:] != shape:
        raise ValueError(
            f"the gradient of {node.op}{place(node)} has shape {dx.shape} where its input has {shape}"
        )
    return summed.reshape(shape)


def _call(hooks: list, g: np.ndarray) -> None:
    for hook in tuple(hooks):
        hook(g)


@contextmanager
def no_grad() -> Iterator[None]:
    """Inside, nothing is recorded: for evaluation, and for updates of parameters.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """
    before = recording.set(False)
    try:
        yield
    finally:
        recording.reset(before)


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Inside, the first NaN or infinity raises FloatingPointError naming the op and the line that called it.

    Backward passes inside name the op and line of the forward pass whose gradient it is. Slow: for debugging.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    before = watching.set(True)
    try:
        yield
    finally:
        watching.reset(before)


def place(node: Node) -> str:
    return node.where or ""
