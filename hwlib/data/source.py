"""Choosing the data of a run: a folder where there is one, else the sample that needs no files.

A folder may hold the course layout, what `hw data fetch` made, or both; of digits and faces each is taken from the
course layout where that has it.
"""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hwlib import paths
from hwlib.config import Config
from hwlib.data import compact, course
from hwlib.data.imageset import ImageSet
from hwlib.errors import WorkbookError

_PARTS = {"digits": "digits", "faces": "face"}
_LAYOUT = "face/{train,test} or digits/<name>/{train,test}, each with its .csv beside it, or what `hw data fetch` makes"
_NO_FILES = "`data sample` needs no files"
_READERS = {"course": course, "fetched": compact}


@dataclass(frozen=True)
class DataSource:
    """Where the image sets of a run come from. Making one loads nothing.

    kind: `sample`, `course` or `fetched`.
    root: the folder, for `fetched` the one in which `fetched/` lies; None for the sample.
    note: why this one was chosen, empty when it was asked for by name.
    """

    kind: str
    root: Path | None = None
    note: str = ""

    def digit_names(self) -> tuple[str, ...]:
        """Return the names of the digit sets, sorted."""
        if self.root is not None:
            return _READERS[self.kind].digit_names(self.root)
        from hwlib.data import sample

        return tuple(sorted(sample.NAMES))

    def check_digits(self, **names: str) -> None:
        """Raise WorkbookError if there is no digit set of one of the names, given as `parameter=name`."""
        known = self.digit_names()
        for parameter, name in names.items():
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none"
                raise WorkbookError(f"{parameter}: there is no digit set {name!r} here; {there}{self._more(name)}")

    def _more(self, name: str) -> str:
        from hwlib.data import registry  # it brings the network's library along, and only this error wants it

        can = self.kind == "fetched" and name in registry.SETS
        return f"; `hw data fetch {name} --to {self.root}` makes it" if can else ""

    def digits(self, name: str, split: str) -> ImageSet:
        """Return a digit set, uint8 images (N, C, 28, 28) and int64 labels (N,); `split` is `train` or `test`.

        Raises WorkbookError for an unknown name and for whatever is wrong with the files.
        """
        self.check_digits(digits=name)
        if self.root is not None:
            return _READERS[self.kind].digits(self.root, name, split)
        return _sample(name, split)

    def faces(self, split: str) -> ImageSet:
        """Return the faces, uint8 images (N, C, 64, 64) and uint8 attributes (N, 13); `split` as for digits.

        Raises WorkbookError for whatever is wrong with the files.
        """
        if self.root is not None:
            return _READERS[self.kind].faces(self.root, split)
        return _sample("face", split)


def open_source(data: str, need: str) -> DataSource:
    """Return the source that `data` asks for, if it holds what is needed.

    data: `auto`, `sample`, or a folder (a relative one hangs from the project's root). `auto` takes the
    folder that `$HW_DATA` names, else `data/` below the root, and the sample if what is needed is not there.
    need: `digits` or `faces`.
    Raises WorkbookError for a folder that was named, as `data` or as `$HW_DATA`, and holds neither the course layout
    nor fetched sets; an explicit `data` must hold the needed part as well.
    """
    part = _PARTS[need]
    if data == "sample":
        return DataSource("sample")
    if data == "auto":
        return _automatic(part)
    folder = _folder("data", data)
    if (kind := _kind(folder, part)) is None:
        meant = f", but {near} has" if (near := nearby(folder)) else ""
        text = f"{folder} {_lacks(part)}{meant}; expected is the course layout, {_LAYOUT} ({_NO_FILES})"
        raise WorkbookError(f"data: {text}")
    return DataSource(kind, folder)


def describe(source: DataSource, sets: Iterable[ImageSet]) -> list[str]:
    """Return the lines a run starts with: which data, then name, split and number of images of each set."""
    which = {"sample": "sample stand-ins", "course": "course folder", "fetched": "fetched sets in"}[source.kind]
    which += f" {source.root}" if source.root is not None else ""
    first = f"data: {which}" + (f" ({source.note})" if source.note else "")
    return [first, *(f"  {each.title}, {each.split}: {len(each)} images" for each in sets)]


def _automatic(part: str) -> DataSource:
    if named := os.environ.get("HW_DATA"):
        folder, origin = _folder("HW_DATA", named), "HW_DATA"
        if not any(_kind(folder, each) for each in _PARTS.values()):
            text = (
                f"{folder} has neither digits/ nor face/ nor sets in fetched/; expected is the course layout, {_LAYOUT}"
            )
            raise WorkbookError(f"HW_DATA: {text}")
    else:
        folder, origin = paths.anchored("data"), "data/ of the project"
        if not os.path.isdir(folder):
            return DataSource("sample", note=f"HW_DATA is not set and there is no folder {folder}")
    if kind := _kind(folder, part):
        return DataSource(kind, folder, f"from {origin}")
    if not any(_kind(folder, each) for each in _PARTS.values()) and (near := nearby(folder)):
        # Whoever has put real images there does not want to train on stand-ins.
        raise WorkbookError(
            f"data: {folder} {_lacks(part)}, but {near} has; move those up, name that folder, or {_NO_FILES}"
        )
    return DataSource("sample", note=f"{folder} {_lacks(part)}")


def _folder(parameter: str, named: str) -> Path:
    folder = paths.anchored(named, parameter)
    if not os.path.isdir(folder):
        what = "is no folder" if os.path.exists(folder) else "does not exist"
        text = f"{folder} {what}; expected is the course layout, {_LAYOUT} ({_NO_FILES})"
        raise WorkbookError(f"{parameter}: {text}")
    return folder


def _kind(folder: Path, part: str) -> str | None:
    """Where a folder has digits or faces: `course`, `fetched`, or None for nowhere."""
    if os.path.isdir(folder / part):
        return "course"
    there = compact.has_faces(folder) if part == "face" else compact.digit_names(folder)
    return "fetched" if there else None


def nearby(folder: Path) -> Path | None:
    """A folder with images one level above or below, where somebody was wrong by one level."""
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return None
    named = folder.name in (*_PARTS.values(), compact.FOLDER)
    for each in [*([folder.parent] if named else []), *below]:
        with contextlib.suppress(WorkbookError):  # one that cannot be listed is not what anybody means
            if any(_kind(each, part) for part in _PARTS.values()):
                return each
    return None


def _lacks(part: str) -> str:
    return f"has no folder {part}/ and no fetched {'faces' if part == 'face' else 'digits'}"


def _sample(name: str, split: str) -> ImageSet:
    from hwlib.data import sample

    return sample.load(name, split)


def open_data(config: Config) -> DataSource:
    """Return where the images of a run come from, after checking that its source and target are there."""
    if not hasattr(config, "src"):
        return open_source(config.data, "faces")
    source = open_source(config.data, "digits")
    source.check_digits(src=config.src, tgt=config.tgt)
    return source


def load_sets(config: Config) -> list[ImageSet]:
    """Return the image sets of a run, in the order in which its notebook loads them."""
    source = open_data(config)
    if not hasattr(config, "src"):
        return [source.faces("train"), source.faces("test")]
    return [source.digits(name, split) for name in (config.src, config.tgt) for split in ("train", "test")]
