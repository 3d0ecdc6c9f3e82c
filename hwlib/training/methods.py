"""The methods of problem 4, by the name that the parameter `method` takes."""

import torch
from torch import nn

from hwlib.config import UDAConfig
from hwlib.models import CompactCNN, ResNet34DANN
from hwlib.training.adamatch import AdaMatchRule
from hwlib.training.adaptation import DANNRule
from hwlib.training.augment import is_grey
from hwlib.training.engine import LearningRule
from hwlib.training.precision import Compute


def build_model(config: UDAConfig) -> nn.Module:
    """Return the network of `config.method`, its random weights drawn from `config.seed`.

    Networks give `features` and, called, log-probabilities of the digit.
    """
    torch.manual_seed(config.seed)
    return CompactCNN() if config.method == "adamatch" else ResNet34DANN(config.weights)


def build_rule(
    config: UDAConfig, model: nn.Module, compute: Compute, source: torch.Tensor, target: torch.Tensor
) -> LearningRule:
    """Return the learning rule of `config.method`; its step takes source images, their labels, and target images.

    source, target: all training images of both domains, uint8, of which a rule may ask whether they have colours.
    """
    if config.method == "adamatch":
        greys = {"grey_source": is_grey(source), "grey_target": is_grey(target)}
        return AdaMatchRule(model, compute, config.lr, without=config.without, **greys)
    return DANNRule(model, compute, config.lr, config.batches, config.reversal, config.augment)
