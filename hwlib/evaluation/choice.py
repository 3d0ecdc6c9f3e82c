"""Which finished run serves a command: the one that is named, else the newest one that fits."""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from hwlib.config import SCENARIOS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE, anchored, expanded
from hwlib.record import Record, newest_first, record_folders

T = TypeVar("T")


@dataclass(frozen=True)
class Wanted:
    """What a run must be to fit: one of `problems`, and, where `target` is not None, trained for that digit set."""

    problems: tuple[str, ...]
    target: str | None = None

    def __str__(self) -> str:
        of = " or ".join(self.problems)
        return of if self.target is None else f"{of} with target {self.target}"


@dataclass(frozen=True)
class Choice(Generic[T]):
    """A record, what was loaded of it, and lines that say why it was taken; none for a run that was named."""

    record: Record
    loaded: T
    why: tuple[str, ...] = ()


def choose(wanted: Wanted, load: Callable[[Record], T], run: Path | None = None, runs: Path | None = None) -> Choice[T]:
    """Return the record in the folder `run`; else the newest that fits in `runs`; else the one that `$HW_RUN` names;
    else the newest that fits in the project's runs.

    load: takes of the record what is needed of it, and raises WorkbookError where it cannot. A run that is named must
    fit and load. Of the others those that cannot be read are passed over, with a line each, and so are runs of a method
    without one of its parts. "Newest" goes by the time at which runs finished, not by the times of their files.
    """
    if run is not None:
        return _named(run, "run", wanted, load)
    if runs is None and (said := os.environ.get("HW_RUN")):
        folder = _from_environment(said)
        try:
            choice = _named(folder, "HW_RUN", wanted, load)
        except WorkbookError as error:
            line = str(error)
            named = line if "HW_RUN" in line else f"HW_RUN: {line}"
            raise WorkbookError(f"{named}; or unset HW_RUN, or name a run with --run") from None
        return Choice(choice.record, choice.loaded, (f"run {folder}, which HW_RUN names",))
    return _newest(anchored("runs") if runs is None else runs, wanted, load)


def _from_environment(said: str) -> Path:
    """The folder that `$HW_RUN` names: as a shell means it, else from the project's root, for a script may be called
    from anywhere."""
    folder = expanded("HW_RUN", said)
    return folder if folder.exists() else anchored(folder, "HW_RUN")


def _named(folder: Path, parameter: str, wanted: Wanted, load: Callable[[Record], T]) -> Choice[T]:
    record = Record.load(folder)
    if (problem := record.run.get("problem")) not in wanted.problems:
        raise WorkbookError(f"{parameter}: {folder} is a run of {problem}; give one of {' or '.join(wanted.problems)}")
    if wanted.target is not None and (target := _param(record, "tgt")) != wanted.target:
        raise WorkbookError(
            f"target: {folder}, which {parameter} names, was trained for {target or 'no target'} and not for "
            f"{wanted.target!r}; give a run of that target, or leave the target out"
        )
    return Choice(record, load(record))


def _newest(runs: Path, wanted: Wanted, load: Callable[[Record], T]) -> Choice[T]:
    if not runs.is_dir():
        raise WorkbookError(f"runs: {runs} is no folder; give a folder of records, or a record with --run")
    found, passed = finished_runs(runs)
    fit = newest_first(record for record in found if _fits(record, wanted))
    for i, record in enumerate(fit):
        try:
            loaded = load(record)
        except WorkbookError as error:
            passed.append(f"passed over: {error}")
            continue
        rank = f"the newest of {len(fit) - i} runs" if i < len(fit) - 1 else "the only run"
        finished = record.run.get("finished", "at an unknown time")
        line = f"run {record.folder}, {rank} of {wanted} there, finished {finished}"
        return Choice(record, loaded, (*passed, line))
    raise WorkbookError(f"run: no finished run of {wanted} in {runs}{_instead(runs, found, passed, wanted)}")


def finished_runs(runs: Path) -> tuple[list[Record], list[str]]:
    """The finished records in `runs`, and a line for each that cannot be read."""
    found, passed = [], []
    for folder in record_folders(runs):
        try:
            found.append(Record.load(folder))
        except WorkbookError as error:
            passed.append(f"passed over: {error}")
    return found, passed


def _fits(record: Record, wanted: Wanted) -> bool:
    if record.run.get("problem") not in wanted.problems or _param(record, "without") not in (None, "nothing"):
        return False
    return wanted.target is None or _param(record, "tgt") == wanted.target


def _param(record: Record, name: str) -> Any:
    params = record.run.get("params")
    return params.get(name) if isinstance(params, dict) else None


def _instead(runs: Path, found: Sequence[Record], passed: Sequence[str], wanted: Wanted) -> str:
    """What there is instead, and how to get what is wanted."""
    parts = [f"; {len(passed)} cannot be used, first: {passed[0].removeprefix('passed over: ')}"] if passed else []
    if wanted.target is not None:
        targets = {_param(r, "tgt") for r in found if _fits(r, Wanted(wanted.problems))}
        parts.append(f"; targets there: {', '.join(sorted(map(str, targets)))}" if targets else "")
    pair = ()
    source = {target: source for source, target in SCENARIOS}.get(wanted.target)
    if wanted.target is not None and source is None:
        pair = ("SOURCE", wanted.target)
    elif source:
        pair = (source, wanted.target)
        published = PROSE / "reference" / f"{source}_{wanted.target}"
        if "p4" in wanted.problems and (published / "run.json").is_file():
            parts.append(f"; --run {published} is published")
    return f"{''.join(parts)}; `{making(runs, wanted.problems[-1], *pair)}` makes one"


def making(runs: Path, problem: str, src: str = "", tgt: str = "") -> str:
    """The command that puts a record of this problem, and of this pair, into `runs`."""
    command = ["hw", "run", problem] + (["-p", "src", src, "-p", "tgt", tgt] if src else [])
    if runs.resolve() != anchored("runs").resolve():
        command += ["--runs", str(runs)]
    return shlex.join(command)
