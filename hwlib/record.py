"""One run is one folder: `run.json`, `history.csv`, weights, and the arrays that its figures need.

A run is written into `<id>.partial/` and takes the place of an older one only when it is whole, so a folder without
that ending always holds a finished run. Readers (`Record`) and the writer (`Run`) know nothing of torch until
weights are asked for.
"""

import csv
import json
import os
import platform
import shutil
import subprocess
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from hwlib import __version__
from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT, figures_folder

SCHEMA = 1
REQUIRED = {
    "p1": ("test_mse", "test_kl", "table_mse", "originals", "reconstructions", "faces", "tsne", "tsne_labels"),
    "p2": ("seconds_per_epoch", "discriminator_real", "discriminator_fake", "faces"),
    "p3": ("accuracy", "source_accuracy", "tsne", "tsne_labels", "tsne_domain"),
    "p4": ("accuracy", "source_accuracy", "tsne", "tsne_labels", "tsne_domain"),
}
"""Metrics and arrays without which a run is not finished."""


@dataclass(frozen=True)
class Record:
    """A finished run, read back. `run` is the content of `run.json`."""

    folder: Path
    run: dict[str, Any]

    @classmethod
    def load(cls, folder: str | Path) -> "Record":
        """Read the record in `folder`; `WorkbookError` when there is none or it cannot be read."""
        folder = Path(folder)
        path = folder / "run.json"
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise WorkbookError(f"{folder}: no finished run here (there is no run.json)") from None
        except (OSError, ValueError) as error:
            raise WorkbookError(f"{path}: the record cannot be read ({error}); run it again with --force") from None
        if not isinstance(run, dict) or run.get("schema") != SCHEMA:
            raise WorkbookError(f"{path}: not a record of schema {SCHEMA}; run it again with --force")
        return cls(folder, run)

    @property
    def problem(self) -> str:
        return self.run["problem"]

    @property
    def params(self) -> dict[str, Any]:
        return self.run["params"]

    @property
    def metrics(self) -> dict[str, Any]:
        return self.run["metrics"]

    @property
    def sets(self) -> list[dict[str, Any]]:
        """The data sets used: dicts of name, split, count, sha256, stand_in."""
        return self.run["data"]["sets"]

    def title(self, name: str) -> str:
        """The name of a data set, with "(stand-in)" behind it when this run used a stand-in."""
        return f"{name} (stand-in)" if any(s["stand_in"] for s in self.sets if s["name"] == name) else name

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that the run saved for its figures."""
        try:
            with np.load(self.folder / "arrays.npz", allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise WorkbookError(
                f"{self.folder}/arrays.npz: cannot be read ({error}); run it again with --force"
            ) from None

    @cached_property
    def history(self) -> dict[str, np.ndarray]:
        """Columns of `history.csv`. Text columns stay text; a missing number is nan."""
        path = self.folder / "history.csv"
        try:
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        except OSError as error:
            raise WorkbookError(f"{path}: cannot be read ({error}); run it again with --force") from None
        return _columns(rows)

    def weights(self, name: str = "model") -> dict:
        """Return the state dict saved as `<name>.safetensors`."""
        from safetensors.torch import load_file

        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            raise WorkbookError(f"{path}: no such weights in this run")
        return load_file(path)

    def _repr_html_(self) -> str:
        import html

        rows = {"run": self.run["id"], "profile": self.run["profile"], "data": self.run["data"]["kind"]}
        rows |= {name: json.dumps(value) for name, value in self.metrics.items()}
        rows["seconds"] = json.dumps(self.run["seconds"])
        cells = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"

    def __repr__(self) -> str:
        return f"Record({self.run['id']}: {json.dumps(self.metrics)})"


def _columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Turn rows of text or numbers into columns."""
    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name, "") for row in rows]
        try:
            columns[name] = np.array([np.nan if value in ("", None) else float(value) for value in values])
        except ValueError:
            columns[name] = np.array(values)
    return columns


def records(runs: Path) -> Iterator[Record]:
    """Yield the finished, readable records below `runs`, by name; what cannot be read is passed over."""
    for path in sorted(runs.glob("*/run.json")):
        if not path.parent.name.endswith((".partial", ".old")):
            try:
                yield Record.load(path.parent)
            except WorkbookError:
                continue


