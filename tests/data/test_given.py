"""Digits from what the user has: the content counts, not the wrapper, and pictures are taken as they lie."""

import bz2
import gzip
import lzma

import numpy as np
import pytest
import releases
import torch
from releases import encoded

from hwlib.cli import main
from hwlib.data import compact


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def fetch(capsys, to, *arguments):
    status = main(["data", "fetch", *map(str, arguments), "--to", str(to)])
    return status, "".join(capsys.readouterr())


WRAPPED = {
    "unpacked": lambda name, data: (name.removesuffix(".gz").replace("-idx", ".idx"), gzip.decompress(data)),
    "gz": lambda name, data: (f"below/{name}", gzip.compress(gzip.decompress(data), 1)),
    "bz2": lambda name, data: (name.replace(".gz", ".bz2"), bz2.compress(gzip.decompress(data))),
    "xz": lambda name, data: (name.replace(".gz", " (1).xz"), lzma.compress(gzip.decompress(data))),
    "as it is": lambda name, data: (name, data),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_mnist_in_any_wrapper(project, server, tmp_path, capsys, wrap, packed):
    files = dict(wrap(name, data) for name, data in server.content.items() if "ubyte" in name)
    mine = tmp_path / "mine"
    if packed:
        mine.mkdir()
        releases.packed_zip(mine / "archive.zip", files)
    else:
        write(mine, files)
    assert fetch(capsys, project / "data", "mnist", "--from", mine)[0] == 0
    assert server.asked == []
    for seed, split in ((1, "train"), (2, "test")):
        images, labels, *_ = releases.mnist(seed, releases.COUNTS["mnist"][seed - 1])
        found = compact.digits(project / "data", "mnist", split)
        assert np.array_equal(found.images[:, 0], images)
        assert np.array_equal(found.labels, labels)


def test_usps_and_svhn_unpacked(project, server, tmp_path, capsys):
    files = {name.removesuffix(".bz2"): bz2.decompress(server.content[name]) for name in ("usps.bz2", "usps.t.bz2")}
    files |= {f"{split}_32x32.mat.gz": gzip.compress(server.content[f"{split}_32x32.mat"]) for split in compact.SPLITS}
    mine = write(tmp_path / "mine", files)
    assert fetch(capsys, project / "data", "usps", "svhn", "--from", mine)[0] == 0
    assert server.asked == []


def test_other_content_under_the_names_is_not_taken(project, server, tmp_path, capsys):
    mine = write(tmp_path / "mine", {"train-images-idx3-ubyte": b"fashion", "note.txt": b""})
    status, said = fetch(capsys, project / "data", "mnist", "--from", mine)
    assert status == 2
    assert f"--from: {mine} holds nothing of mnist" in said
    assert "there is 'note.txt', 'train-images-idx3-ubyte'" in said


def pictures(side, count=12):
    return {i: releases.random(i).integers(0, 256, (side, side, 3), np.uint8) for i in range(count)}


def release(side):
    files = {}
    for split in ("train", "test"):
        files |= {f"mnist_m/mnist_m_{split}/{i:08}.png": encoded(each) for i, each in pictures(side).items()}
        files[f"mnist_m/mnist_m_{split}_labels.txt"] = "".join(f"{i:08}.png {i % 10}\n" for i in range(12)).encode()
    return files


@pytest.mark.parametrize("kind", ["folder", "tar", "windows", "28x28"])
def test_the_release_of_mnistm(project, server, tmp_path, capsys, kind):
    files, mine = release(28 if kind == "28x28" else 32), tmp_path / "mine"
    if kind == "tar":
        write(tmp_path, {"mine": releases.packed_tar(files)})
    elif kind == "windows":
        mine.mkdir()
        releases.packed_zip(mine / "a.zip", {name.replace("/", "\\"): data for name, data in files.items()})
    else:
        write(mine, files)
    assert fetch(capsys, project / "data", "mnistm", "--from", mine)[0] == 0
    assert server.asked == []
    found, edge = compact.digits(project / "data", "mnistm", "test"), 0 if kind == "28x28" else 2
    assert found.labels.tolist() == [i % 10 for i in range(12)]
    for image, each in zip(found.images, pictures(28 + 2 * edge).values(), strict=True):
        assert torch.equal(image, torch.from_numpy(each[edge : edge + 28, edge : edge + 28]).permute(2, 0, 1))


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "JPEG"])
def test_a_folder_for_each_class(project, server, tmp_path, capsys, form):
    grey = {i: each[:, :, 0] for i, each in pictures(28).items()}
    suffix = "jpg" if form == "JPEG" else form.lower()
    files = {
        f"{split}/{i % 10}/{i}.{suffix}": encoded(each, form, **({"lossless": True} if form == "WEBP" else {}))
        for split in ("training", "testing")
        for i, each in grey.items()
    }
    mine = write(tmp_path / "mine", files | {"training/0/Thumbs.db": b"", "__MACOSX/training/0/x.png": b""})
    assert fetch(capsys, project / "data", "mnist", "--from", mine)[0] == 0
    found = compact.digits(project / "data", "mnist", "train")
    order = sorted(grey, key=lambda i: f"{i % 10}/{i}.{suffix}")
    assert found.labels.tolist() == [i % 10 for i in order]
    if form != "JPEG":
        assert np.array_equal(found.images[:, 0], np.stack([grey[i] for i in order]))


