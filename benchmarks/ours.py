"""The workbook's side: its own data sets, rules and engine, stepped by hand."""

import torch

from benchmarks.problems import PROBLEMS, report_config
from hwlib.config import Config
from hwlib.data import ImageSet, open_source
from hwlib.errors import WorkbookError
from hwlib.models import DANN, VAE, Discriminator, Generator, ResNet34DANN
from hwlib.training.adaptation import DANNRule, SupervisedRule
from hwlib.training.engine import LearningRule, Loop, Plan
from hwlib.training.gan import GANRule
from hwlib.training.precision import Compute
from hwlib.training.vae import VAERule

ENDLESS = 1_000_000
"""Steps of a plan that no measurement comes to the end of."""


def load(name: str, data: str, batch_size: int) -> list[ImageSet]:
    """Return the training sets of a problem from a course folder; `WorkbookError` for bad files or too few images."""
    names = PROBLEMS[name].sets
    source = open_source(data, "faces" if names == ("face",) else "digits")
    sets = [source.faces("train") if each == "face" else source.digits(each, "train") for each in names]
    for each in sets:
        if len(each) < batch_size:
            raise WorkbookError(f"{each.name}: {len(each)} training images are less than a batch of {batch_size}")
    return sets


def tensors(sets: list[ImageSet]) -> list[tuple[torch.Tensor, ...]]:
    """Return what the engine takes: images of each set, and labels of the source where there are two."""
    if len(sets) == 1:
        return [(sets[0].images,)]
    source, target = sets
    return [(source.images, source.labels), (target.images,)]


def build_rule(kind: str, config: Config, compute: Compute) -> LearningRule:
    """Return the learning rule of a training with fresh weights, as the notebooks make it."""
    torch.manual_seed(config.seed)
    if kind == "vae":
        return VAERule(VAE(), compute, config.lr, config.kl_weight)
    if kind == "gan":
        return GANRule(Generator(), Discriminator(), compute, config.lr)
    if kind in ("source_only", "target_only"):
        return SupervisedRule(DANN(), compute, config.lr)
    model = ResNet34DANN(config.weights) if kind == "dann_resnet34" else DANN()
    return DANNRule(model, compute, config.lr, config.batches, config.reversal, config.augment)


def build_loop(name: str, sets: list[tuple[torch.Tensor, ...]], batch_size: int, compute: Compute) -> Loop:
    """Return a loop over the tensors that `load` and `tensors` gave."""
    rule = build_rule(name, report_config(PROBLEMS[name].problem), compute)
    return Loop(rule, sets, Plan(ENDLESS, ENDLESS), batch_size=batch_size, seed=0, compute=compute)
