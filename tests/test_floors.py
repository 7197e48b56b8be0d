"""The floors of `utils`: imports only go down, matplotlib stays upstairs, nothing unpickles or evaluates."""

import ast
from pathlib import Path

import pytest

UTILS = Path(__file__).resolve().parents[1] / "utils"
LONGEST_FILE = 400

# A unit is a module or a package directly below utils. It imports from lower floors, and `files` from any.
FLOORS = {
    **dict.fromkeys(["files", "backward", "backend", "data_loaders", "metrics", "visualization", "text"], 0),
    "tensor": 1,
    **dict.fromkeys(["ops", "testing"], 2),
    "functional": 3,
    "nn": 4,
    "optim": 5,
    **dict.fromkeys(["models", "checkpoint", "distributed"], 6),
    **dict.fromkeys(["training", "tuning", "diagnostics"], 7),
}
# Beside the house: what each may import. Nothing on the floors may import them.
BESIDE = {
    "progress": {"files"},
    "roadmap_text": set(),
    "roadmap": {"files", "progress", "roadmap_text"},
    "roadmap_cli": {"files", "roadmap"},
    "installation": set(),
    "dashboard": {"roadmap", "roadmap_cli", "progress", "installation", "data_loaders"},
    "exercises": {"files", "testing", "data_loaders", "metrics", "roadmap", "progress"},
}
ONLY_IN = {
    "matplotlib": {"visualization"},
    "anywidget": {"visualization"},
    "ipywidgets": {"visualization", "dashboard"},
    "IPython": {"visualization", "dashboard", "exercises"},
    "pickle": set(),
    "torch": set(),
}


def unit_of(path: Path) -> str:
    """The part of `utils` to which a file belongs: "data_loaders", "files"; "" for utils/__init__.py."""
    name = path.relative_to(UTILS).parts[0].removesuffix(".py")
    return "" if name == "__init__" else name


def imports(source: str) -> set[str]:
    """Dotted names of all modules imported anywhere in the source, except where it is run as a script."""
    tree = ast.parse(source)
    script = [node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)]
    skipped = {id(node) for block in script for node in ast.walk(block)}
    found = set()
    for node in (node for node in ast.walk(tree) if id(node) not in skipped):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = f"{'.' * node.level}{node.module or ''}"
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return found


def problems(unit: str, source: str) -> list[str]:
    """What is wrong with the imports and calls of one file of `unit`."""
    found = []
    for name in sorted(imports(source)):
        top, *rest = name.split(".")
        if top == "":
            found.append(f"relative import of {name}: write utils....")
        elif top == "utils":
            found += _upward(unit, rest[0])
        elif top in ONLY_IN and unit not in ONLY_IN[top]:
            found.append(f"{unit} imports {top}, which only {sorted(ONLY_IN[top]) or 'nothing'} may")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    found += [f"call of {call.func.id}" for call in calls if getattr(call.func, "id", "") in ("eval", "exec")]
    keywords = [keyword for call in calls for keyword in call.keywords]
    return found + [
        "allow_pickle" for keyword in keywords if keyword.arg == "allow_pickle" and _true(keyword)
    ]


def _true(keyword: ast.keyword) -> bool:
    return not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)


def _upward(unit: str, other: str) -> list[str]:
    if other not in FLOORS | BESIDE:
        return [f"{unit} imports utils.{other}, which has no floor: add it to FLOORS in tests/test_floors.py"]
    if other in {unit, *BESIDE.get(unit, ())} or (other == "files" and unit in FLOORS):
        return []
    if FLOORS.get(other, 99) < FLOORS.get(unit, 0):
        return []
    return [f"{unit} imports utils.{other}: imports go down only"]


FILES = sorted(UTILS.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(UTILS).as_posix())
def test_file(path):
    source, unit = path.read_text("utf-8"), unit_of(path)
    assert len(source.splitlines()) <= LONGEST_FILE
    if unit == "":
        assert not imports(source), "utils/__init__.py imports nothing"
        return
    assert unit in FLOORS | BESIDE, "give the module a floor: FLOORS in tests/test_floors.py"
    assert not problems(unit, source)


@pytest.mark.parametrize(
    ("unit", "source", "says"),
    [
        ("data_loaders", "from utils.testing import check_close", "data_loaders imports utils.testing"),
        ("files", "def f():\n    import utils.metrics", "files imports utils.metrics"),
        ("metrics", "from utils import data_loaders", "imports go down only"),
        ("testing", "from utils.exercises import exercise", "testing imports utils.exercises"),
        ("exercises", "from utils.visualization import plot_images", "exercises imports utils.visualization"),
        ("roadmap_text", "from utils.roadmap import Item", "roadmap_text imports utils.roadmap"),
        ("functional", "from utils.nn import Linear", "functional imports utils.nn"),
        ("metrics", "from utils.helpers import x", "no floor"),
        ("metrics", "from .regression import x", "relative import"),
        ("metrics", "import matplotlib.pyplot as plt", "metrics imports matplotlib"),
        ("exercises", "from matplotlib import pyplot", "exercises imports matplotlib"),
        ("data_loaders", "import pickle", "data_loaders imports pickle"),
        ("testing", "def f():\n    import torch", "testing imports torch"),
        ("testing", "eval('1')", "call of eval"),
        ("data_loaders", "import numpy as np\nnp.load('x', allow_pickle=True)", "allow_pickle"),
    ],
)
def test_faults_are_caught(unit, source, says):
    assert says in " ".join(problems(unit, source))


@pytest.mark.parametrize(
    ("unit", "source"),
    [
        ("visualization", "import matplotlib.pyplot as plt\nfrom utils.visualization.style import PALETTE"),
        ("dashboard", "import ipywidgets\nfrom utils.roadmap import Roadmap"),
        (
            "data_loaders",
            "from utils.files import atomic_write\nimport numpy as np\nnp.load('x', allow_pickle=False)",
        ),
        ("nn", "from utils.tensor import Tensor\nfrom utils.functional.linear import linear"),
        ("roadmap", "if __name__ == '__main__':\n    from utils.roadmap_cli import main"),
    ],
)
def test_allowed_imports_pass(unit, source):
    assert not problems(unit, source)


def test_import_of_utils_is_light():
    assert imports("import numpy") == {"numpy"} and imports("from . import x") == {"..x"}
