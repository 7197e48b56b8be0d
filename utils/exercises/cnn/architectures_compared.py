"""Exercises of 03-cnn/architectures/06-architectures-compared.ipynb."""

import math

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/architectures/06-architectures-compared.ipynb"
ITEMS = ["Accuracy, parameters, FLOPs and time"]


# ---- 1: the front of several costs ----

front = Exercise(
    "03-cnn/architectures-compared-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "j beats i if every cost of j is at most that of i, its gain at least that of i, and one of them is better.",
        "Compare all pairs at once: costs[:, None] <= costs[None], with a last axis for the costs, then .all(axis=2).",
        "Two networks that are equal in everything do not beat each other: both stay.",
    ],
    explanation="""
        A network is beaten if another is nowhere worse and somewhere better. What nobody beats is the front. The second
        half of the definition keeps twins, which a test with "at most" alone would throw out together.""",
)


@front.reference
def pareto(costs, gain):
    no_worse = (costs[:, None] <= costs[None]).all(axis=2) & (gain[:, None] >= gain[None])
    better = (costs[:, None] < costs[None]).any(axis=2) | (gain[:, None] > gain[None])
    return np.flatnonzero(~(no_worse & better).any(axis=0))


@front.driver
def as_indices(function, costs, gain):
    return np.asarray(function(costs, gain), dtype=int).ravel()


@front.case("one cost")
def _(rng):
    return rng.integers(1, 50, (8, 1)).astype(float), rng.integers(40, 60, 8).astype(float)


@front.case("three costs, some of which agree")
def _(rng):
    return rng.integers(1, 4, (9, 3)).astype(float), rng.integers(40, 44, 9).astype(float)


@front.case("twins, which do not beat each other")
def _(rng):
    costs, gain = rng.integers(1, 9, (4, 2)).astype(float), rng.integers(1, 9, 4).astype(float)
    return np.concatenate([costs, costs[:2]]), np.concatenate([gain, gain[:2]])


@front.wrong("Twins throw each other out: to beat means better in something, too.")
def _(costs, gain):
    no_worse = (costs[:, None] <= costs[None]).all(axis=2) & (gain[:, None] >= gain[None])
    np.fill_diagonal(no_worse, False)
    return np.flatnonzero(~no_worse.any(axis=0))


@front.wrong("A higher gain at a lower cost of one kind is not enough: no other cost may be higher.")
def _(costs, gain):
    better = (costs[:, None] < costs[None]).any(axis=2) & (gain[:, None] > gain[None])
    return np.flatnonzero(~better.any(axis=0))


@front.wrong("To beat does not need a better gain: the same at a lower cost will do.")
def _(costs, gain):
    better = (costs[:, None] <= costs[None]).all(axis=2) & (gain[:, None] > gain[None])
    return np.flatnonzero(~better.any(axis=0))


# ---- 2: McNemar ----

mcnemar = Exercise(
    "03-cnn/architectures-compared-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Only images on which exactly one of the two is right tell them apart: b of one kind, c of the other.",
        "If neither is better, each of these n = b + c images is a fair coin.",
        "p = 2 P(K <= min(b, c)) for K binomial with n and 1/2, and at most 1; math.comb(n, k) / 2**n.",
    ],
    explanation="""
        Images that both get right, or both wrong, say nothing of the difference. Of the b + c others, the smaller count
        is as small as this or smaller with probability sum of comb(n, k) / 2**n; twice that, for either could have been
        the better one, and 1 where that exceeds 1.""",
)


@mcnemar.reference
def exact_p(a, b, labels):
    only_a = int(((a == labels) & (b != labels)).sum())
    only_b = int(((a != labels) & (b == labels)).sum())
    n = only_a + only_b
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1)) / 2**n)


def _counts(a, b, labels):
    return int(((a == labels) & (b != labels)).sum()), int(((a != labels) & (b == labels)).sum())


@mcnemar.driver
def as_number(function, a, b, labels):
    return float(function(a, b, labels))


