"""The scorer, against scikit-learn's, and what it refuses: a score of fewer images than there are."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from hwlib.cli import main
from hwlib.errors import WorkbookError
from hwlib.evaluation.scoring import score, score_files, table


def labels(values):
    return {f"{i:05}.png": int(value) for i, value in enumerate(values)}


def random_pair(n=500, right=0.6, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 10, n)
    return np.where(rng.random(n) < right, truth, rng.integers(0, 10, n)), truth


def test_against_scikit_learn():
    pred, truth = random_pair()
    found = score(labels(pred), labels(truth))
    assert (found.confusion == confusion_matrix(truth, pred, labels=range(10))).all()
    assert (found.confusion.dtype, found.confusion.shape) == (np.int64, (10, 10))
    assert (found.count, found.correct) == (500, int((pred == truth).sum()))
    assert found.accuracy == pytest.approx(100 * accuracy_score(truth, pred))
    assert found.per_class == pytest.approx(tuple(100 * recall_score(truth, pred, average=None)))
    assert found.class_counts == tuple(np.bincount(truth))


def test_names_count_and_not_their_order():
    pred, truth = random_pair()
    backwards = dict(reversed(labels(pred).items()))
    assert score(backwards, labels(truth)).describe() == score(labels(pred), labels(truth)).describe()


def test_a_digit_that_is_not_there():
    found = score({"a": 3, "b": 7}, {"a": 3, "b": 3})
    assert found.per_class == (None, None, None, 50.0, *[None] * 6)
    assert found.describe()["per_class"][0] == {"digit": 0, "count": 0, "correct": 0, "accuracy": None}


@pytest.mark.parametrize(
    ("pred", "truth", "message"),
    [
        ({}, {}, "truth: there are no labels in it"),
        ({"a": 1}, {}, "truth: there are no labels in it"),
        ({}, {"a": 1}, "pred: 1 of the 1 images in truth are missing ('a')"),
        ({"a": 10}, {"a": 1}, "pred: label 10 of 'a' is no digit from 0 to 9"),
        ({"a": 1}, {"a": -1}, "truth: label -1 of 'a' is no digit from 0 to 9"),
        ({"a": 1.5}, {"a": 1}, "pred: label 1.5 of 'a'"),
        ({"a": "1"}, {"a": 1}, "pred: label '1' of 'a'"),
        ({"a": None}, {"a": 1}, "pred: label None of 'a'"),
    ],
)
def test_bad_mappings(pred, truth, message):
    with pytest.raises(WorkbookError, match="^" + re.escape(message)):
        score(pred, truth)


TRUTH = "image_name,label\na.png,1\nb.png,2\nc.png,3\nd.png,4\ne.png,4\n"
PRED = "image_name,label\ne.png,4\nd.png,4\nc.png,3\nb.png,2\na.png,7\n"


@pytest.fixture
def files(tmp_path):
    """Writes the two csvs, whose contents may be text or bytes, and returns the command line that scores them."""

    def write(pred=PRED, truth=TRUTH):
        paths = [tmp_path / "pred.csv", tmp_path / "truth.csv"]
        for path, content in zip(paths, (pred, truth), strict=True):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return ["score", "--pred", str(paths[0]), "--truth", str(paths[1])]

    return write


ACCEPTED = {
    "as it is": PRED,
    "BOM": b"\xef\xbb\xbf" + PRED.encode(),
    "CRLF": PRED.replace("\n", "\r\n"),
    "no end of line at the end": PRED.rstrip(),
    "blank lines": PRED.replace("\n", "\n\n"),
    "spaces": PRED.replace(",", " , "),
    "quotes": PRED.replace("a.png", '"a.png"'),
    "decimals": PRED.replace("7", "7.0"),
    "columns in another order": "label,image_name\n4,e.png\n4,d.png\n3,c.png\n2,b.png\n7,a.png\n",
    "another column": "image_name,sure,label\ne.png,.5,4\nd.png,.5,4\nc.png,.5,3\nb.png,.5,2\na.png,.5,7\n",
}


@pytest.mark.parametrize("pred", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(capsys, files, pred):
    assert main(files(pred)) == 0
    assert capsys.readouterr().out.startswith("accuracy 80.00 % (4 of 5)\n")


NAMES = "nothing is scored until each image is named once"
REFUSED = {
    "missing": (
        PRED.replace("d.png,4\n", ""),
        TRUTH,
        "pred.csv: 1 of the 5 images in ",
        "are missing ('d.png'); " + NAMES,
    ),
    "short": ("image_name,label\na.png,1\n", TRUTH, "4 of the 5 images in ", "('b.png', 'c.png', 'd.png' and 1 more)"),
    "unknown": (PRED + "f.png,1\n", TRUTH, "pred.csv: 1 of its 6 names are unknown in ", "truth.csv ('f.png')"),
    "renamed": (
        PRED.replace("a.png", "0.png"),
        TRUTH,
        "pred.csv: 1 of the 5 images in ",
        "missing ('a.png'), and 1 of its 5 names are unknown there ('0.png')",
    ),
    "without suffixes": (
        PRED.replace(".png", ""),
        TRUTH,
        "5 of the 5 images in ",
        "unknown there ('e', 'd', 'c' and 2",
    ),
    "swapped": (TRUTH, PRED.replace("d.png,4\n", ""), "pred.csv: 1 of its 5 names are unknown in ", "('d.png')"),
    "repeated": (PRED + "e.png,4\n", TRUTH, "pred.csv, row 7: ", "'e.png' was there in row 2 already"),
    "repeated and missing": (PRED.replace("d.png", "e.png"), TRUTH, "pred.csv, row 3: ", "was there in row 2 already"),
    "repeated in the truth": (PRED, TRUTH + "a.png,1\n", "truth.csv, row 7: ", "'a.png' was there in row 2 already"),
    "missing in the truth": (
        PRED,
        TRUTH.replace("a.png,1\n", ""),
        "pred.csv: 1 of its 5 names are unknown",
        "('a.png')",
    ),
    "label 10": (PRED.replace("7", "10"), TRUTH, "pred.csv, row 6: label is '10'", "a digit from 0 to 9"),
    "label -1": (PRED.replace("7", "-1"), TRUTH, "pred.csv, row 6: label is '-1'", "a digit from 0 to 9"),
    "label 1.5": (PRED.replace("7", "1.5"), TRUTH, "pred.csv, row 6: label is '1.5'", "a digit from 0 to 9"),
    "label seven": (PRED.replace("7", "seven"), TRUTH, "pred.csv, row 6: label is 'seven'", "a digit from 0 to 9"),
    "label nan": (PRED, TRUTH.replace("1\n", "nan\n"), "truth.csv, row 2: label is 'nan'", "a digit from 0 to 9"),
    "label missing": (PRED.replace("7", ""), TRUTH, "pred.csv, row 6: label is ''", "a digit from 0 to 9"),
    "digit of another script": (PRED.replace("7", "\u0667"), TRUTH, "pred.csv, row 6: label is ", "from 0 to 9"),
    "cell missing": (PRED.replace(",7", ""), TRUTH, "pred.csv, row 6: ", "the header 2"),
    "name with a folder": (PRED.replace("a.png", "test/a.png"), TRUTH, "row 6: image_name is 'test/a.png'", "folders"),
    "name missing": (PRED.replace("a.png", ""), TRUTH, "pred.csv, row 6: image_name is ''", "file's name"),
    "empty": ("", TRUTH, "pred.csv, row 1: column image_name is missing", "found are none"),
    "header alone": ("image_name,label\n", TRUTH, "pred.csv: has no rows below its header", "at least one"),
    "empty truth": (PRED, "", "truth.csv, row 1: column image_name is missing", "found are none"),
    "no header": (PRED.split("\n", 1)[1], TRUTH, "pred.csv, row 1: column image_name is missing", "'e.png', '4'"),
    "semicolons": (PRED.replace(",", ";"), TRUTH, "row 1: column image_name is missing", "'image_name;label'"),
    "faces": (PRED, "image_name,Male\na.png,1.0\n", "truth.csv, row 1: column label is missing", "'Male'"),
    "not UTF-8": (PRED.encode("utf-16"), TRUTH, "pred.csv: is no UTF-8 text", "save it as csv"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0", TRUTH, "pred.csv: is no UTF-8 text", "save it as csv"),
}


def refused(capsys, command):
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hw: ")
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("pred", "truth", "what", "how"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(capsys, tmp_path, files, pred, truth, what, how):
    err = refused(capsys, [*files(pred, truth), "--json", str(tmp_path / "score.json")])
    assert what in err
    assert how in err
    assert {path.name for path in tmp_path.iterdir()} == {"pred.csv", "truth.csv"}


def test_a_short_file_scores_nothing_even_when_all_its_rows_are_right():
    """The course's scorer gives 100 % here."""
    with pytest.raises(WorkbookError, match="4 of the 5 images"):
        score({"1": 1}, {str(i): i for i in range(5)})


