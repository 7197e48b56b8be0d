"""Arrays (N, C, ...) flattened for what is done channel by channel, in the order in which they lie in memory.

Both classes do the same: `flat` reshapes, `sums` and `dots` give the totals of each channel, (1, C) or (N, C), and
`spread` repeats such values so that they meet their channel's entries.
"""

from math import prod

import numpy as np

from utils.functional.activation import dot_along


class Planes:
    """(N, C, L): each channel of each sample in one piece."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape = shape

    def flat(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(*self.shape[:2], prod(self.shape[2:]))

    def unflat(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(self.shape)

    @staticmethod
    def sums(x: np.ndarray) -> np.ndarray:
        N, C, L = x.shape
        return x[:, :, 0] if L == 1 else (x.reshape(N * C, L) @ np.ones_like(x, shape=L)).reshape(N, C)

    @staticmethod
    def dots(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return x[:, :, 0] * y[:, :, 0] if x.shape[-1] == 1 else dot_along(x, y)[..., 0]

    @staticmethod
    def spread(values: np.ndarray) -> np.ndarray:
        return values[..., None]


class Lines:
    """(N H, W C): the channels innermost, as convolutions put them out, so many pixels in a line as the width has."""

    def __init__(self, shape: tuple[int, ...]):
        self.shape, self.width = shape, shape[-1] if len(shape) > 2 else 1

    def flat(self, x: np.ndarray) -> np.ndarray:
        return channels_last(x).reshape(-1, self.width * self.shape[1])

    def unflat(self, x: np.ndarray) -> np.ndarray:
        n, c, *size = self.shape
        return x.reshape(n, *size, c).transpose(0, -1, *range(1, len(size) + 1))

    def sums(self, x: np.ndarray) -> np.ndarray:
        return self._folded(np.ones_like(x, shape=len(x)) @ x)

    def dots(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self._folded(np.einsum("ij,ij->j", x, y))

    def spread(self, values: np.ndarray) -> np.ndarray:
        return np.tile(values.reshape(-1), self.width)

    def _folded(self, totals: np.ndarray) -> np.ndarray:
        return totals.reshape(self.width, -1).sum(axis=0, keepdims=True)


def channels_last(x: np.ndarray) -> np.ndarray:
    """(N, C, ...) seen as (N, ..., C)."""
    return x.transpose(0, *range(2, x.ndim), 1)


def layout(x: np.ndarray) -> Planes | Lines:
    """How `x` lies in memory."""
    return (Lines if x.size and channels_last(x).flags.c_contiguous else Planes)(x.shape)
