"""The roadmap's command line: `python -m utils.roadmap show | tick | untick | next | export | import`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from utils.files import atomic_write
from utils.roadmap import Item, Phase, Roadmap, RoadmapError

_BAR = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 1 for a file that fails, 2 for a request that does.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # titles may hold letters that the terminal lacks
    try:
        print("\n".join(options.run(Roadmap.read(), options)))
    except (RoadmapError, OSError) as error:  # TimeoutError is an OSError
        print(error, file=sys.stderr)
        return 2 if isinstance(error, RoadmapError) else 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m utils.roadmap", description="The roadmap in the README.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    show = command("show", _show, "list the items with their numbers and how far you are")
    show.add_argument("--phase", help="one phase only: 1 or 01")
    items = "an item: its number in `show`, its title, or a part of its title"
    for name, text in (("tick", "tick items"), ("untick", "clear items")):
        sub = command(name, _change, text)
        sub.add_argument("text", nargs="+", help=items)
        sub.set_defaults(name=name)
    command("next", _next, "name the first item that is not ticked")
    command("export", _export, "write ticks and solved exercises to FILE").add_argument("file", type=Path)
    command("import", _import, "add the ticks and solved exercises of FILE").add_argument("file", type=Path)
    return parser


def bar(done: int, total: int, width: int = _BAR, full: str = "#", empty: str = "-") -> str:
    """A progress bar in text: full only when all is done, begun as soon as anything is.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    filled = 0 if not done else max(1, width * done // total)
    return full * filled + empty * (width - filled)


def _show(roadmap: Roadmap, options: argparse.Namespace) -> Iterator[str]:
    phases = roadmap.phases
    if options.phase is not None:
        phases = [phase for phase in phases if phase.number == options.phase.zfill(2)]
        if not phases:
            there = ", ".join(phase.number for phase in roadmap.phases) or "none"
            raise RoadmapError(f"no phase {options.phase!r} on the roadmap; there is: {there}")
    yield from roadmap.problems
    for phase in phases:
        yield from _show_phase(phase, roadmap.notebooks)
    if roadmap.own and options.phase is None:
        yield "\nYour own lines (not counted)"
        yield from (f"      - {text}" for text in roadmap.own)


def _show_phase(phase: Phase, notebooks: dict[str, str]) -> Iterator[str]:
    total = len(phase.items)
    state = f"[{bar(phase.done, total)}]  {phase.done} of {total}" if total else "to come"
    yield f"\n{phase.title}  {state}"
    if not total:
        yield from (f"      - {plan}" for plan in phase.plans)
    for path, items in groupby(phase.items, key=lambda item: item.notebook):
        yield f"\n  {notebooks[path]}  ({path})"
        yield from (f"  {item.number:4d} [{'x' if item.ticked else ' '}] {item.title}" for item in items)


def _change(roadmap: Roadmap, options: argparse.Namespace) -> Iterator[str]:
    items = _items(roadmap, options.text)
    changed = (roadmap.tick if options.name == "tick" else roadmap.untick)(items)
    for item in items:
        said = f"{options.name}ed" if item in changed else f"was {options.name}ed already"
        yield f"{said}: {item.title}  ({item.notebook})"


def _items(roadmap: Roadmap, texts: list[str]) -> list[Item]:
    """One item for each text; several words that are one title together, unquoted, are that title."""
    whole = " ".join(texts).casefold()
    if len(texts) > 1 and any(whole == item.title.casefold() for item in roadmap.items):
        texts = [whole]
    return list(dict.fromkeys(roadmap.find(text) for text in texts))


def _next(roadmap: Roadmap, options: argparse.Namespace) -> Iterator[str]:
    yield from roadmap.problems
    item = roadmap.next_item()
    if item:
        yield f"{item.number} {item.title}  ({item.notebook})"
    elif roadmap.items:
        yield "Everything is ticked."


def _export(roadmap: Roadmap, options: argparse.Namespace) -> Iterator[str]:
    atomic_write(options.file, roadmap.export().encode())
    ticked = sum(item.ticked for item in roadmap.items)
    yield f"{ticked} ticked items and your solved exercises are in {options.file}"


def _import(roadmap: Roadmap, options: argparse.Namespace) -> Iterator[str]:
    done = roadmap.import_(options.file.read_bytes())
    yield f"ticked {len(done.ticked)}, ticked already {len(done.already)}, new exercises {len(done.solved)}"
    for notebook, title in done.missing:
        yield f"not found, so not ticked: {title}  ({notebook})"
