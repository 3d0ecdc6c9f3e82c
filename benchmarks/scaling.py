"""Does an epoch take time in proportion to its images, and a training in proportion to its epochs?"""

import statistics

import torch

from benchmarks.ours import build_rule
from benchmarks.problems import PROBLEMS, report_config
from benchmarks.timing import timed
from hwlib.training.engine import Loop, Plan
from hwlib.training.precision import Compute

GRID = ((1, 1), (2, 1), (4, 1), (1, 2), (1, 4))
"""Multiples of images and of epochs."""
WARM = 5
"""Steps before the clock starts; on CUDA the fourth is recorded."""


def scaling_table(
    name: str,
    sets: list[tuple[torch.Tensor, ...]],
    unit_steps: int,
    batch_size: int,
    compute: Compute,
    rounds: int = 3,
) -> list[dict]:
    """Train for each of `GRID` and return a row each: images of the longest set, epochs, median seconds, linearity.

    unit_steps: steps of the one epoch over one unit of images. `of_linear` is the time over that which the multiple
    of the first row's would be: 1 is linear, more is worse.
    """
    loops = {cell: _loop(name, sets, cell, unit_steps, batch_size, compute) for cell in GRID}
    times = {cell: [] for cell in GRID}
    for _ in range(rounds):  # interleaved, so that all see the same machine
        for (images, epochs), loop in loops.items():
            times[images, epochs].append(
                timed(lambda n=images * epochs, x=loop: _advance(x, n * unit_steps), compute.device)
            )
    seconds = {cell: statistics.median(values) for cell, values in times.items()}
    return [
        {
            "problem": name,
            "images": images * unit_steps * batch_size,
            "epochs": epochs,
            "seconds": round(seconds[images, epochs], 4),
            "of_linear": round(seconds[images, epochs] / (images * epochs * seconds[GRID[0]]), 3),
        }
        for images, epochs in GRID
    ]


def _loop(name: str, sets: list, cell: tuple[int, int], unit_steps: int, batch_size: int, compute: Compute) -> Loop:
    images, epochs = cell
    count = images * unit_steps * batch_size
    sets = [tuple(tensor[torch.arange(count) % len(tensor)] for tensor in each) for each in sets]
    rule = build_rule(name, report_config(PROBLEMS[name].problem), compute)
    per_epoch = images * unit_steps
    plan = Plan(WARM + 8 * per_epoch * epochs, per_epoch)
    loop = Loop(rule, sets, plan, batch_size=batch_size, seed=0, compute=compute)
    _advance(loop, WARM)
    return loop


def _advance(loop: Loop, steps: int) -> None:
    loop.advance(steps)
    loop.row()
