"""Exercises of 03-cnn/convolution-basics/02-convolution-backward.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/convolution-basics/02-convolution-backward.ipynb"


strided = Exercise(
    "03-cnn/convolution-backward-1",
    notebook=NOTEBOOK,
    items=["Gradients of a convolution"],
    hints=[
        "In z_t the weight w_i meets x[s t + i]. Which two lines follow for the gradients?",
        "For each t: dx[s t : s t + k] += dz[t] * w, and dw += dz[t] * x[s t : s t + k].",
        "Pixels beyond the last window keep the gradient 0: begin with zeros of the size of x.",
    ],
    explanation="""
        Each output stamps dz_t w into the input where its window was, and adds dz_t times the patch that it read to
        the gradient of the kernel. Where windows overlap, stamps add up.""",
)


@strided.reference
def backward_1d(dz, x, w, s):
    dx, dw = np.zeros(len(x)), np.zeros(len(w))
    for t in range(len(dz)):
        window = slice(s * t, s * t + len(w))
        dx[window] += dz[t] * w
        dw += dz[t] * x[window]
    return dx, dw


@strided.driver
def as_pair(function, dz, x, w, s):
    answer = function(dz, x, w, s)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        raise ExerciseError("expected a pair (dx, dw)")
    return tuple(np.array(part, dtype=float) for part in answer)


def _row(rng, n, k, s):
    x, w = rng.integers(-3, 4, n).astype(float), rng.integers(-3, 4, k).astype(float)
    return rng.integers(-3, 4, (n - k) // s + 1).astype(float), x, w, s


@strided.case("stride 1")
def _(rng):
    return _row(rng, 6, 3, 1)


@strided.case("stride 2, windows that overlap")
def _(rng):
    return _row(rng, 7, 3, 2)


@strided.case("stride 3, pixels that nobody reads")
def _(rng):
    return _row(rng, 9, 2, 3)


def _gradients(dz, x, w, s, step=None, flip=False, overwrite=False):
    dx, dw = np.zeros(len(x)), np.zeros(len(w))
    for t in range(len(dz)):
        a = (step or s) * t
        dx[a : a + len(w)] = dz[t] * (w[::-1] if flip else w) + (0 if overwrite else dx[a : a + len(w)])
        dw += dz[t] * x[a : a + len(w)]
    return dx, dw


@strided.wrong("The stride is left out: output t begins at pixel s t, on the way back as well.")
def _(dz, x, w, s):
    return _gradients(dz, x, w, s, step=1)


@strided.wrong(
    "One flip too many: the stamp of a single output is the kernel as it is; the sum over outputs flips."
)
def _(dz, x, w, s):
    return _gradients(dz, x, w, s, flip=True)


@strided.wrong("Windows overlap: their stamps must be added (+=), not written over each other.")
def _(dz, x, w, s):
    return _gradients(dz, x, w, s, overwrite=True)


scatter = Exercise(
    "03-cnn/convolution-backward-2",
    notebook=NOTEBOOK,
    items=["Convolution as matrix multiplication"],
    hints=[
        "A pixel that stands in several windows gets a gradient from each of them.",
        "parts[y, x, i, j] is tap (i, j) of window (y, x). Which tap does the slice of X belong to?",
        "The picture lies p pixels inside the padded one, on every side.",
    ],
    explanation="""
        Three faults: `=` keeps only the last window's share where `+=` adds them; the taps were exchanged (j, i); and
        the crop took the upper left corner, padding included, instead of the picture that begins at (p, p).""",
)


def _col2im(cols, size, k, s, p, add=True, exchanged=False, corner=False):
    H, W = size
    oh, ow = (H + 2 * p - k) // s + 1, (W + 2 * p - k) // s + 1
    parts, X = cols.reshape(oh, ow, k, k), np.zeros((H + 2 * p, W + 2 * p))
    for i, j in np.ndindex(k, k):
        part = parts[:, :, j, i] if exchanged else parts[:, :, i, j]
        place = slice(i, i + s * oh, s), slice(j, j + s * ow, s)
        X[place] = X[place] + part if add else part
    return X[:H, :W] if corner else X[p : p + H, p : p + W]


@scatter.reference
def col2im_one(cols, size, k, s, p):
    H, W = size
    oh, ow = (H + 2 * p - k) // s + 1, (W + 2 * p - k) // s + 1
    parts, X = cols.reshape(oh, ow, k, k), np.zeros((H + 2 * p, W + 2 * p))
    for i, j in np.ndindex(k, k):
        X[i : i + s * oh : s, j : j + s * ow : s] += parts[:, :, i, j]
    return X[p : p + H, p : p + W]


def _windows(rng, size, k, s, p):
    n = np.prod([(m + 2 * p - k) // s + 1 for m in size])
    return rng.integers(-4, 5, (n, k * k)).astype(float), size, k, s, p


@scatter.case("windows that do not overlap")
def _(rng):
    return _windows(rng, (4, 6), 2, 2, 0)


@scatter.case("windows that overlap")
def _(rng):
    return _windows(rng, (4, 5), 3, 1, 0)


@scatter.case("padding")
def _(rng):
    return _windows(rng, (4, 4), 2, 2, 1)


@scatter.case("all together")
def _(rng):
    return _windows(rng, (7, 5), 3, 2, 2)


@scatter.wrong("Where windows overlap only the last one is kept: use += instead of =.")
def _(cols, size, k, s, p):
    return _col2im(cols, size, k, s, p, add=False)


@scatter.wrong(
    "Rows and columns of the taps are exchanged: the slice begins at (i, j), so the part is [:, :, i, j]."
)
def _(cols, size, k, s, p):
    return _col2im(cols, size, k, s, p, exchanged=True)


@scatter.wrong("The crop takes the padding along: the picture begins at row p and column p.")
def _(cols, size, k, s, p):
    return _col2im(cols, size, k, s, p, corner=True)


costs = Exercise(
    "03-cnn/convolution-backward-3",
    notebook=NOTEBOOK,
    items=["Making it fast"],
    hints=[
        "First the size: H' = (H + 2 p - k) // s + 1, and N H' H' windows of C k k numbers.",
        "The product (R, K) @ (K, F) makes R F numbers, each from K multiplications and K additions.",
        "A float32 has 4 bytes; the input has N C H H of them.",
    ],
    explanation="""
        R = N H' H' windows, K = C k k numbers in each: 2 R K F operations, 4 R K bytes. Divided by 4 N C H H the ratio
        is (k H' / H)^2: k^2 at stride 1 with the size kept, and about (k / s)^2 with a stride.""",
)


