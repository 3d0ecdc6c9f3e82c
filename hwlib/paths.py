"""Where things lie: default folders hang from the project's root, wherever the kernel was started."""

import os
from pathlib import Path

from hwlib.errors import WorkbookError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PROSE = ROOT / "report"


def anchored(path: str | Path) -> Path:
    """Return `path` as it is when absolute, else below the project's root."""
    return ROOT / Path(path).expanduser()


def cache_folder() -> Path:
    """Return the user's cache folder for this project; `$HW_CACHE` moves it. It is created when missing.

    Raises WorkbookError where `$HW_CACHE` names what can be no folder, and OSError or RuntimeError where it is not set
    and there is no home to make one in.
    """
    named = os.environ.get("HW_CACHE")
    if not named:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwlib"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    try:
        folder = Path(named).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, ValueError) as error:
        reason = "it is a file" if os.path.isfile(named) else getattr(error, "strerror", None) or str(error)
        text = f"{named} can be no folder for the cache ({reason}); name another one, or unset it"
        raise WorkbookError(f"HW_CACHE: {text}") from None
    return folder


def share_as_folder(path: Path) -> None:
    """Let those read a file who may read its folder; safetensors leaves files that no other user can read."""
    path.chmod(path.parent.stat().st_mode & 0o666)


def figures_folder(runs: Path) -> Path:
    """Return where the figures of runs in `runs` go: `figures/` for the default folder, else `runs/figures/`."""
    return ROOT / "figures" if runs.resolve() == (ROOT / "runs").resolve() else runs / "figures"
