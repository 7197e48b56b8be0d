"""Pictures of digits, brought to the form of MNIST's."""

import numpy as np
from numpy.typing import NDArray


def normalize_digit(ink: NDArray, box: int = 20, side: int = 28, threshold: float = 0.0) -> NDArray:
    """Bring a drawing to the form of MNIST's digits: (H, W) of 0 (paper) to 1 (ink) -> (side, side) float32.

    What is inked is cut out, its longer edge scaled to `box` pixels by means over areas, and set so that the centre of
    mass lies in pixel (side // 2, side // 2), as it does in MNIST, whose images are not changed. Ink is what is above
    `threshold`, which a scan's grey paper needs; paper without ink gives paper. LeCun, Bottou, Bengio and Haffner,
    *Gradient-based learning applied to document recognition* (1998), section III A. Raises ValueError for an array
    that is no single image, and for a `box` larger than `side`.

    Notebook: 03-cnn/applications/06-draw-a-digit.ipynb
    """
    ink = np.asarray(ink)
    if ink.ndim != 2:
        raise ValueError(f"one image (H, W) is expected but the shape is {ink.shape}: give one at a time")
    if not 1 <= box <= side:
        raise ValueError(f"box={box} must be from 1 to side={side}")
    drawn = ink > threshold
    ink = np.where(drawn, ink, 0)
    if not drawn.any():
        return np.zeros((side, side), np.float32)
    cut = ink[_span(drawn.any(axis=1)), _span(drawn.any(axis=0))]
    height, width = (max(1, round(box * n / max(cut.shape))) for n in cut.shape)
    small = _areas(cut.shape[0], height) @ cut @ _areas(cut.shape[1], width).T
    return _centred(small.astype(np.float32), side)


def _span(inked: NDArray) -> slice:
    where = np.flatnonzero(inked)
    return slice(where[0], where[-1] + 1)


def _areas(n_in: int, n_out: int) -> NDArray:
    """Matrix (n_out, n_in) that takes means over the n_in pixels which each of n_out wider or narrower ones covers."""
    edges = np.linspace(0, n_in, n_out + 1)
    pixels = np.arange(n_in)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.maximum(covered, 0) * (n_out / n_in)


def _centred(small: NDArray, side: int) -> NDArray:
    """Paper with the image on it, its centre of mass in the middle pixel, or as near as the edges allow."""
    image, corner = np.zeros((side, side), np.float32), []
    for axis, length in enumerate(small.shape):
        mass = small.sum(axis=1 - axis)
        centre = (np.arange(length) + 0.5) @ mass / mass.sum()
        corner.append(int(np.clip(round(side // 2 + 0.5 - centre), 0, side - length)))
    image[corner[0] : corner[0] + small.shape[0], corner[1] : corner[1] + small.shape[1]] = small
    return image
