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
    predict.set_defaults(act=_predict)

    score = commands.add_parser(
        "score",
        help="score predictions against the truth",
        description="Score a csv of predictions against the truth. Each image of the truth must be named once, and no "
        "other. Exit status: 0 when scored, 1 when below --at-least, 2 for bad input.",
    )
    score.add_argument("--pred", type=named("pred"), metavar="CSV", required=True, help="predictions: image_name,label")
    score.add_argument("--truth", type=named("truth"), metavar="CSV", required=True, help="as digits/<name>/test.csv")
    score.add_argument("--json", type=named("json"), metavar="OUT", help="also write the score to this file, as JSON")
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

    choosing = {name: getattr(options, name) for name in ("runs", "problem", "target")}
    print(predict_folder(options.run, options.images, options.out, options.model, options.device, **choosing))
    return 0


def _score(options: argparse.Namespace) -> int:
    from hwlib.evaluation.output import check_free, put
    from hwlib.evaluation.scoring import as_json, score_files, table

    least, out = options.at_least, options.json
    if least is not None and not 0 <= least <= 100:
        raise WorkbookError(f"at-least: {least:g} is no percentage from 0 to 100")
    if least is not None and 0 < least <= 1:
        raise WorkbookError(f"at-least: {least:g} would be {least:g} %; give percent, {100 * least:g} say")
    if out:
        check_free(out, "json", "JSON file")
        if any(out.exists() and file.exists() and out.samefile(file) for file in (options.pred, options.truth)):
            raise WorkbookError(f"json: {out} is one of the two files that are scored; give another name")
    score = score_files(options.pred, options.truth)
    if out:
        put(out, as_json(score, options.pred, options.truth), "json")
    print(table(score))
    if least is not None and score.accuracy < least:
        print(f"hw: accuracy {score.accuracy:.6g} % is below the {least:g} % wanted", file=sys.stderr)
        return 1
    return 0


def _sample(options: argparse.Namespace) -> int:
    from hwlib.evaluation.faces import draw_faces
    from hwlib.evaluation.output import check_free, put
    from hwlib.figures import Picture, mosaic

    if options.out.suffix.lower() != ".png":
        raise WorkbookError(f"out: {options.out} is to be a PNG; give it a name that ends in .png")
    check_free(options.out, "out", "PNG")
    choosing = {name: getattr(options, name) for name in ("runs", "problem")}
    faces = draw_faces(options.run, options.seed, options.count, options.device, **choosing)
    _, png = Picture(mosaic(faces.images.numpy())).image()
    put(options.out, png, "out")
    print(f"{faces.told}: {options.out}")
    return 0
