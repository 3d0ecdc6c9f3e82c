"""A digit of one's own, drawn or uploaded, as the networks expect one: 28x28, like MNIST where it is grey."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from hwlib.errors import WorkbookError

SIDE = 28
DIGIT = 20
"""Pixels of the longer side of the ink, as in MNIST."""
MOST_BYTES = 10 * 2**20
MOST_PIXELS = 30_000_000
INK = 48
"""Of 255: what is brighter belongs to the digit when its frame is sought."""
COLOUR = 24
"""Of 255: an image whose channels differ by no more is taken for grey. A scan of ink on paper is never quite grey."""


def drawn(grey: np.ndarray) -> np.ndarray:
    """Return a drawing, uint8 (height, width), white on black, as uint8 (1, 28, 28).

    As MNIST was made: cut to the ink, brought to 20 pixels on its longer side, and put with its centre of mass in the
    middle. Raises WorkbookError where nothing is drawn.
    """
    inked = grey > INK
    if not inked.any():
        raise WorkbookError("drawing: there is nothing on it; draw a digit, white on black")
    rows, columns = np.flatnonzero(inked.any(axis=1)), np.flatnonzero(inked.any(axis=0))
    ink = grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = DIGIT / max(ink.shape)
    height, width = (max(1, round(scale * side)) for side in ink.shape)
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.LANCZOS))
    mass = small.astype(float) + 1e-9  # a resized hair line may leave no ink at all
    y = round(SIDE / 2 - np.average(np.arange(height) + 0.5, weights=mass.sum(axis=1)))
    x = round(SIDE / 2 - np.average(np.arange(width) + 0.5, weights=mass.sum(axis=0)))
    y, x = np.clip(y, 0, SIDE - height), np.clip(x, 0, SIDE - width)
    page = np.zeros((1, SIDE, SIDE), np.uint8)
    page[0, y : y + height, x : x + width] = small
    return page


def uploaded(content: bytes) -> np.ndarray:
    """Return an image file as uint8 (C, 28, 28), C 1 for grey and 3 for colour.

    One of 28x28 pixels is taken as it is. A larger grey one is taken for ink on paper, or for light on dark, whichever
    its edge says, and treated like a drawing; a colour one is cut to a square about its middle and resized. Raises
    WorkbookError, in one line, for what is no image, damaged or too large.
    """
    if len(content) > MOST_BYTES:
        raise WorkbookError(
            f"upload: {len(content) / 2**20:.0f} MB are too many; give an image of at most {MOST_BYTES >> 20} MB"
        )
    image = _decoded(content)
    pixels = np.asarray(image, np.uint8)  # (height, width, 3)
    channels = pixels.astype(np.int16)
    grey = int(np.percentile(channels.max(axis=2) - channels.min(axis=2), 99)) <= COLOUR
    if image.size == (SIDE, SIDE):
        return np.asarray(image.convert("L"))[None] if grey else pixels.transpose(2, 0, 1)
    if grey:
        return drawn(_light_on_dark(np.asarray(image.convert("L"))))
    square = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.LANCZOS)
    return np.asarray(square).transpose(2, 0, 1)


def _decoded(content: bytes) -> Image.Image:
    """The file as an RGB image, upright, on white where it is transparent; `WorkbookError` where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of huge images, which the check of the size refuses anyway
            with Image.open(io.BytesIO(content)) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise WorkbookError(
                        f"upload: {image.width}x{image.height} pixels are too many; give at most "
                        f"{MOST_PIXELS // 1_000_000} million"
                    )
                image = ImageOps.exif_transpose(image)
                if image.mode.startswith(("I", "F")):
                    raise WorkbookError("upload: it has more than 8 bits a channel; save it with 8 bits")
                clear = image.convert("RGBA")
                page = Image.new("RGBA", clear.size, "white")
                return Image.alpha_composite(page, clear).convert("RGB")
    except WorkbookError:
        raise
    except Image.DecompressionBombError:
        raise WorkbookError(
            f"upload: it has too many pixels; give at most {MOST_PIXELS // 1_000_000} million"
        ) from None
    except Image.UnidentifiedImageError:
        raise WorkbookError("upload: this is no image; give a PNG or JPEG file") from None
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError and more for damaged files
        raise WorkbookError(f"upload: the image is damaged ({' '.join(str(error).split())}); give another") from None


def _light_on_dark(grey: np.ndarray) -> np.ndarray:
    """Ink light, ground black: turned round where the edge is light, the ground taken away, the contrast full."""
    edge = np.concatenate((grey[0], grey[-1], grey[:, 0], grey[:, -1]))
    ground = float(np.median(edge))
    light = grey.astype(float) if ground <= 127 else 255.0 - grey
    # Half of the way between ground and ink is where ink begins; what a shadow or the grain of paper adds stays black.
    low, high = float(np.percentile(light, 50)), float(light.max())
    if high - low < INK:
        raise WorkbookError("upload: nothing stands out from its ground; give a dark digit on white, or white on black")
    return np.clip(255 * (light - low - 0.25 * (high - low)) / (0.6 * (high - low)), 0, 255).astype(np.uint8)
