"""The training loop: what it does and records, when it stops, and which mistakes it names."""

import json
from itertools import pairwise

import numpy as np
import pytest

from utils import nn
from utils.checkpoint import CheckpointError, read_extra
from utils.data_loaders import DataLoader, load_digits8x8, make_moons
from utils.files import locked
from utils.functional.losses import cross_entropy, mse_loss
from utils.metrics import accuracy_score
from utils.optim import SGD, AdamW, ReduceLROnPlateau, StepLR
from utils.tensor import Tensor, detect_anomaly
from utils.training import Callback, EarlyStopping, TrainingStopped, evaluate, fit, predict


def mlp(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    layers = [nn.Linear(n_in, n_out, rng=rng) for n_in, n_out in pairwise(sizes)]
    return nn.Sequential(*[x for layer in layers for x in (layer, nn.ReLU())][:-1])


def accuracy(output, target):
    return accuracy_score(target, output.data.argmax(1))


def line(n=40, noise=0.1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)).astype(np.float32)
    y = X @ np.array([[1.0], [-2.0], [0.5]], np.float32) + noise * rng.normal(size=(n, 1)).astype(np.float32)
    return X, y


def small(lr=0.05, batch_size=10, n=40):
    model = nn.Linear(3, 1, rng=0)
    return (
        model,
        DataLoader(line(n), batch_size, shuffle=True, rng=1),
        mse_loss,
        SGD(model.parameters(), lr=lr),
    )


# -- it trains -------------------------------------------------------------------------------------------------


def test_digits_are_learned():
    digits = load_digits8x8()
    train_set, test_set = (
        (X.reshape(len(X), -1) / np.float32(16), y)
        for X, y in ((digits.X_train, digits.y_train), (digits.X_test, digits.y_test))
    )
    model = mlp(64, 64, 10)
    loader = DataLoader(train_set, 32, shuffle=True, rng=0)
    history = fit(model, loader, cross_entropy, AdamW(model.parameters(), lr=3e-3), epochs=12)
    assert evaluate(model, DataLoader(test_set, 100), accuracy) > 0.94
    assert history.loss.shape == (12 * len(loader),) and history.epoch_loss.shape == (12,)
    assert history.epoch_loss[-1] < 0.1 * history.epoch_loss[0]


def test_moons_are_learned():
    X, y = make_moons(400, noise=0.1, rng=0)
    model = mlp(2, 32, 32, 2)
    fit(
        model,
        DataLoader((X, y), 40, shuffle=True),
        cross_entropy,
        AdamW(model.parameters(), lr=0.01),
        epochs=40,
    )
    assert evaluate(model, [make_moons(400, noise=0.1, rng=1)], accuracy) > 0.97


def test_history_records_steps_and_epochs():
    model, loader, loss_fn, optimizer = small(batch_size=15)
    history = fit(model, loader, loss_fn, optimizer, epochs=3, validate=loader, clip_norm=1e9, accumulate=2)
    assert len(history.loss) == len(history.lr) == len(history.grad_norm) == 6
    assert len(history.epoch_loss) == len(history.validation) == len(history.seconds) == 3
    assert np.all(history.seconds > 0) and history.stopped == "all 3 epochs are done"
    assert history.epoch_loss[0] == pytest.approx((30 * history.loss[0] + 10 * history.loss[1]) / 40)
    assert json.loads(json.dumps(history.to_dict()))["loss"] == history.loss.tolist()


def test_a_step_is_that_of_the_optimizer_by_hand():
    model, loader, loss_fn, optimizer = small()
    twin, twin_loader, _, twin_optimizer = small()
    history = fit(model, loader, loss_fn, optimizer, epochs=2)
    losses = []
    for _ in range(2):
        for X, y in twin_loader:
            twin_optimizer.zero_grad()
            loss = mse_loss(twin(Tensor(X)), y)
            loss.backward()
            twin_optimizer.step()
            losses.append(loss.item())
    assert history.loss.tolist() == losses
    assert np.array_equal(model.weight.data, twin.weight.data)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [40, 37])  # 37: the last of four batches is smaller
def test_accumulated_batches_and_those_shared_by_threads_equal_the_large_batch(n, threads):
    results = []
    for batch_size, accumulate, n_threads in [(n, 1, 1), (10, 4, threads)]:
        model = mlp(3, 8, 1).to(np.float64)
        X, y = (x.astype(np.float64) for x in line(n))
        history = fit(
            model,
            DataLoader((X, y), batch_size),
            mse_loss,
            SGD(model.parameters(), lr=0.1, momentum=0.9),
            epochs=5,
            accumulate=accumulate,
            clip_norm=0.5,
            threads=n_threads,
        )
        results.append((history, model.state_dict()))
    (large, weights), (sum_of_small, others) = results
    np.testing.assert_allclose(sum_of_small.loss, large.loss, rtol=1e-12)
    np.testing.assert_allclose(sum_of_small.grad_norm, large.grad_norm, rtol=1e-10)
    for name in weights:
        np.testing.assert_allclose(others[name], weights[name], rtol=1e-10, atol=1e-13)


