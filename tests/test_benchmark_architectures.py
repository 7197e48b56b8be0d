"""The script behind the notebook that compares architectures: on tiny data, its results in a temporary folder."""

import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from _device import install

from benchmarks import architectures, scaling, tables
from benchmarks.architectures import FULL_SIZE, SMALL
from utils.models import EfficientNet


def tiny(n=160, name="CIFAR-10", is_stand_in=False):
    """Images whose class shows in their brightness."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % 10
    X = (25 * y[:, None, None, None] + rng.integers(0, 25, (n, 3, 32, 32))).astype(np.uint8)
    return SimpleNamespace(
        name=name, is_stand_in=is_stand_in, X_train=X, y_train=y, X_test=X[:40], y_test=y[:40]
    )


@pytest.fixture
def results(monkeypatch, tmp_path):
    """The folder that results go to; two networks, few images, and no measuring in other processes."""
    for module in (architectures, scaling, tables):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(architectures, "load_cifar10", tiny)
    monkeypatch.setattr(architectures, "growth_elsewhere", lambda name: 1.5)
    monkeypatch.setattr(architectures, "VALIDATION", 30)
    monkeypatch.setattr(architectures, "SMALL", {name: SMALL[name] for name in ("MLP", "LeNet-5")})
    monkeypatch.setattr(architectures.prepared, "__defaults__", (architectures.halved, 30))
    return tmp_path


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["architectures", *arguments])
    return architectures.main()


def saved(folder):
    return json.loads((folder / "architectures.json").read_text("utf-8"))


# ---- data ----


def test_images_are_halved_split_and_standardized():
    data = tiny()
    halved = architectures.halved(data.X_train)
    assert halved.dtype == np.float32 and halved.shape == (160, 3, 16, 16)
    assert halved[3, 1, 2, 5] == pytest.approx(data.X_train[3, 1, 4:6, 10:12].mean())
    split = architectures.prepared(data, validation=30)
    (X, y), (X_val, y_val), (X_test, _) = split.training, split.validation, split.test
    assert len(X) == 130 and len(X_val) == 30 and len(X_test) == 40 and X.dtype == np.float32
    np.testing.assert_allclose(X.mean((0, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(X.std((0, 2, 3)), 1, atol=1e-5)
    order = np.random.default_rng(0).permutation(160)  # the notebooks' split
    np.testing.assert_array_equal(y_val, data.y_train[order[:30]])
    np.testing.assert_array_equal(y, data.y_train[order[30:]])
    np.testing.assert_allclose(
        X_test[0], X[order[30:] == 0][0] if 0 in order[30:] else X_val[order[:30] == 0][0]
    )


def test_batches_are_flipped_and_shifted_images_of_the_set():
    X, y = architectures.prepared(tiny(), validation=30).training
    seen = list(architectures.Batches(X, y, seed=0))
    assert len(seen) == 2 and all(x.shape == (64, 3, 16, 16) and x.dtype == np.float32 for x, _ in seen)
    for image, label in zip(*(part[:5] for part in seen[0]), strict=True):
        same = X[y == label]
        padded = [np.pad(x, [(0, 0), (0, 0), (2, 2), (2, 2)]) for x in (same, same[..., ::-1])]
        moved = [x[..., i : i + 16, j : j + 16] for x in padded for i in range(5) for j in range(5)]
        assert any((x == image).all(axis=(1, 2, 3)).any() for x in moved)
    again = next(iter(architectures.Batches(X, y, seed=0)))
    np.testing.assert_array_equal(again[0], seen[0][0])
    assert np.abs(next(iter(architectures.Batches(X, y, seed=1)))[0] - seen[0][0]).max() > 0


# ---- trainings and their file ----


def test_a_training_is_written_down_and_repeats(results, monkeypatch):
    assert call(monkeypatch, "LeNet-5", "--seeds", "1", "--epochs", "3") == 0
    entry = saved(results)["networks"]["LeNet-5"]
    (run,) = entry["runs"]
    assert len(run["validation"]) == len(run["loss"]) == 3 and len(run["answers"]) == 40
    given = np.array(list(run["answers"]), int)
    assert run["test"] == pytest.approx(100 * (given == tiny().y_test).mean()) == entry["test"]
    assert entry["parameters"] == 21_686 and entry["multiply_adds"] == 6 * 75 * 256 + 16 * 150 * 16 + 18_600
    assert entry["step_mb"] == 1.5 and min(entry["ms_per_image"], entry["ms_alone"]) > 0
    assert 0 <= run["quiet_seconds"] <= run["cpu_seconds"] + 0.2
    split = architectures.prepared(tiny(), validation=30)
    again = architectures.run("LeNet-5", 0, split, 3)
    assert again["answers"] == run["answers"] and again["loss"] == run["loss"]
    assert architectures.run("LeNet-5", 1, split, 3)["loss"] != run["loss"]


def test_it_learns(results):
    split = architectures.prepared(tiny(640), validation=30)
    model, found = architectures.train(SMALL["MLP"], 0, split, 40)
    assert found["loss"][-1] < 0.7 * found["loss"][0]
    right = architectures.per_cent(architectures.answers(model, *split.test[:1], "cpu"), split.test[1])
    assert right > 40


def test_without_names_only_what_is_missing_is_trained(results, monkeypatch):
    trained, plain = [], architectures.run

    def noted(name, seed, *rest):
        trained.append((name, seed))
        return plain(name, seed, *rest)

    monkeypatch.setattr(architectures, "run", noted)
    call(monkeypatch, "MLP", "--seeds", "1", "--epochs", "1")
    call(monkeypatch, "--seeds", "2", "--epochs", "1")
    assert trained == [("MLP", 0), ("MLP", 1), ("LeNet-5", 0), ("LeNet-5", 1)]
    call(monkeypatch, "--seeds", "2", "--epochs", "1")
    assert len(trained) == 4
    call(monkeypatch, "LeNet-5", "--seeds", "1", "--epochs", "1")  # named: anew, and the other seed is kept
    assert trained[4:] == [("LeNet-5", 0)]
    networks = saved(results)["networks"]
    assert list(networks) == ["MLP", "LeNet-5"]
    assert [[run["seed"] for run in entry["runs"]] for entry in networks.values()] == [[0, 1], [0, 1]]
    assert networks["MLP"]["test"] == pytest.approx(
        np.mean([r["test"] for r in networks["MLP"]["runs"]]), abs=0.01
    )
    call(monkeypatch, "MLP", "--seeds", "1", "--epochs", "2")  # other settings: nothing of before remains
    assert [len(run["loss"]) for run in saved(results)["networks"]["MLP"]["runs"]] == [2]


def test_the_device_is_used(results, monkeypatch):
    install(monkeypatch)
    split = architectures.prepared(tiny(), validation=30)
    model, found = architectures.train(SMALL["LeNet-5"], 0, split, 1, "cuda")
    assert type(next(model.parameters()).data).__name__ == "DeviceArray"
    _, expected = architectures.train(SMALL["LeNet-5"], 0, split, 1)
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-3)
    assert architectures.answers(model, split.test[0], "cuda").shape == (40,)


def test_wrong_names_and_stand_ins_are_refused(results, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        call(monkeypatch, "LeNet")
    assert "no network LeNet: there are MLP, LeNet-5" in capsys.readouterr().err
    monkeypatch.setattr(
        architectures, "load_cifar10", lambda: tiny(name="generated shapes", is_stand_in=True)
    )
    assert call(monkeypatch) == 1
    assert "generated shapes is not CIFAR-10" in capsys.readouterr().out and not list(results.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_is_measured_in_a_process_of_its_own():
    assert 1 < architectures.growth_elsewhere("LeNet-5") < 100


# ---- sizes ----


def test_full_size_networks_are_counted_beside_their_published_accuracy(results, monkeypatch):
    monkeypatch.setattr(architectures, "FULL_SIZE", {"MobileNet-v2": FULL_SIZE["MobileNet-v2"]})
    assert call(monkeypatch, "--full-size") == 0
    (row,) = saved(results)["full_size"]
    assert row["parameters"] == 3_504_872 and row["multiply_adds"] == 300_774_272 and row["top1"] == 71.878


PUBLISHED = {
    "AlexNet": (61_100_840, 0.71),
    "VGG-16": (138_357_544, 15.47),
    "ResNet-18": (11_689_512, 1.81),
    "ResNet-50": (25_557_032, 4.09),
    "DenseNet-121": (7_978_856, 2.83),
    "MobileNet-v1": (4_231_976, 0.569),
    "MobileNet-v2": (3_504_872, 0.3),
    "EfficientNet-B0": (5_288_548, 0.39),
}


def test_the_results_file_is_of_the_networks_as_they_are():
    found = tables.load("architectures")
    assert list(found["networks"]) == list(SMALL)
    for name, entry in found["networks"].items():
        model = SMALL[name]()
        assert entry["parameters"] == model.num_parameters(), name
        assert entry["multiply_adds"] == model.summary((1, 3, 16, 16)).flops // 2, name
        assert entry["settings"]["epochs"] == architectures.EPOCHS and entry["settings"]["threads"] == 1
        assert len(entry["runs"]) == architectures.SEEDS
        assert all(
            len(run["answers"]) == 2000 and len(run["loss"]) == architectures.EPOCHS for run in entry["runs"]
        )
    rows = {row["name"]: row for row in found["full_size"]}
    assert list(rows) == list(FULL_SIZE)
    for name, (
        parameters,
        billions,
    ) in PUBLISHED.items():  # torchvision's documentation; both papers of MobileNet
        assert rows[name]["parameters"] == parameters
        assert rows[name]["multiply_adds"] / 1e9 == pytest.approx(billions, rel=0.02), name


def test_the_table_has_a_row_for_each_network():
    found = tables.load("architectures")
    lines = tables.architectures_table(found).splitlines()
    assert lines[0].startswith("| network | parameters |") and len(lines) == 2 + len(found["networks"])
    row = found["networks"]["MobileNet-v2"]
    assert lines[2 + list(found["networks"]).index("MobileNet-v2")].split(" | ")[:2] == [
        "| MobileNet-v2",
        f"{row['parameters']:,}",
    ]


# ---- scaling ----


def test_variants_cost_four_times_the_base():
    base = scaling.multiply_adds(scaling.BASE)
    for name, config in scaling.VARIANTS.items():
        assert scaling.multiply_adds(config) / base == pytest.approx(1 if name == "base" else 4, rel=0.025)
        same = replace(config, depth=1.0, width=1.0, resolution=16)
        assert same == scaling.BASE


def test_resizing_takes_means_over_areas():
    X = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    np.testing.assert_allclose(scaling.resized(X, 16), architectures.halved(X), atol=1e-4)
    np.testing.assert_allclose(scaling.resized(X, 21).mean((2, 3)), X.mean((2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(scaling.resized(X, 32), X.astype(np.float32))
    ramp = np.broadcast_to(np.arange(3.0), (1, 1, 3, 3))
    np.testing.assert_allclose(scaling.resized(ramp, 2)[0, 0, 0], [1 / 3, 5 / 3], rtol=1e-6)


def test_scaling_is_written_down(results, monkeypatch):
    monkeypatch.setattr(scaling, "load_cifar10", tiny)
    small = {name: replace(scaling.VARIANTS[name], depth=1.0, width=0.5) for name in ("base", "compound")}
    monkeypatch.setattr(scaling, "VARIANTS", small)
    monkeypatch.setattr(sys, "argv", ["scaling", "--epochs", "1", "--seeds", "1"])
    assert scaling.main() == 0
    rows = json.loads((results / "scaling.json").read_text("utf-8"))["variants"]
    assert list(rows) == ["base", "compound"] and rows["compound"]["resolution"] == 21
    assert rows["base"]["parameters"] == EfficientNet(small["base"]).num_parameters()
    assert 0 <= rows["base"]["runs"][0]["test"] <= 100


def test_the_scaling_file_is_of_these_variants():
    rows = tables.load("scaling")["variants"]
    assert list(rows) == list(scaling.VARIANTS)
    for name, config in scaling.VARIANTS.items():
        assert rows[name]["multiply_adds"] == scaling.multiply_adds(config)
        assert (rows[name]["epochs"], len(rows[name]["runs"])) == (scaling.EPOCHS, scaling.SEEDS)
