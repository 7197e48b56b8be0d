"""Exercises of 02-mlp/forward-propagation/01-neurons-and-layers.ipynb."""

from itertools import pairwise

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "02-mlp/forward-propagation/01-neurons-and-layers.ipynb"


edge = Exercise(
    "02-mlp/neurons-and-layers-1",
    notebook=NOTEBOOK,
    items=["What is a neuron?"],
    hints=[
        "The weights are a picture of the pattern: which pixels count for a yes, which against?",
        "More light on all six pixels must change nothing, so the weights must sum to zero.",
        "w = (-1, -1, -1, 1, 1, 1) measures right less left; the bias says how much of it is needed.",
    ],
    explanation="""
        With w = (-1, -1, -1, 1, 1, 1) the sum w·x is the brightness of the right three less that of the left
        three. Adding the same light to all pixels adds sum(w) = 0 times that light. The neuron fires where the sum
        exceeds 1, so b = -1; any positive multiple of w and b together answers alike.""",
)


@edge.reference
def edge_neuron():
    return [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0], -1.0


@edge.driver
def fires(neuron, x):
    if not isinstance(neuron, tuple | list) or len(neuron) != 2:
        raise ExerciseError("the answer is a pair (w, b) of six weights and a bias")
    w, b = np.asarray(neuron[0], dtype=float), neuron[1]
    if w.shape != (6,):
        raise ExerciseError(f"w has shape {w.shape}, expected (6,): one weight for each pixel")
    return int(w @ x + b > 0)


@edge.case("the right three brighter by 1.5: yes")
def _(rng):
    left = rng.uniform(0, 1, size=3).round(2)
    return (np.append(left, left + 0.5),)


@edge.case("the right three brighter by 0.6: no")
def _(rng):
    left = rng.uniform(0, 1, size=3).round(2)
    return (np.append(left, left + 0.2),)


@edge.case("a uniform row in bright light: no")
def _(rng):
    return (np.full(6, round(float(rng.uniform(2, 20)), 1)),)


@edge.case("the left three brighter by 1.5: no")
def _(rng):
    right = rng.uniform(0, 1, size=3).round(2)
    return (np.append(right + 0.5, right),)


@edge.wrong("Only the right half is looked at, so that plain light makes the neuron fire.")
def _():
    return [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], -1.0


@edge.wrong("The sign is turned round: this neuron looks for brightness on the left.")
def _():
    return [1.0, 1.0, 1.0, -1.0, -1.0, -1.0], -1.0


@edge.wrong("The bias is missing: a difference of 0.6 must not be enough.")
def _():
    return [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0], 0.0


@edge.wrong("The bias has the wrong sign: it should demand a difference, not grant one.")
def _():
    return [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0], 1.0


count = Exercise(
    "02-mlp/neurons-and-layers-2",
    notebook=NOTEBOOK,
    items=["Layers, weights and biases"],
    hints=[
        "Each pair of neighbouring sizes is one layer: `zip(sizes, sizes[1:])`.",
        "A neuron has one weight an input, and one bias.",
        "A layer from n_in to n_out has n_out * (n_in + 1) parameters.",
    ],
    explanation="""
        The layer between sizes n_in and n_out holds W of shape (n_out, n_in) and b of shape (n_out,), which makes
        n_out * (n_in + 1) numbers. Inputs have no parameters, so a list of one size counts 0.""",
)


@count.reference
def n_parameters(sizes):
    return sum(n_out * (n_in + 1) for n_in, n_out in pairwise(sizes))


@count.case("several layers")
def _(rng):
    return (rng.integers(1, 20, size=4).tolist(),)


@count.case("a single neuron")
def _(rng):
    return ([int(rng.integers(2, 9)), 1],)


@count.case("no layer at all")
def _(rng):
    return ([int(rng.integers(2, 9))],)


@count.wrong("The biases are missing.")
def _(sizes):
    return sum(n_out * n_in for n_in, n_out in pairwise(sizes))


@count.wrong("A layer has one bias for each unit it has, not for each of its inputs.")
def _(sizes):
    return sum(n_in * (n_out + 1) for n_in, n_out in pairwise(sizes))


@count.wrong("Each neuron has a bias of its own: n_out of them a layer, not 1.")
def _(sizes):
    return sum(n_in * n_out + 1 for n_in, n_out in pairwise(sizes))


forward = Exercise(
    "02-mlp/neurons-and-layers-3",
    notebook=NOTEBOOK,
    items=["Layer-wise computation", "Batches and shapes"],
    hints=[
        "Z = A @ W.T + b for a batch A (N, in), since W is (out, in); the result is the next layer's A.",
        "ReLU is `np.maximum(Z, 0)`; the last layer goes without.",
        "Keep the activations of each layer in a list; X itself is not one of them.",
    ],
    explanation="""
        A layer maps its input (N, in) to (N, out) by A @ W.T + b: b is broadcast over the rows. The activations
        of one layer are the input of the next, ReLU included, and the last layer's sums are returned as they are.""",
)


def _relu(Z):
    return np.maximum(Z, 0)


