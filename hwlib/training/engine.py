"""One engine for all learning rules: it owns steps, learning rates, graphs, history, progress, checkpoints and resume.

A learning rule states its modules, its optimizers and its step (`LearningRule`); adding one needs no line here.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn

from hwlib.config import Config
from hwlib.errors import WorkbookError
from hwlib.training.batches import Feed
from hwlib.training.checkpoint import Keeper, State
from hwlib.training.graph import Graph
from hwlib.training.precision import Compute
from hwlib.training.progress import Progress, reporter
from hwlib.training.stopping import Interruption, Stopped

Losses = dict[str, torch.Tensor]
Row = dict[str, Any]
ROWS = 100
"""Rows of a history at most; each row is the mean over the steps since the row before."""
OBSERVATIONS = 10
"""Observations of a training at most, evenly spread, the last one at its end."""


class LearningRule:
    """What a method must state; the engine does the rest.

    modules: networks by name, kept in training mode, saved and restored; a moving average of weights is one of them.
    optimizers: all optimizers; the engine sets their learning rate by `schedule`.
    """

    modules: dict[str, nn.Module]
    optimizers: list[torch.optim.Optimizer]

    def step(self, *batches: torch.Tensor, progress: torch.Tensor) -> Losses:
        """Do one optimisation step and return scalars to log, as tensors that stay on the device.

        batches: sampled rows of the tensors that `fit` was given. progress: from 0 to 1, a scalar on the device. On
        CUDA the step is recorded once and replayed: whatever changes from one step to the next must come from these
        tensors or from the device's random generator, and no number may be read from the device.
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

    def row_ends(self, step: int) -> bool:
        return step % self.interval == 0 or step == self.steps

    def epoch_ends(self, step: int) -> bool:
        return step % self.steps_per_epoch == 0 or step == self.steps

    def observed(self, step: int) -> bool:
        return step % math.ceil(self.steps / OBSERVATIONS) == 0 or step == self.steps