@pytest.mark.parametrize(
    ("pred", "what"),
    [("gone.csv", "gone.csv: is missing"), ("empty", "there is no .csv in "), ("pred.csv/x", "Not a directory")],
)
def test_files_that_are_none(capsys, tmp_path, files, pred, what):
    command = files()
    (tmp_path / "empty").mkdir()
    command[2] = str(tmp_path / pred)
    assert what in refused(capsys, command)


def test_one_file_for_both_is_all_right(capsys, files):
    command = files()
    assert main([*command[:2], command[4], *command[3:]]) == 0
    assert capsys.readouterr().out.startswith("accuracy 100.00 % (5 of 5)\n")


def test_the_table():
    pred = {f"{i}": 3 for i in range(8)} | {f"x{i}": 4 for i in range(12000)}
    truth = {f"{i}": 3 if i < 7 else 9 for i in range(8)} | {f"x{i}": 4 for i in range(12000)}
    lines = table(score(pred, truth)).splitlines()
    assert lines[:4] == ["accuracy 99.99 % (12007 of 12008)", "", "digit  accuracy", "    0  there is none"]
    assert lines[6:8] == ["    3  100.00 %  (    7 of     7)", "    4  100.00 %  (12000 of 12000)"]
    assert lines[12] == "    9    0.00 %  (    0 of     1)"
    assert lines[15] == "          0     1     2     3     4     5     6     7     8     9"
    assert lines[20] == "    4     .     .     .     . 12000     .     .     .     .     ."
    assert lines[25] == "    9     .     .     .     1     .     .     .     .     .     ."
    assert len(lines) == 26


