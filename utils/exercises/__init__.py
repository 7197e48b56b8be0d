"""Exercises that check themselves: `q = exercise("01-foundations/perceptron-1")`, then `q.check(answer)`.

Each phase has a folder of modules and each module the exercises of one notebook: `01-foundations/perceptron-1` is
defined in `foundations/perceptron.py`; the many of an exercise notebook fill a folder, as `foundations/math/`, whose
`__init__.py` lists them. `framework.py` runs the checks, `compare.py` compares and describes values.
"""

from utils.exercises.framework import Exercise, ExerciseError, Verdict
from utils.exercises.registry import all_exercises, exercise

__all__ = ["Exercise", "ExerciseError", "Verdict", "all_exercises", "exercise"]
