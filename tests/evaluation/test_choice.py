"""Which run answers where none is named: the newest finished one that fits, and it is said."""

import json
import os

import pytest

from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import Wanted, choose

BOTH = ("p3", "p4")


@pytest.fixture
def runs(tmp_path):
    """Six records. Their folders were made in another order than the runs finished, and than their names'."""
    runs = tmp_path / "runs"
    days = {"p4_b": ("p4", "svhn", 5), "p3_c": ("p3", "mnistm", 4), "p3_a": ("p3", "mnistm", 3)}
    days |= {"p4_d": ("p4", "mnistm", 2), "p1_s0": ("p1", None, 9), "p3_z": ("p3", "usps", 1)}
    for name, (problem, target, day) in days.items():
        keep(runs / name, problem, target, day)
    return runs


def keep(folder, problem, target, day, **params):
    folder.mkdir(parents=True)
    params = params | ({"tgt": target} if target else {})
    run = {"schema": 1, "id": folder.name, "problem": problem, "params": params}
    (folder / "run.json").write_text(json.dumps(run | {"finished": f"2026-01-{day:02}T00:00:00+00:00"}))


def load(record):
    """Stands for the weights: a record with a file `broken` has none that can be read."""
    if (record.folder / "broken").exists():
        raise WorkbookError(f"{record.folder}/model.safetensors: the weights cannot be read")
    return f"weights of {record.folder.name}"


@pytest.mark.parametrize(
    ("problems", "target", "name", "why"),
    [
        (BOTH, None, "p4_b", "the newest of 5 runs of p3 or p4 there, finished 2026-01-05T00:00:00+00:00"),
        (BOTH, "mnistm", "p3_c", "the newest of 3 runs of p3 or p4 with target mnistm there"),
        (("p4",), "mnistm", "p4_d", "the only run of p4 with target mnistm there"),
        (("p3",), None, "p3_c", "the newest of 3 runs of p3 there"),
        (BOTH, "usps", "p3_z", "the only run of p3 or p4 with target usps there"),
        (("p1", "p2"), None, "p1_s0", "the only run of p1 or p2 there"),
    ],
)
def test_the_newest_that_fits(runs, problems, target, name, why):
    choice = choose(Wanted(problems, target), load, runs=runs)
    assert (choice.record.folder, choice.loaded) == (runs / name, f"weights of {name}")
    assert len(choice.why) == 1
    assert choice.why[0].startswith(f"run {runs / name}, {why}")


def test_times_of_files_do_not_matter(runs):
    os.utime(runs / "p3_a" / "run.json", (4e9, 4e9))
    assert choose(Wanted(("p3",)), load, runs=runs).record.folder.name == "p3_c"


@pytest.mark.parametrize("name", ["p4_new.partial", "p4_new.old", ".p4_new"])
def test_what_is_not_finished_is_not_chosen(runs, name):
    keep(runs / name, "p4", "svhn", 20)
    assert choose(Wanted(BOTH), load, runs=runs).record.folder.name == "p4_b"


def test_a_method_without_one_of_its_parts_is_not_the_method(runs):
    keep(runs / "p4_x", "p4", "svhn", 20, without="noise")
    keep(runs / "p4_y", "p4", "svhn", 6, without="nothing")
    assert choose(Wanted(BOTH), load, runs=runs).record.folder.name == "p4_y"
    assert choose(Wanted(BOTH), load, runs / "p4_x").record.folder.name == "p4_x"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", "{", "run.json: the record cannot be read"),
        ("run.json", '{"schema": 99}', "run.json: not a record of schema 1"),
        ("broken", "", "model.safetensors: the weights cannot be read"),
    ],
)
def test_a_damaged_newest_record_is_passed_over_and_said(runs, name, content, said):
    (runs / "p4_b" / name).write_text(content)
    choice = choose(Wanted(BOTH), load, runs=runs)
    assert choice.record.folder.name == "p3_c"
    passed, why = choice.why
    assert passed.startswith(f"passed over: {runs / 'p4_b'}/{said}")
    assert "\n" not in passed
    assert f"{runs / 'p3_c'}, the newest of 4 runs" in why


@pytest.mark.parametrize("params", [None, [], "tgt", {}])
def test_odd_records_fit_no_target_and_stop_nothing(runs, params):
    path = runs / "p4_b" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"params": params, "finished": 7}))
    assert choose(Wanted(BOTH, "mnistm"), load, runs=runs).record.folder.name == "p3_c"
    assert choose(Wanted(("p4",)), load, runs=runs).loaded


def test_one_that_is_named_wins_and_needs_no_reason(runs, monkeypatch):
    monkeypatch.setenv("HW_RUN", str(runs / "p3_c"))
    choice = choose(Wanted(BOTH), load, runs / "p3_z")
    assert (choice.loaded, choice.why) == ("weights of p3_z", ())


