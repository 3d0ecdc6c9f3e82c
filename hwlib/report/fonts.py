"""Whether the machine has letters for what is to be printed; a printed report must not be full of boxes."""

import contextlib
import ctypes
import ctypes.util
import shutil
import subprocess
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable

from hwlib.errors import WorkbookError
from hwlib.report import install

LIBRARIES = ("libfontconfig.so.1", "libfontconfig.1.dylib", "libfontconfig-1.dll")
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
    advice = install.how(install.FONT)
    if han and (missing := min((_lacking(han, ranges) for ranges in installed), key=len, default=han)):
        raise WorkbookError(f"no font on this machine has the report's Chinese characters ({_some(missing)}); {advice}")
    if not installed:
        raise WorkbookError(f"there is no font on this machine; {advice}")
    missing = needed - han
    for ranges in installed:
        missing = _lacking(missing, ranges)
    if missing:
        raise WorkbookError(f"no font on this machine has {_some(missing)}; {advice}")


def chinese() -> bool:
    """Whether Chinese can be printed; where fontconfig cannot be asked, whether the system is known to bring fonts."""
    if shutil.which("fc-list") is None:
        return sys.platform in install.OTHER
    try:
        check("深度學習")
    except WorkbookError:
        return False
    return True


def any_font() -> bool | None:
    """Whether the library fontconfig, asked anew, finds an outline font; None where it cannot be loaded."""
    for name in (*LIBRARIES, ""):
        with contextlib.suppress(OSError):
            if found := name or ctypes.util.find_library("fontconfig"):
                return _count(ctypes.CDLL(found)) > 0
    return None


def _count(library: ctypes.CDLL) -> int:
    """How many outline fonts there are. The configuration is read again: the one in use may be older than the fonts."""
    for name in ("FcInitLoadConfigAndFonts", "FcNameParse", "FcObjectSetCreate", "FcFontList"):
        getattr(library, name).restype = ctypes.c_void_p
    pointer = ctypes.c_void_p
    config = pointer(library.FcInitLoadConfigAndFonts())
    pattern = pointer(library.FcNameParse(b":scalable=true:outline=true"))
    objects = pointer(library.FcObjectSetCreate())
    library.FcObjectSetAdd(objects, b"file")
    found = library.FcFontList(config, pattern, objects)
    count = ctypes.cast(found, ctypes.POINTER(ctypes.c_int))[0] if found else 0  # FcFontSet begins with its length
    if found:
        library.FcFontSetDestroy(pointer(found))
    library.FcObjectSetDestroy(objects)
    library.FcPatternDestroy(pattern)
    if config:
        library.FcConfigDestroy(config)
    return count


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
