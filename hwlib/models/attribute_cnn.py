"""A small classifier of face attributes, whose features measure distances between sets of faces."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d

from hwlib.names import ATTRIBUTES


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    layer = nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False)
    return [layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class AttributeCNN(nn.Module):
    """Faces (B, 3, 64, 64) in [-1, 1] to logits (B, 13) of the attributes, through 128 features.

    The faces are halved to 32x32 first: what tells attributes apart is coarse, and it makes this four times cheaper.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(*_block(3, 32), *_block(32, 64), *_block(64, 128), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(128, len(ATTRIBUTES))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, 128)."""
        return self.body(avg_pool2d(images, 2)).flatten(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))
