"""Initialization: PyTorch's distributions, gains and refusals."""

import math

import numpy as np
import pytest

from utils import nn
from utils.nn import init

DRAWS = [
    ("xavier_uniform_", {}),
    ("xavier_uniform_", {"gain": 5 / 3}),
    ("xavier_normal_", {"gain": 2.0}),
    ("kaiming_uniform_", {"a": math.sqrt(5)}),
    ("kaiming_uniform_", {"nonlinearity": "relu", "mode": "fan_out"}),
    ("kaiming_normal_", {"nonlinearity": "relu"}),
    ("kaiming_normal_", {"nonlinearity": "tanh", "mode": "fan_out"}),
    ("uniform_", {"a": -2.0, "b": 3.0}),
    ("normal_", {"mean": 1.0, "std": 0.5}),
]


@pytest.mark.parametrize(("name", "settings"), DRAWS)
def test_draws_have_pytorchs_distribution(name, settings):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours, theirs = nn.Parameter(np.zeros((200, 50, 3, 3), np.float32)), torch.empty(200, 50, 3, 3)
    assert getattr(init, name)(ours, **settings, rng=0) is ours
    theirs = getattr(torch.nn.init, name)(theirs, **settings).numpy()
    assert ours.dtype == np.float32
    assert abs(ours.data.mean() - theirs.mean()) < 0.02 * theirs.std()
    assert ours.data.std() == pytest.approx(theirs.std(), rel=0.01)
    if "uniform" in name:
        assert ours.data.max() == pytest.approx(theirs.max(), rel=1e-3)
        assert ours.data.min() == pytest.approx(theirs.min(), rel=1e-3)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (4, 2, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(nn.Parameter(np.zeros(shape)), gain=2.0, rng=0).data.reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    assert np.allclose(small, 4 * np.eye(len(small)))


def test_constants_and_gains():
    p = nn.Parameter(np.zeros((2, 3), np.float32))
    assert init.ones_(p).data.sum() == 6 and init.eye_(p).data.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.constant_(p, 2.0).data.max() == 2 and not init.zeros_(p).data.any()
    torch = pytest.importorskip("torch")
    for name, param in [
        ("linear", None),
        ("conv2d", None),
        ("tanh", None),
        ("relu", None),
        ("selu", None),
        ("sigmoid", None),
        ("leaky_relu", None),
        ("leaky_relu", 0.2),
        ("conv_transpose1d", None),
    ]:
        assert init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p: init.calculate_gain("rleu"), "expected one of linear"),
        (lambda p: init.kaiming_normal_(p, mode="in"), "'fan_in' or 'fan_out'"),
        (lambda p: init.xavier_normal_(nn.Parameter(np.ones(3))), r"two or more axes but got shape \(3,\)"),
        (lambda p: init.orthogonal_(nn.Parameter(np.ones(3))), "two or more axes"),
        (lambda p: init.eye_(nn.Parameter(np.ones(3))), "matrices"),
    ],
)
def test_wrong_initializations(call, says):
    with pytest.raises(ValueError, match=says):
        call(nn.Parameter(np.ones((2, 2))))
