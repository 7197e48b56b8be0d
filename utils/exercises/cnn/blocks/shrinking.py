"""Exercises 8 to 10: networks made smaller after training."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/exercises/02-architecture-exercises.ipynb"
ITEMS = ["Shrinking a trained network"]


low_rank = Exercise(
    "03-cnn/blocks-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The best approximation of a matrix by one of rank r keeps its r largest singular values.",
        "U, S, Vt = np.linalg.svd(W, full_matrices=False); A = U[:, :r] * S[:r] and B = Vt[:r].",
        "Two matrices need r (out + D) numbers: choose the largest r for which that is at most the budget.",
    ],
    explanation="""
        Eckart and Young: no matrix of rank r is nearer to W than the one that keeps its r largest singular
        values. As a network, that is a narrow linear layer before the old one, and cheaper as soon as r (out
        + D) < out D.""",
)


@low_rank.reference
def two_thin_layers(W, budget):
    rank = min(budget // sum(W.shape), min(W.shape))
    U, S, Vt = np.linalg.svd(W, full_matrices=False)
    return U[:, :rank] * S[:rank], Vt[:rank]


@low_rank.driver
def their_product(function, W, budget):
    A, B = (np.asarray(part) for part in function(W, budget))
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[0] or (len(A), B.shape[1]) != W.shape:
        raise ExerciseError(f"A @ B must have the shape {W.shape} of W, but A is {A.shape} and B {B.shape}")
    if A.size + B.size > max(budget, sum(W.shape) * min(W.shape)):
        raise ExerciseError(f"A and B hold {A.size + B.size} numbers; the budget is {budget}")
    return np.append((A @ B).ravel(), A.shape[1])


@low_rank.case("a budget of half of the weights")
def _(rng):
    return rng.normal(size=(8, 6)).round(1), 28


@low_rank.case("a budget that no whole rank exhausts")
def _(rng):
    return rng.normal(size=(5, 9)).round(1), int(rng.integers(29, 41))


@low_rank.case("a budget for more than the rank of W", seeds=2)
def _(rng):
    return rng.normal(size=(3, 4)).round(1), 1000


@low_rank.wrong("The smallest singular values were kept: the largest carry the matrix.")
def _(W, budget):
    rank = min(budget // sum(W.shape), min(W.shape))
    U, S, Vt = np.linalg.svd(W, full_matrices=False)
    return (U[:, len(S) - rank :] * S[len(S) - rank :], Vt[len(S) - rank :]) if rank < len(S) else (U, Vt)


@low_rank.wrong("The singular values are missing from the product.")
def _(W, budget):
    rank = min(budget // sum(W.shape), min(W.shape))
    U, _, Vt = np.linalg.svd(W, full_matrices=False)
    return U[:, :rank], Vt[:rank]


@low_rank.wrong("The budget allows a larger rank: r (out + D) numbers are needed, not 2 r max(out, D).")
def _(W, budget):
    rank = min(budget // (2 * max(W.shape)), min(W.shape))
    U, S, Vt = np.linalg.svd(W, full_matrices=False)
    return U[:, :rank] * S[:rank], Vt[:rank]


prune = Exercise(
    "03-cnn/blocks-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The strength of filter f is np.abs(W1[f]).sum(). Keep the `keep` strongest, in their old order.",
        "A filter that goes takes its bias with it, and the input channel of the next layer that read it.",
        "kept = np.sort(np.argsort(strength)[-keep:]); W1[kept], b1[kept], W2[:, kept].",
    ],
    explanation="""
        A feature map has three owners: the filter that makes it, its bias, and the slice of every kernel of
        the next layer that reads it. Whole filters are removed, so what is left is an ordinary, smaller
        network; single weights set to 0 would save nothing on ordinary hardware.""",
)


@prune.reference
def prune_filters(W1, b1, W2, keep):
    strength = np.abs(W1).sum(axis=(1, 2, 3))
    kept = np.sort(np.argsort(strength)[len(strength) - keep :])
    return W1[kept], b1[kept], W2[:, kept]


def _layers(rng, F, G, C=2):
    W1 = rng.normal(size=(F, C, 3, 3)) * rng.permutation(np.linspace(0.2, 2, F))[:, None, None, None]
    return W1.round(2), rng.normal(size=F).round(1), rng.normal(size=(G, F, 3, 3)).round(1)


@prune.case("half of the filters")
def _(rng):
    return *_layers(rng, 6, 4), 3


@prune.case("as many filters as in the next layer, so that a wrong axis does not show in shapes")
def _(rng):
    return *_layers(rng, 5, 5), 2


@prune.case("all stay", seeds=1)
def _(rng):
    return *_layers(rng, 3, 2), 3


@prune.wrong("The weakest filters were kept.")
def _(W1, b1, W2, keep):
    kept = np.sort(np.argsort(np.abs(W1).sum(axis=(1, 2, 3)))[:keep])
    return W1[kept], b1[kept], W2[:, kept]


@prune.wrong("The next layer must lose the channels that it read: axis 1 of W2, not axis 0.")
def _(W1, b1, W2, keep):
    kept = np.sort(np.argsort(np.abs(W1).sum(axis=(1, 2, 3)))[len(W1) - keep :])
    return W1[kept], b1[kept], W2[kept[kept < len(W2)]]


@prune.wrong("The strength is the sum of absolute values: positive and negative weights must not cancel.")
def _(W1, b1, W2, keep):
    kept = np.sort(np.argsort(W1.sum(axis=(1, 2, 3)))[len(W1) - keep :])
    return W1[kept], b1[kept], W2[:, kept]


@prune.wrong(
    "Keep the old order: sorted by strength, the channels no longer stand where later layers expect them."
)
def _(W1, b1, W2, keep):
    kept = np.argsort(np.abs(W1).sum(axis=(1, 2, 3)))[::-1][:keep]
    return W1[kept], b1[kept], W2[:, kept]


quantize = Exercise(
    "03-cnn/blocks-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "With b bits the whole numbers from -L to L are in use, L = 2^(b-1) - 1: 127 for 8 bits.",
        "The scale of filter f is the largest absolute weight of the filter divided by L.",
        "codes = np.round(W / scale); a filter of zeros has no scale: use 1 there.",
    ],
    explanation="""
        Symmetric quantization by filter: zero stays exactly zero, the largest weight becomes L, and no weight
        is off by more than half a step. One scale for all filters would let the largest filter set the step
        for the smallest.""",
)


def _quantized(W, bits, levels=None, axes=(1, 2, 3), rounding=np.round):
    levels = 2 ** (bits - 1) - 1 if levels is None else levels
    scale = np.abs(W).max(axis=axes, keepdims=True) / levels
    scale = np.where(scale > 0, scale, 1.0)
    return rounding(W / scale), np.broadcast_to(scale, (len(W), 1, 1, 1)).copy()


@quantize.reference
def quantize_filters(W, bits):
    levels = 2 ** (bits - 1) - 1
    scale = np.abs(W).max(axis=(1, 2, 3), keepdims=True) / levels  # (F, 1, 1, 1)
    scale = np.where(scale > 0, scale, 1.0)
    return np.round(W / scale), scale


def _filters(rng, F):
    return (rng.normal(size=(F, 2, 3, 3)) * np.geomspace(0.01, 1, F)[:, None, None, None]).round(4)


@quantize.case("8 bits, filters of very different size")
def _(rng):
    return _filters(rng, 3), 8


@quantize.case("3 bits")
def _(rng):
    return _filters(rng, 2), 3


@quantize.case("a filter of zeros", seeds=1)
def _(rng):
    W = _filters(rng, 3)
    W[1] = 0
    return W, 4


@quantize.wrong("One scale for all filters: each has its own, or the smallest become 0.")
def _(W, bits):
    return _quantized(W, bits, axes=(0, 1, 2, 3))


@quantize.wrong("With b bits L is 2^(b-1) - 1: one bit holds the sign, and -L must exist as well as L.")
def _(W, bits):
    return _quantized(W, bits, levels=2 ** (bits - 1))


@quantize.wrong("Cutting off the fraction makes errors of a whole step, all towards zero: round.")
def _(W, bits):
    return _quantized(W, bits, rounding=np.trunc)


@quantize.wrong("A filter of zeros divides 0 by 0: give it the scale 1.")
def _(W, bits):
    scale = np.abs(W).max(axis=(1, 2, 3), keepdims=True) / (2 ** (bits - 1) - 1)
    with np.errstate(invalid="ignore"):
        return np.round(W / scale), scale
