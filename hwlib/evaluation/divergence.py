"""How easily a linear classifier tells the domains apart by their features."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from hwlib.data import ImageSet
from hwlib.evaluation.embedding import subset
from hwlib.evaluation.forward import passed
from hwlib.training.precision import Compute

MOST = 2000
"""Test images of each domain at most."""


def proxy_a_distance(source: np.ndarray, target: np.ndarray, seed: int) -> float:
    """Return the proxy A-distance of features (N, D) and (M, D), from 0 to 2 (Ben-David et al. 2007).

    As in Ganin et al. 2016, §3.2: a linear classifier learns on one half of the features of both domains to tell the
    domain, and with its error e on the other half the distance is 2 (1 - 2 e). It is 0 where the classifier does no
    better than guessing, also where chance makes it do worse, and 2 where it never errs. The classifier is a logistic
    regression on standardised features; both domains give equally many, so that guessing errs in half of the cases.
    No digit's label is used.
    """
    count = min(len(source), len(target))
    if count < 4:
        raise ValueError(f"{count} features of a domain are too few to learn on one half and to measure on the other")
    rng = np.random.default_rng(seed)
    features, domains = [], []
    for domain, part in enumerate((source, target)):
        features.append(part[rng.permutation(len(part))[:count]])
        domains.append(np.full(count, domain))
    halves = [np.concatenate([part[i::2] for part in features]) for i in (0, 1)]
    truths = [np.concatenate([part[i::2] for part in domains]) for i in (0, 1)]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    classifier.fit(halves[0], truths[0])
    error = 1 - classifier.score(halves[1], truths[1])
    return max(0.0, 2 * (1 - 2 * float(error)))


def domain_distance(model: nn.Module, source: ImageSet, target: ImageSet, seed: int, compute: Compute) -> float:
    """Return the proxy A-distance of two test sets in the features of `model`, from at most `MOST` images of each."""
    model.eval()
    features = []
    for test in (source, target):
        chosen = torch.from_numpy(subset(len(test), MOST, seed))
        parts = passed(model.features, test.images[chosen], compute)
        features.append(torch.cat([part.cpu() for part in parts]).numpy())
    return proxy_a_distance(*features, seed)
