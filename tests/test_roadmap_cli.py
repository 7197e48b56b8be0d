"""Ticks and solved exercises travel between copies of the series, and the command line says what it did."""

import json
import os
import subprocess
import sys

import pytest
from roadmap_sample import BASICS, CALCULUS, README, TITLES, file, python

from utils.progress import mark_solved, solved_exercises
from utils.roadmap import Roadmap, RoadmapError
from utils.roadmap_cli import main

__all__ = ["file"]  # the fixture


def read(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Roadmap.read(path)


def test_export_and_import_carry_ticks_and_exercises_to_another_copy(file, tmp_path):
    mark_solved("01-foundations/perceptron-1")
    exported = Roadmap.read().export()
    other = tmp_path / "new" / "README.md"
    other.parent.mkdir()
    fresh = README.replace("[x]", "[ ]").replace("[X]", "[ ]").replace("- [ ] [Gradient", "- [x] [Gradient")
    done = read(other, fresh).import_(exported)
    assert [item.title for item in done.ticked] == ["From 84% to 98%", "Bayes' theorem"]
    assert (done.already, done.missing, done.solved) == ((), (), ("01-foundations/perceptron-1",))
    assert Roadmap.read(other).progress()["01"] == (3, 6)
    assert solved_exercises(other) == {"01-foundations/perceptron-1"}
    again = Roadmap.read(other).import_(exported)
    assert len(again.already) == 2 and not again.ticked and not again.solved


def test_import_follows_a_renamed_notebook_and_reports_what_is_gone(file):
    exported = Roadmap.read().export()
    text = (
        README.replace(CALCULUS, "01-foundations/calculus.ipynb").replace("98%", "99%").replace("[X]", "[ ]")
    )
    done = read(file, text).import_(exported)
    assert [item.key for item in done.ticked] == [("01-foundations/calculus.ipynb", "Bayes' theorem")]
    assert done.missing == ((BASICS, "From 84% to 98%"),)


def test_import_does_not_tick_a_namesake_in_another_notebook(file):
    entries = [{"notebook": BASICS, "title": "The chain rule"}]
    done = Roadmap.read().import_(json.dumps({"version": 1, "ticked": entries, "solved": []}))
    assert done.missing == ((BASICS, "The chain rule"),)
    assert file.read_text() == README


BAD_EXPORTS = [
    "", "{", "[]", "null", "{}", "[" * 100_000, '{"version": 1, "ticked": [], "solved": 3}', b"\xff\xfe",
    '{"version": 2, "ticked": [], "solved": []}', '{"version": 1, "ticked": ["a"], "solved": []}',
    '{"version": 1, "ticked": [{"notebook": "a", "title": 1}], "solved": []}',
    '{"version": 1, "ticked": {"a": 1}, "solved": []}', '{"version": 1, "ticked": [], "solved": [""]}',
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_EXPORTS, ids=range(len(BAD_EXPORTS)))
def test_a_damaged_export_is_refused(file, text):
    with pytest.raises(RoadmapError, match=r"not an export.*nothing was changed"):
        Roadmap.read().import_(text)
    assert file.read_text() == README


def test_solved_exercises_are_remembered_beside_the_roadmap(file):
    assert solved_exercises() == set()
    assert mark_solved("b-1", "a-1") == {"a-1", "b-1"}
    assert mark_solved("b-1") == mark_solved() == set()
    store = json.loads((file.parent / ".exercises.json").read_text())
    assert store == {"version": 1, "solved": ["a-1", "b-1"]}
    for wrong in ("", "  ", 3, None):
        with pytest.raises(ValueError, match="exercise id"):
            mark_solved("c-1", wrong)
    assert solved_exercises() == {"a-1", "b-1"}


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\x00", b'{"solved": [1]}', b'{"solved": {}}', b"[" * 99999]
)
def test_a_damaged_store_is_kept_aside_with_one_line(file, capsys, content):
    store = file.parent / ".exercises.json"
    for name in (".exercises.json.damaged", ".exercises.json.damaged-2"):
        store.write_bytes(content)
        assert solved_exercises() == set()
        printed = capsys.readouterr().out
        assert printed.count("\n") == 1 and name in printed
        assert (file.parent / name).read_bytes() == content
        assert not store.exists()
    store.write_bytes(content)
    assert mark_solved("a-1") == {"a-1"}
    assert solved_exercises() == {"a-1"}


def test_what_a_later_version_adds_to_the_store_stays(file):
    store = file.parent / ".exercises.json"
    store.write_text('{"version": 1, "solved": [], "dates": {"a": "2030-01-01"}}')
    mark_solved("a-1")
    assert json.loads(store.read_text()) == {"version": 1, "solved": ["a-1"], "dates": {"a": "2030-01-01"}}


def test_two_processes_lose_no_exercise(file):
    code = "import sys, utils.progress as p\nfor i in range(50): p.mark_solved(sys.argv[1] + str(i))"
    writers = [python(code, name) for name in "ab"]
    for writer in writers:
        _, error = writer.communicate(timeout=120)
        assert writer.returncode == 0, error.decode()
    assert len(solved_exercises()) == 100


def run(capsys, *arguments):
    status = main(arguments)
    out, err = capsys.readouterr()
    return status, out, err


def test_show_is_a_tree_with_bars_and_numbers(file, capsys):
    status, out, _ = run(capsys, "show")
    assert status == 0
    assert "01 Foundations (weeks 1-3)  [######--------------]  2 of 6" in out
    assert f"  Python basics  ({BASICS})\n     1 [ ] Functions, classes and iterators\n     2 [x] From" in out
    assert "(weeks 4-6)  to come\n      - forward-propagation" in out
    _, out, _ = run(capsys, "show", "--phase", "2")
    assert "Foundations" not in out and "02 The multi" in out
    status, _, err = run(capsys, "show", "--phase", "9")
    assert status == 2 and "there is: 01, 02" in err


@pytest.mark.parametrize(
    "words", [["4"], ["the chain rule"], ["the ch"], ["HAIN R"], ["The", "chain", "rule"]]
)
def test_tick_takes_a_number_a_title_or_a_part(file, capsys, words):
    status, out, _ = run(capsys, "tick", *words)
    assert status == 0 and out == f"ticked: The chain rule  ({CALCULUS})\n"
    assert file.read_text() == README.replace("- [ ] [The chain", "- [x] [The chain")
    assert run(capsys, "tick", *words)[1].startswith("was ticked already")
    assert run(capsys, "untick", *words)[1].startswith("unticked: The chain rule")
    assert file.read_text() == README


def test_an_ambiguous_text_lists_the_candidates(file, capsys):
    status, out, err = run(capsys, "tick", "4", "rad")
    assert (status, out) == (2, "")
    assert "   5  Gradient descent" in err and "   6  Manual gradient" in err
    assert file.read_text() == README


@pytest.mark.parametrize("text", ["0", "99", "", " ", "zzz"])
def test_an_unknown_text_is_refused(file, capsys, text):
    status, _, err = run(capsys, "tick", text)
    assert status == 2 and "no item" in err
    assert file.read_text() == README


def test_next_names_the_first_open_item(file, capsys):
    assert run(capsys, "next")[1].startswith("1 Functions")
    Roadmap.read().tick(TITLES)
    assert run(capsys, "next")[1] == "Everything is ticked.\n"
    file.unlink()
    status, out, _ = run(capsys, "next")
    assert status == 0 and "cannot be read" in out


def test_export_and_import_through_a_file(file, capsys, tmp_path):
    backup = tmp_path / "backup.json"
    assert run(capsys, "export", str(backup))[1].startswith("2 ticked items")
    file.write_text(README.replace("[x]", "[ ]").replace("84%25", "85%").replace("84%", "85%"))
    status, out, _ = run(capsys, "import", str(backup))
    assert status == 0 and "ticked 0, ticked already 1" in out
    assert "not found, so not ticked: From 84% to 98%" in out
    backup.write_text("{")
    assert run(capsys, "import", str(backup))[0] == 2
    status, _, err = run(capsys, "import", str(tmp_path / "none.json"))
    assert status == 1 and "none.json" in err
    assert run(capsys, "export", str(tmp_path / "none" / "x.json"))[0] == 1


def test_the_module_runs_from_a_shell_with_a_narrow_encoding(file):
    file.write_text(
        README.replace("The chain rule", "Rule σ").replace("The-chain-rule", "Rule-σ"), encoding="utf-8"
    )
    process = subprocess.run(
        [sys.executable, "-m", "utils.roadmap", "show"], capture_output=True, cwd=file.parent,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, timeout=60,
    )  # fmt: skip
    assert process.returncode == 0 and b"Rule ?" in process.stdout and process.stderr == b""
