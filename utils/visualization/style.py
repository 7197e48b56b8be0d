"""The one style of all figures: colours that colour-blind readers can tell apart, legible at default size."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import to_hex, to_rgb

# Okabe and Ito's palette (2008), the order chosen so that neighbours differ in brightness too.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442"]

_STYLE = {
    "figure.figsize": (6.4, 3.6),
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "lines.linewidth": 1.8,
    "image.cmap": "gray",
    "axes.prop_cycle": cycler(color=PALETTE),
}


def use_style() -> None:
    """Give every later figure the style of the series; one call in a notebook's first cell.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    plt.rcParams.update(_STYLE)


def luminance(color: Any) -> float:
    """How bright a colour is, from 0 to 1, by WCAG 2."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def ink_on(paper: Any) -> str:
    """Black or white, whichever stands out more on the colour."""
    return "black" if (luminance(paper) + 0.05) ** 2 > 1.05 * 0.05 else "white"


def as_ink(color: Any) -> str:
    """The colour, darkened as far as text on white needs: to a contrast of 4.5 by WCAG 2."""
    shades = (share * np.array(to_rgb(color)) for share in np.linspace(1, 0, 21))
    return to_hex(next(shade for shade in shades if 1.05 / (luminance(shade) + 0.05) >= 4.5))
