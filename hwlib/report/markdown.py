"""Markdown to HTML that loads nothing: math as MathML, raw HTML escaped but for its images, no remote images."""

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from urllib.parse import quote, unquote

import latex2mathml.converter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from hwlib.report.words import esc

DATA = ("data:image/png;base64,", "data:image/jpeg;base64,")
"""How images begin that are in the page itself."""
_WORD, _QUOTED = r"""[^\s()<>"']+""", r"""[ \t]+(?:"[^"\n]*"|'[^'\n]*')"""
_PART = r"""(?:[^\s()<>"]|\([^()\n]*\))+"""
LOOSE = (
    r"!\[\[(?P<wiki>[^][|\n]+)(?:\|(?P<wiki_text>[^][\n]*))?\]\]"
    r"|!\[(?P<loose_text>(?:\\.|[^][\\\n])*)\]\([ \t]*"
    rf"(?P<loose>{_PART}(?:[ \t]+{_PART})*[ \t]+(?:{_PART})?\.\w{{2,5}}|{_WORD}(?:[ \t]+{_WORD})+)"
    rf"(?P<loose_title>{_QUOTED})?[ \t]*\)"
)
"""Images as editors write them, not CommonMark: `![C](my plot (1).png)`, `![](plot.png =300x)`, `![[plot.png]]`."""
TYPED = re.compile(r"!\[[^]\n]*\](?: ?\([^()\n]*\)?|\[[^]\n]*\])|<img\b[^>]*>?", re.IGNORECASE)
"""An image that stayed text."""
DOLLARS = r"(?<![$\\])\$(?P<math_inline_tex>(?s:(?!!\[(?:\[|[^]\n]*\][(\[])|<img\b).)+?)(?<![$\\])\$"
"""Math between dollars as nbconvert finds it, but without images: `$5 ![a](b.png) $6` speaks of money."""


def render(source: str, lowest: int = 2, pictures: Mapping[str, str] | None = None) -> str:
    """Return the HTML of one Markdown cell. A `#` heading becomes level `lowest`, the others follow below it.

    pictures: the content of images, as data, by the URL that the text gives.
    """
    return _rendered(source, lowest, pictures or {})[0]


def images(source: str) -> tuple[list[str], list[str]]:
    """Return the URLs of the images that the text shows, and what was meant for an image and is none."""
    page, met = _rendered(source, 2, {})
    text = html.unescape(re.sub(r"<(code|pre|math)\b.*?</\1>|<[^>]*>", "", page, flags=re.DOTALL))
    return met, TYPED.findall(text)


def _rendered(source: str, lowest: int, pictures: Mapping[str, str]) -> tuple[str, list[str]]:
    renderer = _Renderer(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
    renderer.shift, renderer.pictures, renderer.met = lowest - 1, pictures, []
    markdown = MarkdownWithMath(renderer=renderer)
    markdown.inline.specification["inline_math_tex"] = DOLLARS
    markdown.inline.register("loose_image", LOOSE, _loose_image, before="link")
    return markdown.render(source), renderer.met


def _loose_image(inline, m: re.Match, state) -> int:
    url = m["wiki"] or re.sub(r"[ \t]+=\d*%?x?\d*%?$", "", m["loose"])
    text = m["loose_text"] or re.sub(r"^\d+(x\d+)?$", "", m["wiki_text"] or "")  # a size in place of words
    attributes = {"url": quote(url.strip(), safe="/%:"), "title": (m["loose_title"] or "").strip()[1:-1] or None}
    state.append_token({"type": "image", "children": [{"type": "text", "raw": text}], "attrs": attributes})
    return m.end()


def headings(source: str) -> list[tuple[int, str]]:
    """Level and text of the `#` headings in a Markdown cell, code fences left out."""
    source = re.sub(r"^(```|~~~).*?^\1", "", source, flags=re.DOTALL | re.MULTILINE)
    return [(len(m[1]), m[2].strip()) for m in re.finditer(r"^(#{1,6})\s+(.+?)\s*#*$", source, re.MULTILINE)]


def clamped(source: str, level: int) -> tuple[str, int]:
    """Keep headings in order: none is more than one level below the last. Returns the text and the last level."""
    for depth, text in headings(source):
        wanted = min(depth, level + 1)
        if wanted != depth:
            source = source.replace(f"{'#' * depth} {text}", f"{'#' * wanted} {text}", 1)
        level = wanted
    return source, level


class _Tags(HTMLParser):
    """The images (their attributes) and the text of raw HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.parts: list[str | dict[str, str]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs) -> None:
        if tag == "img":
            self.parts.append({name: value or "" for name, value in attrs})

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


class _Renderer(IPythonRenderer):
    shift: int
    pictures: Mapping[str, str]
    met: list[str]

    def heading(self, text: str, level: int, **attrs) -> str:
        return super().heading(text, min(level + self.shift, 6))

    def block_math(self, body: str) -> str:
        return _mathml(body, "block")

    def inline_math(self, body: str) -> str:
        return _mathml(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return _mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        # A picture that is not in the page would be a request to somewhere; its text stands for it.
        self.met.append(url)
        source = self.pictures.get(url, url)
        text = text or esc(title or ("" if url.startswith("data:") else unquote(url)))
        return super().image(text, source, title) if source.startswith(DATA) else f"[{text}]"

    def block_html(self, html: str) -> str:
        shown = self._images(html)
        return super().block_html(html) if shown is None else shown and f"<p>{shown}</p>\n"

    def inline_html(self, html: str) -> str:
        shown = self._images(html)
        return super().inline_html(html) if shown is None else shown

    def _images(self, source: str) -> str | None:
        """Raw HTML that holds images as those and its text; a comment is empty, anything else None."""
        parts = _Tags(source).parts
        if not any(isinstance(part, dict) for part in parts):
            return "" if source.lstrip().startswith("<!--") and not "".join(parts).strip() else None
        return "".join(esc(part) if isinstance(part, str) else self._tag(part) for part in parts).strip()

    def _tag(self, attributes: dict[str, str]) -> str:
        """An `<img>` with the size that an editor gave it, and nothing else of its attributes but the texts."""
        url = attributes.get("src", "").strip().rstrip("/")
        image = self.image(esc(attributes.get("alt", "")), url, attributes.get("title"))
        style = f"{attributes.get('style', '')};width:{attributes.get('width', '')}"
        style = re.sub(r"width:\s*\d+$", r"\g<0>px", style)  # the attribute counts in pixels
        size = re.search(r"(?:^|;)\s*(zoom|width)\s*:\s*(\d+(?:\.\d+)?(?:px|%))\s*(?:;|$)", style)
        return image.replace("<img", f'<img style="{size[1]}:{size[2]}"', 1) if size else image


def _mathml(source: str, display: str) -> str:
    try:
        known = re.sub(r"\\(begin|end)\{(aligned|split)\}", r"\\\1{align*}", source.strip())
        return latex2mathml.converter.convert(known, display=display)
    except Exception:  # latex2mathml raises many kinds; unreadable math is shown as it was typed
        return f"<code>{esc(source)}</code>"
