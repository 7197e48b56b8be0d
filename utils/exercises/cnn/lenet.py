"""Exercises of 03-cnn/convolution-basics/04-lenet-5.ipynb."""

from itertools import pairwise

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/convolution-basics/04-lenet-5.ipynb"


pooling = Exercise(
    "03-cnn/lenet-1",
    notebook=NOTEBOOK,
    items=["Convolutional, pooling and fully connected layers"],
    hints=[
        "A comparison with the maximum marks every pixel that equals it: on blank paper all four.",
        "Which of the four is the first winner? `argmax` over an axis of four says so.",
        "Windows on an axis of their own: X.reshape(N, C, H // 2, 2, W // 2, 2), then exchange axes 3 and 4.",
    ],
    explanation="""
        Comparing with the maximum marks all pixels of a tie, and a gradient given to k of them is multiplied by k: the
        layers below then learn k times as fast from blank paper as from ink. argmax names one winner, the first, and
        the sum of the gradient is what came in.""",
)


@pooling.reference
def pool_backward(X, dY):
    N, C, H, W = X.shape
    blocks = X.reshape(N, C, H // 2, 2, W // 2, 2).swapaxes(3, 4).reshape(N, C, H // 2, W // 2, 4)
    winner = blocks.argmax(axis=-1)[..., None] == np.arange(4)
    dX = winner * dY[..., None]
    return dX.reshape(N, C, H // 2, W // 2, 2, 2).swapaxes(3, 4).reshape(N, C, H, W)


def _grown(Y):
    return Y.repeat(2, axis=2).repeat(2, axis=3)


def _most(X):
    N, C, H, W = X.shape
    return X.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5))


@pooling.case("no two pixels alike")
def _(rng):
    return rng.permutation(48).reshape(1, 2, 4, 6).astype(float), rng.normal(size=(1, 2, 2, 3)).round(2)


@pooling.case("blank paper")
def _(rng):
    X = np.zeros((1, 1, 4, 4))
    X[0, 0, 0, :2] = rng.integers(1, 3, 2)
    return X, rng.normal(size=(1, 1, 2, 2)).round(2)


@pooling.case("several images and channels, ties between two")
def _(rng):
    return rng.integers(0, 3, (2, 3, 2, 4)).astype(float), rng.normal(size=(2, 3, 1, 2)).round(2)


@pooling.wrong(
    "In a tie every pixel gets the whole gradient, so it is multiplied: give it to the first winner alone."
)
def _(X, dY):
    return (_grown(_most(X)) == X) * _grown(dY)


