"""Exercises of 03-cnn/exercises/01-convolution-exercises.ipynb, by its sections."""

from utils.exercises.cnn.convolutions.backwards import power, ring, standard
from utils.exercises.cnn.convolutions.pictures import merged, peaks, wiener
from utils.exercises.cnn.convolutions.sliding import box, causal, life, separable

__all__ = [
    "box",
    "causal",
    "life",
    "merged",
    "peaks",
    "power",
    "ring",
    "separable",
    "standard",
    "wiener",
]
