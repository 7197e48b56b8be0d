"""Exercises of 01-foundations/exercises/01-math-exercises.ipynb, a file for each of its sections."""

from utils.exercises.foundations.math.arrays import basis, counts, neighbours, windows
from utils.exercises.foundations.math.derivatives import backtracking, huber, slope_by_hand, softmax_rows
from utils.exercises.foundations.math.probability import information, lifetimes, mixture

__all__ = [
    "backtracking",
    "basis",
    "counts",
    "huber",
    "information",
    "lifetimes",
    "mixture",
    "neighbours",
    "slope_by_hand",
    "softmax_rows",
    "windows",
]
