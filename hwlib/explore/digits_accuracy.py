"""The tab with all networks' accuracies, and a confusion matrix whose cells open the images behind them."""

import html
from typing import Any

import numpy as np

from hwlib.errors import WorkbookError
from hwlib.explore import digits_picture as draw
from hwlib.explore.digits_models import TARGET
from hwlib.explore.digits_tab import WIDE, Tab, column, paragraph, wrapping
from hwlib.explore.picture import png, stacked, tiled

MOST, COLUMNS, SIDE = 40, 8, 48
"""Images behind a cell: how many at most, how many beside each other, and pixels of each."""


class AccuracyTab(Tab):
    """State: `model`, whose confusions are shown, and `cell`, (true digit, digit said), whose images are."""

    short = "accuracy"

    def title(self) -> str:
        return self.say("準確率", "Accuracy")

    def reset(self) -> None:
        self.model = self.scene.best
        self.cell = self.scene.answers.largest_error(self.model)

    def choose_model(self, name: str) -> None:
        """Show the confusions of another network, and the cell of its most frequent mistake."""
        if name != self.model:
            self.model, self.cell = name, self.scene.answers.largest_error(name)
            self.refresh()

    def choose_cell(self, true: int, said: int) -> None:
        """Show the images of the digit `true` that were called `said`."""
        self.cell = (true, said)
        self.refresh()

    def open(self, place: int) -> None:
        """Show the image at a place among those behind the cell in the tab of one image."""
        found = self.behind()
        if not 0 <= place < len(found):
            raise WorkbookError(self.say("這裡沒有影像。", "There is no image here."))
        self.explorer.open_image(TARGET, int(found[place]))

    def behind(self) -> np.ndarray:
        """Indices of the images behind the chosen cell, the surest answers first."""
        return self.scene.answers.behind(self.model, *self.cell, MOST)

    def _matrix_clicked(self, index: int) -> None:
        row, column = divmod(index, 11)
        if row and column:
            self.choose_cell(row - 1, column - 1)

    # Pictures

    def _rows(self) -> list[tuple[str, float, int]]:
        answers = self.scene.answers
        return [(name, answers.accuracy(name), int(answers.right(name).sum())) for name in self.scene.networks]

    def _table(self) -> np.ndarray:
        names = list(self.scene.networks)
        head = ("model", "accuracy, %", f"right of {len(self.scene.answers.labels)}")
        rows = [(self.scene.titles[name][1], f"{percent:.2f}", str(right)) for name, percent, right in self._rows()]
        return draw.table([head, *rows], strong=names.index(self.model) + 1)

    def _matrix(self) -> np.ndarray:
        return draw.matrix(self.scene.answers.confusion(self.model), self.cell)

    def _images(self) -> np.ndarray:
        found = self.behind()
        if not len(found):
            return draw.words("no image", width=COLUMNS * (SIDE + 4))
        probabilities = self.scene.answers.probabilities[self.model][found, self.cell[1]]
        images = self.scene.tests[TARGET].images[found].numpy()
        return tiled(images, COLUMNS, [draw.sure(float(p)) for p in probabilities], side=SIDE)

    def picture(self) -> np.ndarray:
        src, tgt = (test.title for test in self.scene.tests)
        true, said = self.cell
        count = self.scene.answers.confusion(self.model)[self.cell]
        head = draw.words(f"{src} → {tgt}: accuracy on the test set of {tgt}", 13)
        model = self.scene.titles[self.model][1]
        caption = draw.words(f"{model}: {count} images of {true} called {said}, surest first")
        left = stacked(self._table(), self._matrix())
        return stacked(head, draw.beside(left, stacked(caption, self._images())))

    def told(self) -> str:
        title = self.set_title(TARGET)
        accuracies = self.say("、", ", ").join(
            f"{self.scene.title(name, self.say)} {percent:.2f}%" for name, percent, _ in self._rows()
        )
        return self.say(
            f"{title}測試集的準確率：{accuracies}。{self._caption()}",
            f"Accuracy on the test set of {title}: {accuracies}. {self._caption()}",
        )

    def _caption(self) -> str:
        (true, said), model = self.cell, self.scene.title(self.model, self.say)
        count = int(self.scene.answers.confusion(self.model)[self.cell])
        if true == said:
            zh, en = f"{model}：認對的 {true} 有 {count} 張", f"{model}: {count} images of {true} named right"
        else:
            zh = f"{model}：把 {true} 認成 {said} 的有 {count} 張"
            en = f"{model}: {count} images of {true} called {said}"
        if count > MOST:
            zh, en = f"{zh}，顯示信心最高的 {MOST} 張", f"{en}, shown are the {MOST} of highest confidence"
        elif count > 1:
            zh, en = f"{zh}，信心高的在前", f"{en}, the surest first"
        return self.say(f"{zh}。", f"{en}.")

    # Widgets

    def build(self) -> Any:
        import ipywidgets

        from hwlib.explore.elements import Tiles

        self.table = ipywidgets.HTML()
        self.models = ipywidgets.Dropdown(
            description=self.say("混淆矩陣的模型", "Confusions of"),
            tooltip=self.say("選擇要顯示混淆矩陣的模型", "The model whose confusion matrix is shown"),
            style=WIDE,
        )
        self.watch(self.models, lambda: self.choose_model(self.models.value))
        self.matrix = Tiles(rows=11, columns=11, width=11 * draw.CELL)
        self.matrix.on_click(lambda index: self.acting(lambda: self._matrix_clicked(index))())
        self.caption = ipywidgets.HTML()
        self.images = Tiles(width=COLUMNS * (SIDE + 4))
        self.images.on_click(lambda index: self.acting(lambda: self.open(index))())
        hint = self.say(
            "列為真實數字，欄為預測；點選一格看背後的影像。",
            "Rows: true digits, columns: predicted. Click a cell for its images.",
        )
        more = self.say("點選影像，看每個模型的機率。", "Click an image for what every model says of it.")
        left = column(self.table, self.models, ipywidgets.HTML(paragraph(hint)), self.matrix)
        right = column(self.caption, self.images, ipywidgets.HTML(paragraph(more)))
        return wrapping(left, right)

    def show(self) -> None:
        self.table.value = self._table_html()
        self.models.options = [(self.scene.title(name, self.say), name) for name in self.scene.networks]
        self.models.value = self.model
        counts = self.scene.answers.confusion(self.model)
        with self.matrix.hold_sync():
            self.matrix.png = png(self._matrix())
            self.matrix.label = self.say("混淆矩陣", "Confusion matrix")
            self.matrix.labels = [self._cell_label(counts, *divmod(i, 11)) for i in range(121)]
        found = self.behind()
        self.caption.value = paragraph(self._caption())
        with self.images.hold_sync():
            self.images.rows, self.images.columns = max(1, -(-len(found) // COLUMNS)), COLUMNS
            self.images.png = png(self._images())
            self.images.label = self._caption()
            self.images.labels = [self.say(f"第 {i} 張影像", f"image {i}") for i in found] + [""] * (
                self.images.rows * COLUMNS - len(found)
            )

    def _cell_label(self, counts: np.ndarray, row: int, column: int) -> str:
        if not row or not column or not (count := counts[row - 1, column - 1]):
            return ""
        return self.say(
            f"真實 {row - 1}、預測 {column - 1}：{count} 張", f"true {row - 1}, predicted {column - 1}: {count} images"
        )

    def _table_html(self) -> str:
        total = len(self.scene.answers.labels)
        tgt = self.set_title(TARGET)
        heads = (
            self.say("模型", "Model"),
            self.say(f"{tgt}測試集準確率", f"Accuracy, {tgt} test"),
            self.say(f"{total} 張中認對", f"Right of {total}"),
        )
        cell = "padding: 0 12px 0 0; text-align: {}"
        lines = ["".join(f'<th scope="col" style="{cell.format("left")}">{html.escape(h)}</th>' for h in heads)]
        for name, percent, right in self._rows():
            title = html.escape(self.scene.title(name, self.say))
            numbers = "".join(f'<td style="{cell.format("right")}">{n}</td>' for n in (f"{percent:.2f}%", right))
            lines.append(f'<th scope="row" style="{cell.format("left")}; font-weight: normal">{title}</th>{numbers}')
        return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
