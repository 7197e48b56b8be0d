"""Recurrent layers over whole sequences, as PyTorch has them: weight layouts, order of the gates, final states."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utils.backend import asnumpy
from utils.functional._recurrent_kernels import gru_sequence, lstm_sequence, rnn_sequence
from utils.tensor import Tensor


def rnn_tanh(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""The simple recurrent layer: $h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})$.

    x is (T, B, I), h0 (B, H), w_ih (H, I), w_hh (H, H), the biases (H,), as in `torch.nn.RNN`. Returns the outputs
    (T, B, H) and the final state (B, H). `lengths` (B,), each from 1 to T, says how many steps of each sequence
    count: the outputs after them are zeros and the state stays. With `reverse` each is read from its last step to
    its first; outputs keep their places. Raises ValueError for shapes that do not fit. Elman, 1990.

    Notebook: 04-rnn/vanilla-rnn/01-sequences-and-hidden-state.ipynb
    """
    lengths = _checked("rnn_tanh", 1, x, (h0,), (w_ih, w_hh), (b_ih, b_hh), lengths)
    states = rnn_sequence(x, h0, w_ih, w_hh, b_ih, b_hh, lengths=lengths, reverse=reverse)
    return states[:-1], states[-1]


def rnn_relu(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""As `rnn_tanh` with a ReLU: $h_t = \max(0, W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})$.

    Shapes, settings and errors are those of `rnn_tanh`. Le, Jaitly and Hinton, 2015, start W_hh at the identity.

    Notebook: 04-rnn/vanilla-rnn/03-vanishing-and-exploding-gradients.ipynb
    """
    lengths = _checked("rnn_relu", 1, x, (h0,), (w_ih, w_hh), (b_ih, b_hh), lengths)
    states = rnn_sequence(x, h0, w_ih, w_hh, b_ih, b_hh, relu=True, lengths=lengths, reverse=reverse)
    return states[:-1], states[-1]


def lstm(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r"""Long short-term memory: gates keep, write and show a cell state $c_t$.

    x is (T, B, I), h0 and c0 (B, H), w_ih (4H, I), w_hh (4H, H), the biases (4H,), with PyTorch's order of gates
    i, f, g, o. Returns the outputs (T, B, H) and the final (h, c), each (B, H). `lengths`, `reverse` and errors are
    those of `rnn_tanh`; `lstm_sequence` holds the equations. Hochreiter and Schmidhuber, 1997; Gers et al., 2000.

    Notebook: 04-rnn/lstm-gru/01-lstm.ipynb
    """
    lengths = _checked("lstm", 4, x, (h0, c0), (w_ih, w_hh), (b_ih, b_hh), lengths)
    states = lstm_sequence(x, h0, c0, w_ih, w_hh, b_ih, b_hh, lengths=lengths, reverse=reverse)
    return states[:-2], (states[-2], states[-1])


def gru(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    *,
    lengths: ArrayLike | None = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    r"""The gated recurrent unit, which mixes its state and a candidate: $h_t = (1 - z_t) n_t + z_t h_{t-1}$.

    x is (T, B, I), h0 (B, H), w_ih (3H, I), w_hh (3H, H), the biases (3H,), with PyTorch's order of gates r, z, n
    and the reset gate on $W_{hn} h_{t-1} + b_{hn}$. Returns the outputs (T, B, H) and the final state (B, H).
    `lengths`, `reverse` and errors are those of `rnn_tanh`; `gru_sequence` holds the equations. Cho et al., 2014.

    Notebook: 04-rnn/lstm-gru/02-gru.ipynb
    """
    lengths = _checked("gru", 3, x, (h0,), (w_ih, w_hh), (b_ih, b_hh), lengths)
    states = gru_sequence(x, h0, w_ih, w_hh, b_ih, b_hh, lengths=lengths, reverse=reverse)
    return states[:-1], states[-1]


def _checked(name: str, n: int, x, states, weights, biases, lengths) -> NDArray | None:
    """`lengths` as integers, after a look at all shapes; n is the number of gates."""
    w_ih, w_hh = weights
    if len(np.shape(x)) != 3 or np.shape(x)[0] == 0:
        raise ValueError(f"{name} expects x (T, B, I) with T of at least 1 but got {np.shape(x)}")
    (T, B, I), H = np.shape(x), np.shape(w_hh)[-1]  # noqa: E741  I is the number of inputs
    expected = {
        "w_ih": (n * H, I),
        "w_hh": (n * H, H),
        "b_ih": (n * H,),
        "b_hh": (n * H,),
        "h0": (B, H),
        "c0": (B, H),
    }
    found = {
        "w_ih": w_ih,
        "w_hh": w_hh,
        "b_ih": biases[0],
        "b_hh": biases[1],
        **dict(zip(("h0", "c0"), states, strict=False)),
    }
    for key, value in found.items():
        if value is not None and np.shape(value) != expected[key]:
            raise ValueError(
                f"{name} expects {key} {expected[key]} but got {np.shape(value)}: x is (T, B, I) = {(T, B, I)}, "
                f"H = {H}; an x with the batch first needs x.transpose(1, 0, 2)"
            )
    return None if lengths is None else _valid(lengths, T, B)


def _valid(lengths: ArrayLike, T: int, B: int) -> NDArray:
    lengths = asnumpy(lengths)  # they steer the loop over time
    if lengths.shape != (B,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"lengths must be {B} integers but have shape {lengths.shape} and dtype {lengths.dtype}"
        )
    if lengths.min(initial=1) < 1 or lengths.max(initial=1) > T:
        raise ValueError(f"lengths go from {lengths.min()} to {lengths.max()}, but must be from 1 to {T}")
    return lengths.astype(np.int64)
