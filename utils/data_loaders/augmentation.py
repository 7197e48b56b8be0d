"""New images from old: shifts, affine and elastic distortions, mixtures of two.

Every function takes a batch of images (N, H, W) or (N, C, H, W) and the Generator it draws from, and returns a new
batch of the same shape and dtype. Outside an image is 0. All but `random_shift` need float32 or float64.
"""

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 2**13  # pixels: so many at once, and what is computed for them stays in the cache


def random_shift(images: NDArray, pixels: int, rng: np.random.Generator) -> NDArray:
    """Move every image by whole pixels, up to `pixels` along each axis, each shift as likely as any other.

    What leaves an image is lost. Any dtype. Raises ValueError for a negative number of pixels.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_strengths(pixels=pixels)
    n, size = len(images), images.shape[-2:]
    padded = np.pad(images, [(0, 0)] * (images.ndim - 2) + [(pixels, pixels)] * 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis=(-2, -1))
    down, right = rng.integers(0, 2 * pixels + 1, (2, n))
    return windows[np.arange(n), ..., down, right, :, :]


def random_affine(
    images: NDArray,
    rng: np.random.Generator,
    rotation: float = 0.0,
    scale: float = 0.0,
    shear: float = 0.0,
    shift: float = 0.0,
) -> NDArray:
    r"""Rotate, slant, enlarge and move every image at random, about its centre.

    Drawn uniformly for each image: an angle of $\pm$`rotation` degrees at most; a slant, which moves a row by
    $\pm$`shear` pixels for each pixel that it is away from the centre; for each axis a factor $1 \pm$`scale` and a
    shift of $\pm$`shift` pixels. Raises ValueError for a negative strength, or a `scale` of 1 or more.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_strengths(rotation=rotation, scale=scale, shear=shear, shift=shift)
    if scale >= 1:
        raise ValueError(f"scale={scale} would shrink images to nothing: it must be below 1")
    n = len(images)
    angle, slant = rng.uniform(-1, 1, (2, n)) * [[np.deg2rad(rotation)], [shear]]
    one, zero = np.ones(n), np.zeros(n)
    turn = _matrices([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    zoom = rng.uniform(1 - scale, 1 + scale, (n, 1, 2))
    matrices = turn @ _matrices([[one, zero], [slant, one]]) / zoom
    return affine(images, matrices, rng.uniform(-shift, shift, (n, 2)))


def _matrices(entries: list[list[NDArray]]) -> NDArray:
    """Two by two numbers for each image as (N, 2, 2)."""
    return np.array(entries).transpose(2, 0, 1)


def affine(images: NDArray, matrices: NDArray, offsets: NDArray | float = 0.0) -> NDArray:
    r"""Images whose pixel $o$ is read at $A(o - c) + c + b$, with the centre $c$: the inverse of what happens.

    `matrices` $A$ is (2, 2) or (N, 2, 2), `offsets` $b$ (2,) or (N, 2), rows before columns. An enlargement by 2 has
    half the identity as $A$.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_floats(images)
    n, (height, width), dtype = len(images), images.shape[-2:], images.dtype
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    rows, columns = np.indices((height, width)) - centre[:, None, None]
    places = np.stack([rows, columns, np.ones_like(rows)]).astype(dtype)  # (3, H, W)
    maps = np.empty((2, n, 3), dtype)
    maps[..., :2] = np.broadcast_to(matrices, (n, 2, 2)).swapaxes(0, 1)
    maps[..., 2] = np.broadcast_to(offsets + centre, (n, 2)).T
    return warp(images, *(maps @ places.reshape(3, -1)).reshape(2, n, height, width))


def elastic(images: NDArray, rng: np.random.Generator, alpha: float = 34.0, sigma: float = 4.0) -> NDArray:
    r"""Move every pixel of every image by a smooth random field: ink as on rubber.

    The displacement along each axis is uniform noise in [-1, 1), smoothed by a Gaussian of `sigma` pixels and
    multiplied by `alpha`; it is about $0.16\,\alpha / \sigma$ pixels strong. Simard, Steinkraus and Platt, *Best
    practices for convolutional neural networks* (2003), whose values for 28 x 28 digits are the defaults. Raises
    ValueError for a negative `alpha`, or a `sigma` that is not positive.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_floats(images)
    _check_strengths(alpha=alpha, sigma=sigma)
    if sigma == 0:
        raise ValueError("sigma=0 would move neighbours independently: it must be positive")
    (height, width), dtype = images.shape[-2:], images.dtype
    noise = rng.random((2, len(images), height, width), dtype=dtype)
    noise -= 0.5
    noise *= 2 * alpha
    down, right = _gaussian(height, sigma, dtype) @ noise @ _gaussian(width, sigma, dtype)
    rows, columns = np.indices((height, width), dtype=dtype)
    return warp(images, rows + down, columns + right)


def _gaussian(size: int, sigma: float, dtype: np.dtype) -> NDArray:
    """The matrix that smooths a line of `size` pixels; 0 outside of it."""
    reach = np.arange(-round(4 * sigma), round(4 * sigma) + 1)
    total = np.exp(-0.5 * (reach / sigma) ** 2).sum()
    apart = np.subtract.outer(np.arange(size), np.arange(size))
    bell = np.exp(-0.5 * (apart / sigma) ** 2) * (np.abs(apart) <= reach[-1])
    return (bell / total).astype(dtype)


def warp(images: NDArray, rows: NDArray, columns: NDArray) -> NDArray:
    """Images read between their pixels: entry [n, i, j] comes from row `rows[n, i, j]`, column `columns[n, i, j]`.

    Both (N, H', W'), or (H', W') for all images alike. Bilinear between the four neighbours; the pixels beyond the
    edge are 0. Raises TypeError for images of integers.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_floats(images)
    n, dtype = len(images), images.dtype
    shape = (n, *np.broadcast_shapes(np.shape(rows), np.shape(columns))[-2:])
    rows, columns = (np.broadcast_to(where, shape).astype(dtype, copy=False) for where in (rows, columns))
    planes = images if images.ndim == 4 else images[:, None]
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 2), (1, 2)))
    out = np.empty((n, padded.shape[1], *shape[1:]), dtype)
    step = max(1, AT_ONCE // max(1, shape[1] * shape[2]))
    for start in range(0, n, step):
        part = slice(start, start + step)
        _read_between(padded[part], rows[part], columns[part], out[part])
    return out.reshape(*images.shape[:-2], *shape[1:])


def _read_between(padded: NDArray, rows: NDArray, columns: NDArray, out: NDArray) -> None:
    """Fill `out` (n, C, H', W') from images that have a margin of one zero before, and of two behind."""
    n, channels, height, width = padded.shape
    rows, columns = np.clip(rows + 1, 0, height - 2), np.clip(columns + 1, 0, width - 2)
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    rows, columns = rows - top.astype(rows.dtype), columns - left.astype(columns.dtype)
    top *= width
    top += left
    top += (np.arange(n) * channels * height * width)[:, None, None]
    flat = padded.reshape(-1)
    for channel in range(channels):
        at = flat[channel * height * width :]
        upper = _line(at, at[1:], top, columns)
        lower = _line(at[width:], at[width + 1 :], top, columns)
        lower -= upper
        lower *= rows
        np.add(upper, lower, out=out[:, channel])


def _line(left: NDArray, right: NDArray, place: NDArray, share: NDArray) -> NDArray:
    """Values between two neighbours in a row."""
    value, other = left.take(place), right.take(place, mode="clip")
    other -= value
    other *= share
    value += other
    return value


def mixup(
    images: NDArray, one_hot: NDArray, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[NDArray, NDArray]:
    r"""Mix every image, and its label likewise, with another of the batch: $\lambda x + (1 - \lambda)\,x'$.

    $\lambda \sim \mathrm{Beta}(\alpha, \alpha)$ for each image, the partner from a permutation; `alpha=0` mixes
    nothing. Labels are rows of probabilities, (N, K). Zhang, Cisse, Dauphin and Lopez-Paz, *mixup: beyond empirical
    risk minimization* (2018). Raises TypeError for images or labels of integers.

    Notebook: 02-mlp/regularization/03-data-augmentation.ipynb
    """
    _check_batch(images)
    _check_strengths(alpha=alpha)
    for array in (images, one_hot):
        _check_floats(array)
    if np.shape(one_hot)[:1] != (len(images),) or one_hot.ndim != 2:
        raise ValueError(f"{len(images)} images need labels ({len(images)}, K) but got {np.shape(one_hot)}")
    partner = rng.permutation(len(images))
    kept = rng.beta(alpha, alpha, len(images)) if alpha else np.ones(len(images))
    return tuple(_mixed(array, array[partner], kept) for array in (images, one_hot))


def _mixed(array: NDArray, other: NDArray, kept: NDArray) -> NDArray:
    share = kept.reshape(-1, *[1] * (array.ndim - 1)).astype(array.dtype)
    return share * array + (1 - share) * other


def _check_batch(images: NDArray) -> None:
    if not isinstance(images, np.ndarray) or images.ndim not in (3, 4):
        raise ValueError(
            f"expected a batch of images (N, H, W) or (N, C, H, W) but got {np.shape(images)}: "
            "reshape rows of pixels, and add the axis of the batch to one image with [None]"
        )


def _check_floats(array: NDArray) -> None:
    if array.dtype not in (np.float32, np.float64):
        raise TypeError(
            f"expected float32 or float64 but got {array.dtype}: convert with .astype(np.float32)"
        )


def _check_strengths(**strengths: float) -> None:
    for name, value in strengths.items():
        if not value >= 0:
            raise ValueError(f"{name}={value} must be 0 or more")
