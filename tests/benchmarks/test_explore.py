"""The benchmark of the explorers: its form, and that its moves move. Nothing depends on how long anything takes."""

import asyncio
import json

import pytest
from made_faces import write_faces, write_run

from benchmarks import explore
from hwlib.errors import WorkbookError


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A run of each of problems 1 and 2, with random weights."""
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(explore, "RESTING", 0.0)
    data = write_faces(tmp_path / "data")
    for problem in ("p1", "p2"):
        write_run(tmp_path / "runs", problem, data)
    return tmp_path / "runs"


@pytest.mark.parametrize(
    ("name", "moves"),
    [
        ("vae", ["slider", "attribute", "interpolation", "face"]),
        ("gan", ["walk", "truncation", "seed", "click"]),
    ],
)
def test_a_row_for_each_kind_of_move(runs, tmp_path, name, moves, capsys):
    arguments = ["--runs", str(runs), "--only", name, "--count", "2", "--out", str(tmp_path / "out")]
    assert explore.main(arguments) == 0
    report = json.loads((tmp_path / "out/explore.json").read_text())
    assert [(row["explorer"], row["move"], row["moves"]) for row in report["kernel"]] == [(name, m, 2) for m in moves]
    assert all({"first_ms", "median_ms", "p95_ms", "rest_ms"} < set(row) for row in report["kernel"])
    assert report["runs"] == {name: {f"{explore.PROBLEMS[name]}_s0": "quick"}}
    assert {"hardware", "threads", "torch", "python", "anywidget"} <= set(report["environment"])
    printed = capsys.readouterr().out
    assert all(f"{name}: {move}" in printed for move in moves)


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_each_move_changes_what_is_shown(runs, name):
    async def shown():
        from hwlib import explore as explorers

        explorer = getattr(explorers, name)(runs, lang="en")
        explorer.view()
        for kind, act in explore.MOVES[name](explorer).items():
            for i in range(3):
                before = explorer.still()
                act(i)
                await asyncio.sleep(0)
                if kind == "click":
                    assert explorer.found is not None
                else:
                    assert explorer.still() != before, (kind, i)

    asyncio.run(shown())


def test_a_missing_run_is_made_for_the_time_being(tmp_path, monkeypatch, capsys):
    made = []
    monkeypatch.setattr("hwlib.runner.execute", made.append)
    assert explore.folder_of("vae", tmp_path / "none", tmp_path / "scratch") == tmp_path / "scratch"
    assert [(config.profile, config.runs) for config in made] == [("smoke", str(tmp_path / "scratch"))]
    assert "no finished run of p1" in capsys.readouterr().err


def test_the_95th_percentile_is_a_move_that_was_measured():
    assert explore.summary([i / 1000 for i in range(100, 0, -1)]) == {"moves": 100, "median_ms": 50.5, "p95_ms": 95.0}
    assert explore.summary([0.002]) == {"moves": 1, "median_ms": 2.0, "p95_ms": 2.0}


def test_a_browser_that_is_missing_is_one_line(monkeypatch):
    from benchmarks import explore_lab

    monkeypatch.setattr(explore_lab, "find_chromium", lambda: None)
    with pytest.raises(WorkbookError, match="needs a Chromium"):
        explore_lab.measure({}, 1)