def test_schedules_move_by_step_or_by_epoch():
    model, loader, loss_fn, optimizer = small(lr=1.0)
    history = fit(model, loader, loss_fn, optimizer, epochs=1, scheduler=StepLR(optimizer, 1, gamma=0.5))
    assert history.lr.tolist() == [1, 0.5, 0.25, 0.125]
    model, loader, loss_fn, optimizer = small(lr=0.1)
    schedule = StepLR(optimizer, 1, gamma=0.5)
    history = fit(model, loader, loss_fn, optimizer, epochs=2, scheduler=schedule, scheduler_every="epoch")
    assert history.lr.tolist() == [0.1] * 4 + [0.05] * 4


def test_a_plateau_lowers_the_rate():
    model, loader, loss_fn, optimizer = small(lr=0.1)
    schedule = ReduceLROnPlateau(optimizer, patience=1, factor=0.1)
    history = fit(model, loader, loss_fn, optimizer, epochs=4, scheduler=schedule, validate=lambda model: 1.0)
    assert history.lr[::4].tolist() == pytest.approx([0.1, 0.1, 0.1, 0.01])


def test_one_array_is_its_own_target():
    X, _ = line()
    model = mlp(3, 2, 3)
    history = fit(model, DataLoader(X, 10), mse_loss, AdamW(model.parameters(), lr=0.02), epochs=30)
    assert history.epoch_loss[-1] < 0.7 * history.epoch_loss[0]
    assert predict(model, DataLoader(X, 16)).shape == (40, 3)


def test_modes_are_restored():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Dropout(0.5), nn.Linear(4, 1, rng=1))
    model[1].eval()  # a frozen part stays frozen
    seen = []

    def validate(model):
        seen.append([m.training for m in model.modules()])
        return 0.0

    _, loader, loss_fn, _ = small()
    fit(model, loader, loss_fn, SGD(model.parameters(), lr=0.01), epochs=1, validate=validate)
    assert not any(seen[0])
    assert [m.training for m in model.modules()] == [True, True, False, True]
    model.eval()
    fit(model, loader, loss_fn, SGD(model.parameters(), lr=0.01), epochs=1)
    assert not any(m.training for m in model.modules())


def test_evaluate_weighs_batches_by_their_size():
    model, (X, y) = nn.Linear(3, 1, rng=0), line(25)
    assert evaluate(model, DataLoader((X, y), 10), mse_loss) == pytest.approx(
        evaluate(model, [(X, y)], mse_loss), rel=1e-6
    )
    np.testing.assert_allclose(predict(model, DataLoader((X, y), 10)), model(X).data, rtol=1e-6)


# -- it stops --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_stops_with_the_step_and_a_remedy():
    model, loader, loss_fn, optimizer = small(lr=1e9)
    with pytest.raises(TrainingStopped, match=r"lr=1e\+09.*clip_norm.*detect_anomaly") as caught:
        fit(model, loader, loss_fn, optimizer, epochs=50)
    error = caught.value
    assert error.step == len(error.history.loss) + 1 and f"in step {error.step}" in str(error)
    assert error.last_loss == error.history.loss[-1] and np.isfinite(error.history.loss).all()


@pytest.mark.parametrize(("threads", "row"), [(1, 3), (2, 3), (2, 33)])
def test_nan_in_the_data_stops_before_the_weights_are_touched(threads, row):
    model, (X, y) = nn.Linear(3, 1, rng=0), line()
    before = model.weight.data.copy()
    X[row, 1] = np.nan
    whole, optimizer = DataLoader((X, y), 40), SGD(model.parameters(), lr=0.1)
    with pytest.raises(TrainingStopped, match=r"nan in step 1 .there was none before") as caught:
        fit(model, whole, mse_loss, optimizer, epochs=1, threads=threads)
    assert caught.value.last_loss is None and np.array_equal(model.weight.data, before)
    with detect_anomaly(), pytest.raises(FloatingPointError):
        fit(model, whole, mse_loss, optimizer, epochs=1, threads=threads)


