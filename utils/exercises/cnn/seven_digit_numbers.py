"""Exercises of 03-cnn/applications/01-seven-digit-numbers.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/01-seven-digit-numbers.ipynb"


exact = Exercise(
    "03-cnn/seven-digit-numbers-1",
    notebook=NOTEBOOK,
    items=["Why fully connected networks fail"],
    hints=[
        "A number is read whole if all its digits are: p to the power of `length`, if they err independently.",
        "So p is the root: whole ** (1 / length).",
        "Exactly one wrong digit: it may stand at each of `length` places, length * p ** (length - 1) * (1 - p).",
    ],
    explanation="""
        All right has the probability p^L, which gives p = whole^(1/L). One wrong digit at a given place has
        p^(L-1) (1 - p), and there are L places. For 95% of seven digits p must be 99.27%, and then all but
        0.1% of the numbers have at most one wrong digit: that is why a single check digit helps so much.""",
)


@exact.reference
def digit_accuracy_needed(whole, length):
    p = whole ** (1 / length)
    return p, p**length + length * p ** (length - 1) * (1 - p)


@exact.driver
def as_pair(function, whole, length):
    return np.array(function(whole, length), dtype=float)


@exact.case("seven digits", seeds=3)
def _(rng):
    return round(float(rng.uniform(0.8, 0.99)), 3), 7


@exact.case("other lengths", seeds=3)
def _(rng):
    return round(float(rng.uniform(0.3, 0.9)), 3), int(rng.integers(2, 16))


@exact.case("a number of one digit", seeds=1)
def _(rng):
    return 0.9, 1


@exact.wrong(
    "The errors do not share the loss evenly: it is a product that must equal `whole`, so take the root."
)
def _(whole, length):
    p = 1 - (1 - whole) / length
    return p, p**length + length * p ** (length - 1) * (1 - p)


@exact.wrong("The wrong digit may stand at each of `length` places: count them all.")
def _(whole, length):
    p = whole ** (1 / length)
    return p, p**length + p ** (length - 1) * (1 - p)


@exact.wrong("At most one includes none: add the share that is read whole.")
def _(whole, length):
    p = whole ** (1 / length)
    return p, length * p ** (length - 1) * (1 - p)


@exact.wrong("This goes the other way, from digits to numbers: `whole` is given, and p is sought.")
def _(whole, length):
    p = whole**length
    return p, p**length + length * p ** (length - 1) * (1 - p)


seen = Exercise(
    "03-cnn/seven-digit-numbers-2",
    notebook=NOTEBOOK,
    items=["A convolutional reader"],
    hints=[
        "Keep two numbers: the view r, 1 at first, and the distance j between neighbours, 1 at first.",
        "A kernel adds dilation * (kernel - 1) steps of the present distance: r += dilation * (kernel - 1) * j.",
        "Only then the stride multiplies the distance: j *= stride.",
    ],
    explanation="""
        A kernel of k taps, d apart, spans d (k - 1) steps besides its first tap, and a step is as wide as the
        distance j between neighbours in its input. Its own stride spreads its outputs, so it counts for the
        layers that follow, not for itself. Pooling is a kernel like any other here.""",
)


@seen.reference
def view(layers):
    r, j = 1, 1
    for kernel, stride, dilation in layers:
        r += dilation * (kernel - 1) * j
        j *= stride
    return r, j


@seen.driver
def as_numbers(function, layers):
    return np.array(function(layers), dtype=float)


@seen.case("the reader of the notebook", seeds=1)
def _(rng):
    return [(5, 1, 1), (2, 2, 1), (3, 1, 1), (2, 2, 1), (3, 1, 1), (1, 1, 1), (3, 1, 1), (5, 1, 1)]


@seen.case("strides and dilations", seeds=5)
def _(rng):
    return [
        tuple(int(n) for n in (rng.integers(1, 8), rng.integers(1, 4), rng.integers(1, 4))) for _ in range(4)
    ]


@seen.case("no layer at all: a pixel sees itself", seeds=1)
def _(rng):
    return []


def _walk(layers, *, dilated=True, stride_first=False, taps=-1):
    r, j = 1, 1
    for kernel, stride, dilation in layers:
        j *= stride if stride_first else 1
        r += (dilation if dilated else 1) * (kernel + taps) * j
        j *= 1 if stride_first else stride
    return r, j


@seen.wrong("The dilation is missing: taps that lie d apart span d (k - 1) steps.")
def _(layers):
    return _walk(layers, dilated=False)


@seen.wrong("A layer's stride spreads its outputs: it counts for the next layers, not for its own kernel.")
def _(layers):
    return _walk(layers, stride_first=True)


@seen.wrong("The first tap adds nothing new: k taps reach k - 1 steps further.")
def _(layers):
    return _walk(layers, taps=0)


repair = Exercise(
    "03-cnn/seven-digit-numbers-3",
    notebook=NOTEBOOK,
    items=["A convolutional reader"],
    hints=[
        "The result must have the shape of `mass`, (T,), but `change` has lost a column: which?",
        "After the last column there is none that loses what it gains: its change is dA[:, -1] itself.",
        "m_t is part of the counts from t on: sum dc from the right, np.cumsum(dc[::-1])[::-1].",
    ],
    explanation="""
        A boundary after column t takes from t + 1 what it gives to t, so the change is dA[:, t] - dA[:, t + 1], and
        dA[:, t] alone after the last column: there the bucket just becomes fuller. A mass raises its own count
        and all later ones, so its gradient is the sum of theirs: a running sum from the right.""",
)


@repair.reference
def shares_backward(mass, dA):
    count, k = np.cumsum(mass), np.arange(len(dA))[:, None]
    filling = (count > k) & (count < k + 1)
    change = dA - np.concatenate([dA[:, 1:], np.zeros((len(dA), 1))], axis=1)
    dc = (filling * change).sum(axis=0)
    return np.cumsum(dc[::-1])[::-1]


def _masses(rng, length, columns, total):
    mass = rng.uniform(0.1, 1.0, columns)
    return (mass * total / mass.sum()).round(3), rng.normal(size=(length, columns)).round(1)


@repair.case("the count ends inside of the last bucket")
def _(rng):
    return _masses(rng, 3, 7, 2.63)


@repair.case("more mass than the buckets hold", seeds=3)
def _(rng):
    return _masses(rng, 2, 6, 3.37)


@repair.case("less than one digit", seeds=2)
def _(rng):
    return _masses(rng, 2, 4, 0.71)


@repair.case("columns of paper", seeds=2)
def _(rng):
    mass, dA = _masses(rng, 2, 6, 1.57)
    mass[[0, 3]] = 0
    return mass, dA


def _backward(mass, dA, *, last=True, from_right=True, sign=1):
    count, k = np.cumsum(mass), np.arange(len(dA))[:, None]
    following = np.concatenate([dA[:, 1:], np.zeros((len(dA), 1)) if last else dA[:, -1:]], axis=1)
    dc = (((count > k) & (count < k + 1)) * sign * (dA - following)).sum(axis=0)
    return np.cumsum(dc[::-1])[::-1] if from_right else np.cumsum(dc)


@repair.wrong("A mass raises the counts to its right: the running sum must come from the right.")
def _(mass, dA):
    return _backward(mass, dA, from_right=False)


@repair.wrong(
    "After the last column the bucket becomes fuller, and nobody loses: its change is dA[:, -1], not 0."
)
def _(mass, dA):
    return _backward(mass, dA, last=False)


@repair.wrong("The sign is turned round: column t gains, and column t + 1 loses.")
def _(mass, dA):
    return _backward(mass, dA, sign=-1)


@repair.wrong("This repairs one of two faults: the result still lacks a column.")
def _(mass, dA):
    count, k = np.cumsum(mass), np.arange(len(dA))[:, None]
    filling = (count > k) & (count < k + 1)
    dc = (filling[:, :-1] * (dA[:, :-1] - dA[:, 1:])).sum(axis=0)
    return np.cumsum(dc[::-1])[::-1]


asking = Exercise(
    "03-cnn/seven-digit-numbers-4",
    notebook=NOTEBOOK,
    items=["Reading seven digits"],
    hints=[
        "Try every confidence that occurs as the threshold: kept = confidence >= threshold.",
        "The share misread is among those kept, 1 - right[kept].mean(), not among all.",
        "It may rise above `allowed` and fall below it again: look at all of them, and take the lowest that passes.",
    ],
    explanation="""
        Every threshold between two neighbouring confidences keeps the same strings, so the confidences themselves
        are all the candidates. A single unsure success can bring the share down again, so the search must not stop
        at the first threshold that fails. Comparing with >= keeps strings of equal confidence together, as a
        threshold must.""",
)


@asking.reference
def lowest_threshold(confidence, right, allowed):
    for threshold in np.unique(confidence):  # ascending
        if 1 - right[confidence >= threshold].mean() <= allowed:
            return float(threshold)
    return np.inf


@asking.driver
def as_text(function, confidence, right, allowed):
    answer = float(function(confidence, right, allowed))
    return "infinity" if np.isinf(answer) else answer


@asking.case("errors hide among the unsure", seeds=5)
def _(rng):
    confidence = rng.permutation(np.arange(1, 21)) / 21
    return confidence.round(3), rng.random(20) < confidence, 0.2


@asking.case("the share rises and falls again", seeds=1)
def _(rng):
    return np.array([0.9, 0.8, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False]), 0.25


@asking.case("equal confidences stand or fall together", seeds=3)
def _(rng):
    return rng.integers(1, 5, 12) / 5, rng.random(12) < 0.7, 0.25


@asking.case("even the surest is wrong", seeds=1)
def _(rng):
    return np.array([0.99, 0.4, 0.6]), np.array([False, True, False]), 0.1


@asking.case("all may be kept", seeds=1)
def _(rng):
    return np.array([0.3, 0.9, 0.5]), np.array([True, True, True]), 0.0


@asking.wrong("The share misread may fall again further down: do not stop at the first threshold that fails.")
def _(confidence, right, allowed):
    lowest = np.inf
    for threshold in np.unique(confidence)[::-1]:
        if 1 - right[confidence >= threshold].mean() > allowed:
            return lowest
        lowest = threshold
    return lowest


@asking.wrong("The share is of those that are kept, not of all: divide by their number.")
def _(confidence, right, allowed):
    for threshold in np.unique(confidence):
        if (~right[confidence >= threshold]).sum() / len(right) <= allowed:
            return threshold
    return np.inf


@asking.wrong("Strings of equal confidence cannot be told apart by a threshold: count all of them, or none.")
def _(confidence, right, allowed):
    order = np.argsort(-confidence, kind="stable")
    share = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    passing = np.flatnonzero(share <= allowed)
    return confidence[order][passing[-1]] if len(passing) else np.inf


@asking.wrong("This is the highest threshold that passes: the lowest keeps most strings.")
def _(confidence, right, allowed):
    for threshold in np.unique(confidence)[::-1]:
        if 1 - right[confidence >= threshold].mean() <= allowed:
            return threshold
    return np.inf
