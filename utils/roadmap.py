"""The roadmap: the checkboxes of the README, read and ticked from Python and from the command line.

`python -m utils.roadmap` offers show, tick, untick, next, export and import. The README is the only record; a
write changes the byte between the brackets of each item concerned and nothing else in the file.
"""

import difflib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass

from utils.files import atomic_write, locked
from utils.progress import LOCK_SECONDS, mark_solved, read_json, roadmap_path, solved_exercises
from utils.roadmap_text import Item, Phase, parse

__all__ = ["AmbiguousItem", "Imported", "Item", "Phase", "Roadmap", "RoadmapError"]
__all__ += ["mark_solved", "solved_exercises"]

Wanted = Item | tuple[str, str] | str


class RoadmapError(ValueError):
    """A request that the roadmap cannot meet; the message says what is there instead.

    Notebook: 01-foundations/00-start-here.ipynb
    """


class AmbiguousItem(RoadmapError):
    """A text that fits several items, which stand in `candidates`.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    def __init__(self, text: str, candidates: tuple[Item, ...]) -> None:
        lines = "".join(f"\n  {item.number:4d}  {item.title}  ({item.notebook})" for item in candidates)
        super().__init__(f"{text!r} fits {len(candidates)} items; take one by its number:{lines}")
        self.candidates = candidates


@dataclass(frozen=True)
class Imported:
    """What an import did: items `ticked` anew or `already`, `missing` ones, and newly `solved` exercises.

    A missing item is a pair (notebook, title), an exercise its id.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    ticked: tuple[Item, ...]
    already: tuple[Item, ...]
    missing: tuple[tuple[str, str], ...]
    solved: tuple[str, ...]


