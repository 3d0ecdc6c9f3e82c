"""Faces drawn from a trained model."""

from collections.abc import Callable

import torch

from hwlib.models import VAE, Generator
from hwlib.models.gan import LATENT as GAN_LATENT
from hwlib.models.vae import LATENT as VAE_LATENT
from hwlib.training.batches import to_uint8
from hwlib.training.precision import Compute


def sample_vae(model: VAE, count: int, seed: int, compute: Compute) -> torch.Tensor:
    """Return `count` faces decoded from N(0, I), uint8 (count, 3, 64, 64); the latents depend on `seed` alone."""
    return _sample(model.eval().decode, VAE_LATENT, count, seed, compute)


def sample_gan(generator: Generator, count: int, seed: int, compute: Compute) -> torch.Tensor:
    """Return `count` generated faces, uint8 (count, 3, 64, 64); the latents depend on `seed` alone."""
    return _sample(generator.eval(), GAN_LATENT, count, seed, compute)


def _sample(decode: Callable, width: int, count: int, seed: int, compute: Compute) -> torch.Tensor:
    # Drawn on the CPU, so one seed means the same latents on every device.
    latents = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        return torch.cat([to_uint8(decode(part.to(compute.device))).cpu() for part in latents.split(250)])
