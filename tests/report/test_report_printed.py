"""PDFs: which engine prints them, what is said when none can, and what stands on the pages."""

import re
import shutil
import socket
import subprocess
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from made_runs import PAIRS
from PIL import Image

from hwlib.errors import WorkbookError
from hwlib.report import build, fonts, merge, pdf

needs_chromium = pytest.mark.skipif(pdf.find_chromium() is None, reason="no Chromium on this machine")
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no poppler on this machine")


@pytest.fixture
def printing(runs, notebooks, tmp_path, monkeypatch):
    """Builds the report with `pdf` and returns the folder."""
    monkeypatch.setattr(merge, "merged", partial(merge.merged, notebooks=notebooks))

    def build_one(wanted=None):
        build.build_report(runs.folder, tmp_path / "out", pdf=wanted)
        return tmp_path / "out"

    return build_one


class Fake:
    """An engine that prints at once."""

    printed: list

    def __init__(self, fault=""):
        self.printed, self.fault = [], fault

    def print(self, page, out):
        if self.fault:
            raise WorkbookError(self.fault)
        self.printed.append(page.name)
        out.write_bytes(b"%PDF fake " + page.read_bytes()[:40])

    def version(self):
        return "Fake 1"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


HTML = ["report.en.html", "report.html", "report.zh.html"]
PDF = ["report.en.pdf", "report.pdf", "report.zh.pdf"]


@pytest.fixture
def all_letters(monkeypatch):
    """A machine that has a font for everything, whatever this one has."""
    monkeypatch.setattr(fonts, "check", lambda text: None)


@pytest.fixture
def no_engine(monkeypatch):
    """A machine with neither Chromium nor WeasyPrint's library pango, nor fontconfig's program."""
    import builtins

    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "weasyprint":
            print("-----\n\nWeasyPrint could not import some external libraries.")  # as it does
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(fonts, "any_font", lambda: True)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    monkeypatch.delenv("HW_CHROMIUM", raising=False)


def test_without_an_engine_there_is_html_and_one_line(printing, no_engine, debian, capsys):
    folder = printing()
    assert names(folder) == HTML
    out = capsys.readouterr().out
    said = [line for line in out.splitlines() if not line.startswith("report: no ") or "PDF" in line]
    assert len(said) == 1
    assert said[0].startswith("report: no PDF: neither Chromium nor WeasyPrint can print here (WeasyPrint lacks the")
    assert "`apt-get install chromium fonts-noto-cjk`" in said[0]
    with pytest.raises(WorkbookError, match="neither Chromium nor WeasyPrint"):
        printing(True)


@pytest.mark.parametrize(
    ("lacks", "said"), [(False, "would find no font"), (None, "lacks the library fontconfig"), (True, "")]
)
def test_weasyprint_is_no_engine_where_there_is_no_font(tmp_path, monkeypatch, lacks, said):
    """Without one it ends the process in native code, so that it is never called."""
    monkeypatch.setattr(pdf, "find_chromium", lambda: None)
    monkeypatch.setattr(fonts, "any_font", lambda: lacks)
    monkeypatch.setitem(sys.modules, "weasyprint", SimpleNamespace(__spec__=object()))
    assert pdf.find_engine() == (None if said else pdf.WeasyPrint())
    assert said in pdf.missing()
    if said:
        with pytest.raises(WorkbookError, match="WeasyPrint: would find no font; install"):
            pdf.WeasyPrint().print(tmp_path / "page.html", tmp_path / "page.pdf")


def test_a_wrong_hw_chromium_is_one_line(printing, no_engine, monkeypatch):
    monkeypatch.setenv("HW_CHROMIUM", "/nowhere/chrome")
    with pytest.raises(WorkbookError, match="HW_CHROMIUM: '/nowhere/chrome' is not a program"):
        printing()


def test_chromium_comes_before_weasyprint(monkeypatch, tmp_path):
    browser = tmp_path / "my-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    monkeypatch.setenv("HW_CHROMIUM", str(browser))
    assert pdf.find_engine() == pdf.Chromium(str(browser))
    monkeypatch.delenv("HW_CHROMIUM")
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    monkeypatch.setattr(pdf, "_weasyprint_lacks", lambda: "")
    assert isinstance(pdf.find_engine(), pdf.WeasyPrint)


