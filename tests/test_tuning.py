"""Searches: reproducible whatever the workers, alive whatever a trial does, fair in what they spend."""

import itertools
import json
import math
import os

import numpy as np
import pytest

from utils.tuning import (
    Choice,
    Integer,
    LogUniform,
    Uniform,
    grid_search,
    halving_rungs,
    random_search,
    successive_halving,
)
from utils.tuning.space import finest, grid_of, ranges_of

SPACE = {
    "lr": LogUniform(1e-4, 1.0),
    "width": Choice(16, 32, 64),
    "layers": Integer(1, 3),
    "drop": Uniform(0, 0.5),
}


def bowl(config, budget, seed):
    """Best at lr = 0.01; the noise is the seed's."""
    return -((math.log10(config["lr"]) + 2) ** 2) + 0.01 * np.random.default_rng(seed).normal() / budget


def comparable(results):
    return [(t.config, t.score, t.budget, t.seed, t.number, t.rung) for t in results.trials]


def test_draws_lie_in_the_ranges_and_fill_them():
    rng = np.random.default_rng(0)
    for range_, low, high in [(Uniform(-1, 3), -1, 3), (LogUniform(1e-4, 1), 1e-4, 1), (Integer(2, 5), 2, 5)]:
        values = [range_.sample(rng) for _ in range(1000)]
        assert low <= min(values) and max(values) <= high
        assert type(values[0]) is (int if isinstance(range_, Integer) else float)
    assert {Integer(2, 5).sample(rng) for _ in range(200)} == {2, 3, 4, 5}
    assert {Choice("a", None).sample(rng) for _ in range(50)} == {"a", None}
    logs = np.log10([LogUniform(1e-4, 1).sample(rng) for _ in range(4000)])
    assert np.allclose(np.histogram(logs, 4, (-4, 0))[0] / 4000, 0.25, atol=0.03)


def test_grid_takes_every_combination():
    results = grid_search(bowl, {"lr": LogUniform(1e-4, 1.0), "width": [16, 32], "kind": "relu"}, 5)
    assert len(results.trials) == 10
    np.testing.assert_allclose(sorted(set(results.column("lr"))), [1e-4, 1e-3, 1e-2, 1e-1, 1])
    assert results.best.config["lr"] == pytest.approx(0.01) and results.best.config["kind"] == "relu"


def test_integer_grid_has_each_number_once():
    results = grid_search(lambda c, b, s: 0.0, {"n": Integer(1, 3)}, 9)
    assert [t.config["n"] for t in results.trials] == [1, 2, 3]


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("search", [random_search, successive_halving])
def test_the_seed_alone_decides(search, backend):
    settings = {"max_budget": 9} if search is successive_halving else {"budget": 3}
    alone = search(bowl, SPACE, 9, rng=7, **settings)
    together = search(bowl, SPACE, 9, rng=np.random.default_rng(7), n_jobs=2, backend=backend, **settings)
    assert comparable(alone) == comparable(together)
    assert comparable(alone) != comparable(search(bowl, SPACE, 9, rng=8, **settings))


def test_a_longer_random_search_begins_with_the_shorter():
    assert comparable(random_search(bowl, SPACE, 12))[:5] == comparable(random_search(bowl, SPACE, 5))


def fragile(config, budget, seed):
    if config["x"] == 0:
        raise RuntimeError("out of memory")
    return {1: math.nan, 2: math.inf, 3: None}.get(config["x"], config["x"])


@pytest.mark.parametrize("mode", ["max", "min"])
def test_failures_are_recorded_and_ranked_last(mode):
    results = grid_search(fragile, {"x": [0, 4, 1, 6, 2, 5, 3]}, mode=mode, n_jobs=2)
    assert [t.config["x"] for t in results.ranked[:3]] == ([6, 5, 4] if mode == "max" else [4, 5, 6])
    assert {t.error for t in results.failed} >= {
        "RuntimeError: out of memory",
        "the score is nan",
        "the score is inf",
    }
    assert all(math.isnan(t.score) for t in results.failed) and len(results.failed) == 4
    assert "7 trials, 4 failed" in str(results) and "failed" in str(results).splitlines()[-1]
    assert json.loads(json.dumps(results.to_dict()))["trials"][0]["score"] is None


def test_a_search_of_failures_says_why():
    results = grid_search(fragile, {"x": [0, 1]})
    with pytest.raises(RuntimeError, match="all 2 trials failed, the first with RuntimeError: out of memory"):
        _ = results.best


def test_interruption_is_not_a_failed_trial():
    def train(config, budget, seed):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        random_search(train, SPACE, 2)


def test_rungs():
    assert halving_rungs(27, 1, 27) == [(27, 1), (9, 3), (3, 9), (1, 27)]
    assert halving_rungs(10, 1, 27) == [(10, 3), (3, 9), (1, 27)]  # too few trials for the first round
    assert halving_rungs(1, 1, 27) == [(1, 27)]
    assert halving_rungs(16, 2, 16, 2) == [(16, 2), (8, 4), (4, 8), (2, 16)]
    assert halving_rungs(9, 1.0, 20.0) == [(9, 20 / 9), (3, 20 / 3), (1, 20.0)]
    for n in range(1, 200):
        rungs = halving_rungs(n, 1, 20)
        assert (
            rungs[0][0] == n and rungs[-1][1] == 20 and all(isinstance(b, int) and b >= 1 for _, b in rungs)
        )


