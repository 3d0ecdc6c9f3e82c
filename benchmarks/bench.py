"""Train each problem for some seconds, side by side with the loop that the homework's references write.

The reference opens each image with PIL in two DataLoader workers and trains in float32 and NCHW, with unfused Adam.
An image counts each time it enters a step (DANN: source and target; GAN: real images). Without DATA: $HW_DATA, else
data/, else the embedded sample, written out as a course folder for this run.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import course, show
from benchmarks.problems import PROBLEMS, SOURCE, TARGET, report_config
from benchmarks.start import start_seconds
from benchmarks.worker import Worker
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

ROUNDS = 3
WARM = 2.0
"""Seconds of warm-up of each side at least."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 for bad input."""
    options = parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="hwlib-bench-") as scratch:
            run(options, Path(scratch))
    except WorkbookError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("data", nargs="?", metavar="DATA", help="a course folder")
    parser.add_argument(
        "--seconds", type=show.positive, default=10.0, help="of each side of each problem (default: 10)"
    )
    parser.add_argument("--only", choices=PROBLEMS, metavar="NAME", help=f"one of {', '.join(PROBLEMS)}")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="images of each set in a step (default: the report's)"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/out", help="where bench.json goes")
    return parser


def run(options: argparse.Namespace, scratch: Path, worker: Callable[..., Any] = Worker) -> dict[str, Any]:
    """Measure, print the tables, write `bench.json` and return what it holds."""
    names = [options.only] if options.only else list(PROBLEMS)
    folder, why = course.find(options.data)
    # The cache of a course folder goes by its path, so that of a temporary folder must go with it.
    cache = {} if folder else {"HW_CACHE": str(scratch / "cache")}
    if folder is None:
        folder = scratch / "course"
        with worker() as process:
            process.ask("sample", folder=str(folder))
    batches = {name: options.batch_size or report_config(PROBLEMS[name].problem).batch_size for name in names}

    with worker(**cache) as process:
        longest = {}
        for name in names:
            longest |= process.ask("check", names=[name], data=str(folder), batch_size=batches[name])
        environment = process.ask("environment", device=options.device)
        flops = {name: process.ask("flops", name=name) for name in names}
    where = {"data": str(folder), "device": environment["device"]}
    environment |= {"data": "sample" if cache else str(folder), "data_from": why}
    environment |= {"batch_size": batches, "seconds": options.seconds, "rounds": ROUNDS}
    print("\n".join(show.environment_lines(environment)), flush=True)

    report = {"environment": environment, "start_s": start_seconds(), "results": [], "rounds": {}}
    print("\n".join([*show.start_lines(report["start_s"]), "", show.RESULT_HEADER]), flush=True)
    peak = environment["matmul_gflops"][environment["peak_of"]] * 1e9
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        rounds, memory = side_by_side(name, where | {"batch_size": batches[name]}, options.seconds, worker, cache)
        result = summary(name, batches[name], longest[name], flops[name], peak, rounds, memory["peak"])
        report["results"].append(result)
        report["rounds"][name] = rounds
        print(show.result_line(result), flush=True)

    if "dann" in names:  # the problem whose epoch has most images
        asked = where | {"batch_size": batches["dann"]}
        step_s = 1 / statistics.median(report["rounds"]["dann"]["ours"])
        with worker(**cache) as process:
            unit_steps = max(1, round(options.seconds / 10 / step_s))
            report["scaling"] = process.ask("scaling", name="dann", unit_steps=unit_steps, **asked)
        print("\n".join(["", *show.scaling_lines(report["scaling"])]), flush=True)
        report["memory"] = p3_memory(asked, options.seconds, worker, cache)
        print("\n".join(["", *show.memory_lines(report["memory"])]), flush=True)
    write(report, options.out / "bench.json")
    return report


def side_by_side(name: str, asked: dict, seconds: float, worker, cache: dict) -> tuple[dict[str, list[float]], dict]:
    """Return steps a second of each round of both sides, which take turns, and the memory of ours."""
    rounds = {"ours": [], "reference": []}
    with worker(**cache) as ours, worker(**cache) as reference:
        sides = {"ours": ours, "reference": reference}
        for side, process in sides.items():
            process.ask("prepare", side=side, name=name, seconds=min(WARM, seconds), **asked)
        for _ in range(ROUNDS):
            for side, process in sides.items():
                rounds[side].append(process.ask("round", seconds=seconds / ROUNDS))
        return rounds, ours.ask("memory")


def summary(
    name: str, batch_size: int, longest: int, flops: float, peak: float, rounds: dict[str, list[float]], memory: int
) -> dict[str, Any]:
    """Return one entry of `results`. flops: operations an image; peak: operations a second; memory: bytes."""
    sets = len(PROBLEMS[name].sets)
    ours, reference = (statistics.median(rounds[side]) * sets * batch_size for side in ("ours", "reference"))
    # An epoch passes once over the longest set; of a pair, each of its steps takes a batch of the shorter one too.
    epoch_images = longest if sets == 1 else math.ceil(longest / batch_size) * sets * batch_size
    return {
        "problem": name,
        "images_per_s": round(ours, 1),
        "reference_images_per_s": round(reference, 1),
        "ratio": round(ours / reference, 3),
        "gflops": round(ours * flops / 1e9, 2),
        "peak_fraction": round(ours * flops / peak, 4),
        "peak_memory_mb": round(memory / 1e6, 1),
        "epoch_s": round(epoch_images / ours, 3),
    }


def p3_memory(asked: dict, seconds: float, worker, cache: dict) -> dict[str, Any]:
    """Train the DANN on the CPU in a process of its own and return its peak memory against that of its images."""
    with worker(**cache) as process:
        process.ask("prepare", side="ours", name="dann", seconds=min(WARM, seconds), **asked | {"device": "cpu"})
        memory = process.ask("memory")
    peak, data = memory["peak"] / 1e6, memory["data"] / 1e6
    return {
        "training": f"dann {SOURCE} to {TARGET}, on the CPU",
        "peak_mb": round(peak, 1),
        "uint8_data_mb": round(data, 1),
        "above_data_mb": round(peak - data, 1),
        "allowed_above_data_mb": 1500,
    }


def write(report: dict[str, Any], path: Path) -> None:
    """Write a report as JSON and say where."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    sys.exit(main())
