"""How many digits are named right."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from hwlib.data import ImageSet
from hwlib.evaluation.forward import passed
from hwlib.run import Run
from hwlib.training.precision import Compute


def predict(model: nn.Module, images: torch.Tensor, compute: Compute) -> torch.Tensor:
    """Return the most probable digit (N,), int64 on the CPU, for uint8 images (N, C, 28, 28)."""
    model.eval()
    return torch.cat([scores.argmax(1).cpu() for scores in passed(model, images, compute)])


def observer(model: nn.Module, images: torch.Tensor, compute: Compute) -> Callable[[], torch.Tensor]:
    """Return a function that gives the predictions of `model` as it then stands, uint8 (N,), for uint8 images.

    It knows no labels: a training may keep what it returns, and `score` joins the labels when the training has ended.
    """
    return lambda: predict(model, images, compute).to(torch.uint8)


def confusion(predictions: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Return counts (10, 10): row i, column j says how many digits i were called j."""
    return torch.bincount(10 * labels + predictions, minlength=100).view(10, 10).numpy()


def accuracy(matrix: np.ndarray) -> float:
    """Return the percentage right, from a confusion matrix."""
    return 100 * float(np.trace(matrix)) / float(matrix.sum())


def evaluate(model: nn.Module, test: ImageSet, compute: Compute) -> tuple[float, np.ndarray]:
    """Return accuracy in percent and confusion matrix of a model on a labelled set."""
    matrix = confusion(predict(model, test.images, compute), test.labels)
    return accuracy(matrix), matrix


def score(run: Run, name: str, model: nn.Module, source: ImageSet, target: ImageSet, compute: Compute) -> None:
    """Save the accuracies of a trained model on both test sets, and its confusion on the target's, as `name`.

    Where the training kept predictions for the target's test images on the way (`observer`), their accuracies become
    the array `target_accuracy_<name>`, and the best of them the metric `oracle`: what choosing the step by the target's
    labels would have given. It is there to be compared with, and nothing is chosen by it.
    """
    percent, matrix = evaluate(model, target, compute)
    if (observed := run.arrays.get(f"observed_{name}")) is not None:
        curve = 100 * (observed == target.labels.numpy()).mean(axis=1)  # (observations,)
        run.save_arrays(**{f"target_accuracy_{name}": curve})
        run.save_metrics(oracle={name: float(curve.max())})
    run.save_metrics(accuracy={name: percent}, source_accuracy={name: evaluate(model, source, compute)[0]})
    run.save_arrays(**{f"confusion_{name}": matrix})
