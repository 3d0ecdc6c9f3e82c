"""Where things lie: default folders hang from the project's root, wherever the kernel was started."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PROSE = ROOT / "report"


def anchored(path: str | Path) -> Path:
    """Return `path` as it is when absolute, else below the project's root."""
    return ROOT / Path(path).expanduser()


def cache_folder() -> Path:
    """Return the user's cache folder for this project; `$HW_CACHE` moves it. It is created when missing."""
    if named := os.environ.get("HW_CACHE"):
        folder = Path(named).expanduser()
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwlib"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def figures_folder(runs: Path) -> Path:
    """Return where the figures of runs in `runs` go: `figures/` for the default folder, else `runs/figures/`."""
    return ROOT / "figures" if runs.resolve() == (ROOT / "runs").resolve() else runs / "figures"
