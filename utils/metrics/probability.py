"""How far predicted probabilities can be trusted."""

from typing import Any, Literal

import numpy as np

from utils.metrics._checks import (
    classes_for,
    distributions,
    labels_of,
    positive_class,
    precision,
    probabilities,
    real_numbers,
    same_length,
)

_NAMES = ("y_true", "y_proba")


def log_loss(y_true: Any, y_proba: Any, *, labels: Any = None) -> float:
    """The mean of -log p over samples, p the probability given to the true class, in nats.

    y_true is (N,); y_proba is (N, K), one column for each class in sorted order, or (N,) for the greater of
    two. `labels` names the classes where y_true lacks some. A probability of 0 is raised to the precision of
    its dtype, which keeps the loss finite. Raises ValueError for probabilities outside 0..1 or rows that do
    not sum to 1.

    Notebook: 02-mlp/backpropagation/01-loss-functions.ipynb
    """
    hits, p = _one_hot(y_true, y_proba, labels)
    smallest = precision(y_proba)
    return float(-np.mean(np.log(np.clip(p[hits], smallest, 1 - smallest))))


def brier_score_loss(y_true: Any, y_proba: Any, *, pos_label: Any = None, labels: Any = None) -> float:
    """The mean squared distance between probabilities and outcomes (Brier 1950).

    For two classes, y_proba (N,) is the probability of `pos_label`, by default 1, and the score lies within
    0..1. For K > 2 classes, y_proba (N, K) holds one column for each class and the squares are summed, within
    0..2. Raises ValueError as `log_loss`.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    if np.ndim(y_proba) == 1:
        y, p = labels_of(y_true, "y_true"), probabilities(y_proba, "y_proba")
        same_length(y, p, _NAMES)
        return float(np.mean((positive_class(y, pos_label) - p) ** 2))
    hits, p = _one_hot(y_true, y_proba, labels)
    squares = np.mean(np.sum((hits - p) ** 2, axis=1))
    return float(squares / 2 if p.shape[1] == 2 else squares)


def calibration_curve(
    y_true: Any,
    y_prob: Any,
    *,
    pos_label: Any = None,
    n_bins: int = 5,
    strategy: Literal["uniform", "quantile"] = "uniform",
) -> tuple[np.ndarray, np.ndarray]:
    """The share of positives and the mean probability in each bin that has samples; y_true (N,), y_prob (N,).

    Bins are of equal width or, with "quantile", of equal counts, and contain their upper edge. A calibrated
    model gives two equal arrays. Raises ValueError as `roc_curve`, and for probabilities outside 0..1.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    y, p = labels_of(y_true, "y_true"), probabilities(y_prob, "y_prob", ndim=1)
    same_length(y, p, ("y_true", "y_prob"))
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f'strategy={strategy!r}, expected "uniform" or "quantile"')
    edges = np.linspace(0, 1, _checked_bins(n_bins) + 1)
    if strategy == "quantile":
        edges = np.percentile(p, edges * 100)
    counts, positives, sums = _bin(p, edges, positive_class(y, pos_label), p)
    return positives[counts > 0] / counts[counts > 0], sums[counts > 0] / counts[counts > 0]


def expected_calibration_error(y_true: Any, y_proba: Any, *, n_bins: int = 15) -> float:
    """The mean gap between confidence and accuracy over bins of confidence, weighted by their counts.

    The definition is that of Guo et al. (2017): bins ((m-1)/M, m/M] of equal width, confidence the greatest
    probability of a sample. y_true (N,) holds the columns 0..K-1 of the true classes; y_proba is (N, K), or
    (N,) with the probability of class 1. Raises ValueError for probabilities outside 0..1 or rows that do not
    sum to 1.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    columns = 2 if np.ndim(y_proba) == 1 else np.shape(y_proba)[-1]
    hits, p = _one_hot(y_true, y_proba, range(columns))
    confidence, correct = p.max(axis=1), hits[np.arange(len(p)), p.argmax(axis=1)]
    _, n_correct, confidence_sums = _bin(
        confidence, np.linspace(0, 1, _checked_bins(n_bins) + 1), correct, confidence
    )
    return float(np.sum(np.abs(n_correct - confidence_sums)) / len(p))


def perplexity(nll: Any) -> float:
    """exp of the mean of `nll`, the negative log-likelihoods of tokens in nats.

    A model that spreads its guess evenly over V tokens has perplexity V. Raises ValueError for none, NaN, and
    values below 0, which no token can have.

    Notebook: 06-language-models/evaluation/01-language-model-metrics.ipynb
    """
    with np.errstate(over="ignore"):
        return float(np.exp(np.mean(_nll(nll))))


def bits_per_byte(nll: Any, n_bytes: int) -> float:
    """The bits a model needs for each byte of text: the sum of `nll`, in nats, over ln 2 times `n_bytes`.

    Unlike perplexity it compares models with different tokens. Raises ValueError as `perplexity`, and for no
    bytes.

    Notebook: 06-language-models/evaluation/01-language-model-metrics.ipynb
    """
    if n_bytes < 1:
        raise ValueError(f"n_bytes={n_bytes}, expected at least 1; count them as len(text.encode())")
    return float(np.sum(_nll(nll)) / (np.log(2) * n_bytes))


def _nll(nll: Any) -> np.ndarray:
    nll = real_numbers(nll, "nll")
    if nll.min() < 0:
        raise ValueError(f"nll holds {nll.min():g}, expected at least 0; pass minus the log-probabilities")
    return nll


def _one_hot(y_true: Any, y_proba: Any, labels: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where each sample's class is, (N, K) booleans, and its probabilities (N, K)."""
    if np.ndim(y_proba) == 1:
        y_proba = probabilities(y_proba, "y_proba")
        y_proba = np.stack([1 - y_proba, y_proba], axis=1)
    y, p = labels_of(y_true, "y_true"), distributions(y_proba, "y_proba", ndim=2)
    same_length(y, p, _NAMES)
    return y[:, None] == classes_for(y, labels, p.shape[1], "y_proba"), p


def _checked_bins(n_bins: int) -> int:
    if n_bins < 1:
        raise ValueError(f"n_bins={n_bins}, expected at least 1")
    return n_bins


def _bin(values: np.ndarray, edges: np.ndarray, *weights: np.ndarray) -> list[np.ndarray]:
    """How many values fall in each bin, upper edges included, and the sum of each of `weights` there."""
    bins = np.searchsorted(edges[1:-1], values)
    return [np.bincount(bins, weights=weight, minlength=len(edges) - 1) for weight in (None, *weights)]
