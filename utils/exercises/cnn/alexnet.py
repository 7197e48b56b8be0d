"""Exercises of 03-cnn/architectures/01-alexnet.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/architectures/01-alexnet.ipynb"


fits = Exercise(
    "03-cnn/alexnet-1",
    notebook=NOTEBOOK,
    items=["The deep learning revolution"],
    hints=[
        "A layer makes floor((size + 2 padding - kernel) / stride) + 1 out of size.",
        "Convolutions 5 x 5 with padding 2 and 3 x 3 with padding 1 change nothing: four lines of code are enough.",
        "Where a window of 3 finds fewer than 3 pixels, nothing is left: return 0, not a negative number.",
    ],
    explanation="""
        Only the first convolution and the three poolings change the size: 224 -> 55 -> 27 -> 13 -> 6. Each rule is
        monotone in the size, so once a map is smaller than its window nothing comes out, and 63 pixels are the least
        that leave one.""",
)


@fits.reference
def last_size(size):
    if size + 4 < 11:
        return 0
    size = (size + 4 - 11) // 4 + 1
    for _ in range(3):
        if size < 3:
            return 0
        size = (size - 3) // 2 + 1
    return size


@fits.case("images of ImageNet's size and near it")
def _(rng):
    return [224, 227, 256, int(rng.integers(150, 400))][rng.bit_generator.seed_seq.entropy]


@fits.case("a size at which windows do not come out even")
def _(rng):
    return [95, 100, 127, 130][rng.bit_generator.seed_seq.entropy]


@fits.case("images of which little or nothing is left")
def _(rng):
    return [63, 62, 32, 6][rng.bit_generator.seed_seq.entropy]


@fits.wrong("Windows that do not fit are left out: round down, not up.")
def _(size):
    size = -(-(size + 4 - 11) // 4) + 1
    for _ in range(3):
        size = max(0, -(-(size - 3) // 2) + 1)
    return size


@fits.wrong("Pooling 3/2 is not halving: a map of 13 becomes (13 - 3) // 2 + 1 = 6, but one of 8 becomes 3.")
def _(size):
    return (max(0, size + 4 - 11) // 4 + 1) // 8


@fits.wrong("The first convolution has padding 2 on both sides: 4 pixels are added.")
def _(size):
    size = (size + 2 - 11) // 4 + 1
    for _ in range(3):
        size = (size - 3) // 2 + 1 if size >= 3 else 0
    return size


@fits.wrong("Once a map is smaller than its window nothing is left: 0, not what the formula says.")
def _(size):
    size = (size + 4 - 11) // 4 + 1
    for _ in range(3):
        size = (size - 3) // 2 + 1
    return size


inhibition = Exercise(
    "03-cnn/alexnet-2",
    notebook=NOTEBOOK,
    items=["AlexNet's ideas"],
    hints=[
        "Write S = k + alpha * (x**2).sum(axis=1, keepdims=True), (N, 1), so that y = x * S**-0.5.",
        "x_c acts on its own output through the factor S**-0.5, and on all outputs of its row through S.",
        "The second path: dS = -0.5 * sum of dy * x * S**-1.5, one number a row; then dx += dS * 2 * alpha * x.",
    ],
    explanation="""
        dx = dy S^(-1/2) - alpha x S^(-3/2) sum_c'(dy_c' x_c'). Where all channels inhibit each other the window is the
        whole row; with k = 0 and alpha = 1 / C this is root-mean-square normalization, which language models use.""",
)


@inhibition.reference
def inhibition_backward(x, dy, k, alpha):
    S = k + alpha * (x**2).sum(axis=1, keepdims=True)
    dS = -0.5 * (dy * x * S**-1.5).sum(axis=1, keepdims=True)
    return dy * S**-0.5 + 2 * alpha * x * dS


@inhibition.case("several images")
def _(rng):
    return rng.normal(size=(3, 5)).round(2), rng.normal(size=(3, 5)).round(2), 2.0, 0.7


@inhibition.case("one image, strong inhibition")
def _(rng):
    return rng.normal(size=(1, 4)).round(2), rng.normal(size=(1, 4)).round(2), 0.5, 3.0


@inhibition.case("no inhibition: a mere factor")
def _(rng):
    return rng.normal(size=(2, 3)).round(2), rng.normal(size=(2, 3)).round(2), 4.0, 0.0


@inhibition.wrong("x acts on its neighbours too: the path through the sum is missing.")
def _(x, dy, k, alpha):
    return dy * (k + alpha * (x**2).sum(axis=1, keepdims=True)) ** -0.5


@inhibition.wrong("The sum runs over the channels of one image, not over the batch: axis=1.")
def _(x, dy, k, alpha):
    S = k + alpha * (x**2).sum(axis=1, keepdims=True)
    dS = -0.5 * (dy * x * S**-1.5).sum(axis=0, keepdims=True)
    return dy * S**-0.5 + 2 * alpha * x * dS


@inhibition.wrong(
    "Every output of the row depends on S: sum dy * x over the channels before multiplying by x."
)
def _(x, dy, k, alpha):
    S = k + alpha * (x**2).sum(axis=1, keepdims=True)
    return dy * S**-0.5 - alpha * x * dy * x * S**-1.5


@inhibition.wrong(
    "The derivative of x**2 is 2 x: together with the -1/2 of the root a factor alpha is left, not alpha / 2."
)
def _(x, dy, k, alpha):
    S = k + alpha * (x**2).sum(axis=1, keepdims=True)
    dS = -0.5 * (dy * x * S**-1.5).sum(axis=1, keepdims=True)
    return dy * S**-0.5 + alpha * x * dS


crops = Exercise(
    "03-cnn/alexnet-3",
    notebook=NOTEBOOK,
    items=["AlexNet's ideas"],
    hints=[
        "Try it on paper with an image of 4 rows and 7 columns, size 2: where should the window in the middle begin?",
        "An array of crops is (5, C, size, size). A mirror on the wall exchanges left and right: which axis is that?",
        "The mean of the probabilities is not the softmax of the mean scores: softmax first, row by row.",
    ],
    explanation="""
        The window in the middle begins at row (H - size) // 2, column (W - size) // 2. A mirror exchanges left and
        right, the last axis. And each crop must become probabilities of its own before the mean: one crop with huge
        scores would otherwise outvote the nine others. The softmax of the mean scores is a normalized geometric mean:
        an average too, but not the paper's.""",
)


