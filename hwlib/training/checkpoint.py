"""The state of a training on disk: written whole or not at all, read only when every byte is as it was written."""

import contextlib
import hashlib
import io
import os
import time
from pathlib import Path
from typing import Any

import torch

from hwlib.errors import WorkbookError

_MAGIC = b"hwlib checkpoint 1 sha256 "
State = dict[str, Any]


class Keeper:
    """Keeps the trainings of one run in a folder, one file a training and the one before it."""

    def __init__(self, folder: Path, every: float) -> None:
        """folder: where the files lie, made when there is something to keep; every: seconds between two of them."""
        self.folder = folder
        self.every = every
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether `every` seconds have passed since the last checkpoint, or since this keeper was made."""
        return time.monotonic() - self._last >= self.every

    def save(self, label: str, state: State) -> None:
        """Keep `state` (tensors, numbers, text, and lists and dicts of them) as the newest of training `label`."""
        write(self.folder / f"{label}.ckpt", state)
        self._last = time.monotonic()

    def restore(self, label: str) -> State | None:
        """Return the newest kept state of training `label`, its tensors on the CPU; None when there is none."""
        return read(self.folder / f"{label}.ckpt")


def write(path: Path, state: State) -> None:
    """Put `state` at `path`; what was there becomes `<path>.previous`.

    The file goes to a temporary name first, reaches the disk, and is renamed, so a process that dies at any moment
    leaves the checkpoint before or this one. Raises `WorkbookError` when the disk is full or the folder read-only;
    the checkpoints already there are then untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    body = buffer.getbuffer()
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n")
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, _previous(path))
        os.replace(temporary, path)
        _sync(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise WorkbookError(
            f"{path}: the checkpoint cannot be written ({error.strerror}); mend that and run the same again: it goes "
            "on from the last good checkpoint, if there is one"
        ) from None


def read(path: Path) -> State | None:
    """Return the state at `path`, or the one before it when there is none; None when there is neither.

    A damaged file is moved aside, and `WorkbookError` says so: the next call returns the one before it, so a person
    decides whether to go on from there.
    """
    for candidate in (path, _previous(path)):
        try:
            content = candidate.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WorkbookError(f"{candidate}: the checkpoint cannot be read ({error.strerror})") from None
        try:
            return _parse(content)
        except ValueError as error:
            raise WorkbookError(_set_aside(candidate, str(error))) from None
    return None


def _parse(content: bytes) -> State:
    """The state in a file's bytes; ValueError says what is wrong with them."""
    head, _, body = content.partition(b"\n")
    if not head.startswith(_MAGIC):
        raise ValueError("is no checkpoint of the workbook")
    if hashlib.sha256(body).hexdigest().encode() != head.removeprefix(_MAGIC):
        raise ValueError("is damaged: its checksum does not fit")
    try:
        return torch.load(io.BytesIO(body), map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception:  # the unpickler refuses whatever is not a tensor or a plain value, in many ways
        raise ValueError("holds something else than tensors and plain values, and is not opened") from None


def _set_aside(path: Path, reason: str) -> str:
    """Rename a damaged checkpoint; return the line that says what is wrong and what to do."""
    aside = path.with_name(path.name + ".damaged")
    line = f"{path}: the checkpoint {reason}; "
    try:
        os.replace(path, aside)
    except OSError as error:
        return line + f"remove it to go on ({error.strerror})"
    before = path if path.suffix == ".previous" else _previous(path)
    where = "the checkpoint before it" if before.exists() else "the beginning of this training"
    return line + f"it is now {aside.name}, and running the same again goes on from {where}"


def _previous(path: Path) -> Path:
    return path.with_name(path.name + ".previous")


def _sync(folder: Path) -> None:
    """Make renames in `folder` last through a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
