"""The course's folders: numbered images in `face/` and `digits/<name>/`, and a csv with a row for each image."""

import hashlib
import os
import reprlib
from pathlib import Path

import numpy as np
import torch

from hwlib.data.cache import Tensors, cached, peek
from hwlib.data.decode import decode_all
from hwlib.data.imageset import ImageSet
from hwlib.data.listing import absent, by_alike, is_file, is_folder, is_litter
from hwlib.data.table import DIGIT_FORM, FACE_FORM, Form, parse, problem, read_table

# Part of every cache key: raise the number when the same files are to give other tensors.
_VERSION = "course 1"

STAND_IN = "stand-in.txt"
"""A file of this name beside the tables of a set marks its images as stand-ins; `hw data export` writes it."""

_Files = dict[str, tuple[int, int, int]]
"""Of each file by its name: bytes, and the times in ns at which its content and anything about it last changed.

The second time is the system's own: unlike the first it shows that a file was put in another's place, or changed and
its date put back. (Windows has no such time, and gives when the file was made.)
"""


def digit_names(root: Path) -> tuple[str, ...]:
    """Return the sorted names of the folders in `root/digits`, empty where there is none."""
    folder = root / "digits"
    if not os.path.isdir(folder):
        return ()
    try:
        with os.scandir(folder) as entries:
            return tuple(sorted(e.name for e in entries if is_folder(e) and not is_litter(e.name)))
    except OSError as error:
        raise problem(folder, f"cannot be listed: {error.strerror}") from None


def digits(root: Path, name: str, split: str) -> ImageSet:
    """Read `root/digits/<name>/<split>.csv` and its images.

    images: uint8 (N, C, 28, 28), C is 1 if every image is grey, else 3; labels: int64 (N,) in 0..9; both in the
    order of the csv. Raises WorkbookError for whatever is wrong with the files.
    """
    return _load(root / "digits" / name, name, split, DIGIT_FORM)


def faces(root: Path, split: str) -> ImageSet:
    """Read `root/face/<split>.csv` and its images.

    images: uint8 (N, C, 64, 64), C as for `digits`; labels: uint8 (N, 13), 0 or 1, columns in the order of
    `ATTRIBUTES`; rows in the order of the csv. Raises WorkbookError for whatever is wrong with the files.
    """
    return _load(root / "face", "face", split, FACE_FORM)


def unlabelled(folder: Path) -> tuple[list[str], torch.Tensor]:
    """Read all digits in `folder`, which no csv describes.

    Returns the names, sorted, and the images in that order, uint8 (N, C, 28, 28), C as for `digits`. Hidden files and
    `Thumbs.db` and its like do not count. Raises WorkbookError for whatever else is not an 8-bit PNG of 28x28 pixels,
    and when nothing is there.
    """
    try:
        with os.scandir(folder) as entries:
            found = {e.name: is_file(e) for e in entries if not is_litter(e.name)}
    except OSError as error:
        raise problem(folder, f"cannot be listed ({error.strerror}); give a folder of 28x28 PNG images") from None
    if not found:
        raise problem(folder, "holds no images; give a folder of 28x28 PNG images")
    names = sorted(found)
    for name in names:
        if not found[name]:
            what = "is a folder" if os.path.isdir(folder / name) else "is no file"
            raise problem(folder / name, f"{what}; the images must lie in {folder} itself, and nothing beside them")
        if not _encodes(name):
            raise problem(folder, f"the name {reprlib.repr(name)} is no UTF-8 text, so no csv can hold it; rename it")
    return names, decode_all(None, folder, dict(enumerate(names)), DIGIT_FORM.side, ("PNG",))


def _encodes(name: str) -> bool:
    """Whether a name is text: of one that is not, Python keeps the stray bytes as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def known(base: Path, split: str) -> tuple[int, str | None]:
    """Return the number of rows in a split's csv and the sha256 of its images, None where they were not loaded yet.

    base: `face` of a course folder, or one of its `digits/<name>`. No image is opened. Raises WorkbookError for
    whatever is wrong with folder and csv.
    """
    form = DIGIT_FORM if base.parent.name == "digits" else FACE_FORM
    table, folder = base / f"{split}.csv", base / split
    content, files = read_table(table, form), list_files(folder)
    return peek(_key(content, folder, files, form)) or (len(parse(table, content, form)[0]), None)


def is_stand_in(base: Path) -> bool:
    """Whether the images in `base` (as for `known`) are marked as stand-ins for the set whose name they bear."""
    return (base / STAND_IN).is_file()


def _load(base: Path, name: str, split: str, form: Form) -> ImageSet:
    table, folder = base / f"{split}.csv", base / split
    content, files = read_table(table, form), list_files(folder)
    key = _key(content, folder, files, form)
    images, labels, sha256 = cached(key, lambda: _make(table, content, folder, files, form), str(folder))
    return ImageSet(name, split, images, labels, form.label_names, "course", is_stand_in(base), sha256)


def _key(content: bytes, folder: Path, files: _Files, form: Form) -> str:
    # Everything the tensors depend on, so that a hit opens no image and any change is a miss.
    # (60,000 files: 0.27 s of stat and 0.07 s of this; as text it would be 0.11 s.)
    names = sorted(files)
    head = [_VERSION, str(form.side), str(folder.resolve()), hashlib.sha256(content).hexdigest()]
    digest = hashlib.sha256("\n".join([*head, *names]).encode(errors="surrogateescape"))
    digest.update(np.array([files[name] for name in names], np.int64).tobytes())
    return f"course-{digest.hexdigest()[:32]}"


def list_files(folder: Path) -> _Files:
    """Return size and times of the last changes of each file in a folder of images; raises WorkbookError."""
    handle = None
    try:
        if os.scandir in os.supports_fd:  # from an open folder each stat walks one name, not the whole path: 1/8 less
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        with os.scandir(folder if handle is None else handle) as entries:
            stats = ((e.name, e.stat()) for e in entries if is_file(e))
            return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats}
    except FileNotFoundError:
        raise problem(folder, f"is missing; it must hold the images that {folder.name}.csv names") from None
    except OSError as error:
        raise problem(folder, f"cannot be listed: {error.strerror}") from None
    finally:
        if handle is not None:
            os.close(handle)


def _make(table: Path, content: bytes, folder: Path, files: _Files, form: Form) -> Tensors:
    names, values = parse(table, content, form)
    for row, name in names.items():
        if name not in files:
            raise problem(table, absent(folder, name, by_alike(files)), row)
    labels = torch.tensor(values, dtype=torch.uint8)
    return decode_all(table, folder, names, form.side), labels[:, 0].long() if form is DIGIT_FORM else labels
