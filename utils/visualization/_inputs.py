"""What every plotting helper asks of its input."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def axes_or_new(ax: Axes | None, **figure_options: Any) -> Axes:
    """`ax` itself, or the axes of a new figure when it is None."""
    if ax is None:
        return plt.subplots(**figure_options)[1]
    if isinstance(ax, Axes):
        return ax
    remedy = (
        "choose one, such as axes[0]"
        if isinstance(ax, np.ndarray)
        else "make one with fig, ax = plt.subplots()"
    )
    raise TypeError(f"ax is {type(ax).__name__}, expected one matplotlib Axes; {remedy}")


def numbers(values: Any, name: str, *, shape: tuple[int | None, ...], remedy: str = "") -> np.ndarray:
    """`values` as an array of real numbers of `shape`, in which None stands for any length."""
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} holds {array.dtype}, expected real numbers")
    fits = array.ndim == len(shape) and all(
        n in (None, length) for n, length in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = "a single number" if shape == () else str(tuple(shape)).replace("None", "any")
        raise ValueError(
            f"{name} has shape {array.shape}, expected {wanted}" + (f"; {remedy}" if remedy else "")
        )
    return array


def finite(values: Any, name: str, *, shape: tuple[int | None, ...], remedy: str = "") -> np.ndarray:
    """Like `numbers`, and without NaN or infinity."""
    array = numbers(values, name, shape=shape, remedy=remedy)
    n_bad = array.size - np.count_nonzero(np.isfinite(array))
    if n_bad:
        raise ValueError(
            f"{name} holds {n_bad} values that are NaN or infinite; look for a division by zero or a log of 0"
        )
    return array


def points(X: Any, name: str = "X") -> np.ndarray:
    """`X` as finite points in the plane, (N, 2), at least one."""
    one = np.ndim(X) == 1
    remedy = f"for one point write [{name}]" if one else f"choose two columns, such as {name}[:, [0, 1]]"
    array = finite(X, name, shape=(None, 2), remedy=remedy)
    if not len(array):
        raise ValueError(f"{name} has no rows, expected at least one point")
    return array.astype(float)


def one_label_each(labels: Any, n: int, name: str, of: str) -> list[str]:
    """`labels` as text, one for each of the `n` things."""
    texts = [str(label) for label in labels]
    if len(texts) != n:
        raise ValueError(f"{name} has {len(texts)} entries for {n} {of}; give one for each")
    return texts
