"""What was found in a data folder, as lines to read and as a csv for a spreadsheet."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ERROR, WARNING = "error", "warning"
FEW = 3
"""Findings of one sort that are shown before the rest is only counted."""


class Finding(NamedTuple):
    """One thing that is wrong or odd.

    severity: `error` when the loader refuses the split, `warning` when it loads all the same.
    part, split: `digits/usps`, `face` or `fetched/usps`, and `train` or `test`; empty where it concerns neither.
    kind: one word or two, to filter by.
    file: relative to the folder that was checked; row: of the csv, whose header is row 1.
    what: a sentence without its subject, the file.
    """

    severity: str
    part: str
    split: str
    kind: str
    file: str
    row: int | None
    what: str

    def sort(self) -> tuple[str, ...]:
        """What findings share that differ only in the file and in the names and numbers of their text."""
        return self.severity, self.part, self.split, self.kind, re.sub(r"'[^']*'|\"[^\"]*\"|0x\w+|\d+", "#", self.what)


@dataclass
class Summary:
    """One split of one set.

    images: how many could be decoded; grey: how many of those have no colour.
    ones: by label name, how many images have that digit, or that attribute.
    """

    part: str
    split: str
    rows: int = 0
    images: int = 0
    grey: int = 0
    ones: dict[str, int] = field(default_factory=dict)


@dataclass
class Verdict:
    """All that was found in a folder, and a summary of each split in it."""

    folder: Path
    findings: list[Finding] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)

    def count(self, severity: str, part: str | None = None, split: str | None = None) -> int:
        """Return the number of findings of a severity, of the whole folder or of a part or a split of it."""
        return sum(
            f.severity == severity and (part is None or f.part == part) and (split is None or f.split == split)
            for f in self.findings
        )


def lines(verdict: Verdict, every: bool = False) -> Iterator[str]:
    """Yield the summary, the table of findings and the verdict as lines of text.

    Of findings of one sort the first `FEW` are shown, or `every` one.
    """
    yield from _summary(verdict)
    shown = sorted(verdict.findings, key=lambda f: f.severity)  # errors first; else in the order of the folder
    if not every:
        sizes, nth, kept, counted = Counter(f.sort() for f in shown), Counter(), [], {}
        for each in shown:
            sort = each.sort()
            nth[sort] += 1
            # One more line costs as much as the line that would say how many are left out.
            if nth[sort] <= FEW or sizes[sort] == FEW + 1:
                kept.append(each)
            elif nth[sort] == FEW + 1:
                counted[len(kept)] = counted.get(len(kept), 0)
                kept.append(each._replace(file="", row=None, what=f"and {sizes[sort] - FEW} more like it (--all)"))
        shown = kept
    if shown:
        yield ""
        table = [("severity", "file", "row", "what"), *((f.severity, f.file, str(f.row or ""), f.what) for f in shown)]
        yield from _columns(table)
    yield ""
    errors, warnings = verdict.count(ERROR), verdict.count(WARNING)
    refused = sorted({f"{f.part} {f.split}".strip() for f in verdict.findings if f.severity == ERROR})
    images = sum(summary.images for summary in verdict.summaries)
    outcome = f"refused as it is: {', '.join(refused)}" if errors else "all of it loads"
    yield f"{_counted(errors, ERROR)}, {_counted(warnings, WARNING)} in {_counted(images, 'image')}; {outcome}"


def _summary(verdict: Verdict) -> Iterator[str]:
    yield f"{plain(str(verdict.folder))}:"
    table = [("set", "split", "rows", "images", "colour", "errors", "warnings", "images of each label")]
    for each in verdict.summaries:
        marks = [str(verdict.count(severity, each.part, each.split)) for severity in (ERROR, WARNING)]
        colour = "" if not each.images else "grey" if each.grey == each.images else "mixed" if each.grey else "RGB"
        table.append((each.part, each.split, str(each.rows), str(each.images), colour, *marks, _ones(each.ones)))
    if len(table) > 1:
        yield from _columns(table)


def _ones(ones: dict[str, int]) -> str:
    """All ten digits in a line; of the attributes, which would not fit there, the rarest and the most frequent."""
    if all(len(name) == 1 for name in ones):
        return "  ".join(f"{name}: {count}" for name, count in ones.items())
    rare, frequent = min(ones, key=ones.get), max(ones, key=ones.get)
    return f"{len(ones)} attributes, {rare} ({ones[rare]}) to {frequent} ({ones[frequent]})"


def _columns(table: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_csv(verdict: Verdict) -> bytes:
    """Return every finding as a row of a csv, a column for each field."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(Finding._fields)
    rows.writerows(verdict.findings)
    return text.getvalue().encode()


def plain(text: str) -> str:
    """Return text in which what cannot be printed is escaped: file names may hold any byte but two."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)
