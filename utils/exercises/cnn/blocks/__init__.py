"""Exercises of 03-cnn/exercises/02-architecture-exercises.ipynb, by its sections."""

from utils.exercises.cnn.blocks.backwards import distil, highway, residual
from utils.exercises.cnn.blocks.building import cost, merge, reversible, shuffle
from utils.exercises.cnn.blocks.shrinking import low_rank, prune, quantize

__all__ = [
    "cost",
    "distil",
    "highway",
    "low_rank",
    "merge",
    "prune",
    "quantize",
    "residual",
    "reversible",
    "shuffle",
]
