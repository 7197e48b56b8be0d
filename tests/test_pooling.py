"""Pooling: ties, padding, windows that overlap or leave cells out, and what a learner gets wrong."""

import numpy as np
import pytest

import utils.functional as F
from utils.tensor import Tensor
from utils.testing import check_close


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pooled(function, x, **settings):
    x = Tensor(x, requires_grad=True)
    y = function(x, **settings)
    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)
    return y.data, x.grad, g


@pytest.mark.parametrize("settings", [{"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1}])
def test_first_of_equal_maxima_gets_the_gradient(rng, settings):
    """Against PyTorch on numbers of which many are equal, as after ReLU; and by hand on all zeros."""
    torch = pytest.importorskip("torch")
    x = np.maximum(rng.integers(-3, 3, size=(3, 4, 8, 8)), 0).astype(float)
    _, dx, g = pooled(F.max_pool2d, x, **settings)
    other = torch.tensor(x, requires_grad=True)
    torch.nn.functional.max_pool2d(other, **settings).backward(torch.tensor(g))
    check_close(dx, other.grad.numpy(), rtol=1e-12, atol=1e-12)


def test_ties_by_hand():
    for function in (F.max_pool2d, F.adaptive_max_pool2d):
        _, dx, g = pooled(
            function,
            np.zeros((1, 1, 2, 2)),
            **{"kernel_size": 2} if function is F.max_pool2d else {"output_size": 1},
        )
        check_close(dx, [[[[g.item(), 0], [0, 0]]]])


def test_ties_go_to_the_first_in_reading_order():
    """Of the upper right and the lower left, the upper right, though the lower left has the lesser column."""
    _, dx, g = pooled(F.max_pool2d, np.array([[[[0.0, 1.0], [1.0, 0.0]]]]), kernel_size=2)
    check_close(dx, [[[[0, g.item()], [0, 0]]]])


def test_padding_never_wins():
    y, _, _ = pooled(F.max_pool2d, np.full((1, 1, 4, 4), -5.0), kernel_size=3, stride=2, padding=1)
    assert np.all(y == -5)


def test_order_in_memory_changes_nothing(rng):
    x = rng.normal(size=(2, 3, 6, 6))
    inner = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for function, settings in [
        (F.max_pool2d, {"kernel_size": 2}),
        (F.avg_pool2d, {"kernel_size": 3, "stride": 1, "padding": 1}),
        (F.adaptive_avg_pool2d, {"output_size": 4}),
        (F.adaptive_max_pool2d, {"output_size": 4}),
    ]:
        for a, b in zip(pooled(function, x, **settings), pooled(function, inner, **settings), strict=True):
            check_close(a, b, rtol=1e-12, atol=1e-14)


def test_adaptive_pools_are_pools_where_sizes_divide(rng):
    x = rng.normal(size=(2, 3, 6, 8))
    for adaptive, plain in [(F.adaptive_avg_pool2d, F.avg_pool2d), (F.adaptive_max_pool2d, F.max_pool2d)]:
        found, expected = pooled(adaptive, x, output_size=(3, 2)), pooled(plain, x, kernel_size=(2, 4))
        for a, b in zip(found, expected, strict=True):
            check_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("function", "shape", "settings", "says"),
    [
        (F.max_pool2d, (3, 4, 4), {"kernel_size": 2}, r"\(N, C, H, W\) but got \(3, 4, 4\)"),
        (F.max_pool1d, (3, 4), {"kernel_size": 2}, r"\(N, C, L\) but got \(3, 4\)"),
        (F.avg_pool2d, (1, 1, 4, 4), {"kernel_size": 5}, "larger than the input"),
        (F.max_pool2d, (1, 1, 4, 4), {"kernel_size": 2, "padding": 2}, "more than half"),
        (F.max_pool2d, (1, 1, 4, 4), {"kernel_size": 2, "stride": 0}, "stride=0"),
        (F.max_pool2d, (1, 1, 4, 4), {"kernel_size": 2.0}, "kernel_size=2.0"),
        (F.adaptive_avg_pool2d, (1, 4, 4), {"output_size": 1}, r"\(N, C, H, W\)"),
        (F.adaptive_avg_pool2d, (1, 1, 4, 4), {"output_size": 0}, "output_size"),
        (F.adaptive_max_pool2d, (1, 1, 4, 4), {"output_size": (1, 2, 3)}, "3 numbers where 2"),
    ],
)
def test_mistakes_are_explained(function, shape, settings, says):
    with pytest.raises(ValueError, match=says):
        function(np.zeros(shape), **settings)


@pytest.mark.parametrize("settings", [{}, {"padding": 1, "count_include_pad": False}, {"stride": 2}])
def test_a_window_larger_than_the_input_with_ceil_mode(settings):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(size=(1, 1, 2, 2)).astype(np.float32)
    for name in ("avg_pool2d", "max_pool2d"):
        chosen = {k: v for k, v in settings.items() if name == "avg_pool2d" or k != "count_include_pad"}
        mine, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        out = getattr(F, name)(mine, 3, ceil_mode=True, **chosen)
        expected = getattr(torch.nn.functional, name)(theirs, 3, ceil_mode=True, **chosen)
        out.sum().backward()
        expected.sum().backward()
        check_close(out.data, expected.detach().numpy(), rtol=1e-6)
        check_close(mine.grad, theirs.grad.numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"larger than the input.*smaller kernel_size"):
        F.max_pool2d(x, 5, stride=1, ceil_mode=True)
