"""What people wrote in `report/`: who hands it in, the abstract, their remarks, the glossary and the references.

All of it is text from outside: it is checked for its form here, and escaped where it is put into the page.
"""

import datetime
import mimetypes
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hwlib import ledger
from hwlib.data.listing import is_litter
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE
from hwlib.report.markdown import DATA, images
from hwlib.report.pictures import embedded

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

    `remarks` maps a section ("3-6") to the author's own words there, by language, and `pictures` what they show to its
    content; `problems` says what could not be used and why; `ledger` holds the reference results, written by no hand.
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
    pictures: Mapping[str, str] = field(default_factory=dict)
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
    remarks, pictures, problems = _remarks(folder / "remarks")
    abstract = tuple(_read(folder / f"abstract.{code}.md") for code in LANGUAGES)
    for code, text in zip(LANGUAGES, abstract, strict=True):
        lost = (unquote(url)[:80] for url in dict.fromkeys(images(text)[0]) if not url.startswith(DATA))
        problems += [f"abstract.{code}.md: image {name}: an abstract shows none; a remark does" for name in lost]
    return Prose(
        title=_pair(path, "", found, "title", needed=True),
        course=_pair(path, "", found, "course"),
        authors=tuple(authors),
        date=_date(path, found),
        repository=_text(path, "", found, "repository"),
        abstract=abstract,
        remarks=remarks,
        pictures=pictures,
        glossary=tuple(_terms(folder / "glossary.toml")),
        references=tuple(_references(folder / "references.toml")),
        problems=tuple(problems),
        ledger=ledger.read(folder / "reference"),
    )


REMARK = re.compile(r"([1-4]-[1-9])\.(zh|en)\.md")


def _remarks(folder: Path) -> tuple[dict[str, dict[str, str]], dict[str, str], list[str]]:
    """Remarks by section and language, the pictures that they show, and what is wrong; an empty file is no remark, and
    `README.md` is none."""
    from hwlib.report.words import SECTIONS

    remarks: dict[str, dict[str, str]] = {}
    pictures: dict[str, str] = {}
    problems = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if path.name == "README.md" or _beside(path):
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
        urls, typed = images(text)
        taken, missing = embedded(urls, folder)
        pictures |= taken
        missing += [(text[:80], "is no image as it stands; write ![text](<picture.png>)") for text in typed]
        problems += [f"remarks/{path.name}: image {name}: {why}" for name, why in missing]
        if text:
            remarks.setdefault(named[1], {})[named[2]] = text
    return remarks, pictures, problems


def _beside(path: Path) -> bool:
    """Whether something may lie among the remarks without being one: pictures and folders of them, litter."""
    kind = mimetypes.guess_type(path.name)[0] or ""
    folder = path.is_dir() and path.suffix != ".md"
    return folder or kind.startswith("image/") or path.name.endswith("~") or is_litter(path.name)


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
