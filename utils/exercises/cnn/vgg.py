"""Exercises of 03-cnn/architectures/02-vgg.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/architectures/02-vgg.ipynb"


field = Exercise(
    "03-cnn/vgg-1",
    notebook=NOTEBOOK,
    items=["Depth matters"],
    hints=[
        "Keep two numbers: the width r of the field, and the jump j between neighbouring units. Both begin at 1.",
        "Taps that lie d units apart reach d (k - 1) units further; a unit is worth j pixels.",
        "Only the stride changes the jump; dilation does not.",
    ],
    explanation="""
        r grows by d (k - 1) j, then j is multiplied by the stride. Dilation spreads the taps of one layer; the units
        that it makes lie as close as before. With dilations 1, 2, 4, ... the field grows exponentially.""",
)


@field.reference
def receptive_field(layers):
    r = j = 1
    for k, s, d in layers:
        r += d * (k - 1) * j
        j *= s
    return r


def _layers(rng, dilations, strides, n=4):
    return (
        [
            (int(rng.choice([1, 2, 3, 5])), int(rng.choice(strides)), int(rng.choice(dilations)))
            for _ in range(n)
        ],
    )


@field.case("plain stacks")
def _(rng):
    return _layers(rng, [1], [1])


@field.case("strides")
def _(rng):
    return _layers(rng, [1], [1, 2, 3])


@field.case("dilation")
def _(rng):
    return _layers(rng, [1, 2, 4], [1])


@field.case("strides and dilation, and no layer at all")
def _(rng):
    return _layers(rng, [1, 2, 3], [1, 2], n=[5, 3, 1, 0][rng.bit_generator.seed_seq.entropy])


@field.wrong("The stride of a layer acts on the layers behind it, not on itself: enlarge r first, then j.")
def _(layers):
    r = j = 1
    for k, s, d in layers:
        j *= s
        r += d * (k - 1) * j
    return r


@field.wrong("Dilation does not change the distance between units: only the stride enters the jump.")
def _(layers):
    r = j = 1
    for k, s, d in layers:
        r += d * (k - 1) * j
        j *= s * d
    return r


@field.wrong("The jump is missing: behind a stride of 2 a unit is worth 2 pixels.")
def _(layers):
    return 1 + sum(d * (k - 1) for k, _, d in layers)


@field.wrong("A kernel k with dilation d covers d (k - 1) + 1 units, not d k.")
def _(layers):
    r = j = 1
    for k, s, d in layers:
        r += (d * k - 1) * j
        j *= s
    return r


both = Exercise(
    "03-cnn/vgg-2",
    notebook=NOTEBOOK,
    items=["Depth matters"],
    hints=[
        "For one output f and one input c, sum over the M channels between: combine(W2[f, m], W1[m, c]).",
        "Loop over the q x q places of W2: each adds W2[:, :, i, j] @ (all of W1) into a window of k x k.",
        'At place (i, j) the channels meet as a matrix product: np.einsum("fm,mcxy->fcxy", W2[:, :, i, j], W1).',
    ],
    explanation="""
        Frameworks correlate: the output at u reads the input at u + i. Through two layers it reads at u + i + i':
        shifts add up, so the kernels combine by a true convolution, without flipping either. Channels combine by a
        matrix product. At 1 x 1 this is W2 @ W1, the old theorem that two linear layers are one.""",
)


@both.reference
def combined(W2, W1):
    (_, C, k, _), (F, _, q, _) = W1.shape, W2.shape
    W = np.zeros((F, C, k + q - 1, k + q - 1))
    for i, j in np.ndindex(q, q):
        W[:, :, i : i + k, j : j + k] += np.einsum("fm,mcxy->fcxy", W2[:, :, i, j], W1)
    return W


def _pair(rng, F, M, C, q, k):
    return rng.normal(size=(F, M, q, q)).round(1), rng.normal(size=(M, C, k, k)).round(1)


@both.case("two kernels of 3 x 3")
def _(rng):
    return _pair(rng, 2, 3, 4, 3, 3)


@both.case("kernels of different sizes")
def _(rng):
    return _pair(rng, 3, 2, 1, 2, 3)


@both.case("1 x 1, where it is a matrix product")
def _(rng):
    return _pair(rng, 3, 4, 2, 1, 1)


@both.wrong("Nothing is flipped: correlating twice adds up the shifts of both kernels.")
def _(W2, W1):
    (_, C, k, _), (F, _, q, _) = W1.shape, W2.shape
    W = np.zeros((F, C, k + q - 1, k + q - 1))
    for i, j in np.ndindex(q, q):
        W[:, :, i : i + k, j : j + k] += np.einsum("fm,mcxy->fcxy", W2[:, :, q - 1 - i, q - 1 - j], W1)
    return W


@both.wrong(
    "Sum over the channels between, each pair by its own kernels: the product of the sums is something else."
)
def _(W2, W1):
    (_, C, k, _), (F, _, q, _) = W1.shape, W2.shape
    W = np.zeros((F, C, k + q - 1, k + q - 1))
    for i, j in np.ndindex(q, q):
        W[:, :, i : i + k, j : j + k] += W2[:, :, i, j].sum(axis=1)[:, None, None, None] * W1.sum(axis=0)
    return W


@both.wrong("Windows overlap: add into W, do not overwrite it.")
def _(W2, W1):
    (_, C, k, _), (F, _, q, _) = W1.shape, W2.shape
    W = np.zeros((F, C, k + q - 1, k + q - 1))
    for i, j in np.ndindex(q, q):
        W[:, :, i : i + k, j : j + k] = np.einsum("fm,mcxy->fcxy", W2[:, :, i, j], W1)
    return W


larger = Exercise(
    "03-cnn/vgg-3",
    notebook=NOTEBOOK,
    items=["Blocks of small kernels"],
    hints=[
        "Convolutions have the same parameters for any image. Which layers notice the size?",
        "Five halvings: 448 pixels leave a map of 14 x 14, with 512 channels.",
        "Only the first fully connected layer grows: from 4096 (512 * 49 + 1) to 4096 (512 * 196 + 1) parameters.",
    ],
    explanation="""
        The map has 14 x 14 places instead of 7 x 7, so the first fully connected layer gains 4096 * 512 * (196 - 49) =
        308,281,344 weights: 446,638,888 in all, three times as many for the same thirteen convolutions. Pooling to a
        fixed grid, or to one place, makes the number independent of the image.""",
)


@larger.reference
def parameters_at_448():
    return 138_357_544 + 4096 * 512 * (14 * 14 - 7 * 7)


@larger.wrong("Convolutions do not grow with the image: only one fully connected layer does.")
def _():
    return 4 * 138_357_544


@larger.wrong("The map is 14 x 14: four times as many places as 7 x 7, not twice.")
def _():
    return 138_357_544 + 4096 * 512 * 49


@larger.wrong("The layer has one bias for each unit, however many inputs there are: only weights are added.")
def _():
    return 138_357_544 + 4096 * (512 + 1) * (14 * 14 - 7 * 7)


@larger.wrong("The 7 x 7 weights are replaced, not kept: add those of 147 further places, not of 196.")
def _():
    return 138_357_544 + 4096 * 512 * 14 * 14


scores = Exercise(
    "03-cnn/vgg-4",
    notebook=NOTEBOOK,
    items=["Blocks of small kernels"],
    hints=[
        "A flattened map (C, grid, grid) has the column fastest and the channel slowest. How must W be reshaped?",
        "W.reshape(K, C, grid, grid): nothing is transposed.",
        "How often is the bias added when grid is 2? It must be added once.",
    ],
    explanation="""
        Flattening (C, grid, grid) puts channels first, so the kernels are W.reshape(K, C, grid, grid); the buggy code
        reads them as if channels came last, which is right for frameworks that keep them there. And the bias stood
        inside the loop over the taps: grid * grid times too much. With grid = 1 both faults vanish, so a test with
        grid = 1 would have found neither.""",
)


def _map(maps, W, b, grid, last=False, biases=1, flipped=False):
    N, C, H, width = maps.shape
    kernels = W.reshape(-1, C, grid, grid)
    if last:
        kernels = W.reshape(-1, grid, grid, C).transpose(0, 3, 1, 2)
    kernels = kernels[:, :, ::-1, ::-1] if flipped else kernels
    out = np.zeros((N, len(W), H - grid + 1, width - grid + 1)) + biases * b[:, None, None]
    for i, j in np.ndindex(grid, grid):
        part = maps[:, :, i : i + out.shape[2], j : j + out.shape[3]]
        out += np.einsum("nchw,kc->nkhw", part, kernels[:, :, i, j])
    return out


@scores.reference
def map_of_scores(maps, W, b, grid):
    N, C, H, width = maps.shape
    kernels = W.reshape(-1, C, grid, grid)
    out = np.zeros((N, len(W), H - grid + 1, width - grid + 1)) + b[:, None, None]
    for i in range(grid):
        for j in range(grid):
            part = maps[:, :, i : i + out.shape[2], j : j + out.shape[3]]
            out += np.einsum("nchw,kc->nkhw", part, kernels[:, :, i, j])
    return out


def _maps(rng, N, C, H, W, grid, K=3):
    weights = rng.normal(size=(K, C * grid * grid)).round(1)
    return rng.normal(size=(N, C, H, W)).round(1), weights, rng.normal(size=K).round(1), grid


@scores.case("maps as large as the grid: one place")
def _(rng):
    return _maps(rng, 2, 3, 2, 2, 2)


@scores.case("larger maps")
def _(rng):
    return _maps(rng, 2, 2, 4, 5, 2)


@scores.case("grids of 1 and 3")
def _(rng):
    return _maps(rng, 1, 2, 4, 3, [1, 3][rng.bit_generator.seed_seq.entropy % 2])


@scores.wrong(
    "A flattened map has its channels first: reshape W to (K, C, grid, grid) and transpose nothing."
)
def _(maps, W, b, grid):
    return _map(maps, W, b, grid, last=True)


@scores.wrong("The bias is added once, not once for each tap of the kernel.")
def _(maps, W, b, grid):
    return _map(maps, W, b, grid, biases=grid * grid)


@scores.wrong("Two faults are still in it: the order of the axes of W, and how often the bias is added.")
def _(maps, W, b, grid):
    return _map(maps, W, b, grid, last=True, biases=grid * grid)


@scores.wrong("Frameworks correlate: the kernels are not flipped.")
def _(maps, W, b, grid):
    return _map(maps, W, b, grid, flipped=True)
