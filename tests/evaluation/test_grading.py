"""Many files of predictions against one truth: rows, reasons, tables, and no torch."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from hwlib.cli import main
from hwlib.errors import WorkbookError
from hwlib.evaluation import grading, output
from hwlib.evaluation.scoring import score_files


def write(path, digits, names=None, head="image_name,label", end="\n"):
    names = names or [f"{i:05}.png" for i in range(len(digits))]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [head, *(f"{name},{digit}" for name, digit in zip(names, digits, strict=True))]
    path.write_bytes((end.join(lines) + end).encode())
    return path


@pytest.fixture
def truth(tmp_path):
    return write(tmp_path / "truth.csv", np.arange(200) % 10)


@pytest.fixture
def handed_in(tmp_path, truth):
    """A folder as a course gets it: good files, bad ones, sub-folders, litter and what is no table."""
    rng, folder = np.random.default_rng(0), tmp_path / "handed in"
    true = np.arange(200) % 10
    for name, right in (("b07.csv", 0.9), ("班/r11.csv", 0.5), ("x/y/deep.CSV", 1.0)):
        write(folder / name, np.where(rng.random(200) < right, true, rng.integers(0, 10, 200)))
    write(folder / "short.csv", true[:199])
    write(folder / "eleven.csv", [*true[:199], 11])
    (folder / "empty.csv").write_bytes(b"")
    (folder / "notes.txt").write_text("for the grader")
    for litter in (".DS_Store", "._b07.csv", "Thumbs.db"):
        (folder / litter).write_bytes(b"\0\1")
    (folder / "__MACOSX").mkdir()
    write(folder / "__MACOSX" / "b07.csv", true)
    return folder


def scored(capsys, *words):
    try:
        status = main(["score", *map(str, words)])
    except SystemExit as error:
        status = error.code
    said = capsys.readouterr()
    return status, said.out.splitlines(), said.err.splitlines()


def test_a_folder_has_a_row_for_each_file_with_its_score_or_why_there_is_none(capsys, handed_in, truth, tmp_path):
    status, out, err = scored(capsys, "--pred", handed_in, "--truth", truth, "--csv", tmp_path / "scores.csv")
    assert status == 2
    assert [line.split()[0] for line in out] == [
        *("name", "b07.csv", "eleven.csv", "empty.csv", "short.csv", "x/y/deep.CSV", "班/r11.csv")
    ]
    assert out[5].split()[1:] == ["100.00"] * 11
    reasons = {line.split()[0]: line.split("not scored: ")[1] for line in out if "not scored: " in line}
    assert set(reasons) == {"eleven.csv", "empty.csv", "short.csv"}
    assert reasons["eleven.csv"].startswith("row 201: label is '11'")
    assert "00199.png" in reasons["short.csv"]
    assert all(str(tmp_path) + "/handed in/short.csv" not in line for line in out), (
        "a reason begins with its file again"
    )
    assert err == [
        "hw: passed over: notes.txt",
        "hw: 3 of 6 cannot be scored: eleven.csv, empty.csv, short.csv",
    ]
    rows = list(csv.DictReader((tmp_path / "scores.csv").open(encoding="utf-8")))
    assert [row["name"] for row in rows] == [line.split()[0] for line in out[1:]]
    for row in rows:
        if row["reason"]:
            assert {row[key] for key in row if key not in ("name", "reason")} == {""}
            continue
        found = score_files(handed_in / row["name"], truth)
        assert (float(row["accuracy"]), int(row["correct"]), int(row["count"])) == (found.accuracy, found.correct, 200)
        assert tuple(float(row[f"digit_{digit}"]) for digit in range(10)) == found.per_class


def test_the_json_says_the_same(capsys, handed_in, truth, tmp_path):
    scored(capsys, "--pred", handed_in, "--truth", truth, "--json", tmp_path / "scores.json")
    told = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert told["truth"] == str(truth)
    by_name = {each["name"]: each for each in told["scores"]}
    assert len(by_name) == 6
    assert by_name["b07.csv"]["accuracy"] == score_files(handed_in / "b07.csv", truth).accuracy
    assert set(by_name["short.csv"]) == {"name", "pred", "reason"}


def test_files_keep_their_order_and_one_given_twice_is_one_row(capsys, handed_in, truth):
    files = [handed_in / name for name in ("x/y/deep.CSV", "b07.csv")]
    status, out, err = scored(capsys, "--pred", *files, "--pred", files[0], "--truth", truth)
    assert (status, err) == (0, [])
    assert [line.rsplit(maxsplit=11)[0] for line in out[1:]] == list(map(str, files))


@pytest.mark.parametrize(("least", "status"), [(40, 0), (80, 1)])
def test_statuses_of_good_files(capsys, handed_in, truth, least, status):
    files = [handed_in / name for name in ("x/y/deep.CSV", "班/r11.csv")]
    found, _, err = scored(capsys, "--pred", *files, "--truth", truth, "--at-least", least)
    assert found == status
    assert err == ([f"hw: 1 of 2 below the 80 % wanted: {files[1]}"] if status else [])


def test_a_file_that_is_not_there_is_a_row_and_a_truth_that_is_not_there_is_the_end(capsys, handed_in, truth, tmp_path):
    status, out, _ = scored(capsys, "--pred", handed_in / "b07.csv", tmp_path / "gone.csv", "--truth", truth)
    assert status == 2
    assert "not scored" in out[2]
    assert "not scored" not in out[1]
    status, out, err = scored(capsys, "--pred", handed_in, "--truth", tmp_path / "no.csv")
    assert (status, out, len(err)) == (2, [], 1)
    assert "no.csv" in err[0]


def test_a_folder_without_predictions(capsys, truth, tmp_path):
    (tmp_path / "none").mkdir()
    status, out, err = scored(capsys, "--pred", tmp_path / "none", "--truth", truth)
    assert (status, out) == (2, [])
    assert err == [f"hw: pred: there is no .csv in {tmp_path / 'none'}; give files, or a folder of them"]


def test_neither_the_truth_nor_an_earlier_table_of_scores_is_graded(capsys, handed_in, truth):
    inside = handed_in / "truth.csv"
    inside.write_bytes(truth.read_bytes())
    for force in ((), ("--force",)):
        words = ("--pred", handed_in, "--truth", inside, "--csv", handed_in / "scores.csv", *force)
        _, out, err = scored(capsys, *words)
        assert len(out) == 7, out
        if not force:
            assert "scores.csv" not in err[0]
    assert err[0] == "hw: passed over: notes.txt, scores.csv"


def test_a_link_that_leads_around_ends(handed_in, truth):
    (handed_in / "x" / "up").symlink_to(handed_in)
    rows, _ = grading.find([handed_in], truth)
    assert len(rows) == 6


@pytest.mark.skipif(os.name != "posix", reason="there are no such pipes")
def test_a_pipe_in_a_folder_does_not_hang(handed_in, truth):
    os.mkfifo(handed_in / "pipe.csv")
    done = grading.grade(grading.find([handed_in], truth)[0], truth)
    assert "pipe.csv" in {row.name for row in done if row.score is None}


def told(row):
    return row.told or row.score.confusion.tolist()


def long_way(file, truth):
    try:
        return score_files(file, truth).confusion.tolist()
    except WorkbookError as error:
        return str(error)


def test_the_short_way_gives_what_the_long_one_gives(tmp_path):
    """Against `score_files`, over ways of writing the same table and over tables that are wrong."""
    rng = np.random.default_rng(1)
    true = rng.integers(0, 10, 60)
    names = [f"{i:05}.png" for i in range(60)]
    names[7], names[8] = "七.png", "a,b.png"
    quoted = [f'"{name}"' if "," in name else name for name in names]
    truth = write(tmp_path / "truth.csv", true, quoted)
    pred = np.where(rng.random(60) < 0.7, true, rng.integers(0, 10, 60))
    order = rng.permutation(60)
    plain = [f"{i:05}.png" for i in range(60)]
    easy = write(tmp_path / "easy.csv", true, plain)
    for i, (words, against) in enumerate(
        [
            ({"digits": pred, "names": quoted}, truth),
            ({"digits": pred, "names": plain}, easy),
            ({"digits": pred[order], "names": list(np.array(plain)[order])}, easy),
            ({"digits": pred, "names": plain, "end": "\r\n"}, easy),
            ({"digits": [f" {d}" for d in pred], "names": plain}, easy),
            ({"digits": [f"{d}.0" for d in pred], "names": plain}, easy),
            ({"digits": ["x", *pred[1:]], "names": plain}, easy),
            ({"digits": ["", *pred[1:]], "names": plain}, easy),
            ({"digits": pred, "names": [*plain[:-1], plain[0]]}, easy),
            ({"digits": pred, "names": [*plain[:-1], "unknown.png"]}, easy),
            ({"digits": pred[1:], "names": plain[1:]}, easy),
            ({"digits": pred, "names": plain, "head": "label,image_name"}, easy),
            ({"digits": [f'"{d}"' for d in pred], "names": [f'"{name}"' for name in plain]}, easy),
            (
                {"digits": pred, "names": [f"{i},{name}" for i, name in enumerate(plain)], "head": ",image_name,label"},
                easy,
            ),
            ({"digits": [f"{d},x" for d in pred], "names": plain, "head": "image_name,label,label"}, easy),
            ({"digits": [f"{d}," for d in pred], "names": plain}, easy),
            ({"digits": [*pred[:-1], f"{pred[-1]},"], "names": plain}, easy),
            ({"digits": [*pred[:-1], f"{pred[-1]}\n\n"], "names": plain}, easy),
            ({"digits": [*pred[:-1], '"3'], "names": plain}, easy),
            ({"digits": [f"{d} " for d in pred], "names": plain}, easy),
            ({"digits": [], "names": []}, easy),
            ({"digits": pred, "names": plain, "head": "image_name"}, easy),
        ]
    ):
        file = write(tmp_path / f"{i}.csv", **words)
        (row,) = grading.grade([grading.Row("it", file)], against)
        assert told(row) == long_way(file, against), i


def test_grading_wants_no_torch(handed_in, truth):
    code = (
        "import sys; from hwlib.cli import main; status = main(sys.argv[1:]);"
        "print(sorted(m for m in sys.modules if m in ('torch', 'torchvision', 'matplotlib', 'sklearn')));"
        "sys.exit(status)"
    )
    words = [sys.executable, "-c", code, "score", "--pred", handed_in, "--truth", truth]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 2, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_output_that_appears_meanwhile_is_left_alone(tmp_path, monkeypatch):
    out = tmp_path / "scores.csv"
    output.check_free(out, "csv", "csv")
    link = os.link

    def late(source, place):
        out.write_bytes(b"of somebody else")
        link(source, place)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(WorkbookError, match="is there already; give another name, or --force"):
        output.put(out, b"ours", "csv")
    assert out.read_bytes() == b"of somebody else"
    output.put(out, b"ours", "csv", force=True)
    assert out.read_bytes() == b"ours"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"], "a temporary file is left"


def test_where_files_have_no_second_names(tmp_path, monkeypatch):
    def refuse(source, place):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    output.put(tmp_path / "a.csv", b"ours", "csv")
    assert (tmp_path / "a.csv").read_bytes() == b"ours"
    with pytest.raises(WorkbookError, match="is there already"):
        output.put(tmp_path / "a.csv", b"other", "csv")
