"""`hw reference`: makes what is missing of the reference results, and keeps their ledger, weights and README's table.

A run of it takes half an hour on two cores, so none is made twice: unlike for `hw run`, a record counts whose
parameters and images are the same, whatever became of the sources since; the ledger says the revision of each.
"""

import json
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from hwlib import ledger
from hwlib.config import AUTO_METHOD, CONFIGS, SCENARIOS, Config, read
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT
from hwlib.record import Record, record_folders
from hwlib.report.reference import MARKERS, markdown
from hwlib.runner import run_all, whole_record

FOLDER = ledger.FOLDER
README = ROOT / "README.md"
RUNS = "runs/reference"
"""Below `runs/`, where git ignores it and `hw report`, which reads the folders in `runs/` itself, does not see it."""
PROBLEMS = ("p3", "p4")
LARGEST = 8_000_000
"""Bytes of a network's committed weights."""
WEIGHTS_SEED = 0
"""The seed whose weights are committed, fixed in advance: not the one that came out best."""

Sets = Callable[[Config], list[dict[str, Any]]]


def best_profile() -> str:
    """`full` with a CUDA device and `cpu` without: what a reference is to be made with, whatever HW_PROFILE says."""
    import torch

    return "full" if torch.cuda.is_available() else "cpu"


def matrix(profile: str, only: str | None = None, method: str = "auto", **params: Any) -> list[Config]:
    """Return the runs of the reference in their order: seed 0 of everything first, then 1, then 2.

    After a third of the time every cell of the tables has its first number and the committed weights are there, and
    what is there is even whenever somebody stops; by pairs, it would be half a table with deviations and half of none.
    """
    configs = []
    for seed in ledger.SEEDS:
        for src, tgt in SCENARIOS:
            for problem in PROBLEMS if only is None else (only,):
                mine = {"profile": profile, "seed": seed, "src": src, "tgt": tgt, **params}
                configs.append(read(problem, mine | ({"method": method} if problem == "p4" else {})))
    return configs


def make(configs: list[Config], force: bool = False) -> int:
    """Run what is missing, keep the ledger after each run, and return 0, or 1 when a run failed.

    Raises `WorkbookError` where the images are stand-ins, and `Interrupted` as `run_all` does; the same command then
    goes on there.
    """
    runs, sets = configs[0].runs_folder, images()

    def needless(config: Config) -> str:
        if (run := there(config, sets)) is None:
            return ""
        return f"there since {run['finished']}, of revision {run['revision']}"

    if not are_real(configs):
        raise WorkbookError(
            "data: the ledger is of real images, and here are stand-ins; name a course folder with --data or HW_DATA"
        )
    update(runs)
    return run_all(configs, force, needless=needless, finished=lambda record: update(runs))


def images() -> Sets:
    """Return a function that says which images a run would have today; each pair is loaded once."""
    from hwlib.data import load_sets

    known: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def sets(config: Config) -> list[dict[str, Any]]:
        pair = (config.src, config.tgt)
        if pair not in known:
            known[pair] = ledger.described(s.describe() for s in load_sets(config))
        return known[pair]

    return sets


def are_real(configs: list[Config]) -> bool:
    """Whether runs would be of real images; `WorkbookError` for a folder that is named and is not there."""
    from hwlib.data import open_source

    # Not `open_data`: that the stand-ins lack a set is no news to somebody who wanted real images.
    return all(open_source(data, "digits").kind in ledger.REAL for data in {config.data for config in configs})


def there(config: Config, sets: Sets | None = None) -> dict[str, Any] | None:
    """Return the ledger's row of a run that need not be made, from its record or the ledger; None for a missing one.

    sets: gives the images that a run would have today; without it, images are not compared.
    """
    record = whole_record(config.runs_folder / config.run_id)
    found = ledger.entries(record) if record and _usable(record) else []
    if _weights_kept(config):
        book = ledger.read(FOLDER)
        found += book["results"] + book["incomplete"]
    model = ledger.models(config.problem, getattr(config, "method", None))[-1]
    wanted = {"problem": config.problem, "model": model, "profile": config.profile}
    wanted |= {"src": config.src, "tgt": config.tgt, "parameters": ledger.parameters(config.params())}
    for entry in found:
        if not ledger.alike(entry, wanted | {"data": entry["data"]}):
            continue
        if sets and entry["data"]["sets"] != sets(config):
            continue
        for run in entry["runs"]:
            if run["seed"] == config.seed:
                return run
    return None


def _weights_kept(config: Config) -> bool:
    """Whether the ledger's word is enough: nothing else of this run is to be kept, or it is."""
    return not _gives_weights(config.problem, config.params()) or (_home(config.src, config.tgt) / "run.json").is_file()


def _gives_weights(problem: str, params: dict[str, Any]) -> bool:
    return problem == "p4" and params["method"] == AUTO_METHOD and params["seed"] == WEIGHTS_SEED


def _home(src: str, tgt: str) -> Path:
    return FOLDER / f"{src}_{tgt}"


def _usable(record: Record) -> bool:
    """Whether a whole record belongs into the ledger: of real images, of the matrix, with nothing set otherwise."""
    run, params = record.run, record.params
    if record.problem not in PROBLEMS or run["profile"] not in ledger.PROFILES or run["seed"] not in ledger.SEEDS:
        return False
    if run["data"]["kind"] not in ledger.REAL or any(s["stand_in"] for s in record.sets):
        return False
    if (params["src"], params["tgt"]) not in SCENARIOS:
        return False
    named = {name: params[name] for name in ("src", "tgt", "method") if name in params}
    try:
        asked = read(record.problem, named | {"profile": run["profile"]}).params()
    except WorkbookError:
        return False
    return ledger.parameters(asked) == ledger.parameters(asked | params)


