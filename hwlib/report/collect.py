"""Finds the records that the report is made of: usable, the latest of their kind, seeds grouped."""

import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hwlib.config import SCENARIOS
from hwlib.errors import WorkbookError
from hwlib.record import Record, is_finished, newest_first
from hwlib.sources import INCIDENTAL

Scenario = tuple[str, str]
Text = tuple[str, str]

ARRAYS = {
    "p1": ("originals", "reconstructions", "faces", "interpolation", "tsne", "tsne_labels"),
    "p2": ("faces", "interpolation"),
    "p3": ("tsne", "tsne_labels", "tsne_domain"),
    "p4": ("tsne", "tsne_labels", "tsne_domain"),
}
HISTORY = {
    "p1": ("step", "reconstruction", "kl"),
    "p2": ("step", "discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake"),
    "p3": ("model", "step", "class_loss", "domain_loss"),
    "p4": ("model", "step", "class_loss"),
}
IMAGES = ("originals", "reconstructions", "faces", "interpolation")
WRONG = ("wrong_images", "wrong_predicted", "wrong_true", "wrong_confidence")
ADDED = {"fig3_1c": WRONG, "fig4_1c": WRONG, "fig3_4b": ("tsne_before",)}
"""Arrays of artefacts that older records lack."""
CONFUSIONS, DISTANCES = ("fig3_1b", "fig4_1b"), ("tbl3_4c", "tbl4_2b")
NUMBERS = {"p1": ("test_mse", "test_kl"), "p2": ("discriminator_real", "discriminator_fake")}
OTHERS = {"figures"}
LARGE = 1e9  # larger than any error, divergence or probability that a training that did not fail can end with


@dataclass(frozen=True)
class Collection:
    """The report's records. Every tuple holds one record a seed, by seed, alike in all but the seed.

    `p3` is keyed by (source, target), `p4` by (method, (source, target)). `named` are runs with a `name` beside the
    ones that the report is of. `left_out` says (zh, en) what was passed over and why; what an error said is the same
    in both.
    """

    p1: tuple[Record, ...] = ()
    p2: tuple[Record, ...] = ()
    p3: dict[Scenario, tuple[Record, ...]] = field(default_factory=dict)
    p4: dict[tuple[str, Scenario], tuple[Record, ...]] = field(default_factory=dict)
    named: tuple[Record, ...] = ()
    left_out: tuple[Text, ...] = ()

    def of(self, problem: str) -> tuple[Record, ...]:
        """All records of a problem, scenarios in the assignment's order."""
        group = getattr(self, problem)
        return group if isinstance(group, tuple) else tuple(r for records in group.values() for r in records)

    def holding(self, name: str) -> "Collection":
        """The same without those records of problems 3 and 4 that lack what the artefact `name` is made from."""
        kept = {
            problem: {
                key: holding for key, group in getattr(self, problem).items() if (holding := _holding(group, name))
            }
            for problem in ("p3", "p4")
        }
        return replace(self, **kept)

    @property
    def all(self) -> tuple[Record, ...]:
        return tuple(record for problem in ARRAYS for record in self.of(problem))


def _holding(group: tuple[Record, ...], name: str) -> tuple[Record, ...]:
    """Those of the records that hold what `name` needs beside what every record has; older ones lack some of it."""
    if name in DISTANCES:
        return tuple(r for r in group if isinstance(r.metrics.get("proxy_a_distance"), dict))
    if name in CONFUSIONS:
        return tuple(r for r in group if f"confusion_{r.adapted}" in r.arrays)
    return tuple(r for r in group if all(array in r.arrays for array in ADDED.get(name, ())))


def collect(runs: Path, trial: Callable[[Record], None] = lambda record: None) -> Collection:
    """Read the finished records below `runs`. What cannot be used is named in `left_out`; nothing is raised.

    trial: a further check of each record, which raises `WorkbookError` where it is not to be used.
    """
    usable, left_out = [], []
    for folder in sorted(path for path in Path(runs).glob("*/") if path.name not in OTHERS):
        if not is_finished(folder):
            continue
        if not (folder / "run.json").exists():
            if any((folder / name).exists() for name in ("arrays.npz", "history.csv")):
                left_out.append(_passed(folder.name, "沒有 run.json，請重新執行", "there is no run.json; run it again"))
            continue
        try:
            record = Record.load(folder)
            check(record)
            trial(record)
        except WorkbookError as error:
            line = f"{folder.name}: {str(error).removeprefix(f'{folder}/')}"
            left_out.append((line, line))
        else:
            if (without := record.params.get("without", "nothing")) == "nothing":
                usable.append(record)
                continue
            zh = f"去掉了方法的一個部分（{without}），不代表該方法"
            en = f"the method without one of its parts ({without}), which is not it"
            left_out.append(_passed(folder.name, zh, en))
    return arrange(usable, left_out)


def arrange(records: Iterable[Record], left_out: Iterable[Text] = ()) -> Collection:
    """Group usable records by problem, method and scenario, the latest of their kind.

    A group is of the runs without a name; where all have one, of the latest's. The others stand in `named`.
    """
    groups: dict[tuple, list[Record]] = {}
    left_out = list(left_out)
    for record in records:
        pair, method = ("", ""), ""
        if record.problem in ("p3", "p4"):
            pair, method = (record.params["src"], record.params["tgt"]), record.params.get("method", "")
        groups.setdefault((record.problem, method, pair), []).append(record)
    order = {pair: i for i, pair in enumerate(SCENARIOS)}
    found: dict[str, Any] = {"p3": {}, "p4": {}}
    named: list[Record] = []
    for key in sorted(groups, key=lambda k: (k[0], k[1], order.get(k[2], 9), k[2])):
        problem, method, pair = key
        names = {name_of(r) for r in groups[key]}
        main = "" if "" in names else name_of(newest_first(groups[key])[0])
        chosen, others = alike([r for r in groups[key] if name_of(r) == main])
        beside = [r for r in groups[key] if name_of(r) != main]
        originals = {_origin(r): r for r in reversed(newest_first([*chosen, *beside]))}
        named += [r for r in beside if r is originals[_origin(r)]]
        others += [r for r in beside if r is not originals[_origin(r)]]
        left_out += [_other(r, originals.get(_origin(r))) for r in others]
        if problem in ("p1", "p2"):
            found[problem] = chosen
        else:
            found[problem][pair if problem == "p3" else (method, pair)] = chosen
    return Collection(**found, named=tuple(named), left_out=tuple(left_out))