def test_halving_keeps_the_best_with_their_seeds():
    results = successive_halving(bowl, SPACE, 9, max_budget=9)
    rungs = [[t for t in results.trials if t.rung == k] for k in range(3)]
    assert [len(rung) for rung in rungs] == [9, 3, 1]
    for rung, above in itertools.pairwise(rungs):
        kept = sorted(rung, key=lambda t: -t.score)[: len(above)]
        assert [(t.number, t.seed, t.config) for t in kept] == [(t.number, t.seed, t.config) for t in above]
    assert results.best is results.trials[-1] and results.best.budget == 9


def test_halving_goes_on_with_those_that_have_not_failed():
    def train(config, budget, seed):
        if budget == 3:
            raise RuntimeError("too long")
        return config["x"] if config["x"] > 0.9 else math.nan

    results = successive_halving(train, {"x": Uniform(0, 1)}, 27, max_budget=27)
    survivors = int((results.column("score")[:27] > 0.9).sum())
    assert 0 < survivors < 9 and len(results.trials) == 27 + survivors
    assert results.best.budget == 1


@pytest.mark.parametrize("total", [60, 81, 200])
def test_three_searches_under_one_budget(total):
    spent = [
        grid_search(bowl, SPACE, budget=3, total_budget=total).total_budget,
        random_search(bowl, SPACE, budget=3, total_budget=total).total_budget,
        successive_halving(bowl, SPACE, max_budget=9, total_budget=total).total_budget,
    ]
    assert max(spent) <= total and spent[1] > total - 3 and spent[2] > 0.8 * total


def test_best_so_far():
    results = grid_search(fragile, {"x": [4, 1, 6, 5]}, budget=2)
    spent, best = results.best_so_far()
    assert spent.tolist() == [2, 4, 6, 8] and best.tolist() == [4, 4, 6, 6]


def threads_of_blas(config, budget, seed):
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    return max((p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"), default=1)


@pytest.mark.parametrize(("n_jobs", "backend"), [(1, "loky"), (2, "loky"), (2, "threading")])
def test_one_blas_thread_a_worker(n_jobs, backend, monkeypatch):
    from threadpoolctl import threadpool_limits

    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "2")
    with threadpool_limits(2, user_api="blas"):
        results = random_search(threads_of_blas, {"x": [1]}, 4, n_jobs=n_jobs, backend=backend)
        assert results.column("score").tolist() == [1] * 4
        assert threads_of_blas({}, 1, 0) == min(2, os.cpu_count())


@pytest.mark.parametrize("shown", [True, False])
def test_progress(shown, monkeypatch, capfd):
    monkeypatch.setenv("NN_PROGRESS", "1" if shown else "0")
    random_search(bowl, SPACE, 3)
    assert ("random search" in capfd.readouterr().err) is shown


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: random_search(bowl, SPACE), "give either n_trials or total_budget"),
        (lambda: random_search(bowl, SPACE, 3, total_budget=4), "give either n_trials or total_budget"),
        (lambda: random_search(bowl, SPACE, 0), "n_trials=0"),
        (lambda: random_search(bowl, SPACE, 2.5), "n_trials=2.5"),
        (lambda: random_search(bowl, SPACE, total_budget=2, budget=3), "pays for no trial"),
        (lambda: random_search(bowl, SPACE, 2, budget=0), "budget=0"),
        (lambda: random_search(bowl, [0.1], 2), "a space is a dictionary"),
        (lambda: random_search(bowl, {}, 2), "a space is a dictionary"),
        (lambda: random_search(lambda config: 0, SPACE, 2), r"train\(config, budget, seed\)"),
        (lambda: random_search(0.3, SPACE, 2), "train must be a function"),
        (lambda: random_search(bowl, SPACE, 2, mode="best"), "mode='best'"),
        (lambda: random_search(bowl, SPACE, 2, backend="mpi"), "backend='mpi'"),
        (lambda: random_search(bowl, SPACE, 2, n_jobs=0), "n_jobs=0"),
        (lambda: grid_search(bowl, SPACE), "give resolution= or total_budget="),
        (lambda: grid_search(bowl, SPACE, 0), "resolution=0"),
        (lambda: grid_search(bowl, SPACE, 5, total_budget=10), "the grid has 225 points"),
        (lambda: halving_rungs(9, 5, 1), "min_budget=5"),
        (lambda: halving_rungs(9, 1, 9, factor=1), "factor=1"),
        (lambda: LogUniform(0, 1), "begins above 0"),
        (lambda: Uniform(1, 1), "the smaller first"),
        (lambda: Integer(0.5, 2), "whole numbers"),
        (lambda: Choice(), "no values"),
        (lambda: random_search(bowl, SPACE, 1).column("momentum"), "no column 'momentum'"),
    ],
)
def test_mistakes_are_told(call, says):
    with pytest.raises((ValueError, TypeError, KeyError), match=says):
        call()


@pytest.mark.parametrize("points", [1, 7, 20.5, 49, 50])
def test_the_finest_grid_is_found_by_counting(points):
    ranges = ranges_of({"a": Uniform(0, 1), "b": Integer(1, 7), "c": Choice(1, 2)})
    resolution = finest(ranges, points)
    assert resolution == 1 or len(grid_of(ranges, resolution)) <= points
    assert len(grid_of(ranges, resolution + 1)) > points


def test_a_large_budget_takes_no_time():
    assert finest(ranges_of({"a": LogUniform(1e-9, 1), "b": [1, 2, 3]}), 3e9) == 10**9


def test_two_ends_are_no_list_of_two():
    with pytest.raises(ValueError, match=r"write LogUniform\(0.0001, 0.1\) or .*\[0.0001, 0.1\]"):
        grid_search(bowl, {"lr": (1e-4, 1e-1)}, 3)
