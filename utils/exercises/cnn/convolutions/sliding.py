"""Exercises 1 to 4: what slides."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "03-cnn/exercises/01-convolution-exercises.ipynb"
ITEMS = ["What slides"]


separable = Exercise(
    "03-cnn/convolutions-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "A kernel is a column times a row exactly if its rank is 1. Which decomposition finds rank and "
        "factors at once?",
        "U, S, Vt = np.linalg.svd(kernel): the rank is 1 if all of S but the first is 0, up to rounding.",
        "The factors are U[:, 0] * S[0] and Vt[0]; compare S[1:] with S[0], not with 0.",
    ],
    explanation="""
        The singular values are the strengths of the separable parts of a kernel. If only one is left, the
        kernel is an outer product, and two passes of k multiplications replace one of k^2. The threshold must
        be relative: a kernel of tiny numbers is not of a lower rank.""",
)


@separable.reference
def separate(kernel):
    U, S, Vt = np.linalg.svd(kernel)
    if (S[1:] > 1e-9 * S[0]).any():
        return None
    return U[:, 0] * S[0], Vt[0]


@separable.driver
def product_of_factors(function, kernel):
    factors = function(kernel)
    if factors is None:
        return "not separable"
    column, row = (np.asarray(part) for part in factors)
    if column.shape != kernel.shape[:1] or row.shape != kernel.shape[1:]:
        raise ExerciseError(
            f"the factors have shapes {column.shape} and {row.shape} for a kernel {kernel.shape}"
        )
    return np.outer(column, row)


@separable.case("a column times a row")
def _(rng):
    return (np.outer(rng.normal(size=3).round(1) + 2, rng.normal(size=5).round(1) + 2),)


@separable.case("two such products added")
def _(rng):
    return (rng.integers(1, 5, (2, 2)) @ np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 3.0]]) + np.eye(2, 3),)


@separable.case("a kernel with zeros in its first row and column, as Sobel's has", seeds=2)
def _(rng):
    return (np.outer([0.0, 1.0, 2.0], [0.0, -1.0, 1.0]) * rng.integers(1, 4),)


@separable.case("numbers of a billionth, and no product", seeds=2)
def _(rng):
    return (1e-12 * (np.eye(3) + rng.uniform(0, 0.1, (3, 3))),)


@separable.wrong("Row and column are divided by the first entry, which may be 0: Sobel's kernel has one.")
def _(kernel):
    with np.errstate(all="ignore"):
        column, row = kernel[:, 0], kernel[0] / kernel[0, 0]
    good = np.isfinite(row).all() and np.allclose(np.outer(column, row), kernel, rtol=1e-9, atol=0)
    return (column, row) if good else None


@separable.wrong(
    "The threshold for singular values is absolute: a kernel of small numbers looks as if its rank were 1."
)
def _(kernel):
    U, S, Vt = np.linalg.svd(kernel)
    return None if (S[1:] > 1e-9).any() else (U[:, 0] * S[0], Vt[0])


@separable.wrong("Not every kernel is a product: return None when there are two singular values or more.")
def _(kernel):
    U, S, Vt = np.linalg.svd(kernel)
    return U[:, 0] * S[0], Vt[0]


@separable.wrong("The strength S[0] is missing.")
def _(kernel):
    U, S, Vt = np.linalg.svd(kernel)
    return None if (S[1:] > 1e-9 * S[0]).any() else (U[:, 0], Vt[0])


box = Exercise(
    "03-cnn/convolutions-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "S[i, j] = sum of image[:i, :j], an array of (H + 1, W + 1) with a first row and column of zeros.",
        "The sum of rows i to i + k and columns j to j + k is S[i+k, j+k] - S[i, j+k] - S[i+k, j] + S[i, j].",
        "All windows at once: S[k:, k:] - S[:-k, k:] - S[k:, :-k] + S[:-k, :-k], divided by k * k.",
    ],
    explanation="""
        Two running sums turn any rectangle into four reads, so the cost does not depend on k. The row and
        column of zeros in front spare the special cases at the upper and left edge.""",
)


def _table(image):
    return np.pad(image.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


@box.reference
def box_means(image, k):
    S = np.pad(image.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    return (S[k:, k:] - S[:-k, k:] - S[k:, :-k] + S[:-k, :-k]) / k**2


@box.case("a picture higher than wide")
def _(rng):
    return rng.integers(0, 9, (7, 5)).astype(float), int(rng.integers(2, 5))


@box.case("windows of one pixel give the picture")
def _(rng):
    return rng.integers(0, 9, (3, 4)).astype(float), 1


@box.case("one window that covers all")
def _(rng):
    return rng.integers(0, 9, (4, 4)).astype(float), 4


@box.wrong(
    "The upper left corner is subtracted twice, with the strip above and the strip to the left: add it once."
)
def _(image, k):
    S = _table(image)
    return (S[k:, k:] - S[:-k, k:] - S[k:, :-k]) / k**2


@box.wrong(
    "The first window is missing on each axis: put a row and a column of zeros before the running sums."
)
def _(image, k):
    S = _table(image)[1:, 1:]
    return (S[k:, k:] - S[:-k, k:] - S[k:, :-k] + S[:-k, :-k]) / k**2


@box.wrong("These are sums: divide by the k * k pixels of a window.")
def _(image, k):
    return box_means(image, k) * k**2


causal = Exercise(
    "03-cnn/convolutions-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Pad on the left alone, with (k - 1) * dilation zeros: then output t sees nothing later than t.",
        "Output t is the sum over j of W[:, :, j] @ padded[:, t + j * dilation].",
        "Loop over the k taps, not over time: Y += W[:, :, j] @ padded[:, j * dilation : j * dilation + T].",
    ],
    explanation="""
        The last tap, j = k - 1, lies on the present; the others reach back by multiples of the dilation. With
        all the padding on the left the output is as long as the input, and the first outputs see the zeros
        before time began.""",
)


def _causal(x, W, dilation, left=None, flip=False):
    T, (F, _, k) = x.shape[1], W.shape
    reach = (k - 1) * dilation
    left = reach if left is None else left
    padded = np.pad(x, ((0, 0), (left, reach - left)))
    Y = np.zeros((F, T))
    for j in range(k):
        Y += W[:, :, k - 1 - j if flip else j] @ padded[:, j * dilation : j * dilation + T]
    return Y


@causal.reference
def causal_conv(x, W, dilation):
    T, k = x.shape[1], W.shape[2]
    padded = np.pad(x, ((0, 0), ((k - 1) * dilation, 0)))
    taps = (W[:, :, j] @ padded[:, j * dilation : j * dilation + T] for j in range(k))
    return sum(taps)


@causal.case("three taps, neighbours")
def _(rng):
    return rng.normal(size=(2, 7)).round(1), rng.normal(size=(3, 2, 3)).round(1), 1


@causal.case("dilated")
def _(rng):
    return rng.normal(size=(1, 9)).round(1), rng.normal(size=(2, 1, 2)).round(1), int(rng.integers(2, 5))


@causal.case("reaching back beyond the beginning", seeds=2)
def _(rng):
    return rng.normal(size=(1, 3)).round(1), rng.normal(size=(1, 1, 3)).round(1), 4


@causal.case("one tap", seeds=2)
def _(rng):
    return rng.normal(size=(2, 4)).round(1), rng.normal(size=(2, 2, 1)).round(1), 3


@causal.wrong("This sees the future: all padding belongs on the left, before the beginning.")
def _(x, W, dilation):
    return _causal(x, W, dilation, left=(W.shape[2] - 1) * dilation // 2)


@causal.wrong("Padding must grow with the dilation: (k - 1) * dilation zeros.")
def _(x, W, dilation):
    k = W.shape[2]
    return _causal(np.pad(x, ((0, 0), (k - 1, 0))), W, 1)[:, k - 1 :] if dilation > 1 else _causal(x, W, 1)


@causal.wrong("The taps are in the wrong order: the last one, W[:, :, k - 1], lies on the present.")
def _(x, W, dilation):
    return _causal(x, W, dilation, flip=True)


@causal.wrong("Channels are added up before the kernel: each input channel has taps of its own.")
def _(x, W, dilation):
    return _causal(x.mean(axis=0, keepdims=True).repeat(len(x), axis=0), W, dilation)


life = Exercise(
    "03-cnn/convolutions-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "One sum can tell everything: give the eight neighbours the weight 2 and the cell itself 1. "
        "Which sums mean life?",
        "2 neighbours and alive: 5. 3 neighbours: 6 or 7. So the cell lives if 5 <= s <= 7, and s is whole.",
        "relu(s - 4) - relu(s - 5) rises from 0 to 1 between 4 and 5 and stays; relu(s - 7) - relu(s - "
        "8) takes it away.",
    ],
    explanation="""
        With weight 2 for neighbours and 1 for the cell, s is 5, 6 or 7 for exactly the cells that live on. A
        ramp up between 4 and 5 and a ramp down between 7 and 8 make a plateau of height 1 over these, and
        every ramp is the difference of two ReLUs: four feature maps with one kernel and the biases -4, -5,
        -7, -8, then +1, -1, -1, +1.""",
)


@life.reference
def life_network():
    kernel = np.full((3, 3), 2.0)
    kernel[1, 1] = 1.0
    W1, b1 = np.repeat(kernel[None, None], 4, axis=0), np.array([-4.0, -5.0, -7.0, -8.0])
    return W1, b1, np.array([1.0, -1.0, -1.0, 1.0]), 0.0


@life.driver
def one_generation(network, board):
    try:
        W1, b1, w2, b2 = network
        W1, b1, w2 = np.asarray(W1, float), np.asarray(b1, float), np.asarray(w2, float)
    except (TypeError, ValueError) as error:
        raise ExerciseError("the answer must be (W1, b1, w2, b2)") from error
    if W1.shape[1:] != (1, 3, 3) or b1.shape != W1.shape[:1] or w2.shape != b1.shape:
        raise ExerciseError(
            f"the shapes must be (F, 1, 3, 3), (F,), (F,) but are {W1.shape}, {b1.shape}, {w2.shape}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(board, 1), (3, 3))  # (H, W, 3, 3)
    hidden = np.maximum(np.einsum("hwij,fij->hwf", windows, W1[:, 0]) + b1, 0)
    return np.round(hidden @ w2 + b2, 6)


@life.case("a random board")
def _(rng):
    return (rng.integers(0, 2, (6, 7)),)


@life.case("a crowded board")
def _(rng):
    return ((rng.random((5, 5)) < 0.8).astype(int),)


@life.case("a lonely cell", seeds=1)
def _(rng):
    return (np.eye(1, 25, 12).reshape(5, 5).astype(int),)


def _wrong_life(bias=(-4, -5, -7, -8), middle=1.0, out=(1, -1, -1, 1)):
    W1, _, _, b2 = life_network()
    W1 = W1.copy()
    W1[:, :, 1, 1] = middle
    return W1, np.array(bias, float), np.array(out, float), b2


@life.wrong("A living cell with two neighbours dies here: dead and alive must not have the same sum.")
def _():
    return _wrong_life(middle=0.0, bias=(-5, -6, -6, -7))


@life.wrong("Cells with four neighbours live on: what rises must fall again.")
def _():
    return _wrong_life(out=(1, -1, 0, 0))


@life.wrong("The cell itself counts as much as a neighbour, so that 3 with it and 3 without it are mixed up.")
def _():
    return _wrong_life(middle=2.0, bias=(-5, -6, -7, -8))
