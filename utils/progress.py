"""Where a learner's progress is kept: which file holds the roadmap, and which exercises are solved."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from utils.files import atomic_write, locked

LOCK_SECONDS = 15.0


def roadmap_path(path: str | os.PathLike | None = None) -> Path:
    """The file that holds the roadmap: `path`, else `$NN_ROADMAP`, else the README.md beside `utils`.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    chosen = path or os.environ.get("NN_ROADMAP") or Path(__file__).parents[1] / "README.md"
    return Path(chosen).expanduser().absolute()


def solved_exercises(path: str | os.PathLike | None = None) -> set[str]:
    """The ids of the exercises solved so far, such as "01-foundations/perceptron-1".

    They stand in `.exercises.json` beside the roadmap file (`path` as in `roadmap_path`). A store that is
    damaged counts as empty and is moved aside to `.exercises.json.damaged`, which one printed line says.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    store = _store(path)
    with suppress(ValueError):
        return set(_load(store)["solved"])
    with locked(store, LOCK_SECONDS):
        return set(_load_or_set_aside(store)["solved"])


def mark_solved(*exercises: str, path: str | os.PathLike | None = None) -> set[str]:
    """Add exercise ids to the solved ones, in one write, and return those that were new.

    Raises ValueError for an id that is empty or not a string, OSError where the store cannot be written.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    wrong = [name for name in exercises if not isinstance(name, str) or not name.strip()]
    if wrong:
        raise ValueError(f'an exercise id is a text like "01-foundations/perceptron-1", got {wrong[0]!r}')
    if not exercises:
        return set()
    store = _store(path)
    with locked(store, LOCK_SECONDS):
        content = _load_or_set_aside(store)
        new = set(exercises) - set(content["solved"])
        if new:
            content["solved"] = sorted(new.union(content["solved"]))
            atomic_write(store, json.dumps(content, indent=1).encode() + b"\n")
    return new


def _store(path: str | os.PathLike | None) -> Path:
    return roadmap_path(path).resolve().parent / ".exercises.json"


def read_json(text: str | bytes) -> Any:
    """`json.loads`, with ValueError for every kind of damage, too deep a nesting included.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _load(store: Path) -> dict[str, Any]:
    if not store.exists():
        return {"version": 1, "solved": []}
    content = read_json(store.read_bytes())
    solved = content.get("solved") if isinstance(content, dict) else None
    if not isinstance(solved, list) or not all(isinstance(name, str) for name in solved):
        raise ValueError('expected {"version": 1, "solved": [...]}')
    return content


def _load_or_set_aside(store: Path) -> dict[str, Any]:
    try:
        return _load(store)
    except ValueError as error:
        aside = _free_name(store)
        os.replace(store, aside)
        print(f"{store.name} is damaged ({error}): kept as {aside.name}, starting with no solved exercises.")
        return {"version": 1, "solved": []}


def _free_name(store: Path) -> Path:
    aside, count = store.with_name(f"{store.name}.damaged"), 1
    while aside.exists():
        count += 1
        aside = store.with_name(f"{store.name}.damaged-{count}")
    return aside
