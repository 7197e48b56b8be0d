"""Exercises of 02-mlp/backpropagation/04-autograd-engine.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "02-mlp/backpropagation/04-autograd-engine.ipynb"


tape = Exercise(
    "02-mlp/autograd-engine-1",
    notebook=NOTEBOOK,
    items=["Computation graphs", "A scalar engine"],
    hints=[
        "Start with a gradient of 0 for every name and 1 for the last line's name, then go through the tape backwards.",
        "Each line hands its own gradient g on: add gives (g, g), sub gives (g, -g), mul gives (g * y, g * x).",
        "Add each share to what is there already, one after the other: a line may read the same name twice.",
    ],
    explanation="""
        Backwards through the tape every name is complete before it is handed on, because whoever reads it stands
        further down. Shares are added, since a name may be read more than once, even by one line.""",
)


@tape.reference
def rewind_tape(tape, values):
    gradients = dict.fromkeys(values, 0.0)
    gradients[tape[-1][0]] = 1.0
    for name, op, (a, b) in reversed(tape):
        g, x, y = gradients[name], values[a], values[b]
        shares = {"add": (g, g), "sub": (g, -g), "mul": (g * y, g * x)}[op]
        gradients[a] += shares[0]
        gradients[b] += shares[1]
    return gradients


_FORMULAS = {"add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y}


def _filled(tape, **values):
    for name, op, (a, b) in tape:
        values[name] = _FORMULAS[op](values[a], values[b])
    return tape, values


@tape.case("every op once: (x + y) * (x - y)")
def _(rng):
    steps = [("s", "add", ["x", "y"]), ("d", "sub", ["x", "y"]), ("L", "mul", ["s", "d"])]
    return _filled(steps, x=round(float(rng.normal()), 2), y=round(float(rng.normal()), 2))


@tape.case("a line that reads one name twice: x * x, then the square of that")
def _(rng):
    steps = [("y", "mul", ["x", "x"]), ("L", "mul", ["y", "y"])]
    return _filled(steps, x=round(float(rng.uniform(0.5, 2)), 2))


@tape.case("a name that is not used, whose gradient is 0")
def _(rng):
    steps = [("a", "mul", ["x", "x"]), ("b", "sub", ["x", "x"]), ("L", "add", ["a", "x"])]
    return _filled(steps, x=round(float(rng.uniform(0.5, 2)), 2), unused=1.0)


def _wrong_rewind(sign=-1, swap=True, adds=True, from_the_end=True):
    def answer(tape, values):
        gradients = dict.fromkeys(values, 0.0)
        gradients[tape[-1][0]] = 1.0
        for name, op, (a, b) in reversed(tape) if from_the_end else tape:
            g, x, y = gradients[name], values[a], values[b]
            product = (g * y, g * x) if swap else (g * x, g * y)
            shares = {"add": (g, g), "sub": (g, sign * g), "mul": product}[op]
            for target, share in zip((a, b), shares, strict=True):
                gradients[target] = gradients[target] + share if adds else share
        return gradients

    return answer


tape.wrong("Shares must be added: a later share overwrites an earlier one here.")(_wrong_rewind(adds=False))
tape.wrong("In a product each factor's slope is the other factor.")(_wrong_rewind(swap=False))
tape.wrong("A difference falls when its second number grows: that share is -g.")(_wrong_rewind(sign=1))
tape.wrong("Go through the tape from its end: a gradient must be complete before it is handed on.")(
    _wrong_rewind(from_the_end=False)
)


order = Exercise(
    "02-mlp/autograd-engine-2",
    notebook=NOTEBOOK,
    items=["Computation graphs", "A scalar engine"],
    hints=[
        "Count for each node how many of the nodes below the root read it. The root is read by none.",
        "Send the nodes that nobody has yet to send to: take one off a list, append it to the order, and lower the "
        "count of its parents; a parent whose count reaches 0 is ready.",
        "Find the nodes and the counts first, with a loop and a list of what is left to look at, no recursion.",
    ],
    explanation="""
        First every node that can be reached, and how often each is read from there. Then a node is taken as soon as
        all its readers have been (Kahn 1962). Both loops are flat, so depth is no matter.""",
)


@order.reference
def walking_order(parents, root):
    readers, left = {root: 0}, [root]
    while left:
        for parent in parents[left.pop()]:
            if parent not in readers:
                readers[parent] = 0
                left.append(parent)
            readers[parent] += 1
    result, ready = [], [root]
    while ready:
        node = ready.pop()
        result.append(node)
        for parent in parents[node]:
            readers[parent] -= 1
            if readers[parent] == 0:
                ready.append(parent)
    return result


@order.driver
def judged_order(answer, parents, root):
    """What of the law an order keeps; a graph has many orders that are right."""
    given = answer(parents, root)
    if not isinstance(given, list):
        raise ExerciseError(f"expected a list of nodes, but got {type(given).__name__}")
    place = {node: number for number, node in enumerate(given)}
    reached, left = {root}, [root]
    while left:
        fresh = set(parents[left.pop()]) - reached
        reached |= fresh
        left.extend(fresh)
    return {
        "every node once": len(place) == len(given) and set(place) == reached,
        "every node before its parents": all(
            place[node] < place[parent]
            for node in place
            for parent in parents.get(node, [])
            if parent in place
        ),
    }


@order.case("a node that two others read")
def _(rng):
    return {"L": ["a", "b"], "a": ["x"], "b": ["a", "x"], "x": []}, "L"


@order.case("a short way and a long way to the same node")
def _(rng):
    return {"L": ["x", "c"], "c": ["b"], "b": ["a"], "a": ["x"], "x": [], "stranger": ["x"]}, "L"


@order.case("a random graph")
def _(rng):
    size = int(rng.integers(5, 9))
    names = [f"n{i}" for i in rng.permutation(size)]
    graph = {name: [names[j] for j in range(i) if rng.random() < 0.6] for i, name in enumerate(names)}
    return graph, names[-1]


@order.case("20,000 nodes in a row", seeds=1)
def _(rng):
    return {i: [i - 1] if i else [] for i in range(20_000)}, 19_999


@order.wrong("Depth first, in the order of the first visit: a node may come before one of its readers.")
def _(parents, root):
    found, left = {}, [root]
    while left:
        node = left.pop()
        if node not in found:
            found[node] = True
            left.extend(parents[node])
    return list(found)


@order.wrong("Turn it round: here the parents come first.")
def _(parents, root):
    return walking_order(parents, root)[::-1]


@order.wrong("These are the root's own parents only: go on to theirs.")
def _(parents, root):
    return [root, *parents[root]]


broadcast = Exercise(
    "02-mlp/autograd-engine-3",
    notebook=NOTEBOOK,
    items=["Broadcasting backwards"],
    hints=[
        "NumPy aligns shapes at their right ends: how many axes does g have more than `shape`? Those were new.",
        "An axis of length 1 in `shape` was repeated to the length that it has in g.",
        "Sum over the new axes, then over the repeated ones with keepdims=True, or sum with keepdims and reshape.",
    ],
    explanation="""
        What was copied is used many times, and the gradients of all uses add up: once over the axes that broadcasting
        put in front, once over those it stretched from 1. The last reshape drops the new axes again.""",
)


@broadcast.reference
def sum_to_shape(g, shape):
    extra = g.ndim - len(shape)
    stretched = [extra + i for i, n in enumerate(shape) if n == 1]
    return g.sum(axis=(*range(extra), *stretched), keepdims=True).reshape(shape)


@broadcast.case("a bias that was added to every row")
def _(rng):
    return rng.normal(size=(4, 3)).round(2), (3,)


@broadcast.case("a column that was added to every column, in a square where shapes do not help")
def _(rng):
    return rng.normal(size=(3, 3)).round(2), (3, 1)


@broadcast.case("new and stretched axes at once")
def _(rng):
    return rng.normal(size=(2, 4, 3, 2)).round(2), (1, 3, 1)


@broadcast.case("a single number")
def _(rng):
    return rng.normal(size=(2, 3)).round(2), ()


@broadcast.case("nothing was copied")
def _(rng):
    return rng.normal(size=(2, 3)).round(2), (2, 3)


@broadcast.wrong("Copies add up: this is their mean.")
def _(g, shape):
    extra = g.ndim - len(shape)
    stretched = [extra + i for i, n in enumerate(shape) if n == 1]
    return g.mean(axis=(*range(extra), *stretched), keepdims=True).reshape(shape)


@broadcast.wrong("Axes of length 1 were stretched too: sum over them as well.")
def _(g, shape):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g[tuple(slice(n) for n in shape)]


@broadcast.wrong("Shapes are aligned at their right ends: the new axes are the first ones.")
def _(g, shape):
    g = g.sum(axis=tuple(range(len(shape), g.ndim)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=axes, keepdims=True)


smooth = Exercise(
    "02-mlp/autograd-engine-4",
    notebook=NOTEBOOK,
    items=["From scalars to tensors"],
    hints=[
        "np.logaddexp(x, y) is the value, without overflow.",
        "The slope towards x is e^x / (e^x + e^y). Divide both by e^z: it is e^(x - z).",
        "return z, (lambda g: g * np.exp(x - z), lambda g: g * np.exp(y - z))",
    ],
    explanation="""
        With z known, e^x / (e^x + e^y) is e^(x - z), and since z is at least x and y no exponent is above 0. The
        two slopes are a softmax of two scores: they are positive and add up to 1.""",
)


@smooth.reference
def soft_maximum(x, y):
    z = np.logaddexp(x, y)
    return z, (lambda g: g * np.exp(x - z), lambda g: g * np.exp(y - z))


@smooth.driver
def value_and_gradients(answer, x, y, g):
    """The value, and each gradient for the incoming gradient g."""
    try:
        z, (for_x, for_y) = answer(x, y)
    except (TypeError, ValueError) as error:
        raise ExerciseError(
            f"expected z, (function, function), which this could not be read as: {error}"
        ) from None
    with np.errstate(all="ignore"):
        return z, for_x(g), for_y(g)


@smooth.case("arrays of one shape")
def _(rng):
    return tuple(rng.normal(size=(3, 4)).round(2))


@smooth.case("inputs far apart and very large, where e^x overflows")
def _(rng):
    return np.array([1000.0, -1000.0, 1000.0]), np.array([0.0, 3.0, 1000.0]), rng.normal(size=3).round(2)


@smooth.wrong("e^1000 overflows: np.logaddexp and differences in the exponent do not.")
def _(x, y):
    with np.errstate(all="ignore"):
        a, b = np.exp(x), np.exp(y)
        return np.log(a + b), (lambda g: g * a / (a + b), lambda g: g * b / (a + b))


@smooth.wrong("This is the slope of the hard maximum: the smooth one gives both inputs a share.")
def _(x, y):
    return np.logaddexp(x, y), (lambda g: g * (x > y), lambda g: g * (y >= x))


@smooth.wrong("The incoming gradient g is missing: multiply the slopes by it.")
def _(x, y):
    z = np.logaddexp(x, y)
    return z, (lambda g: np.exp(x - z), lambda g: np.exp(y - z))


@smooth.wrong("The two slopes are exchanged: e^(x - z) belongs to x.")
def _(x, y):
    z = np.logaddexp(x, y)
    return z, (lambda g: g * np.exp(y - z), lambda g: g * np.exp(x - z))


fused = Exercise(
    "02-mlp/autograd-engine-5",
    notebook=NOTEBOOK,
    items=["From scalars to tensors", "Neural networks on the engine"],
    hints=[
        "Forward: Z = X @ W.T + b, out = np.maximum(Z, 0).",
        "Backward begins with the mask: dZ = g * (Z > 0). All three gradients start from dZ.",
        "Return (dZ @ W, dZ.T @ X, dZ.sum(axis=0)) from one inner function.",
    ],
    explanation="""
        One node in place of four: nothing is recorded between the product, the bias and the ReLU, the mask is applied
        once, and the engine is called once. out > 0 is the same mask as Z > 0, so Z need not be kept.""",
)


@fused.reference
def affine_relu(X, W, b):
    out = np.maximum(X @ W.T + b, 0)

    def gradients(g):
        dZ = g * (out > 0)
        return dZ @ W, dZ.T @ X, dZ.sum(axis=0)

    return out, gradients


@fused.driver
def all_gradients(answer, X, W, b, g):
    """The value, and the gradients of X, W and b for the incoming gradient g."""
    out, gradients = answer(X, W, b)
    if not callable(gradients):
        raise ExerciseError(f"expected out and a function of g, but got {type(gradients).__name__}")
    return out, gradients(g)


@fused.case("several samples")
def _(rng):
    n, d, m = (int(size) for size in rng.integers(2, 6, size=3))
    return rng.normal(size=(n, d)), rng.normal(size=(m, d)), rng.normal(size=m), rng.normal(size=(n, m))


@fused.case("square weights, where a transpose does not show in the shape")
def _(rng):
    return rng.normal(size=(3, 3)), rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=(3, 3))


@fused.case("a unit that is silent for all samples gets no gradient")
def _(rng):
    b = np.array([-100.0, 0.5])
    return rng.normal(size=(4, 3)), rng.normal(size=(2, 3)), b, rng.normal(size=(4, 2))


def with_gradients(X, W, b, dZ=lambda g, out: g * (out > 0), dX=np.matmul):
    """The reference, with a part of its gradients exchanged."""
    out = np.maximum(X @ W.T + b, 0)

    def gradients(g):
        error = dZ(g, out)
        return dX(error, W), error.T @ X, error.sum(axis=0)

    return out, gradients


@fused.wrong("The ReLU's mask is missing on the way back.")
def _(X, W, b):
    return with_gradients(X, W, b, dZ=lambda g, out: g)


@fused.wrong("The mask belongs to the result, (out > 0), not to the incoming gradient.")
def _(X, W, b):
    return with_gradients(X, W, b, dZ=lambda g, out: g * (g > 0))


@fused.wrong("On the way back the error meets W itself, without a transpose.")
def _(X, W, b):
    return with_gradients(X, W, b, dX=lambda dZ, W: dZ @ W.T)
