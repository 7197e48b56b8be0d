r"""Recurrent layers over whole sequences: one op for a layer in one direction, its time loop inside.

The projections of all inputs are one matrix product; the loop does what needs the state before. Backward runs the
loop again from the end, collects the gradients at the gates, and finds those of the weights by one product each.

A sequence is read in an order that is its own inverse (`_arranged`), so that reading from the end, also with
lengths, is the same loop. Padding gets no gradient: its outputs are zeros, whatever the loop left there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from utils.tensor import op

CHUNK = 8  # steps whose factors are computed together: enough to save calls, few enough to stay in the cache


@op
def rnn_sequence(x, h0, w_ih, w_hh, b_ih, b_hh, *, relu=False, lengths=None, reverse=False):
    r"""$h_t = \phi(a_t)$, $a_t = W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}$; (T + 1, B, H): the $h_t$, the last.

    $\bar a_t = \phi'(a_t) \odot \bar h_t$,  $\bar h_{t-1} \mathrel{+}= W_{hh}^\top \bar a_t$,
    $\bar W_{ih} = \sum_t \bar a_t x_t^\top$,  $\bar W_{hh} = \sum_t \bar a_t h_{t-1}^\top$,
    $\bar b = \sum_t \bar a_t$,  $\bar x_t = W_{ih}^\top \bar a_t$.  Werbos, 1990.

    Notebook: 04-rnn/vanilla-rnn/02-backpropagation-through-time.ipynb
    """
    T, B, H = *x.shape[:2], w_hh.shape[1]
    x = _arranged(x, lengths, reverse)
    a = _projected(x, w_ih, _sum(b_ih, b_hh))
    inside = None if lengths is None else np.asarray(_inside(lengths, T), dtype=x.dtype, like=x)[:, :, None]
    h = np.empty_like(x, shape=(T + 2, B, H))  # h0, the T states, the final state
    h[0] = h0
    for t in range(T):
        a[t] += h[t] @ w_hh.T
        np.maximum(a[t], 0, out=h[t + 1]) if relu else np.tanh(a[t], out=h[t + 1])
        if inside is not None:
            h[t + 1] *= inside[t]  # a ReLU's state might grow without bound in the padding
    h[-1] = _last(h, lengths, T)

    def backward(g):
        d = np.sign(h[1:-1]) if relu else 1 - h[1:-1] * h[1:-1]
        dh = np.zeros_like(h0)
        outputs, ends = _arranged(g[:-1], lengths, reverse), _ends(lengths, T, g)
        for t in reversed(range(T)):
            dh += outputs[t]
            if t in ends:
                dh[ends[t]] += g[-1, ends[t]]
            d[t] *= dh
            np.matmul(d[t], w_hh, out=dh)
        dx, dw_ih, db = _input_gradients(d, x, w_ih)
        return _arranged(dx, lengths, reverse), dh, dw_ih, _product(d, h[:T]), db, db

    return _output(h[1:], 1, lengths, reverse), backward


@op
def lstm_sequence(x, h0, c0, w_ih, w_hh, b_ih, b_hh, *, lengths=None, reverse=False):
    r"""$c_t = f_t c_{t-1} + i_t g_t$, $h_t = o_t \tanh c_t$; (T + 2, B, H): the $h_t$, the last, the last $c_t$.

    $(i, f, o)_t = \sigma(a^{i,f,o}_t)$, $g_t = \tanh a^g_t$, $a_t = W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}$.
    $\bar c_t \mathrel{+}= \bar h_t o_t (1 - \tanh^2 c_t)$,  $\bar c_{t-1} = \bar c_t f_t$,
    $\bar a^i = \bar c_t\, g_t i_t (1 - i_t)$,  $\bar a^f = \bar c_t\, c_{t-1} f_t (1 - f_t)$,
    $\bar a^g = \bar c_t\, i_t (1 - g_t^2)$,  $\bar a^o = \bar h_t \tanh(c_t)\, o_t (1 - o_t)$.  The rest of the
    gradients is as in `rnn_sequence`.

    Notebook: 04-rnn/lstm-gru/01-lstm.ipynb
    """
    T, B, H = *x.shape[:2], w_hh.shape[1]
    x = _arranged(x, lengths, reverse)
    gates, h, c = _lstm_forward(x, h0, c0, w_ih, w_hh, _sum(b_ih, b_hh))
    h[-2], h[-1] = _last(h, lengths, T), _last(c, lengths, T)

    def backward(g):
        d = np.empty_like(gates)
        dh, dc = np.zeros_like(h0), np.zeros_like(c0)
        outputs, ends = _arranged(g[:-2], lengths, reverse), _ends(lengths, T, g)
        for start in reversed(range(0, T, CHUNK)):
            steps = slice(start, min(start + CHUNK, T))
            h_to_c = _lstm_factors(gates[steps], c[start : steps.stop + 1], d[steps])
            for t in reversed(range(start, steps.stop)):
                dh += outputs[t]
                if t in ends:
                    dh[ends[t]] += g[-2, ends[t]]
                    dc[ends[t]] += g[-1, ends[t]]
                dc += dh * h_to_c[t - start]
                d[t, :, :3] *= dc[:, None]
                d[t, :, 3] *= dh
                dc *= gates[t, :, 1]
                np.matmul(d[t].reshape(B, 4 * H), w_hh, out=dh)
        d = d.reshape(T, B, 4 * H)
        dx, dw_ih, db = _input_gradients(d, x, w_ih)
        return _arranged(dx, lengths, reverse), dh, dc, dw_ih, _product(d, h[:T]), db, db

    return _output(h[1:], 2, lengths, reverse), backward


def _lstm_forward(x, h0, c0, w_ih, w_hh, bias):
    """The gates (T, B, 4, H), h with h0 before and two free places behind, and c with c0 before."""
    T, B, H = *x.shape[:2], w_hh.shape[1]
    half = np.full_like(x, 0.5, shape=(4, H))  # σ(a) = (1 + tanh(a/2)) / 2: one tanh serves all four gates
    half[2] = 1
    rest, column = 1 - half, half.reshape(4 * H, 1)
    gates = _projected(x, w_ih * column, None if bias is None else bias * column[:, 0]).reshape(T, B, 4, H)
    w = (w_hh * column).T.copy()
    h, c = np.empty_like(x, shape=(T + 3, B, H)), np.empty_like(x, shape=(T + 1, B, H))
    h[0], c[0] = h0, c0
    for t in range(T):
        a = gates[t]
        a += (h[t] @ w).reshape(B, 4, H)
        np.tanh(a, out=a)
        a *= half
        a += rest
        np.multiply(a[:, 1], c[t], out=c[t + 1])
        c[t + 1] += a[:, 0] * a[:, 2]
        np.tanh(c[t + 1], out=h[t + 1])
        h[t + 1] *= a[:, 3]
    return gates, h, c


def _lstm_factors(gates, c, d):
    """What the gradients of c (for i, f, g) and h (for o) are multiplied by, into d; returns that from h to c."""
    i, g, o = (gates[:, :, k] for k in (0, 2, 3))
    tanh_c = np.tanh(c[1:])
    np.subtract(1, gates, out=d)
    d *= gates
    d[:, :, 0] *= g
    d[:, :, 1] *= c[:-1]
    np.multiply(i, 1 - g * g, out=d[:, :, 2])
    d[:, :, 3] *= tanh_c
    return o * (1 - tanh_c * tanh_c)


@op
def gru_sequence(x, h0, w_ih, w_hh, b_ih, b_hh, *, lengths=None, reverse=False):
    r"""$h_t = (1 - z_t) n_t + z_t h_{t-1}$; the result (T + 1, B, H) holds the $h_t$ and the last.

    $r, z = \sigma(W_{i\cdot} x_t + b_{i\cdot} + W_{h\cdot} h_{t-1} + b_{h\cdot})$,
    $n = \tanh(W_{in} x_t + b_{in} + r \odot m)$, $m = W_{hn} h_{t-1} + b_{hn}$.
    $\bar a^n = \bar h_t (1 - z)(1 - n^2)$,  $\bar a^z = \bar h_t (h_{t-1} - n) z (1 - z)$,
    $\bar a^r = \bar a^n m\, r (1 - r)$,  $\bar m = \bar a^n r$,
    $\bar h_{t-1} \mathrel{+}= z \bar h_t + W_{hr}^\top \bar a^r + W_{hz}^\top \bar a^z + W_{hn}^\top \bar m$.

    Notebook: 04-rnn/lstm-gru/02-gru.ipynb
    """
    T, B, H = *x.shape[:2], w_hh.shape[1]
    x = _arranged(x, lengths, reverse)
    gates, m, h = _gru_forward(x, h0, w_ih, w_hh, b_ih, b_hh)
    h[-1] = _last(h, lengths, T)

    def backward(g):
        d = np.empty_like(x, shape=(T, B, 4, H))  # of m, r, z, n: w_hh has the first three, w_ih the last
        turned = np.concatenate([w_hh[2 * H :], w_hh[: 2 * H]])
        dh, old = np.zeros_like(h0), np.empty_like(h0)
        outputs, ends = _arranged(g[:-1], lengths, reverse), _ends(lengths, T, g)
        for start in reversed(range(0, T, CHUNK)):
            steps = slice(start, min(start + CHUNK, T))
            _gru_factors(gates[steps], m[steps], h[steps], d[steps])
            for t in reversed(range(start, steps.stop)):
                dh += outputs[t]
                if t in ends:
                    dh[ends[t]] += g[-1, ends[t]]
                d[t] *= dh[:, None]
                np.multiply(dh, gates[t, :, 1], out=old)
                np.matmul(d[t, :, :3].reshape(B, 3 * H), turned, out=dh)
                dh += old
        d = d.reshape(T, B, 4 * H)
        dx, dw_ih, db_ih = _input_gradients(d[:, :, H:], x, w_ih)
        d = d[:, :, : 3 * H]
        dw_hh, db_hh = (np.roll(dw, -H, axis=0) for dw in (_product(d, h[:T]), d.sum(axis=(0, 1))))
        return _arranged(dx, lengths, reverse), dh, dw_ih, dw_hh, db_ih, db_hh

    return _output(h[1:], 1, lengths, reverse), backward


def _gru_forward(x, h0, w_ih, w_hh, b_ih, b_hh):
    """The gates r, z, n (T, B, 3, H), m (T, B, H), and h with h0 before and a free place behind."""
    T, B, H = *x.shape[:2], w_hh.shape[1]
    half = np.full_like(x, 0.5, shape=(3 * H, 1))  # σ(a) = (1 + tanh(a/2)) / 2
    half[2 * H :] = 1
    gates = _projected(x, w_ih * half, None if b_ih is None else b_ih * half[:, 0]).reshape(T, B, 3, H)
    w = (w_hh * half).T.copy()
    bias = np.zeros_like(x, shape=3 * H) if b_hh is None else b_hh * half[:, 0]
    m, h = np.empty_like(x, shape=(T, B, H)), np.empty_like(x, shape=(T + 2, B, H))
    h[0] = h0
    for t in range(T):
        from_h = (h[t] @ w + bias).reshape(B, 3, H)
        rz, n, m[t] = gates[t, :, :2], gates[t, :, 2], from_h[:, 2]
        rz += from_h[:, :2]
        np.tanh(rz, out=rz)
        rz *= 0.5
        rz += 0.5
        n += rz[:, 0] * m[t]
        np.tanh(n, out=n)
        np.subtract(h[t], n, out=h[t + 1])
        h[t + 1] *= rz[:, 1]
        h[t + 1] += n
    return gates, m, h


def _gru_factors(gates, m, h, d):
    """What the gradient of h is multiplied by to give those of m, r, z and n, into d."""
    r, z, n = (gates[:, :, k] for k in range(3))
    keep = 1 - z
    np.multiply(keep, 1 - n * n, out=d[:, :, 3])
    np.multiply(d[:, :, 3], r, out=d[:, :, 0])
    np.multiply(d[:, :, 0], (1 - r) * m, out=d[:, :, 1])
    keep *= z
    np.multiply(h - n, keep, out=d[:, :, 2])


def _projected(x, w, bias):
    """x @ w.T + bias for all steps at once, a new array (T, B, rows of w)."""
    T, B, width = x.shape
    out = x.reshape(T * B, width) @ w.T
    if bias is not None:
        out += bias
    return out.reshape(T, B, len(w))


def _input_gradients(d, x, w):
    """Of x, w and the bias in x @ w.T + bias, given the gradient d (T, B, rows of w)."""
    flat = d.reshape(-1, d.shape[2])
    return (flat @ w).reshape(x.shape), _product(d, x), flat.sum(axis=0)


def _product(d, x):
    """The sum over steps and sequences of the outer products of d and x."""
    return d.reshape(-1, d.shape[2]).T @ x.reshape(-1, x.shape[2])


def _sum(b_ih, b_hh):
    return b_hh if b_ih is None else b_ih if b_hh is None else b_ih + b_hh


def _inside(lengths: NDArray, T: int) -> NDArray:
    """True at the steps (T, B) that count."""
    return np.arange(T)[:, None] < lengths


def _arranged(x, lengths, reverse):
    """x (T, B, ...) in the order in which it is read, zeros in the padding. Done twice, it restores the order."""
    if lengths is None:
        return x[::-1] if reverse else x
    T, B = x.shape[:2]
    inside = _inside(lengths, T)
    steps = np.arange(T)[:, None]
    order = np.where(inside, lengths - 1 - steps, steps) if reverse else np.broadcast_to(steps, (T, B))
    x = x[np.asarray(order, like=x), np.arange(B, like=x)]
    x[np.asarray(~inside, like=x)] = 0
    return x


def _last(states, lengths, T: int):
    """The state (B, H) after the last step of each sequence; states[0] is before the first step."""
    if lengths is None:
        return states[T]
    return states[np.asarray(lengths, like=states), np.arange(len(lengths), like=states)]


def _ends(lengths, T: int, like: NDArray) -> dict[int, Any]:
    """For each step that is somebody's last: whose."""
    if lengths is None:
        return {T - 1: slice(None)}
    return {int(n) - 1: np.asarray(np.flatnonzero(lengths == n), like=like) for n in np.unique(lengths)}


def _output(states, n_final, lengths, reverse):
    """The states in the order of the input, then the final ones."""
    if lengths is None and not reverse:
        return states
    return np.concatenate([_arranged(states[:-n_final], lengths, reverse), states[-n_final:]])
