"""Fixtures around the server; a test module takes them by `pytest_plugins = ["_data_fixtures"]`."""

import dataclasses
import math

import pytest
from _data_server import DataServer, make_certificate

from utils.data_loaders import download, registry, store


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    made = make_certificate(tmp_path_factory.mktemp("tls"))
    return made or pytest.skip("openssl is missing, so there is no certificate for a local https server")


@pytest.fixture
def server(certificate):
    server = DataServer(certificate)
    yield server
    server.close()


@pytest.fixture
def plain_server():
    server = DataServer(None)
    yield server
    server.close()


@pytest.fixture
def surroundings(request, tmp_path, monkeypatch):
    """An empty cache, no folder of own data, the test certificate, short timeouts, nothing said yet."""
    if "certificate" in request.fixturenames:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(request.getfixturevalue("certificate")))
    for name in ("NN_DATA_DIR", "NN_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NN_PROGRESS", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(download, "READ_SECONDS", 0.4)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(download, "_silent_since", -math.inf)
    monkeypatch.setattr(store, "_announced", set())


@pytest.fixture
def mirrors(monkeypatch):
    """mirrors(name, url, ..., sha256=..., limit=...) replaces the addresses of a data set with one file."""

    def replace(name, *urls, **changes):
        record = registry.RECORDS[name]
        (file,) = record.files
        file = dataclasses.replace(file, urls=urls, **changes)
        monkeypatch.setitem(registry.RECORDS, name, dataclasses.replace(record, files=(file,)))

    return replace


@pytest.fixture
def archive_mirrors(monkeypatch):
    def replace(name, *urls, sha256="", limit=1_000_000, member_sha256=""):
        record = registry.RECORDS[name]
        files = tuple(dataclasses.replace(file, urls=(), sha256=member_sha256) for file in record.files)
        archive = dataclasses.replace(record.archive, urls=urls, sha256=sha256, limit=limit)
        monkeypatch.setitem(registry.RECORDS, name, dataclasses.replace(record, files=files, archive=archive))

    return replace
