"""Exercises 1 to 4: counting and building."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/exercises/02-architecture-exercises.ipynb"
ITEMS = ["Counting and building"]


cost = Exercise(
    "03-cnn/blocks-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Carry (channels, height, width) along; every layer changes it. Output size: (n + 2p - k) // s + 1.",
        "A convolution has F (C / g) k k weights and F biases, and F (C / g) k k H' W' multiplications.",
        "The first linear layer sees C * H * W numbers; after it the shape is (F, 1, 1).",
    ],
    explanation="""
        Parameters do not depend on the size of the picture, multiplications do: each weight of a convolution
        is used once at every place of the output, each weight of a linear layer once.""",
)


def _cost(layers, shape, bias=1, grouped=True, places="out"):
    C, H, W = shape
    parameters = products = 0
    for kind, *settings in layers:
        if kind == "pool":
            k, s = settings
            H, W = (H - k) // s + 1, (W - k) // s + 1
            continue
        if kind == "linear":
            (F,), g, k = settings, 1, 1
            C, H, W, H_in, W_in = C * H * W, 1, 1, 1, 1
        else:
            F, k, s, p, g = settings
            H_in, W_in = H, W
            H, W = (H + 2 * p - k) // s + 1, (W + 2 * p - k) // s + 1
        weights = F * (C // g if grouped else C) * k * k
        parameters += weights + bias * F
        products += weights * (H * W if places == "out" else H_in * W_in)
        C = F
    return parameters, products


@cost.reference
def count_cost(layers, shape):
    C, H, W = shape
    parameters = products = 0
    for kind, *settings in layers:
        if kind == "pool":
            k, s = settings
            H, W = (H - k) // s + 1, (W - k) // s + 1
            continue
        if kind == "conv":
            F, k, s, p, groups = settings
            H, W = (H + 2 * p - k) // s + 1, (W + 2 * p - k) // s + 1
            weights = F * (C // groups) * k * k
        else:  # linear
            (F,) = settings
            weights, H, W = F * C * H * W, 1, 1
        parameters += weights + F
        products += weights * H * W
        C = F
    return parameters, products


@cost.driver
def as_numbers(function, layers, shape):
    parameters, products = function(layers, shape)
    return np.array([int(parameters), int(products)])


@cost.case("a small network of all three kinds")
def _(rng):
    F = int(rng.integers(4, 9))
    return [("conv", F, 3, 1, 1, 1), ("pool", 2, 2), ("conv", 2 * F, 3, 2, 0, 1), ("linear", 10)], (3, 17, 16)


@cost.case("groups", seeds=2)
def _(rng):
    F = 4 * int(rng.integers(1, 4))
    return [("conv", F, 1, 1, 0, 1), ("conv", F, 3, 2, 1, F), ("conv", 6, 1, 1, 0, 2)], (4, 9, 12)


@cost.case("linear layers only", seeds=2)
def _(rng):
    return [("linear", int(rng.integers(5, 9))), ("linear", 3)], (1, 4, 5)


@cost.wrong("Each output channel has a bias: it is a parameter, too.")
def _(layers, shape):
    return _cost(layers, shape, bias=0)


@cost.wrong("With groups a kernel sees C / groups channels only.")
def _(layers, shape):
    return _cost(layers, shape, grouped=False)


@cost.wrong("A weight is used once for each place of the output, not of the input.")
def _(layers, shape):
    return _cost(layers, shape, places="in")


shuffle = Exercise(
    "03-cnn/blocks-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Give the groups an axis of their own: (N, groups, C / groups, H, W).",
        "Exchange the two axes, then put them together again.",
        "x.reshape(N, groups, C // groups, H, W).swapaxes(1, 2).reshape(x.shape)",
    ],
    explanation="""
        Written as a table of groups times members, the channels are read out by columns instead of by rows.
        The next grouped convolution then has one member of every group before it. The gradient is the same
        with C / groups groups, which is the inverse.""",
)


@shuffle.reference
def channel_shuffle(x, groups):
    N, C, H, W = x.shape
    return x.reshape(N, groups, C // groups, H, W).swapaxes(1, 2).reshape(N, C, H, W)


def _channels(rng, C, N=2):
    return rng.integers(0, 99, (N, C, 2, 1)).astype(float)


@shuffle.case("two groups of three")
def _(rng):
    return _channels(rng, 6), 2


@shuffle.case("four groups of three", seeds=2)
def _(rng):
    return _channels(rng, 12), 4


@shuffle.case("one group changes nothing", seeds=1)
def _(rng):
    return _channels(rng, 4), 1


@shuffle.wrong("This is the inverse: it deals the channels out to C / groups groups.")
def _(x, groups):
    return channel_shuffle(x, x.shape[1] // groups)


@shuffle.wrong("Channels were turned over, not dealt out: group by group they must alternate.")
def _(x, groups):
    N, C, H, W = x.shape
    return x.reshape(N, groups, C // groups, H, W)[:, ::-1].reshape(N, C, H, W)


@shuffle.wrong("Samples and channels were mixed: only axis 1 may be rearranged.")
def _(x, groups):
    N, C, H, W = x.shape
    return x.reshape(groups, -1, H, W).swapaxes(0, 1).reshape(N, C, H, W)


reversible = Exercise(
    "03-cnn/blocks-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "y2 = x2 + G(y1), and y1 is known: what is x2?",
        "x2 = y2 - G(y1). With x2 known, y1 = x1 + F(x2) gives x1.",
    ],
    explanation="""
        Each half is changed by a function of the other half only, so the changes can be taken back in the
        opposite order, whatever F and G are: they need not be invertible. A network of such blocks needs no
        stored activations, since it recomputes them from its output on the way back.""",
)


@reversible.reference
def invert(y1, y2, F, G):
    x2 = y2 - G(y1)
    x1 = y1 - F(x2)
    return x1, x2


def _halves(rng):
    return rng.normal(size=(2, 3)).round(2), rng.normal(size=(2, 3)).round(2)


@reversible.case("functions that cannot be inverted themselves")
def _(rng):
    return *_halves(rng), np.abs, np.square


@reversible.case("different functions, exchanged")
def _(rng):
    return *_halves(rng), np.tanh, np.ceil


@reversible.wrong("Undo the last step first: x2 = y2 - G(y1), and F then gets x2, not y2.")
def _(y1, y2, F, G):
    return y1 - F(y2), y2 - G(y1)


@reversible.wrong("F and G are exchanged: G made y2, so G undoes it.")
def _(y1, y2, F, G):
    x2 = y2 - F(y1)
    return y1 - G(x2), x2


@reversible.wrong("The changes were added once more: they must be taken away.")
def _(y1, y2, F, G):
    x2 = y2 + G(y1)
    return y1 + F(x2), x2


merge = Exercise(
    "03-cnn/blocks-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "A 1 x 1 kernel is a 3 x 3 kernel with zeros around it; the identity is a 1 x 1 kernel, too. "
        "Which one?",
        "Batch normalization in evaluation mode multiplies output channel f by s_f = gamma / sqrt(var + eps) "
        "and adds beta - mean * s_f.",
        "Scale each branch's kernel by its s, pad 1 x 1 to 3 x 3, add the three kernels, and add the "
        "three biases.",
    ],
    explanation="""
        Convolution is linear in the kernel, so the sum of three convolutions of one input is the convolution
        with the sum of three kernels. The identity is the kernel with a 1 in the middle where input and
        output channel are the same. Three branches make training easier; one kernel makes it fast.""",
)
EPS = 1e-5


def _branch(W, norm, eps=EPS):
    gamma, beta, mean, var = norm
    s = gamma / np.sqrt(var + eps)
    return W * s[:, None, None, None], beta - mean * s


def _three(W3, W1, norms, middle=1, identity=True, biases=3):
    C = len(W3)
    kernels = [W3, np.pad(W1, [(0, 0), (0, 0), (middle, 2 - middle), (middle, 2 - middle)])]
    kernels.append(np.pad(np.eye(C)[:, :, None, None] * identity, [(0, 0), (0, 0), (1, 1), (1, 1)]))
    parts = [_branch(W, norm) for W, norm in zip(kernels, norms, strict=True)]
    return sum(W for W, _ in parts), sum(b for _, b in parts[:biases])


@merge.reference
def merge_branches(W3, W1, norms):
    C = len(W3)
    around = [(0, 0), (0, 0), (1, 1), (1, 1)]
    kernels = [W3, np.pad(W1, around), np.pad(np.eye(C)[:, :, None, None], around)]
    W, b = np.zeros_like(W3), np.zeros(C)
    for kernel, (gamma, beta, mean, var) in zip(kernels, norms, strict=True):
        s = gamma / np.sqrt(var + 1e-5)
        W, b = W + kernel * s[:, None, None, None], b + beta - mean * s
    return W, b


def _norm(rng, C):
    return rng.uniform(0.5, 2, C), rng.normal(size=C), rng.normal(size=C), rng.uniform(0.2, 3, C)


@merge.case("three branches")
def _(rng):
    C = int(rng.integers(2, 5))
    norms = [tuple(part.round(2) for part in _norm(rng, C)) for _ in range(3)]
    return rng.normal(size=(C, C, 3, 3)).round(1), rng.normal(size=(C, C, 1, 1)).round(1), norms


@merge.case("a branch with next to no variance", seeds=2)
def _(rng):
    norms = [tuple(part.round(2) for part in _norm(rng, 2)) for _ in range(3)]
    norms[2] = (*norms[2][:3], np.full(2, 1e-4))
    return rng.normal(size=(2, 2, 3, 3)).round(1), rng.normal(size=(2, 2, 1, 1)).round(1), norms


@merge.wrong("The 1 x 1 kernel belongs in the middle of the 3 x 3.")
def _(W3, W1, norms):
    return _three(W3, W1, norms, middle=0)


@merge.wrong(
    "The branch without a convolution is one, too: the identity, with a batch normalization of its own."
)
def _(W3, W1, norms):
    return _three(W3, W1, norms, identity=False)


@merge.wrong("Every branch brings a bias, the identity as well: add all three.")
def _(W3, W1, norms):
    return _three(W3, W1, norms, biases=2)


@merge.wrong("The factor s belongs to the output channel, which is the first axis of a kernel.")
def _(W3, W1, norms):
    turned = _three(W3.swapaxes(0, 1), W1.swapaxes(0, 1), norms)
    return turned[0].swapaxes(0, 1), turned[1]
