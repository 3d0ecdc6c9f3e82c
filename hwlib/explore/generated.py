"""Problem 2, from a state to a picture: the generator's faces, and the way between two of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from hwlib.data import ImageSet
from hwlib.evaluation.forward import passed
from hwlib.evaluation.sampling import spherical
from hwlib.explore.nearest import SHOWN, Nearest, Neighbours
from hwlib.explore.picture import tiled
from hwlib.models import Discriminator, Generator
from hwlib.models.gan import LATENT
from hwlib.training.batches import to_uint8
from hwlib.training.precision import Compute

COUNT, COLUMNS = 32, 8
"""Faces of a seed, and of them in a row."""

SIDE, LARGE = 80, 128
"""Pixels in the picture of a face of the grid, and of one that is looked at."""

THRESHOLDS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, math.inf)
"""Where latents are cut off, from the most typical faces to no truncation."""


@dataclass(frozen=True)
class Pair:
    """A trained generator with its discriminator, in evaluation mode."""

    generator: Generator
    discriminator: Discriminator
    compute: Compute

    @classmethod
    def of(cls, networks: tuple[Generator, Discriminator], compute: Compute) -> "Pair":
        generator, discriminator = (compute.place(network).eval() for network in networks)
        return cls(generator, discriminator, compute)


@dataclass(frozen=True)
class State:
    """What is shown. threshold: of the truncation, infinite for none; pair: the faces between which the way goes, as
    places in the grid, the last one the face that is looked at; way: 0 at the first, 1 at the second."""

    seed: int = 0
    threshold: float = math.inf
    pair: tuple[int, int] = (0, 1)
    way: float = 0.5


def drawn(seed: int, count: int = COUNT) -> torch.Tensor:
    """Return latents (count, 100) from N(0, I): those that the run's own figure of this seed begins with."""
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(LATENT, generator=generator) for _ in range(count)])


def truncated(latents: torch.Tensor, threshold: float) -> torch.Tensor:
    """Return latents from N(0, I) as latents from N(0, I) cut off at `threshold` to each side; an infinite one
    changes nothing.

    The truncation trick (Brock et al. 2019, §3.1) draws values beyond the threshold again. Here each value keeps its
    rank instead: the distribution is the same, and faces change smoothly with the threshold.
    """
    if math.isinf(threshold):
        return latents
    normal = torch.distributions.Normal(0.0, 1.0)
    low, high = normal.cdf(torch.tensor([-threshold, threshold], dtype=torch.float64))
    ranks = normal.cdf(latents.double())
    return normal.icdf(low + ranks * (high - low)).clamp(-threshold, threshold).to(latents.dtype)


def between(latents: torch.Tensor, state: State) -> torch.Tensor:
    """Return the latent (100,) at `state.way` of the great circle between the pair; `latents` are truncated already."""
    first, last = latents[list(state.pair)]
    return spherical(first, last, state.way)


def generate(pair: Pair, latents: torch.Tensor) -> torch.Tensor:
    """Return the faces of latents (N, 100), uint8 (N, 3, 64, 64)."""
    with torch.inference_mode():
        return to_uint8(pair.generator(latents.to(pair.compute.device))).cpu()


def scores(pair: Pair, faces: torch.Tensor) -> torch.Tensor:
    """Return the probability (N,) of being real that the discriminator gives uint8 faces, as the report averages it."""
    return torch.cat([part.cpu() for part in passed(pair.discriminator, faces, pair.compute)])


@dataclass
class Grid:
    """The faces of a seed, made in parts: what a slider moves is seen at once, the rest when it is at rest.

    faces: uint8 (32, 3, 64, 64); scores: (32,), nan where one is not known yet; stale: places not made yet.
    """

    pair: Pair
    latents: torch.Tensor
    faces: torch.Tensor = field(init=False)
    scores: torch.Tensor = field(init=False)
    stale: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.faces = torch.zeros(len(self.latents), 3, 64, 64, dtype=torch.uint8)
        self.scores = torch.full((len(self.latents),), float("nan"))
        self.stale = list(range(len(self.latents)))

    def move(self, latents: torch.Tensor) -> None:
        """Take other latents; the faces stay until they are made anew."""
        self.latents = latents
        self.scores = torch.full_like(self.scores, float("nan"))
        self.stale = list(range(len(latents)))

    def make(self, places: Sequence[int] | None = None) -> None:
        """Make those of the faces at `places` that are not made yet, with their scores; None stands for all."""
        wanted = self.stale if places is None else [place for place in places if place in self.stale]
        if wanted:
            self.faces[wanted] = generate(self.pair, self.latents[wanted])
            self.scores[wanted] = scores(self.pair, self.faces[wanted])
            self.stale = [place for place in self.stale if place not in wanted]

    def texts(self, places: Sequence[int] | None = None) -> list[str]:
        """What stands below the faces at `places`; None stands for all."""
        return [score_text(score) for score in (self.scores if places is None else self.scores[places]).tolist()]


def score_text(score: float) -> str:
    """A score of the discriminator, D, in three digits; a dash where it is not known."""
    return "D –" if math.isnan(score) else f"D {score:.3f}"


def grid_picture(grid: Grid) -> np.ndarray:
    """Return the picture of a grid, each face with its score, D."""
    return tiled(grid.faces.numpy(), COLUMNS, grid.texts(), side=SIDE)


def way_picture(grid: Grid, state: State) -> np.ndarray:
    """Return the picture of the way: the face where it begins, the one at `state.way`, the one where it ends."""
    places = list(state.pair)
    grid.make(places)
    face = generate(grid.pair, between(grid.latents, state)[None])
    first, last = (f"face {place + 1}\n{text}" for place, text in zip(places, grid.texts(places), strict=True))
    words = (first, f"way {state.way:.2f}\n{score_text(float(scores(grid.pair, face)))}", last)
    faces = torch.cat([grid.faces[places[:1]], face, grid.faces[places[1:]]])
    return tiled(faces.numpy(), 3, words, side=LARGE)


def neighbours_of(nearest: Nearest, face: torch.Tensor) -> Neighbours:
    """Return the training faces nearest to one uint8 face (3, 64, 64)."""
    return nearest(face[None])[0]


def neighbours_picture(face: torch.Tensor, found: Neighbours, train: ImageSet) -> np.ndarray:
    """Return the picture of a face and the training faces nearest to it, those mirrored that are nearer so."""
    near = train.images[found.indices].expand(-1, 3, -1, -1)
    near = torch.where(found.mirrored[:, None, None, None], near.flip(-1), near)
    words = [f"train {i}\nMSE {d:.4f}" for i, d in zip(found.indices.tolist(), found.distances.tolist(), strict=True)]
    return tiled(torch.cat([face[None], near]).numpy(), SHOWN + 1, ("generated", *words), side=SIDE)
