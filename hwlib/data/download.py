"""A file from the network, whole and with the expected sha256, or not at all."""

import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from tqdm import tqdm

from hwlib.data.archive import LARGEST
from hwlib.data.transfer import Failed, open_session, sha256_and_size, transfer
from hwlib.errors import WorkbookError
from hwlib.progress import kind


@dataclass(frozen=True)
class RemoteFile:
    """A file that mirrors offer: the name it is kept under, addresses in the order to try, what it must be.

    sha256: of the file as it is stored, lower-case hexadecimal; size: in bytes, None where it is not known. content:
    sha256 of what is in a .gz, where that is known: a file that was compressed again is the same file.
    """

    name: str
    urls: tuple[str, ...]
    sha256: str
    size: int | None = None
    content: str | None = None


class Unreachable(WorkbookError):
    """No mirror gave any answer: most likely there is no network here."""


def download(file: RemoteFile, folder: Path) -> Path:
    """Return `folder/file.name` with the expected sha256, fetching it where it is not there or is something else.

    A transfer grows in `<name>.part` beside it and is renamed when its sha256 is right. One that was interrupted, in
    this call or an earlier one, is resumed where the server can; one that turned out wrong is removed. Two processes
    never fetch one file at once: the second waits. Each mirror is tried several times, with growing pauses; proxies
    are those of the environment (HTTPS_PROXY, NO_PROXY). Raises `Unreachable` when no mirror answered at all, and
    WorkbookError, with what each of them said, when none gave the right file or the folder cannot be written.
    """
    path = Path(folder) / file.name
    try:
        if is_right(path, file):
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if not is_right(path, file):  # another process may have fetched it meanwhile
                part = path.with_name(f"{path.name}.part")
                _fetch(file, part)
                os.replace(part, path)
        return path
    except OSError as error:
        raise WorkbookError(
            f"{error.filename or path}: {error.strerror or error}; {file.name} is to be kept in {path.parent}: see "
            "that this folder can be read and written and that its disk has room, then run the same again"
        ) from None


def is_right(path: Path, file: RemoteFile) -> bool:
    """Whether the file at `path` is the one that is wanted."""
    if not path.exists():
        return False
    if file.size in (None, path.stat().st_size) and sha256_and_size(path)[0].hexdigest() == file.sha256:
        return True
    if file.content is None:
        return False
    digest, left = hashlib.sha256(), LARGEST
    try:
        with gzip.open(path) as packed:
            while left > 0 and (chunk := packed.read(2**20)):
                digest.update(chunk)
                left -= len(chunk)
    except (OSError, EOFError, zlib.error):
        return False
    return digest.hexdigest() == file.content


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _say(f"{path.name}: another process is fetching it; waiting for that one")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(file: RemoteFile, part: Path) -> None:
    """Make `part` the whole file, from the first mirror that can."""
    said, answered, begun = [], False, time.monotonic()
    with open_session() as session, _bar(file) as bar:
        for url in file.urls:
            host, there = urlsplit(url).netloc, _size(part)
            resumed = f", going on at {_bytes(there)}" if there else ""
            _say(f"{file.name}: fetching {'' if file.size is None else _bytes(file.size) + ' '}from {host}{resumed}")
            try:
                transfer(session, url, part, file.sha256, file.size, bar)
            except Failed as error:
                said.append(f"{host} {error}")
                answered |= error.answered
            else:
                took = time.monotonic() - begun
                _say(f"{file.name}: {_bytes(_size(part))} fetched in {took:.0f} s, sha256 as expected")
                return
    words = f"none of its addresses gave it: {'; '.join(said)}" if said else "no address that has it is known"
    if there := _size(part):
        words += f"; {_bytes(there)} are kept in {part.name}, and the same command goes on there"
    if part.with_suffix("").exists():
        words += f"; the {file.name} in {part.parent} is another file, its sha256 differs"
    raise (WorkbookError if answered else Unreachable)(f"{file.name}: {words}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _bytes(number: int) -> str:
    return tqdm.format_sizeof(number, "B")


def _bar(file: RemoteFile) -> tqdm:
    return tqdm(total=file.size, desc=file.name, unit="B", unit_scale=True, disable=kind() != "bar")


def _say(line: str) -> None:
    if kind() not in ("bar", "none"):
        print(line, flush=True)
