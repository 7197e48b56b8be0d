"""Attention, Transformer stacks and padded sequences against PyTorch's."""

import numpy as np
import pytest
from _nn_parity import compare, randomize, run_ours, run_theirs, torch

from utils import nn
from utils.tensor import Tensor

# Attention

T = torch.tensor
FUTURE = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False] * 5, [False] * 3 + [True] * 2, [False] * 4 + [True]])
BIAS = np.random.default_rng(3).normal(size=(6, 5, 5))
MASKS = [
    {"attn_mask": FUTURE},
    {"attn_mask": BIAS},
    {"attn_mask": BIAS[0], "key_padding_mask": np.where(PADDING, -1e9, 0.5)},
    {"attn_mask": FUTURE, "key_padding_mask": PADDING, "average_attn_weights": False},
    {"key_padding_mask": PADDING},
    {"key_padding_mask": PADDING, "need_weights": False},
    {"attn_mask": FUTURE, "need_weights": False, "is_causal": True},
]


def as_torch(settings):
    return {k: T(v) if isinstance(v, np.ndarray) else v for k, v in settings.items()}


@pytest.mark.parametrize("masks", MASKS, ids=lambda m: ", ".join(m))
def test_masks_of_attention_are_pytorchs(masks):
    ours, theirs = (
        nn.MultiheadAttention(6, 2, batch_first=True).double(),
        torch.nn.MultiheadAttention(6, 2, batch_first=True),
    )
    theirs.double().load_state_dict({k: T(v) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(3, 5, 6))
    outputs, gradients = run_ours(
        lambda x: tuple(o for o in ours(x, x, x, **masks) if o is not None), [x], np.float64
    )
    expected, wanted = run_theirs(
        lambda x: tuple(o for o in theirs(x, x, x, **as_torch(masks)) if o is not None), [x], np.float64
    )
    for a, b in zip(outputs, expected, strict=True):
        compare(a.data, b.detach(), np.float64, "output")
    compare(gradients[0], wanted[0], np.float64, "gradient")


NOBODY = np.array([[False] * 5, [True] * 5, [False] * 4 + [True]])
ALONE = FUTURE | (np.arange(5) == 0)[:, None]


@pytest.mark.filterwarnings("ignore:invalid value encountered", "ignore:divide by zero")
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", [{"key_padding_mask": NOBODY}, {"attn_mask": ALONE}], ids=str)
def test_queries_that_see_nothing_are_pytorchs(masks, need_weights):
    """NaN with the weights, and only the bias of the projection out without; the others are as ever."""
    ours, theirs = (
        nn.MultiheadAttention(6, 2, batch_first=True),
        torch.nn.MultiheadAttention(6, 2, batch_first=True),
    )
    nn.init.normal_(ours.out_proj.bias)
    theirs.load_state_dict({k: T(v) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(3, 5, 6)).astype("f")
    mine, reference = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, weights = ours(mine, mine, mine, need_weights=need_weights, **masks)
    expected, shares = theirs(reference, reference, reference, need_weights=need_weights, **as_torch(masks))
    out.sum().backward()
    expected.sum().backward()
    blind = masks.get("key_padding_mask", ALONE[None, :, :]).all(axis=-1)
    blind = np.broadcast_to(blind[:, None] if blind.shape == (3,) else blind, (3, 5))
    assert (np.isnan(out.data).all(axis=-1) == (blind & need_weights)).all()
    assert need_weights or np.allclose(out.data[blind], ours.out_proj.bias.data)
    compare(np.nan_to_num(out.data, nan=9.0), expected.detach().nan_to_num(9.0), np.float32, "output")
    compare(np.nan_to_num(mine.grad, nan=9.0), reference.grad.nan_to_num(9.0), np.float32, "gradient")
    if need_weights:
        compare(np.nan_to_num(weights.data, nan=9.0), shares.detach().nan_to_num(9.0), np.float32, "weights")


def test_is_causal_needs_no_mask_and_sees_no_future():
    layer, x = (
        nn.MultiheadAttention(6, 2, batch_first=True),
        np.random.default_rng(0).normal(size=(1, 5, 6)).astype("f"),
    )
    for need in (True, False):
        out = layer(x, x, x, is_causal=True, need_weights=need)[0].data
        changed = x.copy()
        changed[:, 3:] += 1
        after = layer(changed, changed, changed, is_causal=True, need_weights=need)[0].data
        assert np.allclose(out[:, :3], after[:, :3], atol=1e-6) and not np.allclose(
            out[:, 3:], after[:, 3:], atol=1e-3
        )


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_mask_may_be_learned(need_weights):
    ours, theirs = nn.MultiheadAttention(6, 2).double(), torch.nn.MultiheadAttention(6, 2).double()
    theirs.load_state_dict({k: T(v) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(5, 3, 6))
    pad = np.where(PADDING, -5.0, 0.0)
    settings = {"need_weights": need_weights}
    _, gradients = run_ours(
        lambda x, m: ours(x, x, x, pad, attn_mask=m, **settings)[0], [x, BIAS], np.float64
    )
    _, wanted = run_theirs(
        lambda x, m: theirs(x, x, x, T(pad), attn_mask=m, **settings)[0], [x, BIAS], np.float64
    )
    for g, reference in zip(gradients, wanted, strict=True):
        compare(g, reference, np.float64, "gradient")


def test_attention_drops_in_training_only():
    layer, x = nn.MultiheadAttention(6, 2, 0.5), np.ones((5, 2, 6), np.float32)
    a, b = layer(x, x, x)[1].data, layer.eval()(x, x, x)[1].data
    assert (a == 0).any() and not (b == 0).any()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_stacks_are_pytorchs(norm_first):
    def build(n):
        settings = {"batch_first": True, "norm_first": norm_first}
        encoder = n.TransformerEncoder(
            n.TransformerEncoderLayer(6, 2, 10, 0.0, **settings), 2, norm=n.LayerNorm(6)
        )
        return encoder, n.TransformerDecoder(n.TransformerDecoderLayer(6, 2, 10, 0.0, **settings), 3)

    (ours, our_decoder), (theirs, their_decoder) = build(nn), build(torch.nn)
    for mine, reference in ((ours, theirs), (our_decoder, their_decoder)):
        mine.double()
        randomize(reference.double())
        assert mine.load_state_dict(reference.state_dict()) == ([], [])
    source, target = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    outputs, gradients = run_ours(
        lambda s, t: our_decoder(
            t, ours(s, src_key_padding_mask=PADDING), tgt_mask=FUTURE, memory_key_padding_mask=PADDING
        ),
        [source, target],
        np.float64,
    )
    expected, wanted = run_theirs(
        lambda s, t: their_decoder(
            t,
            theirs(s, src_key_padding_mask=T(PADDING)),
            tgt_mask=T(FUTURE),
            memory_key_padding_mask=T(PADDING),
        ),
        [source, target],
        np.float64,
    )
    compare(outputs[0].data, expected[0].detach(), np.float64, "output")
    for g, reference in zip(gradients, wanted, strict=True):
        compare(g, reference, np.float64, "gradient")
    for mine, reference in ((ours, theirs), (our_decoder, their_decoder)):
        for (name, p), q in zip(mine.named_parameters(), reference.parameters(), strict=True):
            compare(p.grad, q.grad, np.float64, f"gradient of {name}")


# Sequences of different lengths


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_lengths_are_pytorchs_packed_sequences(name):
    settings = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    ours, theirs = (
        getattr(nn, name)(4, 5, **settings).double(),
        getattr(torch.nn, name)(4, 5, **settings).double(),
    )
    theirs.load_state_dict({k: T(v) for k, v in ours.state_dict().items()})
    x, lengths = np.random.default_rng(0).normal(size=(3, 6, 4)), np.array([4, 6, 1])

    def packed(x):
        pack = torch.nn.utils.rnn.pack_padded_sequence(x, T(lengths), batch_first=True, enforce_sorted=False)
        out, final = theirs(pack)
        return torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0], final

    outputs, gradients = run_ours(lambda x: ours(x, lengths=lengths), [x], np.float64)
    expected, wanted = run_theirs(packed, [x], np.float64)
    for a, b in zip(outputs, expected, strict=True):
        compare(a.data, b.detach(), np.float64, "output")
    compare(gradients[0], wanted[0], np.float64, "gradient")


def test_recurrent_dropout_falls_between_layers_in_training_only():
    layer, x = nn.LSTM(4, 50, 2, dropout=0.5), np.ones((3, 2, 4), np.float32)
    assert not np.array_equal(layer(x)[0].data, layer(x)[0].data)
    layer.eval()
    assert np.array_equal(layer(x)[0].data, layer(x)[0].data)
