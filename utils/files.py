"""Files that are replaced whole or not at all, and locks between processes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock


def atomic_write(path: str | os.PathLike, data: bytes) -> None:
    """Replace the file at `path` by `data`: a reader, or a kill at any moment, sees the old bytes or the new.

    The bytes go to a temporary file in the same folder, are flushed to the disk, and take the old file's place in
    one rename. Permissions of an existing file are kept; a symbolic link is followed, not replaced.
    Raises OSError where the folder cannot be written or the disk is full; the old file then stands untouched.
    """
    target = Path(path).resolve()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, _mode(target))
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mode(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def locked(path: str | os.PathLike, timeout: float = 60.0) -> Iterator[None]:
    """Hold the lock `path + '.lock'` inside the `with` block; other processes wait up to `timeout` seconds.

    Raises TimeoutError, naming the lock, where another process holds it for longer.
    """
    with FileLock(f"{Path(path).resolve()}.lock", timeout=timeout):
        yield
