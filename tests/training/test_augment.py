"""Views in batches against the same done slowly, one image and one pixel at a time."""

import math

import pytest
import torch

from hwlib.training import augment

CPU = torch.device("cpu")


def images(n=6, seed=0):
    return torch.rand(n, 3, 28, 28, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def seeded(function, *arguments, seed=3):
    torch.manual_seed(seed)
    return function(*arguments)


def seen_through(image, matrix):
    """One image (3, 28, 28) through one affine map, pixel by pixel: bilinear, the edge's pixels beyond the edge."""
    out = torch.empty_like(image)
    for row in range(28):
        for column in range(28):
            x, y = (2 * column + 1) / 28 - 1, (2 * row + 1) / 28 - 1
            u, v = ((matrix @ torch.tensor([x, y, 1.0]) + 1) * 28 - 1).div(2).clamp(0, 27).tolist()
            left, top = min(int(u), 26), min(int(v), 26)
            a, b = u - left, v - top
            upper = (1 - a) * image[:, top, left] + a * image[:, top, left + 1]
            lower = (1 - a) * image[:, top + 1, left] + a * image[:, top + 1, left + 1]
            out[:, row, column] = (1 - b) * upper + b * lower
    return out


def test_warp_is_bilinear_and_each_image_has_its_own_map():
    matrices = seeded(
        lambda: augment.affine_matrices(3, CPU, rotation=0.35, scale=0.25, shear=0.25, shift=3),
    )
    x = images(3)
    expected = torch.stack([seen_through(image, matrix) for image, matrix in zip(x, matrices, strict=True)])
    torch.testing.assert_close(augment.warp(x, matrices), expected, atol=1e-4, rtol=0)
    assert len({tuple(m.flatten().tolist()) for m in matrices}) == 3


def test_affine_maps_are_turn_times_shear_times_stretch():
    """Taken apart again (QR), every map has an angle, a slope, two stretches and a shift within their bounds."""
    matrices = augment.affine_matrices(2000, CPU, rotation=0.3, scale=0.2, shear=0.25, shift=3)
    angle = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0])
    across = matrices[:, :, 0].norm(dim=1)
    determinant = torch.linalg.det(matrices[:, :, :2])
    down = determinant / across
    axis = torch.stack((angle.cos(), angle.sin()), 1)
    slope = (axis * matrices[:, :, 1]).sum(1) / down
    size, aspect = (across * down).sqrt().log(), (across / down).sqrt().log()
    shift = matrices[:, :, 2] * 28 / 2
    assert (determinant > 0).all()  # nothing is mirrored
    for drawn, bound in ((angle, 0.3), (slope, 0.25), (size, 0.2), (aspect, 0.1), (shift, 3.0)):
        assert drawn.abs().max() <= bound + 1e-4
        assert drawn.max() > 0.9 * bound
        assert drawn.min() < -0.9 * bound
        assert drawn.mean().abs() < 0.1 * bound


def test_cut_paints_a_square():
    x, fill = images(3), images(3, seed=1)[:, :, :1, :1]
    row, column, side = torch.tensor([0, 13, 20]), torch.tensor([5, 27, 9]), torch.tensor([0, 8, 5])
    expected = x.clone()
    for i in range(3):
        for r in range(28):
            for c in range(28):
                if 2 * abs(r - row[i]) < side[i] and 2 * abs(c - column[i]) < side[i]:
                    expected[i, :, r, c] = fill[i, :, 0, 0]
    assert torch.equal(augment.cut(x, row, column, side, fill), expected)
    assert torch.equal(expected[0], x[0])
    assert (expected[2] != x[2]).any(0).sum() == 25


def test_random_cut_is_no_larger_than_asked():
    changed = (augment.random_cut(images(300), 8) != images(300)).any(1)  # (300, 28, 28)
    sides = changed.any(1).sum(1).maximum(changed.any(2).sum(1))
    assert 6 <= sides.max() <= 8
    assert sides.min() == 0


def test_intensity_is_flipped_in_the_asked_share():
    x = images(1000)
    flipped = augment.flip_intensity(x, 0.3)
    turned = (flipped == -x).flatten(1).all(1)
    assert (turned | (flipped == x).flatten(1).all(1)).all()
    assert 0.25 < turned.float().mean() < 0.35


