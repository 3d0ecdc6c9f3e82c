"""Whole runs that are killed, stopped, or started twice, the way people do it: through `hw run`."""

import random
import signal
import time

import psutil
import pytest
from kill_resume import differences, finish, kill, record, start


@pytest.fixture(autouse=True)
def lines(monkeypatch):
    monkeypatch.setenv("HW_PROGRESS", "lines")


def log(runs):
    return (runs / "log.txt").read_text(encoding="utf-8")


def wait_for_checkpoint(process, runs):
    """Wait until the run has kept something, and fail when it ends before."""
    while not list(runs.glob("*.partial/checkpoints/*.ckpt")):
        assert process.poll() is None, log(runs)
        time.sleep(0.05)


@pytest.mark.parametrize("problem", ["p1", "p2", "p3", "p4"])
def test_killed_at_a_random_moment_it_ends_with_the_same_bits(tmp_path, problem):
    """The longer harness is `tests/soak/kill_resume.py`. Which moment it was stands in the message of a failure."""
    moment, victim = random.uniform(0, 3), random.choice(["command", "kernel", "both"])
    whole = finish(problem, tmp_path / "alone")
    runs = tmp_path / "killed"
    process = start(problem, runs)
    wait_for_checkpoint(process, runs)
    time.sleep(moment)
    kill(process, victim)
    end = finish(problem, runs)
    assert differences(whole, end) == [], f"{victim} killed {moment:.3f} s after the first checkpoint"


@pytest.mark.parametrize(("signum", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_keeps_a_checkpoint_and_the_status_says_which_it_was(tmp_path, signum, status):
    process = start("p1", tmp_path, steps=5000)
    wait_for_checkpoint(process, tmp_path)
    kernels = process.children()
    process.send_signal(signum)
    assert process.wait(timeout=30) == status
    last = log(tmp_path).splitlines()[-1]
    assert last.startswith(f"hw: {signum.name}: p1_s0, model: stopped at step ")
    assert last.endswith("/5000; a checkpoint is kept, and running the same again (with `resume` true) goes on there")
    assert kernels
    assert not any(kernel.is_running() and kernel.status() != psutil.STATUS_ZOMBIE for kernel in kernels)
    assert record(tmp_path) is None
    assert not list(tmp_path.glob("*.ipynb"))


def test_a_second_command_on_the_same_run_is_refused_and_the_first_goes_on(tmp_path):
    first = start("p3", tmp_path)
    wait_for_checkpoint(first, tmp_path)
    kernel = first.children()[0].pid
    second = start("p3", tmp_path)
    assert second.wait(timeout=60) == 1
    assert f"process {kernel} is making this run already" in log(tmp_path)
    assert first.wait(timeout=300) == 0
    assert record(tmp_path)


def test_two_runs_started_at_once_from_one_folder_do_not_meet(tmp_path, monkeypatch):
    """Sockets of kernels used to lie in the working directory, where two commands could both take the same."""
    monkeypatch.chdir(tmp_path)
    both = [start("p1", tmp_path / "runs", steps=2, seed=seed) for seed in (0, 1)]
    assert [process.wait(timeout=300) for process in both] == [0, 0], log(tmp_path / "runs")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_kernel_that_is_killed_is_one_line(tmp_path):
    process = start("p1", tmp_path, steps=5000)
    wait_for_checkpoint(process, tmp_path)
    kill(process, "kernel")
    assert process.returncode == 1
    lines = log(tmp_path).splitlines()
    assert any("p1_s0: FAILED: " in line and "goes on from the last checkpoint" in line for line in lines)
    assert not any("Traceback" in line for line in lines)
