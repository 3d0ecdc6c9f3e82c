"""A run in the making: a folder that becomes a record when it is whole.

A run is written into `<id>.partial/` and takes the place of an older one only when it is whole, so a folder without
that ending always holds a finished run; the older one stays as `<id>.previous`.
"""

import contextlib
import csv
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hwlib import __version__, attempt, lock
from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT, figures_folder, share_as_folder
from hwlib.record import SCHEMA, Record, columns

REQUIRED = {
    "p1": (
        "test_mse",
        "test_kl",
        "table_mse",
        "originals",
        "reconstructions",
        "faces",
        "interpolation",
        "tsne",
        "tsne_labels",
    ),
    "p2": ("seconds_per_epoch", "discriminator_real", "discriminator_fake", "faces", "interpolation"),
    "p3": (
        "accuracy",
        "source_accuracy",
        "wrong_images",
        "tsne",
        "tsne_labels",
        "tsne_domain",
        "tsne_before",
        "proxy_a_distance",
    ),
    "p4": ("accuracy", "source_accuracy", "wrong_images", "tsne", "tsne_labels", "tsne_domain", "proxy_a_distance"),
}
"""Metrics and arrays without which a run is not finished."""


@dataclass(frozen=True)
class _Training:
    """Rows of a training's history; its seconds in all, and those of them in attempts before this one."""

    rows: list[dict[str, Any]]
    seconds: float
    earlier: float


