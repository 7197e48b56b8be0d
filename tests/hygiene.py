"""What a notebook must be. Each check takes a page and the series and yields what is wrong, in sentences."""

import ast
import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import unquote

import nbformat

from utils.roadmap import Item, Roadmap

SECTIONS = ("Comparison", "Application", "Exercises", "Summary", "References")
TAGS = {"nbval-ignore-output", "nbval-skip"}
LONGEST_CELL = 30
LARGEST_FILE = 1_000_000
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u26ff\u2705\u2728\u274c\u2753-\u2757\u2b50\ufe0f]")
FILLER = re.compile(r"\b(comprehensive|powerful|seamless(ly)?|simply|delve[sd]?|TODO|FIXME)\b", re.I)
# /home/me/ is nobody's: texts may take it as an example.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(home|root|Users|tmp|work)/(?!me/)|\b[A-Z]:\\+Users|site-packages")
LINK = re.compile(r'\]\(<?([^()\s<>]+(?:\([^()\s]*\)[^()\s<>]*)*)>?(?:\s+"[^"]*")?\)')
SOURCE = re.compile(r'\b(?:src|href)="([^"]+)"')
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$", re.M)
FENCED = re.compile(r"^([`~]{3,}).*?^\1[`~]*\s*$", re.M | re.S)
NOT_TEXT = re.compile(r"`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$", re.S)


