"""The pen that draws one face: curves in the face's own coordinates onto canvases four times as large.

A unit is a pixel of the final image; the origin lies between eyes and mouth, y grows downwards.
"""

from functools import cache
from types import SimpleNamespace

import numpy as np
from PIL import Image, ImageDraw

SIZE = 64
OVER = 4

CIRCLE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 20)), np.sin(np.linspace(0, 2 * np.pi, 20))], axis=1)


class Pen:
    """Canvases of one face, and the way from the face's coordinates to theirs."""

    def __init__(self, face: SimpleNamespace, rng: np.random.Generator):
        self.face, self.rng = face, rng
        scale = OVER * face.scale
        cos, sin = scale * np.cos(face.tilt), scale * np.sin(face.tilt)
        self.turn = np.array([[cos, sin], [-sin, cos]])
        self.origin = np.array([OVER * face.x, OVER * face.y])
        self.blank()

    def blank(self) -> None:
        # Every fill is opaque, so premultiplied alpha needs no care, and the reduction mixes colours rightly.
        self.image = Image.new("RGBa", (SIZE * OVER, SIZE * OVER))
        self.mask = Image.new("L", self.image.size)
        self.draw = ImageDraw.Draw(self.image)
        self.mask_draw = ImageDraw.Draw(self.mask)

    def finish(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the layer, (64, 64, 4), and its skin, (64, 64), as bytes, and start a new one."""
        layer = np.asarray(self.image.reduce(OVER)), np.asarray(self.mask.reduce(OVER))
        self.blank()
        return layer

    def place(self, points) -> list[float]:
        """Return points (K, 2) of the face as x, y, x, y ... of the canvas."""
        points = np.array(points, float)
        x, y = points[:, 0], points[:, 1]
        # A turn of the head moves what lies in front: the middle of the face most, its outline not at all.
        depth = 1 - (x / 16) ** 2 - (y / 27) ** 2
        x += 6 * self.face.yaw * np.sqrt(np.maximum(depth, 0))
        return (points @ self.turn + self.origin).ravel().tolist()

    def shape(self, points, colour, skin=False, smooth=True) -> None:
        """Fill the closed curve through points (K, 2)."""
        outline = self.place(_through(points, closed=True) if smooth else points)
        self.draw.polygon(outline, fill=_rgb(colour))
        if skin:
            self.mask_draw.polygon(outline, fill=255)

    def stroke(self, points, colour, width, smooth=True) -> None:
        """Draw the open curve through points (K, 2), width in pixels of the final image."""
        line = self.place(_through(points, closed=False) if smooth else points)
        self.draw.line(line, fill=_rgb(colour), width=max(1, round(width * OVER)), joint="curve")

    def dot(self, x, y, radius_x, radius_y, colour, skin=False) -> None:
        """Fill an ellipse around (x, y)."""
        self.shape(CIRCLE * [radius_x, radius_y] + [x, y], colour, skin, smooth=False)

    def band(self, first, last, colour, strands) -> None:
        """Fill the hair between two edges, (K, 2) each from root to tip, and draw strands between them."""
        face, rng = self.face, self.rng
        first, last = _through(first, closed=False), _through(last, closed=False)
        across = last - first
        if face.wave:
            step = np.linspace(0, 1, len(first)) * np.hypot(*(first[-1] - first[0])) / 9
            swing = face.wave * np.sin(2 * np.pi * (step + rng.random()))[:, None]
            swing = swing * across / (np.hypot(across[:, 0], across[:, 1])[:, None] + 2)
            first, last = first + swing, last + swing
        self.draw.polygon(self.place(np.concatenate([first, last[::-1]])), fill=_rgb(colour))
        # A few strands leave the edges, so that these are not as clean as a cap.
        width = 2 if face.strands > 0.2 else 1
        shares, tones = 1.12 * rng.random(strands) - 0.05, rng.standard_normal(strands)
        lines = self.place((first + shares[:, None, None] * across).reshape(-1, 2))
        length = 2 * len(first)
        for strand, tone in enumerate(tones.tolist()):
            # Dark hair shows its strands by reflections, so a little is added besides the factor.
            lit = [channel * (1 + face.strands * tone) + 15 * face.strands * tone for channel in colour]
            line = lines[strand * length : (strand + 1) * length]
            self.draw.line(line, fill=_rgb(lit), width=width, joint="curve")


@cache
def _spline(count: int, closed: bool, steps: int = 5) -> np.ndarray:
    """Return the weights of a Catmull-Rom spline through count points: (points of the curve, count)."""
    rows = []
    for start in range(count if closed else count - 1):
        for t in np.arange(steps) / steps:
            weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2)
            row = np.zeros(count)
            for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
                near = start + offset
                row[near % count if closed else min(max(near, 0), count - 1)] += weight / 2
            rows.append(row)
    if not closed:
        rows.append(np.eye(count)[-1])
    return np.array(rows)


def _through(points, closed: bool) -> np.ndarray:
    return _spline(len(points), closed) @ np.asarray(points, float)


def _rgb(colour) -> tuple[int, int, int, int]:
    red, green, blue = (min(255, max(0, int(channel))) for channel in colour)
    return red, green, blue, 255


def mix(colour, other, share: float) -> list[float]:
    """Return the colour that lies the given share of the way from one to the other."""
    return [a + share * (b - a) for a, b in zip(colour, other, strict=True)]


def dim(colour, factor: float) -> list[float]:
    """Return the colour times the factor."""
    return [factor * channel for channel in colour]
