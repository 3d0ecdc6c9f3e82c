"""Problems 3 and 4: learning a digit classifier on one domain, or on one domain for another."""

import math
from collections.abc import Callable

import torch
from torch.nn.functional import nll_loss

from hwlib.models import DomainAdversarialNetwork, reverse_gradient
from hwlib.training.augment import mild
from hwlib.training.batches import normalise
from hwlib.training.engine import LearningRule, Losses
from hwlib.training.precision import Compute


def reversal_strength(progress: torch.Tensor) -> torch.Tensor:
    """Strength of gradient reversal, from 0 to 1 (Ganin et al. 2016, §5.2.2): 2 / (1 + exp(-10 p)) - 1 = tanh(5 p)."""
    return torch.tanh(5 * progress)


def cosine(progress: float) -> float:
    """Learning-rate factor from 1 down to 0 (Loshchilov & Hutter 2017): the last step needs no choosing of epochs."""
    return (1 + math.cos(math.pi * progress)) / 2


VIEWS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {"none": lambda images: images, "mild": mild}
"""What the parameter `augment` does to images that are trained on."""


def view(images: torch.Tensor, augment: str) -> torch.Tensor:
    """Return uint8 images (B, C, 28, 28) as a network takes them, in a view that `augment` names."""
    return VIEWS[augment](normalise(images)).contiguous(memory_format=torch.channels_last)


class SupervisedRule(LearningRule):
    """Plain classification of one labelled domain: "source only" or "target only"; `augment` names one of `VIEWS`."""

    def __init__(self, model: DomainAdversarialNetwork, compute: Compute, lr: float, augment: str = "none") -> None:
        self.augment = augment
        self.model = compute.place(model)
        self.modules = {"model": model}
        # The domain classifier has no part in this loss; Adam leaves parameters without gradient alone.
        self.optimizers = [compute.adam(model, lr)]

    def step(self, images: torch.Tensor, labels: torch.Tensor, *, progress: torch.Tensor) -> Losses:
        loss = nll_loss(self.model(view(images, self.augment)).float(), labels)
        self.optimizers[0].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[0].step()
        return {"class_loss": loss}

    def schedule(self, progress: float) -> float:
        return cosine(progress)


class DANNRule(LearningRule):
    """Domain-adversarial training (Ganin et al. 2016): labels of the source, images of both domains.

    batches: `separate` passes source and target through the extractor one after the other, so that batch
        normalisation takes the first moments of each domain out of the game; `mixed` passes them as one batch, as the
        paper's network without batch normalisation may. Mixed, the domains stay easy to tell apart, and at full
        strength the classifier can collapse: svhn to mnist fell to 15.9 % in 2000 steps (README, results).
    reversal: scales the paper's schedule of the strength of reversal.
    augment: one of `VIEWS`, drawn for the images of both domains.
    """

    def __init__(
        self,
        model: DomainAdversarialNetwork,
        compute: Compute,
        lr: float,
        batches: str = "separate",
        reversal: float = 1.0,
        augment: str = "none",
    ) -> None:
        self.model = compute.place(model)
        self.modules = {"model": model}
        self.optimizers = [compute.adam(model, lr)]
        self.mixed = batches == "mixed"
        self.reversal = reversal
        self.augment = augment

    def step(
        self, source: torch.Tensor, labels: torch.Tensor, target: torch.Tensor, *, progress: torch.Tensor
    ) -> Losses:
        n = len(source)
        images = [view(source, self.augment), view(target, self.augment)]
        if self.mixed:
            images = [torch.cat(images)]  # (2n, 3, 28, 28)
        features = torch.cat([self.model.features(batch) for batch in images])  # (2n, 800)
        domains = (torch.arange(2 * n, device=features.device) >= n).long()  # source 0, target 1
        class_loss = nll_loss(self.model.classify_class(features[:n]).float(), labels)
        reversed_features = reverse_gradient(features, self.reversal * reversal_strength(progress))
        domain_scores = self.model.classify_domain(reversed_features).float()  # (2n, 2)
        domain_loss = nll_loss(domain_scores, domains)
        self.optimizers[0].zero_grad(set_to_none=True)
        (class_loss + domain_loss).backward()
        self.optimizers[0].step()
        right = (domain_scores.argmax(1) == domains).float().mean()
        return {"class_loss": class_loss, "domain_loss": domain_loss, "domain_accuracy": 100 * right}

    def schedule(self, progress: float) -> float:
        return cosine(progress)
