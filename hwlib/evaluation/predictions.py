"""The digits in a folder of images, named by the network of a finished run."""

import csv
import io
import os
from pathlib import Path

from torch import nn

from hwlib.config import UDAConfig
from hwlib.data.compact import SPLITS
from hwlib.data.course import unlabelled
from hwlib.errors import WorkbookError
from hwlib.evaluation.accuracy import predict
from hwlib.evaluation.choice import Wanted, choose
from hwlib.evaluation.networks import NETWORKS, compute_on, load_model, stands_in, told
from hwlib.evaluation.output import check_free, put
from hwlib.paths import PROSE
from hwlib.record import Record


def predict_folder(
    run: Path | None,
    images: Path,
    out: Path,
    model: str | None = None,
    device: str = "auto",
    *,
    force: bool = False,
    runs: Path | None = None,
    problem: str | None = None,
    target: str | None = None,
) -> str:
    """Name the digits in the folder `images` and write `out`, a csv `image_name,label` sorted by name.

    run: folder of a record; None takes `$HW_RUN`, or the newest record of `problem` trained for `target` in the folder
    `runs`, as `hwlib.evaluation.choice` says. model: which of its networks, None for the default; device: as the
    parameter of runs. force: write over `out` where it is there, unless it is one of the images, their labels or part
    of a record. Returns lines that say which run was chosen and why, and last what was done. Raises WorkbookError for
    whatever cannot be read, used or written; `out` is then as it was before.
    """
    wanted = Wanted(_problems(problem, None if run else model), target)
    choice = choose(wanted, lambda record: _load(record, model), run, runs)
    record, (name, network) = choice.record, choice.loaded
    check_free(out, "out", "csv", force=force, inputs=(images, *_labels(images)))
    compute = compute_on(device)
    names, pixels = unlabelled(images)
    labels = predict(compute.place(network), pixels, compute).tolist()
    put(out, _csv(names, labels), "out", force=force)
    count = "1 image" if len(names) == 1 else f"{len(names)} images"
    doubt = (*choice.why, *_doubt(record)) if choice.why else ()
    return "\n".join([*doubt, f"{count} named by {name} of {told(record)} on {compute.device}: {out}"])


def _labels(images: Path) -> list[Path]:
    """Where the course layout has the labels of these images, if they are a split of it."""
    folder = Path(os.path.realpath(images))
    return [folder.with_name(f"{folder.name}.csv")] if folder.name in SPLITS else []


def _doubt(record: Record) -> list[str]:
    """A line where a run that was not named is one to doubt, and where better weights lie."""
    if not stands_in(record) and record.run.get("profile") != "smoke":
        return []
    published = record.params.get("tgt") and sorted((PROSE / "reference").glob(f"*_{record.params['tgt']}/run.json"))
    better = f"; `--run {published[0].parent}` was trained on real images" if published else ""
    return [f"note: this run is of stand-ins or of a smoke test, and no judge of real images{better}"]


def _problems(problem: str | None, model: str | None) -> tuple[str, ...]:
    """The problems whose runs will do: the one asked for, or those that have networks, less those without `model`."""
    problems = tuple(NETWORKS) if problem is None else (problem,)
    known = {p: (*NETWORKS[p], *(UDAConfig.methods if p == "p4" else ())) for p in problems}
    if not (having := tuple(p for p in problems if model is None or model in known[p])):
        networks = "; ".join(f"a run of {p} has {', '.join(NETWORKS[p])}" for p in problems)
        raise WorkbookError(f"model: there is no {model!r}; {networks}")
    return having


def _load(record: Record, model: str | None) -> tuple[str, nn.Module]:
    default = NETWORKS[record.problem][0]
    # Of a run of problem 4 people know the method's name, not that its file is called model.
    name = default if model is None or (record.problem == "p4" and model == record.params.get("method")) else model
    return name, load_model(record, name)


def _csv(names: list[str], labels: list[int]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("image_name", "label"))
    rows.writerows(zip(names, labels, strict=True))
    return text.getvalue().encode()
