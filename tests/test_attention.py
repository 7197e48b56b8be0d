"""Attention and embedding: masks, dropout, errors; plain forms that the fused ones must equal."""

import numpy as np
import pytest

import utils.functional as F
from utils import nn
from utils.functional.embedding import add_rows
from utils.tensor import Tensor, no_grad
from utils.testing import check_close, gradcheck

rng = np.random.default_rng(0)
Q, K, V = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 2))


def plain(q, k, v, scale, visible):
    """The formula as it stands: one sample, one query and one key at a time."""
    out = np.zeros((*q.shape[:2], v.shape[2]))
    for b, t in np.ndindex(q.shape[:2]):
        keys = [s for s in range(k.shape[1]) if visible[t, s]]
        p = np.exp([scale * q[b, t] @ k[b, s] for s in keys])
        out[b, t] = sum(
            (weight * v[b, s] for weight, s in zip(p / p.sum(), keys, strict=True)), np.zeros(v.shape[2])
        )
    return out


@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_plain_form(causal):
    visible = np.tri(4, 5, dtype=bool) if causal else np.ones((4, 5), bool)
    out = F.scaled_dot_product_attention(Q, K.astype(np.float32), V, is_causal=causal, scale=0.7)
    check_close(out.data, plain(Q, K, V, 0.7, visible), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["truth values", "minus infinity"])
def test_a_query_that_sees_nothing_gets_zeros_and_gives_no_gradient(kind):
    visible = np.ones((4, 5), bool)
    visible[1] = False
    mask = visible if kind == "truth values" else np.where(visible, 0.0, -np.inf)
    q, k, v = (Tensor(x, requires_grad=True) for x in (Q, K, V))
    out = F.scaled_dot_product_attention(q, k, v, mask)
    out.backward(np.ones(out.shape))
    assert (out.data[:, 1] == 0).all() and (q.grad[:, 1] == 0).all()
    assert all(np.isfinite(x.grad).all() for x in (q, k, v))


def test_a_hidden_key_of_any_size_changes_nothing():
    visible = np.tri(4, 5, dtype=bool)
    wild = K.copy()
    wild[:, 4] = 1e5
    expected = F.scaled_dot_product_attention(Q, K, V, visible)
    check_close(F.scaled_dot_product_attention(Q, wild, V, visible).data, expected.data, rtol=1e-12)


def test_gradients_with_dropout():
    def attention(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=0.4, rng=5)

    gradcheck(attention, Q, K, V, seed=2)
    with no_grad():
        mean = np.mean(
            [F.scaled_dot_product_attention(Q, K, V, dropout_p=0.5, rng=i).data for i in range(4000)], axis=0
        )
    check_close(mean, F.scaled_dot_product_attention(Q, K, V).data, atol=0.1)


def test_rotary_scores_depend_on_distance_alone():
    cos, sin = F.rotary_tables(9, 6, dtype=np.float64)
    q, k = (F.rotary(np.tile(x, (9, 1)), cos, sin).data for x in rng.normal(size=(2, 6)))
    scores = q @ k.T
    check_close(np.diag(scores, 2), np.full(7, scores[0, 2]), rtol=1e-10)
    check_close(F.rotary(Q[..., :2], *F.rotary_tables(4, 2, dtype=np.float64)).data[:, 0], Q[:, 0, :2])


def test_embedding_gradient_equals_adding_one_by_one():
    indices, g = rng.integers(0, 7, size=50), rng.normal(size=(50, 4))
    expected = np.zeros((9, 4))
    for i, row in zip(indices, g, strict=True):
        expected[i] += row
    check_close(add_rows(g, indices, 9), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: F.scaled_dot_product_attention(Q, V, V), "one width"),
        (lambda: F.scaled_dot_product_attention(Q, K, V[:, :3]), "a value for every key"),
        (lambda: F.scaled_dot_product_attention(Q[0, 0], K, V), r"\(\.\.\., T, D\)"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((5, 4), bool)), "does not broadcast"),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((4, 5), bool), is_causal=True),
            "combine them",
        ),
        (lambda: F.rotary(Q, *F.rotary_tables(4, 2)), "D even"),
        (lambda: F.rotary(Q[..., :2], *F.rotary_tables(6, 2)), "rows of the positions"),
        (lambda: F.rotary_tables(4, 3), "even width"),
        (lambda: F.embedding([0, 9], np.ones((9, 2))), "index 9 for a table of 9 rows: take 0 to 8"),
        (lambda: F.embedding([-1], np.ones((9, 2))), "index -1"),
        (lambda: F.embedding([0.0], np.ones((9, 2))), "whole numbers"),
        (lambda: F.embedding([0], np.ones(9)), r"\(V, D\)"),
        (lambda: F.glu(np.ones((2, 3))), "even length"),
        (lambda: F.gelu(np.ones(2), approximate="erf"), "'none' or 'tanh'"),
    ],
)
def test_errors(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_whole_numbers_as_masks_are_refused():
    x, seen = Tensor(Q), np.tri(4, dtype=int)
    attention = nn.MultiheadAttention(3, 1, batch_first=True).to(np.float64)
    with pytest.raises(TypeError, match=r"True: the query sees the key.* got int64: mask.astype\(bool\)"):
        F.scaled_dot_product_attention(x, x, x, seen)
    with pytest.raises(TypeError, match="True: the query sees the key"):
        F.scaled_dot_product_attention(x, x, x, seen.tolist())
    with pytest.raises(TypeError, match="True: the key is hidden"):
        attention(x, x, x, attn_mask=1 - seen)
    with pytest.raises(TypeError, match="True: the key is hidden"):
        attention(x, x, x, key_padding_mask=np.zeros((2, 4), int))
