"""`hw ablation`: AdaMatch with each of its ingredients left out in turn, on a pair that is not reported.

Problem 4's method was chosen on pairs into `mnist`; what its parts are worth is measured there too, so that no label of
a reported target has any say in it. The runs have as many steps (`STEPS`) as those by which its settings were compared:
with half of them the whole method is still on its way, and a table would tell of the start of a training. Laying grey
digits over a coloured target's patches (`blending`) has no part in such a pair and is not in the table.
"""

from pathlib import Path
from typing import Any

from hwlib import ledger, reference
from hwlib.config import INGREDIENTS, Config, read
from hwlib.errors import WorkbookError
from hwlib.record import Record, record_folders
from hwlib.reference import alone, are_real, images
from hwlib.runner import run_all, whole_record

PAIR = ("svhn", "mnist")
STEPS = 1200
LEFT_OUT = ("nothing", *(name for name in INGREDIENTS if name != "blending"))
RUNS = "runs/ablation"


def matrix(**params: Any) -> list[Config]:
    """Return the runs in their order: seed 0 of every row first, then 1, then 2."""
    src, tgt = PAIR
    fixed = {"profile": "cpu", "steps": STEPS, "src": src, "tgt": tgt, "method": "adamatch"} | params
    return [read("p4", fixed | {"seed": seed, "without": name}) for seed in ledger.SEEDS for name in LEFT_OUT]


def make(configs: list[Config], force: bool = False) -> int:
    """Run what is missing and put it into the ledger after each run; return 0, or 1 when a run failed.

    Raises as `hwlib.reference.make` does.
    """
    if not are_real(configs):
        raise WorkbookError(
            "data: the ledger is of real images, and here are stand-ins; name a course folder with --data or HW_DATA"
        )
    runs, sets = configs[0].runs_folder, images()

    def needless(config: Config) -> str:
        found = there(config, sets(config))
        return f"there since {found['finished']}, of revision {found['revision']}" if found else ""

    update(runs)
    return run_all(configs, force, needless=needless, finished=lambda record: update(runs))


def there(config: Config, sets: list[dict[str, Any]] | None = None) -> dict[str, Any] | None:
    """Return the ledger's row of a run that need not be made, from its record or the ledger; None for a missing one."""
    record = whole_record(config.runs_folder / config.run_id)
    wanted = ledger.parameters(config.params())
    rows = [row_of(record)] if record and _usable(record) else []
    for entry in ledger.read(ledger.FOLDER)["ablation"]:
        rows += [row | {"without": entry["without"]} for row in entry["runs"]]
    for row in rows:
        same = row["without"] == config.without and row["seed"] == config.seed and row["parameters"] == wanted
        if same and (sets is None or row["sets"] == sets):
            return row
    return None


def _usable(record: Record) -> bool:
    """Whether a record is one of the table: of real images, with nothing set otherwise."""
    if record.problem != "p4" or record.run["data"]["kind"] not in ledger.REAL:
        return False
    wanted = {c.run_id: ledger.parameters(c.params()) for c in matrix()}
    return wanted.get(record.run["id"]) == ledger.parameters(record.params)


def row_of(record: Record) -> dict[str, Any]:
    """What the ledger keeps of one run."""
    run = record.run
    return {
        "seed": run["seed"],
        "without": record.params["without"],
        "accuracy": round(record.metrics["accuracy"]["adamatch"], 4),
        "parameters": ledger.parameters(record.params),
        "sets": ledger.described(record.sets),
        "seconds": run["seconds"]["total"],
        **{name: run["environment"].get(name) for name in ("hardware", "threads", "precision", "torch", "revision")},
        "finished": run["finished"],
    }


def update(runs: Path) -> list[dict[str, Any]]:
    """Merge the records in `runs` into the ledger's ablation, write README's table anew, and return the ablation.

    The later run of a seed counts.
    """
    with alone(runs):
        book = ledger.read(ledger.FOLDER)
        kept: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in LEFT_OUT}
        for entry in book["ablation"]:
            kept.setdefault(entry["without"], {}).update({row["seed"]: row for row in entry["runs"]})
        found = [r for folder in record_folders(runs) if (r := whole_record(folder)) and _usable(r)]
        for row in map(row_of, found):
            rows = kept[row.pop("without")]
            if row["seed"] not in rows or row["finished"] >= rows[row["seed"]]["finished"]:
                rows[row["seed"]] = row
        book["ablation"] = [_entry(name, rows) for name, rows in kept.items() if rows]
        ledger.write(book, ledger.FOLDER)
        reference.rewrite(reference.README, book)
    return book["ablation"]


def _entry(without: str, rows: dict[int, dict[str, Any]]) -> dict[str, Any]:
    runs = [rows[seed] for seed in sorted(rows)]
    values = [row["accuracy"] for row in runs]
    head = {"without": without, "src": PAIR[0], "tgt": PAIR[1], "steps": STEPS, "seeds": sorted(rows)}
    return head | {"values": values, **ledger.spread(values), "runs": runs}


def listing(configs: list[Config]) -> list[str]:
    """Say of every run whether it is there, with its accuracy and seconds, or missing."""
    lines, count = [], 0
    for config in configs:
        found = there(config)
        count += found is not None
        told = f"there    {found['accuracy']:6.2f} %  {found['seconds']:.0f} s" if found else "missing"
        lines.append(f"{config.run_id:<48} {told}")
    return [*lines, f"{count} of {len(configs)} there"]
