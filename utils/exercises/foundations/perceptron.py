"""Exercises of 01-foundations/perceptron/01-the-perceptron.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/perceptron/01-the-perceptron.ipynb"


nand = Exercise(
    "01-foundations/perceptron-1",
    notebook=NOTEBOOK,
    items=["Biological inspiration"],
    hints=[
        "Which of the four inputs (0,0), (0,1), (1,0), (1,1) must make the neuron silent?",
        "Only (1,1) does. Both inputs should push the sum down, and the bias should hold it up.",
        "With w = (-1, -1) the sums before the bias are 0, -1, -1, -2: put the bias between 1 and 2.",
    ],
    explanation="""
        NAND is silent for (1, 1) alone. With w = (-1, -1) the four sums are 0, -1, -1 and -2, so any bias strictly
        between 1 and 2 separates the last from the rest. NAND is enough to build every other logical function.""",
)


@nand.reference
def nand_weights():
    return [-1.0, -1.0], 1.5


@nand.driver
def fires(weights, x1, x2):
    w, b = weights
    return int(w[0] * x1 + w[1] * x2 + b > 0)


@nand.case("the neuron answers 0 for (1, 1) and 1 for the three other inputs")
def _(rng):
    return tuple(int(bit) for bit in divmod(int(rng.bit_generator.seed_seq.entropy), 2))


@nand.wrong("This neuron computes AND: NAND is its opposite, so turn every sign round.")
def _():
    return [1.0, 1.0], -1.5


@nand.wrong("This neuron computes NOR: the bias is too small to carry one active input.")
def _():
    return [-1.0, -1.0], 0.5


@nand.wrong("The sum for (1, 1) is still above 0: the bias must stay below 2.")
def _():
    return [-1.0, -1.0], 2.5


neuron = Exercise(
    "01-foundations/perceptron-2",
    notebook=NOTEBOOK,
    items=["Mathematical formulation"],
    hints=[
        "One matrix-vector product gives the weighted sums of all rows at once: `X @ w` has shape (N,).",
        "Add b, compare with 0, and turn the booleans into integers with `.astype(np.int64)`.",
        "The step is 1 only where z is strictly greater than 0.",
    ],
    explanation="""
        X @ w holds one weighted sum a row; b is added to each by broadcasting. The comparison is strict, because
        the step function of this notebook answers 0 at z = 0.""",
)


@neuron.reference
def predict(X, w, b):
    return (X @ w + b > 0).astype(np.int64)


@neuron.case("several points, several features")
def _(rng):
    n, d = rng.integers(2, 6, size=2)
    return (
        rng.normal(size=(n, d)).round(2),
        rng.normal(size=d).round(2),
        round(float(rng.normal()), 2) + 0.001,
    )


@neuron.case("a single point")
def _(rng):
    return rng.normal(size=(1, 3)).round(1), rng.normal(size=3).round(1), 0.2


@neuron.case("points that lie exactly on the boundary, where z = 0 (the step answers 0 there)")
def _(rng):
    a = float(rng.integers(1, 5))
    return np.array([[a, -a], [a, a], [0.0, 0.0]]), np.array([1.0, 1.0]), 0.0


@neuron.wrong("The bias is missing.")
def _(X, w, b):
    return (X @ w > 0).astype(np.int64)


@neuron.wrong("At z = 0 the step answers 0: use > rather than >=.")
def _(X, w, b):
    return (X @ w + b >= 0).astype(np.int64)


@neuron.wrong("These are the weighted sums z: the step is still to come.")
def _(X, w, b):
    return X @ w + b


@neuron.wrong("The labels are 0 and 1 here, not -1 and 1.")
def _(X, w, b):
    return np.where(X @ w + b > 0, 1, -1)


distance = Exercise(
    "01-foundations/perceptron-3",
    notebook=NOTEBOOK,
    items=["Decision boundaries"],
    hints=[
        "The weighted sum z grows by the length of w for every unit walked along w.",
        "So a point at distance d on the positive side has z = d times the length of w.",
        "`np.linalg.norm(w)` is the length of w; b belongs to z, not to the length.",
    ],
    explanation="""
        Write a point as a point of the boundary plus d unit steps along w / ||w||. The boundary point contributes
        nothing to z, and the steps contribute d ||w||, so d = z / ||w||, positive where the neuron answers 1.""",
)


@distance.reference
def signed_distance(X, w, b):
    return (X @ w + b) / np.linalg.norm(w)


@distance.case("points in the plane")
def _(rng):
    return rng.normal(size=(4, 2)).round(1), rng.normal(size=2).round(1), 0.5


@distance.case("points in five dimensions")
def _(rng):
    return rng.normal(size=(3, 5)).round(1), rng.normal(size=5).round(1), -1.0


@distance.case("doubling w and b moves nothing, since the boundary stays where it is")
def _(rng):
    w = rng.normal(size=2).round(1)
    return np.array([[1.0, 2.0], [-1.0, 0.5]]), 2 * w, 2 * 0.3


@distance.wrong("Divide by the length of w: z alone doubles when w and b double, the distance does not.")
def _(X, w, b):
    return X @ w + b


@distance.wrong("Divide by the length of w, not by its square.")
def _(X, w, b):
    return (X @ w + b) / (w @ w)


@distance.wrong("The sign is lost: it says on which side a point lies.")
def _(X, w, b):
    return np.abs(X @ w + b) / np.linalg.norm(w)


@distance.wrong("The bias belongs under the fraction's bar too: the whole of z is divided.")
def _(X, w, b):
    return X @ w / np.linalg.norm(w) + b


epoch = Exercise(
    "01-foundations/perceptron-4",
    notebook=NOTEBOOK,
    items=["The perceptron learning algorithm", "Training on linearly separable data"],
    hints=[
        "Go through the rows one by one; each prediction uses the weights as the rows before it have left them.",
        "The error y[i] - y_hat is 0, 1 or -1: it switches the update off or gives it its sign.",
        "w = w + error * X[i] makes a new array; w += ... would change the caller's.",
    ],
    explanation="""
        The weights change inside the loop, so the samples must be visited one after the other: predicting all of
        them first and then updating is another algorithm. A mistake is counted where the error is not 0.""",
)


@epoch.reference
def train_epoch(X, y, w, b):
    mistakes = 0
    for i in range(len(X)):
        error = y[i] - int(X[i] @ w + b > 0)
        w = w + error * X[i]
        b = b + error
        mistakes += int(error != 0)
    return w, b, mistakes


@epoch.case("one pass over a few points, starting from zero weights")
def _(rng):
    X = rng.normal(size=(6, 2)).round(2)
    return X, (X[:, 0] > X[:, 1]).astype(np.int64), np.zeros(2), 0.0


@epoch.case("one pass that starts from weights learned before")
def _(rng):
    X = rng.normal(size=(5, 3)).round(2)
    return X, rng.integers(0, 2, size=5), rng.normal(size=3).round(2), 0.5


@epoch.case("no mistake, no change")
def _(rng):
    return np.array([[2.0, 0.0], [-2.0, 0.0]]), np.array([1, 0]), np.array([1.0, 0.0]), 0.0


@epoch.wrong("The sign is turned round: the update must move z towards the label, y - y_hat.")
def _(X, y, w, b):
    mistakes = 0
    for x, label in zip(X, y, strict=True):
        error = int(x @ w + b > 0) - label
        w, b, mistakes = w + error * x, b + error, mistakes + int(error != 0)
    return w, b, mistakes


@epoch.wrong("The bias never moves: it is a weight too, with input 1.")
def _(X, y, w, b):
    mistakes = 0
    for x, label in zip(X, y, strict=True):
        error = label - int(x @ w + b > 0)
        w, mistakes = w + error * x, mistakes + int(error != 0)
    return w, b, mistakes


@epoch.wrong("All predictions were made with the old weights: update after each sample.")
def _(X, y, w, b):
    error = y - (X @ w + b > 0)
    return w + error @ X, b + float(error.sum()), int(np.abs(error).sum())


@epoch.wrong("The given array w was changed in place: write w = w + ..., not w += ...")
def _(X, y, w, b):
    mistakes = 0
    for x, label in zip(X, y, strict=True):
        error = label - int(x @ w + b > 0)
        w += error * x
        b, mistakes = b + error, mistakes + int(error != 0)
    return w, b, mistakes
