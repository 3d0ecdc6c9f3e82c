"""Maps of features in the plane."""

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from torch import nn

from hwlib.data import ImageSet
from hwlib.evaluation.forward import passed
from hwlib.training.precision import Compute


def subset(count: int, most: int, seed: int) -> np.ndarray:
    """Return at most `most` of the indices below `count`, drawn without replacement and sorted."""
    rng = np.random.default_rng(seed)
    return np.sort(rng.choice(count, min(count, most), replace=False))


def tsne(features: np.ndarray, seed: int) -> np.ndarray:
    """Map features (N, D) to the plane (N, 2) by t-SNE (van der Maaten & Hinton 2008) after PCA to 50 dimensions."""
    dimensions = min(50, *features.shape)
    reduced = PCA(dimensions, random_state=seed).fit_transform(features)
    perplexity = min(30, (len(features) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(reduced).astype(np.float32)


def domain_map(
    model: nn.Module, source: ImageSet, target: ImageSet, points: int, seed: int, compute: Compute
) -> dict[str, np.ndarray]:
    """Embed test features of both domains jointly, half of the `points` from each.

    model: a network with `features`, which maps normalised images to (B, D).
    Returns `tsne` float32 (N, 2), `tsne_labels` (N,) with the digits and `tsne_domain` (N,) with 0 for the source and
    1 for the target: one set of points for every panel. Which images they are depends on `seed` alone, so maps of two
    models show the same ones.
    """
    model.eval()
    features, labels, domains = [], [], []
    for domain, test in enumerate((source, target)):
        chosen = torch.from_numpy(subset(len(test), points // 2, seed))
        features += [part.cpu() for part in passed(model.features, test.images[chosen], compute)]
        labels.append(test.labels[chosen].numpy())
        domains.append(np.full(len(chosen), domain))
    return {
        "tsne": tsne(torch.cat(features).numpy(), seed),
        "tsne_labels": np.concatenate(labels),
        "tsne_domain": np.concatenate(domains),
    }
