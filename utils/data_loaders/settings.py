"""The four environment variables, read at each use, so that a notebook may set them in a cell.

NN_DATA_DIR    a folder with own copies of the data
NN_CACHE_DIR   where downloads are kept (default: the user's cache folder)
NN_OFFLINE     1 forbids the network
NN_PROGRESS    0 hides progress bars
"""

import os
from pathlib import Path

from utils.data_loaders.errors import DataError


def data_dir() -> Path | None:
    """The folder that NN_DATA_DIR names, None where it is not set; DataError where it is no folder."""
    value = os.environ.get("NN_DATA_DIR", "").strip()
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"NN_DATA_DIR is set to {value!r}, which is no folder: correct it, or unset it to download"
        )
    return folder


def cache_dir() -> Path:
    """The folder of downloads; it need not exist."""
    value = os.environ.get("NN_CACHE_DIR", "").strip()
    if value:
        return Path(value).expanduser()
    import pooch

    return Path(pooch.os_cache("neural-networks-from-scratch"))


def offline() -> bool:
    """Whether NN_OFFLINE forbids the network."""
    return os.environ.get("NN_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def progress_wanted(progress: bool | None) -> bool:
    """`progress` itself, or where it is None whether NN_PROGRESS allows bars."""
    return os.environ.get("NN_PROGRESS", "").strip() != "0" if progress is None else bool(progress)
