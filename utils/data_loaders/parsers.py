"""Bytes to values. A parser trusts nothing; its ValueError says what is wrong, the caller names the file."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

IDX_UNSIGNED_BYTE = 0x08


def idx_array(ndim: int, tail: tuple[int, ...] = ()) -> Callable[[bytes], np.ndarray]:
    """Parser for LeCun's idx format: uint8 of `ndim` axes, the last ones `tail`, not a byte more or less."""

    def parse(data: bytes) -> np.ndarray:
        header = 4 + 4 * ndim
        if len(data) < header:
            raise ValueError(f"{len(data)} bytes are too few for an idx header of {header}")
        if data[:2] != b"\0\0" or data[2] != IDX_UNSIGNED_BYTE or data[3] != ndim:
            raise ValueError(
                f"the magic number is {data[:4].hex()} but idx with {ndim} axes of bytes has 000008{ndim:02}"
            )
        shape = tuple(int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(ndim))
        _check_shape(shape, tail, len(data) - header)
        return np.frombuffer(data, np.uint8, offset=header).reshape(shape).copy()

    return parse


def _check_shape(shape: tuple[int, ...], tail: tuple[int, ...], n_bytes: int) -> None:
    if shape[0] == 0 or shape[len(shape) - len(tail) :] != tail:
        raise ValueError(
            f"the header says shape {shape} but (N, {', '.join(map(str, tail))}) is expected, N > 0"
        )
    expected = 1
    for length in shape:
        expected *= length
    if expected != n_bytes:
        raise ValueError(f"the header says shape {shape}, {expected} bytes, but {n_bytes} follow it")


def idx_labels(n_classes: int) -> Callable[[bytes], np.ndarray]:
    """Parser for idx labels 0 to `n_classes - 1`, (N,) int64."""
    array = idx_array(1)
    return lambda data: _labels(array(data), n_classes)


def _labels(values: np.ndarray, n_classes: int) -> np.ndarray:
    if values.max() >= n_classes:
        raise ValueError(
            f"label {values.max()} at place {values.argmax()} is out of range 0 to {n_classes - 1}"
        )
    return values.astype(np.int64)


