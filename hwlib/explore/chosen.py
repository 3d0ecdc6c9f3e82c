"""Which run an explorer of faces shows, and which of its images: what the two of them share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwlib.data import ImageSet
from hwlib.errors import WorkbookError
from hwlib.evaluation.networks import stands_in
from hwlib.explore.found import one_of, sets_of
from hwlib.explore.shown import Explorer, Say
from hwlib.record import Record

INITIAL = {"description_width": "initial"}
"""A style for labels of any length: the default one cuts long ones off."""


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
    kind = "stand-in" if stands_in(record) else str(record.run.get("data", {}).get("kind", "?"))
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
    """An explorer of the runs of one problem. A subclass gives `take`, `refresh` and what `Explorer` asks for.

    Raises `WorkbookError` where there is no run, and where the newest one cannot be shown: it names what is damaged.
    """

    problem: str

    def __init__(self, runs: Path, say: Say) -> None:
        super().__init__(runs, say)
        self.records = one_of(say, runs, self.problem)
        self._quiet = False
        self.take(self.records[0])

    def take(self, record: Record) -> None:
        """Load a run and begin anew with it; where that fails, all stays as it is."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Set every control to the present state and show its pictures."""
        raise NotImplementedError

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
            value=0,
            description=self.say("執行紀錄", "Run"),
            tooltip=self.say("要探索哪一次執行的模型", "The run whose model is explored"),
            style=INITIAL,
            layout={"width": "520px"},
        )
        last = [0]

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
            value=value, min=0, max=count - 1, style=INITIAL, layout={"width": "200px"}, tooltip=label
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
