"""What bounds a training step: the time of each kind of operation, and the rate of those that multiply.

    python -m benchmarks.profile [NAME ...]

On random images, with the engine's own step, on the CPU: each operation's own time, without those that it calls.
"""

import argparse
import sys
from collections.abc import Sequence

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.flops import flops_per_image
from benchmarks.ours import build_loop
from benchmarks.problems import PROBLEMS, report_config
from benchmarks.timing import matmul_gflops
from hwlib.training.precision import choose

STEPS = 3
KINDS = {
    "convolutions": ("convolution",),
    "matrix products": ("aten::mm", "aten::addmm", "aten::bmm"),
    "batch normalisation": ("batch_norm",),
    "activations, pooling": ("relu", "threshold", "tanh", "pool", "clamp", "sigmoid", "softplus"),
    "optimizer": ("adam", "Adam"),
}
"""Kinds of operations, by what their names contain; whatever is in none is "other"."""


def shares(name: str) -> tuple[dict[str, float], int]:
    """Return milliseconds of a step by kind, and images a step."""
    batch_size = report_config(PROBLEMS[name].problem).batch_size
    sets = []
    for each in PROBLEMS[name].sets:
        side = 64 if each == "face" else 28
        images = torch.randint(256, (batch_size, 1 if each == "usps" else 3, side, side), dtype=torch.uint8)
        sets.append((images,) if sets or each == "face" else (images, torch.arange(batch_size) % 10))
    loop = build_loop(name, sets, batch_size, choose("cpu"))
    loop.advance(3)
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        loop.advance(STEPS)
    found = dict.fromkeys([*KINDS, "other"], 0.0)
    for event in profiled.key_averages():
        kind = next((kind for kind, signs in KINDS.items() if any(sign in event.key for sign in signs)), "other")
        found[kind] += event.self_cpu_time_total / 1000 / STEPS
    return found, batch_size * len(sets)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line a kind for each problem named, all four unless some are."""
    parser = argparse.ArgumentParser(prog="profile", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[[], *PROBLEMS], metavar="NAME", help=", ".join(PROBLEMS))
    names = parser.parse_args(arguments).names or list(PROBLEMS)
    compute = choose("cpu")
    peak = matmul_gflops(compute.device, compute.dtype)
    for name in names:
        found, images = shares(name)
        total = sum(found.values())
        multiplying = found["convolutions"] + found["matrix products"]
        rate = flops_per_image(name) * images / multiplying / 1e6
        print(f"{name}: {total:.0f} ms a step of {images} images")
        for kind, milliseconds in found.items():
            print(f"  {kind:<22}{milliseconds:>9.1f} ms{100 * milliseconds / total:>6.1f} %")
        print(f"  what multiplies does {rate:.0f} GFLOP/s; a matrix product of 2048^3 does {peak:.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