def cifar_batch(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """CIFAR-10's binary batch: records of a label byte and 3 x 32 x 32 pixel bytes."""
    record = 1 + 3 * 32 * 32
    if not data or len(data) % record:
        raise ValueError(f"{len(data)} bytes are no whole number of records of {record}")
    rows = np.frombuffer(data, np.uint8).reshape(-1, record)
    return rows[:, 1:].reshape(-1, 3, 32, 32).copy(), _labels(rows[:, 0], 10)


def utf8(data: bytes) -> str:
    """UTF-8 text with Unix line ends; neither empty nor a web page."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8 text") from None
    return _plain_text(text)


def _plain_text(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    if text.lstrip("\ufeff \r\n\t")[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise ValueError("this is a web page, no data")
    if "\0" in text:
        raise ValueError("the text has a zero byte")
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def lines(least: int, exactly: int | None = None) -> Callable[[bytes], tuple[str, ...]]:
    """Parser for UTF-8 lines, none empty, at least `least` of them, or `exactly` so many."""
    return lambda data: _lines(utf8(data), least, exactly)


def _lines(text: str, least: int, exactly: int | None = None) -> tuple[str, ...]:
    rows = tuple(line.strip() for line in text.removesuffix("\n").split("\n"))
    if len(rows) < least or (exactly and len(rows) != exactly):
        wanted = f"exactly {exactly}" if exactly else f"at least {least}"
        raise ValueError(f"{len(rows)} lines were found but {wanted} are expected")
    if "" in rows:
        raise ValueError(f"line {rows.index('') + 1} is empty")
    return rows


def names(data: bytes) -> tuple[str, ...]:
    """One name a line, letters a to z only."""
    rows = _lines(utf8(data), least=100)
    for number, row in enumerate(rows, 1):
        if not (row.isascii() and row.isalpha() and row.islower() and len(row) <= 30):
            raise ValueError(f"line {number}, {row[:40]!r}, is no name of the letters a to z")
    return rows


def review_sentences(data: bytes) -> tuple[str, ...]:
    """5,331 sentences; UTF-8, or Latin-1 as in the authors' archive."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return _lines(_plain_text(text), least=1, exactly=5331)


def sms(data: bytes) -> tuple[tuple[str, ...], np.ndarray]:
    """Lines of `ham` or `spam`, a tab, and the message: (messages, labels) with spam 1."""
    rows = [line.partition("\t") for line in _lines(utf8(data), least=100)]
    for number, (label, tab, message) in enumerate(rows, 1):
        if label not in ("ham", "spam") or not tab or not message:
            raise ValueError(f"line {number} is no label (ham, spam), tab, message: {label[:40]!r}")
    return tuple(row[2] for row in rows), np.array([row[0] == "spam" for row in rows], dtype=np.int64)


def series(unit: str) -> Callable[[bytes], tuple[np.ndarray, np.ndarray]]:
    """Parser for a CSV of dates and values: (dates datetime64[`unit`], values float64), dates increasing."""

    def parse(data: bytes) -> tuple[np.ndarray, np.ndarray]:
        rows = [line.split(",") for line in _lines(utf8(data), least=25)][1:]
        for number, row in enumerate(rows, 2):
            if len(row) != 2:
                raise ValueError(
                    f"line {number} has {len(row)} columns but 2 are expected, a date and a value"
                )
        dates = np.array([row[0].strip('"') for row in rows], dtype=f"datetime64[{unit}]")
        values = np.array([float(row[1].strip('"')) for row in rows])
        if not np.isfinite(values).all():
            raise ValueError(f"line {2 + int(np.argmin(np.isfinite(values)))} has no finite value")
        if np.isnat(dates).any() or not (np.diff(dates).astype(int) > 0).all():
            raise ValueError("the dates do not increase from line to line")
        return dates, values

    return parse


def _json(data: bytes) -> Any:
    try:
        return json.loads(utf8(data))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def bpe_encoder(data: bytes) -> dict[str, int]:
    """GPT-2's `encoder.json`: a JSON object, token -> id, the ids 0 to n - 1, each once."""
    encoder = _json(data)
    if not isinstance(encoder, dict) or not all(type(value) is int for value in encoder.values()):
        raise ValueError("a JSON object that maps tokens to whole numbers is expected")
    if sorted(encoder.values()) != list(range(len(encoder))):
        raise ValueError(f"the ids of the {len(encoder)} tokens are not 0 to {len(encoder) - 1}, each once")
    return encoder


def bpe_merges(data: bytes) -> tuple[tuple[str, str], ...]:
    """GPT-2's `vocab.bpe`: a version line, then two symbols a line."""
    version, *rows = _lines(utf8(data), least=2)
    if not version.startswith("#version"):
        raise ValueError(f"the first line is {version[:40]!r} but #version is expected")
    pairs = tuple(tuple(row.split(" ")) for row in rows)
    for number, pair in enumerate(pairs, 2):
        if len(pair) != 2 or not all(pair):
            raise ValueError(f"line {number} is no pair of symbols")
    return pairs


def json_records(*keys: str) -> Callable[[bytes], tuple[tuple[str, ...], ...]]:
    """Parser for a JSON list of objects: a tuple of the texts under `keys` for each."""

    def parse(data: bytes) -> tuple[tuple[str, ...], ...]:
        rows = _json(data)
        if not isinstance(rows, list) or not rows:
            raise ValueError("a JSON list of objects is expected")
        for number, row in enumerate(rows):
            if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in keys):
                raise ValueError(f"entry {number} lacks a text under {', '.join(keys)}")
        return tuple(tuple(row[key] for key in keys) for row in rows)

    return parse
