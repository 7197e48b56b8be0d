"""Packed bytes to plain bytes, in memory: never more than a limit, never at a path that an archive names."""

import gzip
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import IO


def gunzip(data: bytes, limit: int) -> bytes:
    """The content of a gzip file; ValueError where it is damaged, cut off, or larger than `limit` bytes."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        content = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise ValueError(f"the gzip data is damaged ({error})") from None
    if len(content) > limit:
        raise ValueError(f"the gzip data unpacks to more than {limit:,} bytes")
    if not unpacker.eof:
        raise ValueError("the gzip data is cut off")
    if unpacker.unused_data:
        raise ValueError("more bytes follow the end of the gzip data")
    return content


def unpack(kind: str, data: bytes, wanted: Collection[str], limit: int) -> dict[str, bytes]:
    """The members `wanted` of a `zip` or `tar.gz` archive, by name, together at most `limit` bytes.

    Raises ValueError where the archive is damaged or too large, lacks a member, or holds, wanted or not, a
    link, a device, or a path that leads out of its folder.
    """
    members = _unzip(data, wanted, limit) if kind == "zip" else _untar(data, wanted, limit)
    missing = sorted(set(wanted) - set(members))
    if missing:
        raise ValueError(f"the archive lacks {', '.join(missing)}")
    return members


def _check_entry(name: str, is_plain: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise ValueError(f"the archive holds a path that leads out of its folder, {name!r}")
    if not is_plain:
        raise ValueError(f"the archive holds a link or a device, {name!r}")


def _unzip(data: bytes, wanted: Collection[str], limit: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                _check_entry(info.filename, _unix_type(info) in (0, stat.S_IFREG, stat.S_IFDIR))
                if info.filename in wanted:
                    _check_size(info.filename, info.file_size, limit, members)
                    with archive.open(info) as member:
                        members[info.filename] = _read(member, info.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, struct.error) as error:
        raise ValueError(f"the zip archive is damaged ({error})") from None
    return members


def _unix_type(info: zipfile.ZipInfo) -> int:
    return stat.S_IFMT(info.external_attr >> 16)  # 0 where it was packed on another system


def _untar(data: bytes, wanted: Collection[str], limit: int) -> dict[str, bytes]:
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=_Capped(data, limit), mode="r|") as archive:
            for info in archive:
                _check_entry(info.name, info.isreg() or info.isdir())
                if info.name in wanted and info.isreg():
                    _check_size(info.name, info.size, limit, members)
                    members[info.name] = _read(archive.extractfile(info), info.size)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"the tar archive is damaged ({error})") from None
    return members


def _check_size(name: str, size: int, limit: int, members: dict[str, bytes]) -> None:
    if name in members:
        raise ValueError(f"the archive holds {name!r} twice")
    if size + sum(map(len, members.values())) > limit:
        raise ValueError(f"the archive unpacks to more than {limit:,} bytes")


def _read(member: IO[bytes], size: int) -> bytes:
    content = member.read(size + 1)
    if len(content) != size:
        raise ValueError(f"a member of the archive holds {len(content)} bytes where it says {size}")
    return content


class _Capped:
    """The unpacked stream of a gzip file that ends in ValueError after `limit` bytes and some headers."""

    def __init__(self, data: bytes, limit: int):
        self.stream = gzip.GzipFile(fileobj=io.BytesIO(data))
        self.limit, self.left = limit, limit + 1_000_000

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.left -= len(chunk)
        if self.left < 0:
            raise ValueError(f"the archive unpacks to more than {self.limit:,} bytes")
        return chunk
