"""What people wrote in `report/`: who hands it in, the abstract, their remarks, the glossary and the references.

All of it is text from outside: it is checked for its form here, and escaped where it is put into the page.
"""

import base64
import datetime
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hwlib import ledger
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE

Text = tuple[str, str]
"""The same in Chinese and in English."""

LANGUAGES = ("zh", "en")


@dataclass(frozen=True)
class Author:
    """Student id, and names in both languages; any of them may be empty."""

    id: str
    name: Text


@dataclass(frozen=True)
class Term:
    """A term of the glossary; `avoid` lists Chinese words that are not to stand for it."""

    zh: str
    en: str
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A work that the report rests on. `cite` is how the prose names it ("Ganin et al. 2016")."""

    key: str
    cite: str
    text: str
    url: str = ""


@dataclass(frozen=True)
class Prose:
    """The content of the folder `report/`.

    `remarks` maps a section ("3-6") to the author's own words there, by language; `problems` says what could not be
    used and why; `ledger` holds the reference results, which nobody writes by hand.
    """

    title: Text
    course: Text
    authors: tuple[Author, ...]
    date: str
    repository: str
    abstract: Text
    remarks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    glossary: tuple[Term, ...] = ()
    references: tuple[Reference, ...] = ()
    problems: tuple[str, ...] = ()
    ledger: Mapping[str, Any] = field(default_factory=ledger.empty)


def load(folder: Path = PROSE) -> Prose:
    """Read `report/`. Raises `WorkbookError` with one line for a file that is missing, unreadable or misspelt; remarks
    that belong nowhere are named in `problems`."""
    form = {"repository": "", "date": "", "title": {"zh": "", "en": ""}, "course": {"zh": "", "en": ""}, "author": [()]}
    path = folder / "report.toml"
    found = _toml(path)
    _known(path, "", found, form)
    authors = []
    for i, entry in enumerate(_list(path, found, "author")):
        where = f"author {i + 1}"
        _known(path, where, entry, ("id", "name"))
        author = Author(_text(path, where, entry, "id"), _pair(path, where, entry, "name"))
        if author.id or any(author.name):
            authors.append(author)
    remarks, problems = _remarks(folder / "remarks")
    return Prose(
        title=_pair(path, "", found, "title", needed=True),
        course=_pair(path, "", found, "course"),
        authors=tuple(authors),
        date=_date(path, found),
        repository=_text(path, "", found, "repository"),
        abstract=tuple(_read(folder / f"abstract.{code}.md") for code in LANGUAGES),
        remarks=remarks,
        glossary=tuple(_terms(folder / "glossary.toml")),
        references=tuple(_references(folder / "references.toml")),
        problems=problems,
        ledger=ledger.read(folder / "reference"),
    )


REMARK = re.compile(r"([1-4]-[1-9])\.(zh|en)\.md")


def _remarks(folder: Path) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Remarks by section and language; an empty file is no remark, and `README.md` is none."""
    from hwlib.report.words import SECTIONS

    remarks: dict[str, dict[str, str]] = {}
    problems = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        beside = path.suffix.lower() in IMAGES or path.name[0] == "." or path.name[-1] == "~"
        if beside or path.name == "README.md":
            continue
        named = REMARK.fullmatch(path.name)
        if not named or named[1] not in SECTIONS:
            problems.append(f"remarks/{path.name}: no remark has this name; write 3-6.zh.md or 3-6.en.md, say")
            continue
        try:
            text = _read(path)
        except WorkbookError as error:
            problems.append(f"remarks/{str(error).removeprefix(f'{folder}/')}")
            continue
        text, missing = _embedded(text, folder)
        problems += [f"remarks/{path.name}: image {name}: {why}" for name, why in missing]
        if text:
            remarks.setdefault(named[1], {})[named[2]] = text
    return remarks, tuple(problems)


IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
LARGEST = 2_000_000
"""Bytes of an image in a remark; the page has to stay one that can be handed in."""


def _embedded(text: str, folder: Path) -> tuple[str, list[tuple[str, str]]]:
    """Put the PNG and JPEG files of `folder` that a remark shows into its text; returns what could not be, and why."""
    missing = []

    def embed(found: re.Match) -> str:
        alt, name = found[1], found[2]
        path = folder / name
        kind = IMAGES.get(path.suffix.lower())
        if name.startswith("data:"):
            return found[0]
        if kind is None or path.parent != folder or not path.is_file():
            missing.append((name[:80], "is no PNG or JPEG file beside the remark; left out"))
        elif path.stat().st_size > LARGEST:
            missing.append((name, f"has more than {LARGEST // 1_000_000} MB; make it smaller"))
        else:
            return f"![{alt}](data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()})"
        return f"[{alt}]"

    return re.sub(r"!\[([^\]\n]*)\]\(([^)\s]+)\)", embed, text), missing


