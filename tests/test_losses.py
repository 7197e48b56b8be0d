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
        (np.eye(4, 3, dtype=int), r"targets \(4,\)"),
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
