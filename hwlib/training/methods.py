"""The methods of problem 4, by the name that the parameter `method` takes."""

import torch

from hwlib.config import UDAConfig
from hwlib.models import DomainAdversarialNetwork, ResNet34DANN
from hwlib.training.adaptation import DANNRule
from hwlib.training.engine import LearningRule
from hwlib.training.precision import Compute


def build_model(config: UDAConfig) -> DomainAdversarialNetwork:
    """Return the network of `config.method`, its random weights drawn from `config.seed`."""
    torch.manual_seed(config.seed)
    return ResNet34DANN(config.weights)


def build_rule(config: UDAConfig, model: DomainAdversarialNetwork, compute: Compute) -> LearningRule:
    """Return the learning rule of `config.method`; its step takes source images, their labels, and target images."""
    return DANNRule(model, compute, config.lr, config.batches, config.reversal)
