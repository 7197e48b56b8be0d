"""The CTC loss against Graves' recursions in plain probabilities, and at its limits."""

import numpy as np
import pytest
from cases.ctc import enumerated

from utils.functional.ctc import ctc_loss
from utils.tensor import Tensor
from utils.testing import check_close


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def twin(log_probs, labels, blank=0):
    """The loss of one sequence and its gradient (T, C): the paper's alpha and beta, as sums of products."""
    y, path = np.exp(log_probs), [blank]
    for k in labels:
        path += [k, blank]
    alpha, beta = _sums(y, path, blank), _sums(y[::-1], path[::-1], blank)[::-1, ::-1]
    p = alpha[-1, -2:].sum()
    gradient = np.zeros_like(y)
    for s, k in enumerate(path):
        gradient[:, k] -= alpha[:, s] * beta[:, s] / y[:, k] / p  # both have the factor at t
    return -np.log(p), gradient


def _sums(y, path, blank):
    alpha = np.zeros((len(y), len(path)))
    alpha[0, :2] = y[0, path[:2]]
    for t in range(1, len(y)):
        for s, k in enumerate(path):
            before = 2 if s >= 2 and k not in (blank, path[s - 2]) else 1
            alpha[t, s] = y[t, k] * alpha[t - 1, max(s - before, 0) : s + 1].sum()
    return alpha


def run(log_probs, *arguments, **settings):
    """The losses and the gradient of their sum."""
    x = Tensor(log_probs, requires_grad=True)
    losses = ctc_loss(x, *arguments, **{"reduction": "none"} | settings)
    losses.sum().backward()
    return losses.data, x.grad


@pytest.mark.parametrize("seed", range(5))
def test_loss_and_gradient_are_those_of_the_recursions(seed):
    rng = np.random.default_rng(seed)
    N, T, C = 6, 15, 4
    blank = int(rng.integers(C))
    targets = rng.choice([k for k in range(C) if k != blank], size=(N, 5))
    counts, steps = rng.integers(0, 6, size=N), rng.integers(10, T + 1, size=N)
    log_probs = log_softmax(rng.normal(size=(T, N, C)))
    losses, gradient = run(log_probs, targets, steps, counts, blank)
    for n in range(N):
        loss, expected = twin(log_probs[: steps[n], n], targets[n, : counts[n]].tolist(), blank)
        check_close(losses[n], np.array(loss), rtol=1e-12)
        check_close(gradient[: steps[n], n], expected, rtol=1e-10, atol=1e-13)
        assert not gradient[steps[n] :, n].any()


def test_the_twin_is_right_about_every_alignment():
    log_probs = log_softmax(np.random.default_rng(0).normal(size=(6, 3)))
    for labels in ([], [1], [2, 2], [1, 2, 1], [1, 1, 2]):
        for mine, expected in zip(twin(log_probs, labels), enumerated(log_probs, labels, 0), strict=True):
            check_close(np.array(mine), np.array(expected), rtol=1e-12)


def test_the_probabilities_of_all_transcripts_add_to_one():
    """With 3 steps and 2 labels they are: none, 2 of one label, all 4 of two, and 2 of three that alternate."""
    log_probs = log_softmax(np.random.default_rng(1).normal(size=(3, 1, 3)))
    transcripts = [[], [1], [2], [1, 1], [1, 2], [2, 1], [2, 2], [1, 2, 1], [2, 1, 2]]
    losses = [run(log_probs, [t], [3], [len(t)])[0][0] for t in transcripts]
    check_close(np.exp(-np.array(losses)).sum(), np.array(1.0), rtol=1e-12)


def test_each_step_is_occupied_once():
    """The gradient of a step adds up to -1: exactly one symbol stands there."""
    rng = np.random.default_rng(2)
    _, gradient = run(log_softmax(rng.normal(size=(9, 2, 4))), [[1, 2, 2], [3, 0, 0]], [9, 6], [3, 1])
    check_close(gradient.sum(axis=2), -(np.arange(9)[:, None] < [9, 6]).astype(float), rtol=1e-12)


