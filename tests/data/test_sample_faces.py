"""The rendered faces: their form, their rates, and that pixels show what the attributes say."""

import hashlib

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from hwlib.data.imageset import ATTRIBUTES
from hwlib.data.sample.faces import BATCH, SPLITS, _attributes, _faces, faces
from hwlib.errors import WorkbookError

RATES = {
    "Bangs": 0.19,
    "Big_Lips": 0.18,
    "Black_Hair": 0.28,
    "Blond_Hair": 0.14,
    "Brown_Hair": 0.27,
    "Heavy_Makeup": 0.39,
    "High_Cheekbones": 0.40,
    "Male": 0.37,
    "Mouth_Slightly_Open": 0.42,
    "Smiling": 0.41,
    "Straight_Hair": 0.25,
    "Wavy_Hair": 0.32,
    "Wearing_Lipstick": 0.49,
}

# Accuracy above that of the majority class which a linear model must reach on the pixels.
GAINS = {
    "Bangs": 0.08,
    "Blond_Hair": 0.05,
    "Male": 0.25,
    "Mouth_Slightly_Open": 0.20,
    "Smiling": 0.25,
    "Wearing_Lipstick": 0.25,
}


@pytest.fixture(scope="module")
def train():
    """The first faces of the training split; the whole of it would only take longer."""
    return _faces(12 * BATCH, SPLITS["train"][1])


@pytest.fixture(scope="module")
def test():
    return faces("test")


def test_form_of_a_split(test):
    images, labels = test
    assert SPLITS["train"][0] == 4000
    assert images.shape == (800, 3, 64, 64)
    assert labels.shape == (800, len(ATTRIBUTES))
    assert images.dtype == labels.dtype == torch.uint8
    assert images.is_contiguous()
    assert set(labels.unique().tolist()) == {0, 1}
    assert images.min() < 20
    assert images.max() > 235
    assert images.float().flatten(1).std(1).min() > 10, "an empty picture"


def test_faces_are_centred(test):
    # The middle of the face varies less than the corners, as in aligned photographs.
    spread = test[0].float().mean(1).std(0)
    assert spread[26:46, 24:40].mean() < spread[:12, :8].mean()


def test_rates_follow_celeba(test):
    drawn = _attributes(np.random.default_rng(5), 20_000)
    assert {name: float(values.mean()) for name, values in drawn.items()} == pytest.approx(RATES, abs=0.02)
    rates = dict(zip(ATTRIBUTES, test[1].double().mean(0).tolist(), strict=True))
    assert rates == pytest.approx(RATES, abs=0.06)


def test_hair_has_one_colour_and_one_form(test):
    column = {name: test[1][:, index].long() for index, name in enumerate(ATTRIBUTES)}
    assert (column["Black_Hair"] + column["Blond_Hair"] + column["Brown_Hair"]).max() == 1
    assert (column["Straight_Hair"] + column["Wavy_Hair"]).max() == 1


def test_attributes_depend_on_each_other():
    drawn = _attributes(np.random.default_rng(5), 20_000)
    male, smiling = drawn["Male"], drawn["Smiling"]
    assert drawn["Wearing_Lipstick"][male].mean() < 0.02 < 0.7 < drawn["Wearing_Lipstick"][~male].mean()
    assert not drawn["Heavy_Makeup"][male].any()
    assert drawn["Wavy_Hair"][male].mean() < 0.5 * drawn["Wavy_Hair"][~male].mean()
    for name in ("High_Cheekbones", "Mouth_Slightly_Open"):
        assert drawn[name][smiling].mean() > drawn[name][~smiling].mean() + 0.4


def test_same_faces_on_every_call(train):
    seed = SPLITS["train"][1]
    again = _faces(BATCH, seed)
    for one, other in zip(again, train, strict=True):
        assert torch.equal(one, other[:BATCH])
    few, _ = _faces(7, seed)
    assert torch.equal(few, _faces(7, seed)[0])
    assert not torch.equal(few, _faces(7, seed + 1)[0])


def test_no_face_is_drawn_twice(train, test):
    images = torch.cat([train[0], test[0]]).numpy()
    assert len({hashlib.sha256(image).digest() for image in images}) == len(images)
    # Nor nearly twice: noise alone would tell copies apart.
    small = torch.nn.functional.avg_pool2d(torch.from_numpy(images).float(), 8).flatten(1)
    nearest = torch.cdist(small[len(train[0]) :], small[: len(train[0])]).min()
    assert nearest > 10


@pytest.fixture(scope="module")
def guesses(train, test):
    """What a linear model of the pixels says of each test face, (800, 13)."""
    pixels = [torch.nn.functional.avg_pool2d(part[0] / 255, 2).flatten(1).numpy() for part in (train, test)]
    return Ridge(alpha=100.0).fit(pixels[0], train[1].numpy()).predict(pixels[1]) > 0.5


@pytest.mark.parametrize("name", GAINS)
def test_pixels_show_the_attribute(name, guesses, test):
    index = ATTRIBUTES.index(name)
    truth = test[1][:, index].numpy()
    accuracy = (guesses[:, index] == truth).mean()
    assert accuracy >= max(truth.mean(), 1 - truth.mean()) + GAINS[name]


def test_unknown_split():
    with pytest.raises(WorkbookError, match="valid") as caught:
        faces("valid")
    assert "\n" not in str(caught.value)