def test_every_view_is_printed_once_until_it_changes(runs, printing, all_letters, monkeypatch, capsys):
    engine = Fake()
    monkeypatch.setattr(pdf, "find_engine", lambda: engine)
    runs.p1()
    assert names(printing()) == sorted(HTML + PDF)
    assert sorted(engine.printed) == HTML
    assert "report.zh.pdf (printed by Fake 1)" in capsys.readouterr().out
    printing()
    assert len(engine.printed) == 3
    assert "report.zh.pdf (unchanged)" in capsys.readouterr().out
    runs.p2()
    printing()
    assert len(engine.printed) == 6


def test_a_print_of_another_page_is_not_left_beside_the_new_one(runs, printing, all_letters, monkeypatch):
    monkeypatch.setattr(pdf, "find_engine", Fake)
    assert "report.pdf" in names(printing())
    runs.p1()
    monkeypatch.setattr(pdf, "find_engine", lambda: Fake("out of paper"))
    assert names(printing()) == HTML
    monkeypatch.setattr(pdf, "find_engine", Fake)
    printing()
    monkeypatch.setattr(pdf, "find_engine", lambda: None)
    assert names(printing()) == HTML


def test_an_engine_that_fails_is_said_once_and_raised_where_a_pdf_was_asked_for(
    printing, all_letters, monkeypatch, capsys
):
    class Numbered(Fake):
        def print(self, page, out):
            raise WorkbookError(f"out of paper [{page.name}:1234]")  # as Chromium's last words hold a process's number

    monkeypatch.setattr(pdf, "find_engine", Numbered)
    printing()
    assert capsys.readouterr().out.count("out of paper") == 1
    with pytest.raises(WorkbookError, match=r"report\.pdf.*: out of paper"):
        printing(True)


def test_a_machine_without_any_font_is_told_in_one_line(printing, debian, fontconfig, monkeypatch, capsys):
    fontconfig()
    monkeypatch.setattr(pdf, "find_engine", Fake)
    assert names(printing()) == HTML
    said = [line for line in capsys.readouterr().out.splitlines() if "pdf" in line.lower()]
    assert len(said) == 1
    assert said[0].startswith("report: no report.pdf, report.zh.pdf, report.en.pdf: no font on this machine has")
    assert said[0].endswith("install with `apt-get install fonts-noto-cjk`")


def test_what_can_be_printed_is_printed_and_the_rest_is_one_line(printing, tmp_path, monkeypatch, capsys):
    def check(text):
        if "摘要" in text:
            raise WorkbookError("no letters")

    monkeypatch.setattr(pdf, "find_engine", Fake)
    monkeypatch.setattr(build.fonts, "check", check)
    assert names(printing()) == sorted([*HTML, "report.en.pdf"])
    assert "no report.pdf, report.zh.pdf: no letters" in capsys.readouterr().out
    (tmp_path / "out/report.en.pdf").unlink()
    monkeypatch.setattr(pdf, "find_engine", lambda: Fake("out of paper"))
    printing()
    assert "report: no report.pdf, report.zh.pdf: no letters; report.en.pdf: out of paper\n" in capsys.readouterr().out


