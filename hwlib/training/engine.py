"""One engine for all learning rules: it owns the steps, the learning rate, the history and the progress.

A learning rule states its modules, its optimizers and its step (`LearningRule`); adding one needs no line here.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.training.batches import Stream
from hwlib.training.precision import Compute
from hwlib.training.progress import Progress, reporter

Losses = dict[str, torch.Tensor]
ROWS = 100
"""Rows of a history at most; each row is the mean over the steps since the row before."""


class LearningRule:
    """What a method must state; the engine does the rest.

    modules: networks to keep in training mode and to save, by name.
    optimizers: all optimizers; the engine sets their learning rate by `schedule`.
    """

    modules: dict[str, nn.Module]
    optimizers: list[torch.optim.Optimizer]

    def step(self, *batches: torch.Tensor, progress: float) -> Losses:
        """Do one optimisation step and return scalars to log, as tensors that stay on the device.

        `batches` are the sampled rows of the tensors that `fit` was given; `progress` runs from 0 to 1.
        """
        raise NotImplementedError

    def schedule(self, progress: float) -> float:
        """Return the factor on the initial learning rate; constant unless a rule says otherwise."""
        return 1.0


@dataclass(frozen=True)
class Plan:
    """How long to train: `steps` in all, `steps_per_epoch` of them passing once over the longest set."""

    steps: int
    steps_per_epoch: int

    @classmethod
    def of(cls, config: Config, longest: int) -> "Plan":
        """The plan of a configuration for sets of which the longest has `longest` images."""
        per_epoch = max(1, math.ceil(longest / config.batch_size))
        return cls(config.steps or config.epochs * per_epoch, per_epoch)

    @property
    def interval(self) -> int:
        """Steps between two rows of the history."""
        return max(1, math.ceil(self.steps / ROWS))


def fit(
    rule: LearningRule,
    sets: list[tuple[torch.Tensor, ...]],
    plan: Plan,
    *,
    batch_size: int,
    seed: int,
    compute: Compute,
    label: str,
    watch: Callable[[list[dict[str, Any]]], None] | None = None,
) -> list[dict[str, Any]]:
    """Train by `rule` for `plan.steps` steps and return the history, a row of plain numbers every `plan.interval`.

    sets: one tuple of equally long tensors a data set (images, labels); each set has its own random order, and a
        step gets `batch_size` rows of each. The tensors are moved to the device whole.
    watch: called with the history so far after each row, for a live view.
    Raises `WorkbookError` when a loss is no longer finite, naming step and learning rate.
    """
    torch.manual_seed(seed)
    sets = [tuple(tensor.to(compute.device) for tensor in tensors) for tensors in sets]
    streams = [Stream(len(s[0]), batch_size, seed + 1000 * (i + 1), compute.device) for i, s in enumerate(sets)]
    initial = [[group["lr"] for group in optimizer.param_groups] for optimizer in rule.optimizers]
    for module in rule.modules.values():
        module.train()

    history, totals, counted = [], {}, 0
    start = time.perf_counter()
    with reporter(label, plan.steps) as report:
        for step in range(1, plan.steps + 1):
            progress = (step - 1) / plan.steps
            _set_lr(rule, initial, progress)
            batches = [
                tensor[index] for s, index in zip(sets, (t.next() for t in streams), strict=True) for tensor in s
            ]
            with compute.autocast():
                losses = rule.step(*batches, progress=progress)
            # Sums stay on the device: reading a number makes the device wait, so it happens once a row.
            for name, value in losses.items():
                totals[name] = totals.get(name, 0) + value.detach()
            counted += 1
            if step % plan.interval == 0 or step == plan.steps:
                row = {name: float(total) / counted for name, total in totals.items()}
                _check_finite(row, step, rule, history, label)
                history.append({"step": step, "epoch": round(step / plan.steps_per_epoch, 3)} | row)
                totals, counted = {}, 0
                report(Progress(step, plan.steps, time.perf_counter() - start, history))
                if watch:
                    watch(history)
    return history


def _set_lr(rule: LearningRule, initial: list[list[float]], progress: float) -> None:
    factor = rule.schedule(progress)
    for optimizer, rates in zip(rule.optimizers, initial, strict=True):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor


def _check_finite(row: dict[str, float], step: int, rule: LearningRule, history: list, label: str) -> None:
    bad = [name for name, value in row.items() if not math.isfinite(value)]
    if bad:
        lr = rule.optimizers[0].param_groups[0]["lr"]
        last = f"last finite value {history[-1][bad[0]]:.4g}" if history else "no finite value before"
        raise WorkbookError(f"{label}: {bad[0]} is {row[bad[0]]} by step {step} at lr {lr:.3g} ({last}); lower lr")
