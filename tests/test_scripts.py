"""The course's shell interface: what each script hands to `hw`, from anywhere and with spaces, and that it arrives."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from hwlib.cli import main
from hwlib.models import DANN, VAE, CompactCNN, Discriminator, Generator
from hwlib.paths import ROOT

SCRIPTS = ("hw.sh", "hw3_p1.sh", "hw3_p2.sh", "hw3_p3.sh", "hw3_p4.sh")
ECHO = '#!/bin/sh\nfor word in %s "$@"; do printf "%%s\\n" "$word"; done\nexit 7\n'


@pytest.fixture
def project(tmp_path):
    """A copy of the scripts in a folder with a space, without an installation."""
    shutil.copytree(ROOT / "scripts", tmp_path / "a project/scripts")
    return tmp_path / "a project"


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path.parent


def call(script, *arguments, path=(), **options):
    """Run a script with `path` before the folders where a shell has its own tools."""
    environment = {"PATH": os.pathsep.join([*map(str, path), "/usr/bin", "/bin"])} | options.pop("env", {})
    command = [str(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, **options)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_run_after_a_clone(name):
    assert os.access(ROOT / "scripts" / name, os.X_OK)
    assert (ROOT / "scripts" / name).read_text().startswith("#!/bin/sh\n")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_git_knows_that_they_can_be_run():
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-s", "scripts"], capture_output=True, text=True, check=True
    )
    assert {line.split("\t")[1]: line.split()[0] for line in listed.stdout.splitlines()} == {
        f"scripts/{name}": "100755" for name in (*SCRIPTS, "bare.sh")
    }


HANDED = {
    "p1": (("hw3_p1.sh", "o 1.png"), ("sample", "--problem", "p1", "--out", "o 1.png")),
    "p2": (("hw3_p2.sh", "o.png"), ("sample", "--problem", "p2", "--out", "o.png")),
    "p2 with options": (
        ("hw3_p2.sh", "o.png", "--run", "a run", "--seed", "3"),
        ("sample", "--problem", "p2", "--out", "o.png", "--run", "a run", "--seed", "3"),
    ),
    "p3": (
        ("hw3_p3.sh", "a dir", "usps", "o 3.csv"),
        ("predict", "--problem", "p3", "--images", "a dir", "--target", "usps", "--out", "o 3.csv"),
    ),
    "p4 with options": (
        ("hw3_p4.sh", "dir", "svhn", "o.csv", "--run=a run"),
        ("predict", "--problem", "p4", "--images", "dir", "--target", "svhn", "--out", "o.csv", "--run=a run"),
    ),
}


@pytest.mark.parametrize(("words", "handed"), HANDED.values(), ids=HANDED.keys())
def test_what_is_handed_to_hw(tmp_path, project, words, handed):
    """And the status of `hw` comes back."""
    program(project / ".venv/bin/hw", ECHO % "ours")
    result = call(project / "scripts" / words[0], *words[1:], cwd=tmp_path)
    assert (result.returncode, result.stderr) == (7, "")
    assert tuple(result.stdout.splitlines()) == ("ours", *handed)


def test_the_project_s_own_hw_before_the_one_on_path(tmp_path, project):
    other = program(tmp_path / "bin/hw", ECHO % "theirs")
    assert call(project / "scripts/hw.sh", "x", path=[other]).stdout == "theirs\nx\n"
    program(project / ".venv/bin/hw", ECHO % "ours")
    assert call(project / "scripts/hw.sh", "x", path=[other]).stdout == "ours\nx\n"
    # The folder of the scripts on PATH, a relative name, and no folder at all.
    assert call("hw3_p1.sh", "o.png", path=[project / "scripts"]).stdout.startswith("ours\nsample\n")
    assert call("./hw.sh", "x", path=[other], cwd=project / "scripts").stdout == "ours\nx\n"
    assert call("sh", "hw3_p1.sh", "o.png", cwd=project / "scripts").stdout.startswith("ours\nsample\n")


def test_no_hw_at_all(tmp_path, project):
    result = call(project / "scripts/hw3_p1.sh", "o.png", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"hw: not installed; run `make setup` in {project}, or put hw on PATH\n"


@pytest.mark.parametrize(
    "words",
    [
        ("hw3_p1.sh",),
        ("hw3_p1.sh", "a.png", "b.png"),
        ("hw3_p2.sh",),
        ("hw3_p2.sh", "a.png", "b.png", "--seed", "1"),
        ("hw3_p3.sh", "dir", "usps"),
        ("hw3_p3.sh", "dir", "usps", "o.csv", "more"),
        ("hw3_p4.sh",),
        ("hw3_p4.sh", "dir", "o.csv"),
    ],
)
def test_wrong_number_of_arguments(project, words):
    program(project / ".venv/bin/hw", ECHO % "ours")
    result = call(project / "scripts" / words[0], *words[1:])
    assert (result.returncode, result.stdout) == (2, "")
    wanted = "OUT.png" if words[0] in ("hw3_p1.sh", "hw3_p2.sh") else "DIR TARGET OUT.csv"
    assert result.stderr.startswith(f"usage: {words[0]} {wanted} [--run DIR]")
    assert result.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The least of records, with networks of random weights."""
    torch.manual_seed(0)
    runs = tmp_path_factory.mktemp("some runs")
    both = torch.nn.ModuleDict({"generator": Generator(), "discriminator": Discriminator()})
    kept = {"p1": ("model", VAE()), "p2": ("model", both), "p3": ("dann", DANN()), "p4": ("model", CompactCNN())}
    for problem, (name, network) in kept.items():
        (runs / problem).mkdir()
        save_file({k: t.contiguous() for k, t in network.state_dict().items()}, runs / problem / f"{name}.safetensors")
        params = {"src": "mnistm", "tgt": "svhn"} if problem in ("p3", "p4") else {}
        run = {"schema": 1, "id": problem, "problem": problem, "params": params, "seed": 0, "finished": "2026-01-01"}
        (runs / problem / "run.json").write_text(json.dumps(run))
    return runs


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "test images"
    folder.mkdir()
    for i in range(4):
        Image.effect_noise((28, 28), 100).save(folder / f"{i:05}.png")
    return folder


