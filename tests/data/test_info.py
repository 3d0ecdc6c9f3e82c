import csv
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from hwlib import pixels
from hwlib.cli import main
from hwlib.data import compact, course, info, registry
from hwlib.errors import WorkbookError


@pytest.fixture(autouse=True)
def _no_sample(monkeypatch, project):
    """Not the sample's own images, whose making takes seconds."""
    monkeypatch.setattr(info.sample, "known", lambda name, split: (4, "5a" * 32) if name == "usps" else None)


def about(lines, name):
    """The part on one set, as one line: where it was wrapped does not matter."""
    start = next(i for i, line in enumerate(lines) if line.startswith(f"{name}: "))
    return " ".join(" ".join(lines[start : lines.index("", start)]).split())


def runs(lines):
    return lines[next(i for i, line in enumerate(lines) if line.startswith("images of a run")) :]


def digits(root, name, count=3):
    for split in ("train", "test"):
        folder = root / "digits" / name / split
        folder.mkdir(parents=True)
        for i in range(count):
            Image.fromarray(np.full((28, 28), i, np.uint8)).save(folder / f"{i}.png")
        with open(f"{folder}.csv", "w", newline="") as table:
            csv.writer(table).writerows([["image_name", "label"], *([f"{i}.png", i] for i in range(count))])


def fetched(root, name):
    folder = root / "fetched" / name
    folder.mkdir(parents=True)
    images = torch.zeros(5, 1, 28, 28, dtype=torch.uint8)
    splits = ((split, images, torch.arange(5)) for split in ("train", "test"))
    return compact.write(folder, {"method": "as released", "date": "2030-01-02T03:04:05+00:00"}, splits)


def test_nothing_there(project):
    lines = info.lines()
    assert lines[:4] == [
        "looked in",
        "  HW_DATA: not set",
        f"  data/ of the project: {project / 'data'}, which is not there",
        "  sample: always there, stand-ins made on the spot or from what the dependencies ship",
    ]
    for name, card in registry.CARDS.items():
        part = about(lines, name)
        for text in (card.title, card.what, card.licence, card.citation, card.homepage):
            assert " ".join(text.split()) in part
        if name in registry.SETS:
            assert f"here no; `hw data fetch {name}" in part
    assert "`hw data fetch celeba --from PATH`" in about(lines, "celeba")
    assert "73257 + 26032 images (training + test) as released; 73257 + 26032 in the course" in about(lines, "svhn")
    assert "to fetch: 246 MB" in about(lines, "svhn")
    assert "to fetch: 82 MB" in about(lines, "mnistm")  # MNIST's and BSDS500's
    assert "sample stand-ins, 4 + 4 images, sha256 5a5a5a5a5a5a…" in about(lines, "usps")
    assert "made when they are first wanted" in about(lines, "svhn")
    assert "sample" not in about(lines, "mnist")
    assert all(len(line) <= 120 for line in lines if str(project) not in line)
    why = f"sample stand-ins (HW_DATA is not set and there is no folder {project / 'data'})"
    assert runs(lines) == [
        "images of a run with `data auto`",
        f"  p1, p2 (faces): {why}",
        f"  p3, p4 (digits): {why}",
        "    usps to mnistm: both are there",
        "    mnistm to svhn: both are there",
        "    svhn to usps: both are there",
    ]


def test_a_course_folder_without_decoding(project, monkeypatch):
    data = project / "data"
    digits(data, "usps")
    digits(data, "mine")
    with monkeypatch.context() as patch:
        patch.setattr(pixels, "decode", lambda *_: pytest.fail("decoded an image"))
        lines = info.lines()
    assert f"course {data}/digits/usps: 3 + 3 images, sha256 not known before the first run" in about(lines, "usps")
    assert "a digit set that the registry does not know" in about(lines, "mine")
    assert "3 + 3 images" in about(lines, "mine")
    assert f"  p3, p4 (digits): course folder {data} (from data/ of the project)" in lines
    assert "    usps to mnistm: lacks mnistm" in lines
    assert "    mnistm to svhn: lacks mnistm and svhn" in lines
    # Once loaded, its hash is known.
    sha256 = course.digits(data, "usps", "train").sha256
    assert f"sha256 {sha256[:12]}… and not known" in about(info.lines(), "usps")
    (data / "digits/usps/stand-in.txt").write_text("")
    assert "marked as stand-ins" in about(info.lines(), "usps")
    (data / "digits/usps/test.csv").write_text("image_name,label\n0.png,x\n")
    assert "cannot be used:" in about(info.lines(), "usps")
    assert "row 2: label is 'x'" in about(info.lines(), "usps")


def test_a_fetched_folder(project, monkeypatch):
    mine = project / "mine"
    made = fetched(mine, "usps")
    monkeypatch.setenv("HW_DATA", str(mine))
    lines = info.lines()
    assert lines[1:3] == [f"  HW_DATA: {mine}", "  data/ of the project: HW_DATA comes first"]
    sha256 = made["splits"]["train"]["sha256"]
    there = f"fetched {mine}/fetched/usps: 5 + 5 images, sha256 {sha256[:12]}…, made on 2030-01-02: as released"
    assert there in about(lines, "usps")
    assert f"  p3, p4 (digits): fetched sets in {mine} (from HW_DATA)" in lines
    assert f"  p1, p2 (faces): sample stand-ins ({mine} has no folder face/ and no fetched faces)" in lines
    assert "here no; `hw data fetch mnistm` gets it" in about(lines, "bsds500")

    digits(mine, "usps")
    lines = info.lines(mine)
    assert "course" in about(lines, "usps")
    assert there in about(lines, "usps")
    assert f"  p3, p4 (digits): course folder {mine}" in lines  # which wins

    path = mine / "fetched/usps/train.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert "cannot be used: train.safetensors is missing or has another size" in about(info.lines(), "usps")
    shutil.rmtree(mine / "digits")
    assert "usps cannot be used" in next(line for line in info.lines(mine) if "usps to mnistm" in line)
    (mine / "fetched/usps/manifest.json").write_text("")
    assert "manifest.json: is damaged" in about(info.lines(), "usps")
    shutil.rmtree(mine / "fetched/usps")
    assert f"fetched {mine}" not in about(info.lines(), "usps")


def test_a_setting_that_is_wrong_is_told_where_runs_would_stop(project, monkeypatch):
    for named in (str(project / "gone"), "~no-such-user/data", str(project)):
        monkeypatch.setenv("HW_DATA", named)
        lines = info.lines()
        assert named in lines[1]
        assert runs(lines)[1].startswith("  p1, p2 (faces): none, they would stop: HW_DATA: ")


def test_the_command(project, capsys, monkeypatch, tmp_path):
    fetched(tmp_path / "there", "usps")
    monkeypatch.chdir(tmp_path)
    assert main(["data", "info", "there"]) == 0
    out = capsys.readouterr().out
    assert f"  {tmp_path / 'there'}, as given" in out
    assert f"images of a run with `data {tmp_path / 'there'}`" in out
    assert "p1, p2 (faces): none, they would stop: data: " in out
    assert main(["data", "info", "gone"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"hw: {tmp_path / 'gone'}: does not exist")
    assert err.count("\n") == 1
    with pytest.raises(WorkbookError, match="is no folder"):
        info.lines(tmp_path / "there/fetched/usps/manifest.json")
