"""A training within a run."""

import weakref
from collections.abc import Callable

import torch

from hwlib.errors import WorkbookError
from hwlib.finished import FinishedRun
from hwlib.run import Run
from hwlib.training.checkpoint import Keeper
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.precision import Compute
from hwlib.training.preview import Preview

_TRAINED: weakref.WeakSet = weakref.WeakSet()


def train(
    run: Run | FinishedRun,
    rule: LearningRule,
    sets: list[tuple[torch.Tensor, ...]],
    compute: Compute,
    *,
    model: str = "model",
    longest: int | None = None,
    observe: Callable[[], torch.Tensor] | None = None,
    preview: Preview | None = None,
) -> float:
    """Train by `rule` as the run's configuration says, add history and seconds to the run; return the seconds.

    sets: as `fit` takes them; model: the column that tells this training's rows from others in the run;
    longest: images that make an epoch, the longest of `sets` unless given.
    observe: as `fit` takes it; what it returned on the way is kept as the arrays `observed_<model>`, a row each time,
        and `observed_at_<model>`, the steps.
    preview: gives the samples that Lab's live view shows (`hwlib.training.preview`).
    Checkpoints go to the run, every `config.checkpoint_seconds`; an attempt that ended before its time goes on from
    there, and a training that had ended is only loaded. A run that is finished and unchanged trains nothing.
    Raises `WorkbookError` for a network that has been trained before: its record would tell half of its steps.
    """
    if run.finished is not None:
        print(f"{model}: not trained again, finished {run.finished.run['finished']}; `force` true trains it anew")
        return run.finished.run["seconds"]["train"]
    run.check_open()
    if any(module in _TRAINED for module in rule.modules.values()):
        raise WorkbookError(f"{model}: this network is trained already; run the cell that builds it again first")
    config = run.config
    plan = Plan.of(config, longest or max(len(tensors[0]) for tensors in sets))
    keeper = Keeper(run.checkpoints, config.checkpoint_seconds)
    fitted = fit(
        rule,
        sets,
        plan,
        batch_size=config.batch_size,
        seed=config.seed,
        compute=compute,
        label=model,
        keeper=keeper,
        observe=observe,
        preview=preview,
    )
    _TRAINED.update(rule.modules.values())
    run.add_training(model, fitted.history, fitted.seconds, fitted.earlier)
    if fitted.observations:
        run.save_arrays(
            **{
                f"observed_{model}": torch.stack([*fitted.observations.values()]),
                f"observed_at_{model}": torch.tensor([*fitted.observations]),
            }
        )
    return fitted.seconds
