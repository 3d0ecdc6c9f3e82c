"""Problem 4, our own network: small enough for two CPU cores, and indifferent to brightness and contrast."""

from collections import OrderedDict

import torch
from torch import nn

FEATURES = 128


class Standardise(nn.Module):
    """Give each image mean 0 and deviation about 1 over all its pixels and channels; it has no parameters.

    The coarsest differences between digit sets, brightness and contrast, are largely gone before the first layer.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        deviation, mean = torch.std_mean(images.float(), dim=(1, 2, 3), keepdim=True)
        return (images - mean) / (deviation + 0.05)  # the addend keeps an image of one grey from becoming pure noise


def _block(number: int, inputs: int, outputs: int) -> list[tuple[str, nn.Module]]:
    return [
        (f"f_conv{number}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)),
        (f"f_bn{number}", nn.BatchNorm2d(outputs)),
        (f"f_relu{number}", nn.ReLU(inplace=True)),
    ]


class CompactCNN(nn.Module):
    """Five 3x3 convolutions, 32-64-64-128-128, on maps of 28, 14 and 7 pixels, and their mean; 279,466 parameters.

    Images are float (B, 3, 28, 28) in [-1, 1]. Batch normalisation meets source and target in one mixed batch in
    training, so that a single set of statistics serves both domains afterwards.
    """

    def __init__(self) -> None:
        super().__init__()
        self.standardise = Standardise()
        self.cnn_layer = nn.Sequential(
            OrderedDict(
                [
                    *_block(1, 3, 32),
                    ("f_pool1", nn.MaxPool2d(2)),
                    *_block(2, 32, 64),
                    *_block(3, 64, 64),
                    ("f_pool2", nn.MaxPool2d(2)),
                    *_block(4, 64, 128),
                    *_block(5, 128, FEATURES),
                    ("f_mean", nn.AdaptiveAvgPool2d(1)),
                ]
            )
        )
        self.classify_class = nn.Sequential(OrderedDict(c_fc1=nn.Linear(FEATURES, 10), c_softmax=nn.LogSoftmax(dim=1)))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, 128) that the classifier reads."""
        return self.cnn_layer(self.standardise(images)).flatten(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, 10) of the digit."""
        return self.classify_class(self.features(images))
