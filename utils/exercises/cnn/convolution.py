"""Exercises of 03-cnn/convolution-basics/01-convolution.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/convolution-basics/01-convolution.ipynb"


repaired = Exercise(
    "03-cnn/convolution-1",
    notebook=NOTEBOOK,
    items=["Stride and padding", "Dilation"],
    hints=[
        "Padding belongs on both sides of both axes: what does np.pad do with one pair of numbers for each axis?",
        "The taps of a dilated kernel span d (k - 1) + 1 pixels. Which line still speaks of k?",
        "Output y, tap i reads row s y + d i of the padded image: the stride moves windows, the dilation taps.",
    ],
    explanation="""
        Three faults: zeros were added after the image only; the size was computed from k instead of the span
        d (k - 1) + 1; and stride and dilation had changed places. With s = d = 1 and p = 0 all three are invisible.""",
)


def _conv(X, W, s, p, d, after_only=False, span=True, exchanged=False):
    k = len(W)
    X = np.pad(X, (0, 2 * p) if after_only else p)
    reach = d * (k - 1) + 1 if span else k
    Z = np.zeros([(m - reach) // s + 1 for m in X.shape])
    a, b = (d, s) if exchanged else (s, d)
    for y, x in np.ndindex(Z.shape):
        for i, j in np.ndindex(W.shape):
            Z[y, x] += W[i, j] * X[a * y + b * i, a * x + b * j]
    return Z


@repaired.reference
def conv(X, W, s, p, d):
    X, k = np.pad(X, p), len(W)
    span = d * (k - 1) + 1
    Z = np.zeros(((X.shape[0] - span) // s + 1, (X.shape[1] - span) // s + 1))
    for y, x in np.ndindex(Z.shape):
        for i, j in np.ndindex(W.shape):
            Z[y, x] += W[i, j] * X[s * y + d * i, s * x + d * j]
    return Z


def _picture(rng, k=3):
    return rng.integers(-3, 4, (7, 9)).astype(float), rng.integers(-2, 3, (k, k)).astype(float)


@repaired.case("nothing but a kernel")
def _(rng):
    return *_picture(rng), 1, 0, 1


@repaired.case("padding")
def _(rng):
    return *_picture(rng), 1, int(rng.integers(1, 3)), 1


@repaired.case("stride")
def _(rng):
    return *_picture(rng, 2), int(rng.integers(2, 4)), 0, 1


@repaired.case("dilation")
def _(rng):
    return *_picture(rng), 1, 0, 2


@repaired.case("all three together")
def _(rng):
    return *_picture(rng), 2, int(rng.integers(1, 4)), 3


@repaired.wrong("The zeros are still on one side only: padding goes before and after.")
def _(X, W, s, p, d):
    return _conv(X, W, s, p, d, after_only=True)


@repaired.wrong(
    "The size still counts k pixels for the kernel, but with dilation its taps span d (k - 1) + 1."
)
def _(X, W, s, p, d):
    return _conv(X, W, s, p, d, span=False)


@repaired.wrong("Stride and dilation are exchanged: output y, tap i reads row s y + d i.")
def _(X, W, s, p, d):
    return _conv(X, W, s, p, d, exchanged=True)


reads = Exercise(
    "03-cnn/convolution-2",
    notebook=NOTEBOOK,
    items=["Receptive fields"],
    hints=[
        "One layer first: output i reads the padded places s i to s i + d (k - 1). Padding moves all by p.",
        "So it reads s i - p to s i - p + d (k - 1) of the layer below.",
        "Walk from the last layer back to the image. The first end needs the first taps, the last end the last ones.",
    ],
    explanation="""
        An interval of outputs first..last reads first s - p .. last s - p + d (k - 1) of the layer below. Doing that
        for the layers from the last to the first leads to the image; negative numbers are padding. The difference of
        the ends plus 1 is the receptive field of the notebook, and the ends say where it lies.""",
)


def _interval(i, layers, turn=True, pad=1, span=True):
    first = last = i
    for k, s, p, d in reversed(layers) if turn else layers:
        first, last = first * s - pad * p, last * s - pad * p + (d * (k - 1) if span else d * k)
    return first, last


@reads.reference
def pixels_read(i, layers):
    first = last = i
    for k, s, p, d in reversed(layers):
        first, last = first * s - p, last * s - p + d * (k - 1)
    return first, last


@reads.driver
def as_pair(function, i, layers):
    ends = function(i, layers)
    if np.shape(ends) != (2,):
        raise ExerciseError(f"expected a pair (first, last), but got {ends!r}")
    return tuple(int(end) for end in ends)


@reads.case("one layer, no padding")
def _(rng):
    return int(rng.integers(0, 9)), [(int(rng.integers(1, 6)), int(rng.integers(1, 4)), 0, 1)]


@reads.case("one layer, padded and dilated")
def _(rng):
    return int(rng.integers(0, 9)), [(3, int(rng.integers(1, 4)), int(rng.integers(1, 4)), 2)]


@reads.case("several layers, all different")
def _(rng):
    layers = [(3, 2, 1, 1), (5, 1, 2, 1), (3, 3, 0, 2)]
    return int(rng.integers(0, 9)), [layers[j] for j in rng.permutation(3)]


@reads.wrong("Begin at the output: the last layer of the list comes first.")
def _(i, layers):
    return _interval(i, layers, turn=False)


@reads.wrong("Padding moves everything: output 0 of a padded layer begins p places before the image.")
def _(i, layers):
    return _interval(i, layers, pad=0)


@reads.wrong("Too wide by one step a layer: from the first tap to the last it is d (k - 1), not d k.")
def _(i, layers):
    return _interval(i, layers, span=False)


design = Exercise(
    "03-cnn/convolution-3",
    notebook=NOTEBOOK,
    items=["From correlation to convolution", "Kernels and feature maps"],
    hints=[
        "The blur acts along columns, the difference along rows: the kernel is an outer product of the two.",
        "The taps of row i of a 5 x 5 kernel read the row i - 2 below the output pixel; row 0 reads two rows above.",
        "A picture moved down by one shows at y what was at y - 1: so the blur's taps stand at rows 0, 1 and 2.",
    ],
    explanation="""
        Blur [1, 2, 1] / 4 along the column, centred on the row above the output: (1, 2, 1, 0, 0) / 4. Difference along
        the row: (0, -1, 0, 1, 0). Their outer product does all three steps in one convolution.""",
)


def _kernel(column=(1, 2, 1, 0, 0), row=(0, -1, 0, 1, 0)):
    return np.outer(column, row) / 4


@design.reference
def kernel():
    column = np.array([1, 2, 1, 0, 0]) / 4  # blurs, one row above
    row = np.array([0, -1, 0, 1, 0])
    return np.outer(column, row)


@design.driver
def applied(answer, X):
    W = np.asarray(answer, dtype=float)
    if W.shape != (5, 5):
        raise ExerciseError(f"the kernel has shape {W.shape}, expected (5, 5)")
    V = np.lib.stride_tricks.sliding_window_view(np.pad(X, 2), W.shape)
    return np.einsum("yxij,ij->yx", V, W)


@design.case("a picture with a single bright pixel")
def _(rng):
    X = np.zeros((7, 7))
    X[tuple(rng.integers(2, 5, 2))] = 4.0
    return (X,)


@design.case("any picture")
def _(rng):
    return (rng.integers(0, 9, (8, 6)).astype(float),)


@design.wrong("The picture moves up: the taps of a correlation stand where the picture comes *from*.")
def _():
    return _kernel(column=(0, 0, 1, 2, 1))


@design.wrong("Nothing moves: the blur must be centred one row above the middle of the kernel.")
def _():
    return _kernel(column=(0, 1, 2, 1, 0))


@design.wrong(
    "The difference has the wrong sign: right neighbour minus left neighbour, and nothing is flipped."
)
def _():
    return _kernel(row=(0, 1, 0, -1, 0))


@design.wrong("Blur and difference are exchanged: the blur runs along columns, the difference along rows.")
def _():
    return np.outer([-1, 0, 1, 0, 0], [0, 1, 2, 1, 0]) / 4


fair = Exercise(
    "03-cnn/convolution-4",
    notebook=NOTEBOOK,
    items=["Equivariance"],
    hints=[
        "A convolution on a torus has the matrix C[t, j] = w[(t - j) % n]: constant where t - j is.",
        "Averaging T_-a A T_a over all a averages all entries of A with the same t - j (mod n).",
        "So w[a] is the mean over j of A[(j + a) % n, j].",
    ],
    explanation="""
        T_-a A T_a has the entry A[t + a, j + a] at (t, j): the average over a runs along a diagonal (mod n). It is the
        convolution nearest to A, and A itself where A is one already.""",
)


@fair.reference
def kernel_of(A):
    j = np.arange(len(A))
    return np.array([A[(j + a) % len(A), j].mean() for a in range(len(A))])


@fair.case("a matrix that is no convolution")
def _(rng):
    return (rng.integers(-4, 5, (4, 4)).astype(float),)


@fair.case("a convolution already")
def _(rng):
    w, n = rng.integers(-4, 5, 5).astype(float), 5
    return (np.array([[w[(t - j) % n] for j in range(n)] for t in range(n)]),)


@fair.case("a larger one")
def _(rng):
    return (rng.normal(size=(9, 9)).round(1),)


@fair.wrong("This takes the first column as it is; averaged it must be, over all places of the impulse.")
def _(A):
    return A[:, 0].copy()


@fair.wrong("The kernel is turned round: w[a] belongs to the diagonal t - j = a, below the main one.")
def _(A):
    j = np.arange(len(A))
    return np.array([A[(j - a) % len(A), j].mean() for a in range(len(A))])


@fair.wrong("A sum where a mean is wanted: each diagonal has n entries.")
def _(A):
    j = np.arange(len(A))
    return np.array([A[(j + a) % len(A), j].sum() for a in range(len(A))])


@fair.wrong("Diagonals go round: what leaves the matrix at the bottom comes back at the top.")
def _(A):
    return np.array([np.diag(A, -a).mean() for a in range(len(A))])
