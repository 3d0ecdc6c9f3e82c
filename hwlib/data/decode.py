"""Small image files, as uint8 tensors."""

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hwlib.data.table import problem
from hwlib.errors import WorkbookError

FORMATS = ("PNG", "JPEG", "BMP")
"""What the course's folders may hold, as Pillow names it."""


def decode_all(
    table: Path | None,
    folder: Path,
    names: dict[int, str],
    side: int,
    formats: tuple[str, ...] = FORMATS,
) -> torch.Tensor:
    """Return the images, uint8 (N, C, side, side), that `names` lists by their rows of `table`, or without a table."""
    images = np.empty((len(names), 3, side, side), np.uint8)
    colour = False
    # One thread on purpose: most of the time is Pillow's Python code. On two cores a pool of threads halved the
    # speed for 28x28 digits (the interpreter's lock) and gave the 64x64 faces only 1.7 times more.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of huge images, which the check of the size refuses anyway
        for i, (row, name) in enumerate(names.items()):
            try:
                image = decode(folder / name, side, formats)
            except WorkbookError as error:
                if table is None:
                    raise problem(folder / name, str(error)) from None
                raise problem(table, f"image {folder / name} {error}", row) from None
            images[i] = image if image.ndim == 2 else image.transpose(2, 0, 1)  # grey fills all three channels
            colour |= image.ndim == 3
    return torch.from_numpy(images if colour else images[:, :1].copy())


def decode(path: Path, side: int, formats: tuple[str, ...]) -> np.ndarray:
    """Return one image as uint8, (side, side) if it is grey, else (side, side, 3).

    formats: as Pillow names them; the content decides, not the suffix.
    The WorkbookErrors say only what is wrong; the caller knows the row.
    """
    try:
        with Image.open(path, formats=formats) as image:
            if image.size != (side, side):
                raise WorkbookError("is {}x{} pixels; {side}x{side} is allowed".format(*image.size, side=side))
            if image.mode.startswith(("I", "F")):
                raise WorkbookError("has more than 8 bits a channel; 8-bit grey or RGB is allowed")
            return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"))
    except (WorkbookError, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise WorkbookError(f"is no image in a format allowed here ({', '.join(formats)})") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise WorkbookError(f"cannot be read: {error.strerror}") from None
        raise WorkbookError(f"is damaged ({error}); put a good copy in its place") from None
