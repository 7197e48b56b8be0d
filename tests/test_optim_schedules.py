"""Schedules against PyTorch's rates over a hundred steps, gradient clipping against PyTorch's."""

import json
import math

import numpy as np
import pytest

from utils import optim
from utils.optim import SGD, Adam, clip_grad_norm_, clip_grad_value_, lr_scheduler
from utils.tensor import Tensor

STEPS = 100


def linear_then_cosine(s, o):
    parts = [s.LinearLR(o, 0.1, total_iters=10), s.CosineAnnealingLR(o, 60), s.ExponentialLR(o, 0.9)]
    return s.SequentialLR(o, parts, milestones=[10, 70])


SCHEDULES = {
    "step": lambda s, o: s.StepLR(o, 30),
    "step half": lambda s, o: s.StepLR(o, step_size=7, gamma=0.5),
    "milestones": lambda s, o: s.MultiStepLR(o, [30, 31, 80], gamma=0.3),
    "milestones twice": lambda s, o: s.MultiStepLR(o, [20, 20, 50]),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.97),
    "linear": lambda s, o: s.LinearLR(o),
    "warm-up": lambda s, o: s.LinearLR(o, 0.01, 0.8, total_iters=40),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 100),
    "cosine beyond": lambda s, o: s.CosineAnnealingLR(o, 30, eta_min=0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 13),
    "restarts longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2, eta_min=0.001),
    "function": lambda s, o: s.LambdaLR(o, lambda t: 1 / (1 + t)),
    "functions": lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: min(1, t / 10)]),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=101),
    "one cycle linear": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.2], epochs=4, steps_per_epoch=30, pct_start=0.25, anneal_strategy="linear", div_factor=10.0
    ),
    "one cycle three phases": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=120, three_phase=True),
    "one cycle to its end": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=100),
    "one cycle without momentum": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=101, cycle_momentum=False),
    "joined": linear_then_cosine,
}
PLATEAUS = {
    "defaults": {},
    "impatient": {"patience": 1, "factor": 0.5, "cooldown": 3},
    "largest": {"mode": "max", "patience": 2, "threshold": 0.05},
    "absolute": {"patience": 2, "threshold": 0.1, "threshold_mode": "abs", "min_lr": [0.01, 0.001]},
    "absolute largest": {
        "mode": "max",
        "patience": 0,
        "threshold": 0.2,
        "threshold_mode": "abs",
        "eps": 0.01,
    },
}


def make(kind=SGD, **settings):
    leaves = [Tensor(np.ones(2), requires_grad=True) for _ in range(2)]
    return kind([{"params": leaves[:1], "lr": 0.1}, {"params": leaves[1:]}], lr=0.03, **settings)


def make_torch(torch, kind="SGD", **settings):
    leaves = [torch.ones(2, requires_grad=True) for _ in range(2)]
    return getattr(torch.optim, kind)(
        [{"params": leaves[:1], "lr": 0.1}, {"params": leaves[1:]}], lr=0.03, **settings
    )


def rates(schedule, n_steps=STEPS, metrics=None):
    """The rates of both groups before the first step and after each, as the optimizer has them."""
    found = []
    for t in range(n_steps + 1):
        found.append([group["lr"] for group in schedule.optimizer.param_groups])
        assert schedule.get_last_lr() == found[-1]
        schedule.optimizer.step()
        if t < n_steps:
            schedule.step(*([] if metrics is None else [metrics[t]]))
    return np.array(found)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
