"""Rates of training steps and of matrix products, and peak memory."""

import resource
import statistics
import sys
import time
from collections.abc import Callable

import torch

from hwlib.training.precision import Compute

MATRIX = 2048
PROBE = 256
"""Side of the matrices where a precision is emulated: the large ones would take minutes."""


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all it was given; on the CPU nothing is ever outstanding."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def timed(act: Callable[[], None], device: torch.device) -> float:
    """Return the seconds that `act` takes, the device idle before and after."""
    synchronise(device)
    start = time.perf_counter()
    act()
    synchronise(device)
    return time.perf_counter() - start


class Stepper:
    """Measures something with `advance(steps)` and `row()`, a chunk of steps between two readings of the losses.

    Training itself reads them a hundred times in all, so a chunk lasts about `CHUNK` seconds: reading costs nothing
    there, and nothing here. `warm` must come first.
    """

    CHUNK = 0.2

    def __init__(self, loop, device: torch.device) -> None:
        self.loop, self.device, self.chunk = loop, device, 1

    def warm(self, seconds: float) -> None:
        """Step for at least `seconds` and three readings, and find how many steps make a chunk."""
        start, readings = time.perf_counter(), 0
        while readings < 3 or time.perf_counter() - start < seconds:
            took = timed(self._advance, self.device)
            readings += 1
            # The first chunk may compile or capture; later ones say how long a step takes.
            if readings > 1 and took < self.CHUNK / 2:
                self.chunk *= 2

    def steps_per_second(self, seconds: float) -> float:
        """Step for at least `seconds`, after a few steps that are not counted, and return the rate.

        While the other side was measured, the loaders' queues filled up; the uncounted steps empty them again.
        """
        start = time.perf_counter()
        for _ in range(5):
            if time.perf_counter() - start < seconds / 3:
                timed(self._advance, self.device)
        steps, took = 0, 0.0
        while took < seconds or not steps:
            took += timed(self._advance, self.device)
            steps += self.chunk
        return steps / took

    def _advance(self) -> None:
        self.loop.advance(self.chunk)
        self.loop.row()


def matmul_gflops(device: torch.device, dtype: torch.dtype, side: int = MATRIX, seconds: float = 0.1) -> float:
    """Return 10^9 operations a second of a square product, two for each multiply-add: the median of five rounds."""
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    once = timed(lambda: a @ b, device)
    once = min(once, timed(lambda: a @ b, device))  # the first may choose an algorithm
    count = max(1, min(1000, round(seconds / max(once, 1e-6))))

    def round_() -> None:
        for _ in range(count):
            a @ b

    took = statistics.median(timed(round_, device) for _ in range(5))
    return count * 2 * side**3 / took / 1e9


def matmul_rates(compute: Compute) -> dict[str, dict]:
    """Return rates and the matrices' sides by precision.

    `compute` is the automatic choice, which is bfloat16 just where the hardware has it.
    """
    sides = {"float32": MATRIX, "bfloat16": MATRIX if compute.dtype == torch.bfloat16 else PROBE}
    rates = {name: matmul_gflops(compute.device, getattr(torch, name), side) for name, side in sides.items()}
    return {"matmul_gflops": {name: float(f"{rate:.4g}") for name, rate in rates.items()}, "matmul_side": sides}


def peak_memory(device: torch.device) -> int:
    """Return the most bytes that tensors took on a CUDA device, elsewhere the most that this process had in memory."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_resident()


def peak_resident() -> int:
    """Return the most bytes of memory that this process ever had."""
    try:
        # A child's `ru_maxrss` begins with what its parent had when it started it; VmHWM counts this program alone.
        with open("/proc/self/status") as file:
            return 1024 * int(next(line.split()[1] for line in file if line.startswith("VmHWM")))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
