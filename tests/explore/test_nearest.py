"""The nearest training images: exactly those that comparing with every one finds."""

import pytest
import torch

from hwlib.data import ImageSet
from hwlib.explore.nearest import COMPARED, Nearest, usual


def image_set(images):
    return ImageSet("face", "train", images, torch.zeros(len(images), 13), (), "course", False, "")


def brute(face, images):
    """Mean squared errors to all images and to all mirrored, on the [0, 1] scale: (2, N)."""
    both = torch.stack([images, images.flip(-1)]).double() / 255
    return (both - face.double() / 255).square().mean((2, 3, 4))


def pictures(count, kind, seed=0):
    """Faces of noise, of smooth colour, or of both."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=64, mode="bilinear")
    noise = torch.rand(count, 3, 64, 64, generator=generator)
    weight = {"noise": 1.0, "smooth": 0.0, "both": 0.3}[kind]
    return (255 * torch.lerp(smooth, noise, weight)).to(torch.uint8)


@pytest.mark.parametrize("kind", ["noise", "smooth", "both"])
@pytest.mark.parametrize("asked", ["noise", "smooth"])
def test_as_if_every_image_had_been_compared(kind, asked):
    images = pictures(300, kind)
    nearest = Nearest(image_set(images))
    for face in pictures(2, asked, seed=1):
        (found,) = nearest(face[None], 5)
        expected = brute(face, images)
        best = expected.amin(0).sort()
        assert found.indices.tolist() == best.indices[:5].tolist()
        torch.testing.assert_close(found.distances.double(), best.values[:5], rtol=1e-5, atol=1e-7)
        assert found.mirrored.tolist() == (expected[1] < expected[0])[best.indices[:5]].tolist()


def test_a_kept_image_is_found_as_it_is_and_mirrored():
    images = pictures(300, "both")
    kept, mirrored = Nearest(image_set(images))(torch.stack([images[17], images[41].flip(-1)]), 2)
    assert (kept.indices[0], kept.distances[0], kept.mirrored[0]) == (17, 0, False)
    assert (mirrored.indices[0], mirrored.distances[0], mirrored.mirrored[0]) == (41, 0, True)


def test_grey_images_stand_for_three_equal_channels():
    grey, face = pictures(80, "both")[:, :1], pictures(1, "smooth", seed=2)
    (found,) = Nearest(image_set(grey))(face, 3)
    assert found.indices.tolist() == brute(face[0], grey.expand(-1, 3, -1, -1)).amin(0).argsort()[:3].tolist()


def test_no_more_neighbours_than_images():
    (found,) = Nearest(image_set(pictures(3, "smooth")))(pictures(1, "smooth", seed=3), 5)
    assert sorted(found.indices.tolist()) == [0, 1, 2]


def test_what_is_usual_and_what_is_close():
    train, test = pictures(60, "smooth"), pictures(COMPARED + 20, "smooth", seed=4)
    nearest = Nearest(image_set(train))
    measured = usual(nearest, image_set(test), 0)
    assert len(measured.distances) == COMPARED
    assert measured.distances.tolist() == sorted(measured.distances.tolist())
    expected = torch.stack([brute(face, train).min() for face in test])
    assert all((expected - d).abs().min() < 1e-6 for d in measured.distances[:5])
    assert measured.close(0.0)
    assert not measured.close(measured.median)
    assert measured.part_nearer(float(measured.distances[-1]) + 1) == 1
