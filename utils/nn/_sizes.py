"""What the sizes and rates that layers are created with may be."""

from typing import Any

import numpy as np


def check_sizes(layer: object, least: int = 1, **sizes: Any) -> None:
    """Raise TypeError for a size that is no whole number, ValueError for one below `least`."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise TypeError(
                f"{type(layer).__name__} got {name}={size!r}: expected a whole number, e.g. by int(...)"
            )
        if size < least:
            raise ValueError(f"{type(layer).__name__} got {name}={size}: expected {least} or more")


def check_rate(name: str, p: Any) -> None:
    """Raise ValueError unless `p` is a probability."""
    if isinstance(p, str) or not 0 <= p <= 1:
        raise ValueError(f"{name}={p!r}: a probability lies between 0 and 1")
