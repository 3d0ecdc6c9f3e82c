"""The four training steps as the homework's references write them: float32, NCHW, module by module, unfused Adam.

The networks are the workbook's layers, taken out of its modules and run in plain `nn.Sequential`s, so whatever faster
path a module of the workbook has is never taken here. A step takes float images in [-1, 1] (and the source's labels).
"""

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torchvision.models import resnet34

from benchmarks.problems import PROBLEMS, report_config
from hwlib.models import DANN, VAE, Discriminator, Generator, ResNet34DANN
from hwlib.models.gan import LATENT

REVERSAL = 0.5


def rebuilt(*parts: nn.Module) -> nn.Sequential:
    """Return the children of sequences, and modules as they are, in one plain sequence in NCHW."""
    layers = [layer for part in parts for layer in (part if isinstance(part, nn.Sequential) else (part,))]
    return nn.Sequential(*layers).to(memory_format=torch.contiguous_format)


class Reversal(torch.autograd.Function):
    """The identity forwards, minus `REVERSAL` times the gradient backwards."""

    @staticmethod
    def forward(ctx, features):
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        return gradient.neg() * REVERSAL


class PlainVAE:
    def __init__(self, device: torch.device, lr: float) -> None:
        model = VAE()
        self.encoder = rebuilt(model.encoder, nn.Flatten())
        self.mean, self.logvar = model.z_mean, model.z_logvar
        self.decoder = rebuilt(model.z_decode, nn.Unflatten(1, (128, 4, 4)), model.decoder, model.tanh)
        self.network = nn.ModuleList([self.encoder, self.mean, self.logvar, self.decoder]).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr)

    def step(self, images: torch.Tensor) -> torch.Tensor:
        features = self.encoder(images)
        mean, logvar = self.mean(features), self.logvar(features)
        latents = mean + torch.exp(logvar / 2) * torch.randn_like(mean)
        kl = -0.5 * torch.sum(1 + logvar - mean**2 - logvar.exp())
        loss = mse_loss(self.decoder(latents), images, reduction="sum") + kl
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss


class PlainGAN:
    """`spare` leaves out the discriminator's weight gradients in the generator's step, which nobody uses.

    The references compute them; the count of the operations that training needs leaves them out.
    """

    def __init__(self, device: torch.device, lr: float, spare: bool = False) -> None:
        generator, discriminator = Generator(), Discriminator()
        self.generator = rebuilt(nn.Unflatten(1, (LATENT, 1, 1)), generator.decoder, generator.output).to(device)
        self.discriminator = rebuilt(discriminator.main, discriminator.output, nn.Flatten(0)).to(device)
        self.network = nn.ModuleList([self.generator, self.discriminator])
        parts = (self.generator, self.discriminator)
        self.generator_adam, self.discriminator_adam = (
            torch.optim.Adam(part.parameters(), lr, betas=(0.5, 0.999)) for part in parts
        )
        self.loss, self.spare = nn.BCELoss(), spare

    def step(self, images: torch.Tensor) -> torch.Tensor:
        count, device = len(images), images.device
        real, fake = torch.ones(count, device=device), torch.zeros(count, device=device)
        made = self.generator(torch.randn(count, LATENT, device=device))
        self.discriminator_adam.zero_grad()
        self.loss(self.discriminator(images), real).backward()
        self.loss(self.discriminator(made.detach()), fake).backward()
        self.discriminator_adam.step()

        self.discriminator.requires_grad_(not self.spare)
        self.generator_adam.zero_grad()
        loss = self.loss(self.discriminator(made), real)
        loss.backward()
        self.generator_adam.step()
        self.discriminator.requires_grad_(True)
        return loss


class PlainDANN:
    """Source and target pass the whole network one after the other; their losses are summed for one backward pass."""

    def __init__(self, device: torch.device, lr: float, deep: bool = False) -> None:
        model = ResNet34DANN() if deep else DANN()
        trunk = list(resnet34(weights=None).children())[:-2] if deep else []
        self.extractor = rebuilt(*trunk, model.cnn_layer, nn.Flatten())
        self.digit, self.domain = rebuilt(model.classify_class), rebuilt(model.classify_domain)
        self.network = nn.ModuleList([self.extractor, self.digit, self.domain]).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr)
        self.loss = nn.NLLLoss()

    def step(self, source: torch.Tensor, labels: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        digits, loss = self._passed(source, domain=0)
        loss = loss + self.loss(digits, labels)
        loss = loss + self._passed(target, domain=1)[1]
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss

    def _passed(self, images: torch.Tensor, domain: int) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.extractor(images)
        truth = torch.full((len(images),), domain, device=images.device)
        return self.digit(features), self.loss(self.domain(Reversal.apply(features)), truth)


def build(name: str, device: torch.device, *, spare: bool = False) -> PlainVAE | PlainGAN | PlainDANN:
    """Return the plain training of a problem with fresh weights."""
    lr = report_config(PROBLEMS[name].problem).lr
    if name == "gan":
        return PlainGAN(device, lr, spare)
    return PlainVAE(device, lr) if name == "vae" else PlainDANN(device, lr, deep=name == "dann_resnet34")