def update(runs: Path) -> dict[str, Any]:
    """Merge the records in `runs` into the ledger, keep weights and README's table with it, and return it.

    One process at a time does that, so two may fill one ledger.
    """
    with alone(runs):
        records = [r for folder in record_folders(runs) if (r := whole_record(folder)) and _usable(r)]
        book = ledger.merge(ledger.read(FOLDER), [entry for record in records for entry in ledger.entries(record)])
        ledger.write(book, FOLDER)
        rewrite(README, book)
        for record in records:
            if _gives_weights(record.problem, record.params):
                keep_weights(record)
    return book


@contextmanager
def alone(runs: Path) -> Iterator[None]:
    """Hold the ledger against other processes that fill it."""
    lock = FileLock(runs / ".ledger.lock")
    try:
        runs.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        raise WorkbookError(f"runs: cannot write to {runs} ({error.strerror or error})") from None
    try:
        yield
    finally:
        lock.release()


def keep_weights(record: Record) -> None:
    """Write a run's `run.json` and its weights in half precision to `report/reference/<src>_<tgt>/`.

    A run that was finished before the one that is kept there changes nothing. Raises `WorkbookError` when the weights
    are too large, do not fit the format, or when the record would tell about the machine's folders.
    """
    from safetensors.torch import save

    home = _home(record.params["src"], record.params["tgt"])
    with suppress(WorkbookError, KeyError):  # what is not there or damaged is written anew
        kept = Record.load(home).run["finished"] if (home / "model.safetensors").is_file() else ""
        if kept >= record.run["finished"]:
            return
    content = save(halved(record.weights()), metadata={"format": "pt"})
    if len(content) > LARGEST:
        raise WorkbookError(f"{record.folder}: the weights have {len(content)} bytes, more than {LARGEST}; not kept")
    ledger.put(home / "model.safetensors", content)
    text = json.dumps(neutral(record.run), ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    ledger.put(home / "run.json", text.encode())


def halved(state: dict) -> dict:
    """Floating-point weights as float16, counters as they are; `WorkbookError` where one is too large for that."""
    half = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    for name, value in half.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise WorkbookError(f"{name}: holds what float16 cannot hold; the weights are not kept")
    return half


PATH = re.compile(r"(?:^|[\s\"'=(:,])(?:~?/|[A-Za-z]:[\\/]|\\\\)[\w.~-]")


def neutral(run: dict[str, Any]) -> dict[str, Any]:
    """A record's content with the default in place of the folders that it was made with, and no path left in it."""
    defaults = CONFIGS[run["problem"]].__dataclass_fields__
    run = run | {"params": run["params"] | {name: defaults[name].default for name in ("runs", "data")}}
    for where, text in _texts(run):
        if PATH.search(text):
            raise WorkbookError(f"{run['id']}: {where} holds a path of this machine ({text}); not kept")
    return run


def _texts(value: Any, where: str = "run.json") -> Iterator[tuple[str, str]]:
    """Every text in a record, and where it stands."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{where}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, where)


def rewrite(readme: Path, book: dict[str, Any]) -> None:
    """Put the ledger's table between README's two markers; nothing where there is no README."""
    if not readme.is_file():
        return
    text = readme.read_text(encoding="utf-8")
    before, first, rest = text.partition(MARKERS[0])
    _, second, after = rest.partition(MARKERS[1])
    if not (first and second):
        raise WorkbookError(f"{readme}: the lines {MARKERS[0]} and {MARKERS[1]} are not there; restore them")
    ledger.put(readme, f"{before}{first}\n{markdown(book)}\n{second}{after}".encode())


def listing(configs: list[Config], sets: Sets | None = None) -> list[str]:
    """Say of every run whether it is there, with its seconds, or missing, with what the others of its kind took."""
    found = {config: there(config, sets) for config in configs}
    taken: dict[tuple[str, str], list[float]] = {}
    for config, run in found.items():
        if run:
            taken.setdefault(_kind(config), []).append(run["seconds"]["total"])
    lines, left = [], 0.0
    for config, run in found.items():
        head = f"{config.run_id:<32}"
        if run:
            lines.append(f"{head} there    {run['seconds']['total']:6.0f} s  {run['finished']}  {run['revision']}")
            continue
        begun = any((config.runs_folder / f"{config.run_id}.partial" / "checkpoints").glob("*"))
        others = taken.get(_kind(config))
        expected = statistics.median(others) if others else None
        left += expected or 0
        seconds = "     ? s" if expected is None else f"~{expected:5.0f} s"
        lines.append(f"{head} missing {seconds}" + ("  begun" if begun else ""))
    count = sum(run is not None for run in found.values())
    unknown = any(run is None and _kind(config) not in taken for config, run in found.items())
    rest = f", about {left:.0f} s to go{' and what is not known yet' if unknown else ''}" if left else ""
    return [*lines, f"{count} of {len(found)} there with profile {configs[0].profile}{rest}"]


def _kind(config: Config) -> tuple[str, str]:
    return config.problem, getattr(config, "method", "")
