"""The catalogue of bad input: each kind with its outcome for the loader, for `hw data check`, and for `hw predict`.

A case spoils the training split of a good set of twelve digits. What the loader then refuses, `check` calls an error
with the same words, and the other way round; what is accepted may have warnings.
"""

import builtins
import io
import os
import shutil
import signal
import struct
import threading
import zlib
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from hwlib.data import ATTRIBUTES, course
from hwlib.data.check import verify
from hwlib.data.findings import ERROR, WARNING, plain
from hwlib.errors import WorkbookError

HEADER = "image_name,label\n"
ROWS = [f"{i:05}.png,{i % 10}" for i in range(12)]


def noise(*shape, seed=99, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with nothing to find: twelve digits and four faces in each split."""
    root = tmp_path_factory.mktemp("good")
    for number, split in enumerate(("train", "test")):
        (root / "digits/usps" / split).mkdir(parents=True)
        (root / "face" / split).mkdir(parents=True)
        for i in range(12):
            Image.fromarray(noise(28, 28, seed=(number, i))).save(root / f"digits/usps/{split}/{i:05}.png")
        (root / f"digits/usps/{split}.csv").write_text(HEADER + "\n".join(ROWS) + "\n")
        lines = [",".join(("image_name", *ATTRIBUTES))]
        for i in range(4):
            Image.fromarray(noise(64, 64, 3, seed=(number, i))).save(root / f"face/{split}/{i:05}.png")
            lines.append(",".join([f"{i:05}.png", *(f"{(i + j) % 2:.1f}" for j in range(13))]))
        (root / f"face/{split}.csv").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture
def folder(good, tmp_path, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    return shutil.copytree(good, tmp_path / "data")


@pytest.fixture(autouse=True)
def _awake():
    """A pipe or a link in a circle fails its test within a minute instead of hanging it."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def late(*_):
        raise TimeoutError("the loader waits for something")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# What spoils a set; each takes `digits/usps` (or `face`) and works on its training split.


def csv(content):
    content = content.encode() if isinstance(content, str) else content
    return lambda base: (base / "train.csv").write_bytes(content)


def row(number, text):
    """Put `text` in the place of row `number` of the csv."""

    def spoil(base):
        lines = (base / "train.csv").read_text().splitlines()
        lines[number - 1] = text
        (base / "train.csv").write_text("\n".join(lines) + "\n")

    return spoil


def csv_bytes(change):
    return lambda base: (base / "train.csv").write_bytes(change((base / "train.csv").read_bytes()))


def cells(change):
    """Change the cells of every row, header and all: `change(cells) -> cells`."""

    def spoil(base):
        lines = (base / "train.csv").read_text().splitlines()
        (base / "train.csv").write_text("\n".join(",".join(change(line.split(","))) for line in lines) + "\n")

    return spoil


def image(content):
    """Put `content` in the place of the second image, in row 3."""
    return lambda base: (base / "train/00001.png").write_bytes(content)


def picture(pixels, mode=None, format="PNG", **options):
    def spoil(base):
        made = Image.fromarray(pixels)
        made = made.convert(mode) if mode else made
        made.save(base / "train/00001.png", format, **options)

    return spoil


def frames(format):
    pictures = [Image.fromarray(noise(28, 28, seed=(7, i))) for i in range(3)]
    return lambda base: pictures[0].save(
        base / "train/00001.png", format, save_all=True, append_images=pictures[1:], duration=90
    )


def change_image(change):
    return lambda base: image(change((base / "train/00001.png").read_bytes()))(base)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def behind_header(added):
    return change_image(lambda content: content[:33] + added + content[33:])


def claims(width, height):
    """A header that claims any size: no more is needed for a decompression bomb."""
    size = struct.pack(">II", width, height)
    return change_image(lambda content: content[:8] + chunk(b"IHDR", size + content[24:29]) + content[33:])


def instead(make, at="train/00001.png"):
    """Remove a file or folder and let `make(path)` put something else there."""

    def spoil(base):
        path = base / at
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return spoil


def rename(name, named=None, at=3):
    """Call the second image `name`, in the csv `named`, quoted."""

    def spoil(base):
        os.rename(base / "train/00001.png", base / "train" / name)
        row(at, f'"{named or name}",1')(base)

    return spoil


def also(path, content=b"x"):
    def spoil(base):
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_bytes(content)

    return spoil


def copy(start, end):
    return lambda base: shutil.copy(base / start, base / end)


def both(*spoils):
    return lambda base: [spoil(base) for spoil in spoils]


def nothing(path):
    pass


class Case(NamedTuple):
    """One kind of input.

    says: words of the refusal, None where the set is accepted. file, row: where, as the message has it.
    warns: words of a warning of `check`; it gives none but those that are expected.
    predict: what `hw predict` says of the folder of images: "" accepts, None is not asked.
    denied: a file or folder that may not be read.
    """

    spoil: object = nothing
    says: str | None = None
    file: str = "train.csv"
    row: int | None = None
    warns: tuple[str, ...] = ()
    predict: str | None = ""
    denied: str | None = None


def label(text, says, **more):
    return Case(row(4, f"00002.png,{text}"), says, row=4, **more)


def bad_image(spoil, says, predict=None, warns=()):
    return Case(spoil, says, "00001.png", 3, warns, says if predict is None else predict)


UNREAD = "has no row in train.csv, and is not read"
DIGITS = {
    "nothing wrong": Case(),
    # the csv as a file
    "csv missing": Case(lambda b: (b / "train.csv").unlink(), "is missing; it must have the columns image_name, label"),
    "csv of zero bytes": Case(csv(""), "columns found are none", row=1),
    "csv with a header only": Case(csv(HEADER), "no rows below its header", warns=(UNREAD,)),
    "csv is a folder": Case(instead(os.mkdir, "train.csv"), "cannot be read: Is a directory"),
    "csv is a pipe": Case(instead(os.mkfifo, "train.csv"), "is no regular file (a pipe"),
    "csv links in a circle": Case(instead(lambda p: p.symlink_to(p), "train.csv"), "Too many levels"),
    "csv links nowhere": Case(instead(lambda p: p.symlink_to("gone"), "train.csv"), "is missing"),
    "csv may not be read": Case(denied="train.csv", says="cannot be read: Permission denied"),
    "csv in UTF-16": Case(csv_bytes(lambda c: c.decode().encode("utf-16")), "looks like UTF-16"),
    "csv in UTF-16 without a mark": Case(
        csv_bytes(lambda c: c.decode().encode("utf-16-le")), "UTF-16: save it as csv in UTF-8", row=1
    ),
    "csv in Latin-1": Case(csv(HEADER.encode() + b"00000.png,0\n\xe9.png,1\n"), "0xe9 in line 3"),
    "csv is a spreadsheet": Case(csv(b"PK\x03\x04\x14\0\x08\xff"), "looks like a spreadsheet"),
    "csv is an image": Case(copy("train/00000.png", "train.csv"), "is no UTF-8 text"),
    # the csv's dialect
    "byte order mark": Case(csv_bytes(lambda c: b"\xef\xbb\xbf" + c)),
    "CRLF": Case(csv_bytes(lambda c: c.replace(b"\n", b"\r\n"))),
    "CR of old Macs": Case(csv_bytes(lambda c: c.replace(b"\n", b"\r"))),
    "no end of line at the end": Case(csv_bytes(bytes.strip)),
    "empty lines": Case(csv_bytes(lambda c: c.replace(b"\n", b"\n\n,\n"))),
    "quoted cells": Case(cells(lambda row: [f'"{cell}"' for cell in row])),
    "spaces around cells": Case(cells(lambda row: [f" {cell}  " for cell in row])),
    "spaces before quotation marks": Case(cells(lambda row: [f'  "{cell}"' for cell in row])),
    "empty columns at the end": Case(cells(lambda row: [*row, "", ""])),
    "empty columns below the header": Case(csv_bytes(lambda c: c.replace(b"png,", b"png ,").replace(b"\n0", b",,\n0"))),
    "columns of an index": Case(cells(lambda row: ["7", *row, "more"])),
    "semicolons": Case(
        csv_bytes(lambda c: c.replace(b",", b";")), "separated by semicolons: save it with commas", row=1
    ),
    "tabs": Case(csv_bytes(lambda c: c.replace(b",", b"\t")), "separated by tabs: save it with commas", row=1),
    "quotation mark left open": Case(row(5, '"00003.png,3'), "a quotation mark may be open"),
    "endless cell": Case(row(5, '"' + "x" * 200_000), "is no readable csv: field larger"),
    "null characters": Case(row(5, "000\0.png,3"), r"image '000\x00.png' is no file there", row=5, warns=(UNREAD,)),
    # its columns and rows
    "no header": Case(
        csv("\n".join(ROWS)), "column image_name is missing; the columns found are '00000.png', '0'", row=1
    ),
    "column missing": Case(row(1, "image_name,digit"), "column label is missing", row=1),
    "column repeated": Case(cells(lambda row: [*row, row[1]]), "column label is there twice", row=1),
    "column in capitals": Case(row(1, "image_name,Label"), "found are 'image_name', 'Label'", row=1),
    "cell missing": Case(row(5, "00003.png"), "the cells count 1, the columns of the header 2", row=5),
    "cell too many": Case(row(5, "00003.png,3,4"), "the cells count 3, the columns of the header 2", row=5),
    "row repeated": Case(row(5, ROWS[1]), "'00001.png' was there in row 3 already", row=5, warns=(UNREAD,)),
    "row repeated with another label": Case(row(5, "00001.png,7"), "was there in row 3", row=5, warns=(UNREAD,)),
    "row missing": Case(row(2, ""), warns=(UNREAD,)),
    "order of its own": Case(csv(HEADER + "\n".join(reversed(ROWS)))),
    # labels
    "label 7.0": Case(row(9, "00007.png,7.0")),
    "label 10": label("10", "label is '10'; a label is a digit from 0 to 9 (SVHN's own 10 is the digit 0: write 0)"),
    "label -1": label("-1", "label is '-1'; a label is a digit"),
    "label 7.5": label("7.5", "label is '7.5'; a label is a digit"),
    "label seven": label("seven", "label is 'seven'; a label is a digit"),
    "label empty": label("", "label is ''; a label is a digit"),
    "label nan": label("nan", "label is 'nan'; a label is a digit"),
    "label 1e0": label("1e0", "label is '1e0'; a label is a digit"),
    "label 07": label("07", "label is '07'; a label is a digit"),
    "label in Arabic digits": label("\u0667", "a label is a digit"),
    # names
    "name with a folder": Case(row(4, "train/00002.png,2"), "without folders", row=4),
    "name with a folder above": Case(row(4, "../train/00002.png,2"), "without folders", row=4),
    "name of the folder above": Case(row(4, "..,2"), "without folders", row=4),
    "name from the root": Case(row(4, "/etc/passwd,2"), "without folders", row=4),
    "name with a folder of Windows": Case(row(4, "train\\00002.png,2"), "without folders", row=4),
    "name empty": Case(row(4, ",2"), "image_name is ''", row=4),
    "name too long for a file": Case(row(4, "x" * 5000 + ",2"), "is no file there", row=4, warns=(UNREAD,)),
    "name unknown": Case(row(4, "99999.png,2"), "image '99999.png' is no file there", row=4, warns=(UNREAD,)),
    "name with spaces": Case(rename("a digit.png")),
    "name with a comma": Case(rename("a,b.png")),
    "name in another script": Case(rename("數字七.png")),
    "name with a space before it": Case(rename(" 1.png"), "is no file there", row=3, warns=(UNREAD,)),
    "name with other accents": Case(
        rename("e\u0301.png", "\xe9.png"), "which is another name)", row=3, warns=(UNREAD,)
    ),
    "suffix in capitals": Case(rename("00001.PNG")),
    "suffix in capitals in the folder alone": Case(
        rename("00001.PNG", "00001.png"), "(there is '00001.PNG', which is another name)", row=3, warns=(UNREAD,)
    ),
    "no suffix": Case(rename("00001"), warns=("holds PNG, which its name does not say",)),
    # images as files
    "image missing": Case(lambda b: (b / "train/00001.png").unlink(), "'00001.png' is no file there", row=3),
    "image is a folder": Case(
        instead(os.mkdir), "'00001.png' is a folder; ", row=3, predict="00001.png: is a folder; the images must"
    ),
    "image is a pipe": Case(
        instead(os.mkfifo), "is no file but a pipe", row=3, predict="00001.png: is no file; the images must"
    ),
    "image links to a file": Case(
        both(
            also("elsewhere.png"),
            picture(noise(28, 28)),
            lambda b: os.replace(b / "train/00001.png", b / "elsewhere.png"),
            lambda b: (b / "train/00001.png").symlink_to(b / "elsewhere.png"),
        ),
        warns=("elsewhere.png is not read",),
    ),
    "image links nowhere": Case(
        instead(lambda p: p.symlink_to("gone.png")), "is a link that leads to no file", row=3, predict="is no file"
    ),
    "image links in a circle": Case(
        instead(lambda p: p.symlink_to(p)), "'00001.png' is a link that leads to no file", row=3, predict="is no file"
    ),
    "image may not be read": Case(
        denied="train/00001.png",
        says="cannot be read: Permission denied",
        file="00001.png",
        row=3,
        predict="cannot be read: Permission denied",
    ),
    "image of zero bytes": bad_image(image(b""), "is no image in a format allowed here"),
    "image is text": bad_image(image(b"hello"), "is no image in a format allowed here"),
    "image is a csv": bad_image(copy("train.csv", "train/00001.png"), "is no image in a format allowed here"),
    "image truncated": bad_image(change_image(lambda c: c[:200]), "is damaged (image file is truncated"),
    "image cut in its header": bad_image(change_image(lambda c: c[:20]), "is "),
    "image with wrong bytes": bad_image(change_image(lambda c: c[:100] + bytes(8) + c[108:]), "is damaged"),
    "image with bytes behind it": Case(change_image(lambda c: c + b"more")),
    "GIF": bad_image(picture(noise(28, 28), format="GIF"), "is no image in a format allowed here (PNG"),
    "GIF, animated": bad_image(frames("GIF"), "is no image in a format allowed here (PNG"),
    "PNG, animated": Case(frames("PNG"), warns=("is animated; its first picture is taken",)),
    "TIFF": bad_image(picture(noise(28, 28), format="TIFF"), "is no image in a format allowed here"),
    "JPEG called .png": Case(
        picture(noise(28, 28), format="JPEG"), warns=("holds JPEG, which its name does not say",), predict="(PNG)"
    ),
    "JPEG in CMYK": Case(
        picture(noise(28, 28, 3), "CMYK", "JPEG"),
        warns=("is CMYK", "its name does not say", "is RGB, like 1 of"),
        predict="(PNG)",
    ),
    "BMP": Case(picture(noise(28, 28), format="BMP"), warns=("holds BMP, which",), predict="(PNG)"),
    "palette": Case(picture(noise(28, 28, 3), "P"), warns=("has a palette", "is RGB, like 1 of the 12")),
    "transparency": Case(picture(noise(28, 28, 4)), warns=("has transparency, which is dropped", "is RGB, like")),
    "grey with transparency": Case(picture(noise(28, 28, 4), "LA"), warns=("has transparency", "is RGB, like")),
    "a colour that is transparent": Case(behind_header(chunk(b"tRNS", b"\0\7")), warns=("has transparency",)),
    "one bit a pixel": Case(picture(noise(28, 28), "1"), warns=("has one bit a pixel", "is RGB, like")),
    "16 bits, grey": bad_image(picture(noise(28, 28).astype(np.uint16)), "has more than 8 bits a channel"),
    "16 bits, RGB": Case(
        image(
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 16, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(noise(168, seed=i)) for i in range(28))))
            + chunk(b"IEND", b"")
        ),
        warns=("has 16 bits a channel; the lower 8 are dropped", "is RGB, like"),
    ),
    "wrong size": bad_image(picture(noise(32, 28)), "is 28x32 pixels; 28x28 is allowed"),
    "wrong size, by far": bad_image(claims(9000, 9000), "is 9000x9000 pixels; 28x28 is allowed"),
    "decompression bomb": bad_image(claims(60000, 60000), "is damaged (Image size"),
    "decompression bomb of text": bad_image(
        behind_header(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(2**24)))), "is damaged (Decompressed data"
    ),
    "no pixels": bad_image(claims(0, 0), "is "),
    # images beside each other
    "one RGB image": Case(
        picture(noise(28, 28, 3)),
        warns=("is RGB, like 1 of the 12 images, and the others are grey; all are read as RGB",),
    ),
    "duplicate": Case(copy("train/00001.png", "train/00011.png"), warns=("has the pixels of train/00001.png, row 3",)),
    "duplicate kept as RGB": Case(
        both(
            copy("train/00001.png", "train/00011.png"),
            lambda b: Image.open(b / "train/00011.png").convert("RGB").save(b / "train/00011.png"),
        ),
        warns=("has the pixels of train/00001.png, row 3", "is RGB, like"),
    ),
    "duplicate of another label": Case(
        copy("train/00001.png", "train/00002.png"),
        warns=("has the pixels of train/00001.png, row 3, which says otherwise: label 2 here and 1 there",),
    ),
    "duplicate in test": Case(
        copy("train/00001.png", "test/00001.png"), warns=("has the pixels of train/00001.png, row 3",)
    ),
    "duplicate in test of another label": Case(
        copy("train/00001.png", "test/00005.png"), warns=("row 3, which says otherwise: label 5 here and 1 there",)
    ),
    "a digit that is nowhere": Case(both(row(9, "00007.png,6")), warns=("no image of the digit 7",)),
    "one digit alone": Case(csv(HEADER + "00000.png,3\n"), warns=(UNREAD, "the digit 3 alone", "no image of")),
    "train grey and test RGB": Case(
        lambda b: [Image.open(p).convert("RGB").save(p) for p in sorted((b / "test").iterdir())],
        warns=("train is grey and test is RGB",),
    ),
    # what else lies there
    "image without a row": Case(copy("test/00001.png", "train/00099.png"), warns=(UNREAD,)),
    "notes": Case(also("train/notes.txt"), warns=("is no image by its name, and is not read",), predict="is no image"),
    "folder among the images": Case(
        also("train/more/0.png"), warns=("is a folder, and is not read",), predict="more: is a folder; the images must"
    ),
    "link among the images that leads nowhere": Case(
        lambda b: (b / "train/x.png").symlink_to("gone"),
        warns=("is a link that leads to no file",),
        predict="is no file",
    ),
    "link among the images in a circle": Case(
        lambda b: (b / "train/x.png").symlink_to("x.png"),
        warns=("is a link that leads to no file",),
        predict="is no file",
    ),
    "pipe among the images": Case(
        lambda b: os.mkfifo(b / "train/x.png"), warns=("is no file but a pipe",), predict="is no file"
    ),
    "hidden files": Case(
        both(also("train/.DS_Store"), also(".DS_Store"), also("train/.x/0.png"), also("train/._00001.png"))
    ),
    "Thumbs.db": Case(both(also("train/Thumbs.db"), also("Thumbs.db"), also("train/desktop.ini"))),
    "name that is no text": Case(
        lambda b: open(os.fsencode(b / "train") + b"/\xff.png", "wb").close(),
        warns=(UNREAD,),
        predict="is no UTF-8 text",
    ),
    "folder missing": Case(
        lambda b: shutil.rmtree(b / "train"),
        "is missing; it must hold the images that train.csv names",
        "usps/train",
        predict="cannot be listed",
    ),
    "folder is a file": Case(
        instead(lambda p: p.write_text(""), "train"),
        "cannot be listed: Not a directory",
        "usps/train",
        predict="cannot be listed",
    ),
    "folder is empty": Case(
        instead(os.mkdir, "train"), "'00000.png' is no file there", row=2, predict="holds no images"
    ),
    "folder links in a circle": Case(
        instead(lambda p: p.symlink_to(p), "train"),
        "cannot be listed: Too many levels",
        "usps/train",
        predict="cannot be listed",
    ),
    "folder links elsewhere": Case(
        lambda b: (os.rename(b / "train", b / "../../elsewhere"), (b / "train").symlink_to("../../elsewhere")),
        warns=("elsewhere is not read",),
    ),
    "folder may not be listed": Case(
        denied="train", says="cannot be listed: Permission denied", file="usps/train", predict="cannot be listed"
    ),
}


