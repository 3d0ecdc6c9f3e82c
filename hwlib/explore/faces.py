"""Problem 1, from a state to a picture: directions of the VAE's latent space, and faces moved along them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from hwlib.data import ImageSet
from hwlib.evaluation.embedding import subset
from hwlib.evaluation.reconstruction import encode, reconstruct
from hwlib.explore.chosen import rgb
from hwlib.explore.picture import stacked, tiled
from hwlib.models import VAE
from hwlib.training.batches import to_uint8
from hwlib.training.precision import Compute

MOST = 8
"""Directions, one slider each."""

ENCODED = 5000
"""Faces of a split that are encoded for directions: of larger sets so many are drawn, which takes a second or two."""

STRIP = 8
"""Faces on the way from one to another, both ends among them."""

LARGE, SMALL = 176, 60
"""Pixels in the picture of a face that is looked at, and of one in the strip."""


@dataclass(frozen=True)
class Direction:
    """A principal direction: its vector (512,), as long as one standard deviation of the encoded faces along it; the
    attribute with which places along it correlate most, and that correlation, which is not negative."""

    vector: torch.Tensor
    name: str
    correlation: float


def principal_directions(
    latents: torch.Tensor, labels: torch.Tensor, names: Sequence[str], most: int = MOST
) -> list[Direction]:
    """Return the principal directions of latents (N, D), the widest first, each named by one of the attributes.

    labels: (N, 13), 0 or 1. A direction points to where its attribute is more frequent. Where no attribute varies, the
    name is empty. Directions along which nothing varies are left out: a decoder that ignores its latents has none.
    """
    centred = (latents - latents.mean(0)).double()
    _, spread, vectors = torch.linalg.svd(centred, full_matrices=False)
    deviations = spread / max(1, len(latents) - 1) ** 0.5
    found = []
    for vector, deviation in zip(vectors[:most], deviations.tolist(), strict=False):
        if deviation < 1e-5:
            break
        related = correlations(centred @ vector, labels)
        best = int(related.abs().argmax())
        strength = float(related[best])
        signed = vector * deviation * (-1 if strength < 0 else 1)
        found.append(Direction(signed.float(), names[best] if strength else "", abs(strength)))
    return found


def correlations(places: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return Pearson's correlation of places (N,) with each attribute (N, A); 0 for one that does not vary."""
    centred = labels.double() - labels.double().mean(0)
    places = places.double() - places.double().mean()
    scale = centred.norm(dim=0) * places.norm()
    return torch.where(scale > 0, (places @ centred) / scale.clamp_min(1e-300), 0.0)


def attribute_directions(latents: torch.Tensor, labels: torch.Tensor, names: Sequence[str]) -> dict[str, torch.Tensor]:
    """Return for each attribute the mean latent of faces with it less that of faces without, (D,).

    An attribute that all of the faces have, or none, is left out.
    """
    found = {}
    for name, column in zip(names, labels.bool().T, strict=True):
        if column.any() and not column.all():
            found[name] = latents[column].mean(0) - latents[~column].mean(0)
    return found


@dataclass(frozen=True)
class Space:
    """A trained VAE with the directions of its latent space. latents: the means of the test faces, (N, 512)."""

    model: VAE
    compute: Compute
    test: ImageSet
    latents: torch.Tensor
    directions: list[Direction]
    attributes: dict[str, torch.Tensor]


def open_space(model: VAE, train: ImageSet, test: ImageSet, seed: int, compute: Compute) -> Space:
    """Encode the test faces, and training faces for the attributes: `ENCODED` of them at most, drawn with `seed`."""
    model = compute.place(model).eval()
    latents = encode(model, test.images, compute)
    some = torch.from_numpy(subset(len(train), ENCODED, seed))
    seen = encode(model, train.images[some], compute)
    return Space(
        model,
        compute,
        test,
        latents,
        principal_directions(latents, test.labels, test.label_names),
        attribute_directions(seen, train.labels[some], train.label_names),
    )


@dataclass(frozen=True)
class Edit:
    """What is shown. first, second: test faces; way: 0 at the first, 1 at the second; steps: standard deviations along
    each principal direction; amounts: multiples of the direction of an attribute, by name."""

    first: int = 0
    second: int = 1
    way: float = 0.0
    steps: tuple[float, ...] = ()
    amounts: dict[str, float] = field(default_factory=dict)


def edited_latent(space: Space, edit: Edit) -> torch.Tensor:
    """Return the latent (512,) of an edit: a point between two faces, moved along directions and attributes."""
    latent = torch.lerp(space.latents[edit.first], space.latents[edit.second], edit.way)
    for direction, step in zip(space.directions, edit.steps, strict=False):
        latent = latent + step * direction.vector
    for name, amount in edit.amounts.items():
        latent = latent + amount * space.attributes[name]
    return latent


def decode(space: Space, latents: torch.Tensor) -> np.ndarray:
    """Return the faces of latents (N, 512), uint8 (N, 3, 64, 64)."""
    with torch.inference_mode():
        return to_uint8(space.model.decode(latents.to(space.compute.device))).cpu().numpy()


def reconstruction(space: Space, index: int) -> tuple[np.ndarray, float]:
    """Return what the VAE makes of a test face, uint8 (3, 64, 64), and its MSE as the report counts it: the mean over
    pixels and channels on the [0, 1] scale, before rounding."""
    picture, mse, _ = reconstruct(space.model, space.test.images[index : index + 1], space.compute)
    return picture[0].numpy(), float(mse)


def strip(space: Space, first: int, second: int, count: int = STRIP) -> np.ndarray:
    """Return faces on the straight line between the latents of two test faces, uint8 (count, 3, 64, 64)."""
    ends = space.latents[first], space.latents[second]
    return decode(space, torch.stack([torch.lerp(*ends, weight) for weight in torch.linspace(0, 1, count).tolist()]))


def three(original: np.ndarray, reconstructed: np.ndarray, mse: float, edited: np.ndarray) -> np.ndarray:
    """Return the picture of a test face (C, 64, 64), its reconstruction and the edited face, side by side."""
    faces = np.stack([rgb(original), reconstructed, edited])
    return tiled(faces, 3, ("original", f"reconstruction, MSE {mse:.4f}", "edited"), side=LARGE)


def strip_picture(space: Space, first: int, second: int, faces: np.ndarray) -> np.ndarray:
    """Return the picture of a strip, between the two test faces that it joins."""
    ends = [rgb(space.test.images[index])[None] for index in (first, second)]
    words = ("original", *(f"{i / (len(faces) - 1):.2f}" for i in range(len(faces))), "original")
    return tiled(np.concatenate([ends[0], faces, ends[1]]), len(faces) + 2, words, side=SMALL)


def picture(space: Space, edit: Edit) -> np.ndarray:
    """Return all that an edit shows, uint8 (height, width, 3): the three faces above the strip."""
    top = three(
        space.test.images[edit.first].numpy(),
        *reconstruction(space, edit.first),
        decode(space, edited_latent(space, edit)[None])[0],
    )
    between = strip(space, edit.first, edit.second)
    return stacked(top, strip_picture(space, edit.first, edit.second, between))
