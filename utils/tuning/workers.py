"""Running trials: one after the other, in processes or in threads, with the same scores."""

import inspect
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, get_args

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from utils.data_loaders.settings import progress_wanted
from utils.tuning.results import Mode, Trial

Train = Callable[[dict[str, Any], float, int], float]
Job = tuple[dict[str, Any], float, int, int, int]  # config, budget, seed, number, rung
BACKENDS = ("loky", "threading")


@contextmanager
def workers(
    train: Train, mode: Mode, n_jobs: int, backend: str, progress: bool | None, title: str, total: int
) -> Iterator[Callable[[list[Job]], Iterable[Trial]]]:
    """A function that runs jobs and gives their trials in the same order, with one progress bar over all its calls."""
    _check(train, mode, n_jobs, backend)
    hidden = not progress_wanted(progress)
    # The number of BLAS threads belongs to the process, so that threads must not each set and restore it.
    with (
        threadpool_limits(1, user_api="blas"),
        tqdm(total=total, desc=title, leave=False, disable=hidden) as bar,
        Parallel(n_jobs=n_jobs, backend=backend, return_as="generator") as parallel,
    ):

        def run(jobs: list[Job]) -> Iterator[Trial]:
            for trial in parallel(delayed(_run)(train, backend == "loky", *job) for job in jobs):
                bar.update()
                yield trial

        yield run


def _check(train: Train, mode: str, n_jobs: int, backend: str) -> None:
    if mode not in get_args(Mode):
        raise ValueError(f'mode={mode!r}: expected "max" for accuracies, "min" for losses')
    if backend not in BACKENDS:
        raise ValueError(f"backend={backend!r}: expected one of {', '.join(map(repr, BACKENDS))}")
    if n_jobs == 0:
        raise ValueError("n_jobs=0 runs nothing: give a number of workers, or -1 for one a core")
    if not callable(train):
        raise TypeError(f"train must be a function train(config, budget, seed) but got {train!r}")
    try:
        inspect.signature(train).bind({}, 1, 0)
    except ValueError:  # a builtin that does not tell its signature
        return
    except TypeError as error:
        raise TypeError(
            f"train is called as train(config, budget, seed), which it does not accept: {error}"
        ) from None


def _run(
    train: Train, own_process: bool, config: dict, budget: float, seed: int, number: int, rung: int
) -> Trial:
    start = time.perf_counter()
    with threadpool_limits(1, user_api="blas") if own_process else nullcontext():
        score, error = _score(train, config, budget, seed)
    return Trial(config, score, time.perf_counter() - start, budget, seed, number, rung, error)


def _score(train: Train, config: dict, budget: float, seed: int) -> tuple[float, str]:
    """The score, or NaN and what went wrong: a search survives its trials."""
    try:
        value = train(dict(config), budget, seed)
        score = float(value)
    except Exception as error:
        return math.nan, f"{type(error).__name__}: {error}"
    return (score, "") if math.isfinite(score) else (math.nan, f"the score is {score}")
