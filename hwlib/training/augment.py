"""Random views of digits: batched, on the device of the images, with a draw of its own for each of them.

Images are float (B, 3, 28, 28) around [-1, 1]. What is drawn is apart from what is done with it, so that a test can do
the same to one image at a time. Nothing is mirrored: a mirrored digit is another sign, or none.
"""

import torch
from torch.nn.functional import affine_grid, grid_sample

SIDE = 28


def uniform(shape: int | tuple[int, ...], low: float, high: float, device: torch.device) -> torch.Tensor:
    """Return float32 numbers between `low` and `high`, from the device's default generator."""
    return low + (high - low) * torch.rand(shape, device=device)


def chosen(count: int, share: float, device: torch.device) -> torch.Tensor:
    """Return bool (count, 1, 1, 1), true with probability `share`."""
    return torch.rand(count, 1, 1, 1, device=device) < share


def affine_matrices(
    count: int, device: torch.device, *, rotation: float, scale: float, shear: float, shift: float
) -> torch.Tensor:
    """Draw `count` affine maps (count, 2, 3) from places in the view to places in the image, in `affine_grid`'s units.

    rotation: radians at most, either way. scale: the size changes by a factor between exp(-scale) and exp(scale), and
    width and height, against each other, by half of that each. shear: of rows along each other, at most. shift: pixels
    at most.
    """
    angle = uniform(count, -rotation, rotation, device)
    size, aspect = (torch.exp(uniform(count, -s, s, device)) for s in (scale, scale / 2))
    slope = uniform(count, -shear, shear, device)
    cos, sin = angle.cos(), angle.sin()
    across, down = size * aspect, size / aspect
    # rotation @ [[1, slope], [0, 1]] @ diag(across, down)
    top = torch.stack((cos * across, (cos * slope - sin) * down), 1)
    bottom = torch.stack((sin * across, (sin * slope + cos) * down), 1)
    moved = uniform((count, 2), -shift, shift, device) * 2 / SIDE
    return torch.cat((torch.stack((top, bottom), 1), moved[:, :, None]), 2)


