"""What the tests of data share: the sample made once, a project root, and a server of their own."""

import pytest
import releases

from hwlib import paths
from hwlib.data import sample, transfer


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    """A cache folder for the tests that only read, so each set is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sample_load(shared_cache, monkeypatch):
    """`sample.load` with the shared cache."""
    monkeypatch.setenv("HW_CACHE", str(shared_cache))
    return sample.load


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
