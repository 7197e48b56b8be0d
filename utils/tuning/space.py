"""What a configuration is drawn from: choices and ranges, on a grid or at random."""

import itertools
import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Rng = np.random.Generator | int


class Choice:
    """One of the given values, each as likely: `Choice(16, 32, 64)`, `Choice("relu", "tanh")`.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    def __init__(self, *values: Any):
        if not values:
            raise ValueError("Choice() has no values: write Choice(16, 32, 64)")
        self.values = values

    def __repr__(self) -> str:
        return f"Choice({', '.join(map(repr, self.values))})"

    def sample(self, rng: np.random.Generator) -> Any:
        return self.values[int(rng.integers(len(self.values)))]

    def grid(self, resolution: int | None) -> list:
        return list(self.values)


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def __post_init__(self):
        name = type(self).__name__
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"{name}({self.low!r}, {self.high!r}): expected two finite numbers, the smaller first"
            )

    def grid(self, resolution: int | None) -> list:
        if resolution is None:
            raise ValueError(
                f"{self!r} has no values of its own for a grid: give resolution= or total_budget="
            )
        return self._points(resolution)


@dataclass(frozen=True)
class Uniform(Interval):
    """A number between `low` and `high`, every part of the range as likely.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    def sample(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(self.low, self.high))

    def _points(self, resolution: int) -> list:
        return np.linspace(self.low, self.high, resolution).tolist()


@dataclass(frozen=True)
class LogUniform(Interval):
    """A positive number whose logarithm is uniform: 0.001 to 0.01 is as likely as 0.01 to 0.1.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    def __post_init__(self):
        super().__post_init__()
        if self.low <= 0:
            raise ValueError(f"{self!r}: a logarithmic range begins above 0, e.g. LogUniform(1e-4, 1.0)")

    def sample(self, rng: np.random.Generator) -> float:
        return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))

    def _points(self, resolution: int) -> list:
        return np.geomspace(self.low, self.high, resolution).tolist()


@dataclass(frozen=True)
class Integer(Interval):
    """A whole number from `low` to `high`, both included.

    Notebook: 02-mlp/optimizers/04-hyperparameter-tuning.ipynb
    """

    low: int
    high: int

    def __post_init__(self):
        super().__post_init__()
        if int(self.low) != self.low or int(self.high) != self.high:
            raise ValueError(f"{self!r}: the ends of Integer are whole numbers; for others take Uniform")

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(int(self.low), int(self.high), endpoint=True))

    def _points(self, resolution: int) -> list:
        return np.unique(np.linspace(self.low, self.high, resolution).round().astype(int)).tolist()


def ranges_of(space: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(space, Mapping) or not space:
        raise ValueError(f'a space is a dictionary such as {{"lr": LogUniform(1e-4, 1.0)}} but got {space!r}')
    return {name: _range(values) for name, values in space.items()}


def _range(values: Any) -> Any:
    if isinstance(values, Choice | Interval):
        return values
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if isinstance(values, tuple) and len(values) == 2 and all(isinstance(v, float) for v in values):
        low, high = values
        raise ValueError(
            f"{values} may be a range or two values: write LogUniform({low}, {high}) or Uniform({low}, {high}), or a "
            f"list, [{low}, {high}]"
        )
    return Choice(*values) if isinstance(values, list | tuple | range) else Choice(values)


def grid_of(ranges: dict[str, Any], resolution: int | None) -> list[dict[str, Any]]:
    if resolution is not None and (int(resolution) != resolution or resolution < 1):
        raise ValueError(f"resolution={resolution!r}: expected a whole number of at least 1")
    columns = [r.grid(resolution) for r in ranges.values()]
    return [dict(zip(ranges, values, strict=True)) for values in itertools.product(*columns)]


def finest(ranges: dict[str, Any], points: float) -> int | None:
    """The largest resolution whose grid has no more than `points`; 1 where none has, None where there is no range."""
    wide = [r for r in ranges.values() if isinstance(r, Interval)]
    if not wide:
        return None
    most = max(int(r.high) - int(r.low) + 1 if isinstance(r, Integer) else int(points) for r in wide)
    sizes = range(1, max(1, most) + 1)
    return max(1, bisect_right(sizes, points, key=lambda resolution: _size(ranges, resolution)))


def _size(ranges: dict[str, Any], resolution: int) -> int:
    """The points of the grid, counted without making it."""
    counts = {
        Integer: lambda r: min(resolution, int(r.high) - int(r.low) + 1),
        Choice: lambda r: len(r.values),
    }
    return math.prod(counts.get(type(r), lambda r: resolution)(r) for r in ranges.values())


def draw(space: Mapping[str, Any], n_trials: int, rng: Rng) -> list[tuple[dict[str, Any], int]]:
    ranges, rng = ranges_of(space), np.random.default_rng(rng)
    return [({name: r.sample(rng) for name, r in ranges.items()}, new_seed(rng)) for _ in range(n_trials)]


def new_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
