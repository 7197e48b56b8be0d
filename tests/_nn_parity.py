"""Runs a layer of ours and PyTorch's side by side."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from utils import nn
from utils.tensor import Tensor
from utils.testing import check_close

torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")


@dataclass
class Layer:
    """`name(*args, **settings)` in both libraries, called with inputs of these shapes (or these arrays)."""

    name: str
    args: tuple = ()
    inputs: tuple = ((3, 4),)
    settings: dict[str, Any] = field(default_factory=dict)

    def __str__(self):
        settings = ", ".join(f"{k}={v}" for k, v in self.settings.items())
        return f"{self.name}({', '.join(map(str, self.args))}; {settings}; {self.inputs[0]})"[:90]

    def build(self):
        return getattr(nn, self.name)(*self.args, **self.settings), getattr(torch.nn, self.name)(
            *self.args, **self.settings
        )

    def arrays(self, dtype):
        rng = np.random.default_rng(0)
        return [rng.normal(size=x).astype(dtype) if isinstance(x, tuple) else x for x in self.inputs]


def flat(out):
    """The Tensors of a result, however they are nested."""
    return [t for part in out for t in flat(part)] if isinstance(out, tuple) else [out]


def backward(outputs, as_tensor):
    """Weight all outputs by random numbers and go back; the weights are equal in both libraries."""
    rng = np.random.default_rng(7)
    total = None
    for out in outputs:
        part = (out * as_tensor(rng.normal(size=tuple(out.shape)))).sum()
        total = part if total is None else total + part
    total.backward()


def run_ours(layer, arrays, dtype):
    inputs = [Tensor(x, requires_grad=True) if x.dtype.kind == "f" else x for x in arrays]
    outputs = flat(layer(*inputs))
    backward(outputs, lambda w: w.astype(dtype))
    return outputs, [x.grad for x in inputs if isinstance(x, Tensor)]


def run_theirs(layer, arrays, dtype):
    inputs = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    outputs = flat(layer(*inputs))
    backward(outputs, lambda w: torch.tensor(w.astype(dtype)))
    return outputs, [x.grad for x in inputs if x.requires_grad]


def compare(mine, theirs, dtype, name):
    tolerance = {"rtol": 1e-4, "atol": 2e-5} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-11}
    theirs = np.asarray(theirs)
    scale = max(1.0, float(np.abs(theirs).max(initial=0)))
    check_close(np.asarray(mine) / scale, theirs / scale, name=name, **tolerance)


def randomize(module):
    """Values that no default hides: scales other than 1, biases other than 0."""
    torch.manual_seed(0)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.3 * torch.randn_like(p))
