"""The ledger of reference results: what each method reached on real images, by pair and seed.

It lies in `report/reference/results.json`; `report/reference/README.md` says what its entries mean. An entry is one
model on one pair with one profile; its `runs` are the seeds, and all else of it follows from them. Entries are merged:
a record that is gone from this machine stays in the ledger, and an incomplete result never replaces a complete one.
"""

import dataclasses
import json
import math
import os
import shlex
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hwlib.config import CONFIGS, SCENARIOS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE
from hwlib.record import Record
from hwlib.sources import INCIDENTAL

Entry = dict[str, Any]

SCHEMA = 1
SEEDS = (0, 1, 2)
PROFILES = ("cpu", "full")
REAL = ("course", "fetched")
FOLDER = PROSE / "reference"
FILE = "results.json"
MODELS = ("source_only", "dann", "target_only")
"""The models of a run of problem 3, with which the ledger's order begins."""
KEY = ("problem", "model", "src", "tgt", "profile")
HEAD = (*KEY, "command", "selection", "domains", "parameters", "data", "runs")
ENVIRONMENT = ("device", "hardware", "threads", "precision", "torch", "python", "hwlib", "revision", "resumed")


def empty() -> dict[str, Any]:
    return {"schema": SCHEMA, "results": [], "incomplete": [], "ablation": []}


def models(problem: str, method: str | None = None) -> tuple[str, ...]:
    """The models that one run of a problem gives results of."""
    return MODELS if problem == "p3" else (method,)


def read(folder: Path = FOLDER) -> dict[str, Any]:
    """Return the ledger in `folder`, an empty one where there is no file; `WorkbookError` for one that is damaged."""
    path = folder / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return empty()
    except (OSError, ValueError) as error:
        raise WorkbookError(f"{path}: cannot be read ({error}); restore it from the repository") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise WorkbookError(f"{path}: not a ledger of schema {SCHEMA}; restore it from the repository")
    try:
        parts = {name: [summed(entry) for entry in found[name]] for name in ("results", "incomplete")}
        for entry in found["ablation"]:
            _check_ablation(entry)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        raise WorkbookError(f"{path}: not in its form ({what}); restore it from the repository") from None
    return empty() | found | parts