def test_recolour_is_a_line_for_each_channel_of_each_image():
    x = images(500)
    y = augment.recolour(x, contrast=(-0.7, 0.4), brightness=0.3, colour=0.5)
    flat, seen = x.flatten(2), y.flatten(2)
    gain = (seen[..., 1] - seen[..., 0]) / (flat[..., 1] - flat[..., 0])  # (500, 3)
    offset = seen[..., 0] - gain * flat[..., 0]
    torch.testing.assert_close(gain[..., None] * flat + offset[..., None], seen, atol=2e-2, rtol=0)
    assert gain.min() >= 0.5 * math.exp(-0.7) - 1e-2
    assert gain.max() <= 1.5 * math.exp(0.4) + 1e-2
    assert offset.abs().max() <= 0.6 + 1e-2
    assert gain.flatten().unique().numel() > 1400


def test_blend_is_the_absolute_difference_on_the_unit_scale():
    digits, behind = images(400), images(400, seed=1)
    laid = ((behind + 1) / 2 - (digits + 1) / 2).abs() * 2 - 1
    y = augment.blend(digits, behind, 0.25)
    blended = torch.isclose(y, laid, atol=1e-6).flatten(1).all(1)
    assert (blended | (y == digits).flatten(1).all(1)).all()
    assert 0.15 < blended.float().mean() < 0.35


def test_patches_show_a_part_of_their_own_image():
    ramp = (torch.arange(28.0) / 27).expand(200, 3, 28, 28)  # brightness rises from left to right
    y = augment.patches(ramp)
    widths = y[:, 0, 0].amax(1) - y[:, 0, 0].amin(1)
    assert widths.min() > 0.2
    assert widths.max() < 0.85
    assert y[:, 0, 0, 0].unique().numel() > 150  # each from its own place
    steps = y[:, 0, 0].diff(dim=1).mean(1)
    assert (steps > 0).any()
    assert (steps < 0).any()


def test_beside_lays_the_opposite_edge_of_another_image_over_an_edge():
    x, other = images(300), images(300, seed=5)
    y = augment.beside(x, other, 0.5)
    widths = []
    for image, neighbour, seen in zip(x, other, y, strict=True):
        changed = (seen != image).any(0).all(0)  # (28,), columns
        width = int(changed.sum())
        widths.append(width)
        if width:
            left = bool(changed[0])
            mine, theirs = (slice(width), slice(28 - width, 28)) if left else (slice(28 - width, 28), slice(width))
            assert torch.equal(seen[:, :, mine], neighbour[:, :, theirs])
            rest = slice(width, 28) if left else slice(28 - width)
            assert torch.equal(seen[:, :, rest], image[:, :, rest])
    assert set(widths) == {0, *range(3, 11)}
    assert 0.4 < sum(width > 0 for width in widths) / 300 < 0.6


def strong_alone(x):
    return augment.strong(x, "neighbours")


@pytest.mark.parametrize("view", [augment.weak, strong_alone, augment.patches])
def test_a_view_depends_on_its_own_image_and_draw(view):
    """Whatever else is in the batch; and equal images get different views."""
    x, other = images(4), images(4, seed=9)
    mixed = torch.cat((x[:2], other[2:]))
    a, b = seeded(view, x), seeded(view, mixed)
    assert torch.equal(a[:2], b[:2])
    assert not torch.equal(a[2:], b[2:])
    same = seeded(view, x[:1].expand(4, -1, -1, -1).clone())
    assert len({tuple(v.flatten().tolist()) for v in same}) == 4
    assert torch.equal(seeded(view, x), seeded(view, x))


def test_weak_views_leave_the_colours_alone():
    y = augment.weak(images(50))
    assert y.min() >= -1
    assert y.max() <= 1
    plain = torch.full((5, 3, 28, 28), 0.3)
    torch.testing.assert_close(augment.weak(plain), plain)
    assert (augment.strong(plain) - plain).abs().mean() > 0.1


def test_grey_is_one_channel_or_three_alike():
    grey = torch.randint(256, (5, 1, 28, 28), dtype=torch.uint8)
    assert augment.is_grey(grey)
    assert augment.is_grey(grey.repeat(1, 3, 1, 1))
    coloured = grey.repeat(1, 3, 1, 1)
    coloured[3, 2, 5, 5] ^= 1
    assert not augment.is_grey(coloured)
