"""MNIST-M, built: digits over patches of photographs, after Ganin et al. 2016.

The paper blends an MNIST digit with a random patch of a photograph from BSDS500 by the difference of the two,
|patch - digit|. In the release the digit is a mask of two levels, so that a pixel of any ink at all inverts the patch:
|patch - 255 * (digit > 0)|. We build it so.

The paper does not say which of BSDS500's photographs were taken for which split. The scripts that people use (after
tf-dann's `create_mnistm.py`) take the 200 photographs for training for both, and so do we: one photograph's patches may
lie behind digits of both splits, but with some 130,000 places in each, hardly the same patch.

Which patch lies behind image i follows from (seed, split, i) alone, so that the images are the same in whatever order
they are made. It is drawn from the raw bits of PCG64, which numpy promises never to change; its integers may change.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hwlib.data.archive import lying_in, members, places
from hwlib.data.table import problem
from hwlib.errors import WorkbookError

SEED = 0
SIDE = 28
SPLITS = ("train", "test")
MAX_PIXELS = 500_000_000
"""Of all photographs together, 1.5 GB in memory; BSDS500's 200 have 31 million."""


@dataclass(frozen=True)
class Photographs:
    """uint8 (H, W, 3) each, sorted by file name. sha256: over the names and contents of their files, in that order."""

    images: tuple[np.ndarray, ...]
    sha256: str


def photographs(source: Path) -> Photographs:
    """Read all photographs (JPEG, PNG or BMP) in a folder or archive; of BSDS500, the 200 for training.

    Raises WorkbookError where there are none, and for one that is damaged or smaller than a digit.
    """
    for place in places(source):
        if content := dict(members(place, _is_photograph)):
            break
    if training := {name: data for name, data in content.items() if "/images/train/" in f"/{name}"}:
        content = training
    if not content:
        raise problem(source, f"holds no photographs (.jpg, .png, .bmp); {lying_in(source)}")
    digest, images, pixels = hashlib.sha256(), [], 0
    # By file name first: the same photographs in other folders, or in an archive, are the same set.
    for name in sorted(content, key=lambda name: (name.rsplit("/", 1)[-1], name)):
        digest.update(f"{name.rsplit('/', 1)[-1]} {len(content[name])} ".encode(errors="surrogateescape"))
        digest.update(content[name])
        image = _decoded(source, name, content[name])
        pixels += image.shape[0] * image.shape[1]
        if pixels > MAX_PIXELS:
            text = f"holds more than {MAX_PIXELS // 10**6} million pixels of photographs; give fewer or smaller ones"
            raise problem(source, text)
        images.append(image)
    return Photographs(tuple(images), digest.hexdigest())


def mnistm(digits: torch.Tensor, split: str, photos: Photographs, seed: int = SEED) -> torch.Tensor:
    """Blend each digit with its patch.

    digits: uint8 (N, 1, 28, 28), of the split's own MNIST. Returns uint8 (N, 3, 28, 28).
    """
    out = np.empty((len(digits), SIDE, SIDE, 3), np.uint8)
    ink = digits[:, 0].numpy() > 0
    for i in range(len(out)):
        photo, top, left = _place(photos.images, (seed, SPLITS.index(split), i))
        patch = photos.images[photo][top : top + SIDE, left : left + SIDE]
        out[i] = np.where(ink[i, :, :, None], 255 - patch, patch)  # |patch - 255| is 255 - patch
    return torch.from_numpy(out).permute(0, 3, 1, 2).contiguous()


def _place(images: tuple[np.ndarray, ...], key: tuple[int, ...]) -> tuple[int, int, int]:
    """Photograph, top row and left column, each uniform over what there is."""
    bits = [int(each) for each in np.random.PCG64(key).random_raw(3)]

    def below(n: int) -> int:
        return bits.pop() * n >> 64

    photo = below(len(images))
    height, width, _ = images[photo].shape
    return photo, below(height - SIDE + 1), below(width - SIDE + 1)


def _is_photograph(name: str) -> bool:
    base = name.rsplit("/", 1)[-1]
    return not base.startswith(".") and base.lower().endswith((".jpg", ".jpeg", ".png", ".bmp"))


def _decoded(source: Path, name: str, data: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "BMP")) as image:
            if min(image.size) < SIDE:
                raise WorkbookError("is {}x{} pixels, smaller than a digit of 28x28".format(*image.size))
            return np.asarray(image.convert("RGB"))
    except WorkbookError as error:
        raise problem(source, f"photograph {name} {error}") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        raise problem(source, f"photograph {name} is damaged or no image ({error}); take it out") from None
