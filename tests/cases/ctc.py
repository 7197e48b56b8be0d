"""Cases of the CTC loss: PyTorch behind a log-softmax, and all alignments one by one behind nothing."""

from itertools import groupby, product

import numpy as np

from cases import Case
from utils.functional.ctc import ctc_loss


def enumerated(log_probs, labels, blank):
    """The loss (a number) and its gradient (T, C), by way of each of the C^T paths."""
    T, C = log_probs.shape
    total, visits = 0.0, np.zeros((T, C))
    for path in product(range(C), repeat=T):
        if [k for k, _ in groupby(path) if k != blank] == list(labels):
            p = np.exp(log_probs[range(T), path].sum(dtype=np.float64))
            total += p
            visits[range(T), path] += p
    return -np.log(total), -visits / total


def by_enumeration(targets, input_lengths, target_lengths, blank):
    def run(weights, log_probs):
        losses, gradient = np.zeros(len(targets)), np.zeros(log_probs.shape)
        for n, (row, steps, count) in enumerate(zip(targets, input_lengths, target_lengths, strict=True)):
            losses[n], gradient[:steps, n] = enumerated(log_probs[:steps, n], row[:count], blank)
        return losses, [gradient * weights[:, None]]

    return run


def enumeration_case(name, T, C, targets, input_lengths, target_lengths, blank=0):
    settings = {"input_lengths": input_lengths, "target_lengths": target_lengths, "blank": blank}
    return Case(
        name=f"ctc, every alignment: {name}",
        ops="ctc_nll",
        call=lambda x, **settings: ctc_loss(x, np.array(targets), reduction="none", **settings),
        inputs=lambda rng: (
            rng.normal(size=(T, len(targets), C)),
        ),  # not normalized: the formula does not need it
        settings=settings,
        independent=by_enumeration(targets, **settings),
    )


def log_softmax(x):
    return x - x.exp().sum(axis=-1, keepdims=True).log()


def torch_case(name, T, C, targets, input_lengths, target_lengths, **settings):
    settings = {"input_lengths": input_lengths, "target_lengths": target_lengths, **settings}

    def reference(x, **settings):
        import torch

        lengths = {key: torch.tensor(settings.pop(key)) for key in ("input_lengths", "target_lengths")}
        return torch.nn.functional.ctc_loss(x.log_softmax(-1), torch.tensor(targets), **lengths, **settings)

    shape = (T, C) if np.ndim(input_lengths) == 0 else (T, len(input_lengths), C)
    return Case(
        name=f"ctc, PyTorch: {name}",
        ops="ctc_nll",
        call=lambda x, **settings: ctc_loss(log_softmax(x), np.array(targets), **settings),
        inputs=lambda rng: (2 * rng.normal(size=shape),),
        reference=reference,
        settings=settings,
    )


WORDS = [[3, 1, 1, 2], [2, 4, 0, 0], [4, 4, 4, 0]]
LONG = np.random.default_rng(5).integers(1, 6, size=(3, 12)).tolist()

CASES = [
    enumeration_case("one label", 3, 3, [[1]], [3], [1]),
    enumeration_case("one step", 1, 2, [[1]], [1], [1]),
    enumeration_case("a repeat", 5, 3, [[2, 2]], [5], [2]),
    enumeration_case("as short as can be", 3, 3, [[1, 1], [1, 2]], [3, 2], [2, 2]),
    enumeration_case("nothing to read", 4, 3, [[1], [0]], [4, 3], [0, 0]),
    enumeration_case("lengths", 5, 3, [[1, 2], [2, 2], [1, 0], [1, 1]], [5, 4, 2, 3], [2, 2, 1, 0]),
    enumeration_case("blank last", 5, 3, [[0, 1], [1, 1]], [5, 4], [2, 2], blank=2),
    torch_case("mean", 9, 5, WORDS, [9, 7, 8], [4, 2, 3]),
    torch_case("sum", 9, 5, WORDS, [9, 7, 8], [4, 2, 3], reduction="sum"),
    torch_case("none", 9, 5, WORDS, [9, 7, 8], [4, 2, 3], reduction="none"),
    torch_case("labels in one row", 9, 5, [3, 1, 1, 2, 2, 4, 4], [9, 7, 8], [4, 2, 1]),
    torch_case("empty targets", 6, 5, WORDS, [6, 5, 1], [0, 2, 0]),
    torch_case("all empty", 4, 3, [[1], [1]], [4, 2], [0, 0]),
    torch_case("no steps", 5, 5, WORDS, [0, 5, 5], [0, 2, 2], reduction="none"),
    torch_case("impossible", 6, 5, WORDS, [4, 6, 3], [4, 2, 3], zero_infinity=True),
    torch_case("impossible, each", 6, 5, WORDS, [4, 6, 0], [4, 2, 3], reduction="none", zero_infinity=True),
    torch_case("blank in the middle", 7, 5, [[0, 1, 1], [4, 0, 0]], [7, 6], [3, 2], blank=2),
    torch_case("one sequence", 7, 4, [1, 3, 3], 7, 3),
    torch_case("one sequence, none", 7, 4, [1, 3, 3], 6, 3, reduction="none"),
    torch_case("long", 80, 6, LONG, [80, 60, 70], [12, 5, 9]),
]
