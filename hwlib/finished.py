"""A finished run in the place of the one that is about to be made: never replaced unasked, and shown again."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hwlib import attempt
from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.paths import figures_folder
from hwlib.record import Record
from hwlib.sources import decisive


class OtherRun(WorkbookError):
    """In the folder of a run lies a finished one of other parameters or images, which is not to be replaced."""


def whole(folder: Path, check: Callable[[Record], None]) -> Record | None:
    """The finished record in a folder, if nothing is missing; `check` raises `WorkbookError` where something is."""
    try:
        record = Record.load(folder)
        check(record)
    except WorkbookError:
        return None
    return record if any(folder.glob("*.safetensors")) else None


def standing(
    config: Config,
    sets: list[dict[str, Any]],
    fingerprint: dict[str, str],
    check: Callable[[Record], None] = lambda record: None,
) -> Record | None:
    """Return the whole record of this very run, or None where the run is to be made.

    sets: the images, as records describe them; fingerprint: of which `source` is compared; check: see `whole`.
    A record of the same
    parameters and images whose sources have changed, or of which something is missing, is to be made again, and so is
    any with `config.force`. Raises `OtherRun`, whose line says what differs and how to go on, for a finished record
    of other parameters or images.
    """
    folder = config.runs_folder / config.run_id
    if config.force or not (folder / "run.json").is_file():
        return None
    try:
        record = Record.load(folder)
        differences = _differences(record, config, sets)
    except (WorkbookError, KeyError, TypeError, AttributeError):
        return None  # what cannot be read cannot be shown either; `attempt.swap` keeps it all the same
    if differences:
        raise OtherRun(
            f"{folder}: a finished run of other parameters or images is kept here: {'; '.join(differences)}; `force` "
            "true (`hw run … --force`) replaces it, and a `name` (`-p name NAME`) puts the new run beside it"
        )
    known = record.run.get("fingerprint")
    same = isinstance(known, dict) and known.get("source") == fingerprint.get("source")
    return whole(folder, check) if same else None


def _differences(record: Record, config: Config, sets: list[dict[str, Any]]) -> list[str]:
    defaults = {field.name: field.default for field in dataclasses.fields(config)}  # of parameters younger than it
    mine = json.loads(json.dumps(decisive(config)))
    theirs = {name: record.params.get(name, defaults[name]) for name in mine}
    images = {f"{s['name']} {s['split']}": s["sha256"] for s in record.sets}
    return attempt.differences(
        {"parameters": theirs, "data": images}, {"parameters": mine, "data": attempt.hashes(sets)}
    )


class FinishedRun:
    """A finished run whose notebook is executed again: it has the methods of a `Run`, gives back what its record
    holds, and trains and writes nothing but figures for people."""

    def __init__(self, config: Config, record: Record) -> None:
        self.config = config
        self.finished = record
        self.figures = figures_folder(config.runs_folder)
        self.arrays: dict[str, Any] = {}

    def check_open(self) -> None:
        """A finished run may be shown at any time."""

    def save_metrics(self, **metrics: Any) -> None:
        """Keep nothing: the record has them."""

    def save_arrays(self, **arrays: Any) -> None:
        """Keep nothing: the record has them."""

    def save_text(self, name: str, text: str) -> None:
        """Keep nothing: the record has it."""

    def save_weights(self, module, name: str = "model") -> None:
        """Load the record's weights into the module: what follows in the notebook evaluates those.

        Raises `WorkbookError` where they are of another network.
        """
        try:
            module.load_state_dict(self.finished.weights(name))
        except RuntimeError:
            raise WorkbookError(
                f"{self.finished.folder}/{name}.safetensors: the weights are not of this network; with `force` true "
                "it is trained anew"
            ) from None

    def save_figure(self, name: str, png: bytes) -> None:
        """Write `<figures>/<name>.png`, as a run in the making does."""
        from hwlib.run import write_figure

        write_figure(self.figures, name, png)

    def record(self) -> Record:
        """Return the record."""
        return self.finished

    def finish(self) -> Record:
        """Return the record."""
        return self.finished
