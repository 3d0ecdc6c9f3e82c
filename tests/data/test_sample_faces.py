"""The rendered faces: their form, their rates, and that pixels show what the attributes say."""

import hashlib

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from hwlib.data import sample
from hwlib.data.imageset import ATTRIBUTES
from hwlib.data.sample.card import celeba, correlations
from hwlib.data.sample.faces import BATCH, SPLITS, _attributes, _faces, attributes, faces
from hwlib.errors import WorkbookError

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
def test(shared_cache):
    """The whole test split."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_CACHE", str(shared_cache))
        found = sample.load("face", "test")
    return found.images, found.labels


@pytest.fixture(scope="module")
def drawn():
    """Attributes of many people, (N, 13), who are not rendered."""
    wanted = _attributes(np.random.default_rng(5), 20_000)
    return np.stack([wanted[name] for name in ATTRIBUTES], axis=1)


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


def test_rates_follow_celeba(test, drawn):
    assert drawn.mean(0) == pytest.approx(celeba()["rates"], abs=0.02)
    # Three standard deviations of a rate near a half among 800 faces.
    assert test[1].double().mean(0).numpy() == pytest.approx(celeba()["rates"], abs=0.053)


def test_correlations_follow_celeba(drawn):
    """All 78 of them, to within what the eye would not see in a scatter of a thousand faces.

    Rendered faces once missed by 0.18, with brown hair and waves unrelated.
    """
    off = np.abs(correlations(drawn) - celeba()["correlations"])
    assert off.max() < 0.07


@pytest.mark.parametrize("split", SPLITS)
def test_attributes_of_the_splits_correlate_like_those_of_many(split, drawn):
    table = attributes(split).double().numpy()
    # The standard deviation of a correlation is at most about 1 / sqrt(N).
    assert np.abs(correlations(table) - correlations(drawn)).max() < 4 / len(table) ** 0.5


def test_attributes_alone_are_those_of_the_faces(test):
    assert torch.equal(attributes("test"), test[1])


def test_hair_has_one_colour_and_one_form(test):
    column = {name: test[1][:, index].long() for index, name in enumerate(ATTRIBUTES)}
    assert (column["Black_Hair"] + column["Blond_Hair"] + column["Brown_Hair"]).max() == 1
    assert (column["Straight_Hair"] + column["Wavy_Hair"]).max() == 1


def test_attributes_depend_on_each_other(drawn):
    column = dict(zip(ATTRIBUTES, drawn.T, strict=True))
    male, smiling = column["Male"], column["Smiling"]
    assert column["Wearing_Lipstick"][male].mean() < 0.02 < 0.7 < column["Wearing_Lipstick"][~male].mean()
    assert not column["Heavy_Makeup"][male].any()
    assert column["Wavy_Hair"][male].mean() < 0.5 * column["Wavy_Hair"][~male].mean()
    for name in ("High_Cheekbones", "Mouth_Slightly_Open"):
        assert column[name][smiling].mean() > column[name][~smiling].mean() + 0.4


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
