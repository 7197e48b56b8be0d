"""A pad to draw on, by mouse, pen or finger."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from utils.visualization.strokes import check_strokes


class DrawingPad(anywidget.AnyWidget):
    """A square of paper whose `.value` is what has been drawn: a list of strokes, each a list of points [x, y].

    x and y are shares of the side, from the upper left corner, 0 to 1; `side` is in pixels of the screen, `pen` the
    width of a line as a share of the side. Given a `value`, the pad starts with that drawing; set later, it replaces
    the one there. `rasterize` makes pixels of it. As a control of `explore` it redraws the figure
    while the hand moves. Raises ValueError for points outside of the paper.

    Notebook: 03-cnn/applications/06-draw-a-digit.ipynb
    """

    _esm = Path(__file__).with_name("drawing.js")
    _css = ".nn-drawing-pad { border: 1px solid #888; cursor: crosshair; touch-action: none; }"
    value = traitlets.List().tag(sync=True)
    side = traitlets.Int(224, min=28).tag(sync=True)
    pen = traitlets.Float(0.07, min=0.001, max=1).tag(sync=True)

    def __init__(self, value: Any = (), **settings: Any):
        super().__init__(value=list(value), **settings)

    @traitlets.validate("value")
    def _only_points_on_the_paper(self, proposal: Any) -> list:
        return [stroke.tolist() for stroke in check_strokes(proposal["value"])]
