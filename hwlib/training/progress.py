"""How a training shows that it moves: a bar in a terminal, a live curve in Lab, a few lines headless."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hwlib.progress import kind

LINES = 8
"""Lines that a headless training prints at most."""


@dataclass(frozen=True)
class Progress:
    """The state after a row of the history: steps done, steps in all, seconds, and the history so far."""

    step: int
    steps: int
    seconds: float
    history: list[dict[str, Any]]

    def line(self, label: str) -> str:
        row = self.history[-1]
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("step", "epoch"))
        left = self.seconds / self.step * (self.steps - self.step)
        return f"{label}: step {self.step}/{self.steps}  epoch {row['epoch']:.1f}  {numbers}  ({left:.0f} s left)"


@contextmanager
def reporter(label: str, steps: int) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that takes a `Progress` after each row of the history."""
    shown = kind()
    if shown == "bar":
        with _bar(label, steps) as report:
            yield report
    elif shown == "live":
        with _live(label) as report:
            yield report
    elif shown == "none":
        yield lambda progress: None
    else:
        yield _lines(label)


def _lines(label: str) -> Callable[[Progress], None]:
    printed = 0

    def report(progress: Progress) -> None:
        nonlocal printed
        if progress.step * LINES >= progress.steps * (printed + 1):
            printed = progress.step * LINES // progress.steps
            print(progress.line(label), flush=True)

    return report


@contextmanager
def _bar(label: str, steps: int) -> Iterator[Callable[[Progress], None]]:
    from tqdm import tqdm

    with tqdm(total=steps, desc=label, unit="step") as bar:

        def report(progress: Progress) -> None:
            row = progress.history[-1]
            bar.set_postfix({k: f"{v:.3g}" for k, v in row.items() if k not in ("step", "epoch")}, refresh=False)
            bar.update(progress.step - bar.n)

        yield report


@contextmanager
def _live(label: str) -> Iterator[Callable[[Progress], None]]:
    import ipywidgets
    from IPython.display import display

    from hwlib.training.live import curve

    text, picture = ipywidgets.HTML(label), ipywidgets.Image(format="png", layout={"max_width": "720px"})
    display(ipywidgets.VBox([text, picture]))
    drawn = 0.0

    def report(progress: Progress) -> None:
        nonlocal drawn
        text.value = progress.line(label)
        # A picture costs about 0.1 s, so it is drawn every few seconds at most, and at the end.
        if time.monotonic() - drawn > 3 or progress.step == progress.steps:
            picture.value = curve(progress.history)
            drawn = time.monotonic()

    yield report