@pooling.wrong(
    "A tie is shared here. That keeps the sum, but PyTorch and the notebook give all to the first winner."
)
def _(X, dY):
    best = (_grown(_most(X)) == X).astype(float)
    N, C, H, W = X.shape
    ties = best.reshape(N, C, H // 2, 2, W // 2, 2).sum(axis=(3, 5))
    return best * _grown(dY / ties)


@pooling.wrong("This takes the last winner of a tie: argmax finds the first.")
def _(X, dY):
    return pool_backward(X[:, :, ::-1, ::-1], dY[:, :, ::-1, ::-1])[:, :, ::-1, ::-1]


counting = Exercise(
    "03-cnn/lenet-2",
    notebook=NOTEBOOK,
    items=["The LeNet-5 architecture"],
    hints=[
        "conv1 keeps the size (5 x 5, margin 2), pooling halves it, conv2 takes 4 away, pooling halves again.",
        "So the last maps have (size // 2 - 4) // 2 pixels a side: 5 for 28.",
        "Only fc1 depends on the size: hidden[0] x (channels[1] x side x side + 1) parameters.",
    ],
    explanation="""
        The convolutions do not know how large the picture is; their parameters are counted by kernels alone. The
        first fully connected layer does, and its weights grow with the square of the side: that is where a network
        for larger pictures becomes too big, and why later ones pool over whole maps before the last layer.""",
)


@counting.reference
def lenet_parameters(size, in_channels, channels, hidden, n_classes):
    side = (size // 2 - 4) // 2
    convolutions = channels[0] * (in_channels * 25 + 1) + channels[1] * (channels[0] * 25 + 1)
    widths = [channels[1] * side * side, *hidden, n_classes]
    return convolutions + sum(out * (D + 1) for D, out in pairwise(widths))


@counting.case("LeNet-5 itself, on digits of 28 x 28", seeds=1)
def _(rng):
    return 28, 1, (6, 16), (120, 84), 10


@counting.case("colour pictures of 32 x 32")
def _(rng):
    return 32, 3, (6, 16), (120, 84), 10


@counting.case("other widths and sizes")
def _(rng):
    return (
        int(4 * rng.integers(5, 16)),
        int(rng.integers(1, 4)),
        tuple(rng.integers(2, 20, 2).tolist()),
        tuple(rng.integers(10, 90, 2).tolist()),
        int(rng.integers(2, 12)),
    )


@counting.wrong("Each map and each unit has a bias as well: + 1.")
def _(size, in_channels, channels, hidden, n_classes):
    side = (size // 2 - 4) // 2
    widths = [channels[1] * side * side, *hidden, n_classes]
    dense = sum(out * D for D, out in pairwise(widths))
    return 25 * (channels[0] * in_channels + channels[1] * channels[0]) + dense


@counting.wrong("A kernel has a weight for every map below it: in_channels, then channels[0], times 25.")
def _(size, in_channels, channels, hidden, n_classes):
    side = (size // 2 - 4) // 2
    widths = [channels[1] * side * side, *hidden, n_classes]
    return 26 * sum(channels) + sum(out * (D + 1) for D, out in pairwise(widths))


@counting.wrong("conv2 has no margin: its maps are 4 pixels smaller than what it gets.")
def _(size, in_channels, channels, hidden, n_classes):
    return lenet_parameters(size + 8, in_channels, channels, hidden, n_classes)


upright = Exercise(
    "03-cnn/lenet-3",
    notebook=NOTEBOOK,
    items=["LeCun's 1998 table, revisited"],
    hints=[
        "Ink is a weight: the mean row is (image * r).sum() / image.sum(), with `r, c = np.indices(image.shape)`.",
        "Cov(r, c) is the mean of (r - mean r)(c - mean c), Var(r) that of (r - mean r) squared, both weighted by ink.",
        "The slant is Cov(r, c) / Var(r). Where all ink lies in one row, Var(r) is 0 and nothing can lean: return 0.",
    ],
    explanation="""
        Var(c - a r) is a parabola in a with its minimum at Cov(r, c) / Var(r): the slope of the regression line of
        columns on rows, with the ink as weights. It is a least-squares fit of a line through the digit.""",
)


@upright.reference
def slant(image):
    r, c = np.indices(image.shape)
    share = image / image.sum()
    r, c = r - (share * r).sum(), c - (share * c).sum()
    variance = (share * r**2).sum()
    return (share * r * c).sum() / variance if variance > 0 else 0.0


@upright.case("a digit's worth of ink")
def _(rng):
    return rng.random((6, 5)).round(2)


@upright.case("one straight stroke, leaning by half a pixel a row")
def _(rng):
    image = np.zeros((6, 7))
    first = int(rng.integers(0, 4))
    image[range(0, 6, 2), range(first, first + 3)] = 1
    return image


@upright.case("darker and lighter ink")
def _(rng):
    return rng.integers(0, 256, (5, 8)).astype(float)


@upright.case("a dash: all ink in one row")
def _(rng):
    image = np.zeros((5, 6))
    image[int(rng.integers(0, 5)), 1:5] = 1
    return image


@upright.wrong("Divide by the variance of the rows, not of the columns: rows are what is moved.")
def _(image):
    return slant(image.T)


@upright.wrong("Rows and columns must be taken from the middle of the ink, not from the corner.")
def _(image):
    r, c = np.indices(image.shape)
    return (image * r * c).sum() / (image * r**2).sum() if (image * r**2).sum() else 0.0


@upright.wrong("This counts every inked pixel alike: weigh it by how dark it is.")
def _(image):
    return slant((image > 0).astype(float))


@upright.wrong("Where all ink lies in one row, the variance of the rows is 0: return 0 there.")
def _(image):
    with np.errstate(all="ignore"):
        r, c = np.indices(image.shape)
        share = image / image.sum()
        r, c = r - (share * r).sum(), c - (share * c).sum()
        return np.divide((share * r * c).sum(), (share * r**2).sum())


window = Exercise(
    "03-cnn/lenet-4",
    notebook=NOTEBOOK,
    items=["Convolutional, pooling and fully connected layers", "The LeNet-5 architecture"],
    hints=[
        "Keep two numbers: how many pixels a unit sees, and how many pixels lie between neighbours.",
        "A layer (k, stride) adds (k - 1) times the present distance to what is seen, then multiplies the distance.",
        "Neighbours at the end are `step` apart and see `seen`: n of them need seen + (n - 1) step pixels.",
    ],
    explanation="""
        The network slid over a line sees windows of `seen` pixels, `step` apart. The first needs `seen` pixels and
        each further one `step` more; what is left over at the right end is not enough for another.""",
)


@window.reference
def answers_along(layers, width):
    seen, step = 1, 1
    for k, stride in layers:
        seen, step = seen + (k - 1) * step, step * stride
    return max(0, (width - seen) // step + 1)


LENET = [(5, 1), (2, 2), (5, 1), (2, 2), (5, 1)]


@window.case("LeNet-5 over a line")
def _(rng):
    return LENET, 32 + 4 * int(rng.integers(0, 40))


@window.case("a line with pixels left over")
def _(rng):
    return LENET, 33 + 4 * int(rng.integers(0, 40)) + int(rng.integers(0, 3))


@window.case("other networks")
def _(rng):
    layers = [(int(rng.integers(1, 6)), int(rng.integers(1, 4))) for _ in range(4)]
    return layers, 200


@window.case("a line too short for one window")
def _(rng):
    return LENET, int(rng.integers(5, 30))


@window.wrong("A line that is too short gives no answer at all: 0, not fewer.")
def _(layers, width):
    seen, step = 1, 1
    for k, stride in layers:
        seen, step = seen + (k - 1) * step, step * stride
    return (width - seen) // step + 1


@window.wrong(
    "A stride widens the distances of the layers above it as well: (k - 1) times all strides below."
)
def _(layers, width):
    seen = 1 + sum(k - 1 for k, _ in layers)
    return max(0, (width - seen) // int(np.prod([stride for _, stride in layers])) + 1)


@window.wrong("The first window costs `seen` pixels and is an answer too: + 1.")
def _(layers, width):
    return max(0, answers_along(layers, width) - 1)
