"""What the tests of the embedded sample share."""

import pytest

from hwlib.data import sample


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    """A cache folder for the tests that only read, so each set is made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sample_load(shared_cache, monkeypatch):
    """`sample.load` with the shared cache."""
    monkeypatch.setenv("HW_CACHE", str(shared_cache))
    return sample.load
