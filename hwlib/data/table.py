"""The csv beside a folder of images: which columns it has, and what each row says of its image."""

import csv
import io
import re
import reprlib
from pathlib import Path
from typing import NamedTuple

from hwlib.data.imageset import ATTRIBUTES, DIGITS
from hwlib.errors import WorkbookError


class Form(NamedTuple):
    """What one kind of set looks like: side of an image in pixels, columns of its csv, values of a cell."""

    side: int
    columns: tuple[str, ...]
    cell: re.Pattern
    allowed: str
    label_names: tuple[str, ...]


DIGIT_FORM = Form(28, ("label",), re.compile(r"([0-9])(?:\.0*)?"), "a label is a digit from 0 to 9", DIGITS)
FACE_FORM = Form(64, ATTRIBUTES, re.compile(r"([01])(?:\.0*)?"), "an attribute is 0 or 1", ATTRIBUTES)


def read_table(table: Path, form: Form) -> bytes:
    """Return the bytes of a csv; `WorkbookError` where it cannot be read."""
    try:
        return table.read_bytes()
    except FileNotFoundError:
        columns = ", ".join(("image_name", *form.columns))
        raise problem(table, f"is missing; it must have the columns {columns} and a row for each image") from None
    except OSError as error:
        raise problem(table, f"cannot be read: {error.strerror}") from None


def parse(table: Path, content: bytes, form: Form) -> tuple[dict[int, str], list[list[int]]]:
    """Return image names by row number (the header is row 1), and the values of each in `form.columns`' order."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except UnicodeDecodeError:
        raise problem(table, "is no UTF-8 text; save it as csv in UTF-8") from None
    except csv.Error as error:
        raise problem(table, f"is no readable csv: {error}", reader.line_num) from None
    header = rows[0][1] if rows else []
    for column in ("image_name", *form.columns):
        if header.count(column) != 1:
            found = ", ".join(reprlib.repr(cell) for cell in header[:20]) or "none"
            what = "is there twice" if column in header else "is missing"
            raise problem(table, f"column {column} {what}; the columns found are {found}", 1)
    image_at, at = header.index("image_name"), [header.index(column) for column in form.columns]
    names, values, seen = {}, [], {}
    for row, cells in rows[1:]:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise problem(table, f"the cells count {len(cells)}, the columns of the header {len(header)}", row)
        name = cells[image_at]
        if name in ("", ".", "..") or "/" in name or "\\" in name:
            text = f"image_name is {reprlib.repr(name)}; it must be a file's name, without folders"
            raise problem(table, text, row)
        if name in seen:
            text = f"image_name {reprlib.repr(name)} was there in row {seen[name]} already; name each image once"
            raise problem(table, text, row)
        matches = [form.cell.fullmatch(cells[i]) for i in at]
        if None in matches:
            bad = matches.index(None)
            text = f"{form.columns[bad]} is {reprlib.repr(cells[at[bad]])}; {form.allowed}"
            raise problem(table, text, row)
        seen[name], names[row] = row, name
        values.append([int(match[1]) for match in matches])
    if not names:
        raise problem(table, "has no rows below its header; a split needs at least one image")
    return names, values


def problem(file: Path, text: str, row: int | None = None) -> WorkbookError:
    """The error that says what is wrong in which file and row (the header is row 1), in one line."""
    where = f"{file}, row {row}" if row else str(file)
    return WorkbookError(" ".join(f"{where}: {text}".splitlines()))
