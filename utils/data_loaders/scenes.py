"""Pictures composed of given digits: strings of digits, and scenes to detect or to segment digits in."""

from collections.abc import Iterator, Sequence

import numpy as np

from utils.data_loaders.generators import Rng, positive_int

INK = 0.2  # of full intensity: what counts as the digit, not its soft edge
CHUNK = 2048
Range = tuple[float, float]


def make_digit_strings(
    images: np.ndarray,
    labels: np.ndarray,
    n: int,
    length: int | tuple[int, int] = 7,
    *,
    height: int = 32,
    width: int | None = None,
    scale: Range = (0.8, 1.2),
    slant: float = 0.3,
    gap: tuple[int, int] = (-2, 12),
    noise: float = 0.1,
    rng: Rng = 0,
) -> tuple[np.ndarray, np.ndarray | list[np.ndarray]]:
    """Rows of digits, one image each: X (n, height, width) float32, labels (n, length) int64.

    With `length=(low, high)` the rows have from low to high digits, and labels are a list of n arrays.

    Digits are drawn from `images` (N, H, W), scaled by a factor in `scale`, sheared by up to `slant` either
    way, and set with gaps of `gap` pixels, where negative ones make neighbours touch or overlap. `width` is
    28 a digit unless given; gaps shrink where a row would not fit. Paper is 0, ink 1, with Gaussian noise of
    deviation `noise` on top.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """
    images, labels = _check_digits(images, labels)
    n, (low, high) = positive_int("n", n), length if isinstance(length, tuple) else (length, length)
    positive_int("length", low), positive_int("length", high, low)
    rng = np.random.default_rng(rng)
    counts = rng.integers(low, high + 1, n)
    chosen = rng.integers(0, len(images), counts.sum())
    X = _rows(images, chosen, counts, high, height, width, scale, slant, gap, noise, rng)
    texts = np.split(labels[chosen], np.cumsum(counts)[:-1])
    return X, texts if isinstance(length, tuple) else np.stack(texts)


def write_numbers(
    images: np.ndarray,
    labels: np.ndarray,
    numbers: Sequence[str],
    *,
    height: int = 32,
    width: int | None = None,
    scale: Range = (0.8, 1.2),
    slant: float = 0.3,
    gap: tuple[int, int] = (-2, 12),
    noise: float = 0.1,
    rng: Rng = 0,
) -> np.ndarray:
    """The given numbers, such as `["3141592", "007"]`, written with digits drawn from `images`: (n, height, width).

    All else is as in `make_digit_strings`. Raises ValueError for a text that has other characters than the digits
    0 to 9, or a digit that no image shows.

    Notebook: 03-cnn/applications/01-seven-digit-numbers.ipynb
    """
    images, labels = _check_digits(images, labels)
    wanted = _characters(numbers, labels)
    rng = np.random.default_rng(rng)
    chosen = np.array([rng.choice(np.flatnonzero(labels == digit)) for digit in wanted])
    counts = np.array([len(number) for number in numbers])
    return _rows(images, chosen, counts, counts.max(), height, width, scale, slant, gap, noise, rng)


