"""Boxes: how much two overlap, which of many to keep, and how well a detector finds those that are there.

A box is (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, in pixels or any other unit; x2 and y2 lie just outside it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Truth = Sequence[tuple[Any, Any]]
Found = Sequence[tuple[Any, Any, Any]]


def box_iou(boxes: Any, others: Any) -> np.ndarray:
    """Intersection over union of every box (N, 4) with every other (M, 4): float64 (N, M), from 0 to 1.

    Two empty boxes have 0. Raises ValueError for other shapes, NaN, and corners in the wrong order.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    boxes, others = _boxes(boxes, "boxes"), _boxes(others, "others")
    corner = np.maximum(boxes[:, None, :2], others[:, :2])  # (N, M, 2)
    sides = np.minimum(boxes[:, None, 2:], others[:, 2:]) - corner
    common = np.maximum(sides, 0).prod(axis=2)
    union = _areas(boxes)[:, None] + _areas(others) - common
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def nms(boxes: Any, scores: Any, threshold: float = 0.5) -> np.ndarray:
    """Greedy non-maximum suppression: the indices that are kept, int64, the highest score first.

    A box (of N, 4) goes where one that is kept and scores higher overlaps it by an IoU above `threshold`; of
    equal scores the earlier counts as higher. For several classes call it for each, or shift the boxes of each
    class out of the others' reach. Raises ValueError as `box_iou`, and for a threshold outside 0..1.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    boxes, scores = _boxes(boxes, "boxes"), _scores(scores, len(boxes))
    _check_iou("threshold", threshold)
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        order = order[box_iou(boxes[best : best + 1], boxes[order])[0] <= threshold]
    return np.array(kept, dtype=np.int64)


def match_detections(boxes: Any, scores: Any, truth: Any, threshold: float = 0.5) -> np.ndarray:
    """The true box, of `truth` (M, 4), that each detection (N, 4) finds: int64 (N,), -1 for none.

    By falling score, each takes the true box of the highest IoU among those still free, where that is at least
    `threshold`. So a true box is found once, and what finds it again is as false as what finds nothing (the
    rule of COCO; Lin et al. 2014).

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    boxes, truth = _boxes(boxes, "boxes"), _boxes(truth, "truth")
    scores, matched = _scores(scores, len(boxes)), np.full(len(boxes), -1)
    _check_iou("threshold", threshold)
    overlap = box_iou(boxes, truth)
    for i in np.argsort(-scores, kind="stable") if len(truth) else ():
        best = overlap[i].argmax()
        if overlap[i, best] >= threshold:
            matched[i] = best
            overlap[:, best] = -1.0
    return matched


def average_precision(
    truth: Truth, found: Found, *, threshold: float = 0.5, classes: Any = None
) -> np.ndarray:
    r"""The average precision of each class, float64 (K,): the area under its interpolated precision-recall curve.

    For each image, `truth` holds boxes (M, 4) and labels (M,), `found` boxes (N, 4), scores (N,) and labels (N,).
    `match_detections` says which are right at an IoU of `threshold`; ranked by score over all images, they make
    precision and recall. Recall rises by one true box at a time, and each step counts the best precision at that
    recall or beyond: $\mathrm{AP} = \frac1M \sum_{m=1}^M \max_{r \ge m/M} p(r)$, "all points" as in PASCAL VOC since
    2010 (Everingham et al. 2015). `classes` are by default those that occur in `truth`, sorted; one without a true
    box has NaN. Raises ValueError where the two lists differ in length or nothing is true.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    truth, found = _checked(truth, found)
    _check_iou("threshold", threshold)
    classes = _classes(truth) if classes is None else np.asarray(classes)
    return np.array([_class_precision(truth, found, label, threshold) for label in classes])


def mean_average_precision(
    truth: Truth, found: Found, *, thresholds: float | Iterable[float] = 0.5, classes: Any = None
) -> float:
    """The mean over classes and over IoU `thresholds` of `average_precision`; classes without a true box are left out.

    The mAP of COCO has ten thresholds, `np.linspace(0.5, 0.95, 10)`, but reads each curve at 101 recalls.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    rows = [
        average_precision(truth, found, threshold=float(threshold), classes=classes)
        for threshold in np.atleast_1d(np.asarray(thresholds))
    ]
    return float(np.nanmean(rows))


def interpolated_precision(hits: Any, n_true: int) -> np.ndarray:
    """The best precision at each recall m / n_true or beyond, float64 (n_true,), of a ranking of right and wrong.

    `hits` (N,) says of each detection, the highest score first, whether it is right. Recalls that are never
    reached have precision 0. Raises ValueError for more hits than `n_true`.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    hits = np.asarray(hits, dtype=bool)
    if hits.sum() > n_true:
        raise ValueError(
            f"{hits.sum()} detections are right but n_true={n_true}: each true box is found once at most"
        )
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]  # where a hit is the m-th, the recall is m / n_true
    return np.append(best[hits], np.zeros(n_true - hits.sum()))


def _class_precision(truth: list, found: list, label: Any, threshold: float) -> float:
    hits, scores, n_true = [], [], 0
    for (true_boxes, true_labels), (boxes, image_scores, labels) in zip(truth, found, strict=True):
        there, mine = true_boxes[true_labels == label], labels == label
        n_true += len(there)
        hits.append(match_detections(boxes[mine], image_scores[mine], there, threshold) >= 0)
        scores.append(image_scores[mine])
    order = np.argsort(-np.concatenate(scores), kind="stable")
    precision = interpolated_precision(np.concatenate(hits)[order], n_true)
    return float(precision.mean()) if n_true else float("nan")


def _classes(truth: list) -> np.ndarray:
    labels = np.unique(np.concatenate([labels for _, labels in truth]))
    if not len(labels):
        raise ValueError(
            "truth holds no box at all, expected at least one: precision needs something to find"
        )
    return labels


def _checked(truth: Truth, found: Found) -> tuple[list, list]:
    if len(truth) != len(found) or not len(truth):
        remedy = "give (boxes, labels) and (boxes, scores, labels) for each image, empty arrays where none"
        raise ValueError(f"truth has {len(truth)} images and found {len(found)}; {remedy}")
    truth = [(_boxes(b, "true boxes"), _labels(y, len(b))) for b, y in truth]
    return truth, [(_boxes(b, "boxes"), _scores(s, len(b)), _labels(y, len(b))) for b, s, y in found]


def _boxes(boxes: Any, name: str) -> np.ndarray:
    array = np.asarray(boxes, dtype=np.float64)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{name} has shape {array.shape}, expected (N, 4); for one box write box[None]")
    if not (array[:, :2] <= array[:, 2:]).all():  # false for NaN, too
        wrong = array[~(array[:, :2] <= array[:, 2:]).all(axis=1)][0]
        raise ValueError(
            f"{name} holds {wrong.tolist()}, expected x1 <= x2 and y1 <= y2; exchange the corners"
        )
    return array


def _scores(scores: Any, n: int) -> np.ndarray:
    array = np.asarray(scores, dtype=np.float64)
    if array.shape != (n,) or np.isnan(array).any():
        problem = f"shape {array.shape}" if array.shape != (n,) else "NaN among them"
        raise ValueError(f"scores have {problem}, expected a number for each of the {n} boxes")
    return array


def _labels(labels: Any, n: int) -> np.ndarray:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise ValueError(f"labels have shape {array.shape}, expected one for each of the {n} boxes")
    return array


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def _check_iou(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value}, expected an IoU from 0 to 1")
