"""Operations of a training step, counted from its layers."""

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import plain
from benchmarks.problems import PROBLEMS

COUNT = 4
"""Images of each set in the counted step; the number for an image does not depend on it."""


def flops_per_image(name: str) -> float:
    """Return operations of one training step, forwards and backwards, for each image that enters it.

    Convolutions and matrix products, two operations for each multiply-add, of the gradients that training needs.
    """
    sets = PROBLEMS[name].sets
    side = 64 if sets == ("face",) else 28
    shapes = torch.device("meta")  # tensors without contents: only the sizes count
    images = [torch.empty(COUNT, 3, side, side, device=shapes) for _ in sets]
    labels = torch.empty(COUNT, dtype=torch.int64, device=shapes)
    batch = [images[0], labels, images[1]] if len(sets) == 2 else images
    training = plain.build(name, shapes, spare=True)
    with FlopCounterMode(display=False) as counter:
        training.step(*batch)
    return counter.get_total_flops() / (COUNT * len(sets))