def test_an_infinite_gradient_stops_before_the_weights_are_touched():
    model, loader, _, optimizer = small()
    before = model.weight.data.copy()
    with np.errstate(all="ignore"), pytest.raises(TrainingStopped, match="norm of the gradient"):
        fit(model, loader, lambda out, y: ((out - out) ** 0.5).sum(), optimizer, epochs=1, clip_norm=1.0)
    assert np.array_equal(model.weight.data, before)


def test_broken_weights_do_not_replace_a_good_checkpoint(tmp_path):
    model, loader, loss_fn, optimizer = small()

    class Break(Callback):
        def on_step_end(self, training):
            if training.step == 3:
                training.model.weight.data[0, 0] = np.inf

    path = tmp_path / "run.safetensors"
    with pytest.raises(TrainingStopped, match=r"a parameter became nan in step 3.*keeps an earlier state"):
        fit(model, loader, loss_fn, optimizer, epochs=1, callbacks=[Break()], checkpoint=(path, 1))
    assert len(read_extra(path)["records"]["loss"]) == 2


def test_early_stopping_restores_the_best_weights():
    model, loader, loss_fn, optimizer = small()
    values, weights = [5.0, 3.0, 4.0, 3.5, 2.95, 9.0], []

    def validate(model):
        weights.append(model.weight.data.copy())
        return values[len(weights) - 1]

    stopping = EarlyStopping(patience=3, min_delta=0.1)
    history = fit(model, loader, loss_fn, optimizer, epochs=50, validate=validate, early_stopping=stopping)
    assert history.validation.tolist() == values[:5]  # 2.95 is no improvement by more than 0.1
    assert history.best_epoch == 1 and history.stopped == "no improvement on 3 (epoch 2) for 3 epochs"
    assert np.array_equal(model.weight.data, weights[1])


def test_a_validation_that_is_nan_is_never_the_best():
    with pytest.raises(TrainingStopped, match=r"the validation became nan"):
        fit(*small(), epochs=3, validate=lambda model: np.nan, early_stopping=2)
    assert len(fit(*small(), epochs=3, validate=lambda model: np.nan).validation) == 3


def test_the_best_weights_are_restored_when_training_breaks_down():
    model, loader, loss_fn, optimizer = small()
    values, kept = iter([1.0, 2.0, np.nan]), []

    def validate(model):
        kept.append(model.weight.data.copy())
        return next(values)

    with pytest.raises(TrainingStopped):
        fit(model, loader, loss_fn, optimizer, epochs=3, validate=validate, early_stopping=5)
    assert np.array_equal(model.weight.data, kept[0]) and not np.array_equal(kept[0], kept[2])


def test_early_stopping_can_maximize_and_keep_the_last_weights():
    model, loader, loss_fn, optimizer = small()
    values = iter([0.5, 0.7, 0.6, 0.65])
    stopping = EarlyStopping(2, mode="max", restore_best=False)
    history = fit(
        model, loader, loss_fn, optimizer, epochs=9, validate=lambda m: next(values), early_stopping=stopping
    )
    assert len(history.validation) == 4 and history.best_epoch == 1


def test_a_callback_can_stop_and_the_training_goes_on_later(tmp_path):
    class StopAt(Callback):
        def __init__(self, step):
            self.at = step

        def on_step_end(self, training):
            if training.step == self.at:
                training.stop("enough")

    straight = fit(*small(), epochs=3, callbacks=[StopAt(None)])
    path = tmp_path / "run.safetensors"
    first = fit(*small(), epochs=3, callbacks=[StopAt(6)], checkpoint=path)
    assert first.stopped == "enough" and len(first.loss) == 6
    second = fit(*small(), epochs=3, callbacks=[StopAt(None)], checkpoint=path)
    assert second.loss.tolist() == straight.loss.tolist()


def test_a_longer_training_goes_on_from_a_shorter_one(tmp_path):
    straight = fit(*small(), epochs=4)
    path = tmp_path / "run.safetensors"
    fit(*small(), epochs=2, checkpoint=path)
    assert fit(*small(), epochs=4, checkpoint=path).loss.tolist() == straight.loss.tolist()


# -- mistakes --------------------------------------------------------------------------------------------------


