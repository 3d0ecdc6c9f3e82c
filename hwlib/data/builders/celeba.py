"""Faces from the user's own copy of CelebA: `img_align_celeba` and `list_attr_celeba`, as the authors hand them out.

From an aligned image of 178x218 the 148x148 in the middle are taken and brought to 64x64 (bilinear with antialiasing).
Larsen et al. 2016 and Hou et al. 2017, whose work VAEs on faces follow, crop and scale the aligned images to 64x64
without saying how far; 148 is what the public VAE code has (PyTorch-VAE and what grew from it). It leaves the face,
and little of what is behind it.

The course's sizes are 40000 and 2621. We take the first 40000 of the official training partition and the first 2621 of
the official test partition, in the order of their numbers: no person is in both (Liu et al. 2015 split by identity).
Which images the course itself took is not known.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hwlib.data.archive import lying_in, members, places
from hwlib.data.imageset import ATTRIBUTES
from hwlib.data.table import problem
from hwlib.errors import WorkbookError

CROP = 148
SIDE = 64
ALIGNED = (178, 218)
COUNTS = {"train": 40000, "test": 2621}
PARTITIONS = {"train": 0, "test": 2}
LAST_TRAIN, LAST_VALID = 162770, 182637
"""The official partition goes by number: training up to the first, validation up to the second, then testing."""

_IMAGE = re.compile(r"(?:.*/)?(\d{6})\.(?:jpg|jpeg|png)", re.IGNORECASE)
_TABLE = re.compile(r"(?:.*/)?(list_attr_celeba|list_eval_partition)\.(?:txt|csv)")

Tables = dict[str, tuple[str, bytes]]  # list_attr_celeba or list_eval_partition: where it lies, content


@dataclass(frozen=True)
class Faces:
    """What is there to take.

    images: folder or archive; names: number of an image ("000001") to its name in there.
    attributes: uint8 (13,) for each number. chosen: the numbers that each split takes, in order.
    """

    images: Path
    names: dict[str, str]
    attributes: dict[str, np.ndarray]
    chosen: dict[str, list[str]]
    tables: dict[str, str] = field(default_factory=dict)  # file name: sha256
    official: bool = True  # whether the partition was read, not told from the numbers


def find(source: Path) -> Faces:
    """Look through the user's folder or archive; images are only listed.

    source: an archive or a folder of images, or a folder in which either lies, whatever the archive is called. The
    tables may be in it or beside it, as .txt (the authors') or .csv. `list_eval_partition` is not needed. Raises
    WorkbookError for whatever is missing, saying what is there instead.
    """
    tables: Tables = {}
    # The release's own name first: beside it may lie other images, as the originals.
    for images in sorted(places(source), key=lambda path: (path != source, "img_align_celeba" not in path.name)):
        if names := _listed(images, tables):
            break
    else:
        text = (
            f"holds no CelebA images (000001.jpg and so on), {lying_in(source)}; give the folder with img_align_celeba"
        )
        raise problem(source, text)
    for beside in {images.parent: None, source.parent: None}:
        for path in sorted(beside.iterdir()) if beside.is_dir() else ():
            if (match := _TABLE.fullmatch(path.name)) and match[1] not in tables and path.is_file():
                tables[match[1]] = str(path), _bytes(path)
    if "list_attr_celeba" not in tables:
        text = "list_attr_celeba.txt is neither in it nor beside it; CelebA's page has it under Anno"
        raise problem(source, text)
    attributes = _attributes(*tables["list_attr_celeba"])
    official = "list_eval_partition" in tables
    partition = _partition(*tables["list_eval_partition"]) if official else _by_number
    chosen = {}
    for split, number in PARTITIONS.items():
        there = [name for name in sorted(names) if name in attributes and partition(name) == number]
        chosen[split] = there[: COUNTS[split]]
        if not there:
            raise problem(
                images, f"holds no image of the official {split} partition that list_attr_celeba has a row for"
            )
    found = {Path(where).name: hashlib.sha256(content).hexdigest() for where, content in tables.values()}
    return Faces(images, names, attributes, chosen, found, official)


def celeba(faces: Faces, split: str, shown: Callable[[Iterator], Iterator] = iter) -> tuple[torch.Tensor, torch.Tensor]:
    """Decode the images of a split, one at a time as the archive gives them.

    shown: wraps the images as they come, for a progress bar.
    Returns images, uint8 (N, 3, 64, 64), and attributes, uint8 (N, 13).
    """
    place = {faces.names[number]: i for i, number in enumerate(faces.chosen[split])}
    images, done = np.empty((len(place), SIDE, SIDE, 3), np.uint8), set()
    for name, content in shown(members(faces.images, place.__contains__)):
        images[place[name]] = _face(faces.images, name, content)
        done.add(name)
    if lost := sorted(place.keys() - done):
        raise problem(faces.images, f"image {lost[0]} was listed and could not be read; make the archive anew")
    labels = np.stack([faces.attributes[number] for number in faces.chosen[split]])
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)


def _listed(source: Path, tables: Tables) -> dict[str, str]:
    """Numbers and names of the images in a folder or archive; tables are put into `tables` on the way."""
    listed: list[str] = []

    def wanted(name: str) -> bool:
        if _IMAGE.fullmatch(name):
            listed.append(name)
        return bool(_TABLE.fullmatch(name))

    for name, content in members(source, wanted):
        tables.setdefault(_TABLE.fullmatch(name)[1], (f"{source}/{name}", content))
    # A copy may have the original images (img_celeba) beside the aligned ones.
    aligned = [name for name in listed if "img_align_celeba" in name] or listed
    names = {}
    for name in aligned:
        if names.setdefault(_IMAGE.fullmatch(name)[1], name) != name:
            text = f"image {_IMAGE.fullmatch(name)[1]} is there twice, as {names[_IMAGE.fullmatch(name)[1]]} and {name}"
            raise problem(source, text)
    return names


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise problem(path, f"cannot be read: {error.strerror}") from None


def _rows(where: str, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and cells; columns are parted by blanks (.txt) or commas (.csv)."""
    for row, line in enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), 1):
        cells = [cell.strip() for cell in line.split(",")] if "," in line else line.split()
        if cells:
            yield row, cells


