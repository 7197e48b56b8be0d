"""The start notebook's controls write what they show, and say so when they cannot."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import pytest
from roadmap_sample import BASICS, CALCULUS, POSIX, README, ROOT, TITLES, box, file, section

import utils.data_loaders
from utils import installation
from utils.dashboard import DataDashboard, RoadmapDashboard, data_dashboard, roadmap_dashboard
from utils.data_loaders import DataError
from utils.installation import installation_report
from utils.roadmap import Roadmap

__all__ = ["file"]  # the fixture

RULE = (CALCULUS, "The chain rule")


def opened(path=None):
    dashboard = RoadmapDashboard(path)
    dashboard.accordion.selected_index = 0
    return dashboard


def table(dashboard):
    return dashboard._table()


# ---------------------------------------------------------------- the roadmap


def test_boxes_show_the_file_and_write_it(file):
    dashboard = opened()
    assert [made.description for made in dashboard.boxes.values()] == TITLES
    assert [made.value for made in dashboard.boxes.values()] == [False, True, True, False, False, False]
    assert dashboard.accordion.titles[0] == "01 Foundations (weeks 1-3): 2 of 6"
    dashboard.boxes[RULE].value = True
    assert file.read_text() == README.replace("- [ ] [The chain", "- [x] [The chain")
    assert dashboard.message.value == "Ticked: The chain rule"
    assert dashboard.accordion.titles[0] == "01 Foundations (weeks 1-3): 3 of 6"
    assert dashboard._bars["01"].value == 3
    dashboard.boxes[RULE].value = False
    assert file.read_text() == README


def test_a_phase_is_built_when_it_is_opened(tmp_path):
    lines = "".join(box(f"Item {number}") for number in range(450))
    path = tmp_path / "README.md"
    path.write_text(f"{section(box('First'))}\n### 02 Long\n{lines}\n### 03 Later\n- <plans>\n")
    started = time.perf_counter()
    dashboard = RoadmapDashboard(path)
    assert time.perf_counter() - started < 5
    assert not dashboard.boxes and dashboard.accordion.selected_index is None
    dashboard.accordion.selected_index = 1
    made = list(dashboard.boxes.values())
    assert len(made) == 450
    dashboard.accordion.selected_index = None
    dashboard.accordion.selected_index = 1
    assert list(dashboard.boxes.values()) == made
    dashboard.accordion.selected_index = 2
    assert "&lt;plans&gt;" in dashboard.accordion.children[2].children[0].value


def test_reload_shows_what_was_ticked_or_changed_elsewhere(file):
    dashboard = opened()
    Roadmap.read().tick(RULE)
    assert dashboard.boxes[RULE].value is False
    dashboard.reload()
    assert dashboard.boxes[RULE].value is True
    assert dashboard.message.value == "Read again: 3 of 6 ticked."
    file.write_text(README.replace("Functions,", "Methods,"))
    dashboard.reload()
    assert (BASICS, "Methods, classes and iterators") in dashboard.boxes
    assert dashboard.boxes[RULE].value is False
    file.unlink()
    dashboard.reload()
    assert "cannot be read" in dashboard.message.value and not dashboard.boxes


def test_a_tick_elsewhere_is_seen_with_the_next_tick_here(file):
    dashboard = opened()
    Roadmap.read().tick(RULE)
    dashboard.boxes[(CALCULUS, "Gradient descent")].value = True
    assert dashboard.boxes[RULE].value is True
    assert Roadmap.read().progress()["01"] == (4, 6)


@pytest.mark.parametrize("value", [True, False])
def test_a_failing_write_is_said_and_the_box_springs_back(file, monkeypatch, value):
    item = RULE if value else (BASICS, "From 84% to 98%")
    dashboard = opened()

    def fail(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", fail)
    dashboard.boxes[item].value = value
    assert dashboard.boxes[item].value is not value
    assert dashboard.message.value.startswith("Not saved: ") and "Read-only" in dashboard.message.value
    assert file.read_text() == README


def test_an_item_that_has_gone_springs_back(file):
    dashboard = opened()
    file.write_text(
        README.replace("The chain rule", "The chain rules").replace("#The-chain-rule", "#The-chain-rules")
    )
    dashboard.boxes[RULE].value = True
    assert dashboard.boxes[RULE].value is False
    assert "did you mean 'The chain rules'" in dashboard.message.value
    file.unlink()
    dashboard.boxes[RULE].value = True
    assert dashboard.boxes[RULE].value is False


def test_the_table_reads_well_without_a_kernel(file, capsys, monkeypatch):
    monkeypatch.chdir(file.parent)
    bundle = table(RoadmapDashboard())
    assert "■■■■■■□□□□□□□□□□□□□□" in bundle["text/plain"] and "2 of 6" in bundle["text/plain"]
    assert "to come" in bundle["text/plain"]
    assert bundle["text/plain"].endswith("Next: Functions, classes and iterators, in Python basics")
    assert "<td" in bundle["text/html"] and "<a" not in bundle["text/html"]
    (file.parent / BASICS).parent.mkdir(parents=True)
    (file.parent / BASICS).touch()
    (file.parent / "01-foundations" / "perceptron").mkdir()
    monkeypatch.chdir(file.parent / "01-foundations" / "perceptron")
    link = f'href="../../{BASICS}#Functions,-classes-and-iterators"'
    assert link in table(RoadmapDashboard())["text/html"]
    Roadmap.read().tick(TITLES)
    assert table(RoadmapDashboard())["text/plain"].endswith("Everything is ticked.")
    roadmap_dashboard()
    assert "6 of 6" in capsys.readouterr().out


def test_letters_of_html_in_the_file_stay_letters(tmp_path):
    path = tmp_path / "README.md"
    path.write_text("## Roadmap\n### 01 <script>\n" + box("A<b>").replace("#A<b>", "#A-b"))
    dashboard = opened(path)
    assert "<script>" not in table(dashboard)["text/html"] and "A&lt;b&gt;" in table(dashboard)["text/html"]
    assert dashboard.boxes and not any(
        getattr(made, "description_allow_html", False) for made in dashboard.boxes.values()
    )


def test_no_readme_is_said_not_raised(tmp_path):
    dashboard = RoadmapDashboard(tmp_path / "none.md")
    assert "NN_ROADMAP" in dashboard.message.value and "NN_ROADMAP" in table(dashboard)["text/plain"]


# ---------------------------------------------------------------- data sets


@dataclass
class Record:
    name: str
    title: str
    state: str
    bytes: int = 12_345_678
    licence: str = "CC0"


@pytest.fixture
def shelf(monkeypatch):
    """Three data sets, of which `fetch` can bring one."""
    records = {
        "a": Record("a", "Set A", "to download"),
        "b": Record("b", "Set B", "on disk", 2_000),
        "c": Record("c", "Set C", "with scikit-learn", 0),
        "d": Record("d", "Set D", "to download", 150_000),
    }

    def fetch(name, progress=None):
        if name == "d":
            raise DataError("Set D: no mirror gave it; try again with a network")
        records[name].state = "in cache"
        return records[name]

    monkeypatch.delenv("NN_OFFLINE", raising=False)
    monkeypatch.setattr(utils.data_loaders, "available", lambda: list(records.values()))
    monkeypatch.setattr(utils.data_loaders, "fetch", fetch)
    return records


def test_a_button_for_each_set_that_can_be_fetched(shelf):
    dashboard = DataDashboard()
    assert {name: made.disabled for name, made in dashboard.buttons.items()} == {
        "a": False,
        "b": True,
        "d": False,
    }
    assert dashboard.buttons["a"].tooltip == "Download 12 MB into the cache"
    lines = table(dashboard)["text/plain"].splitlines()
    assert lines[0].split() == ["Data", "set", "Where", "Size", "Licence"]
    assert "2.0 kB" in lines[2] and "0.1 MB" in lines[4]


def test_a_fetch_is_told_in_the_line_and_the_table(shelf):
    dashboard = DataDashboard()
    dashboard.buttons["a"].click()
    dashboard.last.result(timeout=30)
    assert dashboard.message.value == "Set A: in cache."
    assert dashboard.buttons["a"].disabled and "in cache" in table(dashboard)["text/plain"]
    dashboard.buttons["d"].click()
    dashboard.last.result(timeout=30)
    assert dashboard.message.value == "d was not fetched. Set D: no mirror gave it; try again with a network"
    assert not dashboard.buttons["d"].disabled


def test_a_slow_fetch_does_not_hold_the_kernel(shelf, monkeypatch):
    arrived = threading.Event()

    def slow(name, progress=None):
        assert arrived.wait(10)
        return shelf[name]

    monkeypatch.setattr(utils.data_loaders, "fetch", slow)
    dashboard = DataDashboard()
    dashboard.buttons["a"].click()
    assert dashboard.message.value == "Fetching a ..." and dashboard.buttons["a"].disabled
    arrived.set()
    dashboard.last.result(timeout=30)
    assert dashboard.message.value == "Set A: to download."


def test_offline_disables_the_buttons_and_says_why(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NN_OFFLINE", "1")
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("NN_DATA_DIR", raising=False)
    dashboard = DataDashboard()
    assert dashboard.buttons and all(made.disabled for made in dashboard.buttons.values())
    assert "NN_OFFLINE=1 forbids" in dashboard.message.value
    assert dashboard.buttons["mnist"].tooltip == "NN_OFFLINE=1 forbids the network"
    data_dashboard()
    assert "MNIST" in capsys.readouterr().out


def test_a_wrong_data_folder_is_said_not_raised(monkeypatch, tmp_path):
    monkeypatch.setenv("NN_DATA_DIR", str(tmp_path / "none"))
    dashboard = DataDashboard()
    assert "NN_DATA_DIR" in dashboard.message.value and "NN_DATA_DIR" in table(dashboard)["text/plain"]


# ---------------------------------------------------------------- the installation


def test_the_report_names_versions_and_what_is_missing(monkeypatch):
    import numpy as np

    real = installation._version
    monkeypatch.setattr(
        installation, "_version", lambda name: {"optuna": None, "pooch": "0.1"}.get(name, real(name))
    )
    report = installation_report()
    assert f"Python        {sys.version.split()[0]}" in report and np.__version__ in report
    assert 'optuna        not installed: %pip install "optuna>=4,<6"' in report
    assert 'pooch         0.1 is out of range: %pip install "pooch>=1.8,<2"' in report
    assert "playwright" not in report
    assert str(ROOT) not in report


@POSIX
def test_the_report_names_the_gpu_and_a_driver_that_does_not_answer(monkeypatch, tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA X1, 16384 MiB'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert "GPU           NVIDIA X1, 16384 MiB" in installation_report()
    program.write_text("#!/bin/sh\nexit 9\n")
    assert "does not answer" in installation_report()


def test_the_report_imports_nothing_heavy():
    code = (
        "import sys; from utils.installation import installation_report; installation_report();"
        "print([m for m in ('torch', 'sklearn', 'cupy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
