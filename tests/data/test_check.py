"""`hw data check`: what it prints, writes and exits with. What it finds is in the catalogue."""

import csv
import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from hwlib import pixels
from hwlib.cli import main
from hwlib.data import DIGITS, ImageSet, decode, fingerprint
from hwlib.data.check import Reader, verify
from hwlib.data.findings import ERROR, WARNING, lines
from hwlib.data.table import DIGIT_FORM
from hwlib.errors import WorkbookError


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Ten digits in each split of one set, without anything to find."""
    base = tmp_path / "data/digits/usps"
    for number, split in enumerate(("train", "test")):
        (base / split).mkdir(parents=True)
        for i in range(10):
            Image.fromarray(noise(28, 28, seed=(number, i))).save(base / split / f"{i}.png")
        (base / f"{split}.csv").write_text("image_name,label\n" + "".join(f"{i}.png,{i}\n" for i in range(10)))
    return tmp_path / "data"


def relabel(folder, labels):
    """Write the csv of train, with the same images."""
    rows = "".join(f"{i}.png,{label}\n" for i, label in enumerate(labels))
    (folder / "digits/usps/train.csv").write_text("image_name,label\n" + rows)


def run(capsys, *arguments):
    status = main(["data", "check", *map(str, arguments)])
    return status, *capsys.readouterr()


def test_a_clean_folder(capsys, folder):
    status, out, err = run(capsys, folder)
    assert (status, err) == (0, "")
    first, _, train, test, _, last = out.splitlines()
    assert first == f"{folder}:"
    for line, split in ((train, "train"), (test, "test")):
        assert line.split()[:7] == ["digits/usps", split, "10", "10", "grey", "0", "0"]
        assert line.endswith("  0: 1  1: 1  2: 1  3: 1  4: 1  5: 1  6: 1  7: 1  8: 1  9: 1")
    assert last == "0 errors, 0 warnings in 20 images; all of it loads"


def test_an_error_is_in_the_table_with_file_and_row(capsys, folder):
    relabel(folder, [*range(9), "seven"])
    status, out, _ = run(capsys, folder)
    assert status == 1
    (row,) = [line for line in out.splitlines() if line.startswith("error")]
    assert row.split()[:3] == ["error", "digits/usps/train.csv", "11"]
    assert row.endswith("label is 'seven'; a label is a digit from 0 to 9")
    assert out.splitlines()[-1] == "1 error, 0 warnings in 20 images; refused as it is: digits/usps train"


def test_warnings_exit_with_0_and_strictly_with_1(capsys, folder):
    (folder / "notes.txt").write_text("")
    status, out, _ = run(capsys, folder)
    assert status == 0
    assert "notes.txt" in out
    assert out.splitlines()[-1] == "0 errors, 1 warning in 20 images; all of it loads"
    assert run(capsys, folder, "--strict")[0] == 1


def test_sets_that_were_swapped_are_told_by_their_colours(capsys, folder):
    digits = folder / "digits"
    (digits / "usps").rename(digits / "svhn")
    status, out, _ = run(capsys, folder)
    assert status == 0
    assert "is grey, and svhn is RGB: is it another set?" in out


def test_what_occurs_often_is_counted(capsys, folder, tmp_path):
    relabel(folder, [10, "ten", 11, 12, 13, *range(5, 10)])
    (folder / "digits/usps/train/7.png").write_bytes(b"")
    few = run(capsys, folder)[1]
    labels = [line for line in few.splitlines() if "a label is a digit" in line]
    assert [line.split()[2] for line in labels] == ["2", "3", "4", "5", "6"]  # the 10 has words of its own
    relabel(folder, range(11, 21))
    few, every = run(capsys, folder)[1], run(capsys, folder, "--all")[1]
    assert len([line for line in few.splitlines() if "a label is a digit" in line]) == 3
    assert [line for line in few.splitlines() if line.endswith("  and 7 more like it (--all)")]
    assert "is no image in a format" in few
    assert len([line for line in every.splitlines() if "a label is a digit" in line]) == 10
    assert "more like it" not in every
    out = tmp_path / "found.csv"
    assert run(capsys, folder, "--csv", out)[:2] == (1, few)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows if row["kind"] == "value"] == [str(i) for i in range(2, 12)]
    assert rows[0] == {
        "severity": "error",
        "part": "digits/usps",
        "split": "train",
        "kind": "value",
        "file": "digits/usps/train.csv",
        "row": "2",
        "what": "label is '11'; a label is a digit from 0 to 9",
    }
    assert list(tmp_path.glob(".*")) == []


def test_all_findings_of_one_split_and_not_the_first_alone(folder):
    base = folder / "digits/usps"
    relabel(folder, [0, 0, "x", 3, 4, 5, 6, 7, 8])
    (base / "train/4.png").unlink()
    (base / "train/5.png").write_bytes((base / "train/5.png").read_bytes()[:90])
    Image.fromarray(noise(28, 28, seed=(0, 0))).save(base / "train/6.png")
    Image.fromarray(noise(20, 20)).save(base / "test/0.png")
    found = [(f.severity, f.kind, f.file.removeprefix("digits/usps/"), f.row) for f in verify(folder).findings]
    assert sorted(found) == [
        ("error", "image", "test/0.png", 2),
        ("error", "image", "train/5.png", 7),
        ("error", "no image", "train.csv", 6),
        ("error", "value", "train.csv", 4),
        ("warning", "contradiction", "train/6.png", 8),
        ("warning", "no row", "train/9.png", None),
    ]


@pytest.mark.parametrize("parallel", [True, False])
def test_several_processes_find_what_one_finds(folder, monkeypatch, parallel):
    base = folder / "digits/usps"
    (base / "train/3.png").write_bytes(b"")
    Image.fromarray(noise(28, 28, seed=(0, 1))).save(base / "test/8.png")
    monkeypatch.setattr(decode, "_CHUNK", 3 * 28 * 28)
    monkeypatch.setattr(decode, "_PARALLEL", 0 if parallel else 2**40)
    found = [(f.kind, f.file, f.row, f.what) for f in verify(folder).findings]
    assert found == [
        ("image", "digits/usps/train/3.png", 5, "is no image in a format allowed here (PNG, JPEG, BMP)"),
        (
            "contradiction",
            "digits/usps/test/8.png",
            10,
            "has the pixels of train/1.png, row 3, which says otherwise: label 8 here and 1 there",
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gone"], "gone is not there; give a course folder"),
        (["data/digits/usps/train.csv"], "train.csv is a regular file; give a course folder"),
        (["data/digits"], "data/digits has neither digits/ nor face/; give the folder that holds them"),
        (["data", "--csv", "gone/out.csv"], "csv: gone is no folder"),
        (["data", "--csv", "data"], "csv: data is no file"),
        (["data", "--csv", "mine.csv"], "csv: mine.csv is there already; give another name, or --force"),
        (["data", "--csv", "data/digits/usps/train.csv", "--force"], "is one of the files that are read here"),
        ([], "so `data auto` is the sample, which needs no check; name a folder"),
    ],
)
def test_bad_usage(capsys, folder, monkeypatch, arguments, says):
    monkeypatch.chdir(folder.parent)
    monkeypatch.setattr("hwlib.paths.ROOT", folder.parent / "nowhere")
    (folder.parent / "mine.csv").write_text("mine")
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert (folder.parent / "mine.csv").read_text() == "mine"
    assert says in err
    assert err.count("\n") == 1


def test_the_default_is_what_auto_takes(capsys, folder, monkeypatch):
    monkeypatch.setenv("HW_DATA", str(folder))
    assert run(capsys)[1].startswith(f"{folder}:\n")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names")
def test_names_that_no_screen_can_show(capsys, folder, tmp_path):
    (folder / "digits/usps/train/a\nb\x1b[2J.txt").write_text("")
    with open(os.fsencode(folder / "digits/usps/train") + b"/\xff.png", "wb"):
        pass
    status, out, _ = run(capsys, folder, "--csv", tmp_path / "out.csv")
    assert status == 0
    assert r"train/a\nb\x1b[2J.txt" in out
    assert r"train/\udcff.png" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert (tmp_path / "out.csv").read_text().count("\n") == 3


def kept(split, images, labels, sha256=None):
    images, labels = torch.from_numpy(np.stack(images)), torch.tensor(labels)
    return ImageSet("usps", split, images, labels, DIGITS, "fetched", False, sha256 or fingerprint(images, labels))


def test_readers_of_other_forms(tmp_path):
    """What `hw data fetch` keeps is handed in: its sets are loaded, and their images compared."""
    pictures = [noise(1, 28, 28, seed=i) for i in range(10)]
    train = kept("train", pictures, list(range(10)))
    test = kept("test", [pictures[4], pictures[7], noise(1, 28, 28, seed=77)], [4, 0, 1])

    def bad():
        raise WorkbookError(f"{tmp_path / 'x.safetensors'}: is cut short; fetch it again")

    loads = {"usps": (lambda: train, lambda: test), "svhn": (lambda: train, bad)}
    readers = [
        Reader(f"fetched/{name}", split, DIGIT_FORM, tmp_path / "x.safetensors", load)
        for name, each in loads.items()
        for split, load in zip(("train", "test"), each, strict=True)
    ]
    verdict = verify(tmp_path, readers)
    found = [(f.severity, f.part, f.split, f.kind, f.what) for f in verdict.findings if f.kind != "class"]
    assert found == [
        (WARNING, "fetched/usps", "test", "leak", "image 0 has the pixels of train/image 4"),
        (
            WARNING,
            "fetched/usps",
            "test",
            "contradiction",
            "image 1 has the pixels of train/image 7, which says otherwise: label 0 here and 7 there",
        ),
        (ERROR, "fetched/svhn", "test", "file", "is cut short; fetch it again"),
    ]
    assert [(s.part, s.split, s.rows, s.images, s.grey) for s in verdict.summaries] == [
        ("fetched/usps", "train", 10, 10, 10),
        ("fetched/usps", "test", 3, 3, 3),
        ("fetched/svhn", "train", 10, 10, 10),
        ("fetched/svhn", "test", 0, 0, 0),
    ]
    assert list(lines(verdict))[-1].endswith("; refused as it is: fetched/svhn test")


def test_check_decodes_as_the_loader_does(folder, monkeypatch):
    """One function judges an image for both."""
    seen = []
    real = pixels.decode
    monkeypatch.setattr(
        "hwlib.anatomy.decode", lambda path, *rest: seen.append(os.path.basename(path)) or real(path, *rest)
    )
    assert not verify(folder).findings
    assert sorted(seen) == sorted([f"{i}.png" for i in range(10)] * 2)
