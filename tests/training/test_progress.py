"""How a training shows itself, by where it runs."""

import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from hwlib.progress import kind
from hwlib.training.progress import LINES, Progress, reporter


def feed(report, steps=40):
    history = []
    for step in range(1, steps + 1):
        history.append({"step": step, "epoch": step / 10, "loss": 1 / step})
        report(Progress(step, steps, 0.5 * step, history))


def test_where_we_run_decides_the_kind(monkeypatch):
    monkeypatch.delenv("HW_PROGRESS")
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("VSCODE_PID", raising=False)
    shell = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "ipykernel", sys)  # ipywidgets brings it along; that makes no kernel
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert kind() == "bar"  # a terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert kind() == "lines"  # a log file
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shell.kernel = object()
    assert kind() == "lines"  # a kernel of papermill, nbmake or nbclient
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/p1_vae.ipynb")
    assert kind() == "live"  # a notebook open in Lab
    monkeypatch.setenv("HW_PROGRESS", "none")
    assert kind() == "none"


@pytest.mark.parametrize("steps", [3, 8, 40, 100])
def test_headless_prints_a_few_lines_and_the_last(monkeypatch, capsys, steps):
    monkeypatch.setenv("HW_PROGRESS", "lines")
    with reporter("vae", steps, lambda: None) as report:
        feed(report, steps)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == min(LINES, steps)
    assert lines[-1].startswith(f"vae: step {steps}/{steps}  epoch {steps / 10:.1f}  loss ")
    assert lines[-1].endswith("(0 s left)")


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setenv("HW_PROGRESS", "bar")
    with reporter("vae", 40, lambda: None) as report:
        feed(report)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "vae: 100%" in captured.err
    assert "40/40" in captured.err


def test_lab_gets_a_live_view_even_of_a_training_that_fails(monkeypatch):
    shown = []

    class Handle:
        update = shown.append

    monkeypatch.setenv("HW_PROGRESS", "live")
    monkeypatch.setattr("IPython.display.display", lambda widget, display_id: shown.append(widget) or Handle)
    with suppress(RuntimeError), reporter("vae", 50, lambda: None) as report:
        feed(report)
        raise RuntimeError
    widget, still = shown
    assert type(widget).__name__ == "VBox"
    assert "vae: step 40/40" in still.data