def name_of(record: Record) -> str:
    """The `name` of a run; older records have none."""
    return str(record.params.get("name") or "")


def _origin(record: Record) -> tuple[str, str]:
    """What a run and its copies share."""
    return record.run["id"], record.run["finished"]


def _other(record: Record, original: Record | None) -> Text:
    if original is not None:
        name = original.folder.name
        return _passed(record.folder.name, f"{name} 的副本，不混入結果", f"a copy of {name}; not mixed in")
    return _passed(
        record.folder.name,
        f"較早的執行，或資料、設定不同（{said(record)}），不混入結果",
        f"an older run, or one of other data or settings ({said(record)}); not mixed in",
    )


def _passed(name: str, zh: str, en: str) -> Text:
    return f"{name}：{zh}", f"{name}: {en}"


def said(record: Record) -> str:
    """Kind of data, profile and counts of a record: what tells it from another of its kind."""
    counts = ", ".join(f"{s['name']} {s['split']} {s['count']}" for s in record.sets)
    return f"{record.run['data']['kind']}, {record.run['profile']}, {counts}"


def alike(records: list[Record]) -> tuple[tuple[Record, ...], list[Record]]:
    """Return the latest record with those that differ from it by the seed only, by seed; and the rest."""
    newest = newest_first(records)
    chosen: dict[int, Record] = {}
    for record in newest:
        if _signature(record) == _signature(newest[0]):
            chosen.setdefault(record.run["seed"], record)
    kept = tuple(chosen[seed] for seed in sorted(chosen))
    return kept, [record for record in records if not any(record is k for k in kept)]


def _signature(record: Record) -> str:
    params = {k: v for k, v in record.params.items() if k not in INCIDENTAL}
    return json.dumps([record.run["data"]["kind"], record.run["profile"], record.sets, params], sort_keys=True)


def check(record: Record) -> None:
    """Raise `WorkbookError` with one line when a record lacks what the report needs of it."""
    try:
        _check(record)
    except KeyError as error:
        raise WorkbookError(f"the record lacks {error}; run it again with --force") from None
    except (TypeError, AttributeError, IndexError) as error:
        raise WorkbookError(f"the record is not in its form ({error}); run it again with --force") from None
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise WorkbookError(f"the record cannot be read ({error}); run it again with --force") from None


def _check(record: Record) -> None:
    run, problem = record.run, record.problem
    if problem not in ARRAYS:
        raise ValueError(f"problem {problem!r} is not one of {', '.join(ARRAYS)}")
    for name, kind in (("id", str), ("profile", str), ("seed", int), ("finished", str), ("params", dict)):
        _typed(run[name], kind, name)
    _typed(run["data"]["kind"], str, "data.kind")
    for group in ("seconds", "environment", "metrics"):
        _typed(run[group], dict, group)
    for entry in record.sets:
        for name, kind in (("name", str), ("split", str), ("count", int), ("sha256", str), ("stand_in", bool)):
            _typed(entry[name], kind, f"data.sets.{name}")
    for name in NUMBERS.get(problem, ()):
        if not 0 <= _number(record.metrics[name], name) < LARGE:
            raise ValueError(f"{name} is {record.metrics[name]:.3g}, which it cannot be")
    if problem == "p1" and len([_number(v, "table_mse") for v in record.metrics["table_mse"]]) != 10:
        raise ValueError("table_mse has not ten values")
    if problem in ("p3", "p4"):
        for name in ("src", "tgt"):
            _typed(record.params[name], str, name)
        for model in ("source_only", "dann", "target_only") if problem == "p3" else (record.params["method"],):
            if not 0 <= _number(record.metrics["accuracy"][model], f"accuracy.{model}") <= 100:
                raise ValueError(f"accuracy.{model} is not between 0 and 100")
    for name in ARRAYS[problem]:
        array = record.arrays[name]
        if name in IMAGES and (array.ndim != 4 or array.shape[1] != 3 or array.dtype != np.uint8):
            raise ValueError(f"{name} are not images (N, 3, H, W)")
    points = record.arrays.get("tsne")
    if points is not None and (points.ndim != 2 or points.shape[1] != 2 or not len(points)):
        raise ValueError("tsne is not points in the plane (N, 2)")
    for name in ("tsne_labels", "tsne_domain", "tsne_before"):
        if name in record.arrays and len(record.arrays[name]) != len(points):
            raise ValueError(f"{name} is not as long as tsne")
    if len({len(record.arrays[name]) for name in WRONG if name in record.arrays}) > 1:
        raise ValueError(f"{', '.join(WRONG)} are not equally long")
    if any(a.shape != (10, 10) for name, a in record.arrays.items() if name.startswith("confusion_")):
        raise ValueError("a confusion table is not 10 by 10")
    for name in HISTORY[problem]:
        if (record.history[name].dtype.kind == "f") == (name == "model"):
            raise ValueError(f"history.csv: {name} does not hold what it should")


def _typed(value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{name} is not {kind.__name__}")


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number")
    return float(value)
