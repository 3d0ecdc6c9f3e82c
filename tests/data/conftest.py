"""A project root and a server of the tests' own."""

import pytest
import releases

from hwlib import paths
from hwlib.data import transfer


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Move the project's root, so that its own `data/` and the user's cache play no part."""
    monkeypatch.setattr(paths, "ROOT", tmp_path / "root")
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def server(monkeypatch):
    """A server on this machine that has all releases, and the registry pointing to it."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(transfer, "BACKOFF", 0.0)
    server = releases.Server(releases.files())
    releases.register(monkeypatch, server.content, server.url)
    yield server
    server.close()
