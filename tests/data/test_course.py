import os
import shutil
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from hwlib import pixels as decoding
from hwlib.data import ATTRIBUTES, DIGITS, course, fingerprint
from hwlib.errors import WorkbookError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))


def pixels(seed, *shape):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def write_digits(root, name="usps", labels=(3, 0, 9), shape=(28, 28), split="train"):
    """Write a digit set, image i being `pixels(i, *shape)`, and return its folder."""
    base = root / "digits" / name
    (base / split).mkdir(parents=True)
    for i in range(len(labels)):
        Image.fromarray(pixels(i, *shape)).save(base / split / f"{i:05}.png")
    rows = [f"{i:05}.png,{label}" for i, label in enumerate(labels)]
    (base / f"{split}.csv").write_text("\n".join(["image_name,label", *rows, ""]))
    return base


def write_faces(root, attributes, columns=ATTRIBUTES, split="train"):
    """Write faces with the rows of `attributes`, whose columns are `columns`, and return their folder."""
    base = root / "face"
    (base / split).mkdir(parents=True)
    for i in range(len(attributes)):
        Image.fromarray(pixels(i, 64, 64, 3)).save(base / split / f"{i:05}.png")
    rows = [",".join([f"{i:05}.png", *(f"{v:.1f}" for v in row)]) for i, row in enumerate(attributes)]
    (base / f"{split}.csv").write_text("\n".join([",".join(["image_name", *columns]), *rows, ""]))
    return base


def test_grey_digits(tmp_path):
    write_digits(tmp_path)
    got = course.digits(tmp_path, "usps", "train")
    assert (got.name, got.split, got.kind, got.stand_in, got.title) == ("usps", "train", "course", False, "usps")
    assert got.images.dtype == torch.uint8
    assert got.images.shape == (3, 1, 28, 28)
    assert all(np.array_equal(got.images[i, 0], pixels(i, 28, 28)) for i in range(3))
    assert got.labels.dtype == torch.int64
    assert got.labels.tolist() == [3, 0, 9]
    assert got.label_names == DIGITS
    assert got.sha256 == fingerprint(got.images, got.labels)


def test_colour_digits_and_both_splits(tmp_path):
    write_digits(tmp_path, "mnistm", shape=(28, 28, 3))
    write_digits(tmp_path, "mnistm", labels=(1,), shape=(28, 28, 3), split="test")
    train, test = (course.digits(tmp_path, "mnistm", split) for split in ("train", "test"))
    assert train.images.shape == (3, 3, 28, 28)
    assert test.images.shape == (1, 3, 28, 28)
    assert np.array_equal(train.images[2].permute(1, 2, 0), pixels(2, 28, 28, 3))


def test_one_colour_image_makes_the_split_colour(tmp_path):
    base = write_digits(tmp_path)
    Image.fromarray(pixels(7, 28, 28, 3)).save(base / "train/00001.png")
    images = course.digits(tmp_path, "usps", "train").images
    assert images.shape == (3, 3, 28, 28)
    assert np.array_equal(images[0], np.stack([pixels(0, 28, 28)] * 3))
    assert np.array_equal(images[1].permute(1, 2, 0), pixels(7, 28, 28, 3))


@pytest.mark.parametrize("mode", ["1", "P", "LA", "RGBA", "CMYK"])
def test_other_modes_become_rgb(tmp_path, mode):
    base = write_digits(tmp_path, labels=(4,))
    image = Image.fromarray(pixels(0, 28, 28, 3)).convert(mode)
    # Only JPEG holds CMYK; the content decides, not the suffix.
    image.save(base / "train/00000.png", format="JPEG" if mode == "CMYK" else "PNG")
    got = course.digits(tmp_path, "usps", "train").images
    assert got.shape == (1, 3, 28, 28)
    if mode != "CMYK":
        assert np.array_equal(got[0].permute(1, 2, 0), np.asarray(image.convert("RGB")))


def test_any_digit_set_is_named(tmp_path):
    write_digits(tmp_path, "usps")
    write_digits(tmp_path, "mnist")
    (tmp_path / "digits/.ipynb_checkpoints").mkdir()
    (tmp_path / "digits/notes.txt").write_text("")
    assert course.digit_names(tmp_path) == ("mnist", "usps")
    assert len(course.digits(tmp_path, "mnist", "train")) == 3
    assert course.digit_names(tmp_path / "digits") == ()