def test_hw_run(runs, monkeypatch):
    monkeypatch.chdir(runs)
    monkeypatch.setenv("HW_RUN", "p3_a")
    choice = choose(Wanted(BOTH, "mnistm"), load)
    assert (choice.loaded, choice.why) == ("weights of p3_a", ("run p3_a, which HW_RUN names",))
    # What is typed counts more than what the shell happens to hold.
    assert choose(Wanted(BOTH), load, runs=runs).loaded == "weights of p4_b"
    # Where there is no such folder here, it is one of the project's.
    monkeypatch.chdir("/")
    monkeypatch.setattr("hwlib.evaluation.choice.anchored", lambda name, parameter: runs / name)
    assert choose(Wanted(BOTH, "mnistm"), load).loaded == "weights of p3_a"
    monkeypatch.setenv("HW_RUN", "gone")
    with pytest.raises(WorkbookError, match=r"HW_RUN: .*gone: no finished run here.*; or unset HW_RUN"):
        choose(Wanted(BOTH), load)
    monkeypatch.setenv("HW_RUN", "")
    monkeypatch.setattr("hwlib.evaluation.choice.anchored", lambda name: runs)
    assert choose(Wanted(BOTH), load).loaded == "weights of p4_b"


BAD = {
    "named, another problem": (("p1",), None, "p3_a", "run: {}/p3_a is a run of p3; give one of p1"),
    "named, another target": (
        BOTH,
        "svhn",
        "p3_a",
        "target: {}/p3_a, which run names, was trained for mnistm and not for 'svhn'; give a run of that target",
    ),
    "named, without a target": (
        ("p1",),
        "svhn",
        "p1_s0",
        "target: {}/p1_s0, which run names, was trained for no target",
    ),
    "named, not there": (BOTH, None, "gone", "{}/gone: no finished run here"),
    "unknown target": (
        BOTH,
        "uspz",
        None,
        "no finished run of p3 or p4 with target uspz in {0}; targets there: mnistm, svhn, usps; "
        "`hw run p4 -p src SOURCE -p tgt uspz --runs {0}` makes",
    ),
    "no run of the target": (
        ("p4",),
        "usps",
        None,
        "with target usps in {}; targets there: mnistm, svhn; `hw run p4 -p",
    ),
    "no run of the problem": (
        ("p2",),
        None,
        None,
        "run: no finished run of p2 in {0}; `hw run p2 --runs {0}` makes one",
    ),
}


@pytest.mark.parametrize(("problems", "target", "run", "message"), BAD.values(), ids=BAD.keys())
def test_none_that_fits(runs, monkeypatch, problems, target, run, message):
    monkeypatch.setattr("hwlib.evaluation.choice.PROSE", runs / "nothing published")
    with pytest.raises(WorkbookError) as caught:
        choose(Wanted(problems, target), load, runs / run if run else None, runs)
    assert message.format(runs) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hw_run_that_does_not_fit_is_no_reason_to_take_another(runs, monkeypatch):
    monkeypatch.setenv("HW_RUN", str(runs / "p3_a"))
    with pytest.raises(WorkbookError, match="which HW_RUN names, was trained for mnistm and not for 'svhn'"):
        choose(Wanted(BOTH, "svhn"), load)
    with pytest.raises(WorkbookError, match=r"HW_RUN: .*p3_a is a run of p3; give one of p1 or p2"):
        choose(Wanted(("p1", "p2")), load)


def test_all_that_fit_are_damaged(runs):
    (runs / "p4_b" / "broken").write_text("")
    with pytest.raises(
        WorkbookError, match=r"target svhn in .*; 1 cannot be used, first: .*p4_b/model.safetensors: the"
    ):
        choose(Wanted(BOTH, "svhn"), load, runs=runs)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(
        WorkbookError, match=r"target mnistm in .*; `hw run p4 -p src usps -p tgt mnistm --runs .*` makes one"
    ):
        choose(Wanted(BOTH, "mnistm"), load, runs=tmp_path)
    with pytest.raises(WorkbookError, match=r"runs: .*gone is no folder"):
        choose(Wanted(BOTH), load, runs=tmp_path / "gone")


def test_published_weights_are_pointed_to(tmp_path, monkeypatch):
    monkeypatch.setattr("hwlib.evaluation.choice.PROSE", tmp_path)
    keep(tmp_path / "reference/usps_mnistm", "p4", "mnistm", 1)
    (tmp_path / "runs").mkdir()
    with pytest.raises(WorkbookError, match=r"; --run .*reference/usps_mnistm is published; "):
        choose(Wanted(BOTH, "mnistm"), load, runs=tmp_path / "runs")
    with pytest.raises(WorkbookError) as caught:
        choose(Wanted(("p3",), "mnistm"), load, runs=tmp_path / "runs")
    assert "--run " not in str(caught.value)
