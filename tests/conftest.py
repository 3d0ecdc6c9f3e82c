"""What all tests share."""

import json
import os
import shutil
import tempfile

import pytest
from hypothesis import HealthCheck, settings

from hwlib.paths import NOTEBOOKS

# The same examples every time, and no deadline: a slow or busy machine is no failure.
settings.register_profile(
    "hwlib", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hwlib")


def pytest_configure(config):
    """The cache of all tests is a folder of their own, also for what they start: the user's stays as it is."""
    if not hasattr(config, "workerinput"):  # pytest-xdist's workers have the environment of the one that started them
        os.environ["HW_CACHE"] = tempfile.mkdtemp(prefix="hw-tests-cache-")


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop("HW_CACHE"), ignore_errors=True)


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No progress lines, and no data, profile or run that the developer's shell happens to name."""
    monkeypatch.setenv("HW_PROGRESS", "none")
    for name in ("HW_DATA", "HW_PROFILE", "HW_RUN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["p1_vae", "p2_gan", "p3_dann", "p4_uda"])
def notebook(request):
    """Each committed notebook in turn, as parsed JSON."""
    return json.loads((NOTEBOOKS / f"{request.param}.ipynb").read_text(encoding="utf-8"))
