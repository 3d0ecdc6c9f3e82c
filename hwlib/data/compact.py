"""Sets that `hw data fetch` made: `FOLDER/fetched/<name>/`, two files of tensors and a manifest that vouches for them.

`train.safetensors` and `test.safetensors` hold `images` and `labels` as an `ImageSet` has them and, as metadata, their
sha256 (see `fingerprint`). `manifest.json` says what the set is, what it was made from and how, with the same sha256.
Reading compares all three, so that a file that is lost, cut short, swapped or damaged is never trained on.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hwlib.data.imageset import ImageSet, fingerprint
from hwlib.data.table import DIGIT_FORM, FACE_FORM, Form, problem
from hwlib.errors import WorkbookError
from hwlib.paths import share_as_folder

SCHEMA = 1
FOLDER = "fetched"
DOWNLOADS = "downloads"
FACES = "celeba"
MANIFEST = "manifest.json"
SPLITS = ("train", "test")

Manifest = dict[str, Any]


def digit_names(root: Path) -> tuple[str, ...]:
    """Return the sorted names of the digit sets in `root/fetched`, empty where there are none."""
    return tuple(name for name in _names(root) if name != FACES)


def has_faces(root: Path) -> bool:
    """Whether `root/fetched` has a set of faces."""
    return FACES in _names(root)


def digits(root: Path, name: str, split: str) -> ImageSet:
    """Read a digit set, uint8 images (N, C, 28, 28) and int64 labels (N,).

    Raises WorkbookError for whatever is wrong with its files.
    """
    return _load(root / FOLDER / name, name, split, DIGIT_FORM)


def faces(root: Path, split: str) -> ImageSet:
    """Read the faces, uint8 images (N, 3, 64, 64) and uint8 attributes (N, 13). Raises as `digits` does."""
    return _load(root / FOLDER / FACES, "face", split, FACE_FORM)


def write(folder: Path, facts: Manifest, splits: Iterable[tuple[str, torch.Tensor, torch.Tensor]]) -> Manifest:
    """Write a set into an empty folder, the manifest last, and return the manifest.

    facts: what it is to say beside schema and splits. splits: name, images and labels of each, taken one at a time.
    """
    manifest = {"schema": SCHEMA, **facts, "splits": {}}
    for split, images, labels in splits:
        sha256 = fingerprint(images, labels)
        path = folder / f"{split}.safetensors"
        tensors = {"images": images.contiguous(), "labels": labels.contiguous()}
        try:
            save_file(tensors, path, metadata={"sha256": sha256})
            share_as_folder(path)
        except SafetensorError as error:  # its name for a full disk
            raise problem(path, f"cannot be written ({error})") from None
        with open(path, "rb") as file:
            os.fsync(file.fileno())  # the folder is about to be renamed into one that counts as whole
        entry = {"count": len(images), "shape": list(images.shape[1:]), "sha256": sha256, "bytes": path.stat().st_size}
        manifest["splits"][split] = entry
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def manifest(folder: Path) -> Manifest:
    """Read the manifest of a set; `WorkbookError` where it is missing, damaged or of another schema."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA:
            raise problem(path, f"has schema {found['schema']!r}, not {SCHEMA}; {_again(folder)}")
        if found.get("name", folder.name) != folder.name and not folder.name.startswith("."):
            raise problem(path, f"is that of {found['name']!r}, so this folder was renamed; {_again(folder)}")
        for split in SPLITS:
            entry = found["splits"][split]
            if not (isinstance(entry["count"], int) and isinstance(entry["sha256"], str)):
                raise ValueError(split)
    except FileNotFoundError:
        raise problem(path, f"is missing; {_again(folder)}") from None
    except OSError as error:
        raise problem(path, f"cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise problem(path, f"is damaged; {_again(folder)}") from None
    return found


def verify(folder: Path) -> Manifest:
    """Read a set whole and return its manifest; `WorkbookError` for whatever is wrong with its files."""
    form = FACE_FORM if folder.name == FACES else DIGIT_FORM
    for split in SPLITS:
        _load(folder, folder.name, split, form)
    return manifest(folder)


def whole(folder: Path) -> Manifest | None:
    """Return the manifest of a set that is there and sound, else None."""
    try:
        return verify(folder)
    except WorkbookError:
        return None


def put_in_place(new: Path, folder: Path) -> None:
    """Put a finished folder in the place of another, which is deleted.

    A folder cannot be renamed over one that holds something. Whoever is killed between the two renames leaves nothing
    under the name, never half of something.
    """
    old = new.with_name(f"{new.name}.old")
    if folder.exists():
        os.rename(folder, old)
    os.rename(new, folder)
    shutil.rmtree(old, ignore_errors=True)


def _names(root: Path) -> tuple[str, ...]:
    folder = root / FOLDER
    if not folder.is_dir():
        return ()
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except OSError as error:
        raise problem(folder, f"cannot be listed: {error.strerror}") from None
    return tuple(sorted(name for name in names if name != DOWNLOADS and not name.startswith(".")))


def _load(folder: Path, name: str, split: str, form: Form) -> ImageSet:
    entry = manifest(folder)["splits"][split]
    path = folder / f"{split}.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            noted = (file.metadata() or {}).get("sha256")
            images, labels = file.get_tensor("images"), file.get_tensor("labels")
    except FileNotFoundError:
        raise problem(path, f"is missing; {_again(folder)}") from None
    except (OSError, SafetensorError) as error:
        raise problem(path, f"cannot be read, or is cut short or damaged ({error}); {_again(folder)}") from None
    sha256 = fingerprint(images, labels)
    if not sha256 == noted == entry["sha256"] or len(images) != entry["count"]:
        raise problem(path, f"is not what {MANIFEST} vouches for (sha256); {_again(folder)}")
    if wrong := _misshapen(images, labels, form):
        raise problem(path, f"{wrong}; {_again(folder)}")
    return ImageSet(name, split, images, labels, form.label_names, "fetched", False, sha256)


def _misshapen(images: torch.Tensor, labels: torch.Tensor, form: Form) -> str:
    """What a set of this form may not hold, if anything."""
    n, rest = len(images), tuple(images.shape[1:])
    if images.dtype != torch.uint8 or rest not in ((1, form.side, form.side), (3, form.side, form.side)) or not n:
        return (
            f"images are {images.dtype} {tuple(images.shape)}; uint8 (N, 1 or 3, {form.side}, {form.side}) is allowed"
        )
    shape, dtype, top = ((n,), torch.int64, 9) if form is DIGIT_FORM else ((n, len(form.columns)), torch.uint8, 1)
    if labels.dtype != dtype or tuple(labels.shape) != shape:
        return f"labels are {labels.dtype} {tuple(labels.shape)}; {dtype} {shape} is allowed"
    if labels.min() < 0 or labels.max() > top:
        return f"labels go from {int(labels.min())} to {int(labels.max())}; {form.allowed}"
    return ""


def _again(folder: Path) -> str:
    return f"`hw data fetch {folder.name} --to {folder.parent.parent}` makes the set anew"
