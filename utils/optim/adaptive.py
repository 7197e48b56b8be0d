"""Optimizers that give every number a step size of its own.

Each update is written with as few passes over memory as it takes: constants are drawn together and all
intermediate results land in one reused buffer.

Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from utils.optim.optimizer import Optimizer

Betas = tuple[float, float]
State = dict[str, Any]


def _average(mean: np.ndarray, g: np.ndarray, beta: float, work: np.ndarray) -> None:
    r"""$m \leftarrow \beta m + (1 - \beta) g$."""
    mean *= beta
    mean += np.multiply(g, 1 - beta, out=work)


def _average_square(mean: np.ndarray, g: np.ndarray, beta: float, work: np.ndarray) -> None:
    r"""$v \leftarrow \beta v + (1 - \beta) g^2$."""
    np.multiply(g, g, out=work)
    work *= 1 - beta
    mean *= beta
    mean += work


def _divide_by_root(mean: np.ndarray, square: np.ndarray, eps: float, work: np.ndarray) -> np.ndarray:
    r"""$m / (\sqrt{v} + \epsilon)$; `square` and `work` may be one array."""
    np.sqrt(square, out=work)
    work += eps
    return np.divide(mean, work, out=work)


def _sign(x: np.ndarray) -> None:
    """np.sign in place, several times as fast: any normal number over the smallest one is at least 1."""
    with np.errstate(over="ignore"):
        x *= 1 / float(np.finfo(x.dtype).tiny)
    np.clip(x, -1.0, 1.0, out=x)


def _count(state: State) -> int:
    state["step"] = state.get("step", 0) + 1
    return state["step"]


def _zeros(state: State, x: np.ndarray, *names: str) -> None:
    for name in names:
        if name not in state:
            state[name] = np.zeros_like(x)


class Adagrad(Optimizer):
    r"""AdaGrad (Duchi, Hazan and Singer 2011): steps shrink with the root of all squared gradients so far.

    $$s_t = s_{t-1} + g_t^2, \qquad
      x_t = x_{t-1} - \frac{\eta}{1 + (t - 1)\,\texttt{lr\_decay}} \, \frac{g_t}{\sqrt{s_t} + \epsilon}$$

    with $s_0$ = `initial_accumulator_value`. State: `step`, `sum`.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def update(self, x: np.ndarray, g: np.ndarray, state: State, group: dict[str, Any]) -> None:
        t, work = _count(state), self.scratch(x)
        if "sum" not in state:
            state["sum"] = np.full_like(x, group["initial_accumulator_value"])
        state["sum"] += np.multiply(g, g, out=work)
        move = _divide_by_root(g, state["sum"], group["eps"], work)
        move *= float(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
        x -= move


class RMSprop(Optimizer):
    r"""RMSprop (Tieleman and Hinton 2012): AdaGrad with a moving average in place of the sum.

    $$v_t = \alpha v_{t-1} + (1 - \alpha) g_t^2, \qquad
      b_t = \mu b_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon}, \qquad x_t = x_{t-1} - \eta\, b_t$$

    `centered` takes the variance, $v_t - \bar g_t^2$ with $\bar g$ the same average of $g$ (Graves 2013).
    State: `step`, `square_avg`, and `momentum_buffer`, `grad_avg` where they are used.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def update(self, x: np.ndarray, g: np.ndarray, state: State, group: dict[str, Any]) -> None:
        _count(state)
        work, alpha, lr = self.scratch(x), group["alpha"], float(group["lr"])
        _zeros(state, x, "square_avg")
        square = state["square_avg"]
        _average_square(square, g, alpha, work)
        if group["centered"]:
            _zeros(state, x, "grad_avg")
            _average(state["grad_avg"], g, alpha, work)
            np.multiply(state["grad_avg"], state["grad_avg"], out=work)
            square = np.subtract(square, work, out=work)
        move = _divide_by_root(g, square, group["eps"], work)
        if group["momentum"]:
            _zeros(state, x, "momentum_buffer")
            state["momentum_buffer"] *= group["momentum"]
            state["momentum_buffer"] += move
            np.multiply(state["momentum_buffer"], lr, out=move)
        else:
            move *= lr
        x -= move


class Adam(Optimizer):
    r"""Adam (Kingma and Ba 2015): moving averages of gradients and of their squares, corrected for their start at 0.

    $$m_t = \beta_1 m_{t-1} + (1 - \beta_1) g_t, \qquad v_t = \beta_2 v_{t-1} + (1 - \beta_2) g_t^2, \qquad
      x_t = x_{t-1} - \eta \, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}$$

    `weight_decay` is an L2 penalty here: it enters $g$. `amsgrad` divides by the largest $v$ so far (Reddi, Kale and
    Kumar 2018). State: `step`, `exp_avg`, `exp_avg_sq`, and `max_exp_avg_sq` with amsgrad.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": self.decoupled,
        }
        super().__init__(params, defaults)

    def update(self, x: np.ndarray, g: np.ndarray, state: State, group: dict[str, Any]) -> None:
        t, work, (beta1, beta2) = _count(state), self.scratch(x), group["betas"]
        _zeros(state, x, "exp_avg", "exp_avg_sq")
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        _average(mean, g, beta1, work)
        _average_square(square, g, beta2, work)
        if group["amsgrad"]:
            _zeros(state, x, "max_exp_avg_sq")
            square = np.maximum(state["max_exp_avg_sq"], square, out=state["max_exp_avg_sq"])
        # sqrt(v / c) + eps = (sqrt(v) + eps sqrt(c)) / sqrt(c), and sqrt(c) is one number
        root = math.sqrt(1 - beta2**t)
        move = _divide_by_root(mean, square, group["eps"] * root, work)
        move *= float(group["lr"]) * root / (1 - beta1**t)
        x -= move