def write(book: Mapping[str, Any], folder: Path = FOLDER) -> None:
    """Write the ledger through a neighbour and rename it, so that nobody reads half a file."""
    text = json.dumps(book, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    put(folder / FILE, text.encode())


def put(path: Path, content: bytes) -> None:
    """Give a file this content at once, and leave it alone where it has it; `WorkbookError` where that cannot be."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_file() and path.read_bytes() == content:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise WorkbookError(f"cannot write {path} ({error.strerror or error})") from None


def entries(record: Record) -> list[Entry]:
    """Return what a record of problem 3 or 4 says, an entry a model, each with the one seed."""
    run, params = record.run, record.params
    kept = {name: record.run["environment"].get(name) for name in ENVIRONMENT}
    found = []
    for model in models(record.problem, params.get("method")):
        domains = 1 if model in ("source_only", "target_only") else 2
        history = record.history
        steps = int(max(history["step"][history["model"] == model]))
        measured = {"accuracy": round(record.metrics["accuracy"][model], 4)}
        if model in record.metrics.get("oracle", {}):
            measured["oracle"] = round(record.metrics["oracle"][model], 4)
        row = {"seed": run["seed"], **measured, "steps": steps, "images": steps * params["batch_size"] * domains}
        row |= {"seconds": {name: run["seconds"][name] for name in ("train", "total")}}
        row |= kept | {"source": run.get("fingerprint", {}).get("source"), "finished": run["finished"]}
        entry = {
            "problem": record.problem,
            "model": model,
            "src": params["src"],
            "tgt": params["tgt"],
            "profile": run["profile"],
            "command": _command(record),
            "selection": run["selection"],
            "domains": domains,
            "parameters": parameters(params),
            "data": {"kind": run["data"]["kind"], "sets": described(record.sets)},
            "runs": [row],
        }
        found.append(summed(entry))
    return found


def parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that seeds of one result share, less those that the entry names itself."""
    return {name: value for name, value in params.items() if name not in {*INCIDENTAL, *KEY, "method"}}


def described(sets: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the ledger says of data sets."""
    return [{name: s[name] for name in ("name", "split", "count", "sha256")} for s in sets]


def _command(record: Record) -> str:
    words = ["hw", "run", record.problem, "-p", "profile", record.run["profile"]]
    for name in ("src", "tgt", "method"):
        if name in record.params:
            words += ["-p", name, str(record.params[name])]
    return shlex.join([*words, "--seeds", *map(str, SEEDS)])


def summed(entry: Entry) -> Entry:
    """Return the entry with its seeds in order and with what follows from them: values, mean and deviation.

    Raises KeyError, TypeError or ValueError for one that is not in its form.
    """
    runs = sorted(entry["runs"], key=lambda run: run["seed"])
    values = [_percent(run["accuracy"]) for run in runs]
    if not all(isinstance(run["finished"], str) for run in runs) or not values:
        raise ValueError("an entry without a finished run")
    [(s["name"], s["split"], s["count"], s["sha256"]) for s in entry["data"]["sets"]]
    derived = {"seeds": [run["seed"] for run in runs], "accuracy": values, **spread(values)}
    oracle = [_percent(run["oracle"]) for run in runs if "oracle" in run]
    if len(oracle) == len(runs):
        derived["oracle_not_a_result"] = {
            "chosen_by": "labels of the target's test set",
            "values": oracle,
            **spread(oracle),
        }
    head = {name: entry[name] for name in HEAD[:-1]}
    return head | derived | {"runs": runs}


def _percent(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise ValueError(f"{value!r} is no accuracy in percent")
    return value


def spread(values: list[float]) -> dict[str, float | None]:
    """Mean, and the sample standard deviation where there are two values."""
    deviation = round(statistics.stdev(values), 4) if len(values) > 1 else None
    return {"mean": round(math.fsum(values) / len(values), 4), "sd": deviation}


def _check_ablation(entry: Any) -> None:
    if not all(isinstance(entry[name], str) for name in ("without", "src", "tgt")):
        raise ValueError("an entry of the ablation without names")
    if not isinstance(entry["steps"], int):
        raise ValueError("an entry of the ablation without steps")
    for value in (entry["mean"], *entry["values"]):
        _percent(value)
    runs = [(run["seed"], run["parameters"], run["sets"], run["finished"]) for run in entry["runs"]]
    if not len(entry["values"]) == len(entry["seeds"]) == len(runs):
        raise ValueError("an entry of the ablation whose seeds and values differ in number")


def key(entry: Entry) -> tuple[str, ...]:
    return tuple(entry[name] for name in KEY)


def complete(entry: Entry) -> bool:
    return entry["seeds"] == list(SEEDS)


def last(entry: Entry) -> str:
    """When the latest of its runs was finished."""
    return max(run["finished"] for run in entry["runs"])


def alike(one: Entry, other: Entry) -> bool:
    """Whether runs of both may stand in one mean: same model, pair and profile, same parameters, same images."""
    return _signature(one) == _signature(other)


def _signature(entry: Entry) -> str:
    # A parameter that is younger than an entry has in it the value that leaves all as it was: its default.
    known = parameters({f.name: f.default for f in dataclasses.fields(CONFIGS[entry["problem"]])})
    return json.dumps([key(entry), known | entry["parameters"], entry["data"]], sort_keys=True)


def merge(book: Mapping[str, Any], new: Iterable[Entry]) -> dict[str, Any]:
    """Return the ledger with new entries: the latest complete result of each key, and what is newer and incomplete.

    Of two runs with one seed, the later one counts. Whatever else the ledger holds is kept.
    """
    groups: dict[str, Entry] = {}
    for entry in [*book["results"], *book["incomplete"], *new]:
        before = groups.get(_signature(entry))
        runs = {run["seed"]: run for run in (before["runs"] if before else ())}
        for run in entry["runs"]:
            if run["seed"] not in runs or run["finished"] >= runs[run["seed"]]["finished"]:
                runs[run["seed"]] = run
        groups[_signature(entry)] = summed(entry | {"runs": list(runs.values())})
    results: dict[tuple[str, ...], Entry] = {}
    for entry in sorted(filter(complete, groups.values()), key=last):
        results[key(entry)] = entry
    waiting = [
        entry
        for entry in groups.values()
        if not complete(entry) and (key(entry) not in results or last(entry) > last(results[key(entry)]))
    ]
    return dict(book) | {
        "results": sorted(results.values(), key=_order),
        "incomplete": sorted(waiting, key=lambda entry: (_order(entry), last(entry))),
    }


def _order(entry: Entry) -> tuple:
    pairs, pair = list(SCENARIOS), (entry["src"], entry["tgt"])
    place = MODELS.index(entry["model"]) if entry["model"] in MODELS else len(MODELS)
    return (place, entry["model"], pairs.index(pair) if pair in pairs else len(pairs), pair, entry["profile"])
