"""Finding exercises by their id."""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType

import utils.exercises as package
from utils.exercises.framework import Exercise, ExerciseError


def exercise(id: str) -> Exercise:
    """The exercise with this id, such as `"01-foundations/perceptron-1"`; an unknown id raises ExerciseError.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    match = re.fullmatch(r"\d\d-([a-z-]+)/([a-z-]+)-\d+", str(id))
    modules = dict(_module_names())
    wanted = f"{match[1]}.{match[2]}".replace("-", "_") if match else None
    if wanted in modules:
        for found in _exercises_in(importlib.import_module(modules[wanted])):
            if found.id == id:
                return found
    known = sorted(found.id for found in all_exercises())
    close = difflib.get_close_matches(str(id), known, n=3) or known[:3]
    raise ExerciseError(f"no exercise has the id {id!r}; did you mean {', '.join(map(repr, close))}?")


def all_exercises() -> Iterator[Exercise]:
    """Every exercise of the series, in the order of the modules.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    for _, full in _module_names():
        yield from _exercises_in(importlib.import_module(full))


def _module_names() -> Iterator[tuple[str, str]]:
    for phase in pkgutil.iter_modules(package.__path__):
        if phase.ispkg:
            folder = importlib.import_module(f"{package.__name__}.{phase.name}")
            for module in pkgutil.iter_modules(folder.__path__):
                yield f"{phase.name}.{module.name}", f"{folder.__name__}.{module.name}"


def _exercises_in(module: ModuleType) -> list[Exercise]:
    return [value for value in vars(module).values() if isinstance(value, Exercise)]