def warp(images: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    """See each image through its affine map, bilinearly; beyond the edge lie the edge's pixels."""
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def cut(
    images: torch.Tensor, row: torch.Tensor, column: torch.Tensor, side: torch.Tensor, fill: torch.Tensor
) -> torch.Tensor:
    """Paint the pixels less than `side` / 2 from (row, column), all (B,), with the colour `fill` (B, 3, 1, 1).

    That is a square of `side` pixels where `side` is odd, and of one less where it is even.
    """
    pixels = torch.arange(SIDE, device=images.device)
    rows = 2 * (pixels - row[:, None]).abs() < side[:, None]  # (B, 28)
    columns = 2 * (pixels - column[:, None]).abs() < side[:, None]
    return torch.where((rows[:, :, None] & columns[:, None, :])[:, None], fill, images)


def random_cut(images: torch.Tensor, largest: int) -> torch.Tensor:
    """Cutout (DeVries & Taylor 2017): a square of at most `largest` pixels a side anywhere, of any one colour."""
    n, device = len(images), images.device
    row, column = torch.randint(SIDE, (2, n), device=device)
    side = torch.randint(largest + 1, (n,), device=device)
    return cut(images, row, column, side, uniform((n, 3, 1, 1), -1, 1, device))


def flip_intensity(images: torch.Tensor, share: float) -> torch.Tensor:
    """Turn dark into bright in a `share` of the images (French et al. 2018, §4): which of them is the digit, differs
    between sets."""
    return torch.where(chosen(len(images), share, images.device), -images, images)


def recolour(images: torch.Tensor, contrast: tuple[float, float], brightness: float, colour: float) -> torch.Tensor:
    """Scale and shift intensities: of all channels by a common contrast, drawn between exp of two bounds, and a common
    brightness, and of each channel by up to `colour` on top (shifts by up to 0.6 of it)."""
    n, device = len(images), images.device
    gain = torch.exp(uniform((n, 1, 1, 1), *contrast, device)) * uniform((n, 3, 1, 1), 1 - colour, 1 + colour, device)
    offset = uniform((n, 1, 1, 1), -brightness, brightness, device)
    return images * gain + offset + uniform((n, 3, 1, 1), -0.6 * colour, 0.6 * colour, device)


def noisy(images: torch.Tensor, most: float) -> torch.Tensor:
    """Add Gaussian noise whose deviation is drawn for each image, up to `most`."""
    return images + torch.randn_like(images) * uniform((len(images), 1, 1, 1), 0, most, images.device)


def beside(images: torch.Tensor, others: torch.Tensor, share: float) -> torch.Tensor:
    """Lay 3 to 10 columns of another image's edge over the opposite edge of a `share` of the images.

    A digit that was cut out of a longer number shows parts of its neighbours so.
    """
    n, device = len(images), images.device
    reach = SIDE - torch.randint(3, 11, (n, 1), device=device)
    columns = torch.arange(SIDE, device=device)
    to_the_left = torch.rand(n, 1, device=device) < 0.5
    place = torch.where(to_the_left, columns + reach, columns - reach)  # (B, 28), columns of the other image
    laid = (place >= 0) & (place < SIDE) & (torch.rand(n, 1, device=device) < share)
    strips = others.gather(3, place.clamp(0, SIDE - 1)[:, None, None].expand_as(images))
    return torch.where(laid[:, None, None], strips, images)


def weak(images: torch.Tensor) -> torch.Tensor:
    """A view that a digit may be expected to survive unharmed: a slight turn, stretch and shift."""
    return warp(images, affine_matrices(len(images), images.device, rotation=0.1, scale=0.1, shear=0.05, shift=2))


def mild(images: torch.Tensor) -> torch.Tensor:
    """A view for plain training of problem 3: a moderate turn, stretch and shift, either polarity, other contrasts."""
    n, device = len(images), images.device
    images = warp(images, affine_matrices(n, device, rotation=0.2, scale=0.2, shear=0.1, shift=2))
    return recolour(flip_intensity(images, 0.5), contrast=(-0.5, 0.2), brightness=0.2, colour=0.3)


def strong(images: torch.Tensor, without: str = "") -> torch.Tensor:
    """A view that changes what a digit's name does not hang on: surroundings, pose, polarity, colours; noise, a hole.

    without: `neighbours`, `geometry`, `intensity` or `noise` (and the hole) leaves that part out.
    """
    n, device = len(images), images.device
    if without != "neighbours":
        images = beside(images, images.roll(1, 0), 0.3)
    if without != "geometry":
        images = warp(images, affine_matrices(n, device, rotation=0.35, scale=0.25, shear=0.25, shift=3))
    if without != "intensity":
        images = flip_intensity(images, 0.5)
        images = recolour(images, contrast=(-0.7, 0.4), brightness=0.3, colour=0.5)
    return images if without == "noise" else random_cut(noisy(images, 0.15), 8)


def is_grey(images: torch.Tensor) -> bool:
    """Whether uint8 images (N, C, H, W) carry no colour: one channel, or three that are alike."""
    return images.shape[1] == 1 or bool((images == images[:, :1]).all())


def patches(images: torch.Tensor) -> torch.Tensor:
    """Cut a patch a quarter to four fifths as wide out of each image, mirrored or not, and enlarge it to the whole.

    Used as backgrounds, where nothing has to be legible.
    """
    n, device = len(images), images.device
    zoom = uniform(n, 0.25, 0.8, device)
    turned = torch.where(torch.rand(n, device=device) < 0.5, -zoom, zoom)
    nothing = torch.zeros_like(zoom)
    place = uniform((n, 2), -1, 1, device) * (1 - zoom)[:, None]
    top, bottom = torch.stack((turned, nothing, place[:, 0]), 1), torch.stack((nothing, zoom, place[:, 1]), 1)
    return warp(images, torch.stack((top, bottom), 1))


def blend(digits: torch.Tensor, backgrounds: torch.Tensor, share: float) -> torch.Tensor:
    """Lay a `share` of the digits over backgrounds as |background - digit|, on the [0, 1] scale.

    That is how MNIST-M was made of MNIST and photographs (Ganin et al. 2016, §5.2.1).
    """
    laid = (backgrounds - digits).abs() - 1  # |(b+1)/2 - (d+1)/2| * 2 - 1
    return torch.where(chosen(len(digits), share, digits.device), laid, digits)
