"""Boxes beside counted pixels, suppression beside its definition, average precision beside enumeration."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from utils import metrics

SIDE = 8


@st.composite
def box_lists(draw, most=6):
    """Boxes with whole corners within 0..SIDE, empty ones among them."""
    pairs = st.lists(st.integers(0, SIDE), min_size=2, max_size=2).map(sorted)
    boxes = draw(st.lists(st.tuples(pairs, pairs), max_size=most))
    return np.array([[x[0], y[0], x[1], y[1]] for x, y in boxes], dtype=float).reshape(-1, 4)


def pixels(box) -> set:
    x1, y1, x2, y2 = map(int, box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


def counted_iou(a, b) -> float:
    union = pixels(a) | pixels(b)
    return len(pixels(a) & pixels(b)) / len(union) if union else 0.0


# ---- IoU ----


@settings(deadline=None)
@given(box_lists(), box_lists())
def test_iou_is_what_counting_pixels_gives(a, b):
    expected = np.array([[counted_iou(p, q) for q in b] for p in a]).reshape(len(a), len(b))
    np.testing.assert_allclose(metrics.box_iou(a, b), expected, atol=1e-15)
    np.testing.assert_array_equal(metrics.box_iou(b, a), metrics.box_iou(a, b).T)


@settings(deadline=None)
@given(box_lists(), st.floats(0.1, 50), st.floats(-100, 100), st.floats(-100, 100))
def test_iou_is_the_same_in_any_unit_and_at_any_place(boxes, unit, right, down):
    moved = boxes * unit + [right, down, right, down]
    np.testing.assert_allclose(metrics.box_iou(moved, moved), metrics.box_iou(boxes, boxes), atol=1e-9)


def test_iou_of_a_box_with_itself_beside_itself_and_none():
    box = [[2, 3, 7, 4]]
    assert metrics.box_iou(box, box) == 1
    assert metrics.box_iou(box, [[7, 3, 9, 4]]) == 0
    assert metrics.box_iou(np.zeros((0, 4)), box).shape == (0, 1)
    assert metrics.box_iou(np.float32(box), box).dtype == np.float64


# ---- suppression ----


@settings(deadline=None)
@given(box_lists(most=9), st.data())
def test_nms_keeps_what_its_definition_says(boxes, data):
    scores = np.array(data.draw(st.lists(st.integers(0, 4), min_size=len(boxes), max_size=len(boxes))), float)
    threshold = data.draw(st.sampled_from([0.0, 0.25, 0.5, 1.0]))
    kept = metrics.nms(boxes, scores, threshold).tolist()
    rank = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    assert [i for i in rank if i in kept] == kept
    for i in rank:
        higher = [j for j in rank[: rank.index(i)] if j in kept]
        assert (i in kept) == all(counted_iou(boxes[i], boxes[j]) <= threshold for j in higher)


def test_a_suppressed_box_suppresses_none():
    boxes = [
        [0, 0, 10, 10],
        [4, 0, 14, 10],
        [8, 0, 18, 10],
    ]  # neighbours share 6 of 14, the outer two 2 of 18
    assert metrics.nms(boxes, [0.9, 0.8, 0.7], 0.4).tolist() == [0, 2]
    assert metrics.nms(boxes, [0.8, 0.9, 0.7], 0.4).tolist() == [1]
    assert metrics.nms(np.zeros((0, 4)), []).tolist() == []


# ---- matching ----


def test_each_true_box_is_found_once_and_by_the_higher_score():
    truth = [[0, 0, 10, 10], [20, 0, 30, 10]]
    boxes = [[0, 0, 10, 9], [0, 0, 10, 10], [21, 0, 31, 10], [50, 0, 60, 10]]
    assert metrics.match_detections(boxes, [0.9, 0.8, 0.7, 0.6], truth).tolist() == [0, -1, 1, -1]
    assert metrics.match_detections(boxes, [0.8, 0.9, 0.7, 0.6], truth).tolist() == [-1, 0, 1, -1]
    assert metrics.match_detections(boxes, [0.9, 0.8, 0.7, 0.6], truth, 0.9).tolist() == [0, -1, -1, -1]
    assert metrics.match_detections(boxes, [4, 3, 2, 1], np.zeros((0, 4))).tolist() == [-1] * 4


def test_the_best_true_box_that_is_free_is_taken():
    truth, boxes = [[0, 0, 10, 10], [2, 0, 12, 10]], [[0, 0, 10, 10], [0, 0, 11, 10]]
    assert metrics.match_detections(boxes, [0.9, 0.8], truth).tolist() == [0, 1]


@settings(deadline=None)
@given(box_lists(), box_lists(), st.sampled_from([0.1, 0.5, 0.9]))
def test_matches_are_single_and_overlap_enough(boxes, truth, threshold):
    matched = metrics.match_detections(boxes, np.arange(len(boxes)), truth, threshold)
    found = matched[matched >= 0]
    assert len(set(found)) == len(found)
    assert all(counted_iou(boxes[i], truth[k]) >= threshold for i, k in enumerate(matched) if k >= 0)
    free = set(range(len(truth))) - set(found.tolist())  # whoever missed had no box left that was good enough
    missed = [i for i, k in enumerate(matched) if k < 0]
    assert not any(counted_iou(boxes[i], truth[k]) >= threshold for i in missed for k in free)


# ---- average precision ----


def enumerated(hits, n_true) -> float:
    """The definition, recall by recall and cut by cut: the best precision of any cut that reaches the recall."""
    cuts = [(sum(hits[:k]) / n_true, sum(hits[:k]) / k) for k in range(1, len(hits) + 1)]
    levels = [m / n_true for m in range(1, n_true + 1)]
    return sum(max([p for r, p in cuts if r >= level - 1e-12], default=0) for level in levels) / n_true


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=12), st.integers(0, 4))
def test_interpolation_is_the_enumerated_one_and_never_below_scikit_learns(hits, missed):
    n_true = sum(hits) + missed
    if not n_true:
        return
    ap = metrics.interpolated_precision(hits, n_true).mean()
    assert ap == pytest.approx(enumerated(hits, n_true), abs=1e-12)
    if any(hits):
        plain = reference.average_precision_score(
            hits, -np.arange(len(hits))
        )  # of those found, without maxima
        assert ap >= plain * sum(hits) / n_true - 1e-12


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(0, 6))
def test_without_a_dent_in_precision_scikit_learn_agrees(n_right, n_wrong):
    hits = [True] * n_right + [False] * n_wrong
    ap = metrics.interpolated_precision(hits, n_right).mean()
    assert ap == reference.average_precision_score(hits, -np.arange(len(hits))) == 1.0


def test_a_ranking_worked_by_hand():
    # right wrong right right wrong, of 4: precision 1, 1/2, 2/3, 3/4, 3/5; best beyond: 1, 3/4, 3/4, 0
    assert metrics.interpolated_precision([1, 0, 1, 1, 0], 4).tolist() == [1, 0.75, 0.75, 0]


def scenes_by_hand():
    """Two images. Class 3: boxes A and B, found A (.9), a copy of A (.8), B (.7). Class 5: found at an IoU of 0.6."""
    a, b, c = [0, 0, 10, 10], [20, 20, 30, 30], [0, 0, 10, 10]
    truth = [([a, c], [3, 5]), ([b], [3])]
    first = ([a, [0, 0, 10, 9], [0, 0, 10, 6]], [0.9, 0.8, 0.6], [3, 3, 5])
    return truth, [first, ([b], [0.7], [3])]


def test_precision_of_classes_worked_by_hand():
    truth, found = scenes_by_hand()
    np.testing.assert_allclose(metrics.average_precision(truth, found), [(1 + 2 / 3) / 2, 1])
    np.testing.assert_allclose(metrics.average_precision(truth, found, threshold=0.7), [(1 + 2 / 3) / 2, 0])
    assert metrics.mean_average_precision(truth, found) == pytest.approx(11 / 12)
    both = metrics.mean_average_precision(truth, found, thresholds=[0.5, 0.7])
    assert both == pytest.approx((11 / 12 + 5 / 12) / 2)
    assert np.isnan(metrics.average_precision(truth, found, classes=[3, 4])[1])
    assert metrics.mean_average_precision(truth, found, classes=[4, 5]) == 1


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(box_lists(), box_lists()), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_precision_of_random_scenes_is_the_enumerated_one(images, seed):
    rng, truth, found = np.random.default_rng(seed), [], []
    for there, boxes in images:
        truth.append((there, rng.integers(0, 2, len(there))))
        found.append(
            (boxes, rng.permutation(100)[: len(boxes)] + rng.random(), rng.integers(0, 2, len(boxes)))
        )
    for label in {int(y) for _, labels in truth for y in labels}:
        ranked, n_true = [], 0
        for (there, y), (boxes, scores, labels) in zip(truth, found, strict=True):
            free = [box for box, k in zip(there, y, strict=True) if k == label]
            n_true += len(free)
            mine = [(s, box) for s, box, k in zip(scores, boxes, labels, strict=True) if k == label]
            for score, box in sorted(mine, key=lambda pair: -pair[0]):
                best = max(free, key=lambda other, box=box: counted_iou(box, other), default=None)
                hit = best is not None and counted_iou(box, best) >= 0.5
                free = [other for other in free if not (hit and other is best)]
                ranked.append((score, hit))
        ranked.sort(key=lambda pair: -pair[0])
        expected = enumerated([hit for _, hit in ranked], n_true)
        assert metrics.average_precision(truth, found, classes=[label])[0] == pytest.approx(
            expected, abs=1e-12
        )


def test_perfect_and_absent_detections():
    truth = [([[0, 0, 4, 4]], [1]), ([[1, 1, 5, 5], [0, 0, 2, 2]], [2, 1])]
    perfect = [(boxes, [1.0] * len(boxes), labels) for boxes, labels in truth]
    empty = [(np.zeros((0, 4)), [], []) for _ in truth]
    assert metrics.mean_average_precision(truth, perfect, thresholds=[0.5, 1.0]) == 1
    assert metrics.mean_average_precision(truth, empty) == 0


# ---- mistakes ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: metrics.box_iou([1, 2, 3, 4], [[0, 0, 1, 1]]),
            r"shape \(4,\), expected \(N, 4\).*box\[None\]",
        ),
        (lambda: metrics.box_iou([[3, 0, 1, 1]], [[0, 0, 1, 1]]), "exchange the corners"),
        (lambda: metrics.box_iou([[0, 0, np.nan, 1]], [[0, 0, 1, 1]]), "expected x1 <= x2"),
        (lambda: metrics.nms([[0, 0, 1, 1]], [0.1, 0.2]), "a number for each of the 1 boxes"),
        (lambda: metrics.nms([[0, 0, 1, 1]], [np.nan]), "NaN among them"),
        (lambda: metrics.nms([[0, 0, 1, 1]], [0.1], 1.5), "threshold=1.5, expected an IoU from 0 to 1"),
        (lambda: metrics.average_precision([], []), "truth has 0 images"),
        (lambda: metrics.average_precision([([], [])], []), "truth has 1 images and found 0"),
        (lambda: metrics.average_precision([([], [])], [([], [], [])]), "no box at all"),
        (lambda: metrics.average_precision([([[0, 0, 1, 1]], [1, 2])], [([], [], [])]), "labels have shape"),
        (lambda: metrics.interpolated_precision([True, True], 1), "each true box is found once"),
    ],
)
def test_mistakes_get_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