def test_impossible_transcripts():
    """Three equal labels need five steps; the second sequence fits and is untouched by its neighbour."""
    log_probs = log_softmax(np.random.default_rng(3).normal(size=(5, 2, 3)))
    arguments = ([[1, 1, 1], [1, 2, 1]], [4, 4], [3, 3])
    with np.errstate(all="raise", under="ignore"):
        losses, gradient = run(log_probs, *arguments)
        kept, zeroed = run(log_probs, *arguments, zero_infinity=True)
    assert losses[0] == np.inf and kept[0] == 0
    assert np.isnan(gradient[:4, 0]).all() and not gradient[4, 0].any() and not zeroed[:, 0].any()
    loss, expected = twin(log_probs[:4, 1], [1, 2, 1])
    for value, found in ((losses, gradient), (kept, zeroed)):
        check_close(value[1], np.array(loss), rtol=1e-12)
        check_close(found[:4, 1], expected, rtol=1e-12)
    assert np.isfinite(run(log_probs, arguments[0], [5, 4], [3, 3])[0]).all()


def test_symbols_of_probability_zero():
    """log_probs of minus infinity are met where logits were masked."""
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.array([[0.5, 0.5, 0], [0, 1, 0], [0.25, 0.75, 0]]))[:, None]
    losses, gradient = run(log_probs, [[1]], [3], [1])
    check_close(losses, -np.log([1.0]), atol=1e-15)  # every path that is possible reads as 1
    check_close(gradient[:, 0], -np.exp(log_probs[:, 0]), rtol=1e-12)
    assert run(log_probs, [[2]], [3], [1])[0] == np.inf


def test_float32_keeps_its_digits_over_long_sequences():
    rng = np.random.default_rng(4)
    log_probs = log_softmax(3 * rng.normal(size=(400, 3, 12))).astype(np.float32)
    arguments = (rng.integers(1, 12, size=(3, 40)), [400, 390, 300], [40, 30, 1])
    narrow, wide = run(log_probs, *arguments), run(log_probs.astype(np.float64), *arguments)
    assert narrow[0].dtype == narrow[1].dtype == np.float32
    check_close(narrow[0], wide[0], rtol=1e-6)
    check_close(narrow[1], wide[1], rtol=1e-5, atol=1e-7)


def test_reductions():
    log_probs = log_softmax(np.random.default_rng(5).normal(size=(6, 3, 4)))
    arguments = ([[1, 2, 3], [2, 0, 0], [0, 0, 0]], [6, 5, 4], [3, 1, 0])
    losses, _ = run(log_probs, *arguments)
    check_close(ctc_loss(Tensor(log_probs), *arguments).data, (losses / [3, 1, 1]).mean(), rtol=1e-14)
    check_close(ctc_loss(Tensor(log_probs), *arguments, reduction="sum").data, losses.sum(), rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"targets": [[1, 4], [1, 2]]}, "from 1 to 4, but must be symbols from 0 to 3"),
        ({"targets": [[1, 0], [1, 2]]}, "other than the blank, 0"),
        ({"targets": [[1.0, 2.0], [1, 2]]}, "dtype is float64"),
        ({"targets": [1, 2, 3]}, r"targets have shape \(3,\).*\(2, 2\).*all 4 labels"),
        ({"targets": [[1], [2]]}, r"targets have shape \(2, 1\)"),
        ({"input_lengths": [5, 6]}, "input_lengths go from 5 to 6, but must be from 0 to 5"),
        ({"input_lengths": [5]}, "input_lengths must be 2 integers"),
        ({"target_lengths": [-1, 2]}, "target_lengths go from -1 to 2, but must be 0 or more"),
        ({"target_lengths": [1.5, 2]}, "dtype float64"),
        ({"blank": 4}, "blank is 4, but log_probs has the symbols 0 to 3"),
        ({"reduction": "average"}, "reduction is 'average'"),
        ({"log_probs": Tensor(np.zeros(5))}, r"\(T, N, C\) or \(T, C\) but got \(5,\)"),
    ],
)
def test_wrong_arguments_are_named(change, says):
    right = {
        "log_probs": Tensor(np.zeros((5, 2, 4))),
        "targets": [[1, 2], [3, 3]],
        "input_lengths": [5, 4],
        "target_lengths": [2, 2],
    }
    ctc_loss(**right)
    with pytest.raises(ValueError, match=says):
        ctc_loss(**right | change)
