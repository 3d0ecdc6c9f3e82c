"""One process for one measurement, so that each starts fresh and its peak memory is its own.

The process reads requests as JSON lines, {"do": an action, ...}, and answers each with one JSON line.
"""

import json
import os
import platform
import subprocess
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.paths import ROOT


class Actions:
    """What a worker can do. Torch is imported on the way, since the process that only asks does without it."""

    def environment(self, device: str) -> dict[str, Any]:
        """Describe hardware and versions and measure matrix products, 2048 x 2048 x 2048."""
        from benchmarks.timing import matmul_rates
        from hwlib.training.precision import choose

        compute = choose(device)
        described = compute.describe()
        peak_of = described["precision"]
        return {"python": platform.python_version(), **described, **matmul_rates(compute), "peak_of": peak_of}

    def sample(self, folder: str, limit: int | None = None) -> None:
        """Write the embedded sample as a course folder."""
        from benchmarks.course import write_sample

        write_sample(Path(folder), limit)

    def check(self, names: list[str], data: str, batch_size: int) -> dict[str, int]:
        """Read all images, which fills the cache, and return the length of the longest set of each problem."""
        from benchmarks.ours import load

        return {name: max(map(len, load(name, data, batch_size))) for name in names}

    def loading(self, folder: str) -> dict[str, Any]:
        """Load every set of a course folder and say how long each took, by the clock and in CPU seconds of all."""
        from hwlib import processes
        from hwlib.data import course

        root = Path(folder)
        splits = ("train", "test")
        loads = {f"{n}/{s}": partial(course.digits, root, n, s) for n in course.digit_names(root) for s in splits}
        if (root / "face").is_dir():
            loads |= {f"face/{split}": partial(course.faces, root, split) for split in splits}
        if not loads:
            raise WorkbookError(f"{root} has neither digits/ nor face/ in it")
        sets = []
        for name, load in loads.items():
            start, cpu = time.perf_counter(), sum(os.times()[:4])
            loaded = load()
            spent = {"s": time.perf_counter() - start, "cpu_s": sum(os.times()[:4]) - cpu}
            sets.append({"set": name, "images": len(loaded), "megabytes": loaded.images.nbytes / 1e6, "spent": spent})
        return {"sets": sets, "processors": processes.processors()}

    def flops(self, name: str) -> float:
        """Return operations of training for each image."""
        from benchmarks.flops import flops_per_image

        return flops_per_image(name)

    def prepare(self, side: str, name: str, data: str, batch_size: int, device: str, seconds: float) -> None:
        """Build `side` (ours or reference) of a problem and let it step for `seconds`; `device` is not auto."""
        import torch

        from benchmarks.timing import Stepper

        self.device = torch.device(device)
        if side == "ours":
            from benchmarks.ours import build_loop, load, tensors
            from hwlib.training.precision import choose

            sets = load(name, data, batch_size)
            self.data_bytes = sum(each.images.nbytes for each in sets)
            loop = build_loop(name, tensors(sets), batch_size, choose(device))
        else:  # without `choose`, which sets how this process uses the device
            from benchmarks.reference import Reference

            loop = Reference(name, Path(data), batch_size, self.device)
        self.stepper = Stepper(loop, self.device)
        self.stepper.warm(seconds)

    def round(self, seconds: float) -> float:
        """Return training steps a second over `seconds`."""
        return self.stepper.steps_per_second(seconds)

    def memory(self) -> dict[str, int]:
        """Return peak memory and the bytes of the images (uint8) behind what was prepared."""
        from benchmarks.timing import peak_memory

        return {"peak": peak_memory(self.device), "data": self.data_bytes}

    def scaling(self, name: str, data: str, batch_size: int, device: str, unit_steps: int) -> list[dict]:
        """Return the rows of `benchmarks.scaling`."""
        from benchmarks.ours import load, tensors
        from benchmarks.scaling import scaling_table
        from hwlib.training.precision import choose

        return scaling_table(name, tensors(load(name, data, batch_size)), unit_steps, batch_size, choose(device))


class Worker:
    """A child process that does what it is asked; a context manager, at whose end the child ends."""

    def __init__(self, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            cwd=ROOT,
            env=os.environ | {"HW_PROGRESS": "none"} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, action: str, **arguments: Any) -> Any:
        """Return what the action returns; `WorkbookError` with one line where it fails."""
        try:
            self.process.stdin.write(json.dumps({"do": action} | arguments) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise WorkbookError(f"{action}: the measuring process ended with status {self.process.wait()}; see above")
        reply = json.loads(answer)
        if "error" in reply:
            raise WorkbookError(reply["error"])
        return reply["result"]

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def main() -> None:
    # Answers alone go to standard output; whatever a library prints goes to standard error.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    actions = Actions()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"result": getattr(actions, request.pop("do"))(**request)}
        except WorkbookError as error:
            reply = {"error": str(error)}
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
        answers.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
