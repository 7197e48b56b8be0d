"""The start notebook in JupyterLab, in a real browser: its checkboxes write the README, its slider moves."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "01-foundations/00-start-here.ipynb"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight are in the page too
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
SECONDS = 90  # for anything to happen on a slow machine; nothing takes as long on an idle one

playwright = pytest.importorskip(
    "playwright.sync_api", reason='the browser tests need Playwright: pip install -e ".[dev]"'
)
browser_program = next(filter(None, map(shutil.which, BROWSERS)), None)
if browser_program is None:
    pytest.skip(f"the browser tests need one of {', '.join(BROWSERS)}", allow_module_level=True)


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
    with lab(series, tmp_path_factory.mktemp("jupyter")) as (url, token), playwright.sync_playwright() as pw:
        browser = pw.chromium.launch(executable_path=browser_program, args=FLAGS)
        try:
            context = browser.new_context(viewport={"width": 1200, "height": 900})
            context.route("**/*", lambda route: loopback_only(route, url))
            page = context.new_page()
            page.set_default_timeout(SECONDS * 1000)
            page.goto(f"{url}/lab/tree/{NOTEBOOK}?reset&token={token}", wait_until="domcontentloaded")
            run_all(page)
            yield page
        finally:
            browser.close()


def loopback_only(route, url):
    if route.request.url.startswith((url, "data:", "blob:")):
        route.continue_()
    else:
        route.abort()


@contextmanager
def lab(folder, private):
    """A JupyterLab server with settings of its own; stopped with all its kernels, whatever happens."""
    for name, settings in SETTINGS.items():
        path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    token, port = secrets.token_hex(16), free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
    command += [f"--IdentityProvider.token={token}"]
    log = private / "server.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, env=environment(folder, private), stdout=file, stderr=file, start_new_session=True
        )
    try:
        wait_for_server(server, f"http://127.0.0.1:{port}/api/status?token={token}", log)
        yield f"http://127.0.0.1:{port}", token
    finally:
        stop(server)


def environment(folder, private):
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "NN_CACHE_DIR": "cache",
    }
    own = {name: str(private / folder) for name, folder in folders.items()}
    kept = {name: value for name, value in os.environ.items() if name not in ("JUPYTER_TOKEN", "NN_DATA_DIR")}
    return kept | own | {"NN_ROADMAP": str(folder / "README.md"), "NN_OFFLINE": "1"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_server(server, url, log):
    for _ in range(SECONDS * 4):
        with suppress(OSError), urllib.request.urlopen(url, timeout=10):
            return
        if server.poll() is not None:
            break
        time.sleep(0.25)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


def stop(server):
    server.terminate()
    with suppress(subprocess.TimeoutExpired):
        server.wait(20)
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
    server.kill()
    server.wait(20)


def run_all(page):
    page.wait_for_selector('text="Python 3 (ipykernel) | Idle"')  # in the status bar
    for _ in range(4):  # the first attempt is lost where the session is still connecting
        page.click('.lm-MenuBar-itemLabel:text-is("Run")')
        page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
        with suppress(playwright.TimeoutError):
            page.wait_for_selector(".jp-OutputArea-output >> text=count is 1", timeout=15_000)
            break
    page.wait_for_selector(".jp-OutputArea-output >> text=on this page: How to use this series")
    assert page.locator('.jp-OutputArea-output[data-mime-type*="error"]').count() == 0


def open_first_phase(page):
    boxes = page.locator(".widget-checkbox")
    if not boxes.count():
        page.locator(".jupyter-widget-Collapse-header").first.click()
    boxes.first.wait_for()


def checkbox(page, title):
    return page.locator(f'.widget-checkbox:has-text("{title}") input[type=checkbox]')


def wait_until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in {SECONDS} seconds: {what}"
        time.sleep(0.1)


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
    def pictures():
        return page.eval_on_selector_all(".jp-OutputArea-output img", "images => images.map(i => i.src)")

    wait_until(pictures, "there is no picture")
    before = pictures()
    handle = page.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_until(lambda: pictures() != before, "the picture is still the same")
    assert len(pictures()) == len(before)


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
