"""The full profile of the whole workbook: what its trainings take at the course's data sizes.

Projected from the time of some steps of each training; with --run all of them really run. The images are random.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import show
from benchmarks.ours import build_rule
from benchmarks.problems import report_config
from benchmarks.timing import Stepper
from hwlib.config import SCENARIOS, Config
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT
from hwlib.training.engine import Loop, Plan, fit
from hwlib.training.precision import Compute, choose
from hwlib.training.stopping import Stopped

SIZES = {"face": 40000, "usps": 7291, "mnistm": 60000, "svhn": 73257}
"""Training images of the course's sets."""
GREY = ("usps",)
GOAL = 600.0
"""Seconds for all trainings on one H200."""


@dataclass(frozen=True)
class Training:
    """One training of a notebook: `kind` names its learning rule, `sets` the data that its steps draw from.

    `longest` is the number of images that make an epoch; in p3 that of the pair, whichever of them is trained on.
    """

    kind: str
    config: Config
    sets: tuple[str, ...]
    longest: int

    @property
    def plan(self) -> Plan:
        return Plan.of(self.config, self.longest)

    @property
    def name(self) -> str:
        pair = (self.config.src, self.config.tgt) if hasattr(self.config, "src") else self.sets
        return " ".join([self.config.problem, self.kind, "-".join(pair)])


def trainings() -> list[Training]:
    """Return the trainings of the four notebooks, the last two for each of the three pairs."""
    face = ("face",)
    found = [Training(kind, report_config(p), face, SIZES["face"]) for p, kind in (("p1", "vae"), ("p2", "gan"))]
    for problem in ("p3", "p4"):
        for pair in SCENARIOS:
            config, longest = report_config(problem, *pair), max(SIZES[name] for name in pair)
            kinds = {"source_only": pair[:1], "dann": pair, "target_only": pair[1:]}
            if problem == "p4":
                kinds = {"dann_resnet34": pair}
            found += [Training(kind, config, sets, longest) for kind, sets in kinds.items()]
    return found


def random_sets(training: Training, sizes: dict[str, int]) -> list[tuple[torch.Tensor, ...]]:
    """Return what the engine takes, of random pixels: uint8 images, and labels of digits in the first set."""
    generator = torch.Generator().manual_seed(0)
    sets = []
    for name in training.sets:
        side, channels = (64 if name == "face" else 28), (1 if name in GREY else 3)
        shape = (sizes[name], channels, side, side)
        images = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
        labels = torch.randint(10, (sizes[name],), generator=generator)
        sets.append((images,) if sets or name == "face" else (images, labels))
    return sets


def project(training: Training, compute: Compute, seconds: float, sizes: dict[str, int] = SIZES) -> dict[str, Any]:
    """Time steps for `seconds` and return the training's row; its seconds are set-up plus steps times their time."""

    sets, plan = random_sets(training, sizes), training.plan
    start = time.perf_counter()
    rule = build_rule(training.kind, training.config, compute)
    loop = Loop(rule, sets, plan, batch_size=training.config.batch_size, seed=training.config.seed, compute=compute)
    stepper = Stepper(loop, compute.device)
    stepper.warm(0)
    setup = time.perf_counter() - start  # with the first steps, which may compile or capture
    stepper.warm(seconds / 3)
    step_s = 1 / stepper.steps_per_second(seconds)
    return _row(training, plan.steps, step_s, setup + plan.steps * step_s, setup)


def really_run(training: Training, compute: Compute, sizes: dict[str, int] = SIZES) -> dict[str, Any]:
    """Train to the end as a notebook does and return the training's row with the seconds it took."""

    config, sets, plan = training.config, random_sets(training, sizes), training.plan
    start = time.perf_counter()
    rule = build_rule(training.kind, config, compute)
    fit(rule, sets, plan, batch_size=config.batch_size, seed=config.seed, compute=compute, label=training.name)
    seconds = time.perf_counter() - start
    return _row(training, plan.steps, seconds / plan.steps, seconds, None)


def _row(training: Training, steps: int, step_s: float, seconds: float, setup: float | None) -> dict[str, Any]:
    row = {"name": training.name, "steps": steps, "step_s": round(step_s, 7), "seconds": round(seconds, 2)}
    return row | {"setup_s": setup and round(setup, 2)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(prog="full", description=__doc__)
    parser.add_argument("--run", action="store_true", help="train everything to the end and measure that")
    parser.add_argument("--seconds", type=show.positive, default=2.0, help="of timed steps a training (default: 2)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out", help="where bench_full.json goes")
    options = parser.parse_args(arguments)
    try:
        compute, rows = choose(options.device), []
        print(", ".join(f"{key} {value}" for key, value in compute.describe().items()), flush=True)
        for i, training in enumerate(planned := trainings(), 1):
            rows.append(really_run(training, compute) if options.run else project(training, compute, options.seconds))
            print(f"[{i}/{len(planned)}] {training.name}: {rows[-1]['seconds']:,.1f} s", file=sys.stderr, flush=True)
    except Stopped:
        print("full: stopped", file=sys.stderr)
        return 130
    except WorkbookError as error:
        print(f"full: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("full: stopped", file=sys.stderr)
        return 130
    total = round(sum(row["seconds"] for row in rows), 1)
    report = {"environment": compute.describe(), "measured": options.run, "trainings": rows}
    report |= {"total_s": total, "goal_s": GOAL}
    print("\n".join(show.full_lines(report)))
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "bench_full.json"
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
