"""What a live view shows of the networks as they stand: faces given back, faces drawn, digits named.

A preview is a function without arguments, called between two steps. It may put its network into evaluation mode and
draws no random numbers, so a training that is looked at ends with the same bits. Nothing is moved to the device or
computed before its first call: where nobody looks it costs nothing.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from hwlib.models import VAE, Generator
from hwlib.models.gan import LATENT
from hwlib.training.batches import normalise, to_uint8
from hwlib.training.precision import Compute

COUNT = 8
"""Samples of a preview, and images in a row of its picture."""


class Samples(NamedTuple):
    """Images, uint8 (N, C, H, W), to be laid out in rows of `COUNT`; what they are; a line below each, or none."""

    images: np.ndarray
    caption: str
    texts: tuple[str, ...] = ()


Preview = Callable[[], Samples]


def reconstructions(model: VAE, faces: torch.Tensor, compute: Compute) -> Preview:
    """Return a preview of a VAE: eight of `faces`, uint8 (N, C, 64, 64), and below each its reconstruction.

    The latent mean is decoded, as in the table of reconstructions.
    """
    chosen = cache(lambda: normalise(spread(faces).to(compute.device)))
    caption = "上：測試人臉；下：當時的重建 above, test faces; below, their reconstructions"

    def preview() -> Samples:
        model.eval()
        with torch.inference_mode():
            given_back = model.decode(model.encode(chosen())[0])
            return Samples(to_uint8(torch.cat([chosen(), given_back])).cpu().numpy(), caption)

    return preview


def generated(generator: Generator, seed: int, compute: Compute) -> Preview:
    """Return a preview of a GAN: the faces of eight latents that depend on `seed` alone, the same each time.

    They are the first eight faces that `sample_gan` draws from this seed.
    """
    caption = "由同一組潛在向量生成的人臉 faces of the same latents each time"

    @cache
    def latents() -> torch.Tensor:
        source = torch.Generator().manual_seed(seed)  # its own, on the CPU: nothing else draws from it
        return torch.stack([torch.randn(LATENT, generator=source) for _ in range(COUNT)]).to(compute.device)

    def preview() -> Samples:
        generator.eval()
        with torch.inference_mode():
            return Samples(to_uint8(generator(latents())).cpu().numpy(), caption)

    return preview


def answers(model: nn.Module, images: torch.Tensor, compute: Compute) -> Preview:
    """Return a preview of a classifier: eight of `images`, uint8 (N, C, 28, 28), what it calls them, and how surely.

    It knows no labels, so a training on the target domain may be looked at like any other.
    """
    chosen = cache(lambda: normalise(spread(images).to(compute.device)))
    caption = (
        "目標域的測試影像（未使用標籤），與模型的答案及其機率 "
        "test images of the target, without their labels, and what the model calls them, with its probability"
    )

    def preview() -> Samples:
        model.eval()
        with torch.inference_mode():
            sure, named = model(chosen()).float().exp().max(1)
        texts = (f"{digit}  {100 * p:.0f} %" for digit, p in zip(named.tolist(), sure.tolist(), strict=True))
        return Samples(spread(images).cpu().numpy(), caption, tuple(texts))

    return preview


def spread(images: torch.Tensor) -> torch.Tensor:
    """Return eight of the images (all, where they are fewer), evenly spread over the set: nobody picked them."""
    return images[torch.linspace(0, len(images) - 1, min(COUNT, len(images))).long()]
