"""Affine layers and changes of shape."""

import math
from typing import Any

import numpy as np

from utils.functional.linear import linear
from utils.nn import init
from utils.nn._sizes import check_sizes
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.tensor import Tensor


class Linear(Module):
    r"""An affine map of the last axis: $Z = X W^\top + b$.

    (..., in_features) -> (..., out_features); weight (out_features, in_features), bias (out_features,), both uniform
    in ±1/√in_features at first, as in PyTorch.

    Notebook: 02-mlp/forward-propagation/01-neurons-and-layers.ipynb
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True, *, rng: Any = None):
        check_sizes(self, 0, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(np.empty((out_features, in_features), np.float32))
        self.bias = Parameter(np.empty(out_features, np.float32)) if bias else None
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Any = None) -> None:
        reset_affine(self.weight, self.bias, rng)

    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(x, "ndim"):
            raise TypeError(
                f"Linear expects a Tensor or an array but got {type(x).__name__}: make one, Tensor(x)"
            )
        if not x.ndim or x.shape[-1] != self.in_features:
            raise ValueError(self._misfit(tuple(x.shape)))
        if isinstance(x, Tensor) and x.dtype != self.weight.dtype:
            raise TypeError(
                f"Linear is {self.weight.dtype} but got {x.dtype}: convert the data, x.astype(np.{self.weight.dtype}), "
                f"or the model, model.to(np.{x.dtype})"
            )
        return linear(x, self.weight, self.bias)

    def _misfit(self, shape: tuple[int, ...]) -> str:
        says = f"Linear expects (..., {self.in_features}) but got {shape}"
        if len(shape) > 1 and math.prod(shape[1:]) == self.in_features:
            return f"{says}: flatten the images first, e.g. x.reshape({shape[0]}, -1)"
        if len(shape) > 1 and shape[0] == self.in_features:
            return f"{says}: rows are samples, so transpose the input, x.T"
        if not shape:
            return f"{says}: give it an axis, e.g. x.reshape(1, -1)"
        return f"{says}: create it as Linear({shape[-1]}, {self.out_features}), or change the layer before"

    def flops(self, inputs: tuple, output: Tensor) -> int:
        return 2 * output.size * self.in_features

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"


def reset_affine(weight: Parameter, bias: Parameter | None, rng: Any = None) -> None:
    """PyTorch's first values for Linear and convolutions: uniform in ±1/√fan_in.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    rng = init.generator(rng)
    fan_in = init.fans(weight.shape)[0]
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    for parameter in (weight, bias):
        if parameter is not None:
            init.uniform_(parameter, -bound, bound, rng=rng)


class Identity(Module):
    """Returns its input; stands where a layer is left out.

    Notebook: 03-cnn/architectures/03-resnet.ipynb
    """

    def __init__(self, *ignored: Any, **also_ignored: Any): ...

    def forward(self, x: Any) -> Any:
        return x


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` as one: (N, C, H, W) -> (N, C·H·W).

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        start, end = _axis(self.start_dim, x), _axis(self.end_dim, x)
        if start > end:
            raise ValueError(
                f"Flatten from axis {start} to {end} of {tuple(x.shape)}: start_dim comes after end_dim"
            )
        return x.reshape(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several: `Unflatten(1, (16, 5, 5))` turns (N, 400) into (N, 16, 5, 5).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, x: Tensor) -> Tensor:
        axis, known = _axis(self.dim, x), math.prod(n for n in self.unflattened_size if n != -1)
        fits = x.shape[axis] == known or (
            -1 in self.unflattened_size and known and x.shape[axis] % known == 0
        )
        if not fits:
            raise ValueError(
                f"Unflatten cannot make {self.unflattened_size} of the {x.shape[axis]} entries along axis {axis} of "
                f"{tuple(x.shape)}: the product of the sizes must be {x.shape[axis]}"
            )
        return x.reshape(*x.shape[:axis], *self.unflattened_size, *x.shape[axis + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


def _axis(dim: int, x: Tensor) -> int:
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(
            f"axis {dim} of an input of shape {tuple(x.shape)}: expected {-x.ndim} to {x.ndim - 1}"
        )
    return dim % x.ndim
