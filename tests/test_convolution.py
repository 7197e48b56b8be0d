"""Convolution: every fast kernel against a plain one, that against the definition, and what a learner gets wrong."""

import tracemalloc

import numpy as np
import pytest

import utils.functional as F
from utils.functional import _conv_kernels as kernels
from utils.functional._windows import assign, taps
from utils.tensor import Tensor
from utils.testing import check_close


@pytest.fixture
def rng():
    return np.random.default_rng(0)


Settings = kernels.Settings
NONE, ONE = ((0, 0), (0, 0)), ((1, 1), (1, 1))
SHAPES = [
    ((3, 5, 7, 9), (4, 5, 3, 3), Settings(ONE)),
    ((2, 3, 8, 8), (6, 3, 5, 5), Settings(((2, 2), (2, 2)))),
    ((2, 1, 6, 14), (2, 1, 1, 5), Settings()),
    ((1, 2, 9, 4), (3, 2, 4, 1), Settings(((1, 2), (0, 0)))),
    ((2, 17, 5, 13), (3, 17, 2, 2), Settings(((0, 1), (0, 1)))),
    ((2, 3, 3, 3), (2, 3, 3, 3), Settings()),
    ((2, 3, 4, 4), (2, 3, 2, 2), Settings(((3, 2), (4, 3)))),
    ((5, 4, 6, 6), (7, 4, 1, 1), Settings()),
    ((1, 1, 1, 1), (1, 1, 1, 1), Settings()),
    # strides
    ((3, 4, 9, 8), (5, 4, 3, 3), Settings(ONE, (2, 2))),
    ((2, 3, 11, 12), (4, 3, 7, 7), Settings(((3, 3), (3, 3)), (2, 2))),
    ((2, 4, 7, 7), (6, 4, 1, 1), Settings(stride=(2, 2))),
    ((2, 3, 8, 9), (4, 3, 4, 4), Settings(((2, 0), (1, 3)), (4, 4))),
    ((1, 2, 9, 8), (2, 2, 2, 3), Settings(stride=(1, 3))),
    ((2, 2, 10, 9), (3, 2, 2, 3), Settings(stride=(3, 2))),
]
DILATED = [
    ((2, 3, 8, 9), (4, 3, 3, 3), Settings(((2, 2), (2, 2)), dilation=(2, 2))),
    ((2, 3, 8, 9), (4, 3, 3, 2), Settings(ONE, (2, 1), (1, 3))),
    ((2, 4, 6, 5), (6, 2, 3, 3), Settings(ONE, groups=2)),
    ((2, 4, 3, 3), (6, 2, 1, 1), Settings(groups=2)),
    ((2, 6, 7, 8), (3, 2, 3, 2), Settings(ONE, (2, 3), (2, 1), 3)),
    ((2, 3, 5, 5), (6, 1, 3, 3), Settings(ONE, groups=3)),
]
DEPTHWISE = [
    ((2, 3, 8, 9), (3, 1, 3, 2), Settings(((1, 1), (0, 1)), stride, dilation, 3))
    for stride, dilation in [((1, 1), (1, 1)), ((2, 1), (1, 2)), ((1, 2), (2, 2)), ((3, 2), (2, 1))]
] + [((2, 3, 4, 4), (3, 1, 2, 2), Settings(((3, 2), (4, 3)), groups=3))]
CASES = [(kernel, *shape) for kernel in (kernels.blocked, kernels.toeplitz) for shape in SHAPES]
CASES += [(kernels.blocked, *shape) for shape in DILATED + DEPTHWISE]
CASES += [(kernels.depthwise, *shape) for shape in DEPTHWISE]


def by_loops(x, w, settings):
    """The definition, one output at a time."""
    (kh, kw), (sh, sw), (dh, dw) = w.shape[2:], settings.stride, settings.dilation
    y = np.zeros((len(x), len(w), *kernels.output_size(x.shape, (kh, kw), settings)))
    x = np.pad(x, ((0, 0), (0, 0), *settings.padding))
    for n, o, i, j in np.ndindex(*y.shape):
        group = o * settings.groups // len(w) * w.shape[1]
        window = x[n, group : group + w.shape[1], i * sh :: dh, j * sw :: dw][:, :kh, :kw]
        y[n, o, i, j] = np.sum(window * w[o])
    return y


