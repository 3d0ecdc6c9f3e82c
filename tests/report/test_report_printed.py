"""PDFs: which engine prints them, what is said when none can, and what stands on the pages."""

import re
import shutil
import socket
import subprocess
from functools import partial

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
def no_engine(monkeypatch):
    """A machine with neither Chromium nor WeasyPrint."""
    import builtins

    real = builtins.__import__

    def without(name, *arguments, **options):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    monkeypatch.delenv("HW_CHROMIUM", raising=False)


def test_without_an_engine_there_is_html_and_one_line(printing, no_engine, capsys):
    folder = printing()
    assert names(folder) == HTML
    said = [line for line in capsys.readouterr().out.splitlines() if "PDF" in line]
    assert len(said) == 1
    assert "neither Chromium nor WeasyPrint is here; install one" in said[0]
    with pytest.raises(WorkbookError, match="neither Chromium nor WeasyPrint"):
        printing(True)


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
    assert isinstance(pdf.find_engine(), pdf.WeasyPrint)


def test_every_view_is_printed_once_until_it_changes(runs, printing, monkeypatch, capsys):
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


def test_a_print_of_another_page_is_not_left_beside_the_new_one(runs, printing, monkeypatch, no_engine):
    monkeypatch.setattr(pdf, "find_engine", Fake)
    assert "report.pdf" in names(printing())
    runs.p1()
    monkeypatch.setattr(pdf, "find_engine", lambda: Fake("out of paper"))
    assert names(printing()) == HTML
    monkeypatch.setattr(pdf, "find_engine", Fake)
    printing()
    monkeypatch.setattr(pdf, "find_engine", lambda: None)
    assert names(printing()) == HTML


def test_an_engine_that_fails_is_said_once_and_raised_where_a_pdf_was_asked_for(printing, monkeypatch, capsys):
    monkeypatch.setattr(pdf, "find_engine", lambda: Fake("out of paper"))
    printing()
    assert capsys.readouterr().out.count("out of paper") == 1
    with pytest.raises(WorkbookError, match=r"report\.pdf.*: out of paper"):
        printing(True)


def fake_fontconfig(tmp_path, monkeypatch, *charsets):
    tool = tmp_path / "fc-list"
    lines = "\\n".join(charsets)
    tool.write_text(f"#!/bin/sh\nprintf '{lines}\\n'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(fonts.shutil, "which", lambda name: str(tool))


def test_letters_that_no_font_has_are_named_with_the_package(tmp_path, monkeypatch):
    fake_fontconfig(tmp_path, monkeypatch, "20-7e a0-17f 2190-21ff", "20-7e")
    fonts.check("plain → text, naïve")
    with pytest.raises(
        WorkbookError, match=r"Chinese characters \(度 U\+5EA6 深 U\+6DF1\).*apt install fonts-noto-cjk"
    ):
        fonts.check("深度 learning")
    with pytest.raises(WorkbookError, match=r"no font on this machine has 🙂 U\+1F642"):
        fonts.check("ok 🙂")


def test_chinese_is_to_be_in_one_font_all_together(tmp_path, monkeypatch):
    fake_fontconfig(tmp_path, monkeypatch, "20-7e 6df1", "20-7e 5ea6")
    with pytest.raises(WorkbookError, match="Chinese characters"):
        fonts.check("深度")
    fake_fontconfig(tmp_path, monkeypatch, "20-7e 5ea6 6df1")
    fonts.check("深度")


def test_without_fontconfig_nothing_is_checked(monkeypatch):
    monkeypatch.setattr(fonts.shutil, "which", lambda name: None)
    fonts.check("深度")


def test_what_can_be_printed_is_printed(printing, monkeypatch, capsys):
    def check(text):
        if "摘要" in text:
            raise WorkbookError("no letters")

    monkeypatch.setattr(pdf, "find_engine", Fake)
    monkeypatch.setattr(build.fonts, "check", check)
    assert names(printing()) == sorted([*HTML, "report.en.pdf"])
    assert "no report.pdf, report.zh.pdf: no letters" in capsys.readouterr().out


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


def _need_weasyprint():
    try:
        import weasyprint  # noqa: F401
    except OSError as error:
        pytest.skip(f"WeasyPrint's library pango is not on this machine ({error})")


@needs_poppler
def test_weasyprint_prints_text_formulas_and_pictures(runs, printing, monkeypatch, tmp_path):
    _need_weasyprint()
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
