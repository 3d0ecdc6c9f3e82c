"""Problem 2: the generator and discriminator of a DCGAN (Radford et al. 2016), as the report prints them."""

import torch
from torch import nn

LATENT = 100


def _up(inputs: int, outputs: int, stride: int = 2, padding: int = 1) -> list[nn.Module]:
    layer = nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, inplace=True)]


def _initialise(module: nn.Module) -> None:
    """Initial weights of DCGAN (§3): N(0, 0.02) for convolutions, N(1, 0.02) for batch normalisation."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Generator(nn.Module):
    """Latents (B, 100) from N(0, I) to images (B, 3, 64, 64) in [-1, 1]; 3,576,704 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Sequential(
            *_up(LATENT, 512, stride=1, padding=0), *_up(512, 256), *_up(256, 128), *_up(128, 64)
        )
        self.output = nn.Sequential(nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh())
        self.apply(_initialise)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.output(self.decoder(latents[:, :, None, None]))


class Discriminator(nn.Module):
    """Images (B, 3, 64, 64) in [-1, 1] to the probability (B,) that each is real; 2,765,696 parameters.

    Batch normalisation follows the first convolution too, as printed (DCGAN leaves it out there).
    """

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(*_down(3, 64), *_down(64, 128), *_down(128, 256), *_down(256, 512))
        self.output = nn.Sequential(nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Sigmoid())
        self.apply(_initialise)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return log-odds (B,), from which the loss is computed without rounding to 0 or 1."""
        return self.output[0](self.main(images)).flatten()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.output[1](self.logits(images))
