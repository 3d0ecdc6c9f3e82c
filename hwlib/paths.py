"""Where things lie, and what a path means that somebody has named.

One rule: at the command line and in the environment of a command a relative path means the shell's working directory;
a parameter of a notebook, and whatever Python is called with, lies below the project's root, for a kernel works in the
folder of its notebook.
"""

import os
from collections.abc import Callable
from pathlib import Path

from hwlib.errors import WorkbookError

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
PROSE = ROOT / "report"

WORDS = {"data": ("auto", "sample"), "weights": ("none", "imagenet"), "runs": ()}
"""The parameters that name a path, and the words that are none there."""

_NAMED = ("HW_DATA", "HW_CACHE", "HW_RUN")
"""What the environment may name files or folders with; HW_CHROMIUM is a program, which PATH may have."""


def expanded(parameter: str, path: str | os.PathLike) -> Path:
    """Return `path` with a home folder in the place of `~` or `~user`.

    Raises WorkbookError, in one line that begins with `parameter`, for what can name no file: nothing at all, a null
    character, and the home of nobody.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise WorkbookError(f"{parameter}: {text!r} can be the name of no file or folder; give one, or leave it out")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = text.split("/", 1)[0]
        raise WorkbookError(
            f"{parameter}: {text!r} has no home folder to stand for {user}; what really begins with ~ is ./{text}"
        ) from None


def named(parameter: str) -> Callable[[str], Path]:
    """Return what makes a path of a word of the command line, for argparse's `type`; raises as `expanded` does."""
    return lambda word: expanded(parameter, word)


def here(parameter: str, path: str | os.PathLike) -> Path:
    """Return `path` absolute, a relative one below the working directory; links are followed. Raises WorkbookError."""
    path = expanded(parameter, path)
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # links that go round, or a working directory that is gone
        raise WorkbookError(f"{parameter}: {path} is no folder or file ({error})") from None


def anchored(path: str | os.PathLike, parameter: str = "path") -> Path:
    """Return `path` as it is when absolute, else below the project's root. Raises WorkbookError, as `expanded` does,
    and for a relative path where hwlib was installed without its project."""
    path = expanded(parameter, path)
    if not path.is_absolute():
        check_project()
    return ROOT / path


def check_project() -> None:
    """Raise WorkbookError where hwlib was installed without its notebooks."""
    if not NOTEBOOKS.is_dir():
        raise WorkbookError(
            f"hwlib was installed without its notebooks ({NOTEBOOKS} is not there); get the project with `git clone`, "
            "and run `make setup` or `pip install -e .` in it"
        )


def settle_environment() -> None:
    """Make the paths in this command's environment absolute, so that its kernels, which work elsewhere, read the same.

    One that can name no file is left as it is: whoever wants it says so.
    """
    for variable in _NAMED:
        if word := os.environ.get(variable):
            try:
                os.environ[variable] = str(here(variable, word))
            except WorkbookError:
                continue
    if (word := os.environ.get("HW_CHROMIUM", "")).startswith("~"):
        os.environ["HW_CHROMIUM"] = os.path.expanduser(word)


def cache_folder() -> Path:
    """Return the user's cache folder for this project; `$HW_CACHE` moves it. It is created when missing.

    Raises WorkbookError where `$HW_CACHE` names what can be no folder, and OSError or RuntimeError where it is not set
    and there is no home to make one in.
    """
    said = os.environ.get("HW_CACHE")
    if not said:
        base = os.environ.get("XDG_CACHE_HOME", "")  # a relative one is to be passed over, says its specification
        folder = (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "hwlib"
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = anchored(said, "HW_CACHE")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = "it is a file" if folder.is_file() else getattr(error, "strerror", None) or str(error)
        text = f"{said} can be no folder for the cache ({reason}); name another one, or unset it"
        raise WorkbookError(f"HW_CACHE: {text}") from None
    return folder


def share_as_folder(path: Path) -> None:
    """Let those read a file who may read its folder; safetensors leaves files that no other user can read."""
    path.chmod(path.parent.stat().st_mode & 0o666)


def figures_folder(runs: Path) -> Path:
    """Return where the figures of runs in `runs` go: `figures/` for the default folder, else `runs/figures/`."""
    return ROOT / "figures" if runs.resolve() == (ROOT / "runs").resolve() else runs / "figures"
