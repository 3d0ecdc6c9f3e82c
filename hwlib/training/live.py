"""The view that Lab shows of a training: curves, samples, the time left, and a button that stops it.

Looking must cost next to nothing, so a `Budget` says when the picture may be drawn anew; the line above it, a message
of some hundred bytes, moves once a second. Three pictures are drawn whatever they cost: the first, the second and the
last. In a training of a few seconds they, and what loads at the first, may be more than the share that holds for
others. When the training ends, however it does, a still picture takes the view's place in the notebook, which needs no
kernel and no widgets' state.
"""

import base64
import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hwlib.training.panels import WIDTH, picture
from hwlib.training.progress import Progress

PICTURES = 0.006
"""Share of the time that pictures may take, as far as a clock sees it. The steps after a picture are slower too, which
no clock here sees and the benchmark measures; at twice this share it found up to 5 % in trainings of 20 seconds."""
PAUSE = 1.0
"""Seconds between two pictures, and between two lines with the time left, at least."""
SECOND = 3.0
"""Seconds from the first picture to the second, at least: the first says too little to be looked at for long."""
STOP = "停止並保留檢查點 Stop and keep"
STOPPING = "這一步結束後停止… Stopping after this step…"
TOOLTIP = (
    "當前這一步結束後停止訓練並存下檢查點；若沒有反應，請按工具列的 ■。"
    "Stops after the step at hand and keeps a checkpoint; should nothing happen, the toolbar's ■ does the same."
)


class Budget:
    """Says when something may be done again so that it takes no more than `share` of the time since the beginning.

    The first time is cold: it loads modules and fonts, and says nothing of what the next will cost. So the second comes
    `SECOND` seconds later whatever the first cost, and the first counts for no more than the second. From the third on
    the share holds but for that excess.
    """

    def __init__(self, share: float, pause: float = PAUSE, clock: Callable[[], float] = time.perf_counter) -> None:
        self.share, self.pause, self.clock = share, pause, clock
        self.start = self.last = clock()
        self.times = 0
        self.spent = self.cost = 0.0  # seconds in all, and of the last time, which the next is taken to need too

    def due(self) -> bool:
        now = self.clock()
        if self.times < 2:
            return now - self.last >= (self.pause if self.times == 0 else max(self.pause, SECOND))
        # Twice: for this time, and for the last one, which nobody asks about.
        need = self.spent + 2 * self.cost
        return now - self.last >= self.pause and need <= self.share * (now - self.start)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time that the block takes."""
        begun = self.clock()
        yield
        self.last = self.clock()
        self.cost = self.last - begun
        self.times += 1
        if self.times == 2:
            self.spent = min(self.spent, self.cost)
        self.spent += self.cost


class View:
    """The view of one training. `widget` is what Lab shows; `report` takes each row, `close` leaves the still picture.

    stop: what the button calls, maybe in another thread than the training's, so it should only leave a note.
    """

    def __init__(self, label: str, stop: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> None:
        import ipywidgets

        self.label, self.stop = label, stop
        self.pictures, self.clock = Budget(PICTURES, clock=clock), clock
        self.written = clock()  # when the line was
        self.progress: Progress | None = None
        self.drawn: Progress | None = None  # what `image` shows; None also when the samples are newer
        self.samples: Any = None
        self.told = ""  # what the samples are, and of which step
        self.text = ipywidgets.HTML(html.escape(label))
        self.image = ipywidgets.Image(format="png", layout={"width": f"{WIDTH}px", "max_width": "100%"})
        self.image.layout.display = "none"  # until there is a first picture
        self.caption = ipywidgets.HTML()
        narrow = {"width": "max-content", "align_self": "flex-start"}
        self.button = ipywidgets.Button(description=STOP, icon="stop", tooltip=TOOLTIP, layout=narrow)
        self.button.on_click(self._clicked)
        shown = [self.text, self.image, self.caption] + ([self.button] if hears_while_busy(self.button) else [])
        self.widget = ipywidgets.VBox(shown)
        self._handle: Any = None

    def show(self) -> None:
        """Display the view in the cell that runs."""
        from IPython.display import display

        self._handle = display(self.widget, display_id=True)

    def report(self, progress: Progress) -> None:
        """Take the state after a row of the history, and show it if its time has come or it is the last.

        The line is written with every picture, so that the two never tell of different steps, and once a second.
        """
        self.progress = progress
        drawing = progress.step == progress.steps or self.pictures.due()
        if drawing or self.clock() - self.written >= PAUSE:
            self.text.value = html.escape(progress.line(self.label))
            self.written = self.clock()
        if drawing:
            with self.pictures.spending():
                self._look(progress, f"第 {progress.step} 步 step {progress.step}")
                self.caption.value = _small(self.told)
                self.image.value = picture(progress.history, self.samples)
                self.image.layout.display = None
                self.drawn = progress

    def stopped(self) -> None:
        """Take the samples once more for the still picture. Only for a training that stands between two steps.

        It may have made steps since the last row, of which the view knows no number, so the caption gives none.
        """
        if self.progress is not None and self.progress.step < self.progress.steps:
            self._look(self.progress, "停止時 when it stopped")
            self.drawn = None

    def _look(self, progress: Progress, when: str) -> None:
        if progress.look is not None:
            self.samples = progress.look()
            self.told = f"{when}：{self.samples.caption}"

    def close(self) -> None:
        """Put the still picture of the last state into the view's place. Networks are not asked any more: a training
        that failed or was interrupted may have left them anywhere."""
        if self._handle is not None:
            self._handle.update(self.still())
        for widget in (self.widget, self.text, self.image, self.caption, self.button):
            widget.close()

    def still(self) -> Any:
        """Return the last state as HTML with a picture in it; an empty one for a training that made no row."""
        from IPython.display import HTML

        if self.progress is None:
            return HTML("")
        line = html.escape(self.progress.line(self.label))
        current = self.drawn is self.progress
        png = self.image.value if current else picture(self.progress.history, self.samples)
        encoded = base64.b64encode(png).decode()
        told = html.escape(f"學習曲線 Learning curves. {self.told}")
        image = f'<img src="data:image/png;base64,{encoded}" style="width: {WIDTH}px; max-width: 100%" alt="{told}">'
        return HTML(f"<div>{line}</div>{image}{_small(self.told)}")

    def _clicked(self, *ignored: object) -> None:
        self.stop()
        self.button.disabled = True
        self.button.description = STOPPING


def _small(caption: str) -> str:
    return f"<div><small>{html.escape(caption)}</small></div>" if caption else ""


def hears_while_busy(button: Any) -> bool:
    """Let a click reach the kernel while a cell runs, and return whether it can.

    Lab sends what widgets have to say to a subshell, a thread of the kernel beside the one that trains, where the
    kernel has such (ipykernel 7). Newer ones send a reply to the thread that used the widget last instead, which is the
    one that trains; a button has nothing to reply to, so this one is left to Lab's choice. Without subshells a click
    would be heard when the training has ended: then there is no button, and Lab's own ■ stops the training.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None or "kernel subshells" not in kernel.kernel_info.get("supported_features", ()):
        return False
    if hasattr(button.comm, "_reply_subshell_for"):
        button.comm._reply_subshell_for = None
    return True
