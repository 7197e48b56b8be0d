"""Records as text."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any


def table(records: Iterable[Any]) -> str:
    """Records of one dataclass as aligned columns of text, numbers to three digits.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    records = list(records)
    if not records:
        return "(no records)"
    heads = [field.name for field in fields(records[0])]
    rows = [heads, *([_cell(getattr(record, name)) for name in heads] for record in records)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    lines = ("  ".join(x.ljust(w) for x, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
