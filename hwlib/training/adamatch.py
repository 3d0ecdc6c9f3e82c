"""Problem 4: AdaMatch (Berthelot et al. 2021), with a mean teacher, for digits."""

import copy
import math

import torch
from torch import nn
from torch.nn.functional import nll_loss

from hwlib.training.augment import blend, patches, strong, weak
from hwlib.training.batches import normalise
from hwlib.training.engine import LearningRule, Losses
from hwlib.training.precision import Compute

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""
RAMP = 0.5
"""Share of the steps in which the weight of pseudo-labels rises (§3.4)."""


class Alignment(nn.Module):
    """Running means of what the teacher says of the target, by which its answers are corrected (after §3.2)."""

    def __init__(self, momentum: float = 0.98) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("target", torch.full((10,), 0.1))
        self.register_buffer("steps", torch.zeros(()))

    def update(self, probabilities: torch.Tensor) -> None:
        """Take the mean of a batch (B, 10) into account."""
        self.target.lerp_(probabilities.mean(0), 1 - self.momentum)
        self.steps += 1

    def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Return the probabilities (B, 10) weighted so that, on the whole, all digits are as frequent."""
        aligned = probabilities / (self.target + 1e-2)
        return aligned / aligned.sum(1, keepdim=True)


class AdaMatchRule(LearningRule):
    """Labels of the source, images of both domains; the target's labels come from a slow average of the network.

    Each step, in one mixed batch: half of the source images in a weak view and half in a strong one, with their
    labels, and all target images in a strong view, with the label that the teacher gives to a weak view of the same
    image. The teacher's answers are aligned (`Alignment`) and used where they are as sure as `threshold` times the
    network is of weak source images (§3.3); their weight rises over the first half of the steps (§3.4).

    The teacher is the moving average of the weights (Tarvainen & Valpola 2017; French et al. 2018). It is `model`, what
    is reported and saved; the network that is trained is a copy of it.

    Unlike the paper: no random logit interpolation; alignment to equal frequencies, an assumption about the target, in
    place of the source's (§3.2); a mean teacher; and a far smaller network.

    without: an ingredient to leave out, one of `hwlib.config.INGREDIENTS`, so that what it is worth can be measured.
    """

    def __init__(
        self,
        model: nn.Module,
        compute: Compute,
        lr: float,
        *,
        grey_source: bool,
        grey_target: bool,
        without: str = "nothing",
    ) -> None:
        self.model = compute.place(model).requires_grad_(False)
        self.student = copy.deepcopy(model).requires_grad_(True)
        self.alignment = Alignment().to(compute.device)
        self.modules = {"model": self.model, "student": self.student, "alignment": self.alignment}
        self.optimizers = [compute.adam(self.student, lr, weight_decay=0.01)]
        self.average = 0.0 if without == "teacher" else 0.99
        self.threshold = 0.0 if without == "threshold" else 0.8
        self.blends = grey_source and not grey_target and without != "blending"
        self.without = without

    def step(
        self, source: torch.Tensor, labels: torch.Tensor, target: torch.Tensor, *, progress: torch.Tensor
    ) -> Losses:
        n = len(source)
        source, target = normalise(source), normalise(target)
        if self.blends:
            source = blend(source, patches(target), 0.5)
        half = n // 2
        views = weak(source[:half]), self._strong(source[half:]), self._strong(target)
        images = torch.cat(views)  # (2n, 3, 28, 28)
        scores = self.student(images.contiguous(memory_format=torch.channels_last)).float()  # (2n, 10)
        pseudo, used, entropy = self._pseudo_labels(weak(target), scores[:half])
        class_loss = nll_loss(scores[:n], labels)
        target_loss = (nll_loss(scores[n:], pseudo, reduction="none") * used).mean()
        weight = self._weight(progress)
        self.optimizers[0].zero_grad(set_to_none=True)
        (class_loss + weight * target_loss).backward()
        self.optimizers[0].step()
        self._follow()
        agreement = (scores[n:].argmax(1) == pseudo).float().mean()
        return {
            "class_loss": class_loss,
            "target_loss": target_loss,
            "mask_rate": 100 * used.mean(),
            "agreement": 100 * agreement,
            "target_entropy": entropy,
        }

    def _strong(self, images: torch.Tensor) -> torch.Tensor:
        return weak(images) if self.without == "strong_views" else strong(images, self.without)

    def _weight(self, progress: torch.Tensor) -> torch.Tensor:
        """Of pseudo-labels: from 0 to 1 along half a cosine (§3.4)."""
        if self.without == "pseudo_labels":
            return torch.zeros_like(progress)
        if self.without == "ramp":
            return torch.ones_like(progress)
        return (1 - torch.cos(math.pi * (progress / RAMP).clamp(max=1))) / 2

    @torch.no_grad()
    def _pseudo_labels(self, target: torch.Tensor, source_scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the teacher's labels for weak target images (n,), which of them to use as 1 or 0 (n,), and the mean
        entropy of its answers in nats.

        source_scores: the network's log-probabilities for weak source images, whose mean confidence sets the bar.
        """
        self.model.eval()  # with the statistics that will be reported, not the batch's
        probabilities = self.model(target.contiguous(memory_format=torch.channels_last)).float().exp()
        self.alignment.update(probabilities)
        aligned = probabilities if self.without == "alignment" else self.alignment(probabilities)
        confidence, labels = aligned.max(1)
        bar = self.threshold * source_scores.exp().amax(1).mean()
        entropy = torch.special.entr(probabilities).sum(1).mean()
        return labels, (confidence >= bar).float(), entropy

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the teacher towards the student; faster at first, when there is little worth remembering."""
        steps = self.alignment.steps
        share = 1 - torch.clamp(steps / (steps + 9), max=self.average)
        for slow, fast in zip(self.model.parameters(), self.student.parameters(), strict=True):
            slow.lerp_(fast, share)
        for slow, fast in zip(self.model.buffers(), self.student.buffers(), strict=True):
            slow.copy_(fast)

    def schedule(self, progress: float) -> float:
        """Down to 0 along a cosine, after a rise over the first steps (Smith & Topin 2018)."""
        return min(1.0, progress / WARM_UP) * (1 + math.cos(math.pi * progress)) / 2
