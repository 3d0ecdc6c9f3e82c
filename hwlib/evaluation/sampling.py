"""Faces drawn from a trained model, and faces on the way from one to another."""

import math
from collections.abc import Callable

import torch

from hwlib.evaluation.reconstruction import encode
from hwlib.models import VAE, Generator
from hwlib.models.gan import LATENT as GAN_LATENT
from hwlib.models.vae import LATENT as VAE_LATENT
from hwlib.training.batches import to_uint8
from hwlib.training.precision import Compute

STEPS = 8
"""Faces in a row of interpolation, both ends among them."""


def sample_vae(model: VAE, count: int, seed: int, compute: Compute) -> torch.Tensor:
    """Return `count` faces decoded from N(0, I), uint8 (count, 3, 64, 64); the latents depend on `seed` alone."""
    return _decoded(model.eval().decode, _latents(count, VAE_LATENT, seed), compute)


def sample_gan(generator: Generator, count: int, seed: int, compute: Compute) -> torch.Tensor:
    """Return `count` generated faces, uint8 (count, 3, 64, 64); the latents depend on `seed` alone."""
    return _decoded(generator.eval(), _latents(count, GAN_LATENT, seed), compute)


def interpolate_vae(model: VAE, pair: torch.Tensor, compute: Compute) -> torch.Tensor:
    """Return `STEPS` faces between two, uint8 (STEPS, 3, 64, 64), decoded on the straight line between their means.

    pair: uint8 faces (2, 3, 64, 64). The first and the last face are the reconstructions of the two.
    """
    first, last = encode(model, pair, compute)
    weights = torch.linspace(0, 1, STEPS)
    latents = torch.stack([torch.lerp(first, last, w) for w in weights])  # (STEPS, 512)
    return _decoded(model.decode, latents, compute)


def interpolate_gan(generator: Generator, seed: int, compute: Compute) -> torch.Tensor:
    """Return `STEPS` generated faces, uint8 (STEPS, 3, 64, 64), between the first two that `seed` gives.

    The way is the great circle (White 2016): points on the straight line between two draws from N(0, I) lie nearer
    to the origin than any draw does, where the generator was never trained.
    """
    first, last = _latents(2, GAN_LATENT, seed)
    latents = torch.stack([spherical(first, last, w) for w in torch.linspace(0, 1, STEPS).tolist()])
    return _decoded(generator.eval(), latents, compute)


def spherical(first: torch.Tensor, last: torch.Tensor, weight: float) -> torch.Tensor:
    """Spherical linear interpolation of two vectors (Shoemake 1985); `weight` 0 gives `first` and 1 gives `last`."""
    cosine = torch.dot(first / first.norm(), last / last.norm()).clamp(-1, 1)
    angle = math.acos(cosine)
    if math.sin(angle) < 1e-6:  # parallel: the circle has become a line
        return torch.lerp(first, last, weight)
    return (math.sin((1 - weight) * angle) * first + math.sin(weight * angle) * last) / math.sin(angle)


def _latents(count: int, width: int, seed: int) -> torch.Tensor:
    # Drawn on the CPU, so one seed means the same latents on every device; more of them leave the first as they are.
    generator = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randn(width, generator=generator) for _ in range(count)])


def _decoded(decode: Callable, latents: torch.Tensor, compute: Compute) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([to_uint8(decode(part.to(compute.device))).cpu() for part in latents.split(250)])
