"""The files in a folder, a zip or a tar, read one after the other; nothing is ever extracted."""

import os
import posixpath
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hwlib.errors import WorkbookError

LARGEST = 256 * 2**20
"""Bytes that a member may have; the largest that a data set here needs, of SVHN, has 182 MB."""

RATIO = 200
"""How many times its packed size something may unpack to: deflated text reaches about 20, deflated zeros 1000."""

HARMLESS = 2**20
"""Bytes that are never absurd, however small they were packed."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # how a zip begins that has members, and one that has none
_FOREIGN = {
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "packed by zstd",
}
_PACKED = re.compile(r".*\.(zip|tar|tar\.(gz|bz2|xz)|tgz|tbz2?|txz)", re.IGNORECASE)
_UNREAD = re.compile(r".*\.(rar|7z|zst|z\d\d|(zip|7z|rar)\.\d{3}|part\d+\.rar)", re.IGNORECASE)
_AGAIN = "get or make this archive again"

_Wanted = Callable[[str], bool]


def members(path: Path, wanted: _Wanted) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file in `path` for whose name `wanted` returns true.

    path: a folder, a zip, or a tar, plain or compressed by gzip, bzip2 or xz; the content decides, not the suffix.
    Names are relative, with `/` between their parts, also where an archive made on Windows has `\\`. Those of a folder
    come sorted, those of an archive in its order. Hidden files and the resource files of macOS do not count. In a
    folder symbolic links are followed, and each folder is visited once.

    Raises WorkbookError, naming the archive and the member, for a name or a link that leads out of the archive and
    for a device, wanted or not; and for a wanted member that is a link, is there twice, is encrypted, cannot be read
    whole, is larger than `LARGEST` or is packed absurdly small. A tar is read once from its beginning to its end, so
    damage shows only after the members before it were given: use none before all have come.
    """
    path = Path(path)
    with _readable(path):
        if path.is_dir():
            kind = _of_folder
        else:
            with open(path, "rb") as file:
                begin = file.read(6)
            for mark, what in _FOREIGN.items():
                if begin.startswith(mark):
                    raise _refused(path, "", f"is {what}, which is not read here; unpack it and give the folder")
            kind = _of_zip if begin[:4] in _ZIP else _of_tar
    yield from kind(path, wanted)


def places(path: Path) -> Iterator[Path]:
    """Yield `path`, and where it is a folder the zips and tars in it, sorted: where what somebody means may lie."""
    yield path
    if path.is_dir():
        yield from (path / name for name in _listed(path) if _PACKED.fullmatch(name) and not _hidden(name))


def lying_in(path: Path) -> str:
    """Say what lies in a folder or an archive in which nothing was found that is wanted, as a part of a sentence."""
    names: list[str] = []

    def note(name: str) -> bool:
        names.append(name)
        return False

    for _ in members(path, note):
        pass
    unread = [name for name in names if _UNREAD.fullmatch(name)]
    packed = [name for name in names if _PACKED.fullmatch(name)]
    if path.is_dir() and packed:
        return f"and in {packed[0][:200]!r} {lying_in(path / packed[0])}"
    if unread or packed:
        return f"there is {(unread or packed)[0][:200]!r}, which is not read there; unpack it"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return (
        f"there is {', '.join(repr(name[:200]) for name in sorted(names)[:3])}{more}" if names else "nothing is there"
    )


def _listed(path: Path) -> list[str]:
    """The names of all files in a folder, sorted, hidden files among them."""
    names, visited = [], set()

    def fail(error: OSError) -> None:
        raise error

    with _readable(path):
        for folder, folders, files in os.walk(path, onerror=fail, followlinks=True):
            status = os.stat(folder)
            if (status.st_dev, status.st_ino) in visited:  # through a link, perhaps one to a folder above itself
                folders.clear()
                continue
            visited.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not _hidden(name))
            names += [Path(folder, name).relative_to(path).as_posix() for name in files]
    return sorted(names)


def _of_folder(path: Path, wanted: _Wanted) -> Iterator[tuple[str, bytes]]:
    for name in _listed(path):
        if _hidden(name) or not wanted(name):
            continue
        with _readable(path, name):
            status = os.stat(path / name)
            if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
                raise _refused(path, name, "is no regular file; put the file itself there")
            _check_size(path, name, status.st_size)
            content = (path / name).read_bytes()
        yield name, content


def _of_zip(path: Path, wanted: _Wanted) -> Iterator[tuple[str, bytes]]:
    with _readable(path):
        archive = zipfile.ZipFile(path)
    with archive:
        with _readable(path):
            _check_count(path, archive)
        entries, names = archive.infolist(), _Names(path, wanted)
        _check_ratio(path, "", sum(info.file_size for info in entries), path.stat().st_size)
        chosen = []
        for info in entries:
            mode = info.external_attr >> 16
            link = None
            if stat.S_ISLNK(mode):
                link = posixpath.join(posixpath.dirname(info.filename), os.fsdecode(_unzip(path, archive, info)))
            kind = "device" if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK) else "file"
            # PowerShell 5 writes its folders as `name\\`.
            folder = info.is_dir() or info.filename.endswith("\\")
            if name := names.take(info.filename, "folder" if folder else kind, link):
                chosen.append((name, info))
        for name, info in chosen:
            yield name, _unzip(path, archive, info)


