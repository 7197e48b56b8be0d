"""Measures of predictions, by the names and conventions of scikit-learn where it has them; NumPy alone."""

from utils.metrics.classification import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
    precision_score,
    recall_score,
)
from utils.metrics.detection import (
    average_precision,
    box_iou,
    interpolated_precision,
    match_detections,
    mean_average_precision,
    nms,
)
from utils.metrics.forecasting import mean_absolute_scaled_error
from utils.metrics.information import entropy, kl_divergence, mutual_information
from utils.metrics.probability import (
    bits_per_byte,
    brier_score_loss,
    calibration_curve,
    expected_calibration_error,
    log_loss,
    perplexity,
)
from utils.metrics.ranking import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
    top_k_accuracy_score,
)
from utils.metrics.regression import (
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)
from utils.metrics.report import classification_report
from utils.metrics.segmentation import class_iou, dice_score, mask_confusion, mean_iou, pixel_accuracy

__all__ = [
    "accuracy_score",
    "auc",
    "average_precision",
    "average_precision_score",
    "bits_per_byte",
    "box_iou",
    "brier_score_loss",
    "calibration_curve",
    "class_iou",
    "classification_report",
    "confusion_matrix",
    "dice_score",
    "entropy",
    "expected_calibration_error",
    "f1_score",
    "interpolated_precision",
    "kl_divergence",
    "log_loss",
    "mask_confusion",
    "match_detections",
    "mean_absolute_error",
    "mean_absolute_scaled_error",
    "mean_average_precision",
    "mean_iou",
    "mean_squared_error",
    "mutual_information",
    "nms",
    "perplexity",
    "pixel_accuracy",
    "precision_recall_curve",
    "precision_recall_fscore_support",
    "precision_score",
    "r2_score",
    "recall_score",
    "roc_auc_score",
    "roc_curve",
    "root_mean_squared_error",
    "top_k_accuracy_score",
]
