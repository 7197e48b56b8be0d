"""Instruments for a network that does not learn: what its layers, gradients and updates look like.

    print(table(layer_statistics(model, X)))     # activations, layer by layer
    loss.backward()
    print(table(gradient_statistics(model)))
    with watch_updates(model) as updates:
        optimizer.step()
    print(table(updates))                        # ratios near 0.001 are usual
    print(nan_source(model, (X, y), loss_fn))    # where the first NaN arises
    fit(..., callbacks=[recorder := Recorder()]) # and then plot_curves(recorder.curves("update_ratio"))

All work on any `nn.Module`, and leave its gradients and running statistics as they were.

Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
"""

from utils.diagnostics.layers import LayerStatistics, dead_units, layer_statistics
from utils.diagnostics.nan import NanSource, nan_source
from utils.diagnostics.tables import table
from utils.diagnostics.updates import (
    GradientStatistics,
    Recorder,
    UpdateRatio,
    gradient_statistics,
    snapshot,
    update_ratios,
    watch_updates,
)

__all__ = [
    "GradientStatistics",
    "LayerStatistics",
    "NanSource",
    "Recorder",
    "UpdateRatio",
    "dead_units",
    "gradient_statistics",
    "layer_statistics",
    "nan_source",
    "snapshot",
    "table",
    "update_ratios",
    "watch_updates",
]