def test_rows_keep_the_order_of_the_csv_and_other_files_do_not_count(tmp_path):
    base = write_digits(tmp_path, labels=(0, 1, 2, 3))
    (base / "train.csv").write_text("image_name,label\n00002.png,5\n00000.png,6\n00003.png,7\n")
    got = course.digits(tmp_path, "usps", "train")
    assert got.labels.tolist() == [5, 6, 7]
    assert all(np.array_equal(got.images[i, 0], pixels(j, 28, 28)) for i, j in enumerate((2, 0, 3)))


def test_csv_of_a_spreadsheet(tmp_path):
    base = write_digits(tmp_path)
    Image.fromarray(pixels(5, 28, 28)).save(base / "train/x.jpg")
    text = 'id,label, image_name\r\n0,7.0,x.jpg\r\n\r\n1, 2 ,00001.png\r\n2,3.,"00002.png"\r\n,,\r\n\r\n'
    (base / "train.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    got = course.digits(tmp_path, "usps", "train")
    assert got.labels.tolist() == [7, 2, 3]
    assert np.array_equal(got.images[1, 0], pixels(1, 28, 28))


def test_faces_with_columns_in_another_order(tmp_path):
    wanted = pixels(1, 4, 13) % 2
    order = np.random.default_rng(2).permutation(13)
    columns = (*(ATTRIBUTES[i] for i in order), "Young")
    write_faces(tmp_path, [[*row[order], 7] for row in wanted], columns)
    got = course.faces(tmp_path, "train")
    assert (got.name, got.kind, got.label_names) == ("face", "course", ATTRIBUTES)
    assert got.images.shape == (4, 3, 64, 64)
    assert np.array_equal(got.images[3].permute(1, 2, 0), pixels(3, 64, 64, 3))
    assert got.labels.dtype == torch.uint8
    assert np.array_equal(got.labels, wanted)


def test_the_second_load_decodes_nothing_and_a_change_decodes_again(tmp_path, monkeypatch):
    base = write_digits(tmp_path)
    decoded = []
    decode = decoding.decode
    monkeypatch.setattr(decoding, "decode", lambda path, *rest: decoded.append(path) or decode(path, *rest))

    def load():
        decoded.clear()
        got = course.digits(tmp_path, "usps", "train")
        assert len(decoded) in (0, len(got))
        return got, bool(decoded)

    first, made = load()
    assert made
    again, made = load()
    assert not made
    assert again.sha256 == first.sha256
    assert torch.equal(again.images, first.images)
    assert torch.equal(again.labels, first.labels)

    image = base / "train/00001.png"
    Image.fromarray(pixels(8, 28, 28)).save(image)
    changed, made = load()
    assert made
    assert changed.sha256 != first.sha256
    assert np.array_equal(changed.images[1, 0], pixels(8, 28, 28))

    stat = image.stat()
    os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))  # same name and size: the time alone counts
    assert load()[1]

    if os.name == "posix":  # another image of the same size, and its date put back: the system's own time shows it
        Image.fromarray(pixels(8, 28, 28)).save(image, compress_level=0)
        assert load()[1]
        stat = image.stat()
        Image.fromarray(pixels(9, 28, 28)).save(image, compress_level=0)
        os.utime(image, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert (image.stat().st_size, image.stat().st_mtime_ns) == (stat.st_size, stat.st_mtime_ns)
        assert np.array_equal(load()[0].images[1, 0], pixels(9, 28, 28))

    (base / "train.csv").write_text("image_name,label\n00000.png,1\n")
    relabelled, made = load()
    assert made
    assert relabelled.labels.tolist() == [1]

    image.unlink()
    (base / "train/00000.png").unlink()
    with pytest.raises(WorkbookError, match="row 2"):
        load()


def test_a_folder_moved_elsewhere_is_another_set(tmp_path):
    write_digits(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    one, two = (course.digits(tmp_path / side, "usps", "train") for side in "ab")
    assert one.sha256 == two.sha256
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 2


def label(text):
    return lambda base: (base / "train.csv").write_text(f"image_name,label\n00000.png,3\n00001.png,{text}\n")


def table(content):
    return lambda base: (base / "train.csv").write_bytes(content)


def replace(content):
    return lambda base: (base / "train/00001.png").write_bytes(content)


def picture(*shape, dtype=np.uint8):
    return lambda base: Image.fromarray(np.zeros(shape, dtype)).save(base / "train/00001.png")


def truncate(base):
    image = base / "train/00001.png"
    image.write_bytes(image.read_bytes()[:200])


def corrupt(base):
    image = base / "train/00001.png"
    image.write_bytes(image.read_bytes()[:100] + b"\0\0\0\0" + image.read_bytes()[104:])


def huge(base):
    # A header of a PNG is enough to claim any size: 30000 x 30000, past Pillow's limit.
    image = base / "train/00001.png"
    content = image.read_bytes()
    chunk = b"IHDR" + (30000).to_bytes(4, "big") * 2 + content[24:29]
    image.write_bytes(content[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + content[33:])


def folder_for_image(base):
    (base / "train/00001.png").unlink()
    (base / "train/00001.png").mkdir()


def link_to_nothing(base):
    (base / "train/00001.png").unlink()
    (base / "train/00001.png").symlink_to(base / "gone.png")


def folder_for_table(base):
    (base / "train.csv").unlink()
    (base / "train.csv").mkdir()


HEADER = b"image_name,label\n"
BAD_DIGITS = {
    "no csv": (lambda base: (base / "train.csv").unlink(), "train.csv", None, "missing"),
    "csv is a folder": (folder_for_table, "train.csv", None, "directory"),
    "no folder": (lambda base: shutil.rmtree(base / "train"), "usps/train", None, "missing"),
    "folder is a file": (
        lambda base: (shutil.rmtree(base / "train"), (base / "train").write_text("")),
        "usps/train",
        None,
        "listed",
    ),
    "empty csv": (table(b""), "train.csv", 1, "image_name is missing"),
    "header only": (table(HEADER), "train.csv", None, "no rows"),
    "header and blank lines": (table(HEADER + b"\n,\n"), "train.csv", None, "no rows"),
    "no label column": (table(b"image_name,digit\n00000.png,3\n"), "train.csv", 1, "'digit'"),
    "semicolons": (table(b"image_name;label\n00000.png;3\n"), "train.csv", 1, "'image_name;label'"),
    "no image_name": (table(b"name,label\n00000.png,3\n"), "train.csv", 1, "image_name is missing"),
    "a column twice": (table(b"image_name,label,label\n00000.png,3,4\n"), "train.csv", 1, "twice"),
    "UTF-16": (table("image_name,label\n00000.png,3\n".encode("utf-16")), "train.csv", None, "UTF-8"),
    "Latin-1": (table(HEADER + b"00000.png,3\n\xe9.png,3\n"), "train.csv", None, "UTF-8"),
    "endless cell": (table(HEADER + b'00000.png,"' + b"x" * 200_000), "train.csv", 2, "csv"),
    "short row": (table(HEADER + b"00000.png,3\n00001.png\n"), "train.csv", 3, "header 2"),
    "long row": (table(HEADER + b"00000.png,3\n00001.png,3,4\n"), "train.csv", 3, "header 2"),
    "label 10": (label("10"), "train.csv", 3, "'10'; a label is a digit from 0 to 9"),
    "label -1": (label("-1"), "train.csv", 3, "'-1'"),
    "label seven": (label("seven"), "train.csv", 3, "'seven'"),
    "label empty": (label(""), "train.csv", 3, "label is ''"),
    "label nan": (label("nan"), "train.csv", 3, "'nan'"),
    "label 7.5": (label("7.5"), "train.csv", 3, "'7.5'"),
    "label in other digits": (label("\u0667"), "train.csv", 3, "a label is"),
    "label of two lines": (label('"7\n8"'), "train.csv", 4, r"'7\n8'"),
    "after blank lines": (table(HEADER + b"\n\n00000.png,x\n"), "train.csv", 4, "'x'"),
    "path": (table(HEADER + b"train/00000.png,3\n"), "train.csv", 2, "without folders"),
    "path upwards": (table(HEADER + b"..,3\n"), "train.csv", 2, "without folders"),
    "path of Windows": (table(HEADER + b"train\\00000.png,3\n"), "train.csv", 2, "without folders"),
    "no name": (table(HEADER + b",3\n"), "train.csv", 2, "image_name is ''"),
    "name twice": (table(HEADER + b"00000.png,3\n00001.png,3\n00000.png,3\n"), "train.csv", 4, "row 2"),
    "no image": (table(HEADER + b"00000.png,3\n00009.png,3\n"), "train.csv", 3, "'00009.png' is no file"),
    "name that no file can have": (table(HEADER + b"x" * 5000 + b",3\n"), "train.csv", 2, "no file"),
    "image is a folder": (folder_for_image, "00001.png", 3, "folder"),
    "image links to nothing": (link_to_nothing, "00001.png", 3, "no file"),
    "text": (replace(b"hello"), "00001.png", 3, "no image"),
    "empty image": (replace(b""), "00001.png", 3, "no image"),
    "GIF": (replace(b"GIF89a"), "00001.png", 3, "PNG, JPEG"),
    "truncated": (truncate, "00001.png", 3, "damaged"),
    "corrupt": (corrupt, "00001.png", 3, "damaged"),
    "huge": (huge, "00001.png", 3, "damaged"),
    "size": (picture(32, 28), "00001.png", 3, "28x32 pixels; 28x28"),
    "size of colour": (picture(64, 64, 3), "00001.png", 3, "64x64 pixels; 28x28"),
    "16 bits": (picture(28, 28, dtype=np.uint16), "00001.png", 3, "8-bit"),
}


@pytest.mark.parametrize(("spoil", "file", "row", "says"), BAD_DIGITS.values(), ids=BAD_DIGITS.keys())
def test_bad_digits(tmp_path, recwarn, spoil, file, row, says):
    spoil(write_digits(tmp_path))
    check(lambda: course.digits(tmp_path, "usps", "train"), file, row, says)
    assert not recwarn.list
    assert not list(tmp_path.glob("cache/*.safetensors"))


def check(load, file, row, says):
    with pytest.raises(WorkbookError) as caught:
        load()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    assert file in message
    assert says.lower() in message.lower()
    assert row is None or f"row {row}:" in message
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", ["2", "-1", "", "yes", "0.5", "nan"])
def test_attributes_are_0_or_1(tmp_path, value):
    base = write_faces(tmp_path, pixels(0, 3, 13) % 2)
    lines = (base / "train.csv").read_text().splitlines()
    cells = lines[2].split(",")
    cells[1 + ATTRIBUTES.index("Male")] = value
    (base / "train.csv").write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]))
    check(lambda: course.faces(tmp_path, "train"), "train.csv", 3, f"Male is {value!r}; an attribute is 0 or 1")


def test_faces_need_all_attributes_and_their_size(tmp_path):
    base = write_faces(tmp_path, pixels(0, 2, 13) % 2)
    Image.fromarray(pixels(0, 28, 28, 3)).save(base / "train/00001.png")
    check(lambda: course.faces(tmp_path, "train"), "00001.png", 3, "28x28 pixels; 64x64")
    table = base / "train.csv"
    table.write_text(table.read_text().replace("Male", "male"))
    check(lambda: course.faces(tmp_path, "train"), "train.csv", 1, "column Male is missing")
    check(lambda: course.faces(tmp_path, "test"), "test.csv", None, "Wearing_Lipstick")


def test_files_that_may_not_be_read(tmp_path, monkeypatch):
    base = write_digits(tmp_path)

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(decoding.Image, "open", refuse)
        check(lambda: course.digits(tmp_path, "usps", "train"), str(base), 2, "Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(course.Path, "read_bytes", refuse)
        check(lambda: course.digits(tmp_path, "usps", "train"), "train.csv", None, "Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(course.os, "scandir", refuse)
        check(lambda: course.digits(tmp_path, "usps", "train"), "usps/train", None, "Permission denied")
        check(lambda: course.digit_names(tmp_path), "digits", None, "Permission denied")
