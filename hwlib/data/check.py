"""Verifying a data folder fully: all that the loader would refuse, and all that it takes but one should know."""

import difflib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwlib.anatomy import Look, digest, look_at
from hwlib.data import compact, course
from hwlib.data.decode import in_stretches
from hwlib.data.findings import ERROR, WARNING, Finding, Summary, Verdict, plain
from hwlib.data.imageset import ImageSet
from hwlib.data.listing import absent, by_alike, is_litter, what_is
from hwlib.data.table import DIGIT_FORM, FACE_FORM, Form, Table, has_image_suffix, problem, read_table, scan
from hwlib.errors import WorkbookError
from hwlib.letters import boxes
from hwlib.names import is_set_name
from hwlib.progress import counter

SPLITS = ("train", "test")
PARTS = ("digits", "face", "fetched")


class Reader(NamedTuple):
    """One split that is kept otherwise than in the course layout.

    part: what findings and summary call it, `fetched/usps` say; file: what is at fault if it is bad.
    load: returns the split, or raises WorkbookError.
    """

    part: str
    split: str
    form: Form
    file: Path
    load: Callable[[], ImageSet]


class _Image(NamedTuple):
    """One image: where it stands, and what its row says of it (None where that is not known)."""

    split: str
    row: int | None
    name: str
    values: Sequence[int] | None


def readers(root: Path) -> list[Reader]:
    """Return the readers of what `hw data fetch` left in `root`."""
    found = []
    for name in compact.digit_names(root):
        load = partial(compact.digits, root, name)
        found += [_reader(root, name, split, DIGIT_FORM, partial(load, split)) for split in SPLITS]
    if compact.has_faces(root):
        load = partial(compact.faces, root)
        found += [_reader(root, compact.FACES, split, FACE_FORM, partial(load, split)) for split in SPLITS]
    return found


def _reader(root: Path, name: str, split: str, form: Form, load: Callable[[], ImageSet]) -> Reader:
    part = f"fetched/{name}"
    return Reader(part, split, form, root / part / f"{split}.safetensors", load)


def verify(root: Path, readers: Iterable[Reader] = ()) -> Verdict:
    """Read every csv and decode every image of a course folder, and return all that was found.

    Whatever is called free of errors loads, and whatever the loader refuses is called an error: csv, listing and
    decoding are the loader's own. Both splits of each set are wanted, as by the runs.
    readers: splits of `root` in another form than the course layout.
    Memory grows by the digests and names of one set, never by its pixels.
    Raises WorkbookError when `root` holds nothing that could be checked.
    """
    readers = list(readers)
    if not os.path.isdir(root):
        raise WorkbookError(f"{root} {what_is(root).replace('no file there', 'not there')}; give a course folder")
    if not readers and not any(os.path.lexists(root / part) for part in PARTS[:2]):
        raise WorkbookError(f"{root} has neither digits/ nor face/; give the folder that holds them")
    verdict = Verdict(root)
    found = _Findings(verdict)
    found.strays(root, "", PARTS)
    for part in ("digits", "face"):
        if os.path.lexists(root / part) and not os.path.isdir(root / part):
            found.add(ERROR, part, "", "layout", root / part, None, f"{what_is(root / part)}; it must be a folder")
    if os.path.isdir(root / "digits"):
        _digits(root, found)
    if os.path.isdir(root / "face"):
        _check_set(root / "face", "face", FACE_FORM, found)
    _fetched(readers, found)
    return verdict


class _Findings:
    """Collects findings, and makes their texts fit for any screen."""

    def __init__(self, verdict: Verdict):
        self.verdict = verdict

    def add(self, severity: str, part: str, split: str, kind: str, file: Path, row: int | None, what: str) -> None:
        try:
            name = file.relative_to(self.verdict.folder).as_posix()
        except ValueError:  # a reader may keep its file elsewhere
            name = str(file)
        self.verdict.findings.append(Finding(severity, part, split, kind, plain(name), row, plain(what)))

    def error(self, part: str, split: str, kind: str, file: Path, error: WorkbookError) -> None:
        """Add an error of the loader, less the file that its line begins with."""
        self.add(ERROR, part, split, kind, file, None, str(error).removeprefix(str(problem(file, ""))))

    def strays(self, folder: Path, part: str, known: Sequence[str]) -> None:
        """Warn of entries that are neither `known` nor anything that a system leaves in folders."""
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            return  # whoever needs this folder says so
        for name in names:
            if name in known or is_litter(name):
                continue
            near = difflib.get_close_matches(name.lower(), known, 1, 0.75)
            meant = f"; is {near[0]} meant?" if near else ""
            self.add(WARNING, part, "", "stray", folder / name, None, f"is not read{meant}")


