"""Finished runs to explore, and the images that they were made with."""

import os
from collections.abc import Sequence
from pathlib import Path

from hwlib.config import CONFIGS, Config
from hwlib.data import ImageSet
from hwlib.data.source import load_sets
from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import finished_runs, making
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
    command = making(runs, problem, src, tgt)
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
    config = config_of(record)
    try:
        sets = load_sets(config)
    except WorkbookError as error:
        raise WorkbookError(f"{record.folder}: the images of this run: {error}{_then(record, config)[1]}") from None
    return sets, all(known.get((s.name, s.split)) == s.sha256 for s in sets)


def _then(record: Record, config: Config) -> tuple[str, str]:
    """Where a run of `data auto` had its images and how to have them again, in Chinese and English; else nothing.

    A record keeps no folder of the machine, only whether it was one.
    """
    if config.data != "auto":
        return "", ""
    now = f"HW_DATA={os.environ['HW_DATA']}" if os.environ.get("HW_DATA") else ""
    if record.run["data"].get("kind") == "sample":
        zh, en = "當時用的是替代資料", "it had the sample's stand-ins"
        return (f"；{zh}，現在 {now}：請取消設定", f"; {en}, and now {now}: unset that") if now else ("", "")
    zh, en = f" {now}" if now else "未設定 HW_DATA", now or "HW_DATA is not set"
    return (
        f"；當時的影像來自一個資料夾，現在{zh}：請把 HW_DATA 設成當時的資料夾",
        f"; it had those of a folder, and now {en}: set HW_DATA to that folder",
    )


def other_images(say: Say, sets: Sequence[ImageSet], record: Record) -> str:
    """A line for images that have changed since the run, or that are others because HW_DATA is."""
    names, (zh, en) = ", ".join(dict.fromkeys(s.title for s in sets)), _then(record, config_of(record))
    return say(
        f"注意：{names} 的影像與這次執行當時的不同{zh}。", f"Note: the images of {names} are not those of this run{en}."
    )
