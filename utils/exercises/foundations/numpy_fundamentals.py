"""Exercises of 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb"


def _array(value):
    if not isinstance(value, np.ndarray):
        raise TypeError(f"the answer must return an array, but returned {type(value).__name__}")
    return value


noise = Exercise(
    "01-foundations/numpy-fundamentals-1",
    notebook=NOTEBOOK,
    items=["Arrays, shapes and dtypes", "Random numbers and seeds"],
    hints=[
        "Convert first, compute afterwards: `images.astype(np.float32)` before dividing by 255.",
        "A generator's standard_normal takes a shape and a dtype; what it draws by default is float64.",
        "Standard normal numbers times sigma have standard deviation sigma. Draw them from the given `rng`.",
    ],
    explanation="""
        The Python numbers 255 and sigma leave float32 as it is. What the generator draws by default would
        not, so the noise is float32 from the start. Because rng comes from outside, two calls give
        different noise, and the caller can still repeat the experiment.""",
)


@noise.reference
def noisy(images, sigma, rng):
    clean = images.astype(np.float32) / 255
    return clean + sigma * rng.standard_normal(images.shape, dtype=np.float32)


@noise.driver
def _(answer, images, sigma, seed):
    rng = np.random.default_rng(seed)
    first, second = (_array(answer(images, sigma, rng)) for _ in range(2))
    again = answer(images, sigma, np.random.default_rng(seed))
    result = {"dtype": str(first.dtype), "shape": first.shape}
    if first.shape != images.shape:
        return result
    added = (first.astype(np.float64) - images / 255) / (sigma or 1.0)
    tolerance = 5 / np.sqrt(added.size)
    return result | {
        "the noise has mean 0": bool(abs(added.mean()) < tolerance),
        "the noise has standard deviation sigma": bool(abs(added.std() - (sigma > 0)) < tolerance),
        "a second call draws other noise": bool(sigma == 0 or not np.array_equal(first, second)),
        "the same seed gives the same result": bool(np.array_equal(first, again)),
    }


def _images(rng, *shape):
    return rng.integers(0, 256, size=shape, dtype=np.uint8)


@noise.case("a stack of images, with noise")
def _(rng):
    return _images(rng, 1, 40, 50), float(rng.uniform(0.05, 0.5)), int(rng.integers(100))


@noise.case("no noise where sigma is 0: the values lie between 0 and 1")
def _(rng):
    return _images(rng, 2, 4, 6), 0.0, 7


@noise.case("a single image")
def _(rng):
    return _images(rng, 28, 28), 0.2, int(rng.integers(100))


@noise.wrong(
    "The result is float64: the generator draws float64 unless it is told otherwise, and the wider type wins."
)
def _(images, sigma, rng):
    return images.astype(np.float32) / 255 + sigma * rng.standard_normal(images.shape)


@noise.wrong(
    "A generator made inside the function gives the same noise at every call: use the one that is passed in."
)
def _(images, sigma, rng):
    own = np.random.default_rng(0)
    return images.astype(np.float32) / 255 + sigma * own.standard_normal(images.shape, dtype=np.float32)


@noise.wrong("The pixels still run from 0 to 255: divide them before adding noise.")
def _(images, sigma, rng):
    return images.astype(np.float32) + sigma * rng.standard_normal(images.shape, dtype=np.float32)


@noise.wrong("sigma is a standard deviation; this noise has sigma as its variance.")
def _(images, sigma, rng):
    noise = rng.standard_normal(images.shape, dtype=np.float32)
    return images.astype(np.float32) / 255 + np.float32(sigma) ** np.float32(0.5) * noise


@noise.wrong("All pixels of all images get one and the same number: draw an array of the images' shape.")
def _(images, sigma, rng):
    return images.astype(np.float32) / 255 + np.float32(sigma * rng.standard_normal())


cut = Exercise(
    "01-foundations/numpy-fundamentals-2",
    notebook=NOTEBOOK,
    items=["Views, strides and copies"],
    hints=[
        "Pixel (y, x) lies in tile (y // size, x // size), at place (y % size, x % size) within it.",
        "Splitting an axis is a reshape: (H, W) -> (H // size, size, W // size, size). No number moves.",
        "Four axes now stand in the order tile row, y, tile column, x. Swap the two in the middle.",
    ],
    explanation="""
        The reshape gives each of the four indices its own stride, and swapaxes(1, 2) only reorders the
        strides: a view throughout. A further reshape to (number of tiles, size, size) would have to copy.""",
)


@cut.reference
def tiles(image, size):
    H, W = image.shape
    return image.reshape(H // size, size, W // size, size).swapaxes(1, 2)


@cut.driver
def _(answer, image, size):
    result = _array(answer(image, size))
    return {"tiles": result, "shares the image's memory": bool(np.shares_memory(result, image))}


@cut.case("a wide image")
def _(rng):
    return rng.integers(0, 10, size=(4, 6)), 2


@cut.case("a tall image")
def _(rng):
    return rng.integers(0, 10, size=(9, 3)), 3


@cut.case("tiles of one pixel")
def _(rng):
    return rng.integers(0, 10, size=(2, 3)), 1


@cut.case("an image that is itself a view")
def _(rng):
    return rng.integers(0, 10, size=(4, 16))[:, ::2], 2


@cut.wrong(
    "A reshape alone cuts the strip of memory into pieces, not the image into squares: an axis must move."
)
def _(image, size):
    H, W = image.shape
    return image.reshape(H // size, W // size, size, size)


@cut.wrong("The tiles are transposed: within a tile the rows come before the columns.")
def _(image, size):
    H, W = image.shape
    return image.reshape(H // size, size, W // size, size).transpose(0, 2, 3, 1)


@cut.wrong("The values are right, but this is a copy: reshape and transpose need none.")
def _(image, size):
    H, W = image.shape
    blocks = [[image[y : y + size, x : x + size] for x in range(0, W, size)] for y in range(0, H, size)]
    return np.array(blocks)


distance = Exercise(
    "01-foundations/numpy-fundamentals-3",
    notebook=NOTEBOOK,
    items=["Broadcasting", "Vectorization"],
    hints=[
        "For shapes that broadcast to (N, M, D), give A an axis of length 1 in the middle, B one in front.",
        "`A[:, None, :] - B[None, :, :]` holds all differences. Which axis has to vanish in the sum?",
        "Square, sum over the last axis, take the root. Multiplying out the square would cancel far away.",
    ],
    explanation="""
        (N, 1, D) and (1, M, D) broadcast to (N, M, D), and the sum over the last axis leaves (N, M). The
        form with the matrix product is faster and cancels: far from the origin |a|^2 + |b|^2 and 2 a.b
        agree in nearly all their digits, and the distance is what they do not agree in.""",
)


@distance.reference
def distances(A, B):
    differences = A[:, None, :] - B[None, :, :]
    return np.sqrt((differences**2).sum(axis=-1))


@distance.case("a few points in the plane")
def _(rng):
    return rng.integers(-5, 6, size=(3, 2)).astype(float), rng.integers(-5, 6, size=(4, 2)).astype(float)


@distance.case("as many points in A as in B")
def _(rng):
    return rng.normal(size=(3, 5)).round(2), rng.normal(size=(3, 5)).round(2)


@distance.case("one point against several")
def _(rng):
    return rng.normal(size=(1, 3)).round(2), rng.normal(size=(4, 3)).round(2)


@distance.case("points that lie far from the origin and near to each other")
def _(rng):
    A = 1e6 + rng.integers(0, 100, size=(3, 2)) / 128
    return A, A[::-1] + 1 / 64


@distance.wrong("Those are the squared distances: the square root is missing.")
def _(A, B):
    return ((A[:, None] - B[None]) ** 2).sum(axis=-1)


@distance.wrong("The result is transposed: its rows belong to B.")
def _(A, B):
    return np.sqrt(((B[:, None] - A[None]) ** 2).sum(axis=-1))


@distance.wrong("Multiplied out, the square cancels far from the origin: subtract first.")
def _(A, B):
    squared = (A**2).sum(axis=1)[:, None] - 2 * A @ B.T + (B**2).sum(axis=1)
    return np.sqrt(np.maximum(squared, 0))


@distance.wrong("These are sums of absolute differences, a distance too, but not the Euclidean one.")
def _(A, B):
    return np.abs(A[:, None] - B[None]).sum(axis=-1)


softmax = Exercise(
    "01-foundations/numpy-fundamentals-4",
    notebook=NOTEBOOK,
    items=["Floating point and its traps"],
    hints=[
        "log p is z minus the logsumexp of its row; so most of the work is a stable logsumexp.",
        "Subtract each row's own maximum first, with keepdims=True. The result does not change: why?",
        "With Z shifted by its row maxima, `Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))` is all.",
        "Do not take the logarithm of a softmax: where p underflows to 0, its logarithm is -inf.",
    ],
    explanation="""
        Adding a constant to a row of scores changes neither p nor log p, so the row maximum may be
        subtracted at no cost. Then every exponential is at most 1 and the sum at least 1. The logarithm
        is taken of the sum only; a probability that is too small for a float still has a finite
        logarithm.""",
)


@softmax.reference
def log_softmax(Z):
    shifted = Z - Z.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@softmax.driver
def _(answer, Z):
    with np.errstate(all="ignore"):
        return answer(Z)


@softmax.case("moderate scores")
def _(rng):
    return rng.normal(size=(3, 4)).round(2)


@softmax.case("as many samples as classes")
def _(rng):
    return rng.normal(size=(3, 3)).round(2)


@softmax.case("scores too large for exp, and rows of very different size")
def _(rng):
    return np.array([[1000.0], [-1000.0], [0.0]]) + rng.normal(size=(3, 3)).round(2)


@softmax.case("classes so improbable that p is 0 in float64")
def _(rng):
    return np.array([[0.0, -2000.0, float(rng.integers(1, 9))]])


@softmax.wrong("np.exp overflows for large scores: subtract the row's maximum before.")
def _(Z):
    return Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))


@softmax.wrong(
    "One maximum for the whole array is too large for the smaller rows: their exponentials all become 0."
)
def _(Z):
    shifted = Z - Z.max()
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@softmax.wrong("The softmax itself underflows to 0 for improbable classes, and log(0) is -inf: never form p.")
def _(Z):
    e = np.exp(Z - Z.max(axis=1, keepdims=True))
    return np.log(e / e.sum(axis=1, keepdims=True))


@softmax.wrong("The sum must run over the classes, axis 1, not over the samples.")
def _(Z):
    shifted = Z - Z.max(axis=0, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=0, keepdims=True))
