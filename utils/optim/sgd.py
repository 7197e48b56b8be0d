"""Stochastic gradient descent, with momentum.

Notebook: 02-mlp/optimizers/01-gradient-descent-variants.ipynb
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from utils.optim.optimizer import Optimizer


class SGD(Optimizer):
    r"""Gradient descent, with momentum $\mu$, dampening $\tau$ and L2 weight decay $\lambda$.

    $$g_t = \nabla L(x_{t-1}) + \lambda x_{t-1}, \qquad
      b_t = \mu b_{t-1} + (1 - \tau)\, g_t \;\; (b_1 = g_1), \qquad
      x_t = x_{t-1} - \eta\, b_t$$

    With `nesterov` the step is $\eta\,(g_t + \mu b_t)$: the form that Sutskever, Martens, Dahl and Hinton (2013) gave
    to Nesterov's accelerated gradient (1983). `maximize` ascends. State: `momentum_buffer`, $b$.

    Notebook: 02-mlp/optimizers/01-gradient-descent-variants.ipynb
    """

    def __init__(
        self,
        params: Iterable,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ):
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check_settings(self, group: dict[str, Any]) -> None:
        super().check_settings(group)
        if group["nesterov"] and not (group["momentum"] > 0 and group["dampening"] == 0):
            raise ValueError(
                f"nesterov needs momentum above 0 and dampening 0 but they are {group['momentum']} and "
                f"{group['dampening']}: try momentum=0.9"
            )

    def update(self, x: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        if group["momentum"]:
            g = self._with_momentum(g, state, group)
        x -= np.multiply(g, float(group["lr"]), out=self.scratch(x))

    def _with_momentum(self, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> np.ndarray:
        momentum, work = group["momentum"], self.scratch(g)
        if "momentum_buffer" not in state:
            b = state["momentum_buffer"] = g.copy()
        else:
            b = state["momentum_buffer"]
            b *= momentum
            b += np.multiply(g, 1 - group["dampening"], out=work) if group["dampening"] else g
        if not group["nesterov"]:
            return b
        np.multiply(b, momentum, out=work)
        work += g
        return work
