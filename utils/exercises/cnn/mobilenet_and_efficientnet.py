"""Exercises of 03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb."""

import math

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/architectures/05-mobilenet-and-efficientnet.ipynb"


# ---- 1: the nearest separable kernel ----

nearest = Exercise(
    "03-cnn/mobilenet-and-efficientnet-1",
    notebook=NOTEBOOK,
    items=["Depthwise separable convolution"],
    hints=[
        "Each input channel c is a problem of its own: W[:, c].reshape(F, k * k) is a matrix, to be of rank 1.",
        "U, S, Vt = np.linalg.svd(matrix, full_matrices=False): the nearest matrix of rank 1 is S[0] U[:, 0] Vt[0].",
        "P[:, c] = S[0] * U[:, 0] and D[c] = Vt[0].reshape(k, k); the factor S[0] may stand with either.",
    ],
    explanation="""
        The squared distance is a sum over input channels, so that each is approximated alone, and the nearest matrix of
        rank one is the first term of its singular value decomposition (Eckart and Young 1936). Which of the two factors
        has the size, and both signs at once, are free.""",
)


@nearest.reference
def separable(W):
    n, C, k, _ = W.shape
    P, D = np.zeros((n, C)), np.zeros((C, k, k))
    for c in range(C):
        U, S, Vt = np.linalg.svd(W[:, c].reshape(n, k * k), full_matrices=False)
        P[:, c], D[c] = S[0] * U[:, 0], Vt[0].reshape(k, k)
    return P, D


@nearest.driver
def as_kernels(function, W):
    answer = function(W)
    n, C, k, _ = W.shape
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ExerciseError(f"return the pair P, D, not {type(answer).__name__}")
    P, D = (np.asarray(part, dtype=float) for part in answer)
    if P.shape != (n, C) or D.shape != (C, k, k):
        raise ExerciseError(f"P has shape {P.shape} and D {D.shape}: expected {(n, C)} and {(C, k, k)}")
    return P[:, :, None, None] * D


@nearest.case("kernels that are separable: they must come back")
def _(rng):
    return (rng.normal(size=(5, 3))[:, :, None, None] * rng.normal(size=(3, 3, 3)),)


@nearest.case("more outputs than places in the kernel, and fewer")
def _(rng):
    return (rng.normal(size=(12, 2, 3, 3)) if rng.random() < 0.5 else rng.normal(size=(2, 4, 3, 3)),)


@nearest.case("a kernel of 5 x 5, and as many inputs as outputs")
def _(rng):
    return (rng.normal(size=(4, 4, 5, 5)),)


@nearest.wrong("The singular value is missing: S[0] belongs to one of the factors.")
def _(W):
    n, C, k, _ = W.shape
    U, _, Vt = np.linalg.svd(W.transpose(1, 0, 2, 3).reshape(C, n, k * k), full_matrices=False)
    return U[..., 0].T, Vt[:, 0].reshape(C, k, k)


@nearest.wrong("Mean kernels with fitted factors come near, but the first singular vectors come nearest.")
def _(W):
    D = W.mean(axis=0)
    return np.einsum("fcij,cij->fc", W, D) / (D**2).sum(axis=(1, 2)), D


@nearest.wrong("Rows must be outputs of one input channel: take W[:, c], not W[f].")
def _(W):
    n, C, k, _ = W.shape
    U, S, Vt = np.linalg.svd(W.reshape(C, n, k * k), full_matrices=False)
    return (S[:, None, 0] * U[..., 0]).T, Vt[:, 0].reshape(C, k, k)


# ---- 2: a faulty backward pass ----

squeeze = Exercise(
    "03-cnn/mobilenet-and-efficientnet-2",
    notebook=NOTEBOOK,
    items=["Inverted residuals and squeeze-excitation"],
    hints=[
        "Check with a tiny X, by finite differences: which entries of dX are off, and by how much?",
        "s stands before every pixel of its channel: ds is a sum over the positions, not a mean.",
        "X reaches the loss along two paths: as a factor of Y, and through z, of which each pixel is 1/(H W).",
    ],
    explanation="""
        Three faults. The gate multiplies all H W pixels, so that their gradients add up; sigmoid's slope s (1 - s) was
        left out; and each pixel has only its share 1/(H W) in the mean z. The first and the last do not show in images
        of one pixel, where sum and mean agree: check with several.""",
)


