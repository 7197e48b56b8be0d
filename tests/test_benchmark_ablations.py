"""The script behind the ablations of AlexNet and VGG: on tiny data, its results in a temporary folder."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import ablations, architectures, tables
from benchmarks.ablations import VARIANTS, Variant
from utils import nn
from utils.tensor import Tensor, no_grad

EVERY = [(family, name) for family, variants in VARIANTS.items() for name in variants]


def tiny(is_stand_in=False):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (160, 3, 32, 32), dtype=np.uint8), np.arange(160) % 10
    parts = {"X_train": X, "y_train": y, "X_test": X[:40], "y_test": y[:40]}
    return SimpleNamespace(name="tiny pictures", is_stand_in=is_stand_in, **parts)


@pytest.fixture
def results(monkeypatch, tmp_path):
    """The folder that results go to; two variants of one pass each, and few images."""
    for module in (ablations, tables):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(ablations, "load_cifar10", tiny)
    monkeypatch.setattr(ablations, "prepared", lambda data: architectures.prepared(data, validation=30))
    few = {"alexnet": ["as it is", "tanh"], "vgg": ["one 5 x 5"]}
    short = {
        family: {name: replace(VARIANTS[family][name], epochs=1, seeds=2) for name in names}
        for family, names in few.items()
    }
    short["alexnet"]["tanh"] = replace(short["alexnet"]["tanh"], seeds=1)
    monkeypatch.setattr(ablations, "VARIANTS", short)
    return tmp_path


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["ablations", *arguments])
    return ablations.main()


def saved(folder):
    return json.loads((folder / "ablations.json").read_text("utf-8"))


def seeds(rows):
    return {name: [run["seed"] for run in row["runs"]] for name, row in rows.items()}


# ---- the variants ----


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_a_variant_scores_small_images(family, name):
    with no_grad():
        out = VARIANTS[family][name].build().eval()(Tensor(np.zeros((2, 3, 16, 16), np.float32)))
    assert out.shape == (2, 10) and out.data.dtype == np.float32


def test_the_results_file_is_of_these_variants():
    found = tables.load("ablations")
    for family, name in EVERY:
        row, variant = found[family][name], VARIANTS[family][name]
        assert {key: row[key] for key in ("parameters", "multiply_adds", "epochs")} == ablations.described(
            variant
        )
        assert seeds({name: row}) == {name: list(range(variant.seeds))}, name
        assert all(len(run["loss"]) == variant.epochs for run in row["runs"]), name


def test_blocks_without_a_bend_are_linear():
    names = ("two 3 x 3 without ReLU between", "2 a block, batch norm")
    straight, bent = (VARIANTS["vgg"][name].build() for name in names)
    assert sum(isinstance(part, nn.ReLU) for part in straight.modules()) == 3 + 1
    assert sum(isinstance(part, nn.ReLU) for part in bent.modules()) == 6 + 1
    a, b = np.random.default_rng(0).standard_normal((2, 1, 3, 16, 16), np.float32)
    first, second = [part for part in straight.modules() if isinstance(part, nn.Conv2d)][:2]
    both, zero = (lambda x: second(first(Tensor(x))).data), np.zeros_like(a)
    np.testing.assert_allclose(both(a + b) - both(a) - both(b) + both(zero), 0, atol=1e-4)


def test_a_plain_start_has_the_variance_of_pytorchs_layers():
    convolutions = {}
    for start in ("plain", "He"):
        model = VARIANTS["vgg"][f"4 a block, {start}"].build()
        convolutions[start] = [part for part in model.modules() if isinstance(part, nn.Conv2d)][-1]
    n = 9 * 64
    assert n * convolutions["plain"].weight.data.var() == pytest.approx(1 / 3, rel=0.03)
    assert np.abs(convolutions["plain"].weight.data).max() <= n**-0.5
    assert n * convolutions["He"].weight.data.var() == pytest.approx(2, rel=0.03)


# ---- what images go through ----


def views(seed=0, **changes):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((64, 3, 16, 16), np.float32), np.arange(64)
    variant = Variant(lambda: None, **changes)
    ((images, labels),) = ablations.Views(X, y, seed, variant)
    return X[labels], images


def test_images_are_changed_only_as_the_variant_says():
    given, seen = views(flip=False, shift=0)
    np.testing.assert_array_equal(seen, given)
    given, seen = views(flip=True, shift=0)
    flipped = (seen != given).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(seen[flipped], given[flipped][..., ::-1])
    assert 15 < flipped.sum() < 50
    given, seen = views(flip=False, shift=2)
    moved = [np.roll(given, (i, j), (2, 3))[..., 2:-2, 2:-2] for i in range(-2, 3) for j in range(-2, 3)]
    same = [(each == seen[..., 2:-2, 2:-2]).all(axis=(1, 2, 3)) for each in moved]
    assert np.any(same, axis=0).all() and np.any(same, axis=1).sum() > 15


def test_colours_move_as_they_vary():
    rng = np.random.default_rng(0)
    X = (rng.standard_normal((50, 3, 16, 16)) * [[[[3]], [[1]], [[0.5]]]]).astype(np.float32)
    axes = ablations.principal_axes(X)
    assert axes.dtype == np.float32
    np.testing.assert_allclose(axes.T @ axes, np.cov(X.transpose(1, 0, 2, 3).reshape(3, -1)), atol=1e-4)
    given, seen = views(flip=False, shift=0, colours=0.1)
    steps = (seen - given).mean((2, 3))
    np.testing.assert_allclose(seen - given, np.broadcast_to(steps[:, :, None, None], seen.shape), atol=1e-5)
    np.testing.assert_allclose(steps.std(axis=0), 0.1, rtol=0.35)  # the images have deviation 1
    assert seen.dtype == np.float32


# ---- trainings and their file ----


def test_a_run_is_written_down_and_repeats(results, monkeypatch):
    assert call(monkeypatch, "vgg", "--seeds", "1") == 0
    row = saved(results)["vgg"]["one 5 x 5"]
    (found,) = row["runs"]
    assert (row["parameters"], row["epochs"], found["seed"], len(found["loss"])) == (99_722, 1, 0, 1)
    assert 0 <= found["test"] <= 100 and 0 <= found["validation"] <= 100
    split = architectures.prepared(tiny(), validation=30)
    again, other = (ablations.run(ablations.VARIANTS["vgg"]["one 5 x 5"], seed, split) for seed in (0, 1))
    assert again["loss"] == found["loss"] != other["loss"] and again["test"] == found["test"]


def test_what_stands_in_the_file_is_not_trained_again(results, monkeypatch):
    trained, plain = [], ablations.run

    def noted(variant, seed, split):
        trained.append(seed)
        return plain(variant, seed, split)

    monkeypatch.setattr(ablations, "run", noted)
    call(monkeypatch, "alexnet", "--seeds", "1")
    assert trained == [0, 0] and seeds(saved(results)["alexnet"]) == {"as it is": [0], "tanh": [0]}
    call(monkeypatch)  # both families; tanh has but one seed
    assert trained == [0, 0, 1, 0, 1]
    assert seeds(saved(results)["alexnet"]) == {"as it is": [0, 1], "tanh": [0]}
    assert seeds(saved(results)["vgg"]) == {"one 5 x 5": [0, 1]}
    call(monkeypatch)
    assert len(trained) == 5


def test_runs_that_another_process_adds_meanwhile_are_kept(results, monkeypatch):
    plain = ablations.run

    def beside(variant, seed, split):
        ablations.keep("alexnet", "as it is", {"seed": 7})
        return plain(variant, seed, split)

    monkeypatch.setattr(ablations, "run", beside)
    call(monkeypatch, "vgg", "--seeds", "1")
    assert seeds(saved(results)["alexnet"]) == {"as it is": [7]}
    assert seeds(saved(results)["vgg"]) == {"one 5 x 5": [0]}


def test_a_stand_in_is_refused(results, monkeypatch, capsys):
    monkeypatch.setattr(ablations, "load_cifar10", lambda: tiny(is_stand_in=True))
    assert call(monkeypatch) == 1
    assert "tiny pictures is not CIFAR-10" in capsys.readouterr().out and not list(results.iterdir())
