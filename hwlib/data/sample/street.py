"""Stand-in for SVHN: house numbers rendered with the fonts that ship with matplotlib."""

from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from hwlib.data.sample.textures import colours, octaves

SIZE = 28
COUNTS = {"train": 5000, "test": 1000}
SEEDS = {"train": 31, "test": 32}
SHARE = (0.068, 0.189, 0.144, 0.116, 0.102, 0.094, 0.078, 0.076, 0.069, 0.064)
"""The share of each digit 0..9 in SVHN's train split (Netzer et al., 2011): house numbers begin with small ones."""

FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmtt10",
)
CANVAS, POINTS, FRAME = (224, 96), 56, 2 * SIZE  # pixels: where a number is drawn, its type size, twice the crop


def svhn(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the SVHN stand-in: images uint8 (N, 3, 28, 28), RGB, 5000 train or 1000 test, and labels int64 (N,).

    The digit that counts stands in the middle; the others of its house number are cut off by the frame, as in
    SVHN's crops (Netzer et al., 2011). The splits share fonts but no random draw.
    """
    count = COUNTS[split]
    rng = np.random.default_rng(SEEDS[split])
    labels = rng.choice(10, count, p=SHARE)
    masks = np.stack([_number(rng, label) for label in labels]).astype(np.float32) / 255
    # Half of the pictures are taken from far away: their blur is wider than a thin stroke.
    near, far = rng.uniform(0.5, 0.8, count), rng.uniform(0.8, 1.8, count)
    masks = _blur(masks, np.where(rng.random(count) < 0.5, near, far))
    images = _paint(rng, masks[..., 0, None], masks[..., 1, None])
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), torch.from_numpy(labels.astype(np.int64))


@cache
def _fonts():
    from matplotlib import get_data_path

    folder = Path(get_data_path()) / "fonts" / "ttf"
    # The basic layout, because Pillow picks another one, with other advances, where libraqm is installed.
    basic = ImageFont.Layout.BASIC
    return [ImageFont.truetype(str(folder / f"{name}.ttf"), POINTS, layout_engine=basic) for name in FONTS]


def _number(rng, label):
    """Draw one house number around `label`: uint8 (28, 28, 2), coverage by the digits and by what lies behind.

    Behind lies an outline or a shadow of the digits, or the border of the plate, or nothing.
    """
    fonts = _fonts()
    font = fonts[rng.integers(len(fonts))]
    length = rng.choice([1, 2, 3, 4], p=[0.1, 0.45, 0.35, 0.1])
    place = rng.integers(length)
    text = "".join(str(digit) for digit in rng.integers(10, size=length))
    text = f"{text[:place]}{label}{text[place + 1 :]}"
    gap = rng.uniform(-2, 6)
    stroke = int(rng.choice([0, 1, 2], p=[0.4, 0.4, 0.2]))

    advance = [font.getlength(digit) + gap for digit in text]
    left, top, right, bottom = font.getbbox(str(label), anchor="ls")
    x = CANVAS[0] / 2 - sum(advance[:place]) - (left + right) / 2
    y = CANVAS[1] / 2 - (top + bottom) / 2
    front, behind = Image.new("L", CANVAS), Image.new("L", CANVAS)
    draw, draw_behind = ImageDraw.Draw(front), ImageDraw.Draw(behind)
    style = rng.choice(["plain", "shadow", "outline", "plate"], p=[0.6, 0.15, 0.1, 0.15])
    shift = rng.uniform(1.5, 4, 2) * rng.choice([-1, 1], 2)
    for digit, step in zip(text, advance, strict=True):
        draw.text((x, y), digit, 255, font, "ls", stroke_width=stroke)
        if style == "shadow":
            draw_behind.text((x + shift[0], y + shift[1]), digit, 255, font, "ls", stroke_width=stroke)
        elif style == "outline":
            draw_behind.text((x, y), digit, 255, font, "ls", stroke_width=stroke + 3)
        x += step
    if style == "plate":
        end = x + rng.uniform(2, 16)
        begin = end - sum(advance) - rng.uniform(8, 24)
        margin = rng.uniform(6, 16)
        draw_behind.rectangle((0, 0, *CANVAS), 255)
        draw_behind.rectangle((begin, CANVAS[1] / 2 + top / 2 - margin, end, CANVAS[1] / 2 - top / 2 + margin), 0)

    view = _view(rng, height=bottom - top)
    both = [
        layer.transform((FRAME, FRAME), Image.Transform.PERSPECTIVE, view, Image.Resampling.BILINEAR)
        for layer in (front, behind)
    ]
    return np.stack([np.asarray(layer.reduce(2)) for layer in both], axis=-1)


def _view(rng, height):
    """Return Pillow's eight coefficients from a pixel of the frame to one of the canvas."""
    zoom = height / (FRAME * rng.uniform(0.58, 0.95))
    squeeze = rng.uniform(0.95, 1.5)  # house numbers are often narrower than text fonts
    turn, shear = rng.normal(0, 0.06), rng.normal(0, 0.12)
    a, b = zoom * squeeze * np.cos(turn), zoom * (np.sin(turn) + shear)
    d, e = -zoom * np.sin(turn), zoom * np.cos(turn)
    g, h = rng.normal(0, 0.0012, 2)
    u, v = FRAME / 2 + rng.normal(0, 1.5, 2)  # where in the frame the canvas's centre goes
    x, y = CANVAS[0] / 2, CANVAS[1] / 2
    # The source is (x, y) + ((a, b), (d, e)) (p - (u, v)) / depth with depth 1 at (u, v); Pillow wants it expanded
    # and the constant of the depth to be 1.
    constant = 1 - g * u - h * v
    rows = (a + g * x, b + h * x, x * constant - a * u - b * v, d + g * y, e + h * y, y * constant - d * u - e * v)
    return tuple(value / constant for value in (*rows, g, h))


def _blur(masks, sigma, radius=4):
    """Blur (N, H, W, C) with a Gaussian of `sigma` (N,) pixels; the edge pixels are repeated outwards."""
    taps = np.arange(-radius, radius + 1)
    weight = np.exp(-0.5 * (taps / sigma[:, None]) ** 2)
    weight = (weight / weight.sum(1, keepdims=True)).astype(np.float32)
    for axis in (1, 2):
        edge = [(0, 0)] * 4
        edge[axis] = (radius, radius)
        padded = np.pad(masks, edge, mode="edge")
        size = masks.shape[axis]
        masks = sum(
            weight[:, tap, None, None, None] * padded.take(range(tap, tap + size), axis) for tap in range(len(taps))
        )
    return masks


def _paint(rng, front, behind):
    """Colour coverages (N, 28, 28, 1) of 0..1: uint8 (N, 28, 28, 3) with uneven light and the camera's noise."""
    count = len(front)
    ground = np.clip(rng.normal(112, 48, count), 12, 240)
    contrast = np.clip(rng.lognormal(np.log(86), 0.5, count), 22, 200)
    # The digits are lighter or darker than their ground; mostly on the side that has more room for the contrast.
    lighter = rng.random(count) < 1 / (1 + np.exp((ground - 125) / 35))
    ink = np.clip(ground + np.where(lighter, contrast, -contrast), 5, 250)
    backing = np.clip(ground + np.where(lighter, -1, 1) * rng.normal(15, 35, count), 5, 250)

    chroma = rng.lognormal(np.log(11), 0.8, count)
    fill, ground, backing = (
        colours(rng, light, np.minimum(strength, 90))[:, None, None]
        for light, strength in ((ink, chroma * 0.7), (ground, chroma), (backing, chroma))
    )
    image = ground + (backing - ground) * behind
    image += octaves(rng, count, SIZE, (1, 3, 9))[..., None] * rng.gamma(1.5, 3.0, (count, 1, 1, 1))
    image += (fill - image) * front * rng.uniform(0.85, 1, (count, 1, 1, 1))
    light = octaves(rng, count, SIZE, (1, 2))[..., None]
    image *= 1 + light * np.abs(rng.normal(0, 0.09, (count, 1, 1, 1)))
    image += rng.standard_normal(image.shape, dtype=np.float32) * rng.gamma(1.5, 1.2, (count, 1, 1, 1))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
