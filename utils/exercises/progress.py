"""Remembering solved exercises, and ticking a roadmap item once all exercises that belong to it are solved."""

import sys

from utils.exercises.framework import Exercise
from utils.exercises.registry import all_exercises


def is_interactive() -> bool:
    """Whether a person runs this cell: a front end that can ask for input, not nbval, nbconvert or a script."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return False
    kernel = getattr(shell, "kernel", None)
    return True if kernel is None else bool(getattr(kernel, "_allow_stdin", False))


def record(solved: Exercise) -> list[str]:
    """Note that an exercise is solved and tick what that completes; returns lines to print. Only for people."""
    if not is_interactive():
        return []
    from utils.roadmap import Roadmap, RoadmapError, mark_solved, solved_exercises

    try:
        mark_solved(solved.id)
        done = solved_exercises()
        complete = [item for item in solved.items if _exercises_of(solved.notebook, item) <= done]
        missing = [item for item in solved.items if item not in complete]
        if complete:
            Roadmap.read().tick([(solved.notebook, item) for item in complete])
    except (OSError, RoadmapError) as error:
        return [f"The roadmap could not be ticked: {error}"]
    lines = [f"Ticked on your roadmap: {item}." for item in complete]
    return lines + [
        f"Still open for the roadmap item {item!r}: {_open(solved.notebook, item, done)}." for item in missing
    ]


def _exercises_of(notebook: str, item: str) -> set[str]:
    return {found.id for found in all_exercises() if found.notebook == notebook and item in found.items}


def _open(notebook: str, item: str, done: set[str]) -> str:
    return ", ".join(sorted(_exercises_of(notebook, item) - done))
