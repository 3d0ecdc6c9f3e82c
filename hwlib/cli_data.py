"""The subcommands of `hw data`: what there is, how to get it, whether it is right, how to write it out."""

import argparse
import contextlib
import sys
from datetime import datetime
from pathlib import Path

from hwlib.errors import WorkbookError
from hwlib.paths import anchored, cache_folder, here, named


def add(commands: argparse._SubParsersAction) -> None:
    """Add `data` and its own subcommands to those of `hw`."""
    data = commands.add_parser(
        "data",
        help="say what data there is, fetch, verify and export data sets",
        description="Say what data there is, fetch, verify and export data sets.",
    )
    actions = data.add_subparsers(metavar="ACTION", required=True)

    info = actions.add_parser(
        "info",
        help="each set, its licence and size, what is there, which runs would take it",
        description="Each set, its licence and size, what is there, which runs would take it.",
    )
    info.add_argument(
        "folder", type=named("folder"), nargs="?", metavar="FOLDER", help="where to look (default: as runs do)"
    )
    info.set_defaults(act=_info)

    fetch = actions.add_parser(
        "fetch",
        help="get data sets from the network and check them",
        description="Get data sets from the network, or from your own copies, and check them.",
        epilog="Interrupted, the same command goes on. Without a network it says which files to get, and where to put "
        "them. CelebA is not fetched, because Google Drive's quota fails most people: --from takes your own copy.",
    )
    fetch.add_argument(
        "names", nargs="*", metavar="NAME", help="usps, mnist, mnistm, svhn, celeba (default: usps mnistm svhn)"
    )
    fetch.add_argument(
        "--to", type=named("to"), metavar="FOLDER", help="where to keep them (default: data/ of the project)"
    )
    fetch.add_argument(
        "--from",
        dest="own",
        type=named("from"),
        metavar="PATH",
        help="your own copy, a folder or an archive: img_align_celeba with list_attr_celeba.txt; the MNIST-M release; "
        "a release's files, unpacked or compressed again; train/0/*.png to test/9/*.png",
    )
    fetch.add_argument(
        "--photos", type=named("photos"), metavar="PATH", help="mnistm: photographs in place of BSDS500's"
    )
    fetch.add_argument("--force", action="store_true", help="make sets again that are there")
    fetch.add_argument("--clean", action="store_true", help="delete the downloaded files in the end")
    fetch.set_defaults(act=_fetch)

    check = actions.add_parser(
        "check",
        help="verify a data folder fully",
        description="Verify every csv, row and image of a data folder. An error is what the loader refuses; a warning "
        "loads, but one should know. Exit status: 0 without errors, 1 with errors, 2 for bad usage.",
    )
    check.add_argument(
        "folder", type=named("folder"), nargs="?", metavar="FOLDER", help="default: what `data auto` takes"
    )
    check.add_argument("--all", action="store_true", help="print every finding, not the first few of each sort")
    check.add_argument("--csv", type=named("csv"), metavar="OUT", help="write every finding to a csv as well")
    check.add_argument("--force", action="store_true", help="write over OUT where it is there")
    check.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    check.set_defaults(act=_check)

    export = actions.add_parser(
        "export",
        help="write fetched sets, or the sample, in the course's layout",
        description="Write fetched sets, or the sample, in the course's layout.",
    )
    export.add_argument("names", nargs="*", metavar="NAME", help="sets (default: all that are there)")
    export.add_argument(
        "--from",
        type=named("from"),
        dest="source",
        metavar="FOLDER",
        help="where fetched/ lies, or `sample` (default: data/ of the project)",
    )
    export.add_argument(
        "--to", type=named("to"), metavar="OUT", required=True, help="folder to write digits/ and face/ into"
    )
    export.add_argument("--force", action="store_true", help="replace sets that are there")
    export.set_defaults(act=_export)

    cache = actions.add_parser(
        "cache",
        help="what is kept of decoded images, and how to be rid of it",
        description="What is kept of decoded images, and how to be rid of it.",
    )
    cache.add_argument("--clear", action="store_true", help="delete it; it is made again where it is needed")
    cache.set_defaults(act=_cache)


def _info(options: argparse.Namespace) -> int:
    from hwlib.data import info

    print("\n".join(info.lines(options.folder and here("folder", options.folder))))
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from hwlib.data.fetch import fetch

    paths = (("own", "from", options.own), ("photos", "photos", options.photos))
    given = {name: path and here(option, path) for name, option, path in paths}
    try:
        fetch(options.names, _folder(options.to), **given, force=options.force, clean=options.clean)
    except KeyboardInterrupt:
        print("hw: what was fetched is kept, and the same command goes on there", file=sys.stderr)
        raise
    return 0


def _check(options: argparse.Namespace) -> int:
    from hwlib.data.check import PARTS, readers, verify
    from hwlib.data.findings import ERROR, WARNING, as_csv, lines
    from hwlib.evaluation.output import check_free, put

    folder = options.folder or _automatic()
    if options.csv:
        check_free(options.csv, "csv", "csv", force=options.force, inputs=[folder / part for part in PARTS])
    with contextlib.redirect_stdout(sys.stderr):  # how far it is: the standard output is for the findings
        verdict = verify(folder, readers(folder))
    if options.csv:
        put(options.csv, as_csv(verdict), "csv", force=options.force)
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


def _export(options: argparse.Namespace) -> int:
    from hwlib.data.export import export

    source = "sample" if str(options.source) == "sample" else _folder(options.source)
    export(source, here("to", options.to), options.names, force=options.force)
    return 0


def _cache(options: argparse.Namespace) -> int:
    from hwlib.data.cache import cache_summary, clear_cache

    if options.clear:
        count, size = clear_cache()
        print(f"{cache_folder()}: {count} {_sets(count)} deleted, {size / 1e6:.1f} MB")
        return 0
    files = cache_summary()
    total = sum(file.size for file in files) / 1e6
    print(f"{cache_folder()}: {len(files)} {_sets(len(files))}, {total:.1f} MB, the last used first")
    for file in files:
        used = f"{datetime.fromtimestamp(file.used):%Y-%m-%d %H:%M}"
        print(f"  {used}  {file.size / 1e6:7.1f} MB  {file.what or file.path.name}")
    return 0


def _sets(count: int) -> str:
    return "set" if count == 1 else "sets"


def _folder(given: Path | None) -> Path:
    """A folder as the shell means it, by default the project's `data/`."""
    return here("folder", given) if given else anchored("data")
