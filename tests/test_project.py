"""The files around the code agree with each other, and none of them speaks of one person's computer."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import hygiene
import pytest
import yaml
from packaging.requirements import Requirement

from benchmarks import tables
from benchmarks.__main__ import ROWS
from benchmarks.memory import MEMORY
from benchmarks.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
README = (ROOT / "README.md").read_text("utf-8")
PYTHONS = ["3.11", "3.12", "3.13"]
TEXTS = {".md", ".py", ".toml", ".txt", ".cfg", ".cff", ".yml", ".yaml", ".json", ".sh", ""}
FOLDERS = ["utils", "tests", "resources", ".ci", ".github", "benchmarks"]
# Installed with the package named, on which pyproject depends.
COMES_WITH = {
    "IPython": "ipywidgets",
    "cycler": "matplotlib",
    "packaging": "pytest",
    "psutil": "jupyter",
    "requests": "pooch",
    "scipy": "scikit-learn",
    "threadpoolctl": "scikit-learn",
}
IMPORT_NAMES = {"sklearn": "scikit-learn"}
PACKAGE_INDEXES = {"download.pytorch.org"}


def needs(lines: list[str]) -> dict[str, str]:
    """Version ranges by package, of requirement lines."""
    return {found.name: str(found.specifier) for found in map(Requirement, lines)}


def bounds_missing(lines: list[str]) -> list[str]:
    """Requirements without a lower and an upper bound."""
    return [line for line in lines if not re.search(r">=.*<\d", line)]


def foreign(text: str) -> list[str]:
    """Phrases that belong to one computer, one person's package index, or a draft."""
    found = [match[0] for match in hygiene.MACHINE_PATH.finditer(text)]
    found += [match[0] for match in hygiene.FILLER.finditer(text)]
    hosts = re.findall(
        r"(?:--(?:extra-)?index-url|--find-links|INDEX_URL|FIND_LINKS)[ =:]+\W?(?:\w+:/+)?([^/\s\"']+)", text
    )
    found += [host for host in hosts if host not in PACKAGE_INDEXES]
    return found + re.findall(r"https?://(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.[\d.]+", text)


def tracked_texts() -> list[Path]:
    """Text files that git tracks, notebooks aside; outside a repository, those in FOLDERS."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    paths = [ROOT / name for name in listed]
    if ROOT / "pyproject.toml" not in paths:
        paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))]
        paths += [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "pyproject.toml", "conftest.py")]
    return [path for path in paths if path.suffix in TEXTS and path.is_file()]


def test_requirements_are_those_of_the_package():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert lines[-1] == "-e ."
    assert needs(lines[:-1]) == needs(PROJECT["dependencies"])


def test_every_version_range_is_bounded():
    extras = PROJECT["optional-dependencies"].values()
    assert not bounds_missing([*PROJECT["dependencies"], *chain.from_iterable(extras)])


def test_extras_of_the_readme_are_those_of_the_package():
    table = re.search(r"\| extra \|.*?\n\n", README, re.S)[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.M) == list(PROJECT["optional-dependencies"])
    named = re.findall(r'pip install -e "\.\[([\w,-]+)\]"', README)
    assert named and set(",".join(named).split(",")) <= set(PROJECT["optional-dependencies"])


def test_readme_has_the_two_commands():
    start = "jupyter lab --ServerApp.root_dir=. 01-foundations/00-start-here.ipynb"
    assert f"pip install -r requirements.txt && {start}\n" in README
    assert "pip install -r requirements.txt && pytest\n" in README


@pytest.mark.parametrize("name", tables.TABLES)
def test_readme_has_what_was_measured(name):
    found = tables.TABLES[name](tables.load(name))
    assert found.count("\n") > 5 and f"\n\n{found}\n" in README, "python -m benchmarks.tables brings it there"


def test_measured_speeds_are_of_every_workload():
    results = tables.load("speed")
    measured = [entry["name"] for row in results["rows"] for entry in row["entries"]]
    beside = [entry["name"] for entry in results["beside"]]
    assert sorted([*measured, *beside]) == sorted(["plain matmul, 1024", *WORKLOADS])
    assert [row["name"] for row in results["rows"]] == list(ROWS)
    assert [row["name"] for row in tables.load("memory")["rows"]] == list(MEMORY)


def test_citation_agrees_with_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(citation)
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    init = ast.parse((ROOT / "utils" / "__init__.py").read_text("utf-8"))
    assert ast.unparse(init.body[-1]) == f"__version__ = {PROJECT['version']!r}"


def test_pythons_agree():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert all(version in README for version in PYTHONS)


def test_workflow_runs_the_commands_of_the_readme():
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")
    assert "pip install -r requirements.txt && pytest\n" in workflow


def test_ci_script_parses():
    script = ROOT / ".ci" / "run"
    assert script.read_text("utf-8").startswith("#!/usr/bin/env bash\n")
    if sys.platform != "win32":
        assert script.stat().st_mode & 0o111, "chmod +x .ci/run"
        subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize("path", sorted((ROOT / "utils").rglob("*.py")), ids=lambda path: path.stem)
def test_imports_are_installed_by_requirements(path):
    optional = [need for extra in PROJECT["optional-dependencies"].values() for need in extra]
    declared = set(needs(PROJECT["dependencies"])) | set(needs(optional)) | set(COMES_WITH) | {"utils"}
    tree = ast.parse(path.read_text("utf-8"))
    tops = {
        alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    tops |= {n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    packages = {IMPORT_NAMES.get(top, top) for top in tops - set(sys.stdlib_module_names)}
    assert packages <= declared, "add the package to pyproject.toml and requirements.txt"


def test_what_comes_along_comes_with_a_requirement():
    assert set(COMES_WITH.values()) <= set(needs(PROJECT["dependencies"]))


@pytest.mark.parametrize("path", tracked_texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_text_is_nobodys_own(path):
    if path.name not in {"hygiene.py", "test_project.py", "test_notebooks.py"}:  # they list what they forbid
        assert not foreign(hygiene.own_words(path))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("see /home/ann/x", "/home/"),
        ("cd /work/main", "/work/"),
        (r"C:\Users\ann", "Users"),
        ("TODO: write", "TODO"),
        ("a comprehensive guide", "comprehensive"),
        ("pip install --index-url https://mirror.example/simple x", "mirror.example"),
        ("PIP_EXTRA_INDEX_URL: https://mirror.example/simple", "mirror.example"),
        ("--find-links=file:///wheels", "wheels"),
        ("http://10.1.2.3/x", "http://10.1.2.3"),
    ],
)
def test_foreign_phrases_are_found(text, says):
    assert says in " ".join(foreign(text))


@pytest.mark.parametrize(
    "text",
    [
        "pip install torch --index-url https://download.pytorch.org/whl/cpu",
        "PIP_EXTRA_INDEX_URL: https://download.pytorch.org/whl/cpu",
        "cp -r 01-foundations my-work/01-foundations",
        "http://127.0.0.1:8000/home",
        "NN_DATA_DIR=/home/me/data",
        "../shared/data",
    ],
)
def test_other_phrases_pass(text):
    assert not foreign(text)


def test_unbounded_ranges_are_found():
    assert bounds_missing(["a>=1,<2", "b>=1", "c", "d<3", "e==1"]) == ["b>=1", "c", "d<3", "e==1"]
