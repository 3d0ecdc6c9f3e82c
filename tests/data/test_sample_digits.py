"""The three stand-in digit sets: what they promise, and that the cache serves them safely."""

import multiprocessing

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from hwlib.data import sample
from hwlib.data.imageset import DIGITS, fingerprint
from hwlib.data.sample import digits, street
from hwlib.errors import WorkbookError
from hwlib.paths import cache_folder

SHAPES = {"usps": (1, 28, 28), "mnistm": (3, 28, 28), "svhn": (3, 28, 28)}
COUNTS = {"usps": (1437, 360), "mnistm": (4000, 1000), "svhn": (5000, 1000)}
MAKERS = {"usps": digits.usps, "mnistm": digits.mnistm, "svhn": street.svhn}


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def few(monkeypatch):
    """Make svhn small, for tests of the cache that need to make it more than once."""
    monkeypatch.setattr(street, "COUNTS", {"train": 40, "test": 20})


@pytest.mark.parametrize("name", sample.NAMES)
@pytest.mark.usefixtures("sample_load")
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

    def test_no_test_image_is_nearly_one_of_train(self, name):
        """The nearest neighbours among the images of both splits, reduced to 14x14, are farther apart than noise.

        A copy with other noise would be within 3 levels of 255; the nearest that there are lie 6 to 11 apart.
        """
        train, test = (shrunk(sample.load(name, split).images) for split in sample.SPLITS)
        assert torch.cdist(test, train).min() / train.shape[1] ** 0.5 > 5

    def test_splits_look_alike(self, name):
        """Brightness and contrast of the channels are distributed alike (Kolmogorov and Smirnov's distance).

        Equal distributions exceed 0.1 once in 160 sets of usps' size. It was 0.24 while mnistm's splits took their
        patches from different things in the photographs.
        """
        train, test = (sample.load(name, split).images.float().flatten(2) for split in sample.SPLITS)
        for statistic in (torch.mean, torch.std):
            for ours, theirs in zip(statistic(train, 2).T, statistic(test, 2).T, strict=True):
                assert ks_2samp(ours, theirs).statistic < 0.1


def shrunk(images):
    return torch.nn.functional.avg_pool2d(images.float(), 2).flatten(1)


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


def test_mnistm_splits_share_no_region_of_a_photograph(monkeypatch):
    """On a photograph whose every tile has its own grey, the splits see different greys, and all of them together."""
    photo = np.zeros((427, 640, 3), np.uint8)
    tiles = (np.arange(427)[:, None] // 106).clip(max=3) * 6 + (np.arange(640) // 106).clip(max=5)
    photo[:] = 10 * tiles[..., None]
    monkeypatch.setattr("sklearn.datasets.load_sample_image", lambda name: photo)
    seen = {}
    for split in SHARES:
        # The first and the last crop of a tile reach its corners.
        crops = [views[at, at] for views in digits._photo_views(split) for at in (0, -1)]
        seen[split] = {value for crop in crops for value in np.unique(crop).tolist()}
    assert not seen["train"] & seen["test"]
    assert seen["train"] | seen["test"] == {10 * tile for tile in range(24)}
    assert {split: len(values) / 24 for split, values in seen.items()} == pytest.approx(SHARES)


SHARES = {"train": 2 / 3, "test": 1 / 3}
"""Of the photographs' tiles."""


def test_mnistm_blends_as_the_release_does(monkeypatch):
    """`|patch - 255 * (digit > 0)|`: under the digit the patch is inverted, elsewhere it is as it was."""
    ink = np.zeros((20, 28, 28), np.uint8)
    ink[:, 5:20, 10:14] = 1  # the faintest ink counts in full
    monkeypatch.setattr(digits, "_mnist", lambda: (ink, np.arange(20) % 10))
    monkeypatch.setattr(digits, "MNISTM_TEST", 10)
    monkeypatch.setattr(digits, "_photo_patches", lambda rng, count, split: np.full((count, 28, 28, 3), 30, np.uint8))
    monkeypatch.setattr(digits, "textures", lambda rng, count, size: np.full((count, 28, 28, 3), 30, np.uint8))
    images, _ = digits.mnistm("test")
    assert torch.equal(images, torch.from_numpy(np.where(ink[:10, None] > 0, 225, 30)).expand(10, 3, -1, -1))


def test_digits_are_as_frequent_as_they_are_meant_to_be(sample_load):
    for name, split in (("usps", "train"), ("usps", "test"), ("mnistm", "train"), ("mnistm", "test")):
        counts = torch.bincount(sample_load(name, split).labels)
        assert counts.max() - counts.min() <= 0.05 * counts.sum() / 10 + 2  # optdigits itself has 174 to 183 of each
    for split in sample.SPLITS:
        labels = sample_load("svhn", split).labels
        shares = torch.bincount(labels) / len(labels)
        # Four standard deviations of a count.
        bound = 4 * (np.array(street.SHARE) / len(labels)) ** 0.5
        assert (np.abs(shares.numpy() - street.SHARE) < bound).all()


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
