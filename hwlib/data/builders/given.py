"""Digits from what the user has: the files of a release in any wrapper, or pictures sorted by split.

Pictures are those of the MNIST-M release (`mnist_m_train/00000000.png` and `mnist_m_train_labels.txt`), or lie in a
folder for each class (`train/0/any.png` to `test/9/any.png`). Both are taken from a folder or an archive.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hwlib.data.archive import LARGEST, members, places
from hwlib.data.download import RemoteFile, is_right
from hwlib.data.table import problem
from hwlib.errors import WorkbookError

SIDE = 28
SPLITS = ("train", "test")

_IMAGE = r"\.(?:png|jpe?g|bmp|gif|tiff?|webp|p[gnp]m)"
_PICTURE = re.compile(
    r"((?:.*/)?(?:[^/]*[_-])?(train|test)(?:ing)?/)(?:(?:class|digit|label)?[ _-]?([0-9])/)?[^/]+" + _IMAGE,
    re.IGNORECASE,
)
_ANY = re.compile(".+" + _IMAGE, re.IGNORECASE)
_LABELS = re.compile(r"(?:.*/)?[^/]*(train|test)(?:ing)?_labels\.(?:txt|csv)", re.IGNORECASE)
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
_FILE = re.compile(r"(?:.*/)?(?:[^/]*(?:idx|ubyte)[^/]*|usps[^/]*|(?:train|test)_32x32[^/]*|BSR_[^/]*)", re.IGNORECASE)
_WRAPPERS = {b"\x1f\x8b": gzip.GzipFile, b"BZh": bz2.BZ2File, b"\xfd7zXZ": lzma.LZMAFile}


@dataclass(frozen=True)
class Pictures:
    """Where they lie, what they are in words, and for each split uint8 (N, C, 28, 28) and int64 (N,)."""

    place: Path
    what: str
    splits: dict[str, tuple[torch.Tensor, torch.Tensor]]


def take_files(source: Path, files: Sequence[RemoteFile], folder: Path) -> tuple[list[str], dict[str, str]]:
    """Put those of `files` that `source` holds into `folder`, under their names; return the names.

    The content decides: a file may be called a little otherwise, be unpacked, or be compressed again. Returned, too,
    are the names of those that are not there, each with a file in `source` that is called so and is another.
    """
    wanted = {file.name: file for file in files if not is_right(folder / file.name, file)}
    found, others = [file.name for file in files if file.name not in wanted], {}
    for place in places(source) if wanted else ():
        for path, data in members(place, lambda name: bool(_FILE.fullmatch(name))):
            plain = _unwrapped(data)
            for name, file in list(wanted.items()):
                if (content := _as_released(data, plain, file)) is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                    part = folder / f"{name}.given"
                    part.write_bytes(content)
                    os.replace(part, folder / name)
                    del wanted[name]
                    found.append(name)
                    break
            else:
                others[_letters(path)] = path
    return found, {name: others[_letters(name)] for name in wanted if _letters(name) in others}


def _letters(name: str) -> str:
    """What is left of a file's name without folders, its wrapper's suffix, and all that copies and tools change."""
    base = re.sub(r"\.(gz|bz2|xz|tgz)$", "", name.rsplit("/", 1)[-1].lower())
    return re.sub("[^a-z]", "", base)


def _as_released(data: bytes, plain: bytes, file: RemoteFile) -> bytes | None:
    """The bytes to keep under the name of `file`, where `data`, unpacked `plain`, has its content."""
    for same in {data, plain}:
        if _sha256(same) == file.sha256:
            return same
    if file.content is not None and _sha256(plain) == file.content:
        return gzip.compress(plain, 1, mtime=0)
    # bzip2 notes neither name nor time, so the same text gives the same file again.
    if file.name.endswith(".bz2") and _sha256(again := bz2.compress(plain)) == file.sha256:
        return again
    return None


def _unwrapped(data: bytes) -> bytes:
    for mark, kind in _WRAPPERS.items():
        if data.startswith(mark):
            try:
                with kind(fileobj=io.BytesIO(data)) if kind is gzip.GzipFile else kind(io.BytesIO(data)) as file:
                    return file.read(LARGEST)
            except (OSError, EOFError, lzma.LZMAError, ValueError, gzip.zlib.error):
                return data  # damaged: no release's content
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def take_pictures(source: Path, name: str) -> Pictures | None:
    """Return the set `name` from the pictures in `source`, None where it holds none that are sorted by split.

    Pictures of 28x28 are taken as they are; of the 32x32 of MNIST-M the middle; those of SVHN (32x32) and USPS (16x16)
    are scaled as the releases are. Raises WorkbookError for a picture or a label that is wrong or missing.
    """
    for place in places(source):
        paths: list[str] = []

        def wanted(path: str, paths: list[str] = paths) -> bool:
            paths.append(path)
            return bool(_LABELS.fullmatch(path))

        tables = {_LABELS.fullmatch(path)[1].lower(): (path, data) for path, data in members(place, wanted)}
        found = {path: match for path in paths if (match := _PICTURE.fullmatch(path))}
        sorted_in = {match[1] for match in found.values() if match[3]}
        # Photographs, too, may lie in a folder `train`: pictures without labels are none of ours.
        if not sorted_in and not (tables and found):
            continue
        for path in paths:
            if path.startswith(tuple(sorted_in)) and _ANY.fullmatch(path) and not (path in found and found[path][3]):
                raise problem(place, f"picture {path} is in none of the folders 0 to 9; put it into that of its digit")
        images: dict[str, dict[str, np.ndarray]] = {split: {} for split in SPLITS}
        classes: dict[str, dict[str, int]] = {split: {} for split in SPLITS}
        for path, data in members(place, found.__contains__):
            _, split, label = found[path].groups()
            split, key = split.lower(), path if label else path.rsplit("/", 1)[-1]
            if sorted_in and not label:
                continue
            if key in images[split]:
                raise problem(place, f"picture {key} of {split} is there twice")
            images[split][key] = _picture(place, path, data, name)
            if label:
                classes[split][key] = int(label)
        if sorted_in:
            what, labels = "pictures in a folder for each class", classes
        else:
            what = "pictures and their labels, as the MNIST-M release has them"
            labels = {split: _labels(place, *tables[split]) for split in SPLITS if split in tables}
        return Pictures(place, what, {split: _joined(place, split, images, labels, name) for split in SPLITS})
    return None


def _picture(place: Path, path: str, data: bytes, name: str) -> np.ndarray:
    """A picture as uint8 (28, 28, 3)."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.mode.startswith(("I", "F")):
                raise WorkbookError("has more than 8 bits a channel; 8-bit grey or RGB is allowed")
            if (scaled := _SCALED.get((name, image.size))) is None and image.size != (SIDE, SIDE):
                raise WorkbookError("is {}x{} pixels; 28x28 is allowed, or the size of the release".format(*image.size))
            image = image.convert("RGB")
            return np.asarray(scaled(image) if scaled else image)
    except WorkbookError as error:
        raise problem(place, f"picture {path} {error}") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        raise problem(place, f"picture {path} is damaged or no image ({error}); put a good copy there") from None