class _Split:
    """One split under way: its summary, and what its images and labels have in common."""

    def __init__(self, found: _Findings, part: str, split: str, form: Form, seen: dict[bytes, _Image]):
        """seen: the images of this set by their digests, those of the split before among them."""
        self.found, self.part, self.split, self.form, self.seen = found, part, split, form, seen
        self.summary = Summary(part, split)
        self.first: dict[bool, tuple[Path, int | None]] = {}  # the first grey and the first RGB image
        found.verdict.summaries.append(self.summary)

    def add(self, severity: str, kind: str, file: Path, row: int | None, what: str) -> None:
        self.found.add(severity, self.part, self.split, kind, file, row, what)

    def take(
        self, file: Path, row: int | None, name: str, values: Sequence[int] | None, look: Look, subject: str = ""
    ) -> None:
        """Count an image, say what is wrong with it, and compare it with those before.

        values: as its row says. subject: which image it is, where the file has many.
        """
        if look.wrong:
            return self.add(ERROR, "image", file, row, look.wrong)
        for text in look.odd:
            self.add(WARNING, "mode", file, row, text)
        image = _Image(self.split, row, name, values)
        self.summary.images += 1
        self.summary.grey += look.grey
        self.first.setdefault(look.grey, (file, row))
        first = self.seen.setdefault(look.digest, image)
        if first is image:
            return
        other = first.split != image.split
        place = f"{first.split}/{first.name}" + (f", row {first.row}" if first.row else "")
        kind, text = "leak" if other else "duplicate", f"{subject}has the pixels of {place}"
        if None not in (image.values, first.values) and image.values != first.values:
            kind, text = "contradiction", f"{text}, which says otherwise: {_difference(image, first, self.form)}"
        self.add(WARNING, kind, file, row, text)

    def finish(self, file: Path, values: Sequence[Sequence[int]], complete: bool) -> None:
        """Say what only the whole split tells. file: what holds the labels; values: those of each row; complete:
        whether no row was left out because it is bad."""
        names = self.form.label_names
        if self.form is DIGIT_FORM:
            counts = np.bincount([row[0] for row in values], minlength=len(names))
        else:
            counts = np.sum(values, 0, dtype=int) if values else np.zeros(len(names), int)
        self.summary.ones = dict(zip(names, counts.tolist(), strict=True))
        for name, count in self.summary.ones.items() if values and complete else ():
            if count == 0:
                what = f"no image of the digit {name}" if self.form is DIGIT_FORM else f"{name} is 0 in every row"
                self.add(WARNING, "class", file, None, what)
            elif count == len(values):
                what = f"the digit {name} alone" if self.form is DIGIT_FORM else f"{name} is 1 in every row"
                self.add(WARNING, "class", file, None, what)
        if len(self.first) == 2:
            grey = 2 * self.summary.grey <= self.summary.images
            few = self.summary.grey if grey else self.summary.images - self.summary.grey
            what = f"is {'grey' if grey else 'RGB'}, like {few} of the {self.summary.images} images, and the others are"
            self.add(WARNING, "mix", *self.first[grey], f"{what} {'RGB' if grey else 'grey'}; all are read as RGB")


def _difference(image: _Image, first: _Image, form: Form) -> str:
    unequal = zip(form.columns, image.values, first.values, strict=True)
    return ", ".join(f"{name} {here} here and {there} there" for name, here, there in unequal if here != there)


def _digits(root: Path, found: _Findings) -> None:
    base = root / "digits"
    try:
        names = course.digit_names(root)
    except WorkbookError as error:
        return found.error("digits", "", "layout", base, error)
    found.strays(base, "digits", names)
    if not names:
        found.add(ERROR, "digits", "", "layout", base, None, "holds no digit set; each set is a folder in it")
    for name in names:
        part = f"digits/{name}"
        if not is_set_name(name):
            text = "cannot be the src or tgt of a run: a set's name is made of letters, digits, - and _"
            found.add(WARNING, part, "", "name", base / name, None, text)
        for text in boxes([name]).values():
            found.add(WARNING, part, "", "name", base / name, None, text)
        _check_set(base / name, part, DIGIT_FORM, found)


def _check_set(base: Path, part: str, form: Form, found: _Findings) -> None:
    found.strays(base, part, [*SPLITS, *(f"{split}.csv" for split in SPLITS), course.STAND_IN])
    seen: dict[bytes, _Image] = {}
    for split in SPLITS:
        _check_split(base, _Split(found, part, split, form, seen))
    _compare_colours(base, found)
    _compare_known(base, found)


