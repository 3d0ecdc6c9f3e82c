"""Contact sheets of the sample sets, as small PNG files."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from hwlib.data.imageset import ATTRIBUTES, ImageSet

GAP, TEXT, INK = 2, 13, (40, 40, 40)  # pixels between images, and of the type; its colour
EACH = 2
"""Images of each digit in a row."""
SHOWN = 3
"""Faces with an attribute, and as many without."""


def digits_sheet(sets: Mapping[tuple[str, str], ImageSet]) -> bytes:
    """Return a PNG with two rows for each digit set, train and test: the first images of each digit, 0 to 9."""
    keys = [key for key in sets if key[0] != "face"]
    side, left = 2 * 28 + GAP, 96
    page = Image.new("RGB", (left + 10 * EACH * side, len(keys) * side), "white")
    for row, key in enumerate(keys):
        found = sets[key]
        _write(page, (0, row * side + side // 2), " ".join(key))
        labels = found.labels.numpy()
        first = np.concatenate([np.flatnonzero(labels == digit)[:EACH] for digit in range(10)])
        for column, index in enumerate(first.tolist()):
            tile = _picture(found, index).resize((2 * 28, 2 * 28), Image.Resampling.NEAREST)
            page.paste(tile, (left + column * side, row * side))
    return _png(page, [sets[key] for key in keys])


def faces_sheet(found: ImageSet) -> bytes:
    """Return a PNG with, for each attribute, faces that have it to the left and faces that do not to the right.

    They are the first of the set; none is shown twice.
    """
    side, left, columns = 64 + GAP, 150, 2
    rows, half = -(-len(ATTRIBUTES) // columns), left + 2 * SHOWN * (64 + GAP) + 4 * GAP
    page = Image.new("RGB", (columns * half, rows * side), "white")
    free = np.ones(len(found), bool)
    for number, name in enumerate(ATTRIBUTES):
        x, y = number // rows * half, number % rows * side
        _write(page, (x + 6, y + side // 2), name.replace("_", " "))
        for part, value in enumerate((1, 0)):
            chosen = np.flatnonzero(free & (found.labels[:, number].numpy() == value))[:SHOWN]
            free[chosen] = False
            for place, index in enumerate(chosen.tolist()):
                at = x + left + (part * SHOWN + place) * side + part * 2 * GAP
                page.paste(_picture(found, index), (at, y))
    return _png(page, [found])


def _picture(found, index):
    channels = found.images[index].expand(3, -1, -1)
    return Image.fromarray(channels.permute(1, 2, 0).contiguous().numpy())


def _write(page, at, text):
    from matplotlib import get_data_path

    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    font = ImageFont.truetype(str(path), TEXT, layout_engine=ImageFont.Layout.BASIC)
    ImageDraw.Draw(page).text(at, text, INK, font, "lm")


def _png(page, shown):
    """Encode with a palette; the sets that are shown are named in the file, with their fingerprints."""
    note = PngImagePlugin.PngInfo()
    note.add_text("Sets", ", ".join(f"{each.name} {each.split} {each.sha256[:16]}" for each in shown))
    # With all its colours, a sheet of such noisy images would be three times as large. Without the rounds of k-means
    # the palette has no place for lips and blond hair.
    small = page.quantize(256, Image.Quantize.MEDIANCUT, kmeans=4, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "PNG", optimize=True, pnginfo=note)
    return buffer.getvalue()
