"""Finished runs to explore, and the images that they were made with."""

from collections.abc import Sequence
from pathlib import Path

from hwlib.data import ImageSet
from hwlib.data.source import load_sets
from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import finished_runs
from hwlib.evaluation.networks import config_of
from hwlib.explore.shown import Say
from hwlib.record import Record


def runs_of(runs: Path, *problems: str) -> list[Record]:
    """Return the finished, readable records of these problems, the newest first; `WorkbookError` for no folder."""
    if not runs.is_dir():
        return []
    found = [record for record in finished_runs(runs)[0] if record.run.get("problem") in problems]
    return sorted(found, key=lambda record: (str(record.run.get("finished", "")), record.folder.name), reverse=True)


def missing(say: Say, runs: Path, problem: str, *, src: str = "", tgt: str = "") -> str:
    """Say which command makes the run that is not there."""
    command = f"hw run {problem}" + (f" -p src {src} -p tgt {tgt}" if src else "")
    pair = f" ({src} → {tgt})" if src else ""
    return say(
        f"{runs} 裡沒有 {problem}{pair} 的完成紀錄；執行 `{command}` 即可產生。",
        f"{runs} has no finished run of {problem}{pair}; `{command}` makes one.",
    )


def one_of(say: Say, runs: Path, *problems: str) -> list[Record]:
    """The records as `runs_of` gives them; `WorkbookError` with the command that makes one where there is none."""
    if not (found := runs_of(runs, *problems)):
        raise WorkbookError(missing(say, runs, problems[0]))
    return found


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
