import os
import shutil
import sys
import types
from pathlib import Path

import pytest
import torch

import hwlib.data
from hwlib import paths
from hwlib.data import ATTRIBUTES, DIGITS, DataSource, ImageSet, course, fingerprint, open_source
from hwlib.data.source import describe
from hwlib.errors import WorkbookError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Move the project's root, so that its own `data/` and the caller's settings play no part."""
    monkeypatch.setattr(paths, "ROOT", tmp_path / "root")
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HW_DATA", raising=False)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture(autouse=True)
def _tiny_sample(monkeypatch):
    def load(name, split):
        size, labels = (64, torch.zeros(4, 13, dtype=torch.uint8)) if name == "face" else (28, torch.arange(4))
        images = torch.zeros(4, 3, size, size, dtype=torch.uint8)
        label_names = ATTRIBUTES if name == "face" else DIGITS
        return ImageSet(name, split, images, labels, label_names, "sample", True, fingerprint(images, labels))

    sample = types.ModuleType("hwlib.data.sample")
    sample.NAMES, sample.load = ("usps", "mnistm", "svhn"), load
    monkeypatch.setitem(sys.modules, "hwlib.data.sample", sample)
    monkeypatch.setattr(hwlib.data, "sample", sample, raising=False)


def folder(path, *parts):
    path.mkdir(parents=True, exist_ok=True)
    for part in parts:
        (path / part).mkdir(parents=True)
    return path


def refused(data, need="digits"):
    with pytest.raises(WorkbookError) as caught:
        open_source(data, need)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_sample_by_name_ignores_folders(root, monkeypatch):
    monkeypatch.setenv("HW_DATA", str(folder(root / "data", "digits", "face")))
    for need in ("digits", "faces"):
        assert open_source("sample", need) == DataSource("sample", None, "")


def test_sample_sets(root):
    source = open_source("sample", "digits")
    assert source.digit_names() == ("mnistm", "svhn", "usps")
    assert source.digits("usps", "test").title == "usps (stand-in)"
    assert source.faces("train").name == "face"
    with pytest.raises(WorkbookError, match="there is no digit set 'face' here"):
        source.digits("face", "train")


def test_auto_without_a_folder_is_the_sample(root):
    source = open_source("auto", "digits")
    assert (source.kind, source.root) == ("sample", None)
    assert "HW_DATA is not set" in source.note


def test_images_one_level_off_are_no_reason_to_train_on_stand_ins(root, monkeypatch):
    data = folder(root / "data", "hw3_data/digits/usps", "hw3_data/face", "notes")
    for need in ("digits", "faces"):
        assert f", but {data / 'hw3_data'} has; move those up" in refused("auto", need)
        assert f", but {data / 'hw3_data'} has; expected is" in refused(str(data), need)
    assert f", but {data / 'hw3_data'} has; expected is" in refused(str(data / "hw3_data" / "digits"))
    shutil.rmtree(data / "hw3_data")
    # A folder beside them that nobody may list is no reason to stop.
    listed, secret = os.scandir, folder(data / "secret" / "fetched")

    def refuse(path="."):
        if Path(path) == secret:
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert open_source("auto", "digits").kind == "sample"


def test_auto_takes_the_folder_of_the_project(root):
    data = folder(root / "data", "digits/usps", "face")
    for need in ("digits", "faces"):
        source = open_source("auto", need)
        assert (source.kind, source.root) == ("course", data)
    assert source.digit_names() == ("usps",)


@pytest.mark.parametrize(("there", "lacking", "part"), [("digits", "faces", "face"), ("face", "digits", "digits")])
@pytest.mark.parametrize("named", [True, False])
def test_auto_takes_the_sample_for_the_part_that_lacks(root, monkeypatch, there, lacking, part, named):
    data = folder(root / ("elsewhere" if named else "data"), there)
    if named:
        monkeypatch.setenv("HW_DATA", str(data))
    assert open_source("auto", {"digits": "digits", "face": "faces"}[there]).root == data
    source = open_source("auto", lacking)
    assert source.kind == "sample"
    assert source.note == f"{data} has no folder {part}/ and no fetched {lacking}"
    assert describe(source, []) == [f"data: sample stand-ins ({source.note})"]


def test_hw_data_comes_first_and_hangs_from_the_root(root, monkeypatch, tmp_path):
    folder(root / "data", "digits")
    monkeypatch.setenv("HW_DATA", "mine")
    monkeypatch.chdir(tmp_path)
    mine = folder(root / "mine", "digits")
    assert open_source("auto", "digits").root == mine
    monkeypatch.setenv("HW_DATA", "")
    assert open_source("auto", "digits").root == root / "data"


def test_hw_data_never_falls_back(root, monkeypatch, tmp_path):
    folder(root / "data", "digits")
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path / "gone": "does not exist",
        tmp_path / "file": "is no folder",
        folder(tmp_path / "bare", "usps"): "neither digits/ nor face/",
        "~no-such-user/data": "no home folder",
    }
    for named, says in cases.items():
        monkeypatch.setenv("HW_DATA", str(named))
        message = refused("auto")
        assert message.startswith("HW_DATA: ")
        assert str(named) in message
        assert says in message


def test_explicit_folder(root, tmp_path):
    data = folder(tmp_path / "course", "digits/mnist", "digits/usps")
    source = open_source(str(data), "digits")
    assert source == DataSource("course", data, "")
    assert source.digit_names() == ("mnist", "usps")
    folder(root / "mine", "face")
    assert open_source("mine", "faces").root == root / "mine"


def test_explicit_folder_that_does_not_serve(root, tmp_path):
    folder(root / "data", "digits", "face")
    (tmp_path / "file").write_text("")
    cases = {
        (tmp_path / "gone", "digits"): "does not exist",
        (tmp_path / "file", "digits"): "is no folder",
        (folder(tmp_path / "d", "digits"), "faces"): "has no folder face/",
        (folder(tmp_path / "f", "face"), "digits"): "has no folder digits/",
        ("~no-such-user/data", "digits"): "no home folder",
    }
    for (named, need), says in cases.items():
        message = refused(str(named), need)
        assert message.startswith("data: ")
        assert str(named) in message
        assert says in message
    assert "`data sample` needs no files" in refused(str(tmp_path / "gone"))
    assert str(root / "gone") in refused("gone")


def test_check_digits_names_the_parameter_and_the_sets(root, tmp_path):
    source = open_source("sample", "digits")
    source.check_digits(src="usps", tgt="svhn")
    with pytest.raises(WorkbookError) as caught:
        source.check_digits(tgt="svhn", src="uspz")
    assert str(caught.value) == "src: there is no digit set 'uspz' here; there are mnistm, svhn, usps"
    faces_only = open_source(str(folder(tmp_path / "f", "face")), "faces")
    with pytest.raises(WorkbookError, match="src: there is no digit set 'usps' here; there are none"):
        faces_only.check_digits(src="usps")
    with pytest.raises(WorkbookError, match=r"there is no digit set '\.\./usps'"):
        source.digits("../usps", "train")


def test_describe(root, tmp_path, monkeypatch):
    sample = open_source("sample", "digits")
    assert describe(sample, [sample.digits("usps", "train"), sample.faces("test")]) == [
        "data: sample stand-ins",
        "  usps (stand-in), train: 4 images",
        "  face (stand-in), test: 4 images",
    ]
    data = folder(tmp_path / "course", "digits/usps", "face")
    monkeypatch.setenv("HW_DATA", str(data))
    assert describe(open_source("auto", "faces"), []) == [f"data: course folder {data} (from HW_DATA)"]


def test_course_sets_come_from_the_folder(root, tmp_path, monkeypatch):
    source = open_source(str(folder(tmp_path / "course", "digits/usps", "face")), "digits")
    monkeypatch.setattr(course, "digits", lambda *args: args)
    monkeypatch.setattr(course, "faces", lambda *args: args)
    assert source.digits("usps", "test") == (source.root, "usps", "test")
    assert source.faces("train") == (source.root, "train")
