"""Every public name of `utils` says in its docstring which notebook derives it, or first uses it."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = ["data_loaders", "metrics", "visualization", "testing", "exercises", "roadmap", "dashboard"]
MODULES += ["backend", "tensor", "ops", "functional", "nn", "optim", "checkpoint", "training", "tuning"]
MODULES += ["models", "diagnostics", "distributed"]
PLANNED = (ROOT / "resources" / "planned-notebooks.txt").read_text("utf-8").split()


def public_objects(module) -> dict[str, object]:
    """Functions and classes that a module offers: those in `__all__`, else all that it defines itself."""
    own = [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    names = getattr(module, "__all__", [name for name in own if not name.startswith("_")])
    objects = {name: getattr(module, name) for name in names}
    return {
        name: value for name, value in objects.items() if inspect.isroutine(value) or inspect.isclass(value)
    }


def problem(value: object, root: Path = ROOT, planned: list[str] = PLANNED) -> str:
    """What is wrong with a docstring, or an empty text."""
    lines = [line.strip() for line in (value.__doc__ or "").strip().splitlines()]
    if not lines or not re.search(r"[.:;]", lines[0]):
        return "no docstring that begins with a sentence"
    found = re.fullmatch(r"Notebook: (\S+\.ipynb)", lines[-1])
    if not found:
        return f"the last line is {lines[-1]!r}, expected 'Notebook: PHASE/TOPIC/NAME.ipynb'"
    path, topic = found[1], found[1].rpartition("/")[0]
    if path not in planned:
        return f"{path} is not in resources/planned-notebooks.txt"
    later = [other for other in planned[planned.index(path) + 1 :] if other.startswith(f"{topic}/")]
    if not (root / path).exists() and any((root / other).exists() for other in later):
        return f"{path} does not exist, though {topic} has later notebooks"
    return ""


OBJECTS = [
    pytest.param(value, id=f"{name}.{key}")
    for name in MODULES
    for key, value in public_objects(importlib.import_module(f"utils.{name}")).items()
]


@pytest.mark.parametrize("value", OBJECTS)
def test_docstring(value):
    assert not problem(value)


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    module = importlib.import_module(f"utils.{name}")
    assert module.__doc__
    assert public_objects(module)
    assert len(set(getattr(module, "__all__", []))) == len(getattr(module, "__all__", []))


@pytest.mark.parametrize(
    ("docstring", "says"),
    [
        (None, "no docstring"),
        ("Too short", "no docstring"),
        ("Adds.", "the last line is 'Adds.'"),
        ("Adds.\n\nNotebook: 01-demo/a.ipynb\nand more", "the last line is 'and more'"),
        ("Adds.\n\nNotebook: 01-demo/e.ipynb", "not in resources/planned-notebooks.txt"),
        ("Adds.\n\nNotebook: 01-demo/b.ipynb", "does not exist"),
        ("Adds.\n\n    Notebook: 01-demo/a.ipynb\n    ", ""),
        ("Adds.\n\nNotebook: 01-demo/d.ipynb", ""),
        ("Adds.\n\nNotebook: 02-later/a.ipynb", ""),
    ],
)
def test_problems_are_found(tmp_path, docstring, says):
    def add(): ...

    add.__doc__ = docstring
    (tmp_path / "01-demo").mkdir()
    for name in ("a", "c"):
        (tmp_path / "01-demo" / f"{name}.ipynb").touch()
    planned = [*(f"01-demo/{name}.ipynb" for name in "abcd"), "02-later/a.ipynb"]
    found = problem(add, tmp_path, planned)
    assert says in found and bool(says) == bool(found)
