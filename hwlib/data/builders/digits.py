"""USPS, MNIST and SVHN from the files of their releases."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

SIDE = 28
METHODS = {
    "usps": "values from -1 to 1 as grey levels, rounded; 16x16 enlarged to 28x28, bicubic",
    "mnist": "as released",
    "svhn": "32x32 brought to 28x28, bilinear; label 10 is the digit 0",
}
"""What the manifest says of how each is made."""

Split = tuple[torch.Tensor, torch.Tensor]
"""Images, uint8 (N, C, 28, 28), and labels, int64 (N,)."""


def usps(folder: Path, split: str) -> Split:
    """Read `usps.bz2` or `usps.t.bz2`, libsvm's text: labels 1 to 10 for 0 to 9, 256 values from -1 to 1 an image.

    Returns grey images. Values are rounded to grey levels, as in the course's images (torchvision's `USPS` cuts off, so
    it is darker by up to one level), then enlarged from 16x16.
    """
    from sklearn.datasets import load_svmlight_file

    path = folder / {"train": "usps.bz2", "test": "usps.t.bz2"}[split]
    values, labels = load_svmlight_file(str(path), n_features=256, zero_based=False)
    grey = np.round((values.toarray() + 1) * 127.5).clip(0, 255).astype(np.uint8).reshape(-1, 16, 16)
    return _channels(_resized(grey, Image.Resampling.BICUBIC)), torch.from_numpy(labels.astype(np.int64) - 1)


def mnist(folder: Path, split: str) -> Split:
    """Read the two idx files of a split with torchvision's readers. Returns grey images as they are."""
    from torchvision.datasets.mnist import read_image_file, read_label_file
    from torchvision.datasets.utils import extract_archive

    prefix = {"train": "train", "test": "t10k"}[split]
    with tempfile.TemporaryDirectory() as unpacked:  # those readers take no gzip

        def plain(kind: str) -> str:
            return extract_archive(str(folder / f"{prefix}-{kind}-ubyte.gz"), unpacked)

        return read_image_file(plain("images-idx3"))[:, None], read_label_file(plain("labels-idx1"))


def svhn(folder: Path, split: str) -> Split:
    """Read `train_32x32.mat` or `test_32x32.mat`: images (32, 32, 3, N), labels 1 to 10 with 10 for the digit 0.

    Returns RGB images, brought from 32x32 to 28x28.
    """
    from scipy.io import loadmat

    content = loadmat(folder / f"{split}_32x32.mat")
    images = _resized(content["X"].transpose(3, 0, 1, 2), Image.Resampling.BILINEAR)
    return _channels(images), torch.from_numpy(content["y"].reshape(-1).astype(np.int64) % 10)


def _resized(images: np.ndarray, resample: Image.Resampling) -> np.ndarray:
    out = np.empty((len(images), SIDE, SIDE, *images.shape[3:]), np.uint8)
    for i, image in enumerate(images):
        out[i] = Image.fromarray(np.ascontiguousarray(image)).resize((SIDE, SIDE), resample)
    return out


def _channels(images: np.ndarray) -> torch.Tensor:
    """(N, H, W) or (N, H, W, 3) as (N, C, H, W)."""
    tensor = torch.from_numpy(images)
    return tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2).contiguous()
