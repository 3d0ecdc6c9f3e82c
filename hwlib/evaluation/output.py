"""A file that a command was asked to write: whole, or as it was before."""

import os
from collections.abc import Iterable
from pathlib import Path

from hwlib.errors import WorkbookError


def check_free(out: Path, parameter: str, kind: str, *, force: bool = False, inputs: Iterable[Path] = ()) -> None:
    """Say before the work is done what can be said of the place of a file to write.

    parameter: the option that named it; kind: what it will be, "csv" say. force: an existing file may be written over,
    unless it is one of the command's `inputs`, files or folders with all that is in them, or a run keeps its record
    beside it. Where there is no file yet, any name will do. Raises WorkbookError in one line.
    """
    if not os.path.isdir(out.parent):
        raise WorkbookError(f"{parameter}: {out.parent} is no folder; make it first, or write elsewhere")
    if not os.path.exists(out):
        return
    if not os.path.isfile(out):
        raise WorkbookError(f"{parameter}: {out} is no file; give the name of a {kind}")
    folder = Path(os.path.realpath(out)).parent
    held = (out, folder, *folder.parents)
    if any(os.path.samefile(given, each) for given in inputs if os.path.exists(given) for each in held):
        raise WorkbookError(f"{parameter}: {out} is one of the files that are read here; give another name")
    if os.path.exists(folder / "run.json"):
        raise WorkbookError(f"{parameter}: {out} is part of the record of a run; give another name")
    if not force:
        raise _there(out, parameter)


def put(out: Path, content: bytes, parameter: str, *, force: bool = False) -> None:
    """Write `content` to a temporary name beside `out` and move it there, so that `out` is whole or untouched.

    force: a file that is there is replaced; without it, one that came there since `check_free` is left alone.
    """
    place = Path(os.path.realpath(out))  # where `out` is a link, its file is replaced and the link stays
    temporary = place.with_name(f".hw-{os.getpid()}.part")  # short: the name itself may be as long as names can be
    try:
        try:
            temporary.write_bytes(content)
            if force or not _linked(temporary, place):
                if not force and place.exists():
                    raise FileExistsError
                os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise _there(out, parameter) from None
    except OSError as error:
        raise WorkbookError(
            f"{parameter}: cannot write {out} ({error.strerror}); mend that, or write elsewhere"
        ) from None


def _linked(temporary: Path, place: Path) -> bool:
    """Give the file its second name, which fails where that is taken, however late somebody took it. False where the
    file system has no second names."""
    try:
        os.link(temporary, place)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _there(out: Path, parameter: str) -> WorkbookError:
    return WorkbookError(f"{parameter}: {out} is there already; give another name, or --force to write over it")
