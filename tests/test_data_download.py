"""Downloads from a server on this machine: mirrors, redirects, damage on the way, fetch."""

import time

import pytest
import requests
from _data_server import (
    NAMES,
    PAGE,
    digest,
    endless,
    expect_stand_in,
    failing_first,
    half,
    redirect,
    stalled,
    status,
    whole,
)

import utils.data_loaders as data
from utils.data_loaders import download, registry

pytest_plugins = ["_data_fixtures"]
pytestmark = pytest.mark.usefixtures("surroundings")


def test_a_good_file_is_downloaded_once_and_then_read_from_the_cache(server, mirrors, tmp_path, capsys):
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    first, second = data.load_names(), data.load_names()
    assert first.names == second.names == tuple(NAMES.decode().split("\n"))
    assert not first.is_stand_in and first.name == "names"
    assert server.hits["/names.txt"] == 1
    assert (tmp_path / "cache/names/names.txt").read_bytes() == NAMES
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(status(404), id="not found"),
        pytest.param(status(503), id="busy"),
        pytest.param(PAGE, id="web page"),
        pytest.param(b"", id="empty"),
        pytest.param(NAMES.replace(b"baln", b"ba1n").replace(b"bal", b"b4l"), id="one byte off"),
        pytest.param(half(NAMES), id="closes half-way"),
        pytest.param(stalled(), id="stalls"),
        pytest.param(endless(b"abc\n" * 4096), id="never ends"),
    ],
)
def test_a_bad_mirror_gives_way_to_the_next(server, mirrors, answer, capsys):
    bad, good = server.serve("/bad", answer), server.serve("/good", NAMES)
    mirrors("names", bad, good, sha256=digest(NAMES), limit=100_000)
    assert not data.load_names().is_stand_in
    assert server.hits["/bad"] == 1 and server.hits["/good"] == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(404), "HTTP status 404"),
        (status(503), "HTTP status 503"),
        (PAGE, "web page"),
        (NAMES + b"\nmore", "checksum"),
        (half(NAMES), "broke off"),
        (stalled(), "no answer in time"),
        (endless(b"abc\n" * 4096), "more than 100,000 bytes"),
    ],
)
def test_when_every_mirror_fails_the_stand_in_says_why(server, mirrors, answer, reason, tmp_path, capsys):
    mirrors("names", server.serve("/bad", answer), sha256=digest(NAMES), limit=100_000)
    expect_stand_in(tmp_path, capsys, "127.0.0.1", reason, "NN_DATA_DIR", "names/")


def test_a_mirror_that_never_ends_is_left_soon(server, mirrors):
    sent = []
    mirrors("names", server.serve("/endless", endless(b"abc\n" * 4096, sent)), limit=100_000)
    assert data.load_names().is_stand_in
    assert sum(sent) < 10_000_000  # what the sockets' buffers swallow


