"""The start notebook in JupyterLab, in a real browser: its checkboxes write the README, its slider moves."""

import json
import re
import urllib.request
from pathlib import Path

import nbformat
import pytest
from _lab import lab, open_notebook, pictures, run_all, wait_until

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "01-foundations/00-start-here.ipynb"


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """A copy of what the notebook needs, without outputs, so that nothing in the repository is written."""
    folder = tmp_path_factory.mktemp("series")
    notebook = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    (folder / NOTEBOOK).parent.mkdir()
    nbformat.write(notebook, folder / NOTEBOOK)
    readme = (ROOT / "README.md").read_bytes()
    (folder / "README.md").write_bytes(
        re.sub(rb"- \[[xX]\] \[", b"- [ ] [", readme)
    )  # whatever is ticked there
    return folder


@pytest.fixture(scope="module")
def page(series, tmp_path_factory):
    """JupyterLab's page of the notebook, after all cells have run."""
    with open_notebook(series, NOTEBOOK, tmp_path_factory.mktemp("jupyter")) as page:
        run_all(page, "count is 1")
        page.wait_for_selector(".jp-OutputArea-output >> text=on this page: How to use this series")
        assert page.locator('.jp-OutputArea-output[data-mime-type*="error"]').count() == 0
        yield page


def test_the_readmes_command_serves_the_whole_series(tmp_path):
    """Otherwise neither the links between the phases nor the roadmap can be followed."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (arguments,) = re.findall(r"&& jupyter lab (.*)", readme)
    with lab(ROOT, tmp_path, arguments.split()) as (url, token):
        for path in (NOTEBOOK, "README.md", "03-cnn/architectures"):
            with urllib.request.urlopen(f"{url}/api/contents/{path}?content=0&token={token}") as answer:
                assert answer.status == 200


def open_first_phase(page):
    boxes = page.locator(".widget-checkbox")
    if not boxes.count():
        page.locator(".jupyter-widget-Collapse-header").first.click()
    boxes.first.wait_for()


def checkbox(page, title):
    return page.locator(f'.widget-checkbox:has-text("{title}") input[type=checkbox]')


def test_ticking_a_box_writes_the_readme_and_moves_the_bar(page, series):
    readme = series / "README.md"
    before = readme.read_bytes()
    expected = before.replace(b"- [ ] [How to use this series]", b"- [x] [How to use this series]")
    open_first_phase(page)
    assert not checkbox(page, "How to use this series").is_checked()
    done = before.count(b"- [x] [")
    checkbox(page, "How to use this series").click()
    wait_until(lambda: readme.read_bytes() == expected, "the README is not as ticked")
    page.wait_for_selector(f'.jp-OutputArea-output td:text-matches("^{done + 1} of ")')
    page.wait_for_selector(".widget-label >> text=Ticked: How to use this series")
    checkbox(page, "How to use this series").click()
    wait_until(lambda: readme.read_bytes() == before, "the README is not as it was")


def test_reload_shows_a_tick_made_elsewhere(page, series):
    readme = series / "README.md"
    before = readme.read_bytes()
    open_first_phase(page)
    box = checkbox(page, "Check your installation")
    assert not box.is_checked()
    readme.write_bytes(before.replace(b"- [ ] [Check your inst", b"- [x] [Check your inst"))
    page.click('button:has-text("Reload")')
    wait_until(box.is_checked, "the box is not ticked")
    readme.write_bytes(before)
    page.click('button:has-text("Reload")')
    wait_until(lambda: not box.is_checked(), "the box is still ticked")


def test_a_box_that_cannot_be_saved_springs_back(page, series):
    readme = series / "README.md"
    open_first_phase(page)
    readme.rename(series / "away.md")
    try:
        checkbox(page, "Your roadmap").click()
        page.wait_for_selector(".widget-label >> text=Not saved")
        wait_until(lambda: not checkbox(page, "Your roadmap").is_checked(), "the box still says ticked")
    finally:
        (series / "away.md").rename(readme)


def test_moving_the_slider_changes_the_picture(page):
    wait_until(lambda: pictures(page), "there is no picture")
    before = pictures(page)
    handle = page.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_until(lambda: pictures(page) != before, "the picture is still the same")
    assert len(pictures(page)) == len(before)


def test_data_sets_cannot_be_fetched_offline_and_the_page_says_so(page):
    button = page.locator('button:has-text("Fetch MNIST")')
    assert button.is_disabled()
    assert page.locator(".widget-label >> text=NN_OFFLINE=1 forbids the network").count() == 1


ANSWER = """def weighted_sum(x, w):
    return sum(x_j * w_j for x_j, w_j in zip(x, w))

q = exercise("01-foundations/start-here-1")
q.check(weighted_sum)"""


def test_a_solved_exercise_ticks_its_line_of_the_roadmap(page, series):
    readme = series / "README.md"
    before = readme.read_bytes()
    page.locator(".jp-CodeCell .cm-content", has_text="def weighted_sum").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(ANSWER)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".jp-OutputArea-output >> text=Ticked on your roadmap: How to use this series.")
    assert readme.read_bytes() == before.replace(b"- [ ] [How to use this s", b"- [x] [How to use this s")
    assert json.loads((series / ".exercises.json").read_text())["solved"] == ["01-foundations/start-here-1"]
