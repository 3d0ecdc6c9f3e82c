"""What the four notebooks say in one line: start a run, print a model, show an artefact."""

import platform
import sys
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from IPython.display import HTML, Image, Markdown
from torch import nn

from hwlib import figures
from hwlib.config import Config, read_notebook
from hwlib.data import DataSource, ImageSet, describe, open_data
from hwlib.errors import WorkbookError
from hwlib.finished import FinishedRun, standing
from hwlib.models import parameter_count
from hwlib.paths import ROOT
from hwlib.record import PREVIOUS, Record
from hwlib.run import Run, settle
from hwlib.sources import fingerprint
from hwlib.training.precision import Compute, choose
from hwlib.training.stopping import end_with_parent

__all__ = ["configure", "open_data", "print_model", "show", "start", "versions"]

FEWEST = 10
"""Images that every set must have: the table of problem 1 shows ten."""


def versions() -> HTML:
    """Show the versions that matter to the numbers; `WorkbookError` when this hwlib is not the notebook's."""
    if (root := _checkout()) and root != ROOT:
        raise WorkbookError(
            f"kernel: {sys.executable} has the hwlib of {ROOT}, and this notebook is that of {root}; choose the kernel "
            f"of {root} (its README says how to install one)"
        )
    rows = {"Python": platform.python_version()} | {n: version(n) for n in ("hwlib", "torch", "numpy", "scikit-learn")}
    return HTML("<table>" + "".join(f"<tr><th>{k}</th><td>{v}</td></tr>" for k, v in rows.items()) + "</table>")


def _checkout() -> Path | None:
    """The root of the checkout in which the notebook at hand lies, None where that cannot be told.

    papermill works wherever its shell does and names the notebook on its command line; everything else starts a
    kernel in the notebook's folder.
    """
    place = Path.cwd()
    with suppress(psutil.Error, OSError):
        parent = psutil.Process().parent()
        words = parent.cmdline() if parent else []
        named = [word for word in words if word.endswith(".ipynb")]
        if named and any(Path(word).stem == "papermill" for word in words[:3]):
            place = Path(parent.cwd(), named[0])
    roots = (folder for folder in (place, *place.parents) if (folder / "hwlib/notebook.py").is_file())
    return next((root.resolve() for root in roots if (root / "notebooks").is_dir()), None)


def configure(problem: str, namespace: dict[str, Any]) -> tuple[Config, Compute]:
    """Return configuration and device for the notebook's variables; anything misspelt or unfit stops here."""
    config = read_notebook(problem, namespace)
    end_with_parent()
    return config, choose(config.device, config.precision, config.deterministic)


def start(config: Config, compute: Compute, source: DataSource, *sets: ImageSet) -> Run | FinishedRun:
    """Begin a run and print which data it uses, how many images, and whether they are stand-ins.

    A finished run of the same parameters, images and code is shown again instead. Raises `WorkbookError` where one of
    other parameters or images would be replaced.
    """
    if few := [s for s in sets if len(s) < FEWEST]:
        raise WorkbookError(
            f"{few[0].name} {few[0].split}: {len(few[0])} images; a run needs at least {FEWEST} in a set"
        )
    print("\n".join(describe(source, sets)))
    described = [s.describe() for s in sets]
    print(f"{config.run_id}: profile {config.profile}, {compute.device} in {str(compute.dtype).removeprefix('torch.')}")
    mine = fingerprint(config, described)
    settle(config)
    from hwlib.report.collect import check

    if record := standing(config, described, mine, check):
        print(f"{config.run_id}: finished {record.run['finished']} and unchanged; shown, not trained again")
        return FinishedRun(config, record)
    if (config.runs_folder / config.run_id).is_dir():
        print(f"{config.run_id}: made again; the finished run there is kept as {config.run_id}{PREVIOUS}")
    return Run(config, source.kind, described, compute.describe(), mine)


def print_model(run: Run, **models: nn.Module) -> None:
    """Print each network as PyTorch does, with its number of parameters, and keep the text in the run."""
    parts = [f"{model}\n{name}: {parameter_count(model):,} parameters" for name, model in models.items()]
    run.save_text("model.txt", "\n\n".join(parts) + "\n")
    print("\n\n".join(parts))


def show(name: str, run: Run) -> HTML | Image | Markdown:
    """Show the artefact `name` of this run as it stands: a figure (also saved to `figures/`), a table, or a text."""
    from hwlib.report import statements, tables

    needed = _with_peer(name, run.record())
    if name.startswith("tbl"):
        return HTML(tables.table(name, needed))
    if name.startswith("txt"):
        text = statements.discussion(name, needed)
        return Markdown(f"{text['zh']}\n\n{text['en']}")
    if name == "fig2_4" and len(needed) == 1:
        return Markdown(
            "尚無使用同一份人臉資料的 VAE 紀錄；請先執行 `hw run p1`。\n\n"
            "No VAE run on these faces yet: `hw run p1` makes it."
        )
    drawing = figures.draw(name, *needed)
    png = figures.png(drawing)
    params = run.config.params()
    of = (params.get("src"), params.get("tgt"), params["name"])
    run.save_figure("_".join(filter(None, (name, *of))), png)
    told = figures.alt(name, "zh", *needed) + " / " + figures.alt(name, "en", *needed)
    return Image(png, alt=told, width=min(720, round(104 * drawing.get_figwidth())))


def _with_peer(name: str, record: Record) -> list[Record]:
    """The records that an artefact needs: comparing VAE and GAN takes a VAE's of the same faces too."""
    if name not in ("fig2_4", "txt2_4"):
        return [record]
    from hwlib.report.collect import collect

    vaes = collect(record.folder.parent).p1
    return [*[r for r in vaes if r.sets == record.sets][:1], record]