def text_of(path, page=None):
    pages = ["-f", str(page), "-l", str(page)] if page else []
    done = subprocess.run(["pdftotext", "-layout", *pages, path, "-"], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """The three PDFs of a whole report with the real figures, from the committed notebooks."""
    from made_runs import Runs

    runs = Runs(tmp_path_factory.mktemp("runs"))
    runs.everything()
    runs.p3(PAIRS[0], seed=1)
    out = tmp_path_factory.mktemp("out")
    try:
        fonts.check("深度學習")
    except WorkbookError as error:
        pytest.skip(str(error))
    build.build_report(runs.folder, out, pdf=True)
    return out


@needs_chromium
@needs_poppler
def test_pages_are_numbered_headed_and_outlined(printed):
    for name, title in (("report.zh", "深度學習作業集"), ("report.en", "A deep-learning workbook")):
        info = subprocess.run(["pdfinfo", printed / f"{name}.pdf"], capture_output=True, text=True, check=True).stdout
        count = int(re.search(r"Pages:\s+(\d+)", info)[1])
        assert count > 10
        assert re.search(r"Tagged:\s+yes", info)
        for page in (2, count):
            text = text_of(printed / f"{name}.pdf", page)
            assert title in re.sub(r"(?<=[㐀-鿿]) (?=[㐀-鿿])", "", text.splitlines()[0])
            assert f"{page} / {count}" in text.strip().splitlines()[-1]
        assert b"/Outlines" in (printed / f"{name}.pdf").read_bytes()


@needs_chromium
@needs_poppler
def test_no_table_is_cut_and_the_summary_is_one_page(printed):
    """The first and the last words of each stand on one page."""
    for name in ("report", "report.zh", "report.en"):
        zh = name != "report.en"
        pages = text_of(printed / f"{name}.pdf").split("\f")
        joined = [re.sub(r"\s+", "", page) for page in pages]
        ends = {
            "表3-1" if zh else "Table3-1A": "s4816577",
            "表1-3" if zh else "Table1-3T": "整個測試集" if zh else "Wholetestset",
            "摘要" if zh else "Summary": "97.65",
        }
        for first, last in ends.items():
            assert any(first in page and last in page[page.index(first) :] for page in joined[1:]), (name, first)


@needs_chromium
@needs_poppler
def test_chinese_is_printed_as_letters_and_not_as_boxes(printed, tmp_path):
    path = printed / "report.zh.pdf"
    assert "深度學習作業集" in text_of(path, 1)
    boxes = subprocess.run(["pdftotext", "-bbox", "-l", "1", path, "-"], capture_output=True, text=True, check=True)
    word = re.search(
        r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">(深度學習作業集[^<]*)<', boxes.stdout
    )
    x0, y0, x1, y1 = (float(v) * 200 / 72 for v in word.groups()[:4])
    subprocess.run(["pdftoppm", "-r", "200", "-l", "1", "-gray", "-png", path, tmp_path / "page"], check=True)
    (image,) = tmp_path.glob("page*.png")
    line = np.asarray(Image.open(image))[int(y0) : int(y1), int(x0) : int(x1)] < 128
    width = line.shape[1] / len(word[5])
    glyphs = [line[:, round(i * width) : round((i + 1) * width)] for i in range(7)]
    ink = [glyph.mean() for glyph in glyphs]
    assert min(ink) > 0.05
    same = [
        (i, j)
        for i in range(7)
        for j in range(i)
        if np.mean(glyphs[i][:, : int(width)] ^ glyphs[j][:, : int(width)]) < 0.03
    ]
    assert same == []  # boxes all look alike


def _need_weasyprint(text="x"):
    if lacks := pdf._weasyprint_lacks():
        pytest.skip(f"on this machine WeasyPrint {lacks}")
    try:
        fonts.check(text)
    except WorkbookError as error:
        pytest.skip(str(error))


@needs_poppler
def test_weasyprint_prints_text_formulas_and_pictures(runs, printing, monkeypatch, tmp_path):
    _need_weasyprint("變分自編碼器")
    monkeypatch.setattr(pdf, "find_engine", pdf.WeasyPrint)
    runs.p1()
    folder = printing(True)
    text = text_of(folder / "report.zh.pdf")
    assert "變分自編碼器" in re.sub(r"(?<=[㐀-鿿])\s+(?=[㐀-鿿])", "", text)
    assert re.search(r"1 / \d+", text)
    listed = subprocess.run(
        ["pdfimages", "-list", folder / "report.en.pdf"], capture_output=True, text=True, check=True
    )
    assert len(listed.stdout.splitlines()) > 10
    drawn = pdf._math_drawn('<p><math display="block"><mfrac><mn>1</mn><mn>2</mn></mfrac></math> &lt;</p>')
    assert drawn.startswith('<p><span class="formula block"><svg')
    assert drawn.endswith("</svg></span> &lt;</p>")


def test_weasyprint_asks_nobody(tmp_path, monkeypatch):
    _need_weasyprint()
    page = tmp_path / "page.html"
    secret = tmp_path / "secret.txt"
    secret.write_text("a secret of this machine", encoding="utf-8")
    attachment = f'<link rel="attachment" href="{secret.as_uri()}">'
    page.write_text(f'{attachment}<p>x<img src="http://127.0.0.1:9/x.png"><p>y', encoding="utf-8")
    asked = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))
    pdf.WeasyPrint().print(page, tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert asked == []
    assert b"/EmbeddedFile" not in (tmp_path / "page.pdf").read_bytes()
