"""Every op against finite differences (float64) and against PyTorch (float32 and float64), forward and backward."""

import numpy as np
import pytest
from cases import all_cases

import utils.functional
import utils.ops  # noqa: F401  all ops register themselves
from utils.tensor import OPS, Tensor
from utils.testing import check_close, gradcheck

CASES = all_cases()


def arrays_of(case, dtype):
    return [np.asarray(x, dtype=dtype) for x in case.inputs(np.random.default_rng(0))]


def cases_by_op():
    covered = {}
    for case in CASES:
        for name in (case.ops,) if isinstance(case.ops, str) else case.ops:
            covered.setdefault(name, []).append(case)
    return covered


def test_every_op_has_a_case_with_a_gradient_check():
    assert set(cases_by_op()) == set(OPS), "add a case to tests/cases"
    unchecked = [name for name, cases in cases_by_op().items() if not any(case.gradcheck for case in cases)]
    assert not unchecked


def test_every_op_has_a_case_with_an_outside_truth():
    pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    alone = [n for n, cases in cases_by_op().items() if not any(c.reference or c.independent for c in cases)]
    assert not alone


@pytest.mark.parametrize("case", [c for c in CASES if c.gradcheck], ids=str)
def test_gradients(case):
    seed = 2  # that of the inputs would weight a result by numbers proportional to them
    gradcheck(
        lambda *x: case.call(*x, **case.settings), *arrays_of(case, np.float64), tol=case.tol, seed=seed
    )


@pytest.mark.filterwarnings(
    "ignore:Using padding='same'", "ignore:reduction. 'mean' divides"
)  # PyTorch's advice
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", [c for c in CASES if c.reference or c.independent], ids=str)
def test_against_the_reference(case, dtype):
    arrays = arrays_of(case, dtype)
    leaves = [Tensor(x.copy(), requires_grad=True) for x in arrays]
    out = case.call(*leaves, **case.settings)
    assert out.dtype == dtype
    weights = np.random.default_rng(1).normal(size=out.shape).astype(dtype)
    out.backward(weights)
    expected, gradients = (case.independent or by_torch(case))(weights, *arrays)
    tolerance = (
        {"rtol": case.rtol, "atol": case.rtol} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-10}
    )
    check_close(out.data, expected, name="result", **tolerance)
    for i, (leaf, gradient) in enumerate(zip(leaves, gradients, strict=True)):
        mine = np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad
        scale = max(1.0, float(np.abs(gradient).max(initial=0)))
        check_close(mine / scale, gradient / scale, name=f"gradient of input {i}", **tolerance)


def by_torch(case):
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")

    def run(weights, *arrays):
        leaves = [torch.tensor(x, requires_grad=True) for x in arrays]
        out = case.reference(*leaves, **case.settings)
        out.backward(torch.tensor(weights))
        gradients = [torch.zeros_like(x) if x.grad is None else x.grad for x in leaves]
        return out.detach().numpy(), [g.numpy() for g in gradients]

    return run


@pytest.mark.parametrize("case", CASES, ids=str)
def test_results_and_gradients_are_nobody_elses_memory(case):
    """A gradient function returns a new array, its g, or a view of g: never an array that it saved."""
    leaves = [Tensor(x, requires_grad=True) for x in arrays_of(case, np.float32)]
    out = case.call(*leaves, **case.settings)
    out.backward(np.ones(out.shape, np.float32))
    seen = [leaf.data for leaf in leaves]
    for leaf in leaves:
        if leaf.grad is not None:
            assert not any(np.shares_memory(leaf.grad, other) for other in seen)
            seen.append(leaf.grad)
