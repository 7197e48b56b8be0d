"""The benchmarks train the same model in both libraries, and training takes no more memory the longer it goes on."""

import gc
import mmap
import os
import sys
import tracemalloc

import numpy as np
import pytest

from benchmarks import __main__ as speed
from benchmarks import harness, memory, tables, workloads
from utils import nn
from utils.tensor import Tensor

JOBS = {**workloads.WORKLOADS, "convolutional network": workloads.conv_net}
TRAININGS = ["LSTM", *(name for name in JOBS if "step" in name or "network" in name)]


@pytest.fixture(autouse=True)
def same_first_values():
    """The same whatever ran before: with others, rounding may put a ReLU's input on the other side of 0."""
    nn.manual_seed(0)


def numbers(x):
    """A result of either library as an array."""
    x = x.detach() if hasattr(x, "detach") else x
    return np.asarray(x.data if isinstance(x, Tensor) else x)


def both(name):
    """The job in both libraries, from the same parameters."""
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    mine, other = JOBS[name](workloads.our_library()), JOBS[name](workloads.torch_library())
    for p, q in zip(mine.leaves, other.leaves, strict=True):
        assert p.shape == tuple(q.shape)
        q.data[...] = torch.tensor(p.data)
    return mine, other


@pytest.mark.parametrize("name", [name for name in JOBS if name != "dropout"])
def test_both_libraries_do_the_same_work(name):
    mine, other = both(name)
    np.testing.assert_allclose(numbers(mine.step()), numbers(other.step()), rtol=1e-4, atol=1e-4)
    for p, q in zip(mine.leaves, other.leaves, strict=True):
        theirs = numbers(q.grad)
        np.testing.assert_allclose(p.grad, theirs, rtol=0, atol=1e-4 * np.abs(theirs).max() + 2e-6)
    # the second step has the parameters of the first, which Adam moves by the sign even of a gradient of mere rounding
    np.testing.assert_allclose(numbers(mine.step()), numbers(other.step()), rtol=2e-3, atol=2e-3)


def test_dropout_drops_as_much_in_both():
    kept = [np.count_nonzero(numbers(job.step())) / (768 * 512) for job in both("dropout")]
    assert kept == pytest.approx([0.9, 0.9], abs=0.005)


def train(job, steps):
    """The number of objects that only the garbage collector frees, and the bytes that are allocated when it has."""
    for _ in range(steps):
        job.step()
    cyclic = gc.collect()  # which also empties Python's lists of spare tuples
    return cyclic, tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("name", TRAININGS)
def test_training_keeps_nothing_from_step_to_step(name):
    job = JOBS[name](workloads.our_library())
    gc.disable()
    tracemalloc.start()
    try:
        _, before = train(job, 3)
        cyclic, after = train(job, 20)
    finally:
        tracemalloc.stop()
        gc.enable()
    assert cyclic == 0
    assert after - before < 20_000, f"{after - before} bytes more after 20 steps"


def timing(name, ratio, noisy=0):
    return harness.Timing(name, 2.0 * ratio, 2.0, ratio, ratio, 11, noisy)


def test_rows_have_their_bounds_and_the_mean_of_the_first_five():
    ratios = dict.fromkeys(["plain matmul, 1024", *workloads.WORKLOADS], 1.0)
    ratios |= {"MLP, SGD step": 0.5, "MLP, Adam step": 2.0, "LSTM": 32.0, "dropout": 7.0}
    found = speed.summary({name: timing(name, ratio) for name, ratio in ratios.items()})
    assert [row["name"] for row in found["rows"]] == list(speed.ROWS)
    assert found["rows"][0]["ratio"] == pytest.approx(1.0) and found["rows"][0]["must"] == 1.0
    assert found["geometric_mean"]["ratio"] == pytest.approx(2.0)
    assert [entry["name"] for entry in found["beside"]] == [
        "plain matmul, 1024",
        "GPT, AdamW step, one thread",
    ]
    assert "| LSTM | 64.00 | 2.00 | 32.00 |\n" in tables.speed_table(found)


def test_rounds_go_on_until_enough_were_quiet(monkeypatch):
    monkeypatch.setattr(harness, "BLOCK_SECONDS", 0.0)
    busy = iter([1.0] * 14 + [0.0] * harness.ROUNDS)
    seconds = iter([(9.0, 1.0)] * 14 + [(1.0, 2.0)] * harness.ROUNDS)
    monkeypatch.setattr(harness, "_round", lambda *_: (next(seconds), next(busy)))
    found = harness.compare("", int, int)
    assert (found.ratio, found.ours_ms, found.rounds, found.noisy) == (0.5, 1000.0, harness.ROUNDS + 14, 14)
    assert found.quiet
    monkeypatch.setattr(harness, "_round", lambda *_: ((1.0, 4.0), 1.0))
    found = harness.compare("", int, int)
    assert found.ratio == 0.25 and found.noisy == found.rounds == harness.PATIENCE * harness.ROUNDS
    assert not found.quiet


@pytest.mark.parametrize(
    ("noisy", "arguments", "status", "saves"),
    [(6, [], 1, 0), (6, ["--noisy"], 0, 1), (5, [], 0, 1), (0, ["LSTM"], 0, 0), (0, ["nothing"], 2, 0)],
)
def test_results_of_a_busy_machine_are_saved_on_request_only(monkeypatch, noisy, arguments, status, saves):
    saved = []
    monkeypatch.setattr(speed, "tune_allocator", lambda: None)
    monkeypatch.setattr(speed, "surroundings", dict)
    monkeypatch.setattr(speed, "save", lambda *call: saved.append(call))
    monkeypatch.setattr(speed, "timings", lambda chosen: {name: timing(name, 1.0, noisy) for name in chosen})
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    assert speed.main() == status
    assert len(saved) == saves


def test_the_program_starts_again_once_with_the_allocator_tuned(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    monkeypatch.delenv("MALLOC_TOP_PAD_", raising=False)
    harness.tune_allocator()
    (program, arguments, environment), *_ = calls
    assert program == arguments[0] == sys.executable and arguments[1:] == sys.orig_argv[1:]
    assert capsys.readouterr().out.count("\n") == 1
    for name in harness.MALLOC:
        monkeypatch.setenv(name, environment[name])
    harness.tune_allocator()
    assert len(calls) == 1


def test_tables_are_put_in_place_of_their_forerunners():
    text = "a\n\n| x | y |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nb | c\n"
    new = "| x | y |\n|---|---|\n| 5 | 6 |\n"
    assert tables.rewritten(text, [new]) == f"a\n\n{new}\nb | c\n"
    with pytest.raises(ValueError, match="0 tables that begin with"):
        tables.rewritten("no table", [new])


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_growth_is_the_peak_above_what_was_there():
    def step():  # pages of its own: an array of NumPy's may lie in memory that earlier tests have freed
        with mmap.mmap(-1, 40_000_000) as pages:
            for page in range(0, len(pages), mmap.PAGESIZE):
                pages[page] = 1

    assert 35 < memory.growth(workloads.Job(step, [])) < 60
    assert memory.growth(workloads.Job(lambda: None, [])) < 10