@forward.reference
def activations(X, layers):
    A, found = X, []
    for ell, (W, b) in enumerate(layers, start=1):
        Z = A @ W.T + b
        A = np.maximum(Z, 0) if ell < len(layers) else Z
        found.append(A)
    return found


def _network(rng, sizes, n):
    layers = [(rng.normal(size=(o, i)).round(1), rng.normal(size=o).round(1)) for i, o in pairwise(sizes)]
    return rng.normal(size=(n, sizes[0])).round(1), layers


@forward.case("three layers of different widths")
def _(rng):
    return _network(rng, [3, 5, 4, 2], 6)


@forward.case("square weights, where W and W.T have one shape")
def _(rng):
    return _network(rng, [3, 3, 3], 4)


@forward.case("a batch of one sample and a single layer")
def _(rng):
    return _network(rng, [4, 2], 1)


def _pass(X, layers, product=lambda A, W: A @ W.T, bias=True, hidden=_relu, last=lambda Z: Z):
    A, found = X, []
    for ell, (W, b) in enumerate(layers, start=1):
        Z = product(A, W) + (b if bias else 0)
        A = hidden(Z) if ell < len(layers) else last(Z)
        found.append(A)
    return found


@forward.wrong("ReLU belongs after every layer but the last: the outputs are cut off at 0.")
def _(X, layers):
    return _pass(X, layers, last=_relu)


@forward.wrong("ReLU is missing: without it the layers collapse into one.")
def _(X, layers):
    return _pass(X, layers, hidden=lambda Z: Z)


@forward.wrong("The biases are missing.")
def _(X, layers):
    return _pass(X, layers, bias=False)


@forward.wrong("W is (out, in), so the product is A @ W.T; with a square W the other order raises no error.")
def _(X, layers):
    return _pass(X, layers, product=lambda A, W: A @ W if W.shape[0] == W.shape[1] else A @ W.T)


@forward.wrong("Return the activations of every layer as a list, not those of the last alone.")
def _(X, layers):
    return _pass(X, layers)[-1]


interpolation = Exercise(
    "02-mlp/neurons-and-layers-4",
    notebook=NOTEBOOK,
    items=["Universal approximation"],
    hints=[
        "Unit j wakes up at knot j, so its bias is -knots[j]; n units for n segments, none for the last knot.",
        "Left of all knots the output is b2, and at the first knot it must be values[0].",
        "Each unit adds its weight to the slope from its knot on: w2 is the change of slope at the knot.",
        "`np.diff(slopes, prepend=0)` are the changes of slope, with the slopes np.diff(values) / np.diff(knots).",
    ],
    explanation="""
        At the first knot all ramps are 0, so b2 = values[0]. On segment j the units 0 to j are awake and the slope
        is the sum of their weights, which must be s_j = (v_(j+1) - v_j) / (x_(j+1) - x_j). Hence w2_0 = s_0 and
        w2_j = s_j - s_(j-1). The knots need not be evenly spaced.""",
)


@interpolation.reference
def interpolating_network(knots, values):
    slopes = np.diff(values) / np.diff(knots)
    return -knots[:-1], np.diff(slopes, prepend=0), values[0]


@interpolation.driver
def outputs(answer, knots, values):
    found = answer(knots, values)
    if found is None or found is ...:
        return found
    if not isinstance(found, tuple) or len(found) != 3:
        raise ExerciseError("return three things, (b1, w2, b2)")
    b1, w2, b2 = (np.asarray(part, dtype=float) for part in found)
    n = len(knots) - 1
    if (b1.shape, w2.shape, b2.shape) != ((n,), (n,), ()):
        raise ExerciseError(
            f"b1, w2, b2 have the shapes {b1.shape}, {w2.shape}, {b2.shape}, expected ({n},), ({n},), ()"
        )
    x = np.sort(np.append(knots, (knots[1:] + knots[:-1]) / 2))
    return np.maximum(x[:, None] + b1, 0) @ w2 + b2


@interpolation.case("the network's outputs at evenly spaced knots and in the middles between them")
def _(rng):
    return np.arange(5.0), rng.normal(size=5).round(1)


@interpolation.case("the same, for knots that are unevenly spaced")
def _(rng):
    return np.cumsum(rng.uniform(0.2, 2, size=6)).round(1) - 3, rng.normal(size=6).round(1)


@interpolation.case("the same, for a single segment")
def _(rng):
    return np.array([1.0, 3.0]), rng.normal(size=2).round(1)


@interpolation.wrong("These are the slopes: a unit adds to the slope, so its weight is the change of slope.")
def _(knots, values):
    return -knots[:-1], np.diff(values) / np.diff(knots), values[0]


@interpolation.wrong("The slopes are not divided by the distance of the knots.")
def _(knots, values):
    return -knots[:-1], np.diff(np.diff(values), prepend=0), values[0]


@interpolation.wrong("At the first knot the output is 0: b2 must be the first value.")
def _(knots, values):
    slopes = np.diff(values) / np.diff(knots)
    return -knots[:-1], np.diff(slopes, prepend=0), 0.0


@interpolation.wrong("The ramps start at minus the knots: the bias of unit j is -knots[j].")
def _(knots, values):
    slopes = np.diff(values) / np.diff(knots)
    return knots[:-1], np.diff(slopes, prepend=0), values[0]