@pytest.mark.parametrize("problem", ["p1", "p2", "p3", "p4"])
def test_the_same_seed_gives_the_same_bytes(capsys, tmp_path, project, runs, images, problem):
    """What a script hands over is done in this process, twice: starting torch anew takes seconds."""
    program(project / ".venv/bin/hw", ECHO.replace(" %s", "").replace("%%", "%"))
    outs = [tmp_path / f"out {i}.{'png' if problem < 'p3' else 'csv'}" for i in range(2)]
    for out in outs:
        words = [out] if problem < "p3" else [images, "svhn", out]
        handed = call(project / f"scripts/hw3_{problem}.sh", *words, "--runs", runs, "--device", "cpu")
        assert main(handed.stdout.splitlines()) == 0
        assert capsys.readouterr().out.startswith(f"run {runs / problem}, the only run of {problem}")
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_all_the_way(tmp_path, project, runs, images):
    """One script with the real command, from another folder, with the run that HW_RUN names."""
    real = program(tmp_path / "bin/hw", f'#!/bin/sh\nexec "{sys.executable}" -m hwlib "$@"\n')
    (tmp_path / "else where").mkdir()
    environment = {"HW_RUN": str(runs / "p3"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    script, out = project / "scripts/hw3_p3.sh", "my answers.csv"
    result = call(script, images, "svhn", out, path=[real], cwd=tmp_path / "else where", env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"run {runs / 'p3'}, which HW_RUN names"
    assert lines[1].startswith("4 images named by dann of p3 ")
    rows = (tmp_path / "else where" / out).read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["image_name", *(f"{i:05}.png" for i in range(4))]
