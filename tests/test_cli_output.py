"""Standard output that is closed, full, broken or in an encoding without the letters: one line and a status."""

import io
import os
import subprocess
import sys

import pytest

from hwlib.cli_output import LOST, Output
from hwlib.paths import ROOT

ROWS = "image_name,label\n00000.png,1\n00001.png,2\n"
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
sh = pytest.mark.skipif(os.name == "nt", reason="needs a shell that can close a file")


def hw(words, redirect="", cwd=None, **environment):
    """`hw WORDS` in a shell that redirects: status and standard error."""
    command = ["sh", "-c", f'"$0" -m hwlib {words} {redirect}', sys.executable]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True)
    said = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    return done.returncode, said


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "truth.csv").write_text(ROWS)
    (tmp_path / "pred.csv").write_text(ROWS.replace("png,2", "png,3"))
    return tmp_path


@sh
@pytest.mark.parametrize("redirect", [">&-", pytest.param(">/dev/full", marks=full)])
@pytest.mark.parametrize("words", ["--help", "--version", "run --help", "data info", "data cache"])
def test_an_output_that_takes_nothing(words, redirect):
    status, said = hw(words, redirect)
    assert status == LOST
    assert said.startswith("hw: standard output: ")
    assert said.count("\n") == 1


@sh
@pytest.mark.parametrize("redirect", [">&-", pytest.param(">/dev/full", marks=full)])
def test_a_score_that_nobody_sees_is_not_a_score_below_the_bar(tables, redirect):
    score = "score --pred pred.csv --truth truth.csv --at-least 90 --force --csv out.csv"
    assert hw(score, cwd=tables)[0] == 1
    whole = (tables / "out.csv").read_bytes()
    (tables / "out.csv").unlink()
    status, said = hw(score, redirect, cwd=tables)
    assert status == LOST
    assert "hw: standard output: " in said
    assert (tables / "out.csv").read_bytes() == whole  # the work is done, and no text has come into its files


@sh
@pytest.mark.parametrize("redirect", ["2>&-", ">&- 2>&-", pytest.param("2>/dev/full", marks=full)])
def test_bad_input_stays_bad_input_when_it_cannot_be_told(tables, redirect):
    assert hw("score --pred gone.csv --truth truth.csv", redirect, cwd=tables)[0] == 2
    assert hw("run p9", redirect)[0] == 2


@sh
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "ascii:strict", "latin-1"])
def test_an_encoding_without_the_letters(tmp_path, encoding):
    (tmp_path / "資料").mkdir()
    status, said = hw("data info 資料", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (status, said) == (0, "")
    status, said = hw("data check 資料", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert status == 2
    assert r"\u8cc7\u6599" in said


@sh
def test_a_reader_that_has_enough(tmp_path):
    status, said = hw("run --help", "| true; exit 0")
    assert (status, said) == (0, "")


def test_an_output_keeps_its_first_fault():
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    out = Output(Full())
    print("a line", file=out)
    assert out.fault == "No space left on device"
    closed = io.StringIO()
    closed.close()
    out = Output(closed)
    print("a line", file=out, flush=True)
    assert "closed" in out.fault
    assert Output(None).fault == "it is closed"
