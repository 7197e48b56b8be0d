"""An exercise: a reference, properties that an answer must have, hints, a worked solution, and known wrong answers."""

import copy
import dis
import inspect
import textwrap
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from utils.exercises.compare import describe, difference, show

_PACKAGE = str(Path(__file__).parent)
_NOT_ATTEMPTED = "not attempted yet. Replace the `...` above and run the cell again."


class ExerciseError(ValueError):
    """An exercise was asked for, or defined, in a way that cannot work.

    Notebook: 01-foundations/00-start-here.ipynb
    """


@dataclass(frozen=True)
class Verdict:
    """What `Exercise.evaluate` found: `status` is "correct", "wrong" or "not attempted", `message` is for the learner.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    status: str
    message: str

    @property
    def passed(self) -> bool:
        return self.status == "correct"


@dataclass(frozen=True)
class _Property:
    text: str
    cases: Callable[[np.random.Generator], tuple]
    seeds: int


class Exercise:
    """One exercise. `check(answer)` says whether an answer is right, `hint()` helps on, `solution()` shows the way.

    Defined in a module of its phase's folder:

        neuron = Exercise("01-foundations/perceptron-1", notebook=..., items=[...], hints=[...], explanation=...)

        @neuron.reference  # the worked solution, shown by solution()
        def predict(X, w, b): ...

        @neuron.case("several points at once")  # a property, and the arguments of one case of it
        def _(rng): return rng.normal(size=(4, 2)), rng.normal(size=2), 0.5

        @neuron.wrong("The bias is missing.")  # a mistake to expect, and what to say of it
        def _(X, w, b): ...

    An answer that is a value has a reference without arguments; it must equal the reference's value or, where there
    are properties, act alike in them. `@driver` replaces the plain call `answer(*case)`: for answers that are
    classes, that need several calls, or that are values to be tried out. A driver that cannot use an answer raises
    ExerciseError, whose text is for the learner.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    def __init__(
        self,
        id: str,
        *,
        notebook: str,
        items: list[str],
        hints: list[str],
        explanation: str,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        dtype: bool = False,
    ):
        self.id, self.notebook, self.items = id, notebook, items
        self.hints, self.explanation = hints, textwrap.dedent(explanation).strip()
        self.rtol, self.atol, self.dtype = rtol, atol, dtype
        self.properties: list[_Property] = []
        self.wrongs: list[tuple[str, Any]] = []
        self._reference: Callable | None = None
        self._driver: Callable = lambda answer, *args: answer(*args)
        self._hints_shown = 0

    def __repr__(self) -> str:
        return f"Exercise {self.id}: .check(answer), .hint(), .solution()"

    # -- definition -----------------------------------------------------------------------------------------------

    def reference(self, function: Callable) -> Callable:
        self._reference = function
        return function

    def driver(self, function: Callable) -> Callable:
        self._driver = function
        return function

    def case(self, text: str, seeds: int = 4) -> Callable:
        def register(cases: Callable) -> Callable:
            self.properties.append(_Property(text, cases, seeds))
            return cases

        return register

    def wrong(self, diagnosis: str) -> Callable:
        def register(answer: Any) -> Any:
            self.wrongs.append((diagnosis, answer if self.is_function else answer()))
            return answer

        return register

    @property
    def is_function(self) -> bool:
        """Whether the answer is a function or class rather than a value."""
        return bool(inspect.signature(self._reference).parameters) or inspect.isclass(self._reference)

    @property
    def target(self) -> Any:
        """The right answer itself: the reference, or for a value exercise the value."""
        return self._reference if self.is_function else self._reference()

    # -- for the learner ------------------------------------------------------------------------------------------

    def check(self, answer: Any = ...) -> None:
        """Print whether `answer` is right and, where it is not, which property fails and on what."""
        verdict = self.evaluate(answer)
        print(f"{self.id}: {verdict.message}")
        if verdict.passed:
            from utils.exercises.progress import record

            for line in record(self):
                print(line)

    def hint(self) -> None:
        """Print the next hint; after the last one, begin again."""
        number = self._hints_shown % len(self.hints)
        self._hints_shown += 1
        print(f"Hint {number + 1} of {len(self.hints)}: {self.hints[number]}")

    def solution(self) -> None:
        """Print the worked solution and the reason why it is right."""
        print(self.source())
        print("\n" + self.explanation)

    def source(self) -> str:
        lines = textwrap.dedent(inspect.getsource(self._reference)).splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith(("def ", "class ")))
        return "\n".join(lines[start:])

    # -- judging --------------------------------------------------------------------------------------------------

    def evaluate(self, answer: Any) -> Verdict:
        """Judge an answer without printing anything or ticking any box."""
        if answer is ... or answer is None or _is_stub(answer):
            return Verdict("not attempted", _NOT_ATTEMPTED)
        if self.is_function and not callable(answer):
            return Verdict("wrong", self._not_callable(answer))
        if not self.is_function and callable(answer):
            return Verdict("wrong", f"expected a value, but got {describe(answer)}: call it first.")
        if not self.properties:
            return self._evaluate_value(answer)
        failure, count = self._first_failure(answer)
        if failure is None:
            return Verdict("correct", f"correct, on {count} cases.")
        if diagnosis := self._diagnosis(answer):
            failure += f"\nLook here: {diagnosis}"
        return Verdict("wrong", "not yet. " + failure)

    def _evaluate_value(self, answer: Any) -> Verdict:
        found = difference(answer, self.target, self.rtol, self.atol, reveal=False)
        if found is None:
            return Verdict("correct", "correct.")
        for diagnosis, value in self.wrongs:
            if difference(answer, value, self.rtol, self.atol) is None:
                found += f"\nLook here: {diagnosis}"
                break
        return Verdict("wrong", f"not yet: {found}")

    def _not_callable(self, answer: Any) -> str:
        name = self._reference.__name__
        return (
            f"check needs the {'class' if inspect.isclass(self._reference) else 'function'} itself, "
            f"but got {show(answer)}: write q.check({name}), without calling it."
        )

    def _first_failure(self, answer: Any) -> tuple[str | None, int]:
        count = 0
        for rule, case in self.all_cases():
            count += 1
            if (found := self._judge(answer, case)) is not None:
                return f"What fails: {rule.text}.\n{self._given(case)}{found}", count
        return None, count

    def all_cases(self) -> Iterator[tuple[_Property, tuple]]:
        for rule in self.properties:
            for seed in range(rule.seeds):
                case = rule.cases(np.random.default_rng(seed))
                yield rule, case if isinstance(case, tuple) else (case,)

    def _judge(self, answer: Any, case: tuple) -> str | None:
        """Run one case; a sentence on what is wrong, or None."""
        expected = self._driver(self.target, *copy.deepcopy(case))
        given = copy.deepcopy(case)
        try:
            actual = self._driver(answer, *given)
        except ExerciseError as error:  # a driver cannot use the answer, and says why
            return f"Your answer: {error}"
        except Exception as error:
            return f"Your code raised {type(error).__name__}: {error}{_line_of(error)}"
        names = self._names(case)
        if changed := [
            name for name, new, old in zip(names, given, case, strict=True) if difference(new, old, 0, 0)
        ]:
            return f"Your code changed its input {' and '.join(changed)}: work on a copy."
        found = difference(actual, expected, self.rtol, self.atol)
        if found is None and self.dtype and np.asarray(actual).dtype != np.asarray(expected).dtype:
            found = f"the result has dtype {np.asarray(actual).dtype}, expected {np.asarray(expected).dtype}"
        return f"Your answer: {found}" if found else None

    def _names(self, case: tuple) -> list[str]:
        """What the arguments of a case are called: as in the answer, or else as in the driver."""
        for names in (self._parameters(), list(inspect.signature(self._driver).parameters)[1:]):
            if len(names) == len(case):
                return names
        return [f"argument {number + 1}" for number in range(len(case))]

    def _given(self, case: tuple) -> str:
        lines = []
        for name, value in zip(self._names(case), case, strict=True):
            text = value.__name__ if callable(value) else show(value)
            lines.append(f"  {name} = {textwrap.indent(text, ' ' * (len(name) + 5)).lstrip()}")
        return "Given\n" + "\n".join(lines) + "\n" if lines else ""

    def _parameters(self) -> list[str]:
        if self.is_function and not inspect.isclass(self._reference):
            return list(inspect.signature(self._reference).parameters)
        return list(inspect.signature(self._driver).parameters)[1:]

    def _diagnosis(self, answer: Any) -> str | None:
        """The known mistake whose results are the answer's on every case, where there is one."""
        with np.errstate(all="ignore"):  # known mistakes may overflow; the learner has seen the warning
            for diagnosis, wrong in self.wrongs:
                if all(self._same(answer, wrong, case) for _, case in self.all_cases()):
                    return diagnosis
        return None

    def _same(self, answer: Any, wrong: Any, case: tuple) -> bool:
        results = []
        for function in (answer, wrong):
            given = copy.deepcopy(case)
            try:
                results.append(("returned", self._driver(function, *given), given))
            except Exception as error:
                results.append(("raised", type(error).__name__, ""))
        return difference(results[0], results[1], self.rtol, self.atol) is None


def _is_stub(answer: Any) -> bool:
    """Whether a function's body is nothing but `...`, `pass` or a docstring, or a class has such methods only."""
    if inspect.isclass(answer):
        methods = [value for value in vars(answer).values() if inspect.isfunction(value)]
        return all(map(_is_stub, methods))
    if not inspect.isfunction(answer):
        return False
    idle = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST", "POP_TOP"}
    constants = set(answer.__code__.co_consts) - {None, ..., answer.__doc__}
    return not constants and {step.opname for step in dis.get_instructions(answer)} <= idle


def _line_of(error: Exception) -> str:
    """The learner's own line; drivers and the framework, which lie in this package, are no help to look at."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_PACKAGE)]
    return f"\n  in the line: {frames[0].line}" if frames and frames[0].line else ""