class AdamW(Adam):
    r"""Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    $$x_t = (1 - \eta\lambda)\, x_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}$$

    The decay bypasses the averages, so numbers with large gradients shrink no less than others.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ):
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)


class NAdam(Optimizer):
    r"""Adam with Nesterov's momentum (Dozat 2016).

    $$\mu_t = \beta_1 \left(1 - \tfrac12\, 0.96^{t \psi}\right), \qquad
      x_t = x_{t-1} - \frac{\eta}{\sqrt{\hat v_t} + \epsilon} \left(
      \frac{\mu_{t+1}\, m_t}{1 - \prod_{i=1}^{t+1} \mu_i}
      + \frac{(1 - \mu_t)\, g_t}{1 - \prod_{i=1}^{t} \mu_i} \right)$$

    with $m$, $\hat v$ as in Adam and $\psi$ = `momentum_decay`. State: `step`, `mu_product`, `exp_avg`, `exp_avg_sq`.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def update(self, x: np.ndarray, g: np.ndarray, state: State, group: dict[str, Any]) -> None:
        t, work, look = _count(state), self.scratch(x), self.scratch(x, 3)
        (beta1, beta2), lr = group["betas"], float(group["lr"])
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (i * group["momentum_decay"])) for i in (t, t + 1))
        product = state["mu_product"] = state.get("mu_product", 1.0) * mu
        _zeros(state, x, "exp_avg", "exp_avg_sq")
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        _average(mean, g, beta1, work)
        _average_square(square, g, beta2, work)
        np.multiply(mean, mu_next / (1 - product * mu_next), out=look)
        look += np.multiply(g, (1 - mu) / (1 - product), out=work)
        root = math.sqrt(1 - beta2**t)
        move = _divide_by_root(look, square, group["eps"] * root, work)
        move *= lr * root
        x -= move


class Lion(Optimizer):
    r"""Lion (Chen et al. 2023), found by a search over programs: a step of one size, in the direction of a sign.

    $$x_t = (1 - \eta\lambda)\, x_{t-1} - \eta\, \operatorname{sign}(\beta_1 m_{t-1} + (1 - \beta_1) g_t), \qquad
      m_t = \beta_2 m_{t-1} + (1 - \beta_2) g_t$$

    The paper advises a rate 3 to 10 times below AdamW's and a decay as many times above. State: `exp_avg`.

    Notebook: 02-mlp/optimizers/02-adaptive-optimizers.ipynb
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-4,
        betas: Betas = (0.9, 0.99),
        weight_decay: float = 0,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "betas": betas,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "decoupled_weight_decay": True,
        }
        super().__init__(params, defaults)

    def update(self, x: np.ndarray, g: np.ndarray, state: State, group: dict[str, Any]) -> None:
        work, move, (beta1, beta2) = self.scratch(x), self.scratch(x, 3), group["betas"]
        _zeros(state, x, "exp_avg")
        mean = state["exp_avg"]
        np.multiply(mean, beta1, out=move)
        move += np.multiply(g, 1 - beta1, out=work)
        _sign(move)
        move *= float(group["lr"])
        x -= move
        _average(mean, g, beta2, work)