def plain(x, w, settings):
    """A product of matrices for each tap, with the gradients; groups are zeros between the others' channels."""
    (_, c, height, width), (o, per, *kernel), s = x.shape, w.shape, settings
    out = kernels.output_size(x.shape, tuple(kernel), s)
    full = np.pad(x, ((0, 0), (0, 0), *s.padding))
    dense, own = (
        np.zeros((o, c, *kernel)),
        np.arange(o)[:, None],
    )
    mine = np.arange(o)[:, None] * s.groups // o * per + np.arange(per)
    dense[own, mine] = w
    seen = list(taps(tuple(kernel), s.stride, s.dilation, out))
    y = sum(np.einsum("nchw,oc->nohw", full[at], dense[:, :, i, j]) for (i, j), at in seen)

    def dx(g):
        result, ((top, _), (left, _)) = np.zeros_like(full), s.padding
        for (i, j), at in seen:
            result[at] += np.einsum("nohw,oc->nchw", g, dense[:, :, i, j])
        return result[:, :, top : top + height, left : left + width]

    def dw(g):
        flat = [np.einsum("nohw,nchw->oc", g, full[at]) for _, at in seen]
        return np.stack(flat, axis=-1).reshape(dense.shape)[own, mine]

    return y, (dx, dw)


def channels_last(x):
    return kernels.first(np.ascontiguousarray(kernels.last(x)))


def everything(kernel, x, w, settings, order=np.ascontiguousarray):
    y, (dx, dw) = kernel(order(x), w, settings)
    g = order(np.random.default_rng(1).normal(size=y.shape))
    return y, dx(g), dw(g), dw(2 * g)  # the second time without what dx has found


def check_equal(found, expected):
    for name, a, b in zip(["result", "dx", "dw", "dw alone"], found, expected, strict=True):
        check_close(a, b, rtol=1e-9, atol=1e-11, name=name)


@pytest.mark.parametrize(("x", "w", "settings"), SHAPES + DILATED + DEPTHWISE, ids=str)
def test_the_plain_kernel_is_the_definition(rng, x, w, settings):
    x, w = rng.normal(size=x), rng.normal(size=w)
    check_close(plain(x, w, settings)[0], by_loops(x, w, settings), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", [np.ascontiguousarray, channels_last])
@pytest.mark.parametrize("buffer", [1, 2500, 2**20], ids=["a line at a time", "some", "all at once"])
@pytest.mark.parametrize(
    ("kernel", "x", "w", "settings"), CASES, ids=lambda value: getattr(value, "__name__", str(value))
)
def test_fast_kernels_equal_the_plain_one(rng, monkeypatch, kernel, x, w, settings, buffer, order):
    monkeypatch.setattr(kernels, "BUFFER", buffer)
    monkeypatch.setattr(kernels, "KEPT", buffer)
    x, w = rng.normal(size=x), rng.normal(size=w)
    check_equal(everything(kernel, x, w, settings, order), everything(plain, x, w, settings))


@pytest.mark.parametrize("buffer", [1, 2**20], ids=["a line at a time", "all at once"])
@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize(("x", "w", "settings"), SHAPES + DILATED + DEPTHWISE, ids=str)
def test_the_transposed_kernel_equals_the_gradients_of_the_plain_one(
    rng, monkeypatch, x, w, settings, extra, buffer
):
    monkeypatch.setattr(kernels, "BUFFER", buffer)
    x, w = rng.normal(size=x), rng.normal(size=w)
    y, (dx, dw) = plain(x, w, settings)
    g = rng.normal(size=y.shape)
    size = tuple(m + extra * (s > 1) for m, s in zip(x.shape[2:], settings.stride, strict=True))
    image, (back, weigh) = kernels.transposed(g, w, settings, size)
    check_close(image[:, :, : x.shape[2], : x.shape[3]], dx(g), rtol=1e-9, atol=1e-11)
    x = np.pad(x, ((0, 0), (0, 0), *((0, a - b) for a, b in zip(size, x.shape[2:], strict=True))))
    y, (_, dw) = plain(x, w, settings)
    y, ahead = y[:, :, : g.shape[2], : g.shape[3]], np.zeros_like(y)
    ahead[:, :, : g.shape[2], : g.shape[3]] = g
    for a, b in zip((back(x), weigh(x), weigh(x)), (y, dw(ahead), dw(ahead)), strict=True):
        check_close(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("run", range(1, 10))
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (1, 3)])
def test_toeplitz_with_every_run(rng, run, stride):
    x, w, settings = (
        rng.normal(size=(2, 3, 5, 9)),
        rng.normal(size=(4, 3, 3, 3)),
        Settings(((1, 1), (0, 1)), stride),
    )
    found = everything(lambda *inputs: kernels.toeplitz(*inputs, run=run), x, w, settings)
    check_equal(found, everything(plain, x, w, settings))


