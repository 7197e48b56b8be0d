"""Checkpoints bring everything back exactly."""

import math

import numpy as np
import pytest
from _checkpoint_parts import X, make, saved_in, snapshot, step
from safetensors import safe_open
from safetensors.numpy import load_file, save

from utils import nn
from utils.checkpoint import load_checkpoint, load_weights, read_extra, save_checkpoint, save_weights
from utils.optim import SGD, AdamW, MultiStepLR, ReduceLROnPlateau
from utils.tensor import Tensor


@pytest.fixture
def saved(tmp_path):
    return saved_in(tmp_path)


def test_everything_comes_back_exactly(saved):
    parts, path = saved
    other = make(seed=5)
    step(other, 3)
    assert load_checkpoint(path, **other) == {"step": 2}
    assert snapshot(other) == snapshot(parts)
    assert other["optimizer"].param_groups[0]["betas"] == (0.9, 0.999)


@pytest.mark.parametrize("optimizer", [SGD, AdamW])
def test_a_saved_training_goes_on_with_the_same_losses(optimizer, tmp_path):
    straight = make(optimizer=optimizer)
    expected = step(straight, 3) + step(straight, 3)
    parts, path = make(optimizer=optimizer), tmp_path / "run"
    losses = step(parts, 3)
    save_checkpoint(path, **parts)
    other = make(seed=9, optimizer=optimizer)
    load_checkpoint(path, **other)
    assert losses + step(other, 3) == expected


def test_tensors_are_named_for_other_readers(saved):
    parts, path = saved
    with safe_open(path, framework="np") as file:
        names = set(file.keys())
    assert {"model.0.weight", "model.1.running_mean", "optimizer.state.0.exp_avg"} <= names
    assert np.array_equal(load_file(path)["model.0.weight"], parts["model"][0].weight.data)


@pytest.mark.parametrize(
    "extra",
    [
        None,
        7,
        {"loss": [0.1, 1e-300, 5e-324, -0.0], "best": math.inf, "worst": -math.inf},
        {"text": "Grüße, \u2028 \"'\\", "nothing": None, "yes": True, "big": 2**127},
        {0: "a", 1: {"b": (1, (2.5, []))}, "$array": "model.0.weight"},
        {"$tuple": [1]},
        {"a.b": np.arange(3), "a": {"b": np.zeros((0, 2), np.float32)}},
        {
            "mask": np.array([True, False]),
            "half": np.float16(0.1),
            "whole": np.int64(3),
            "flat": np.array(2.0),
        },
        np.arange(6).reshape(2, 3).T,
    ],
    ids=str,
)
def test_extra_comes_back_in_value_and_type(extra, tmp_path):
    save_checkpoint(tmp_path / "c", model=make()["model"], extra=extra)
    assert_same(load_checkpoint(tmp_path / "c", make()["model"]), extra)
    assert_same(read_extra(tmp_path / "c"), extra)


def assert_same(actual, expected):
    assert type(actual) is type(expected)
    if isinstance(expected, dict):
        assert list(actual) == list(expected)
        for key in expected:
            assert_same(actual[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(actual) == len(expected)
        for pair in zip(actual, expected, strict=True):
            assert_same(*pair)
    elif isinstance(expected, np.ndarray | np.generic):
        assert (
            actual.dtype == expected.dtype
            and actual.shape == expected.shape
            and np.array_equal(actual, expected)
        )
    else:
        assert repr(actual) == repr(expected)


@pytest.mark.parametrize(
    "schedule", [lambda o: ReduceLROnPlateau(o), lambda o: MultiStepLR(o, [3, 5])], ids=["plateau", "steps"]
)
def test_schedules_with_infinite_or_listed_state(schedule, tmp_path):
    parts, other = make(), make(seed=1)
    parts["scheduler"], other["scheduler"] = schedule(parts["optimizer"]), schedule(other["optimizer"])
    save_checkpoint(tmp_path / "c", **parts)
    load_checkpoint(tmp_path / "c", **other)
    assert snapshot(other) == snapshot(parts)


def test_parts_may_be_left_out(saved):
    parts, path = saved
    model = make(seed=3)["model"]
    load_checkpoint(path, model)
    assert np.array_equal(model[0].weight.data, parts["model"][0].weight.data)


def test_not_strict_loads_what_is_there(saved):
    parts, path = saved
    model = nn.Sequential(nn.Linear(3, 4, rng=7), nn.BatchNorm1d(4), nn.Identity(), nn.Linear(4, 5, rng=8))
    kept = model[3].weight.data.copy()
    load_checkpoint(path, model, strict=False)
    assert np.array_equal(model[0].weight.data, parts["model"][0].weight.data)
    assert np.array_equal(model[3].weight.data, kept)


def test_weights_come_back_and_are_plain_safetensors(tmp_path):
    model, other = make()["model"], make(seed=4)["model"]
    save_weights(tmp_path / "w", model.state_dict())
    other.load_state_dict(load_weights(tmp_path / "w"))
    for name, x in model.state_dict().items():
        assert np.array_equal(other.state_dict()[name], x)
        assert np.array_equal(load_file(tmp_path / "w")[name], x)


def test_weights_of_other_libraries_and_of_checkpoints_are_read(saved, tmp_path):
    parts, path = saved
    (tmp_path / "hub").write_bytes(save({"wte": X}, {"format": "pt"}))
    assert np.array_equal(load_weights(tmp_path / "hub")["wte"], X)
    assert set(load_weights(path)) == set(parts["model"].state_dict())
    save_weights(tmp_path / "t", {"x": Tensor(X.T)})
    assert np.array_equal(load_weights(tmp_path / "t")["x"], X.T)


def test_what_is_loaded_is_not_tied_to_the_file(saved):
    _, path = saved
    weights = load_weights(path)
    path.unlink()
    weights["0.weight"][0, 0] = 5.0
    assert weights["0.weight"][0, 0] == 5.0
