"""What all tests share."""

import json

import pytest

from hwlib.paths import NOTEBOOKS


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
