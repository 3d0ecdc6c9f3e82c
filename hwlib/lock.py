"""One process at a time makes a run; another one that wants to learns at once which process that is."""

import contextlib
import json
import os
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from hwlib.errors import WorkbookError

PATIENCE = 5.0
"""Seconds to wait for a kernel whose parent was killed: it ends by itself within about two."""

_LOCKS: dict[Path, FileLock] = {}


def hold(runs: Path, run_id: str) -> None:
    """Hold the lock of a run until `release` or the end of this process; a run started anew here keeps its lock.

    The system frees the lock of a process that died, so a stale one is simply taken over. Raises `WorkbookError`,
    naming the process, when another one holds it.
    """
    path = _path(runs, run_id)
    lock = _LOCKS.setdefault(path, FileLock(path))
    if lock.is_locked:
        return
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = _holder(path)
        try:
            lock.acquire(timeout=PATIENCE if _is_orphan(holder) else 0)
        except Timeout:
            who = f"process {holder['pid']}" if holder else "another process"
            raise WorkbookError(
                f"{run_id}: {who} is making this run already; let it end, or stop it (an open notebook: shut its "
                "kernel down)"
            ) from None
    holder = {"pid": os.getpid(), "parent": os.getppid()}
    with contextlib.suppress(OSError):  # only a courtesy to the next process: the lock holds without it
        _note(path).write_text(json.dumps(holder), encoding="utf-8")


def release(runs: Path, run_id: str) -> None:
    """Let the next process have the run."""
    if lock := _LOCKS.get(_path(runs, run_id)):
        lock.release(force=True)


def check_free(runs: Path, run_id: str) -> None:
    """Raise `WorkbookError` when another process is making this run, as `hold` does."""
    lock = _LOCKS.get(_path(runs, run_id))
    if lock and lock.is_locked:
        return
    hold(runs, run_id)
    release(runs, run_id)


def _path(runs: Path, run_id: str) -> Path:
    return runs / f".{run_id}.lock"


def _note(path: Path) -> Path:
    return path.with_suffix(".pid")


def _holder(path: Path) -> dict[str, int] | None:
    try:
        holder = json.loads(_note(path).read_text(encoding="utf-8"))
        return {name: int(holder[name]) for name in ("pid", "parent")}
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _is_orphan(holder: dict[str, int] | None) -> bool:
    """Whether the holder is gone, or its parent is: then it is about to end, or has ended a moment ago."""
    if holder is None:
        return True
    try:
        return psutil.Process(holder["pid"]).ppid() != holder["parent"]
    except psutil.Error:
        return True
