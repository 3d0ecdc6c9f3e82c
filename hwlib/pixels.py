"""Small image files, as arrays. Needs no torch, so that a process that only decodes starts at once."""

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from hwlib.errors import WorkbookError

_WHOLE = 2**20


def decode(path: str | Path, side: int, formats: Sequence[str]) -> np.ndarray:
    """Return one image as uint8, (side, side) if it is grey, else (side, side, 3).

    formats: as Pillow names them; the content decides, not the suffix.
    The WorkbookErrors say only what is wrong; the caller knows the row.
    """
    try:
        # Read whole, a small file takes Pillow an eighth less time than through its many little reads; of a huge one
        # the header may be enough to refuse it.
        with open(path, "rb") as file:
            content = file.read(_WHOLE + 1)
        with Image.open(path if len(content) > _WHOLE else io.BytesIO(content), formats=formats) as image:
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


def decode_some(folder: str, names: Sequence[str], side: int, formats: Sequence[str]) -> tuple[np.ndarray, str | None]:
    """Return the images of some files, uint8 (n, C, side, side), and what is wrong with the one after them, or None.

    C is 1 if every image is grey, else 3. Without a problem, n is the number of names.
    """
    images = np.empty((len(names), 3, side, side), np.uint8)
    colour, wrong, done = False, None, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of huge images, which the check of the size refuses anyway
        for name in names:
            try:
                image = decode(os.path.join(folder, name), side, formats)
            except WorkbookError as error:
                wrong = str(error)
                break
            images[done] = image if image.ndim == 2 else image.transpose(2, 0, 1)  # grey fills all three channels
            colour |= image.ndim == 3
            done += 1
    return np.ascontiguousarray(images[:done] if colour else images[:done, :1]), wrong
