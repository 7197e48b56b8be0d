"""Parameters: the Tensors of a module that an optimizer moves."""

from typing import Any

from utils.tensor import Tensor


class Parameter(Tensor):
    """A Tensor whose gradient is wanted, and which a `Module` lists among its `parameters()`.

    `data` may be an array, a list or a Tensor; float32 and float64 arrays are taken over, not copied.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True):
        super().__init__(data, requires_grad)

    def __repr__(self) -> str:
        return super().__repr__().replace("Tensor", "Parameter", 1)
