"""Which run an explorer of faces shows, and which of its images: what the two of them share."""

import html
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwlib.data import ImageSet
from hwlib.errors import WorkbookError
from hwlib.evaluation.networks import stands_in, told
from hwlib.explore.found import missing, none_left, other_images, passed_over, read_runs, sets_of
from hwlib.explore.picture import line, png, stacked
from hwlib.explore.shown import Explorer, Say
from hwlib.record import Record

INITIAL = {"description_width": "initial"}
"""A style for labels of any length: the default one cuts long ones off."""

ROW = {"flex_flow": "row wrap", "grid_gap": "4px 16px"}
"""A layout for controls side by side, which break into lines where the page is narrow."""


def slider(low: float, high: float, step: float, label: str = "", tooltip: str = "", *, aligned: int = 0) -> Any:
    """Return a slider that tells of every move. aligned: CSS pixels that its label takes, where several stand in a
    column; 0 for those that it needs."""
    import ipywidgets

    return ipywidgets.FloatSlider(
        value=max(0.0, low),
        min=low,
        max=high,
        step=step,
        description=label,
        tooltip=tooltip,
        continuous_update=True,
        readout_format=".2f" if step < 0.1 else ".1f",
        style={"description_width": f"{aligned}px"} if aligned else INITIAL,
        layout={"width": f"{220 + aligned}px" if aligned else "380px"},
    )


@dataclass(frozen=True)
class Faces:
    """The faces of a run, as its notebook loaded them; `same`: whether they still are those of the run."""

    train: ImageSet
    test: ImageSet
    same: bool

    @classmethod
    def of(cls, record: Record) -> "Faces":
        """Load them; `WorkbookError` where they are gone or damaged."""
        (train, test), same = sets_of(record)
        return cls(train, test, same)


def run_label(record: Record) -> str:
    """What the list of runs calls a run: its id, profile, data, and when it finished, to the minute."""
    data = record.run.get("data")
    kind = "stand-in" if stands_in(record) else str(data.get("kind", "?")) if isinstance(data, dict) else "?"
    finished = str(record.run.get("finished", "?"))[:16].replace("T", " ")
    return f"{record.folder.name}  ({record.run.get('profile', '?')}, {kind}, {finished})"


def run_seed(record: Record) -> int:
    """The seed of the run, 0 where the record does not say."""
    seed = record.run.get("seed")
    return seed if isinstance(seed, int) and 0 <= seed < 2**32 else 0


def rgb(image: Any) -> np.ndarray:
    """A uint8 face (C, H, W), grey or coloured, as an array (3, H, W)."""
    array = np.asarray(image)
    return np.broadcast_to(array, (3, *array.shape[1:]))


