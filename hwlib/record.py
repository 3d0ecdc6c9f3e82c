"""One run is one folder: `run.json`, `history.csv`, weights, and the arrays that its figures need.

Here are the readers; `hwlib.run` writes. Neither knows anything of torch until weights are asked for.
"""

import csv
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hwlib.errors import WorkbookError

SCHEMA = 1
PREVIOUS = ".previous"
"""Ending of the folder that a finished run goes to when a later one takes its place; no report reads it."""
UNFINISHED = (".partial", ".old", PREVIOUS)
"""Endings of folders that are no finished run of their own: begun, or replaced by a later one."""


@dataclass(frozen=True)
class Record:
    """A finished run, read back. `run` is the content of `run.json`."""

    folder: Path
    run: dict[str, Any]

    @classmethod
    def load(cls, folder: str | Path) -> "Record":
        """Read the record in `folder`; `WorkbookError` when there is none or it cannot be read."""
        folder = Path(folder)
        if folder.name == "run.json" and folder.is_file():  # who names the file means its folder
            folder = folder.parent
        path = folder / "run.json"
        try:
            run = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            begun = folder.with_name(f"{folder.name}.partial")
            more = "; one was begun, and the same `hw run` goes on with it" if folder.name and begun.is_dir() else ""
            raise WorkbookError(f"{folder}: no finished run here (there is no run.json){more}") from None
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
    def adapted(self) -> str:
        """The model that was adapted to the target: problem 4's method, problem 3's DANN."""
        return self.params.get("method", "dann")

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
        return columns(rows)

    def weights(self, name: str = "model") -> dict:
        """Return the state dict saved as `<name>.safetensors`; `WorkbookError` when there is none or it is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = self.folder / f"{name}.safetensors"
        if not path.is_file():
            raise WorkbookError(f"{path}: no such weights in this run; run it again with --force")
        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            reason = " ".join(str(error).split())
            raise WorkbookError(f"{path}: the weights cannot be read ({reason}); run it again with --force") from None

    def _repr_html_(self) -> str:
        import html

        rows = {"run": self.run["id"], "profile": self.run["profile"], "data": self.run["data"]["kind"]}
        rows |= {name: json.dumps(value) for name, value in self.metrics.items()}
        rows["seconds"] = json.dumps(self.run["seconds"])
        cells = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(str(v))}</td></tr>" for k, v in rows.items())
        return f"<table>{cells}</table>"

    def __repr__(self) -> str:
        return f"Record({self.run['id']}: {json.dumps(self.metrics)})"


def columns(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
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
    for folder in record_folders(runs):
        try:
            yield Record.load(folder)
        except WorkbookError:
            continue


def record_folders(runs: Path) -> Iterator[Path]:
    """Yield the folders in `runs` that hold a `run.json` and are finished runs of their own, by name."""
    for path in sorted(Path(runs).glob("*/run.json")):
        if is_finished(path.parent):
            yield path.parent


def is_finished(folder: Path) -> bool:
    """Whether a folder's name is that of a finished run: none that was begun, replaced, or hidden."""
    return not folder.name.startswith(".") and not folder.name.endswith(UNFINISHED)


def newest_first(records: Iterable[Record]) -> list[Record]:
    """Sort records by the time at which their runs finished; of a run and its copies, the run comes first."""

    def key(record: Record) -> tuple[str, bool, str]:
        return str(record.run.get("finished", "")), record.folder.name == record.run.get("id"), record.folder.name

    return sorted(records, key=key, reverse=True)
