"""How many digits are named right."""

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
    """Save the accuracies of a trained model on both test sets, and its confusion on the target's, as `name`."""
    percent, matrix = evaluate(model, target, compute)
    run.save_metrics(accuracy={name: percent}, source_accuracy={name: evaluate(model, source, compute)[0]})
    run.save_arrays(**{f"confusion_{name}": matrix})
