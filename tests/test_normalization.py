"""Normalization: running statistics as PyTorch keeps them, and errors that say what to do."""

import numpy as np
import pytest

import utils.functional as F
from utils.tensor import Tensor
from utils.testing import check_close


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 6), (2, 3, 4, 5)])
@pytest.mark.parametrize("momentum", [0.1, 1.0, 0.0])
@pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
def test_running_statistics_are_pytorchs(name, shape, momentum):
    torch = pytest.importorskip("torch")
    if name == "instance_norm" and len(shape) < 3:
        return
    rng = np.random.default_rng(0)
    mean, var = rng.normal(size=3).astype(np.float32), rng.uniform(1, 2, size=3).astype(np.float32)
    theirs = torch.tensor(mean), torch.tensor(var)
    kept = mean, var
    for _ in range(3):
        x = rng.normal(2, 3, size=shape).astype(np.float32)
        getattr(F, name)(Tensor(x), mean, var, None, None, True, momentum)
        getattr(torch.nn.functional, name)(torch.tensor(x), *theirs, None, None, True, momentum)
    assert kept[0] is mean and mean.dtype == np.float32
    check_close(mean, theirs[0].numpy(), rtol=1e-5, atol=1e-6)
    check_close(var, theirs[1].numpy(), rtol=1e-5)


def test_evaluation_leaves_the_running_statistics_alone():
    mean, var = np.zeros(3, np.float32), np.ones(3, np.float32)
    F.batch_norm(np.full((4, 3), 5.0), mean, var)
    F.instance_norm(np.full((4, 3, 2), 5.0), mean, var, use_input_stats=False)
    assert (mean == 0).all() and (var == 1).all()


@pytest.mark.parametrize(
    "shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5), (3, 2, 1, 1), (2, 3, 2, 4, 2), (1, 4, 3, 3)]
)
@pytest.mark.parametrize("training", [True, False])
def test_order_in_memory_changes_nothing(shape, training):
    def everything(order_of_x, order_of_g):
        leaves = [Tensor(array, requires_grad=True) for array in (order_of_x(x), w, b)]
        running = mean.copy(), var.copy()
        out = F.batch_norm(leaves[0], *running, *leaves[1:], training=training)
        out.backward(order_of_g(g))
        return [out.data, *(leaf.grad for leaf in leaves), *running]

    def channels_last(x):
        return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)

    def upside_down(x):
        return np.ascontiguousarray(x[::-1])[::-1]

    rng, c = np.random.default_rng(0), shape[1]
    x, g = rng.normal(1, 2, size=(2, *shape))
    w, b, mean = rng.normal(size=(3, c))
    var = rng.uniform(1, 2, size=c)
    expected = everything(np.ascontiguousarray, np.ascontiguousarray)
    for orders in [
        (channels_last, channels_last),
        (channels_last, upside_down),
        (upside_down, channels_last),
    ]:
        for a, b_ in zip(everything(*orders), expected, strict=True):
            check_close(a, b_, rtol=1e-9, atol=1e-12)


def test_a_large_mean_costs_no_digits():
    x = 1000 + np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    expected = (x - x.astype(np.float64).mean(0)) / x.astype(np.float64).std(0)
    for out in (F.batch_norm(x, None, None, training=True), F.layer_norm(x.T.copy(), 64)):
        out = out.data if out.shape == x.shape else out.data.T
        check_close(out, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: F.batch_norm(np.ones((1, 3)), None, None, training=True), "larger batch"),
        (lambda: F.batch_norm(np.ones((2, 3)), None, None), "running_mean"),
        (lambda: F.batch_norm(np.ones(3), None, None, training=True), r"\(N, C\)"),
        (lambda: F.batch_norm(np.ones((2, 3)), None, None, np.ones(2), training=True), r"weight \(3,\)"),
        (lambda: F.group_norm(np.ones((2, 6)), 4), "divisor of 6"),
        (lambda: F.instance_norm(np.ones((2, 6, 1))), "2 positions"),
        (lambda: F.layer_norm(np.ones((2, 6)), 5), r"\(\.\.\., 5\)"),
        (lambda: F.layer_norm(np.ones((2, 6)), (6,), np.ones(5)), r"shape \(6,\)"),
        (lambda: F.rms_norm(np.ones((2, 6)), (2, 5)), "last axes"),
    ],
)
def test_errors(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("value", [100.1, 1000.1])
def test_constants_far_from_zero_become_zero(value):
    rows = np.full((4, 4096), value, np.float32)
    images = np.full((40, 10, 10, 4), value, np.float32)
    for x in (images, images.transpose(0, 3, 1, 2)):
        mean = np.zeros(x.shape[1], np.float32)
        assert (
            np.abs(F.batch_norm(x, mean, np.ones_like(mean), training=True, momentum=1.0).data).max() < 1e-3
        )
        check_close(mean, np.full_like(mean, value), rtol=3e-7)
        assert np.abs(F.group_norm(x, 2).data).max() < 1e-3
    assert np.abs(F.layer_norm(rows, 4096).data).max() < 1e-3


def test_gradients_far_from_zero():
    x, g = np.random.default_rng(0).normal(size=(2, 300, 4, 5))
    x += 1e4

    def gradient(dtype, norm):
        leaf = Tensor(x.astype(np.float32).astype(dtype), requires_grad=True)
        norm(leaf).backward(g.astype(dtype))
        return leaf.grad

    for norm in (lambda x: F.batch_norm(x, None, None, training=True), lambda x: F.layer_norm(x, (4, 5))):
        check_close(gradient(np.float32, norm), gradient(np.float64, norm), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "norm", [lambda x: F.group_norm(x, 2), F.instance_norm, lambda x: F.layer_norm(x, (4, 3))]
)
def test_an_empty_batch_stays_one(norm):
    x = Tensor(np.zeros((0, 4, 3), np.float32), requires_grad=True)
    out = norm(x)
    out.backward(np.zeros(out.shape, np.float32))
    assert out.shape == x.grad.shape == (0, 4, 3)
