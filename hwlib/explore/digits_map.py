"""The tab with a t-SNE whose points can be clicked."""

from typing import Any

import numpy as np

from hwlib.errors import WorkbookError
from hwlib.explore import digits_picture as draw
from hwlib.explore.digits_models import SOURCE, TARGET
from hwlib.explore.digits_tab import WIDE, Tab, column, paragraph, wrapping
from hwlib.explore.picture import png, stacked

CLASS, DOMAIN, RIGHT = "class", "domain", "right"
SIDE = 440
DOMAINS = ("#0072b2", "#d55e00")
CORRECTNESS = ("#d55e00", "#0072b2")
NEUTRAL = "#767676"
"""Of the legend's two shapes, where colours mean something else than the domain."""


class MapTab(Tab):
    """State: `on`, whose features are mapped (None where no run has a map), `colour`, and `chosen`, a point or -1."""

    short = "tsne"

    def title(self) -> str:
        return self.say("特徵的 t-SNE", "t-SNE of features")

    def reset(self) -> None:
        self.on = next(iter(self.scene.maps), None)
        self.colour, self.chosen = CLASS, -1

    def choose_map(self, on: str | None) -> None:
        """Show the features of another network; the same images are other points there, so none is chosen."""
        if on != self.on:
            self.on, self.chosen = on, -1
            self.refresh()

    def choose_colour(self, colour: str) -> None:
        """Colour by `class`, `domain` or `right`: whether the network names the image right."""
        if colour != self.colour:
            self.colour = colour
            self.refresh()

    def choose_point(self, index: int) -> None:
        """Show the image of a point."""
        if self.on is not None and -1 <= index < len(self.scene.maps[self.on].points) and index != self.chosen:
            self.chosen = index
            with self._silence():
                self._show_chosen()

    def open(self) -> None:
        """Show the chosen point's image in the tab of one image."""
        if self.chosen < 0:
            raise WorkbookError(self.say("先在圖上點選一個點。", "Click a point of the map first."))
        self.explorer.open_image(*self._image())

    def _image(self) -> tuple[int, int]:
        """Domain and index of the chosen point's image."""
        shown = self.scene.maps[self.on]
        return int(shown.domains[self.chosen]), int(shown.indices[self.chosen])

    def _groups(self) -> tuple[np.ndarray, tuple[str, ...], list[tuple[str, str]], list[int]]:
        """Group of each point, colours and names of the legend's entries, and those of them that are triangles.

        The legend names the groups and, where these are not the domains, the shapes of source and target.
        """
        shown = self.scene.maps[self.on]
        if self.colour == DOMAIN:
            src, tgt = (test.title for test in self.scene.tests)
            src_zh, tgt_zh = (self.set_title(domain).strip() for domain in (SOURCE, TARGET))
            names = [(f"來源域 {src_zh}", f"source {src}"), (f"目標域 {tgt_zh}", f"target {tgt}")]
            return shown.domains, DOMAINS, names, [TARGET]
        if self.colour == CLASS:
            groups, palette, names = shown.labels, draw.DIGIT_COLOURS, [(str(i), str(i)) for i in range(10)]
        else:
            groups, palette = shown.right.astype(int), CORRECTNESS
            names = [("認錯", "named wrongly"), ("認對", "named right")]
        shapes = [("來源域", "source"), ("目標域", "target")]
        return groups, (*palette, NEUTRAL, NEUTRAL), names + shapes, [len(names) + TARGET]

    def picture(self) -> np.ndarray:
        if self.on is None:
            return draw.words("no map of these images")
        shown = self.scene.maps[self.on]
        groups, palette, names, triangles = self._groups()
        points = draw.scatter(shown.points, groups, shown.domains, palette, self.chosen, SIDE)
        head = draw.words(f"t-SNE of the features of {self.scene.titles[shown.model][1]}", 13)
        left = stacked(head, points, draw.legend([en for _, en in names], palette, triangles, SIDE))
        return draw.beside(left, self._chosen_picture()) if self.chosen >= 0 else left

    def _chosen_picture(self) -> np.ndarray:
        domain, index = self._image()
        image = draw.enlarged(self.scene.image(domain, index).numpy(), 84)
        told = self.titled(self.scene.told(domain, index))
        return stacked(image, draw.bars(told, self.scene.label(domain, index), columns=2))

    def told(self) -> str:
        if self.on is None:
            return self._about()
        return self._about() + self.say("", " ") + self._chosen_told()

    def _about(self) -> str:
        """What is mapped."""
        if self.on is None:
            return self.say("沒有這些影像的 t-SNE。", "There is no t-SNE of these images.")
        shown = self.scene.maps[self.on]
        model = self.scene.title(shown.model, self.say)
        many = np.bincount(shown.domains, minlength=2)
        text = self.say(
            f"{model} 特徵的 t-SNE：來源域 {many[SOURCE]} 點（圓形）、目標域 {many[TARGET]} 點（三角形）。",
            f"t-SNE of the features of {model}: {many[SOURCE]} points of the source (discs), "
            f"{many[TARGET]} of the target (triangles).",
        )
        if self.colour == RIGHT:
            right = 100 * shown.right.mean()
            text += self.say(f"其中認對 {right:.1f}%。", f" {right:.1f}% of them are named right.")
        return text

    def _chosen_told(self) -> str:
        if self.chosen < 0:
            return self.say("點選一個點看它的影像。", "Click a point to see its image.")
        domain, index = self._image()
        name, true = self.set_name(domain), self.scene.label(domain, index)
        spoken = self.spoken(self.scene.told(domain, index))
        return self.say(
            f"{name}第 {index} 張影像，真實數字 {true}。各模型的答案：{spoken}。",
            f"Image {index} ({name}), true digit {true}. The models say: {spoken}.",
        )

    def build(self) -> Any:
        import ipywidgets

        from hwlib.explore.elements import Picture, Scatter

        self.maps = ipywidgets.Dropdown(
            description=self.say("特徵來自", "Features of"),
            tooltip=self.say("選擇哪個模型的特徵", "The model whose features are mapped"),
            style=WIDE,
        )
        self.colours = ipywidgets.Dropdown(
            description=self.say("上色依據", "Colour by"),
            tooltip=self.say("點的顏色代表什麼", "What the colour of a point means"),
            options=[
                (self.say("數字", "digit"), CLASS),
                (self.say("領域", "domain"), DOMAIN),
                (self.say("是否認對", "correctness"), RIGHT),
            ],
            style=WIDE,
        )
        self.points = Scatter(width=SIDE)
        self.button = ipywidgets.Button(
            description=self.say("在「一張影像」開啟", "Open in “One image”"),
            tooltip=self.say("在「一張影像」分頁顯示這個點的影像", "Show this point's image in the tab of one image"),
            layout={"width": "auto"},
        )
        self.watch(self.maps, lambda: self.choose_map(self.maps.value))
        self.watch(self.colours, lambda: self.choose_colour(self.colours.value))
        self.watch(self.points, lambda: self.choose_point(self.points.chosen), "chosen")
        self.button.on_click(self.acting(self.open))
        self.chosen_image = Picture()
        self.caption = ipywidgets.HTML(layout={"max_width": "340px"})
        self.about = ipywidgets.HTML()
        right = column(self.caption, self.chosen_image, self.button)
        return column(wrapping(self.maps, self.colours), self.about, wrapping(self.points, right))

    def show(self) -> None:
        self.maps.options = [(self.scene.title(name, self.say), name) for name in self.scene.maps]
        self.maps.value, self.colours.value = self.on, self.colour
        self.points.layout.display = "none" if self.on is None else None
        if self.on is not None:
            groups, palette, names, triangles = self._groups()
            shown = self.scene.maps[self.on]
            with self.points.hold_sync():
                self.points.place(shown.points, shown.domains)
                self.points.groups = groups.astype(np.uint8).tobytes()
                self.points.palette = list(palette)
                self.points.names = [self.say(zh, en) for zh, en in names]
                self.points.triangles = triangles
                self.points.label = self.say("t-SNE 的點；左右方向鍵換點", "Points of the t-SNE; arrow keys go on")
                self.points.chosen = self.chosen
        self.about.value = paragraph(self._about())
        self._show_chosen()

    def _show_chosen(self) -> None:
        if self._widget is None and not hasattr(self, "points"):
            return
        self.points.chosen = self.chosen
        there = self.on is not None and self.chosen >= 0
        self.caption.value = "" if self.on is None else paragraph(self._chosen_told())
        self.chosen_image.layout.display = self.button.layout.display = None if there else "none"
        if there:
            self.chosen_image.value, self.chosen_image.label = png(self._chosen_picture()), self._chosen_told()
