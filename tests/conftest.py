"""What all tests share."""

import json

import pytest
from hypothesis import HealthCheck, settings

from hwlib.paths import NOTEBOOKS

# The same examples every time, and no deadline: a slow or busy machine is no failure.
settings.register_profile(
    "hwlib", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hwlib")


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
