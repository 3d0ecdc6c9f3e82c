"""One image file looked at closely: a digest of its pixels, and what the pixels no longer tell of the file.

As `hwlib.pixels`, needs no torch.
"""

import hashlib
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from hwlib.errors import WorkbookError
from hwlib.pixels import decode

_PNG = b"\x89PNG\r\n\x1a\n"
_SUFFIXES = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "BMP": (".bmp",)}
_GREY, _PALETTE = 0, 3
_ALPHA = (4, 6)  # colour types of PNG with a channel of transparency
_DROPPED = "has transparency, which is dropped; paint it on a background of your choice"
_ANIMATED = "is animated; its first picture is taken"


class Look(NamedTuple):
    """What is kept of an image.

    wrong: why the loader refuses it, or empty; then the rest says nothing.
    grey: whether it has no colour; digest: 16 bytes of its pixels; odd: as `oddities` says.
    """

    wrong: str
    grey: bool = False
    digest: bytes = b""
    odd: tuple[str, ...] = ()


def look_at(folder: str, names: Sequence[str], side: int, formats: Sequence[str]) -> list[Look]:
    """Look at some images of a folder, as the loader decodes them; side and formats as for `decode`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of huge images, which the check of the size refuses anyway
        return [_look(Path(folder, name), side, formats) for name in names]


def _look(path: Path, side: int, formats: Sequence[str]) -> Look:
    try:
        pixels = decode(path, side, formats)
    except WorkbookError as error:
        return Look(str(error))
    return Look("", pixels.ndim == 2, digest(pixels), tuple(oddities(path)))


def digest(pixels: np.ndarray) -> bytes:
    """Return 16 bytes for pixels (side, side) or (side, side, 3). Grey kept as RGB is the same image as grey."""
    if pixels.ndim == 3 and (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        pixels = pixels[..., 0]
    return hashlib.blake2b(np.ascontiguousarray(pixels), digest_size=16).digest()


def oddities(path: Path) -> list[str]:
    """Say what is odd about an image that can be decoded: each one a sentence without its subject.

    The format other than the name says, a palette, transparency, CMYK, one or sixteen bits a channel, several pictures.
    """
    with open(path, "rb") as file:
        head = file.read(33)  # signature and the chunk IHDR
        if head.startswith(_PNG):
            found, kind = _png(head, file), "PNG"
        else:
            found, kind = _other(path)
    if path.suffix.lower() not in _SUFFIXES[kind]:
        found.append(f"holds {kind}, which its name does not say; give it the suffix {_SUFFIXES[kind][0]}")
    return found


def _png(head: bytes, file) -> list[str]:
    """Read the header and the names of the chunks before the pixels. Pillow would take ten times as long."""
    depth, colour = head[24], head[25]
    found = []
    if depth == 1 and colour == _GREY:
        found.append("has one bit a pixel; it is taken as RGB of 0 and 255")
    if depth == 16:
        found.append("has 16 bits a channel; the lower 8 are dropped")
    if colour == _PALETTE:
        found.append("has a palette; its colours are taken as RGB")
    if colour in _ALPHA:
        found.append(_DROPPED)
    while len(chunk := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", chunk)
        if name == b"IDAT":
            break
        if name == b"tRNS":
            found.append(_DROPPED)
        elif name == b"acTL":
            found.append(_ANIMATED)
        file.seek(length + 4, 1)
    return found


def _other(path: Path) -> tuple[list[str], str]:
    with Image.open(path) as image:
        found = []
        if image.mode == "CMYK":
            found.append("is CMYK; its colours are taken as RGB")
        elif image.mode == "1":
            found.append("has one bit a pixel; it is taken as RGB of 0 and 255")
        elif image.mode == "P":
            found.append("has a palette; its colours are taken as RGB")
        elif image.mode in ("RGBA", "LA"):
            found.append(_DROPPED)
        if getattr(image, "n_frames", 1) > 1:
            found.append(_ANIMATED)
        return found, "JPEG" if image.format == "MPO" else image.format
