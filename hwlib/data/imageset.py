"""What every source of images becomes."""

import hashlib
from dataclasses import dataclass

import torch

from hwlib.names import ATTRIBUTES, DIGITS

__all__ = ["ATTRIBUTES", "DIGITS", "ImageSet", "fingerprint"]


@dataclass(frozen=True)
class ImageSet:
    """One split of one data set, whole, in memory.

    images: uint8 (N, C, H, W), C is 1 (grey) or 3 (RGB).
    labels: int64 (N,) with the digits 0..9, or uint8 (N, 13) with the attributes of faces as 0 or 1.
    label_names: the ten digits, or the names of the attributes.
    kind: where it came from, `sample`, `course` or `fetched`.
    stand_in: true when the images only stand in for the set whose name they bear.
    sha256: of shape and bytes of images and labels (see `fingerprint`).
    """

    name: str
    split: str
    images: torch.Tensor
    labels: torch.Tensor
    label_names: tuple[str, ...]
    kind: str
    stand_in: bool
    sha256: str

    def __len__(self) -> int:
        return len(self.images)

    @property
    def title(self) -> str:
        """The set's name, with "(stand-in)" behind it where it is one."""
        return f"{self.name} (stand-in)" if self.stand_in else self.name

    def describe(self) -> dict:
        """Return what a record says of this set."""
        return {
            "name": self.name,
            "split": self.split,
            "count": len(self),
            "sha256": self.sha256,
            "stand_in": self.stand_in,
        }


def fingerprint(images: torch.Tensor, labels: torch.Tensor) -> str:
    """Return the sha256 of the shapes and bytes of both tensors, as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for tensor in (images, labels):
        digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