SPOILT = {
    "label": ("mnist_m/mnist_m_train_labels.txt", b"00000000.png 10\n", "row 1: is no name of a picture and a digit"),
    "lost": ("mnist_m/mnist_m_test_labels.txt", b"9.png 1\n", "test: 9.png has no picture"),
    "size": ("mnist_m/mnist_m_train/00000003.png", encoded(np.zeros((30, 30), np.uint8)), "is 30x30 pixels"),
    "damaged": ("mnist_m/mnist_m_train/00000003.png", b"none", "is damaged or no image"),
}


@pytest.mark.parametrize(("name", "content", "says"), SPOILT.values(), ids=SPOILT)
def test_what_is_wrong_is_named(project, server, tmp_path, capsys, name, content, says):
    mine = write(tmp_path / "mine", release(32) | {name: content})
    status, said = fetch(capsys, project / "data", "mnistm", "--from", mine)
    assert status == 2
    assert says in said
    assert said.count("\n") == 1


def test_a_picture_in_no_class_is_named(project, server, tmp_path, capsys):
    mine = {f"{i % 10}/{i}.png": encoded(each) for i, each in pictures(28).items()}
    files = {f"{split}/{name}": data for split in ("train", "test") for name, data in mine.items()}
    files["train/three/x.png"] = files.pop("train/3/3.png")
    status, said = fetch(capsys, project / "data", "mnistm", "--from", write(tmp_path / "mine", files))
    assert status == 2
    assert "picture train/three/x.png is in none of the folders 0 to 9" in said


@pytest.mark.parametrize("packed", [False, True])
def test_photographs_beside_the_files_are_no_digits(project, server, tmp_path, capsys, packed):
    mine = write(tmp_path / "mine", {name: data for name, data in server.content.items() if "ubyte" in name})
    photos = {
        f"BSR/images/{split}/{i}.jpg": encoded(each) for split in ("train", "test") for i, each in pictures(60).items()
    }
    write(mine, {"photographs.tgz": releases.packed_tar(photos)} if packed else photos)
    assert fetch(capsys, project / "data", "mnistm", "--from", mine)[0] == 0
    assert server.asked == [("BSR_bsds500.tgz", 0)]


@pytest.mark.parametrize("spoil", [lambda data: gzip.compress(gzip.decompress(data) + b"\0"), lambda data: data[:-9]])
def test_a_file_of_another_content_is_named_and_fetched(project, server, tmp_path, capsys, spoil):
    files = {name: data for name, data in server.content.items() if "ubyte" in name}
    files["t10k-labels-idx1-ubyte (1).gz"] = spoil(files.pop("t10k-labels-idx1-ubyte.gz"))
    status, said = fetch(capsys, project / "data", "mnist", "--from", write(tmp_path / "mine", files))
    assert status == 0
    assert "t10k-labels-idx1-ubyte (1).gz is not the release's t10k-labels-idx1-ubyte.gz" in said
    assert said.count("is not the release's") == 1
    assert server.asked == [("t10k-labels-idx1-ubyte.gz", 0)]
