"""Optimizers step for step against PyTorch (Lion against its paper), and their state."""

import json
import math

import numpy as np
import pytest

from utils.optim import SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop
from utils.tensor import Tensor

SHAPES = [(5, 3), (5,), (), (2, 1, 4)]
TOLERANCE = {np.float64: {"rtol": 0, "atol": 1e-12}, np.float32: {"rtol": 2e-5, "atol": 2e-6}}
OPTIONS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    (Adagrad, {}),
    (Adagrad, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    (Adagrad, {"lr": 0.1, "weight_decay": 0.1, "eps": 1e-3, "maximize": True}),
    (RMSprop, {}),
    (RMSprop, {"alpha": 0.9, "momentum": 0.9, "weight_decay": 0.1}),
    (RMSprop, {"centered": True, "eps": 1e-2}),
    (RMSprop, {"centered": True, "eps": 1e-2, "momentum": 0.5, "maximize": True}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    (Adam, {"lr": 0.1, "weight_decay": 0.1}),
    (Adam, {"lr": 0.1, "amsgrad": True, "betas": (0.9, 0.5)}),
    (Adam, {"lr": 0.1, "weight_decay": 0.1, "maximize": True}),
    (Adam, {"lr": 0.1, "betas": (0.0, 0.0)}),
    (AdamW, {}),
    (AdamW, {"lr": 0.1, "weight_decay": 0.3, "amsgrad": True, "maximize": True}),
    (NAdam, {}),
    (NAdam, {"lr": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
    (NAdam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
]
RULES = [*OPTIONS, (Lion, {}), (Lion, {"lr": 0.1, "weight_decay": 0.1})]


def name_of(value):
    return (
        value.__name__
        if isinstance(value, type)
        else " ".join(f"{k}={v}" for k, v in value.items()) or "default"
    )


def parameters(dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [Tensor(np.asarray(rng.normal(size=shape), dtype=dtype), requires_grad=True) for shape in SHAPES]


def gradients(n_steps, dtype=np.float64):
    """For every step one gradient a parameter, of varying size, now and then zero or missing."""
    rng = np.random.default_rng(1)
    for step in range(n_steps):
        scale = 10.0 ** rng.integers(-3, 2)
        found = [np.asarray(scale * rng.normal(size=shape), dtype=dtype) for shape in SHAPES]
        found[0][0] = 0
        if step % 7 == 3:
            found[1] = None
        yield found


def take(optimizer, leaves, found, array=np.array):
    for p, g in zip(leaves, found, strict=True):
        p.grad = None if g is None else array(g)
    optimizer.step()


def run(optimizer, leaves, n_steps, dtype=np.float64, skip=0):
    for step, found in enumerate(gradients(n_steps, dtype)):
        if step >= skip:
            take(optimizer, leaves, found)


def torch_twins(torch, leaves):
    return [torch.tensor(p.data.copy(), requires_grad=True) for p in leaves]


def compare_with_torch(ours, theirs, leaves, twins, torch, dtype):
    for step, found in enumerate(gradients(50, dtype)):
        take(ours, leaves, found)
        take(theirs, twins, found, torch.tensor)
        for p, twin in zip(leaves, twins, strict=True):
            assert p.data.dtype == dtype
            np.testing.assert_allclose(
                p.data, twin.detach().numpy(), **TOLERANCE[dtype], err_msg=f"step {step}"
            )


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # else NAdam's product of momenta has seven digits
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(("kind", "options"), OPTIONS, ids=name_of)
def test_fifty_steps_are_pytorchs(torch, kind, options, dtype):
    leaves = parameters(dtype)
    twins = torch_twins(torch, leaves)
    theirs = getattr(torch.optim, kind.__name__)(twins, **options)
    compare_with_torch(kind(leaves, **options), theirs, leaves, twins, torch, dtype)


@pytest.mark.parametrize("kind", [SGD, AdamW, RMSprop], ids=name_of)
def test_groups_have_their_own_settings(torch, kind):
    leaves = parameters()
    twins = torch_twins(torch, leaves)

    def groups(p):
        return [{"params": p[:2], "lr": 0.1, "weight_decay": 0.0}, {"params": iter(p[2:])}]

    ours = kind(groups(leaves), lr=0.01, weight_decay=0.2)
    theirs = getattr(torch.optim, kind.__name__)(groups(twins), lr=0.01, weight_decay=0.2)
    assert [group["lr"] for group in ours.param_groups] == [0.1, 0.01]
    compare_with_torch(ours, theirs, leaves, twins, torch, np.float64)


@pytest.mark.parametrize("kind", [SGD, Adagrad, RMSprop, Adam, AdamW, NAdam], ids=name_of)
def test_defaults_are_pytorchs(torch, kind):
    ours = kind(parameters()).defaults
    theirs = getattr(torch.optim, kind.__name__)([torch.zeros(1, requires_grad=True)]).defaults
    assert ours.items() <= theirs.items()


def lion_of_the_paper(theta, grads, lr, beta1, beta2, decay):
    """Algorithm 2 of Chen et al. (2023), line by line."""
    m = np.zeros_like(theta)
    for g in grads:
        c = beta1 * m + (1 - beta1) * g
        theta = theta - lr * (np.sign(c) + decay * theta)
        m = beta2 * m + (1 - beta2) * g
    return theta


@pytest.mark.parametrize("decay", [0, 0.3])
def test_lion_is_the_papers(decay):
    rng = np.random.default_rng(0)
    p, grads = Tensor(rng.normal(size=(4, 3)), requires_grad=True), rng.normal(size=(50, 4, 3))
    expected = lion_of_the_paper(p.data.copy(), grads, 0.01, 0.8, 0.95, decay)
    optimizer = Lion([p], lr=0.01, betas=(0.8, 0.95), weight_decay=decay)
    for g in grads:
        take(optimizer, [p], [g])
    np.testing.assert_allclose(p.data, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_lions_sign_is_exact(dtype):
    info = np.finfo(dtype)
    c = np.array(
        [0, -0.0, info.tiny, -info.tiny, 1e-3, -7, info.max, info.min, np.inf, -np.inf, np.nan], dtype=dtype
    )
    p = Tensor(np.zeros(len(c), dtype), requires_grad=True)
    optimizer = Lion([p], lr=0.5, betas=(0.0, 0.0))
    take(optimizer, [p], [c])
    np.testing.assert_array_equal(p.data, -0.5 * np.sign(c))


@pytest.mark.parametrize(("kind", "options"), RULES, ids=name_of)
def test_resumes_exactly(kind, options):
    straight, broken = parameters(), parameters()
    run(kind(straight, **options), straight, 30)
    first = kind(broken, **options)
    run(first, broken, 17)
    state = first.state_dict()
    copies = [Tensor(p.data.copy(), requires_grad=True) for p in broken]
    run(first, broken, 20, skip=17)  # must not reach into the saved state
    second = kind(copies)  # with the default settings: the saved ones replace them
    second.load_state_dict(state)
    run(second, copies, 30, skip=17)
    for p, q in zip(straight, copies, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


@pytest.mark.parametrize(("kind", "options"), RULES, ids=name_of)
def test_state_is_plain_arrays_and_numbers(kind, options):
    leaves = parameters(np.float32)
    optimizer = kind(leaves, **options)
    run(optimizer, leaves, 5, np.float32)
    state = optimizer.state_dict()
    for number, entry in state["state"].items():
        for value in entry.values():
            if isinstance(value, np.ndarray):
                assert value.shape == SHAPES[number] and value.dtype == np.float32
            else:
                assert type(value) in (int, float)
    groups = json.loads(json.dumps(state["param_groups"]))
    optimizer.load_state_dict({"state": state["state"], "param_groups": groups})
    assert optimizer.state_dict()["param_groups"] == state["param_groups"]


def test_state_keeps_pytorchs_names(torch):
    for kind, options in OPTIONS:
        leaves = parameters()
        twins = torch_twins(torch, leaves)
        ours, theirs = kind(leaves, **options), getattr(torch.optim, kind.__name__)(twins, **options)
        for found in gradients(2):
            take(ours, leaves, found)
            take(theirs, twins, found, torch.tensor)
        mine, yours = (optimizer.state_dict()["state"].get(0, {}) for optimizer in (ours, theirs))
        assert set(mine) == {name for name, value in yours.items() if value is not None}
        for name, value in mine.items():
            np.testing.assert_allclose(value, yours[name], atol=1e-12, err_msg=f"{kind.__name__} {name}")


@pytest.mark.parametrize("kind", [SGD, Adagrad, RMSprop, Adam, AdamW, NAdam])
@pytest.mark.parametrize("shape", [(3, 2), ()])
def test_training_goes_on_from_pytorchs_state(torch, kind, shape):
    rng, options = np.random.default_rng(0), {"lr": 0.1} | ({"momentum": 0.9} if kind is SGD else {})
    gradients = rng.normal(size=(3, *shape)).astype(np.float32)
    theirs = torch.nn.Parameter(torch.tensor(rng.normal(size=shape).astype(np.float32)))
    rule = getattr(torch.optim, kind.__name__)([theirs], **options)

    def step(g):
        theirs.grad = torch.tensor(g)
        rule.step()

    step(gradients[0])
    step(gradients[1])
    mine = Tensor(theirs.detach().numpy().copy(), requires_grad=True)
    optimizer = kind([mine], lr=0.5)
    optimizer.load_state_dict(rule.state_dict())
    mine.grad = np.asarray(gradients[2])
    optimizer.step()
    step(gradients[2])
    np.testing.assert_allclose(mine.data, theirs.detach().numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("state", [{}, {"weight": np.ones(2)}])
def test_a_models_state_is_told_apart(state):
    with pytest.raises(ValueError, match="is it a model's"):
        SGD([Tensor(np.ones(2), requires_grad=True)]).load_state_dict(state)


def test_state_of_other_parameters_is_refused_and_changes_nothing():
    leaves = parameters()
    optimizer = Adam(leaves, lr=0.5)
    run(optimizer, leaves, 3)
    before = optimizer.state_dict()
    fewer = Adam(leaves[:2]).state_dict()
    with pytest.raises(ValueError, match=r"groups with \[2\] parameters but this optimizer has \[4\]"):
        optimizer.load_state_dict(fewer)
    turned = optimizer.state_dict()
    turned["state"][0]["exp_avg"] = turned["state"][0]["exp_avg"].T
    with pytest.raises(ValueError, match=r"exp_avg has shape \(3, 5\) but its parameter \(5, 3\)"):
        optimizer.load_state_dict(turned)
    with pytest.raises(ValueError, match="SGD has no setting"):
        SGD(leaves).load_state_dict(before)
    np.testing.assert_equal(optimizer.state_dict(), before)


@pytest.mark.parametrize(("kind", "options"), RULES, ids=name_of)
def test_updates_in_place_and_leaves_gradients_alone(kind, options):
    p = Tensor(np.ones((3, 2), np.float32), requires_grad=True)
    data, g = p.data, np.full((3, 2), 0.5, np.float32)
    p.grad = g
    optimizer = kind([p], **options)
    optimizer.step()
    optimizer.step()
    assert p.data is data and p.node is None and data.dtype == np.float32
    assert p.grad is g and (g == 0.5).all()
    assert not (data == 1).any()
    held = [value for value in optimizer.state[p].values() if isinstance(value, np.ndarray)]
    assert not any(np.shares_memory(value, other) for value in held for other in (g, data))


@pytest.mark.parametrize(("kind", "options"), RULES, ids=name_of)
def test_parameters_without_gradient_are_skipped(kind, options):
    p, q = (Tensor(np.ones(3), requires_grad=True) for _ in range(2))
    p.grad = np.ones(3)
    optimizer = kind([p, q], **options)
    optimizer.step()
    assert not (p.data == 1).any() and (q.data == 1).all() and q not in optimizer.state


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(("kind", "options"), RULES, ids=name_of)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_bad_gradients_are_not_hidden(kind, options, bad):
    p = Tensor(np.ones(2), requires_grad=True)
    p.grad = np.array([bad, 1.0])
    kind([p], **options).step()
    assert np.isfinite(p.data[1])
    if math.isnan(bad):
        assert math.isnan(p.data[0])


def test_views_and_other_objects_are_moved():
    whole = np.ones((4, 6))
    holder = type("Holder", (), {"data": whole[:, ::2].T, "grad": np.ones((3, 4))})()
    AdamW([holder], lr=0.5).step()
    assert (whole[:, 1::2] == 1).all() and (whole[:, ::2] < 1).all()


def test_numpy_numbers_do_not_widen_float32():
    p = Tensor(np.ones(3, np.float32), requires_grad=True)
    optimizer = Adam([p], lr=np.float64(0.1), betas=[np.float64(0.9), 0.99])
    p.grad = np.full(3, 0.3, np.float32)
    optimizer.param_groups[0]["lr"] = np.logspace(-3, -1, 3)[1]
    optimizer.step()
    assert p.data.dtype == np.float32 and type(optimizer.param_groups[0]["betas"][0]) is float


def test_zero_grad():
    leaves = parameters()
    optimizer = SGD(leaves)
    for p in leaves:
        p.grad = np.ones_like(p.data)
    g = leaves[0].grad
    optimizer.zero_grad(set_to_none=False)
    assert leaves[0].grad is g and not g.any()
    optimizer.zero_grad()
    assert all(p.grad is None for p in leaves)


def test_minimizes_through_the_engine():
    pytest.importorskip("utils.ops")
    w = Tensor(np.array([3.0, -2.0]), requires_grad=True)
    optimizer = Adam([w], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        ((w - 1.0) * (w - 1.0)).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(w.data, 1, atol=1e-3)


def leaf(*shape):
    return Tensor(np.zeros(shape), requires_grad=True)


def test_groups_added_later_and_repr():
    first, later = leaf(2), leaf(3)
    optimizer = SGD([first], lr=0.1)
    optimizer.add_param_group({"params": [later], "lr": 0.5})
    first.grad, later.grad = np.ones(2), np.ones(3)
    optimizer.step()
    assert (first.data == -0.1).all() and (later.data == -0.5).all()
    assert repr(optimizer).startswith("SGD(1 parameters, lr=0.1, momentum=0") and "lr=0.5" in repr(optimizer)
