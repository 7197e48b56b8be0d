"""Schedules: the learning rate as a function of the number of steps.

A rate depends on the step count t and on the group's initial rate alone, never on the rate before, so a schedule can
be read off at any t with `lr_at(t)`. One schedule moves one optimizer; `SequentialLR` joins several end to end, and
`LambdaLR` takes any function.

Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Literal

from utils.optim.optimizer import Optimizer
from utils.optim.schedule import LRScheduler, cosine, count, line, per_group

CURVES = {"cos": cosine, "linear": line}


class LambdaLR(LRScheduler):
    r"""$\eta_t = \eta_0\, f(t)$, with one function, or a list of one for each group.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ):
        self.lr_lambdas = per_group("lr_lambda", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def lr_at(self, t: int) -> list[float]:
        return [base * float(f(t)) for base, f in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class StepLR(LRScheduler):
    r"""$\eta_t = \eta_0\, \gamma^{\lfloor t / s \rfloor}$: a drop by `gamma` every `step_size` steps.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1):
        self.step_size, self.gamma = count("step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class MultiStepLR(LRScheduler):
    r"""A drop by `gamma` at each of the `milestones`, numbers of steps.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Sequence[int], gamma: float = 0.1, last_epoch: int = -1
    ):
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(LRScheduler):
    r"""$\eta_t = \eta_0\, \gamma^t$.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma**t


class LinearLR(LRScheduler):
    r"""From $a\eta_0$ to $b\eta_0$ along a line of `total_iters` steps, then constant: the usual warm-up.

    $a$ = `start_factor`, $b$ = `end_factor`. Warm-up was proposed by Goyal et al. (2017).

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ):
        for name, factor in (("start_factor", start_factor), ("end_factor", end_factor)):
            if not 0 <= factor <= 1:
                raise ValueError(f"{name}={factor} must lie in [0, 1]")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = count("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return base * line(self.start_factor, self.end_factor, min(t, self.total_iters) / self.total_iters)


class CosineAnnealingLR(LRScheduler):
    r"""Half a cosine, from $\eta_0$ down to `eta_min` in `T_max` steps, and up again (Loshchilov and Hutter 2017).

    $$\eta_t = \eta_{\min} + \tfrac12 (\eta_0 - \eta_{\min}) \left(1 + \cos\frac{\pi t}{T_{\max}}\right)$$

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1):
        self.T_max, self.eta_min = count("T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        return cosine(base, self.eta_min, t / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    r"""Half a cosine of `T_0` steps, over and over, each `T_mult` times as long as the last (SGDR).

    Loshchilov and Hutter (2017).

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ):
        self.T_0, self.T_mult, self.eta_min = count("T_0", T_0), count("T_mult", T_mult), eta_min
        super().__init__(optimizer, last_epoch)

    def rate(self, base: float, t: int) -> float:
        length = self.T_0
        if self.T_mult == 1:
            t %= length
        while t >= length:
            t, length = t - length, length * self.T_mult
        return cosine(base, self.eta_min, t / length)


