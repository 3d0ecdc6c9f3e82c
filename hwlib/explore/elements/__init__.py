"""Widgets for what ipywidgets cannot take back: a click on a picture, on a point, a stroke; and a picture with words.

Their scripts lie beside this file and come to the page with the widget; nothing is fetched from anywhere.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import anywidget
import numpy as np
import traitlets

from hwlib.explore.digits_picture import framed

_HERE = Path(__file__).parent


class Element(anywidget.AnyWidget):
    """What the elements share: a style sheet, and a label for those who cannot see them."""

    _css = _HERE / "elements.css"
    label = traitlets.Unicode("").tag(sync=True)


class Picture(Element):
    """A picture with words for those who cannot see it, which `ipywidgets.Image` has no place for; `value` is a PNG."""

    _esm = _HERE / "picture.js"
    value = traitlets.Bytes(b"").tag(sync=True)


class Tiles(Element):
    """A picture made of equal cells, which can be clicked, or chosen by arrow keys and Enter.

    png: the picture; rows, columns: its cells; width: CSS pixels; labels: what each cell is called, where "" makes a
    cell that cannot be chosen; marked: cells with a frame, which bears the place in this list, counted from 1.
    """

    _esm = _HERE / "tiles.js"
    png = traitlets.Bytes(b"").tag(sync=True)
    rows = traitlets.Int(1).tag(sync=True)
    columns = traitlets.Int(1).tag(sync=True)
    width = traitlets.Int(600).tag(sync=True)
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    marked = traitlets.List(traitlets.Int()).tag(sync=True)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._callbacks: list[Callable[[int], object]] = []
        self.on_msg(self._receive)

    def on_click(self, callback: Callable[[int], object]) -> None:
        """Call `callback` with the index of each cell that is chosen."""
        self._callbacks.append(callback)

    def click(self, index: int) -> None:
        """Choose a cell, as a click does."""
        for callback in self._callbacks:
            callback(index)

    def _receive(self, widget, content: object, buffers) -> None:
        index = content.get("clicked") if isinstance(content, dict) else None
        if isinstance(index, int) and 0 <= index < self.rows * self.columns:
            self.click(index)


class Scatter(Element):
    """Points in the plane; `chosen` is the index of one, or -1.

    `place` says where they lie, in CSS pixels of a canvas of `width` by `height`. groups: a byte a point, the index of
    its colour in `palette`; shapes: a byte a point, 0 for a disc and 1 for a triangle. The legend shows `names` beside
    the colours of the same index, those in `triangles` beside a triangle.
    """

    _esm = _HERE / "scatter.js"
    points = traitlets.Bytes(b"").tag(sync=True)
    groups = traitlets.Bytes(b"").tag(sync=True)
    shapes = traitlets.Bytes(b"").tag(sync=True)
    palette = traitlets.List(traitlets.Unicode()).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    triangles = traitlets.List(traitlets.Int()).tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)
    width = traitlets.Int(440).tag(sync=True)
    height = traitlets.Int(440).tag(sync=True)

    def place(self, points: np.ndarray, shapes: Sequence[int] | np.ndarray) -> None:
        """Put points (N, 2) of any scale on a canvas as high as they need, y upwards, each with its shape."""
        places, height = framed(points, self.width)
        with self.hold_sync():
            self.height = height
            self.points = places.astype("<f4").tobytes()
            self.shapes = np.asarray(shapes, np.uint8).tobytes()


class Sketch(Element):
    """A square to draw on. `pixels` are grey bytes (side * side), white on black; empty until something was drawn.

    wiped: how often `wipe` was called; the page clears its square whenever it changes.
    """

    _esm = _HERE / "sketch.js"
    pixels = traitlets.CBytes(b"").tag(sync=True)
    side = traitlets.Int(112).tag(sync=True)
    clear = traitlets.Unicode("").tag(sync=True)
    wiped = traitlets.Int(0).tag(sync=True)

    def image(self) -> np.ndarray | None:
        """Return what is drawn, uint8 (side, side); None where there is nothing."""
        if len(self.pixels) != self.side**2:
            return None
        grey = np.frombuffer(self.pixels, np.uint8).reshape(self.side, self.side)
        return grey if grey.any() else None

    def wipe(self) -> None:
        """Clear the square, as its button does."""
        with self.hold_sync():
            self.pixels = b""
            self.wiped += 1


class Upload(Element):
    """A button, called `label`, that takes an image file; hint: what appears beside the mouse.

    The browser decodes the file and sends a small PNG of it, however large it is.
    """

    _esm = _HERE / "upload.js"
    hint = traitlets.Unicode("").tag(sync=True)

    def __init__(self, **traits) -> None:
        super().__init__(**traits)
        self._callbacks: list[Callable[[str, bytes | None], object]] = []
        self.on_msg(self._receive)

    def on_upload(self, callback: Callable[[str, bytes | None], object]) -> None:
        """Call `callback` with the name of each file and a PNG of it, None where the browser cannot read it."""
        self._callbacks.append(callback)

    def upload(self, name: str, content: bytes | None) -> None:
        """Take a file, as the page does."""
        for callback in self._callbacks:
            callback(name, content)

    def _receive(self, widget, content: object, buffers) -> None:
        if isinstance(content, dict) and isinstance(name := content.get("uploaded"), str):
            self.upload(name, bytes(buffers[0]) if buffers else None)
