"""The command `hw`: run the notebooks, build the report, ask finished runs (`cli_answers`), see to data (`cli_data`).

Torch is imported by the subcommands that need it, so that `hw --help` answers at once.
"""

import argparse
import dataclasses
import os
import sys
import textwrap
from collections.abc import Sequence

from hwlib import __version__, cli_answers, cli_data
from hwlib.cli_output import LOST, outputs
from hwlib.config import CONFIGS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE, WORDS, anchored, check_project, here, named, settle_environment


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 when all is well, 1 when a run failed, a score is too low, data are wrong or a report lacks drawings, 2 for bad
    input, 74 when standard output is closed, full or broken and so did not take everything (the work itself was
    done), and 130, 141 or 143 after SIGINT, SIGPIPE or SIGTERM.
    """
    with outputs() as (out, err):
        try:
            try:
                stop, status = None, _act(arguments)
            except SystemExit as error:  # argparse has printed its help, or what was wrong with the words
                stop, status = error, error.code
            out.flush()
        except BrokenPipeError:  # whoever read what is printed has enough, as `head` has
            for each in (out, err):
                each.drop()
            return 141  # 128 + SIGPIPE, which Windows has no name for
        if out.fault and status in (0, 1):  # also where 1 would say that a score is too low: nobody has seen it
            print(f"hw: standard output: {out.fault}; what was to be printed is lost, in part or whole", file=err)
            return LOST
        if stop:
            raise stop
        return status


def _act(arguments: Sequence[str] | None) -> int:
    """Do what the command line says; what goes wrong is one line on standard error."""
    try:
        options = _parser().parse_args(arguments)
        _check_place()
        settle_environment()
        return options.act(options)
    except WorkbookError as error:
        print(f"hw: {error}", file=sys.stderr)
        signum = getattr(error, "signum", None)
        return 128 + signum if signum else 2
    except KeyboardInterrupt:
        print("hw: stopped", file=sys.stderr)
        return 130


def _check_place() -> None:
    """Refuse to work in a folder that was deleted: torch's libraries end the process there, in words of their own."""
    try:
        os.getcwd()
    except OSError as error:
        raise WorkbookError(
            f"the working directory is gone ({error.strerror}); `cd` to one that is there, and run the same again"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hw",
        description="Four deep-learning problems, run and reported.",
        epilog="A relative path, in an option or in HW_DATA, HW_CACHE and HW_RUN, means the shell's working directory. "
        "Exit status: 0; 1 when a run failed, a score is too low, data are wrong or a report lacks pictures; 2 for bad "
        "input; 74 when standard output is closed or full and did not take everything; 130, 141 and 143 after SIGINT, "
        "SIGPIPE and SIGTERM.",
    )
    parser.add_argument("--version", action="version", version=f"hw {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    where = "folder of the records (default: runs/ of the project)"
    run = commands.add_parser(
        "run",
        help="run notebooks headless and keep their records",
        description="Run the notebook of a problem headless; its record, with the executed notebook, goes\n"
        "to runs/<id>/. A run that is finished and unchanged is not made again.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""parameters, each also explained in the notebook's parameters cell and by
`papermill --help-notebook notebooks/p3_dann.ipynb`:
{_parameters()}

"""
        + "Ctrl-C or SIGTERM keeps a checkpoint, and the same command goes on there;\n`-p resume false` "
        "starts anew, `-p checkpoint_seconds N` says how often one is\nkept on the way.",
    )
    run.add_argument("problem", choices=("p1", "p2", "p3", "p4", "all"), help="all: p1, p2, and all pairs of p3 and p4")
    pair = ("NAME", "VALUE")
    run.add_argument(
        "-p", dest="params", nargs=2, action="append", default=[], metavar=pair, help="set a parameter, see below"
    )
    run.add_argument("--seeds", nargs="+", metavar="SEED", help="one run for each seed")
    run.add_argument("--runs", type=named("runs"), metavar="DIR", help=where)
    run.add_argument(
        "--force", action="store_true", help="train anew, also in place of a finished run of other settings"
    )
    run.set_defaults(act=_run)

    report = commands.add_parser(
        "report",
        help="build the report from the records",
        description="Build the bilingual report from the finished records: report.html with all figures and tables, "
        "and a PDF where something can print one. Nothing is trained.",
    )
    report.add_argument(
        "--runs", type=named("runs"), metavar="DIR", help="folder of the records (default: runs/ of the project)"
    )
    report.add_argument(
        "--out", type=named("out"), metavar="DIR", help="where to build (default: report/build/ of the project)"
    )
    report.add_argument("--pdf", action=argparse.BooleanOptionalAction, help="insist on a PDF, or leave it out")
    report.set_defaults(act=_report)

    cli_data.add(commands)
    cli_answers.add(commands)

    reference = commands.add_parser(
        "reference",
        help="make the reference results on real images that are missing, and their ledger",
        description="Train what is missing of problems 3 and 4 on real images, and keep results and weights in the "
        "ledger that README and report show.",
        epilog="It may be stopped at any time, and the same command goes on. A finished run of "
        "the same parameters and images is not made again, whatever sources changed since.",
    )
    reference.add_argument(
        "--data", type=named("data"), metavar="DIR", help="course folder (default: HW_DATA, or data/)"
    )
    reference.add_argument(
        "--runs", type=named("runs"), metavar="DIR", help="folder of the records (default: runs/reference/)"
    )
    reference.add_argument("--only", choices=("p3", "p4"), help="runs of this problem alone")
    reference.add_argument("--method", default="auto", help="method of problem 4 (default: auto)")
    reference.add_argument("--list", action="store_true", help="say what is there and what is missing; run nothing")
    reference.add_argument("--ledger-only", action="store_true", help="write ledger and README's table; run nothing")
    reference.add_argument("--force", action="store_true", help="run again what is there")
    reference.add_argument("--no-resume", action="store_true", help="discard attempts that did not end")
    reference.set_defaults(act=_reference)

    ablation = commands.add_parser(
        "ablation",
        help="measure what each ingredient of adamatch is worth, on svhn to mnist",
        description="Train adamatch whole and without each of its ingredients, and write what each is worth.",
        epilog="It may be stopped at any time, and the same command goes on.",
    )
    ablation.add_argument(
        "--data", type=named("data"), metavar="DIR", help="course folder with mnist (default: HW_DATA, or data/)"
    )
    ablation.add_argument(
        "--runs", type=named("runs"), metavar="DIR", help="folder of the records (default: runs/ablation/)"
    )
    ablation.add_argument("--list", action="store_true", help="say what is there and what is missing; run nothing")
    ablation.add_argument("--force", action="store_true", help="run again what is there")
    ablation.set_defaults(act=_ablation)
    return parser


def _parameters() -> str:
    """The names of every problem's parameters: those that all have, then each problem's own."""
    names = {problem: [field.name for field in dataclasses.fields(cls)] for problem, cls in CONFIGS.items()}
    shared = [name for name in names["p1"] if all(name in own for own in names.values())]
    lists = {"all": shared} | {p: [name for name in own if name not in shared] for p, own in names.items()}
    return "\n".join(
        textwrap.fill(", ".join(own), 78, initial_indent=f"  {p:<5}", subsequent_indent=" " * 7)
        for p, own in lists.items()
    )


def _run(options: argparse.Namespace) -> int:
    from hwlib.runner import plan, run_all

    check_project()
    params = dict(options.params)
    if len(params) < len(options.params):
        names = [name for name, _ in options.params]
        raise WorkbookError(f"{next(n for n in names if names.count(n) > 1)}: given twice")
    if options.runs:
        params["runs"] = options.runs
    for name, words in WORDS.items():  # a shell means its own folder, a notebook the project's
        if name in params and params[name] not in words:
            params[name] = str(here(name, params[name]))
    return run_all(plan(options.problem, params, options.seeds), force=options.force)


def _report(options: argparse.Namespace) -> int:
    from hwlib.report.build import NotDrawn, build_report

    check_project()
    runs = here("runs", options.runs) if options.runs else anchored("runs")
    out = here("out", options.out) if options.out else PROSE / "build"
    try:
        print(build_report(runs, out, options.pdf))
    except NotDrawn as error:
        print(f"hw: {error}", file=sys.stderr)
        return 1
    return 0


def _data(options: argparse.Namespace) -> dict[str, str]:
    """The parameter `data` where a folder is named; `sample` stays the word that it is, to be refused as that."""
    if not options.data:
        return {}
    return {"data": "sample" if str(options.data) == "sample" else str(here("data", options.data))}


def _reference(options: argparse.Namespace) -> int:
    from hwlib import reference

    check_project()
    params = {
        "runs": str(here("runs", options.runs)) if options.runs else reference.RUNS,
        "resume": not options.no_resume,
    }
    params |= _data(options)
    configs = reference.matrix(reference.best_profile(), options.only, options.method, **params)
    if options.ledger_only:
        book = reference.update(configs[0].runs_folder)
        print(f"{len(book['results'])} results, {len(book['incomplete'])} incomplete: {reference.FOLDER}")
        return 0
    if options.list:
        compared = reference.images() if reference.are_real(configs) else None
        print("\n".join(reference.listing(configs, compared)))
        return 0
    return reference.make(configs, options.force)


def _ablation(options: argparse.Namespace) -> int:
    from hwlib import ablation

    check_project()
    params = {"runs": str(here("runs", options.runs)) if options.runs else ablation.RUNS} | _data(options)
    configs = ablation.matrix(**params)
    if options.list:
        if options.data:
            ablation.are_real(configs)  # raises for a folder that is not there
        print("\n".join(ablation.listing(configs)))
        return 0
    return ablation.make(configs, options.force)
