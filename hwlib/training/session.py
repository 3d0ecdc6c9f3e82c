"""A training within a run."""

import time
import weakref

import torch

from hwlib.errors import WorkbookError
from hwlib.record import Run
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.precision import Compute

_TRAINED: weakref.WeakSet = weakref.WeakSet()


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
    Raises `WorkbookError` for a network that has been trained before: its record would tell half of its steps.
    """
    run.check_open()
    if any(module in _TRAINED for module in rule.modules.values()):
        raise WorkbookError(f"{model}: this network is trained already; run the cell that builds it again first")
    config = run.config
    plan = Plan.of(config, longest or max(len(tensors[0]) for tensors in sets))
    start = time.perf_counter()
    history = fit(rule, sets, plan, batch_size=config.batch_size, seed=config.seed, compute=compute, label=model)
    seconds = time.perf_counter() - start
    _TRAINED.update(rule.modules.values())
    run.add_training(model, history, seconds)
    return seconds
