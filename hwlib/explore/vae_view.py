"""The view of problem 1: sliders along directions, attributes to add and take away, the way between two faces."""

import html
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from hwlib.evaluation.networks import compute_on, load_decoder
from hwlib.explore import faces
from hwlib.explore.chosen import INITIAL, ROW, FaceExplorer, Faces, Picker, run_seed, slider
from hwlib.explore.picture import GAP, png
from hwlib.record import Record

REACH = 3.0
"""Standard deviations, or times an attribute's direction, to each side of a slider."""


class VAEExplorer(FaceExplorer):
    """Explore a finished run of problem 1. `edit` is what is shown; its pictures are made again as it changes."""

    name, problem = "vae", "p1"

    def take(self, record: Record) -> None:
        loaded = Faces.of(record)
        compute = compute_on("cpu")
        self.space = faces.open_space(load_decoder(record), loaded.train, loaded.test, run_seed(record), compute)
        self.record, self.loaded = record, loaded
        self.edit = self.unedited(faces.Edit())
        self.meet()

    def unedited(self, edit: faces.Edit) -> faces.Edit:
        """The same two faces, at the first of them, not moved."""
        return faces.Edit(edit.first, edit.second, 0.0, (0.0,) * len(self.space.directions), {})

    def meet(self) -> None:
        """Make what depends on the two faces alone."""
        self.original = self.space.test.images[self.edit.first].numpy()
        self.reconstructed, self.mse = faces.reconstruction(self.space, self.edit.first)
        between = faces.strip(self.space, self.edit.first, self.edit.second)
        self.row = faces.strip_picture(self.space, self.edit.first, self.edit.second, between)

    def top(self) -> np.ndarray:
        """The three faces of the present state."""
        edited = faces.decode(self.space, faces.edited_latent(self.space, self.edit)[None])[0]
        return faces.three(self.original, self.reconstructed, self.mse, edited)

    def parts(self) -> list[np.ndarray]:
        return [self.top(), self.row]

    def shows(self) -> str:
        first, second = self.edit.first, self.edit.second
        moved = self.moved()
        return self.say(
            f"測試人臉 {first}、其重建（MSE {self.mse:.4f}）與編輯後的人臉（{moved}）；"
            f"下列為測試人臉 {first} 到 {second} 的內插",
            f"Test face {first}, its reconstruction (MSE {self.mse:.4f}) and the edited face ({moved}); "
            f"below, the interpolation from test face {first} to {second}",
        )

    def moved(self) -> str:
        """What was done to the face, in words."""
        edit = self.edit
        parts = [self.say(f"往第二張 {edit.way:.2f}", f"{edit.way:.2f} of the way")] if edit.way else []
        axis = self.say("主方向", "direction")
        parts += [f"{axis} {i + 1} {step:+.1f}" for i, step in enumerate(edit.steps) if step]
        parts += [f"{name} {amount:+.1f}" for name, amount in edit.amounts.items() if amount]
        return self.say("、", ", ").join(parts) or self.say("未更動", "unchanged")

    def title(self, index: int) -> str:
        """The label of a direction: its rank, and the attribute that it goes with and how closely."""
        direction = self.space.directions[index]
        named = f"{direction.name} (r {direction.correlation:.2f})" if direction.name else self.say("方向", "direction")
        return f"{index + 1} {named}"

    def legend(self) -> str:
        """How to read the label of a direction; nothing where there are none."""
        if not self.space.directions:
            return ""
        first = self.title(0)
        return self.say(
            f"「{first}」：潛在空間的第 1 主方向（標準差最大），以與它最相關的屬性為名，r 是相關係數；"
            "越往右，該屬性越明顯。單位是標準差。",
            f"“{first}”: the first principal direction of the latent space (the one with the largest standard "
            "deviation), named after the attribute that correlates with it most; r is that correlation. Further right "
            "is more of the attribute. The unit is the standard deviation.",
        )

    def notes(self) -> list[str]:
        said = super().notes()
        if not self.space.directions:
            all_alike = (
                "編碼器給所有人臉相同的潛在向量，沒有方向可走。",
                "The encoder gives all faces one latent: no directions.",
            )
            said.append(self.say(*all_alike))
        return said

    def build(self) -> Any:
        import ipywidgets as w

        from hwlib.explore.elements import Picture, Tiles

        say, c = self.say, SimpleNamespace()
        self.controls = c
        random = np.random.default_rng(0)
        count = len(self.space.test)
        c.first = Picker(say, say("起點的測試人臉", "Start: test face"), count, self.edit.first, random)
        c.second = Picker(say, say("終點的測試人臉", "End: test face"), count, self.edit.second, random)
        c.way = slider(0, 1, 0.02, say("內插", "Interpolation"), say("0 是起點，1 是終點", "0 is the start, 1 the end"))
        c.steps = [slider(-REACH, REACH, 0.1, aligned=210) for _ in range(faces.MOST)]
        c.attribute = w.Dropdown(
            description=say("屬性", "Attribute"),
            tooltip=say("要增減的屬性", "The attribute to add or take away"),
            style=INITIAL,
            layout={"width": "260px"},
        )
        amount = say("向量的倍數：有此屬性與沒有者的平均之差", "Times the difference of the means with it and without")
        c.amount = slider(-REACH, REACH, 0.1, say("增減", "Amount"), amount)
        c.picture = Picture(layout={"width": f"{3 * (faces.LARGE + GAP)}px"})
        c.row = Tiles(columns=faces.STRIP + 2, width=(faces.STRIP + 2) * (faces.SMALL + GAP))
        c.caption, c.note = w.HTML(), w.HTML()
        c.legend = w.HTML(layout={"max_width": "450px"})
        undone = say("回到未編輯的起點人臉", "Back to the unedited face at the start")
        c.reset = self.reset_button(undone, self.reset)
        c.runs = self.chooser()

        for picker in (c.first, c.second):
            self.watch(picker.box, self.pick)
        for control in (c.way, c.amount, *c.steps):
            self.watch(control, self.move)
        self.watch(c.attribute, self.refresh)
        c.row.on_click(self.jump)
        self.refresh()
        return w.VBox(
            [
                *c.runs,
                c.note,
                w.HBox([w.VBox([c.picture, c.caption]), w.VBox([*c.steps, c.legend])], layout=ROW),
                w.HBox([c.attribute, c.amount], layout=ROW),
                c.first.widget,
                w.HBox([c.second.widget, c.way], layout=ROW),
                c.row,
                w.HBox([c.reset, self.save_button()]),
                self.status,
            ]
        )

    def pick(self) -> None:
        """Take the faces that the boxes name, with what was done to the last ones."""
        self.edit = replace(self.edit, first=self.controls.first.box.value, second=self.controls.second.box.value)
        self.meet()
        self.show_row()
        self.show()

    def move(self) -> None:
        """Take what the sliders say."""
        c, count = self.controls, len(self.edit.steps)
        amounts = dict(self.edit.amounts)
        if c.attribute.value is not None:
            amounts[c.attribute.value] = c.amount.value
        steps = tuple(along.value for along in c.steps[:count])
        self.edit = replace(self.edit, way=c.way.value, steps=steps, amounts=amounts)
        self.show()

    def jump(self, cell: int) -> None:
        """Go to the place on the way that a cell of the strip shows."""
        self.controls.way.value = round(min(1.0, max(0.0, (cell - 1) / (faces.STRIP - 1))), 2)

    def reset(self) -> None:
        """Undo all that was done to the face."""
        self.edit = self.unedited(self.edit)
        self.tell("")
        self.refresh()

    def show_row(self) -> None:
        """Show the strip between the two faces."""
        row, count = self.controls.row, faces.STRIP
        ends = [self.say(f"測試人臉 {i}", f"test face {i}") for i in (self.edit.first, self.edit.second)]
        with row.hold_sync():
            row.png = png(self.row)
            row.label = self.say(
                f"由{ends[0]}到{ends[1]}的內插；點選即移到該處", f"From {ends[0]} to {ends[1]}; a click goes there"
            )
            way = self.say("內插", "interpolation")
            row.labels = [ends[0], *(f"{way} {i / (count - 1):.2f}" for i in range(count)), ends[1]]

    def show(self) -> None:
        """Show the three faces and what was done."""
        c = self.controls
        c.picture.value, c.picture.label = png(self.top()), self.told()
        names = self.say(
            f"左起：測試人臉 {self.edit.first}、重建（MSE {self.mse:.4f}）、編輯後",
            f"From the left: test face {self.edit.first}, its reconstruction (MSE {self.mse:.4f}), edited",
        )
        c.caption.value = f"{html.escape(names)}<br>{html.escape(self.moved())}"

    def refresh(self) -> None:
        c, edit, say = self.controls, self.edit, self.say
        with self.quietly():
            for picker, value in ((c.first, edit.first), (c.second, edit.second)):
                picker.limit(len(self.space.test))
                picker.box.value = value
            c.way.value = edit.way
            for i, along in enumerate(c.steps):
                there = i < len(edit.steps)
                along.layout.display = None if there else "none"
                if there:
                    along.description = self.title(i)
                    along.tooltip = say(
                        f"第 {i + 1} 主方向，以標準差計；r 是與屬性的相關係數",
                        f"Principal direction {i + 1}, in standard deviations; r is the correlation with the attribute",
                    )
                    along.value = edit.steps[i]
            if c.attribute.options != tuple(self.space.attributes):
                c.attribute.options = tuple(self.space.attributes)
                c.attribute.value = next(iter(self.space.attributes), None)
            c.amount.value = edit.amounts.get(c.attribute.value, 0.0)
            c.amount.disabled = c.attribute.disabled = not self.space.attributes
        c.note.value, c.legend.value = self.notes_html(), html.escape(self.legend())
        self.show_row()
        self.show()
