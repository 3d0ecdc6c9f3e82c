"""The view of problem 2: a grid of faces to click, the way between two of them, truncation, and what is nearest."""

import html
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from hwlib.evaluation.networks import compute_on, load_gan
from hwlib.explore import generated
from hwlib.explore.chosen import INITIAL, ROW, FaceExplorer, Faces, run_seed, slider
from hwlib.explore.generated import COLUMNS, COUNT, THRESHOLDS, State
from hwlib.explore.later import Later
from hwlib.explore.nearest import SHOWN, Nearest, Neighbours, Usual, usual
from hwlib.explore.picture import GAP, png
from hwlib.record import Record


class GANExplorer(FaceExplorer):
    """Explore a finished run of problem 2. `state` is what is shown; its pictures are made again as it changes."""

    name, problem = "gan", "p2"

    def take(self, record: Record) -> None:
        loaded, pair = Faces.of(record), generated.Pair.of(load_gan(record), compute_on("cpu"))
        self.record, self.loaded, self.pair = record, loaded, pair
        self.state = State(seed=run_seed(record))
        self.nearest = Nearest(loaded.train)
        self.usual: Usual | None = None
        self.found: Neighbours | None = None  # of the face clicked last; None where none was looked for
        self.grid = generated.Grid(pair, generated.drawn(self.state.seed))
        self.turn = 0

    def parts(self) -> list[np.ndarray]:
        self.grid.make()
        return [generated.grid_picture(self.grid), generated.way_picture(self.grid, self.state), *self.near()]

    def shows(self) -> str:
        first, last = (place + 1 for place in self.state.pair)
        cut = self.cut(self.state.threshold)
        return self.say(
            f"種子 {self.state.seed} 的 {COUNT} 張生成人臉與鑑別器的評分 D（截斷：{cut}）；"
            f"下方為第 {first} 張到第 {last} 張之間沿大圓 {self.state.way:.2f} 處的人臉",
            f"{COUNT} generated faces of seed {self.state.seed} with the discriminator's score D (truncation: {cut}); "
            f"below, the face at {self.state.way:.2f} of the great circle from face {first} to face {last}",
        )

    def cut(self, threshold: float) -> str:
        """A threshold in words."""
        return self.say("無", "none") if math.isinf(threshold) else f"±{threshold:g}"

    def near(self) -> list[np.ndarray]:
        """The picture of the neighbours, where they were looked for."""
        if self.found is None:
            return []
        face = self.grid.faces[self.state.pair[1]]
        return [generated.neighbours_picture(face, self.found, self.loaded.train)]

    def search(self) -> None:
        """Look for the training faces nearest to the face clicked last; the first time, also for what is usual."""
        if self.usual is None:
            count = len(self.loaded.train)
            self.tell(self.say(f"第一次搜尋，比對 {count} 張訓練人臉……", f"First search, {count} training faces …"))
            self.usual = usual(self.nearest, self.loaded.test, run_seed(self.record))
            self.tell("")
        self.grid.make([self.state.pair[1]])
        self.found = generated.neighbours_of(self.nearest, self.grid.faces[self.state.pair[1]])

    def verdict(self) -> str:
        """Whether the face clicked last looks memorised."""
        if self.found is None or self.usual is None:
            return self.say(
                "點選一張人臉，即可看最接近的訓練影像。", "Click a face to see the training images nearest to it."
            )
        distance, count = float(self.found.distances[0]), len(self.usual.distances)
        nearer = 100 * self.usual.part_nearer(distance)
        place = self.state.pair[1] + 1
        measured = self.say(
            f"第 {place} 張與最近訓練影像的 MSE 為 {distance:.4f}；{count} 張沒看過的測試人臉與各自最近訓練影像的 MSE，"
            f"中位數為 {self.usual.median:.4f}，其中 {nearer:.0f}% 比這張更近。",
            f"Face {place} is at an MSE of {distance:.4f} from its nearest training image. Of {count} "
            f"test faces, which the training never saw, the median is {self.usual.median:.4f}, and {nearer:.0f}% are "
            "nearer than this face.",
        )
        if self.usual.close(distance):
            judged = self.say(
                "比幾乎所有測試人臉都近：可能是背下來的，也可能只是較平滑；請用眼睛比較。",
                "Nearer than almost all test faces: it may be memorised, or only be smooth; compare by eye.",
            )
        else:
            judged = self.say(
                "並不比沒看過的人臉更近：以像素距離看不出是背下來的。",
                "No nearer than faces never seen: by pixels, nothing says that it is memorised.",
            )
        return self.say("", " ").join((measured, judged))

    def build(self) -> Any:
        import ipywidgets as w

        from hwlib.explore.elements import Picture, Tiles

        say, c = self.say, SimpleNamespace()
        self.controls = c
        c.seed = w.BoundedIntText(
            value=self.state.seed,
            min=0,
            max=2**32 - 1,
            description=say("種子", "Seed"),
            tooltip=say("決定 32 個潛在向量的種子", "The seed that decides the 32 latents"),
            style=INITIAL,
            layout={"width": "200px"},
        )
        c.threshold = w.SelectionSlider(
            options=[(self.cut(threshold), threshold) for threshold in THRESHOLDS],
            value=self.state.threshold,
            description=say("截斷", "Truncation"),
            tooltip=say("潛在向量各值的上下限", "The limit of each value of the latents, to both sides"),
            continuous_update=True,
            style=INITIAL,
            layout={"width": "380px"},
        )
        ends = say("0 是框選的人臉 1，1 是人臉 2", "0 is the face marked 1, 1 the face marked 2")
        c.way = slider(0, 1, 0.02, say("由 1 到 2（大圓）", "From 1 to 2 (great circle)"), ends)
        c.tiles = Tiles(
            rows=COUNT // COLUMNS,
            columns=COLUMNS,
            width=(generated.SIDE + GAP) * COLUMNS,
            label=say("生成的人臉；點選兩張", "Generated faces; click two"),
        )
        c.picture = Picture(layout={"width": f"{3 * (generated.LARGE + GAP)}px"})
        c.near = Picture(layout={"width": f"{(SHOWN + 1) * (generated.SIDE + GAP)}px"})
        hint = say("點選的人臉成為 2，原來的 2 成為 1。", "A face that is clicked becomes 2, the former 2 becomes 1.")
        c.caption, c.verdict, c.note, c.hint = w.HTML(), w.HTML(), w.HTML(), w.HTML(hint)
        beside = {"width": "400px"}  # in a page of 1280 pixels it fits beside the picture of the way
        undone = say("回到這次執行自己的種子，不截斷", "Back to the run's own seed, without truncation")
        c.reset = self.reset_button(undone, self.reset)
        c.runs = self.chooser()
        self.rest = Later(self.guarded(self.settle))

        self.watch(c.seed, self.sow)
        self.watch(c.threshold, self.truncate)
        self.watch(c.way, self.walk)
        c.tiles.on_click(lambda index: self.guarded(lambda: self.click(index))())
        self.refresh()
        return w.VBox(
            [
                *c.runs,
                c.note,
                w.HBox([c.seed, c.threshold], layout=ROW),
                c.hint,
                c.tiles,
                w.HBox([c.picture, w.VBox([c.way, c.caption], layout=beside)], layout=ROW),
                c.near,
                c.verdict,
                w.HBox([c.reset, self.save_button()]),
                self.status,
            ]
        )

    def sow(self) -> None:
        """Take the seed of the box."""
        self.state = replace(self.state, seed=self.controls.seed.value)
        self.relocate()

    def truncate(self) -> None:
        """Take the threshold of the slider."""
        self.state = replace(self.state, threshold=self.controls.threshold.value)
        self.relocate()

    def relocate(self) -> None:
        """Take the latents that seed and threshold say: the pair and a row of the grid at once, each time the next
        row, and the rest when the slider is at rest."""
        self.grid.move(generated.truncated(generated.drawn(self.state.seed), self.state.threshold))
        row = self.turn % (COUNT // COLUMNS)
        self.turn += 1
        self.grid.make([*self.state.pair, *range(row * COLUMNS, (row + 1) * COLUMNS)])
        self.show_grid()
        self.show_way()
        self.rest()

    def settle(self) -> None:
        """Make a row of what was left, and what is left then later, so that no move waits for all of it."""
        self.grid.make(self.grid.stale[:COLUMNS])
        self.show_grid()
        if self.grid.stale:
            self.rest(0)
            return
        if self.found is not None:
            self.search()
        self.show_near()

    def walk(self) -> None:
        """Take the place on the way from the slider."""
        self.state = replace(self.state, way=self.controls.way.value)
        self.show_way()

    def click(self, index: int) -> None:
        """The face clicked last ends the way, the one before it begins it."""
        self.tell("")
        if index != self.state.pair[1]:
            self.state = replace(self.state, pair=(self.state.pair[1], index))
        self.controls.tiles.marked = list(self.state.pair)
        self.show_way()
        self.search()
        self.show_near()

    def reset(self) -> None:
        """Show again what was shown at the beginning."""
        self.rest.cancel()
        self.tell("")
        self.state, self.found = State(seed=run_seed(self.record)), None
        self.grid.move(generated.drawn(self.state.seed))
        self.refresh()

    def show_grid(self) -> None:
        tiles, grid = self.controls.tiles, self.grid
        with tiles.hold_sync():
            tiles.png = png(generated.grid_picture(grid))
            tiles.labels = [self.say(f"第 {i + 1} 張，{t}", f"face {i + 1}, {t}") for i, t in enumerate(grid.texts())]
            tiles.marked = list(self.state.pair)

    def show_way(self) -> None:
        c, (first, last) = self.controls, (place + 1 for place in self.state.pair)
        c.picture.value, c.picture.label = png(generated.way_picture(self.grid, self.state)), self.told()
        c.caption.value = self.say(
            f"左起：第 {first} 張、由它往第 {last} 張走大圓 {self.state.way:.2f} 處的人臉、第 {last} 張；"
            "D 是鑑別器認為是真實影像的機率。",
            f"From the left: face {first}, the one at {self.state.way:.2f} of the great circle from it to face {last}, "
            f"face {last}; D is the probability of being real that the discriminator gives.",
        )

    def show_near(self) -> None:
        c = self.controls
        c.verdict.value, c.near.label = html.escape(self.verdict()), self.verdict()
        for near in self.near():
            c.near.value = png(near)
        c.near.layout.display = None if self.found is not None else "none"

    def refresh(self) -> None:
        c, state = self.controls, self.state
        with self.quietly():
            c.seed.value, c.threshold.value, c.way.value = state.seed, state.threshold, state.way
        c.note.value = self.notes_html()
        self.grid.make()
        self.show_grid()
        self.show_way()
        self.show_near()
