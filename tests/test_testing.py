"""The ruler itself is measured: numeric derivatives against known ones, checks against wrong answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from utils.testing import check_close, check_gradient, numeric_gradient, numeric_jacobian, relative_error

METHODS = {"central": 1e-9, "forward": 1e-4, "complex": 1e-10}  # at the default step
moderate = st.floats(-10, 10, allow_subnormal=False).map(lambda number: round(number, 3))
some_arrays = arrays(np.float64, array_shapes(max_dims=3, max_side=4), elements=moderate)


def smooth(x):
    return np.sum(np.sin(x) * np.exp(x / 4))


def smooth_gradient(x):
    return (np.cos(x) + np.sin(x) / 4) * np.exp(x / 4)


@pytest.mark.parametrize(("method", "tol"), METHODS.items())
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 1, 4)])
def test_gradient_of_each_method(method, tol, shape):
    x = np.random.default_rng(0).normal(size=shape)
    gradient = numeric_gradient(smooth, x, method=method)
    assert gradient.shape == shape and gradient.dtype == np.float64
    assert relative_error(gradient, smooth_gradient(x)) < tol


def test_order_of_the_methods():
    """Ten times the step: ten times the error forward, a hundred times otherwise."""
    exact = smooth_gradient(1.0)
    for method, order in (("forward", 1), ("central", 2), ("complex", 2)):
        near, far = (abs(numeric_gradient(smooth, 1.0, eps, method) - exact) for eps in (1e-4, 1e-3))
        assert far / near == pytest.approx(10**order, rel=0.05)


def test_complex_step_has_no_rounding_error_at_a_tiny_step():
    assert numeric_gradient(smooth, 1.0, 1e-200, "complex") == pytest.approx(smooth_gradient(1.0), rel=1e-15)
    assert numeric_gradient(smooth, 1.0, 1e-16, "central") != pytest.approx(smooth_gradient(1.0), rel=1e-2)


@given(some_arrays)
def test_gradient_of_a_quadratic(x):
    assert np.allclose(numeric_gradient(lambda v: 0.5 * np.sum(v * v), x), x, rtol=1e-6, atol=1e-7)


@given(some_arrays)
def test_the_point_is_not_changed(x):
    before = x.copy()
    numeric_gradient(np.sum, x)
    assert np.array_equal(x, before)


@given(arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=moderate))
def test_jacobian_of_a_linear_map_is_its_matrix(A):
    x = np.ones(A.shape[1])
    assert np.allclose(numeric_jacobian(lambda v: A @ v, x), A, atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("f", "x", "shape"),
    [
        (lambda v: v.sum(), np.ones((2, 3)), (2, 3)),
        (lambda v: np.outer(v, v), np.ones(3), (3, 3, 3)),
        (lambda v: v @ np.ones((3, 4)), np.ones((2, 3)), (2, 4, 2, 3)),
        (lambda v: np.stack([v, v * v]), np.float64(2), (2,)),
        (lambda v: v[:0], np.ones(3), (0, 3)),
    ],
)
def test_shape_of_a_jacobian(method, f, x, shape):
    assert numeric_jacobian(f, x, method=method).shape == shape


def test_gradient_of_nothing():
    assert numeric_gradient(np.sum, np.zeros(0)).shape == (0,)
    assert numeric_gradient(lambda x: x.sum(), np.zeros((2, 0))).shape == (2, 0)


@pytest.mark.parametrize("x", [3, [1, 2], [[1], [2]], np.arange(3), np.float32([1, 2]), (0.5, 1.5)])
def test_integers_lists_and_float32_are_taken_as_float64(x):
    gradient = numeric_gradient(lambda v: np.sum(v**2), x)
    assert gradient.dtype == np.float64
    assert np.allclose(gradient, 2 * np.asarray(x), atol=1e-9)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: numeric_gradient(lambda x: x, np.ones(2)), r"shape \(2,\).*sum or average"),
        (lambda: numeric_gradient(np.sum, np.ones(2), method="backward"), "'backward'.*'central'"),
        (lambda: numeric_gradient(np.sum, ["a"]), "dtype <U1.*real numbers"),
        (lambda: numeric_gradient(np.sum, [1j]), "dtype complex128"),
        (lambda: numeric_gradient(np.sum, [True]), "dtype bool"),
        (lambda: numeric_gradient(np.sum, [None]), "dtype object"),
    ],
)
def test_errors_of_derivatives_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: -smooth_gradient(x),
        lambda x: 2 * smooth_gradient(x),
        lambda x: smooth_gradient(x) + 1e-5,
        lambda x: np.roll(smooth_gradient(x), 1),
        lambda x: np.zeros_like(x),
        lambda x: np.where(np.arange(x.size) == 1, np.nan, smooth_gradient(x)),
        lambda x: smooth_gradient(x) * np.inf,
    ],
)
def test_check_gradient_catches_a_wrong_derivative(wrong):
    x = np.array([0.5, -1.0, 2.0])
    with pytest.raises(AssertionError, match=r"gradient\[\d\] = .*finite differences give"):
        check_gradient(smooth, x, wrong(x))


@given(some_arrays)
def test_check_gradient_passes_the_right_one(x):
    def f(v):
        return np.sum(np.tanh(v)) + np.sum(v)

    check_gradient(f, x, 2 - np.tanh(x) ** 2)


@given(some_arrays, st.integers(0), st.sampled_from([1e-4, -0.5, 3.0, np.nan]))
def test_check_gradient_finds_one_wrong_entry(x, place, amount):
    gradient = 2 - np.tanh(x) ** 2
    index = np.unravel_index(place % x.size, x.shape)
    gradient[index] += amount
    with pytest.raises(AssertionError) as caught:
        check_gradient(lambda v: np.sum(np.tanh(v)) + np.sum(v), x, gradient)
    assert f"[{', '.join(map(str, index))}]" in str(caught.value)


def test_check_gradient_names_the_worst_entry_and_both_values():
    with pytest.raises(AssertionError) as caught:
        check_gradient(lambda v: np.sum(v**2), np.ones((2, 2)), [[2, 2], [2, 5.0]])
    assert str(caught.value).startswith("gradient[1, 1] = 5, but finite differences give 2")
    with pytest.raises(AssertionError, match=r"shape \(2,\), but x has shape \(2, 1\)"):
        check_gradient(np.sum, np.ones((2, 1)), np.ones(2))


def test_check_gradient_where_the_function_is_nan():
    with pytest.raises(AssertionError, match="finite differences give nan"):
        check_gradient(lambda v: np.sum(v) * np.nan, np.ones(2), np.ones(2))


@given(some_arrays)
def test_check_close_passes_equals_and_catches_a_nan(x):
    check_close(x, x.copy(), rtol=0.0)
    x.flat[0] = np.nan
    with pytest.raises(AssertionError, match="= nan"):
        check_close(x, x.copy())


@pytest.mark.parametrize(
    ("actual", "expected", "says"),
    [
        ([1.0, 2.0], [1.0, 2.5], r"result\[1\] = 2, expected 2.5 \(1 of 2 entries"),
        ([[1.0, 9.0], [3.0, 5.0]], [[1.0, 2.0], [3.0, 4.0]], r"result\[0, 1\] = 9, expected 2 \(2 of 4"),
        (np.ones((2, 1)), np.ones(2), r"shape \(2, 1\), expected \(2,\)"),
        (1.0, 1.1, r"result = 1, expected 1.1"),
        ([np.inf], [1.0], "= inf, expected 1"),
        ([1.0], [np.inf], "= 1, expected inf"),
        ([np.inf], [-np.inf], "= inf, expected -inf"),
        ([1.0, np.nan], [5.0, 1.0], r"result\[1\] = nan"),
        (3, 4, "result = 3, expected 4"),
        (np.uint8([1]), np.uint8([2]), "= 1, expected 2"),
        ([True, True], [True, False], r"result\[1\] = 1, expected 0"),
    ],
)
def test_check_close_says_where(actual, expected, says):
    with pytest.raises(AssertionError, match=says):
        check_close(actual, expected)


@pytest.mark.filterwarnings("error")
def test_check_close_passes_what_is_equal():
    for values in ([np.inf, -np.inf], [True, False], np.uint8([0, 255]), [], 3, 1 + 2j):
        check_close(values, values, rtol=0.0)
    check_close(np.uint8([3]), np.uint8([5]), atol=2)


def test_check_close_has_two_tolerances():
    check_close([1.0, 100.0], [1.05, 105.0], rtol=0.05)
    check_close([0.0], [1e-9], atol=1e-8)
    with pytest.raises(AssertionError):
        check_close([0.0], [1e-9])
    with pytest.raises(AssertionError, match=r"^dW\[0\]"):
        check_close([0.0], [1.0], name="dW")


@given(some_arrays, some_arrays)
def test_relative_error_is_symmetric_and_scale_free(x, y):
    if x.shape == y.shape:
        assert relative_error(x, y) == relative_error(y, x)
        assert relative_error(4 * x, 4 * y) == pytest.approx(relative_error(x, y))
        assert relative_error(x, y) <= 2


@pytest.mark.parametrize(
    ("actual", "expected", "error"),
    [([0, 0], [0, 0], 0.0), ([], [], 0.0), ([2.0], [1.0], 0.5), ([1e-9, 1.0], [0.0, 1.0], 1e-9), (3, 3, 0.0)],
)
def test_relative_error_by_hand(actual, expected, error):
    assert relative_error(actual, expected) == error


def test_relative_error_of_nan_is_never_small():
    assert not relative_error([np.nan], [1.0]) <= 1e9
    assert not relative_error([1.0], [np.nan]) <= 1e9
    assert not relative_error([np.inf, 1.0], [np.inf, 1.0]) <= 1e9


def test_against_pytorch():
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    x = np.random.default_rng(0).normal(size=(3, 4))
    leaf = torch.tensor(x, requires_grad=True)
    torch.logsumexp(leaf, dim=1).square().sum().backward()

    def f(v):
        return np.sum(np.log(np.exp(v).sum(axis=1)) ** 2)

    check_gradient(f, x, leaf.grad.numpy(), tol=1e-9)
    assert relative_error(numeric_gradient(f, x, 1e-20, "complex"), leaf.grad.numpy()) < 1e-14