def test_a_hundred_rates_are_pytorchs(torch, name):
    ours = rates(SCHEDULES[name](optim, make(momentum=0.9)))
    theirs = rates(SCHEDULES[name](torch.optim.lr_scheduler, make_torch(torch, momentum=0.9)))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-15)
    assert len(np.unique(ours)) > 2


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus_are_pytorchs(torch, name):
    metrics = 1 + np.random.default_rng(0).normal(size=STEPS).cumsum() ** 2 / 10
    metrics[[20, 50]] = math.nan
    ours = rates(optim.ReduceLROnPlateau(make(), **PLATEAUS[name]), metrics=metrics)
    theirs = rates(
        torch.optim.lr_scheduler.ReduceLROnPlateau(make_torch(torch), **PLATEAUS[name]), metrics=metrics
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert len(np.unique(ours)) > 2


@pytest.mark.parametrize("three_phase", [False, True])
@pytest.mark.parametrize(("kind", "key"), [(SGD, "momentum"), (Adam, "betas")])
def test_one_cycle_moves_the_momentum_as_pytorch_does(torch, kind, key, three_phase):
    settings = {"momentum": 0.9} if kind is SGD else {}
    pair = make(kind, **settings), make_torch(torch, kind.__name__, **settings)
    schedules = [
        module.OneCycleLR(o, 0.5, total_steps=50, three_phase=three_phase)
        for module, o in zip((optim, torch.optim.lr_scheduler), pair, strict=True)
    ]
    for _ in range(49):
        np.testing.assert_allclose(*(o.param_groups[1][key] for o in pair), rtol=1e-12)
        for o, schedule in zip(pair, schedules, strict=True):
            o.step()
            schedule.step()


@pytest.mark.parametrize("name", SCHEDULES)
def test_resumes_from_its_state(name):
    expected = rates(SCHEDULES[name](optim, make(momentum=0.9)))
    first = SCHEDULES[name](optim, make(momentum=0.9))
    for _ in range(37):
        first.step()
    state = json.loads(json.dumps([first.state_dict(), first.optimizer.state_dict()]))
    second = SCHEDULES[name](optim, make(momentum=0.9))
    second.load_state_dict(state[0])
    assert second.optimizer.param_groups[0]["momentum"] == first.optimizer.param_groups[0]["momentum"]
    np.testing.assert_array_equal(rates(second, STEPS - 37), expected[37:])


def test_plateau_resumes_from_its_state():
    metrics = [3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    expected = rates(optim.ReduceLROnPlateau(make(), patience=1, cooldown=1), 12, metrics)
    first = optim.ReduceLROnPlateau(make(), patience=1, cooldown=1)
    for metric in metrics[:6]:
        first.step(metric)
    second = optim.ReduceLROnPlateau(make(), patience=1, cooldown=1)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    np.testing.assert_array_equal(rates(second, 6, metrics[6:]), expected[6:])


def test_goes_on_from_last_epoch():
    optimizer = make()
    schedule = optim.StepLR(optimizer, 3)
    for _ in range(5):
        schedule.step()
    again = optim.StepLR(optimizer, 3, last_epoch=4)
    assert again.last_epoch == 5 and again.get_last_lr() == schedule.get_last_lr()
    with pytest.raises(ValueError, match="load the optimizer's state first"):
        optim.StepLR(make(), 3, last_epoch=4)


def test_can_be_read_off_at_any_step():
    schedule = optim.CosineAnnealingLR(make(), 10)
    np.testing.assert_allclose(schedule.lr_at(5), [0.05, 0.015])
    assert schedule.get_last_lr() == [0.1, 0.03] and optim.LRScheduler is lr_scheduler.LRScheduler


def late_group():
    schedule = optim.StepLR(make(), 3)
    schedule.optimizer.add_param_group({"params": [Tensor(np.ones(1), requires_grad=True)]})
    schedule.step()


def two_at_once():
    optimizer = make()
    first, second = optim.LinearLR(optimizer), optim.ExponentialLR(optimizer, 0.9)
    second.step()
    first.step()


def beyond_the_cycle():
    schedule = optim.OneCycleLR(make(), 0.1, total_steps=3, cycle_momentum=False)
    for _ in range(4):
        schedule.step()


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        (lambda: optim.StepLR([0.1], 3), TypeError, "moves an Optimizer but got list"),
        (lambda: optim.StepLR(make(), 0), ValueError, "step_size=0 must be a whole number of at least 1"),
        (lambda: optim.CosineAnnealingLR(make(), 2.5), ValueError, "T_max=2.5 must be a whole"),
        (lambda: optim.LinearLR(make(), 1.5), ValueError, r"start_factor=1.5 must lie in \[0, 1\]"),
        (
            lambda: optim.LambdaLR(make(), [abs]),
            ValueError,
            "lr_lambda has 1 entries but the optimizer has 2 groups",
        ),
        (lambda: optim.OneCycleLR(make(), 0.1), ValueError, "needs total_steps, or epochs"),
        (lambda: optim.OneCycleLR(make(), 0.1, 9, pct_start=30), ValueError, "pct_start=30"),
        (
            lambda: optim.OneCycleLR(make(), 0.1, 9, anneal_strategy="cosine"),
            ValueError,
            'must be "cos" or "linear"',
        ),
        (lambda: optim.OneCycleLR(make(optim.Adagrad), 0.1, 9), ValueError, "no momentum to cycle"),
        (beyond_the_cycle, ValueError, "has 3 steps but this is step 4"),
        (
            lambda: optim.SequentialLR(o := make(), [optim.StepLR(o, 3)], [5]),
            ValueError,
            "1 schedules need 0",
        ),
        (
            lambda: optim.SequentialLR(make(), [optim.StepLR(make(), 3)], []),
            ValueError,
            "moves another optimizer",
        ),
        (
            lambda: optim.SequentialLR(o := make(), [optim.ReduceLROnPlateau(o)], []),
            TypeError,
            "cannot be joined",
        ),
        (
            lambda: optim.ReduceLROnPlateau(make(), factor=1.0),
            ValueError,
            "factor=1.0 must lie between 0 and 1",
        ),
        (lambda: optim.ReduceLROnPlateau(make(), mode="low"), ValueError, "mode='low'"),
        (lambda: optim.StepLR(make(), 3).load_state_dict({}), ValueError, "saves .*last_epoch"),
        (lambda: optim.LRScheduler(make()), NotImplementedError, "needs a method rate"),
        (late_group, ValueError, "has 2 groups but the optimizer 3"),
        (two_at_once, RuntimeError, "join them with SequentialLR"),
    ],
)
def test_refuses(fault, error, says):
    with pytest.raises(error, match=says):
        fault()


