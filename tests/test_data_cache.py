"""The cache: damage, full and read-only disks, two processes."""

import dataclasses
import errno
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from _data_server import NAMES, digest, files_in, whole

import utils.data_loaders as data
from utils.data_loaders import registry, store

pytest_plugins = ["_data_fixtures"]
pytestmark = pytest.mark.usefixtures("surroundings")


def test_a_file_that_went_bad_in_the_cache_is_named_and_not_used(server, mirrors, tmp_path):
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    data.load_names()
    cached = tmp_path / "cache/names/names.txt"
    cached.write_bytes(NAMES.replace(b"bal", b"bel"))  # well-formed, so that the checksum alone can tell
    with pytest.raises(
        data.DataError, match=r"names\.txt is damaged.*checksum.*delete it to have it downloaded"
    ):
        data.load_names()
    cached.unlink()
    assert not data.load_names().is_stand_in and server.hits["/names.txt"] == 2


def test_a_truncated_file_in_the_cache_is_named(tmp_path):
    path = tmp_path / "cache/mnist/train-labels-idx1-ubyte.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(bytes(1000))[:-9])
    with pytest.raises(data.DataError, match=r"train-labels.*cut off.*delete it"):
        data.load_mnist()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_full_or_read_only_disk_costs_the_cache_but_not_the_data(
    server, mirrors, monkeypatch, capsys, tmp_path, code
):
    def fail(*_):
        raise OSError(code, "no room")

    monkeypatch.setattr(store, "atomic_write", fail)
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in and not data.load_names().is_stand_in
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "no room" in said and "NN_CACHE_DIR" in said
    assert files_in(tmp_path) == []


def test_a_cache_below_a_file_costs_the_cache_but_not_the_data(
    server, mirrors, monkeypatch, capsys, tmp_path
):
    (tmp_path / "file").write_text("here")
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path / "file/cache"))
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in
    assert "cannot be written" in capsys.readouterr().out
    assert (tmp_path / "file").read_text() == "here"


def test_a_disk_that_fills_half_way_leaves_no_part(server, mirrors, monkeypatch, tmp_path, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in
    assert "No space left" in capsys.readouterr().out
    assert files_in(tmp_path) == []


def test_the_cache_is_filled_by_one_rename(server, mirrors, monkeypatch, tmp_path):
    """At no moment does the file's own name hold anything but all of it."""
    seen = []

    def spy(source, target):
        assert not target.exists() and Path(source).read_bytes() == NAMES
        seen.append(target.name)
        return rename(source, target)

    rename = os.replace
    monkeypatch.setattr("os.replace", spy)
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    data.load_names()
    assert seen == ["names.txt"]


PROCESS = """
import dataclasses, sys
from utils.data_loaders import registry, load_names
record = registry.RECORDS["names"]
file = dataclasses.replace(record.files[0], urls=(sys.argv[1],), sha256=sys.argv[2])
registry.RECORDS["names"] = dataclasses.replace(record, files=(file,))
names = load_names()
print(names.is_stand_in, len(names.names))
"""


def test_two_processes_fill_the_cache_once(server, tmp_path):
    url = server.serve("/names.txt", whole(NAMES, delay=1.0))
    command = [sys.executable, "-c", PROCESS, url, digest(NAMES)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [p.communicate(timeout=60)[0].split() for p in running] == [["False", "120"]] * 2
    assert server.hits["/names.txt"] == 1
    assert files_in(tmp_path / "cache") == ["names/names.txt"]


def test_a_data_set_of_several_files_downloads_only_what_is_missing(server, monkeypatch, tmp_path, capsys):
    record = registry.RECORDS["gpt2_bpe"]
    contents = {"encoder.json": b'{"a": 0, "b": 1, "ab": 2}', "vocab.bpe": b"#version: 0.2\na b\n"}
    files = tuple(
        dataclasses.replace(f, urls=(server.url(f"/{f.name}"),), sha256=digest(contents[f.name]))
        for f in record.files
    )
    monkeypatch.setitem(registry.RECORDS, "gpt2_bpe", dataclasses.replace(record, files=files))
    server.serve("/encoder.json", contents["encoder.json"])
    assert data.load_gpt2_bpe().is_stand_in
    assert "404" in capsys.readouterr().out and files_in(tmp_path / "cache") == ["gpt2-bpe/encoder.json"]
    server.serve("/vocab.bpe", contents["vocab.bpe"])
    assert data.load_gpt2_bpe().merges == (("a", "b"),)
    assert server.hits["/encoder.json"] == 1
