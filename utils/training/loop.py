"""The training loop."""

import copy
import inspect
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from utils.checkpoint import CheckpointError, load_checkpoint, read_extra, save_checkpoint
from utils.data_loaders.settings import progress_wanted
from utils.distributed import ThreadedDataParallel
from utils.files import locked
from utils.functional.generators import generator
from utils.optim import clip_grad_norm_
from utils.tensor import Tensor, no_grad
from utils.training.evaluation import (
    batch_size,
    check_batches,
    evaluate,
    evaluation_mode,
    run_batch,
    training_mode,
)
from utils.training.records import PER_EPOCH, PER_STEP, Callback, EarlyStopping, History, TrainingStopped


def fit(
    model: Any,
    loader: Iterable,
    loss_fn: Callable,
    optimizer: Any,
    *,
    epochs: int,
    scheduler: Any = None,
    scheduler_every: str = "step",
    validate: Callable[[Any], float] | Iterable | None = None,
    callbacks: Iterable[Callback] = (),
    accumulate: int = 1,
    clip_norm: float | None = None,
    threads: int = 1,
    early_stopping: EarlyStopping | int | None = None,
    checkpoint: str | os.PathLike | tuple[str | os.PathLike, int] | None = None,
    resume: bool = True,
    rngs: dict[str, np.random.Generator] | None = None,
    progress: bool | None = None,
) -> History:
    """Train `model` for `epochs` runs through `loader`, and return the `History`.

    A batch is a tuple, of which the last array is the target: the loss is `loss_fn(model(*inputs), target)`, a mean
    over the batch. A batch that is one array is its own target. Float inputs reach the model as Tensors in its dtype,
    integers as arrays.

    `accumulate` batches make one step, whose gradient is that of one batch of all their samples. `clip_norm` bounds
    the norm of the gradient. The `scheduler` moves every "step" or every "epoch"; ReduceLROnPlateau every epoch, by
    the validation. `validate` is a function of the model that returns one number, or a loader over which the loss is
    averaged; it runs in evaluation mode. `early_stopping` is an `EarlyStopping` or its patience.

    With `threads=2` half of each batch goes through the model on each of two threads, which keeps two cores at work
    (see `ThreadedDataParallel`). The gradients add up to the batch's own, except that batch norm takes each half's
    statistics and dropout draws other numbers.

    `checkpoint` is a path, written after every epoch, or `(path, every)`, also after every so many steps. If the file
    is there and `resume` is true, the training goes on from it: shuffling, schedule, optimizer and the generators in
    modules included, so that the losses equal those of an uninterrupted run. `rngs` names further generators.
    Progress bars obey `NN_PROGRESS=0`. Raises TrainingStopped for a loss that is NaN or infinite, CheckpointError
    for a checkpoint that does not fit or that another training is writing, ValueError for an optimizer of other
    parameters or a scheduler of another optimizer.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    path, every = checkpoint if isinstance(checkpoint, tuple) else (checkpoint, None)
    _check_counts(
        epochs=epochs, accumulate=accumulate, threads=threads, **({} if every is None else {"every": every})
    )
    if scheduler_every not in ("step", "epoch"):
        raise ValueError(f"scheduler_every={scheduler_every!r} must be 'step' or 'epoch'")
    for what, batches in (("loader", loader), ("validate", () if callable(validate) else validate or ())):
        check_batches(what, batches)
        if iter(batches) is batches:
            raise TypeError(
                f"{what} can be read only once, as generators are: pass a DataLoader or a list of batches"
            )
    _check_belonging(model, optimizer, scheduler)
    training = Training(model, loader, loss_fn, optimizer)
    training.epochs, training.accumulate, training.clip_norm = epochs, accumulate, clip_norm
    training.scheduler, training.scheduler_every = scheduler, scheduler_every
    training.validate, training.callbacks = validate, tuple(callbacks)
    training.parallel = ThreadedDataParallel(model, threads) if threads > 1 else None
    training.early = EarlyStopping(early_stopping) if isinstance(early_stopping, int) else early_stopping
    with _one_at_a_time(path):
        if path is not None:
            training.keep(Path(path), every, rngs, resume)
        return training.run(progress_wanted(progress))


class Training:
    """A training under way, as callbacks see it: `step` and `epoch` count what is done.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """

    epochs, accumulate, clip_norm = 1, 1, None
    scheduler, scheduler_every, validate, callbacks, early = None, "step", None, (), None
    path, every, parallel = None, None, None

    def __init__(self, model: Any, loader: Iterable, loss_fn: Callable, optimizer: Any):
        self.model, self.loader, self.loss_fn, self.optimizer = model, loader, loss_fn, optimizer
        self.records: dict[str, list[float]] = {name: [] for name in PER_STEP + PER_EPOCH}
        self.epoch, self.stopped, self.finished = 0, "", False
        self.best: dict[str, Any] = {"value": None, "epoch": None, "weights": None}
        self._begin_epoch()

    @property
    def step(self) -> int:
        return len(self.records["loss"])

    @property
    def history(self) -> History:
        arrays = {name: np.array(values, dtype=np.float64) for name, values in self.records.items()}
        return History(**arrays, stopped=self.stopped, best_epoch=self.best["epoch"])

    def stop(self, why: str) -> None:
        """End the training after this step; a later `fit` with the same checkpoint goes on."""
        self.stopped = why

    def run(self, progress: bool) -> History:
        try:
            with training_mode(self.model), self._bar(progress) as bar:
                while self.epoch < self.epochs and not self.stopped and not self.finished:
                    self._run_epoch(bar)
        finally:
            if self.early and self.early.restore_best and self.best["weights"] is not None:
                self.model.load_state_dict(self.best["weights"])
        self.stopped = self.stopped or f"all {self.epochs} epochs are done"
        return self.history

    def _bar(self, progress: bool) -> tqdm:
        total = None
        if hasattr(self.loader, "__len__"):
            total = self.epochs * math.ceil(len(self.loader) / self.accumulate)
        return tqdm(total=total, initial=self.step, unit="step", leave=False, disable=not progress)

    # Steps

    def _run_epoch(self, bar: tqdm) -> None:
        started = time.perf_counter() - self.seconds
        batches = iter(() if self.epoch_over else self.loader)
        while group := list(islice(batches, self.accumulate)):
            self.epoch_over = len(group) < self.accumulate  # the loader has moved on to the next epoch
            self._take_step(group)
            self._call("on_step_end")
            self.seconds = time.perf_counter() - started
            bar.set_postfix_str(f"epoch {self.epoch + 1}, loss {self.records['loss'][-1]:.4g}", refresh=False)
            bar.update()
            if self.stopped or (self.every and self.step % self.every == 0):
                self._save()
            if self.stopped:
                return
        self._end_epoch(started)

    def _take_step(self, group: list) -> None:
        self.optimizer.zero_grad()
        sizes = [batch_size(batch) for batch in group]
        if min(sizes) == 0:
            raise ValueError(f"a batch of step {self.step + 1} is empty: leave it out of the loader")
        loss = 0.0
        for batch, size in zip(group, sizes, strict=True):
            loss += self._backward(batch, size / sum(sizes)) * size
        if self.clip_norm is not None:
            norm = clip_grad_norm_(self._parameters(), self.clip_norm)
            self._require_finite("the norm of the gradient", norm, self.step + 1)
            self.records["grad_norm"].append(norm)
        self.records["lr"].append(float(self.optimizer.param_groups[0]["lr"]))
        self.optimizer.step()
        self._schedule("step")
        self.records["loss"].append(loss / sum(sizes))
        self.loss_sum, self.samples = self.loss_sum + loss, self.samples + sum(sizes)

    def _backward(self, batch: Any, share: float) -> float:
        if self.parallel:
            value = self.parallel.backward(batch, self._loss, share)
            self._require_finite("the loss", value, self.step + 1)
            return value
        loss = run_batch(self.model, batch, self._loss)
        self._require_finite("the loss", loss.item(), self.step + 1)
        loss.backward(None if share == 1 else np.full_like(loss.data, share))
        return loss.item()

    def _loss(self, output: Any, target: Any) -> Tensor:
        loss = self.loss_fn(output, target)
        if not isinstance(loss, Tensor) or loss.size != 1:
            what = f"shape {loss.shape}" if isinstance(loss, Tensor) else f"type {type(loss).__name__}"
            raise TypeError(
                f"loss_fn(output, target) returned {what}: return a Tensor of one number, the batch's mean"
            )
        return loss

    def _parameters(self) -> list:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _require_finite(self, what: str, value: float, step: int) -> None:
        if math.isfinite(value):
            return
        last = self.records["loss"][-1] if self.step else None
        before = "there was none before" if last is None else f"the last finite loss was {last:.4g}"
        lr = self.optimizer.param_groups[0]["lr"]
        message = (
            f"{what} became {value} in step {step} ({before}). Lower the learning rate (lr={lr:g}), bound the gradient "
            "with clip_norm=1.0, or run it inside utils.tensor.detect_anomaly(), which names the line."
        )
        if self.path is not None and self.path.exists():
            message += f" {self.path} keeps an earlier state; resume=False starts anew."
        raise TrainingStopped(message, step=step, last_loss=last, history=self.history)

    # Epochs

    def _begin_epoch(self) -> None:
        self.loss_sum, self.samples, self.seconds, self.epoch_over = 0.0, 0, 0.0, False

    def _end_epoch(self, started: float) -> None:
        if self.samples == 0:
            raise ValueError("the loader gave no batch: is drop_last on with fewer samples than batch_size?")
        watched = self.loss_sum / self.samples
        self.records["epoch_loss"].append(watched)
        if self.validate is not None:
            watched = self._validation()
            self.records["validation"].append(watched)
        self._schedule("epoch", watched)
        self.records["seconds"].append(time.perf_counter() - started)
        self.epoch += 1
        self._begin_epoch()
        self._call("on_epoch_end")
        self._watch(watched)
        self._save()

    def _schedule(self, moment: str, watched: float | None = None) -> None:
        if self.scheduler is None:
            return
        if "metrics" in inspect.signature(self.scheduler.step).parameters:  # as ReduceLROnPlateau's
            if moment == "epoch":
                self.scheduler.step(watched)
        elif moment == self.scheduler_every:
            self.scheduler.step()

    def _validation(self) -> float:
        if not callable(self.validate):
            return evaluate(self.model, self.validate, self.loss_fn)
        with evaluation_mode(self.model), no_grad():
            return float(self.validate(self.model))

    def _watch(self, value: float) -> None:
        if self.early is None:
            return
        if math.isnan(value):
            self._require_finite("the validation", value, self.step)
        if self.early.is_better(value, self.best["value"]):
            weights = copy.deepcopy(self.model.state_dict()) if self.early.restore_best else None
            self.best = {"value": value, "epoch": self.epoch - 1, "weights": weights}
        elif self.epoch - 1 - self.best["epoch"] >= self.early.patience:
            self.finished = True
            best = f"{self.best['value']:.4g} (epoch {self.best['epoch'] + 1})"
            self.stopped = f"no improvement on {best} for {self.early.patience} epochs"

    def _call(self, event: str) -> None:
        for callback in self.callbacks:
            if method := getattr(callback, event, None):
                method(self)

    # Checkpoints

    def keep(self, path: Path, every: int | None, rngs: dict | None, resume: bool) -> None:
        """Write checkpoints to `path` from now on, having gone on from the one that is there."""
        if not hasattr(self.loader, "state_dict"):
            raise TypeError(
                "a checkpoint needs a loader with state_dict and load_state_dict, to go on inside an epoch, but got "
                f"{type(self.loader).__name__}: use utils.data_loaders.DataLoader"
            )
        self.path, self.every, self.rngs = path, every, _generators(self.model) | (rngs or {})
        if self.parallel:
            self.rngs |= {f"thread {i}": rng for i, rng in enumerate(self.parallel.generators, 1)}
        if any(rng is getattr(self.loader, "rng", None) for rng in self.rngs.values()):
            raise ValueError("the loader shares its generator with the model: give it one of its own, rng=1")
        if resume and path.exists():
            self._resume()

    def _parts(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("model", "optimizer", "scheduler", "loader", "rngs")}

    def _settings(self) -> dict[str, Any]:
        settings = {
            "accumulate": self.accumulate,
            "batches": len(self.loader),
            "callbacks": len(self.callbacks),
        }
        return settings | ({"threads": len(self.parallel.generators) + 1} if self.parallel else {})

    def _save(self) -> None:
        if self.path is None:
            return
        for p in self._parameters():
            if not np.isfinite(p.data).all():
                self._require_finite("a parameter", math.nan, self.step)
        own = ("epoch", "finished", "best", "loss_sum", "samples", "seconds", "epoch_over")
        extra = {name: getattr(self, name) for name in own} | {"settings": self._settings()}
        extra["stopped"] = self.stopped if self.finished else ""
        extra["records"] = {name: np.array(values, dtype=np.float64) for name, values in self.records.items()}
        extra["callbacks"] = [c.state_dict() if hasattr(c, "state_dict") else None for c in self.callbacks]
        save_checkpoint(self.path, **self._parts(), extra=extra)

    def _resume(self) -> None:
        extra = read_extra(self.path)
        saved = extra.get("settings") if isinstance(extra, dict) else None
        if saved != self._settings():
            raise CheckpointError(
                f"{self.path} is of a training with {saved}, this one has {self._settings()}: "
                "pass resume=False to start anew, or another path"
            )
        load_checkpoint(self.path, **self._parts())
        self.records = {name: values.tolist() for name, values in extra.pop("records").items()}
        for callback, state in zip(self.callbacks, extra.pop("callbacks"), strict=True):
            if state is not None:
                callback.load_state_dict(state)
        del extra["settings"]
        vars(self).update(extra)
        epoch = min(self.epoch + 1, self.epochs)
        print(f"{self.path.name}: going on after step {self.step}, in epoch {epoch} of {self.epochs}.")


def _check_counts(**counts: int) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name}={value!r} must be a whole number of at least 1")


def _check_belonging(model: Any, optimizer: Any, scheduler: Any) -> None:
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if trained.isdisjoint(id(p) for p in model.parameters()):
        raise ValueError(
            "the optimizer has none of this model's parameters: make it with model.parameters(), after the model"
        )
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ValueError("the scheduler moves the rate of another optimizer: make it with this one")


def _generators(model: Any) -> dict[str, np.random.Generator]:
    """Those that modules hold, and the two from which all others draw."""
    found = {purpose: generator(None, purpose) for purpose in ("init", "dropout")}
    for place, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, np.random.Generator):
                found[f"{place}.{name}"] = value
    return found


@contextmanager
def _one_at_a_time(path: str | os.PathLike | None) -> Iterator[None]:
    """Hold the checkpoint's lock, so that two trainings do not overwrite each other's."""
    if path is None:
        yield
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, timeout=0))
        except TimeoutError:
            raise CheckpointError(
                f"another training is writing {path}: wait for its end, or give this one another path"
            ) from None
        yield
