r"""Connectionist temporal classification: the loss of a transcript whose place in the input nobody marked.

The probability of a transcript is the sum over all its alignments, paths of one symbol a step that read as the
transcript once repeats are merged and blanks dropped. They move through the labels with blanks around them,
$l' = (\epsilon, l_1, \epsilon, l_2, \dots, \epsilon)$: each step stays, goes on, or skips a blank between two
different labels. Two recursions over l' sum them all. Graves, Fernandez, Gomez and Schmidhuber, 2006.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utils import ops
from utils.backend import asnumpy
from utils.tensor import Tensor, op

LOWEST = float(np.finfo(np.float64).min)


def ctc_loss(
    log_probs: Tensor,
    targets: ArrayLike,
    input_lengths: ArrayLike,
    target_lengths: ArrayLike,
    blank: int = 0,
    reduction: Literal["none", "mean", "sum"] = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    r"""The negative log-probability that the paths of `log_probs` read as `targets`.

    log_probs is (T, N, C), the logarithms of the probabilities of C symbols, as log_softmax gives them; targets
    (N, S), padded, or all labels in one row; the lengths (N,). One sequence may come as (T, C), (S,) and two
    numbers. `reduction`: "none" gives (N,), "sum" adds, "mean" divides each loss by its number of labels (at least
    1) and averages. A transcript too long for its input costs infinity, or 0 and no gradient with `zero_infinity`.
    The gradient is that with respect to log_probs. Raises ValueError for labels, lengths or shapes out of range.

    Notebook: 04-rnn/applications/04-reading-numbers-with-ctc.ipynb
    """
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}: choose 'none', 'mean' or 'sum'")
    shape = np.shape(log_probs)
    if len(shape) not in (2, 3):
        raise ValueError(f"ctc_loss expects log_probs (T, N, C) or (T, C) but got {shape}")
    alone = len(shape) == 2
    T, N, C = (shape[0], 1, shape[1]) if alone else shape
    steps = _lengths("input_lengths", input_lengths, N, T)
    counts = _lengths("target_lengths", target_lengths, N)
    labels = _labels(targets, counts, C, blank)
    if alone:
        log_probs = ops.reshape(log_probs, shape=(T, N, C))
    losses = ctc_nll(
        log_probs, labels=labels, steps=steps, counts=counts, blank=blank, zero_infinity=zero_infinity
    )
    if reduction == "none":
        return losses.reshape(()) if alone else losses
    if reduction == "sum":
        return ops.sum(losses)
    return ops.sum(losses / np.asarray(N * np.maximum(counts, 1), like=losses.data))


@op
def ctc_nll(log_probs, *, labels, steps, counts, blank=0, zero_infinity=False):
    r"""$-\ln p(l \mid x)$ of each sequence, (N,); with $y^t_k$ = exp log_probs[t, n, k]:

    $\alpha_t(s) = y^t_{l'_s} [\alpha_{t-1}(s) + \alpha_{t-1}(s-1) + \alpha_{t-1}(s-2)]$, its last term only where
    $l'_s$ is neither blank nor $l'_{s-2}$; $\beta_t(s)$, the same from the end, without the factor at t;
    $p(l \mid x) = \sum_s \alpha_t(s) \beta_t(s)$ at any t, and
    $\partial(-\ln p) / \partial \ln y^t_k = -\sum_{s: l'_s = k} \alpha_t(s) \beta_t(s) / p$.  In logarithms.
    labels is (N, S), padded with anything valid; steps and counts (N,) are the lengths of inputs and labels.

    Notebook: 04-rnn/applications/04-reading-numbers-with-ctc.ipynb
    """
    T, N, C = log_probs.shape
    path = np.full((2 * labels.shape[1] + 1, N), blank)  # l', batch last: neighbours are whole rows
    path[1::2] = labels.T
    skip = np.asarray(_skips(path, blank), like=log_probs)
    path, ends, last = (np.asarray(x, like=log_probs) for x in (path, 2 * counts, steps))
    rows = np.arange(N, like=log_probs)
    emitted = log_probs[:, rows, path].astype(np.float64)  # sums of many logarithms need the digits
    alpha = _forward(emitted, skip)
    log_p = np.logaddexp(alpha[last, ends + 2, rows], alpha[last, ends + 1, rows])
    lost = log_p == -np.inf

    def backward(g):
        beta = _backward(emitted, skip, steps, ends)
        occupied = np.exp(alpha[1:, 2:] + beta - np.where(lost, 0.0, log_p))
        occupied *= -g
        places = (np.arange(T, like=path)[:, None, None] * N + rows) * C + path
        dx = np.bincount(places.ravel(), occupied.ravel(), minlength=T * N * C).reshape(T, N, C)
        if not zero_infinity:
            read = np.arange(T, like=last)[:, None] < last
            dx[read & lost] = np.nan  # an infinite loss has no slope
        return dx.astype(log_probs.dtype)

    loss = np.where(lost, 0.0, -log_p) if zero_infinity else -log_p
    return loss.astype(log_probs.dtype), backward


def _forward(emitted, skip):
    """Log alpha (T + 1, L + 2, N): places -2 and -1 before the path, where it waits at -1 before the first step."""
    T, L, N = emitted.shape
    alpha = np.full_like(emitted, -np.inf, shape=(T + 1, L + 2, N))
    alpha[0, 1] = 0
    with np.errstate(divide="ignore"):
        for t in range(T):
            a = alpha[t]
            np.add(_log_sum(a[2:], a[1:-1], a[:-2] + skip), emitted[t], out=alpha[t + 1, 2:])
    return alpha


def _backward(emitted, skip, steps, ends):
    """Log beta (T, L, N), without the step's own factor; minus infinity after a sequence has ended."""
    T, L, N = emitted.shape
    beta = np.full_like(emitted, -np.inf)
    ahead = np.full_like(emitted, -np.inf, shape=(L + 2, N))
    skip_on = np.full_like(skip, -np.inf)
    skip_on[:-2] = skip[2:]
    places = np.arange(L, like=ends)[:, None]
    ending = np.where((places == ends) | (places == ends - 1), 0.0, -np.inf)
    with np.errstate(divide="ignore"):
        for t in reversed(range(T)):
            if t < T - 1:
                np.add(beta[t + 1], emitted[t + 1], out=ahead[:-2])
                beta[t] = _log_sum(ahead[:-2], ahead[1:-1], ahead[2:] + skip_on)
            last = np.flatnonzero(steps == t + 1)
            if len(last):
                last = np.asarray(last, like=emitted)
                beta[t, :, last] = ending[:, last].T
    return beta


def _skips(path, blank):
    """0 where a path may come from two places before, else minus infinity. To the first label it comes from -1."""
    skip = np.full(path.shape, -np.inf)
    skip[1:2] = 0
    skip[2:][(path[2:] != blank) & (path[2:] != path[:-2])] = 0
    return skip


def _log_sum(a, b, c):
    """ln(exp a + exp b + exp c), minus infinity where all three are (where the logarithm warns)."""
    top = np.maximum(np.maximum(a, b), c)
    np.maximum(top, LOWEST, out=top)
    total = np.exp(a - top)
    total += np.exp(b - top)
    total += np.exp(c - top)
    np.log(total, out=total)
    total += top
    return total


def _lengths(name: str, lengths: ArrayLike, N: int, limit: int | None = None) -> NDArray:
    lengths = np.atleast_1d(asnumpy(lengths))
    if lengths.shape != (N,) or lengths.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be {N} integers, one for each sequence, but their shape is {lengths.shape} and their "
            f"dtype {lengths.dtype}"
        )
    if N and (lengths.min() < 0 or (limit is not None and lengths.max() > limit)):
        allowed = "0 or more" if limit is None else f"from 0 to {limit}"
        raise ValueError(f"{name} go from {lengths.min()} to {lengths.max()}, but must be {allowed}")
    return lengths.astype(np.int64)


def _labels(targets: ArrayLike, counts: NDArray, C: int, blank: int) -> NDArray:
    """The labels as rows (N, S) filled up with blanks, checked."""
    if not 0 <= blank < C:
        raise ValueError(f"blank is {blank}, but log_probs has the symbols 0 to {C - 1}")
    targets = asnumpy(targets)
    targets = targets.astype(np.int64) if targets.size == 0 else targets
    N, S = len(counts), int(counts.max(initial=0))
    if targets.dtype.kind not in "iu":
        raise ValueError(
            f"targets are the numbers of symbols, but their dtype is {targets.dtype}: use integers"
        )
    inside = np.arange(S) < counts[:, None]
    if targets.ndim == 2 and len(targets) == N and targets.shape[1] >= S:
        used = targets[:, :S][inside]
    elif targets.ndim == 1 and targets.size == counts.sum():
        used = targets
    else:
        raise ValueError(
            f"targets have shape {targets.shape}: with these target_lengths they must be ({N}, {S}) or more "
            f"columns, or all {counts.sum()} labels in one row"
        )
    if used.size and (used.min() < 0 or used.max() >= C or (used == blank).any()):
        raise ValueError(
            f"targets go from {used.min()} to {used.max()}, but must be symbols from 0 to {C - 1} other than "
            f"the blank, {blank}"
        )
    labels = np.full((N, S), blank)
    labels[inside] = used
    return labels
