"""A small roadmap for tests, as a text and as a file that NN_ROADMAP names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals, links and scripts as Windows lacks them")
BASICS = "01-foundations/math-prerequisites/01-python-basics.ipynb"
CALCULUS = "01-foundations/math-prerequisites/04-calculus-and-optimization.ipynb"

README = f"""# Series

- [ ] [Before the roadmap]({BASICS}#Before-the-roadmap)

## Roadmap

### 01 Foundations (weeks 1-3)

**math-prerequisites**

- [Python basics]({BASICS}) (30 min)
  - [ ] [Functions, classes and iterators]({BASICS}#Functions,-classes-and-iterators)
  - [x] [From 84% to 98%]({BASICS}#From-84%25-to-98%25)
- [Calculus]({CALCULUS}) (40 min)
  - [X] [Bayes' theorem]({CALCULUS}#Bayes'-theorem)
  - [ ] [The chain rule]({CALCULUS}#The-chain-rule)
  - [ ] [Gradient descent]({CALCULUS}#Gradient-descent)
  - [ ] [Manual gradient calculations]({CALCULUS}#Manual-gradient-calculations)

### 02 The multi-layer perceptron (weeks 4-6)

- forward-propagation: neurons and layers

## Licence

- [ ] [After the roadmap]({BASICS}#After-the-roadmap)
"""
TITLES = [
    "Functions, classes and iterators",
    "From 84% to 98%",
    "Bayes' theorem",
    "The chain rule",
    "Gradient descent",
    "Manual gradient calculations",
]


def box(title, mark=" ", notebook=BASICS):
    return f"- [{mark}] [{title}]({notebook}#{title.replace(' ', '-')})\n"


def section(*lines):
    return "## Roadmap\n### 01 Foundations\n" + "".join(lines)


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "README.md"
    path.write_text(README, newline="")
    monkeypatch.setenv("NN_ROADMAP", str(path))
    return path


def python(code, *arguments, **settings):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, **settings)
