"""What a search found: trials, ranked, as columns and as a table."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

Mode = Literal["max", "min"]


@dataclass(frozen=True)
class Trial:
    """One call of `train`: its configuration, score, duration and budget; `error` says why it failed, if it did.

    `number` counts the configurations of a search in the order in which they were drawn; `rung` is the round of
    successive halving, 0 in the other searches. A failed trial has the score NaN.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    config: dict[str, Any]
    score: float
    seconds: float
    budget: float
    seed: int
    number: int
    rung: int = 0
    error: str = ""


@dataclass(frozen=True)
class Results:
    """All trials of a search, in the order of `train`'s calls; prints as a table, the best first.

    Trials with larger budgets stand before those with smaller ones, since scores compare only at one budget; failed
    trials stand last.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    search: str
    mode: Mode
    trials: tuple[Trial, ...]

    @property
    def total_budget(self) -> float:
        """What all calls of `train` were given together."""
        return sum(trial.budget for trial in self.trials)

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials, the best first."""
        return tuple(sorted(self.trials, key=lambda trial: rank_of(trial, self.mode)))

    @property
    def failed(self) -> tuple[Trial, ...]:
        """The trials that raised an error or gave no finite score."""
        return tuple(trial for trial in self.trials if trial.error)

    @property
    def best(self) -> Trial:
        """The trial with the best score at the largest budget; RuntimeError where every trial failed."""
        if len(self.failed) == len(self.trials):
            raise RuntimeError(f"all {len(self.trials)} trials failed, the first with {self.trials[0].error}")
        return self.ranked[0]

    def column(self, name: str) -> np.ndarray:
        """One value a trial, (trials,): a hyperparameter, or "score", "seconds", "budget", "rung", "number"."""
        if name in self.trials[0].config:
            return np.array([trial.config[name] for trial in self.trials])
        if name not in ("score", "seconds", "budget", "rung", "number"):
            raise KeyError(f"no column {name!r}: the hyperparameters are {', '.join(self.trials[0].config)}")
        return np.array([getattr(trial, name) for trial in self.trials])

    def best_so_far(self) -> tuple[np.ndarray, np.ndarray]:
        """The budget spent and the best score found so far, after each trial: two arrays (trials,).

        Scores of every budget count here, also those of halving's short runs.
        """
        better = np.fmax if self.mode == "max" else np.fmin
        return np.cumsum(self.column("budget")), better.accumulate(self.column("score"))

    def to_dict(self) -> dict[str, Any]:
        """Plain dictionaries and lists, for `json.dumps` where the configurations are; a failed score is None."""
        trials = [asdict(trial) | {"score": None if trial.error else trial.score} for trial in self.trials]
        return {"search": self.search, "mode": self.mode, "total_budget": self.total_budget, "trials": trials}

    def __str__(self) -> str:
        heads = ["score", "budget", "seconds", *self.trials[0].config]
        rows = [heads, *([_cell(x) for x in _row(trial)] for trial in self.ranked[:10])]
        widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
        lines = ["  ".join(f"{x:>{w}}" for x, w in zip(row, widths, strict=True)) for row in rows]
        summary = f"{self.search}: {len(self.trials)} trials, {len(self.failed)} failed, budget {self.total_budget:g}"
        return "\n".join([summary, *lines])


def _row(trial: Trial) -> list:
    return ["failed" if trial.error else trial.score, trial.budget, trial.seconds, *trial.config.values()]


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def rank_of(trial: Trial, mode: Mode) -> tuple:
    if trial.error:
        return (1, 0.0, 0.0)
    return (0, -trial.budget, -trial.score if mode == "max" else trial.score)