@pytest.mark.parametrize("case", DIGITS.values(), ids=DIGITS.keys())
def test_digits(folder, monkeypatch, recwarn, case):
    base = folder / "digits/usps"
    case.spoil(base)
    if case.denied:
        deny(monkeypatch, base / case.denied)
    refused = attempt(lambda: course.digits(folder, "usps", "train"))
    compare(case, refused, verify(folder), folder)
    if case.predict is not None:
        one_line(attempt(lambda: course.unlabelled(base / "train")), case.predict)
    assert not recwarn.list


def attribute(value, says=None, at="Male", **more):
    """An attribute of the second face, in row 3."""
    column = 1 + ATTRIBUTES.index(at)

    def spoil(base):
        texts = (base / "train.csv").read_text().splitlines()[2].split(",")
        texts[column] = value
        row(3, ",".join(texts))(base)

    return Case(spoil, says, row=3 if says else None, **more)


def column(name, value):
    def change(cells):
        cells[1 + ATTRIBUTES.index(name)] = name if name in cells else value
        return cells

    return cells(change)


FACES = {
    "nothing wrong": Case(),
    "attribute 1": attribute("1"),
    "attribute 1.00": attribute("1.00"),
    "attribute 2": attribute("2", "Male is '2'; an attribute is 0 or 1"),
    "attribute -1": attribute("-1", "Male is '-1'; an attribute is 0 or 1 (CelebA's own -1 means no: write 0)"),
    "attribute nan": attribute("nan", "Male is 'nan'; an attribute is 0 or 1"),
    "attribute empty": attribute("", "Male is ''; an attribute is 0 or 1"),
    "attribute true": attribute("true", "Male is 'true'; an attribute is 0 or 1"),
    "attribute 0.5": attribute("0.5", "Male is '0.5'; an attribute is 0 or 1"),
    "attributes 1 and -1 as CelebA has them": Case(
        csv_bytes(lambda c: c.replace(b",0.0", b",-1").replace(b",1.0", b",1")),
        "more cells of this row are wrong",
        row=2,
    ),
    "attribute of one value": Case(column("Smiling", "1.0"), warns=("Smiling is 1 in every row",)),
    "attribute that nobody has": Case(column("Bangs", "0"), warns=("Bangs is 0 in every row",)),
    "attribute missing": Case(cells(lambda row: row[:-1]), "column Wearing_Lipstick is missing", row=1),
    "attributes in another order": Case(cells(lambda row: [*row[4:], *row[:4]])),
    "CelebA's other attributes": Case(cells(lambda row: ["Young" if "Male" in row else "1", *row])),
    "CelebA's own list": Case(
        csv("4\nBangs Male\n00000.png -1 1\n"), "column image_name is missing; the columns found are '4'", row=1
    ),
    "face of a digit's size": bad_image(picture(noise(28, 28, 3)), "is 28x28 pixels; 64x64 is allowed"),
    "face of CelebA's size": bad_image(picture(noise(218, 178, 3)), "is 178x218 pixels; 64x64 is allowed"),
    "one grey face": Case(
        picture(noise(64, 64)), warns=("is grey, like 1 of the 4 images, and the others are RGB; all are read as RGB",)
    ),
    "duplicate of other attributes": Case(
        copy("train/00001.png", "train/00002.png"), warns=("which says otherwise: Bangs 0 here and 1 there, Big_Lips",)
    ),
    "semicolons": Case(csv_bytes(lambda c: c.replace(b",", b";")), "separated by semicolons", row=1),
    "digits' csv": Case(csv(HEADER + "\n".join(ROWS)), "column Bangs is missing", row=1),
}


