"""Playing with what the models learned: sliders, clicks and strokes in Lab, a still picture anywhere else.

Each explorer has three parts: pure functions from a state to a picture (`faces`, `generated`, `answers`), a view of
ipywidgets over them (`vae_view`, `gan_view`, `digits_view`), and a call here. A finished run is found through its
record; its weights and images are loaded once, and nothing is trained.
"""

from pathlib import Path
from typing import Any

__all__ = ["digits", "gan", "vae"]


def vae(runs: str | Path = "runs", lang: str = "zh") -> Any:
    """Explore the faces of problem 1: directions, attributes, and the way between two faces.

    runs: folder of the records, a relative one lies below the project; lang: `zh` or `en`.
    """
    from hwlib.explore.vae_view import VAEExplorer

    return _found(VAEExplorer, runs, lang)


def gan(runs: str | Path = "runs", lang: str = "zh") -> Any:
    """Explore the faces of problem 2: other seeds, the way between two, truncation, and the nearest training faces."""
    from hwlib.explore.gan_view import GANExplorer

    return _found(GANExplorer, runs, lang)


def digits(runs: str | Path = "runs", lang: str = "zh") -> Any:
    """Explore problems 3 and 4: what each model says of an image, the confusions, the map, and digits of one's own."""
    from hwlib.explore.digits_view import DigitsExplorer

    return _found(DigitsExplorer, runs, lang)


def _found(kind: type, runs: str | Path, lang: str) -> Any:
    """The explorer, or in its place a line that says what it lacks or what is wrong with the call: a notebook that ran
    for minutes does not end in an error because of a picture to play with."""
    import os

    from hwlib.errors import WorkbookError
    from hwlib.explore.shown import Line, language
    from hwlib.paths import anchored

    try:
        say = language(lang)
        if not isinstance(runs, (str, os.PathLike)):
            raise WorkbookError(f"runs: {runs!r} is no folder; give the path of a folder of records")
        return kind(anchored(runs), say)
    except WorkbookError as error:
        return Line(str(error))
