"""Diagnostics: each instrument shows a fault that was planted, and leaves the model as it was."""

import copy
import math

import numpy as np
import pytest

from utils import nn
from utils.data_loaders import DataLoader
from utils.diagnostics import (
    Recorder,
    dead_units,
    gradient_statistics,
    layer_statistics,
    nan_source,
    snapshot,
    table,
    update_ratios,
    watch_updates,
)
from utils.optim import SGD
from utils.tensor import Tensor
from utils.training import fit


def squared_error(output, target):
    return ((output - target) ** 2).mean()


def data(n=64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)


def mlp(*middle):
    nn.init.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), *(middle or (nn.ReLU(),)), nn.Linear(8, 2))


def state(model):
    return copy.deepcopy(model.state_dict())


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k], equal_nan=True) for k in a)


def test_layer_statistics_are_those_of_the_activations():
    model, (X, _) = mlp(), data()
    model[0].bias.data[3] = -100.0
    rows = layer_statistics(model, X)
    assert [(r.layer, r.kind, r.shape) for r in rows] == [
        ("0", "Linear", (64, 8)), ("1", "ReLU", (64, 8)), ("2", "Linear", (64, 2))
    ]  # fmt: skip
    a = np.maximum(X @ model[0].weight.data.T + model[0].bias.data, 0)
    assert rows[1].mean == pytest.approx(a.mean(), rel=1e-5) and rows[1].std == pytest.approx(
        a.std(), rel=1e-5
    )
    assert rows[1].zeros == (a == 0).mean() and rows[1].dead == 1 / 8
    assert math.isnan(rows[1].saturated) and rows[0].dead == 0
    assert table(layer_statistics(model, data())) == table(rows)  # a batch with targets is as good


@pytest.mark.parametrize("layer", [nn.Tanh, nn.Sigmoid])
def test_saturation(layer):
    model, (X, _) = mlp(layer()), data()
    calm = layer_statistics(model, X)[1].saturated
    model[0].weight.data *= 100
    assert calm < 0.2 < 0.9 < layer_statistics(model, X)[1].saturated <= 1


def test_dead_channels_of_images():
    nn.init.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    model[0].bias.data[:] = [1, -50, 1, -50]
    images = np.random.default_rng(0).random((5, 1, 6, 6), dtype=np.float32)
    assert layer_statistics(model, images)[1].dead == 0.5
    assert dead_units(model, [images])["1"].tolist() == [False, True, False, True]


def test_a_unit_is_dead_only_if_it_is_for_all_batches():
    model = nn.Sequential(nn.ReLU())
    batches = [np.array([[1, -1, -1]], np.float32), np.array([[-1, 1, -1]], np.float32)]
    assert dead_units(model, batches)["0"].tolist() == [False, False, True]
    with pytest.raises(ValueError, match="no batch"):
        dead_units(model, [])


def test_a_module_that_runs_twice_is_listed_twice():
    class Twice(nn.Module):
        def __init__(self):
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.relu(x) - 1.0)

    assert [r.layer for r in layer_statistics(Twice(), data()[0])] == ["relu", "relu#2"]
    assert list(dead_units(Twice(), [data()[0]])) == ["relu", "relu#2"]


def test_looking_changes_nothing():
    model, (X, y) = mlp(nn.BatchNorm1d(8), nn.ReLU()), data()
    model[1].eval()
    squared_error(model(Tensor(X)), y).backward()
    before, gradient = state(model), model[0].weight.grad.copy()
    model.train()
    layer_statistics(model, X)
    assert nan_source(model, (X, y), squared_error) is None
    assert same(state(model), before) and np.array_equal(model[0].weight.grad, gradient)
    model[1].eval()
    dead_units(model, [(X, y)])
    assert model.training and not model[1].training and not any(m._forward_hooks for m in model.modules())


def test_gradient_statistics():
    model, (X, y) = mlp(), data()
    assert all(math.isnan(g.norm) for g in gradient_statistics(model))
    squared_error(model(Tensor(X)), y).backward()
    model[0].weight.grad[:2] = 0
    rows = {g.parameter: g for g in gradient_statistics(model)}
    assert list(rows) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert rows["0.weight"].norm == pytest.approx(np.sqrt((model[0].weight.grad ** 2).sum()), rel=1e-6)
    assert rows["0.weight"].zeros >= 0.25 and rows["2.bias"].shape == (2,)


