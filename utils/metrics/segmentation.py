"""Masks: how well the classes of pixels are told apart."""

from typing import Any

import numpy as np


def mask_confusion(y_true: Any, y_pred: Any, n_classes: int | None = None) -> np.ndarray:
    """Counts of pixels (K, K): row i, column j holds those of class i that are predicted as j.

    The masks are whole numbers 0 to K - 1 of one shape, whatever that is; K is `n_classes`, by default one more than
    the greatest that occurs. Raises ValueError for other shapes or values.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    y_true, y_pred = _mask(y_true, "y_true"), _mask(y_pred, "y_pred")
    if y_true.shape != y_pred.shape:
        remedy = "use .argmax(axis=1) where one holds scores (N, K, H, W)"
        raise ValueError(
            f"y_true has shape {y_true.shape} and y_pred {y_pred.shape}, expected one shape; {remedy}"
        )
    greatest = int(max(y_true.max(), y_pred.max()))
    n_classes = greatest + 1 if n_classes is None else n_classes
    if greatest >= n_classes:
        raise ValueError(
            f"the masks hold class {greatest}, expected 0 to {n_classes - 1}; raise n_classes={n_classes}"
        )
    cells = y_true.ravel() * n_classes + y_pred.ravel()
    return np.bincount(cells, minlength=n_classes**2).reshape(n_classes, n_classes)


def pixel_accuracy(y_true: Any, y_pred: Any) -> float:
    """The share of pixels with the right class; masks as in `mask_confusion`.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    cm = mask_confusion(y_true, y_pred)
    return float(np.trace(cm) / cm.sum())


def class_iou(y_true: Any, y_pred: Any, n_classes: int | None = None) -> np.ndarray:
    """Intersection over union of each class, float64 (K,), over all pixels of all masks together.

    A class that neither mask has is NaN. That is Jaccard's index (1912), and scikit-learn's `jaccard_score`.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    common, either = _common_and_either(y_true, y_pred, n_classes)
    return _divide(common, either)


def mean_iou(y_true: Any, y_pred: Any, n_classes: int | None = None) -> float:
    """The mean of `class_iou` over the classes that occur (Everingham et al. 2015).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    return float(np.nanmean(class_iou(y_true, y_pred, n_classes)))


def dice_score(y_true: Any, y_pred: Any, n_classes: int | None = None) -> np.ndarray:
    """Twice the shared pixels over the sum of both areas, for each class: float64 (K,), NaN as in `class_iou`.

    It is the F1 score of the class, 2 IoU / (1 + IoU), and never below its IoU (Dice 1945).

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    common, either = _common_and_either(y_true, y_pred, n_classes)
    return _divide(2 * common, either + common)


def _common_and_either(y_true: Any, y_pred: Any, n_classes: int | None) -> tuple[np.ndarray, np.ndarray]:
    cm = mask_confusion(y_true, y_pred, n_classes)
    common = np.diag(cm).astype(np.float64)
    return common, cm.sum(axis=0) + cm.sum(axis=1) - common


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(len(a), np.nan), where=b > 0)


def _mask(mask: Any, name: str) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.dtype.kind not in "biu":
        raise ValueError(
            f"{name} holds {mask.dtype}, expected whole numbers; use .argmax over the scores of the classes"
        )
    if not mask.size or mask.min() < 0:
        problem = "no pixel" if not mask.size else f"the class {mask.min()}"
        raise ValueError(f"{name} has {problem}, expected classes from 0; leave out pixels that do not count")
    return mask.astype(np.int64)
