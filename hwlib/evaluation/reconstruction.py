"""What a VAE gives back, and what it keeps."""

import torch

from hwlib.evaluation.forward import passed
from hwlib.models import VAE
from hwlib.training.batches import to_uint8
from hwlib.training.precision import Compute
from hwlib.training.vae import kl_divergence, squared_error


def encode(model: VAE, images: torch.Tensor, compute: Compute) -> torch.Tensor:
    """Return the latent means (N, 512) of uint8 faces (N, 3, 64, 64), on the CPU."""
    model.eval()
    return torch.cat([mean.cpu() for mean in passed(lambda x: model.encode(x)[0], images, compute)])


def reconstruct(model: VAE, images: torch.Tensor, compute: Compute) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Decode the latent means of uint8 faces (N, 3, 64, 64).

    Returns reconstructions as uint8 (N, 3, 64, 64); the MSE of each image (N,), the mean over pixels and channels on
    the [0, 1] scale, before any rounding; and its KL in nats (N,). The latent mean is decoded, not a sample, so the
    numbers carry no noise of their own.
    """
    model.eval()

    def each(batch: torch.Tensor) -> tuple[torch.Tensor, ...]:
        mean, logvar = model.encode(batch)
        decoded = model.decode(mean)
        mse = squared_error(batch, decoded) / batch[0].numel()
        return to_uint8(decoded).cpu(), mse.cpu(), kl_divergence(mean, logvar).cpu()

    parts = zip(*passed(each, images, compute), strict=True)
    pictures, mse, kl = (torch.cat(part) for part in parts)
    return pictures, mse, kl
