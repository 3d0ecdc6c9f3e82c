"""Light, soft features, background and grain for batches of drawn faces."""

import numpy as np

from hwlib.data.sample.face_pen import SIZE


def shade(
    body: np.ndarray, front: np.ndarray, skin: np.ndarray, traits: dict[str, np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Return uint8 (N, 64, 64, 3) from the layers of N faces.

    body, front: (N, 64, 64, 4) RGB times alpha, and alpha, in 0..255: behind and before the soft features.
    skin: (N, 64, 64) in 0..1, where the body shows skin.
    """
    get = {name: values.astype(np.float32) for name, values in traits.items()}
    u, v = _face_coordinates(get)
    light = _light(get, u, v)[..., None]
    cover, ground = front[..., 3:] / 255, body[..., 3:] / 255
    colour = _soft_features(body[..., :3] / np.maximum(ground, 1 / 255), skin, get, u, v)
    # Hair, lips and lids darken the skin next to them a little.
    colour = colour * (1 - 0.22 * skin[..., None] * _blurred(np.roll(cover, 1, axis=1), 0.25, 3))
    colour = light * ((1 - cover) * colour + front[..., :3])
    solid = 1 - (1 - ground) * (1 - cover)
    backdrop = _backdrop(get, rng)
    image = backdrop + solid * (colour - backdrop)
    image *= (get["exposure"][:, None] * get["tint"])[:, None, None]
    image = _blurred(image, get["blur"][:, None, None, None], 1)
    image += get["noise"][:, None, None, None] * rng.standard_normal(image.shape, dtype=np.float32)
    return image.clip(0, 255).round().astype(np.uint8)


def _face_coordinates(get):
    """Return each pixel's place in the face's coordinates, u to the right and v down, (N, 64, 64) each."""
    grid = np.arange(SIZE, dtype=np.float32) + 0.5
    x, y = grid[None, None, :] - get["x"][:, None, None], grid[None, :, None] - get["y"][:, None, None]
    cos, sin = ((f(get["tilt"]) / get["scale"])[:, None, None] for f in (np.cos, np.sin))
    return cos * x + sin * y, cos * y - sin * x


def _light(get, u, v):
    """Return the brightness of a head-shaped ellipsoid lit from one side, about 1 on average, (N, 64, 64)."""
    x, y = u / 18, v / 29
    outside = np.sqrt(np.maximum(x**2 + y**2, 0.92) / 0.92)
    x, y = x / outside, y / outside
    z = np.sqrt(1 - x**2 - y**2)
    lit = get["light_x"][:, None, None] * x + get["light_y"][:, None, None] * y + z
    lit /= np.sqrt(get["light_x"] ** 2 + get["light_y"] ** 2 + 1)[:, None, None]
    return 0.99 + get["contrast"][:, None, None] * (lit - 0.72)


def _soft_features(colour, skin, get, u, v):
    """Paint sockets, nose, cheeks, make-up and beard on the skin: everything that has no edge."""
    yaw = get["yaw"][:, None, None]
    depth = np.sqrt(np.maximum(1 - (u / 16) ** 2 - (v / 27) ** 2, 0))
    u = u - 6 * yaw * depth
    tone = get["skin"][:, None, None]

    def spot(x, y, radius_x, radius_y, paired=True):
        across = (np.abs(u) if paired else u) - x
        return np.exp(-((across / radius_x) ** 2) - ((v - y) / radius_y) ** 2)

    def blend(mask, strength, target):
        nonlocal colour
        share = mask * skin * np.asarray(strength, np.float32).reshape(-1, 1, 1)
        colour = colour + share[..., None] * (target - colour)

    gap = get["eye_gap"][:, None, None]
    blend(spot(gap - 1, -7.5, 4.6, 2.6), 0.20, 0.62 * tone)
    blend(spot(0, 0, 1.2, 7.0, paired=False), 0.28, 1.2 * tone)
    blend(spot(get["nose"][:, None, None] * 0.95, 2.6, 1.1, 2.6), 0.30, 0.66 * tone)
    blend(spot(0, 5.9, 2.8, 1.0, paired=False), 0.36, 0.62 * tone)
    blend(spot(0, 16.2, 3.4, 1.1, paired=False), 0.25, 0.66 * tone)
    high = get["cheeks"]
    blend(spot(9.2, 1.2, 2.8, 2.0), 0.75 * high, np.minimum(1.22 * tone + 14, 255))
    blend(spot(11.4, 7.6, 2.4, 3.6), 0.45 * high, 0.62 * tone)
    makeup = get["makeup"]
    blend(spot(9.6, 4.0, 3.2, 2.4), 0.20 * makeup + 0.08, np.array([214, 92, 98], np.float32))
    blend(spot(gap + 0.4, -7.9, 3.9, 1.9), 0.85 * makeup, get["eye_shadow"][:, None, None])
    # Beard: below a line that falls from the ears to the corners of the mouth, and the upper lip.
    jaw = 1 / (1 + np.exp(-(v - 14.5 + 0.075 * u**2) / 1.1))
    lip = spot(0, 8.2, 4.6, 1.3, paired=False) * (0.5 + get["moustache"])[:, None, None]
    below = 1 / (1 + np.exp(np.minimum(1.5 * (v - get["chin"][:, None, None]), 30)))
    beard = 0.45 * get["hair"] + 0.12 * get["skin"]
    blend(np.minimum(jaw * below + lip, 1), get["stubble"] * 1.3, beard[:, None, None])
    return colour


def _backdrop(get, rng):
    """Return soft backgrounds, (N, 64, 64, 3): coarse random colours, enlarged smoothly."""
    count, cells = len(get["x"]), 6
    place = np.linspace(0, cells - 1, SIZE, dtype=np.float32)
    weights = np.exp(-((place[:, None] - np.arange(cells)) ** 2) / 0.5).astype(np.float32)
    weights /= weights.sum(1, keepdims=True)
    cell = rng.standard_normal((count, cells, cells, 3), dtype=np.float32)
    # Neighbouring channels move together, so the clutter is mostly light and dark.
    cell = 1.5 * cell.mean(-1, keepdims=True) + 0.3 * cell
    cell = get["backdrop"][:, None, None] + get["clutter"][:, None, None, None] * cell
    # No matrix product, whose last bit depends on the processor.
    rows = sum(weights[:, i, None, None] * cell[:, i, None] for i in range(cells))  # (N, 64, cells, 3)
    return sum(weights[:, j, None] * rows[:, :, j, None] for j in range(cells)).clip(0, 255)


def _blurred(image, share, times):
    """Average each pixel of (N, 64, 64, C) with its four neighbours; share is the weight of one pair."""
    for _ in range(times):
        for axis in (1, 2):
            padded = np.pad(image, [(1, 1) if a == axis else (0, 0) for a in range(4)], mode="edge")
            ahead = padded[:, 2:] if axis == 1 else padded[:, :, 2:]
            behind = padded[:, :-2] if axis == 1 else padded[:, :, :-2]
            image = (1 - 2 * share) * image + share * (ahead + behind)
    return image
