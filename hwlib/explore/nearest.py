"""The training images nearest to a face, pixel by pixel: has a generator made it, or kept it?

All distances are mean squared errors over pixels and channels on the [0, 1] scale, the unit of the report's
reconstructions. Training shows each face mirrored half of the time, so each is compared as it is and mirrored.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import avg_pool2d

from hwlib.data import ImageSet
from hwlib.evaluation.embedding import subset

BLOCK = 4
"""Pixels that one mean stands for, to each side."""

SHOWN = 5
"""Neighbours of a face that are shown."""

COMPARED = 100
"""Test faces whose distances say what is usual."""

CLOSE = 0.05
"""The part of the test faces that is nearer to a training face than one that is called close."""

_BATCH = 1000
_FIRST, _MOST = 64, 512  # faces compared in full at once, in the first step and at most


@dataclass(frozen=True)
class Neighbours:
    """The training faces nearest to one face, the nearest first: their indices (k,), distances (k,), and whether the
    face is nearer to each one's mirror image (k,)."""

    indices: torch.Tensor
    distances: torch.Tensor
    mirrored: torch.Tensor


class Nearest:
    """Finds neighbours among training faces; the first search looks at all of them, later ones take some 50 ms.

    A face is split into the means of its blocks and the rest. The distance of the means, and the difference of the
    norms of the rests, together are never more than the distance of the faces (Pythagoras, and the triangle inequality
    for the rests). So whatever looks farther than the k-th face found already cannot be among the k nearest ones, and
    no other face is compared in full: the search is exact.
    """

    def __init__(self, train: ImageSet) -> None:
        self.images = train.images
        self._sketches: torch.Tensor | None = None  # (N, 3 * 16 * 16 + 1)

    def __call__(self, faces: torch.Tensor, count: int = SHOWN) -> list[Neighbours]:
        """Return the `count` nearest of each of some uint8 faces (M, 3, 64, 64)."""
        with torch.inference_mode():
            if self._sketches is None:
                self._sketches = torch.cat([_sketch(part) for part in self.images.split(_BATCH)])
            both = torch.stack([faces, faces.flip(-1)], dim=1)  # (M, 2, 3, 64, 64)
            bounds = torch.cdist(_sketch(both.flatten(0, 1)), self._sketches).square() / faces[0].numel()
            bounds = bounds.view(len(faces), 2, -1).amin(1)  # (M, N)
            return [self._search(*each, min(count, len(self.images))) for each in zip(both, bounds, strict=True)]

    def _search(self, both: torch.Tensor, bounds: torch.Tensor, count: int) -> Neighbours:
        order = bounds.argsort()
        lowest = bounds[order] * (1 - 1e-4) - 1e-6  # less what float32 may be wrong by
        exact, step = torch.empty(2, 0), _FIRST
        while (taken := exact.shape[1]) < len(order):
            if taken >= count and lowest[taken] > exact.amin(0).kthvalue(count).values:
                break
            exact = torch.cat([exact, _distances(both, self.images[order[taken : taken + step]])], dim=1)
            step = min(2 * step, _MOST)
        best = exact.amin(0).argsort()[:count]
        return Neighbours(order[best], exact.amin(0)[best], exact[1, best] < exact[0, best])


@dataclass(frozen=True)
class Usual:
    """How near test faces, which no training has seen, are to their nearest training faces: (M,), sorted."""

    distances: torch.Tensor

    @property
    def median(self) -> float:
        return float(self.distances.median())

    def part_nearer(self, distance: float) -> float:
        """Return which part of the test faces has a nearer training face than `distance`, 0 to 1."""
        return float((self.distances < distance).float().mean())

    def close(self, distance: float) -> bool:
        """Whether a face at this distance is nearer to a training face than almost all test faces are."""
        return self.part_nearer(distance) < CLOSE


def usual(nearest: Nearest, test: ImageSet, seed: int) -> Usual:
    """Measure `COMPARED` test faces, drawn with `seed`, or all where there are fewer."""
    faces = test.images[torch.from_numpy(subset(len(test), COMPARED, seed))].expand(-1, 3, -1, -1)
    return Usual(torch.cat([found.distances for found in nearest(faces, 1)]).sort().values)


def _sketch(images: torch.Tensor) -> torch.Tensor:
    """The means of the blocks of uint8 images (N, C, 64, 64), each scaled to the length of its block, and the norm of
    what they leave, on the [0, 1] scale: (N, 3 * 16 * 16 + 1)."""
    pixels = images.float() / 255
    means = avg_pool2d(pixels, BLOCK) * BLOCK
    rest = (pixels.square().sum((1, 2, 3)) - means.square().sum((1, 2, 3))).clamp_min(0)
    if images.shape[1] == 1:  # grey stands for three equal channels
        means, rest = means.expand(-1, 3, -1, -1), 3 * rest
    return torch.cat([means.flatten(1), rest.sqrt()[:, None]], dim=1)


def _distances(faces: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Mean squared errors of uint8 faces (2, 3, H, W) to images (N, C, H, W): (2, N)."""
    differences = faces[:, None].float() - images[None].float()
    return differences.square().flatten(2).mean(2) / 255**2
