"""Ops over many shapes, their errors, and the methods of Tensor."""

import subprocess
import sys

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


def test_two_axes_alone_are_exchanged():
    x = tensor(2, 3, 4)
    for axes in [(0, 1), (1, 2), (-2, -1), (2, 0)]:
        check_close(x.transpose(*axes).data, x.data.swapaxes(*axes))
        check_close(x[0].transpose(-2, -1).data, x.data[0].T)
    gradcheck(lambda t: t.transpose(1, 2) * 2, normal((2, 3, 4)))
    assert x[0].permute(0, 1).shape == (3, 4)  # a permutation, as ever


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


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.view(3, 2),
        lambda x: x.view(-1),
        lambda x: x.t(),
        lambda x: x.clone(),
        lambda x: x.clamp(0.0),
        lambda x: x.clamp(max=0.5),
        lambda x: x.chunk(2, dim=1)[1],
        lambda x: x.softmax(dim=1),
        lambda x: x.log_softmax(0),
        lambda x: x.std(),
        lambda x: x.std(0, keepdim=True),
        lambda x: x.var(dim=0, unbiased=False),
        lambda x: x.var(1, False),
        lambda x: x.requires_grad_() * 2,
    ],
)
def test_methods_of_pytorch(f):
    torch = pytest.importorskip("torch")
    x = normal((2, 3))
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    a, b = f(ours), f(theirs)
    weights = normal(a.shape, 1)
    (a * weights).sum().backward()
    (b * torch.tensor(weights)).sum().backward()
    check_close(a.data, b.detach().numpy(), rtol=1e-12)
    check_close(ours.grad, theirs.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_what_a_tensor_says_of_itself():
    x = tensor(2, 3)
    assert (x.dim(), x.numel(), x.tolist()) == (2, 6, x.data.tolist())
    assert x.argmax(1, keepdim=True).shape == (2, 1) and x.argmin() == x.data.argmin()
    assert not np.shares_memory(x.clone().data, x.data)
    masked = x.masked_fill(x > 0, -np.inf)
    assert np.array_equal(masked.data, np.where(x.data > 0, -np.inf, x.data)) and masked.dtype == np.float32
    assert x.detach().requires_grad_().requires_grad and not x.requires_grad_(False).requires_grad
    with pytest.raises(RuntimeError, match="made by mul: only leaves lose requires_grad"):
        (tensor(2) * 2).requires_grad_(False)


def test_dim_is_axis_for_cat_and_stack():
    x = tensor(2, 3)
    assert ops.cat([x, x], dim=1).shape == (2, 6) and ops.stack([x, x], dim=-1).shape == (2, 3, 2)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("norm", r"no attribute 'norm': use \(x \* x\)\.sum\(\)\.sqrt\(\)$"),
        ("long", r"x\.data\.astype\(int\)"),
        ("zero_", r"x\.data\[\.\.\.\] = .* no method changes a Tensor in place"),
        ("sin", r"use np\.sin\(x\.data, \.\.\.\), which has no gradient"),
        ("zzz", r"Tensor has no attribute 'zzz'$"),
    ],
)
def test_methods_that_are_missing_are_explained(name, says):
    with pytest.raises(AttributeError, match=says):
        getattr(tensor(2), name)


def test_methods_are_there_before_anyone_imports_them():
    code = (
        "from utils.tensor import Tensor; x = Tensor([1.0, 2.0]); print(x.sum().item(), Tensor([2.0]) == 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "3.0 [ True]\n", done.stderr


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
        (lambda x: x.gather(1, [[-1]]), IndexError, r"from -1 to -1, but axis 1 of \(2, 3\) has 0 to 2"),
        (lambda x: x.gather(1, [[0, 3]]), IndexError, r"from 0 to 3"),
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
        (lambda x: x.transpose(0, 2), ValueError, r"axis 2 is out of range for \(2, 3\): expected -2 to 1"),
        (lambda x: x.permute(0, 0), ValueError, r"needs all 2 axes .* but got \(0, 0\): swapaxes\(a, b\)"),
        (lambda x: x.permute(1), ValueError, r"needs all 2 axes of \(2, 3\), each once, but got \(1,\)"),
        (lambda x: x.permute(0, 2), ValueError, "swapaxes"),
        (lambda x: tensor(2, 3, 4).t(), ValueError, r"t\(\) is of matrices but the shape is \(2, 3, 4\)"),
        (lambda x: x.reshape(5, -1), ValueError, r"cannot reshape \(2, 3\) to \(5, -1\): .* must be 6"),
        (lambda x: ops.cat([]), ValueError, "concatenate got an empty list"),
        (lambda x: ops.stack([]), ValueError, "stack got an empty list"),
        (lambda x: ops.cat([x, x.T]), ValueError, r"shapes \(2, 3\), \(3, 2\) along axis 0: they need"),
        (
            lambda x: ops.stack([x, x.T]),
            ValueError,
            r"cannot stack shapes \(2, 3\), \(3, 2\): all must be equal",
        ),
        (
            lambda x: ops.einsum("ij,jk->ik", x, x),
            ValueError,
            r"'ij,jk->ik' does not fit shapes \(2, 3\), \(2, 3\)",
        ),
        (lambda x: ops.einsum("ijk->i", x), ValueError, r"'ijk->i' does not fit shapes \(2, 3\)"),
        (lambda x: x.flatten(1, 0), ValueError, "the first comes after the last"),
    ],
)
def test_mistakes(f, error, says):
    with pytest.raises(error, match=says):
        f(tensor(2, 3))