@pytest.mark.parametrize("case", FACES.values(), ids=FACES.keys())
def test_faces(folder, recwarn, case):
    case.spoil(folder / "face")
    compare(case, attempt(lambda: course.faces(folder, "train")), verify(folder), folder)
    assert not recwarn.list


MISSING = "is missing; it must "
LAYOUTS = {
    # what is done to the course folder, the words of errors, the words of warnings
    "digits alone": (lambda r: shutil.rmtree(r / "face"), (), ()),
    "faces alone": (lambda r: shutil.rmtree(r / "digits"), (), ()),
    "train without test": (
        lambda r: (shutil.rmtree(r / "face/test"), (r / "face/test.csv").unlink()),
        ("face/test.csv is missing; it must have", "face/test is missing; it must hold"),
        (),
    ),
    "test without train": (
        lambda r: (shutil.rmtree(r / "face/train"), (r / "face/train.csv").unlink()),
        ("face/train.csv " + MISSING, "face/train " + MISSING),
        (),
    ),
    "images without a csv, one of them bad": (
        lambda r: ((r / "face/train.csv").unlink(), (r / "face/train/00002.png").write_bytes(b"")),
        ("face/train.csv " + MISSING, "face/train/00002.png is no image"),
        (),
    ),
    "digits is a file": (instead(lambda p: p.write_text(""), "digits"), ("digits is a regular file; it must be",), ()),
    "digits links in a circle": (instead(lambda p: p.symlink_to(p), "digits"), ("digits is a link that leads",), ()),
    "digits is empty": (instead(os.mkdir, "digits"), ("digits holds no digit set",), ()),
    "a set that is empty": (
        lambda r: (r / "digits/svhn").mkdir(),
        tuple(f"digits/svhn/{name} {MISSING}" for name in ("train.csv", "train", "test.csv", "test")),
        (),
    ),
    "a set that is linked": (lambda r: (r / "digits/other").symlink_to("usps"), (), ()),
    "a set that links in a circle": (
        lambda r: (r / "digits/other").symlink_to("other"),
        (),
        ("digits/other is not read",),
    ),
    "a set of a name for no run": (
        lambda r: os.rename(r / "digits/usps", r / "digits/us ps"),
        (),
        ("digits/us ps cannot be the src or tgt of a run",),
    ),
    "names in capitals": (
        lambda r: (os.rename(r / "digits/usps/test", r / "digits/usps/Test"), os.rename(r / "face", r / "Faces")),
        ("digits/usps/test " + MISSING,),
        ("digits/usps/Test is not read; is test meant?", "Faces is not read; is face meant?"),
    ),
    "what else may lie there": (
        both(
            also("README.txt"),
            also("digits/usps/extra.csv"),
            also("digits/notes.txt"),
            also("face/val/0.png"),
            also("__MACOSX/._x"),
            also("face/.DS_Store"),
            also("digits/usps/stand-in.txt"),
            also("fetched/x/y"),
        ),
        (),
        (
            "README.txt is not read",
            "usps/extra.csv is not read",
            "digits/notes.txt is not read",
            "face/val is not read",
        ),
    ),
}