class FaceExplorer(Explorer):
    """An explorer of the runs of one problem. A subclass gives `take`, `refresh`, `parts`, `shows`, and `build`.

    The newest run that can be shown is shown; newer ones that cannot are passed over and named in `notes`. Raises
    `WorkbookError` where none can: it names the command that makes one, or what is damaged.
    """

    problem: str
    record: Record
    loaded: Faces

    def __init__(self, runs: Path, say: Say) -> None:
        super().__init__(runs, say)
        self.records, unread = read_runs(runs, self.problem)
        self._quiet = False
        wrong: list[str] = []
        for record in self.records:
            try:
                self.take(record)
            except WorkbookError as error:
                wrong.append(str(error))
                continue
            self.passed = [*wrong, *unread]
            return
        raise WorkbookError(none_left(say, [*(wrong or [missing(say, runs, self.problem)]), *unread]))

    def about(self) -> str:
        """Which run is shown, and whether its data are stand-ins."""
        name, profile = self.record.run.get("id", self.record.folder.name), self.record.run.get("profile", "?")
        zh, en = ("，替代資料", ", trained on stand-in data") if stands_in(self.record) else ("", "")
        return self.say(f"執行紀錄 {name}（設定檔 {profile}{zh}）", f"Run {name} (profile {profile}{en})")

    def notes(self) -> list[str]:
        """What to know before all else: which run it is, those passed over, and images that have changed since."""
        changed = (
            [] if self.loaded.same else [other_images(self.say, (self.loaded.train, self.loaded.test), self.record)]
        )
        return [self.about(), *passed_over(self.say, self.passed), *changed]

    def notes_html(self) -> str:
        """The notes as HTML, a line each."""
        return "<br>".join(map(html.escape, self.notes()))

    def parts(self) -> list[np.ndarray]:
        """Return the pictures of the present state, uint8 (height, width, 3), from above."""
        raise NotImplementedError

    def shows(self) -> str:
        """Return what the pictures show, in words."""
        raise NotImplementedError

    def still(self) -> bytes:
        # Whoever finds the saved picture alone must see that its data are stand-ins.
        above = [line(f"stand-in data: {told(self.record)}")] if stands_in(self.record) else []
        return png(stacked(*above, *self.parts()))

    def told(self) -> str:
        return self.say("：", ": ").join((self.about(), self.shows()))

    def take(self, record: Record) -> None:
        """Load a run and begin anew with it; where that fails, all stays as it is."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Set every control to the present state and show its pictures."""
        raise NotImplementedError

    def reset_button(self, tooltip: str, act: Callable[[], object]) -> Any:
        """Return a button that undoes what was done."""
        import ipywidgets

        button = ipywidgets.Button(description=self.say("重設", "Reset"), icon="undo", tooltip=tooltip)
        button.on_click(self.guarded(act))
        return button

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Controls that are set within say nothing: their changes are one, and shown once."""
        before, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = before

    def watch(self, control: Any, act: Callable[[], object]) -> None:
        """Call `act` when the value of `control` changes by a person's hand; a fault in the input becomes a line."""

        def changed() -> None:
            if not self._quiet:
                self.tell("")
                act()

        control.observe(self.guarded(changed), "value")

    def chooser(self) -> list[Any]:
        """A list of the runs to choose from; no control at all where there is one run."""
        if len(self.records) < 2:
            return []
        import ipywidgets

        shown = ipywidgets.Dropdown(
            options=[(run_label(record), i) for i, record in enumerate(self.records)],
            value=self.records.index(self.record),
            description=self.say("執行紀錄", "Run"),
            tooltip=self.say("要探索哪一次執行的模型", "The run whose model is explored"),
            style=INITIAL,
            layout={"width": "520px"},
        )
        last = [shown.value]

        def chosen() -> None:
            try:
                self.tell(self.say("載入中……", "Loading …"))
                self.take(self.records[shown.value])
            except WorkbookError:
                with self.quietly():
                    shown.value = last[0]
                raise
            last[0] = shown.value
            self.tell("")
            self.refresh()

        self.watch(shown, chosen)
        return [shown]


class Picker:
    """A choice of one image among `count`: a box for its number, and buttons for the one before, the next, any other.

    `box` holds the value; `widget` shows all of it.
    """

    def __init__(self, say: Say, label: str, count: int, value: int, random: np.random.Generator) -> None:
        import ipywidgets

        self.box = ipywidgets.BoundedIntText(
            value=value, min=0, max=count - 1, style=INITIAL, layout={"width": "250px"}, tooltip=label
        )
        self.label = label
        self.random = random
        steps: Sequence[tuple[str, str, Callable[[], int]]] = (
            ("arrow-left", say("上一張", "Previous"), lambda: (self.box.value - 1) % self.count),
            ("arrow-right", say("下一張", "Next"), lambda: (self.box.value + 1) % self.count),
            ("random", say("隨機", "Random"), lambda: int(self.random.integers(self.count))),
        )
        self.buttons = [self._button(icon, text, to) for icon, text, to in steps]
        self.widget = ipywidgets.HBox([self.box, *self.buttons])
        self.limit(count)

    def limit(self, count: int) -> None:
        """Say how many images there are to choose from."""
        self.count = count
        self.box.max = count - 1
        self.box.description = f"{self.label} (0–{count - 1})"

    def _button(self, icon: str, text: str, to: Callable[[], int]) -> Any:
        import ipywidgets

        button = ipywidgets.Button(
            description=text, icon=icon, tooltip=f"{self.label}: {text}", layout={"width": "auto"}
        )
        button.on_click(lambda _: setattr(self.box, "value", to()))
        return button
