"""Grid search, random search and successive halving."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from utils.tuning.results import Mode, Results, Trial, rank_of
from utils.tuning.space import Rng, draw, finest, grid_of, new_seed, ranges_of
from utils.tuning.workers import Train, workers


def grid_search(
    train: Train,
    space: Mapping[str, Any],
    resolution: int | None = None,
    *,
    budget: float = 1,
    total_budget: float | None = None,
    mode: Mode = "max",
    n_jobs: int = 1,
    backend: str = "loky",
    rng: Rng = 0,
    progress: bool | None = None,
) -> Results:
    """Train every combination: all values of a `Choice`, and `resolution` values of each range, evenly spread.

    Instead of `resolution` give `total_budget`: the finest grid that it pays for. Lists stand for a `Choice`, other
    values for themselves. `n_jobs` and `backend` ("loky" for processes, "threading") are joblib's; BLAS has one
    thread throughout, so that scores do not depend on `n_jobs`. A trial that raises an error or gives NaN is
    recorded and ranked last. ValueError for an empty grid and for a budget that no grid keeps.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """
    ranges = ranges_of(space)
    _positive("budget", budget)
    if resolution is None and total_budget is not None:
        resolution = finest(ranges, total_budget / budget)
    configs = grid_of(ranges, resolution)
    if total_budget is not None and len(configs) * budget > total_budget:
        raise ValueError(
            f"the grid has {len(configs)} points of budget {budget:g}, more than total_budget={total_budget:g} "
            "pays for: lower the resolution, or search at random"
        )
    rng = np.random.default_rng(rng)
    jobs = [(config, budget, new_seed(rng), i, 0) for i, config in enumerate(configs)]
    with workers(train, mode, n_jobs, backend, progress, "grid search", len(jobs)) as run:
        return Results("grid search", mode, tuple(run(jobs)))


def random_search(
    train: Train,
    space: Mapping[str, Any],
    n_trials: int | None = None,
    *,
    budget: float = 1,
    total_budget: float | None = None,
    mode: Mode = "max",
    n_jobs: int = 1,
    backend: str = "loky",
    rng: Rng = 0,
    progress: bool | None = None,
) -> Results:
    """Train `n_trials` configurations drawn at random, or as many as `total_budget` pays for.

    Where few of the hyperparameters matter, random trials try more values of these than a grid of the same size
    does: Bergstra and Bengio (2012), "Random search for hyper-parameter optimization". The first trials of a longer
    search are those of a shorter one. The other settings are those of `grid_search`.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """
    _positive("budget", budget)
    n_trials = _count(n_trials, total_budget, lambda total: math.floor(total / budget + 1e-9))
    jobs = [(config, budget, seed, i, 0) for i, (config, seed) in enumerate(draw(space, n_trials, rng))]
    with workers(train, mode, n_jobs, backend, progress, "random search", len(jobs)) as run:
        return Results("random search", mode, tuple(run(jobs)))


def successive_halving(
    train: Train,
    space: Mapping[str, Any],
    n_trials: int | None = None,
    *,
    min_budget: float = 1,
    max_budget: float = 27,
    factor: float = 3,
    total_budget: float | None = None,
    mode: Mode = "max",
    n_jobs: int = 1,
    backend: str = "loky",
    rng: Rng = 0,
    progress: bool | None = None,
) -> Results:
    r"""Train many configurations for a little, then the best $1/\eta$ of them for $\eta$ times as long, and so on.

    $\eta$ is `factor`; the rungs are those of `halving_rungs`. Instead of `n_trials` give `total_budget`, and as
    many are drawn as it pays for. Every call of `train` begins anew, with the seed that its configuration had
    before, and counts fully. The
    other settings are those of `grid_search`. Jamieson and Talwalkar (2016), "Non-stochastic best arm
    identification and hyperparameter optimization"; Li et al. (2017), "Hyperband".

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """
    n_trials = _count(n_trials, total_budget, lambda t: _most_trials(t, min_budget, max_budget, factor))
    rungs = halving_rungs(n_trials, min_budget, max_budget, factor)
    alive = [(config, seed, i) for i, (config, seed) in enumerate(draw(space, n_trials, rng))]
    trials: list[Trial] = []
    calls = sum(count for count, _ in rungs)
    with workers(train, mode, n_jobs, backend, progress, "successive halving", calls) as run:
        for rung, (count, budget) in enumerate(rungs):
            jobs = [(config, budget, seed, number, rung) for config, seed, number in alive[:count]]
            trials += (done := list(run(jobs)))
            alive = _survivors(done, mode)
    return Results("successive halving", mode, tuple(trials))


def _survivors(trials: list[Trial], mode: Mode) -> list[tuple[dict[str, Any], int, int]]:
    """Whatever has not failed, the best first."""
    ranked = sorted((t for t in trials if not t.error), key=lambda t: rank_of(t, mode))
    return [(t.config, t.seed, t.number) for t in ranked]


def halving_rungs(
    n_trials: int, min_budget: float, max_budget: float, factor: float = 3
) -> list[tuple[int, float]]:
    r"""The rounds of successive halving as pairs (trials, budget of each).

    From `n_trials` each round keeps $1/\eta$ and gives $\eta$ = `factor` times the budget; the last has `max_budget`,
    the first not less than `min_budget`, and more where `n_trials` are too few for all rounds. Whole budgets stay
    whole where both ends are.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """
    if not 0 < min_budget <= max_budget:
        raise ValueError(
            f"min_budget={min_budget!r}, max_budget={max_budget!r}: expected 0 < min_budget <= max_budget"
        )
    if not factor > 1:
        raise ValueError(f"factor={factor!r} keeps all trials: give a number above 1, usually 3 or 4")
    last = 0
    while max_budget / factor ** (last + 1) >= min_budget * (1 - 1e-9) and n_trials >= factor ** (last + 1):
        last += 1
    whole = isinstance(min_budget, int) and isinstance(max_budget, int)
    budgets = [max_budget / factor ** (last - k) for k in range(last + 1)]
    counts = [math.floor(n_trials / factor**k + 1e-9) for k in range(last + 1)]
    return list(zip(counts, [max(min_budget, round(b)) for b in budgets] if whole else budgets, strict=True))


def _most_trials(total: float, min_budget: float, max_budget: float, factor: float) -> int:
    def cost(n: int) -> float:
        return sum(count * budget for count, budget in halving_rungs(n, min_budget, max_budget, factor))

    affordable = [n for n in range(1, math.floor(total / min_budget) + 1) if cost(n) <= total * (1 + 1e-9)]
    return max(affordable, default=0)


def _count(n_trials: int | None, total_budget: float | None, affordable: Callable[[float], int]) -> int:
    if (n_trials is None) == (total_budget is None):
        raise ValueError("give either n_trials or total_budget")
    count = affordable(total_budget) if n_trials is None else n_trials
    if int(count) != count or count < 1:
        given = (
            f"n_trials={n_trials!r}"
            if total_budget is None
            else f"total_budget={total_budget!r} pays for no trial"
        )
        raise ValueError(f"{given}: expected a whole number of trials, at least one")
    return int(count)


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name}={value!r}: expected a number above 0")
