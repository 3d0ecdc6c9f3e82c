"""Rendered stand-ins for the course's faces: who is drawn, with attributes known by construction.

The rates and the correlations follow CelebA's table (Liu et al. 2015), as `CARD.md` beside this file compares; no
photograph is involved.
"""

import numpy as np
import torch

from hwlib.data.imageset import ATTRIBUTES
from hwlib.data.sample.face_renderer import render
from hwlib.errors import WorkbookError

SPLITS = {"train": (4000, 40_001), "test": (800, 40_002)}
"""Images and seed of each split."""

BATCH = 100

SKINS = np.array(
    [(238, 200, 180), (232, 186, 162), (224, 174, 146), (212, 158, 126), (194, 140, 106), (160, 108, 78), (118, 76, 56)]
)
IRISES = np.array([(70, 44, 28), (98, 64, 36), (72, 104, 140), (104, 136, 150), (86, 108, 70), (110, 96, 60)])
LIPSTICKS = np.array([(186, 24, 44), (206, 50, 84), (158, 26, 62), (214, 70, 74), (138, 24, 46)])
SHADOWS = np.array([(70, 44, 52), (96, 58, 92), (62, 70, 112), (104, 66, 44), (48, 42, 46)])
CLOTHES = np.array(
    [
        (28, 28, 32),
        (46, 44, 52),
        (226, 224, 220),
        (34, 46, 84),
        (120, 30, 38),
        (90, 92, 98),
        (60, 78, 62),
        (86, 118, 150),
    ]
)
HAIRS = {
    "black": np.array([(24, 21, 23), (34, 27, 26), (20, 20, 28)]),
    "brown": np.array([(104, 66, 40), (84, 52, 33), (124, 80, 50)]),
    "blond": np.array([(226, 190, 122), (212, 172, 104), (238, 212, 156)]),
    "red": np.array([(142, 64, 38), (118, 46, 32), (170, 94, 54)]),
    "ash": np.array([(78, 66, 60), (96, 86, 78), (116, 104, 92), (134, 122, 108)]),
    "grey": np.array([(156, 154, 152), (190, 188, 186)]),
}


# Who is drawn: conditional rates of CelebA, rounded. An axis `group` is men, and women with neither lipstick nor heavy
# make-up, with lipstick alone, and with heavy make-up; an axis `colour` is no named hair colour, black, brown, blond.
GROUPS = np.array([0.373, 0.073, 0.122, 0.432])
LIPSTICK = np.array([0.006, 0.0, 1.0, 0.985])
SMILING = np.array([0.42, 0.46, 0.49, 0.63])
CHEEKS = np.array([[0.09, 0.13, 0.16, 0.24], [0.63, 0.81, 0.87, 0.94]])  # (smiling, group)
MOUTH_OPEN = np.array([[0.205, 0.24], [0.63, 0.78]])  # (smiling, high cheekbones)
COLOURS = np.array(  # (group, colour)
    [
        [0.498, 0.351, 0.129, 0.022],
        [0.441, 0.210, 0.176, 0.173],
        [0.386, 0.208, 0.228, 0.178],
        [0.317, 0.256, 0.226, 0.201],
    ]
)
WAVY = np.array(  # (group, colour)
    [[0.11, 0.17, 0.32, 0.16], [0.27, 0.23, 0.40, 0.32], [0.43, 0.36, 0.59, 0.47], [0.53, 0.51, 0.68, 0.54]]
)
STRAIGHT = np.array([[0.25, 0.435, 0.335, 0.54], [0.31, 0.35, 0.37, 0.42]])  # (woman, colour), of hair that is not wavy
BANGS, BANGS_BY_COLOUR = np.array([0.059, 0.13, 0.21, 0.20]), np.array([0.9, 0.85, 1.2, 1.3])
BIG_LIPS, BIG_LIPS_BY_COLOUR = np.array([0.215, 0.22, 0.445, 0.41]), np.array([0.98, 1.08, 0.82, 1.15])


