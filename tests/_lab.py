"""JupyterLab with a notebook in a real browser, offline and with settings of its own."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager, suppress

import pytest

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


@contextmanager
def open_notebook(folder, notebook, private, viewport=(1200, 900)):
    """JupyterLab's page of the notebook in `folder`; nothing but the server can be reached from it."""
    with lab(folder, private) as (url, token), playwright.sync_playwright() as pw:
        browser = pw.chromium.launch(executable_path=browser_program, args=FLAGS)
        try:
            context = browser.new_context(viewport={"width": viewport[0], "height": viewport[1]})
            context.route("**/*", lambda route: loopback_only(route, url))
            page = context.new_page()
            page.set_default_timeout(SECONDS * 1000)
            page.goto(f"{url}/lab/tree/{notebook}?reset&token={token}", wait_until="domcontentloaded")
            yield page
        finally:
            browser.close()


def loopback_only(route, url):
    if route.request.url.startswith((url, "data:", "blob:")):
        route.continue_()
    else:
        route.abort()


@contextmanager
def lab(folder, private, arguments=None):
    """A JupyterLab server with settings of its own; stopped with all its kernels, whatever happens.

    It is started in `folder`, with these arguments instead of the one that makes it serve the folder.
    """
    for name, settings in SETTINGS.items():
        path = private / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(settings))
    token, port = secrets.token_hex(16), free_port()
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    command += arguments or [f"--ServerApp.root_dir={folder}"]
    log = private / "server.log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder, private),
            stdout=file,
            stderr=file,
            start_new_session=True,
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


def run_all(page, first):
    """Run all cells; `first` is a text that one of the first outputs shows."""
    page.wait_for_selector('text="Python 3 (ipykernel) | Idle"')  # in the status bar
    for _ in range(4):  # the first attempt is lost where the session is still connecting
        page.click('.lm-MenuBar-itemLabel:text-is("Run")')
        page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
        with suppress(playwright.TimeoutError):
            page.wait_for_selector(f".jp-OutputArea-output >> text={first}", timeout=15_000)
            return


def pictures(page):
    return page.eval_on_selector_all(".jp-OutputArea-output img", "images => images.map(i => i.src)")


def wait_until(condition, what):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"in {SECONDS} seconds: {what}"
        time.sleep(0.1)
