"""Faces drawn from a finished run, the same ones for the same seed."""

from dataclasses import dataclass
from pathlib import Path

import torch

from hwlib.errors import WorkbookError
from hwlib.evaluation.choice import Wanted, choose
from hwlib.evaluation.networks import compute_on, load_decoder, told
from hwlib.evaluation.sampling import sample_gan, sample_vae

MOST = 1000
"""Faces that a run draws to measure itself."""


@dataclass(frozen=True)
class Faces:
    """Faces, uint8 (N, 3, 64, 64), and lines that say which run was chosen and why, and last what they are."""

    images: torch.Tensor
    told: str


def draw_faces(
    run: Path | None,
    seed: int | None = None,
    count: int = 32,
    device: str = "auto",
    *,
    runs: Path | None = None,
    problem: str | None = None,
) -> Faces:
    """Draw faces from N(0, I) with the VAE of a run of problem 1, or with the generator of one of problem 2.

    run: folder of a record; None takes `$HW_RUN`, or the newest record of `problem` in the folder `runs`, as
    `hwlib.evaluation.choice` says. seed: decides the latents, on every device alike; None takes the run's own, and the
    first 32 faces are then those of its figure: bit for bit where the run computed on the CPU of the same machine.
    More faces leave the first as they are. Raises WorkbookError for whatever cannot be read or used.
    """
    if not 1 <= count <= MOST:
        raise WorkbookError(f"count: {count} is not from 1 to {MOST}")
    if seed is not None and not 0 <= seed < 2**32:
        raise WorkbookError(f"seed: {seed} is not from 0 to {2**32 - 1}")
    choice = choose(Wanted(("p1", "p2") if problem is None else (problem,)), load_decoder, run, runs)
    record, compute = choice.record, compute_on(device)
    if seed is None:
        seed = record.run.get("seed")
        if not isinstance(seed, int):
            raise WorkbookError(f"{record.folder}/run.json: there is no seed in it; give one with --seed")
    network = compute.place(choice.loaded)  # the layout in which it was trained: another one rounds otherwise
    images = (sample_vae if record.problem == "p1" else sample_gan)(network, count, seed, compute)
    faces = "1 face" if count == 1 else f"{count} faces"
    maker = "the VAE" if record.problem == "p1" else "the generator"
    line = f"{faces} of seed {seed} made by {maker} of {told(record)} on {compute.device}"
    return Faces(images, "\n".join([*choice.why, line]))
