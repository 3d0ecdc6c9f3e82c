"""What is left of a run that did not end: whether the next attempt may go on with it."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.record import PREVIOUS
from hwlib.sources import decisive

CHECKPOINTS = "checkpoints"
_IDENTITY = "attempt.json"


def identity(config: Config, sets: list[dict], environment: dict[str, Any], fingerprint: dict[str, str]) -> dict:
    """Return all that decides the numbers of a run: to go on with other ones would make a run that never was."""
    compute = {name: environment[name] for name in ("device", "precision") if name in environment}
    return {
        "parameters": decisive(config),
        "data": hashes(sets),
        "code": fingerprint.get("source", ""),
        "compute": compute,
    }


def hashes(sets: list[dict]) -> dict[str, str]:
    """Return the sha256 of each set's images, by the set's name and split."""
    return {f"{s['name']} {s['split']}": s["sha256"] for s in sets}


def prepare(partial: Path, mine: dict, resume: bool) -> None:
    """Make `partial` the folder of this attempt, with the checkpoints of the one before it when `resume` is set.

    Raises `WorkbookError`, and changes nothing, when there are checkpoints of another run than `mine` describes.
    """
    kept = any(any((partial / CHECKPOINTS).glob(pattern)) for pattern in ("*.ckpt", "*.ckpt.previous"))
    if kept and resume:
        _compare(partial, mine)
        for path in partial.iterdir():
            if path.name not in (CHECKPOINTS, _IDENTITY):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    (partial / _IDENTITY).write_text(json.dumps(mine, indent=1) + "\n", encoding="utf-8")


def close(partial: Path) -> None:
    """Take from a finished run what only served to go on with it."""
    shutil.rmtree(partial / CHECKPOINTS, ignore_errors=True)
    (partial / _IDENTITY).unlink(missing_ok=True)


def swap(folder: Path) -> None:
    """Put `<id>.partial`, which is whole, in the place of `<id>`; what was there stays as `<id>.previous`."""
    partial, previous = (folder.with_name(folder.name + ending) for ending in (".partial", PREVIOUS))
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(folder, previous)
    os.rename(partial, folder)


def recover(folder: Path) -> None:
    """Complete what a process that died while it finished the run `folder` left between two renames.

    `run.json` is the last file of a run to be written, so a partial folder that has it is whole.
    """
    partial, old = (folder.with_name(folder.name + ending) for ending in (".partial", ".old"))  # .old: until 0.1
    if (partial / "run.json").exists():
        swap(folder)
    elif old.exists() and not folder.exists():
        os.rename(old, folder)


def _compare(partial: Path, mine: dict) -> None:
    try:
        theirs = json.loads((partial / _IDENTITY).read_text(encoding="utf-8"))
        found = differences(theirs, mine)
    except (OSError, ValueError, KeyError, AttributeError):
        found = [f"{partial / _IDENTITY} cannot be read"]
    if found:
        raise WorkbookError(
            f"{partial}: an attempt that did not end is kept here, but of another run: {'; '.join(found)}; "
            "with `resume` false (`hw run … -p resume false`) it is discarded and the run starts anew"
        )


def differences(theirs: dict, mine: dict) -> list[str]:
    """Say in which of the parts that both have one run differs from another; parts as `identity` gives them."""
    found = []
    for part in (part for part in ("parameters", "compute") if part in mine):
        names = dict.fromkeys([*theirs[part], *mine[part]])
        found += [
            f"{name} was {theirs[part].get(name)} and is {mine[part].get(name)}"
            for name in names
            if theirs[part].get(name) != mine[part].get(name)
        ]
    if theirs["data"] != mine["data"]:
        names = dict.fromkeys([*theirs["data"], *mine["data"]])
        changed = [name for name in names if theirs["data"].get(name) != mine["data"].get(name)]
        found.append(f"the images have changed ({', '.join(changed)})")
    if theirs.get("code") != mine.get("code"):
        found.append("the code that it uses has changed")
    return found
