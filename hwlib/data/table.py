"""The csv beside a folder of images: which columns it has, and what each row says of its image.

One parser serves two callers: the loader stops at the first problem, `hw data check` collects them all.
"""

import csv
import io
import re
import reprlib
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from hwlib.errors import WorkbookError
from hwlib.names import ATTRIBUTES, DIGITS


class Form(NamedTuple):
    """What one kind of set looks like: side of an image in pixels, columns of its csv, values of a cell.

    foreign: a value that the upstream data set uses and the course does not, and the words that say so.
    """

    side: int
    columns: tuple[str, ...]
    cell: re.Pattern
    allowed: str
    label_names: tuple[str, ...]
    foreign: tuple[str, str]


DIGIT_FORM = Form(
    28,
    ("label",),
    re.compile(r"([0-9])(?:\.0*)?"),
    "a label is a digit from 0 to 9",
    DIGITS,
    ("10", " (SVHN's own 10 is the digit 0: write 0)"),
)
FACE_FORM = Form(
    64,
    ATTRIBUTES,
    re.compile(r"([01])(?:\.0*)?"),
    "an attribute is 0 or 1",
    ATTRIBUTES,
    ("-1", " (CelebA's own -1 means no: write 0)"),
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_IMAGE_SUFFIX = re.compile(r"\.(png|jpe?g|bmp)", re.IGNORECASE)


class Problem(NamedTuple):
    """One thing that is wrong with a csv.

    row: the header is row 1, None is the whole file.
    kind: `csv`, `header`, `cells`, `name`, `repeated` or `value`.
    """

    row: int | None
    kind: str
    text: str


class Table(NamedTuple):
    """What could be read of a csv.

    names: image names by row, each name once; those of rows with a bad value are among them.
    values: by row, in `Form.columns`' order; rows without a problem alone.
    whole: whether the name in every row could be read, so that a name that is not here is in no row.
    """

    names: dict[int, str]
    values: dict[int, list[int]]
    whole: bool


def read_table(table: Path, form: Form) -> bytes:
    """Return the bytes of a csv; `WorkbookError` where it cannot be read."""
    try:
        mode = table.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # reading a pipe would wait for ever
            raise problem(table, "is no regular file (a pipe or a device); put a csv file in its place")
        return table.read_bytes()
    except FileNotFoundError:
        columns = ", ".join(("image_name", *form.columns))
        raise problem(table, f"is missing; it must have the columns {columns} and a row for each image") from None
    except OSError as error:
        raise problem(table, f"cannot be read: {error.strerror}") from None


def parse(table: Path, content: bytes, form: Form) -> tuple[dict[int, str], list[list[int]]]:
    """Return image names by row number (the header is row 1), and the values of each in `form.columns`' order.

    Raises WorkbookError for the first problem.
    """

    def refuse(found: Problem) -> None:
        raise problem(table, found.text, found.row)

    read = scan(content, form, refuse)
    return read.names, list(read.values.values())


def scan(content: bytes, form: Form, report: Callable[[Problem], None]) -> Table:
    """Read a csv and hand every problem to `report`, in the order of the rows.

    Comma-separated UTF-8, with or without a byte order mark; lines end in LF, CRLF or CR; cells may be quoted and
    have spaces around them; empty rows, empty cells behind the last column, and columns of other names do not count.
    """
    names: dict[int, str] = {}
    values: dict[int, list[int]] = {}
    first: dict[str, int] = {}
    kinds: set[str] = set()

    def found(row: int | None, kind: str, text: str) -> None:
        kinds.add(kind)
        report(Problem(row, kind, text))

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found(None, "csv", _no_text(content, error.start))
        return Table(names, values, False)
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    rows = ((reader.line_num, [cell.strip() for cell in cells]) for cells in reader)
    try:
        _, header = next(rows, (1, []))
        while header and not header[-1]:
            header.pop()
        for column in ("image_name", *form.columns):
            if header.count(column) != 1:
                found(1, "header", _no_column(column, header))
        if kinds:
            return Table(names, values, False)
        image_at, at = header.index("image_name"), [header.index(column) for column in form.columns]
        for row, cells in rows:
            if not any(cells):
                continue
            while len(cells) > len(header) and not cells[-1]:
                cells.pop()
            if len(cells) != len(header):
                torn = "; a quotation mark may be open" if any("\n" in cell or "\r" in cell for cell in cells) else ""
                found(row, "cells", f"the cells count {len(cells)}, the columns of the header {len(header)}{torn}")
                continue
            name = cells[image_at]
            if name in ("", ".", "..") or "/" in name or "\\" in name:
                text = f"image_name is {reprlib.repr(name)}; it must be a file's name, without folders"
                found(row, "name", text)
                continue
            if name in first:
                text = f"image_name {reprlib.repr(name)} was there in row {first[name]} already; name each image once"
                found(row, "repeated", text)
                continue
            first[name], names[row] = row, name
            matches = [form.cell.fullmatch(cells[i]) for i in at]
            if None in matches:
                found(row, "value", _bad_values(matches, [cells[i] for i in at], form))
                continue
            values[row] = [int(match[1]) for match in matches]
    except csv.Error as error:
        found(reader.line_num, "csv", f"is no readable csv: {error}")
        return Table(names, values, False)
    if not names and not kinds:
        found(None, "csv", "has no rows below its header; a split needs at least one image")
    return Table(names, values, kinds.isdisjoint({"cells", "name"}))


def _no_text(content: bytes, at: int) -> str:
    """Why the bytes are no UTF-8: what they look like, else where the first odd one stands."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is no UTF-8 text; it looks like UTF-16: save it as csv in UTF-8"
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return "is no UTF-8 text; it looks like a spreadsheet or an archive: save it as csv in UTF-8"
    row = len((content[:at] + b".").splitlines())
    return f"is no UTF-8 text (byte 0x{content[at]:02x} in line {row}); save it as csv in UTF-8"


def _no_column(column: str, header: list[str]) -> str:
    found = ", ".join(reprlib.repr(cell) for cell in header[:20]) or "none"
    text = f"column {column} {'is there twice' if column in header else 'is missing'}; the columns found are {found}"
    if not header:
        return f"{text}; the first row must name the columns"
    separator = next((mark for mark in _SEPARATORS if len(header) == 1 and mark in header[0]), None)
    if separator:
        return f"{text}; it looks separated by {_SEPARATORS[separator]}: save it with commas"
    if any("\0" in cell for cell in header):
        return f"{text}; it looks like UTF-16: save it as csv in UTF-8"
    if any(has_image_suffix(cell) for cell in header):
        return f"{text}; the first row must name the columns"
    return text


def _bad_values(matches: list[re.Match | None], cells: list[str], form: Form) -> str:
    bad = matches.index(None)
    text = f"{form.columns[bad]} is {reprlib.repr(cells[bad])}; {form.allowed}"
    value, hint = form.foreign
    if re.fullmatch(rf"{value}(\.0*)?", cells[bad]):
        text += hint
    others = matches.count(None) - 1
    return f"{text}; {others} more cells of this row are wrong too" if others else text


def has_image_suffix(name: str) -> bool:
    """Whether a name ends as those of images do, in small or capital letters."""
    return _IMAGE_SUFFIX.fullmatch(Path(name).suffix) is not None


def problem(file: Path, text: str, row: int | None = None) -> WorkbookError:
    """The error that says what is wrong in which file and row (the header is row 1), in one line."""
    where = f"{file}, row {row}" if row else str(file)
    return WorkbookError(" ".join(f"{where}: {text}".splitlines()))
