"""The course's folders: numbered images in `face/` and `digits/<name>/`, and a csv with a row for each image."""

import csv
import hashlib
import io
import os
import re
import reprlib
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from hwlib.data.cache import Tensors, cached
from hwlib.data.imageset import ATTRIBUTES, DIGITS, ImageSet
from hwlib.errors import WorkbookError

# Part of every cache key: raise the number when the same files are to give other tensors.
_VERSION = "course 1"
_IMAGE_FORMATS = ("PNG", "JPEG", "BMP")

_Files = dict[str, tuple[int, int]]  # name: (size in bytes, time of the last change in ns)


class _Form(NamedTuple):
    """What one kind of set looks like: side of an image in pixels, columns of its csv, values of a cell."""

    side: int
    columns: tuple[str, ...]
    cell: re.Pattern
    allowed: str
    label_names: tuple[str, ...]


_DIGITS = _Form(28, ("label",), re.compile(r"([0-9])(?:\.0*)?"), "a label is a digit from 0 to 9", DIGITS)
_FACES = _Form(64, ATTRIBUTES, re.compile(r"([01])(?:\.0*)?"), "an attribute is 0 or 1", ATTRIBUTES)


def digit_names(root: Path) -> tuple[str, ...]:
    """Return the sorted names of the folders in `root/digits`, empty where there is none."""
    folder = root / "digits"
    if not os.path.isdir(folder):
        return ()
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(e.name for e in entries if e.is_dir() and not e.name.startswith(".")))
    except OSError as error:
        raise _problem(folder, f"cannot be listed: {error.strerror}") from None


def digits(root: Path, name: str, split: str) -> ImageSet:
    """Read `root/digits/<name>/<split>.csv` and its images.

    images: uint8 (N, C, 28, 28), C is 1 if every image is grey, else 3; labels: int64 (N,) in 0..9; both in the
    order of the csv. Raises WorkbookError for whatever is wrong with the files.
    """
    return _load(root / "digits" / name, name, split, _DIGITS)


def faces(root: Path, split: str) -> ImageSet:
    """Read `root/face/<split>.csv` and its images.

    images: uint8 (N, C, 64, 64), C as for `digits`; labels: uint8 (N, 13), 0 or 1, columns in the order of
    `ATTRIBUTES`; rows in the order of the csv. Raises WorkbookError for whatever is wrong with the files.
    """
    return _load(root / "face", "face", split, _FACES)


def unlabelled(folder: Path) -> tuple[list[str], torch.Tensor]:
    """Read all digits in `folder`, which no csv describes.

    Returns the names, sorted, and the images in that order, uint8 (N, C, 28, 28), C as for `digits`. Hidden files do
    not count. Raises WorkbookError for whatever else is not an 8-bit PNG of 28x28 pixels, and when nothing is there.
    """
    try:
        with os.scandir(folder) as entries:
            is_file = {e.name: e.is_file() for e in entries if not e.name.startswith(".")}
    except OSError as error:
        raise _problem(folder, f"cannot be listed ({error.strerror}); give a folder of 28x28 PNG images") from None
    if not is_file:
        raise _problem(folder, "holds no images; give a folder of 28x28 PNG images")
    names = sorted(is_file)
    for name in names:
        if not is_file[name]:
            what = "is a folder" if os.path.isdir(folder / name) else "is no file"
            raise _problem(folder / name, f"{what}; the images must lie in {folder} itself, and nothing beside them")
        if not _encodes(name):
            raise _problem(folder, f"the name {reprlib.repr(name)} is no UTF-8 text, so no csv can hold it; rename it")
    return names, _decode_all(None, folder, dict(enumerate(names)), _DIGITS.side, ("PNG",))