def test_a_mirror_that_is_busy_for_a_moment_is_tried_again(server, mirrors):
    mirrors("names", server.serve("/busy", failing_first(1, whole(NAMES))), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in
    assert server.hits["/busy"] == 2


def test_a_mirror_that_lacks_the_file_is_not_asked_again(server, mirrors):
    mirrors("names", server.url("/nothing"), sha256=digest(NAMES))
    assert data.load_names().is_stand_in
    assert server.hits["/nothing"] == 1


def test_no_connection_at_all(server, mirrors, tmp_path, capsys):
    address = server.url("/names.txt")
    server.close()
    mirrors("names", address)
    expect_stand_in(tmp_path, capsys, "no connection", "try again with a network")


def test_after_a_silence_attempts_are_few_and_short_for_a_minute(server, mirrors, monkeypatch):
    asked = []

    def connect(url, limit, label, progress, connect_seconds):
        asked.append(connect_seconds)
        raise requests.ConnectTimeout

    monkeypatch.setattr(download, "_get", connect)
    mirrors("names", "https://one.invalid/n", "https://two.invalid/n")
    assert data.load_names().is_stand_in and asked == 4 * [download.CONNECT_SECONDS]
    assert data.load_names().is_stand_in and asked[4:] == 2 * [download.HASTY_CONNECT_SECONDS]
    monkeypatch.setattr(download, "_silent_since", time.monotonic() - download.HASTY_FOR_SECONDS - 1)
    assert data.load_names().is_stand_in and len(asked) == 10


def test_a_mirror_that_answered_badly_is_no_silence(server, mirrors):
    mirrors("names", server.url("/nothing"))
    assert data.load_names().is_stand_in
    assert download._patience() == (download.ROUNDS, download.CONNECT_SECONDS)


def test_a_certificate_of_nobody_is_refused(server, mirrors, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    mirrors("names", server.serve("/names.txt", NAMES))
    expect_stand_in(tmp_path, capsys, "certificate is refused")


def test_a_redirect_to_https_is_followed(server, mirrors):
    target = server.serve("/names.txt", NAMES)
    mirrors("names", server.serve("/moved", redirect(target)), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in


def test_a_relative_redirect_is_followed(server, mirrors):
    server.serve("/names.txt", NAMES)
    mirrors("names", server.serve("/moved", redirect("/names.txt")), sha256=digest(NAMES))
    assert not data.load_names().is_stand_in


def test_a_redirect_to_http_is_refused_before_it_is_followed(server, plain_server, mirrors, tmp_path, capsys):
    target = plain_server.serve("/names.txt", NAMES)
    second = server.serve("/again", redirect(target))
    mirrors("names", server.serve("/moved", redirect(second)), sha256=digest(NAMES))
    expect_stand_in(tmp_path, capsys, "not https")
    assert server.hits["/again"] == 1 and plain_server.hits["/names.txt"] == 0


def test_a_mirror_without_https_is_refused(plain_server, mirrors, tmp_path, capsys):
    mirrors("names", plain_server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    expect_stand_in(tmp_path, capsys, "not https")
    assert not plain_server.hits


def test_a_redirect_that_never_ends(server, mirrors, tmp_path, capsys):
    mirrors("names", server.serve("/round", redirect("/round")))
    expect_stand_in(tmp_path, capsys, "TooManyRedirects")


def test_all_published_addresses_are_https():
    for record in registry.RECORDS.values():
        addresses = [url for file in record.files for url in file.urls]
        addresses += record.archive.urls if record.archive else ()
        assert bool(addresses) == bool(record.files)
        assert all(url.startswith("https://") for url in addresses)


def test_nn_offline_forbids_the_network(server, mirrors, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NN_OFFLINE", "1")
    mirrors("names", server.serve("/names.txt", NAMES))
    expect_stand_in(tmp_path, capsys, "NN_OFFLINE=1 is set", "unset NN_OFFLINE")
    assert not server.hits


def test_nn_offline_still_reads_the_cache(server, mirrors, monkeypatch):
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    data.load_names()
    monkeypatch.setenv("NN_OFFLINE", "1")
    assert not data.load_names().is_stand_in


def test_the_line_is_printed_once(mirrors, monkeypatch, capsys):
    monkeypatch.setenv("NN_OFFLINE", "1")
    for _ in range(3):
        data.load_names()
    assert capsys.readouterr().out.count("\n") == 1


def test_fetch_downloads_and_says_where_it_is(server, mirrors):
    mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
    assert {s.name: s.state for s in data.available()}["names"] == "to download"
    assert data.fetch("names").state == "in cache"
    assert {s.name: s.state for s in data.available()}["names"] == "in cache"


def test_fetch_fails_aloud(server, mirrors, monkeypatch):
    mirrors("names", server.url("/nothing"))
    with pytest.raises(data.DataError, match=r"names: no mirror gave it .*404"):
        data.fetch("names")
    with pytest.raises(data.DataError, match=r"'mnsit'.*mnist"):
        data.fetch("mnsit")
    monkeypatch.setenv("NN_OFFLINE", "1")
    with pytest.raises(data.DataError, match="unset NN_OFFLINE"):
        data.fetch("names")


def test_the_progress_bar_obeys(server, mirrors, monkeypatch, tmp_path):
    import tqdm.auto

    bars = []

    class Bar(tqdm.auto.tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            bars.append(self)

    monkeypatch.setattr(tqdm.auto, "tqdm", Bar)
    for progress, shown in ((None, 0), (False, 0), (True, 1)):
        mirrors("names", server.serve("/names.txt", NAMES), sha256=digest(NAMES))
        monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path / str(progress)))
        data.fetch("names", progress)
        assert len(bars) == shown
    assert bars[0].total == len(NAMES)
