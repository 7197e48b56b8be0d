"""Exercises of 02-mlp/exercises/01-mlp-exercises.ipynb, by its sections."""

from utils.exercises.mlp.networks.checking import finder
from utils.exercises.mlp.networks.gradients import autoencoder, forward_mode, maxout
from utils.exercises.mlp.networks.layers import absorb, flops, quadratic, repaired
from utils.exercises.mlp.networks.losses import focal, mish, own_doubt, yes_or_no

__all__ = [
    "absorb",
    "autoencoder",
    "finder",
    "flops",
    "focal",
    "forward_mode",
    "maxout",
    "mish",
    "own_doubt",
    "quadratic",
    "repaired",
    "yes_or_no",
]
