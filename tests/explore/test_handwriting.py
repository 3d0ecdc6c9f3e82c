import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from hwlib.errors import WorkbookError
from hwlib.explore import handwriting
from hwlib.explore.handwriting import drawn, uploaded


def file(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seven(size=(300, 200), ink=0, ground=255, mode="L"):
    image = Image.new(mode, size, ground)
    ImageDraw.Draw(image).line([(20, 30), (90, 30), (50, 150)], ink, 14)
    return image


def extent(image):
    rows, columns = (np.flatnonzero((image[0] > 100).any(axis=axis)) for axis in (1, 0))
    return rows[0], rows[-1], columns[0], columns[-1]


def test_a_drawing_is_cut_scaled_and_centred_as_in_mnist():
    page = np.zeros((112, 112), np.uint8)
    page[5:65, 80:92] = 255  # a bar of 60 by 12, in a corner
    digit = drawn(page)
    assert digit.shape == (1, 28, 28)
    assert digit.dtype == np.uint8
    assert extent(digit) == (4, 23, 12, 15)


def test_the_centre_of_mass_is_in_the_middle():
    page = np.zeros((112, 112), np.uint8)
    page[10:100, 10:16] = 255  # an L, whose mass is not in the middle of its frame
    page[90:100, 10:60] = 255
    digit = drawn(page)[0].astype(float)
    for axis in (0, 1):
        assert np.average(np.arange(28) + 0.5, weights=digit.sum(axis=1 - axis)) == pytest.approx(14, abs=0.6)


def test_a_dot_and_a_hair_line_are_drawings_too():
    for page in (np.zeros((112, 112), np.uint8), np.zeros((112, 112), np.uint8)):
        page[50, 20:100] = 255
        assert drawn(page).max() > 100
    dot = np.zeros((112, 112), np.uint8)
    dot[7, 7] = 255
    assert drawn(dot).max() > 100


def test_nothing_drawn_is_told():
    with pytest.raises(WorkbookError, match="drawing: there is nothing on it"):
        drawn(np.zeros((112, 112), np.uint8))


def test_a_28_pixel_image_is_taken_as_it_is():
    random = np.random.default_rng(0)
    grey = random.integers(0, 256, (28, 28), dtype=np.uint8)
    assert np.array_equal(uploaded(file(Image.fromarray(grey))), grey[None])
    colour = random.integers(0, 256, (28, 28, 3), dtype=np.uint8)
    assert np.array_equal(uploaded(file(Image.fromarray(colour))), colour.transpose(2, 0, 1))


def test_ink_on_paper_and_light_on_dark_become_the_same_digit():
    dark, light = uploaded(file(seven())), uploaded(file(seven(ink=255, ground=0)))
    assert dark.shape == (1, 28, 28)
    assert np.array_equal(dark, light)
    top, bottom, *_ = extent(dark)
    assert bottom - top == 19
    assert dark[0, 0].max() == 0


def test_paper_that_is_not_white_stays_black():
    noise = np.random.default_rng(0).integers(-12, 13, (200, 300))
    paper = np.clip(np.asarray(seven(ink=60, ground=200)).astype(int) + noise, 0, 255).astype(np.uint8)
    clean = uploaded(file(seven()))
    assert np.abs(uploaded(file(Image.fromarray(paper))).astype(int) - clean).mean() < 12


def test_a_colour_image_is_cut_to_a_square_and_resized():
    image = Image.new("RGB", (140, 84), "red")
    image.paste("blue", (28, 0, 112, 84))
    digit = uploaded(file(image, "JPEG", quality=95))
    assert digit.shape == (3, 28, 28)
    assert (digit[2] > 200).all()
    assert (digit[0] < 60).all()


def test_transparency_is_paper():
    clear = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(clear).line([(20, 30), (90, 30), (50, 150)], (0, 0, 0, 255), 14)
    assert np.array_equal(uploaded(file(clear)), uploaded(file(seven())))


def test_a_photograph_is_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held on its side
    sideways = seven((200, 300)).transpose(Image.Transpose.ROTATE_90)
    turned = uploaded(file(sideways, "PNG", exif=exif))
    assert np.abs(turned.astype(int) - uploaded(file(seven((200, 300))))).mean() < 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "this is no image"),
        (b"hello, world", "this is no image"),
        (file(seven())[:400], "the image is damaged"),
        (file(Image.new("L", (64, 64), 200)), "nothing stands out"),
        (file(Image.fromarray(np.full((64, 64), 40000, np.uint16))), "more than 8 bits"),
    ],
)
def test_what_is_no_digit_is_refused_in_one_line(content, said):
    with pytest.raises(WorkbookError, match=f"upload: .*{said}") as caught:
        uploaded(content)
    assert "\n" not in str(caught.value)


def test_what_is_too_large_is_refused_before_it_is_decoded(monkeypatch):
    with pytest.raises(WorkbookError, match="upload: 11 MB are too many"):
        uploaded(bytes(11 * 2**20))
    monkeypatch.setattr(handwriting, "MOST_PIXELS", 50_000)
    with pytest.raises(WorkbookError, match="upload: 300x200 pixels are too many"):
        uploaded(file(seven()))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(WorkbookError, match="upload: it has too many pixels"):
        uploaded(file(seven()))
