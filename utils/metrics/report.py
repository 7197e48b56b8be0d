"""The scores of every class in one table."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from utils.metrics._checks import label_pair
from utils.metrics.classification import classes_of, precision_recall_fscore_support

_HEADERS = ("precision", "recall", "f1-score", "support")


class Report(str):
    """Text that a notebook shows as it is, not in quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def classification_report(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    target_names: Sequence[str] | None = None,
    digits: int = 2,
    output_dict: bool = False,
    zero_division: float = 0.0,
) -> Report | dict[str, Any]:
    """Precision, recall, F1 and support of each class, and averages: a table, or with `output_dict` a dict.

    The text is scikit-learn's to the letter. Micro averages stand as accuracy unless `labels` leaves out a
    class. Raises ValueError as `accuracy_score`, and for another number of `target_names` than of classes.

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """
    y_true, y_pred = label_pair(y_true, y_pred)
    classes = classes_of(y_true, y_pred, labels)
    names = [str(label) for label in (classes if target_names is None else target_names)]
    if len(names) != len(classes):
        raise ValueError(
            f"target_names has {len(names)} entries for {len(classes)} classes; give one for each, or labels"
        )
    options = {"labels": classes, "zero_division": zero_division}
    columns = precision_recall_fscore_support(y_true, y_pred, **options)
    rows = [(name, _row(*scores)) for name, *scores in zip(names, *columns, strict=True)]
    complete = np.isin(np.concatenate([y_true, y_pred]), classes).all()
    averages = {}
    for average in ("micro", "macro", "weighted"):
        *scores, _ = precision_recall_fscore_support(y_true, y_pred, average=average, **options)
        title = "accuracy" if average == "micro" and complete else f"{average} avg"
        averages[title] = _row(*scores, columns[3].sum())
    return _as_dict(rows, averages) if output_dict else _as_text(rows, averages, digits)


def _row(precision: float, recall: float, f1: float, support: int) -> dict[str, float]:
    return dict(zip(_HEADERS, (float(precision), float(recall), float(f1), float(support)), strict=True))


def _as_dict(rows: list[tuple[str, dict]], averages: dict[str, dict]) -> dict[str, Any]:
    report = dict(rows) | averages
    if "accuracy" in averages:
        report["accuracy"] = averages["accuracy"]["f1-score"]
    return report


def _as_text(rows: list[tuple[str, dict]], averages: dict[str, dict], digits: int) -> Report:
    width = max(*(len(name) for name, _ in rows), len("weighted avg"), digits)
    heading = f"{'':>{width}} " + "".join(f" {header:>9}" for header in _HEADERS)
    parts = [[_line(title, row, width, digits) for title, row in part] for part in (rows, averages.items())]
    return Report("\n\n".join([heading, *map("\n".join, parts)]) + "\n")


def _line(title: str, row: dict[str, float], width: int, digits: int) -> str:
    *scores, support = row.values()
    cells = [f"{score:>9.{digits}f}" for score in scores]
    if title == "accuracy":
        cells[:2] = [" " * 9] * 2
    return f"{title:>{width}}  " + " ".join([*cells, f"{support:>9.0f}"])
