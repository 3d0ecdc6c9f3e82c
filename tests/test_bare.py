"""The bare machine of `.ci/run`: what is hidden is gone, in both ways of hiding, and never silently still there."""

import os
import shutil
import subprocess
import sys

import pytest

from hwlib.paths import ROOT

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("bash") is None, reason="hides Linux's programs by bash"
)
PROBE = """
import shutil, subprocess, sys
from hwlib.report import fonts, pdf
tool = shutil.which("fc-list")
print("found", pdf.find_chromium(), bool(tool and subprocess.check_output([tool])), bool(fonts.any_font()), bool(tool))
sys.exit(7)
"""


def bare(folder, *arguments, **programs):
    """Run the script with programs that stand before the system's."""
    for name, text in programs.items():
        (folder / name.replace("_", "-")).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name.replace("_", "-")).chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    command = ["bash", str(ROOT / "scripts/bare.sh"), *arguments]
    return subprocess.run(
        command, env=os.environ | {"PATH": path}, cwd=ROOT, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("level", ["fonts", "all"])
@pytest.mark.parametrize("refused", [False, True])
def test_what_is_hidden_is_gone_and_the_command_says_how_it_ended(tmp_path, level, refused):
    done = bare(
        tmp_path, level, sys.executable, "-c", PROBE, chromium="echo here", **({"unshare": "exit 1"} if refused else {})
    )
    assert done.returncode == 7, done.stderr
    if refused:
        assert f"bare: hidden ({level}) by path" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith("found None False False"), last
    if level == "all":
        assert last.endswith("False")


def test_what_cannot_be_hidden_fails(tmp_path):
    ran = tmp_path / "ran"
    done = bare(tmp_path, "fonts", "touch", str(ran), fc_list="echo a font")
    assert (done.returncode, done.stderr) == (125, "bare: fonts are still here\n")
    assert not ran.exists()
    assert bare(tmp_path, "nothing", "touch", str(ran)).returncode == 125
    assert bare(tmp_path, "fonts").returncode == 125
