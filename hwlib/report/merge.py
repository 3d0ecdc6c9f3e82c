"""Four notebooks become one: prose kept, artefacts made anew from records, bookkeeping cells dropped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from hwlib.paths import NOTEBOOKS
from hwlib.report import reference, words
from hwlib.report.appendix import appendix
from hwlib.report.artefacts import PROBLEM, element, remark
from hwlib.report.collect import Collection
from hwlib.report.front import page
from hwlib.report.markdown import clamped, headings
from hwlib.report.prose import Prose
from hwlib.sources import NAMES

FILES = {problem: f"{name}.ipynb" for problem, name in NAMES.items()}
DROPPED = {"parameters", "versions", "record"}
APART = {"injected-parameters", "explore"}
"""Cells that a report knows nothing of: papermill's, and what is there to play with."""
LANGUAGES = {"lang:zh": words.ZH, "lang:en": words.EN}
PICTURE, TEXT = "image/png", "text/plain"
NUMBERED = re.compile(r"(\d)-(\d)(?:\s*(?:至|to)\s*\d-(\d))?\b")


@dataclass
class Section:
    """Cells under one heading of the assignment, `first` to `last` of its numbers; (0, 0) is what stands before."""

    first: int = 0
    last: int = 0
    cells: list[NotebookNode] = field(default_factory=list)


def merged(found: Collection, prose: Prose, notebooks: Path = NOTEBOOKS) -> NotebookNode:
    """Return one notebook with front page, problems 1 to 4, reference results, appendix and references.

    Raw cells are finished HTML; Markdown cells carry `metadata.hw` (`lang`, and whether they open and close a pair);
    code cells keep their source and plain outputs, to be folded with their neighbours.
    """
    books = {problem: cells(problem, found, notebooks) for problem in FILES}
    titles = {problem: _titles(problem, book) for problem, book in books.items()}
    body = [_raw(page(found, prose, titles))]
    for problem, book in books.items():
        body.append(_raw(f'<section class="problem" id="{problem}">'))
        if not any(_level(cell) == 1 for cell in book):
            body.append(_raw(f"<h2>{words.inline(*map(words.esc, titles[problem]))}</h2>"))
        if not found.of(problem):
            body.append(_raw(words.missing(problem)))
        body += [*_composed(book, problem, found, prose), _raw("</section>")]
    body.append(_raw(reference.section(prose.ledger)))
    body.append(_raw(appendix(found, prose)))
    kinds = ["", *(cell.cell_type for cell in body), ""]
    for i, cell in enumerate(body):
        if cell.cell_type == "code":  # neighbours share one fold
            cell.metadata["hw"] = {"open": kinds[i] != "code", "close": kinds[i + 2] != "code"}
        cell.id = f"c{i}"  # copies of one notebook's cells must not share an id, and the same report keeps its own
    return nbformat.v4.new_notebook(cells=body, metadata={"language_info": {"name": "ipython3"}})


def cells(problem: str, found: Collection, notebooks: Path) -> list[NotebookNode]:
    """The cells of the executed notebook beside the first record, else of the committed one; [] without either.

    Where both have the same code, the prose is the committed one's: a sentence that was mended needs no training.
    """
    present = _read(notebooks / FILES[problem])
    executed = next((book for r in found.of(problem)[:1] if (book := _read(r.folder / "notebook.ipynb"))), None)
    if executed is None or present is None:
        return executed or present or []
    ran, code = ([cell for cell in book if cell.cell_type == "code"] for book in (executed, present))
    if [cell.source for cell in ran] != [cell.source for cell in code]:
        return executed
    outputs = iter(ran)
    return [next(outputs) if cell.cell_type == "code" else cell for cell in present]


def _read(path: Path) -> list[NotebookNode] | None:
    """The cells of a notebook but those that stand `APART`; None where there is none."""
    try:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
    except Exception:  # nbformat raises many kinds for what is no notebook; another one stands in
        return None
    return [cell for cell in book.cells if not APART & set(cell.metadata.get("tags", ()))]


def _composed(book: list[NotebookNode], problem: str, found: Collection, prose: Prose) -> Iterator[NotebookNode]:
    """A problem's cells in the assignment's order, with every artefact once and the author's remarks in their sections.

    A notebook must train before it can show, so its own order is another one.
    """
    sections, placed = _sections(book, problem, found)
    for name in words.ARTEFACTS[problem]:
        if name not in placed:
            part = int(re.match(r"\d+", words.split(name)[1][2:])[0])
            sections.append(Section(part, part, [_raw(element(name, found, headed=True))]))
    for number in words.SECTIONS:
        if number[0] == problem[1] and number in prose.remarks:
            part = int(number[2])
            home = next((s for s in reversed(sections) if s.first <= part <= s.last), None)
            if home is None:
                sections.append(home := Section(part, part))
            home.cells.append(_raw(remark(number, prose.remarks[number], prose.pictures)))
    sections.sort(key=lambda section: section.first)  # stable: what has no number stays where it was
    level = 2
    for cell in (cell for section in sections for cell in section.cells):
        if cell.cell_type == "markdown":
            cell.source, level = clamped(cell.source, level)
        yield cell


