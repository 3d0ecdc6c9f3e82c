"""How something long shows that it moves: where we run decides, and `$HW_PROGRESS` overrides it."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 5.0
"""Seconds after which a headless counter says its one line."""


def kind() -> str:
    """Return `bar`, `live` or `lines` for where we run; `$HW_PROGRESS` overrides it (also `none`).

    A kernel that Jupyter's server started for an open notebook carries JPY_SESSION_NAME; one that papermill or
    nbclient started does not, and there widgets and bars would only litter the notebook.
    """
    if named := os.environ.get("HW_PROGRESS"):
        return named
    if _in_kernel():
        return "live" if os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID") else "lines"
    return "bar" if sys.stderr.isatty() else "lines"


def _in_kernel() -> bool:
    """Whether this is a kernel of Jupyter's; one that only imported its packages, as ipywidgets does, is none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def counter(label: str, total: int, unit: str) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told how many more of `total` are done.

    A bar in a terminal and in Lab, gone when it is done, and none for what takes less than a second. Headless, one
    line, when `PATIENCE` is over.
    """
    shown = kind()
    if shown in ("bar", "live"):
        if shown == "bar":
            from tqdm import tqdm
        else:
            from tqdm.notebook import tqdm
        with tqdm(total=total, desc=label, unit=f" {unit}", leave=False, delay=1) as bar:
            yield bar.update
    elif shown == "none":
        yield lambda count: None
    else:
        yield _line(label, total, unit)


def _line(label: str, total: int, unit: str) -> Callable[[int], object]:
    start, done, said = time.monotonic(), 0, False

    def advance(count: int) -> None:
        nonlocal done, said
        done += count
        seconds = time.monotonic() - start
        if not said and seconds > PATIENCE and done < total:
            said = True
            print(f"{label}: {done} of {total} {unit}, {seconds / done * (total - done):.0f} s left", flush=True)

    return advance
