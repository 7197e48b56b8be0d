"""Bytes from the first mirror that gives good ones: HTTPS only, redirects too, with timeouts."""

import io
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from typing import Any
from urllib.parse import urljoin, urlsplit

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
ROUNDS, PAUSE_SECONDS = 2, 0.5
HASTY_ROUNDS, HASTY_CONNECT_SECONDS, HASTY_FOR_SECONDS = 1, 1.5, 60.0
NO_CONNECTION = "no connection"

_silent_since = -math.inf  # when, by time.monotonic, a data set last found no mirror to connect to
CHUNK = 16_384


class Unreachable(Exception):
    """No mirror gave good data; the message says why, mirror by mirror."""


def download(
    urls: Sequence[str], check: Callable[[bytes], Any], limit: int, label: str, progress: bool
) -> tuple[bytes, Any]:
    """The bytes of the first of `urls` that `check` accepts (it may raise ValueError), and what it returned.

    A mirror that failed for a passing reason (no connection, stalled, cut off, busy) is tried a second time
    after the others. Where no mirror could be connected to, the next attempts of the process are few and short
    for a minute: behind a firewall that swallows everything, a notebook with five data sets would else wait for
    minutes. Raises Unreachable where none is left.
    """
    failures: dict[str, str] = {}
    left = list(urls)
    rounds, connect_seconds = _patience()
    for turn in range(rounds):
        time.sleep(PAUSE_SECONDS * bool(turn and left))
        again = []
        for url in left:
            try:
                data = _get(url, limit, label, progress, connect_seconds)
                return data, check(data)
            except ValueError as error:  # first: some of requests' errors are both
                failures[url] = str(error)
            except OSError as error:
                failures[url], passing = _explain(error)
                again += [url] * passing
        left = again
    _note_silence(failures)
    raise Unreachable("; ".join(f"{urlsplit(url).hostname}: {failures[url]}" for url in urls))


def _patience() -> tuple[int, float]:
    """How many rounds to make, and how many seconds to wait for a connection."""
    hasty = time.monotonic() - _silent_since < HASTY_FOR_SECONDS
    return (HASTY_ROUNDS, HASTY_CONNECT_SECONDS) if hasty else (ROUNDS, CONNECT_SECONDS)


def _note_silence(failures: dict[str, str]) -> None:
    global _silent_since
    if set(failures.values()) == {NO_CONNECTION}:
        _silent_since = time.monotonic()


def _get(url: str, limit: int, label: str, progress: bool, connect_seconds: float) -> bytes:
    import pooch

    _require_https(url)
    with _progress_bar(label) if progress else nullcontext(False) as bar:
        buffer = _Limited(limit)
        pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=CHUNK,
            timeout=(connect_seconds, READ_SECONDS),
            headers={"Accept-Encoding": "identity"},
            hooks={"response": _refuse_insecure_redirect},
        )(url, buffer, None)
        return buffer.getvalue()


def _progress_bar(label: str) -> Any:
    """A bar whose total pooch replaces; without one it has no truth value, which pooch asks for."""
    from tqdm.auto import tqdm

    return closing(tqdm(total=1, desc=label, unit="B", unit_scale=True, leave=False, delay=0.5))


class _Limited(io.BytesIO):
    def __init__(self, limit: int):
        super().__init__()
        self.limit = limit

    def write(self, chunk: bytes) -> int:
        if self.tell() + len(chunk) > self.limit:
            raise ValueError(f"more than {self.limit:,} bytes came")
        return super().write(chunk)


def _require_https(url: str) -> None:
    if urlsplit(url).scheme != "https":
        raise ValueError(f"{url} is refused, for it is not https")


def _refuse_insecure_redirect(response: Any, **_: Any) -> None:
    if response.is_redirect:
        _require_https(urljoin(response.url, response.headers["location"]))


def _explain(error: OSError) -> tuple[str, bool]:
    """A short reason, and whether it may pass."""
    import requests

    if isinstance(error, requests.HTTPError):
        code = error.response.status_code
        return f"HTTP status {code}", code == 429 or code >= 500
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is refused", False
    if isinstance(error, requests.ConnectTimeout):
        return NO_CONNECTION, True
    if isinstance(error, requests.Timeout) or "timed out" in str(error):
        return "no answer in time", True
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off", True
    if isinstance(error, requests.ConnectionError):
        return NO_CONNECTION, True
    return type(error).__name__, False
