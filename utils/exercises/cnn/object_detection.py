"""Exercises of 03-cnn/applications/03-object-detection.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/03-object-detection.ipynb"


apart = Exercise(
    "03-cnn/object-detection-1",
    notebook=NOTEBOOK,
    items=["Boxes, anchors and IoU"],
    hints=[
        "Intersection first, with sides of at least 0; then the union by the areas.",
        "The hull begins at the smaller of the two beginnings and ends at the larger of the two ends, along each axis.",
        "iou - (hull - union) / hull, all three of them areas.",
    ],
    explanation="""
        The intersection takes the larger beginning and the smaller end, the hull the other way round. For distant
        boxes the hull is almost empty and GIoU goes to -1; as they approach it rises, and so has a gradient.""",
)


@apart.reference
def giou(a, b):
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = np.maximum(sides, 0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common
    hull = (np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])).prod()
    return common / union - (hull - union) / hull


def _box(rng, low, high):
    corner = rng.integers(low, high, 2)
    return np.concatenate([corner, corner + rng.integers(2, 9, 2)]).astype(float)


@apart.case("boxes that overlap")
def _(rng):
    return _box(rng, 0, 3), _box(rng, 0, 3)


@apart.case("boxes that do not touch")
def _(rng):
    return _box(rng, 0, 3), _box(rng, 15, 30)


@apart.case("apart along both axes, the second before the first")
def _(rng):
    return _box(rng, 20, 25), _box(rng, 0, 3)


@apart.case("one box inside the other")
def _(rng):
    return np.array([0.0, 0, 20, 20]), _box(rng, 2, 8)


@apart.wrong("Two negative sides make a positive product: let no side of the intersection be below 0.")
def _(a, b):
    common = (np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common
    hull = (np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])).prod()
    return common / union - (hull - union) / hull


@apart.wrong("The intersection is counted in both areas: subtract it once from their sum.")
def _(a, b):
    common = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()
    hull = (np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])).prod()
    return common / union - (hull - union) / hull


@apart.wrong("What neither box covers is counted as a share of the hull, not of the union.")
def _(a, b):
    common = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common
    hull = (np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])).prod()
    return common / union - (hull - union) / union


chain = Exercise(
    "03-cnn/object-detection-2",
    notebook=NOTEBOOK,
    items=["Non-maximum suppression"],
    hints=[
        "Three boxes in a row: each overlaps the next, but the first does not reach the third.",
        "The second is struck out by the first. May it still strike out the third?",
        "Go through the boxes by falling score, and let only those that are still alive strike out others.",
    ],
    explanation="""
        The faulty function strikes out every box that has any rival with a higher score, even one that was struck
        out itself. Whether a box may strike out others is known only when its turn comes: greed goes in order.""",
)


@chain.reference
def suppress(iou, scores, threshold):
    order = np.argsort(-scores, kind="stable")
    rivals = iou[np.ix_(order, order)] > threshold
    alive = np.ones(len(order), bool)
    for k in range(len(order)):
        if alive[k]:
            alive[k + 1 :] &= ~rivals[k, k + 1 :]
    return order[alive]


def _overlaps(starts, length=10.0):
    gap = np.abs(np.subtract.outer(starts, starts))
    common = np.maximum(length - gap, 0)
    return common / (2 * length - common)


@chain.case("a chain: each box overlaps the next")
def _(rng):
    starts = np.array([0.0, 4, 8, 12, 16])
    return _overlaps(starts), np.sort(rng.random(5).round(3))[::-1].copy(), 0.3


@chain.case("boxes at random places")
def _(rng):
    return _overlaps(rng.uniform(0, 40, 9).round(1)).round(3), rng.permutation(9) / 10.0, 0.3


@chain.case("equal scores")
def _(rng):
    return _overlaps(rng.uniform(0, 30, 6).round(1)).round(3), rng.integers(1, 3, 6) / 2.0, 0.4


@chain.case("an overlap of exactly the threshold is allowed")
def _(rng):
    iou = np.array([[1, 0.5, 0.2], [0.5, 1, 0.75], [0.2, 0.75, 1]])
    return iou, np.array([0.9, 0.8, 0.7])[rng.permutation(3)], 0.5


@chain.wrong("A box that was struck out must not strike out others.")
def _(iou, scores, threshold):
    order = np.argsort(-scores, kind="stable")
    rivals = iou[np.ix_(order, order)] > threshold
    return order[~np.triu(rivals, 1).any(axis=0)]


@chain.wrong("The indices must come by falling score: the highest first.")
def _(iou, scores, threshold):
    return np.sort(suppress(iou, scores, threshold))


@chain.wrong("A box goes where the overlap is above the threshold, not where it equals it.")
def _(iou, scores, threshold):
    return suppress(iou, scores, threshold - 1e-9)


@chain.wrong("Of equal scores the earlier box counts as higher: sort -scores with kind='stable'.")
def _(iou, scores, threshold):
    n = len(scores)
    return n - 1 - suppress(iou[::-1, ::-1], scores[::-1], threshold)


slip = Exercise(
    "03-cnn/object-detection-3",
    notebook=NOTEBOOK,
    items=["Boxes, anchors and IoU"],
    hints=[
        "Moved by d along one axis, the squares share s (s - d), and cover 2 s^2 - s (s - d) together.",
        "Set shared / covered = t and solve for the shared area: shared = 2 s^2 t / (1 + t).",
        "Along both axes the shared area is (s - d)^2.",
    ],
    explanation="""
        Shared / (2 s^2 - shared) = t gives shared = 2 s^2 t / (1 + t). Along one axis shared = s (s - d), so
        d = s (1 - t) / (1 + t), a third of the side for t = 0.5. Along both, shared = (s - d)^2, so
        d = s (1 - sqrt(2 t / (1 + t))), 0.18 of the side. Small objects leave little room: grids need fine steps.""",
)


@slip.reference
def largest_slip(side, threshold, both):
    shared = 2 * threshold / (1 + threshold)
    return side * (1 - (shared**0.5 if both else shared))


@slip.case("along one axis")
def _(rng):
    return int(rng.integers(5, 40)), round(float(rng.uniform(0.3, 0.9)), 2), False


@slip.case("along both axes")
def _(rng):
    return int(rng.integers(5, 40)), round(float(rng.uniform(0.3, 0.9)), 2), True


@slip.case("nothing but the very same box will do", seeds=1)
def _(rng):
    return 12, 1.0, True


@slip.wrong("1 - t is the share of the square that may be lost; IoU divides by the area of both together.")
def _(side, threshold, both):
    return side * (1 - (threshold**0.5 if both else threshold))


@slip.wrong("Along both axes the shared piece is (s - d)^2: a square root is missing.")
def _(side, threshold, both):
    return side * (1 - threshold) / (1 + threshold)


@slip.wrong(
    "Half of the way along one axis is not as far along both: the shared piece is a product of two sides."
)
def _(side, threshold, both):
    return side * (1 - threshold) / (1 + threshold) / (2 if both else 1)


cutting = Exercise(
    "03-cnn/object-detection-4",
    notebook=NOTEBOOK,
    items=["Mean average precision"],
    hints=[
        "Sort by falling score. Cutting at the k-th score shows k boxes.",
        "F1 at each cut: 2 * cumsum(hits) / (k + n_true), with k = 1, 2, ...",
        "Scores that are equal are shown together: only the last of them is a possible cut.",
    ],
    explanation="""
        After sorting, cumsum(hits) is the number right among the first k, so F1 = 2 right / (k + n_true). A cut shows
        all boxes of its score, so only the last of equal scores counts; argmax takes the first of equal F1.""",
)


@cutting.reference
def best_cut(scores, hits, n_true):
    order = np.argsort(-scores, kind="stable")
    scores = scores[order]
    f1 = 2 * np.cumsum(hits[order]) / (np.arange(1, len(scores) + 1) + n_true)
    last = np.append(scores[1:] < scores[:-1], True)
    return scores[last][np.argmax(f1[last])]


def _ranking(rng, n):
    scores = rng.permutation(np.arange(1, n + 1)) / (n + 1)
    return scores.round(3), rng.random(n) < scores


@cutting.case("scores that all differ")
def _(rng):
    return *_ranking(rng, 12), 9


@cutting.case("many true boxes that nobody found")
def _(rng):
    return *_ranking(rng, 10), 30


@cutting.case("equal scores are shown together")
def _(rng):
    right = rng.permutation(np.array([True, False, False, False]))
    return np.array([0.9, 0.6, 0.6, 0.6, 0.6, 0.3]), np.array([True, *right, False]), 2


@cutting.case("two cuts that are equally good", seeds=1)
def _(rng):
    return np.array([0.3, 0.9, 0.7, 0.5]), np.array([True, True, False, False]), 2  # 2/3 at 0.9, 4/6 at 0.3


@cutting.wrong("This maximizes precision: one sure box would do. Divide by shown plus true.")
def _(scores, hits, n_true):
    order = np.argsort(-scores, kind="stable")
    return scores[order][np.argmax(np.cumsum(hits[order]) / np.arange(1, len(scores) + 1))]


@cutting.wrong(
    "F1 has true boxes in it that nobody found: the denominator is shown + n_true, not shown + sum(hits)."
)
def _(scores, hits, n_true):
    return best_cut(scores, hits, hits.sum())


@cutting.wrong("Equal scores are shown together: a cut between them does not exist.")
def _(scores, hits, n_true):
    order = np.argsort(-scores, kind="stable")
    f1 = 2 * np.cumsum(hits[order]) / (np.arange(1, len(scores) + 1) + n_true)
    return scores[order][np.argmax(f1)]


@cutting.wrong("Sort by falling score first: the running sums belong to a ranking.")
def _(scores, hits, n_true):
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(scores) + 1) + n_true)
    return scores[np.argmax(f1)]
