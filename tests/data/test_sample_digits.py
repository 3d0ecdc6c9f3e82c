"""The three stand-in digit sets: what they promise, and that the cache serves them safely."""

import multiprocessing

import numpy as np
import pytest
import torch

from hwlib.data import sample
from hwlib.data.imageset import DIGITS, fingerprint
from hwlib.data.sample import digits, street
from hwlib.errors import WorkbookError
from hwlib.paths import cache_folder

SHAPES = {"usps": (1, 28, 28), "mnistm": (3, 28, 28), "svhn": (3, 28, 28)}
COUNTS = {"usps": (1437, 360), "mnistm": (4000, 1000), "svhn": (5000, 1000)}
MAKERS = {"usps": digits.usps, "mnistm": digits.mnistm, "svhn": street.svhn}


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory):
    """One cache for the tests that only read, so each set is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def few(monkeypatch):
    """Make svhn small, for tests of the cache that need to make it more than once."""
    monkeypatch.setattr(street, "COUNTS", {"train": 40, "test": 20})


@pytest.mark.parametrize("name", sample.NAMES)
@pytest.mark.usefixtures("shared_cache")
class TestSets:
    def test_shapes_types_and_labels(self, name):
        for split, count in zip(("train", "test"), COUNTS[name], strict=True):
            found = sample.load(name, split)
            assert found.images.shape == (count, *SHAPES[name])
            assert found.images.dtype == torch.uint8
            assert found.labels.shape == (count,)
            assert found.labels.dtype == torch.int64
            assert found.labels.unique().tolist() == list(range(10))
            assert found.label_names == DIGITS
            assert (found.name, found.split, found.kind, found.stand_in) == (name, split, "sample", True)
            assert found.sha256 == fingerprint(found.images, found.labels)

    def test_no_image_twice(self, name):
        images = [image.numpy().tobytes() for split in sample.SPLITS for image in sample.load(name, split).images]
        assert len(set(images)) == len(images)

    def test_same_bits_when_made_again(self, name):
        # The small split is enough: both come from the same code.
        assert fingerprint(*MAKERS[name]("test")) == sample.load(name, "test").sha256

    def test_first_images_show_many_digits(self, name):
        assert len(sample.load(name, "test").labels[:60].unique()) >= 8

    def test_labels_fit_images(self, name):
        """A nearest neighbour in edge strength, which is blind to the colours, beats the chance of 10 % by far."""
        train, test = sample.load(name, "train"), sample.load(name, "test")
        known, asked = edges(train.images), edges(test.images[:500])
        guess = train.labels[(asked @ known.T).argmax(1)]
        accuracy = (guess == test.labels[:500]).float().mean()
        assert accuracy > {"usps": 0.9, "mnistm": 0.45, "svhn": 0.35}[name]


def edges(images):
    """Return (N, D) unit vectors: the strength of the edges, smoothed."""
    grey = images.float().mean(1, keepdim=True)
    strength = (grey[..., 1:, 1:] - grey[..., :-1, 1:]).abs() + (grey[..., 1:, 1:] - grey[..., 1:, :-1]).abs()
    strength = torch.nn.functional.avg_pool2d(strength, 3, 2).sqrt().flatten(1)
    strength = strength - strength.mean(1, keepdim=True)
    return torch.nn.functional.normalize(strength)


def test_split_is_disjoint_complete_and_stratified():
    labels = np.random.default_rng(0).choice(10, 1003, p=np.arange(1, 11) / 55)
    train, test = digits.split_indices(labels, 200)
    assert len(test) == 200
    assert sorted([*train, *test]) == list(range(1003))
    shares = np.bincount(labels[test], minlength=10) - np.bincount(labels, minlength=10) * 200 / 1003
    assert np.abs(shares).max() <= 1


def test_mnistm_splits_share_no_digit():
    pixels, labels = digits._mnist()
    train, test = ({(pixels[i] > 0).tobytes() for i in part} for part in digits.split_indices(labels, 1000))
    assert not train & test


def test_street_digits_differ_in_every_font():
    for font in street._fonts():
        masks = {bytes(font.getmask(digit)) for digit in DIGITS}
        assert len(masks) == 10
        assert all(font.getmask(digit).getbbox() for digit in DIGITS)


def test_second_load_comes_from_the_cache(empty_cache, few, monkeypatch):
    first = sample.load("svhn", "test")
    monkeypatch.setattr(street, "svhn", lambda split: pytest.fail("made again"))
    second = sample.load("svhn", "test")
    assert second.sha256 == first.sha256
    assert torch.equal(second.images, first.images)


def test_damaged_cache_file_is_made_again(empty_cache, few):
    first = sample.load("svhn", "test")
    (path,) = empty_cache.glob("sample-svhn-test-*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert sample.load("svhn", "test").sha256 == first.sha256
    assert path.read_bytes() == whole


def test_two_processes_at_once_agree(empty_cache):
    context = multiprocessing.get_context("spawn")
    with context.Pool(2, _start_together, (context.Barrier(2, timeout=60),)) as pool:
        first, second = pool.map(_usps_in_a_process, range(2), chunksize=1)
    assert first == second == sample.load("usps", "test").sha256
    assert not list(empty_cache.glob("*.part"))


def _start_together(barrier):
    barrier.wait()


def _usps_in_a_process(_):
    return sample.load("usps", "test").sha256


def test_key_follows_sources_and_versions(monkeypatch):
    before = sample._key("usps", "train")
    assert before != sample._key("usps", "test")
    assert before == sample._key("usps", "train")
    monkeypatch.setattr(sample, "version", lambda package: "0")
    assert before != sample._key("usps", "train")


@pytest.mark.parametrize(
    ("name", "split", "wanted"),
    [("mnist", "train", "usps, mnistm, svhn, face"), ("usps", "valid", "train, test")],
)
def test_unknown_names_fail_with_one_line(empty_cache, name, split, wanted):
    with pytest.raises(WorkbookError) as caught:
        sample.load(name, split)
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(cache_folder().iterdir())
