"""Finished runs to explore, and the images that they were made with."""

from collections.abc import Sequence
from pathlib import Path

from hwlib.config import CONFIGS
from hwlib.data import ImageSet
from hwlib.data.source import load_sets
from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import finished_runs
from hwlib.evaluation.networks import config_of
from hwlib.explore.shown import Say
from hwlib.record import Record, newest_first


def read_runs(runs: Path, *problems: str) -> tuple[list[Record], list[str]]:
    """Return the finished records of these problems, the newest first, and what is wrong with each that cannot be read.

    A damaged record cannot say whose it is; its folder does, unless it was renamed, and then it counts here too. Both
    lists are empty where there is no folder `runs`.
    """
    if not runs.is_dir():
        return [], []
    read, lines = finished_runs(runs)
    found = newest_first(record for record in read if record.run.get("problem") in problems)
    wrong = [line.removeprefix("passed over: ") for line in lines]
    others = tuple(str(runs / f"{problem}_") for problem in CONFIGS if problem not in problems)
    return found, [line for line in wrong if not line.startswith(others)]


def runs_of(runs: Path, *problems: str) -> list[Record]:
    """Return the records alone that `read_runs` gives."""
    return read_runs(runs, *problems)[0]


def passed_over(say: Say, wrong: Sequence[str]) -> list[str]:
    """Lines for runs that cannot be shown, from what is wrong with each."""
    return [say(f"略過：{line}", f"Passed over: {line}") for line in wrong]


def none_left(say: Say, lines: Sequence[str]) -> str:
    """One line of several: the first, and with how many more it is so; each names one thing that is missing."""
    first, *more = lines
    if not more:
        return first
    return say(
        f"{first}（另有 {len(more)} 筆紀錄不能用，第一筆：{more[0]}）",
        f"{first} ({len(more)} more cannot be used, first: {more[0]})",
    )


def missing(say: Say, runs: Path, problem: str, *, src: str = "", tgt: str = "") -> str:
    """Say which command makes the run that is not there."""
    command = f"hw run {problem}" + (f" -p src {src} -p tgt {tgt}" if src else "")
    pair = f" ({src} → {tgt})" if src else ""
    return say(
        f"{runs} 裡沒有 {problem}{pair} 的完成紀錄；執行 `{command}` 即可產生。",
        f"{runs} has no finished run of {problem}{pair}; `{command}` makes one.",
    )


def sets_of(record: Record) -> tuple[list[ImageSet], bool]:
    """Return the image sets of a run, in the order of its notebook, and whether they are those of then.

    Raises `WorkbookError` where the folder is gone, its files are damaged, or the record does not say what it had.
    """
    try:
        known = {(s["name"], s["split"]): s["sha256"] for s in record.sets}
    except (KeyError, TypeError):
        raise WorkbookError(
            f"{record.folder / 'run.json'}: it does not say which images it had; run it again with --force"
        ) from None
    sets = load_sets(config_of(record))
    return sets, all(known.get((s.name, s.split)) == s.sha256 for s in sets)


def other_images(say: Say, sets: Sequence[ImageSet]) -> str:
    """A line for images that have changed since the run."""
    names = ", ".join(dict.fromkeys(s.title for s in sets))
    return say(f"注意：{names} 的影像與這次執行當時的不同。", f"Note: the images of {names} are not those of this run.")
