"""Losses: what is refused, and what extreme scores do."""

import numpy as np
import pytest

import utils.functional as F
from utils.functional.activation import erf
from utils.tensor import Tensor

SCORES = np.zeros((4, 3), np.float32)


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss, F.multi_margin_loss])
@pytest.mark.parametrize(
    ("target", "says"),
    [
        ([0, 1, 3, 0], "class 3 for 3 scores: classes run from 0 to 2"),
        ([0, 1, -1, 0], "class -1"),
        ([0, 1], r"targets \(4,\)"),
        ([0.0, 1.0, 2.0, 0.0], "whole numbers"),
        (np.eye(4, 3, dtype=int), r"targets \(4,\).* but got \(4, 3\): target.argmax\(1\)"),
        ([[0], [1], [2], [0]], r"but got \(4, 1\): target.reshape\(-1\)"),
    ],
)
def test_wrong_classes(loss, target, says):
    with pytest.raises(ValueError, match=says):
        loss(SCORES, target)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: F.mse_loss(np.ones((4, 1)), np.ones(4)), r"reshape one with target.reshape\(-1, 1\)"),
        (lambda: F.l1_loss(np.ones(3), np.ones(4)), "one shape"),
        (lambda: F.mse_loss(np.ones(3), np.ones(3), reduction="avg"), "'mean', 'sum' or 'none'"),
        (lambda: F.cross_entropy(SCORES, [0] * 4, label_smoothing=2.0), "0 to 1"),
        (lambda: F.huber_loss(np.ones(3), np.ones(3), delta=0.0), "positive"),
        (lambda: F.multi_margin_loss(SCORES, [0] * 4, p=3), "1 or 2"),
        (lambda: F.cross_entropy(SCORES, np.eye(4, 3, dtype=int)), r"target.astype\(np.float32\)"),
        (lambda: F.cross_entropy(np.ones((2, 3, 4)), np.ones((2, 1, 4), int)), r"target.reshape\(\(2, 4\)\)"),
        (lambda: F.cross_entropy(SCORES, [0] * 4, weight=np.ones(4)), r"each of 3 classes, \(3,\).* \(4,\)"),
        (lambda: F.cross_entropy(SCORES, SCORES, weight=[1.0]), r"each of 3 classes"),
        (lambda: F.nll_loss(SCORES, [0] * 4, weight=np.ones(2)), r"each of 3 classes"),
        (lambda: F.multi_margin_loss(SCORES, [0] * 4, weight=np.ones(4)), r"each of 3 classes"),
        (
            lambda: F.binary_cross_entropy_with_logits(SCORES, SCORES, pos_weight=np.ones(4)),
            r"pos_weight \(4,\) .* input \(4, 3\)",
        ),
        (
            lambda: F.binary_cross_entropy_with_logits(SCORES, SCORES, weight=np.ones((2, 4, 3))),
            r"weight \(2, 4, 3\)",
        ),
    ],
)
def test_errors(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize("scores", [1e4, 80.0, -1e4])
def test_extreme_scores_stay_finite(scores):
    x = Tensor(np.array([[scores, 0.0, 1.0]], np.float32), requires_grad=True)
    loss = F.cross_entropy(x, [1])
    loss.backward()
    assert np.isfinite(loss.item()) and np.isfinite(x.grad).all()
    y = Tensor(np.array([scores], np.float32), requires_grad=True)
    F.binary_cross_entropy_with_logits(y, np.ones(1)).backward()
    assert np.isfinite(y.grad).all()


def test_mean_of_nothing_is_nan_as_in_pytorch():
    assert np.isnan(F.cross_entropy(SCORES, [-100] * 4).item())


def test_uniform_scores_lose_log_k():
    assert F.cross_entropy(SCORES, [0, 1, 2, 0]).item() == pytest.approx(np.log(3), rel=1e-6)


def test_the_fast_error_function():
    x = np.linspace(-6, 6, 10001)
    fast, exact = erf(x.astype(np.float32)), erf(x)
    assert fast.dtype == np.float32 and np.abs(fast - exact).max() < 5e-7


@pytest.mark.parametrize("size", [1e6, -1e8, 1e30])
def test_equal_scores_of_any_size_lose_log_k(size):
    x = np.full((2, 3), size, np.float32)
    losses = [
        F.cross_entropy(x, [0, 1]),
        F.cross_entropy(x, [0, 1], label_smoothing=0.1),
        F.cross_entropy(x, np.full((2, 3), 1 / 3, np.float32)),
        -F.log_softmax(x)[0, 0],
    ]
    assert [loss.item() for loss in losses] == pytest.approx([np.log(3)] * 4, rel=1e-6)


@pytest.mark.parametrize("x", [-12.0, -17.0, -20.0, -60.0])
@pytest.mark.parametrize("name", ["silu", "elu", "selu", "softplus", "bce"])
def test_tails_keep_their_digits(name, x):
    def both(dtype):
        leaf = Tensor(np.array([x], dtype), requires_grad=True)
        bce = F.binary_cross_entropy_with_logits
        out = bce(leaf, np.zeros(1, dtype)) if name == "bce" else getattr(F, name)(leaf)
        out.sum().backward()
        return out.item(), leaf.grad[0]

    (out, grad), (exact, exact_grad) = both(np.float32), both(np.float64)
    exact = {"silu": x / (1 + np.exp(-x)), "softplus": np.log1p(np.exp(x))}.get(name, exact)
    exact_grad = {
        "elu": np.exp(x),
        "selu": 1.6732632423543772 * 1.0507009873554805 * np.exp(x),
        "softplus": 1 / (1 + np.exp(-x)),
        "bce": 1 / (1 + np.exp(-x)),
    }.get(name, exact_grad)
    assert grad == pytest.approx(exact_grad, rel=1e-5, abs=0)
    assert name == "bce" or out == pytest.approx(exact, rel=1e-5, abs=0)


@pytest.mark.parametrize("row", [[-np.inf, -np.inf, 0.0, -np.inf], [np.nan] * 4, [np.inf, 0, 0, 0]])
@pytest.mark.parametrize("loss", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("settings", [{}, {"label_smoothing": 0.1}, {"weight": [1.0, 2.0, 3.0, 4.0]}])
@pytest.mark.filterwarnings("error")
def test_ignored_rows_may_hold_anything(row, loss, settings):
    if loss == "nll_loss" and "label_smoothing" in settings:
        return

    def both(x, target):
        leaf = Tensor(x, requires_grad=True)
        value = getattr(F, loss)(leaf, target, **settings)
        value.backward()
        return value.item(), leaf.grad

    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    x[1] = row
    (value, grad), (expected, expected_grad) = both(x, [0, -100, 2]), both(x[[0, 2]], [0, 2])
    assert value == pytest.approx(expected, rel=1e-6)
    assert (grad[1] == 0).all() and np.allclose(grad[[0, 2]], expected_grad, atol=1e-7)
