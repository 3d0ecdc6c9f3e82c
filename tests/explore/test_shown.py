"""What an explorer leaves in a notebook, with a kernel that somebody looks at and without."""

import IPython.display
import numpy as np
import pytest

from hwlib.explore.picture import png
from hwlib.explore.shown import WIDEST, Explorer, Line, language


class Plain(Explorer):
    """An explorer of a white picture."""

    name = "plain"

    def __init__(self, runs, wide):
        super().__init__(runs, language("zh"))
        self.wide = wide

    def still(self):
        return png(np.full((10, self.wide, 3), 255, np.uint8))

    def told(self):
        return "白色 <圖片>"

    def build(self):
        import ipywidgets

        return ipywidgets.VBox([self.status])


@pytest.fixture
def displayed(monkeypatch):
    """All that is displayed, in order."""
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda *shown, **_: seen.extend(shown))
    return seen


@pytest.mark.parametrize(("wide", "width"), [(300, 300), (1000, WIDEST)])
def test_headless_a_picture_of_the_notebooks_width_and_a_line_that_says_what_it_shows(
    tmp_path, monkeypatch, displayed, wide, width
):
    monkeypatch.setenv("HW_PROGRESS", "lines")
    explorer = Plain(tmp_path, wide)
    explorer._ipython_display_()
    picture, line = displayed
    assert (picture.data, picture.alt, picture.width) == (explorer.still(), explorer.told(), width)
    assert isinstance(line, Line)
    assert line._repr_html_() == "<p>白色 &lt;圖片&gt;</p>"


def test_what_lab_keeps_says_below_the_picture_what_it_shows(tmp_path, monkeypatch, displayed):
    monkeypatch.setenv("HW_PROGRESS", "live")
    Plain(tmp_path, 1000)._ipython_display_()
    kept, live = displayed
    assert kept.data.endswith(f'width="{WIDEST}" alt="白色 &lt;圖片&gt;"><p>白色 &lt;圖片&gt;</p></div>')
    assert ":has(" in kept.data  # the style that hides what Lab says of a view whose kernel is gone
    assert live.children[1].children
