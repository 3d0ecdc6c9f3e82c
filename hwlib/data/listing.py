"""What lies in the folders of images: files, links that lead nowhere, and what systems leave behind."""

import os
import reprlib
import stat
import unicodedata
from collections.abc import Iterable
from pathlib import Path

_LITTER = {"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "__macosx", "lost+found"}
_LITTER |= {"@eadir", "#recycle", "@recycle", "$recycle.bin", "system volume information", "network trash folder"}


def is_litter(name: str) -> bool:
    """Whether a name is hidden, or one that Windows, macOS or a file server leaves in folders on its own."""
    return name.startswith((".", "~$")) or name.lower() in _LITTER


def is_file(entry: os.DirEntry) -> bool:
    """Whether an entry is a regular file or a link to one. A link in a circle is none, where Python would raise."""
    try:
        return entry.is_file()
    except OSError:
        return False


def is_folder(entry: os.DirEntry) -> bool:
    """Whether an entry is a folder or a link to one; as `is_file`."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def what_is(path: Path) -> str:
    """Say of something that is no regular file what it is instead: "is a folder", say."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # ValueError: a name with a null character
        return "is a link that leads to no file" if os.path.islink(path) else "is no file there"
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "is a regular file" if stat.S_ISREG(mode) else "is no file but a pipe, a socket or a device"


def absent(folder: Path, name: str, there: dict[str, str]) -> str:
    """Say that a csv names an image that `folder` lacks, and what may have been meant; `there`: its `by_alike`."""
    text = f"image {reprlib.repr(name)} {what_is(folder / name)}; {folder} must hold it, or the row must go"
    meant = there.get(_alike(name), name)
    return text if meant == name else f"{text} (there is {reprlib.repr(meant)}, which is another name)"


def by_alike(files: Iterable[str]) -> dict[str, str]:
    """Return the names of files by what they share with names that look the same."""
    return {_alike(name): name for name in files}


def _alike(name: str) -> str:
    """What two names share that differ only in capitals or in how accents are encoded, as between systems."""
    return unicodedata.normalize("NFC", name).casefold()
