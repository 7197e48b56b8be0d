"""Nonlinearities as modules, for `Sequential`. They take PyTorch's `inplace`, and leave their input as it is."""

from utils import ops
from utils.functional import activation as F
from utils.nn.module import Module
from utils.tensor import Tensor


class _Plain(Module):
    """One without settings of its own."""

    def __init__(self, inplace: bool = False): ...


class ReLU(_Plain):
    """max(x, 0).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.relu(x)


class ReLU6(_Plain):
    """min(max(x, 0), 6), which stays within the reach of few bits.

    Notebook: 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.hardtanh(x, 0.0, 6.0)


class Sigmoid(Module):
    """1 / (1 + exp(-x)).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.sigmoid(x)


class Tanh(Module):
    """tanh(x).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return ops.tanh(x)


class SiLU(_Plain):
    """x · sigmoid(x), also called swish.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x)


class LeakyReLU(Module):
    """x where positive, else negative_slope · x.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x where positive, else alpha · (exp(x) - 1) (Clevert et al. 2015).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """x · Φ(x); `approximate="tanh"` is GPT-2's form (Hendrycks and Gimpel 2016).

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def __init__(self, approximate: str = "none"):
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(x, approximate=self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softplus(Module):
    """log(1 + exp(beta x)) / beta, a smooth ReLU.

    Notebook: 02-mlp/forward-propagation/02-activation-functions.ipynb
    """

    def __init__(self, beta: float = 1.0):
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, self.beta)

    def extra_repr(self) -> str:
        return f"beta={self.beta}"


class Softmax(Module):
    """exp(x) divided by its sum along `dim`. CrossEntropyLoss wants scores without it.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def __init__(self, dim: int = -1):
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of Softmax.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x, self.dim)
