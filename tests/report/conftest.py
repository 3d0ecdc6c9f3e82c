"""Fixtures of the report's tests."""

from functools import partial
from pathlib import Path

import nbformat
import pytest
from made_machine import on
from made_runs import Runs, notebook

from hwlib.report import build, fonts, merge


@pytest.fixture
def runs(tmp_path) -> Runs:
    """An empty runs folder to write into."""
    return Runs(tmp_path / "runs")


@pytest.fixture
def quick_figures(monkeypatch):
    """A small picture in place of every drawing: what figures look like is tested beside them."""
    from hwlib.figures.panel import Panel, Picture

    pixel = b"\x89PNG\r\n\x1a\n"
    for kind in (Panel, Picture):
        monkeypatch.setattr(kind, "image", lambda self: ("image/png", pixel + self.en.encode()))


@pytest.fixture
def pages(runs, quick_figures, notebooks, tmp_path, monkeypatch):
    """Builds the report of `runs` from the small notebooks; returns the HTML of a view (`report`, `report.zh` …)."""
    monkeypatch.setattr(merge, "merged", partial(merge.merged, notebooks=notebooks))

    def build_one(view="report", **options):
        build.build_report(runs.folder, tmp_path / "out", pdf=False, **options)
        return (tmp_path / "out" / f"{view}.html").read_text("utf-8")

    return build_one


@pytest.fixture
def report(pages):
    """The page with both languages."""
    return pages


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


@pytest.fixture
def debian(monkeypatch):
    """The names of packages are Debian's."""
    on(monkeypatch, ID="debian")


@pytest.fixture
def fontconfig(tmp_path, monkeypatch):
    """A program fc-list that tells of fonts with the character sets given."""

    def tells(*charsets):
        tool = tmp_path / "fc-list"
        tool.write_text("".join(["#!/bin/sh\n", *(f"echo '{line}'\n" for line in charsets)]))
        tool.chmod(0o755)
        monkeypatch.setattr(fonts.shutil, "which", lambda name: str(tool))

    return tells