class OneCycleLR(LRScheduler):
    r"""Up to `max_lr`, then down to almost nothing, in one cycle of `total_steps` (Smith and Topin 2018).

    The rate starts at `max_lr / div_factor` and ends at that divided by `final_div_factor`; the share `pct_start` of
    the steps goes up. `cycle_momentum` moves momentum, or $\beta_1$, the other way. With `three_phase` the way down
    is as long as the way up, and a third phase follows. Needs `total_steps`, or `epochs` and `steps_per_epoch`.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ):
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR needs total_steps, or epochs and steps_per_epoch")
            total_steps = count("epochs", epochs) * count("steps_per_epoch", steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start={pct_start} is a share of the steps and must lie in [0, 1]")
        if anneal_strategy not in CURVES:
            raise ValueError(f'anneal_strategy={anneal_strategy!r} must be "cos" or "linear"')
        self.total_steps, self.curve = count("total_steps", total_steps), CURVES[anneal_strategy]
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.momenta = (base_momentum, max_momentum) if cycle_momentum else None
        self.phases = self._phases(pct_start, three_phase)
        groups = zip(optimizer.param_groups, per_group("max_lr", max_lr, optimizer), strict=True)
        for group, peak in groups if last_epoch == -1 else ():
            group["initial_lr"] = peak / div_factor
        if cycle_momentum and not {"momentum", "betas"} & set(optimizer.defaults):
            raise ValueError(
                f"{type(optimizer).__name__} has no momentum to cycle: give cycle_momentum=False"
            )
        super().__init__(optimizer, last_epoch)

    def _phases(self, pct_start: float, three_phase: bool) -> list[tuple[float, str, str]]:
        """Each phase's last step, and between which rates it moves."""
        top, last = pct_start * self.total_steps - 1, self.total_steps - 1
        if three_phase:
            return [(top, "low", "peak"), (2 * top, "peak", "low"), (last, "low", "end")]
        return [(top, "low", "peak"), (last, "peak", "end")]

    def _place(self, t: int) -> tuple[str, str, float]:
        """The phase of step `t`, and how much of it has passed."""
        if t > self.total_steps:
            raise ValueError(
                f"OneCycleLR has {self.total_steps} steps but this is step {t}: raise total_steps"
            )
        i = min(sum(t > stop for stop, _, _ in self.phases), len(self.phases) - 1)
        start, (stop, before, after) = self.phases[i - 1][0] if i else 0.0, self.phases[i]
        return before, after, (t - start) / (stop - start) if stop != start else 1.0

    def rate(self, base: float, t: int) -> float:
        before, after, share = self._place(t)
        rates = {"low": base, "peak": base * self.div_factor, "end": base / self.final_div_factor}
        return self.curve(rates[before], rates[after], share)

    def _apply(self) -> None:
        super()._apply()
        if self.momenta is None:
            return
        before, after, share = self._place(self.last_epoch)
        low, high = self.momenta
        momentum = self.curve(*(low if place == "peak" else high for place in (before, after)), share)
        for group in self.optimizer.param_groups:
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum


class SequentialLR(LRScheduler):
    """Schedules one after the other, each counting from its own beginning; the milestones say when the next starts.

    Warm-up and cosine: `SequentialLR(optimizer, [LinearLR(optimizer, 0.01, total_iters=100),
    CosineAnnealingLR(optimizer, 900)], milestones=[100])`. Only this one is stepped.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ):
        if len(milestones) != len(schedulers) - 1 or list(milestones) != sorted(milestones):
            raise ValueError(
                f"{len(schedulers)} schedules need {len(schedulers) - 1} milestones in order but got {list(milestones)}"
            )
        for schedule in schedulers:
            if isinstance(schedule, ReduceLROnPlateau | OneCycleLR):
                raise TypeError(
                    f"{type(schedule).__name__} sets more than a rate by t: it cannot be joined to others"
                )
            if schedule.optimizer is not optimizer:
                raise ValueError(f"the {type(schedule).__name__} moves another optimizer")
        self.schedulers, self.starts = list(schedulers), [0, *milestones]
        super().__init__(optimizer, last_epoch)

    def lr_at(self, t: int) -> list[float]:
        i = bisect_right(self.starts, t) - 1
        return self.schedulers[i].lr_at(t - self.starts[i])


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` once a measured number has not improved for more than `patience` epochs.

    Call `step(metric)` after validation. An improvement exceeds `threshold`, relative or absolute; after a reduction
    `cooldown` epochs are not counted. A metric of NaN counts as no improvement. Rates stay above `min_lr`, and a
    change smaller than `eps` is left out.

    Notebook: 02-mlp/optimizers/03-learning-rate-schedules.ipynb
    """

    saved = ("last_epoch", "_last_lr", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ):
        if not 0 < factor < 1:
            raise ValueError(f"factor={factor} must lie between 0 and 1 to reduce the rate")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f'mode={mode!r} is "min" or "max", threshold_mode={threshold_mode!r} "rel" or "abs"'
            )
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.threshold, self.min_lrs = threshold, per_group("min_lr", min_lr, optimizer)
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(optimizer)

    def step(self, metrics: float) -> None:
        """Count an epoch whose measured number is `metrics`, and reduce the rates if it is time."""
        self.last_epoch += 1
        metrics = float(metrics)
        if self._is_better(metrics):
            self.best, self.num_bad_epochs = metrics, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        if self.num_bad_epochs > self.patience:
            rates = [self._reduced(*pair) for pair in zip(rates, self.min_lrs, strict=True)]
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._set_rates(rates)

    def _is_better(self, metrics: float) -> bool:
        margin = self.threshold if self.mode == "max" else -self.threshold
        bound = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metrics > bound if self.mode == "max" else metrics < bound

    def _reduced(self, lr: float, smallest: float) -> float:
        new = max(lr * self.factor, smallest)
        return new if lr - new > self.eps else lr

    def _apply(self) -> None:
        self._set_rates(self._last_lr or [float(group["lr"]) for group in self.optimizer.param_groups])