class Run:
    """A run in the making. Everything goes to `<id>.partial/`; `finish` writes `run.json` and swaps folders."""

    def __init__(
        self,
        config: Config,
        kind: str,
        sets: list[dict],
        environment: dict[str, Any],
        fingerprint: dict[str, str] | None = None,
    ) -> None:
        """Start a run on the described data sets (`kind` as in `ImageSet`). An unfinished older attempt is removed.

        Raises `WorkbookError` when another process is making the same run, or the folder cannot be written.

        environment: what the record says of hardware and versions beside Python's; fingerprint: what decides whether
        the run would come out the same again.
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
        self._trainings: dict[str, tuple[list[dict[str, Any]], float]] = {}
        self._started = time.perf_counter()
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            _hold(self.folder.with_name(f".{config.run_id}.lock"), config.run_id)
            shutil.rmtree(self.partial, ignore_errors=True)
            self.partial.mkdir()
        except OSError as error:
            raise WorkbookError(f"runs: cannot write to {self.partial.parent} ({error.strerror})") from None

    def add_training(self, model: str, history: list[dict[str, Any]], seconds: float) -> None:
        """Keep a training's rows for `history.csv`, and its seconds; training a model anew replaces its first try."""
        self._trainings[model] = [{"model": model} | row for row in history], seconds

    def check_open(self) -> None:
        """Raise `WorkbookError` when the run is finished, and so not to be changed any more."""
        if not self.partial.is_dir():
            raise WorkbookError(f"{self.config.run_id}: this run is finished; run the cell that starts it again first")

    def _path(self, name: str) -> Path:
        self.check_open()
        return self.partial / name

    @property
    def _rows(self) -> list[dict[str, Any]]:
        return [row for rows, _ in self._trainings.values() for row in rows]

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
        save_file(state, self._path(f"{name}.safetensors"))

    def save_text(self, name: str, text: str) -> None:
        """Write a small text file (a printed model) into the run."""
        self._path(name).write_text(text, encoding="utf-8")

    def save_figure(self, name: str, png: bytes) -> None:
        """Write `<figures>/<name>.png`, for people; the report draws its own from the record."""
        self.figures.mkdir(parents=True, exist_ok=True)
        temporary = self.figures / f".{name}.{os.getpid()}.png"
        temporary.write_bytes(png)
        os.replace(temporary, self.figures / f"{name}.png")

    def record(self) -> Record:
        """Return the record as it stands now, for tables and figures on the way."""
        record = Record(self.partial, self._describe())
        # The two lazy properties of a record are filled here: their files are written only by `finish`.
        record.__dict__.update(arrays=dict(self.arrays), history=_columns(self._rows))
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
        np.savez_compressed(self._path("arrays.npz"), **self.arrays)
        self._write_history()
        text = json.dumps(self._describe(), ensure_ascii=False, indent=1, allow_nan=False)
        (self.partial / "run.json").write_text(text + "\n", encoding="utf-8")
        self._swap()
        _LOCKS[self.folder.with_name(f".{self.config.run_id}.lock")].release(force=True)
        return Record.load(self.folder)

    def _describe(self) -> dict[str, Any]:
        total = time.perf_counter() - self._started
        trained = sum(seconds for _, seconds in self._trainings.values())
        seconds = {"train": trained, "evaluate": total - trained, "total": total}
        environment = {"python": platform.python_version(), "hwlib": __version__, "revision": revision()}
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
            "environment": environment | self.environment,
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

    def _swap(self) -> None:
        old = self.folder.with_name(self.folder.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if self.folder.exists():
            os.rename(self.folder, old)
        os.rename(self.partial, self.folder)
        shutil.rmtree(old, ignore_errors=True)


_LOCKS: dict[Path, FileLock] = {}


def _hold(path: Path, run_id: str) -> None:
    """Hold the lock of a run until it is finished or this process ends; a run started anew here keeps its lock."""
    lock = _LOCKS.setdefault(path, FileLock(path))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkbookError(f"{run_id}: another process is making this run ({path} is locked); let it end") from None


def _plain(value: Any) -> Any:
    """Turn tensors and arrays into floats and lists of floats, through dicts."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def revision() -> str | None:
    """Return the commit that the project's root is at, with "+" when files differ from it; None outside git."""
    try:
        git = ["git", "-C", str(ROOT)]
        commit = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=10)
        if commit.returncode:
            return None
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, timeout=10)
        return commit.stdout.strip() + ("+" if dirty.stdout.strip() else "")
    except (OSError, subprocess.TimeoutExpired):
        return None
