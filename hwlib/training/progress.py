"""How a training shows that it moves: a bar in a terminal, a live view in Lab, a few lines headless."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hwlib.progress import kind
from hwlib.training.stopping import Stopped

LINES = 8
"""Lines that a headless training prints at most."""


@dataclass(frozen=True)
class Progress:
    """The state after a row of the history: steps done, steps in all, seconds, and the history so far.

    look: gives the samples of a preview (`hwlib.training.preview`) as the networks stand; only a live view calls it.
    """

    step: int
    steps: int
    seconds: float
    history: list[dict[str, Any]]
    look: Callable[[], Any] | None = None

    def line(self, label: str) -> str:
        row = self.history[-1]
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name not in ("step", "epoch"))
        left = self.seconds / self.step * (self.steps - self.step)
        return f"{label}: step {self.step}/{self.steps}  epoch {row['epoch']:.1f}  {numbers}  ({left:.0f} s left)"


@contextmanager
def reporter(label: str, steps: int, stop: Callable[[], None]) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that takes a `Progress` after each row of the history; a live view's button calls `stop`."""
    shown = kind()
    if shown == "bar":
        with _bar(label, steps) as report:
            yield report
    elif shown == "live":
        with _live(label, stop) as report:
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
def _live(label: str, stop: Callable[[], None]) -> Iterator[Callable[[Progress], None]]:
    from hwlib.training.live import View

    view = View(label, stop)
    view.show()
    try:
        yield view.report
    except Stopped:  # between two steps, and what was to be kept is kept
        view.stopped()
        raise
    finally:
        view.close()
