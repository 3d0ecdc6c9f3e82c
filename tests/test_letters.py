"""A digit set whose name our font cannot write: another font writes it, and where none can, that is told in time."""

import warnings

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from hwlib import letters, runner
from hwlib.config import read
from hwlib.data import describe
from hwlib.data.check import verify
from hwlib.data.source import DataSource
from hwlib.explore.digits_picture import legend, table, words
from hwlib.figures.panel import Panel
from hwlib.training.panels import font

NAME = "手寫數字"


def made_font(path, text):
    """A font in which each letter of `text` is a triangle of its own."""
    builder = FontBuilder(1000, isTTF=True)
    names = {c: f"u{ord(c):04X}" for c in text}
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap({ord(c): name for c, name in names.items()})
    glyphs = {}
    for i, name in enumerate([".notdef", *names.values()]):
        pen = TTGlyphPen(None)
        pen.moveTo((0, 0))
        pen.lineTo((900, 0))
        pen.lineTo((100 * i, 800))
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture
def installed(monkeypatch):
    """Sets which fonts this machine has."""
    found = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_, **__: list(map(str, found)))
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])

    def install(*paths):
        found[:] = paths
        letters._font.cache_clear()
        font.cache_clear()

    install()
    yield install
    letters._font.cache_clear()
    font.cache_clear()


@pytest.fixture
def own(tmp_path):
    """A font with the letters of the name, and one with some of them."""
    return [made_font(tmp_path / "Part Sans.ttf", NAME[:2]), made_font(tmp_path / "Whole.ttf", NAME)]


def titled(vector):
    return Panel(lambda axes: axes.set(title=f"{NAME} (stand-in) → mnistm"), vector=vector)


@pytest.mark.parametrize("vector", [True, False])
def test_a_figure_takes_a_font_that_has_the_letters(vector, installed, own):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        boxes = titled(vector).image()
    assert any("missing from" in str(warning.message) for warning in said)
    installed(*own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = titled(vector).image()
        assert drawn != boxes
        assert titled(vector).image() == drawn


@pytest.mark.parametrize(
    "picture",
    [
        lambda: words(f"the set {NAME}"),
        lambda: table([("set", "images"), (NAME, "12")]),
        lambda: legend([NAME, "mnistm"], ["#0072b2", "#d55e00"]),
    ],
)
def test_an_explorer_takes_it_too(picture, installed, own):
    boxes = picture()
    installed(*own)
    assert not np.array_equal(picture(), boxes)


def test_pictures_of_letters_that_we_have_are_the_same_on_every_machine(installed, own):
    panel = Panel(lambda axes: axes.set(title="svhn (stand-in) → é−…", xlim=(-1, 1)))
    before = panel.image()
    installed(*own)
    assert letters.lacking("svhn (stand-in) → é−…") == ""
    assert panel.image() == before
    assert letters.font_for("svhn") is None


def test_a_font_that_cannot_be_read_or_has_boxes_alone_is_passed_over(installed, own, tmp_path):
    broken = tmp_path / "Sans.ttf"
    broken.write_bytes(b"no font")
    installed(broken, made_font(tmp_path / "LastResort.ttf", NAME), own[0])
    assert letters.font_for(NAME) is None
    installed(broken, *own)
    assert letters.font_for(NAME) == own[1]


def test_what_no_font_has_is_told_by_the_check_and_when_a_run_begins(installed, own, tmp_path, monkeypatch, capsys):
    class Set:
        name = title = NAME
        split = "test"

        def __len__(self):
            return 12

    config = read("p3", {"profile": "smoke", "src": NAME, "tgt": "mnistm", "runs": str(tmp_path / "runs")})
    monkeypatch.setattr("hwlib.data.open_data", lambda config: None)
    (tmp_path / "data" / "digits" / NAME).mkdir(parents=True)

    def told():
        found = [f.what for f in verify(tmp_path / "data").findings if f.kind == "name"]
        runner.run_all([config], needless=lambda config: "is there")
        lines = [line for line in capsys.readouterr().out.splitlines() if "no font" in line]
        return found, lines, describe(DataSource("sample"), [Set(), Set()])[3:]

    sentence = "no font here has 字 寫 手 數, so pictures show boxes; install one, Noto Sans CJK say"
    assert told() == ([sentence], [f"hw: {NAME}: {sentence}"], [f"  {NAME}: {sentence}"])
    installed(*own)
    assert told() == ([], [], [])


@pytest.mark.parametrize(
    ("name", "font"), [("数字かな", "CJK"), ("숫자", "CJK"), ("ㄅㄆ", "CJK"), ("เลข", "Thai"), ("नगर", "Devanagari")]
)
def test_the_font_named_is_one_that_has_the_letters(installed, name, font):
    assert letters.boxes([name])[name].endswith(f"; install one, Noto Sans {font} say")
