"""Convolution: every fast kernel against the plain sum and the general kernel, and what a learner gets wrong."""

import numpy as np
import pytest

import utils.functional as F
from utils.functional import _conv_kernels as kernels
from utils.tensor import Tensor
from utils.testing import check_close


@pytest.fixture
def rng():
    return np.random.default_rng(0)


FAST = [kernels.blocked, kernels.toeplitz]
SHAPES = [
    ((3, 5, 7, 9), (4, 5, 3, 3), ((1, 1), (1, 1))),
    ((2, 3, 8, 8), (6, 3, 5, 5), ((2, 2), (2, 2))),
    ((2, 1, 6, 14), (2, 1, 1, 5), ((0, 0), (0, 0))),
    ((1, 2, 9, 4), (3, 2, 4, 1), ((1, 2), (0, 0))),
    ((2, 17, 5, 13), (3, 17, 2, 2), ((0, 1), (0, 1))),
    ((2, 3, 3, 3), (2, 3, 3, 3), ((0, 0), (0, 0))),
    ((2, 3, 4, 4), (2, 3, 2, 2), ((3, 2), (4, 3))),
    ((5, 4, 6, 6), (7, 4, 1, 1), ((0, 0), (0, 0))),
    ((1, 1, 1, 1), (1, 1, 1, 1), ((0, 0), (0, 0))),
]


def by_loops(x, w, padding):
    """The definition, one output at a time."""
    x = np.pad(x, ((0, 0), (0, 0), *padding))
    (kh, kw), (height, width) = w.shape[2:], x.shape[2:]
    y = np.zeros((len(x), len(w), height - kh + 1, width - kw + 1))
    for n, o, i, j in np.ndindex(*y.shape):
        y[n, o, i, j] = np.sum(x[n, :, i : i + kh, j : j + kw] * w[o])
    return y


def channels_last(x):
    return kernels.first(np.ascontiguousarray(kernels.last(x)))


def everything(kernel, x, w, padding, order=np.ascontiguousarray):
    y, (dx, dw) = kernel(order(x), w, padding)
    g = order(np.random.default_rng(1).normal(size=y.shape))
    return y, dx(g), dw(g)


@pytest.mark.parametrize(("x", "w", "padding"), SHAPES, ids=str)
def test_general_kernel_is_the_definition(rng, x, w, padding):
    x, w = rng.normal(size=x), rng.normal(size=w)
    check_close(kernels.general(x, w, padding)[0], by_loops(x, w, padding), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", [np.ascontiguousarray, channels_last])
@pytest.mark.parametrize("buffer", [1, 2**20], ids=["an image at a time", "all images at once"])
@pytest.mark.parametrize(("x", "w", "padding"), SHAPES, ids=str)
@pytest.mark.parametrize("kernel", FAST, ids=lambda kernel: kernel.__name__)
def test_fast_kernels_equal_the_general_one(rng, monkeypatch, kernel, x, w, padding, buffer, order):
    monkeypatch.setattr(kernels, "BUFFER", buffer)
    x, w = rng.normal(size=x), rng.normal(size=w)
    expected = everything(kernels.general, x, w, padding)
    found = everything(kernel, x, w, padding, order)
    for name, a, b in zip(["result", "dx", "dw"], found, expected, strict=True):
        check_close(a, b, rtol=1e-9, atol=1e-11, name=name)


@pytest.mark.parametrize("run", range(1, 10))
def test_toeplitz_with_every_run(rng, run):
    x, w, padding = rng.normal(size=(2, 3, 5, 9)), rng.normal(size=(4, 3, 3, 3)), ((1, 1), (0, 1))
    expected = everything(kernels.general, x, w, padding)
    found = everything(lambda *inputs: kernels.toeplitz(*inputs, run=run), x, w, padding)
    for a, b in zip(found, expected, strict=True):
        check_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("stride", "dilation"), [((1, 1), (1, 1)), ((2, 1), (1, 2)), ((3, 2), (2, 1))])
def test_depthwise_equals_the_general_kernel(rng, stride, dilation):
    x, w, padding = rng.normal(size=(2, 3, 8, 9)), rng.normal(size=(3, 1, 3, 2)), ((1, 1), (0, 1))
    general = lambda x, w, padding: kernels.general(x, w, padding, stride, dilation, groups=3)  # noqa: E731
    depthwise = lambda x, w, padding: kernels.depthwise(x, w, padding, stride, dilation)  # noqa: E731
    expected = everything(general, x, w, padding)
    for a, b in zip(everything(depthwise, x, w, padding, channels_last), expected, strict=True):
        check_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("w", [(4, 2, 3, 3), (4, 20, 3, 3)], ids=["few channels", "many channels"])
def test_weights_alone_two_passes_and_a_frozen_layer(rng, w):
    """The order in which gradients are asked for, and which are, changes none of them."""
    x, w = rng.normal(size=(2, w[1], 6, 6)), rng.normal(size=w)

    def gradients(x_wanted, w_wanted, passes=1):
        a, b = Tensor(x, requires_grad=x_wanted), Tensor(w, requires_grad=w_wanted)
        y = F.conv2d(a, b, padding=1)
        g = np.random.default_rng(2).normal(size=y.shape)
        for i in range(passes):
            y.backward((i + 1) * g, retain_graph=True)
        return a.grad, b.grad

    dx, dw = gradients(True, True)
    check_close(gradients(True, False)[0], dx, rtol=1e-12, atol=1e-12)
    check_close(gradients(False, True)[1], dw, rtol=1e-10, atol=1e-12)
    for twice, once in zip(gradients(True, True, passes=2), (dx, dw), strict=True):
        check_close(twice, 3 * once, rtol=1e-10, atol=1e-11)


