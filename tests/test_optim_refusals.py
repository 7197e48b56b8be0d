"""What optimizers refuse, and what they say."""

import numpy as np
import pytest

from utils.nn import Linear, Sequential
from utils.optim import SGD, Adam, Optimizer, clip_grad_norm_
from utils.tensor import Tensor


def leaf(*shape, **settings):
    return Tensor(np.zeros(shape), requires_grad=True, **settings)


def used_up():
    generator = (p for p in [leaf(2)])
    list(generator)
    return generator


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: SGD([]), ValueError, "SGD got no parameters"),
        (lambda: SGD(used_up()), ValueError, "used up: call model.parameters"),
        (lambda: SGD(map(id, [])), ValueError, "read before"),
        (lambda: SGD(leaf(2)), TypeError, "got Tensor: write"),
        (lambda: SGD(Linear(2, 2)), TypeError, r"got a whole Linear: write model\.parameters\(\)"),
        (lambda: SGD(Sequential()), TypeError, r"got a whole Sequential: write model\.parameters\(\)"),
        (lambda: clip_grad_norm_(Sequential(Linear(2, 2)), 1.0), TypeError, r"write model\.parameters\(\)"),
        (lambda: SGD({leaf(2)}), TypeError, "ordered iterable but got set"),
        (lambda: SGD({"params": [leaf(2)]}), TypeError, "got dict"),
        (lambda: SGD([np.zeros(2)]), TypeError, "has .data and .grad but got ndarray"),
        (lambda: SGD([("w", leaf(2))]), TypeError, "not named_parameters"),
        (lambda: SGD([Tensor(np.zeros((2, 3)))]), ValueError, r"\(2, 3\) does not require a gradient"),
        (lambda: SGD([p := leaf(2), p]), ValueError, "appears twice"),
        (lambda: SGD([{"params": [p := leaf(2)]}, {"params": [p]}]), ValueError, "appears twice"),
        (lambda: SGD([leaf(2)], lr=-0.1), ValueError, r"lr=-0.1 is out of range: .* at least 0"),
        (lambda: SGD([leaf(2)], lr=float("nan")), ValueError, "lr=nan"),
        (lambda: SGD([leaf(2)], lr="0.1"), TypeError, "lr must be a number but is '0.1'"),
        (lambda: SGD([leaf(2)], momentum=True), TypeError, "momentum must be a number but is True"),
        (lambda: SGD([leaf(2)], nesterov=True), ValueError, "try momentum=0.9"),
        (lambda: Adam([leaf(2)], betas=(0.9, 1.0)), ValueError, r"betas=1.0 is out of range: .*\[0, 1\)"),
        (lambda: Adam([leaf(2)], betas=(0.9,)), ValueError, "must be two numbers"),
        (lambda: Adam([{"params": [leaf(2)], "lr": -1}]), ValueError, "lr=-1"),
        (lambda: Adam([{"params": [leaf(2)], "rate": 1}]), ValueError, "Adam has no setting rate: it has lr"),
        (lambda: Adam([{"lr": 1}]), TypeError, "expected a group such as"),
        (lambda: Adam([leaf(2)]).add_param_group([leaf(3)]), TypeError, "expected a group such as"),
    ],
)
def test_refuses(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_refuses_results_of_ops():
    pytest.importorskip("utils.ops")
    with pytest.raises(ValueError, match="made by an op"):
        SGD([leaf(2) * 2.0])


@pytest.mark.parametrize("g", [np.zeros(3), np.zeros((2, 1)), np.zeros(2, np.float32)])
def test_refuses_gradients_that_do_not_fit(g):
    p = leaf(2)
    p.grad = g
    with pytest.raises(ValueError, match=r"float64 of shape \(2,\) but its gradient"):
        SGD([p]).step()


def test_a_subclass_needs_a_rule():
    p = leaf(2)
    p.grad = np.zeros(2)
    with pytest.raises(NotImplementedError, match="needs a method update"):
        Optimizer([p], {"lr": 0.1}).step()
