"""First values of parameters: in-place, with PyTorch's names, gains and fans.

`rng=` takes a Generator or a seed. Without it all draw from one Generator, seeded with 0 on import, which
`nn.manual_seed` starts afresh. Numbers are drawn on the host, so that a seed gives the same ones on any device.
"""

import math
from typing import Any

import numpy as np

from utils.functional import generators
from utils.functional.generators import manual_seed  # noqa: F401  found here too
from utils.tensor import Tensor

GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
GAINS |= dict.fromkeys([f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)], 1.0)


def generator(rng: Any = None) -> np.random.Generator:
    """The Generator that `rng` stands for: itself, one with this seed, or the shared one for None.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return generators.generator(rng, "init")


def _fill(tensor: Tensor, values: Any) -> Tensor:
    tensor.data[...] = np.asarray(values, dtype=tensor.dtype, like=tensor.data)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Any = None) -> Tensor:
    """Uniform numbers in [a, b).

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return _fill(tensor, generator(rng).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Any = None) -> Tensor:
    """Normal numbers.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return _fill(tensor, generator(rng).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The same number everywhere.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    tensor.data[...] = val
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return constant_(tensor, 1.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity matrix; a rectangular one for a rectangular Tensor.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_ fills matrices but got shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By how much to scale weights before this nonlinearity; `param` is the negative slope of "leaky_relu".

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in GAINS:
        raise ValueError(
            f"nonlinearity={nonlinearity!r}: expected one of {', '.join([*GAINS, 'leaky_relu'])}"
        )
    return GAINS[nonlinearity]


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs one output has, and how many outputs one input has, for weights (out, in, *kernel).

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    if len(shape) < 2:
        raise ValueError(
            f"fan in and fan out need weights of two or more axes but got shape {shape}: use uniform_"
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Any = None) -> Tensor:
    """Uniform, of variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio 2010).

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    bound = gain * math.sqrt(6 / sum(fans(tensor.shape)))
    return uniform_(tensor, -bound, bound, rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Any = None) -> Tensor:
    """Normal, of variance gain² · 2 / (fan_in + fan_out) (Glorot and Bengio 2010).

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor.shape))), rng)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Any = None
) -> Tensor:
    """Uniform, of variance gain² / fan (He et al. 2015); `a` is the slope of a leaky ReLU.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Any = None
) -> Tensor:
    """Normal, of variance gain² / fan (He et al. 2015); `a` is the slope of a leaky ReLU.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode={mode!r}: expected 'fan_in' or 'fan_out'")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor.shape)[mode == "fan_out"])


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Any = None) -> Tensor:
    """Rows (or columns, if there are fewer) orthonormal, times `gain` (Saxe et al. 2013).

    The axes after the first count as one.

    Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ needs two or more axes but got shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    flat = generator(rng).normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(flat)
    q *= np.sign(np.diag(r))  # else not every orthogonal matrix is equally likely
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))