def _encodes(name: str) -> bool:
    """Whether a name is text: of one that is not, Python keeps the stray bytes as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _load(base: Path, name: str, split: str, form: _Form) -> ImageSet:
    table, folder = base / f"{split}.csv", base / split
    content, files = _read_table(table, form), _scan(folder)
    # Everything the tensors depend on, so that a hit opens no image and any change is a miss.
    lines = [_VERSION, str(form.side), str(folder.resolve()), hashlib.sha256(content).hexdigest()]
    lines += [f"{size} {modified} {file}" for file, (size, modified) in sorted(files.items())]
    key = hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:32]
    images, labels, sha256 = cached(f"course-{key}", lambda: _make(table, content, folder, files, form))
    return ImageSet(name, split, images, labels, form.label_names, "course", False, sha256)


def _read_table(table: Path, form: _Form) -> bytes:
    try:
        return table.read_bytes()
    except FileNotFoundError:
        columns = ", ".join(("image_name", *form.columns))
        raise _problem(table, f"is missing; it must have the columns {columns} and a row for each image") from None
    except OSError as error:
        raise _problem(table, f"cannot be read: {error.strerror}") from None


def _scan(folder: Path) -> _Files:
    try:
        with os.scandir(folder) as entries:
            stats = ((e.name, e.stat()) for e in entries if e.is_file())
            return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats}
    except FileNotFoundError:
        raise _problem(folder, f"is missing; it must hold the images that {folder.name}.csv names") from None
    except OSError as error:
        raise _problem(folder, f"cannot be listed: {error.strerror}") from None


def _make(table: Path, content: bytes, folder: Path, files: _Files, form: _Form) -> Tensors:
    names, values = _parse(table, content, form)
    for row, name in names.items():
        if name not in files:
            what = "is a folder" if os.path.isdir(folder / name) else "is no file there"
            text = f"image {reprlib.repr(name)} {what}; {folder} must hold it, or the row must go"
            raise _problem(table, text, row)
    labels = torch.tensor(values, dtype=torch.uint8)
    return _decode_all(table, folder, names, form.side), labels[:, 0].long() if form is _DIGITS else labels


def _parse(table: Path, content: bytes, form: _Form) -> tuple[dict[int, str], list[list[int]]]:
    """Return image names by row number (the header is row 1), and the values of each in `form.columns`' order."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except UnicodeDecodeError:
        raise _problem(table, "is no UTF-8 text; save it as csv in UTF-8") from None
    except csv.Error as error:
        raise _problem(table, f"is no readable csv: {error}", reader.line_num) from None
    header = rows[0][1] if rows else []
    for column in ("image_name", *form.columns):
        if header.count(column) != 1:
            found = ", ".join(reprlib.repr(cell) for cell in header[:20]) or "none"
            what = "is there twice" if column in header else "is missing"
            raise _problem(table, f"column {column} {what}; the columns found are {found}", 1)
    image_at, at = header.index("image_name"), [header.index(column) for column in form.columns]
    names, values, seen = {}, [], {}
    for row, cells in rows[1:]:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise _problem(table, f"the cells count {len(cells)}, the columns of the header {len(header)}", row)
        name = cells[image_at]
        if name in ("", ".", "..") or "/" in name or "\\" in name:
            text = f"image_name is {reprlib.repr(name)}; it must be a file's name, without folders"
            raise _problem(table, text, row)
        if name in seen:
            text = f"image_name {reprlib.repr(name)} was there in row {seen[name]} already; name each image once"
            raise _problem(table, text, row)
        matches = [form.cell.fullmatch(cells[i]) for i in at]
        if None in matches:
            bad = matches.index(None)
            text = f"{form.columns[bad]} is {reprlib.repr(cells[at[bad]])}; {form.allowed}"
            raise _problem(table, text, row)
        seen[name], names[row] = row, name
        values.append([int(match[1]) for match in matches])
    if not names:
        raise _problem(table, "has no rows below its header; a split needs at least one image")
    return names, values


def _decode_all(
    table: Path | None,
    folder: Path,
    names: dict[int, str],
    side: int,
    formats: tuple[str, ...] = _IMAGE_FORMATS,
) -> torch.Tensor:
    """Return the images, uint8 (N, C, side, side), that `names` lists by their rows of `table`, or without a table."""
    images = np.empty((len(names), 3, side, side), np.uint8)
    colour = False
    # One thread on purpose: most of the time is Pillow's Python code. On two cores a pool of threads halved the
    # speed for 28x28 digits (the interpreter's lock) and gave the 64x64 faces only 1.7 times more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of huge images, which the check of the size refuses anyway
        for i, (row, name) in enumerate(names.items()):
            try:
                image = _decode(folder / name, side, formats)
            except WorkbookError as error:
                if table is None:
                    raise _problem(folder / name, str(error)) from None
                raise _problem(table, f"image {folder / name} {error}", row) from None
            images[i] = image if image.ndim == 2 else image.transpose(2, 0, 1)  # grey fills all three channels
            colour |= image.ndim == 3
    return torch.from_numpy(images if colour else images[:, :1].copy())


def _decode(path: Path, side: int, formats: tuple[str, ...]) -> np.ndarray:
    """Return one image as uint8, (side, side) if it is grey, else (side, side, 3).

    formats: as Pillow names them; the content decides, not the suffix.
    The WorkbookErrors say only what is wrong; the caller knows the row.
    """
    try:
        with Image.open(path, formats=formats) as image:
            if image.size != (side, side):
                raise WorkbookError("is {}x{} pixels; {side}x{side} is allowed".format(*image.size, side=side))
            if image.mode.startswith(("I", "F")):
                raise WorkbookError("has more than 8 bits a channel; 8-bit grey or RGB is allowed")
            return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    except (WorkbookError, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise WorkbookError(f"is no image in a format allowed here ({', '.join(formats)})") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise WorkbookError(f"cannot be read: {error.strerror}") from None
        raise WorkbookError(f"is damaged ({error}); put a good copy in its place") from None


def _problem(file: Path, text: str, row: int | None = None) -> WorkbookError:
    where = f"{file}, row {row}" if row else str(file)
    return WorkbookError(" ".join(f"{where}: {text}".splitlines()))
