"""Every reference passes its own exercise; every listed wrong answer fails and is told why."""

from pathlib import Path

import numpy as np
import pytest

from utils.exercises import Exercise, ExerciseError, all_exercises, exercise
from utils.exercises.compare import difference, show

EXERCISES = list(all_exercises())
WRONG = [(found, label, answer) for found in EXERCISES for label, answer in found.wrongs]
PLANNED = (Path(__file__).parents[1] / "resources" / "planned-notebooks.txt").read_text().split()


@pytest.mark.parametrize("found", EXERCISES, ids=lambda found: found.id)
def test_reference_passes(found):
    verdict = found.evaluate(found.target)
    assert verdict.passed, verdict.message


@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # to overflow or to divide by zero is what some do wrong
@pytest.mark.parametrize(
    ("found", "label", "answer"), WRONG, ids=[f"{e.id}:{label[:30]}" for e, label, _ in WRONG]
)
def test_wrong_answer_fails_and_says_why(found, label, answer):
    verdict = found.evaluate(answer)
    assert verdict.status == "wrong"
    assert label in verdict.message or "changed its input" in verdict.message, verdict.message


@pytest.mark.parametrize("found", EXERCISES, ids=lambda found: found.id)
def test_exercise_is_complete(found):
    assert found is exercise(found.id)
    assert found.notebook in PLANNED
    assert found.items
    assert len(found.hints) >= 2
    assert found.explanation
    assert len(found.wrongs) >= 2, "list at least two mistakes to expect"
    assert found.source().startswith(("def ", "class "))


def test_ids_are_unique():
    assert len({found.id for found in EXERCISES}) == len(EXERCISES)


@pytest.fixture
def double():
    made = Exercise(
        "01-foundations/demo-1",
        notebook="n.ipynb",
        items=["Item"],
        hints=["Add.", "x + x"],
        explanation="Twice.",
    )

    @made.reference
    def double(x):
        return x + x

    @made.case("an array")
    def _(rng):
        return (rng.normal(size=3).round(1),)

    @made.wrong("That is the square.")
    def _(x):
        return x * x

    return made


def stub(x):
    """Twice x."""
    ...


class StubClass:
    def fit(self): ...


def raises(x):
    return x.no_such_thing


def begun(x):
    x = x + 1
    return ...


def changes_input(x):
    x *= 2
    return x


@pytest.mark.parametrize("answer", [..., None, stub, lambda x: None, lambda x: ..., StubClass])
def test_unattempted(double, answer):
    assert double.evaluate(answer).status == "not attempted"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda x: x * x, "That is the square."),
        (lambda x: 3 * x, "expected"),
        (lambda x: list(x + x), "a list of 3 items"),
        (lambda x: (x + x)[:2], "shape (2,), expected (3,)"),
        (lambda x: (x + x)[:, None], "shape (3, 1), expected (3,)"),
        (lambda x: x * np.nan, "nan"),
        (lambda x: float(x.sum()), "expected a NumPy array"),
        (lambda: 1, "TypeError"),
        (raises, "no_such_thing"),
        (changes_input, "changed its input x: work on a copy"),
        (np.ones(3), "without calling it"),
        (begun, "is a part of the stub still in place?"),
    ],
)
def test_mistakes_are_explained(double, answer, says):
    verdict = double.evaluate(answer)
    assert verdict.status == "wrong"
    assert says in verdict.message


def test_an_error_names_the_line_of_the_learner_not_of_the_driver(double):
    assert "in the line: return x.no_such_thing" in double.evaluate(raises).message
    one_weight = exercise("01-foundations/perceptron-1").evaluate(([1.0], 0.0)).message
    assert "IndexError" in one_weight and "in the line" not in one_weight


def test_a_driver_says_what_it_cannot_use_and_names_its_arguments(double):
    @double.driver
    def shifted(answer, x, shift):
        if not isinstance(answer(x), np.ndarray):
            raise ExerciseError("expected an array")
        return answer(x) + shift

    double.properties.clear()
    double.case("two arguments")(lambda rng: (np.ones(2), 3))
    message = double.evaluate(lambda x: 1).message
    assert message.endswith("Your answer: expected an array") and "shift = 3" in message