def _answers(rng, n, right_a, right_b):
    labels = rng.integers(0, 4, n)
    wrong = (labels + rng.integers(1, 4, n)) % 4
    return [np.where(rng.random(n) < share, labels, wrong) for share in (right_a, right_b)] + [labels]


@mcnemar.case("one is better")
def _(rng):
    return tuple(_answers(rng, 60, 0.8, 0.5))


@mcnemar.case("both are about as good")
def _(rng):
    return tuple(_answers(rng, 40, 0.6, 0.6))


@mcnemar.case("the same answers")
def _(rng):
    a, _, labels = _answers(rng, 20, 0.6, 0.6)
    return a, a.copy(), labels


@mcnemar.case("wrong on the same images with different answers")
def _(rng):
    labels = np.arange(12) % 4
    return (labels + (np.arange(12) < 4)) % 4, (labels + 2 * (np.arange(12) < 5)) % 4, labels


@mcnemar.wrong("Either of the two could have been the better one: twice the tail, and at most 1.")
def _(a, b, labels):
    x, y = _counts(a, b, labels)
    return sum(math.comb(x + y, k) for k in range(min(x, y) + 1)) / 2 ** (x + y)


@mcnemar.wrong("A probability is at most 1: where b = c, both tails hold the middle.")
def _(a, b, labels):
    x, y = _counts(a, b, labels)
    return 2 * sum(math.comb(x + y, k) for k in range(min(x, y) + 1)) / 2 ** (x + y)


@mcnemar.wrong("Count where exactly one is right, not where the answers differ: both may be wrong.")
def _(a, b, labels):
    n, x = int((a != b).sum()), int(((a == labels) & (b != labels)).sum())
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(min(x, n - x) + 1)) / 2**n)


# ---- 3: how many test images? ----

enough = Exercise(
    "03-cnn/architectures-compared-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Of N images N d are discordant; the difference of the two accuracies is (b - c) / N.",
        "Its variance is at most d / N: b - c is a sum of N terms, +1, -1 or, with probability 1 - d, 0.",
        "1.96 standard errors must fit below delta with room for 0.84 more, or half of the tests would miss it.",
        "N = d (1.96 + 0.84)² / delta², rounded up; paired=False has the variance 2 p (1 - p) in place of d.",
    ],
    explanation="""
        The test calls a difference real beyond 1.96 standard errors. To be beyond them in 80% of the cases the true
        difference must lie 0.84 standard errors higher: delta = (1.96 + 0.84) sqrt(d / N). Solved for N. Two separate
        test sets have the variance 2 p (1 - p) / N instead, which is larger, because easy images are easy for both.""",
)


@enough.reference
def images_needed(delta, d, p, paired):
    variance = d if paired else 2 * p * (1 - p)
    return math.ceil(variance * (1.96 + 0.84) ** 2 / delta**2)


@enough.driver
def as_count(function, *settings):
    return float(function(*settings))


@enough.case("two networks on the same images")
def _(rng):
    return round(float(rng.uniform(0.01, 0.05)), 3), round(float(rng.uniform(0.1, 0.4)), 2), 0.6, True


@enough.case("two networks, each on images of its own")
def _(rng):
    return round(float(rng.uniform(0.01, 0.05)), 3), 0.2, round(float(rng.uniform(0.5, 0.9)), 2), False


@enough.wrong("With 1.96 alone every second test would miss a difference of this size: add 0.84 for 80%.")
def _(delta, d, p, paired):
    return math.ceil((d if paired else 2 * p * (1 - p)) * 1.96**2 / delta**2)


@enough.wrong("The standard error shrinks with the root of N: delta is squared.")
def _(delta, d, p, paired):
    return math.ceil((d if paired else 2 * p * (1 - p)) * 2.8**2 / delta)


@enough.wrong("Two accuracies are measured: unpaired, both have a variance of p (1 - p) / N.")
def _(delta, d, p, paired):
    return math.ceil((d if paired else p * (1 - p)) * 2.8**2 / delta**2)


@enough.wrong("On the same images only those count on which exactly one is right: the variance is d / N.")
def _(delta, d, p, paired):
    return math.ceil(2 * p * (1 - p) * 2.8**2 / delta**2)
