"""Where the files of a data set are found: the learner's folder, the cache, a mirror; or one line why not."""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.data_loaders import archives, settings
from utils.data_loaders.download import Unreachable, download
from utils.data_loaders.errors import DataError
from utils.data_loaders.registry import RECORDS, lookup
from utils.data_loaders.sources import File, Record
from utils.files import atomic_write, locked

LOCK_SECONDS = 600.0
_announced: set[str] = set()


def read(
    name: str, wanted: Collection[str] | None = None, progress: bool | None = None
) -> dict[str, Any] | None:
    """The parsed files (all, or those `wanted`) by name; None, and a line printed, where a stand-in must do.

    Raises DataError where a file is there but damaged, or NN_DATA_DIR names no folder.
    """
    record = lookup(name)
    try:
        return _read(record, wanted, progress)
    except Unreachable as error:
        _say_once(name, f"{record.title}: {error}, so {record.stand_in}; {_remedy(record)}.")
        return None


def _remedy(record: Record) -> str:
    last = "unset NN_OFFLINE" if settings.offline() else "try again with a network"
    return f"set NN_DATA_DIR to a folder that holds {record.folder}/, or {last}"


def _say_once(key: str, line: str) -> None:
    if key not in _announced:
        _announced.add(key)
        print(line)


def _read(record: Record, wanted: Collection[str] | None, progress: bool | None) -> dict[str, Any]:
    files = [file for file in record.files if wanted is None or file.name in wanted]
    own = _own_files(record, files)
    if own:
        return {file.name: _load(file, path, checksum=False) for file, path in own.items()}
    values = _read_cached(files)
    if len(values) < len(files):
        values |= _fill_cache(record, files, settings.progress_wanted(progress))
    return {file.name: values[file.name] for file in files}


def _own_files(record: Record, files: list[File]) -> dict[File, Path]:
    """Files in NN_DATA_DIR: none, or all but optional ones."""
    folder = settings.data_dir()
    if folder is None:
        return {}
    found = {file: path for file in files if (path := _existing(folder / file.path))}
    missing = [file.path for file in files if file not in found and not file.optional]
    if found and missing:
        raise DataError(
            f"{record.title}: {folder / record.folder} lacks {', '.join(missing)}: add what is missing, "
            f"or take {record.folder}/ out of NN_DATA_DIR to have it downloaded"
        )
    return found


def _existing(path: Path) -> Path | None:
    """`path`, or the same without .gz, for a folder where somebody unpacked it."""
    return next((p for p in (path, path.with_name(path.name.removesuffix(".gz"))) if p.is_file()), None)


def _load(file: File, path: Path, checksum: bool) -> Any:
    try:
        if path.stat().st_size > file.limit:
            raise ValueError(f"it has more than {file.limit:,} bytes")
        return _parse(file, path.read_bytes(), path.suffix == ".gz", checksum)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check its permissions") from None
    except ValueError as error:
        remedy = (
            "delete it to have it downloaded again"
            if checksum
            else "delete it, or put a good copy in its place"
        )
        raise DataError(f"{path} is damaged: {error}; {remedy}") from None


def _parse(file: File, data: bytes, packed: bool, checksum: bool) -> Any:
    if data[:15].lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise ValueError("this is a web page, no data")
    if packed:
        data = archives.gunzip(data, file.limit)
    if checksum and file.sha256:
        _compare(data, file.sha256)
    return file.parse(data)


def _compare(data: bytes, sha256: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError("its checksum differs from the published one")


def _cached(file: File) -> Path:
    return settings.cache_dir() / file.path


def _read_cached(files: list[File]) -> dict[str, Any]:
    return {file.name: _load(file, _cached(file), checksum=True) for file in files if _cached(file).is_file()}


def _fill_cache(record: Record, files: list[File], progress: bool) -> dict[str, Any]:
    """Download what the cache lacks; whoever waited for another process finds it there."""
    if settings.offline():
        raise Unreachable("no network (NN_OFFLINE=1 is set)")
    with _turn(record):
        values = _read_cached(files)
        missing = [file for file in files if file.name not in values]
        return values | _download(record, missing, progress) if missing else values


@contextmanager
def _turn(record: Record) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            folder = settings.cache_dir() / record.folder
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder / record.name, timeout=LOCK_SECONDS))
        except OSError:  # a cache that cannot be written has nothing to wait for; _keep says so
            pass
        yield