class Loop:
    """The steps of one training and all that they depend on, so that `state` and `load` lose nothing."""

    def __init__(
        self,
        rule: LearningRule,
        sets: list[tuple[torch.Tensor, ...]],
        plan: Plan,
        *,
        batch_size: int,
        seed: int,
        compute: Compute,
    ) -> None:
        """Arguments as for `fit`."""
        torch.manual_seed(seed)
        self.rule, self.plan, self.compute = rule, plan, compute
        self.feeds = [Feed(s, batch_size, seed + 1000 * (i + 1), compute.device) for i, s in enumerate(sets)]
        self.progress = torch.zeros((), device=compute.device)
        self._groups = [group for optimizer in rule.optimizers for group in optimizer.param_groups]
        self._initial = [float(group["lr"]) for group in self._groups]
        for module in rule.modules.values():
            module.train()
        self.step = 0
        self.history: list[Row] = []
        self.observations: dict[int, torch.Tensor] = {}
        self._totals: Losses = {}
        self._counted = 0
        self._act = Graph(self._step) if compute.graphs else self._step
        self._identity = _identity(rule, plan, batch_size, seed)

    def advance(self, steps: int = 1) -> None:
        """Make `steps` steps. Nothing waits for the device."""
        for _ in range(steps):
            progress = self.step / self.plan.steps
            self.progress.fill_(progress)
            self._set_lr(self.rule.schedule(progress))
            for feed in self.feeds:
                feed.draw()
            self._act()
            self.step += 1
            self._counted += 1

    def _step(self) -> None:
        with self.compute.autocast():
            losses = self.rule.step(*(b for feed in self.feeds for b in feed.batch), progress=self.progress)
        # Sums stay on the device: reading a number makes the host wait for it, so that happens once a row.
        for name, value in losses.items():
            if name not in self._totals:
                self._totals[name] = torch.zeros((), device=self.compute.device)
            self._totals[name] += value.detach()

    def _set_lr(self, factor: float) -> None:
        for group, initial in zip(self._groups, self._initial, strict=True):
            if isinstance(group["lr"], torch.Tensor):  # the very number that a recorded step reads
                group["lr"].fill_(initial * factor)
            else:
                group["lr"] = initial * factor

    def row(self) -> Row:
        """Add a row to the history, the means since the row before, and return it; this waits for the device."""
        row = {"step": self.step, "epoch": round(self.step / self.plan.steps_per_epoch, 3)} | self._means()
        self.history.append(row)
        for total in self._totals.values():
            total.zero_()
        self._counted = 0
        return row

    def observe(self, function: Callable[[], torch.Tensor]) -> None:
        """Keep what `function` says of the networks as they stand."""
        self.observations[self.step] = self.look(function)

    def look(self, function: Callable[[], Any]) -> Any:
        """Return what `function` says of the networks as they stand, and put them back into training mode."""
        said = function()
        for module in self.rule.modules.values():
            module.train()
        return said

    def _means(self) -> dict[str, float]:
        """Means over the steps since the last row; `WorkbookError` when one is not finite."""
        means = {name: float(total) / max(1, self._counted) for name, total in self._totals.items()}
        for name, value in means.items():
            if not math.isfinite(value):
                lr = float(self._groups[0]["lr"])
                last = self.history[-1] if self.history else {}
                before = f"last finite value {last[name]:.4g} by step {last['step']}" if last else "no finite value yet"
                raise WorkbookError(
                    f"{name} is {value} by step {self.step} at lr {lr:.3g} ({before}); lower lr, with `resume` false"
                )
        return means

    def state(self) -> State:
        """Return all that the next steps depend on; `WorkbookError` rather than losses that are not finite."""
        self._means()
        state = {
            "training": self._identity,
            "step": self.step,
            "history": self.history,
            "observations": self.observations,
            "modules": {name: module.state_dict() for name, module in self.rule.modules.items()},
            "random": self._random(),
        }
        if self.step == self.plan.steps:
            return state
        return state | {
            "optimizers": [optimizer.state_dict() for optimizer in self.rule.optimizers],
            "streams": [feed.stream.state() for feed in self.feeds],
            "totals": self._totals,
            "counted": self._counted,
        }

    def load(self, state: State) -> None:
        """Go on where the loop stood that gave `state`; `WorkbookError` when that was another training than this."""
        changed = [name for name, value in self._identity.items() if state["training"].get(name) != value]
        if changed:
            raise WorkbookError(
                f"a checkpoint is kept, but of another training ({', '.join(changed)} changed); with `resume` false it "
                "is discarded"
            )
        for name, module in self.rule.modules.items():
            module.load_state_dict(state["modules"][name])
        self.step, self.history = state["step"], state["history"]
        self.observations = state["observations"]
        if self.step < self.plan.steps:
            rates = [group["lr"] for group in self._groups]
            for optimizer, kept in zip(self.rule.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(kept)
            # Loading makes new groups; rates that are tensors must stay those on the device.
            self._groups = [group for optimizer in self.rule.optimizers for group in optimizer.param_groups]
            for group, rate in zip(self._groups, rates, strict=True):
                group["lr"] = rate
            for feed, kept in zip(self.feeds, state["streams"], strict=True):
                feed.stream.load(kept)
            self._totals = {name: total.to(self.compute.device) for name, total in state["totals"].items()}
            self._counted = state["counted"]
        torch.set_rng_state(state["random"]["cpu"])
        if self.compute.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"]["device"], self.compute.device)
        elif self.compute.device.type == "mps":
            torch.mps.set_rng_state(state["random"]["device"])

    def close(self) -> None:
        """Let go of a recorded step, which holds the loop, its data and its memory on the device in a cycle."""
        self._act = None

    def _random(self) -> dict[str, torch.Tensor]:
        """States of the generators from which networks draw: dropout, noise, latents."""
        states = {"cpu": torch.get_rng_state()}
        if self.compute.device.type == "cuda":
            states["device"] = torch.cuda.get_rng_state(self.compute.device)
        elif self.compute.device.type == "mps":
            states["device"] = torch.mps.get_rng_state()
        return states


class Fitted(NamedTuple):
    """A training's history, a row every `plan.interval` steps; its seconds; those of them in earlier attempts; what was
    observed on the way, by step."""

    history: list[Row]
    seconds: float
    earlier: float
    observations: dict[int, torch.Tensor]


def fit(
    rule: LearningRule,
    sets: list[tuple[torch.Tensor, ...]],
    plan: Plan,
    *,
    batch_size: int,
    seed: int,
    compute: Compute,
    label: str,
    keeper: Keeper | None = None,
    watch: Callable[[list[Row]], None] | None = None,
    observe: Callable[[], torch.Tensor] | None = None,
    preview: Callable[[], Any] | None = None,
) -> Fitted:
    """Train by `rule` for `plan.steps` steps, and return the history and the seconds.

    sets: one tuple of equally long tensors a data set (images, labels); each set has its own random order, and a
        step gets `batch_size` rows of each.
    keeper: where checkpoints go: at the end of an epoch or a row when its time has come, when the training is asked to
        stop, and at the end. A training that it has kept goes on from there, to the same bits on the CPU, and its
        seconds are those of all attempts together.
    watch: called with the history so far after each row.
    observe: called now and then and after the last step; returns a tensor on the CPU, as predictions for images without
        labels. It may put the networks into evaluation mode and must draw no random numbers.
    preview: called where a live view is shown, whenever it is drawn; returns the samples in it
        (`hwlib.training.preview`). What holds of `observe` holds of it.
    Raises `WorkbookError` when a loss is no longer finite, naming step and learning rate, and `Stopped` after the
    step in which SIGINT or SIGTERM came, or the view's button was pressed.
    """
    loop = Loop(rule, sets, plan, batch_size=batch_size, seed=seed, compute=compute)
    before = 0.0  # seconds of earlier attempts
    if keeper and (kept := keeper.restore(label)):
        try:
            loop.load(kept)
        except WorkbookError as error:
            raise WorkbookError(f"{label}: {error}") from None
        before = kept["seconds"]
        print(f"{label}: {_goes_on(loop.step, plan.steps)}", flush=True)
    look = partial(loop.look, preview) if preview else None
    start = time.perf_counter()

    def keep() -> None:
        if keeper:
            state = loop.state()
            keeper.save(label, state | {"seconds": before + time.perf_counter() - start})

    try:
        with Interruption() as interruption, reporter(label, plan.steps, interruption.ask) as report:
            while loop.step < plan.steps:
                loop.advance()
                row_ends = plan.row_ends(loop.step)
                if observe and plan.observed(loop.step):
                    loop.observe(observe)
                if row_ends:
                    loop.row()
                    seconds = before + time.perf_counter() - start
                    report(Progress(loop.step, plan.steps, seconds, loop.history, look))
                    if watch:
                        watch(loop.history)
                if interruption.signum is not None:
                    keep()
                    raise Stopped(_stopped(loop.step, plan.steps, keeper))
                if loop.step == plan.steps or (
                    keeper and (row_ends or plan.epoch_ends(loop.step)) and keeper.due()
                ):  # reading the clock is all that this costs
                    keep()
            if interruption.signum is not None:  # while the last state was written
                raise Stopped(_stopped(loop.step, plan.steps, keeper))
    except WorkbookError as error:
        raise type(error)(f"{label}: {error}") from None
    finally:
        loop.close()
    return Fitted(loop.history, before + time.perf_counter() - start, before, loop.observations)


def _identity(rule: LearningRule, plan: Plan, batch_size: int, seed: int) -> dict[str, str]:
    """Return what tells one training from another within a run, where a person may have edited a cell since.

    The run's parameters, data and sources are compared when it starts; this sees what a notebook made of them.
    """
    weights = hashlib.sha256()
    for module in rule.modules.values():
        for parameter in module.parameters():
            weights.update(parameter.detach().flatten()[:64].float().cpu().numpy().tobytes())
    numbers = {name: value for name, value in sorted(vars(rule).items()) if isinstance(value, (bool, int, float, str))}
    groups = [group for optimizer in rule.optimizers for group in optimizer.param_groups]
    rates = [{n: v for n, v in group.items() if isinstance(v, (bool, int, float, tuple))} for group in groups]
    return {
        "networks": hashlib.sha256(repr(rule.modules).encode()).hexdigest(),
        "initial weights": weights.hexdigest(),
        "learning rule": f"{type(rule).__name__} {numbers}",
        "optimizers": repr([rate | {"lr": float(group["lr"])} for rate, group in zip(rates, groups, strict=True)]),
        "length": f"{plan} of {batch_size}, seed {seed}",
    }


def _goes_on(step: int, steps: int) -> str:
    return f"all {steps} steps are kept, not trained again" if step == steps else f"goes on at step {step}/{steps}"


def _stopped(step: int, steps: int, keeper: Keeper | None) -> str:
    kept = "a checkpoint is kept, and running the same again (with `resume` true) goes on there"
    return f"stopped at step {step}/{steps}; {kept if keeper else 'running it again starts it anew'}"
