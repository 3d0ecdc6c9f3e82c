"""What a path means that somebody names: home folders, relative ones, and places that are not there."""

import argparse
import os
import shutil
import subprocess
import sys

import pytest

from hwlib.cli import _parser, main
from hwlib.config import read
from hwlib.data import open_source
from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import Wanted, choose
from hwlib.models.resnet34_dann import _trunk
from hwlib.paths import ROOT, anchored, cache_folder, expanded, here, settle_environment

PLACES = {"DIR", "CSV", "PNG", "OUT", "FOLDER", "PATH"}
"""What help calls a file or folder."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder, with a shell that stands beside it."""
    folder, shell = tmp_path / "home", tmp_path / "shell"
    folder.mkdir()
    shell.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    monkeypatch.chdir(shell)
    return folder


def options(parser):
    """Every option and argument of the command and of its commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                yield from ((f"{name} {words}", option) for words, option in options(each))
        else:
            yield " ".join(action.option_strings) or action.dest, action


def test_every_path_of_every_command_may_begin_with_a_home_folder(home):
    found = {words: action.type for words, action in options(_parser()) if action.metavar in PLACES}
    assert len(found) >= 25
    for words, kind in found.items():
        assert kind is not None, words
        assert kind("~/some where") == home / "some where", words
        with pytest.raises(WorkbookError, match=r"^[a-z]+: '~no-such-user/x' has no home folder"):
            kind("~no-such-user/x")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run p1 -p data ~/gone", "data: HOME/gone does not exist"),
        ("run p1 -p data ~/gone --runs=~/runs", "data: HOME/gone does not exist"),
        ("run p1 -p runs ~no-such-user/r", "runs: '~no-such-user/r' has no home folder"),
        ("run p1 --runs ", "runs: '' can be the name of no file or folder"),
        ("report --runs=~/gone --out=~/out", "HOME/gone is no folder"),
        ("reference --list --data=~/gone", "data: HOME/gone does not exist"),
        ("ablation --list --data ~/gone", "data: HOME/gone does not exist"),
        ("data check ~/gone", "HOME/gone"),
        ("data info ~/gone", "HOME/gone"),
        ("sample --out ~/a.png --runs ~/gone", "HOME/gone is no folder"),
        ("score --pred ~/a.csv --truth ~/b.csv", "HOME/b.csv"),
    ],
)
def test_commands_expand_it(home, capsys, command, message):
    assert main(command.split(" ")) == 2
    err = capsys.readouterr().err
    assert message.replace("HOME", str(home)) in err
    assert err.count("\n") == 1
    assert list(home.parent.rglob("~*")) == []


def test_parameters_and_environment_expand_it(home, monkeypatch):
    assert read("p1", {"runs": "~/runs"}).runs_folder == home / "runs"
    with pytest.raises(WorkbookError, match=str(home / "net.pt")):
        _trunk(str(expanded("weights", "~/net.pt")))
    with pytest.raises(WorkbookError, match=r"weights: '~no-such-user/net.pt' has no home folder"):
        _trunk("~no-such-user/net.pt")
    for name in ("HW_DATA", "HW_RUN"):
        monkeypatch.setenv(name, "~/gone")
    with pytest.raises(WorkbookError, match=f"HW_DATA: {home / 'gone'}"):
        open_source("auto", "faces")
    with pytest.raises(WorkbookError, match=f"HW_RUN: {home / 'gone'}"):
        choose(Wanted(("p1",)), lambda record: record)
    monkeypatch.setenv("HW_CACHE", "~/kept")
    assert cache_folder() == home / "kept"


def test_a_command_means_the_folder_of_its_shell(home, monkeypatch, capsys):
    """Also in its environment, which its kernels read in another folder; a notebook means the project's."""
    shell = home.parent / "shell"
    assert here("data", "mine") == shell / "mine"
    assert anchored("mine") == ROOT / "mine"
    for name in ("HW_DATA", "HW_CACHE", "HW_RUN"):
        monkeypatch.setenv(name, "mine")
    monkeypatch.setenv("HW_CHROMIUM", "chromium")
    settle_environment()
    assert {os.environ[name] for name in ("HW_DATA", "HW_CACHE", "HW_RUN")} == {str(shell / "mine")}
    assert os.environ["HW_CHROMIUM"] == "chromium"  # a program, found on PATH
    monkeypatch.setenv("HW_DATA", "mine")
    (shell / "mine/face").mkdir(parents=True)
    assert main(["data", "info"]) == 0
    assert f"HW_DATA: {shell / 'mine'}\n" in capsys.readouterr().out


def hw(*words, cwd, module=ROOT):
    """The command in a process of its own, with the module of a folder."""
    environment = os.environ | {"PYTHONPATH": str(module), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hwlib", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_an_installed_copy_without_its_project_is_told(tmp_path):
    site = tmp_path / "site-packages"
    shutil.copytree(ROOT / "hwlib", site / "hwlib", ignore=shutil.ignore_patterns("__pycache__"))
    for words in ("run p1", "run all --runs runs", "report", "reference", "data fetch usps", "sample --out x.png"):
        done = hw(*words.split(), cwd=tmp_path, module=site)
        assert (done.returncode, done.stdout) == (2, ""), words
        assert done.stderr.startswith("hw: hwlib was installed without its notebooks"), words
        assert "git clone" in done.stderr
        assert done.stderr.count("\n") == 1, words
    assert hw("data", "info", cwd=tmp_path, module=site).returncode == 0
    assert [path.name for path in site.iterdir()] == ["hwlib"]
    assert [path.name for path in tmp_path.iterdir()] == ["site-packages"]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that a process stands in")
@pytest.mark.parametrize("words", ["run p1", "data info", "report", "sample --out x.png"])
def test_a_working_directory_that_is_gone(tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    program = "import os, sys; os.rmdir(os.getcwd()); from hwlib.cli import main; status = main(sys.argv[1:]); "
    program += "sys.exit(f'torch is here, {status}' if 'torch' in sys.modules else status)"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program, *words.split()]
    done = subprocess.run(command, cwd=gone, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("hw: the working directory is gone")
    assert done.stderr.count("\n") == 1