def _check_split(base: Path, split: _Split) -> None:
    file, folder, form = base / f"{split.split}.csv", base / split.split, split.form
    table, problems = Table({}, {}, False), []
    try:
        content = read_table(file, form)
    except WorkbookError as error:
        split.found.error(split.part, split.split, "csv", file, error)
    else:
        table = scan(content, form, problems.append)
        for each in problems:
            split.add(ERROR, each.kind, file, each.row, each.text)
    try:
        there = course.list_files(folder).keys()
    except WorkbookError as error:
        split.found.error(split.part, split.split, "folder", folder, error)
        there = ()
    else:
        _compare_names(folder, file, split, table, there)
    images = [(row, name) for row, name in table.names.items() if name in there]
    if not table.whole:  # the images can be looked at even where the csv does not say which they are
        rest = sorted(set(there).difference(table.names.values()))
        images += [(None, name) for name in rest if has_image_suffix(name) and not is_litter(name)]
    split.summary.rows = len(table.names)
    looks = in_stretches(look_at, folder, [name for _, name in images], form.side)
    with counter(f"{split.part} {split.split}", len(images), "images") as advance, closing(looks):
        at = iter(images)
        for stretch in looks:
            for look, (row, name) in zip(stretch, at, strict=False):
                split.take(folder / name, row, name, table.values.get(row), look)
            advance(len(stretch))
    split.finish(file, list(table.values.values()), complete=not problems)


def _compare_names(folder: Path, file: Path, split: _Split, table: Table, there: Iterable[str]) -> None:
    """Every row has its image, and every image its row."""
    named = set(table.names.values())
    if missing := named.difference(there):
        alike = by_alike(there)
        for row, name in table.names.items():
            if name in missing:
                split.add(ERROR, "no image", file, row, absent(folder, name, alike))
    for name in sorted(set(os.listdir(folder)) - named):
        if is_litter(name):
            continue
        if name not in there:
            split.add(WARNING, "stray", folder / name, None, f"{what_is(folder / name)}, and is not read")
        elif not has_image_suffix(name):
            split.add(WARNING, "stray", folder / name, None, "is no image by its name, and is not read")
        elif table.whole:
            split.add(WARNING, "no row", folder / name, None, f"has no row in {file.name}, and is not read")


def _compare_colours(file: Path, found: _Findings) -> None:
    """Warn when one split of the last set is grey and the other RGB."""
    train, test = found.verdict.summaries[-2:]
    pure = [each.images and each.grey in (0, each.images) for each in (train, test)]
    if all(pure) and bool(train.grey) != bool(test.grey):
        grey, other = ("train", "test") if train.grey else ("test", "train")
        found.add(WARNING, train.part, "", "mix", file, None, f"{grey} is grey and {other} is RGB")


def _compare_known(base: Path, found: _Findings) -> None:
    """Warn when a set whose name is known has the other set's colours: two folders may have been swapped."""
    grey = base.name in ("usps", "mnist")
    if base.name not in ("usps", "mnist", "mnistm", "svhn") or base.parent.name != "digits":
        return
    splits = [each for each in found.verdict.summaries[-2:] if each.images]
    if splits and all(each.grey == (0 if grey else each.images) for each in splits):
        what = f"is {'RGB' if grey else 'grey'}, and {base.name} is {'grey' if grey else 'RGB'}: is it another set?"
        found.add(WARNING, splits[0].part, "", "colour", base, None, what)


def _fetched(readers: Sequence[Reader], found: _Findings) -> None:
    """Verify splits that are kept whole; loading them compares all that can be compared but their images."""
    seen: dict[str, dict[bytes, _Image]] = {}
    for reader in readers:
        split = _Split(found, reader.part, reader.split, reader.form, seen.setdefault(reader.part, {}))
        try:
            images = reader.load()
        except WorkbookError as error:
            found.error(reader.part, reader.split, "file", reader.file, error)
            continue
        values = images.labels.reshape(len(images), -1).tolist()
        split.summary.rows = len(values)
        with counter(f"{reader.part} {reader.split}", len(images), "images") as advance:
            for i, each in enumerate(images.images.numpy()):
                pixels = each[0] if len(each) == 1 else each.transpose(1, 2, 0)
                look = Look("", len(each) == 1, digest(pixels))
                split.take(reader.file, None, f"image {i}", values[i], look, subject=f"image {i} ")
                advance(1)
        split.finish(reader.file, values, complete=True)
