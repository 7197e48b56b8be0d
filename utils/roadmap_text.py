"""Reads the roadmap out of the bytes of a Markdown file, as far as they go, and says where each box is."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import unquote

_MARKER = r"(?:[-*+]|\d+[.)])[ \t]+"
_CHECKBOX = re.compile(rf"[ \t]*{_MARKER}\[([ xX])\][ \t]+".encode())
_FENCE = re.compile(rf"\s*(?:{_MARKER})*(`{{3,}}(?=[^`]*$)|~{{3,}})")
_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)(?:[ \t]+#+)?\s*$")
_LINK = re.compile(r"\[((?:[^\[\]\\]|\\.)*)\]\(<?([^()\s<>]*(?:\([^()\s<>]*\)[^()\s<>]*)*)>?\)")
_TOPIC = re.compile(r"\s*\*\*([^*]+)\*\*\s*$")
_BULLET = re.compile(rf"[ \t]*{_MARKER}(.*?)\s*$")
_PHASE = re.compile(r"(\d\d)\b")


@dataclass(frozen=True)
class Item:
    """One checkbox of the roadmap: `title` in `notebook`, its `number` in the list, its `link` as written.

    `offsets` say where in the file the byte between the brackets is: several where the line stands twice.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    number: int
    phase: str
    topic: str
    notebook: str
    title: str
    ticked: bool
    link: str = field(default="", compare=False)
    offsets: tuple[int, ...] = field(default=(), compare=False, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What tells the item from all others: its notebook and its title."""
        return self.notebook, self.title


@dataclass(frozen=True)
class Phase:
    """A phase of the roadmap: its two digits, its heading, its items, its plain lines (what is to come).

    Notebook: 01-foundations/00-start-here.ipynb
    """

    number: str
    title: str
    items: tuple[Item, ...]
    plans: tuple[str, ...]

    @property
    def done(self) -> int:
        """How many items are ticked."""
        return sum(item.ticked for item in self.items)


def parse(data: bytes) -> tuple[tuple[Phase, ...], dict[str, str], tuple[str, ...], tuple[str, ...]]:
    """The phases, the notebooks' titles by path, the learner's own checkboxes, and what is wrong.

    Reads from `## Roadmap` to the next heading of that level. Code blocks and comments are passed over, and
    so is every line that is not understood; an item that stands twice is one, ticked if one of its lines is.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    reader = _Reader()
    for offset, line in _visible(data):
        reader.take(offset, line)
    return reader.result()


def _visible(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Lines with their offsets, without those in fenced code and HTML comments."""
    offset, end = 0, None
    for line in data.splitlines(keepends=True):
        text = _text(line)
        if end is not None:
            end = None if end.search(text) else end
        elif (end := _block_end(text)) is None:
            yield offset, line
        offset += len(line)


def _block_end(text: str) -> re.Pattern | None:
    """What ends the block that opens on this line and hides the lines after it; None where none opens."""
    if fence := _FENCE.match(text):
        return re.compile(rf"\s*{fence[1][0]}{{{len(fence[1])},}}\s*$")
    return re.compile("-->") if text.lstrip().startswith("<!--") and "-->" not in text else None


def _text(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").lstrip("\ufeff").rstrip("\r\n")


class _Reader:
    def __init__(self) -> None:
        self.inside = self.seen = False
        self.phase = self.topic = ""
        self.titles: dict[str, str] = {}
        self.plans: dict[str, list[str]] = {}
        self.notebooks: dict[str, str] = {}
        self.items: dict[tuple[str, str], Item] = {}
        self.own: list[str] = []

    def take(self, offset: int, line: bytes) -> None:
        text = _text(line)
        if heading := _HEADING.match(text):
            self._heading(len(heading[1]), heading[2])
        elif self.inside and (box := _CHECKBOX.match(line)):
            self._checkbox(offset + box.start(1), box[1] != b" ", _text(line[box.end() :]))
        elif self.inside and self.phase:
            self._plain(text)

    def _heading(self, level: int, title: str) -> None:
        if level <= 2:
            self.inside = level == 2 and title.casefold() == "roadmap" and not self.seen
            self.seen = self.seen or self.inside
        if level <= 3:
            number = _PHASE.match(title) if self.inside and level == 3 else None
            self.phase, self.topic = (number[1] if number else ""), ""
        if self.phase and level == 3:
            self.titles.setdefault(self.phase, title)

    def _checkbox(self, offset: int, ticked: bool, text: str) -> None:
        title, link = _heading_link(text)
        if not (self.phase and title):
            self.own.append(text.strip())
            return
        notebook = _notebook(link)
        new = Item(len(self.items) + 1, self.phase, self.topic, notebook, title, ticked, link, (offset,))
        old = self.items.get(new.key)
        self.items[new.key] = new if old is None else _joined(old, new)

    def _plain(self, text: str) -> None:
        if topic := _TOPIC.match(text):
            self.topic = topic[1].strip()
        elif bullet := _BULLET.match(text):
            link = _LINK.match(bullet[1])
            if link and _notebook(link[2]):
                self.notebooks.setdefault(_notebook(link[2]), _unescaped(link[1]))
            else:
                self.plans.setdefault(self.phase, []).append(bullet[1])

    def result(self) -> tuple[tuple[Phase, ...], dict[str, str], tuple[str, ...], tuple[str, ...]]:
        items = self.items.values()
        phases = tuple(
            Phase(key, title, tuple(i for i in items if i.phase == key), tuple(self.plans.get(key, ())))
            for key, title in self.titles.items()
        )
        for path in (item.notebook for item in items):
            self.notebooks.setdefault(path, PurePosixPath(path).stem)
        return phases, self.notebooks, tuple(self.own), self._problems()

    def _problems(self) -> tuple[str, ...]:
        if not self.seen:
            return ('The file has no section "## Roadmap"; the README of the series has.',)
        return () if self.items else ('The section "## Roadmap" holds no item.',)


def _joined(old: Item, new: Item) -> Item:
    return replace(old, ticked=old.ticked or new.ticked, offsets=old.offsets + new.offsets)


def _heading_link(text: str) -> tuple[str, str]:
    """Title and target of a link to a notebook's heading in the same words; ("", "") for all else."""
    link = _LINK.match(text)
    notebook, _, anchor = link[2].partition("#") if link else ("", "", "")
    title = _unescaped(link[1]).strip() if link else ""
    named = _words(title) and _words(title) in _words(unquote(anchor))
    return (title, link[2]) if named and _notebook(notebook) else ("", "")


def _notebook(link: str) -> str:
    """The path of a link into this repository's notebooks, without its anchor; "" for any other link."""
    path = posixpath.normpath(unquote(link.partition("#")[0]))
    return path if path.endswith(".ipynb") and ":" not in path and not path.startswith(("/", "..")) else ""


def _words(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _unescaped(text: str) -> str:
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)