def _check_count(path: Path, archive: zipfile.ZipFile) -> None:
    """Check that the directory has as many entries as its end says: a wrong length in one may hide those after it."""
    with open(path, "rb") as file:
        file.seek(-22 - len(archive.comment), os.SEEK_END)
        mark, count = struct.unpack("<4s6xH", file.read(12))
    # In a large zip the field is full, or holds what is left of the number when 2**16 are taken away.
    if mark == b"PK\5\6" and count not in (0xFFFF, len(archive.infolist()) % 2**16):
        raise ValueError(f"{len(archive.infolist())} members instead of {count}")


def _unzip(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    name = info.filename
    if info.flag_bits & 1:
        raise _refused(path, name, "is encrypted; unpack the archive with its password and give the folder")
    # The decompressors of other methods cannot be told to stop, so their bombs could not be defused.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refused(path, name, "is packed by an unusual method; unpack the archive and give the folder")
    _check_size(path, name, info.file_size)
    _check_ratio(path, name, info.file_size, info.compress_size)
    with _readable(path, name), archive.open(info) as file:
        # No more than the size that was announced, and checked above, is ever unpacked; then the CRC is compared.
        return _whole(file.read(info.file_size + 1), info.file_size)


def _of_tar(path: Path, wanted: _Wanted) -> Iterator[tuple[str, bytes]]:
    with _readable(path):
        try:
            archive = tarfile.open(path, "r:*")  # noqa: SIM115 (closed below)
        except tarfile.ReadError:
            words = f"is no folder, zip or tar, or is damaged at its beginning; {_AGAIN}"
            raise WorkbookError(f"{path}: {words}") from None
        packed = path.stat().st_size
    with archive:
        names = _Names(path, wanted)
        while True:
            with _readable(path):
                info = archive.next()
            if info is None:
                break
            archive.members.clear()  # else a list of them all would grow
            _check_ratio(path, info.name, info.offset_data + info.size, packed)
            link = info.linkname if info.islnk() else None
            if info.issym():
                link = posixpath.join(posixpath.dirname(info.name), info.linkname)
            kind = "folder" if info.isdir() else "device" if info.isdev() else "file"
            if not (name := names.take(info.name, kind, link)):
                continue
            _check_size(path, name, info.size)
            with _readable(path, name):
                content = _whole(archive.extractfile(info).read(), info.size)
            yield name, content
        with _readable(path):
            _finish(path, archive, packed)


def _finish(path: Path, archive: tarfile.TarFile, packed: int) -> None:
    """Check that the archive ends where its members do; tarfile takes a damaged header or a cut for the end, too."""
    file = archive.fileobj
    file.seek(archive.offset)
    if _whole(file.read(tarfile.BLOCKSIZE), tarfile.BLOCKSIZE).strip(b"\0"):
        raise ValueError("a header is no header")
    while file.read(HARMLESS):  # only at their very end do gzip and xz compare the checksum
        _check_ratio(path, "", file.tell(), packed)


class _Names:
    """The names of an archive as they come: checks each, and tells the wanted files from the rest."""

    def __init__(self, path: Path, wanted: _Wanted):
        self.path, self.wanted, self.seen = path, wanted, set()

    def take(self, raw: str, kind: str, link: str | None) -> str | None:
        """Return the name in its simplest form, None if this is no wanted file.

        kind: `file`, `folder` or `device`; link: where a link leads, from the top of the archive.
        """
        if _leads_out(raw):
            raise _refused(self.path, raw, f"has a name that leads out of the archive; {_AGAIN}")
        if link is not None and ("\\" in link or _leads_out(posixpath.normpath(link))):
            raise _refused(self.path, raw, f"is a link that leads out of the archive; {_AGAIN}")
        if kind == "device":
            raise _refused(self.path, raw, f"is a device or a pipe; {_AGAIN}")
        name = "/".join(part for part in raw.replace("\\", "/").split("/") if part not in ("", "."))
        if kind == "folder" or not name or _hidden(name) or not self.wanted(name):
            return None
        if link is not None:
            raise _refused(self.path, name, "is a link; make the archive again with the files themselves in it")
        if name in self.seen:
            raise _refused(self.path, name, f"is there twice; {_AGAIN}")
        self.seen.add(name)
        return name


def _leads_out(name: str) -> bool:
    """Whether extracting to this name could write elsewhere, here or on Windows."""
    name = name.replace("\\", "/")
    return name.startswith("/") or ".." in name.split("/") or bool(re.match("[A-Za-z]:", name))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _whole(content: bytes, size: int) -> bytes:
    if len(content) != size:
        raise EOFError(f"{len(content)} bytes instead of {size}")
    return content


def _check_size(path: Path, name: str, size: int) -> None:
    if size > LARGEST:
        raise _refused(path, name, f"has {size} bytes; at most {LARGEST} are read of one file")


def _check_ratio(path: Path, name: str, unpacked: int, packed: int) -> None:
    if unpacked > max(HARMLESS, RATIO * packed):
        raise _refused(path, name, f"unpacks {packed} bytes to {unpacked} or more, as no images do; {_AGAIN}")


def _refused(path: Path, name: str, words: str) -> WorkbookError:
    return WorkbookError(f"{path}: {f'{name[:200]!r} ' if name else ''}{words}")


@contextmanager
def _readable(path: Path, name: str = "") -> Iterator[None]:
    try:
        yield
    except (WorkbookError, MemoryError):
        raise
    except Exception as error:  # zipfile, tarfile and the decompressors raise some ten kinds for damaged archives
        if isinstance(error, OSError) and error.errno is not None:
            raise _refused(path, name, f"cannot be read: {error.strerror}") from None
        words = f"is damaged or cut off ({' '.join(str(error).split()) or type(error).__name__}); {_AGAIN}"
        raise _refused(path, name, words) from None
