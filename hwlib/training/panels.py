"""The picture of a live view: curves of the history and, below them, the present samples.

It is drawn with Pillow in some milliseconds, where matplotlib takes a tenth of a second: that would be too much of a
training for a picture every few seconds. Pictures bear numbers and English terms alone; the font has no Chinese.
"""

import io
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hwlib import letters
from hwlib.training.preview import COUNT, Samples

WIDTH = 720
"""Pixels of a picture from left to right."""
HEIGHT = 120
"""Pixels of a panel from top to bottom."""
LEFT, TOP, RIGHT, BOTTOM = 44, 20, 12, 18
"""Margins of a panel around its axes, which hold the numbers."""
FINE = 2
"""Curves are drawn this many times as large and averaged, which smooths them."""
INK, GREY, BLUE = (0, 0, 0), (140, 140, 140), (0, 114, 178)
GAP = 6
LINE = 16
"""Pixels that a line of text below an image takes."""


def picture(history: Sequence[dict[str, Any]], samples: Samples | None = None) -> bytes:
    """Return a PNG with a panel of every number logged in a history that has a row, and the samples where there are.

    A panel shows a number's name and last value above its curve, the range that it took on the left, and the steps
    below; of a history of one row, which makes no curve, the value alone.
    """
    parts = [curves(history)] + ([] if samples is None else [tiles(samples)])
    page = Image.new("RGB", (WIDTH, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        page.paste(part, (0, top))
        top += part.height
    buffer = io.BytesIO()
    page.save(buffer, "PNG", compress_level=1)  # it goes no further than the browser
    return buffer.getvalue()


def curves(history: Sequence[dict[str, Any]]) -> Image.Image:
    """Draw every logged number over the steps, a panel each, three or four in a row."""
    names = [name for name in history[-1] if name not in ("step", "epoch")]
    columns = 4 if len(names) == 4 else 3
    width = WIDTH // columns
    page = Image.new("RGB", (WIDTH, -(-len(names) // columns) * HEIGHT), "white")
    steps = [row["step"] for row in history]
    for i, name in enumerate(names):
        drawn = panel(name, steps, [row[name] for row in history], width)
        page.paste(drawn, (i % columns * width, i // columns * HEIGHT))
    return page


def panel(name: str, steps: Sequence[int], values: Sequence[float], width: int) -> Image.Image:
    """Draw one number over the steps, which begin at 0; a single value is written in the middle, without axes."""
    page = Image.new("RGB", (width, HEIGHT), "white")
    draw = ImageDraw.Draw(page)
    right, bottom = width - RIGHT, HEIGHT - BOTTOM
    draw.text((LEFT, 3), name.replace("_", " "), INK, font())
    draw.text((right, bottom + 3), f"step {steps[-1]}", GREY, font(9), anchor="ra")
    if len(values) == 1:
        draw.text(((LEFT + right) / 2, (TOP + bottom) / 2), number(values[0]), BLUE, font(22), anchor="mm")
        return page
    page.paste(_curve(steps, values, (width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)), (LEFT, TOP))
    draw.line([(LEFT, TOP), (LEFT, bottom), (right, bottom)], GREY)
    draw.text((right, 3), number(values[-1]), BLUE, font(), anchor="ra")
    for value, y in ((max(values), TOP), (min(values), bottom)):
        draw.text((LEFT - 4, y), number(value), GREY, font(9), anchor="rm")
    draw.text((LEFT, bottom + 3), "0", GREY, font(9))
    return page


def number(value: float) -> str:
    """Write a number in three digits, or whole if it has more before the point and is not huge: 0.0312, 1439, 3e+07."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"


def _curve(steps: Sequence[int], values: Sequence[float], size: tuple[int, int]) -> Image.Image:
    width, height = FINE * size[0], FINE * size[1]
    low, high = min(values), max(values)
    span = high - low or 1.0
    x = [(width - 1) * step / steps[-1] for step in steps]
    y = [(height - 1 - 2 * FINE) * (high - value) / span + FINE for value in values]
    page = Image.new("RGB", (width, height), "white")
    points = list(zip(x, y, strict=True))
    draw = ImageDraw.Draw(page)
    draw.line(points, BLUE, FINE + 1)
    radius = FINE + 1  # a dot where the curve stands
    draw.ellipse([(x[-1] - radius, y[-1] - radius), (x[-1] + radius, y[-1] + radius)], BLUE)
    return page.reduce(FINE)


def tiles(samples: Samples) -> Image.Image:
    """Lay the samples out in rows of eight across the picture, each with its text below."""
    cell = WIDTH // COUNT
    side = cell - GAP
    line = LINE if samples.texts else 0
    rows = -(-len(samples.images) // COUNT)
    page = Image.new("RGB", (WIDTH, rows * (side + line + GAP)), "white")
    draw = ImageDraw.Draw(page)
    for i, image in enumerate(samples.images):
        x, y = i % COUNT * cell + GAP // 2, i // COUNT * (side + line + GAP)
        tile = Image.fromarray(np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0))
        # Faces are smoothed; digits, whose pixels are few, keep their edges.
        how = Image.Resampling.NEAREST if tile.width < 40 else Image.Resampling.BILINEAR
        page.paste(tile.resize((side, side), how), (x, y))
        if samples.texts:
            draw.text((x + side / 2, y + side + 2), samples.texts[i], INK, font(), anchor="ma")
    return page


@cache
def font(size: int = 11, text: str = "") -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings along, or for a `text` with letters that it lacks one of the system that has
    them."""
    return ImageFont.truetype(str(letters.font_for(text) or letters.default_font()), size)