def test_known_mistakes_are_tried_without_warnings(recwarn):
    made = Exercise("01-foundations/demo-4", notebook="n", items=["I"], hints=["h"], explanation="e")
    made.reference(lambda x: np.ones(1))
    made.case("zero")(lambda rng: (np.zeros(1),))
    made.wrong("Division by zero.")(lambda x: 1 / x)
    assert "expected" in made.evaluate(lambda x: x).message
    assert not recwarn.list


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([1.0, 1e-17]), "[1. 0.]"),
        (np.array([2.5e-12, 0.0]), "[2.5e-12 0.0e+00]"),
        (np.zeros(2), "[0. 0.]"),
        (np.array([np.nan, 1.0]), "[nan  1.]"),
        (np.zeros(0), "[]"),
    ],
)
def test_arrays_are_shown_rounded_unless_nothing_would_be_left(value, text):
    assert show(value) == text


def test_float64_where_float32_is_asked():
    made = Exercise(
        "01-foundations/demo-2", notebook="n", items=["I"], hints=["h"], explanation="e", dtype=True
    )

    @made.reference
    def half(x):
        return x * np.float32(0.5)

    @made.case("float32 stays float32")
    def _(rng):
        return (np.ones(2, np.float32),)

    assert made.evaluate(half).passed
    assert "float64, expected float32" in made.evaluate(lambda x: x * np.float64(0.5)).message


def test_value_exercise_does_not_reveal_the_value():
    made = Exercise("01-foundations/demo-3", notebook="n", items=["I"], hints=["h"], explanation="e")
    made.reference(lambda: 0.8125)
    made.wrong("A factor 2 is missing.")(lambda: 0.40625)
    assert made.evaluate(0.8125).passed
    assert "0.8125" not in made.evaluate(0.5).message
    assert "factor 2" in made.evaluate(0.40625).message
    assert "call it first" in made.evaluate(lambda: 0.8125 + 0).message


def test_hints_come_one_by_one(double, capsys):
    for _ in range(3):
        double.hint()
    assert capsys.readouterr().out.splitlines() == [
        "Hint 1 of 2: Add.",
        "Hint 2 of 2: x + x",
        "Hint 1 of 2: Add.",
    ]


def test_solution_shows_code_and_reason(double, capsys):
    double.solution()
    shown = capsys.readouterr().out
    assert "def double(x):" in shown and "return x + x" in shown and "Twice." in shown and "@" not in shown


def test_check_outside_a_front_end_ticks_nothing(double, capsys, monkeypatch):
    monkeypatch.setattr("utils.exercises.progress.is_interactive", lambda: False)
    double.check(lambda x: 2 * x)
    assert capsys.readouterr().out == "01-foundations/demo-1: correct, on 4 cases.\n"


@pytest.mark.parametrize("id", ["01-foundations/perceptron-99", "perceptron-1", "02-nothing/zzzz", 3])
def test_unknown_id_names_near_ones(id):
    with pytest.raises(ExerciseError, match="did you mean '01-foundations/"):
        exercise(id)


@pytest.mark.parametrize(
    ("actual", "expected", "same"),
    [
        (1, 1.0, True),
        (np.float32(0.5), 0.5, True),
        (True, 1, True),
        ("a", "b", False),
        ([1, [2, 3]], [1, [2, 3]], True),
        ([1, [2, 4]], [1, [2, 3]], False),
        ((1, 2), [1, 2], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        (np.zeros((2, 1)), np.zeros((1, 2)), False),
        (np.array(["a"]), np.array(["a"]), True),
        (None, 1, False),
        (iter([1, 2]), [1, 2], True),
    ],
)
def test_difference(actual, expected, same):
    assert (difference(actual, expected) is None) == same