def test_update_ratios():
    model, (X, y) = mlp(), data()
    model[2].bias.data[:] = 0
    optimizer = SGD(model.parameters(), lr=0.1)
    squared_error(model(Tensor(X)), y).backward()
    before = snapshot(model)
    with watch_updates(model) as updates:
        optimizer.step()
    assert updates == update_ratios(model, before)
    first = updates[0]
    assert first.update == pytest.approx(0.1 * np.linalg.norm(model[0].weight.grad), rel=1e-4)
    assert first.ratio == first.update / first.weight and updates[-1].ratio == math.inf
    with pytest.raises(KeyError, match=r"lacks 0\.weight"):
        update_ratios(model, {})


class Root(nn.Module):
    """The square root: NaN for negative inputs, an infinite gradient at zero."""

    def forward(self, x):
        return x**0.5


class Shifted(nn.Module):
    def __init__(self, shift):
        self.linear, self.root, self.shift = nn.Linear(4, 2), Root(), shift

    def forward(self, x):
        return self.root(self.linear(x) * 0.0 + self.shift)


@pytest.mark.parametrize(("shift", "stage"), [(-1.0, "forward"), (0.0, "backward")])
def test_nan_source_names_stage_and_layer(shift, stage):
    found = nan_source(nn.Sequential(nn.Linear(4, 4), Shifted(shift)), data(), squared_error)
    assert (found.stage, found.layer) == (stage, "1.root")
    assert found.op.startswith("pow") and found.op in found.message and "x**0.5" in found.message
    assert nan_source(Shifted(1.0), data(), squared_error) is None


@pytest.mark.parametrize(("value", "stage"), [(-1.0, "forward"), (0.0, "backward")])
def test_nan_source_in_the_loss(value, stage):
    def loss_fn(output, target):
        return ((output * 0.0 + value) ** 0.5).mean()

    found = nan_source(mlp(), data(), loss_fn)
    assert (found.stage, found.layer) == (stage, "loss")


def test_nan_source_in_a_model_that_calls_functions_itself():
    class Plain(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(4, 2)

        def forward(self, x):
            return (self.linear(x) * 0.0) ** 0.5

    found = nan_source(Plain(), data(), squared_error)
    assert (found.stage, found.layer) == ("backward", "Plain")


def test_nan_source_in_what_goes_in():
    model, (X, y) = mlp(), data()
    X[5, 2] = np.nan
    assert str(nan_source(model, (X, y), squared_error)) == "input, batch: the batch holds nan at (5, 2)"
    model[2].weight.data[0, 0] = np.inf
    found = nan_source(model, data(), squared_error)
    assert (found.stage, found.layer) == ("parameter", "2.weight") and "1 of 16 entries" in found.message


@pytest.mark.parametrize("every", [1, 3])
def test_recorder(every):
    model, loader = mlp(), DataLoader(data(), batch_size=16)
    recorder = Recorder(every)
    fit(
        model,
        loader,
        squared_error,
        SGD(model.parameters(), lr=0.1),
        epochs=3,
        callbacks=[recorder],
        progress=False,
    )
    steps = list(range(every, 13, every))
    norms, ratios = recorder.curves(), recorder.curves("update_ratio")
    assert recorder.steps == steps and list(norms) == [name for name, _ in model.named_parameters()]
    assert all(c.shape == (len(steps),) for c in [*norms.values(), *ratios.values()])
    seen = ratios["0.weight"][1:] if every == 1 else ratios["0.weight"]
    assert np.isfinite(seen).all() and math.isnan(ratios["0.weight"][0]) == (every == 1)
    last = 0.1 * norms["0.weight"][-1] / np.linalg.norm(model[0].weight.data)
    assert seen[-1] == pytest.approx(last, rel=0.05)


def test_recorder_goes_on_from_a_checkpoint(tmp_path):
    def run(epochs, recorder, path):
        model = mlp()
        fit(
            model, DataLoader(data(), batch_size=16), squared_error, SGD(model.parameters(), lr=0.1),
            epochs=epochs, callbacks=[recorder], checkpoint=path,
            progress=False,
        )  # fmt: skip
        return recorder

    run(1, Recorder(), tmp_path / "a")
    resumed = run(2, Recorder(), tmp_path / "a")
    whole = run(2, Recorder(), tmp_path / "b")
    assert resumed.steps == whole.steps == list(range(1, 9))
    assert same(resumed.curves(), whole.curves())


def test_table():
    lines = table(layer_statistics(mlp(), data()[0])).splitlines()
    assert lines[0].split()[:3] == ["layer", "kind", "shape"] and len(lines) == 4 and "ReLU" in lines[2]
    assert table([]) == "(no records)"


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="every=0"):
        Recorder(0)
    with pytest.raises(ValueError, match="'loss' is not recorded"):
        Recorder().curves("loss")
