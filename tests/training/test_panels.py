"""The picture of a live view."""

import io

import numpy as np
import pytest
from PIL import Image

from hwlib.training.panels import BLUE, BOTTOM, GREY, HEIGHT, LEFT, RIGHT, TOP, WIDTH, number, panel, picture, tiles
from hwlib.training.preview import COUNT, Samples


def history(names, rows=5):
    return [{"step": i, "epoch": i / 2} | dict.fromkeys(names, 1 / i) for i in range(1, rows + 1)]


def opened(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def blue(pixels):
    """Rows and columns where a curve was drawn."""
    return np.nonzero(np.abs(pixels.astype(int) - BLUE).sum(2) < 60)


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (3, 1), (4, 1), (5, 2)])
def test_every_number_has_a_panel(count, rows):
    names = [f"number_{i}" for i in range(count)]
    page = opened(picture(history(names)))
    assert page.shape == (rows * HEIGHT, WIDTH, 3)
    columns = 4 if count == 4 else 3
    width = WIDTH // columns
    for i in range(rows * columns):
        cell = page[i // columns * HEIGHT :][:HEIGHT, i % columns * width :][:, :width]
        assert (cell != 255).any() == (i < count)


def test_a_curve_falls_from_left_to_right_within_its_axes():
    steps = list(range(1, 101))
    rows, columns = blue(np.asarray(panel("loss", steps, [100.0 - s for s in steps], 240))[TOP:])
    assert columns.min() >= LEFT
    assert columns.max() < 240 - RIGHT
    first, last = columns < LEFT + 30, columns > 240 - RIGHT - 30
    assert rows[first].max() < rows[last].min()


@pytest.mark.parametrize("values", [[2.0], [1.0, 1.0, 1.0], [0.0, 1e30]])
def test_any_finite_numbers_can_be_drawn(values):
    assert len(blue(np.asarray(panel("kl", list(range(1, len(values) + 1)), values, 240)))[0])


def test_a_single_value_is_written_large_without_axes():
    one, two = (np.asarray(panel("kl", list(range(1, n + 1)), [2.0] * n, 240)).astype(int) for n in (1, 2))
    axis = (np.abs(pixels[TOP + 30 : -BOTTOM - 30, LEFT] - GREY).sum(1) == 0 for pixels in (one, two))
    assert [line.all() for line in axis] == [False, True]
    assert (one[:, :LEFT] == 255).all()  # no numbers beside an axis
    rows, columns = blue(one)
    assert abs(rows.mean() - (TOP + HEIGHT - BOTTOM) / 2) < 3
    assert abs(columns.mean() - (LEFT + 240 - RIGHT) / 2) < 3
    assert np.ptp(rows) > 12


def test_numbers_are_short():
    values = (0.03125, 0.5, 12.34, 999.4, 1439.2, -2500.0, 3.2e7)
    assert [number(v) for v in values] == ["0.0312", "0.5", "12.3", "999", "1439", "-2500", "3.2e+07"]


def test_samples_lie_below_the_curves_in_rows_of_eight():
    shades = np.arange(16, dtype=np.uint8) * 10
    faces = np.broadcast_to(shades[:, None, None, None], (16, 3, 64, 64))
    page = opened(picture(history(["loss"]), Samples(faces, "")))
    row = (len(page) - HEIGHT) // 2
    middles = [page[HEIGHT + i // COUNT * row + row // 2, int((i % COUNT + 0.5) * WIDTH / COUNT), 0] for i in range(16)]
    assert middles == shades.tolist()


def test_texts_stand_below_grey_digits_too():
    digits = np.zeros((3, 1, 28, 28), np.uint8)
    without, with_text = (np.asarray(tiles(Samples(digits, "", texts))) for texts in ((), ("1  99 %",) * 3))
    assert with_text.shape[0] > without.shape[0]
    below = with_text[without.shape[0] :]
    assert (below < 128).any()
    assert (below[:, 3 * WIDTH // COUNT :] == 255).all()
