"""DataLoader, buckets, splits and folds."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.data_loaders import DataLoader, bucket_batches, k_fold, train_test_split

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


def test_a_tuple_gives_tuples_and_an_array_arrays():
    batches = list(DataLoader((X, Y), 4))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert all((x[:, 0] // 2 == y).all() for x, y in batches)
    assert [b.tolist() for b in DataLoader(Y, 5)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert [len(b) for b in DataLoader((Y,), 5)] == [1, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 45), st.booleans(), st.booleans(), st.integers(0, 9))
def test_every_sample_once_an_epoch(n, batch_size, shuffle, drop_last, seed):
    loader = DataLoader(np.arange(n), batch_size, shuffle, drop_last=drop_last, rng=seed)
    for _ in range(2):
        batches = list(loader)
        seen = np.concatenate([np.empty(0, int), *batches])
        assert len(batches) == len(loader) == (n // batch_size if drop_last else -(-n // batch_size))
        assert len(set(seen)) == len(seen) == (n - n % batch_size if drop_last else n)
        assert shuffle or (seen == np.arange(len(seen))).all()


def test_a_new_permutation_each_epoch_from_the_seed():
    loader, twin = DataLoader(Y, 10, shuffle=True, rng=1), DataLoader(Y, 10, shuffle=True, rng=1)
    epochs = [next(iter(loader)).tolist() for _ in range(5)]
    assert len({tuple(e) for e in epochs}) == 5
    assert [b.tolist() for _ in range(5) for b in twin] == epochs


@pytest.mark.parametrize("stop", [0, 1, 3, 4])
def test_a_loader_resumes_where_it_stood(stop):
    loader = DataLoader(np.arange(17), 4, shuffle=True, rng=5)
    list(loader)
    batches = iter(loader)
    for _ in range(stop):
        next(batches)
    state = json.loads(json.dumps(loader.state_dict()))
    rest = [b.tolist() for b in batches] + [b.tolist() for b in loader]
    resumed = DataLoader(np.arange(17), 4, shuffle=True, rng=99)
    resumed.load_state_dict(state)
    assert [b.tolist() for _ in range(2) for b in resumed] == rest
    assert [b.tolist() for b in resumed] == [b.tolist() for b in loader]


def test_a_resumed_loader_saved_at_once_is_not_set_back():
    loader = DataLoader(np.arange(17), 4, shuffle=True, rng=5)
    batches = iter(loader)
    next(batches), next(batches)
    first = DataLoader(np.arange(17), 4, shuffle=True)
    first.load_state_dict(loader.state_dict())
    second = DataLoader(np.arange(17), 4, shuffle=True)
    second.load_state_dict(first.state_dict())
    assert [b.tolist() for b in second] == [b.tolist() for b in batches]


def test_after_a_break_the_next_epoch_is_whole():
    loader = DataLoader(Y, 3, shuffle=True)
    for _ in loader:
        break
    assert sorted(np.concatenate(list(loader))) == list(range(10))


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((([1, 2], [3, 4]), 1), TypeError, "list: write DataLoader"),
        (([1, 2], 1), TypeError, "np.asarray"),
        (([X, Y], 1), TypeError, r"write DataLoader\(\(X, y\)\)"),
        (((X, Y[:9]), 1), ValueError, r"\[10, 9\]"),
        (((), 1), ValueError, "no arrays"),
        ((X[:0], 1), ValueError, "no samples"),
        ((np.float64(3), 1), TypeError, "float64"),
        ((np.array(3), 1), ValueError, "without axes"),
        ((X, 0), ValueError, "batch_size must be at least 1 but is 0"),
        ((X, 2.0), TypeError, "batch_size must be an integer but is 2.0"),
        ((X, -3), ValueError, "-3"),
    ],
)
def test_what_a_loader_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        DataLoader(*arguments)


@pytest.mark.parametrize("state", [{}, {"rng": 0}, {"rng": None, "position": 99}])
def test_a_foreign_state_is_refused(state):
    with pytest.raises(ValueError, match="position"):
        DataLoader(X, 2).load_state_dict(state)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 9), st.integers(0, 9))
def test_buckets_hold_similar_lengths(lengths, batch_size, seed):
    batches = list(bucket_batches(lengths, batch_size, seed))
    assert sorted(np.concatenate([np.empty(0, int), *batches])) == list(range(len(lengths)))
    assert sum(len(b) < batch_size for b in batches) <= 1
    spans = sorted((min(lengths[i] for i in b), max(lengths[i] for i in b)) for b in batches)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_buckets_come_in_random_order_and_mix_ties():
    lengths = np.repeat([1, 2, 3], 20)
    first, other = (list(bucket_batches(lengths, 10, seed)) for seed in (0, 1))
    assert [lengths[b[0]] for b in first] != sorted(lengths[b[0]] for b in first)
    assert {tuple(b) for b in first} != {tuple(b) for b in other}
    with pytest.raises(ValueError, match="lengths must be one number a sequence"):
        bucket_batches(np.zeros((3, 2)), 2)
    with pytest.raises(ValueError, match="batch_size"):
        bucket_batches([1, 2], 0)


@pytest.mark.parametrize(("test_size", "n_test"), [(0.25, 3), (0.3, 3), (0.1, 1), (4, 4), (0.5, 5)])
def test_a_split_takes_what_scikit_learn_takes(test_size, n_test):
    from sklearn.model_selection import train_test_split as theirs

    X_train, X_test, y_train, y_test = train_test_split(X, Y, test_size=test_size)
    assert len(X_test) == len(y_test) == n_test == len(theirs(Y, test_size=test_size)[1])
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert (X_train[:, 0] // 2 == y_train).all() and (X_test[:, 0] // 2 == y_test).all()
    assert (train_test_split(Y, rng=1)[1] != train_test_split(Y, rng=2)[1]).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(2, 30), min_size=1, max_size=5), st.floats(0.1, 0.9), st.integers(0, 9))
def test_a_stratified_split_keeps_the_shares(counts, test_size, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    if not 0 < np.ceil(round(len(y) * test_size, 9)) < len(y):
        return
    y_train, y_test = train_test_split(y, test_size=test_size, stratify=y, rng=seed)
    assert sorted([*y_train, *y_test]) == y.tolist()
    n_test = len(y_test)
    for label, count in enumerate(counts):
        assert abs((y_test == label).sum() - count * n_test / len(y)) < 1


def test_texts_keep_their_kind():
    texts, train = tuple("abcdefgh"), train_test_split(list("abcdefgh"))[0]
    parts = train_test_split(texts, np.arange(8))
    assert isinstance(train, list) and isinstance(parts[0], tuple)
    assert all(texts[i] == t for t, i in zip(parts[0], parts[2], strict=True))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: train_test_split(), ValueError, "no arrays"),
        (lambda: train_test_split(X, Y[:3]), ValueError, r"\[10, 3\]"),
        (lambda: train_test_split(X, test_size=0.0), ValueError, "test_size=0.0 of 10"),
        (lambda: train_test_split(X, test_size=1.0), ValueError, "share between 0 and 1"),
        (lambda: train_test_split(X, test_size=10), ValueError, "leaves a part empty"),
        (lambda: train_test_split(X, test_size=-2), ValueError, "leaves a part empty"),
        (lambda: train_test_split(X, Y, 0.2), TypeError, "given by name"),
        (lambda: train_test_split(Y, stratify=Y), ValueError, "one sample only"),
        (lambda: train_test_split(Y, stratify=Y[:3]), ValueError, r"\(3,\)"),
        (lambda: k_fold(3, 4), ValueError, "n_splits=4"),
        (lambda: k_fold(3, 1), ValueError, "n_splits must be at least 2"),
        (lambda: k_fold(X), TypeError, "n_samples"),
    ],
)
def test_impossible_splits(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(("n", "k"), [(10, 5), (11, 3), (7, 7), (100, 8)])
def test_folds_are_scikit_learns_in_size_and_cover_all(n, k):
    from sklearn.model_selection import KFold

    folds = list(k_fold(n, k))
    assert [len(v) for _, v in folds] == [len(v) for _, v in KFold(k).split(np.zeros(n))]
    assert sorted(np.concatenate([v for _, v in folds])) == list(range(n))
    assert all(sorted([*t, *v]) == list(range(n)) for t, v in folds)
    for ours, theirs in zip(k_fold(n, k, shuffle=False), KFold(k).split(np.zeros(n)), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
