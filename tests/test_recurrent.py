"""The recurrent layers against their formulas taken one step and one sequence at a time, and at their limits."""

import numpy as np
import pytest
from cases.recurrent import GATES, arrays

from utils import nn
from utils.functional import recurrent
from utils.tensor import Tensor
from utils.testing import check_close, numeric_gradient

KINDS = list(GATES)
LENGTHS = [3, 7, 1, 5]


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def rnn_step(phi):
    def step(x, h, w_ih, w_hh, b_ih, b_hh):
        return (phi(w_ih @ x + b_ih + w_hh @ h + b_hh),)

    return step


def lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = np.split(w_ih @ x + b_ih + w_hh @ h + b_hh, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    (r_x, z_x, n_x), (r_h, z_h, n_h) = np.split(w_ih @ x + b_ih, 3), np.split(w_hh @ h + b_hh, 3)
    z, n = sigmoid(z_x + z_h), np.tanh(n_x + sigmoid(r_x + r_h) * n_h)
    return ((1 - z) * n + z * h,)


def relu(a):
    return np.maximum(a, 0)


STEPS = {"rnn_tanh": rnn_step(np.tanh), "rnn_relu": rnn_step(relu), "lstm": lstm_step, "gru": gru_step}


def twin(kind, x, *rest, lengths=None, reverse=False):
    """The outputs and the final states, sequence by sequence, step by step, from the formula."""
    states, weights = rest[:-4], rest[-4:]
    outputs = np.zeros((*x.shape[:2], weights[1].shape[1]))
    final = [s.copy() for s in states]
    for b in range(x.shape[1]):
        n = len(x) if lengths is None else lengths[b]
        for t in reversed(range(n)) if reverse else range(n):
            for state, new in zip(final, STEPS[kind](x[t, b], *[s[b] for s in final], *weights), strict=True):
                state[b] = new
            outputs[t, b] = final[0][b]
    return outputs, *final


def layer(kind, *inputs, **settings):
    """The public function's results as a flat list."""
    outputs, state = getattr(recurrent, kind)(*inputs, **settings)
    return [outputs, *(state if kind == "lstm" else [state])]


def example(kind, T=7, B=4, seed=0):
    return arrays(np.random.default_rng(seed), kind, T, B, 3, 2)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("T", [7, 20])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_the_formula(kind, T, lengths, reverse):
    inputs = example(kind, T)
    results = layer(kind, *inputs, lengths=lengths, reverse=reverse)
    for mine, expected in zip(results, twin(kind, *inputs, lengths=lengths, reverse=reverse), strict=True):
        check_close(mine.data, expected, rtol=1e-5, atol=1e-6)  # arrays alone become float32
    results = layer(kind, *map(Tensor, inputs), lengths=lengths, reverse=reverse)
    for mine, expected in zip(results, twin(kind, *inputs, lengths=lengths, reverse=reverse), strict=True):
        check_close(mine.data, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_formula(kind, lengths, reverse):
    """Of a loss that sees the outputs and each of the final states, through the slices of the public function."""
    inputs = example(kind)
    settings = {"lengths": lengths, "reverse": reverse}
    leaves = [Tensor(a.copy(), requires_grad=True) for a in inputs]
    results = layer(kind, *leaves, **settings)
    weights = [np.random.default_rng(3).normal(size=r.shape) for r in results]
    total = sum(((r * w).sum() for r, w in zip(results, weights, strict=True)), Tensor(np.zeros(())))
    total.backward()
    for i, leaf in enumerate(leaves):

        def loss(moved, i=i):
            found = twin(kind, *[moved if j == i else a for j, a in enumerate(inputs)], **settings)
            return sum(float((r * w).sum()) for r, w in zip(found, weights, strict=True))

        check_close(
            leaf.grad, numeric_gradient(loss, inputs[i]), rtol=1e-6, atol=1e-7, name=f"gradient of input {i}"
        )


@pytest.mark.parametrize("which", [0, 1, -1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_loss_on_one_result_alone(kind, which):
    """On the outputs, on the final h, on the last of the final states: the others get no gradient and count as zero."""
    inputs = example(kind)
    leaves = [Tensor(a.copy(), requires_grad=True) for a in inputs]
    result = layer(kind, *leaves, lengths=LENGTHS)[which]
    (result * result).sum().backward()

    def loss(h0):
        return float((twin(kind, inputs[0], h0, *inputs[2:], lengths=LENGTHS)[which] ** 2).sum())

    check_close(leaves[1].grad, numeric_gradient(loss, inputs[1]), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_padding_is_neither_read_nor_written(kind, reverse):
    inputs, padded = example(kind), np.arange(7)[:, None] >= LENGTHS
    clean = layer(kind, *map(Tensor, inputs), lengths=LENGTHS, reverse=reverse)
    inputs[0][padded] = np.nan
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    results = layer(kind, *leaves, lengths=LENGTHS, reverse=reverse)
    for mine, expected in zip(results, clean, strict=True):
        check_close(mine.data, expected.data, rtol=0)
    assert not results[0].data[padded].any()
    results[0].backward(np.ones(results[0].shape))
    assert all(np.isfinite(leaf.grad).all() for leaf in leaves)
    assert not leaves[0].grad[padded].any()


def test_a_relu_that_grows_does_not_overflow_in_the_padding():
    """Ten to the power of the step overflows float32 after 38; only 5 of 60 steps count."""
    x, h0, w_ih, w_hh = (np.ones(shape, np.float32) for shape in ((60, 2, 1), (2, 1), (1, 1), (1, 1)))
    leaves = [Tensor(a, requires_grad=True) for a in (x, h0, w_ih, 10 * w_hh)]
    with np.errstate(all="raise"):
        outputs, h = recurrent.rnn_relu(*leaves, lengths=[5, 3])
        outputs.sum().backward()
    check_close(h.data, [[111111], [1111]])
    assert all(np.isfinite(leaf.grad).all() for leaf in leaves)


@pytest.mark.parametrize("kind", KINDS)
def test_reverse_is_the_same_layer_on_the_flipped_sequence(kind):
    x, *rest = example(kind)
    backwards = layer(kind, Tensor(x), *rest, reverse=True)
    forwards = layer(kind, Tensor(x[::-1].copy()), *rest)
    check_close(backwards[0].data, forwards[0].data[::-1], rtol=1e-14)
    check_close(backwards[1].data, forwards[1].data, rtol=1e-14)


@pytest.mark.parametrize("settings", [{}, {"reverse": True}, {"lengths": LENGTHS}])
@pytest.mark.parametrize("kind", KINDS)
def test_a_second_backward_finds_the_same(kind, settings):
    leaves = [Tensor(a, requires_grad=True) for a in example(kind, T=10)]
    out = layer(kind, *leaves, **settings)[0].sum()
    out.backward(retain_graph=True)
    once = [leaf.grad.copy() for leaf in leaves]
    out.backward()
    for leaf, gradient in zip(leaves, once, strict=True):
        check_close(leaf.grad, 2 * gradient, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_large_inputs_saturate_without_a_warning(kind):
    inputs = [Tensor(1e4 * a.astype(np.float32)) for a in example(kind, T=3)]
    with np.errstate(all="raise", under="ignore"):
        assert all(np.isfinite(r.data).all() for r in layer(kind, *inputs))


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_shapes_are_named(kind):
    x, *rest = example(kind)
    n = GATES[kind] * 2
    with pytest.raises(ValueError, match=rf"{kind} expects x \(T, B, I\) .* but got \(4, 3\)"):
        layer(kind, Tensor(x[0]), *rest)
    with pytest.raises(ValueError, match=rf"{kind} expects h0 \(7, 2\) but got \(4, 2\).*batch first"):
        layer(kind, Tensor(x.transpose(1, 0, 2)), *rest)
    with pytest.raises(ValueError, match=rf"w_ih \({n}, 5\) but got \({n}, 3\)"):
        layer(kind, Tensor(np.ones((7, 4, 5))), *rest)
    with pytest.raises(ValueError, match=rf"b_hh \({n},\) but got \(1,\)"):
        layer(kind, Tensor(x), *rest[:-1], np.ones(1))
    with pytest.raises(ValueError, match="T of at least 1"):
        layer(kind, Tensor(x[:0]), *rest)


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        ([1, 2, 3], "4 integers"),
        ([1.0, 2, 3, 4], "dtype float64"),
        ([1, 2, 0, 4], "from 0 to 4, but must be from 1 to 7"),
        ([1, 2, 8, 4], "from 1 to 8, but must be from 1 to 7"),
    ],
)
def test_wrong_lengths_are_named(lengths, says):
    x, *rest = example("gru")
    with pytest.raises(ValueError, match=says):
        recurrent.gru(Tensor(x), *rest, lengths=lengths)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("lengths", [None, np.zeros(0, int)])
def test_an_empty_batch_stays_one(name, lengths):
    model, x = getattr(nn, name)(3, 4, bidirectional=True), Tensor(np.zeros((5, 0, 3), np.float32))
    x.requires_grad = True
    out, _ = model(x, lengths=lengths)
    out.sum().backward()
    assert out.shape == (5, 0, 8) and x.grad.shape == x.shape
    assert (model.weight_ih_l0.grad == 0).all()
