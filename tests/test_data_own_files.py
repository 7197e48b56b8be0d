"""Files of the learner's own in NN_DATA_DIR: damage of every kind ends in a DataError that names the file."""

import gzip
import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import utils.data_loaders as data
from utils.data_loaders import archives, parsers, store


@pytest.fixture
def folder(tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    monkeypatch.setenv("NN_DATA_DIR", str(own))
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NN_OFFLINE", "1")
    monkeypatch.setattr(store, "_announced", set())
    return own


def idx(array, magic=None, shape=None):
    header = magic or bytes([0, 0, 8, array.ndim])
    lengths = b"".join(int(n).to_bytes(4, "big") for n in (shape or array.shape))
    return header + lengths + array.astype(np.uint8).tobytes()


IMAGES, LABELS = np.arange(6 * 28 * 28).reshape(6, 28, 28) % 256, np.arange(6)
MNIST = {
    "train-images-idx3-ubyte": idx(IMAGES),
    "train-labels-idx1-ubyte": idx(LABELS),
    "t10k-images-idx3-ubyte": idx(IMAGES[:2]),
    "t10k-labels-idx1-ubyte": idx(LABELS[:2]),
}
PAGE = b"<!DOCTYPE html><html><body>Not found</body></html>"


def write_mnist(folder, packed=True, **changed):
    (folder / "mnist").mkdir(exist_ok=True)
    for name, content in MNIST.items():
        content = changed.get(name.split("-ubyte")[0].replace("-", "_"), content)
        if packed:
            name, content = f"{name}.gz", gzip.compress(content)
        (folder / "mnist" / name).write_bytes(content)


@pytest.mark.parametrize("packed", [True, False])
def test_small_idx_files_load_packed_or_not(folder, packed):
    write_mnist(folder, packed)
    mnist = data.load_mnist()
    assert not mnist.is_stand_in and mnist.X_train.dtype == np.uint8 and mnist.y_train.dtype == np.int64
    assert (mnist.X_train == IMAGES).all() and (mnist.y_test == [0, 1]).all()
    mnist.X_train[0] = 0  # the learner may change the copy


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("train_images_idx3", b"", "too few"),
        ("train_images_idx3", idx(IMAGES)[:11], "too few"),
        ("train_images_idx3", idx(IMAGES, magic=b"\0\0\x0d\3"), "00000d03"),
        ("train_images_idx3", idx(IMAGES, magic=b"\x93NUM"), "magic number"),
        ("train_images_idx3", idx(np.arange(20) % 10), "00000801"),
        ("train_images_idx3", idx(IMAGES, shape=(7, 28, 28)), "5488 bytes, but 4704 follow"),
        ("train_images_idx3", idx(IMAGES, shape=(5, 28, 28)), "follow"),
        ("train_images_idx3", idx(IMAGES, shape=(2**32 - 1, 28, 28)), "follow"),
        ("train_images_idx3", idx(IMAGES, shape=(6, 2**31, 2**31)), "28, 28"),
        ("train_images_idx3", idx(IMAGES.reshape(6, 14, 56)), r"\(6, 14, 56\)"),
        ("train_images_idx3", idx(IMAGES[:0]), "N > 0"),
        ("train_images_idx3", idx(IMAGES) + b"\0", "follow"),
        ("train_labels_idx1", idx(LABELS + 5), "label 10 at place 5"),
        ("train_labels_idx1", idx(LABELS[:5]), "6 images but 5 labels"),
        ("t10k_labels_idx1", idx(LABELS[:3]), "2 images but 3 labels"),
    ],
)
def test_a_damaged_idx_file_is_refused(folder, file, content, reason):
    write_mnist(folder, **{file: content})
    with pytest.raises(data.DataError, match=rf"{reason}.*delete"):
        data.load_mnist()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(MNIST["train-images-idx3-ubyte"])[:-1], "cut off"),
        (gzip.compress(MNIST["train-images-idx3-ubyte"])[:300], "cut off"),
        (b"", "cut off"),
        (b"nothing packed", "damaged"),
        (PAGE, "web page"),
        (gzip.compress(bytes(65_000_000)), "more than 64,000,000"),
        (gzip.compress(MNIST["train-images-idx3-ubyte"]) + b"more", "more bytes follow"),
    ],
)
def test_a_damaged_gzip_file_is_named(folder, content, reason):
    write_mnist(folder)
    (folder / "mnist/train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(data.DataError, match=rf"train-images-idx3-ubyte\.gz is damaged.*{reason}.*delete it"):
        data.load_mnist()


def test_a_gzip_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(20_000_000))
    with pytest.raises(ValueError, match="more than 1,000 bytes"):
        archives.gunzip(bomb, 1000)
    assert archives.gunzip(gzip.compress(bytes(1000)), 1000) == bytes(1000)


