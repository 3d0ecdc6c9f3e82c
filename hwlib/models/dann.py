"""Problem 3: the domain-adversarial network (Ganin et al. 2016) as the report prints it, for 28x28 digits."""

from collections import OrderedDict

import torch
from torch import nn

FEATURES = 50 * 4 * 4


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx, features, strength):
        ctx.strength = strength
        return features.view_as(features)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reverse_gradient(features: torch.Tensor, strength: float | torch.Tensor) -> torch.Tensor:
    """Gradient reversal layer (§4.2): the identity forwards, minus `strength` times the gradient backwards."""
    return _Reverse.apply(features, strength)


def class_head() -> nn.Sequential:
    """The label predictor: features (B, 800) to log-probabilities (B, 10).

    Two exceptions from the print: `c_drop1` is `Dropout`, for `Dropout2d` on flat features is deprecated and drops
    single units there anyway; `LogSoftmax` names its dimension, which the print leaves to a guess.
    """
    return nn.Sequential(
        OrderedDict(
            c_fc1=nn.Linear(FEATURES, 100),
            c_bn1=nn.BatchNorm1d(100),
            c_relu1=nn.ReLU(inplace=True),
            c_drop1=nn.Dropout(0.5),
            c_fc2=nn.Linear(100, 100),
            c_bn2=nn.BatchNorm1d(100),
            c_relu2=nn.ReLU(inplace=True),
            c_fc3=nn.Linear(100, 10),
            c_softmax=nn.LogSoftmax(dim=1),
        )
    )


def domain_head() -> nn.Sequential:
    """The domain classifier: features (B, 800) to log-probabilities (B, 2), source 0 and target 1."""
    return nn.Sequential(
        OrderedDict(
            d_fc1=nn.Linear(FEATURES, 100),
            d_bn1=nn.BatchNorm1d(100),
            d_relu1=nn.ReLU(inplace=True),
            d_fc2=nn.Linear(100, 2),
            d_softmax=nn.LogSoftmax(dim=1),
        )
    )


class DomainAdversarialNetwork(nn.Module):
    """What all domain-adversarial networks here share: an extractor, a label predictor, a domain classifier.

    Subclasses define `features`. Images are float (B, 3, 28, 28) in [-1, 1].
    """

    classify_class: nn.Sequential
    classify_domain: nn.Sequential

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features (B, 800) that both heads read."""
        raise NotImplementedError

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities (B, 10) of the digit."""
        return self.classify_class(self.features(images))


class DANN(DomainAdversarialNetwork):
    """The report's small network; 257,254 parameters.

    The activations are ReLU, as printed (its text claims leaky ReLU). `f_drop1` sits on a feature map, so there
    `Dropout2d` is right and stays.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cnn_layer = nn.Sequential(
            OrderedDict(
                f_conv1=nn.Conv2d(3, 64, 5),
                f_bn1=nn.BatchNorm2d(64),
                f_pool1=nn.MaxPool2d(2),
                f_relu1=nn.ReLU(inplace=True),
                f_conv2=nn.Conv2d(64, 50, 5),
                f_bn2=nn.BatchNorm2d(50),
                f_drop1=nn.Dropout2d(0.5),
                f_pool2=nn.MaxPool2d(2),
                f_relu2=nn.ReLU(inplace=True),
            )
        )
        self.classify_class = class_head()
        self.classify_domain = domain_head()

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.cnn_layer(images).flatten(1)
