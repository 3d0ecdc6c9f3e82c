"""The digits in a folder of images, named by the network of a finished run."""

import csv
import io
import os
from pathlib import Path

from torch import nn

from hwlib.data.course import unlabelled
from hwlib.errors import WorkbookError
from hwlib.evaluation.accuracy import predict
from hwlib.evaluation.choice import Wanted, choose
from hwlib.evaluation.networks import NETWORKS, compute_on, load_model, told
from hwlib.evaluation.output import check_free, put
from hwlib.record import Record


def predict_folder(
    run: Path | None,
    images: Path,
    out: Path,
    model: str | None = None,
    device: str = "auto",
    *,
    runs: Path | None = None,
    problem: str | None = None,
    target: str | None = None,
) -> str:
    """Name the digits in the folder `images` and write `out`, a csv `image_name,label` sorted by name.

    run: folder of a record; None takes `$HW_RUN`, or the newest record of `problem` trained for `target` in the folder
    `runs`, as `hwlib.evaluation.choice` says. model: which of its networks, None for the default; device: as the
    parameter of runs. Returns lines that say which run was chosen and why, and last what was done. Raises WorkbookError
    for whatever cannot be read, used or written; `out` is then as it was before.
    """
    wanted = Wanted(_problems(problem, None if run else model), target)
    choice = choose(wanted, lambda record: _load(record, model), run, runs)
    record, (name, network) = choice.record, choice.loaded
    check_free(out, "out", "csv")
    if os.path.dirname(os.path.realpath(out)) == os.path.realpath(images):
        raise WorkbookError(f"out: {out} would lie among the images; write it to another folder")
    compute = compute_on(device)
    names, pixels = unlabelled(images)
    labels = predict(compute.place(network), pixels, compute).tolist()
    put(out, _csv(names, labels), "out")
    count = "1 image" if len(names) == 1 else f"{len(names)} images"
    return "\n".join([*choice.why, f"{count} named by {name} of {told(record)} on {compute.device}: {out}"])


def _problems(problem: str | None, model: str | None) -> tuple[str, ...]:
    """The problems whose runs will do: the one asked for, or those that have networks, less those without `model`."""
    problems = tuple(NETWORKS) if problem is None else (problem,)
    if not (having := tuple(p for p in problems if model is None or model in NETWORKS[p])):
        networks = "; ".join(f"a run of {p} has {', '.join(NETWORKS[p])}" for p in problems)
        raise WorkbookError(f"model: there is no {model!r}; {networks}")
    return having


def _load(record: Record, model: str | None) -> tuple[str, nn.Module]:
    name = NETWORKS[record.problem][0] if model is None else model
    return name, load_model(record, name)


def _csv(names: list[str], labels: list[int]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("image_name", "label"))
    rows.writerows(zip(names, labels, strict=True))
    return text.getvalue().encode()
