"""Whether the machine has letters for what is to be printed; a printed report must not be full of boxes."""

import shutil
import subprocess
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from hwlib.errors import WorkbookError

INSTALL = "Debian or Ubuntu: apt install fonts-noto-cjk; Fedora: dnf install google-noto-sans-cjk-fonts"
Ranges = list[tuple[int, int]]


def check(text: str) -> None:
    """Raise `WorkbookError` naming what to install when no installed font has the characters of `text`.

    Chinese characters are to be in one font all together, others in any. Asks fontconfig; where there is none
    (Windows, some macOS) nothing is checked, for those systems bring such fonts.
    """
    installed = _installed()
    if installed is None:
        return
    needed = {c for c in text if ord(c) > 126 and not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc", "Mn")}
    han = {c for c in needed if "CJK UNIFIED" in unicodedata.name(c, "")}
    if han and (missing := min((_lacking(han, ranges) for ranges in installed), key=len, default=han)):
        raise WorkbookError(
            f"no font on this machine has the report's Chinese characters ({_some(missing)}); install one ({INSTALL})"
        )
    missing = needed - han
    for ranges in installed:
        missing = _lacking(missing, ranges)
    if missing:
        raise WorkbookError(f"no font on this machine has {_some(missing)}; install one that does ({INSTALL})")


def _some(characters: Iterable[str], most: int = 8) -> str:
    characters = sorted(characters)
    shown = " ".join(f"{c} U+{ord(c):04X}" for c in characters[:most])
    return shown + (f" and {len(characters) - most} more" if len(characters) > most else "")


def _lacking(characters: set[str], ranges: Ranges) -> set[str]:
    starts = [first for first, _ in ranges]

    def has(c: str) -> bool:
        i = bisect_right(starts, ord(c)) - 1
        return i >= 0 and ord(c) <= ranges[i][1]

    return {c for c in characters if not has(c)}


def _installed() -> list[Ranges] | None:
    """The characters of every installed outline font, as ranges; None without fontconfig."""
    tool = shutil.which("fc-list")
    if tool is None:
        return None
    try:
        done = subprocess.run(
            [tool, ":scalable=true", "--format=%{charset}\\n"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [_ranges(line) for line in set(done.stdout.splitlines()) if line.strip()]


def _ranges(line: str) -> Ranges:
    """Read fontconfig's list of hexadecimal numbers and ranges, `20-7e a0 ff01-ff5e`."""
    pairs = []
    for part in line.split():
        first, _, last = part.partition("-")
        pairs.append((int(first, 16), int(last or first, 16)))
    return sorted(pairs)
