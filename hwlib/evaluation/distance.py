"""How far one set of faces is from another.

Not FID: that name belongs to features of an Inception network trained on ImageNet. The features here are those of a
small CNN trained to tell the 13 attributes of the very training faces, so the numbers compare models on one data set
and nothing else.
"""

import numpy as np
import torch

from hwlib.data import ImageSet
from hwlib.data.cache import cached_tensors
from hwlib.evaluation.forward import passed
from hwlib.models import AttributeCNN
from hwlib.training.attributes import AttributeRule
from hwlib.training.engine import Plan, fit
from hwlib.training.precision import Compute

SAMPLES = 1000
"""Faces drawn from a model for its distances."""


def attribute_cnn(faces: ImageSet, compute: Compute, steps: int = 400) -> AttributeCNN:
    """Return the attribute classifier trained on `faces` with seed 0; kept in the cache folder, by data and steps."""

    def train() -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        torch.manual_seed(0)
        model = AttributeCNN()
        rule = AttributeRule(model, compute, lr=3e-3)
        plan = Plan(steps, steps)
        fit(rule, [(faces.images, faces.labels)], plan, batch_size=128, seed=0, compute=compute, label="attributes")
        return {name: value.cpu() for name, value in model.state_dict().items()}, {}

    # Device and precision are part of the key: they change the last bits of the weights.
    where = f"{compute.device.type}-{str(compute.dtype).removeprefix('torch.')}"
    state, _ = cached_tensors(f"attribute-cnn-{faces.sha256[:16]}-{steps}-{where}", train)
    model = AttributeCNN()
    model.load_state_dict(state)
    return compute.place(model).eval()


def face_features(model: AttributeCNN, images: torch.Tensor, compute: Compute) -> np.ndarray:
    """Return float64 features (N, 128) of uint8 faces (N, 3, 64, 64)."""
    model.eval()
    return torch.cat([part.cpu() for part in passed(model.features, images, compute)]).double().numpy()


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Squared Fréchet distance between Gaussians fitted to features (N, D) and (M, D) (Heusel et al. 2017, eq. 6).

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)); the trace of the root is the sum of the roots of the eigenvalues
    of A B, which are real and not negative for covariance matrices, up to rounding.
    """
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    roots = np.sqrt(np.clip(np.linalg.eigvals(cov_a @ cov_b).real, 0, None)).sum()
    return float(mean + np.trace(cov_a) + np.trace(cov_b) - 2 * roots)


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """Unbiased squared MMD with the kernel (x.y/D + 1)^3 (Binkowski et al. 2018, §3, there of Inception features).

    Unlike the Fréchet distance it has no bias for few samples, so near zero it may come out below zero.
    """

    def kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x: np.ndarray) -> float:
        k = kernel(x, x)
        return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))

    return float(within(a) + within(b) - 2 * kernel(a, b).mean())


def face_distances(samples: torch.Tensor, train: ImageSet, test: ImageSet, compute: Compute, steps: int) -> dict:
    """Return `frechet_distance` and `kernel_distance` of generated faces (uint8) from the test faces."""
    extractor = attribute_cnn(train, compute, steps)
    made, real = face_features(extractor, samples, compute), face_features(extractor, test.images, compute)
    return {"frechet_distance": frechet_distance(made, real), "kernel_distance": kernel_distance(made, real)}
