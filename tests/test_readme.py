"""README says what the code does."""

import re

import pytest

from hwlib.cli import main
from hwlib.config import CONFIGS, PROFILES
from hwlib.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("profile", PROFILES)
def test_table_of_profiles(profile):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{profile}` |"))
    columns = [("p1", None), ("p2", None), ("p3", None), ("p4", "dann_resnet34"), ("p4", "adamatch")]
    budgets = [CONFIGS[problem].budget(profile, method) for problem, method in columns]
    cells = [
        f"{b['steps']} steps of {b['batch_size']}"
        if "steps" in b
        else f"{b['epochs']} epochs, batches of {b['batch_size']}"
        for b in budgets
    ]
    assert [cell.strip() for cell in row.split("|")[3:8]] == cells


def test_both_commands_and_every_path_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)
    for path in re.findall(r"\]\((?!http|#)([^)]+)\)", README):
        assert (ROOT / path).exists(), path


def test_every_hw_command_is_understood(monkeypatch):
    """Each `hw …` line parses, with its parameters; nothing is run."""
    seen = []
    monkeypatch.setenv("HW_PROFILE", "smoke")
    monkeypatch.setattr("hwlib.runner.run_all", lambda configs, force: seen.append(configs) or 0)
    monkeypatch.setattr("hwlib.report.build.build_report", lambda *arguments: seen.append(arguments))
    for command in ("_predict", "_score", "_sample"):
        monkeypatch.setattr(f"hwlib.cli_answers.{command}", lambda options: seen.append(options) or 0)
    for done in ("fetch.fetch", "export.export"):
        monkeypatch.setattr(f"hwlib.data.{done}", lambda *arguments, **_: seen.append(arguments))
    monkeypatch.setattr("hwlib.cli_data._check", lambda options: seen.append(options) or 0)
    commands = re.findall(r"^\.venv/bin/hw (.+?)(?:\s+#.*)?$", README, re.M)
    assert len(commands) >= 4
    for command in commands:
        assert main(command.split()) == 0
    assert len(seen) == len(commands)


def test_chinese_part_names_the_same_commands():
    english, chinese = README.split("## 中文說明")
    hw = ("hw run all", "hw report", "hw predict", "hw score", "hw sample", "hw data check", "scripts/hw3_p4.sh")
    for command in ("make report", "make test", *hw, "papermill notebooks/p3_dann.ipynb runs/"):
        assert command in english
        assert command in chinese
