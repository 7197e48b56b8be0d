"""Figures of the series: every helper draws on the axes it is given, or on new ones, and returns them."""

from utils.visualization.boundaries import plot_decision_boundary, plot_line, plot_points
from utils.visualization.curves import plot_curves
from utils.visualization.drawing import DrawingPad
from utils.visualization.graphs import plot_graph
from utils.visualization.histograms import plot_layer_histograms
from utils.visualization.images import plot_images
from utils.visualization.matrices import plot_confusion_matrix, plot_matrix, plot_weights
from utils.visualization.strokes import rasterize
from utils.visualization.style import PALETTE, use_style
from utils.visualization.surfaces import (
    plot_arrow_field,
    plot_path,
    plot_surface,
    plot_surface_3d,
    plot_vectors,
)
from utils.visualization.widgets import explore

__all__ = [
    "PALETTE",
    "DrawingPad",
    "explore",
    "plot_arrow_field",
    "plot_confusion_matrix",
    "plot_curves",
    "plot_decision_boundary",
    "plot_graph",
    "plot_images",
    "plot_layer_histograms",
    "plot_line",
    "plot_matrix",
    "plot_path",
    "plot_points",
    "plot_surface",
    "plot_surface_3d",
    "plot_vectors",
    "plot_weights",
    "rasterize",
    "use_style",
]