def test_one_by_one_is_a_plain_product(rng):
    x, parts = rng.normal(size=(4, 6, 6, 3)), []
    for _, rows in kernels.unrolled(x, (1, 1), Settings(), (6, 6)):
        assert rows.shape == (1, 4 * 36, 3) and np.shares_memory(rows, x)
        parts.append(rows)
    assert len(parts) == 1


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_columns_of_the_whole_batch_are_never_held(rng, monkeypatch, stride):
    monkeypatch.setattr(kernels, "BUFFER", 2**14)
    x, w = rng.normal(size=(8, 8, 32, 32)), rng.normal(size=(8, 8, 5, 5))
    tracemalloc.start()
    everything(kernels.blocked, x, w, Settings(((2, 2), (2, 2)), stride))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 7 * x.nbytes  # the columns are 25 times the images at stride 1, 6 times at stride 2


@pytest.mark.parametrize("shape", [(2, 3, 4, 20), (1, 8, 8, 32), (2, 0, 3, 4), (1, 1, 1, 1)])
def test_an_array_laid_out_anew_is_the_same(rng, shape):
    source = np.asarray(rng.normal(size=shape), np.float32).transpose(0, 2, 3, 1)
    for x in (source, rng.normal(size=(3, 32, 32, 40)).transpose(0, 2, 1, 3)[::2, ..., ::-1]):
        target = np.full(x.shape, np.nan, x.dtype)
        assign(target, x)
        np.testing.assert_array_equal(target, x)


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


def test_the_choice_of_a_kernel(monkeypatch):
    used = []
    for name in ("blocked", "toeplitz", "depthwise"):
        monkeypatch.setattr(kernels, name, lambda *_, name=name: used.append(name) or (None, (None, None)))

    def choose(x, w, **settings):
        kernels.choose(np.zeros(x), np.zeros(w), Settings(**settings))
        return used[-1]

    assert choose((2, 1, 8, 8), (4, 1, 3, 3)) == "toeplitz"
    assert choose((2, 3, 8, 8), (4, 3, 7, 7), stride=(2, 2)) == "toeplitz"
    assert choose((2, 32, 8, 8), (4, 32, 3, 3)) == "blocked"
    assert choose((2, 3, 8, 8), (4, 3, 1, 1)) == "blocked"
    assert choose((2, 3, 8, 8), (4, 3, 3, 3), stride=(4, 4)) == "blocked"
    assert choose((2, 3, 8, 8), (4, 3, 3, 3), dilation=(2, 2)) == "blocked"
    assert choose((2, 4, 8, 8), (4, 1, 3, 3), groups=4) == "depthwise"
    assert choose((2, 4, 8, 8), (8, 1, 3, 3), groups=4) == "blocked"
    assert choose((2, 4, 8, 8), (4, 2, 3, 3), groups=2) == "blocked"
    assert choose((0, 2, 8, 8), (4, 2, 3, 3)) == "blocked"


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
    runs = [
        ((28, 7, 6), 7),
        ((10, 7, 16), 2),
        ((32, 5, 12), 4),
        ((13, 5, 1), 2),
        ((9, 7, 64), 2),
        ((8, 3, 1), 2),
    ]
    assert [kernels.best_run(*sizes) for sizes, _ in runs] == [run for _, run in runs]
    assert [kernels.best_run(width, 5, 1) for width in (1, 2, 3)] == [1, 2, 3]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.filterwarnings("error")
def test_what_is_not_finite_stays_in_the_windows_that_hold_it(value):
    x, w = np.ones((2, 1, 12, 12), np.float32), np.ones((3, 1, 3, 3), np.float32)
    x[1, 0, 5, 6] = value
    expected = np.zeros((2, 3, 12, 12), bool)
    expected[1, :, 4:7, 5:8] = True
    np.testing.assert_array_equal(~np.isfinite(F.conv2d(x, w, padding=1).data), expected)
