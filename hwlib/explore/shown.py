"""How an explorer appears: live in Lab, as a still picture where there is no kernel or nobody looks."""

import base64
import html
import uuid
from collections.abc import Callable
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.progress import kind

Say = Callable[[str, str], str]


def language(lang: str) -> Say:
    """Return a function that takes a text in Chinese and in English and gives the one in `lang`, `zh` or `en`."""
    if lang not in ("zh", "en"):
        raise WorkbookError(f"lang: {lang!r} is not one of zh, en")
    return (lambda zh, en: zh) if lang == "zh" else (lambda zh, en: en)


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

    say: picks the language. Displayed in Lab, it shows its view, and keeps in the notebook a still picture that is
    hidden as long as the view lives; elsewhere it shows the still picture alone, and no widget at all.
    """

    say: Say

    def still(self) -> bytes:
        """Return a PNG of the present state."""
        raise NotImplementedError

    def told(self) -> str:
        """Return what a reader who cannot see the picture is told."""
        raise NotImplementedError

    def build(self) -> Any:
        """Return the view, an ipywidgets widget; called once."""
        raise NotImplementedError

    def view(self) -> Any:
        """Return the view of this explorer, one and the same each time."""
        if "_view" not in self.__dict__:
            self._view = self.build()
        return self._view

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, Image, display

        if kind() != "live":
            display(Image(self.still(), alt=self.told()))
            return
        import ipywidgets

        # The style stands in a widget: it is in the page just as long as the view is, so a notebook that is opened
        # without its kernel shows the still picture, and a live one does not show it twice.
        mark = f"hw-still-{uuid.uuid4().hex[:8]}"
        hiding = ipywidgets.HTML(f"<style>.{mark} {{ display: none; }}</style>", layout={"display": "none"})
        encoded = base64.b64encode(self.still()).decode()
        picture = f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(self.told())}">'
        display(HTML(f'<div class="{mark}">{picture}</div>'))
        display(ipywidgets.VBox([hiding, self.view()]))
