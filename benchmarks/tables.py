"""The results files, and the README's tables that come from them: `python -m benchmarks.tables` rewrites those."""

import json
import re
import sys
from pathlib import Path

from utils.files import atomic_write

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "resources" / "results"


def save(name: str, results: dict) -> None:
    """Write resources/results/NAME.json."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    atomic_write(RESULTS / f"{name}.json", (json.dumps(results, indent=1) + "\n").encode())


def load(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def speed_table(results: dict) -> str:
    entries = [entry for row in results["rows"] for entry in row["entries"]]
    lines = ["| workload | NumPy (ms) | PyTorch (ms) | ratio |", "|---|---|---|---|"]
    for entry in [*entries, *results["beside"]]:
        times = f"{entry['ours_ms']:.2f} | {entry['theirs_ms']:.2f}"
        lines.append(f"| {entry['name']} | {times} | {entry['ratio']:.2f} |")
    lines.append(f"| {results['geometric_mean']['name']} | | | {results['geometric_mean']['ratio']:.2f} |")
    return "\n".join(lines) + "\n"


def memory_table(results: dict) -> str:
    lines = [
        "| training | NumPy (MB) | PyTorch (MB) | ratio | step 100 to 1,000 (MB) |",
        "|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        sizes = f"{row['ours_mb']:.1f} | {row['theirs_mb']:.1f}"
        lines.append(f"| {row['name']} | {sizes} | {row['ratio']:.2f} | {row['drift_mb']:.2f} |")
    return "\n".join(lines) + "\n"


def architectures_table(results: dict) -> str:
    lines = [
        "| network | parameters | multiply-adds (M) | test accuracy (%) | training (CPU s) | ms an image | MB a step |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in results["networks"].items():
        sizes = f"{row['parameters']:,} | {row['multiply_adds'] / 1e6:.2f}"
        measured = f"{row['test']:.1f} | {row['quiet_seconds']:.0f} | {row['ms_per_image']:.3f} | {row['step_mb']:.0f}"
        lines.append(f"| {name} | {sizes} | {measured} |")
    return "\n".join(lines) + "\n"


TABLES = {"speed": speed_table, "memory": memory_table, "architectures": architectures_table}


def rewritten(text: str, tables: list[str]) -> str:
    """The text with each table in place of the one that has the same first line; ValueError if there is none."""
    for table in tables:
        head = table.split("\n", 1)[0]
        text, found = re.subn(re.escape(head) + r"\n(\|.*\n)+", lambda _, table=table: table, text)
        if found != 1:
            raise ValueError(f"{found} tables that begin with {head!r}: expected 1")
    return text


def main() -> int:
    readme = ROOT / "README.md"
    tables = [table(load(name)) for name, table in TABLES.items()]
    atomic_write(readme, rewritten(readme.read_text("utf-8"), tables).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