def _terms(path: Path) -> Iterator[Term]:
    for where, entry in _entries(path, "term", ("zh", "en", "avoid")):
        avoid = entry.get("avoid", [])
        if not isinstance(avoid, list) or not all(isinstance(word, str) for word in avoid):
            raise WorkbookError(f"{path}: {where}: avoid is not a list of words")
        zh, en = (_text(path, where, entry, name, needed=True) for name in LANGUAGES)
        yield Term(zh, en, tuple(avoid))


def _references(path: Path) -> Iterator[Reference]:
    keys = set()
    for where, entry in _entries(path, "reference", ("key", "cite", "text", "url")):
        key, cite, text = (_text(path, where, entry, name, needed=True) for name in ("key", "cite", "text"))
        if key in keys or not re.fullmatch(r"[a-z0-9]+", key):
            raise WorkbookError(f"{path}: {where}: key {key!r} is given twice, or is not of small letters and digits")
        keys.add(key)
        url = _text(path, where, entry, "url")
        if url and not re.match(r"https?://", url):
            raise WorkbookError(f"{path}: {where}: url {url!r} does not begin with https://")
        yield Reference(key, cite, text, url)


def _entries(path: Path, name: str, allowed: tuple[str, ...]) -> Iterator[tuple[str, dict]]:
    found = _toml(path)
    _known(path, "", found, (name,))
    for i, entry in enumerate(_list(path, found, name)):
        _known(path, f"{name} {i + 1}", entry, allowed)
        yield f"{name} {i + 1}", entry


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()  # with or without the mark that some editors write
    except IsADirectoryError:
        raise WorkbookError(f"{path}: is a folder; a file of this name is wanted") from None
    except OSError as error:
        raise WorkbookError(f"{path}: cannot be read ({error.strerror}); restore it from the repository") from None
    except ValueError:
        raise WorkbookError(f"{path}: is not UTF-8; save it so") from None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        hint = "; each author begins with [[author]]" if "twice" in str(error) or "overwrite" in str(error) else ""
        raise WorkbookError(f"{path}: is not TOML ({error}); mend that line{hint}") from None


def _known(path: Path, where: str, entry: Any, allowed) -> None:
    if not isinstance(entry, dict):
        raise WorkbookError(f"{path}: {where} is not a table of entries")
    for name in entry:
        if name not in allowed:
            place = f" {where}:" if where else ""
            raise WorkbookError(f"{path}:{place} no entry {name!r} is known; there are {', '.join(allowed)}")


def _list(path: Path, found: dict, name: str) -> list:
    entries = found.get(name, [])
    if not isinstance(entries, list):
        raise WorkbookError(f"{path}: {name} is not a list; begin each entry with [[{name}]], with two brackets")
    return entries


def _text(path: Path, where: str, entry: dict, name: str, needed: bool = False) -> str:
    value = entry.get(name, "")
    place = f"{where}: {name}" if where else name
    if not isinstance(value, str):
        raise WorkbookError(f"{path}: {place} is {value!r}, which is not text; put it between quotation marks")
    if needed and not value.strip():
        raise WorkbookError(f"{path}: {place} is empty")
    return value.strip()


def _pair(path: Path, where: str, entry: dict, name: str, needed: bool = False) -> Text:
    """A text in both languages. One that is the same in both may be written once, as plain text."""
    value = entry.get(name, {})
    place = f"{where}: {name}" if where else name
    if isinstance(value, str):
        value = {"zh": value, "en": value}
    _known(path, place, value, LANGUAGES)
    zh, en = (_text(path, place, value, code) for code in LANGUAGES)
    if needed and not (zh or en):
        raise WorkbookError(f'{path}: {place} is empty; write [{place}] and below it zh = "…" and en = "…"')
    return zh or en, en or zh


def _date(path: Path, found: dict) -> str:
    value = found.get("date", "")
    if isinstance(value, datetime.date):
        return value.isoformat()[:10]
    try:
        if value == "" or re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return value and datetime.date.fromisoformat(value).isoformat()
        raise ValueError
    except (TypeError, ValueError):
        raise WorkbookError(f"{path}: date {value!r} is not a day; write it as 2026-01-31, or leave it empty") from None
