"""Exercises of 02-mlp/backpropagation/02-backpropagation-by-hand.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/backpropagation/02-backpropagation-by-hand.ipynb"


affine = Exercise(
    "02-mlp/backpropagation-by-hand-1",
    notebook=NOTEBOOK,
    items=["Derivation from the chain rule"],
    hints=[
        "Forward, Z[i, k] is the sum over j of A[i, j] * W[k, j], plus b[k]. Which index does each gradient sum over?",
        "dA sums over the units k, dW and db over the samples i.",
        "The summed index stands in the middle of a product: dZ @ W has k there, dZ.T @ A has i.",
    ],
    explanation="""
        Each gradient has the shape of what it belongs to: dA is (N, out) @ (out, in), dW is (out, N) @ (N, in). The
        bias is the weight of an input that is always 1, so db is the column sum of dZ.""",
)


@affine.reference
def affine_gradients(dZ, A, W):
    return dZ @ W, dZ.T @ A, dZ.sum(axis=0)


@affine.case("several samples")
def _(rng):
    n, n_in, n_out = rng.integers(2, 6, size=3)
    return rng.normal(size=(n, n_out)), rng.normal(size=(n, n_in)), rng.normal(size=(n_out, n_in))


@affine.case("a single sample")
def _(rng):
    return rng.normal(size=(1, 2)), rng.normal(size=(1, 3)), rng.normal(size=(2, 3))


@affine.case("as many samples as inputs and outputs, where no shape gives a mistake away")
def _(rng):
    return tuple(rng.normal(size=(3, 3, 3)))


@affine.wrong("On the way back the error meets W itself: the transpose belongs to the way forward.")
def _(dZ, A, W):
    return dZ @ W.T, dZ.T @ A, dZ.sum(axis=0)


@affine.wrong("dW has the shape of W, (out, in): this is its transpose.")
def _(dZ, A, W):
    return dZ @ W, A.T @ dZ, dZ.sum(axis=0)


@affine.wrong("The mean of the loss is in dZ already: sum over the samples.")
def _(dZ, A, W):
    return dZ @ W, dZ.T @ A / len(dZ), dZ.mean(axis=0)


@affine.wrong("db has one entry for each unit: sum over the samples, axis 0.")
def _(dZ, A, W):
    return dZ @ W, dZ.T @ A, dZ.sum(axis=1)


error = Exercise(
    "02-mlp/backpropagation-by-hand-2",
    notebook=NOTEBOOK,
    items=["Error propagation through layers"],
    hints=[
        "Two steps: through the weights of the next layer to dA, then through tanh to dZ.",
        "dA = dZ_next @ W_next, of the shape of A.",
        "The slope of tanh at z is 1 - tanh(z)**2, and tanh(z) is what you are given.",
    ],
    explanation="""
        The weights carry the error back to the activations, and the slope of tanh, 1 - A**2, carries it to the
        pre-activations, entry by entry. Since the slope follows from the activation, Z need not be kept.""",
)


@error.reference
def error_of_layer(dZ_next, W_next, A):
    return dZ_next @ W_next * (1 - A**2)


@error.case("several samples")
def _(rng):
    n, h, k = rng.integers(2, 6, size=3)
    return rng.normal(size=(n, k)), rng.normal(size=(k, h)), np.tanh(rng.normal(size=(n, h)))


@error.case("a saturated unit passes nothing on")
def _(rng):
    A = np.tanh(rng.normal(size=(3, 2)))
    A[:, 0] = 1.0
    return rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), A


@error.case("layers of equal width, where no shape gives a mistake away")
def _(rng):
    return rng.normal(size=(2, 2)), rng.normal(size=(2, 2)), np.tanh(rng.normal(size=(2, 2)))


@error.wrong("This is dA: the slope of tanh is missing.")
def _(dZ_next, W_next, A):
    return dZ_next @ W_next


@error.wrong("A is tanh(Z) already, so the slope is 1 - A**2.")
def _(dZ_next, W_next, A):
    return dZ_next @ W_next * (1 - np.tanh(A) ** 2)


@error.wrong("Input j collects column j of the weights: no transpose here.")
def _(dZ_next, W_next, A):
    return dZ_next @ W_next.T * (1 - A**2)


@error.wrong("That is the slope of the sigmoid; tanh has 1 - A**2.")
def _(dZ_next, W_next, A):
    return dZ_next @ W_next * A * (1 - A)


step = Exercise(
    "02-mlp/backpropagation-by-hand-3",
    notebook=NOTEBOOK,
    items=["Weight and bias updates", "XOR, solved"],
    hints=[
        "Forward: A1 = tanh(X @ W1.T + b1) and Z2 = A1 @ W2.T + b2, of shape (N, 1).",
        "The labels are (N,): make them a column, y[:, None], or Z2 - y becomes (N, N).",
        "dZ2 = (sigmoid(Z2) - y[:, None]) / N, then dZ1 = dZ2 @ W2 * (1 - A1**2), with the old W2.",
    ],
    explanation="""
        Forward, then the error of the output divided by N, then the error of the hidden layer with the weights that
        made the output. Only when all four gradients are known does anything move; new arrays leave the old alone.""",
)


@step.reference
def xor_step(X, y, W1, b1, W2, b2, lr):
    A1 = np.tanh(X @ W1.T + b1)
    Z2 = A1 @ W2.T + b2
    dZ2 = (1 / (1 + np.exp(-Z2)) - y[:, None]) / len(X)
    dZ1 = dZ2 @ W2 * (1 - A1**2)
    return (
        W1 - lr * dZ1.T @ X,
        b1 - lr * dZ1.sum(axis=0),
        W2 - lr * dZ2.T @ A1,
        b2 - lr * dZ2.sum(axis=0),
    )


def _network(rng, n, d, h):
    shapes = [(n, d), (h, d), (h,), (1, h), (1,)]
    X, W1, b1, W2, b2 = (rng.normal(size=shape) for shape in shapes)
    return X, rng.integers(0, 2, size=n), W1, b1, W2, b2, 0.5


@step.case("the four corners of XOR")
def _(rng):
    _, _, *parameters, lr = _network(rng, 4, 2, 2)
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return X, np.array([0, 1, 1, 0]), *parameters, lr


@step.case("any number of samples, inputs and hidden units")
def _(rng):
    n, d, h = (int(size) for size in rng.integers(2, 6, size=3))
    return _network(rng, n, d, h)


def _wrong_step(hidden_slope=True, mean=True, old_weights=True, sign=-1):
    def answer(X, y, W1, b1, W2, b2, lr):
        A1 = np.tanh(X @ W1.T + b1)
        dZ2 = 1 / (1 + np.exp(-(A1 @ W2.T + b2))) - y[:, None]
        dZ2 = dZ2 / len(X) if mean else dZ2
        new_W2 = W2 + sign * lr * dZ2.T @ A1
        dZ1 = dZ2 @ (W2 if old_weights else new_W2) * ((1 - A1**2) if hidden_slope else 1)
        new_b2 = b2 + sign * lr * dZ2.sum(axis=0)
        return W1 + sign * lr * dZ1.T @ X, b1 + sign * lr * dZ1.sum(axis=0), new_W2, new_b2

    return answer


step.wrong("The loss is a mean: divide the error of the output by the number of samples.")(
    _wrong_step(mean=False)
)
step.wrong("W2 has moved before it carried the error back: compute all gradients with the old weights.")(
    _wrong_step(old_weights=False)
)
step.wrong("The slope of tanh is missing on the way to the first layer.")(_wrong_step(hidden_slope=False))
step.wrong("This climbs the loss: step against the gradient.")(_wrong_step(sign=1))


direction = Exercise(
    "02-mlp/backpropagation-by-hand-4",
    notebook=NOTEBOOK,
    items=["Gradient checking"],
    hints=[
        "The slope along v is how fast f changes when x moves along v: two values of f tell.",
        "s = (f(x + eps * v) - f(x - eps * v)) / (2 * eps).",
        "The gradient predicts the sum over all entries of gradient * v.",
    ],
    explanation="""
        Along v the function has one slope, the inner product of gradient and v, so two evaluations test every entry of
        the gradient at once. A wrong entry escapes only if v happens to be blind to it; a random v is not.""",
    rtol=1e-3,
    atol=1e-6,
)


@direction.reference
def direction_error(f, x, gradient, v, eps):
    slope = (f(x + eps * v) - f(x - eps * v)) / (2 * eps)
    predicted = np.sum(gradient * v)
    return abs(slope - predicted) / max(abs(slope), abs(predicted))


def _cubes(x):
    return float(np.sum(x**3))


@direction.case("a wrong gradient of sum(x**3)")
def _(rng):
    x, v = rng.uniform(0.5, 1.5, size=(2, 4))
    return _cubes, x, 3 * x**2 * rng.uniform(0.5, 0.9, size=4), v, 1e-5


@direction.case("a matrix")
def _(rng):
    x, v = rng.uniform(0.5, 1.5, size=(2, 2, 3))
    return _cubes, x, 2 * x**2, v, 1e-5


@direction.case("a gradient that is much too large")
def _(rng):
    x, v = rng.uniform(0.5, 1.5, size=(2, 3))
    return _cubes, x, 30 * x**2, v, 1e-5


@direction.case("the right gradient along a long direction, whose step is long too")
def _(rng):
    x, v = rng.uniform(0.5, 1.5, size=(2, 3))
    return _cubes, x, 3 * x**2, 10 * v, 0.01


@direction.wrong("Divide by 2 * eps: the two points lie that far apart.")
def _(f, x, gradient, v, eps):
    slope, predicted = (f(x + eps * v) - f(x - eps * v)) / eps, np.sum(gradient * v)
    return abs(slope - predicted) / max(abs(slope), abs(predicted))


@direction.wrong("A one-sided difference is less exact, which shows where the step is long.")
def _(f, x, gradient, v, eps):
    slope, predicted = (f(x + eps * v) - f(x)) / eps, np.sum(gradient * v)
    return abs(slope - predicted) / max(abs(slope), abs(predicted))


@direction.wrong("Divide by the larger of the two magnitudes.")
def _(f, x, gradient, v, eps):
    slope, predicted = (f(x + eps * v) - f(x - eps * v)) / (2 * eps), np.sum(gradient * v)
    return abs(slope - predicted) / abs(slope)


@direction.wrong("The length of v belongs to both: do not divide v by it on one side only.")
def _(f, x, gradient, v, eps):
    slope = (f(x + eps * v) - f(x - eps * v)) / (2 * eps)
    predicted = np.sum(gradient * v) / np.linalg.norm(v)
    return abs(slope - predicted) / max(abs(slope), abs(predicted))


residual = Exercise(
    "02-mlp/backpropagation-by-hand-5",
    notebook=NOTEBOOK,
    items=["Derivation from the chain rule", "Error propagation through layers"],
    hints=[
        "X reaches A along two paths: straight, and through the layer. Their gradients add.",
        "Through the layer: dZ = dA * (1 - H**2) with H = tanh(X @ W.T + b).",
        "dX = dA + dZ @ W; the weights lie on one path only.",
    ],
    explanation="""
        The straight path has slope 1 and hands dA on as it is; the layer adds dZ @ W. Even where all units are
        saturated the straight path keeps the error alive, which is why very deep networks are built of such layers.""",
)


@residual.reference
def residual_backward(dA, X, W, b):
    H = np.tanh(X @ W.T + b)
    dZ = dA * (1 - H**2)
    return dA + dZ @ W, dZ.T @ X, dZ.sum(axis=0)


@residual.case("several samples")
def _(rng):
    n, d = rng.integers(2, 6, size=2)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.normal(size=(d, d)), rng.normal(size=d)


@residual.case("a single feature")
def _(rng):
    return rng.normal(size=(3, 1)), rng.normal(size=(3, 1)), rng.normal(size=(1, 1)), rng.normal(size=1)


@residual.case("saturated units: the straight path still carries the error")
def _(rng):
    return rng.normal(size=(2, 3)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), np.full(3, 50.0)


@residual.wrong("One path is forgotten: X also goes straight to A, with slope 1.")
def _(dA, X, W, b):
    dZ = dA * (1 - np.tanh(X @ W.T + b) ** 2)
    return dZ @ W, dZ.T @ X, dZ.sum(axis=0)


@residual.wrong("The slope of tanh is taken of A, which has X in it: it belongs to H = tanh(Z).")
def _(dA, X, W, b):
    dZ = dA * (1 - (X + np.tanh(X @ W.T + b)) ** 2)
    return dA + dZ @ W, dZ.T @ X, dZ.sum(axis=0)


@residual.wrong("The straight path adds dA, not dZ: it does not pass through tanh.")
def _(dA, X, W, b):
    dZ = dA * (1 - np.tanh(X @ W.T + b) ** 2)
    return dZ + dZ @ W, dZ.T @ X, dZ.sum(axis=0)


@residual.wrong("Square weights hide a transpose: on the way back it is dZ @ W.")
def _(dA, X, W, b):
    dZ = dA * (1 - np.tanh(X @ W.T + b) ** 2)
    return dA + dZ @ W.T, dZ.T @ X, dZ.sum(axis=0)