@costs.reference
def cost(N, C, H, F, k, s, p):
    out = (H + 2 * p - k) // s + 1
    R, K = N * out**2, C * k**2
    return 2 * R * K * F, 4 * R * K, R * K / (N * C * H**2)


@costs.driver
def as_three(function, N, C, H, F, k, s, p):
    answer = function(N, C, H, F, k, s, p)
    if np.shape(answer) != (3,):
        raise ExerciseError(f"expected three numbers: flop, bytes and ratio, but got {answer!r}")
    return dict(zip(("flop", "bytes", "ratio"), map(float, answer), strict=True))


@costs.case("stride 1, the size kept")
def _(rng):
    return int(rng.integers(1, 9)), int(rng.integers(2, 9)), 16, int(rng.integers(2, 9)), 3, 1, 1


@costs.case("stride 2")
def _(rng):
    return int(rng.integers(1, 5)), 3, int(rng.integers(20, 40)), 8, 5, 2, 2


@costs.case("a kernel of 1 x 1")
def _(rng):
    return 2, int(rng.integers(2, 9)), 7, 5, 1, 1, 0


@costs.wrong("Only multiplications are counted: each comes with an addition, a factor of 2.")
def _(N, C, H, F, k, s, p):
    flop, size, ratio = cost(N, C, H, F, k, s, p)
    return flop / 2, size, ratio


@costs.wrong("The windows are counted at the size of the input; there are N H' H' of them.")
def _(N, C, H, F, k, s, p):
    return 2 * N * H**2 * C * k**2 * F, 4 * N * H**2 * C * k**2, float(k**2)


@costs.wrong("A float32 has 4 bytes, not 8.")
def _(N, C, H, F, k, s, p):
    flop, size, ratio = cost(N, C, H, F, k, s, p)
    return flop, 2 * size, ratio


@costs.wrong("The windows belong to the input: they hold C k k numbers each, and F does not enter.")
def _(N, C, H, F, k, s, p):
    flop, size, ratio = cost(N, C, H, F, k, s, p)
    return flop, size * F / C, ratio * F / C


mirror = Exercise(
    "03-cnn/convolution-backward-4",
    notebook=NOTEBOOK,
    items=["Gradients of a convolution"],
    hints=[
        "A weight that is used at two places gets the sum of the gradients of both.",
        "dW + dW[..., ::-1] adds column k - 1 - j to column j. Which columns of it are needed?",
        "The middle column is used once, so it must not be counted twice.",
    ],
    explanation="""
        V_j stands in columns j and k - 1 - j, so it gets dW_j + dW_{k-1-j}; the middle column stands alone. It is the
        rule behind all sharing: a convolution, too, adds up the gradients of all the places where a weight is used.""",
)


@mirror.reference
def grad_V(dW):
    half = dW.shape[3] // 2
    dV = dW[..., : half + 1].copy()
    dV[..., :half] += dW[..., :half:-1]
    return dV


def _error(rng, k):
    return (rng.integers(-4, 5, (2, 3, k, k)).astype(float),)


@mirror.case("kernels of 3 x 3")
def _(rng):
    return _error(rng, 3)


@mirror.case("kernels of 5 x 5")
def _(rng):
    return _error(rng, 5)


@mirror.case("kernels of 1 x 1, which are their own mirror image")
def _(rng):
    return _error(rng, 1)


@mirror.wrong("The middle column is used once, but counted twice here.")
def _(dW):
    return (dW + dW[..., ::-1])[..., : dW.shape[3] // 2 + 1]


@mirror.wrong("This is the mean of both places; gradients of a shared weight add up.")
def _(dW):
    return (dW + dW[..., ::-1])[..., : dW.shape[3] // 2 + 1] / 2


@mirror.wrong("The right half is forgotten: what reaches the mirrored columns belongs to V as well.")
def _(dW):
    return dW[..., : dW.shape[3] // 2 + 1].copy()


@mirror.wrong("The right half is added without being turned round: column 0 belongs to the last one.")
def _(dW):
    half = dW.shape[3] // 2
    dV = dW[..., : half + 1].copy()
    dV[..., :half] += dW[..., half + 1 :]
    return dV
