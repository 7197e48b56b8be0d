"""How well scores put the right samples first, whatever the threshold."""

from typing import Any

import numpy as np

from utils.metrics._checks import classes_for, labels_of, positive_class, real_numbers, same_length

_NAMES = ("y_true", "y_score")


def top_k_accuracy_score(y_true: Any, y_score: Any, *, k: int = 2, labels: Any = None) -> float:
    """The share of samples whose class is among the `k` with the highest scores; y_true (N,), y_score (N, K).

    Columns belong to the sorted classes of y_true, or to `labels`. Of equal scores the later column counts as
    higher, as in scikit-learn. Raises ValueError for k outside 1..K and where classes and columns do not
    match.

    Notebook: 03-cnn/architectures/01-alexnet.ipynb
    """
    y_true, y_score = labels_of(y_true, "y_true"), real_numbers(y_score, "y_score", ndim=2)
    same_length(y_true, y_score, _NAMES)
    classes = classes_for(y_true, labels, y_score.shape[1], "y_score")
    if not 1 <= k <= len(classes):
        raise ValueError(f"k={k}, expected 1 to {len(classes)}, the number of classes")
    best = np.argsort(y_score, axis=1, kind="stable")[:, ::-1][:, :k]
    return float(np.mean(np.any(classes[best] == y_true[:, None], axis=1)))


def roc_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None, drop_intermediate: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False and true positive rates and thresholds, from the strictest; y_true (N,), y_score (N,).

    A sample counts as positive where its score is at least the threshold; the first threshold, infinity, lets
    none through. Equal scores make one point. `drop_intermediate` leaves out points on straight pieces of the
    curve. Raises ValueError for labels other than 0/1 or -1/1 without `pos_label`, and where one of the
    classes is missing.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    positive, y_score = _ranked(y_true, y_score, pos_label)
    _refuse_one_class(positive)
    fps, tps, thresholds = _counts_above(positive, y_score)
    if drop_intermediate and len(fps) > 2:
        corner = np.concatenate([[True], (np.diff(fps, 2) != 0) | (np.diff(tps, 2) != 0), [True]])
        fps, tps, thresholds = fps[corner], tps[corner], thresholds[corner]
    rates = (np.concatenate([[0.0], counts / counts[-1]]) for counts in (fps, tps))
    return *rates, np.concatenate([[np.inf], thresholds])


def roc_auc_score(y_true: Any, y_score: Any) -> float:
    """The area under the ROC curve: how often a positive sample outscores a negative one, ties counting half.

    The equality of the two is due to Hanley and McNeil (1982). y_true (N,) of two classes, the greater
    positive; y_score (N,). Raises ValueError unless y_true has two classes.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    y_true = labels_of(y_true, "y_true")
    classes = np.unique(y_true)
    if len(classes) > 2:
        raise ValueError(
            f"y_true has {len(classes)} classes, expected 2; compare one with the rest, as y_true == c"
        )
    false_rates, true_rates, _ = roc_curve(y_true, y_score, pos_label=classes[-1])
    return auc(false_rates, true_rates)


def auc(x: Any, y: Any) -> float:
    """The area under the broken line through the points (x, y), by the trapezoidal rule.

    Raises ValueError for fewer than two points, unequal lengths, and x that both rises and falls.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    x, y = real_numbers(x, "x", ndim=1), real_numbers(y, "y", ndim=1)
    same_length(x, y, ("x", "y"))
    if len(x) < 2:
        raise ValueError(f"x has {len(x)} entries, expected at least 2: a line needs two points")
    steps = np.diff(x)
    if steps.min() < 0 < steps.max():
        raise ValueError("x both rises and falls, expected one direction; sort the points by x")
    return abs(float(np.trapezoid(y, x)))


def precision_recall_curve(
    y_true: Any, y_score: Any, *, pos_label: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precisions (T + 1,), recalls (T + 1,) and thresholds (T,) from the most lenient; inputs (N,).

    The last point, precision 1 and recall 0, belongs to no threshold. Raises ValueError as `roc_curve`, but
    needs positive samples only.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    positive, y_score = _ranked(y_true, y_score, pos_label)
    if not positive.any():
        raise ValueError("y_true has no positive sample, so recall is undefined; expected at least one")
    fps, tps, thresholds = _counts_above(positive, y_score)
    precision, recall = tps / (tps + fps), tps / tps[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0), thresholds[::-1]


def average_precision_score(y_true: Any, y_score: Any, *, pos_label: Any = 1) -> float:
    """The precision at each threshold, weighted by the gain in recall there; inputs (N,).

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    precision, recall, _ = precision_recall_curve(y_true, y_score, pos_label=pos_label)
    return max(0.0, float(-np.sum(np.diff(recall) * precision[:-1])))


def _ranked(y_true: Any, y_score: Any, pos_label: Any) -> tuple[np.ndarray, np.ndarray]:
    y_true, y_score = labels_of(y_true, "y_true"), real_numbers(y_score, "y_score", ndim=1)
    same_length(y_true, y_score, _NAMES)
    return positive_class(y_true, pos_label), y_score


def _refuse_one_class(positive: np.ndarray) -> None:
    n = int(positive.sum())
    if n in (0, len(positive)):
        raise ValueError(
            f"y_true has {n} positive of {len(positive)} samples, expected both classes; add the other"
        )


def _counts_above(positive: np.ndarray, y_score: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False and true positives at each distinct score taken as threshold, from the highest."""
    order = np.argsort(-y_score, kind="stable")
    positive, y_score = positive[order], y_score[order]
    last = np.append(np.flatnonzero(np.diff(y_score)), len(y_score) - 1)
    tps = np.cumsum(positive)[last].astype(float)
    return 1 + last - tps, tps, y_score[last]
