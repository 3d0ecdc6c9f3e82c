import csv
import sys
import types

import pytest
import releases
import torch
from PIL import Image

import hwlib.data
from hwlib.cli import main
from hwlib.data import ATTRIBUTES, DIGITS, ImageSet, compact, course, export, fetch, fingerprint, open_source
from hwlib.errors import WorkbookError


def made(folder):
    """Fetched sets of each form: grey digits, coloured digits, faces."""

    def random(*shape, below=256):
        return torch.randint(below, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(sum(shape)))

    forms = {
        "usps": ((1, 28, 28), lambda n: torch.arange(n) % 10),
        "svhn": ((3, 28, 28), lambda n: torch.arange(n) % 10),
        "celeba": ((3, 64, 64), lambda n: random(n, 13, below=2)),
    }
    for name, (shape, labels) in forms.items():
        base = folder / "fetched" / name
        base.mkdir(parents=True)
        compact.write(base, {}, ((split, random(n, *shape), labels(n)) for split, n in (("train", 12), ("test", 3))))
    return folder


def same(one, other):
    assert torch.equal(one.images, other.images)
    assert torch.equal(one.labels, other.labels)
    assert (one.name, one.sha256, one.label_names) == (other.name, other.sha256, other.label_names)


def test_what_was_fetched_and_what_was_exported_are_the_same(project, server, tmp_path, capsys):
    """From the server to the compact form, from there to a course folder, and both read by a run."""
    mine = releases.celeba(tmp_path / "mine")
    fetch.fetch(["usps", "mnist", "mnistm", "svhn", "celeba"], project / "data", own=mine)
    assert main(["data", "export", "--to", str(tmp_path / "out")]) == 0
    fetched, exported = (open_source(str(each), "digits") for each in (project / "data", tmp_path / "out"))
    assert (fetched.kind, exported.kind) == ("fetched", "course")
    assert fetched.digit_names() == exported.digit_names() == ("mnist", "mnistm", "svhn", "usps")
    for split in ("train", "test"):
        for name in fetched.digit_names():
            same(fetched.digits(name, split), exported.digits(name, split))
        same(fetched.faces(split), exported.faces(split))
    assert f"mnist: 7 train and 4 test images in {tmp_path / 'out/digits/mnist'}" in capsys.readouterr().out


def test_what_is_exported_hides_no_fetched_set(project, server, capsys):
    fetch.fetch(["usps", "mnist"], project / "data")
    assert main(["data", "export", "--to", str(project / "data"), "usps"]) == 2
    assert "would hide them; give another folder" in capsys.readouterr().err
    assert not (project / "data" / "digits").exists()


def test_the_course_s_layout(tmp_path):
    export.export(made(tmp_path / "data"), tmp_path / "out")
    base = tmp_path / "out/digits/usps"
    assert sorted(path.name for path in base.iterdir()) == ["test", "test.csv", "train", "train.csv"]
    assert sorted(path.name for path in (base / "train").iterdir()) == [f"{i:05d}.png" for i in range(12)]
    rows = list(csv.reader((base / "test.csv").read_text().splitlines()))
    assert rows == [["image_name", "label"], ["00000.png", "0"], ["00001.png", "1"], ["00002.png", "2"]]
    header, row, *_ = csv.reader((tmp_path / "out/face/train.csv").read_text().splitlines())
    assert header == ["image_name", *ATTRIBUTES]
    assert set(row[1:]) == {"0.0", "1.0"}
    modes = [Image.open(tmp_path / f"out/{path}/00000.png").mode for path in ("digits/usps/test", "face/test")]
    assert modes == ["L", "RGB"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["digits", "face"]
    assert sorted(path.name for path in (tmp_path / "out/digits").iterdir()) == ["svhn", "usps"]


def test_some_sets_by_either_name(tmp_path):
    data = made(tmp_path / "data")
    export.export(data, tmp_path / "a", ["svhn", "celeba"])
    export.export(data, tmp_path / "b", ["face", "svhn"])
    for out in ("a", "b"):
        assert sorted(path.name for path in tmp_path.glob(f"{out}/*")) == ["digits", "face"]
        assert [path.name for path in tmp_path.glob(f"{out}/digits/*")] == ["svhn"]


def test_what_is_there_stays_unless_forced(tmp_path, capsys):
    data = made(tmp_path / "data")
    export.export(data, tmp_path / "out", ["usps"])
    stray = tmp_path / "out/digits/usps/train/00012.png"
    stray.write_bytes(b"")
    with pytest.raises(WorkbookError, match=r"is there already.*--force"):
        export.export(data, tmp_path / "out", ["svhn", "usps"])
    assert not (tmp_path / "out/digits/svhn").exists()
    assert main(["data", "export", "usps", "--from", str(data), "--to", str(tmp_path / "out"), "--force"]) == 0
    assert not stray.exists()


def test_a_failure_leaves_nothing_that_looks_whole(tmp_path, monkeypatch):
    data = made(tmp_path / "data")
    (data / "fetched/usps/test.safetensors").unlink()
    with pytest.raises(WorkbookError, match=r"test\.safetensors: is missing"):
        export.export(data, tmp_path / "out", ["usps"])
    assert list((tmp_path / "out").rglob("*")) == []

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(WorkbookError, match="No space left"):
        export.export(data, tmp_path / "out", ["svhn"])
    assert list((tmp_path / "out").rglob("*")) == []


def test_the_sample_stays_a_stand_in(tmp_path, monkeypatch, capsys):
    def load(name, split):
        side, labels = (64, torch.ones(4, 13, dtype=torch.uint8)) if name == "face" else (28, torch.arange(4))
        images = torch.full((4, 3, side, side), 7, dtype=torch.uint8)
        names = ATTRIBUTES if name == "face" else DIGITS
        return ImageSet(name, split, images, labels, names, "sample", True, fingerprint(images, labels))

    sample = types.ModuleType("hwlib.data.sample")
    sample.NAMES, sample.load = ("usps",), load
    monkeypatch.setitem(sys.modules, "hwlib.data.sample", sample)
    monkeypatch.setattr(hwlib.data, "sample", sample, raising=False)
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    assert main(["data", "export", "--from", "sample", "--to", str(tmp_path / "out")]) == 0
    assert "usps (stand-in): 4 train and 4 test images" in capsys.readouterr().out
    for got, name in (
        (course.digits(tmp_path / "out", "usps", "test"), "usps"),
        (course.faces(tmp_path / "out", "test"), "face"),
    ):
        same(got, load(name, "test"))
        assert got.kind == "course"
        assert got.stand_in
        assert got.title == f"{name} (stand-in)"
        assert got.describe()["stand_in"] is True
    assert course.is_stand_in(tmp_path / "out/face")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("uspz --from {data}", "there is no data set 'uspz' in {data} to export; there are svhn, usps, face"),
        ("--from {data}/gone", "{data}/gone: does not exist or is no folder"),
        ("--from {data}/fetched", "{data}/fetched: has no fetched sets"),
    ],
)
def test_bad_input(tmp_path, capsys, arguments, says):
    data = made(tmp_path / "data")
    words = arguments.format(data=data).split()
    assert main(["data", "export", *words, "--to", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("hw: " + says.format(data=data))
    assert not (tmp_path / "out").exists()
