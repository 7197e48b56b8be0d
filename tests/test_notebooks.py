"""Every notebook is as CONTRIBUTING.md says; and every check of that catches a notebook which is not."""

from pathlib import Path
from types import SimpleNamespace

import hygiene
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from utils.roadmap import Item

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted(p for p in ROOT.glob("[0-9][0-9]-*/**/*.ipynb") if ".ipynb_checkpoints" not in p.parts)
NAMES = [path.relative_to(ROOT).as_posix() for path in PATHS]


@pytest.fixture(scope="module")
def series():
    return hygiene.Series.read(ROOT)


@pytest.fixture(scope="module", params=PATHS, ids=NAMES)
def page(request):
    return hygiene.Page.read(ROOT, request.param)


@pytest.mark.parametrize("check", hygiene.CHECKS, ids=lambda check: check.__name__)
def test_notebook(page, series, check):
    assert page.path in series.planned, "add the notebook to resources/planned-notebooks.txt"
    problems = list(check(page, series))
    assert not problems, "\n".join([page.path, *problems])


def test_readme_lists_the_notebooks_in_reading_order(series):
    assert list(series.titles) == [path for path in series.planned if path in NAMES]
    assert list(series.minutes) == list(series.titles), "each notebook's line ends with (N min)"


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "resources"])
def test_links_of_the_texts(series, name):
    paths = sorted((ROOT / name).glob("**/*.md")) if name == "resources" else [ROOT / name]
    for path in paths:
        text = hygiene.own_words(path)
        own = {hygiene.markdown_anchor(heading) for _, heading in hygiene.headings(text)}
        assert not list(hygiene.broken_links(text, path.relative_to(ROOT).as_posix(), own, series)), name


# -- each check, shown a notebook that has the fault -------------------------------------------------------

PATH = "01-demo/topic/02-second.ipynb"
OPENING = """# Second
[Previous: First](01-first.ipynb) · [Roadmap](../../README.md#roadmap) · [Next: Third](03-third.ipynb)

Reading: 15 minutes. Running: 2 seconds."""


def good_notebook():
    code = [new_code_cell(f'q{n} = exercise("01-demo/second-{n}")\nassert q{n}') for n in (1, 2)]
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
    code[0].outputs = [new_output("stream", name="stdout", text="fine\n")]
    texts = [
        OPENING,
        "## One item\n\nSee [[1]](#References).",
        "## Two and more",
        "## Summary",
        "## References",
    ]
    opening, one, two, *closing = map(new_markdown_cell, texts)
    notebook = new_notebook(cells=[opening, one, code[0], two, code[1], *closing])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
    return notebook


@pytest.fixture
def demo(tmp_path):
    (tmp_path / "README.md").write_text("# Demo\n\n## Roadmap\n")
    (tmp_path / "01-demo" / "topic").mkdir(parents=True)
    first = new_notebook(cells=[new_markdown_cell("# First\n## Here, there")])
    nbformat.write(first, tmp_path / "01-demo" / "topic" / "01-first.ipynb")
    anchors = {"One item": "One-item", "Two": "Two-and-more"}
    items = [
        Item(n, "01", "topic", PATH, title, False, f"{PATH}#{anchor}")
        for n, (title, anchor) in enumerate(anchors.items(), 1)
    ]
    exercises = {f"01-demo/second-{n}": SimpleNamespace(notebook=PATH, items=["Two"]) for n in (1, 2)}
    exercises["01-demo/first-1"] = SimpleNamespace(notebook="01-demo/topic/01-first.ipynb", items=["Two"])
    planned = [f"01-demo/topic/{name}.ipynb" for name in ("01-first", "02-second", "03-third")]
    return hygiene.Series(tmp_path, planned, {PATH: items}, {PATH: "Second"}, {PATH: 15}, exercises)


def problems(check, notebook, series, size=1000):
    return " ".join(check(hygiene.Page(PATH, notebook, size), series))


@pytest.mark.parametrize("check", hygiene.CHECKS, ids=lambda check: check.__name__)
def test_checks_pass_a_good_notebook(demo, check):
    assert problems(check, good_notebook(), demo) == ""


def say(text):
    return lambda notebook: notebook.cells.append(new_markdown_cell(text, id="cell-100"))


def output(*arguments, **fields):
    return lambda notebook: notebook.cells[2].outputs.append(new_output(*arguments, **fields))


def opening(old, new):
    assert old in OPENING
    return lambda notebook: notebook.cells[0].update(source=OPENING.replace(old, new))


def heading(number, text):
    return lambda notebook: notebook.cells[number].update(source=text)


def code(text, cell=2):
    return lambda notebook: notebook.cells[cell].update(source=text)


def tags(*names):
    return lambda notebook: notebook.cells[2].metadata.update(tags=list(names))