_SCALED: dict[tuple[str, tuple[int, int]], Callable[[Image.Image], Image.Image]] = {
    ("mnistm", (32, 32)): lambda image: image.crop((2, 2, 30, 30)),
    ("svhn", (32, 32)): lambda image: image.resize((SIDE, SIDE), Image.Resampling.BILINEAR),
    ("usps", (16, 16)): lambda image: image.resize((SIDE, SIDE), Image.Resampling.BICUBIC),
}


def _labels(place: Path, path: str, data: bytes) -> dict[str, int]:
    found = {}
    for row, line in enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), 1):
        cells = line.replace(",", " ").split()
        if not cells or (row == 1 and not cells[-1].isdigit()):  # a header
            continue
        if len(cells) != 2 or not re.fullmatch("[0-9]", cells[1]):
            raise problem(place / path, "is no name of a picture and a digit 0 to 9", row)
        if found.setdefault(cells[0], int(cells[1])) != int(cells[1]):
            raise problem(place / path, f"gives {cells[0]} a second label", row)
    return found


def _joined(place: Path, split: str, images: dict, labels: dict, name: str) -> tuple[torch.Tensor, torch.Tensor]:
    if not images[split] or not labels.get(split):
        raise problem(place, f"holds no pictures with labels for {split}; both train and test are wanted")
    keys = sorted(labels[split])
    if lost := [key for key in keys if key not in images[split]] or sorted(images[split].keys() - set(keys)):
        raise problem(place, f"{split}: {lost[0]} has no {'picture' if lost[0] in labels[split] else 'label'}")
    array = np.stack([images[split][key] for key in keys]).transpose(0, 3, 1, 2)
    if name in ("mnist", "usps") and (array == array[:, :1]).all():
        array = array[:, :1]
    array = torch.from_numpy(np.ascontiguousarray(array))
    return array, torch.tensor([labels[split][key] for key in keys], dtype=torch.int64)
