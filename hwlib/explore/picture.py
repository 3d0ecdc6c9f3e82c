"""Small pictures, made in a few milliseconds: images in rows, with a word below each.

The font has no Chinese, so pictures bear numbers and English terms.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from hwlib.training.panels import font

LINE = 15
"""Pixels that a line of text takes."""
GAP = 4


def png(pixels: np.ndarray) -> bytes:
    """Return uint8 (height, width, 3) as PNG. Weakly compressed: it goes no further than the browser."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def tiled(
    images: np.ndarray, columns: int, texts: Sequence[str] = (), *, side: int | None = None, gap: int = GAP
) -> np.ndarray:
    """Lay images (N, C, H, W) out in rows of `columns`, white between them; returns uint8 (height, width, 3).

    texts: words below each image, whose lines are parted by line breaks; side: the width of an image in the picture,
    enlarged from its own. All cells are of one size, margins included, so the picture divides evenly into rows and
    columns.
    """
    n, _, height, width = images.shape
    scale = 1 if side is None else side / width
    width, height = round(width * scale), round(height * scale)
    lines = max((text.count("\n") + 1 for text in texts if text), default=0)
    cell = (width + gap, height + gap + lines * LINE)
    rows = -(-n // columns)
    page = Image.new("RGB", (columns * cell[0], rows * cell[1]), "white")
    draw = ImageDraw.Draw(page)
    for i, image in enumerate(images):
        x, y = (i % columns) * cell[0] + gap // 2, (i // columns) * cell[1] + gap // 2
        tile = Image.fromarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
        if tile.size != (width, height):
            # Faces are smoothed; digits, whose pixels are few, keep their edges.
            tile = tile.resize((width, height), Image.Resampling.NEAREST if len(image[0]) < 40 else Image.BICUBIC)
        page.paste(tile, (x, y))
        if i < len(texts) and texts[i]:
            place = (x + width / 2, y + height + 1)
            draw.multiline_text(place, texts[i], "black", font(text=texts[i]), anchor="ma", align="center", spacing=2)
    return np.asarray(page)


def line(text: str) -> np.ndarray:
    """Return a line of text, uint8 (height, width, 3), to be put above a picture; it bears English only."""
    page = Image.new("RGB", (round(font(text=text).getlength(text)) + 2 * GAP, LINE + GAP), "white")
    ImageDraw.Draw(page).text((GAP, GAP // 2), text, "black", font(text=text))
    return np.asarray(page)


def stacked(*parts: np.ndarray, gap: int = 2 * GAP) -> np.ndarray:
    """Put pictures (height, width, 3) one below the other, on the left, white beside the narrower ones."""
    width = max(part.shape[1] for part in parts)
    page = np.full((sum(part.shape[0] for part in parts) + gap * (len(parts) - 1), width, 3), 255, np.uint8)
    top = 0
    for part in parts:
        page[top : top + part.shape[0], : part.shape[1]] = part
        top += part.shape[0] + gap
    return page