def _softmax(Z):
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def _ten_crops(model, image, size, exchanged=False, axis=3, late=False):
    H, W = image.shape[1:]
    centre = ((W - size) // 2, (H - size) // 2) if exchanged else ((H - size) // 2, (W - size) // 2)
    places = [(0, 0), (0, W - size), (H - size, 0), (H - size, W - size), centre]
    five = np.array([image[:, i : i + size, j : j + size] for i, j in places])
    Z = model(np.concatenate([five, np.flip(five, axis)]))
    return _softmax(Z.mean(axis=0)) if late else _softmax(Z).mean(axis=0)


@crops.reference
def ten_crops(model, image, size):
    H, W = image.shape[1:]
    centre = ((H - size) // 2, (W - size) // 2)
    corners = [(0, 0), (0, W - size), (H - size, 0), (H - size, W - size), centre]
    crops = np.array([image[:, i : i + size, j : j + size] for i, j in corners])
    both = np.concatenate([crops, crops[:, :, :, ::-1]])
    Z = model(both)
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return (E / E.sum(axis=1, keepdims=True)).mean(axis=0)


class _Scores:
    """A stand-in for a network: three scores for each crop."""

    __name__ = "model"

    def __init__(self, weights):
        self.weights = weights

    def __call__(self, crops):
        crops = np.asarray(crops)
        if crops.shape[1:] != self.weights.shape[1:]:
            raise ExerciseError(
                f"the model expects crops (N, {self.weights.shape[1:]}) but got {crops.shape}"
            )
        return crops.reshape(len(crops), -1) @ self.weights.reshape(len(self.weights), -1).T


@crops.driver
def with_model(function, weights, image, size):
    return np.asarray(function(_Scores(weights), image, size), dtype=float)


def _image(rng, H, W, size):
    return rng.normal(size=(3, 2, size, size)).round(1), rng.normal(size=(2, H, W)).round(1), size


@crops.case("a square image")
def _(rng):
    return _image(rng, 5, 5, 3)


@crops.case("a wide image, with a middle that is not whole")
def _(rng):
    return _image(rng, 4, 7, 2)


@crops.case("an image as large as the crops")
def _(rng):
    return _image(rng, 3, 3, 3)


@crops.wrong("Rows come before columns: the window in the middle begins at row (H - size) // 2.")
def _(model, image, size):
    return _ten_crops(model, image, size, exchanged=True)


@crops.wrong("A mirror exchanges left and right: flip the last axis.")
def _(model, image, size):
    return _ten_crops(model, image, size, axis=2)


@crops.wrong("Average probabilities, not scores: softmax each row first.")
def _(model, image, size):
    return _ten_crops(model, image, size, late=True)


@crops.wrong(
    "The channels are flipped: crops are (10, C, size, size), and left and right lie on the last axis."
)
def _(model, image, size):
    return _ten_crops(model, image, size, axis=1)


design = Exercise(
    "03-cnn/alexnet-4",
    notebook=NOTEBOOK,
    items=["The deep learning revolution"],
    hints=[
        "The three layers have h (features + 1), h (h + 1) and n_classes (h + 1) parameters.",
        "Set the sum equal to the budget: h**2 + (features + 2 + n_classes) h + n_classes - budget = 0.",
        "Take the positive root and round down; then make sure with whole numbers that h fits and h + 1 does not.",
    ],
    explanation="""
        With b = features + n_classes + 2 the sum is h^2 + b h + n_classes, so h is (sqrt(b^2 + 4 (budget - n_classes))
        - b) / 2, rounded down. Halving an interval does as well, in whole numbers. Of AlexNet's 58.6 million two thirds
        come from the features, not from the square.""",
)


def _root(features, n_classes, budget, b=None):
    b = features + n_classes + 2 if b is None else b
    return (np.sqrt(b * b + 4.0 * (budget - n_classes)) - b) / 2


@design.reference
def widest(features, n_classes, budget):
    low, high = 0, budget  # low fits, high + 1 does not
    while low < high:
        h = (low + high + 1) // 2
        fits = h * (features + 1) + h * (h + 1) + n_classes * (h + 1) <= budget
        low, high = (h, high) if fits else (low, h - 1)
    return low


@design.case("AlexNet's own numbers")
def _(rng):
    return 9216, 1000, 58_631_144 + int(rng.integers(0, 3))


@design.case("small networks")
def _(rng):
    return int(rng.integers(10, 500)), int(rng.integers(2, 20)), int(rng.integers(5_000, 90_000))


@design.case("a budget that is met exactly, or missed by one")
def _(rng):
    h, features = int(rng.integers(5, 50)), int(rng.integers(20, 200))
    exact = h * (features + 1) + h * (h + 1) + 10 * (h + 1)
    return features, 10, exact - int(rng.integers(0, 2))


@design.wrong("Round down: the next larger width is over the budget.")
def _(features, n_classes, budget):
    return int(np.ceil(_root(features, n_classes, budget)))


@design.wrong("The biases count too: h + h + n_classes of them.")
def _(features, n_classes, budget):
    return int(_root(features, n_classes, budget + n_classes, b=features + n_classes))


@design.wrong("The square is missing: between the two hidden layers stand h (h + 1) parameters.")
def _(features, n_classes, budget):
    return (budget - n_classes) // (features + 1 + n_classes)
