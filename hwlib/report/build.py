"""Records to pages in three views, and to PDFs of the three where something can print them."""

import base64
import contextlib
import hashlib
import html
import os
import re
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hwlib.config import CONFIGS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE
from hwlib.report import fonts
from hwlib.report import pdf as printing
from hwlib.report.artefacts import UNDRAWN
from hwlib.report.collect import Collection, collect
from hwlib.report.prose import Prose, load
from hwlib.report.trial import trial
from hwlib.report.views import VIEWS, View, seen

TEMPLATE = PROSE / "template"
LONGEST = 90
"""Characters of the running header."""


class NotDrawn(WorkbookError):
    """The report is built, and lacks drawings. `page` is the one with both languages."""

    def __init__(self, page: Path, count: int) -> None:
        super().__init__(f"{page}: {count} of its drawings could not be made; the lines above name them")
        self.page = page


def build_report(runs: Path, out: Path, pdf: bool | None = None, prose: Path = PROSE) -> Path:
    """Build `out/report.html`, `report.zh.html` and `report.en.html` from the records below `runs`; returns the first.

    The same records give the same bytes. `pdf`: True makes a PDF of each or raises, False makes none, None makes what
    can be made and says in one line what cannot; an unchanged page is not printed again. `prose` is the folder of
    what people wrote. Records and remarks that cannot be used are named on stdout and in the report. Raises
    `WorkbookError` when `runs` is no folder, `prose` is wrong, `out` cannot be written, or for `pdf=True` when nothing
    can print; and `NotDrawn`, when all else is done, where an artefact could not be drawn, which is named on stdout.
    """
    engine = None if pdf is False else printing.find_engine()
    if pdf and not engine:
        raise WorkbookError(printing.missing())
    if (Path(runs) / "run.json").is_file():
        raise WorkbookError(f"runs: {runs} is one run; give the folder that it lies in")
    if not Path(runs).is_dir():
        raise WorkbookError(f"runs: {runs} is no folder; `hw run all` makes the records that a report is built from")
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise WorkbookError(f"out: {out} is a file; give a folder")
    words = load(prose)
    found = collect(Path(runs), trial)
    if not any(found.of(problem) for problem in CONFIGS):
        print(f"report: no finished run in {runs}; `hw run all` makes them")
    for line in (*(en for _, en in found.left_out), *words.problems):
        print(f"report: left out {line}")
    if not words.authors:
        print(f"report: no author is named; {prose / 'report.toml'} is the place")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, about odd numbers in a record; what matters is said in the page
        pages = render(found, words)
    undrawn = [html.unescape(line) for line in UNDRAWN.findall(pages[VIEWS[0]])]
    for line in undrawn:
        print(f"report: could not draw {line}")
    stale = [view for view in VIEWS if not _unchanged(out, view, pages[view])]
    with _writing(out):
        out.mkdir(parents=True, exist_ok=True)
        for view in stale:
            write_atomically(out / f"{view.name}.html", pages[view].encode())
            (out / f"{view.name}.pdf").unlink(missing_ok=True)  # an older print would no longer be of this page
    if engine:
        _print_all(engine, out, pages, insist=bool(pdf))
    elif pdf is None:
        for view in VIEWS:
            with _writing(out):
                (out / f"{view.name}.pdf").unlink(missing_ok=True)
        print(f"report: no PDF: {printing.missing()}")
    page = out / f"{VIEWS[0].name}.html"
    if undrawn:
        raise NotDrawn(page, len(undrawn))
    return page


def render(found: Collection, prose: Prose) -> dict[View, str]:
    """Return the whole page as HTML for each view; none loads anything from anywhere."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    from hwlib.report.markdown import render as markdown
    from hwlib.report.merge import merged

    exporter = HTMLExporter(template_name="hw", extra_template_basedirs=[str(TEMPLATE)])
    exporter.register_filter("markdown", markdown)
    style = (TEMPLATE / "hw" / "style.css").read_text(encoding="utf-8")
    script = (TEMPLATE / "hw" / "switch.js").read_text(encoding="utf-8")
    notebook = merged(found, prose)
    code = HtmlFormatter(style="default").get_style_defs(".highlight")
    pages = {}
    for view in VIEWS:
        shown = [title for title, key in zip(prose.title, ("zh", "en"), strict=True) if view.language in (None, key)]
        title = " · ".join(dict.fromkeys(shown))
        who = ", ".join(
            dict.fromkeys(filter(None, (f"{a.id} {a.name[view.language == 'en']}".strip() for a in prose.authors)))
        )
        resources = {
            "hw_title": title,
            "hw_authors": who,
            "hw_lang": view.lang,
            "hw_view": view.language or "both",
            "hw_style": style + code + _running(" · ".join(filter(None, (title, who)))),
            "hw_script": "" if view.language else script,
            "hw_script_hash": "" if view.language else _digest(script),
        }
        pages[view] = seen(exporter.from_notebook_node(notebook, resources)[0], view, prose.references)
    return pages


def _running(header: str) -> str:
    """The running header of printed pages; whatever the text holds, it stays a string of the style sheet."""
    header = header if len(header) <= LONGEST else f"{header[:LONGEST]}…"  # one line
    text = "".join(c if c.isalnum() else f"\\{ord(c):x} " for c in header)
    return f'\n@page {{ @top-center {{ content: "{text}"; }} }}\n'


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _unchanged(out: Path, view: View, page: str) -> bool:
    try:
        return (out / f"{view.name}.html").read_bytes() == page.encode()
    except OSError:
        return False


def _print_all(engine: printing.Engine, out: Path, pages: dict[View, str], insist: bool) -> None:
    """Print every page whose PDF is missing, two at a time. What cannot be printed is said, or raised on `insist`."""
    todo = [view for view in VIEWS if not (out / f"{view.name}.pdf").is_file()]
    for view in VIEWS:
        if view not in todo:
            print(f"report: {out / view.name}.pdf (unchanged)")

    def lettered(view: View) -> str:
        try:
            fonts.check(_visible(pages[view]))
        except WorkbookError as error:
            return str(error)
        return ""

    def printed(view: View) -> str:
        try:
            with _writing(out), _neighbour(out / f"{view.name}.pdf") as temporary:
                engine.print(out / f"{view.name}.html", temporary)
        except WorkbookError as error:
            return str(error)
        return ""

    faults: dict[View, str] = {}
    with ThreadPoolExecutor(2) as pool:
        for step in (lettered, printed):
            tried = [view for view in todo if view not in faults]
            failed = {view: fault for view, fault in zip(tried, pool.map(step, tried), strict=True) if fault}
            # One reason stands for all of a step: they differ in the list of letters, or in a number of a process.
            faults |= dict.fromkeys(failed, next(iter(failed.values()), ""))
    for view in todo:
        if view not in faults:
            print(f"report: {out / view.name}.pdf (printed by {engine.version()})")
    if faults:
        said = "; ".join(
            f"{', '.join(f'{view.name}.pdf' for view in faults if faults[view] == fault)}: {fault}"
            for fault in dict.fromkeys(faults.values())
        )
        if insist:
            raise WorkbookError(said)
        print(f"report: no {said}")


def _visible(page: str) -> str:
    """The text of a page, without its embedded images, styles and tags."""
    page = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return html.unescape(page)


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorkbookError(f"out: cannot write to {out} ({error.strerror})") from None


@contextlib.contextmanager
def _neighbour(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it at the end, so that a reader never sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Write through a neighbour and rename."""
    with _neighbour(path) as temporary:
        temporary.write_bytes(content)
