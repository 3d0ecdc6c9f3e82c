"""Tensors that cost time to make are made once and kept as safetensors in the user's cache folder.

The files may be deleted at any time, also while they are in use: a process that has one mapped keeps what it mapped.
"""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hwlib.data.imageset import fingerprint
from hwlib.errors import WorkbookError
from hwlib.paths import cache_folder, share_as_folder

Tensors = dict[str, torch.Tensor]

LIMIT = 4 * 2**30
"""Bytes that the cache may hold: all of the course's images are 1 GB. What was used longest ago goes first."""

# Only files with these ends are ever counted or deleted, whatever else lies in the folder that HW_CACHE names.
_TENSORS, _LOCK, _PART = ".hw.safetensors", ".hw.lock", ".hw.part"

_SEAL = 64
"""Characters of the hash before a file's note."""

_PATIENCE = 5.0
"""Seconds to wait for another process that makes the same tensors before a line says so."""

_STALE = 3600.0
"""Seconds after which something unfinished is what a killed process left; writing takes a few."""


class CacheFile(NamedTuple):
    """Tensors in the cache: what they are, as their maker said; bytes; when last asked for, in seconds since 1970."""

    path: Path
    what: str
    size: int
    used: float


def cached(
    key: str, make: Callable[[], tuple[torch.Tensor, torch.Tensor]], what: str = ""
) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Return `(images, labels, sha256)` for `key`, calling `make` for images and labels as `cached_tensors` does."""

    def both() -> tuple[Tensors, dict[str, str]]:
        images, labels = make()
        return {"images": images, "labels": labels}, {"sha256": fingerprint(images, labels)}

    tensors, metadata = cached_tensors(key, both, what)
    return tensors["images"], tensors["labels"], metadata["sha256"]


def cached_tensors(
    key: str, make: Callable[[], tuple[Tensors, dict[str, str]]], what: str = ""
) -> tuple[Tensors, dict[str, str]]:
    """Return `(tensors, metadata)` for `key`, calling `make` only if the cache has no good file for it.

    key: must change when anything changes that `make` depends on; it becomes a file name.
    what: says in `cache_summary` what this is.

    The tensors are mapped, not read: what nobody looks at is never read, processes share the pages, and what is
    written into a tensor stays in this process. Two processes that ask for one key at once are safe: one makes, the
    other waits and maps. A file that is damaged in its size or its header is made again; its data is not hashed, which
    would take longer than a start should. Where the folder cannot be written, a line says so, and nothing is kept.
    """
    with contextlib.ExitStack() as stack:
        path = None
        try:
            path = cache_folder() / f"{key}{_TENSORS}"
            if (found := _read(path, key)) is not None:
                return found
            stack.enter_context(_locked(path.with_name(f"{key}{_LOCK}"), what or key))
            if (found := _read(path, key)) is not None:
                return found
        except (OSError, NotImplementedError, RuntimeError) as error:  # read-only, full, without locks, no home
            _say_unused(path, error)
            path = None
        tensors, metadata = make()
        tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
        if path is not None and _write(path, key, tensors, metadata, what):
            # From here on it is what every later start has, and the memory it was made in is free again.
            return _read(path, key) or (tensors, metadata)
    return tensors, metadata


def peek(key: str) -> tuple[int, str] | None:
    """Return the number of images and their sha256 where `cached` has made `key` already; it reads no image."""
    try:
        tensors, metadata = _read(cache_folder() / f"{key}{_TENSORS}", key) or ({}, {})
        return len(tensors["images"]), metadata["sha256"]
    except (OSError, RuntimeError, KeyError):
        return None


def cache_summary() -> list[CacheFile]:
    """Return what the cache holds, the last used first. Raises WorkbookError where its folder cannot be read."""
    found = []
    for path in _files(_TENSORS):
        with contextlib.suppress(OSError, SafetensorError, TypeError, ValueError, KeyError):
            status = path.stat()
            with safe_open(path, framework="pt") as file:
                what = json.loads(file.metadata()["note"][_SEAL:])["what"]
            # A name that is no text, as Python keeps it, cannot be printed.
            what = what.encode(errors="backslashreplace").decode()
            found.append(CacheFile(path, what, status.st_size, status.st_mtime))
    return sorted(found, key=lambda file: -file.used)


def clear_cache() -> tuple[int, int]:
    """Delete the cache's files, nothing else in its folder; return how many held tensors and how many bytes went.

    What another process is making stays. Raises WorkbookError where the folder cannot be read.
    """
    sizes = [size for path in _files(_TENSORS) if (size := _unlink(path)) is not None]
    _sweep()
    return len(sizes), sum(sizes)


def _read(path: Path, key: str) -> tuple[Tensors, dict[str, str]] | None:
    try:
        with safe_open(path, framework="pt") as file:  # maps the file and compares its size with what the header says
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            sealed = (file.metadata() or {}).get("note", "")
    except (OSError, SafetensorError, RuntimeError):
        return None
    text = sealed[_SEAL:]
    if sealed != _seal(text, tensors) + text or (note := json.loads(text))["key"] != key:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the order in which files are given up
    return tensors, note["metadata"]


def _write(path: Path, key: str, tensors: Tensors, metadata: dict[str, str], what: str) -> bool:
    # In one string, since safetensors writes several in any order, and the same tensors shall give the same file.
    text = json.dumps({"key": key, "what": what, "metadata": metadata})
    # A folder, since safetensors writes by way of a temporary file of its own, which a killed process would leave.
    part = path.with_name(f"{key}-{secrets.token_hex(4)}{_PART}")
    try:
        part.mkdir()
        made = part / path.name
        save_file(tensors, made, metadata={"note": _seal(text, tensors) + text})
        share_as_folder(made)
        with open(made, "rb+") as file:
            os.fsync(file.fileno())  # or a power cut could leave a good header over empty pages
        os.replace(made, path)
    except (OSError, SafetensorError) as error:
        _say_unused(path, error)
        return False
    finally:
        shutil.rmtree(part, ignore_errors=True)
    with contextlib.suppress(WorkbookError):
        _bound(path)
    return True


def _seal(text: str, tensors: Tensors) -> str:
    """A hash of what the header says, where a changed byte, of a shape or of the sha256, would go unnoticed."""
    shapes = [[name, str(tensor.dtype), list(tensor.shape)] for name, tensor in sorted(tensors.items())]
    return hashlib.sha256(json.dumps([text, shapes]).encode()).hexdigest()


@contextlib.contextmanager
def _locked(path: Path, what: str) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        _say(f"another process is making {what}; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _files(end: str) -> list[Path]:
    try:
        return [path for path in cache_folder().iterdir() if path.name.endswith(end)]
    except (OSError, RuntimeError) as error:
        place = f" {error.filename}" if getattr(error, "filename", None) else ""
        raise WorkbookError(
            f"the cache folder{place} cannot be listed ({_reason(error)}); HW_CACHE can name another one"
        ) from None


def _bound(newest: Path) -> None:
    """Delete what was used longest ago until the rest is within `LIMIT`; `newest` stays in any case."""
    total = 0
    for path in sorted(_files(_TENSORS), key=_used, reverse=True):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
        if total > LIMIT and path != newest:
            _unlink(path)
    _sweep()


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # another process has deleted it
        return 0.0


def _sweep() -> None:
    """Delete what killed processes left, and the locks of files that are gone."""
    for path in _files(_PART):
        if time.time() - _used(path) > _STALE:
            shutil.rmtree(path, ignore_errors=True)
    for path in _files(_LOCK):
        if not path.with_name(path.name.removesuffix(_LOCK) + _TENSORS).exists():
            with contextlib.suppress(OSError, Timeout), FileLock(path, timeout=0):
                _unlink(path)


def _unlink(path: Path) -> int | None:
    """Delete a file; return its bytes, or None where that did not work, as on Windows for a file that is mapped."""
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError:
        return None
    return size


def _say_unused(path: Path | None, error: Exception) -> None:
    where = path.parent if path else "the cache folder"
    _say(f"{where} cannot hold the cache ({_reason(error)}), so nothing is kept; HW_CACHE can name another folder")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__


@cache
def _say(line: str) -> None:
    """Say it once in a process."""
    print(f"hw: {line}", file=sys.stderr, flush=True)
