"""Training the attribute classifier whose features measure distances between faces."""

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from hwlib.models import AttributeCNN
from hwlib.training.adaptation import cosine
from hwlib.training.batches import normalise
from hwlib.training.engine import LearningRule, Losses
from hwlib.training.precision import Compute


class AttributeRule(LearningRule):
    """Binary cross-entropy over the 13 attributes."""

    def __init__(self, model: AttributeCNN, compute: Compute, lr: float) -> None:
        self.model = compute.place(model)
        self.modules = {"model": model}
        self.optimizers = [compute.adam(model, lr)]

    def step(self, images: torch.Tensor, attributes: torch.Tensor, *, progress: torch.Tensor) -> Losses:
        loss = binary_cross_entropy_with_logits(self.model(normalise(images)).float(), attributes.float())
        self.optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[0].step()
        return {"attribute_loss": loss}

    def schedule(self, progress: float) -> float:
        return cosine(progress)