def _attributes(where: str, content: bytes) -> dict[str, np.ndarray]:
    at, width, found = None, 0, {}
    for row, cells in _rows(where, content):
        if at is None:
            if "Male" not in cells:
                if row > 2:
                    break
                continue
            header = cells[1:] if cells[0] == "image_id" else cells
            if missing := [name for name in ATTRIBUTES if name not in header]:
                raise problem(Path(where), f"column {missing[0]} is missing", row)
            at, width = [header.index(name) for name in ATTRIBUTES], len(header)
            continue
        values = cells[1:]
        if len(values) != width:
            raise problem(Path(where), f"has {len(values)} values, the header {width} attributes", row)
        mine = [values[i] for i in at]
        if bad := [value for value in mine if value not in ("1", "-1", "0")]:
            raise problem(Path(where), f"an attribute is {bad[0]!r}; 1, -1 and 0 are allowed", row)
        found[cells[0].split(".")[0]] = np.array([value == "1" for value in mine], np.uint8)
    if not found:
        raise problem(Path(where), "has no header with CelebA's attributes and rows below it")
    return found


def _partition(where: str, content: bytes) -> Callable[[str], int | None]:
    found = {}
    for row, cells in _rows(where, content):
        if row == 1 and cells[-1] == "partition":
            continue
        if len(cells) != 2 or cells[1] not in ("0", "1", "2"):
            raise problem(Path(where), "is no name and 0, 1 or 2", row)
        found[cells[0].split(".")[0]] = int(cells[1])
    return found.get


def _by_number(name: str) -> int:
    return 0 if int(name) <= LAST_TRAIN else 1 if int(name) <= LAST_VALID else 2


def _face(source: Path, name: str, content: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
            if image.size != ALIGNED:
                raise WorkbookError("is {}x{} pixels; the aligned images are 178x218".format(*image.size))
            left, top = ((side - CROP) // 2 for side in ALIGNED)
            cut = image.convert("RGB").crop((left, top, left + CROP, top + CROP))
            return np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.BILINEAR))
    except WorkbookError as error:
        raise problem(source, f"image {name} {error}") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        raise problem(source, f"image {name} is damaged ({error}); get a good copy") from None
