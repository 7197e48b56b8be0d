"""Solved exercises are remembered, and tick their roadmap item once all of its exercises are solved."""

from types import SimpleNamespace

import pytest

from utils.exercises import exercise
from utils.exercises.progress import is_interactive, record
from utils.roadmap import Roadmap, solved_exercises

NOTEBOOK = "01-foundations/perceptron/01-the-perceptron.ipynb"


@pytest.fixture
def readme(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    titles = ["Mathematical formulation", "Decision boundaries"]
    boxes = [f"  - [ ] [{title}]({NOTEBOOK}#{title.replace(' ', '-')})" for title in titles]
    path.write_text(
        "\n".join(["## Roadmap", "### 01 Foundations", f"- [The perceptron]({NOTEBOOK})", *boxes, ""])
    )
    monkeypatch.setenv("NN_ROADMAP", str(path))
    return path


@pytest.fixture
def person(monkeypatch):
    monkeypatch.setattr("utils.exercises.progress.is_interactive", lambda: True)


def ticked(path):
    return [item.title for item in Roadmap.read(path).items if item.ticked]


def test_solving_the_only_exercise_of_an_item_ticks_it(readme, person, capsys):
    found = exercise("01-foundations/perceptron-2")
    found.check(found.target)
    assert ticked(readme) == ["Mathematical formulation"]
    assert "Ticked on your roadmap: Mathematical formulation." in capsys.readouterr().out
    assert solved_exercises() == {found.id}


def test_a_wrong_answer_ticks_nothing(readme, person):
    found = exercise("01-foundations/perceptron-2")
    for _, wrong in found.wrongs:
        found.check(wrong)
    found.check(...)
    assert ticked(readme) == [] and solved_exercises() == set()


def test_an_item_waits_for_all_of_its_exercises(readme, person, monkeypatch, capsys):
    first, second = exercise("01-foundations/perceptron-2"), exercise("01-foundations/perceptron-3")
    monkeypatch.setattr(second, "items", first.items)
    first.check(first.target)
    assert ticked(readme) == []
    assert "Still open for the roadmap item 'Mathematical formulation'" in capsys.readouterr().out
    second.check(second.target)
    assert ticked(readme) == ["Mathematical formulation"]


def test_a_readme_without_roadmap_does_not_spoil_the_answer(readme, person, capsys):
    readme.write_text("nothing here")
    found = exercise("01-foundations/perceptron-2")
    found.check(found.target)
    said = capsys.readouterr().out
    assert "correct" in said and "could not be ticked" in said


def test_nothing_is_recorded_for_scripts(readme):
    assert record(exercise("01-foundations/perceptron-2")) == []
    assert not (readme.parent / ".exercises.json").exists()


@pytest.mark.parametrize(("allowed", "expected"), [(True, True), (False, False)])
def test_a_kernel_is_interactive_when_it_may_ask_for_input(monkeypatch, allowed, expected):
    shell = SimpleNamespace(kernel=SimpleNamespace(_allow_stdin=allowed))
    monkeypatch.setitem(__import__("sys").modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert is_interactive() is expected
