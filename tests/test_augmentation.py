"""Augmentation: nothing happens at zero strength, known shifts and turns, and SciPy's interpolation as the truth."""

import numpy as np
import pytest
from scipy import ndimage

from utils.data_loaders import affine, elastic, mixup, random_affine, random_shift, warp

SHAPES = [(5, 12, 9), (5, 3, 12, 9)]
DTYPES = [np.float32, np.float64]
RANDOM = {
    "shift": lambda images, rng: random_shift(images, 2, rng),
    "affine": lambda images, rng: random_affine(images, rng, 20, 0.2, 0.2, 2.0),
    "elastic": lambda images, rng: elastic(images, rng, 20.0, 2.0),
    "mixup": lambda images, rng: mixup(images, np.eye(len(images), dtype=images.dtype), rng)[0],
}


def pictures(shape, dtype=np.float64):
    return np.random.default_rng(0).random(shape, dtype)


def planes(images):
    """All single pictures of a batch."""
    return images.reshape(-1, *images.shape[-2:])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
def test_shape_and_dtype_stay_and_the_seed_decides(change, dtype, shape):
    images = pictures(shape, dtype)
    before = images.copy()
    first, again, other = (change(images, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == shape and first.dtype == dtype
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert np.array_equal(images, before) and not np.shares_memory(first, images)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_happens_at_zero_strength(shape):
    images, rng, labels = pictures(shape), np.random.default_rng(0), np.eye(5)
    assert np.array_equal(random_shift(images, 0, rng), images)
    np.testing.assert_allclose(random_affine(images, rng), images, atol=1e-12)
    np.testing.assert_allclose(elastic(images, rng, alpha=0.0), images, atol=1e-12)
    for mine, given in zip(mixup(images, labels, rng, alpha=0.0), (images, labels), strict=True):
        assert np.array_equal(mine, given)


@pytest.mark.parametrize("change", RANDOM.values(), ids=RANDOM)
def test_an_empty_batch_stays_one(change):
    assert change(np.zeros((0, 6, 6)), np.random.default_rng(0)).shape == (0, 6, 6)


# ---- shifts ----


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shifts_reach_every_place_and_lose_nothing_inside(dtype):
    images = np.zeros((4000, 9, 9), dtype)
    images[:, 4, 4] = 200
    moved = random_shift(images, 2, np.random.default_rng(0))
    assert moved.dtype == dtype and (moved.reshape(4000, -1).sum(axis=1) == 200).all()
    places = moved.astype(float).mean(axis=0) / 200
    assert (places[2:7, 2:7] > 0.6 / 25).all() and places[2:7, 2:7].sum() == pytest.approx(1)


def test_what_is_shifted_out_is_lost_and_zeros_come_in():
    moved = random_shift(np.ones((500, 3, 4)), 1, np.random.default_rng(0))
    assert {int(image.sum()) for image in moved} == {12, 9, 8, 6}


def test_channels_move_together():
    images = np.repeat(pictures((6, 1, 8, 8)), 3, axis=1)
    for change in RANDOM.values():
        moved = change(images, np.random.default_rng(1))
        assert np.array_equal(moved[:, 0], moved[:, 2])


# ---- between pixels ----


@pytest.mark.parametrize("shape", SHAPES)
def test_warp_is_scipys_map_coordinates(shape):
    images, rng = pictures(shape), np.random.default_rng(3)
    rows, columns = rng.uniform(-3, 14, (2, 5, 7, 6))  # a larger range than the image's, another size
    out = warp(images, rows, columns)
    assert out.shape == (*shape[:-2], 7, 6)
    for image, mine, r, c in zip(images, out, rows, columns, strict=True):
        for plane, result in zip(planes(image), planes(mine), strict=True):
            truth = ndimage.map_coordinates(plane, [r, c], order=1, mode="grid-constant")
            np.testing.assert_allclose(result, truth, atol=1e-12)


def test_one_field_may_serve_all_images():
    images, (rows, columns) = pictures((4, 6, 6)), np.random.default_rng(0).uniform(0, 5, (2, 6, 6))
    one_by_one = [warp(image[None], rows, columns)[0] for image in images]
    np.testing.assert_array_equal(warp(images, rows, columns), one_by_one)


@pytest.mark.parametrize("shape", SHAPES)
def test_affine_is_scipys(shape):
    images, rng = pictures(shape), np.random.default_rng(4)
    matrices, offsets = rng.normal(size=(5, 2, 2)), rng.normal(size=(5, 2))
    centre = (np.array(shape[-2:]) - 1) / 2
    out = affine(images, matrices, offsets)
    for image, mine, A, b in zip(images, out, matrices, offsets, strict=True):
        for plane, result in zip(planes(image), planes(mine), strict=True):
            start = centre + b - A @ centre
            truth = ndimage.affine_transform(plane, A, start, order=1, mode="grid-constant")
            np.testing.assert_allclose(result, truth, atol=1e-12)


def test_many_images_at_once_are_as_few():
    images, rng = pictures((70, 28, 28)), np.random.default_rng(0)
    rows, columns = rng.uniform(0, 27, (2, 70, 28, 28))
    one_by_one = [
        warp(*(part[None] for part in parts))[0] for parts in zip(images, rows, columns, strict=True)
    ]
    np.testing.assert_array_equal(warp(images, rows, columns), one_by_one)


def test_known_maps():
    image = pictures((1, 7, 7))
    quarter = affine(image, np.array([[0.0, -1.0], [1.0, 0.0]]))
    np.testing.assert_allclose(quarter[0], np.rot90(image[0], -1), atol=1e-12)
    below = affine(image, np.eye(2), np.array([-1.0, 0.0]))
    np.testing.assert_allclose(below[0, 1:], image[0, :-1], atol=1e-12)
    assert not below[0, 0].any()
    larger = affine(image, np.eye(2) / 2)
    np.testing.assert_allclose(larger[0, 1::2, 1::2], image[0, 2:5, 2:5], atol=1e-12)


def moments(images):
    """Mass, centre and covariance of the ink of each image."""
    grid = np.stack(np.indices(images.shape[1:]), axis=-1).reshape(-1, 2).astype(float)
    ink = images.reshape(len(images), -1)
    mass = ink.sum(axis=1)
    centre = ink @ grid / mass[:, None]
    apart = grid - centre[:, None]
    return mass, centre, np.einsum("np,npi,npj->nij", ink, apart, apart) / mass[:, None, None]


def bar(n, size=41):
    """Smooth ink, three times as long (down) as wide."""
    rows, columns = np.indices((size, size)) - size // 2
    return np.repeat(np.exp(-(rows**2) / 72 - columns**2 / 8)[None], n, axis=0)


def test_each_strength_does_its_own_up_to_its_limit():
    images, n = bar(400), 400
    mass, centre, spread = moments(images)

    def after(**strength):
        return moments(random_affine(images, np.random.default_rng(1), **strength))

    m, c, s = after(shift=3.0)
    np.testing.assert_allclose(m, mass, rtol=2e-3)  # a little ink leaves at the edges
    moved = np.abs(c - centre)
    assert moved.max(axis=0).min() > 2.8 and moved.max() < 3.05
    m, c, s = after(rotation=30.0)
    angles = np.rad2deg(0.5 * np.arctan2(2 * s[:, 0, 1], s[:, 0, 0] - s[:, 1, 1]))
    assert 28 < angles.max() < 31 and -31 < angles.min() < -28
    np.testing.assert_allclose(m, mass, rtol=0.01)
    m, c, s = after(scale=0.2)
    factors = np.sqrt(np.diagonal(s - 0.2, axis1=1, axis2=2) / np.diagonal(spread, axis1=1, axis2=2))
    assert 0.7 < factors.min() < 0.86 and 1.15 < factors.max() < 1.22
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.2  # the axes have factors of their own
    m, c, s = after(shear=0.3)
    slants = s[:, 0, 1] / s[:, 0, 0]
    assert 0.27 < np.abs(slants).max() < 0.31 and len(np.unique(slants)) == n


def test_elastic_is_simards():
    images, rng = pictures((3, 20, 16)), np.random.default_rng(8)
    noise = 2 * np.random.default_rng(8).random((2, 3, 20, 16)) - 1
    fields = ndimage.gaussian_filter(noise, 3.0, axes=(2, 3), mode="constant", truncate=4.0) * 25
    out = elastic(images, rng, alpha=25.0, sigma=3.0)
    grid = np.indices((20, 16))
    for i in range(3):
        truth = ndimage.map_coordinates(images[i], grid + fields[:, i], order=1, mode="grid-constant")
        np.testing.assert_allclose(out[i], truth, atol=1e-10)
    inner = np.random.default_rng(0).random((200, 60, 60))  # as strong as the docstring says
    field = ndimage.gaussian_filter(2 * inner - 1, 4.0, axes=(1, 2)) * 34
    assert field[:, 20:40, 20:40].std() == pytest.approx(0.16 * 34 / 4, rel=0.1)


# ---- mixtures ----


def test_mixtures_keep_mass_and_mix_labels_as_images():
    images, labels = np.eye(64).reshape(64, 8, 8), np.eye(64)
    mixed, targets = mixup(images, labels, np.random.default_rng(0), alpha=1.0)
    np.testing.assert_allclose(mixed.reshape(64, 64), targets, atol=1e-12)  # image i is label i
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    assert ((targets > 0).sum(axis=1) <= 2).all() and len(np.unique(targets.max(axis=1).round(9))) > 32


def test_alpha_sets_how_strongly_is_mixed():
    def purity(alpha):
        _, targets = mixup(np.zeros((2000, 1, 1)), np.eye(2000), np.random.default_rng(0), alpha)
        return targets.max(axis=1).mean()

    assert purity(0.1) > 0.93 and purity(1.0) == pytest.approx(0.75, abs=0.02) and purity(50.0) < 0.6


# ---- what is refused ----


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x, rng: random_shift(x, -1, rng), ValueError, "pixels=-1 must be 0 or more"),
        (lambda x, rng: random_affine(x, rng, rotation=-5), ValueError, "rotation=-5 must be 0 or more"),
        (lambda x, rng: random_affine(x, rng, scale=1.0), ValueError, "scale=1.0 would shrink"),
        (lambda x, rng: random_affine(x, rng, shift=float("nan")), ValueError, "shift=nan"),
        (lambda x, rng: elastic(x, rng, sigma=0), ValueError, "sigma=0 .* must be positive"),
        (lambda x, rng: elastic(x, rng, alpha=-1), ValueError, "alpha=-1 must be 0 or more"),
        (
            lambda x, rng: elastic((255 * x).astype(np.uint8), rng),
            TypeError,
            "got uint8: convert with .astype",
        ),
        (lambda x, rng: random_affine(x.astype(int), rng), TypeError, "float32 or float64 but got int64"),
        (lambda x, rng: random_shift(x.reshape(5, -1), 1, rng), ValueError, r"\(N, H, W\) .* got \(5, 108\)"),
        (lambda x, rng: mixup(x, np.eye(5, dtype=int), rng), TypeError, "got int64"),
        (
            lambda x, rng: mixup(x, np.eye(4), rng),
            ValueError,
            r"5 images need labels \(5, K\) but got \(4, 4\)",
        ),
        (lambda x, rng: mixup(x, np.ones(5), rng), ValueError, r"need labels \(5, K\) but got \(5,\)"),
    ],
)
def test_errors_say_what_to_do(call, error, says):
    with pytest.raises(error, match=says):
        call(pictures((5, 12, 9)), np.random.default_rng(0))
