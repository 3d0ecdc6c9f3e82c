"""`hw ablation`: its runs, and what becomes of their records."""

import json

import pytest
from made_runs import Runs
from reference_runs import written

from hwlib import ablation, ledger, reference
from hwlib.config import INGREDIENTS
from hwlib.errors import WorkbookError
from hwlib.report.reference import MARKERS


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A ledger and a folder of runs of their own."""
    monkeypatch.setattr(ledger, "FOLDER", tmp_path / "reference")
    monkeypatch.setattr(reference, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text("\n".join(MARKERS), encoding="utf-8")
    return tmp_path


@pytest.fixture
def configs(home):
    return ablation.matrix(runs=str(home / "runs"))


def made(home, config, accuracy, **run):
    metrics = {"accuracy": {"adamatch": accuracy}, "source_accuracy": {"adamatch": 90.0}}
    return written(Runs(home / "runs"), config, metrics=metrics, **run)


def test_every_ingredient_is_left_out_once_with_each_seed_on_a_pair_that_is_not_reported(configs):
    assert [c.without for c in configs[:11]] == ["nothing", *(name for name in INGREDIENTS if name != "blending")]
    assert {(c.src, c.tgt, c.steps, c.method) for c in configs} == {("svhn", "mnist", 1200, "adamatch")}
    assert [c.seed for c in configs] == [0] * 11 + [1] * 11 + [2] * 11
    assert len({c.run_id for c in configs}) == 33


def test_records_go_into_the_ledger_and_need_not_be_made_again(home, configs):
    whole, without = configs[0], configs[2]
    assert without.without == "teacher"
    made(home, whole, 90.0)
    made(home, configs[11], 92.0)
    path = made(home, without, 70.0)
    entries = ablation.update(home / "runs")
    assert [(e["without"], e["seeds"], e["values"], e["mean"]) for e in entries] == [
        ("nothing", [0, 1], [90.0, 92.0], 91.0),
        ("teacher", [0], [70.0], 70.0),
    ]
    assert entries[0]["sd"] == pytest.approx(2**0.5, abs=1e-4)
    assert json.loads((home / "reference" / "results.json").read_text())["ablation"] == entries
    readme = (home / "README.md").read_text("utf-8")
    assert "| nothing: the whole method | 91.0 ± 1.4 | – | 0, 1 |" in readme
    assert "| the mean teacher: the student labels for itself | 70.0 | −21.00 | 0 |" in readme
    (path / "run.json").unlink()  # of another day, or another machine
    assert ablation.there(without)["accuracy"] == 70.0
    assert ablation.there(configs[1]) is None
    assert ablation.there(without, [{"name": "other images"}]) is None
    assert ablation.update(home / "runs") == entries
    assert "3 of 33 there" in ablation.listing(configs)[-1]


def test_of_two_runs_of_one_seed_the_later_counts(home, configs):
    for day, accuracy, expected in ((20, 90.0, 90.0), (21, 80.0, 80.0), (19, 70.0, 80.0)):
        made(home, configs[0], accuracy, day=day)
        assert ablation.update(home / "runs")[0]["values"] == [expected]


def test_other_records_stay_out(home, configs):
    import dataclasses

    made(home, dataclasses.replace(configs[0], lr=1.0), 90.0)
    assert ablation.update(home / "runs") == []
    made(home, configs[0], 90.0, data={"kind": "sample", "sets": []})
    assert ablation.update(home / "runs") == []


def test_stand_ins_are_refused(home):
    with pytest.raises(WorkbookError, match=r"^data: the ledger is of real images, and here are stand-ins"):
        ablation.make(ablation.matrix(runs=str(home / "runs"), data="sample"))
    assert not (home / "reference").exists()
