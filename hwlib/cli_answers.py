"""`hw predict`, `hw score` and `hw sample`: what finished runs answer, and what the answers are worth."""

import argparse
import sys
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.paths import named


def add(commands: Any) -> None:
    """Add the three commands to the subparsers of `hw`."""
    predict = commands.add_parser(
        "predict",
        help="name the digits in a folder of images with the network of a run",
        description="Name the digits in a folder of 28x28 PNG images, and write image_name,label for each.",
        epilog="Without --run and --runs it takes the run that HW_RUN names, else the newest finished one that fits.",
    )
    _choosing(predict, ("p3", "p4"))
    predict.add_argument("--target", metavar="NAME", help="a run trained for this digit set: usps, mnistm, svhn, ...")
    predict.add_argument(
        "--images", type=named("images"), metavar="DIR", required=True, help="folder of 28x28 PNG images"
    )
    predict.add_argument(
        "--out", type=named("out"), metavar="CSV", required=True, help="file to write: image_name,label"
    )
    predict.add_argument("--model", help="dann (the default), source_only or target_only of a run of p3")
    predict.add_argument("--force", action="store_true", help="write over CSV where it is there")
    predict.set_defaults(act=_predict)

    score = commands.add_parser(
        "score",
        help="score predictions against the truth",
        description="Score csvs of predictions against the truth. Each image of the truth must be named once, and no "
        "other. Of several files, or of a folder with its sub-folders, each is a row; one that cannot be scored says "
        "why. Exit status: 0 when all are scored, 1 when one is below --at-least, 2 when one cannot be scored.",
    )
    score.add_argument(
        "--pred",
        type=named("pred"),
        nargs="+",
        action="extend",
        metavar="CSV",
        required=True,
        help="image_name,label; or DIR",
    )
    score.add_argument("--truth", type=named("truth"), metavar="CSV", required=True, help="as digits/<name>/test.csv")
    score.add_argument(
        "--csv", type=named("csv"), metavar="OUT", help="also write a row for each file: accuracy, each digit's"
    )
    score.add_argument("--json", type=named("json"), metavar="OUT", help="also write it all to this file, as JSON")
    score.add_argument("--force", action="store_true", help="write over OUT where it is there")
    score.add_argument("--at-least", type=float, metavar="PERCENT", help="exit with 1 when the accuracy is below")
    score.set_defaults(act=_score)

    sample = commands.add_parser(
        "sample",
        help="draw faces with the VAE or the GAN of a run",
        description="Draw faces from N(0, I) and write them as one PNG, eight in a row.",
        epilog="Without --run and --runs it takes the run that HW_RUN names, else the newest finished one that fits.",
    )
    _choosing(sample, ("p1", "p2"))
    sample.add_argument("--out", type=named("out"), metavar="PNG", required=True, help="file to write")
    sample.add_argument("--seed", type=int, help="decides the faces (default: the run's own, which gives its figure's)")
    sample.add_argument("--count", type=int, default=32, metavar="N", help="how many faces (default: 32)")
    sample.add_argument("--force", action="store_true", help="write over PNG where it is there")
    sample.set_defaults(act=_sample)


def _choosing(command: argparse.ArgumentParser, problems: tuple[str, ...]) -> None:
    where = command.add_mutually_exclusive_group()
    where.add_argument("--run", type=named("run"), metavar="DIR", help=f"a record of {' or '.join(problems)}")
    where.add_argument(
        "--runs", type=named("runs"), metavar="DIR", help="folder of records, of which the newest that fits is taken"
    )
    command.add_argument("--problem", choices=problems, help="a run of this problem")
    command.add_argument("--device", default="auto", help="auto (the default), cpu, cuda, cuda:N or mps")


def _predict(options: argparse.Namespace) -> int:
    from hwlib.evaluation.predictions import predict_folder

    choosing = {name: getattr(options, name) for name in ("force", "runs", "problem", "target")}
    print(predict_folder(options.run, options.images, options.out, options.model, options.device, **choosing))
    return 0


def _score(options: argparse.Namespace) -> int:
    from hwlib.evaluation import grading
    from hwlib.evaluation.output import check_free, put
    from hwlib.evaluation.scoring import as_json, table

    least, truth = options.at_least, options.truth
    if least is not None and not 0 <= least <= 100:
        raise WorkbookError(f"at-least: {least:g} is no percentage from 0 to 100")
    if least is not None and 0 < least <= 1:
        raise WorkbookError(f"at-least: {least:g} would be {least:g} %; give percent, {100 * least:g} say")
    files, passed = grading.find(options.pred, truth)
    outs = [(name, out) for name, out in (("csv", options.csv), ("json", options.json)) if out]
    inputs = [truth, *(row.file for row in files)]
    for name, out in outs:
        check_free(out, name, "csv" if name == "csv" else "JSON file", force=options.force, inputs=inputs)
    if len({out.resolve() for _, out in outs}) < len(outs):
        raise WorkbookError(f"json: {options.json} is where the csv goes; give another name")
    rows = grading.grade(files, truth)
    single = len(rows) == 1 and not options.pred[0].is_dir()
    if single and rows[0].score is None:
        raise WorkbookError(rows[0].told)
    if options.csv:
        put(options.csv, grading.as_csv(rows), "csv", force=options.force)
    if options.json:
        content = as_json(rows[0].score, rows[0].file, truth) if single else grading.as_json(rows, truth)
        put(options.json, content, "json", force=options.force)
    print(table(rows[0].score) if single else grading.as_table(rows))
    sys.stdout.flush()  # before what is said of it
    return _verdict(rows, passed, least)


def _verdict(rows: list[Any], passed: list[str], least: float | None) -> int:
    """Say of scored files what is to be said beside their rows, and return the exit status."""
    from hwlib.evaluation.grading import told

    bad = [row.name for row in rows if row.score is None]
    low = [row for row in rows if row.score and least is not None and row.score.accuracy < least]
    if passed:
        print(f"hw: passed over: {told(passed)}", file=sys.stderr)
    if low and len(rows) == 1:
        print(f"hw: accuracy {low[0].score.accuracy:.6g} % is below the {least:g} % wanted", file=sys.stderr)
    elif low:
        below = told([row.name for row in low])
        print(f"hw: {len(low)} of {len(rows)} below the {least:g} % wanted: {below}", file=sys.stderr)
    if bad:
        print(f"hw: {len(bad)} of {len(rows)} cannot be scored: {told(bad)}", file=sys.stderr)
    return 2 if bad else int(bool(low))


def _sample(options: argparse.Namespace) -> int:
    from hwlib.evaluation.faces import draw_faces
    from hwlib.evaluation.output import check_free, put
    from hwlib.figures import Picture, mosaic

    check_free(options.out, "out", "PNG", force=options.force)
    choosing = {name: getattr(options, name) for name in ("runs", "problem")}
    faces = draw_faces(options.run, options.seed, options.count, options.device, **choosing)
    _, png = Picture(mosaic(faces.images.numpy())).image()
    put(options.out, png, "out", force=options.force)
    print(f"{faces.told}: {options.out}")
    return 0
