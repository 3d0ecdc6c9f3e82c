"""Markdown to HTML that loads nothing: math as MathML, raw HTML escaped, no remote images."""

import re

import latex2mathml.converter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from hwlib.report.words import esc


def render(source: str, lowest: int = 2) -> str:
    """Return the HTML of one Markdown cell. A `#` heading becomes level `lowest`, the others follow below it."""
    renderer = _Renderer(escape=True, allow_harmful_protocols=False, exclude_anchor_links=True)
    renderer.shift = lowest - 1
    return MarkdownWithMath(renderer=renderer).render(source)


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


class _Renderer(IPythonRenderer):
    shift = 1

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
        if url.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
            return super().image(text, url, title)
        return f"[{esc(text)}]"


def _mathml(source: str, display: str) -> str:
    try:
        known = re.sub(r"\\(begin|end)\{(aligned|split)\}", r"\\\1{align*}", source.strip())
        return latex2mathml.converter.convert(known, display=display)
    except Exception:  # latex2mathml raises many kinds; unreadable math is shown as it was typed
        return f"<code>{esc(source)}</code>"
