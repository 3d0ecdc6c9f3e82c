"""Passing a whole set through a network."""

from collections.abc import Callable, Iterator

import torch

from hwlib.training.batches import normalise
from hwlib.training.precision import Compute

BATCH = 500


def passed(
    function: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, compute: Compute
) -> Iterator[torch.Tensor]:
    """Yield `function` of normalised uint8 images (N, C, H, W), batch by batch, in float32 without gradients.

    Evaluation stays in float32 whatever the training used: it is a small part of the time, and a number in a table
    should not hang on rounding. The caller puts the network in evaluation mode.
    """
    with torch.inference_mode():
        for batch in images.split(BATCH):
            yield function(normalise(batch.to(compute.device)))
