"""An attempt that did not end: continued when it is the same run, never lost when it is another."""

import json
import os
import subprocess
import sys
import time

import pytest
import torch

from hwlib import attempt, lock
from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.report.collect import ARRAYS
from hwlib.run import Run, settle
from hwlib.training.checkpoint import Keeper

SETS = [
    {"name": "face", "split": "train", "count": 3, "sha256": "0" * 64, "stand_in": True},
    {"name": "face", "split": "test", "count": 3, "sha256": "1" * 64, "stand_in": True},
]
ENVIRONMENT = {"torch": "2", "device": "cpu", "precision": "float32", "threads": 1}


def begin(tmp_path, sets=SETS, environment=ENVIRONMENT, source="a", **params):
    config = read("p1", {"profile": "smoke", "runs": str(tmp_path)} | params)
    return Run(config, "sample", sets, environment, {"source": source})


def killed(tmp_path, **options):
    """What a killed attempt leaves: a checkpoint and some files."""
    run = begin(tmp_path, **options)
    Keeper(run.checkpoints, 0).save("model", {"step": 7})
    run.save_text("model.txt", "old")
    return run


def kept(run):
    return Keeper(run.checkpoints, 0).restore("model")


def test_the_same_run_goes_on_and_the_rest_is_made_anew(tmp_path):
    killed(tmp_path)
    again = begin(tmp_path)
    assert kept(again) == {"step": 7}
    assert not (again.partial / "model.txt").exists()


@pytest.mark.parametrize("how", [{"checkpoint_seconds": 5}, {"resume": "true"}, {"data": "sample"}])
def test_what_does_not_decide_the_numbers_may_change(tmp_path, how):
    killed(tmp_path)
    assert kept(begin(tmp_path, **how)) == {"step": 7}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lr": 0.5}, "lr was 0.001 and is 0.5"),
        ({"lr": 0.5, "kl_weight": 2}, "lr was 0.001 and is 0.5; kl_weight was 1.0 and is 2.0"),
        ({"sets": [SETS[0] | {"sha256": "2" * 64}, SETS[1]]}, "the images have changed (face train)"),
        ({"source": "b"}, "the code that it uses has changed"),
        ({"environment": ENVIRONMENT | {"precision": "bfloat16"}}, "precision was float32 and is bfloat16"),
    ],
)
def test_another_run_is_told_what_differs_and_destroys_nothing(tmp_path, change, message):
    first = killed(tmp_path)
    before = {path: path.read_bytes() for path in first.partial.rglob("*") if path.is_file()}
    with pytest.raises(WorkbookError) as error:
        begin(tmp_path, **change)
    assert str(error.value) == (
        f"{first.partial}: an attempt that did not end is kept here, but of another run: {message}; "
        "with `resume` false (`hw run … -p resume false`) it is discarded and the run starts anew"
    )
    assert {path: path.read_bytes() for path in first.partial.rglob("*") if path.is_file()} == before
    assert kept(begin(tmp_path, **change, resume=False)) is None


def test_an_attempt_that_kept_nothing_is_no_hindrance(tmp_path):
    begin(tmp_path).save_text("model.txt", "old")
    again = begin(tmp_path, lr=0.5)
    assert [path.name for path in again.partial.iterdir()] == ["attempt.json"]


def test_an_attempt_that_cannot_be_read_is_one_line_and_stays(tmp_path):
    run = killed(tmp_path)
    (run.partial / "attempt.json").write_text("{")
    with pytest.raises(WorkbookError, match=r"attempt\.json cannot be read; with `resume` false"):
        begin(tmp_path)
    assert kept(run) == {"step": 7}


def finish(run):
    run.add_training("model", [{"step": 1, "epoch": 0.5, "loss": 2.0}], 1.5, 0.5)
    run.save_metrics(test_mse=1.0, test_kl=1.0, table_mse=[1.0])
    run.save_arrays(**{name: [0] for name in ARRAYS["p1"]})
    run.save_weights(torch.nn.Linear(1, 1))
    return run.finish()


def test_a_finished_run_keeps_no_checkpoints_and_says_that_it_was_resumed(tmp_path):
    record = finish(killed(tmp_path))
    assert {path.name for path in record.folder.iterdir()} == {
        "arrays.npz",
        "history.csv",
        "model.safetensors",
        "model.txt",
        "run.json",
    }
    assert record.run["environment"]["resumed"] is True
    assert record.run["seconds"]["train"] == 1.5


