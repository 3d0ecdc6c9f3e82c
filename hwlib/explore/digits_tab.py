"""What the tabs of the digits explorer share."""

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from hwlib.explore.digits_models import TARGET, Scene

if TYPE_CHECKING:
    from hwlib.explore.digits_view import DigitsExplorer

WIDE = {"description_width": "initial"}
"""Style of a control whose label, in Chinese, is wider than ipywidgets reserves for one."""


class Tab:
    """One tab: a state, a picture of it, and widgets made at first use that show the same.

    A subclass gives `short`, its name in the names of files, and `title`, `reset`, `picture`, `told`, `build` and
    `show`. Its state changes through methods that widgets call and tests may call, and every change ends in `show`.
    """

    short: str

    def __init__(self, explorer: "DigitsExplorer") -> None:
        self.explorer, self.say = explorer, explorer.say
        self._widget: Any = None
        self._quiet = False
        self.reset()

    @property
    def scene(self) -> Scene:
        return self.explorer.scene

    def title(self) -> str:
        """What the tab is called."""
        raise NotImplementedError

    def reset(self) -> None:
        """Go to the first state of a scene that has just been loaded."""
        raise NotImplementedError

    def picture(self) -> np.ndarray:
        """The present state as uint8 (height, width, 3)."""
        raise NotImplementedError

    def told(self) -> str:
        """The present state in words."""
        raise NotImplementedError

    def build(self) -> Any:
        """Make the widgets, empty."""
        raise NotImplementedError

    def show(self) -> None:
        """Put the present state into the widgets."""
        raise NotImplementedError

    def widget(self) -> Any:
        if self._widget is None:
            self._widget = self.build()
            self.refresh()
        return self._widget

    def refresh(self) -> None:
        """Show the present state, where there are widgets; what they are set to here calls nothing back."""
        if self._widget is not None:
            with self._silence():
                self.show()

    @contextmanager
    def _silence(self) -> Iterator[None]:
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def watch(self, widget: Any, act: Callable[[], object], trait: str = "value") -> None:
        """Call `act` when a person changes `trait` of a widget; the status line forgets what was before."""
        callback = self.acting(act)

        def changed(change: object) -> None:
            if not self._quiet:
                callback()

        widget.observe(changed, trait)

    def acting(self, act: Callable[[], object]) -> Callable[..., None]:
        """A callback that calls `act`, and shows in the status line what is wrong with the input, or nothing."""

        def cleared() -> None:
            self.explorer.tell("")
            act()

        return self.explorer.guarded(cleared)

    def titled(self, probabilities: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Probabilities by the networks' English titles, which pictures bear."""
        return {self.scene.titles[name][1]: of for name, of in probabilities.items()}

    def spoken(self, probabilities: dict[str, np.ndarray]) -> str:
        """What each network says, in words."""
        parts = []
        for name, of in probabilities.items():
            said = int(of.argmax())
            parts.append(f"{self.scene.title(name, self.say)} {said} ({100 * of[said]:.0f}%)")
        return self.say("、", ", ").join(parts)

    def set_title(self, domain: int) -> str:
        """The name of a domain's set, marked where it is a stand-in."""
        test = self.scene.tests[domain]
        return self.say(f"{test.name}（替代資料）" if test.stand_in else f"{test.name} ", test.title)

    def set_name(self, domain: int) -> str:
        """A domain's test set, as a chooser lists it."""
        title = self.set_title(domain)
        if domain == TARGET:
            return self.say(f"目標域 {title}測試集", f"target, {title} test")
        return self.say(f"來源域 {title}測試集", f"source, {title} test")


def paragraph(text: str) -> str:
    """Plain text as HTML for a widget."""
    return f'<div style="line-height: 1.5">{html.escape(text)}</div>'


def column(*children: Any) -> Any:
    """Widgets below each other, each as wide as it is by itself."""
    import ipywidgets

    return ipywidgets.VBox(children, layout={"align_items": "flex-start", "max_width": "100%"})


def wrapping(*children: Any) -> Any:
    """Widgets side by side, and below each other where the page is narrow."""
    import ipywidgets

    return ipywidgets.Box(children, layout={"display": "flex", "flex_flow": "row wrap", "grid_gap": "16px"})
