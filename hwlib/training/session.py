"""A training within a run."""

import time

import torch

from hwlib.record import Run
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.precision import Compute


def train(
    run: Run,
    rule: LearningRule,
    sets: list[tuple[torch.Tensor, ...]],
    compute: Compute,
    *,
    model: str = "model",
    longest: int | None = None,
) -> float:
    """Train by `rule` as the run's configuration says, add history and seconds to the run; return the seconds.

    sets: as `fit` takes them; model: the column that tells this training's rows from others in the run;
    longest: images that make an epoch, the longest of `sets` unless given.
    """
    config = run.config
    plan = Plan.of(config, longest or max(len(tensors[0]) for tensors in sets))
    start = time.perf_counter()
    history = fit(rule, sets, plan, batch_size=config.batch_size, seed=config.seed, compute=compute, label=model)
    seconds = time.perf_counter() - start
    run.add_training(model, history, seconds)
    return seconds