FAULTS = [
    (hygiene.invalid, lambda nb: nb.cells[2].pop("outputs"), "not a valid notebook"),
    (hygiene.not_executed, lambda nb: nb.cells[4].update(execution_count=None), "[1, None]"),
    (hygiene.not_executed, lambda nb: nb.cells[4].update(execution_count=7), "[1, 7]"),
    (hygiene.not_executed, code(" \n"), "empty code cells: [1]"),
    (hygiene.bad_outputs, output("error", ename="KeyError", evalue="", traceback=[]), "ends in KeyError"),
    (hygiene.bad_outputs, output("stream", name="stderr", text="Warning!"), "stderr: 'Warning!'"),
    (hygiene.bad_outputs, output("display_data", data={"image/svg+xml": "<svg/>"}), "SVG"),
    (hygiene.machine_paths, say("It is in /home/ann/data."), "/home/ann"),
    (hygiene.machine_paths, output("stream", name="stdout", text="read /tmp/x1/a.gz"), "/tmp/x1"),
    (hygiene.machine_paths, output("display_data", data={"text/plain": r"C:\Users\ann"}), "Users"),
    (hygiene.machine_paths, code('open("/Users/ann/x")'), "/Users/ann"),
    (hygiene.machine_paths, lambda nb: nb.metadata.update(widgets={"a": {"value": "/root/x"}}), "widgets"),
    (hygiene.extra_metadata, lambda nb: nb.cells[2].metadata.update(collapsed=True), "['collapsed']"),
    (hygiene.extra_metadata, tags("raises-exception"), "['raises-exception']"),
    (hygiene.extra_metadata, lambda nb: nb.metadata.update(authors=[]), "['authors']"),
    (
        hygiene.extra_metadata,
        lambda nb: nb.metadata.update(language_info={"version": 3}),
        "version of Python",
    ),
    (hygiene.emojis_and_filler, say("Done \U0001f680"), "U+1F680"),
    (hygiene.emojis_and_filler, output("stream", name="stdout", text="\u2705 passed"), "U+2705"),
    (hygiene.emojis_and_filler, say("Simply run it."), "'Simply'"),
    (hygiene.long_cells, code("x = 1\n" * 31), "31 lines"),
    (hygiene.no_checks, lambda nb: [code("x = 1", cell)(nb) for cell in (2, 4)], "nothing is checked"),
    (hygiene.wrong_headings, heading(1, "## Another item"), "'Another item' is no item"),
    (hygiene.wrong_headings, heading(1, "### One item"), "without a heading ##: ['One item']"),
    (hygiene.wrong_headings, heading(3, "## Twofold"), "'Twofold' is no item"),
    (hygiene.wrong_headings, heading(3, "## Two, at last"), "anchor is #Two,-at-last"),
    (hygiene.wrong_headings, heading(1, "## Two and more"), "without a heading ##: ['One item']"),
    (hygiene.wrong_headings, say("## One item"), "order ['One item', 'Two', 'One item']"),
    (hygiene.wrong_opening, opening("# Second", "# Segundo"), "title is 'Segundo'"),
    (hygiene.wrong_opening, opening("# Second", "Second"), "no title"),
    (hygiene.wrong_opening, opening("15 minutes", "20 minutes"), "gives 20, the README 15"),
    (hygiene.wrong_opening, opening("Reading", "Learning"), "gives None"),
    (hygiene.wrong_opening, opening("(01-first.ipynb)", "(03-third.ipynb)"), "'Previous:' leads to 03-third"),
    (hygiene.wrong_opening, opening("[Next: Third](03-third.ipynb)", ""), "'Next:' leads to None"),
    (hygiene.wrong_opening, opening("../../README.md#roadmap", "../R.md"), "'Roadmap' leads to ../R.md"),
    (hygiene.dead_links, say("[a](../../resources/data.md)"), "resources/data.md, which does not exist"),
    (hygiene.dead_links, say("![a](figure.png)"), "figure.png"),
    (hygiene.dead_links, say('<img src="figure.png">'), "figure.png"),
    (hygiene.dead_links, say("[away](../../../other/x.md)"), "leaves the repository"),
    (hygiene.dead_links, say("[a](#Reference)"), "no heading with the anchor #Reference"),
    (hygiene.dead_links, say("[a](01-first.ipynb#Here-there)"), "no heading with the anchor #Here-there"),
    (hygiene.dead_links, say("[a](../../README.md#the-roadmap)"), "no heading with the anchor #the-roadmap"),
    (hygiene.wrong_exercises, code('exercise("01-demo/second-9")'), "no exercise '01-demo/second-9'"),
    (hygiene.wrong_exercises, code('exercise("01-demo/first-1")'), "belongs to 01-demo/topic/01-first"),
    (hygiene.wrong_exercises, code("x = 1"), "not asked: ['01-demo/second-1']"),
    (hygiene.wrong_exercises, code("x = 1"), "at least 2"),
]


@pytest.mark.parametrize(
    ("check", "spoil", "says"), FAULTS, ids=[f"{c.__name__}-{s[:20]}" for c, _, s in FAULTS]
)
def test_checks_catch_a_bad_notebook(demo, check, spoil, says):
    notebook = good_notebook()
    spoil(notebook)
    assert says in problems(check, notebook, demo)


def test_checks_catch_more(demo):
    assert "1,000,000 bytes" in problems(hygiene.too_large, good_notebook(), demo, size=1_000_000)
    demo.exercises["01-demo/second-1"].items = ["Three"]
    assert "ticks ['Three']" in problems(hygiene.wrong_exercises, good_notebook(), demo)
    assert {check for check, *_ in FAULTS} | {hygiene.too_large} == set(hygiene.CHECKS)


@pytest.mark.parametrize(
    "text",
    [
        "[a](01-first.ipynb#Here,-there)",
        "[planned](03-third.ipynb)",
        "[web](https://example.org/home/)",
        "`[code](nowhere.md)` and $[x](y)$",
        "```\n[code](nowhere.md)\n```",
        "the folder my-work/ and https://example.org/tmp/x",
    ],
)
def test_checks_let_pass(demo, text):
    notebook = good_notebook()
    say(text)(notebook)
    for check in hygiene.CHECKS:
        assert problems(check, notebook, demo) == ""


def test_an_image_is_not_read_as_text(demo):
    notebook = good_notebook()
    html = '<img src="data:image/png;base64,/tmp/A">'
    output("display_data", data={"image/png": "/tmp/AAAA", "text/html": html})(notebook)
    assert problems(hygiene.machine_paths, notebook, demo) == ""
