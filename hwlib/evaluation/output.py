"""A file that a command was asked to write: whole, or as it was before."""

import os
from pathlib import Path

from hwlib.errors import WorkbookError


def check_free(out: Path, parameter: str, kind: str) -> None:
    """Say before the work is done what can be said of the place of a file to write.

    parameter: the option that named it; kind: what it will be, "csv" say. Raises WorkbookError in one line.
    """
    if not os.path.isdir(out.parent):
        raise WorkbookError(f"{parameter}: {out.parent} is no folder; make it first, or write elsewhere")
    if os.path.exists(out) and not os.path.isfile(out):
        raise WorkbookError(f"{parameter}: {out} is no file; give the name of a {kind}")


def put(out: Path, content: bytes, parameter: str) -> None:
    """Write `content` to a temporary name beside `out` and move it there, so that `out` is whole or untouched."""
    place = Path(os.path.realpath(out))  # where `out` is a link, its file is replaced and the link stays
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        try:
            temporary.write_bytes(content)
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorkbookError(
            f"{parameter}: cannot write {out} ({error.strerror}); mend that, or write elsewhere"
        ) from None
