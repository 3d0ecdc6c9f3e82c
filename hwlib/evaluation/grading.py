"""Many files of predictions against one truth: a row each, and the reason where there is no score.

The truth is read once, and a file in which nothing is odd is compared column by column. Nothing here wants torch.
"""

import csv
import io
import json
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwlib.data.findings import plain
from hwlib.data.listing import is_litter
from hwlib.data.table import DIGIT_FORM, problem, read_table
from hwlib.errors import WorkbookError
from hwlib.evaluation.scoring import CLASSES, FIRST, Score, parse_labels, read_labels, score

_COLUMNS = ("name", "accuracy", "correct", "count", *(f"digit_{digit}" for digit in range(CLASSES)), "reason")


@dataclass(frozen=True)
class Row:
    """One file of predictions: what it is called, its score, and, where it has none, the error that says why."""

    name: str
    file: Path
    score: Score | None = None
    told: str = ""

    @property
    def reason(self) -> str:
        """The error without the file that it begins with."""
        return plain(self.told.removeprefix(str(problem(self.file, ""))[:-2]).lstrip(",: "))


def find(given: Sequence[Path], truth: Path) -> tuple[list[Row], list[str]]:
    """Return a row without a score for each file that is meant, and the names of those that were passed over.

    given: files, in their order, and folders: all `.csv` in them and in their sub-folders, sorted, but for `truth`, for
    tables that `as_csv` wrote, and for what systems leave behind. A single folder's files are named relative to it.
    A folder that cannot be listed is a row with its reason. Raises WorkbookError where nothing is meant.
    """
    rows: dict[str, Row] = {}
    passed: list[str] = []
    for path in given:
        if not path.is_dir():
            rows.setdefault(os.path.abspath(path), Row(str(path), path))
            continue
        for file, reason in _walk(path):
            name = file.relative_to(path).as_posix() if len(given) == 1 else str(file)
            if not reason and (file.suffix.lower() != ".csv" or _is_ours(file)):
                passed.append(name)
            elif reason or not _same(file, truth):
                rows.setdefault(os.path.abspath(file), Row(name, file, told=reason))
    if not rows:
        raise WorkbookError(f"pred: there is no .csv in {', '.join(map(str, given))}; give files, or a folder of them")
    return list(rows.values()), passed


def _walk(top: Path) -> Iterator[tuple[Path, str]]:
    """The files in a folder and its sub-folders, by name, and the folders that cannot be listed, with the reason."""
    visited, wrong = set(), []
    for folder, folders, files in os.walk(top, onerror=wrong.append, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in visited else sorted(name for name in folders if not is_litter(name))
        found = [] if real in visited else sorted(name for name in files if not is_litter(name))
        visited.add(real)  # a link may lead to a folder above itself
        yield from ((Path(folder, name), "") for name in found)
    yield from ((Path(error.filename), f"cannot be listed: {error.strerror}") for error in wrong)


def _same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        return False


def _is_ours(file: Path) -> bool:
    """Whether it is a table of scores that was written into the folder."""
    head = ",".join(_COLUMNS).encode()
    try:
        with open(os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as opened:  # a pipe does not wait
            return opened.read(len(head)) == head
    except OSError:
        return False


def grade(rows: Iterable[Row], truth: Path) -> list[Row]:
    """Return the rows with their scores. Raises WorkbookError where the truth cannot be read."""
    scorer, done = _scorer(truth), []
    for row in rows:
        if row.told:
            done.append(row)
            continue
        try:
            done.append(Row(row.name, row.file, scorer(row.file)))
        except WorkbookError as error:
            done.append(Row(row.name, row.file, told=str(error)))
    return done


def _scorer(truth: Path) -> Callable[[Path], Score]:
    """What scores a file of predictions against `truth`, as `score_files` would, in a tenth of the time."""
    labels = read_labels(truth)
    score(labels, labels, str(truth), str(truth))  # raises where there are none
    place = {name: i for i, name in enumerate(labels)}
    digit = {f"{digit}{end}": digit for digit in range(CLASSES) for end in ("", ".", ".0")}
    true = np.fromiter(labels.values(), np.int64, len(labels))

    def fast(content: bytes) -> Score | None:
        """None where anything is odd: a cell, the count of a row's cells, a name that is missing or repeated."""
        try:
            rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), skipinitialspace=True)
            head, at, pred = next(rows), [], []
            name, label = head.index("image_name"), head.index("label")
            for cells in rows:
                if len(cells) == len(head):
                    at.append(place[cells[name]])
                    pred.append(digit[cells[label]])
                elif cells:
                    return None
        except (ValueError, KeyError, StopIteration, csv.Error):
            return None
        if len(set(head)) < len(head) or len(at) != len(true):
            return None
        if (np.bincount(at, minlength=len(true)) != 1).any():
            return None
        cells = np.bincount(CLASSES * true[at] + np.array(pred), minlength=CLASSES**2)
        return Score(cells.reshape(CLASSES, CLASSES).astype(np.int64))

    def one(file: Path) -> Score:
        content = read_table(file, DIGIT_FORM)
        return fast(content) or score(parse_labels(file, content), labels, str(file), str(truth))

    return one


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows as text for people, accuracies in percent."""
    names = [plain(row.name) for row in rows]
    width = max(map(_width, ("name", *names)))
    lines = [f"{'name':{width}}  accuracy %" + "".join(f"{digit:8}" for digit in range(CLASSES))]
    for name, row in zip(names, rows, strict=True):
        start = name + " " * (width - _width(name))
        if row.score is None:
            lines.append(f"{start}  not scored: {row.reason}")
            continue
        each = "".join(f"{'-':>8}" if percent is None else f"{percent:8.2f}" for percent in row.score.per_class)
        lines.append(f"{start}  {row.score.accuracy:10.2f}{each}")
    return "\n".join(lines)


def _width(text: str) -> int:
    """Columns that text takes on a screen, where ideographs are two wide."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)


def as_csv(rows: Iterable[Row]) -> bytes:
    """Return the rows as a csv: percent unrounded; what does not apply is empty."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    for row in rows:
        found = row.score
        cells = (
            [""] * (3 + CLASSES) if found is None else [found.accuracy, found.correct, found.count, *found.per_class]
        )
        table.writerow([row.name, *cells, row.reason])
    return text.getvalue().encode(errors="backslashreplace")


def as_json(rows: Iterable[Row], truth: Path) -> bytes:
    """Return the rows as the JSON that `hw score --json` writes of several files."""
    scores = [
        {"name": row.name, "pred": str(row.file)} | (row.score.describe() if row.score else {"reason": row.reason})
        for row in rows
    ]
    content = {"truth": str(truth), "scores": scores}
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(errors="backslashreplace")


def told(names: Sequence[str]) -> str:
    """The first of several names, and how many more there are."""
    first = ", ".join(plain(name) for name in names[:FIRST])
    return f"{first} and {len(names) - FIRST} more" if len(names) > FIRST else first
