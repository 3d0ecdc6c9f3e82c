"""Records to `report.html`, and to `report.pdf` where a browser can print it."""

import os
from pathlib import Path

from hwlib.config import CONFIGS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE
from hwlib.report import pdf as printing
from hwlib.report.collect import Collection, collect


def build_report(runs: Path, out: Path, pdf: bool | None = None) -> Path:
    """Build `out/report.html` from the records below `runs` and return its path.

    The same records give the same bytes. `pdf`: True makes `report.pdf` or raises, False makes none, None
    makes it where Chromium is found, and an unchanged page is not printed again. Records that cannot be used are named
    on stdout and in the report. Raises `WorkbookError` when `runs` is no folder, when `out` cannot be written, or for
    `pdf=True` without Chromium.
    """
    browser = None if pdf is False else printing.find_chromium()
    if pdf and not browser:
        raise WorkbookError(printing.MISSING)
    if not Path(runs).is_dir():
        raise WorkbookError(f"runs: {runs} is no folder; `hw run all` makes the records that a report is built from")
    found = collect(Path(runs))
    if not any(found.of(problem) for problem in CONFIGS):
        print(f"report: no finished run in {runs}; `hw run all` makes them")
    for line in found.left_out:
        print(f"report: left out {line}")
    html = render(found).encode()
    out = Path(out)
    target, printed = out / "report.html", out / "report.pdf"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if browser and printed.is_file() and target.is_file() and target.read_bytes() == html:
            print(f"report: {printed} (unchanged)")  # the same page would print the same
            return target
        write_atomically(target, html)
        printed.unlink(missing_ok=True)  # an older print would no longer be of this page
    except OSError as error:
        raise WorkbookError(f"out: cannot write to {out} ({error.strerror})") from None
    if browser:
        try:
            version = printing.print_pdf(browser, target, printed)
            print(f"report: {printed} (printed by {version})")
        except WorkbookError as error:
            if pdf:
                raise
            print(f"report: no PDF: {error}")
    elif pdf is None:
        print(f"report: no PDF: {printing.MISSING}")
    return target


def render(found: Collection) -> str:
    """Return the whole page as HTML; it loads nothing from anywhere."""
    from nbconvert import HTMLExporter
    from pygments.formatters import HtmlFormatter

    from hwlib.report.front import prose
    from hwlib.report.markdown import render as markdown
    from hwlib.report.merge import merged

    exporter = HTMLExporter(template_name="hw", extra_template_basedirs=[str(PROSE / "template")])
    exporter.register_filter("markdown", markdown)
    style = (PROSE / "template" / "hw" / "style.css").read_text(encoding="utf-8")
    resources = {
        "hw_title": " · ".join(prose("front")[0]),
        "hw_style": style + HtmlFormatter(style="default").get_style_defs(".highlight"),
    }
    return exporter.from_notebook_node(merged(found), resources)[0]


def write_atomically(path: Path, content: bytes) -> None:
    """Write through a neighbour and rename, so that a reader never sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
