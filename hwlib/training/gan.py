"""Problem 2: training a GAN."""

import torch
from torch.nn.functional import softplus

from hwlib.models import Discriminator, Generator
from hwlib.models.gan import LATENT
from hwlib.training.batches import normalise
from hwlib.training.engine import LearningRule, Losses
from hwlib.training.precision import Compute


class GANRule(LearningRule):
    """The non-saturating loss (Goodfellow et al. 2014, §3): one discriminator step, then one generator step, a batch.

    Real and generated images pass the discriminator as batches of their own (its batch normalisation would give
    away a mixed one). Half of the faces are mirrored at random: a face stays a face.
    """

    def __init__(self, generator: Generator, discriminator: Discriminator, compute: Compute, lr: float) -> None:
        self.generator, self.discriminator = compute.place(generator), compute.place(discriminator)
        self.modules = {"generator": generator, "discriminator": discriminator}
        # beta1 of 0.5 as in DCGAN (§3): momentum of 0.9 makes the game oscillate.
        self.optimizers = [compute.adam(module, lr, betas=(0.5, 0.999)) for module in (discriminator, generator)]

    def step(self, images: torch.Tensor, *, progress: torch.Tensor) -> Losses:
        real = normalise(_mirror(images))
        fake = self.generator(torch.randn(len(real), LATENT, device=real.device))

        real_logits = self.discriminator.logits(real).float()
        fake_logits = self.discriminator.logits(fake.detach()).float()
        # -log sigmoid(x) is softplus(-x), and -log(1 - sigmoid(x)) is softplus(x).
        discriminator_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        _descend(self.optimizers[0], discriminator_loss)

        # The generator's step needs gradients through the discriminator, but none of its weights.
        self.discriminator.requires_grad_(False)
        try:
            generator_loss = softplus(-self.discriminator.logits(fake).float()).mean()
            _descend(self.optimizers[1], generator_loss)
        finally:
            self.discriminator.requires_grad_(True)
        return {
            "discriminator_loss": discriminator_loss,
            "generator_loss": generator_loss,
            "discriminator_real": real_logits.sigmoid().mean(),
            "discriminator_fake": fake_logits.sigmoid().mean(),
        }


def _descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def _mirror(images: torch.Tensor) -> torch.Tensor:
    """Flip a random half of the images left to right, a draw for each."""
    flip = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    return torch.where(flip, images.flip(3), images)
