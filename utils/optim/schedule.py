"""What all schedules share: counting steps, setting rates, saving and loading.

Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
"""

import math
from typing import Any

from utils.optim.optimizer import Optimizer


class LRScheduler:
    r"""The base of all schedules: a subclass gives $\eta_t$ as `rate(base, t)`, with `base` a group's initial rate.

    Making one sets the rate of t = 0; call `step()` after each `optimizer.step()`, or once an epoch. Raises
    RuntimeError where somebody else has changed a rate in between.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    saved = ("last_epoch", "base_lrs")

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1):
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule moves an Optimizer but got {type(optimizer).__name__}")
        self.optimizer, self.last_epoch = optimizer, last_epoch + 1
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"last_epoch={last_epoch} goes on from a run: load the optimizer's state first"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._last_lr: list[float] = []
        self._apply()

    def rate(self, base: float, t: int) -> float:
        """The rate of a group after `t` steps."""
        raise NotImplementedError(f"{type(self).__name__} needs a method rate(base, t)")

    def lr_at(self, t: int) -> list[float]:
        """The rate of every group after `t` steps."""
        return [self.rate(base, t) for base in self.base_lrs]

    def step(self) -> None:
        """Count one step and set the rates that follow."""
        for group, lr in zip(self.optimizer.param_groups, self._last_lr, strict=False):
            if group["lr"] != lr:
                raise RuntimeError(
                    f"{type(self).__name__} had set the rate to {lr} but it is {group['lr']}: two schedules cannot "
                    "move one optimizer (join them with SequentialLR); to change the rate by hand, change base_lrs"
                )
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        """The rate of every group, as it is now."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers and lists; what the constructor was given is not among them."""
        state = {name: getattr(self, name) for name in self.saved}
        return {name: list(value) if isinstance(value, list) else value for name, value in state.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a `state_dict`, and set the optimizer's rates to those of that moment."""
        if set(state_dict) != set(self.saved):
            raise ValueError(
                f"a {type(self).__name__} saves {sorted(self.saved)} but got {sorted(state_dict)}"
            )
        for name, value in state_dict.items():
            setattr(self, name, list(value) if isinstance(value, list | tuple) else value)
        self._apply()

    def _apply(self) -> None:
        self._set_rates(self.lr_at(self.last_epoch))

    def _set_rates(self, rates: list[float]) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(rates):
            raise ValueError(
                f"the schedule has {len(rates)} groups but the optimizer {len(groups)}: make a new schedule"
            )
        for group, lr in zip(groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = list(rates)


def line(a: float, b: float, share: float) -> float:
    """From `a` to `b` along a line as `share` goes from 0 to 1."""
    return a + (b - a) * share


def cosine(a: float, b: float, share: float) -> float:
    """From `a` to `b` along half a cosine as `share` goes from 0 to 1."""
    return b + (a - b) * (1 + math.cos(math.pi * share)) / 2


def per_group(name: str, value: Any, optimizer: Optimizer) -> list:
    """One value for each group, or the list of them that was given."""
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, list | tuple) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"{name} has {len(values)} entries but the optimizer has {groups} groups")
    return values


def count(name: str, value: Any) -> int:
    """A number of steps as an int of at least 1, else an error."""
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise ValueError(f"{name}={value!r} must be a whole number of at least 1")
    return int(value)
