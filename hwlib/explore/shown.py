"""How an explorer appears: live in Lab, as a still picture where there is no kernel or nobody looks."""

import base64
import html
import io
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.evaluation.output import put
from hwlib.paths import figures_folder
from hwlib.progress import kind

Say = Callable[[str, str], str]

WIDEST = 720
"""CSS pixels that a still picture takes at most, as every figure of the notebooks."""


def language(lang: str) -> Say:
    """Return a function that takes a text in Chinese and in English and gives the one in `lang`, `zh` or `en`."""
    if lang not in ("zh", "en"):
        raise WorkbookError(f"lang: {lang!r} is not one of zh, en")
    return (lambda zh, en: zh) if lang == "zh" else (lambda zh, en: en)


def width(png: bytes) -> int:
    """CSS pixels that a still picture takes: its own, up to `WIDEST`."""
    from PIL import Image

    return min(WIDEST, Image.open(io.BytesIO(png)).width)


class Line:
    """A line in place of an explorer."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(self.text)}</p>"


class Explorer:
    """What every explorer has. A subclass loads in its constructor and gives `still`, `told` and `build`.

    name: of its saved picture; runs: the folder of the records; say: picks the language. Displayed in Lab, an explorer
    shows its view, and keeps in the notebook a still picture that is hidden as long as the view lives; elsewhere it
    shows the still picture alone, and no widget at all.
    """

    name: str

    def __init__(self, runs: Path, say: Say) -> None:
        self.runs, self.say = runs, say
        self._view: Any = None
        self._status: Any = None
        self._kept: Any = None  # the handle of the still picture in the notebook
        self._mark = f"hw-still-{uuid.uuid4().hex[:8]}"

    def still(self) -> bytes:
        """Return a PNG of the present state."""
        raise NotImplementedError

    def told(self) -> str:
        """Return what a reader who cannot see the picture is told."""
        raise NotImplementedError

    def build(self) -> Any:
        """Return the view, an ipywidgets widget, which shows `status` somewhere; called once."""
        raise NotImplementedError

    def view(self) -> Any:
        """Return the view of this explorer, one and the same each time."""
        if self._view is None:
            self._view = self.build()
        return self._view

    @property
    def status(self) -> Any:
        """The line of the view that says what went wrong or was done, an `ipywidgets.HTML`."""
        if self._status is None:
            import ipywidgets

            self._status = ipywidgets.HTML()
        return self._status

    def tell(self, text: str) -> None:
        """Show a line of plain text in `status`; "" clears it."""
        self.status.value = f'<span role="status">{html.escape(text)}</span>' if text else ""

    def guarded(self, act: Callable[[], object]) -> Callable[..., None]:
        """Return a callback for widgets that calls `act` and shows what is wrong with the input in `status`."""

        def callback(*ignored: object) -> None:
            try:
                act()
            except WorkbookError as error:
                self.tell(str(error))

        return callback

    def save(self) -> Path:
        """Write the present picture to `explore_<name>.png` among the figures, and keep it in the notebook."""
        folder = figures_folder(self.runs)
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise WorkbookError(f"figures: cannot write to {folder} ({error.strerror})") from None
        path = folder / f"explore_{self.name}.png"
        put(path, self.still(), "figures", force=True)
        if self._kept is not None:
            self._kept.update(self._picture())
        self.tell(self.say(f"已存成 {path}", f"Saved as {path}"))
        return path

    def save_button(self) -> Any:
        """Return a button that saves the picture."""
        import ipywidgets

        button = ipywidgets.Button(description=self.say("儲存圖片", "Save picture"), icon="save")
        button.on_click(self.guarded(self.save))
        return button

    def _picture(self) -> Any:
        """The still picture that Lab keeps, with what it shows below it: pictures bear English words only."""
        from IPython.display import HTML

        still, told = self.still(), html.escape(self.told())
        encoded = base64.b64encode(still).decode()
        image = f'<img src="data:image/png;base64,{encoded}" width="{width(still)}" alt="{told}"><p>{told}</p>'
        # Without its kernel, Lab puts an error in the place of the view, right below the picture that stands for it.
        ended = f".jp-OutputArea-child:has(.{self._mark}) + .jp-OutputArea-child:not(:has(.{self._mark}-live))"
        return HTML(f'<div class="{self._mark}"><style>{ended} {{ display: none; }}</style>{image}</div>')

    def _ipython_display_(self) -> None:
        from IPython.display import Image, display

        if kind() != "live":
            still = self.still()
            display(Image(still, alt=self.told(), width=width(still)), Line(self.told()))
            return
        import ipywidgets

        # The style stands in a widget: it is in the page just as long as the view is, so a notebook that is opened
        # without its kernel shows the still picture, and a live one does not show it twice.
        hiding = ipywidgets.HTML(f"<style>.{self._mark} {{ display: none; }}</style>", layout={"display": "none"})
        self._kept = display(self._picture(), display_id=self._mark)
        live = ipywidgets.VBox([hiding, self.view()])
        live.add_class(f"{self._mark}-live")
        display(live)
