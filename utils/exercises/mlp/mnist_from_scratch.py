"""Exercises of 02-mlp/backpropagation/03-mnist-from-scratch.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/backpropagation/03-mnist-from-scratch.ipynb"


prepare = Exercise(
    "02-mlp/mnist-from-scratch-1",
    notebook=NOTEBOOK,
    items=["Load, normalize and flatten MNIST"],
    hints=[
        "`images.reshape(len(images), -1)` gives one row an image, whatever its height and width.",
        "Bytes divided by a Python number become float64; a NumPy scalar of another type keeps its own type.",
        "Divide by `np.float32(255)`.",
    ],
    explanation="""
        reshape leaves the order of the pixels alone and lets NumPy work out their number. uint8 divided by a float32
        scalar is float32, which takes half of the memory of float64 and is all the precision that eight bits need.""",
)


@prepare.reference
def prepare_images(images):
    return images.reshape(len(images), -1) / np.float32(255)


@prepare.driver
def values_and_type(function, images):
    out = np.asarray(function(images.copy()))
    return out, str(out.dtype)


@prepare.case("images of 28 x 28 pixels become rows of 784, float32")
def _(rng):
    return (rng.integers(0, 256, size=(5, 28, 28)).astype(np.uint8),)


@prepare.case("images that are not square")
def _(rng):
    return (rng.integers(0, 256, size=(3, 4, 7)).astype(np.uint8),)


@prepare.case("a single image")
def _(rng):
    return (rng.integers(0, 256, size=(1, 2, 3)).astype(np.uint8),)


@prepare.wrong("These are float64: divide by np.float32(255), or convert with .astype(np.float32).")
def _(images):
    return images.reshape(len(images), -1) / 255


@prepare.wrong("The pixels are still bytes from 0 to 255: divide by 255.")
def _(images):
    return images.reshape(len(images), -1).astype(np.float32)


@prepare.wrong("Whole-number division rounds everything but the blackest pixels to 0: use / rather than //.")
def _(images):
    return (images.reshape(len(images), -1) // 255).astype(np.float32)


@prepare.wrong("Each image should be a row: here the columns are images.")
def _(images):
    return images.reshape(len(images), -1).T / np.float32(255)


probabilities = Exercise(
    "02-mlp/mnist-from-scratch-2",
    notebook=NOTEBOOK,
    items=["Forward pass"],
    hints=[
        "Four lines: Z1, A1, Z2, and the softmax of each row of Z2.",
        "Weights are (out, in), so both products need a transposition: `X @ W1.T + b1`.",
        "Subtract each row's largest score before `np.exp`, with `keepdims=True`.",
    ],
    explanation="""
        Subtracting a row's maximum multiplies numerator and denominator of the softmax by the same number, so
        nothing changes, and the largest exponent is 0, so nothing overflows.""",
)


@probabilities.reference
def predict_proba(X, W1, b1, W2, b2):
    Z2 = np.maximum(X @ W1.T + b1, 0) @ W2.T + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@probabilities.driver
def quietly(function, *arguments):
    with np.errstate(all="ignore"):
        return function(*arguments)


def random_network(rng, N, D, h, K):
    shapes = [(N, D), (h, D), (h,), (K, h), (K,)]
    return tuple(rng.normal(size=shape).round(2) for shape in shapes)


@probabilities.case("several images, all sizes different")
def _(rng):
    return random_network(rng, 4, 5, 3, 2)


@probabilities.case("as many classes as hidden units, so that a forgotten transposition still runs")
def _(rng):
    return random_network(rng, 3, 4, 4, 4)


@probabilities.case("scores of a thousand")
def _(rng):
    X, W1, b1, W2, b2 = random_network(rng, 3, 4, 5, 3)
    return X, W1, b1, W2, b2 + np.array([1000.0, 999.0, -1000.0])


@probabilities.wrong("exp overflows for large scores: subtract each row's maximum first.")
def _(X, W1, b1, W2, b2):
    E = np.exp(np.maximum(X @ W1.T + b1, 0) @ W2.T + b2)
    return E / E.sum(axis=1, keepdims=True)


@probabilities.wrong("The hidden layer has no ReLU: two linear layers are one.")
def _(X, W1, b1, W2, b2):
    Z2 = (X @ W1.T + b1) @ W2.T + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


@probabilities.wrong("These are the scores Z2: the softmax is still to come.")
def _(X, W1, b1, W2, b2):
    return np.maximum(X @ W1.T + b1, 0) @ W2.T + b2


@probabilities.wrong("The whole batch was divided by one sum: each row has its own.")
def _(X, W1, b1, W2, b2):
    Z2 = np.maximum(X @ W1.T + b1, 0) @ W2.T + b2
    E = np.exp(Z2 - Z2.max())
    return E / E.sum()


gradient = Exercise(
    "02-mlp/mnist-from-scratch-3",
    notebook=NOTEBOOK,
    items=["Backpropagation"],
    hints=[
        "Start at the end: the gradient of the scores is (P - Y) / N.",
        "Through the second layer it is multiplied by W2, without transposition: (N, K) @ (K, h).",
        "The ReLU lets it pass where A1 > 0. Then `dZ1.T @ X` has the shape of W1.",
    ],
    explanation="""
        dZ2 = (P - Y) / N, dZ1 = (dZ2 @ W2) * (A1 > 0), dW1 = dZ1.T @ X: error back through the weights, gated by the
        ReLU, times the input that the weight has multiplied, summed over the batch by the matrix product.""",
)


@gradient.reference
def first_gradient(X, A1, W2, P, Y):
    dZ1 = ((P - Y) / len(X)) @ W2 * (A1 > 0)
    return dZ1.T @ X


def backward_inputs(rng, N, D, h, K):
    X, W1, b1, W2, b2 = random_network(rng, N, D, h, K)
    P = predict_proba(X, W1, b1, W2, b2)
    return X, np.maximum(X @ W1.T + b1, 0), W2, P, np.eye(K)[rng.integers(0, K, size=N)]


@gradient.case("several images, all sizes different")
def _(rng):
    return backward_inputs(rng, 5, 4, 3, 2)


@gradient.case("as many classes as hidden units")
def _(rng):
    return backward_inputs(rng, 4, 5, 3, 3)


@gradient.case("a single image")
def _(rng):
    return backward_inputs(rng, 1, 3, 4, 2)


@gradient.wrong("The cost is a mean: divide by the number of images.")
def _(X, A1, W2, P, Y):
    return ((P - Y) @ W2 * (A1 > 0)).T @ X


@gradient.wrong("The ReLU's derivative is missing: where A1 is 0, nothing passes.")
def _(X, A1, W2, P, Y):
    return ((P - Y) / len(X) @ W2).T @ X


@gradient.wrong("The sign is the other way round: P - Y, not Y - P.")
def _(X, A1, W2, P, Y):
    return ((Y - P) / len(X) @ W2 * (A1 > 0)).T @ X


@gradient.wrong("This multiplies by the activations: the ReLU's derivative is 1 or 0.")
def _(X, A1, W2, P, Y):
    return ((P - Y) / len(X) @ W2 * A1).T @ X


@gradient.wrong("W1 is (h, D) and this is (D, h): transpose the other factor.")
def _(X, A1, W2, P, Y):
    return X.T @ ((P - Y) / len(X) @ W2 * (A1 > 0))


confused = Exercise(
    "02-mlp/mnist-from-scratch-4",
    notebook=NOTEBOOK,
    items=["Evaluate: accuracy, confusion matrix, classification report"],
    hints=[
        "C + C.T counts each pair in both directions.",
        "The diagonal holds the right answers: set it to 0, or take only what lies above it with `np.triu(..., k=1)`.",
        "`np.unravel_index(np.argmax(M), M.shape)` gives row and column of the largest entry.",
    ],
    explanation="""
        The sum with its own transpose is symmetric, so its upper triangle without the diagonal holds every pair once,
        already with i < j.""",
)


@confused.reference
def most_confused(C):
    both = np.triu(C + C.T, k=1)
    i, j = np.unravel_index(np.argmax(both), both.shape)
    return int(i), int(j)


@confused.driver
def as_integers(function, C):
    answer = function(C.copy())
    return tuple(int(k) for k in answer) if isinstance(answer, (tuple, list, np.ndarray)) else answer


def confusion(rng, K):
    """Large on the diagonal, and no two pairs with the same count."""
    C = np.zeros((K, K), dtype=np.int64)
    above = np.triu_indices(K, k=1)
    C[above] = rng.permutation(len(above[0])) * 4
    C += np.triu(rng.integers(0, 2, size=(K, K)), k=1).T
    return C + np.diag(rng.integers(900, 1000, size=K))


@confused.case("ten classes")
def _(rng):
    return (confusion(rng, 10),)


@confused.case("most confusions lie below the diagonal")
def _(rng):
    return (confusion(rng, 5).T,)


@confused.case("neither direction alone is the largest, only their sum")
def _(rng):
    return (np.array([[90, 6, 0], [0, 90, 4], [0, 4, 90]]),)


@confused.wrong("The diagonal holds the right answers: leave it out.")
def _(C):
    i, j = np.unravel_index(np.argmax(C), C.shape)
    return int(i), int(j)


@confused.wrong("This looks at one direction only: add both, C + C.T.")
def _(C):
    off = C - np.diag(np.diag(C))
    i, j = np.unravel_index(np.argmax(off), off.shape)
    return int(min(i, j)), int(max(i, j))


@confused.wrong("The smaller digit comes first.")
def _(C):
    i, j = most_confused(C)
    return j, i
