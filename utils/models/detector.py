"""A single-shot detector: boxes and classes for every anchor of a grid in one pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from utils import functional as F
from utils import nn
from utils.metrics.detection import box_iou, nms
from utils.tensor import Tensor, no_grad

BACKGROUND, IGNORED = -1, -2  # in place of a class
Detections = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class DetectorConfig:
    """The settings of a `Detector`; ValueError where they do not fit together.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """

    in_channels: int = 1
    n_classes: int = 10
    size: int = 64  # height and width of the images, a multiple of 4
    channels: tuple[int, int, int] = (16, 32, 64)  # of the convolutions on each scale
    depth: int = 3  # convolutions on the coarsest scale, where a cell is 4 x 4 pixels
    anchors: tuple[tuple[float, float], ...] = ((9, 12), (14, 19), (21, 28))  # width and height in pixels

    def __post_init__(self) -> None:
        if self.size % 4 or self.size < 4:
            raise ValueError(
                f"size={self.size} must be a multiple of 4: the grid has a cell for each 4 x 4 pixels"
            )
        if not self.anchors or min(min(pair) for pair in self.anchors) <= 0:
            raise ValueError(f"anchors={self.anchors} must be pairs of a width and a height above 0")


class Detector(nn.Module):
    """Images (N, C, H, W) -> for each of M anchors n_classes logits and 4 offsets, one array (N, M, n_classes + 4).

    A grid of cells of 4 x 4 pixels, and in the middle of each an anchor of every size, as in SSD (Liu et al. 2016);
    classes have a sigmoid each and are rare from the start, as in RetinaNet (Lin et al. 2017). `anchors` (M, 4)
    are the boxes that the offsets move.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """

    def __init__(self, config: DetectorConfig = DetectorConfig()):
        self.config = config
        first, second, third = config.channels
        self.features = nn.Sequential(
            *_stage(config.in_channels, first, 5, stride=2),
            *_stage(first, second, stride=2),
            *_stage(second, third),
            *(part for _ in range(config.depth - 1) for part in _stage(third, third)),
        )
        self.head = nn.Conv2d(third, len(config.anchors) * (config.n_classes + 4), 3, padding=1)
        self.head.weight.data *= np.float32(0.3)
        self._classes_of_head()[...] = -np.log(
            99
        )  # each class of each anchor begins with a probability of 1%
        self.register_buffer("anchors", anchor_boxes(config), persistent=False)

    def _classes_of_head(self) -> np.ndarray:
        return self.head.bias.data.reshape(len(self.config.anchors), -1)[:, : self.config.n_classes]

    def forward(self, x: Tensor) -> Tensor:
        config = self.config
        expected = config.in_channels, config.size, config.size
        if tuple(x.shape[1:]) != expected:
            hint = (
                ": add the axis of the channels with x[:, None]" if tuple(x.shape[1:]) == expected[1:] else ""
            )
            raise ValueError(
                f"Detector expects images (N, {', '.join(map(str, expected))}) but got {tuple(x.shape)}{hint}"
            )
        out = self.head(self.features(x))  # (N, A (K + 4), H/4, W/4)
        return out.transpose(0, 2, 3, 1).reshape(len(x), len(self.anchors), config.n_classes + 4)

    def detect(
        self, images: Any, *, threshold: float = 0.05, overlap: float = 0.5, across_classes: bool = False
    ) -> list[Detections]:
        """For each image (N, C, H, W) boxes (D, 4), scores (D,) and labels (D,), the highest score first.

        Scores are those above `threshold` that survive non-maximum suppression at an IoU of `overlap`, among
        their own class or `across_classes`. Runs in evaluation mode, without gradients.
        """
        was_training = self.training
        self.eval()
        with no_grad():
            batches = [self(Tensor(images[i : i + 100])).data for i in range(0, len(images), 100)]
        self.train(was_training)
        settings = self.anchors, self.config, threshold, overlap, across_classes
        return [_detections(out, *settings) for batch in batches for out in batch]


def _stage(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


def anchor_boxes(config: DetectorConfig) -> np.ndarray:
    """Boxes (M, 4) float32, row by row of cells, in each cell one of every size, all around its centre.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    centres = np.arange(2, config.size, 4)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    half = np.array(config.anchors) / 2  # (A, 2)
    middle = np.stack([x, y], axis=-1).reshape(-1, 1, 2)
    return np.concatenate([middle - half, middle + half], axis=2).reshape(-1, 4).astype(np.float32)