def test_json(capsys, tmp_path, files):
    out = tmp_path / "score.json"
    command = files()
    assert main([*command, "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert (
        found == {"pred": command[2], "truth": command[4]} | score_files(Path(command[2]), Path(command[4])).describe()
    )
    assert (found["count"], found["correct"], found["accuracy"]) == (5, 4, 80.0)
    assert found["confusion"][1][7] == 1
    assert found["per_class"][4] == {"digit": 4, "count": 2, "correct": 2, "accuracy": 100.0}


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("gone/score.json", "gone is no folder"),
        (".", "is no file; give the name of a JSON file"),
        ("pred.csv", "is one of the files that are read here"),
        ("truth.csv", "is one of the files that are read here"),
    ],
)
def test_places_where_no_json_can_be_written(capsys, tmp_path, files, name, what):
    err = refused(capsys, [*files(), "--json", str(tmp_path / name)])
    assert err.startswith("hw: json: ")
    assert what in err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"pred.csv": PRED, "truth.csv": TRUTH}


@pytest.mark.parametrize(("percent", "status"), [("80", 0), ("79.9", 0), ("0", 0), ("80.001", 1), ("100", 1)])
def test_at_least(capsys, tmp_path, files, percent, status):
    out = tmp_path / "score.json"
    assert main([*files(), "--at-least", percent, "--json", str(out)]) == status
    said = capsys.readouterr()
    assert said.out.startswith("accuracy 80.00 % (4 of 5)\n")
    assert said.err == (f"hw: accuracy 80 % is below the {percent} % wanted\n" if status else "")
    assert out.exists()


@pytest.mark.parametrize("percent", ["101", "-1", "nan", "inf"])
def test_percentages_that_are_none(capsys, files, percent):
    assert "at-least: " in refused(capsys, [*files(), f"--at-least={percent}"])
