"""Problem 1: training a VAE."""

import torch

from hwlib.models import VAE
from hwlib.training.batches import normalise
from hwlib.training.engine import LearningRule, Losses
from hwlib.training.precision import Compute


def kl_divergence(mean: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, exp(logvar)) || N(0, I)) of each row in nats, (B, D) -> (B,) (Kingma & Welling 2014, appendix B)."""
    return -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum(1)


def squared_error(images: torch.Tensor, reconstructions: torch.Tensor) -> torch.Tensor:
    """Sum of squared errors of each image on the [0, 1] scale, for images in [-1, 1]: (B, ...) -> (B,)."""
    return (reconstructions - images).square().flatten(1).sum(1) / 4


class VAERule(LearningRule):
    """Sum of squared errors on [0, 1] plus `kl_weight` times the KL, mean over the batch; one Adam step a batch."""

    def __init__(self, model: VAE, compute: Compute, lr: float, kl_weight: float = 1.0) -> None:
        self.model = compute.place(model)
        self.modules = {"model": model}
        self.optimizers = [compute.adam(model, lr)]
        self.kl_weight = kl_weight

    def step(self, images: torch.Tensor, *, progress: torch.Tensor) -> Losses:
        images = normalise(images)
        reconstructions, mean, logvar = self.model(images)
        error = squared_error(images, reconstructions.float()).mean()
        kl = kl_divergence(mean.float(), logvar.float()).mean()
        loss = error + self.kl_weight * kl
        self.optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[0].step()
        return {"loss": loss, "reconstruction": error / images[0].numel(), "kl": kl}
