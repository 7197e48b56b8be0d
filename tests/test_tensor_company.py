"""What Tensors are made of and what they meet: dtypes, arrays, numbers, operators that are not theirs."""

import numpy as np
import pytest

from utils.tensor import Tensor, no_grad
from utils.testing import check_close


def leaf(*shape, value=None, dtype=np.float32):
    data = np.random.default_rng(0).normal(size=shape) if value is None else np.asarray(value)
    return Tensor(data.astype(dtype), requires_grad=True)


def test_dtypes():
    assert Tensor(np.ones(2)).dtype == np.float64
    for data in (1.5, [1, 2.5], np.arange(3), np.ones(2, np.float16), [True, False], np.int64(3)):
        assert Tensor(data).dtype == np.float32
    for data in (["a"], np.ones(2, complex), [None]):
        with pytest.raises(TypeError, match="a Tensor holds real numbers"):
            Tensor(data)
    with pytest.raises(ValueError, match="rows of one length: pad the shorter ones"):
        Tensor([[1, 2], [3]])


def test_a_tensor_of_pytorch_is_refused_with_the_remedy():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"got torch\.float32 of torch: give x\.numpy\(\)"):
        Tensor(torch.ones(2))


@pytest.mark.parametrize(
    "other", [2, 2.5, True, np.float64(2), np.int64(2), np.arange(1, 4), np.ones(3), [1, 2, 3], np.sqrt(8)]
)
@pytest.mark.parametrize(
    "f", [lambda x, y: x + y, lambda x, y: y + x, lambda x, y: y * x, lambda x, y: x / y, lambda x, y: y - x]
)
def test_what_meets_a_float32_tensor_becomes_float32(f, other):
    x = leaf(3)
    out = f(x, other)
    assert isinstance(out, Tensor) and out.dtype == np.float32
    out.sum().backward()
    assert x.grad.dtype == np.float32
    check_close(out.data, f(x.data.astype(float), np.asarray(other, float)), rtol=1e-5)


def test_arrays_and_tensors_meet_from_both_sides():
    x, A = leaf(2, 3), np.ones((2, 2))
    assert isinstance(A @ x, Tensor) and (A @ x).shape == (2, 3)
    check_close((np.ones((2, 3)) - x).data, 1 - x.data)


def test_numpy_reads_a_tensor_as_its_array():
    x = leaf(2, 3)
    assert np.asarray(x) is x.data and np.array(x, float).dtype == np.float64
    assert np.array([x, x]).shape == (2, 2, 3) and np.allclose(x, x.data)
    with pytest.raises(TypeError, match="does not support ufuncs"):
        np.exp(x)  # which would forget the gradient


@pytest.mark.parametrize("other", [[1.0, 5.0], np.array([1.0, 5.0]), Tensor([1.0, 5.0])])
def test_equality_goes_entry_by_entry(other):
    x = leaf(value=[1.0, 2.0])
    for equal, unequal in ((x == other, x != other), (other == x, other != x)):
        assert type(equal) is type(unequal) is np.ndarray
        assert equal.tolist() == [True, False] and unequal.tolist() == [False, True]
    assert {x: 1}[x] == 1 and len({x, Tensor([1.0, 2.0])}) == 2


def test_a_leaf_is_not_changed_in_place_by_an_operator():
    w, grad = leaf(3), np.ones(3, np.float32)
    with no_grad():
        with pytest.raises(TypeError, match=r"write x\.data -= \.\.\."):
            w -= 0.1 * grad
        with pytest.raises(TypeError, match="not changed in place"):
            w /= 2
        with pytest.raises(TypeError, match=r"write x\.data\[\.\.\.\] = "):
            w[0] = 3
    total = Tensor(0.0)
    for _ in range(2):
        total += (w * 2).sum()
    total.backward()
    check_close(w.grad, [4, 4, 4])


def test_a_number_has_no_entries():
    with pytest.raises(TypeError, match=r"x\.item\(\) is its value"):
        list(Tensor(5.0))


def test_two_dtypes_of_tensors_raise():
    with pytest.raises(
        TypeError,
        match=r"add got Tensors of different dtypes \(float32, float64\): convert one with x.astype.*model\.to",
    ):
        leaf(3) + leaf(3, dtype=np.float64)
