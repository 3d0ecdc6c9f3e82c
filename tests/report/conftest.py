"""Fixtures of the report's tests."""

from pathlib import Path

import nbformat
import pytest
from made_runs import Runs, notebook


@pytest.fixture
def runs(tmp_path) -> Runs:
    """An empty runs folder to write into."""
    return Runs(tmp_path / "runs")


@pytest.fixture(autouse=True)
def quick_figures(monkeypatch):
    """A small picture in place of every figure: what figures look like is tested beside them."""
    from hwlib import figures

    pixel = b"\x89PNG\r\n\x1a\n"
    monkeypatch.setattr(figures, "draw", lambda name, *records: (name, len(records)))
    monkeypatch.setattr(figures, "png", lambda figure: pixel + repr(figure).encode())


@pytest.fixture
def notebooks(tmp_path) -> Path:
    """Four small notebooks with the workbook's tags."""
    from hwlib.report.merge import FILES
    from hwlib.report.words import ARTEFACTS

    folder = tmp_path / "notebooks"
    folder.mkdir()
    for problem, file in FILES.items():
        nbformat.write(notebook(problem, ARTEFACTS[problem][:-1]), folder / file)
    return folder