@squeeze.reference
def gate_backward(dY, X, W):
    z = X.mean(axis=(2, 3))
    s = 1 / (1 + np.exp(-z @ W.T))
    ds = (dY * X).sum(axis=(2, 3))
    dv = ds * s * (1 - s)
    dz = dv @ W
    dX = dY * s[:, :, None, None] + dz[:, :, None, None] / (X.shape[2] * X.shape[3])
    return dX, dv.T @ z


def _gate_backward(dY, X, W, total=np.sum, slope=True, share=True, direct=True, transposed=False):
    z = X.mean(axis=(2, 3))
    s = 1 / (1 + np.exp(-z @ W.T))
    dv = total(dY * X, axis=(2, 3)) * (s * (1 - s) if slope else 1)
    dz = (dv @ W.T if transposed else dv @ W)[:, :, None, None] / (X[0, 0].size if share else 1)
    return dY * s[:, :, None, None] * direct + dz, dv.T @ z


@squeeze.driver
def as_pair(function, dY, X, W):
    answer = function(dY, X, W)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise ExerciseError(f"return the pair dX, dW, not {type(answer).__name__}")
    return tuple(np.asarray(part, dtype=float) for part in answer)


@squeeze.case("several images, channels and pixels")
def _(rng):
    return rng.normal(size=(2, 3, 2, 4)), rng.normal(size=(2, 3, 2, 4)), rng.normal(size=(3, 3))


@squeeze.case("one pixel, where sum and mean are the same")
def _(rng):
    return rng.normal(size=(3, 2, 1, 1)), rng.normal(size=(3, 2, 1, 1)), rng.normal(size=(2, 2))


@squeeze.wrong("ds is the sum over the positions, for s multiplies each of them.")
def _(dY, X, W):
    return _gate_backward(dY, X, W, total=np.mean)


@squeeze.wrong("The slope of the sigmoid is missing: s (1 - s).")
def _(dY, X, W):
    return _gate_backward(dY, X, W, slope=False)


@squeeze.wrong("z is a mean: each pixel has a share of 1/(H W) in it.")
def _(dY, X, W):
    return _gate_backward(dY, X, W, share=False)


@squeeze.wrong("The direct path is missing: X is also multiplied by s.")
def _(dY, X, W):
    return _gate_backward(dY, X, W, direct=False)


@squeeze.wrong("v = z @ W.T leads back by dz = dv @ W.")
def _(dY, X, W):
    return _gate_backward(dY, X, W, transposed=True)


# ---- 3: what a block costs ----

block = Exercise(
    "03-cnn/mobilenet-and-efficientnet-3",
    notebook=NOTEBOOK,
    items=["Inverted residuals and squeeze-excitation", "EfficientNet and compound scaling"],
    hints=[
        "Three convolutions: C -> tC before the stride; k x k in each of tC channels; tC -> F after the stride.",
        "Squeeze-and-excitation works on one number per channel: its two layers cost tC r each, once for an image.",
        "With t = 1 there is nothing to widen, and the first convolution is not there.",
    ],
    explanation="""
        side² C tC for the widening convolution (none for t = 1), at the size of the input; then, with the side divided
        by the stride and rounded up, k² tC for the depthwise and tC F for the narrowing one at each pixel, and twice
        tC r for the gates with r = max(1, C // 4), whatever the size.""",
)


