"""A training that was killed, at any moment, goes on as if nothing had been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from _training_run import STEPS, parts, train

from utils.functional.losses import cross_entropy
from utils.training import fit


class Killed(BaseException):
    pass


def die():
    raise Killed


@pytest.fixture(scope="module")
def uninterrupted():
    result = train()
    assert len(result["loss"]) == STEPS
    return result


def test_the_run_is_random_enough_to_tell(uninterrupted):
    """Dropout, shuffling and the schedule matter: otherwise going on exactly would prove nothing."""
    made = parts()
    made["model"][3].p = 0.0
    plain = fit(loss_fn=cross_entropy, epochs=4, accumulate=2, clip_norm=0.5, **made)
    assert plain.loss.tolist() != uninterrupted["loss"]
    assert len(set(uninterrupted["lr"])) == STEPS


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_killed_in_any_step_it_goes_on_exactly(step, every, uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        train((path, every), step, die)
    assert train((path, every)) == uninterrupted


@pytest.mark.parametrize("epoch", range(1, 5))
def test_killed_between_the_last_step_and_the_end_of_an_epoch(epoch, uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(Killed):
        train((path, 1), f"epoch {epoch}", die)
    assert train((path, 1)) == uninterrupted


def test_with_threads_it_goes_on_exactly(uninterrupted, tmp_path):
    path, whole = tmp_path / "run.safetensors", train(threads=2)
    assert whole["loss"] != uninterrupted["loss"]  # other numbers are dropped
    with pytest.raises(Killed):
        train((path, 1), 6, die, threads=2)
    assert train((path, 1), threads=2) == whole


def test_killed_in_every_step_it_still_arrives(uninterrupted, tmp_path):
    path = tmp_path / "run.safetensors"
    for step in range(2, STEPS + 1):
        with pytest.raises(Killed):
            train((path, 1), step, die)
    assert train((path, 1)) == uninterrupted


def test_a_finished_training_is_read_back(uninterrupted, tmp_path, capsys):
    path = tmp_path / "run.safetensors"
    train(path)
    assert train(path, 1, die) == uninterrupted
    assert capsys.readouterr().out == "run.safetensors: going on after step 16, in epoch 4 of 4.\n"
    with pytest.raises(Killed):
        train(path, 1, die, resume=False)


SCRIPT = Path(__file__).with_name("_training_run.py")
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")


def run_script(*arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *map(str, arguments)], env={**os.environ, "NN_PROGRESS": "0"}
    )


@needs_kill
@pytest.mark.parametrize(("every", "step"), [(1, 7), (3, 12)])
def test_sigkill_within_a_step(every, step, uninterrupted, tmp_path):
    path, result = tmp_path / "run.safetensors", tmp_path / "result.json"
    assert run_script(path, result, every, step).wait(60) == -signal.SIGKILL and not result.exists()
    assert run_script(path, result, every).wait(60) == 0
    assert json.loads(result.read_text()) == json.loads(json.dumps(uninterrupted))


@needs_kill
def test_sigkill_from_outside_at_any_moment(uninterrupted, tmp_path):
    path, result = tmp_path / "run.safetensors", tmp_path / "result.json"
    process = run_script(path, result, 1)
    limit = time.monotonic() + 60
    while not path.exists() and time.monotonic() < limit:
        time.sleep(0.001)
    process.kill()  # most likely while it writes
    process.wait()
    assert run_script(path, result, 1).wait(60) == 0
    assert json.loads(result.read_text()) == json.loads(json.dumps(uninterrupted))
