"""Ops over many shapes, their errors, and the methods of Tensor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from utils import ops
from utils.tensor import Tensor
from utils.testing import check_close, gradcheck

FEW = settings(max_examples=40, deadline=None)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
PAIRS = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def tensor(*shape):
    return Tensor(normal(shape).astype(np.float32), requires_grad=True)


@FEW
@given(PAIRS, st.sampled_from([ops.add, ops.sub, ops.mul, ops.maximum, ops.minimum]))
def test_broadcasting(shapes, f):
    gradcheck(f, *[normal(shape, seed) for seed, shape in enumerate(shapes.input_shapes)])


@FEW
@given(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, max_side=3))
def test_matmul_of_all_ranks(shapes):
    x, y = [normal(shape, seed) for seed, shape in enumerate(shapes.input_shapes)]
    check_close(ops.matmul(x, y).data, (x @ y).astype(np.float64), rtol=1e-9, atol=1e-12)
    gradcheck(ops.matmul, x, y)


@FEW
@given(st.data(), SHAPES, st.sampled_from(["sum", "mean", "max", "min", "logsumexp"]), st.booleans())
def test_reductions(data, shape, name, keepdims):
    if 0 in shape and name != "sum":
        return
    axes = st.sets(st.integers(-len(shape), len(shape) - 1)).map(tuple) if shape else st.just(())
    axis = data.draw(st.none() | axes.filter(lambda a: len({i % len(shape) for i in a}) == len(a)))

    def f(x):
        return getattr(x, name)(axis=axis, keepdims=keepdims)

    x = normal(shape)
    expected = np.log(np.exp(x).sum(axis=axis, keepdims=keepdims)) if name == "logsumexp" else f(x)
    check_close(f(Tensor(x)).data, expected, rtol=1e-9, atol=1e-12)
    gradcheck(f, x)


@FEW
@given(st.data(), hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
def test_indexing(data, shape):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True) | hnp.integer_array_indices(shape))
    x = normal(shape)
    check_close(Tensor(x)[index].data, np.asarray(x[index]))
    gradcheck(lambda t: t[index], x)


@FEW
@given(hnp.arrays(bool, hnp.array_shapes(max_dims=3, max_side=4)))
def test_masks(mask):
    x = normal(mask.shape)
    check_close(Tensor(x)[mask].data, x[mask])
    gradcheck(lambda t: t[mask], x)


@FEW
@given(st.permutations(range(4)))
def test_transpose(axes):
    gradcheck(lambda x: x.transpose(*axes) * 2, normal((2, 3, 1, 2)))


@FEW
@given(st.floats(-80, 80, width=32), st.integers(-8, 8))
def test_powers(x, n):
    if x != 0 or n >= 0:
        with np.errstate(all="ignore"):
            check_close((Tensor([x]) ** n).data, np.float32([x]) ** np.float32(n), rtol=1e-5, atol=1e-37)


def test_powers_at_zero():
    x = Tensor([0.0, 2.0], requires_grad=True)
    (x**0).sum().backward()
    check_close(x.grad, [0, 0])
    x.zero_grad()
    (x**1).sum().backward()
    check_close(x.grad, [1, 1])


def test_gradients_flow_through_arrays_in_another_order():
    """The gradient of a slice of a transposed array must not be lost in a copy."""
    gradcheck(lambda x: x.T[[0, 0, 2]], normal((3, 4)))
    x = np.asfortranarray(normal((3, 4)))
    t = Tensor(x, requires_grad=True)
    t[[0, 0]].sum().backward()
    check_close(t.grad.sum(), 8)


def test_sigmoid_keeps_small_values_and_raises_no_warning():
    with np.errstate(all="raise", under="ignore"):
        out = ops.sigmoid(Tensor([-1000.0, -80.0, 80.0, 1000.0]))
    check_close(out.data, [0, np.exp(-80), 1, 1], rtol=1e-5)


def test_logsumexp_of_nothing_but_minus_infinity():
    assert Tensor([-np.inf, -np.inf]).logsumexp().item() == -np.inf


def test_names_of_numpy_and_of_pytorch():
    x = tensor(2, 3, 4)
    for a, b in [
        (x.sum(dim=1, keepdim=True), x.sum(1, True)),
        (x.mean(axis=(0, 2)), x.mean((0, 2))),
        (x.permute(2, 0, 1), x.transpose((2, 0, 1))),
        (x.reshape(6, 4), x.reshape([6, 4])),
        (x.amax(-1), x.max(dim=-1)),
        (x.clip(0), x.clip(min=0)),
        (x.var(dim=0), x.var(0, 1)),
    ]:
        check_close(a.data, b.data)
    assert x.argmax(dim=-1).shape == (2, 3) and x.argmax(dim=-1).dtype.kind == "i"
    assert (x > 0).dtype == bool and [p.shape[1] for p in x.split(2, dim=1)] == [2, 1]


def test_float32_stays_float32():
    x = tensor(3, 4)
    for f in [
        Tensor.var,
        Tensor.mean,
        Tensor.logsumexp,
        Tensor.prod,
        Tensor.sigmoid,
        lambda t: t**-0.5 if t.data.min() > 0 else t**2.0,
    ]:
        out = f(x)
        out.sum().backward()
        assert out.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("f", "error", "says"),
    [
        (
            lambda x: x @ tensor(4, 5),
            ValueError,
            r"cannot multiply \(2, 3\) by \(4, 5\): .* has 3 entries, .* has 4; transpose",
        ),
        (lambda x: x @ 2, ValueError, r"matmul needs arrays but got shapes \(2, 3\) and \(\): use \*"),
        (lambda x: x**x, TypeError, "the exponent must be a number"),
        (lambda x: x[x], TypeError, "a Tensor holds real numbers, which are no indices"),
        (lambda x: x.take([0.5]), TypeError, "take needs whole numbers but got float64"),
        (
            lambda x: x.gather(1, [0, 1]),
            ValueError,
            r"gather needs whole numbers with 2 axes but got int64 of shape \(2,\)",
        ),
        (lambda x: x.astype(int), TypeError, "float32 or float64, not int64"),
        (lambda x: x.clip(), ValueError, "min, max or both"),
        (lambda x: ops.where(x, x, x), TypeError, "array of truth values"),
        (lambda x: ops.einsum("ii->i", x), ValueError, "a subscript twice in one operand"),
        (
            lambda x: ops.einsum("ij,jk->ik", x),
            ValueError,
            "1 operands for 'ij,jk->ik', which has subscripts for 2",
        ),
        (lambda x: x.sum(0, True, 3), TypeError, "sum takes at most 2 settings but got 3"),
        (lambda x: x.var(axis=0, correction=2), ValueError, "needs more than 2 entries but got 2"),
        (lambda x: x.unsqueeze(5), ValueError, "axis=5 is out of range for 2 axes"),
        (
            lambda x: x.split([1, 1], 1),
            ValueError,
            r"sizes \(1, 1\) add up to 2, but axis 1 of \(2, 3\) has 3",
        ),
        (lambda x: ops.pad(x, (1,)), ValueError, r"pad=\(1,\) needs two numbers for each axis"),
        (
            lambda x: ops.pad(x, (1, 1), mode="mirror"),
            ValueError,
            "mode='mirror': expected one of 'constant'",
        ),
        (lambda x: x.flatten(1, 0), ValueError, "the first comes after the last"),
    ],
)
def test_mistakes(f, error, says):
    with pytest.raises(error, match=says):
        f(tensor(2, 3))
