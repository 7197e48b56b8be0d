"""Dropout: rates, means, seeds; the same mask in both directions."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import utils.functional as F
from utils.functional.dropout import keep_mask
from utils.tensor import Tensor


@pytest.mark.parametrize("p", [0.001, 0.02, 0.1, 0.25, 0.5, 0.9, 0.99])
def test_rate_and_mean(p):
    mask, factor = keep_mask((400, 1000), p, 0)
    rate = 1 - 1 / factor  # p as rounded
    assert rate == pytest.approx(p, rel=0.04)
    assert abs((~mask).mean() - rate) < 5 * np.sqrt(rate * (1 - rate) / mask.size)


def test_gradient_has_the_mask_of_the_result():
    x = Tensor(np.ones((30, 7), np.float32), requires_grad=True)
    out = F.dropout(x, 0.25, rng=3)
    out.backward(np.ones((30, 7)))
    assert set(np.unique(out.data)) == {0.0, np.float32(4 / 3)}
    assert (x.grad == out.data).all()


def test_ends_and_evaluation():
    x = Tensor(np.ones((3, 4)))
    assert F.dropout(x, 0.5, training=False) is x and F.dropout(x, 0.0) is x
    assert (F.dropout(x, 1.0).data == 0).all()
    with pytest.raises(ValueError, match=r"p=1\.5"):
        F.dropout(x, 1.5)


def test_seeds():
    x = np.ones((50, 50))
    F.manual_seed(7)
    first, second = F.dropout(x).data, F.dropout(x).data
    F.manual_seed(7)
    assert (F.dropout(x).data == first).all() and (first != second).any()
    assert (F.dropout(x, rng=1).data == F.dropout(x, rng=np.random.default_rng(1)).data).all()


def test_columns_and_rows_are_independent():
    mask, _ = keep_mask((256, 256), 0.5, 0)
    for axis in (0, 1):
        assert abs(np.corrcoef(mask.mean(axis=axis), np.arange(256))[0, 1]) < 0.25
        neighbours = np.roll(mask, 1, axis=axis) == mask
        assert abs(neighbours.mean() - 0.5) < 0.01


def test_a_thread_that_seeds_draws_what_it_would_alone():
    def draws(pause=None):
        F.manual_seed(3)
        first = F.dropout(np.ones(64), 0.5).data
        if pause is not None:
            pause.wait()  # until the other thread has drawn, too
        return np.concatenate([first, F.dropout(np.ones(64), 0.5).data])

    expected = draws()
    F.manual_seed(4)
    barrier = threading.Barrier(2, timeout=20)
    with ThreadPoolExecutor(2) as pool:
        for seen in pool.map(draws, [barrier] * 2):
            np.testing.assert_array_equal(seen, expected)
    here = F.dropout(np.ones(64), 0.5).data
    F.manual_seed(4)
    np.testing.assert_array_equal(here, F.dropout(np.ones(64), 0.5).data)