class Roadmap:
    """The items of a roadmap file, in its order, and the ways to tick them.

    `phases` holds them by phase, `own` the learner's own checkboxes (kept, never counted), `problems` what
    could not be read, in sentences. Reading never fails: what is missing or damaged is left out. An item is
    known by its notebook and its title.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    def __init__(self, path: str | os.PathLike | None = None) -> None:
        self.path = roadmap_path(path)
        self.reload()

    @classmethod
    def read(cls, path: str | os.PathLike | None = None) -> "Roadmap":
        """The roadmap at `path`, else at `$NN_ROADMAP`, else in the README.md of this repository.

        Notebook: 01-foundations/00-start-here.ipynb
        """
        return cls(path)

    def reload(self) -> None:
        """Read the file again: an editor or another process may have ticked something."""
        try:
            self._take(self.path.read_bytes())
        except OSError as error:
            self._take(b"")
            hint = "set NN_ROADMAP to a copy of the README, or unset it"
            self.problems = (f"{self.path.name} cannot be read ({error.strerror}): {hint}.",)

    def _take(self, data: bytes) -> None:
        self.phases, self.notebooks, self.own, self.problems = parse(data)

    @property
    def items(self) -> tuple[Item, ...]:
        """All items, in the order of the file."""
        return tuple(item for phase in self.phases for item in phase.items)

    def next_item(self) -> Item | None:
        """The first item that is not ticked, or None when all are."""
        return next((item for item in self.items if not item.ticked), None)

    def progress(self) -> dict[str, tuple[int, int]]:
        """For each phase's number, "01" and so on, how many items are ticked and how many there are."""
        return {phase.number: (phase.done, len(phase.items)) for phase in self.phases}

    def tick(self, items: Wanted | Iterable[Wanted]) -> tuple[Item, ...]:
        """Tick items in the file and return those that were not ticked before.

        Each is an `Item`, a pair (notebook, title), or a title that stands in one notebook only. The file is
        read again under a lock, so that what others have ticked stays; all items are ticked, or none.
        Raises RoadmapError for an unknown item, with the closest titles, OSError where the file cannot be
        written and TimeoutError where another process holds it.
        """
        return self._set(items, b"x")

    def untick(self, items: Wanted | Iterable[Wanted]) -> tuple[Item, ...]:
        """Clear items in the file and return those that were ticked; see `tick`."""
        return self._set(items, b" ")

    def _set(self, items: Wanted | Iterable[Wanted], mark: bytes) -> tuple[Item, ...]:
        wanted = [items] if isinstance(items, Item | str) or _is_key(items) else list(items)
        self.reload()
        for item in wanted:
            self._resolve(item)
        if not wanted:
            return ()
        with locked(self.path, LOCK_SECONDS):
            return self._write(wanted, mark)

    def _write(self, wanted: list[Wanted], mark: bytes) -> tuple[Item, ...]:
        data = self.path.read_bytes()
        self._take(data)
        found = {item.key: item for item in map(self._resolve, wanted)}
        new = bytearray(data)
        for offset in (offset for item in found.values() for offset in item.offsets):
            if (new[offset : offset + 1] == b" ") == (mark == b"x"):
                new[offset : offset + 1] = mark
        if new != data:
            atomic_write(self.path, bytes(new))
            self._take(bytes(new))
        return tuple(item for item in found.values() if item.ticked != (mark == b"x"))

    def _resolve(self, wanted: Wanted) -> Item:
        if isinstance(wanted, str):
            return self._by_title(wanted)
        key = wanted.key if isinstance(wanted, Item) else wanted
        for item in self.items:
            if item.key == key:
                return item
        raise self._unknown(key[1] if _is_key(key) else repr(key), f" in {key[0]}" if _is_key(key) else "")

    def _by_title(self, title: str) -> Item:
        found = tuple(item for item in self.items if item.title.casefold() == title.strip().casefold())
        return self._only(found, title)

    def find(self, text: str) -> Item:
        """The one item that a person means by `text`: its number in `show`, its title, or a part of it.

        A whole title goes before a beginning, a beginning before a part; capitals do not matter.
        Raises AmbiguousItem where several fit, RoadmapError where none does.
        """
        words = text.strip().casefold()
        fits = (
            lambda item: words == str(item.number),
            lambda item: words == item.title.casefold(),
            lambda item: item.title.casefold().startswith(words),
            lambda item: words in item.title.casefold(),
        )
        found = (tuple(filter(fit, self.items)) for fit in fits if words)
        return self._only(next(filter(None, found), ()), text)

    def _only(self, found: tuple[Item, ...], text: str) -> Item:
        if len(found) > 1:
            raise AmbiguousItem(text, found)
        if not found:
            raise self._unknown(text)
        return found[0]

    def _unknown(self, title: str, where: str = "") -> RoadmapError:
        if not self.items:
            return RoadmapError(f"no item {title!r}: {' '.join(self.problems)}")
        hint = " or ".join(map(repr, self._close(title)))
        hint = f"did you mean {hint}?" if hint else "`show` lists what there is."
        return RoadmapError(f"no item {title!r}{where} on the roadmap: {hint}")

    def _close(self, title: str) -> list[str]:
        names: dict[str, str] = {}
        for item in self.items:
            for name in (item.title, *item.title.split()):
                names.setdefault(name.casefold(), item.title)
        close = difflib.get_close_matches(title.casefold(), names, n=3)
        return list(dict.fromkeys(names[name] for name in close))

    def export(self) -> str:
        """The ticked items and the solved exercises as JSON text, which `import_` reads."""
        ticked = [{"notebook": item.notebook, "title": item.title} for item in self.items if item.ticked]
        content = {"version": 1, "ticked": ticked, "solved": sorted(solved_exercises(self.path))}
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"

    def import_(self, text: str | bytes) -> Imported:
        """Tick every exported item that still exists and add the solved exercises; nothing is unticked.

        An item whose notebook is no longer on the roadmap (renamed, say) is found by its title, if that is
        unique. Raises RoadmapError, having changed nothing, where `text` is not what `export` writes.
        """
        keys, solved = _exported(text)
        self.reload()
        found = {key: item for key in keys if (item := self._successor(key))}
        ticked = self.tick(found.values())
        already = tuple(item for item in found.values() if item.ticked)
        missing = tuple(key for key in keys if key not in found)
        return Imported(ticked, already, missing, tuple(sorted(mark_solved(*solved, path=self.path))))

    def _successor(self, key: tuple[str, str]) -> Item | None:
        exact = [item for item in self.items if item.key == key]
        if exact or key[0] in {item.notebook for item in self.items}:
            return exact[0] if exact else None
        same = [item for item in self.items if item.title == key[1]]
        return same[0] if len(same) == 1 else None


def _is_key(wanted: object) -> bool:
    return (
        isinstance(wanted, tuple)
        and len(wanted) == 2
        and all(isinstance(part, str) for part in wanted)
        and wanted[0].endswith(".ipynb")
    )


def _exported(text: str | bytes) -> tuple[list[tuple[str, str]], list[str]]:
    try:
        content = read_json(text)
        keys = [(entry["notebook"], entry["title"]) for entry in content["ticked"]]
        solved = content["solved"]
        if content["version"] != 1 or not isinstance(solved, list):
            raise ValueError('expected "version": 1 and a list "solved"')
        if not all(isinstance(part, str) and part.strip() for part in [*solved, *sum(keys, ())]):
            raise ValueError("an entry is not a text")
    except (ValueError, KeyError, TypeError) as error:
        said = f"not an export of the roadmap, or a damaged one ({error}); nothing was changed"
        raise RoadmapError(said) from None
    return list(dict.fromkeys(keys)), solved


if __name__ == "__main__":
    from utils.roadmap_cli import main

    raise SystemExit(main())
