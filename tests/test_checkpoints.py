"""The weights in resources/checkpoints are whole, small, and say the same of themselves as the README beside them."""

import re
from pathlib import Path

import numpy as np
import pytest

from utils.checkpoint import load_weights, read_extra

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "checkpoints"
FILES = sorted(FOLDER.glob("*.safetensors"))
NAMES = [path.name for path in FILES]
README = (FOLDER / "README.md").read_text("utf-8")
LARGEST = 1_000_000
NEEDED = {"command": str, "seed": int, "data": str, "steps": int, "loss": float, "parameters": int}


def rows() -> dict[str, list[str]]:
    """The cells of the README's table by the name of the file."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if "|" in line
    ]
    return {cells[0].strip("`"): cells for cells in lines if ".safetensors" in cells[0]}


def measures(extra: dict) -> list[float]:
    """Everything that was measured: accuracies, mean average precisions, intersections over unions."""
    found = [value for name, value in extra.items() if re.search("accuracy|mAP|IoU", name)]
    return [number for value in found for number in (value if isinstance(value, list | tuple) else [value])]


def stated(value: float, text: str) -> bool:
    """Whether the text gives the number, plainly or per cent, rounded to as many digits as it gives."""
    for number, digits in re.findall(r"(?<![\d.])(\d+(?:\.(\d+))?)", text):
        if digits and any(
            abs(scale * value - float(number)) <= 0.5001 * 10.0 ** -len(digits) for scale in (1, 100)
        ):
            return True
    return False


def test_readme_lists_what_is_there():
    assert sorted(rows()) == NAMES


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_script_stands_beside_the_weights(path):
    command = read_extra(path)["command"]
    script = FOLDER / f"{path.stem.replace('-', '_')}.py"
    assert script.is_file() and command == f"python resources/checkpoints/{script.name}"
    assert path.name in script.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_facts_are_complete(path):
    extra = read_extra(path)
    assert not {
        name: extra.get(name) for name, kind in NEEDED.items() if not isinstance(extra.get(name), kind)
    }
    assert extra["loss"] > 0 and extra["steps"] > 0 and measures(extra)
    assert all(0 < value <= 1 for value in measures(extra))
    assert "stand-in" not in extra["data"]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_weights_are_small_and_finite(path):
    weights = load_weights(path)
    assert path.stat().st_size < LARGEST
    floats = [x for x in weights.values() if x.dtype.kind == "f"]
    assert floats and all(x.dtype == np.float32 and np.isfinite(x).all() for x in floats)
    learned = sum(x.size for name, x in weights.items() if x.dtype.kind == "f" and "running_" not in name)
    assert learned == read_extra(path)["parameters"]


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_readme_says_the_same(path):
    extra = read_extra(path)
    _, command, seed, loss, measured, minutes, data = rows()[path.name]
    assert command.strip("`") == extra["command"] and seed == str(extra["seed"])
    assert stated(extra["loss"], loss), f"the loss is {extra['loss']:.4f}, the README says {loss}"
    assert any(stated(value, measured) for value in measures(extra)), (
        f"{measures(extra)} is not in {measured!r}"
    )
    assert re.fullmatch(r"\d+(\.\d)?", minutes) and data


def test_reading_numbers_in_a_text():
    assert stated(0.99346, "99.35%") and stated(0.0123, "0.012") and stated(0.95, "mAP 0.95, IoU 0.5")
    assert not stated(0.99346, "99.2 to 99.34%") and not stated(0.0123, "0.013") and not stated(0.5, "99")