class Run:
    """A run in the making. Everything goes to `<id>.partial/`; `finish` writes `run.json` and swaps folders."""

    finished: Record | None = None
    """Of a run that is only shown again (`hwlib.finished`), its record."""

    def __init__(
        self,
        config: Config,
        kind: str,
        sets: list[dict],
        environment: dict[str, Any],
        fingerprint: dict[str, str] | None = None,
    ) -> None:
        """Start a run on the described data sets (`kind` as in `ImageSet`), or go on with an attempt that did not end.

        environment: what the record says of hardware and versions beside Python's; fingerprint: what decides whether
        the run would come out the same again.
        Raises `WorkbookError` when another process is making the same run, the folder cannot be written, or the
        attempt that is there was another run's and `config.resume` is set.
        """
        self.config = config
        self.kind = kind
        self.sets = sets
        self.environment = environment
        self.fingerprint = fingerprint or {}
        self.folder = config.runs_folder / config.run_id
        self.partial = self.folder.with_name(self.folder.name + ".partial")
        self.figures = figures_folder(config.runs_folder)
        self.metrics: dict[str, Any] = {}
        self.arrays: dict[str, np.ndarray] = {}
        self._trainings: dict[str, _Training] = {}
        self._started = time.perf_counter()
        mine = attempt.identity(config, sets, environment, self.fingerprint)
        settle(config)
        with _writing(config.runs_folder, "runs"):
            lock.hold(config.runs_folder, config.run_id)
            attempt.prepare(self.partial, mine, config.resume)

    @property
    def checkpoints(self) -> Path:
        """Where the trainings of this run keep their states until it is finished."""
        return self.partial / attempt.CHECKPOINTS

    def add_training(self, model: str, history: list[dict[str, Any]], seconds: float, earlier: float = 0.0) -> None:
        """Keep a training's rows for `history.csv`, and its seconds; training a model anew replaces its first try.

        earlier: those of its seconds that passed in attempts before this one.
        """
        rows = [{"model": model} | row for row in history]
        self._trainings[model] = _Training(rows, seconds, earlier)

    def check_open(self) -> None:
        """Raise `WorkbookError` when the run is finished, and so not to be changed any more."""
        if not self.partial.is_dir():
            raise WorkbookError(f"{self.config.run_id}: this run is finished; run the cell that starts it again first")

    def _path(self, name: str) -> Path:
        self.check_open()
        return self.partial / name

    @property
    def _rows(self) -> list[dict[str, Any]]:
        return [row for training in self._trainings.values() for row in training.rows]

    def save_metrics(self, **metrics: Any) -> None:
        """Keep numbers for `run.json`: scalars, tensors or lists of them; a dict is merged into the one of its name."""
        for name, value in metrics.items():
            value = _plain(value)
            self.metrics[name] = self.metrics.get(name, {}) | value if isinstance(value, dict) else value

    def save_arrays(self, **arrays: Any) -> None:
        """Keep arrays or CPU tensors for `arrays.npz`."""
        self.arrays |= {name: np.asarray(array) for name, array in arrays.items()}

    def save_weights(self, module, name: str = "model") -> None:
        """Write the module's state as `<name>.safetensors`."""
        from safetensors.torch import save_file

        state = {key: value.detach().cpu().contiguous() for key, value in module.state_dict().items()}
        path = self._path(f"{name}.safetensors")
        with _writing(path):
            save_file(state, path)
            share_as_folder(path)

    def save_text(self, name: str, text: str) -> None:
        """Write a small text file (a printed model) into the run."""
        path = self._path(name)
        with _writing(path):
            path.write_text(text, encoding="utf-8")

    def save_figure(self, name: str, png: bytes) -> None:
        """Write `<figures>/<name>.png`, for people; the report draws its own from the record."""
        write_figure(self.figures, name, png)

    def record(self) -> Record:
        """Return the record as it stands now, for tables and figures on the way."""
        record = Record(self.partial, self._describe())
        # The two lazy properties of a record are filled here: their files are written only by `finish`.
        record.__dict__.update(arrays=dict(self.arrays), history=columns(self._rows))
        return record

    def finish(self) -> Record:
        """Write arrays, history and `run.json`, put the folder in its place, and return the record.

        Raises `WorkbookError` when something is missing that a record of this problem must have: a cell was left out.
        """
        self.check_open()
        missing = [name for name in REQUIRED[self.config.problem] if name not in self.metrics | self.arrays]
        if missing or not self._trainings:
            what = ", ".join(missing) or "no training"
            raise WorkbookError(f"{self.config.run_id}: not finished, {what} missing; run the cells before this one")
        text = json.dumps(self._describe(), ensure_ascii=False, indent=1, allow_nan=False)
        with _writing(self.partial):
            np.savez_compressed(self._path("arrays.npz"), **self.arrays)
            self._write_history()
            part = self.partial / "run.json.part"
            part.write_text(text + "\n", encoding="utf-8")
            os.replace(part, self.partial / "run.json")  # from here on the run is whole, see `attempt.recover`
            attempt.close(self.partial)
            attempt.swap(self.folder)
        lock.release(self.config.runs_folder, self.config.run_id)
        return Record.load(self.folder)

    def _describe(self) -> dict[str, Any]:
        trainings = self._trainings.values()
        trained = sum(training.seconds for training in trainings)
        evaluated = time.perf_counter() - self._started - sum(t.seconds - t.earlier for t in trainings)
        seconds = {"train": trained, "evaluate": evaluated, "total": trained + evaluated}
        resumed = any(training.earlier for training in trainings)
        environment = {
            "python": platform.python_version(),
            "hwlib": __version__,
            "revision": revision(),
            "resumed": resumed,
        }
        return {
            "schema": SCHEMA,
            "id": self.config.run_id,
            "problem": self.config.problem,
            "params": self.config.params(),
            "profile": self.config.profile,
            "seed": self.config.seed,
            "selection": "last",
            "data": {"kind": self.kind, "sets": self.sets},
            "metrics": self.metrics,
            "environment": environment | self.environment | {"resumed": resumed},
            "seconds": {name: round(value, 2) for name, value in seconds.items()},
            "fingerprint": self.fingerprint,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _write_history(self) -> None:
        names = list(dict.fromkeys(name for row in self._rows for name in row))
        with open(self.partial / "history.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(self._rows)


def write_figure(folder: Path, name: str, png: bytes) -> None:
    """Write `<folder>/<name>.png` whole or not at all; `WorkbookError` where that cannot be."""
    temporary = folder / f".{name}.{os.getpid()}.png"
    with _writing(temporary):
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(png)
        os.replace(temporary, folder / f"{name}.png")


def settle(config: Config) -> None:
    """Complete what a process left that died while it finished this run; `WorkbookError` when one is making it now."""
    with _writing(config.runs_folder, "runs"):
        lock.check_free(config.runs_folder, config.run_id)
        attempt.recover(config.runs_folder / config.run_id)


@contextlib.contextmanager
def _writing(path: Path, parameter: str = "") -> Iterator[None]:
    """Turn what a full disk or a read-only folder raises into one line; an older record is untouched by then."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        where = f"{parameter}: " if parameter else ""
        raise WorkbookError(
            f"{where}cannot write to {path} ({reason}); mend that, or choose another folder with `runs`, and run the "
            "same again"
        ) from None


def _plain(value: Any) -> Any:
    """Turn tensors and arrays into floats and lists of floats, through dicts."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def revision() -> str | None:
    """Return the commit that the project's root is at, with "+" when files differ from it; None outside git.

    What `hw reference` writes after each run, the ledger and README's table, decides no number and is passed over.
    """
    try:
        git = ["git", "-C", str(ROOT)]
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=10)
        if commit.returncode:
            return None
        beside = ["--", ":/", ":(top,exclude)report/reference", ":(top,exclude)README.md"]
        dirty = subprocess.run([*git, "status", "--porcelain", *beside], capture_output=True, text=True, timeout=10)
        return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")
    except (OSError, subprocess.TimeoutExpired):
        return None
