"""The mistakes that a model was surest of."""

import numpy as np
import torch
from torch import nn

from hwlib.data import ImageSet
from hwlib.evaluation.forward import passed
from hwlib.training.precision import Compute

MOST = 16


def surest_errors(model: nn.Module, test: ImageSet, compute: Compute, most: int = MOST) -> dict[str, np.ndarray]:
    """Return at most `most` test images that `model` names wrongly, those of the highest confidence first.

    Confidence is the softmax probability of the digit that was named. Returns `wrong_images` uint8 (n, C, 28, 28),
    `wrong_predicted` and `wrong_true` int64 (n,) and `wrong_confidence` float32 (n,) between 0 and 1; n is 0 for a
    model without errors. None is picked by hand.
    """
    model.eval()
    scores = torch.cat([part.cpu() for part in passed(model, test.images, compute)])
    # The softmax of log-probabilities gives the probabilities back, so either may be what a network returns.
    confidence, predicted = scores.softmax(1).max(1)
    wrong = torch.nonzero(predicted != test.labels.cpu()).flatten()
    chosen = wrong[confidence[wrong].argsort(descending=True, stable=True)[:most]]
    return {
        "wrong_images": test.images[chosen.to(test.images.device)].cpu().numpy(),
        "wrong_predicted": predicted[chosen].numpy(),
        "wrong_true": test.labels.cpu()[chosen].numpy(),
        "wrong_confidence": confidence[chosen].numpy(),
    }
