import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from hwlib.data import ATTRIBUTES, DIGITS, DataSource, compact, fingerprint, open_source
from hwlib.data.source import describe
from hwlib.errors import WorkbookError


def digits(count, channels=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(256, (count, channels, 28, 28), dtype=torch.uint8, generator=generator)
    return images, torch.randint(10, (count,), generator=generator)


def written(root, name="usps", train=None, test=None):
    folder = root / "fetched" / name
    folder.mkdir(parents=True)
    splits = {"train": train or digits(5, seed=1), "test": test or digits(3, seed=2)}
    compact.write(folder, {"name": name}, ((split, *tensors) for split, tensors in splits.items()))
    return folder, splits


def test_round_trip(tmp_path):
    folder, splits = written(tmp_path)
    for split, (images, labels) in splits.items():
        got = compact.digits(tmp_path, "usps", split)
        assert (got.name, got.split, got.kind, got.stand_in) == ("usps", split, "fetched", False)
        assert torch.equal(got.images, images)
        assert torch.equal(got.labels, labels)
        assert got.label_names == DIGITS
        assert got.sha256 == fingerprint(images, labels)
    assert compact.verify(folder)["splits"]["train"]["count"] == 5
    assert compact.whole(folder) == compact.manifest(folder)
    assert compact.whole(tmp_path / "gone") is None


def test_faces(tmp_path):
    images = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    labels = torch.ones(2, 13, dtype=torch.uint8)
    folder, _ = written(tmp_path, "celeba", (images, labels), (images, labels))
    got = compact.faces(tmp_path, "test")
    assert (got.name, got.label_names) == ("face", ATTRIBUTES)
    assert torch.equal(got.labels, labels)
    assert compact.has_faces(tmp_path)
    assert compact.digit_names(tmp_path) == ()
    assert compact.whole(folder)


def test_names(tmp_path):
    assert compact.digit_names(tmp_path) == ()
    for name in ("downloads", ".usps.part", "svhn", "mnist"):
        (tmp_path / "fetched" / name).mkdir(parents=True)
    (tmp_path / "fetched/notes.txt").write_text("")
    assert compact.digit_names(tmp_path) == ("mnist", "svhn")
    assert not compact.has_faces(tmp_path)


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def swap(folder):
    (folder / "train.safetensors").rename(folder / "x")
    (folder / "test.safetensors").rename(folder / "train.safetensors")
    (folder / "x").rename(folder / "test.safetensors")


def change(folder, **values):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def consistent(images, labels):
    """Replace the test images by these, with hashes that agree: only their form is wrong."""

    def spoil(folder):
        sha256 = fingerprint(images, labels)
        save_file({"images": images, "labels": labels}, folder / "test.safetensors", metadata={"sha256": sha256})
        found = json.loads((folder / "manifest.json").read_text())
        found["splits"]["test"] |= {"count": len(images), "sha256": sha256}
        change(folder, splits=found["splits"])

    return spoil


def other_hash(folder):
    path = folder / "test.safetensors"
    save_file(load_file(path), path, metadata={"sha256": "0" * 64})


GREY = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
BAD = {
    "no manifest": (lambda f: (f / "manifest.json").unlink(), "manifest.json", "is missing"),
    "manifest is no JSON": (lambda f: (f / "manifest.json").write_text("{"), "manifest.json", "is damaged"),
    "manifest is no UTF-8": (lambda f: (f / "manifest.json").write_bytes(b"\xff"), "manifest.json", "is damaged"),
    "manifest is a list": (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json", "is damaged"),
    "manifest of the future": (lambda f: change(f, schema=2), "manifest.json", "schema 2"),
    "manifest without a split": (lambda f: change(f, splits={"train": {}}), "manifest.json", "is damaged"),
    "no file": (lambda f: (f / "test.safetensors").unlink(), "test.safetensors", "is missing"),
    "empty": (lambda f: (f / "test.safetensors").write_bytes(b""), "test.safetensors", "cut short"),
    "truncated": (
        lambda f: (f / "test.safetensors").write_bytes((f / "test.safetensors").read_bytes()[:-100]),
        "test.safetensors",
        "cut short",
    ),
    "a bit": (lambda f: flip(f / "test.safetensors"), "test.safetensors", "sha256"),
    "splits swapped": (swap, "test.safetensors", "sha256"),
    "another sha256 in it": (other_hash, "test.safetensors", "sha256"),
    "size": (
        consistent(torch.zeros(2, 1, 32, 32, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)),
        "test.safetensors",
        "(2, 1, 32, 32)",
    ),
    "no images": (consistent(GREY[:0], torch.zeros(0, dtype=torch.int64)), "test.safetensors", "images are"),
    "labels of another type": (consistent(GREY, torch.zeros(2)), "test.safetensors", "labels are torch.float32"),
    "too few labels": (consistent(GREY, torch.zeros(1, dtype=torch.int64)), "test.safetensors", "labels are"),
    "label 10": (consistent(GREY, torch.tensor([0, 10])), "test.safetensors", "from 0 to 10"),
    "label -1": (consistent(GREY, torch.tensor([-1, 9])), "test.safetensors", "from -1 to 9"),
}


@pytest.mark.parametrize(("spoil", "file", "says"), BAD.values(), ids=BAD.keys())
def test_bad_sets(tmp_path, spoil, file, says):
    folder, _ = written(tmp_path)
    spoil(folder)
    with pytest.raises(WorkbookError) as caught:
        compact.digits(tmp_path, "usps", "test")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert f"{folder / file}: " in message
    assert says in message
    assert f"`hw data fetch usps --to {tmp_path}`" in message
    assert caught.value.__cause__ is None
    assert compact.whole(folder) is None


def test_a_folder_with_both_gives_each_part_from_the_course_where_it_has_it(project):
    data = project / "data"
    written(data, "mnist")
    source = open_source("auto", "digits")
    assert source == DataSource("fetched", data, "from data/ of the project")
    assert describe(source, []) == [f"data: fetched sets in {data} (from data/ of the project)"]
    assert open_source(str(data), "digits").kind == "fetched"
    assert open_source("auto", "faces").kind == "sample"
    (data / "face").mkdir()
    assert open_source("auto", "faces").kind == "course"
    assert open_source("auto", "digits").kind == "fetched"
    (data / "digits/usps").mkdir(parents=True)
    source = open_source("auto", "digits")
    assert (source.kind, source.digit_names()) == ("course", ("usps",))


def test_a_set_that_was_not_fetched(project, monkeypatch):
    written(project / "mine", "mnist")
    monkeypatch.setenv("HW_DATA", str(project / "mine"))
    source = open_source("auto", "digits")
    with pytest.raises(WorkbookError) as caught:
        source.check_digits(tgt="svhn")
    text = "tgt: there is no digit set 'svhn' here; there are mnist; `hw data fetch svhn --to "
    assert str(caught.value) == f"{text}{project / 'mine'}` makes it"
    with pytest.raises(WorkbookError, match=r"digit set 'uspz' here; there are mnist$"):
        source.digits("uspz", "train")
    with pytest.raises(WorkbookError, match=r"data: .* has no folder face/ and no fetched faces"):
        open_source("mine", "faces")
