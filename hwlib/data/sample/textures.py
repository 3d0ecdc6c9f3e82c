"""Random colours and random textures, drawn for a whole batch at once.

Everything here is element-wise NumPy in a fixed order, without matrix products, so the same generator gives the
same bits whatever number of threads the machine has.
"""

import numpy as np

WARM, BLUE = np.deg2rad(25), np.deg2rad(235)


def colours(rng: np.random.Generator, luminance: np.ndarray, chroma: np.ndarray) -> np.ndarray:
    """Return float32 (N, 3) colours whose channel mean is `luminance` (N,) and whose strength is `chroma` (N,).

    Both are on the 0..255 scale; the result is not clipped. Hues are mostly warm or blue, as outdoors.
    """
    count = len(luminance)
    centre = rng.choice([WARM, BLUE], count, p=[0.55, 0.45])
    hue = np.where(rng.random(count) < 0.8, rng.normal(centre, 0.4), rng.uniform(0, 2 * np.pi, count))
    wheel = np.cos(hue[:, None] - np.deg2rad([0, 120, 240]))
    return (luminance[:, None] + chroma[:, None] * wheel).astype(np.float32)


def octaves(rng: np.random.Generator, count: int, size: int, cells: tuple[int, ...] = (2, 4, 7, 14)) -> np.ndarray:
    """Return value noise, float32 (count, size, size), each image with mean 0 and standard deviation 1.

    Random grids with `cells` cells a side are enlarged bilinearly and summed; how much the fine grids weigh is
    random for each image, so some are smooth and some rough.
    """
    roughness = rng.uniform(0.3, 1.0, (count, 1, 1)).astype(np.float32)
    total = np.zeros((count, size, size), np.float32)
    for level, cell in enumerate(cells):
        grid = rng.standard_normal((count, cell + 1, cell + 1), dtype=np.float32)
        total += roughness**level * _enlarge(_enlarge(grid, size).swapaxes(1, 2), size).swapaxes(1, 2)
    total -= total.mean((1, 2), keepdims=True)
    return total / total.std((1, 2), keepdims=True)


def textures(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """Return uint8 (count, size, size, 3) textures: noise, stripes, gradients and blobs in random colours."""
    rough = octaves(rng, count, size)
    along = _ramp(rng, count, size)
    period = rng.uniform(0.15, 0.6, (count, 1, 1)) * size
    bend = rng.uniform(0, 0.12, (count, 1, 1))
    stripes = np.sin(2 * np.pi * (along / period + bend * rough)) * rng.uniform(1, 3, (count, 1, 1))
    shade = along / size * 3 + 0.15 * rough
    mixes = np.stack([rough, stripes + 0.3 * rough, shade, _blobs(rng, count, size) + 0.1 * rough])
    field = mixes[rng.integers(len(mixes), size=count), np.arange(count)]
    mix = 1 / (1 + np.exp(-1.5 * field))[..., None]  # (N, size, size, 1), between the two colours

    # The two colours lie near each other, as within one surface, and both are a little muted.
    luminance = rng.uniform(20, 235, count)
    chroma = rng.gamma(2.0, 11.0, count)
    first = colours(rng, luminance, chroma)
    second = colours(rng, luminance + rng.normal(0, 55, count), chroma * rng.uniform(0.3, 1.3, count))
    image = first[:, None, None] * (1 - mix) + second[:, None, None] * mix
    grain = rng.standard_normal((count, size, size, 1), dtype=np.float32)
    image += grain * rng.gamma(1.5, 3.0, (count, 1, 1, 1))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _enlarge(grid, size):
    """Enlarge (N, cells + 1, M) to (N, size, M), linearly along the second axis."""
    position = (np.arange(size, dtype=np.float32) + 0.5) / size * (grid.shape[1] - 1)
    below = position.astype(int)
    weight = (position - below)[:, None]
    return grid[:, below] * (1 - weight) + grid[:, below + 1] * weight


def _ramp(rng, count, size):
    """Return (N, size, size): the distance from the centre, in pixels, along a random direction."""
    angle = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    axis = np.arange(size) - (size - 1) / 2
    return np.cos(angle) * axis + np.sin(angle) * axis[:, None]


def _blobs(rng, count, size, blobs=6):
    """Return (N, size, size): a few soft-edged discs, about -1 outside and 1 or more inside."""
    axis = np.arange(size)
    total = np.full((count, size, size), -1.5)
    for _ in range(blobs):
        x, y = rng.uniform(0, size, (2, count, 1, 1))
        radius = rng.uniform(0.05, 0.25, (count, 1, 1)) * size
        distance = np.hypot(axis - x, axis[:, None] - y)
        total += 3 / (1 + np.exp(np.clip(2 * (distance - radius), -30, 30)))
    return total