@pytest.mark.parametrize("moment", ["before the renames", "between them", "after them"])
def test_killed_while_it_finished_the_run_is_completed(tmp_path, monkeypatch, moment):
    finish(begin(tmp_path))
    run = begin(tmp_path)
    run.save_metrics(mark=7)
    renames = []

    def rename(old, new):
        renames.append(new)
        if moment == "before the renames" or (moment == "between them" and len(renames) == 2):
            raise KeyboardInterrupt
        os.replace(old, new)

    with monkeypatch.context() as patch:
        patch.setattr(attempt.os, "rename", rename)
        if moment == "after them":
            finish(run)
        else:
            with pytest.raises(KeyboardInterrupt):
                finish(run)
    settle(run.config)
    assert json.loads((tmp_path / "p1_s0" / "run.json").read_text())["metrics"]["mark"] == 7
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"p1_s0", "p1_s0.previous"}
    assert "mark" not in json.loads((tmp_path / "p1_s0.previous" / "run.json").read_text())["metrics"]


def test_an_older_record_comes_back_when_the_new_one_was_not_whole(tmp_path):
    folder = finish(begin(tmp_path)).folder
    os.rename(folder, tmp_path / "p1_s0.old")
    settle(begin(tmp_path).config)
    assert (folder / "run.json").exists()


HOLD = """
import sys, time
from pathlib import Path
from hwlib import lock
lock.hold(Path(sys.argv[1]), "p1_s0")
print("held", flush=True)
time.sleep(60)
"""
TAKE = """
import sys, time
from pathlib import Path
from hwlib import lock
from hwlib.errors import WorkbookError
start = time.monotonic()
try:
    lock.hold(Path(sys.argv[1]), "p1_s0")
    print("taken")
except WorkbookError as error:
    print(error)
"""


def take(tmp_path):
    command = [sys.executable, "-c", TAKE, str(tmp_path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_the_second_process_learns_who_holds_the_run_and_a_dead_holder_is_no_hindrance(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        line = f"p1_s0: process {holder.pid} is making this run already; let it end, or stop it"
        assert take(tmp_path).startswith(line)
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / ".p1_s0.pid").exists()  # stale
    assert take(tmp_path) == "taken"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks without flock")
def test_a_file_system_without_flock_is_no_failure_and_locks_all_the_same(tmp_path, monkeypatch):
    """As some network and container file systems are."""
    missing = """
import errno, fcntl
def flock(*_):
    raise OSError(errno.ENOSYS, "Function not implemented")
fcntl.flock = flock
"""
    monkeypatch.setitem(globals(), "TAKE", missing + TAKE)
    command = [sys.executable, "-W", "ignore", "-c", missing + HOLD, str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        assert take(tmp_path).startswith(f"p1_s0: process {holder.pid} is making this run already")
    finally:
        holder.kill()
        holder.communicate()
    assert take(tmp_path) == "taken"


def test_a_holder_whose_parent_was_killed_is_waited_for(tmp_path):
    """A kernel outlives its killed parent by a second or two, and the next attempt comes sooner."""
    middle = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {HOLD.replace("60", "3")!r}, {str(tmp_path)!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print("ready", flush=True)
child.wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", middle], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout.readline() == "ready\n"
    finally:
        parent.kill()
        parent.communicate()
    assert take(tmp_path) == "taken"


def test_a_note_that_cannot_be_read_still_refuses(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        (tmp_path / ".p1_s0.pid").write_text("what")
        start = time.monotonic()
        with pytest.raises(WorkbookError, match="another process is making this run already"):
            lock.check_free(tmp_path, "p1_s0")
        assert time.monotonic() - start < 30
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("name", ["model.safetensors", "arrays.npz", "run.json.part"])
def test_a_record_that_cannot_be_written_is_one_line_and_the_older_one_stays(tmp_path, name):
    """A folder where a file must go fails as a full disk or a read-only one does."""
    finish(begin(tmp_path))
    run = begin(tmp_path)
    (run.partial / name).mkdir()
    with pytest.raises(WorkbookError, match=r"cannot write to .*; mend that, or choose another folder") as error:
        finish(run)
    assert "\n" not in str(error.value)
    assert (tmp_path / "p1_s0" / "run.json").exists()
