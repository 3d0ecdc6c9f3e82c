"""One page, three views: both languages with a switch between them, Chinese alone, English alone.

The page is made once with both languages in it. A view drops what is in the other language, tells images' texts in its
own, and links what the prose names: artefacts ("圖 1-2", "Figure 1-2") and works ("Ganin et al. 2016").
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser

from hwlib.report.prose import Reference
from hwlib.report.words import ARTEFACTS, EN, ZH, esc, label

VOID = {"br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
UNLINKED = {"a", "b", "code", "pre", "math", "script", "style", "title", "h1", "h2", "h3", "h4", "h5", "h6", "summary"}
ARTEFACT = re.compile(r"(?:圖|表|模型|[Ff]igure|[Tt]able|[Mm]odel) \d-\d+[a-z]?(?![\d-])")
TARGETS = {text.lower(): name for names in ARTEFACTS.values() for name in names for text in label(name)}
"""What prose may call an artefact, in both languages, and its id."""


@dataclass(frozen=True)
class View:
    """`name` is the file's, without its ending; `language` is `zh` or `en`, or None for both."""

    name: str
    language: str | None

    @property
    def lang(self) -> str:
        return EN if self.language == "en" else ZH


VIEWS = (View("report", None), View("report.zh", "zh"), View("report.en", "en"))


def seen(page: str, view: View, references: Iterable[Reference] = ()) -> str:
    """Return the page as `view` shows it. Everything that is kept is kept as it was written, byte for byte."""
    cites = {esc(r.cite): f"ref-{r.key}" for r in references}
    parser = _Seen(view, cites)
    parser.feed(page)
    parser.close()
    return "".join(parser.out)


class _Seen(HTMLParser):
    def __init__(self, view: View, cites: dict[str, str]) -> None:
        super().__init__(convert_charrefs=False)
        self.dropped = {"zh": EN, "en": ZH}.get(view.language)
        self.view, self.cites = view, cites
        named = sorted(map(re.escape, cites), key=len, reverse=True)
        self.cited = re.compile("|".join(named)) if named else None
        self.out: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.skipping = 0

    def handle_starttag(self, tag: str, attrs) -> None:
        self._flush()
        attributes = dict(attrs)
        foreign = self.dropped and attributes.get("lang") == self.dropped and "data-keep" not in attributes
        if self.skipping or foreign:
            self.skipping += tag not in VOID
            return
        text = self.get_starttag_text()
        if "data-zh" in attributes:
            text = self._told(text, attributes)
        self.out.append(text)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self._flush()
        if tag in VOID:  # `<br/>` is reported as begun and as ended
            return
        if self.skipping:
            self.skipping -= 1
            return
        if self.open:
            self.open.pop()
        self.out.append(f"</{tag}>")

    def _told(self, text: str, attributes: dict) -> str:
        """The tag with its text in the language of the view alone."""
        if self.view.language is None:
            return text
        told = html.escape(attributes[f"data-{self.view.language}"])
        text = re.sub(r' data-(zh|en)="[^"]*"', "", text)
        return re.sub(r' alt="[^"]*"', lambda _: f' alt="{told}"', text)

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_entityref(self, name: str) -> None:
        self.text.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.text.append(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")

    def handle_comment(self, data: str) -> None:
        self._flush()

    def close(self) -> None:
        super().close()
        self._flush()

    def _flush(self) -> None:
        """Write the text read so far, with links where links may be."""
        if self.text and not self.skipping:
            text = "".join(self.text)
            linkable = "main" in self.open and not UNLINKED.intersection(self.open)
            self.out.append(self._linked(text) if linkable else text)
        self.text.clear()

    def _linked(self, text: str) -> str:
        def artefact(found: re.Match) -> str:
            name = TARGETS.get(found[0].lower())
            return f'<a href="#{name}">{found[0]}</a>' if name else found[0]

        text = ARTEFACT.sub(artefact, text)
        if self.cited:
            text = self.cited.sub(lambda found: f'<a href="#{self.cites[found[0]]}">{found[0]}</a>', text)
        return text