def encode_boxes(boxes: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    r"""What moves anchors (M, 4) to boxes (M, 4): $((x - x_a)/w_a,\, (y - y_a)/h_a,\, \log w/w_a,\, \log h/h_a)$.

    Centres x, y and sides w, h, as in R-CNN (Girshick et al. 2014).

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    sides = anchors[:, 2:] - anchors[:, :2]
    shift = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2 / sides
    return np.concatenate([shift, np.log((boxes[:, 2:] - boxes[:, :2]) / sides)], axis=1)


def decode_boxes(offsets: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The inverse of `encode_boxes`: boxes (M, 4) from offsets (M, 4) and anchors (M, 4).

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    sides = anchors[:, 2:] - anchors[:, :2]
    centre = (anchors[:, :2] + anchors[:, 2:]) / 2 + offsets[:, :2] * sides
    half = sides * np.exp(np.minimum(offsets[:, 2:], 4)) / 2  # e^4 is far beyond any image
    return np.concatenate([centre - half, centre + half], axis=1)


def assign_anchors(
    anchors: np.ndarray, boxes: np.ndarray, labels: np.ndarray, positive: float = 0.5, negative: float = 0.4
) -> np.ndarray:
    """Targets (M, 5) float32 for anchors (M, 4), given true boxes (k, 4) and labels (k,): class, then offsets.

    An anchor gets the box it overlaps most where their IoU is at least `positive`, and every box gets the anchor
    that overlaps it most. Of the others those below `negative` are background, class -1, the rest ignored, -2.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    targets = np.zeros((len(anchors), 5), np.float32)
    targets[:, 0] = BACKGROUND
    if len(boxes):
        overlap = box_iou(anchors, boxes)  # (M, k)
        best, found = overlap.argmax(axis=1), overlap.max(axis=1)
        closest = overlap.argmax(axis=0)
        best[closest], found[closest] = np.arange(len(boxes)), 1.0
        targets[:, 0] = np.where(
            found >= positive, labels[best], np.where(found < negative, BACKGROUND, IGNORED)
        )
        targets[:, 1:] = encode_boxes(boxes[best], anchors)
    return targets


def focal_loss(scores: Tensor, targets: np.ndarray, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    r"""$-\alpha_t (1 - p_t)^\gamma \log p_t$ for logits and targets 0 or 1 of one shape, entry by entry.

    $p_t$ is the probability given to what is true, $\alpha_t$ is `alpha` where that is 1, else 1 - alpha. Lin et al.,
    *Focal loss for dense object detection* (2017); gamma is 0 or at least 1.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    targets = np.asarray(targets, scores.dtype)
    wrong = F.sigmoid(scores * (1 - 2 * targets))  # 1 - p_t
    weights = alpha * targets + (1 - alpha) * (1 - targets)
    losses = F.binary_cross_entropy_with_logits(scores, targets, weight=weights, reduction="none")
    return losses * wrong**gamma if gamma else losses


def detection_loss(out: Tensor, targets: np.ndarray, box_weight: float = 1.0) -> Tensor:
    """Focal loss of the classes plus smooth L1 of the offsets, both summed and divided by the number of positives.

    `out` (N, M, K + 4) comes from a `Detector`, `targets` (N, M, 5) from `assign_anchors`.

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    n_classes, labels = out.shape[2] - 4, targets[..., 0]
    positive, counted = labels >= 0, labels != IGNORED
    hot = labels[..., None] == np.arange(n_classes)
    classes = (focal_loss(out[..., :n_classes], hot) * counted[..., None]).sum()
    offsets = F.smooth_l1_loss(
        out[positive][:, n_classes:], targets[positive][:, 1:], reduction="sum", beta=0.1
    )
    return (classes + box_weight * offsets) / max(int(positive.sum()), 1)


def _detections(
    out: np.ndarray,
    anchors: np.ndarray,
    config: DetectorConfig,
    threshold: float,
    overlap: float,
    across_classes: bool,
) -> Detections:
    probabilities = 1 / (1 + np.exp(-out[:, : config.n_classes].astype(np.float64)))
    rows, labels = np.nonzero(probabilities > threshold)
    scores = probabilities[rows, labels]
    boxes = decode_boxes(out[rows, config.n_classes :].astype(np.float64), anchors[rows])
    boxes = boxes.clip(0, config.size)
    apart = 0 if across_classes else 2 * config.size * labels[:, None]
    kept = nms(boxes + apart, scores, overlap)
    return boxes[kept], scores[kept], labels[kept]