def test_a_folder_that_is_not_there_is_an_error_not_a_download(folder, monkeypatch):
    monkeypatch.setenv("NN_DATA_DIR", str(folder / "tpyo"))
    for call in (data.load_mnist, data.load_names, data.available):
        with pytest.raises(data.DataError, match=r"NN_DATA_DIR.*tpyo.*no folder"):
            call()


def test_a_folder_that_lacks_the_data_set_is_passed_over(folder, capsys):
    write_mnist(folder)
    assert data.load_names().is_stand_in and not data.load_mnist().is_stand_in
    assert "NN_OFFLINE" in capsys.readouterr().out


def test_a_folder_with_a_part_of_the_data_set_is_an_error(folder):
    write_mnist(folder)
    (folder / "mnist/t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(data.DataError, match=r"lacks mnist/t10k-labels-idx1-ubyte\.gz"):
        data.load_mnist()


def test_empty_settings_count_as_unset(folder, monkeypatch, capsys):
    monkeypatch.setenv("NN_DATA_DIR", "")
    assert data.load_names().is_stand_in


def cifar(n, label=3):
    return np.tile(np.r_[label, np.zeros(3072)].astype(np.uint8), n).tobytes()


def test_cifar_batches_may_be_missing(folder):
    batches = folder / "cifar-10-batches-bin"
    batches.mkdir()
    for name, n in (("data_batch_1.bin", 4), ("data_batch_3.bin", 2), ("test_batch.bin", 3)):
        (batches / name).write_bytes(cifar(n))
    loaded = data.load_cifar10()
    assert loaded.X_train.shape == (6, 3, 32, 32) and loaded.y_test.tolist() == [3, 3, 3]
    assert loaded.name == "CIFAR-10 (6 of 50,000 training images)" and loaded.classes[3] == "cat"
    for content, reason in (
        (cifar(2)[:-1], "no whole number"),
        (b"", "0 bytes"),
        (cifar(2, label=10), "label 10"),
    ):
        (batches / "data_batch_1.bin").write_bytes(content)
        with pytest.raises(data.DataError, match=rf"data_batch_1\.bin is damaged.*{reason}"):
            data.load_cifar10()


def records(**fields):
    return json.dumps([{"instruction": "a", "input": "", "output": "b"}, fields]).encode()


SERIES = "Month,Passengers\n" + "".join(f'"{1949 + i // 12}-{i % 12 + 1:02}",{i}\n' for i in range(48))
MESSAGES = "".join(f"ham\tmessage {i}\n" for i in range(100))


@pytest.mark.parametrize(
    ("load", "path", "content", "reason"),
    [
        ("load_names", "names/names.txt", b"emma\n" * 99, "99 lines"),
        ("load_names", "names/names.txt", b"emma\n" * 99 + b"o'neil\n", "line 100"),
        ("load_names", "names/names.txt", b"emma\n" * 99 + b"\nava\n", "line 100 is empty"),
        ("load_names", "names/names.txt", b"emma\n" * 99 + b"zo\xeb\n", "no UTF-8"),
        ("load_names", "names/names.txt", PAGE, "web page"),
        ("load_shakespeare", "tinyshakespeare/input.txt", b" \n", "empty"),
        ("load_shakespeare", "tinyshakespeare/input.txt", b"\n\n" + PAGE, "web page"),
        ("load_shakespeare", "tinyshakespeare/input.txt", b"To be\0or not", "zero byte"),
        ("load_sms_spam", "sms-spam/SMSSpamCollection", MESSAGES.encode() + b"egg\tx\n", "line 101"),
        ("load_sms_spam", "sms-spam/SMSSpamCollection", MESSAGES.encode() + b"spam x\n", "line 101"),
        ("load_airline_passengers", "time-series/airline-passengers.csv", b"a,b\n1949-01,1\n", "2 lines"),
        (
            "load_airline_passengers",
            "time-series/airline-passengers.csv",
            SERIES + "1953-01,1,2\n",
            "line 50 has 3",
        ),
        ("load_airline_passengers", "time-series/airline-passengers.csv", SERIES + "1953-01,x\n", "'x'"),
        (
            "load_airline_passengers",
            "time-series/airline-passengers.csv",
            SERIES + "1953-01,nan\n",
            "line 50",
        ),
        ("load_airline_passengers", "time-series/airline-passengers.csv", SERIES + "1953-13,1\n", "1953-13"),
        (
            "load_airline_passengers",
            "time-series/airline-passengers.csv",
            SERIES + "1952-12,1\n",
            "do not increase",
        ),
        ("load_instructions", "instructions/instruction-data.json", b'{"instruction": "a"}', "JSON list"),
        (
            "load_instructions",
            "instructions/instruction-data.json",
            records(instruction="a", input=""),
            "entry 1",
        ),
        ("load_instructions", "instructions/instruction-data.json", b"[" * 100_000, "nested|Expecting"),
        ("load_instructions", "instructions/instruction-data.json", records()[:-3], "line 1 column"),
        ("load_preferences", "instructions/instruction-data-with-preference.json", records(), "entry 0"),
    ],
)
def test_a_damaged_text_file_is_named(folder, load, path, content, reason):
    file = folder / path
    file.parent.mkdir()
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(data.DataError, match=rf"(?s){file.name} is damaged.*{reason}.*delete it"):
        getattr(data, load)()


@pytest.mark.parametrize(
    ("encoder", "merges", "reason"),
    [
        ({"a": 0, "b": 2}, "#version\na b\n", "ids of the 2 tokens"),
        ({"a": 0, "b": True}, "#version\na b\n", "whole numbers"),
        ([1], "#version\na b\n", "JSON object"),
        ({"a": 0, "b": 1, "ab": 2}, "a b\nb a\n", "#version"),
        ({"a": 0, "b": 1, "ab": 2}, "#version\na b c\n", "line 2 is no pair"),
        ({"a": 0, "b": 1}, "#version\na b\n", "no such token"),
    ],
)
def test_damaged_bpe_files_are_refused(folder, encoder, merges, reason):
    (folder / "gpt2-bpe").mkdir()
    (folder / "gpt2-bpe/encoder.json").write_text(json.dumps(encoder))
    (folder / "gpt2-bpe/vocab.bpe").write_text(merges)
    with pytest.raises(data.DataError, match=reason):
        data.load_gpt2_bpe()


def test_languages_of_unequal_length_are_refused(folder):
    (folder / "multi30k").mkdir()
    for split in ("train", "val", "test_2016_flickr"):
        for code, n in (("de", 100), ("en", 100 + (split == "val"))):
            (folder / f"multi30k/{split}.{code}.gz").write_bytes(gzip.compress(b"Ein Hund.\n" * n))
    with pytest.raises(data.DataError, match="100 and 101 sentences"):
        data.load_multi30k()


def test_windows_line_ends_and_byte_order_marks_are_taken(folder):
    (folder / "names").mkdir()
    (folder / "names/names.txt").write_bytes(b"\xef\xbb\xbf" + b"emma\r\n" * 100)
    assert data.load_names().names == ("emma",) * 100


def test_a_file_that_cannot_be_read_is_named(folder, monkeypatch):
    write_mnist(folder)

    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    with pytest.raises(data.DataError, match=r"mnist.*cannot be read \(Permission denied\)"):
        data.load_mnist()
    shutil.rmtree(folder)


PARSERS = {
    "idx images": (parsers.idx_array(3, (28, 28)), idx(IMAGES)),
    "idx labels": (parsers.idx_labels(10), idx(LABELS)),
    "cifar": (parsers.cifar_batch, cifar(2)),
    "names": (parsers.names, b"emma\n" * 120),
    "sms": (parsers.sms, MESSAGES.encode()),
    "series": (parsers.series("M"), SERIES.encode()),
    "json": (parsers.json_records("instruction"), records(instruction="c")),
    "encoder": (parsers.bpe_encoder, b'{"a": 0, "b": 1}'),
    "merges": (parsers.bpe_merges, b"#version: 0.2\na b\nab c\n"),
    "gzip": (lambda packed: archives.gunzip(packed, 10_000), gzip.compress(b"emma\n" * 100)),
}


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=60, deadline=None)
@given(change=st.data())
def test_any_damage_ends_in_a_value_or_a_value_error(name, change):
    parse, good = PARSERS[name]
    damaged = bytearray(good)
    for place in change.draw(st.lists(st.integers(0, len(good) - 1), min_size=1, max_size=4)):
        damaged[place] = change.draw(st.integers(0, 255))
    cut = change.draw(st.integers(0, len(good)))
    try:
        parse(bytes(damaged[:cut]))
    except ValueError as error:
        assert str(error)
