"""Pictures of what networks say of digits: a table, a confusion matrix, bars, a map. Pure functions of arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from hwlib.explore.picture import stacked, tiled
from hwlib.training.panels import font

BLUE, ORANGE, GREEN, GREY = (0, 114, 178), (213, 94, 0), (0, 158, 115), (150, 150, 150)
"""The colours of the figures; colour-blind readers can tell them apart."""
CELL = 40
DIGIT_COLOURS = (
    "#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc", "#ca9161", "#fbafe4", "#949494", "#b8a800", "#56b4e9",
)  # fmt: skip
"""One for each digit: seaborn's `colorblind`, whose yellow is too light for points on white."""


def page(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A white page and the pen for it."""
    image = Image.new("RGB", (width, height), "white")
    return image, ImageDraw.Draw(image)


def beside(*parts: np.ndarray, gap: int = 16) -> np.ndarray:
    """Put pictures (height, width, 3) side by side, at the top, white below the shorter ones."""
    height = max(part.shape[0] for part in parts)
    width = sum(part.shape[1] for part in parts) + gap * (len(parts) - 1)
    whole, left = np.full((height, width, 3), 255, np.uint8), 0
    for part in parts:
        whole[: part.shape[0], left : left + part.shape[1]] = part
        left += part.shape[1] + gap
    return whole


def words(text: str, size: int = 12, width: int | None = None) -> np.ndarray:
    """Lines of text as a picture."""
    lines = text.split("\n")
    face = font(size, text)
    wide = max(round(face.getlength(line)) for line in lines) + 8
    image, draw = page(width or wide, (size + 5) * len(lines) + 6)
    draw.multiline_text((2, 2), text, "black", face, spacing=3)
    return np.asarray(image)


def table(rows: Sequence[Sequence[str]], strong: int = -1) -> np.ndarray:
    """Rows of words in columns, the first row above a line, the row `strong` in colour."""
    widths = [max(font(12, row[i]).getlength(row[i]) for row in rows) + 24 for i in range(len(rows[0]))]
    image, draw = page(round(sum(widths)), 22 * len(rows) + 6)
    for i, row in enumerate(rows):
        left = 0.0
        for j, text in enumerate(row):
            # Numbers stand below each other at the right, names at the left.
            place, anchor = ((left + widths[j] - 12, 22 * i + 4), "ra") if j else ((left + 2, 22 * i + 4), "la")
            draw.text(place, text, BLUE if i == strong else "black", font(12, text), anchor=anchor)
            left += widths[j]
    draw.line((0, 23, image.width, 23), GREY)
    return np.asarray(image)


def matrix(counts: np.ndarray, chosen: tuple[int, int] | None = None) -> np.ndarray:
    """A confusion matrix (10, 10), rows true and columns predicted digits, each row shaded by its shares.

    Eleven by eleven cells of `CELL` pixels, the first of each row and column for the digit. chosen: (row, column) with
    a frame.
    """
    image, draw = page(11 * CELL, 11 * CELL)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i in range(10):
        middle = (i + 1.5) * CELL
        draw.text((middle, CELL - 4), str(i), "black", font(14), anchor="md")
        draw.text((CELL - 8, middle), str(i), "black", font(14), anchor="rm")
        for j in range(10):
            left, top = (j + 1) * CELL, (i + 1) * CELL
            share = shares[i, j] ** 0.6  # rare mistakes are to be seen too
            tone = BLUE if i == j else ORANGE
            shade = tuple(round(255 + (c - 255) * share) for c in tone)
            draw.rectangle((left + 1, top + 1, left + CELL - 2, top + CELL - 2), shade if counts[i, j] else (246,) * 3)
            if counts[i, j]:
                ink = "white" if share > 0.6 else "black"
                draw.text((left + CELL / 2, top + CELL / 2), str(counts[i, j]), ink, font(11), anchor="mm")
    draw.text((CELL - 6, 3), "true", "black", font(9), anchor="ra")
    draw.text((CELL + 3, 3), "predicted", "black", font(9), anchor="la")
    if chosen is not None:
        left, top = (chosen[1] + 1) * CELL, (chosen[0] + 1) * CELL
        draw.rectangle((left, top, left + CELL - 1, top + CELL - 1), outline="black", width=3)
    return np.asarray(image)


def sure(probability: float) -> str:
    """A probability in percent, as short as a picture wants it."""
    return f"{100 * probability:.0f}%" if probability < 0.995 else ("100%" if probability >= 1 else ">99%")


def enlarged(image: np.ndarray, side: int = 168) -> np.ndarray:
    """One image (C, 28, 28), its pixels to be seen."""
    return tiled(image[None], 1, side=side)


BAR, LEFT, ROW = 96, 18, 15


def bars(probabilities: Mapping[str, np.ndarray], true: int | None = None, columns: int = 4) -> np.ndarray:
    """What each network, by its title, says of one image: a bar for each digit's probability, side by side.

    The most probable digit is green where it is the true one, orange where it is not, and blue where `true` is None.
    """
    parts = [_bars(title, of, true) for title, of in probabilities.items()]
    return stacked(*(beside(*parts[i : i + columns], gap=14) for i in range(0, len(parts), columns)))


def _bars(title: str, of: np.ndarray, true: int | None) -> np.ndarray:
    said = int(of.argmax())
    colour = BLUE if true is None else GREEN if said == true else ORANGE
    image, draw = page(LEFT + BAR + 40, 42 + 10 * ROW)
    draw.text((2, 2), title, "black", font(12, title))
    draw.text((2, 18), f"says {said}", colour, font(14))
    for digit in range(10):
        top = 40 + digit * ROW
        draw.text((LEFT - 6, top + ROW / 2), str(digit), "black", font(11), anchor="rm")
        draw.rectangle((LEFT, top + 2, LEFT + BAR, top + ROW - 3), (240,) * 3)
        if (length := round(BAR * float(of[digit]))) > 0:
            draw.rectangle((LEFT, top + 2, LEFT + length, top + ROW - 3), colour if digit == said else GREY)
        if digit == true:
            draw.rectangle((LEFT - 1, top + 1, LEFT + BAR + 1, top + ROW - 2), outline="black")
        if of[digit] >= 0.005:
            draw.text((LEFT + BAR + 5, top + ROW / 2), sure(float(of[digit])), "black", font(10), anchor="lm")
    return np.asarray(image)


def framed(points: np.ndarray, width: int, margin: int = 10) -> tuple[np.ndarray, int]:
    """Places (N, 2), in pixels from the top left, of points (N, 2) of any scale, y upwards, and the height they need.

    The canvas is `width` wide, and from half as high to as high. Both axes have one scale: distances are what a map
    shows.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.array(high - low, float)
    span[span <= 0] = span.max() or 1.0  # points on a line, or on one spot
    height = round(np.clip((width - 2 * margin) * span[1] / span[0] + 2 * margin, width / 2, width))
    scale = min((width - 2 * margin) / span[0], (height - 2 * margin) / span[1])
    return (points - (low + high) / 2) * (scale, -scale) + (width / 2, height / 2), height


def scatter(
    points: np.ndarray, groups: np.ndarray, shapes: np.ndarray, palette: Sequence[str], chosen: int = -1, width=440
) -> np.ndarray:
    """Points (N, 2) as `framed`: each in the colour of its group, a disc or, where its shape is 1, a triangle."""
    fine = 2  # drawn larger and then reduced, so that edges are smooth
    places, height = framed(points, width)
    image, draw = page(fine * width, fine * height)
    places = fine * places
    radius = 3.2 * fine
    for (x, y), group, shape in zip(places, groups, shapes, strict=True):
        colour = palette[group]
        if shape:
            corners = [(x, y - 1.3 * radius), (x + 1.2 * radius, y + radius), (x - 1.2 * radius, y + radius)]
            draw.polygon(corners, colour)
        else:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)
    if chosen >= 0:
        (x, y), radius = places[chosen], 7.2 * fine
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline="black", width=5)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def legend(names: Sequence[str], palette: Sequence[str], triangles: Sequence[int] = (), width: int = 440) -> np.ndarray:
    """The names of groups beside their colours, in lines of at most `width`."""
    places, left, line = [], 0, 0
    for name in names:
        needed = 22 + round(font(11, name).getlength(name))
        if left and left + needed > width:
            left, line = 0, line + 1
        places.append((left, 18 * line))
        left += needed + 8
    image, draw = page(width, 18 * (line + 1) + 2)
    for i, (name, (x, y)) in enumerate(zip(names, places, strict=True)):
        if i in triangles:
            draw.polygon([(x + 6, y + 3), (x + 12, y + 13), (x, y + 13)], palette[i])
        else:
            draw.ellipse((x + 1, y + 3, x + 11, y + 13), palette[i])
        draw.text((x + 16, y + 2), name, "black", font(11, name))
    return np.asarray(image)
