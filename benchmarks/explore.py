"""How long the explorers take to answer a move: the kernel's part, and with --browser the whole way in JupyterLab.

    python -m benchmarks.explore [--runs DIR] [--browser]

Each move is what a change of its widget sets off: networks, pictures and PNG, 50 of each kind after a first one, which
may load what later ones need. `rest` is the longest that a move made right afterwards would wait for what an explorer
leaves until a slider is at rest. A problem without a finished run in the folder is run in the smoke profile, into a
folder that goes afterwards: what a network says is of no account here. The goal is 150 ms.
"""

import argparse
import asyncio
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bench import write
from benchmarks.explore_moves import MOVES, Move
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT, anchored

COUNT = 50
GOAL = 150
"""Milliseconds within which a move is to be answered."""
RESTING = 0.3
"""Seconds that are waited, after every fifth move, for what comes when a slider is at rest."""
PROBLEMS = {"vae": "p1", "gan": "p2", "digits": "p3"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="explore", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of finished runs (default: runs)")
    parser.add_argument("--only", choices=MOVES, metavar="NAME", help=f"one of {', '.join(MOVES)}")
    parser.add_argument("--count", type=_positive, default=COUNT, help=f"moves of each kind (default: {COUNT})")
    parser.add_argument("--browser", action="store_true", help="also from key to picture in JupyterLab and Chromium")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out", help="where explore.json goes")
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(MOVES)
    try:
        with tempfile.TemporaryDirectory(prefix="hwlib-explore-") as scratch:
            folders = {name: folder_of(name, anchored(options.runs), Path(scratch)) for name in names}
            report = {"environment": environment(), "runs": {}, "kernel": [], "browser": []}
            for name, folder in folders.items():
                shown, rows = asyncio.run(kernel_side(name, folder, options.count))
                report["runs"][name] = shown
                report["kernel"] += rows
            if options.browser:
                from benchmarks import explore_lab

                report["browser"], told = explore_lab.measure(folders, options.count)
                report["environment"] |= told
    except WorkbookError as error:
        print(f"explore: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("explore: stopped", file=sys.stderr)
        return 130
    print("\n".join(lines(report)))
    write(report, options.out / "explore.json")
    return 0


def folder_of(name: str, runs: Path, scratch: Path) -> Path:
    """Return a folder with a run for an explorer: `runs` where it has one, else `scratch`, into which one is made."""
    from hwlib.config import read
    from hwlib.explore.found import runs_of
    from hwlib.runner import execute

    problem = PROBLEMS[name]
    if runs_of(runs, problem):
        return runs
    print(f"explore: {runs} has no finished run of {problem}; a smoke run is made", file=sys.stderr)
    execute(read(problem, {"profile": "smoke", "data": "sample", "device": "cpu", "runs": str(scratch)}))
    return scratch


def environment() -> dict[str, Any]:
    """Return hardware and versions; explorers compute on the CPU."""
    from hwlib.training.precision import choose

    libraries = {name: version(name) for name in ("ipywidgets", "anywidget")}
    return {"python": platform.python_version(), **choose("cpu", "float32").describe(), **libraries}


async def kernel_side(name: str, folder: Path, count: int) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return which runs an explorer shows, and a row for each kind of move. In a coroutine, since what waits until a
    slider is at rest waits in the event loop, as in a kernel."""
    from hwlib import explore
    from hwlib.explore.shown import Line

    explorer = getattr(explore, name)(folder, lang="zh")
    if isinstance(explorer, Line):
        raise WorkbookError(explorer.text)
    explorer.view()
    records = explorer.scene.records.values() if name == "digits" else [explorer.record]
    shown = {record.folder.name: str(record.run.get("profile")) for record in records}
    return shown, [{"explorer": name} | await timed(kind, act, count) for kind, act in MOVES[name](explorer).items()]


async def timed(kind: str, act: Move, count: int) -> dict[str, Any]:
    """Return milliseconds of a kind of move: the first, median and 95th percentile of the others, and the rest."""
    first, taken, rest = _seconds(act, 0), [], await _rest()
    for i in range(1, count + 1):
        taken.append(_seconds(act, i))
        if i % 5 == 0:
            rest = max(rest, await _rest())
    return {"move": kind, "first_ms": round(1e3 * first, 1), **summary(taken), "rest_ms": round(1e3 * rest, 1)}


def _seconds(act: Move, i: int) -> float:
    start = time.perf_counter()
    act(i)
    return time.perf_counter() - start


async def _rest() -> float:
    """The longest time that the event loop was busy while an explorer came to rest."""
    end, busy = time.perf_counter() + RESTING, 0.0
    while (start := time.perf_counter()) < end:
        await asyncio.sleep(0)
        busy = max(busy, time.perf_counter() - start)
    return busy


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Return number, median and 95th percentile (the smallest that 95 % do not exceed), in milliseconds."""
    ordered = sorted(seconds)
    at_95 = ordered[-(-95 * len(ordered) // 100) - 1]
    return {
        "moves": len(ordered),
        "median_ms": round(1e3 * statistics.median(ordered), 1),
        "p95_ms": round(1e3 * at_95, 1),
    }


def lines(report: dict[str, Any]) -> list[str]:
    told = report["environment"]
    said = [f"{told['hardware']}; {told['threads']} threads, torch {told['torch']}, Python {told['python']}"]
    for side, title in (("kernel", "in the kernel"), ("browser", "from key to picture")):
        if not report[side]:
            continue
        said.append(f"\n{title + ', ms':<26}{'first':>8}{'median':>8}{'95 %':>8}{'rest':>8}")
        for row in report[side]:
            numbers = (row.get(key) for key in ("first_ms", "median_ms", "p95_ms", "rest_ms"))
            columns = "".join(f"{'' if number is None else format(number, '.1f'):>8}" for number in numbers)
            over = "" if row["p95_ms"] < GOAL else f"  over {GOAL} ms"
            said.append(f"{row['explorer'] + ': ' + row['move']:<26}{columns}{over}")
    return said


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