def faces(split: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return images, uint8 (N, 3, 64, 64) RGB, and attributes, uint8 (N, 13) of 0 and 1 in the order of `ATTRIBUTES`.

    N is 4000 for `train` and 800 for `test`. Every call draws the same faces; the splits share none.
    Raises WorkbookError for any other split.
    """
    return _faces(*_split(split))


def attributes(split: str) -> torch.Tensor:
    """Return what `faces` returns as attributes, uint8 (N, 13), without drawing a face."""
    count, seed = _split(split)
    return torch.from_numpy(_table([wanted for _, wanted in _batches(count, seed)]))


def _faces(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    images, batches = [], []
    for rng, wanted in _batches(count, seed):
        images.append(render(_traits(rng, wanted), rng))
        batches.append(wanted)
    pixels = torch.from_numpy(np.concatenate(images)).permute(0, 3, 1, 2).contiguous()
    return pixels, torch.from_numpy(_table(batches))


def _split(split):
    if split not in SPLITS:
        raise WorkbookError(f"split {split!r} of the sample faces: there is none; choose one of {', '.join(SPLITS)}")
    return SPLITS[split]


def _batches(count, seed):
    """Yield the generator and the attributes of each batch; the attributes are the first that is drawn."""
    for start in range(0, count, BATCH):
        # A generator for each batch: a smaller count gives the first faces of a larger one.
        rng = np.random.default_rng([seed, start])
        yield rng, _attributes(rng, min(BATCH, count - start))


def _table(batches):
    columns = (np.concatenate([wanted[name] for wanted in batches]) for name in ATTRIBUTES)
    return np.stack(list(columns), axis=1).astype(np.uint8)


def _attributes(rng: np.random.Generator, count: int) -> dict[str, np.ndarray]:
    """Draw the 13 attributes, bool (count,) each, one after the other, as the tables of `GROUPS` and below say."""

    def chance(probability):
        return rng.random(count) < probability

    group = _choose(rng, np.broadcast_to(GROUPS, (count, 4)))
    smiling = chance(SMILING[group])
    cheeks = chance(CHEEKS[smiling.astype(int), group])
    colour = _choose(rng, COLOURS[group])
    wavy = chance(WAVY[group, colour])
    return {
        "Bangs": chance(BANGS[group] * BANGS_BY_COLOUR[colour]),
        "Big_Lips": chance(BIG_LIPS[group] * BIG_LIPS_BY_COLOUR[colour]),
        "Black_Hair": colour == 1,
        "Blond_Hair": colour == 3,
        "Brown_Hair": colour == 2,
        "Heavy_Makeup": group == 3,
        "High_Cheekbones": cheeks,
        "Male": group == 0,
        "Mouth_Slightly_Open": chance(MOUTH_OPEN[smiling.astype(int), cheeks.astype(int)]),
        "Smiling": smiling,
        "Straight_Hair": ~wavy & chance(STRAIGHT[np.minimum(group, 1), colour]),
        "Wavy_Hair": wavy,
        "Wearing_Lipstick": chance(LIPSTICK[group]),
    }


def _choose(rng, shares):
    """Draw one of the columns of `shares` (N, K) for each row, int64 (N,)."""
    return (rng.random(len(shares))[:, None] >= np.cumsum(shares, axis=1)[:, :-1]).sum(1)


def _traits(rng: np.random.Generator, wanted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Draw all that the renderer needs, (count,) or (count, 3) each; lengths are pixels of the 64x64 image."""
    male, smiling, makeup = wanted["Male"], wanted["Smiling"], wanted["Heavy_Makeup"]
    opened, big, bangs = wanted["Mouth_Slightly_Open"], wanted["Big_Lips"], wanted["Bangs"]
    wavy, straight = wanted["Wavy_Hair"], wanted["Straight_Hair"]
    count = len(male)

    def normal(mean, deviation, reach=2.2):
        return mean + deviation * rng.standard_normal(count).clip(-reach, reach)

    def uniform(low, high):
        return low + (np.asarray(high) - low) * rng.random(count)

    def pick(palette, jitter=0.05):
        chosen = palette[rng.integers(len(palette), size=count)]
        return (chosen * normal(1, jitter)[:, None]).clip(0, 255)

    hair = pick(np.concatenate([HAIRS["red"], HAIRS["ash"], HAIRS["grey"]]))
    grey = np.ptp(hair, axis=1) < 12
    coloured = np.zeros(count, bool)
    for name, key in (("Black_Hair", "black"), ("Brown_Hair", "brown"), ("Blond_Hair", "blond")):
        hair = np.where(wanted[name][:, None], pick(HAIRS[key], 0.08), hair)
        coloured |= wanted[name]
    skin = pick(SKINS, 0.04)
    fair = wanted["Blond_Hair"] | (~coloured & ~grey)
    skin = np.where(fair[:, None] & (skin.mean(1) < 150)[:, None], SKINS[1], skin)

    # A face without any hair attribute may be bald or wear a hat: nothing is hidden that a label names.
    free = ~coloured & ~wavy & ~straight & ~bangs
    top = rng.random(count)
    bald = free & male & (top < 0.18)
    hat = free & ~bald & (top > 0.80)
    loose = np.where(male, 0.05, np.where(wavy | straight | bangs, 0.92, 0.25))
    long = ~bald & ~hat & (rng.random(count) < loose)
    lips = skin * [0.84, 0.62, 0.60] + [14, 4, 6]
    lipstick = wanted["Wearing_Lipstick"]
    fullness = np.where(big, normal(2.05, 0.14), normal(0.92, 0.10))
    stubble = np.where(male & (rng.random(count) < 0.6), uniform(0.15, 0.65), 0.0)
    backdrop = np.where(rng.random(count) < 0.2, uniform(195, 240), uniform(25, 170))[:, None]
    return {
        "male": male,
        "x": normal(32, 0.8),
        "y": normal(33, 0.7),
        "scale": normal(1.0, 0.03),
        "tilt": normal(0.0, 0.06),
        "yaw": normal(0.0, 0.22),
        "skin": skin,
        "hair": hair,
        "iris": pick(IRISES),
        "width": np.where(male, normal(14.7, 0.5), normal(13.9, 0.5)),
        "chin": np.where(male, normal(22.0, 0.7), normal(20.6, 0.7)),
        "jaw": np.where(male, normal(2.45, 0.15), normal(1.98, 0.08)),
        "neck": np.where(male, normal(11.0, 0.6), normal(7.2, 0.5)),
        "eye": normal(1.0, 0.08) * np.where(male, 0.94, 1.06),
        "eye_gap": normal(7.7, 0.3),
        "squint": np.where(smiling, 0.76, 1.0),
        "gaze": normal(0.0, 0.4),
        "brow": np.where(male, normal(1.05, 0.15), normal(0.55, 0.1)),
        "brow_slope": normal(0.1, 0.3),
        "brow_height": np.where(male, normal(-10.7, 0.4), normal(-11.5, 0.4)),
        "brow_arch": np.where(male, normal(0.4, 0.25), normal(0.9, 0.25)),
        "nose": np.where(male, normal(2.7, 0.25), normal(2.2, 0.2)),
        "mouth": normal(5.3, 0.3) + np.where(smiling, 1.5, 0) + np.where(male, 0.3, 0),
        "mouth_y": normal(11.2, 0.4),
        "smile": np.where(smiling, uniform(1.9, 2.9), uniform(-0.35, 0.3)),
        "gap": np.where(opened, uniform(1.9, 3.3), 0.0),
        "lip_fullness": fullness,
        "lips": np.where(lipstick[:, None], pick(LIPSTICKS), lips),
        "smiling": smiling,
        "cheeks": wanted["High_Cheekbones"] * uniform(0.8, 1.1),
        "makeup": makeup * uniform(0.8, 1.05),
        "eye_shadow": pick(SHADOWS),
        "stubble": stubble,
        "moustache": (rng.random(count) < 0.5) & (stubble > 0.25),
        "bangs": bangs,
        # Long hair that is called neither straight nor wavy bends a little.
        "wave": np.where(wavy, uniform(1.2, 1.8), np.where(long & ~straight, 0.35, 0.0)),
        "strands": np.where(straight, 0.34, np.where(wavy, 0.30, 0.05)),
        "long": long,
        "cropped": ~(wavy | straight | long),
        "bald": bald,
        "hat": hat,
        "bun": rng.random(count) < 0.3,
        "length": uniform(14.0, 40.0),
        "volume": normal(4.2, 0.9) + np.where(wavy, 1.6, 0.0),
        "crown": normal(29.5, 0.8),
        "part": uniform(-7.0, 7.0),
        "old": grey & ~coloured,
        "glasses": (rng.random(count) < 0.07) * rng.integers(1, 3, count),
        "earring": ~male & (rng.random(count) < 0.4),
        "light_x": normal(0.0, 0.45),
        "light_y": uniform(-0.7, -0.1),
        "contrast": uniform(0.35, 0.65),
        "exposure": normal(1.0, 0.08),
        "tint": 1 + 0.022 * rng.standard_normal((count, 3)).clip(-2, 2),
        "backdrop": (backdrop + uniform(3, 24)[:, None] * rng.standard_normal((count, 3))).clip(5, 250),
        "clutter": uniform(4, 38),
        "clothes": pick(CLOTHES, 0.15),
        "neckline": rng.integers(0, 3, count),
        "blur": uniform(0.0, 0.12),
        "noise": uniform(1.0, 3.0),
    }