@pytest.mark.parametrize(("spoil", "wrong", "odd"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layout(folder, spoil, wrong, odd):
    spoil(folder)
    verdict = verify(folder)
    for severity, expected in ((ERROR, wrong), (WARNING, odd)):
        said = [f"{f.file} {f.what}" for f in verdict.findings if f.severity == severity]
        assert len(said) == len(expected), said
        assert all(any(words in text for text in said) for words in expected), said
    agree(folder, verdict)


def compare(case, refused, verdict, folder):
    """The case's outcome is that of the loader and of `check`."""
    errors = [f for f in verdict.findings if f.severity == ERROR]
    one_line(refused, case.says or "")
    if case.says:
        assert case.file in refused
        assert case.row is None or f"row {case.row}:" in refused
        found = [f for f in errors if case.says in f.what or case.says in f"{f.file} {f.what}"]
        assert found, errors
        assert case.file in found[0].file
        assert found[0].row == case.row or case.row is None
        assert {f.split for f in errors} == {"train"}
    said = {f"{f.file} {f.what}" for f in verdict.findings if f.severity == WARNING}
    assert not [text for text in said if not any(words in text for words in case.warns)]
    assert not [words for words in case.warns if not any(words in text for text in said)]
    agree(folder, verdict)


def agree(folder, verdict):
    """What `check` calls free of errors loads; what the loader refuses, `check` reports in the same words."""
    loads = {}
    for split in ("train", "test"):
        for name in course.digit_names(folder):
            loads[f"digits/{name}", split] = attempt(lambda n=name, s=split: course.digits(folder, n, s))
        if (folder / "face").is_dir():
            loads["face", split] = attempt(lambda s=split: course.faces(folder, s))
    for (part, split), refused in loads.items():
        texts = [f.what for f in verdict.findings if f.severity == ERROR and (f.part, f.split) == (part, split)]
        assert bool(texts) == bool(refused), (part, split, refused)
        assert not refused or any(text in plain(refused) for text in texts), (refused, texts)
        assert len([s for s in verdict.summaries if (s.part, s.split) == (part, split)]) == 1


def attempt(load):
    """Return the line of a refusal, or nothing."""
    try:
        load()
    except WorkbookError as error:
        return str(error)
    return ""


def one_line(refused, says):
    assert bool(refused) == bool(says), refused
    assert says in refused
    assert len(refused.splitlines()) <= 1
    assert len(refused) < 700


def deny(monkeypatch, path):
    """Take the right to read something away; root, who reads everything, meets the same refusal."""
    os.chmod(path, 0)
    if not os.access(path, os.R_OK):
        return

    def refusing(real):
        def call(file, *arguments, **options):
            if not isinstance(file, int) and os.fspath(file) == str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return real(file, *arguments, **options)

        return call

    for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "scandir"), (os, "listdir")):
        monkeypatch.setattr(module, name, refusing(getattr(module, name)))
