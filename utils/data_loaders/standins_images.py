"""Images where the real ones are out of reach: enlarged 8x8 digits, and generated shapes and textures."""

import numpy as np

from utils.data_loaders.batching import train_test_split

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
SHAPE_CLASSES = (
    "disc", "ring", "square", "triangle", "cross",
    "horizontal stripes", "vertical stripes", "diagonal stripes", "checkerboard", "dots",
)  # fmt: skip


def digits8x8() -> Split:
    """scikit-learn's 1,797 digits, uint8 (N, 8, 8) of 0 to 16: X_train, X_test, y_train, y_test."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    X, y = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    return train_test_split(X, y, test_size=360, stratify=y, rng=0)


def enlarged_digits() -> Split:
    """The same in MNIST's form: 28 x 28 of 0 to 255, the digit in the 20 x 20 in the middle."""
    X_train, X_test, y_train, y_test = digits8x8()
    return _enlarge(X_train), _enlarge(X_test), y_train, y_test


def _enlarge(X: np.ndarray, box: int = 20, side: int = 28) -> np.ndarray:
    A = _bilinear(X.shape[-1], box)
    margin = (side - box) // 2
    image = np.rint(A @ (X * (255 / 16)) @ A.T).astype(np.uint8)
    return np.pad(image, ((0, 0), (margin, margin), (margin, margin)))


def _bilinear(n_in: int, n_out: int) -> np.ndarray:
    """Matrix (n_out, n_in) that interpolates between the centres of n_in pixels."""
    place = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
    return np.maximum(0, 1 - np.abs(place[:, None] - np.arange(n_in)))


def shapes_and_textures(n_train: int = 2000, n_test: int = 500) -> Split:
    """Ten classes of shapes and textures in random colours, places and sizes: X (N, 3, 32, 32) uint8."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(n_train + n_test) % len(SHAPE_CLASSES)).astype(np.int64)
    mask = np.empty((len(y), 32, 32))
    for label in range(len(SHAPE_CLASSES)):
        mask[y == label] = _mask(label, int((y == label).sum()), rng)
    front, back = rng.uniform(0, 255, (2, len(y), 3, 1, 1))
    back = np.where(np.abs(front - back).mean(axis=1, keepdims=True) < 60, 255 - front, back)
    images = back + mask[:, None] * (front - back) + rng.normal(0, 25, (len(y), 3, 32, 32))
    X = np.clip(np.rint(images), 0, 255).astype(np.uint8)
    return X[:n_train], X[n_train:], y[:n_train], y[n_train:]


def _mask(label: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Where the foreground is, (n, 32, 32) bool, in coordinates u, v around a centre, turned a little."""
    centre, r, angle = (
        rng.uniform(11, 21, (2, n, 1, 1)),
        rng.uniform(7, 12, (n, 1, 1)),
        rng.uniform(-0.25, 0.25, (n, 1, 1)),
    )
    y, x = np.mgrid[:32, :32]
    x, y = x - centre[0], y - centre[1]
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    k = 2 * np.pi / (0.75 * r)
    square, distance = np.maximum(np.abs(u), np.abs(v)), np.hypot(u, v)
    return (
        lambda: distance < r,
        lambda: (distance < r) & (distance > 0.6 * r),
        lambda: square < 0.85 * r,
        lambda: (v < 0.7 * r) & (v > 2 * np.abs(u) - r),
        lambda: (np.minimum(np.abs(u), np.abs(v)) < 0.3 * r) & (square < r),
        lambda: np.sin(k * v) > 0,
        lambda: np.sin(k * u) > 0,
        lambda: np.sin(k * (u + v) / np.sqrt(2)) > 0,
        lambda: np.sin(k * u) * np.sin(k * v) > 0,
        lambda: np.cos(k * u) + np.cos(k * v) > 0.8,
    )[label]()
