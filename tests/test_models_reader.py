"""The reader of rows of digits: its counting against a loop and finite differences, its columns against shifts."""

import numpy as np
import pytest

from utils import functional as F
from utils import optim
from utils.data_loaders import make_digit_strings
from utils.data_loaders.standins_images import enlarged_digits
from utils.models import Reader, ReaderConfig, read, reading_loss, shares
from utils.nn import init
from utils.tensor import Tensor, no_grad
from utils.testing import check_close, check_gradient

RNG = np.random.default_rng(0)
SMALL = ReaderConfig(channels=(4, 6, 8, 12))
COLUMNS = RNG.normal(size=(3, 9, 11))  # of three pictures
LABELS = RNG.integers(0, 10, (3, 4))


def shares_by_walking(mass, length):
    """Fill one digit after another, as a row of buckets is filled."""
    out = np.zeros((len(mass), length, mass.shape[1]))
    for i, row in enumerate(mass):
        digit, room = 0, 1.0
        for t, left in enumerate(row):
            while left > 0 and digit < length:
                poured = min(left, room)
                out[i, digit, t] += poured
                left, room = left - poured, room - poured
                if room == 0:
                    digit, room = digit + 1, 1.0
    return out


def read_by_walking(columns, length):
    mass = 1 / (1 + np.exp(-columns[:, :, -1]))
    mass = mass * length / mass.sum(axis=1, keepdims=True)
    return shares_by_walking(mass, length) @ columns[:, :, :-1]


@pytest.mark.parametrize("length", [1, 3, 6])
def test_shares_are_what_walking_along_the_row_pours(length):
    mass = RNG.uniform(0, 1.2, (5, 8))
    mass[0, 2] = 3.4  # one column may hold several digits
    mass[1] /= 10  # and a row less than one
    a = shares(Tensor(mass), length).data
    check_close(a, shares_by_walking(mass, length), atol=1e-12)
    assert a.min() >= 0
    check_close(a.sum(axis=2), np.clip(mass.sum(axis=1)[:, None] - np.arange(length), 0, 1), atol=1e-12)


def test_reading_is_a_mean_of_votes_weighted_by_shares():
    columns = COLUMNS.astype(np.float32)
    scores = read(Tensor(columns), 4)
    assert scores.shape == (3, 4, 10) and scores.dtype == np.float32
    check_close(scores.data, read_by_walking(COLUMNS, 4), atol=1e-5)
    voted = COLUMNS.copy()
    voted[:, :, :-1] = RNG.normal(size=10)  # where all columns agree, so do the digits
    check_close(read(Tensor(voted), 4).data, voted[:, :4, :-1], atol=1e-12)


def test_without_a_length_the_masses_stand_as_they_are():
    columns = COLUMNS.copy()
    columns[:, :, -1] = -30
    columns[:, [1, 4, 7], -1] = 30  # three columns hold a digit each
    columns[0, 7, -1] = -30  # two in the first picture
    scores = read(Tensor(columns)).data
    assert scores.shape == (3, 3, 10)
    check_close(scores[1:], columns[1:, [1, 4, 7], :-1], atol=1e-9)
    check_close(scores[0, :2], columns[0, [1, 4], :-1], atol=1e-9)
    assert np.abs(scores[0, 2]).max() < 1e-9
    columns[:, 7, -1] = np.log(0.7 / 0.3)  # a count of 2.7 is rounded
    assert read(Tensor(columns[1:])).shape == (2, 3, 10)


def test_gradients_of_shares_and_of_the_loss():
    weight, mass = RNG.normal(size=(2, 3, 6)), RNG.uniform(0.1, 0.9, (2, 6))

    def f(mass):
        return float((shares(Tensor(mass), 3) * weight).sum())

    x = Tensor(mass, requires_grad=True)
    (shares(x, 3) * weight).sum().backward()
    check_gradient(f, mass, x.grad)
    x = Tensor(COLUMNS, requires_grad=True)
    reading_loss(x, LABELS).backward()
    check_gradient(lambda columns: reading_loss(Tensor(columns), LABELS).item(), COLUMNS, x.grad)