def with_gradients(*gradients, dtype=np.float64):
    leaves = [Tensor(np.zeros(np.shape(g), dtype), requires_grad=True) for g in gradients]
    for p, g in zip(leaves, gradients, strict=True):
        p.grad = np.array(g, dtype=dtype)
    return leaves


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("norm_type", [2, 1, 3.5, math.inf])
@pytest.mark.parametrize("max_norm", [0, 0.1, 2.0, 1e3])
def test_clips_norms_as_pytorch_does(torch, dtype, norm_type, max_norm):
    rng = np.random.default_rng(0)
    leaves = with_gradients(rng.normal(size=(4, 3)), rng.normal(size=5), 2.0, dtype=dtype)
    twins = [torch.tensor(p.data, requires_grad=True) for p in leaves]
    for p, twin in zip(leaves, twins, strict=True):
        twin.grad = torch.tensor(p.grad)
    leaves.append(Tensor(np.zeros(2, dtype), requires_grad=True))  # without a gradient
    arrays = [p.grad for p in leaves[:3]]
    total = clip_grad_norm_((p for p in leaves), max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(twins, max_norm, norm_type)
    rtol = 1e-6 if dtype == np.float32 else 1e-12
    assert type(total) is float and math.isclose(total, float(expected), rel_tol=rtol)
    for p, twin, array in zip(leaves, twins, arrays, strict=False):
        assert p.grad is array and array.dtype == dtype
        np.testing.assert_allclose(array, twin.grad.numpy(), rtol=rtol)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("norm_type", [2, 1, math.inf])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_norms_are_not_hidden(bad, norm_type):
    (p,) = with_gradients([bad, 1.0])
    with pytest.raises(RuntimeError, match=f"the norm of the gradients is {bad}"):
        clip_grad_norm_([p], 1.0, norm_type, error_if_nonfinite=True)
    assert p.grad[1] == 1
    assert not math.isfinite(clip_grad_norm_([p], 1.0, norm_type))
    assert math.isnan(p.grad[0]) and p.grad[1] != 1  # all are scaled, as in PyTorch


def test_clips_values_and_takes_a_single_tensor():
    (p,) = with_gradients([-3.0, 0.5, math.nan, math.inf], dtype=np.float32)
    clip_grad_value_(p, 1)
    np.testing.assert_array_equal(p.grad, np.array([-1, 0.5, math.nan, 1], np.float32))
    (p,) = with_gradients([3.0, 4.0])
    assert clip_grad_norm_(p, 1.0) == 5 and clip_grad_norm_([], 1.0) == 0


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (lambda p: clip_grad_norm_(p, -1.0), "max_norm=-1.0 must be at least 0"),
        (lambda p: clip_grad_norm_(p, math.nan), "max_norm=nan"),
        (lambda p: clip_grad_norm_(p, 1.0, 0), "norm_type=0 must be positive"),
        (lambda p: clip_grad_value_(p, -1.0), "clip_value=-1.0"),
        (lambda p: [clip_grad_norm_(g := (q for q in p), 1.0), clip_grad_norm_(g, 1.0)], "used up"),
    ],
)
def test_clipping_refuses(fault, says):
    with pytest.raises(ValueError, match=says):
        fault(with_gradients([1.0]))
