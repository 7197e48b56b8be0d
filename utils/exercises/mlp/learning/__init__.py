"""Exercises of 02-mlp/exercises/02-training-exercises.ipynb, by its sections."""

from utils.exercises.mlp.learning.augmenting import cutmix, pixel_groups
from utils.exercises.mlp.learning.judging import bias_and_variance, honest, sign_test
from utils.exercises.mlp.learning.resilient import rprop
from utils.exercises.mlp.learning.starting import first_guess, four_faults, unit_variance
from utils.exercises.mlp.learning.stepping import accumulation, averaging, nadam

__all__ = [
    "accumulation",
    "averaging",
    "bias_and_variance",
    "cutmix",
    "first_guess",
    "four_faults",
    "honest",
    "nadam",
    "pixel_groups",
    "rprop",
    "sign_test",
    "unit_variance",
]