def _download(record: Record, files: list[File], progress: bool) -> dict[str, Any]:
    reasons = []
    for way in (_from_archive, _from_mirrors):
        try:
            return way(record, files, progress)
        except Unreachable as error:
            reasons.append(str(error))
    raise Unreachable(f"no mirror gave it ({'; '.join(filter(None, reasons))})")


def _from_archive(record: Record, files: list[File], progress: bool) -> dict[str, Any]:
    archive = record.archive
    if archive is None:
        raise Unreachable("")

    def check(data: bytes) -> dict[File, tuple[bytes, Any]]:
        if archive.sha256:
            _compare(data, archive.sha256)
        members = archives.unpack(archive.kind, data, [file.member for file in files], archive.limit)
        return {f: (members[f.member], _parse(f, members[f.member], False, checksum=True)) for f in files}

    _, found = download(archive.urls, check, archive.limit, record.title, progress)
    for file, (data, _) in found.items():
        _keep(record, file, data)
    return {file.name: value for file, (_, value) in found.items()}


def _from_mirrors(record: Record, files: list[File], progress: bool) -> dict[str, Any]:
    values = {}
    for file in files:
        data, values[file.name] = download(file.urls, _checker(file), file.limit, file.name, progress)
        _keep(record, file, data)
    return values


def _checker(file: File) -> Callable[[bytes], Any]:
    return lambda data: _parse(file, data, file.path.endswith(".gz"), checksum=True)


def _keep(record: Record, file: File, data: bytes) -> None:
    try:
        _cached(file).parent.mkdir(parents=True, exist_ok=True)
        atomic_write(_cached(file), data)
    except OSError as error:
        _say_once(
            f"cache of {record.name}",
            f"{record.title}: downloaded, but the cache {settings.cache_dir()} cannot be written "
            f"({error.strerror or error}), so it will be downloaded again next time; "
            "free space there, or set NN_CACHE_DIR to another folder.",
        )


@dataclass(frozen=True)
class Status:
    """A data set of the start notebook's table: `bytes` to download, `state` one of the texts of `available`.

    Notebook: 01-foundations/00-start-here.ipynb
    """

    name: str
    title: str
    state: str
    bytes: int
    licence: str


def available() -> list[Status]:
    """What there is, and where; looks at file names alone.

    `state` is "on disk" (in NN_DATA_DIR), "in cache", "to download", "offline" (its stand-in will be used) or
    "with scikit-learn".

    Notebook: 01-foundations/00-start-here.ipynb
    """
    return [_status(record) for record in RECORDS.values()]


def _status(record: Record) -> Status:
    return Status(record.name, record.title, _state(record), record.size, record.licence)


def _state(record: Record) -> str:
    if not record.files:
        return "with scikit-learn"
    folder = settings.data_dir()
    if folder and any(_existing(folder / file.path) for file in record.files):
        return "on disk"
    if all(_cached(file).is_file() for file in record.files):
        return "in cache"
    return "offline" if settings.offline() else "to download"


def fetch(name: str, progress: bool | None = None) -> Status:
    """Have a data set on this machine: find it or download it, check it whole, and say where it stands.

    Raises DataError where the name is unknown (it lists the names), a file is damaged, or no mirror gives it.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    record = lookup(name)
    try:
        _read(record, None, progress)
    except Unreachable as error:
        raise DataError(f"{record.title}: {error}; {_remedy(record)}") from None
    return _status(record)
