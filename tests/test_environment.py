"""What is promised about the installation holds: one list of dependencies, pinned versions, a clean tree."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

from hwlib.paths import ROOT, cache_folder

CONDA_NAMES = {"pytorch": "torch", "matplotlib-base": "matplotlib"}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def split(requirement):
    return re.match(r"([\w.-]+)(.*)", requirement).groups()


def test_conda_environment_agrees_with_pyproject():
    lines = (ROOT / "environment.yml").read_text().splitlines()
    listed = dict(split(line.strip()[2:]) for line in lines if re.match(r"  - [a-z]", line) and ":" not in line)
    listed = {CONDA_NAMES.get(name, name): version for name, version in listed.items()}
    assert listed.pop("python") == project()["requires-python"]
    listed.pop("pip")
    listed.pop("conda-forge", None)
    assert listed == dict(split(requirement) for requirement in project()["dependencies"])


def test_every_dependency_is_pinned_for_the_tests():
    pins = dict(re.findall(r"^([\w.-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.M))
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    wanted = project()["dependencies"] + project()["optional-dependencies"]["test"]
    missing = [name for name, _ in map(split, wanted) if name.lower() not in pins]
    assert missing == []


def test_the_floors_of_the_house():
    """No room imports from a floor above its own (DESIGN: bottom to top)."""
    floors = [
        ("errors", "names", "paths", "processes", "progress"),
        ("pixels", "anatomy"),
        ("config",),
        ("record", "sources", "lock", "ledger"),
        ("attempt",),
        ("run", "finished"),
        ("data", "models"),
        ("training",),
        ("evaluation",),
        ("figures",),
        ("report", "explore"),
        ("notebook", "runner", "reference", "ablation", "cli_output", "cli_answers", "cli_data", "cli", "__main__"),
    ]
    floor = {room: number for number, rooms in enumerate(floors) for room in rooms}
    wrong = []
    for path in sorted((ROOT / "hwlib").rglob("*.py")):
        room = path.relative_to(ROOT / "hwlib").parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        for other in re.findall(r"^\s*(?:from|import) hwlib\.(\w+)", path.read_text(), re.M):
            if floor[other] > floor[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports hwlib.{other}")
    assert wrong == []


def test_help_does_not_wait_for_torch():
    code = """
import sys
from hwlib.cli import main
try:
    main(["--help"])
except SystemExit:
    print("torch" in sys.modules)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.splitlines()[-1] == "False"


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_nothing_generated_is_tracked():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout
    made = re.compile(
        r"runs/(?!\.gitkeep)|data/|report/build/|figures/(?!reference/)|(?!report/reference/).*\.(pyc|safetensors)$"
    )
    assert [name for name in listed.splitlines() if made.match(name)] == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
def test_a_clone_that_wants_crlf_gets_the_same_bytes(tmp_path):
    """`core.autocrlf=true` is what Git for Windows asks for: shells stop at a carriage return, and hashes change."""

    def git(*arguments, cwd=tmp_path):
        command = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", *arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True).stdout

    names = [name for name in git("ls-files", "-z", cwd=ROOT).split("\0") if (ROOT / name).is_file()]
    assert ".gitattributes" in names
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    git("init", "-q")
    git("add", "--all", "--force")
    for name in names:
        (tmp_path / name).unlink()
    git("checkout", "--", ".")
    assert [name for name in names if (tmp_path / name).read_bytes() != (ROOT / name).read_bytes()] == []
    said = git(
        "check-attr", "text", "eol", "--", "a.sh", ".ci/run", "a.ipynb", "a.py", "a.png", "a.safetensors", "a.npz"
    )
    assert len(re.findall(r"^(?:a\.sh|\.ci/run|a\.ipynb|a\.py): eol: lf$", said, re.M)) == 4
    assert len(re.findall(r"^a\.(?:png|safetensors): text: unset$", said, re.M)) == 2


def test_the_tests_leave_the_user_s_cache_alone():
    """Neither they nor what they start keep anything there."""
    command = [sys.executable, "-c", "from hwlib.paths import cache_folder; print(cache_folder())"]
    started = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    assert {cache_folder(), Path(started)} == {Path(os.environ["HW_CACHE"])}
    assert cache_folder().name.startswith("hw-tests-cache-")
    assert cache_folder().is_relative_to(tempfile.gettempdir())