def make_detection_scenes(
    images: np.ndarray,
    labels: np.ndarray,
    n: int,
    *,
    size: int = 64,
    n_digits: tuple[int, int] = (1, 4),
    scale: Range = (0.5, 1.5),
    overlap: float = 0.25,
    clutter: int = 6,
    noise: float = 0.05,
    rng: Rng = 0,
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Scenes of several digits: X (n, size, size) float32, lists of boxes (k, 4) and of labels (k,) int64.

    A box is (x1, y1, x2, y2) in pixels, float64, tight around the ink, x2 and y2 just outside it. Sizes vary
    by the range of `scale`, two boxes share at most `overlap` of their union, and `clutter` scraps of other
    digits lie about (after Mnih et al. 2014, "Recurrent Models of Visual Attention").

    Notebook: 03-cnn/applications/03-object-detection.ipynb
    """
    X, boxes, classes, _ = _scenes(images, labels, n, size, n_digits, scale, overlap, clutter, noise, rng)
    return X, boxes, classes


def make_segmentation_scenes(
    images: np.ndarray,
    labels: np.ndarray,
    n: int,
    *,
    size: int = 64,
    n_digits: tuple[int, int] = (1, 4),
    scale: Range = (0.5, 1.5),
    overlap: float = 0.25,
    clutter: int = 6,
    noise: float = 0.05,
    rng: Rng = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """The same scenes with a class for each pixel: X (n, size, size) float32, masks (n, size, size) int64.

    Class 0 is background (clutter included) and class d + 1 the ink of the digit d; where digits overlap, the
    later.

    Notebook: 03-cnn/applications/04-semantic-segmentation.ipynb
    """
    X, _, _, masks = _scenes(images, labels, n, size, n_digits, scale, overlap, clutter, noise, rng)
    return X, masks


def _check_digits(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 3 or labels.shape != images.shape[:1] or not len(images):
        raise ValueError(
            f"images (N, H, W) and labels (N,) are expected but have shapes {images.shape} and {labels.shape}"
        )
    return images, labels.astype(np.int64)


def _characters(numbers: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """All digits of all numbers, one after another."""
    for number in numbers:
        if not (isinstance(number, str) and number.isascii() and number.isdigit()):
            raise ValueError(
                f"numbers are texts of the digits 0 to 9, as in ['3141592'], but one is {number!r}"
            )
    wanted = np.array([int(digit) for number in numbers for digit in number])
    if missing := sorted(set(wanted.tolist()) - set(labels.tolist())):
        raise ValueError(
            f"no image shows the digits {missing}: pass images of every digit that is to be written"
        )
    if not len(wanted):
        raise ValueError("no number is given: write_numbers(images, labels, ['3141592'])")
    return wanted


def _check_range(name: str, pair: tuple, least: float) -> None:
    if not (isinstance(pair, tuple | list) and len(pair) == 2 and least <= pair[0] <= pair[1]):
        raise ValueError(f"{name} must be a pair (low, high) with low >= {least} but is {pair!r}")


def _noise(deviation: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return np.float32(deviation) * rng.standard_normal(shape, dtype=np.float32)


def _glyphs(
    images: np.ndarray, chosen: np.ndarray, scale: Range, slant: float, side: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The chosen images one by one, each scaled and sheared on a (side, side) canvas, float32 0 to 1."""
    scales, slants = rng.uniform(*scale, len(chosen)), rng.uniform(-slant, slant, len(chosen))
    full = 255.0 if images.dtype == np.uint8 else max(float(images.max()), 1e-9)
    for start in range(0, len(chosen), CHUNK):
        part = slice(start, start + CHUNK)
        yield from _warp((images[chosen[part]] / full).astype(np.float32), scales[part], slants[part], side)


def _warp(images: np.ndarray, scales: np.ndarray, slants: np.ndarray, side: int) -> np.ndarray:
    """Bilinear samples of images (n, H, W) on a grid (n, side, side) with the same centre, 0 outside.

    A row of the grid lies on one height of the image, so rows are a matrix product; along them, two taps.
    """
    n, height, width = images.shape
    scales, slants = scales.astype(np.float32)[:, None, None], slants.astype(np.float32)[:, None, None]
    grid = np.arange(side, dtype=np.float32) - (side - 1) / 2
    y = grid[:, None] / scales + (height - 1) / 2  # (n, side, 1)
    rows = np.maximum(0, 1 - np.abs(y - np.arange(height, dtype=np.float32))) @ images
    rows = np.pad(rows, ((0, 0), (0, 0), (1, 2)))  # (n, side, width + 3)
    x = np.clip((grid + slants * grid[:, None]) / scales + (width + 1) / 2, 0, width + 1)
    left = x.astype(np.int32)
    share = x - left
    at = left + np.arange(n * side, dtype=np.int32).reshape(n, side, 1) * (width + 3)
    return rows.take(at) * (1 - share) + rows.take(at + 1) * share


def _span(inked: np.ndarray) -> tuple[int, int]:
    where = np.flatnonzero(inked)
    return (int(where[0]), int(where[-1]) + 1) if len(where) else (0, len(inked))


def _rows(
    images: np.ndarray,
    chosen: np.ndarray,
    counts: np.ndarray,
    most: int,
    height: int,
    width: int | None,
    scale: Range,
    slant: float,
    gap: tuple[int, int],
    noise: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Pictures of the chosen images, `counts` of them a row and `most` at most."""
    _check_range("scale", scale, 0.1), _check_range("gap", gap, -28)
    width = max(28 * most, height) if width is None else positive_int("width", width, max(12 * most, height))
    n = len(counts)
    gaps, places = rng.integers(gap[0], gap[1] + 1, (n, most - 1)), rng.random(n)
    glyphs = _glyphs(images, chosen, scale, slant, height, rng)
    X = np.zeros((n, height, width), np.float32)
    for row, count, spaces, place in zip(X, counts, gaps, places, strict=True):
        _write_row(row, [_columns(next(glyphs)) for _ in range(count)], spaces[: count - 1], place)
    return X + _noise(noise, X.shape, rng)


def _columns(glyph: np.ndarray) -> np.ndarray:
    first, last = _span((glyph > INK).any(axis=0))
    return glyph[:, first:last]


def _write_row(row: np.ndarray, glyphs: list[np.ndarray], gaps: np.ndarray, place: float) -> None:
    widths = np.array([glyph.shape[1] for glyph in glyphs])
    free = row.shape[1] - widths.sum() - gaps.sum()
    starts = np.concatenate([[0], np.cumsum(widths[:-1] + gaps)])
    if free < 0:  # spread the lack evenly over the gaps
        starts = starts + np.floor(np.linspace(0, free, len(glyphs))).astype(int)
    for start, glyph in zip(np.maximum(starts + int(place * max(free, 0)), 0), glyphs, strict=True):
        part = row[:, start : start + glyph.shape[1]]
        np.maximum(part, glyph, out=part)


def _scenes(
    images: np.ndarray,
    labels: np.ndarray,
    n: int,
    size: int,
    n_digits: tuple[int, int],
    scale: Range,
    overlap: float,
    clutter: int,
    noise: float,
    rng: Rng,
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray], np.ndarray]:
    images, labels = _check_digits(images, labels)
    n, rng = positive_int("n", n), np.random.default_rng(rng)
    _check_range("scale", scale, 0.1), _check_range("n_digits", n_digits, 1)
    side = int(np.ceil(max(images.shape[1:]) * scale[1]))
    size = positive_int("size", size, side)
    counts = rng.integers(n_digits[0], n_digits[1] + 1, n)
    chosen = rng.integers(0, len(images), counts.sum())
    glyphs = _glyphs(images, chosen, scale, 0.2, side, rng)
    classes = iter(labels[chosen])
    scraps = _scraps(images, n * clutter, rng)
    X, masks = np.zeros((n, size, size), np.float32), np.zeros((n, size, size), np.int64)
    boxes_of, labels_of = [], []
    for image, mask, count in zip(X, masks, counts, strict=True):
        for _ in range(clutter):
            _paste(image, next(scraps), *rng.integers(0, size - 8, 2))
        boxes, found = _fill_scene(
            image, mask, [(_trim(next(glyphs)), next(classes)) for _ in range(count)], overlap, rng
        )
        boxes_of.append(boxes)
        labels_of.append(found)
    return X + _noise(noise, X.shape, rng), boxes_of, labels_of, masks


def _scraps(images: np.ndarray, count: int, rng: np.random.Generator, side: int = 8) -> Iterator[np.ndarray]:
    full = 255.0 if images.dtype == np.uint8 else max(float(images.max()), 1e-9)
    low = np.array(images.shape[1:]) // 4
    for index in rng.integers(0, len(images), count):
        y, x = rng.integers(low, np.maximum(images.shape[1:] - low - side, low) + 1)
        yield (images[index, y : y + side, x : x + side] / full).astype(np.float32)


def _trim(glyph: np.ndarray) -> np.ndarray:
    ink = glyph > INK
    (top, bottom), (left, right) = _span(ink.any(axis=1)), _span(ink.any(axis=0))
    return glyph[top:bottom, left:right]


def _fill_scene(
    image: np.ndarray, mask: np.ndarray, digits: list, overlap: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Paste what finds a place in 20 attempts (the first always does): boxes (k, 4), labels (k,)."""
    boxes, labels = np.empty((0, 4)), []
    for glyph, label in digits:
        height, width = glyph.shape
        corners = rng.integers(0, (len(image) - height + 1, len(image) - width + 1), (20, 2))
        for y, x in corners:
            box = np.array([[x, y, x + width, y + height]], dtype=np.float64)
            if (_iou(box, boxes) <= overlap).all():
                _paste(image, glyph, y, x)
                mask[y : y + height, x : x + width][glyph > INK] = label + 1
                boxes = np.concatenate([boxes, box])
                labels.append(label)
                break
    return boxes, np.array(labels, dtype=np.int64)


def _paste(image: np.ndarray, patch: np.ndarray, y: int, x: int) -> None:
    part = image[y : y + patch.shape[0], x : x + patch.shape[1]]
    np.maximum(part, patch, out=part)


def _iou(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    common = np.minimum(box[:, 2:], boxes[:, 2:]) - np.maximum(box[:, :2], boxes[:, :2])
    common = np.maximum(common, 0).prod(axis=1)
    return common / ((box[:, 2:] - box[:, :2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - common)
