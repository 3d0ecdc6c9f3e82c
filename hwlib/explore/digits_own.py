"""The tab for a digit of one's own, drawn or uploaded."""

from typing import Any

import numpy as np
import torch

from hwlib.errors import WorkbookError
from hwlib.explore import digits_picture as draw
from hwlib.explore import handwriting
from hwlib.explore.digits_tab import Tab, column, paragraph, wrapping
from hwlib.explore.picture import png, stacked


class OwnTab(Tab):
    """State: `image`, the digit as the networks see it, uint8 (C, 28, 28), or None."""

    short = "own"

    def title(self) -> str:
        return self.say("自己寫的數字", "A digit of your own")

    def reset(self) -> None:
        # What was drawn stays: other networks may say something else of it.
        self.image: np.ndarray | None = getattr(self, "image", None)
        self._asked: tuple[object, dict[str, np.ndarray]] | None = None

    def draw(self, grey: np.ndarray | None) -> None:
        """Take a drawing, uint8 (height, width), white on black; None where all was wiped away."""
        self._take(None if grey is None else handwriting.drawn(grey))

    def upload(self, content: bytes) -> None:
        """Take an image file; `WorkbookError` where it is none. What was drawn goes: the answers are not of it."""
        image = handwriting.uploaded(content)
        if self._widget is not None:
            with self._silence():
                self.sketch.wipe()
        self._take(image)

    def _take(self, image: np.ndarray | None) -> None:
        self.image, self._asked = image, None
        self.refresh()

    def answers(self) -> dict[str, np.ndarray]:
        """The probabilities that each network gives the digits, asked once for each image and scene."""
        if self._asked is None or self._asked[0] is not self.scene:
            self._asked = (self.scene, self.scene.asked(torch.from_numpy(self.image.copy())))
        return self._asked[1]

    def picture(self) -> np.ndarray:
        if self.image is None:
            return draw.words("nothing drawn or uploaded yet")
        seen = stacked(draw.enlarged(self.image), draw.words("as the models see it"), gap=2)
        return draw.beside(seen, draw.bars(self.titled(self.answers()), columns=2))

    def told(self) -> str:
        if self.image is None:
            return self.say("還沒有畫或上傳數字。", "Nothing is drawn or uploaded yet.")
        spoken = self.spoken(self.answers())
        return self.say(f"各模型的答案：{spoken}。", f"The models say: {spoken}.")

    def build(self) -> Any:
        import ipywidgets

        from hwlib.explore.elements import Picture, Sketch, Upload

        self.sketch = Sketch(
            label=self.say("在這裡用滑鼠或手指寫一個數字", "Draw a digit here with mouse or finger"),
            clear=self.say("清除", "Clear"),
        )
        self.files = Upload(
            label=self.say("上傳影像", "Upload an image"),
            hint=self.say("PNG 或 JPEG，一張影像一個數字", "PNG or JPEG with one digit"),
        )
        self.watch(self.sketch, lambda: self.draw(self.sketch.image()), "pixels")
        self.files.on_upload(lambda name, content: self.acting(lambda: self._uploaded(name, content))())
        self.shown = Picture()
        self.caption = ipywidgets.HTML()
        hint = self.say("在黑色方框裡寫一個數字，或上傳一張影像：", "Draw a digit on the square, or upload an image:")
        left = column(ipywidgets.HTML(paragraph(hint)), self.sketch, self.files)
        return wrapping(left, column(self.caption, self.shown))

    def _uploaded(self, name: str, content: bytes | None) -> None:
        if content is None:
            raise WorkbookError(
                self.say(
                    f"上傳：瀏覽器無法把 {name} 當成影像讀取，請改用 PNG 或 JPEG 檔。",
                    f"upload: the browser cannot read {name} as an image; give a PNG or JPEG file",
                )
            )
        self.upload(content)

    def show(self) -> None:
        self.caption.value = paragraph(self.told())
        self.shown.layout.display = "none" if self.image is None else None
        if self.image is not None:
            self.shown.value, self.shown.label = png(self.picture()), self.told()
