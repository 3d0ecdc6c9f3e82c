"""Predictions against the truth, image by image: no name may be missing, unknown or repeated.

Dividing by the predictions given, as the course's own scorer does, lets a short file score high. Here every image of
the truth is counted, or nothing is.
"""

import json
import reprlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwlib.data.table import DIGIT_FORM, parse, read_table
from hwlib.errors import WorkbookError

CLASSES = 10
FIRST = 3
"""How many of the wrong names are told."""


@dataclass(frozen=True, eq=False)
class Score:
    """What predictions are worth. `confusion` is int64 (10, 10), [true, predicted]; all else follows from it."""

    confusion: np.ndarray

    @property
    def count(self) -> int:
        """Images in all."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Images whose digit is named right."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Percent of all images that are named right, 0 to 100."""
        return 100 * self.correct / self.count

    @property
    def class_counts(self) -> tuple[int, ...]:
        """Images of each digit, 0 to 9."""
        return tuple(self.confusion.sum(1).tolist())

    @property
    def class_correct(self) -> tuple[int, ...]:
        """Images of each digit that are named right."""
        return tuple(np.diag(self.confusion).tolist())

    @property
    def per_class(self) -> tuple[float | None, ...]:
        """Percent of each digit that is named right, 0 to 100; None where the truth has no such digit."""
        pairs = zip(self.class_correct, self.class_counts, strict=True)
        return tuple(100 * correct / count if count else None for correct, count in pairs)

    def describe(self) -> dict[str, Any]:
        """Return all of it as JSON holds it."""
        classes = zip(self.class_counts, self.class_correct, self.per_class, strict=True)
        return {
            "count": self.count,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "per_class": [
                {"digit": digit, "count": count, "correct": correct, "accuracy": percent}
                for digit, (count, correct, percent) in enumerate(classes)
            ],
            "confusion": self.confusion.tolist(),
        }


def score(pred: Mapping[str, int], truth: Mapping[str, int], ours: str = "pred", theirs: str = "truth") -> Score:
    """Return the score of the labels `pred` (image name: digit) against `truth`.

    ours, theirs: what errors call the two, say their files. Raises WorkbookError when a name of `truth` is missing in
    `pred` or one of `pred` unknown in `truth`, when a label is no whole number from 0 to 9, or when there are none.
    """
    if not truth:
        raise WorkbookError(f"{theirs}: there are no labels in it; a score needs at least one image")
    _check_cover(pred, truth, ours, theirs)
    for labels, file in ((pred, ours), (truth, theirs)):
        for name, label in labels.items():
            if label not in range(CLASSES):
                raise WorkbookError(f"{file}: label {label!r} of {reprlib.repr(name)} is no digit from 0 to 9")
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    for name, label in truth.items():
        confusion[int(label), int(pred[name])] += 1
    confusion.setflags(write=False)
    return Score(confusion)


def score_files(pred: Path, truth: Path) -> Score:
    """Return the score of the csv `pred` against the csv `truth`, each with the columns `image_name` and `label`.

    `truth` may be the csv of a split in the course's layout. Raises WorkbookError, in one line with file and row, for
    whatever cannot be read, a label that is no digit, and a name that is missing, unknown or repeated.
    """
    return score(read_labels(pred), read_labels(truth), str(pred), str(truth))


def read_labels(table: Path) -> dict[str, int]:
    """Return the digit of each image that the csv `table` names, in its order; `WorkbookError` as in `score_files`."""
    return parse_labels(table, read_table(table, DIGIT_FORM))


def parse_labels(table: Path, content: bytes) -> dict[str, int]:
    """Return what `read_labels` does, of the `content` of the csv `table`."""
    names, values = parse(table, content, DIGIT_FORM)
    return dict(zip(names.values(), (label for (label,) in values), strict=True))


def _check_cover(pred: Mapping[str, int], truth: Mapping[str, int], ours: str, theirs: str) -> None:
    missing, unknown = [name for name in truth if name not in pred], [name for name in pred if name not in truth]
    wrong = []
    if missing:
        wrong.append(f"{len(missing)} of the {len(truth)} images in {theirs} are missing ({_first(missing)})")
    if unknown:
        wrong.append(f"{len(unknown)} of its {len(pred)} names are unknown there ({_first(unknown)})")
    if wrong and not missing:
        wrong = [f"{len(unknown)} of its {len(pred)} names are unknown in {theirs} ({_first(unknown)})"]
    if wrong:
        raise WorkbookError(f"{ours}: {', and '.join(wrong)}; nothing is scored until each image is named once")


def _first(names: Collection[str]) -> str:
    told = ", ".join(reprlib.repr(name) for name in names[:FIRST])
    return f"{told} and {len(names) - FIRST} more" if len(names) > FIRST else told


def table(score: Score) -> str:
    """Return the score as text for people: the accuracy, each digit's, and the confusion matrix."""
    lines = [f"accuracy {score.accuracy:.2f} % ({score.correct} of {score.count})", ""]
    width = len(str(score.count))
    lines.append("digit  accuracy")
    for digit, percent in enumerate(score.per_class):
        counts = f"({score.class_correct[digit]:{width}} of {score.class_counts[digit]:{width}})"
        lines.append(f"{digit:5}  " + ("there is none" if percent is None else f"{percent:6.2f} %  {counts}"))
    width = max(4, len(str(score.confusion.max()))) + 1
    lines += ["", "true digit (rows) and what it was called (columns); . is none"]
    lines.append(" " * 5 + "".join(f"{digit:{width}}" for digit in range(CLASSES)))
    for digit, row in enumerate(score.confusion.tolist()):
        lines.append(f"{digit:5}" + "".join(f"{count or '.':>{width}}" for count in row))
    return "\n".join(lines)


def as_json(score: Score, pred: Path, truth: Path) -> bytes:
    """Return the score and the names of its two files as the JSON that `hw score --json` writes."""
    content = {"pred": str(pred), "truth": str(truth)} | score.describe()
    return (json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode(errors="backslashreplace")
