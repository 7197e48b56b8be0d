"""Exercises of 03-cnn/architectures/04-densenet.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/architectures/04-densenet.ipynb"


linear = Exercise(
    "03-cnn/densenet-1",
    notebook=NOTEBOOK,
    items=["Dense connectivity"],
    hints=[
        "Go from the last layer to the first. Its own features are the last k columns of G.",
        "dW of a layer is (its columns of G).T @ (the features that it read).",
        "Cut the last k columns off G, and add (those columns) @ W to what is left.",
    ],
    explanation="""
        By the time a layer's columns are cut off, every later reader has added its share to them. Without a ReLU the
        features that a layer read are the first C columns of the output, so nothing else needs to be kept.""",
)


@linear.reference
def dense_backward(G, features, weights):
    gradients = []
    for W in weights[::-1]:
        C = W.shape[1]
        G, own = G[:, :C], G[:, C:]
        gradients.append(own.T @ features[:, :C])
        G = G + own @ W
    return G, gradients[::-1]


def _block(rng, N, C, k, L):
    X = rng.normal(size=(N, C)).round(2)
    weights = [rng.normal(size=(k, C + i * k)).round(2) for i in range(L)]
    for W in weights:
        X = np.concatenate([X, X @ W.T], axis=1)
    return rng.normal(size=X.shape).round(2), X, weights


@linear.case("three layers")
def _(rng):
    return _block(rng, 3, 2, 2, 3)


@linear.case("one layer")
def _(rng):
    return _block(rng, 2, 3, 1, 1)


@linear.case("layers that add different numbers of features")
def _(rng):
    W1, W2 = rng.normal(size=(3, 2)).round(2), rng.normal(size=(1, 5)).round(2)
    X = rng.normal(size=(4, 2)).round(2)
    X = np.concatenate([X, X @ W1.T], axis=1)
    X = np.concatenate([X, X @ W2.T], axis=1)
    return rng.normal(size=X.shape).round(2), X, [W1, W2]


@linear.wrong("What flows back through a layer must be added to the features that it read.")
def _(G, features, weights):
    gradients = []
    for W in weights[::-1]:
        C = W.shape[1]
        gradients.append(G[:, C:].T @ features[:, :C])
        G = G[:, :C]
    return G, gradients[::-1]


@linear.wrong("The gradient through the layer is added to the direct one, which must not be lost.")
def _(G, features, weights):
    gradients = []
    for W in weights[::-1]:
        C = W.shape[1]
        own = G[:, C:]
        gradients.append(own.T @ features[:, :C])
        G = own @ W
    return G, gradients[::-1]


@linear.wrong("The gradients of the weights come out in the order of the way back: turn the list round.")
def _(G, features, weights):
    dX, gradients = dense_backward(G, features, weights)
    return dX, gradients[::-1]


channels = Exercise(
    "03-cnn/densenet-2",
    notebook=NOTEBOOK,
    items=["Growth rate and transition layers"],
    hints=[
        "A block of L layers turns C channels into C + L k.",
        "A transition keeps int(theta * C); after the last block there is none.",
        "Return one pair (before, after) for each block.",
    ],
    explanation="""
        Add L k in each block, keep the whole part of theta C between two blocks. For DenseNet-121: (64, 256),
        (128, 512), (256, 1024), (512, 1024).""",
)


@channels.reference
def block_channels(blocks, k, C, theta):
    pairs = []
    for L in blocks:
        pairs.append((C, C + L * k))
        C = int(theta * pairs[-1][1])
    return pairs


@channels.driver
def as_array(function, blocks, k, C, theta):
    return np.array(function(blocks, k, C, theta), dtype=float)


@channels.case("four blocks")
def _(rng):
    blocks = tuple(int(n) for n in rng.integers(2, 9, 4))
    return blocks, int(rng.integers(4, 33)), 16, 0.5


@channels.case("a share that leaves a fraction of a channel")
def _(rng):
    return (2, 3), 5, int(rng.integers(6, 12)), 0.3


@channels.case("a single block")
def _(rng):
    return (3,), 4, 8, 0.5


@channels.wrong("Each layer adds k channels, so a block of L layers adds L k.")
def _(blocks, k, C, theta):
    pairs = []
    for _ in blocks:
        pairs.append((C, C + k))
        C = int(theta * pairs[-1][1])
    return pairs


@channels.wrong("A part of a channel does not exist: the transition keeps the whole part, int(theta * C).")
def _(blocks, k, C, theta):
    pairs = []
    for L in blocks:
        pairs.append((C, C + L * k))
        C = theta * pairs[-1][1]
    return pairs


@channels.wrong(
    "The transition between blocks is missing: the next block begins with theta times the channels."
)
def _(blocks, k, C, theta):
    pairs = []
    for L in blocks:
        pairs.append((C, C + L * k))
        C = pairs[-1][1]
    return pairs


cheaper = Exercise(
    "03-cnn/densenet-3",
    notebook=NOTEBOOK,
    items=["Growth rate and transition layers"],
    hints=[
        "Both steps are linear. Write the mean of four pixels of W x: can W be taken out of the mean?",
        "The mean of W x is W times the mean of x: pool first, and `mix` sees a quarter of the pixels.",
        "x.reshape(N, C, H // 2, 2, W // 2, 2).mean(axis=(3, 5)) pools.",
    ],
    explanation="""
        A 1 x 1 convolution mixes channels, the mean mixes pixels; both are linear, so they commute. Pooling first
        gives the same result with a quarter of the multiplications. (Not across the ReLU before them.)""",
)


class _Mixer:
    """A 1 x 1 convolution that counts the pixels it is given."""

    def __init__(self, W):
        self.W, self.pixels = W, 0

    def __call__(self, x):
        if x.ndim != 4 or x.shape[1] != self.W.shape[1]:
            raise ExerciseError(f"mix takes (N, {self.W.shape[1]}, H, W) but got {x.shape}")
        self.pixels += x.shape[2] * x.shape[3]
        return np.einsum("oc,nchw->nohw", self.W, x)


@cheaper.reference
def transition(x, mix):
    N, C, H, W = x.shape
    return mix(x.reshape(N, C, H // 2, 2, W // 2, 2).mean(axis=(3, 5)))


@cheaper.driver
def result_and_pixels(function, x, W):
    mixer = _Mixer(W)
    out = np.asarray(function(x, mixer), dtype=float)
    return {"result": out, "pixels that were multiplied": mixer.pixels}


@cheaper.case("the same result, and a quarter of the pixels multiplied")
def _(rng):
    return rng.normal(size=(2, 3, 4, 6)).round(2), rng.normal(size=(2, 3)).round(2)


@cheaper.case("one pixel is left")
def _(rng):
    return rng.normal(size=(1, 2, 2, 2)).round(2), rng.normal(size=(1, 2)).round(2)


@cheaper.wrong("The result is right, but all pixels were multiplied: pool before you mix.")
def _(x, mix):
    y = mix(x)
    N, C, H, W = y.shape
    return y.reshape(N, C, H // 2, 2, W // 2, 2).mean(axis=(3, 5))


@cheaper.wrong("Every second pixel is not the mean of four.")
def _(x, mix):
    return mix(x[:, :, ::2, ::2])


@cheaper.wrong("The maximum is not linear and does not commute with mixing: take the mean.")
def _(x, mix):
    N, C, H, W = x.shape
    return mix(x.reshape(N, C, H // 2, 2, W // 2, 2).max(axis=(3, 5)))


budget = Exercise(
    "03-cnn/densenet-4",
    notebook=NOTEBOOK,
    items=["Growth rate and transition layers"],
    hints=[
        "Count a block first: layer i of L reads C + i k channels, i = 0 ... L - 1.",
        "A layer has 2 c + 4 k c + 2 * 4 k + 9 * 4 k * k parameters, for c channels that it reads.",
        "Raise k from 1 until the next one no longer fits.",
    ],
    explanation="""
        The parameters rise with k, so the first k whose successor exceeds the budget is the answer; 0 if not even
        k = 1 fits. They rise nearly like its square: four times the budget buys about twice the growth rate.""",
)


def _parameters(C, L, k, norms=True, growing=True):
    counts = [C + (i * k if growing else 0) for i in range(L)]
    return sum((2 * c + 8 * k if norms else 0) + 4 * k * c + 36 * k * k for c in counts)


def _largest(C, L, budget, **settings):
    k = 0
    while _parameters(C, L, k + 1, **settings) <= budget:
        k += 1
    return k


@budget.reference
def largest_growth(C, L, budget):
    def parameters(k):
        counts = [C + i * k for i in range(L)]  # channels that each layer reads
        return sum(2 * c + 4 * k * c + 2 * 4 * k + 36 * k * k for c in counts)

    k = 0
    while parameters(k + 1) <= budget:
        k += 1
    return k


@budget.case("a block of a few layers")
def _(rng):
    return int(rng.integers(8, 65)), int(rng.integers(3, 13)), int(rng.integers(20_000, 200_000))


@budget.case("the budget is met exactly")
def _(rng):
    C, L, k = int(rng.integers(8, 33)), int(rng.integers(2, 8)), int(rng.integers(4, 30))
    return C, L, _parameters(C, L, k)


@budget.case("one less than that")
def _(rng):
    C, L, k = int(rng.integers(8, 33)), int(rng.integers(2, 8)), int(rng.integers(4, 30))
    return C, L, _parameters(C, L, k) - 1


@budget.case("not even k = 1 fits")
def _(rng):
    return 64, 10, 100


@budget.wrong("Normalizations have two parameters for each channel: 2 c and 2 * 4 k in each layer.")
def _(C, L, budget):
    return _largest(C, L, budget, norms=False)


@budget.wrong("Each layer reads k channels more than the one before it.")
def _(C, L, budget):
    return _largest(C, L, budget, growing=False)


@budget.wrong("This k no longer fits: return the last one that does.")
def _(C, L, budget):
    return _largest(C, L, budget) + 1
