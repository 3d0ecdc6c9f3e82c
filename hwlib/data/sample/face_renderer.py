"""Draws faces: hard shapes with the pen, one face after the other, then light and texture in batches."""

from types import SimpleNamespace

import numpy as np

from hwlib.data.sample.face_pen import CIRCLE, SIZE, Pen, dim, mix
from hwlib.data.sample.face_shading import shade


def render(traits: dict[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return uint8 (N, 64, 64, 3) RGB faces for traits of (N,) or (N, 3) each (see `faces._traits`)."""
    count = len(traits["x"])
    body = np.empty((count, SIZE, SIZE, 4), np.float32)
    front = np.empty((count, SIZE, SIZE, 4), np.float32)
    skin = np.empty((count, SIZE, SIZE), np.float32)
    columns = [values.tolist() for values in traits.values()]
    for index, row in enumerate(zip(*columns, strict=True)):
        pen = Pen(SimpleNamespace(**dict(zip(traits, row, strict=True))), rng)
        _draw_body(pen)
        body[index], skin[index] = pen.finish()
        _draw_features(pen)
        _draw_front_hair(pen)
        front[index], _ = pen.finish()
    return shade(body, front, skin / 255, traits, rng)


def _draw_body(pen: Pen) -> None:
    """Draw what lies behind the features: hair at the back, clothes, neck, ears and the face itself."""
    face = pen.face
    width, chin, neck = face.width, face.chin, face.neck
    if face.long:
        side, end = width + face.volume, face.length
        back = [(0, -face.crown), (side * 0.75, -24), (side, -8), (side + 0.5, 8), (side * 0.98, end)]
        back += [(-x, y) for x, y in reversed(back[1:])]
        pen.shape(back, dim(face.hair, 0.62))
    elif face.bun and not (face.male or face.bald or face.hat):
        pen.dot(face.part / 2, -face.crown - 1, 6, 5, dim(face.hair, 0.85))
    slope = 27 if face.male else 28.5
    collar = neck + (1.5 if face.male else 3.0)
    shoulders = [(-45, 45), (-33, slope + 6), (-24, slope), (-collar, slope - 4)]
    shoulders += [(-x, y) for x, y in reversed(shoulders)]
    pen.shape(shoulders, face.clothes, smooth=False)
    shadow = dim(face.skin, 0.80)
    throat = [(-neck, 8), (neck, 8), (neck, 20), (collar, slope - 3), (-collar, slope - 3), (-neck, 20)]
    pen.shape(throat, shadow, skin=True, smooth=False)
    depth = (slope - 1, slope + 2.5, slope + 9)[face.neckline]
    pen.shape([(-collar, slope - 4.2), (0, depth), (collar, slope - 4.2)], shadow, skin=True, smooth=face.neckline < 2)
    if not face.long:
        for side in (-1, 1):
            pen.dot(side * (width + 0.3), -2.5, 2.0, 4.0, dim(face.skin, 0.93), skin=True)
            pen.dot(side * (width + 0.7), -2.3, 0.8, 2.4, dim(face.skin, 0.74), skin=True)
            if face.earring:
                pen.dot(side * (width + 0.8), 3.0, 0.7, 1.2, (236, 226, 190))
    angle = np.linspace(0, np.pi, 25)
    cos, sin = np.cos(angle), np.sin(angle)
    # A superellipse: the exponent goes from a pointed chin (under 2) to a square jaw (over 2).
    jaw_x = width * np.sign(cos) * np.abs(cos) ** (2 / face.jaw)
    jaw = np.stack([jaw_x, (chin + 4) * sin ** (2 / face.jaw) - 4], axis=1)
    skull = np.stack([-width * cos, -22 * sin - 4], axis=1)
    pen.shape(np.concatenate([jaw, skull]), face.skin, skin=True, smooth=False)


def _draw_features(pen: Pen) -> None:
    """Draw brows, eyes, nostrils, mouth, folds and glasses."""
    face = pen.face
    for side in (-1, 1):
        _draw_eye(pen, side)
        pen.dot(side * face.nose * 0.52, 4.6, 0.75, 0.45, dim(face.skin, 0.48))
        if face.smiling or face.old:
            fold = [(side * (face.nose + 1.0), 4.0), (side * (face.mouth - 0.2), 6.6), (side * (face.mouth + 1.3), 9.6)]
            pen.stroke(fold, dim(face.skin, 0.80), 0.4)
    if face.old:
        for y in (-14.2, -16.2):
            pen.stroke([(-5, y + 0.3), (0, y), (5, y + 0.3)], dim(face.skin, 0.86), 0.3)
    _draw_mouth(pen)
    if face.glasses:
        for side in (-1, 1):
            ring = CIRCLE * [5.0, 3.6] + [side * (face.eye_gap + 0.2), -5.6]
            if face.glasses == 2 and not face.makeup:
                pen.shape(ring, (34, 32, 36), smooth=False)
            pen.stroke(ring, (26, 24, 28), 0.55, smooth=False)
            pen.stroke([(side * (face.eye_gap + 5.1), -6.4), (side * face.width, -6.8)], (26, 24, 28), 0.6)
        pen.stroke([(-3, -6.4), (0, -7.0), (3, -6.4)], (26, 24, 28), 0.6)


def _draw_eye(pen: Pen, side: int) -> None:
    face = pen.face
    half, tall = 3.1 * face.eye, 1.5 * face.eye * face.squint
    centre, y = side * face.eye_gap, -6.0
    inner, outer = (centre - side * half, y + 0.4), (centre + side * half, y - 0.1)
    upper = [inner, (centre - side * half * 0.5, y - tall * 0.75), (centre + side * half * 0.3, y - tall), outer]
    lower = [(centre + side * half * 0.3, y + tall * 0.75), (centre - side * half * 0.5, y + tall * 0.7)]
    pen.shape(upper + lower, (226, 219, 213))
    look = centre + face.gaze
    pen.dot(look, y - 0.15, 1.45, min(1.35, 0.95 * tall), dim(face.iris, 0.85))
    pen.dot(look, y - 0.15, 0.7, min(0.7, tall), (12, 10, 12))
    pen.dot(look + 0.45, y - 0.6, 0.3, 0.3, (250, 250, 250))
    lid = mix(dim(face.skin, 0.35), (20, 14, 14), min(1, face.makeup + 0.25))
    pen.stroke(upper, lid, 0.85 if face.makeup else 0.45)
    if face.makeup:
        wing = (outer[0] + side * 1.5, outer[1] - 1.2)
        pen.stroke([outer, wing], lid, 0.7)
        pen.stroke([inner, (centre, y + tall * 0.85), outer], lid, 0.4)
    crease = [(x, at - 0.9) for x, at in upper[1:]]
    pen.stroke(crease, dim(face.skin, 0.66), 0.3)
    tone = mix(dim(face.hair, 0.62), dim(face.skin, 0.4), 0.35)
    thick, top, slope = face.brow, face.brow_height, face.brow_slope
    brow = [(3.5, top + slope), (7.8, top - face.brow_arch), (12.2, top + 0.8 - slope)]
    under = [(8.2, top - face.brow_arch + 1.7 * thick), (3.7, top + slope + 1.8 * thick)]
    pen.shape([(side * x, at) for x, at in brow + under], tone)


def _draw_mouth(pen: Pen) -> None:
    face = pen.face
    half, smile, gap, full = face.mouth, face.smile, face.gap, face.lip_fullness
    base = face.mouth_y - 0.25 * face.smile
    x = np.linspace(-1, 1, 13)
    arch = 1 - x**2
    # The corners of a smile go up and its middle down; an open mouth drops the lower lip.
    line = base - smile * (x**2 - 0.45)
    above, below = line - 0.2 * gap * arch, line + 0.8 * gap * arch
    bow = 1.25 * full * arch**0.8 * (1 - 0.28 * np.exp(-((x / 0.16) ** 2)))
    lower_lip = below + (1.65 * full * arch**0.7)
    edges = [np.stack([half * x, y], axis=1) for y in (above - bow, lower_lip, above, below)]
    pen.shape(np.concatenate([edges[0], edges[1][::-1]]), face.lips, smooth=False)
    shine = edges[1][4:9] - [0, 0.85 * full]
    pen.stroke(shine, mix(face.lips, (255, 235, 235), 0.30), 0.5 * full, smooth=False)
    if not gap:
        pen.stroke(edges[2], dim(face.lips, 0.5), 0.45, smooth=False)
        return
    pen.shape(np.concatenate([edges[2], edges[3][::-1]]), (58, 18, 20), smooth=False)
    reach = 0.85 if smile > 1 else 0.45
    teeth = np.stack([half * x, above + reach * (below - above)], axis=1)
    pen.shape(np.concatenate([edges[2][1:-1], teeth[1:-1][::-1]]), (240, 236, 228), smooth=False)


def _draw_front_hair(pen: Pen) -> None:
    """Draw the hair in front of the face: cap, locks at the sides and bangs; or a hat."""
    face = pen.face
    width, crown, part = face.width, face.crown, face.part
    if face.bald:
        return
    if face.hat:
        side = width + 1.6
        dome = [(-side, -11), (-side, -20), (-side * 0.6, -crown), (side * 0.6, -crown), (side, -20), (side, -11)]
        pen.shape([*dome, (0, -14)], face.clothes)
        rim = [(-side, -11), (0, -14.3), (side, -11)]
        pen.stroke(rim, dim(face.clothes, 0.7), 3.2)
        return
    # How much of the crown the hair adds: cropped hair lies flat, short waves stand up.
    top = crown - 1.6 if face.cropped else crown if face.long else crown + 0.9
    side, ear = width + (face.volume * 0.75 if face.long else 1.3), -4.0 if face.male else -5.0
    outer = [(-side, ear), (-side * 0.98, -16), (-side * 0.6, -top + 3), (0, -top)]
    outer += [(side * 0.6, -top + 3), (side * 0.98, -16), (side, ear)]
    low = -18.0 if face.male else -17.5
    line = [(-width + 0.4, ear), (-width + 1.6, -11), (-width * 0.6, low), (part, low - 4.0), (width * 0.6, low)]
    line += [(width - 1.6, -11), (width - 0.4, ear)]
    pen.band(outer, line, face.hair, 20)
    if face.long:
        for sign in (-1, 1):
            out = sign * (width + face.volume)
            lock_out = [(sign * width * 0.5, -crown + 4), (out * 0.97, -14), (out, 2), (out, face.length)]
            drop = (sign * (width + 1.0), face.length)
            lock_in = [(sign * width * 0.55, low - 3), (sign * (width - 1.6), -10), (sign * (width - 1.0), 4), drop]
            pen.band(lock_out, lock_in, face.hair, 9)
    if face.bangs:
        tip = -11.6 if face.male else -11.0
        left = [(part - 4, -crown + 2), (-width * 0.75, -20), (-width + 0.2, tip + 1)]
        right = [(part + 4, -crown + 2), (width * 0.75, -20), (width - 0.2, tip + 1)]
        pen.band(left, right, face.hair, 14)
        # Uneven tips: narrow wedges over the lower edge.
        ends = tip + pen.rng.uniform(0.2, 3.2, 9)
        for x, end in zip(np.linspace(-width + 1.5, width - 1.5, 9).tolist(), ends.tolist(), strict=True):
            tone = dim(face.hair, 0.9 + 0.2 * (end % 1))
            pen.shape([(x - 2, tip - 3), (x + 2, tip - 3), (x + 1, end), (x + 0.2 * part, end)], tone, smooth=False)
