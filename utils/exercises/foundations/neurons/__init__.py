"""Exercises of 01-foundations/exercises/02-perceptron-exercises.ipynb, a file for each of its sections."""

from utils.exercises.foundations.neurons.beyond import ellipses, kernel, parity
from utils.exercises.foundations.neurons.boundaries import bound, line, majority, polygon
from utils.exercises.foundations.neurons.rules import costs, multiclass, newton, pocket

__all__ = [
    "bound",
    "costs",
    "ellipses",
    "kernel",
    "line",
    "majority",
    "multiclass",
    "newton",
    "parity",
    "pocket",
    "polygon",
]