def test_channels_innermost_in_memory_change_nothing(rng):
    x, w, b = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    results = []
    for order in (np.ascontiguousarray, channels_last):
        leaves = [
            Tensor(order(x), requires_grad=True),
            Tensor(w, requires_grad=True),
            Tensor(b, requires_grad=True),
        ]
        y = F.conv2d(*leaves, padding=1)
        y.backward(order(np.random.default_rng(3).normal(size=y.shape)))
        results.append([y.data, *(leaf.grad for leaf in leaves)])
    for a, b in zip(*results, strict=True):
        check_close(a, b, rtol=1e-10, atol=1e-12)


def test_transposed_convolution_is_the_adjoint(rng):
    x, y, w = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(2, 4, 4, 3)), rng.normal(size=(4, 3, 3, 2))
    settings = {"stride": 2, "padding": (1, 0)}
    there = np.sum(F.conv2d(x, w, **settings).data * y)
    back = np.sum(F.conv_transpose2d(y, w, output_padding=0, **settings).data * x)
    assert there == pytest.approx(back)


def test_the_choice_of_a_kernel(rng, monkeypatch):
    used = []
    for name in ("general", "blocked", "toeplitz", "depthwise"):
        monkeypatch.setattr(kernels, name, lambda *_, name=name: used.append(name) or (None, (None, None)))

    def choose(x, w, stride=(1, 1), groups=1):
        kernels.choose(np.zeros(x), np.zeros(w), ((0, 0), (0, 0)), stride, (1, 1), groups)
        return used[-1]

    assert choose((2, 1, 8, 8), (4, 1, 3, 3)) == "toeplitz"
    assert choose((2, 32, 8, 8), (4, 32, 3, 3)) == "blocked"
    assert choose((2, 3, 8, 8), (4, 3, 1, 1)) == "blocked"
    assert choose((2, 4, 8, 8), (4, 1, 3, 3), groups=4) == "depthwise"
    assert choose((2, 4, 8, 8), (4, 2, 3, 3), groups=2) == "general"
    assert choose((2, 32, 8, 8), (4, 32, 3, 3), stride=(2, 2)) == "general"
    assert choose((0, 32, 8, 8), (4, 32, 3, 3)) == "general"


ZEROS = np.zeros
CONV = [
    ((2, 28, 28, 3), (6, 3, 5, 5), {}, r"\(N, 3, H, W\) but got \(2, 28, 28, 3\).*x.transpose\(0, 3, 1, 2\)"),
    ((3, 8, 8), (6, 3, 5, 5), {}, r"x\[None\]"),
    ((7, 8, 8), (6, 1, 5, 5), {}, r"x\[:, None\]"),
    ((2, 4, 8, 8), (6, 3, 5, 5), {}, r"\(N, 3, H, W\) but got \(2, 4, 8, 8\): the weight is"),
    ((2, 3, 8, 8), (6, 3, 5), {}, r"weight \(O, C / groups, kh, kw\) but got"),
    ((2, 4, 8, 8), (5, 2, 3, 3), {"groups": 2}, "groups=2 does not divide"),
    ((2, 3, 4, 4), (6, 3, 5, 5), {}, "enlarge the padding"),
    ((2, 3, 4, 4), (6, 3, 3, 3), {"dilation": 2}, "spans"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"padding": "same", "stride": 2}, "stride 1"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"padding": "full"}, '"same" or "valid"'),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"stride": 0}, "stride=0"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"stride": 1.5}, "stride=1.5"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"padding": -1}, "padding=-1"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"padding": (1, 1, 1)}, "3 numbers where 2"),
    ((2, 3, 8, 8), (6, 3, 3, 3), {"bias": ZEROS(3)}, r"bias \(6,\) but got \(3,\)"),
]


@pytest.mark.parametrize(("x", "w", "settings", "says"), CONV)
def test_mistakes_are_explained(x, w, settings, says):
    with pytest.raises(ValueError, match=says):
        F.conv2d(np.zeros(x), np.zeros(w), **settings)


@pytest.mark.parametrize(
    ("x", "settings", "says"),
    [
        ((2, 3, 4, 4), {}, r"\(N, 4, H, W\)"),
        ((2, 4, 4, 4), {"output_padding": 2, "stride": 2}, "output_padding=2 must be below"),
        ((2, 4, 1, 1), {"padding": 3}, "too large"),
        ((2, 4, 4, 4), {"bias": ZEROS(4)}, r"bias \(3,\)"),
    ],
)
def test_mistakes_in_transposed_convolution_are_explained(x, settings, says):
    with pytest.raises(ValueError, match=says):
        F.conv_transpose2d(np.zeros(x), np.zeros((4, 3, 3, 3)), **settings)


def test_linear_explains_mistakes():
    with pytest.raises(ValueError, match=r"\(..., 784\).*got \(64, 28, 28\): flatten .*x.reshape\(64, -1\)"):
        F.linear(np.zeros((64, 28, 28)), np.zeros((10, 784)))
    with pytest.raises(ValueError, match=r"weight.T"):
        F.linear(np.zeros(784), np.zeros((784, 10)))
    with pytest.raises(ValueError, match=r"a weight \(out, in\) but got \(10,\)"):
        F.linear(np.zeros((2, 3)), np.zeros(10))
    with pytest.raises(ValueError, match=r"bias \(10,\).*got \(3,\)"):
        F.linear(np.zeros((2, 3)), np.zeros((10, 3)), np.zeros(3))


def test_the_run_divides_the_width_where_it_can():
    assert [kernels.best_run(*sizes) for sizes in [(28, 5), (10, 5), (32, 3), (13, 3)]] == [7, 5, 4, 2]
    assert [kernels.best_run(width, 5) for width in (1, 2, 3)] == [1, 2, 3]
