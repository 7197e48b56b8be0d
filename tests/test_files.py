"""Files are replaced whole or not at all; a lock keeps other processes out."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import filelock
import pytest

from utils.files import atomic_write, locked

ROOT = Path(__file__).resolve().parents[1]
needs_posix = pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")


def test_writes_and_replaces(tmp_path):
    path = tmp_path / "a.txt"
    atomic_write(path, b"one")
    atomic_write(str(path), b"\x00two\r\n")
    assert path.read_bytes() == b"\x00two\r\n"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("failing", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failure_keeps_the_old_bytes(tmp_path, monkeypatch, failing, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(type(error)):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_data_that_are_no_bytes_change_nothing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        atomic_write(path, "text")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_missing_folder_is_an_oserror(tmp_path):
    with pytest.raises(OSError):
        atomic_write(tmp_path / "no" / "a.txt", b"x")


@needs_posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_mode_of_an_existing_file_is_kept(tmp_path, mode):
    path = tmp_path / "a.sh"
    path.write_bytes(b"old")
    path.chmod(mode)
    atomic_write(path, b"new")
    assert path.stat().st_mode & 0o7777 == mode


@needs_posix
def test_mode_of_a_new_file_follows_the_umask(tmp_path):
    atomic_write(tmp_path / "a.txt", b"x")
    (tmp_path / "b.txt").write_bytes(b"x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "b.txt").stat().st_mode


@needs_posix
def test_symbolic_link_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    target.write_bytes(b"old")
    link.symlink_to(target)
    atomic_write(link, b"new")
    assert link.is_symlink() and target.read_bytes() == b"new"
    assert os.listdir(target.parent) == ["a.txt"]


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, size = tmp_path / "a.bin", 200_000
    atomic_write(path, b"a" * size)
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            data = path.read_bytes()
            seen.add((len(data), len(set(data))))

    reader = threading.Thread(target=read)
    reader.start()
    for letter in b"abcdefgh" * 5:
        atomic_write(path, bytes([letter]) * size)
    stop.set()
    reader.join()
    assert seen == {(size, 1)}


HOLDER = """
import os, sys, threading
from utils.files import locked
limit = threading.Timer(20, os._exit, [1])  # a test that waits for ever would never fail
limit.daemon = True
limit.start()
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path):
    """A path whose lock another process holds until its input ends."""
    path = tmp_path / "a.txt"
    command = [sys.executable, "-c", HOLDER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline() == "held\n"
        yield path, process
        process.stdin.close()


def test_lock_keeps_another_process_out(held):
    path, process = held
    with pytest.raises(TimeoutError, match=r"a\.txt\.lock"), locked(path, timeout=0.2):
        pass
    process.stdin.write("\n")
    process.stdin.flush()
    with locked(path, timeout=10):
        assert process.wait(10) == 0


def test_lock_of_a_killed_process_is_free(held):
    path, process = held
    process.kill()
    process.wait(10)
    with locked(path, timeout=10):
        pass


def test_lock_waits_for_its_turn(tmp_path):
    order = []

    def hold():
        with locked(tmp_path / "a"):
            order.append("first")
            entered.set()
            time.sleep(0.2)
            order.append("first done")

    entered, thread = threading.Event(), threading.Thread(target=hold)
    thread.start()
    entered.wait(10)
    with locked(tmp_path / "a", timeout=10):
        order.append("second")
    thread.join()
    assert order == ["first", "first done", "second"]


def test_lock_is_released_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "a"):
        _ = 1 / 0
    with locked(tmp_path / "a", timeout=1):
        pass


def test_the_library_keeps_our_promise():
    assert issubclass(filelock.Timeout, TimeoutError)
