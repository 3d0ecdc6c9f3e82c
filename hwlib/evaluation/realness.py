"""What a discriminator thinks of faces."""

import torch

from hwlib.evaluation.forward import passed
from hwlib.models import Discriminator
from hwlib.training.precision import Compute


def mean_realness(discriminator: Discriminator, images: torch.Tensor, compute: Compute) -> float:
    """Return the mean probability of being real that uint8 faces (N, 3, 64, 64) are given, in evaluation mode."""
    discriminator.eval()
    return float(torch.cat([part.cpu() for part in passed(discriminator, images, compute)]).mean())
