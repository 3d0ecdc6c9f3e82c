"""Letters that the font of our pictures lacks, as in a data set's name 手寫數字, and a font of the system for them."""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SANS = re.compile(r"sans|gothic|hei|hans|hant|han|ping|jheng|msjh|msyh|meiryo|malgun|wqy|droid|unifont", re.IGNORECASE)
OTHER = re.compile(r"bold|black|heavy|light|thin|italic|oblique|mono", re.IGNORECASE)
"""What file names of fonts say: which to try first, and which last."""
EMPTY = re.compile(r"last.?resort|blank", re.IGNORECASE)
"""Fonts that have a box for every letter."""


def default_font() -> Path:
    """The font that matplotlib brings along."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def lacking(text: str) -> str:
    """The letters of `text` that `default_font` lacks, each once, sorted."""
    return "".join(sorted({c for c in text if ord(c) > 126 and not c.isspace()} - _letters(default_font())))


def font_for(text: str) -> Path | None:
    """The system's font that has all that is `lacking` in `text`; None where nothing lacks or no font has it."""
    return _font(letters) if (letters := lacking(text)) else None


def boxes(names: Iterable[str]) -> dict[str, str]:
    """The names that no font here can write, and a sentence on each: what is wrong and what to do."""
    told = {}
    for name in dict.fromkeys(names):
        if (letters := lacking(name)) and font_for(name) is None:
            font = f"Noto Sans {_script(letters[0])}"
            told[name] = f"no font here has {' '.join(letters)}, so pictures show boxes; install one, {font} say"
    return told


def _script(letter: str) -> str:
    """What Noto's fonts call the script of a letter."""
    script = unicodedata.name(letter, "CJK").split()[0]
    return "CJK" if script in ("CJK", "HANGUL", "HIRAGANA", "KATAKANA", "BOPOMOFO") else script.title()


@cache
def _font(letters: str) -> Path | None:
    # The folders are looked through: matplotlib keeps the list that it made once, and knows no font installed since.
    from matplotlib.font_manager import findSystemFonts

    paths = [Path(path) for path in findSystemFonts() if not EMPTY.search(Path(path).name)]
    paths.sort(key=lambda path: (not SANS.search(path.name), bool(OTHER.search(path.name)), str(path)))
    return next((path for path in paths if _letters(path).issuperset(letters)), None)


@cache
def _letters(path: Path) -> frozenset[str]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(str(path)).get_charmap()))
    except (OSError, RuntimeError, ValueError, TypeError):  # a font that FreeType cannot read has no letters for us
        return frozenset()