def test_a_checkpoint_of_other_settings_is_refused_and_nothing_changes(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(*small(), epochs=1, checkpoint=path)
    model, loader, loss_fn, optimizer = small(batch_size=5)
    before = model.weight.data.copy()
    with pytest.raises(CheckpointError, match=r"'batches': 4.*'batches': 8.*resume=False"):
        fit(model, loader, loss_fn, optimizer, epochs=1, checkpoint=path)
    assert np.array_equal(model.weight.data, before)
    fit(model, loader, loss_fn, optimizer, epochs=1, checkpoint=path, resume=False)
    assert not np.array_equal(model.weight.data, before)


def test_a_checkpoint_goes_on_with_as_many_threads(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(*small(), epochs=1, checkpoint=path, threads=2)
    with pytest.raises(CheckpointError, match=r"'threads': 2.*resume=False"):
        fit(*small(), epochs=2, checkpoint=path)
    assert len(fit(*small(), epochs=2, checkpoint=path, threads=2).epoch_loss) == 2


def test_two_trainings_do_not_share_a_checkpoint(tmp_path):
    path = tmp_path / "deeper" / "run.safetensors"
    path.parent.mkdir()
    with locked(path), pytest.raises(CheckpointError, match=r"another training is writing .*run.safetensors"):
        fit(*small(), epochs=1, checkpoint=path)


def test_folders_of_a_checkpoint_are_made(tmp_path):
    fit(*small(), epochs=1, checkpoint=tmp_path / "a" / "b" / "run.safetensors")
    assert (tmp_path / "a" / "b" / "run.safetensors").exists()


def test_a_generator_shared_by_loader_and_model_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 1, rng=0), nn.Dropout(0.5, rng=rng))
    loader = DataLoader(line(), 10, shuffle=True, rng=rng)
    with pytest.raises(ValueError, match="shares its generator"):
        fit(model, loader, mse_loss, SGD(model.parameters(), lr=0.1), epochs=1, checkpoint=tmp_path / "run")


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"epochs": 0}, ValueError, "epochs=0 must be a whole number"),
        ({"epochs": 1, "accumulate": 1.5}, ValueError, "accumulate=1.5"),
        ({"epochs": 1, "threads": 0}, ValueError, "threads=0 must be a whole number"),
        ({"epochs": 1, "threads": 2, "loss_fn": lambda out, y: 1.0}, TypeError, "type float"),
        ({"epochs": 1, "checkpoint": ("run", 0)}, ValueError, "every=0"),
        ({"epochs": 1, "scheduler_every": "batch"}, ValueError, "'step' or 'epoch'"),
        (
            {"epochs": 1, "loss_fn": lambda out, y: out - y},
            TypeError,
            r"shape \(10, 1\): return a Tensor of one",
        ),
        ({"epochs": 1, "loss_fn": lambda out, y: 1.0}, TypeError, "type float"),
        ({"epochs": 1, "loader": iter([line()])}, TypeError, "only once"),
        ({"epochs": 1, "loader": []}, ValueError, "no batch"),
        ({"epochs": 1, "loader": [line(), line(0)]}, ValueError, "a batch of step 2 is empty"),
        ({"epochs": 1, "loader": line()}, TypeError, r"a tuple of 2 arrays: write DataLoader\(\(X, y\)"),
        ({"epochs": 1, "loader": line()[0]}, TypeError, r"an array: write DataLoader\(X, "),
        ({"epochs": 1, "validate": line()}, TypeError, "validate gives batches"),
        ({"epochs": 1, "validate": iter([line()])}, TypeError, "validate can be read only once"),
        (
            {"epochs": 1, "optimizer": SGD(nn.Linear(3, 1).parameters(), lr=0.1)},
            ValueError,
            "none of this model",
        ),
        ({"epochs": 1, "scheduler": StepLR(small()[3], 1)}, ValueError, "rate of another optimizer"),
        ({"epochs": 1, "checkpoint": "."}, FileNotFoundError, "is a folder, no file: name one in it"),
        ({"epochs": 1, "loader": [line()], "checkpoint": "run"}, TypeError, "utils.data_loaders.DataLoader"),
    ],
)
def test_mistakes_are_named(settings, error, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, loader, loss_fn, optimizer = small()
    given = {"model": model, "loader": loader, "loss_fn": loss_fn, "optimizer": optimizer} | settings
    with pytest.raises(error, match=says):
        fit(**given)


@pytest.mark.parametrize("measure", [predict, lambda model, X: evaluate(model, X, mse_loss)])
def test_rows_do_not_pass_for_batches(measure):
    with pytest.raises(TypeError, match=r"write DataLoader\(X, batch_size=64\)"):
        measure(small()[0], line()[0])


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"min_delta": -1.0}, {"mode": "maximum"}])
def test_early_stopping_checks_its_settings(wrong):
    with pytest.raises(ValueError, match="patience is at least 1"):
        EarlyStopping(**wrong)


def test_the_bar_obeys_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("NN_PROGRESS", "0")
    fit(*small(), epochs=1)
    assert capsys.readouterr().err == ""
    fit(*small(), epochs=1, progress=True)
    assert "step" in capsys.readouterr().err