@block.reference
def block_cost(C, F, t, k, stride, side):
    wide, squeezed, after = t * C, max(1, C // 4), -(-side // stride)
    cost = C * wide * side**2 if t > 1 else 0
    return cost + after**2 * wide * (k * k + F) + 2 * wide * squeezed


def _block_cost(C, F, t, k, stride, side, widened_at=None, always=False, gates=2, rounded_up=True):
    after = -(-side // stride) if rounded_up else side // stride
    at = side if widened_at is None else after
    cost = t * C * C * at**2 if t > 1 or always else 0
    return cost + after**2 * t * C * (k * k + F) + gates * t * C * max(1, C // 4)


@block.driver
def as_count(function, *settings):
    return float(function(*settings))


@block.case("widened, at stride 1")
def _(rng):
    return int(rng.integers(8, 40)), int(rng.integers(8, 40)), 6, 3, 1, 14


@block.case("a stride of 2, at an even and at an odd size")
def _(rng):
    return int(rng.integers(8, 40)), int(rng.integers(8, 40)), 4, 5, 2, int(rng.integers(7, 15))


@block.case("t = 1")
def _(rng):
    return int(rng.integers(8, 40)), 16, 1, 3, 1, 8


@block.case("an odd size at stride 2, and fewer than 4 channels")
def _(rng):
    return 3, 8, 6, 3, 2, 9


@block.wrong("The widening convolution comes before the stride: it works on the whole input.")
def _(C, F, t, k, stride, side):
    return _block_cost(C, F, t, k, stride, side, widened_at="after")


@block.wrong("With t = 1 there is no widening convolution.")
def _(C, F, t, k, stride, side):
    return _block_cost(C, F, t, k, stride, side, always=True)


@block.wrong("The gates need two layers: tC -> r -> tC.")
def _(C, F, t, k, stride, side):
    return _block_cost(C, F, t, k, stride, side, gates=1)


@block.wrong("Padding keeps half a window at the edge: an odd side is rounded up, 9 -> 5.")
def _(C, F, t, k, stride, side):
    return _block_cost(C, F, t, k, stride, side, rounded_up=False)


# ---- 4: grow within a limit ----

grow = Exercise(
    "03-cnn/mobilenet-and-efficientnet-4",
    notebook=NOTEBOOK,
    items=["EfficientNet and compound scaling"],
    hints=[
        "Without the limit: phi = log(factor) / log(alpha beta² gamma²), then d, w, r are alpha, beta, gamma to phi.",
        "If side * r exceeds the limit, r becomes limit / side, and it uses r² of the factor.",
        "The rest, factor / r², goes to depth and width in their proportion: psi = log(rest) / log(alpha beta²).",
    ],
    explanation="""
        d w² r² = factor is one equation; compound scaling adds that the logarithms keep their proportions. Where the
        side meets its limit, r is known, and the same argument with the two that are left shares out factor / r².""",
)


@grow.reference
def grown(factor, side, limit, alpha, beta, gamma):
    phi = math.log(factor) / math.log(alpha * beta**2 * gamma**2)
    if side * gamma**phi <= limit:
        return alpha**phi, beta**phi, gamma**phi
    r = limit / side
    psi = math.log(factor / r**2) / math.log(alpha * beta**2)
    return alpha**psi, beta**psi, r


@grow.driver
def as_three(function, *settings):
    answer = np.asarray(function(*settings), dtype=float)
    if answer.shape != (3,):
        raise ExerciseError(f"return d, w, r: three numbers, not an array of shape {answer.shape}")
    return answer


@grow.case("a limit far away")
def _(rng):
    return float(rng.uniform(1.5, 20)), 224, 2000, 1.2, 1.1, 1.15


@grow.case("a limit that is met")
def _(rng):
    return float(rng.uniform(8, 30)), 224, int(rng.integers(240, 260)), 1.2, 1.1, 1.15


@grow.case("no room for more pixels at all, and other proportions")
def _(rng):
    return float(rng.uniform(2, 8)), 32, 32, 1.4, 1.05, 1.1


@grow.wrong("Where the side meets its limit, what it cannot use goes to depth and width.")
def _(factor, side, limit, alpha, beta, gamma):
    phi = math.log(factor) / math.log(alpha * beta**2 * gamma**2)
    return alpha**phi, beta**phi, min(gamma**phi, limit / side)


@grow.wrong("Width and resolution count twice: the cost is d w² r².")
def _(factor, side, limit, alpha, beta, gamma):
    phi = math.log(factor) / math.log(alpha * beta * gamma)
    return grown(float((alpha * beta**2 * gamma**2) ** phi), side, limit, alpha, beta, gamma)


@grow.wrong("phi is a logarithm to the base alpha beta² gamma², which is not exactly 2.")
def _(factor, side, limit, alpha, beta, gamma):
    return grown(float((alpha * beta**2 * gamma**2) ** math.log2(factor)), side, limit, alpha, beta, gamma)