def test_the_loss_counts_too():
    mass = 1 / (1 + np.exp(-COLUMNS[:, :, -1]))
    off = ((mass.sum(axis=1) / 4 - 1) ** 2).mean()
    scores = read_by_walking(COLUMNS, 4)
    expected = F.cross_entropy(scores.reshape(12, 10), LABELS.reshape(12)).item() + off
    assert abs(reading_loss(Tensor(COLUMNS), LABELS).item() - expected) < 1e-9


def test_the_reader_is_convolutional_through_and_through():
    model = Reader()
    assert model.num_parameters() == 400 + 32 + 4608 + 64 + 18_432 + 128 + 98_304 + 256 + 81_920 + 256 + 1419
    assert sum(x.nbytes for x in model.state_dict().values()) < 2**20
    init.manual_seed(0)
    model = Reader(SMALL).eval()
    picture = np.zeros((1, 1, 32, 160), np.float32)
    picture[..., 60:100] = RNG.random((32, 40))
    with no_grad():
        here, there = (model(Tensor(np.roll(picture, shift, axis=3))).data for shift in (0, 8))
        assert model(Tensor(picture[..., :44])).shape == (1, 11, 11)
    assert here.shape == (1, 40, 11)
    check_close(there[:, 8:34], here[:, 6:32], atol=1e-5)  # 8 pixels are two columns
    assert np.abs(there[:, 8:34] - here[:, 8:34]).max() > 1e-2


def test_a_column_sees_44_pixels():
    init.manual_seed(1)
    model = Reader(SMALL).eval()
    with no_grad():
        plain = model(Tensor(np.zeros((1, 1, 32, 160), np.float32))).data[0, 20]
        seen = []
        for x in range(160):
            picture = np.zeros((1, 1, 32, 160), np.float32)
            picture[..., x] = 10 * RNG.normal(size=32)
            seen.append(np.abs(model(Tensor(picture)).data[0, 20] - plain).max() > 0)
    first, last = np.flatnonzero(seen)[[0, -1]]
    assert last - first + 1 <= 44 and last - first + 1 >= 40  # zero at the rim where ReLU is silent


def test_an_untrained_reader_counts_about_seven_and_learns_a_batch_by_heart():
    images, _, labels, _ = enlarged_digits()
    X, y = make_digit_strings(images, labels, 6, width=196)
    init.manual_seed(0)
    model = Reader(SMALL)
    with no_grad():
        count = F.sigmoid(model(Tensor(X[:, None]))[:, :, -1]).data.sum(axis=1)
    assert (np.abs(count - 7) < 3).all()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        loss = reading_loss(model(Tensor(X[:, None])), y)
        loss.backward()
        optimizer.step()
    columns = model(Tensor(X[:, None]))
    assert (read(columns, 7).data.argmax(axis=2) == y).all() and columns.dtype == np.float32
    count = F.sigmoid(columns[:, :, -1]).data.sum(axis=1)
    assert (np.abs(count - 7) < 0.5).all()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ReaderConfig(height=30), "height=30 must be a multiple of 8"),
        (lambda: ReaderConfig(context=4), "context=4 must be odd"),
        (lambda: ReaderConfig(first_mass=1), "first_mass=1 must lie between 0 and 1"),
        (lambda: Reader(SMALL)(Tensor(np.zeros((2, 32, 196)))), r"x\[:, None\]"),
        (lambda: Reader(SMALL)(Tensor(np.zeros((2, 1, 28, 196)))), r"\(N, 1, 32, W\).* \(2, 1, 28, 196\)"),
        (lambda: Reader(SMALL)(Tensor(np.zeros((2, 1, 32, 3)))), "W of 4 or more"),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()
