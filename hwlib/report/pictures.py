"""Pictures that people show in what they write: found among their files and put into the page."""

import base64
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote

from hwlib.data.listing import by_alike
from hwlib.report.markdown import DATA

LARGEST = 2_000_000
"""Bytes of an image in a remark; the page has to stay one that can be handed in."""
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg"}
"""Media types by what Pillow calls a content; cameras write MPO, a JPEG with another behind it."""


def embedded(urls: Iterable[str], folder: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the content of the PNG and JPEG files in `folder` and below that `urls` name, as data by URL, and of what
    could not be taken its name and why."""
    taken, missing = {}, []
    for url in dict.fromkeys(urls):
        if url.startswith(DATA):
            continue
        try:
            taken[url] = _content(url, folder)
        except (OSError, ValueError) as error:
            shown = "an image in the text" if url.startswith("data:") else unquote(url)[:80] or "without a name"
            missing.append((shown, getattr(error, "strerror", None) or str(error)))
    return taken, missing


def _content(url: str, folder: Path) -> str:
    """The file as data; `ValueError` says why there is none."""
    from PIL import Image

    path = next(filter(None, (_inside(folder, name) for name in _names(url))), None)
    if path is None:
        raise ValueError("is no PNG or JPEG file beside the remark; left out")
    if path.stat().st_size > LARGEST:
        raise ValueError(f"has more than {LARGEST // 1_000_000} MB; make it smaller")
    try:
        with Image.open(path) as image:  # its content says what it is: editors and browsers misname files
            kind = KINDS.get(image.format)
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        kind = None
    if kind is None:
        raise ValueError("is no PNG or JPEG file beside the remark that can be read; left out")
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _names(url: str) -> Iterator[str]:
    """What a URL may mean: decoded, as it stands, without a query, with the slashes of Windows."""
    plain = unquote(url)
    for name in (plain, url, re.split(r"[?#]", plain)[0]):
        yield name
        yield name.replace("\\ ", " ").replace("\\", "/")


def _inside(folder: Path, name: str) -> Path | None:
    """The file of this name in `folder` or below it, None where there is none. Capitals and the way accents are encoded
    do not count: another system wrote the name."""
    parts = os.path.normpath(name).split("/")
    if not name or name.startswith("/") or ".." in parts or "\0" in name:
        return None
    path = folder
    for part in parts:
        if not os.path.lexists(path / part):
            alike = by_alike(os.listdir(path)) if path.is_dir() else {}
            part = next((alike[key] for key in by_alike([part]) if key in alike), part)
        path /= part
    return path if path.is_file() else None
