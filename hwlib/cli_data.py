"""The command `hw data`: where images come from, and whether they are right."""

import argparse
import contextlib
import sys
from pathlib import Path

from hwlib.errors import WorkbookError


def add(commands) -> None:
    """Add `hw data` and its subcommands to those of `hw`."""
    data = commands.add_parser("data", help="verify folders of images")
    parts = data.add_subparsers(metavar="COMMAND", required=True)

    check = parts.add_parser(
        "check",
        help="verify a data folder fully",
        description="Verify every csv, row and image of a data folder. An error is what the loader refuses; a warning "
        "loads, but one should know. Exit status: 0 without errors, 1 with errors, 2 for bad usage.",
    )
    check.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="default: what `data auto` takes")
    check.add_argument("--all", action="store_true", help="print every finding, not the first few of each sort")
    check.add_argument("--csv", type=Path, metavar="OUT", help="write every finding to a csv as well")
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    check.set_defaults(act=_check)


def _check(options: argparse.Namespace) -> int:
    from hwlib.data.check import readers, verify
    from hwlib.data.findings import ERROR, WARNING, as_csv, lines
    from hwlib.evaluation.output import check_free, put

    if options.csv:
        check_free(options.csv, "csv", "csv")
    folder = options.folder or _automatic()
    with contextlib.redirect_stdout(sys.stderr):  # how far it is: the standard output is for the findings
        verdict = verify(folder, readers(folder))
    if options.csv:
        put(options.csv, as_csv(verdict), "csv")
    for line in lines(verdict, options.all):
        print(line)
    return int(verdict.count(ERROR) > 0 or (options.strict and verdict.count(WARNING) > 0))


def _automatic() -> Path:
    """The folder that `data auto` takes for digits or faces."""
    from hwlib.data import open_source

    sources = [open_source("auto", need) for need in ("digits", "faces")]
    for source in sources:
        if source.root is not None:
            return source.root
    raise WorkbookError(f"{sources[0].note}, so `data auto` is the sample, which needs no check; name a folder")
