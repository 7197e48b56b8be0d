"""Cases of the recurrent ops: every kind, with and without biases, in both directions, with lengths."""

import numpy as np

from cases import Case
from utils.functional._recurrent_kernels import gru_sequence, lstm_sequence, rnn_sequence

GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}
OPS = {"rnn_tanh": rnn_sequence, "rnn_relu": rnn_sequence, "lstm": lstm_sequence, "gru": gru_sequence}


def arrays(rng, kind, T, B, n_in, n_hidden, biases=2):
    """x, the initial states, the weights and as many biases as asked for, as each layer takes them."""
    n, n_states = GATES[kind] * n_hidden, 2 if kind == "lstm" else 1
    states = [rng.normal(size=(B, n_hidden)) for _ in range(n_states)]
    weights = [rng.normal(size=(n, width)) * width**-0.5 for width in (n_in, n_hidden)]
    return (rng.normal(size=(T, B, n_in)), *states, *weights, *rng.normal(size=(biases, n)))


def by_torch(kind, *inputs, lengths=None, reverse=False):
    """PyTorch's bidirectional layer with the same weights both ways, of which one direction is taken."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence

    n_states = 2 if kind == "lstm" else 1
    x, states, (w_ih, w_hh, *biases) = inputs[0], inputs[1 : 1 + n_states], inputs[1 + n_states :]
    T, H = len(x), w_hh.shape[1]
    biases += [torch.zeros(len(w_ih), dtype=x.dtype)] * (2 - len(biases))
    states = [torch.stack([s, s]) for s in states]
    settings = ([w_ih, w_hh, *biases] * 2, True, 1, 0.0, True, True)
    layer = getattr(torch, kind)
    if lengths is None:
        out, *final = layer(x, states if n_states == 2 else states[0], *settings, False)
    else:
        packed = pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False)
        states = [s[:, packed.sorted_indices] for s in states]
        data, *final = layer(
            packed.data, packed.batch_sizes, states if n_states == 2 else states[0], *settings
        )
        again = torch.nn.utils.rnn.PackedSequence(
            data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices
        )
        out, _ = torch.nn.utils.rnn.pad_packed_sequence(again, total_length=T)
        final = [s[:, packed.unsorted_indices] for s in final]
    own = slice(H, None) if reverse else slice(H)
    return torch.cat([out[..., own], *(s[int(reverse)][None] for s in final)])


def case(kind, name, T, B, n_in, n_hidden, n_biases=2, **settings):
    if "lengths" in settings:
        settings["lengths"] = np.array(settings["lengths"])

    def call(*inputs, **settings):
        return OPS[kind](
            *inputs, *[None] * (2 - n_biases), **settings, **({"relu": True} if kind == "rnn_relu" else {})
        )

    return Case(
        name=f"{kind}: {name}",
        ops=OPS[kind].__name__,
        call=call,
        inputs=lambda rng: arrays(rng, kind, T, B, n_in, n_hidden, n_biases),
        reference=lambda *inputs, **settings: by_torch(kind, *inputs, **settings),
        settings=settings,
    )


CASES = [
    made
    for kind in GATES
    for made in (
        case(kind, "a few steps", 5, 3, 4, 2),
        case(kind, "ones everywhere", 1, 1, 1, 1),
        case(kind, "no biases", 3, 2, 2, 3, n_biases=0),
        case(kind, "one bias", 3, 2, 2, 3, n_biases=1),
        case(kind, "many steps", 19, 2, 3, 2),
        case(kind, "as many steps as a chunk", 8, 2, 1, 2),
        case(kind, "reverse", 5, 3, 2, 3, reverse=True),
        case(kind, "reverse, many steps", 18, 2, 2, 2, reverse=True),
        case(kind, "lengths", 6, 4, 2, 3, lengths=[3, 6, 1, 3]),
        case(kind, "lengths, none full", 11, 3, 2, 2, lengths=[9, 2, 8]),
        case(kind, "lengths, reverse", 6, 4, 2, 3, lengths=[3, 6, 1, 3], reverse=True),
        case(kind, "lengths, reverse, none full", 11, 3, 2, 2, lengths=[9, 2, 8], reverse=True),
    )
]
