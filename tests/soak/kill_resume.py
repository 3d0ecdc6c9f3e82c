"""Kill runs with SIGKILL at random moments, start them again, and compare what they end with.

    python tests/soak/kill_resume.py --rounds 20

For each problem one short run on the sample data is left alone. Then, in each round, the same run is started in a
folder of its own and killed up to three times, each time at a moment drawn uniformly from the length of the run left
alone: the command, its kernel, or both. Started once more it must end with the same weights, history, metrics and
arrays, bit for bit (times excepted). Prints a line a problem; the exit status is 1 when anything differed.
"""

import argparse
import contextlib
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

SHORT = {
    "p1": {"steps": 60, "batch_size": 32},
    "p2": {"steps": 12, "batch_size": 16},
    "p3": {"steps": 30, "batch_size": 64},
    "p4": {"steps": 8, "batch_size": 16},
}
"""Steps that take some seconds on two cores."""
TIMES = {"seconds_per_epoch"}
"""Metrics that are a time, which no two runs share."""


def start(problem: str, runs: Path, **params) -> psutil.Popen:
    """Start `hw run` on the short run of a problem; its output goes to `<runs>/log.txt`."""
    params = {"profile": "smoke", "data": "sample", "checkpoint_seconds": 0} | SHORT[problem] | params
    flags = [text for name, value in params.items() for text in ("-p", name, str(value))]
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / "log.txt", "a", encoding="utf-8") as log:
        command = [sys.executable, "-m", "hwlib", "run", problem, *flags, "--runs", str(runs)]
        environment = os.environ | {"HW_PROGRESS": "lines"}
        return psutil.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment)


def record(runs: Path) -> Path | None:
    """The folder of the finished run in `runs`."""
    return next((path.parent for path in runs.glob("p?_*/run.json") if not path.parent.name.endswith(".partial")), None)


def finish(problem: str, runs: Path) -> Path:
    """Start the run and let it end; return its record's folder."""
    process = start(problem, runs)
    if process.wait(timeout=600):
        raise SystemExit(f"{problem}: the run failed\n{(runs / 'log.txt').read_text(encoding='utf-8')[-2000:]}")
    return record(runs)


def kill(process: psutil.Popen, victim: str) -> float:
    """Kill the command, its kernel or `both`; return the seconds that the kernel outlived its parent."""
    try:
        kernels = process.children()
    except psutil.Error:
        return 0.0
    victims = {"command": [process], "kernel": kernels, "both": [process, *kernels]}[victim]
    for each in victims:
        with contextlib.suppress(psutil.Error):
            each.kill()
    killed = time.monotonic()
    if victim == "command":
        psutil.wait_procs(kernels, timeout=30)
        lived = time.monotonic() - killed
    else:
        lived = 0.0
    process.wait(timeout=60)
    return lived


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two records that should be equal to the bit."""
    found = []
    files = {path.name for folder in (one, other) for path in folder.glob("*.safetensors")}
    for name in sorted(files | {"model.txt"}):
        if (one / name).read_bytes() != (other / name).read_bytes():
            found.append(name)
    tables = [list(csv.reader((folder / "history.csv").open(encoding="utf-8"))) for folder in (one, other)]
    if tables[0] != tables[1]:
        found.append("history.csv")
    runs = [json.loads((folder / "run.json").read_text(encoding="utf-8")) for folder in (one, other)]
    metrics = [{name: value for name, value in run["metrics"].items() if name not in TIMES} for run in runs]
    if metrics[0] != metrics[1]:
        found.append("metrics")
    arrays = [np.load(folder / "arrays.npz") for folder in (one, other)]
    if arrays[0].files != arrays[1].files:
        found.append("names of arrays")
    found += [n for n in arrays[0].files if n in arrays[1].files and not np.array_equal(arrays[0][n], arrays[1][n])]
    return found


@dataclass
class Tally:
    """What the rounds of one problem came to."""

    rounds: int = 0
    kills: dict[str, int] = field(default_factory=lambda: {"command": 0, "kernel": 0, "both": 0})
    resumed: int = 0
    different: list[str] = field(default_factory=list)
    outlived: float = 0.0

    def line(self, problem: str) -> str:
        kills = ", ".join(f"{count} x {victim}" for victim, count in self.kills.items())
        wrong = f"DIFFERENT: {'; '.join(self.different)}" if self.different else "all equal to the bit"
        return (
            f"{problem}: {self.rounds} rounds, killed {kills}; {self.resumed} went on from a checkpoint; "
            f"a kernel outlived its parent by {self.outlived:.1f} s at most; {wrong}"
        )


def soak(problem: str, rounds: int, folder: Path, rng: random.Random) -> Tally:
    """Do the rounds of one problem below `folder`."""
    began = time.monotonic()
    whole = finish(problem, folder / "alone")
    length = time.monotonic() - began
    tally = Tally()
    for number in range(rounds):
        runs = folder / f"round{number}"
        for _ in range(3):
            process = start(problem, runs)
            try:
                process.wait(timeout=rng.uniform(0, length))
                break  # it ended before its time had come
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                victim = rng.choice(list(tally.kills))
                tally.outlived = max(tally.outlived, kill(process, victim))
                tally.kills[victim] += 1
        end = record(runs) if process.returncode == 0 else None
        end = end or finish(problem, runs)
        tally.rounds += 1
        log = (runs / "log.txt").read_text(encoding="utf-8")
        tally.resumed += "goes on at step" in log or "not trained again" in log
        wrong = differences(whole, end)
        if wrong:
            tally.different.append(f"round {number}: {', '.join(wrong)}")
        print(f"{problem} round {number + 1}/{rounds}: {', '.join(wrong) or 'equal'}", file=sys.stderr, flush=True)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="rounds a problem")
    parser.add_argument("--problems", nargs="+", default=list(SHORT), choices=list(SHORT))
    parser.add_argument("--seed", type=int, default=0, help="of the moments and victims")
    parser.add_argument("--runs", type=Path, help="where the runs go; a temporary folder unless given")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    wrong = False
    with tempfile.TemporaryDirectory(prefix="hw-soak-") as temporary:
        for problem in options.problems:
            tally = soak(problem, options.rounds, (options.runs or Path(temporary)) / problem, rng)
            print(tally.line(problem), flush=True)
            wrong |= bool(tally.different)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
