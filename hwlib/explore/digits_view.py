"""The explorer of problems 3 and 4: a scenario, its runs, and four tabs over what their networks say."""

import html
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwlib.errors import WorkbookError
from hwlib.explore.digits_accuracy import AccuracyTab
from hwlib.explore.digits_image import ImageTab
from hwlib.explore.digits_map import MapTab
from hwlib.explore.digits_models import Pair, Scene, in_order, load_scene, scenarios
from hwlib.explore.digits_own import OwnTab
from hwlib.explore.digits_tab import WIDE, Tab, wrapping
from hwlib.explore.found import passed_over
from hwlib.explore.picture import png
from hwlib.explore.shown import Explorer, Say
from hwlib.record import Record


class DigitsExplorer(Explorer):
    """What each network of a scenario says of images. Raises WorkbookError where there is nothing to explore.

    State: `scene`, the networks and images of the chosen scenario and runs; `tabs`, and `shown`, the index of the one
    in front, of which the still picture is; `passed`, lines on what was passed over at the start.
    """

    def __init__(self, runs: Path, say: Say) -> None:
        super().__init__(runs, say)
        self.scenarios, passed = scenarios(say, runs)
        self.passed = passed_over(say, passed)
        self._scenes: dict[tuple[Path | None, ...], Scene] = {}
        self.scene = self._first()
        self.tabs: tuple[Tab, ...] = (AccuracyTab(self), ImageTab(self), MapTab(self), OwnTab(self))
        self.shown = 0
        self._quiet = False

    @property
    def name(self) -> str:
        """Of the saved picture: each tab has its own."""
        return f"digits_{self.tabs[self.shown].short}"

    def _first(self) -> Scene:
        """The scene of the newest pair that loads; what is wrong with newer ones goes to `passed`. Raises WorkbookError
        where none loads."""
        wrong = []
        for src, tgt in self.scenarios:
            try:
                scene = self._load((src, tgt))
            except WorkbookError as error:
                wrong.append(error)
                self.passed.append(
                    self.say(f"略過 {src} → {tgt}：{error}", f"Passed over {src} → {tgt}: {error}"),
                )
            else:
                return scene
        raise wrong[0]

    def _records(self, pair: Pair, chosen: dict[str, Path | None] | None = None) -> tuple[Record | None, ...]:
        """The runs of p3 and of p4 in the chosen folders, or the newest of the pair; None where there is none."""
        scenario = self.scenarios[pair]
        records: list[Record | None] = []
        for problem in ("p3", "p4"):
            found = scenario.runs(problem)
            wanted = [record for record in found if chosen and record.folder == chosen.get(problem)]
            records.append(next(iter(wanted or found), None))
        return tuple(records)

    def _load(self, pair: Pair, chosen: dict[str, Path | None] | None = None) -> Scene:
        """The scene of a pair with the runs in the chosen folders, or its newest; one that was loaded is kept."""
        records = self._records(pair, chosen)
        if (key := _key(records)) not in self._scenes:
            self._scenes[key] = load_scene(self.say, self.runs, self.scenarios[pair], *records)
        return self._scenes[key]

    def choose(self, pair: Pair, p3: Path | None = None, p4: Path | None = None) -> None:
        """Go to another scenario, or to other runs of it, by their folders; where that fails all stays as it is."""
        chosen = {"p3": p3, "p4": p4}
        with self._waiting(pair, chosen):
            try:
                scene = self._load(pair, chosen)
            except WorkbookError:
                self._show_choice()
                raise
            if scene is not self.scene:
                self.scene = scene
                for tab in self.tabs:
                    tab.reset()
            self._show_choice()
            self._show_tab()

    @contextmanager
    def _waiting(self, pair: Pair, chosen: dict[str, Path | None]) -> Iterator[None]:
        """While networks are asked, which takes seconds, show no numbers of other ones below the new choice."""
        if not hasattr(self, "notes") or _key(self._records(pair, chosen)) in self._scenes:
            yield
            return
        src, tgt = pair
        self.notes.layout.display = self.tab.layout.display = "none"  # sent to the page at once
        self.tell(self.say(f"載入中：{src} → {tgt}…", f"Loading {src} → {tgt} …"))
        try:
            yield
        finally:
            self.tab.layout.display = None
            self.tell("")

    def select(self, tab: int) -> None:
        """Bring a tab to the front."""
        self.shown = tab
        self._show_tab()

    def open_image(self, domain: int, index: int) -> None:
        """Show a test image in the tab of one image."""
        self.tabs[1].choose(domain, index)
        self.select(1)

    def still(self) -> bytes:
        return png(self.tabs[self.shown].picture())

    def told(self) -> str:
        src, tgt = self.scene.scenario.pair
        return f"{src} → {tgt}: {self.tabs[self.shown].told()}"

    def build(self) -> Any:
        import ipywidgets

        self.pairs = ipywidgets.Dropdown(
            description=self.say("情境", "Scenario"),
            tooltip=self.say("來源域 → 目標域", "source → target"),
            options=[(f"{src} → {tgt}", (src, tgt)) for src, tgt in in_order(self.scenarios)],
            value=self.scene.scenario.pair,
            style=WIDE,
        )
        self.choosers = {
            problem: ipywidgets.Dropdown(
                description=self.say(f"{problem} 的執行", f"Run of {problem}"),
                tooltip=self.say("選擇哪一次執行的模型", "The run whose models are asked"),
                style=WIDE,
                layout={"width": "max-content"},
            )
            for problem in ("p3", "p4")
        }
        self.notes = ipywidgets.HTML()
        self.tab = ipywidgets.Tab(
            children=[ipywidgets.VBox([]) for _ in self.tabs], titles=[tab.title() for tab in self.tabs]
        )
        self.tab.selected_index = self.shown
        self.pairs.observe(self._changed(lambda: self.choose(self.pairs.value)), "value")
        for chooser in self.choosers.values():
            chooser.observe(self._changed(self._choose_runs), "value")
        self.tab.observe(self._changed(lambda: self.select(self.tab.selected_index or 0)), "selected_index")
        self._show_choice()
        self._show_tab()
        bottom = wrapping(self.save_button(), self.status)
        return ipywidgets.VBox([wrapping(self.pairs, *self.choosers.values()), self.notes, self.tab, bottom])

    def _changed(self, act: Any) -> Any:
        """A callback for what a person changes; what `_show_choice` sets calls nothing back."""

        def acted() -> None:
            if not self._quiet:
                self.tell("")
                act()

        return self.guarded(acted)

    def _choose_runs(self) -> None:
        p3, p4 = (self.choosers[problem].value for problem in ("p3", "p4"))
        self.choose(self.pairs.value, p3, p4)

    def _show_choice(self) -> None:
        """Put scenario, runs and notes into their widgets, where there are any."""
        if not hasattr(self, "notes"):
            return
        self._quiet = True
        try:
            scene = self.scene
            self.pairs.value = scene.scenario.pair
            for problem, chooser in self.choosers.items():
                found = scene.scenario.runs(problem)
                chooser.options = [(_titled(record), record.folder) for record in found]
                chooser.layout.display = None if len(found) > 1 else "none"
                if problem in scene.records:
                    chooser.value = scene.records[problem].folder
            notes = [*self.passed, *scene.notes]
            self.notes.value = "<br>".join(map(html.escape, notes))
            self.notes.layout.display = None if notes else "none"
        finally:
            self._quiet = False

    def _show_tab(self) -> None:
        """Show the tab in front; the others are brought up to date when they come there."""
        if not hasattr(self, "notes"):
            return
        front, holder = self.tabs[self.shown], self.tab.children[self.shown]
        if not holder.children:
            holder.children = (front.widget(),)
        else:
            front.refresh()
        self._quiet = True
        try:
            self.tab.selected_index = self.shown
        finally:
            self._quiet = False


def _key(records: Iterable[Record | None]) -> tuple[Path | None, ...]:
    """By which a scene is kept: the folders of its runs."""
    return tuple(record and record.folder for record in records)


def _titled(record: Record) -> str:
    """A run as a chooser lists it: its id, profile and day."""
    run = record.run
    return f"{run.get('id', record.folder.name)}, {run.get('profile', '?')}, {str(run.get('finished', ''))[:10]}"