@dataclass(frozen=True)
class Page:
    """A notebook and where it stands, seen from the root of the repository."""

    path: str
    notebook: nbformat.NotebookNode
    size: int = 0

    @classmethod
    def read(cls, root: Path, path: Path) -> "Page":
        relative = path.relative_to(root).as_posix()
        return cls(relative, nbformat.read(path, as_version=4), path.stat().st_size)

    @property
    def is_exercise(self) -> bool:
        return "/exercises/" in self.path

    @property
    def is_lesson(self) -> bool:
        return not self.is_exercise and not self.path.endswith("/00-start-here.ipynb")

    @cached_property
    def code(self) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @cached_property
    def markdown(self) -> str:
        return "\n\n".join(cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")

    @cached_property
    def calls(self) -> list[tuple[str, list]]:
        """Names and constant arguments of all calls in the code."""
        trees = [ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", cell.source, flags=re.M)) for cell in self.code]
        calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
        return [(ast.unparse(call.func), _constants(call.args)) for call in calls]


def _constants(arguments: list[ast.expr]) -> list:
    return [argument.value for argument in arguments if isinstance(argument, ast.Constant)]


@dataclass(frozen=True)
class Series:
    """What the notebooks are held to: the roadmap, the plan and the exercises."""

    root: Path
    planned: list[str]
    items: dict[str, list[Item]]
    titles: dict[str, str]
    minutes: dict[str, int]
    exercises: dict = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> "Series":
        from utils.exercises import all_exercises

        roadmap, readme = Roadmap.read(root / "README.md"), (root / "README.md").read_text("utf-8")
        titles = {path: title for path, title in roadmap.notebooks.items() if re.match(r"\d\d-", path)}
        return cls(
            root=root,
            planned=(root / "resources" / "planned-notebooks.txt").read_text("utf-8").split(),
            items={path: [item for item in roadmap.items if item.notebook == path] for path in titles},
            titles=titles,
            minutes={
                path: int(n) for path, n in re.findall(r"\]\((\d\d-\S+\.ipynb)\) \((\d+) min\)", readme)
            },
            exercises={exercise.id: exercise for exercise in all_exercises()},
        )


def own_words(path: Path) -> str:
    """A text as the series ships it: a learner may add lines to the README's roadmap."""
    text = path.read_text("utf-8")
    roadmap = re.compile(r"^## Roadmap$.*?(?=^## )", re.M | re.S)
    return roadmap.sub("## Roadmap\n\n", text) if path.name == "README.md" else text


def headings(markdown: str) -> list[tuple[int, str]]:
    """Levels and texts of the headings, code blocks left out."""
    return [(len(marks), text) for marks, text in HEADING.findall(FENCED.sub("", markdown))]


def notebook_anchor(heading: str) -> str:
    """The anchor that JupyterLab makes of a heading."""
    return re.sub(r"[*`]", "", heading).replace(" ", "-")


def markdown_anchor(heading: str) -> str:
    """The anchor that GitHub and JupyterLab's Markdown view make of a heading, in small letters."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def begins_with(heading: str, words: str) -> bool:
    return re.match(rf"{re.escape(words)}(?!\w)", heading) is not None


# -- how it was saved ----------------------------------------------------------------------------------------


def invalid(page: Page, series: Series) -> Iterator[str]:
    try:
        nbformat.validate(page.notebook)
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {error.message}"


def not_executed(page: Page, series: Series) -> Iterator[str]:
    if empty := [i for i, cell in enumerate(page.code, 1) if not cell.source.strip()]:
        yield f"empty code cells: {empty}"
    counts = [cell.execution_count for cell in page.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts are {counts}, not 1, 2, 3, ...: run tests/save_outputs.py"


def bad_outputs(page: Page, series: Series) -> Iterator[str]:
    for number, cell in enumerate(page.code, 1):
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"code cell {number} ends in {output.ename}: catch and print what fails on purpose"
            if output.get("name") == "stderr":
                yield f"code cell {number} writes to stderr: {output.text[:80]!r}"
            if "image/svg+xml" in output.get("data", {}):
                yield f"code cell {number} saved an SVG, which nbval compares: save PNG"


def machine_paths(page: Page, series: Series) -> Iterator[str]:
    for number, cell in enumerate(page.notebook.cells):
        for text in [cell.source, *_texts(cell.get("outputs", []))]:
            if found := MACHINE_PATH.search(text):
                yield f"cell {number} names a path of one machine: {text[found.start() :][:60]!r}"
    widgets = json.dumps(page.notebook.metadata.get("widgets", {}))
    if found := MACHINE_PATH.search(re.sub(r'"[A-Za-z0-9+/=]{200,}"', "", widgets)):
        yield f"the saved widgets name a path of one machine: {widgets[found.start() :][:60]!r}"


def _texts(outputs: list) -> Iterator[str]:
    for output in outputs:
        yield output.get("text", "")
        for kind, data in output.get("data", {}).items():
            if not kind.startswith("image/"):
                text = data if isinstance(data, str) else json.dumps(data)
                yield re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", text)


def too_large(page: Page, series: Series) -> Iterator[str]:
    if page.size >= LARGEST_FILE:
        yield f"{page.size:,} bytes; a notebook stays under {LARGEST_FILE:,}"


def extra_metadata(page: Page, series: Series) -> Iterator[str]:
    if extra := set(page.notebook.metadata) - {"kernelspec", "language_info", "widgets"}:
        yield f"the notebook's metadata hold {sorted(extra)}: run tests/save_outputs.py"
    if "version" in page.notebook.metadata.get("language_info", {}):
        yield "the notebook's metadata hold a version of Python: run tests/save_outputs.py"
    for number, cell in enumerate(page.notebook.cells):
        if extra := set(cell.metadata) - {"tags"}:
            yield f"cell {number} has metadata {sorted(extra)}: only tags are kept"
        if extra := set(cell.metadata.get("tags", [])) - TAGS:
            yield f"cell {number} has the tags {sorted(extra)}; known are {sorted(TAGS)}"


# -- how it is written ---------------------------------------------------------------------------------------


def emojis_and_filler(page: Page, series: Series) -> Iterator[str]:
    for number, cell in enumerate(page.notebook.cells):
        for text in [cell.source, *_texts(cell.get("outputs", []))]:
            if found := EMOJI.search(text):
                yield f"cell {number} holds the emoji U+{ord(found[0]):04X}"
        if found := FILLER.search(cell.source):
            yield f"cell {number} says {found[0]!r}: say what is meant instead"


def long_cells(page: Page, series: Series) -> Iterator[str]:
    for number, cell in enumerate(page.code, 1):
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > LONGEST_CELL:
            yield f"code cell {number} has {lines} lines; {LONGEST_CELL} at most"


def no_checks(page: Page, series: Series) -> Iterator[str]:
    asserts = any(re.search(r"^\s*assert\b", cell.source, re.M) for cell in page.code)
    checks = any(name.split(".")[-1].startswith("check_") for name, _ in page.calls)
    if page.is_lesson and not (asserts or checks):
        yield "nothing is checked: no assert, no check_..."


def wrong_headings(page: Page, series: Series) -> Iterator[str]:
    """Every roadmap item is a heading, in the roadmap's order, and every other heading is one of SECTIONS."""
    items = {item.title: item for item in series.items.get(page.path, [])}
    found = []
    for heading in (text for level, text in headings(page.markdown) if level == 2):
        title = max((title for title in items if begins_with(heading, title)), key=len, default=None)
        if title is None and not any(begins_with(heading, section) for section in SECTIONS):
            yield f"the heading {heading!r} is no item of the roadmap: make it ### or add it to the README"
        if title is not None:
            found.append(title)
            anchor = unquote(items[title].link.partition("#")[2])
            if anchor != notebook_anchor(heading):
                yield f"README links to #{anchor}, but the heading's anchor is #{notebook_anchor(heading)}"
    if missing := [title for title in items if title not in found]:
        yield f"items of the roadmap without a heading ##: {missing}"
    elif found != list(items):
        yield f"the headings stand in the order {found}, the roadmap's items in the order {list(items)}"


def wrong_opening(page: Page, series: Series) -> Iterator[str]:
    """Title, links to the neighbours, and minutes, as README and plan have them."""
    first = page.notebook.cells[0] if page.notebook.cells else nbformat.v4.new_code_cell()
    title = next((text for level, text in headings(first.source) if level == 1), None)
    if first.cell_type != "markdown" or title is None:
        yield "the first cell has no title: # ..."
        return
    if title != series.titles.get(page.path):
        yield f"the title is {title!r}, in the README {series.titles.get(page.path)!r}"
    reading = re.search(r"Reading: (\d+) minutes", first.source)
    minutes = int(reading[1]) if reading else None
    if minutes is None or minutes != series.minutes.get(page.path):
        yield f"'Reading: N minutes' gives {minutes}, the README {series.minutes.get(page.path)}"
    for label, target in _neighbours(page, series).items():
        link = re.search(rf"\[{label}[^\]]*\]\(([^)]*)\)", first.source)
        if (link and link[1]) != target:
            yield f"the link {label!r} leads to {link and link[1]}, expected {target}"


def _neighbours(page: Page, series: Series) -> dict[str, str | None]:
    place, folder = series.planned.index(page.path), posixpath.dirname(page.path)
    around = {"Previous:": place - 1, "Next:": place + 1}
    links = {
        label: posixpath.relpath(series.planned[i], folder) if 0 <= i < len(series.planned) else None
        for label, i in around.items()
    }
    return links | {"Roadmap": posixpath.relpath("README.md", folder) + "#roadmap"}


# -- what it refers to ---------------------------------------------------------------------------------------


def dead_links(page: Page, series: Series) -> Iterator[str]:
    own = {notebook_anchor(text) for _, text in headings(page.markdown)}
    yield from broken_links(page.markdown, page.path, own, series)


def broken_links(markdown: str, path: str, own: set[str], series: Series) -> Iterator[str]:
    """Relative links of a text at `path` that lead nowhere, plans aside; `own` are its anchors."""
    text = NOT_TEXT.sub("", FENCED.sub("", markdown))
    for link in LINK.findall(text) + SOURCE.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
        if target.startswith(("..", "/")):
            yield f"the link {link!r} leaves the repository"
        elif not (series.root / target).exists() and file:
            if target not in series.planned:
                yield f"the link {link!r} leads to {target}, which does not exist"
        elif anchor and anchor not in (_anchors(series.root / target) if file else own):
            yield f"the link {link!r}: {target} has no heading with the anchor #{anchor}"


@cache
def _anchors(path: Path) -> set[str]:
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        return {notebook_anchor(heading) for _, heading in headings(text)}
    return {markdown_anchor(heading) for _, heading in headings(path.read_text("utf-8"))}


def wrong_exercises(page: Page, series: Series) -> Iterator[str]:
    """Exercises asked for exist and belong here, and those that belong here are asked for."""
    used = [str(arguments[0]) for name, arguments in page.calls if name == "exercise" and arguments]
    titles = {item.title for item in series.items.get(page.path, [])}
    for id in used:
        exercise = series.exercises.get(id)
        if exercise is None:
            yield f"there is no exercise {id!r}"
        elif exercise.notebook != page.path:
            yield f"the exercise {id!r} belongs to {exercise.notebook}"
        elif extra := set(exercise.items) - titles:
            yield f"the exercise {id!r} ticks {sorted(extra)}, which this notebook's roadmap does not have"
    own = [id for id, exercise in series.exercises.items() if exercise.notebook == page.path]
    if unused := sorted(set(own) - set(used)):
        yield f"these exercises belong here and are not asked: {unused}"
    least = 8 if page.is_exercise else 2 if page.is_lesson else 0
    if len(set(used)) < least:
        yield f"{len(set(used))} exercises; at least {least} are wanted here"


CHECKS = [
    invalid,
    not_executed,
    bad_outputs,
    machine_paths,
    too_large,
    extra_metadata,
    emojis_and_filler,
    long_cells,
    no_checks,
    wrong_headings,
    wrong_opening,
    dead_links,
    wrong_exercises,
]
