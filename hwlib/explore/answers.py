"""What networks say of digits: probabilities of a whole test set, kept in memory, and what is counted from them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from hwlib.evaluation.accuracy import confusion
from hwlib.evaluation.forward import passed
from hwlib.evaluation.networks import compute_on


def ask(network: nn.Module, images: torch.Tensor) -> np.ndarray:
    """Return the probabilities, float32 (N, 10), that a network gives the digits in uint8 images (N, C, 28, 28).

    The network is on the CPU, in float32 and in evaluation mode, as `load_model` returns it.
    """
    # The softmax of log-probabilities gives the probabilities back, so either may be what a network returns.
    return torch.cat([scores.softmax(1) for scores in passed(network, images, compute_on("cpu"))]).numpy()


@dataclass(frozen=True)
class Answers:
    """The answers of several networks to one labelled set.

    labels: int64 (N,), the true digits; probabilities: of each network by its name, float32 (N, 10).
    """

    labels: np.ndarray
    probabilities: Mapping[str, np.ndarray]

    def said(self, name: str) -> np.ndarray:
        """The most probable digit of each image, int64 (N,)."""
        return self.probabilities[name].argmax(axis=1)

    def right(self, name: str) -> np.ndarray:
        """Whether each image is named right, bool (N,)."""
        return self.said(name) == self.labels

    def accuracy(self, name: str) -> float:
        """Images named right, in percent."""
        return 100 * float(self.right(name).mean())

    def confusion(self, name: str) -> np.ndarray:
        """Counts (10, 10): row i, column j says how many digits i were called j."""
        return confusion(torch.from_numpy(self.said(name)), torch.from_numpy(self.labels))

    def behind(self, name: str, true: int, said: int, most: int) -> np.ndarray:
        """Indices of at most `most` images of the digit `true` that were called `said`, the surest answers first."""
        found = np.flatnonzero((self.labels == true) & (self.said(name) == said))
        sure = self.probabilities[name][found, said]
        return found[np.argsort(-sure, kind="stable")[:most]]

    def largest_error(self, name: str) -> tuple[int, int]:
        """The most frequent mistake, (true digit, digit said); without any mistake the most frequent right answer."""
        counts = self.confusion(name).copy()
        wrong = counts * ~np.eye(10, dtype=bool)
        true, said = np.unravel_index((wrong if wrong.any() else counts).argmax(), counts.shape)
        return int(true), int(said)


def answers(networks: Mapping[str, nn.Module], images: torch.Tensor, labels: torch.Tensor) -> Answers:
    """Ask all networks about all of uint8 `images` (N, C, 28, 28) once.

    No bar tells how far it is: a widget's callback has no place for one, and Lab would put it into its log.
    """
    return Answers(labels.cpu().numpy(), {name: ask(network, images) for name, network in networks.items()})
