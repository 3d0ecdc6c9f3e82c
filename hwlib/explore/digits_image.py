"""The tab with one image and what every network says of it."""

from typing import Any

import numpy as np

from hwlib.errors import WorkbookError
from hwlib.explore import digits_picture as draw
from hwlib.explore.digits_models import SOURCE, TARGET
from hwlib.explore.digits_tab import WIDE, Tab, column, paragraph, wrapping
from hwlib.explore.picture import png


class ImageTab(Tab):
    """State: `domain` and `index` of a test image."""

    short = "image"

    def title(self) -> str:
        return self.say("一張影像", "One image")

    def reset(self) -> None:
        self.domain, self.index = TARGET, 0

    def choose(self, domain: int, index: int) -> None:
        """Show a test image of a domain; an index beyond the set is its last image."""
        self.domain, self.index = domain, min(index, len(self.scene.tests[domain]) - 1)
        self.refresh()

    def next_difference(self) -> None:
        """Go to the next image of the target that the networks do not agree on, the first again after the last."""
        said = np.stack([self.scene.answers.said(name) for name in self.scene.networks])
        differ = np.flatnonzero((said != said[0]).any(axis=0))
        if not len(differ):
            raise WorkbookError(self.say("各個模型對每張影像的答案都相同。", "The models agree on every image."))
        self.choose(TARGET, int(differ[np.searchsorted(differ, self.index + 1) % len(differ)]))

    def picture(self) -> np.ndarray:
        image, true = self.scene.image(self.domain, self.index).numpy(), self.scene.label(self.domain, self.index)
        told = self.titled(self.scene.told(self.domain, self.index))
        return draw.beside(draw.enlarged(image), draw.bars(told, true))

    def told(self) -> str:
        true, name = self.scene.label(self.domain, self.index), self.set_name(self.domain)
        spoken = self.spoken(self.scene.told(self.domain, self.index))
        return self.say(
            f"{name}第 {self.index} 張影像，真實數字 {true}。各模型的答案：{spoken}。",
            f"Image {self.index} ({name}), true digit {true}. The models say: {spoken}.",
        )

    def build(self) -> Any:
        import ipywidgets

        from hwlib.explore.elements import Picture

        self.domains = ipywidgets.Dropdown(
            description=self.say("影像集", "Images"),
            tooltip=self.say("選擇來源域或目標域的測試集", "The test set of source or target"),
            style=WIDE,
        )
        self.slider = ipywidgets.IntSlider(
            description=self.say("第幾張", "Index"),
            tooltip=self.say("影像在測試集中的編號，從 0 開始", "The image's place in the test set, from 0"),
            min=0,
            max=1,
            style=WIDE,
            layout={"width": "420px"},
        )
        self.differing = ipywidgets.Button(
            description=self.say("下一張答案不同的", "Next disagreement"),
            tooltip=self.say("目標域中下一張各模型答案不同的影像", "The next target image that the models disagree on"),
            layout={"width": "auto"},
        )
        self.watch(self.domains, lambda: self.choose(self.domains.value, 0))
        self.watch(self.slider, lambda: self.choose(self.domain, self.slider.value))
        self.differing.on_click(self.acting(self.next_difference))
        self.shown = Picture()
        self.caption = ipywidgets.HTML()
        hint = self.say(
            "框起來的是真實數字；綠色表示認對，橘色表示認錯。",
            "The frame marks the true digit; green is right, orange is wrong.",
        )
        controls = wrapping(self.domains, self.slider, self.differing)
        return column(controls, self.shown, self.caption, ipywidgets.HTML(paragraph(hint)))

    def show(self) -> None:
        self.domains.options = [(self.set_name(domain), domain) for domain in (TARGET, SOURCE)]
        self.domains.value = self.domain
        self.slider.max = len(self.scene.tests[self.domain]) - 1
        self.slider.value = self.index
        self.shown.value, self.shown.label = png(self.picture()), self.told()
        self.caption.value = paragraph(self.told())
