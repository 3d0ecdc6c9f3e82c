"""Load all sets of a course folder: the first time, when images are decoded, and again, when the cache is mapped.

    python -m benchmarks.loading FOLDER

Each time in a fresh process, with a cache of its own that goes afterwards; the second time is the median of three
processes. The images' own files are in the system's cache unless they were never read. CPU seconds are those of all
processes, and matter where the machine is busy with something else.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import write
from benchmarks.worker import Worker
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

AGAIN = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(
        prog="loading", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a course folder")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out", help="where loading.json goes")
    options = parser.parse_args(arguments)
    try:
        report = measure(options.folder)
    except WorkbookError as error:
        print(f"loading: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("loading: stopped", file=sys.stderr)
        return 130
    print("\n".join(lines(report)))
    write(report, options.out / "loading.json")
    return 0


def measure(folder: Path, worker: Callable[..., Any] = Worker) -> dict[str, Any]:
    """Return `sets`, each with its images, megabytes, and seconds and CPU seconds of both times, and their `total`."""
    loads = []
    with tempfile.TemporaryDirectory(prefix="hwlib-loading-") as cache:
        for _ in range(1 + AGAIN):
            with worker(HW_CACHE=cache) as process:
                loads.append(process.ask("loading", folder=str(folder.absolute())))
    first, *again = loads
    sets = []
    for i, row in enumerate(first["sets"]):
        spent = {f"first_{name}": value for name, value in row.pop("spent").items()}
        for name in ("s", "cpu_s"):
            spent[f"again_{name}"] = statistics.median(load["sets"][i]["spent"][name] for load in again)
        sets.append(row | {name: round(value, 4) for name, value in spent.items()})
    total = {name: round(sum(row[name] for row in sets), 4) for name in sets[0] if name != "set"}
    return {"folder": str(folder), "processors": first["processors"], "sets": sets, "total": total}


def lines(report: dict[str, Any]) -> list[str]:
    head = f"{'set':<20}{'images':>9}{'MB':>8}{'first s':>10}{'CPU s':>8}{'again s':>10}{'CPU s':>8}"
    rows = [
        f"{row['set']:<20}{row['images']:>9,}{row['megabytes']:>8.1f}{row['first_s']:>10.2f}{row['first_cpu_s']:>8.2f}"
        f"{row['again_s']:>10.3f}{row['again_cpu_s']:>8.2f}"
        for row in [*report["sets"], {"set": "all"} | report["total"]]
    ]
    return [head, *rows, f"{report['processors']} processors"]


if __name__ == "__main__":
    sys.exit(main())
