"""How often predicted labels are right, and how they are wrong."""

from typing import Any, Literal

import numpy as np

from utils.metrics._checks import label_pair, labels_of, same_kind

Average = Literal["binary", "micro", "macro", "weighted"] | None

_AVERAGES = ("binary", "micro", "macro", "weighted", None)


def accuracy_score(y_true: Any, y_pred: Any) -> float:
    """The share of samples whose predicted label is the true one; both are (N,).

    Raises ValueError for no samples, unequal lengths, and scores in place of labels.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    y_true, y_pred = label_pair(y_true, y_pred)
    return float(np.mean(y_true == y_pred))


def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Any = None, normalize: Literal["true", "pred", "all"] | None = None
) -> np.ndarray:
    """Counts (K, K): row i, column j holds the samples of true class i that were predicted as class j.

    Classes are `labels` in their order, by default all that occur, sorted; samples of other classes are left
    out. `normalize` divides by the sum of the row ("true"), of the column ("pred") or of all ("all"); 0/0 is
    0. Raises ValueError as `accuracy_score`, and where none of `labels` occurs in y_true.

    Notebook: 02-mlp/backpropagation/03-mnist-from-scratch.ipynb
    """
    if normalize not in ("true", "pred", "all", None):
        raise ValueError(f'normalize={normalize!r}, expected "true", "pred", "all" or None')
    y_true, y_pred = label_pair(y_true, y_pred)
    classes = classes_of(y_true, y_pred, labels)
    if not np.isin(y_true, classes).any():
        raise ValueError(f"labels={classes.tolist()} has no class of y_true; give some that occur there")
    rows, columns = _numbers(y_true, classes), _numbers(y_pred, classes)
    counted = (rows >= 0) & (columns >= 0)
    cells = rows[counted] * len(classes) + columns[counted]
    cm = np.bincount(cells, minlength=len(classes) ** 2).reshape(len(classes), -1)
    if normalize is None:
        return cm
    totals = cm.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
    return np.divide(cm, totals, out=np.zeros(cm.shape), where=totals > 0)


def precision_recall_fscore_support(
    y_true: Any,
    y_pred: Any,
    *,
    beta: float = 1.0,
    labels: Any = None,
    pos_label: Any = 1,
    average: Average = None,
    zero_division: float = 0.0,
) -> tuple[Any, Any, Any, np.ndarray | None]:
    """Precision, recall, F-score and support (true samples) of each class, (K,), or averages and None.

    `average` is None, "binary" (the class `pos_label` alone), "micro" (of the counts), "macro" (of the
    classes) or "weighted" (by support). A score with nothing to divide by is `zero_division`, which may be
    NaN to leave it out of averages. The F-score (van Rijsbergen 1979) weighs recall `beta` times as much as
    precision. Raises ValueError as `accuracy_score`, and for "binary" with more than two classes or an
    unknown `pos_label`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    if average not in _AVERAGES:
        raise ValueError(f"average={average!r}, expected one of {_AVERAGES}")
    if not beta >= 0:
        raise ValueError(f"beta={beta}, expected at least 0; 1 weighs precision and recall alike")
    y_true, y_pred = label_pair(y_true, y_pred)
    if average == "binary":
        labels = [_positive(y_true, y_pred, pos_label)]
    counts = _class_counts(y_true, y_pred, classes_of(y_true, y_pred, labels))
    if average == "micro":
        counts = counts.sum(axis=1, keepdims=True)
    scores, support = _scores(*counts, beta, zero_division), counts[2]
    if average is None:
        return *scores, support
    weights = support if average == "weighted" else np.ones(len(support))
    return *(_average(score, weights) for score in scores), None


def precision_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
) -> Any:
    """The share of right ones among samples predicted as a class; see `precision_recall_fscore_support`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "zero_division": zero_division}
    return precision_recall_fscore_support(y_true, y_pred, **options)[0]


def recall_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
) -> Any:
    """Of the samples of a class, the share that was predicted as it; see `precision_recall_fscore_support`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "zero_division": zero_division}
    return precision_recall_fscore_support(y_true, y_pred, **options)[1]


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    pos_label: Any = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
) -> Any:
    """The harmonic mean of precision and recall; see `precision_recall_fscore_support`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    options = {"labels": labels, "pos_label": pos_label, "average": average, "zero_division": zero_division}
    return precision_recall_fscore_support(y_true, y_pred, **options)[2]


def classes_of(y_true: np.ndarray, y_pred: np.ndarray, labels: Any) -> np.ndarray:
    """`labels`, or by default every class that occurs, sorted."""
    if labels is None:
        return np.unique(np.concatenate([y_true, y_pred]))
    classes = labels_of(labels, "labels")
    same_kind(y_true, classes, ("y_true", "labels"))
    if len(np.unique(classes)) < len(classes):
        raise ValueError(f"labels={classes.tolist()} names a class twice; give each once")
    return classes


def _numbers(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The place of each label in `classes`, -1 for a label that is not there."""
    order = np.argsort(classes)
    places = order[np.searchsorted(classes, y, sorter=order).clip(max=len(classes) - 1)]
    return np.where(classes[places] == y, places, -1)


def _class_counts(y_true: np.ndarray, y_pred: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How many samples of each class were found, were predicted, and are there, (3, K)."""
    true, predicted = _numbers(y_true, classes), _numbers(y_pred, classes)
    chosen = (true[true == predicted], predicted, true)
    return np.array([np.bincount(numbers[numbers >= 0], minlength=len(classes)) for numbers in chosen])


def _positive(y_true: np.ndarray, y_pred: np.ndarray, pos_label: Any) -> Any:
    present = np.unique(np.concatenate([y_true, y_pred]))
    if len(present) > 2:
        remedy = 'choose average="macro", "micro", "weighted" or None'
        raise ValueError(f'average="binary" with {len(present)} classes, expected 2; {remedy}')
    if len(present) == 2 and not np.any(present == pos_label):
        raise ValueError(f"pos_label={pos_label!r}, expected one of {present.tolist()}")
    return pos_label


def _scores(
    hits: np.ndarray, predicted: np.ndarray, true: np.ndarray, beta: float, zero_division: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    precision, recall = _divide(hits, predicted, zero_division), _divide(hits, true, zero_division)
    if np.isinf(beta):
        return precision, recall, recall
    f_score = _divide((1 + beta**2) * hits, beta**2 * true + predicted, zero_division)
    return precision, recall, f_score if beta > 0 else precision


def _divide(numerator: np.ndarray, denominator: np.ndarray, zero_division: float) -> np.ndarray:
    result = np.full(len(denominator), float(zero_division))
    return np.divide(numerator, denominator, out=result, where=denominator > 0)


def _average(scores: np.ndarray, weights: np.ndarray) -> float:
    defined = ~np.isnan(scores)
    if not defined.any():
        return float("nan")
    scores, weights = scores[defined], weights[defined]
    return float(np.average(scores, weights=weights if weights.any() else None))
