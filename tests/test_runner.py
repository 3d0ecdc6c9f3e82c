"""What executing a notebook says when the system refuses something: the step, the place and the reason."""

import errno
import os
import tempfile

import papermill
import pytest

from hwlib import runner
from hwlib.config import read
from hwlib.errors import WorkbookError


@pytest.fixture
def config(tmp_path):
    return read("p1", {"profile": "smoke", "runs": str(tmp_path / "runs")})


def refused(config):
    with pytest.raises(WorkbookError) as caught:
        runner.execute(config)
    return str(caught.value)


def refuse(number, name=None):
    def act(*arguments, **options):
        raise OSError(number, os.strerror(number), name)

    return act


def test_a_runs_folder_that_cannot_be_made(config, tmp_path):
    (tmp_path / "runs").write_text("")
    assert refused(config).startswith(f"runs: cannot write to {tmp_path / 'runs'} (File exists)")


def test_no_temporary_folder(config, monkeypatch):
    monkeypatch.setenv("TMPDIR", "/full")
    monkeypatch.setattr(tempfile, "mkdtemp", refuse(errno.ENOSPC))
    said = refused(config)
    assert said.startswith("TMPDIR: ")
    assert "/full (No space left on device)" in said
    assert "runs" not in said


@pytest.mark.parametrize(
    ("number", "name", "reason"),
    [(errno.ENOSPC, None, "(No space left on device)"), (errno.ENOENT, "/gone/python", ": /gone/python)")],
)
def test_a_notebook_that_cannot_be_executed(config, monkeypatch, number, name, reason):
    monkeypatch.setattr(papermill, "execute_notebook", refuse(number, name))
    said = refused(config)
    assert said.startswith("p1_s0: the notebook could not be executed")
    assert reason in said
    assert "runs" not in said


def test_a_notebook_that_cannot_be_kept(config, monkeypatch):
    monkeypatch.setattr(papermill, "execute_notebook", lambda *arguments, **options: None)
    monkeypatch.setattr(runner.shutil, "move", refuse(errno.EROFS))
    said = refused(config)
    assert said.startswith("runs: the record is whole, but its executed notebook cannot be kept as ")
    assert "Read-only file system" in said


@pytest.mark.parametrize("name", ["a{b}c", "{}", "{", "}", "{0!r}", "{{x}}", "100%{d:>9}"])
def test_papermill_is_given_the_paths_as_they_are(config, monkeypatch, tmp_path, name):
    """It formats paths, and a folder may have braces in its name."""
    folder = tmp_path / name
    folder.mkdir()
    notebook = folder / "notebook.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    monkeypatch.setattr(runner, "notebook_path", lambda problem: notebook)
    read_from = []

    def prepare(source, target, parameters, cwd, **options):
        read_from.append(cwd)
        papermill.execute.execute_notebook(source, target, prepare_only=True, kernel_name="python3")

    monkeypatch.setattr(papermill, "execute_notebook", prepare)
    working = folder / "executed.ipynb"
    runner._papermill(config, working)
    assert working.is_file()
    assert read_from == [str(folder)]