def _sections(book: list[NotebookNode], problem: str, found: Collection) -> tuple[list[Section], set[str]]:
    sections, placed = [Section()], set()
    for i, cell in enumerate(book):
        tags = set(cell.metadata.get("tags", ()))
        if tags & DROPPED or cell.cell_type == "raw" or _announces_record(book, i):
            continue
        if cell.cell_type == "markdown":
            before, after = (book[j] if 0 <= j < len(book) else None for j in (i - 1, i + 1))
            paired = _pairs(before, cell)
            if _level(cell) == 2 and not paired:
                sections.append(_numbered(cell, problem))
            sections[-1].cells.append(_markdown(cell, tags, paired, _pairs(cell, after)))
            continue
        sections[-1].cells.append(_code(cell))
        for name in sorted(tags & set(PROBLEM)):
            if name not in placed and PROBLEM[name] == problem:
                placed.add(name)
                sections[-1].cells.append(_raw(element(name, found)))
    return sections, placed


def _numbered(cell: NotebookNode, problem: str) -> Section:
    number = NUMBERED.match(headings(cell.source)[0][1])
    if not number or number[1] != problem[1]:
        return Section()
    return Section(int(number[2]), int(number[3] or number[2]))


def _announces_record(book: list[NotebookNode], i: int) -> bool:
    """Whether cell `i` is prose with nothing but dropped cells behind it: the words that lead to the record."""
    rest = book[i:]
    dropped = [cell for cell in rest if set(cell.metadata.get("tags", ())) & DROPPED]
    prose = [cell for cell in rest if cell.cell_type == "markdown"]
    return bool(dropped) and len(dropped) + len(prose) == len(rest) and rest[-1] is dropped[-1]


def _markdown(cell: NotebookNode, tags: set[str], paired_before: bool, paired_after: bool) -> NotebookNode:
    """A prose cell. A zh cell followed by an en cell opens a pair, which that one closes."""
    lang = next((LANGUAGES[tag] for tag in sorted(tags & set(LANGUAGES))), None)
    hw = {"lang": lang, "open": not paired_before, "close": not paired_after}
    return nbformat.v4.new_markdown_cell(cell.source, metadata={"hw": hw})


def _pairs(one: NotebookNode | None, other: NotebookNode | None) -> bool:
    return _tagged(one, "lang:zh") and _tagged(other, "lang:en")


def _tagged(cell: NotebookNode | None, tag: str) -> bool:
    return cell is not None and cell.cell_type == "markdown" and tag in cell.metadata.get("tags", ())


def _code(cell: NotebookNode) -> NotebookNode:
    """Source and plain outputs only: figures and tables of the report are made from records, not pasted."""
    tags = set(cell.metadata.get("tags", ()))
    outputs = [] if tags & set(PROBLEM) else [o for output in cell.get("outputs", ()) if (o := _plain(output))]
    return nbformat.v4.new_code_cell(cell.source, outputs=outputs)


def _plain(output: NotebookNode) -> NotebookNode | None:
    if output.output_type == "stream":
        # A bar redraws its line with carriage returns; the last state is the one to show.
        text = "\n".join(line.rstrip("\r").split("\r")[-1] for line in output.text.split("\n"))
        return nbformat.v4.new_output("stream", name=output.name, text=text)
    data = output.get("data", {})
    if TEXT in data and PICTURE not in data and not any("widget" in kind for kind in data):
        return nbformat.v4.new_output("display_data", data={TEXT: data[TEXT]})
    return None


def _raw(html: str) -> NotebookNode:
    return nbformat.v4.new_raw_cell(html)


def _level(cell: NotebookNode) -> int | None:
    found = headings(cell.source) if cell.cell_type == "markdown" else []
    return found[0][0] if found else None


def _titles(problem: str, book: list[NotebookNode]) -> tuple[str, str]:
    """The first heading in each language, else the assignment's."""
    titles = list(words.PROBLEMS[problem])
    for i, tag in enumerate(LANGUAGES):
        for cell in book:
            if _tagged(cell, tag) and _level(cell) == 1:
                titles[i] = re.sub(r"[*_`$]", "", headings(cell.source)[0][1])
                break
    return tuple(titles)
