"""What is measured, against slower or closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from hwlib.data import DIGITS, ImageSet
from hwlib.evaluation.accuracy import accuracy, confusion, evaluate, predict
from hwlib.evaluation.distance import frechet_distance, kernel_distance
from hwlib.evaluation.divergence import domain_distance, proxy_a_distance
from hwlib.evaluation.embedding import domain_map, subset, tsne
from hwlib.evaluation.errors import surest_errors
from hwlib.evaluation.realness import mean_realness
from hwlib.evaluation.reconstruction import encode, reconstruct
from hwlib.evaluation.sampling import STEPS, interpolate_gan, interpolate_vae, sample_gan, sample_vae, spherical
from hwlib.models import DANN, VAE, Discriminator, Generator
from hwlib.training.precision import choose

CPU = choose("cpu", "float32")


def image_set(n=30, seed=0, channels=3):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, channels, 28, 28), dtype=torch.uint8, generator=generator)
    labels = torch.arange(n) % 10
    return ImageSet("usps", "test", images, labels, DIGITS, "sample", True, "0" * 64)


def faces(n=6):
    return torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


class Brightness(nn.Module):
    """Names the digit by the brightness of the first pixel, in steps of 25."""

    def forward(self, images):
        level = ((images[:, 0, 0, 0] + 1) * 127.5 / 25).floor()
        return -(level[:, None] - torch.arange(10.0)).abs()


def test_accuracy_and_confusion():
    digits = image_set(20)
    digits.images[:, :, 0, 0] = (digits.labels * 25 + 5)[:, None].to(torch.uint8)
    percent, matrix = evaluate(Brightness(), digits, CPU)
    assert percent == 100
    assert np.array_equal(matrix, 2 * np.eye(10))
    digits.images[0, :, 0, 0] = 80  # digit 0 now called 3
    percent, matrix = evaluate(Brightness(), digits, CPU)
    assert percent == 95
    assert (matrix[0, 0], matrix[0, 3]) == (1, 1)


def test_confusion_rows_are_the_truth():
    matrix = confusion(torch.tensor([1, 1, 2]), torch.tensor([0, 1, 2]))
    assert matrix[0, 1] == matrix[1, 1] == matrix[2, 2] == 1
    assert accuracy(matrix) == pytest.approx(200 / 3)


def test_evaluation_does_not_depend_on_the_batch(monkeypatch):
    torch.manual_seed(0)
    model, digits = DANN(), image_set(23)
    whole = predict(model, digits.images, CPU)
    monkeypatch.setattr("hwlib.evaluation.forward.BATCH", 5)
    assert torch.equal(predict(model, digits.images, CPU), whole)
    assert not model.training


def test_reconstruction_error_is_the_mean_over_pixels_and_channels_on_the_unit_scale():
    torch.manual_seed(0)
    model, images = VAE(), faces()
    _, mse, kl = reconstruct(model, images, CPU)
    with torch.no_grad():
        x = images.float() / 255
        y = (model.decode(model.encode(2 * x - 1)[0]) + 1) / 2
    torch.testing.assert_close(mse, (x - y).square().mean((1, 2, 3)), rtol=1e-4, atol=1e-6)
    assert kl.shape == (6,)
    assert (kl >= 0).all()
    assert encode(model, images, CPU).shape == (6, 512)


def test_samples_depend_on_the_seed_alone():
    torch.manual_seed(0)
    for sample, model in ((sample_vae, VAE()), (sample_gan, Generator())):
        first = sample(model, 4, 3, CPU)
        torch.randn(10)
        assert first.shape == (4, 3, 64, 64)
        assert first.dtype == torch.uint8
        assert torch.equal(sample(model, 4, 3, CPU), first)
        assert not torch.equal(sample(model, 4, 4, CPU), first)


def test_realness_is_a_probability():
    torch.manual_seed(0)
    assert 0 < mean_realness(Discriminator(), faces(), CPU) < 1


def test_subset_is_drawn_without_replacement():
    chosen = subset(100, 30, seed=0)
    assert len(set(chosen.tolist())) == 30
    assert np.array_equal(chosen, subset(100, 30, seed=0))
    assert np.array_equal(subset(10, 30, seed=0), np.arange(10))


def test_interpolation_begins_and_ends_at_the_two_faces():
    torch.manual_seed(0)
    vae, generator = VAE().eval(), Generator().eval()
    pair = faces(2)
    way = interpolate_vae(vae, pair, CPU)
    ends = reconstruct(vae, pair, CPU)[0]
    assert way.shape == (STEPS, 3, 64, 64)
    # Alone and among others a face may be rounded otherwise, by one of 255.
    assert (way[[0, -1]].int() - ends.int()).abs().max() <= 1
    way, grid = interpolate_gan(generator, 3, CPU), sample_gan(generator, 32, 3, CPU)
    assert (way[[0, -1]].int() - grid[:2].int()).abs().max() <= 1
    assert (way[STEPS // 2].int() - way[0].int()).abs().max() > 1


def test_the_great_circle_keeps_the_length_that_the_line_loses():
    torch.manual_seed(0)
    a, b = torch.randn(2, 100)
    middle = spherical(a, b, 0.5).norm()
    assert middle > 0.95 * min(a.norm(), b.norm())
    assert torch.lerp(a, b, 0.5).norm() < 0.85 * middle
    assert torch.allclose(spherical(a, b, 0), a)
    assert torch.allclose(spherical(a, b, 1), b, atol=1e-5)
    assert torch.allclose(spherical(a, a, 0.3), a, atol=1e-5)


def test_tsne_keeps_clusters_apart_and_repeats():
    rng = np.random.default_rng(0)
    features = np.concatenate([rng.normal(0, 0.1, (40, 60)), rng.normal(5, 0.1, (40, 60))])
    points = tsne(features, seed=0)
    assert points.shape == (80, 2)
    assert np.array_equal(points, tsne(features, seed=0))
    a, b = points[:40], points[40:]
    spread = max(np.linalg.norm(a - a.mean(0), axis=1).mean(), np.linalg.norm(b - b.mean(0), axis=1).mean())
    assert np.linalg.norm(a.mean(0) - b.mean(0)) > 2 * spread


def test_domain_map_takes_half_of_the_points_from_each_domain():
    torch.manual_seed(0)
    points = domain_map(DANN(), image_set(80), image_set(90, seed=1, channels=1), 100, 0, CPU)
    assert points["tsne"].shape == (100, 2)
    assert points["tsne_domain"].tolist() == [0] * 50 + [1] * 50
    assert set(points["tsne_labels"]) == set(range(10))


def test_frechet_distance_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (200_000, 3)), rng.normal([1, 0, 0], [2, 1, 1], (200_000, 3))
    # |difference of means|^2 is 1; the trace term for standard deviations 1 and 2 is 1 + 4 - 2*2 = 1.
    assert frechet_distance(a, b) == pytest.approx(2, abs=0.05)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8)


def test_kernel_distance_is_unbiased_near_zero_and_grows_with_the_gap():
    rng = np.random.default_rng(0)
    same = [kernel_distance(rng.normal(0, 1, (50, 8)), rng.normal(0, 1, (50, 8))) for _ in range(40)]
    assert abs(np.mean(same)) < 3 * np.std(same) / np.sqrt(40)
    far = kernel_distance(rng.normal(0, 1, (50, 8)), rng.normal(1, 1, (50, 8)))
    assert far > 10 * np.std(same)


class Sure(nn.Module):
    """Says 3 of every image, the surer the brighter the first pixel."""

    def forward(self, images):
        scores = torch.zeros(len(images), 10)
        scores[:, 3] = 1 + 5 * (images[:, 0, 0, 0] + 1)
        return scores.log_softmax(1)


def test_the_surest_errors_are_the_wrong_ones_of_the_highest_confidence():
    digits = image_set(40, channels=1)
    digits.images[:, :, 0, 0] = torch.arange(40, dtype=torch.uint8)[:, None]
    found = surest_errors(Sure(), digits, CPU, most=5)
    order = [39, 38, 37, 36, 35]  # 33 says 3 rightly and is not reached
    assert np.array_equal(found["wrong_images"], digits.images[order].numpy())
    assert found["wrong_true"].tolist() == [9, 8, 7, 6, 5]
    assert found["wrong_predicted"].tolist() == [3] * 5
    level = 5 * 39 / 127.5
    assert found["wrong_confidence"][0] == pytest.approx(np.exp(1 + level) / (9 + np.exp(1 + level)), rel=1e-4)
    assert (np.diff(found["wrong_confidence"]) < 0).all()
    assert 3 not in surest_errors(Sure(), digits, CPU, most=100)["wrong_true"]


def test_a_model_without_errors_has_none_to_show():
    digits = image_set(10)
    digits.labels[:] = 3
    found = surest_errors(Sure(), digits, CPU)
    assert found["wrong_images"].shape == (0, 3, 28, 28)
    assert {len(array) for array in found.values()} == {0}


def test_proxy_a_distance_is_0_where_domains_are_alike_and_2_where_they_are_apart():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(600, 20)), rng.normal(size=(500, 20))
    assert proxy_a_distance(source, target, 0) < 0.3
    assert proxy_a_distance(source, target + 5, 0) == 2
    # Two Gaussians two deviations apart: the best classifier errs in 15.87 percent, so 2 (1 - 2 e) is 1.365.
    apart = target + np.array([2.0] + [0] * 19)
    assert proxy_a_distance(source, apart, 0) == pytest.approx(1.365, abs=0.15)
    assert proxy_a_distance(source, apart, 0) == proxy_a_distance(source, apart, 0)


def test_proxy_a_distance_is_measured_on_features_that_the_classifier_did_not_learn_on():
    """More dimensions than features: learned by heart, and yet no domain is told."""
    rng = np.random.default_rng(0)
    distances = [proxy_a_distance(*rng.normal(size=(2, 40, 400)), seed) for seed in range(8)]
    assert np.mean(distances) < 0.6
    assert min(distances) >= 0


def test_proxy_a_distance_of_sets_is_that_of_the_model_s_features():
    torch.manual_seed(0)
    model, source = DANN(), image_set(60)
    other = image_set(70, seed=1)
    other.images[:] = other.images // 8
    assert domain_distance(model, source, source, 0, CPU) < 1
    assert domain_distance(model, source, other, 0, CPU) > 1.5
    assert not model.training
