"""The networks that the report prints, one file a problem; nothing here knows about training."""

from hwlib.models.attribute_cnn import AttributeCNN
from hwlib.models.compact_cnn import CompactCNN
from hwlib.models.dann import DANN, DomainAdversarialNetwork, reverse_gradient
from hwlib.models.gan import Discriminator, Generator
from hwlib.models.resnet34_dann import ResNet34DANN
from hwlib.models.vae import VAE

__all__ = [
    "DANN",
    "VAE",
    "AttributeCNN",
    "CompactCNN",
    "Discriminator",
    "DomainAdversarialNetwork",
    "Generator",
    "ResNet34DANN",
    "parameter_count",
    "reverse_gradient",
]


def parameter_count(module) -> int:
    """Return the number of parameters, trained or frozen."""
    return sum(parameter.numel() for parameter in module.parameters())
