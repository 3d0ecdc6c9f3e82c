"""What people write in `report/`: put in its place, checked for its form, and never trusted."""

import itertools
import re
import shutil

import pytest

from hwlib.errors import WorkbookError
from hwlib.paths import NOTEBOOKS, PROSE, ROOT
from hwlib.report.artefacts import remark
from hwlib.report.prose import load

HAN = r"[㐀-鿿]"


@pytest.fixture
def folder(tmp_path):
    """A copy of `report/` to write in."""
    copy = tmp_path / "prose"
    shutil.copytree(PROSE, copy, ignore=shutil.ignore_patterns("build", "template"))
    return copy


def write(folder, text, name="report.toml"):
    (folder / name).write_text(text, encoding="utf-8")


REPORT = '[title]\nzh = "標題"\nen = "Title"\n'


def test_authors_course_date_and_repository_stand_on_the_front_page(runs, pages, folder):
    runs.p1()
    write(
        folder,
        'date = 2026-01-31\nrepository = "https://example.org/r"\n'
        + REPORT
        + '[course]\nzh = "課程"\nen = "Course"\n[[author]]\nid = "b01"\nname = { zh = "王小明", en = "Wang" }\n'
        '[[author]]\nid = "b02"\nname = "Lin"\n',
    )
    zh, en = (pages(view, prose=folder) for view in ("report.zh", "report.en"))
    for text in ("標題</", "課程", "b01 王小明", "b02 Lin", "2026-01-31", 'href="https://example.org/r"'):
        assert text in zh
    for text in ("Title</", "Course", "b01 Wang", "b02 Lin"):
        assert text in en
    assert re.search(r'<meta[^>]* content="b01 王小明, b02 Lin"', zh)


def test_what_is_empty_is_not_printed_and_the_day_is_that_of_the_latest_run(runs, pages, folder):
    runs.p1()
    write(folder, REPORT)
    page = pages(prose=folder)
    assert re.search(r'<div class="byline"><div><time datetime="2026-11-23">', page)
    assert 'name="author"' not in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title = 3", "title is not a table of entries"),
        ("[title]\nzh = 3", "title: zh is 3, which is not text"),
        ("", "title is empty"),
        (REPORT + "[[author]]\nnmae = 'x'", "author 1: no entry 'nmae' is known; there are id, name"),
        (REPORT + "[author]\nid = 'x'", r"begin each entry with \[\[author\]\]"),
        ("titel = 'x'\n" + REPORT, "no entry 'titel' is known"),
        ("date = '31.1.'\n" + REPORT, "date '31.1.' is not a day"),
        ("date = 3\n" + REPORT, "date 3 is not a day"),
        ("[title\n", "is not TOML"),
    ],
)
def test_a_wrong_entry_is_one_line_that_names_file_and_entry(folder, text, said):
    write(folder, text)
    with pytest.raises(WorkbookError, match=said) as caught:
        load(folder)
    assert "report.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_one_in_another_encoding_are_one_line(folder):
    (folder / "abstract.zh.md").write_bytes("摘要".encode("big5"))
    with pytest.raises(WorkbookError, match=r"abstract\.zh\.md: is not UTF-8"):
        load(folder)
    (folder / "abstract.zh.md").unlink()
    with pytest.raises(WorkbookError, match=r"abstract\.zh\.md: cannot be read"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("glossary.toml", '[[term]]\nzh = "x"', "term 1: en is empty"),
        ("glossary.toml", '[[term]]\nzh = "x"\nen = "y"\navoid = "z"', "avoid is not a list"),
        ("references.toml", '[[reference]]\nkey = "A b"\ncite = "x"\ntext = "y"', "key 'A b'"),
        ("references.toml", '[[reference]]\nkey = "a"\ncite = "x"\ntext = "y"\nurl = "javascript:x"', "url"),
    ],
)
def test_a_wrong_term_or_reference_is_one_line(folder, name, text, said):
    write(folder, text, name)
    with pytest.raises(WorkbookError, match=said):
        load(folder)


def test_remarks_stand_at_the_end_of_their_sections_in_their_languages(runs, pages, folder):
    runs.everything()
    write(folder, "# 標題\n\n我的**看法**：$x^2$。", "remarks/3-6.zh.md")
    write(folder, "My view.", "remarks/3-6.en.md")
    write(folder, "只有中文。", "remarks/1-2.zh.md")
    write(folder, "In a section of three.", "remarks/3-2.en.md")
    page = pages(prose=folder)
    assert page.index('id="txt3_6"') < page.index('id="remark3_6"') < page.index('id="p4"')
    assert page.index('id="fig1_2"') < page.index('id="remark1_2"') < page.index('id="tbl1_3"')
    assert page.index('id="tbl3_1"') < page.index('id="remark3_2"')
    assert "<strong>看法</strong>" in page
    assert "<h4>標題</h4>" in page
    assert "<msup>" in page[page.index('id="remark3_6"') :]
    zh, en = (pages(view, prose=folder) for view in ("report.zh", "report.en"))
    assert "只有中文。" in zh
    assert "只有中文。" not in en
    assert "My view." in en
    assert "My view." not in zh


def test_a_remark_that_belongs_nowhere_is_named_and_an_empty_one_is_none(runs, pages, folder, capsys):
    runs.p1()
    write(folder, "Lost.", "remarks/5-1.en.md")
    write(folder, "Lost too.", "remarks/summary.md")
    write(folder, " \n", "remarks/1-6.en.md")
    (folder / "remarks" / "1-5.en.md").write_bytes(b"\xff\xfe")
    page, said = pages(prose=folder), capsys.readouterr().out
    assert "Lost" not in page
    assert 'id="remark' not in page
    for name in ("remarks/5-1.en.md", "remarks/summary.md", "remarks/1-5.en.md"):
        assert f"left out {name}: " in said
        assert f"<li>{name}: " in page
    assert str(folder) not in page


def test_hostile_prose_stays_prose(runs, pages, folder):
    bad = '"><script>alert(1)</script><img src=x onerror=e()>'
    quoted = bad.replace('"', '\\"')
    runs.everything()
    write(
        folder,
        f'repository = "javascript:{quoted}"\n[title]\nzh = "{quoted}"\nen = "{quoted}</style><b>"\n'
        f'[course]\nzh = "{quoted}"\n[[author]]\nid = "{quoted}"\nname = "{quoted}"\n',
    )
    write(folder, f"{bad} [x](javascript:e()) ![y](http://x.invalid/y.png) <style>*{{}}</style>", "remarks/1-6.zh.md")
    write(folder, f'[[term]]\nzh = "{quoted}"\nen = "{quoted}"', "glossary.toml")
    write(folder, f'[[reference]]\nkey = "a"\ncite = "{quoted}"\ntext = "{quoted}"', "references.toml")
    for view, scripts in (("report", 1), ("report.zh", 0)):
        page = pages(view, prose=folder)
        assert page.count("<script") == scripts
        assert page.count("<style") == page.count("</style") == 1
        assert not re.search(r"<img[^>]*onerror|<img src=x|href=\"javascript:|http://x\.invalid/y\.png\"", page)


def chinese_prose():
    """Every Chinese sentence that the project itself writes."""
    import json

    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if "lang:zh" in cell["metadata"].get("tags", ()):
                yield path.name, "".join(cell["source"])
    for path in [*PROSE.glob("*.zh.md"), ROOT / "README.md"]:
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "hwlib").rglob("*.py")):
        for text in re.findall(rf'"[^"\n]*{HAN}[^"\n]*"', path.read_text(encoding="utf-8")):
            yield path.name, text


def test_terms_are_those_of_the_glossary():
    avoided = {word: term.zh for term in load().glossary for word in term.avoid}
    assert len(avoided) > 20
    faults = [
        (name, word, avoided[word])
        for name, text in chinese_prose()
        for word in avoided
        if re.search(word, text.replace(avoided[word], ""))
    ]
    assert faults == []


def test_paired_prose_uses_paired_terms():
    """Where an English cell has a term of the glossary, the Chinese one beside it has its counterpart."""
    import json

    terms = [term for term in load().glossary if " " in term.en or term.en in ("discriminator", "generator", "encoder")]
    faults = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        for zh, en in itertools.pairwise(cells):
            if "lang:zh" in zh["metadata"].get("tags", ()) and "lang:en" in en["metadata"].get("tags", ()):
                texts = "".join(zh["source"]), "".join(en["source"]).lower()
                faults += [(path.name, t.en, t.zh) for t in terms if t.en in texts[1] and t.zh not in texts[0]]
    assert faults == []


def test_references_that_prose_names_are_listed():
    listed = {r.cite for r in load().references}
    pattern = re.compile(r"[A-Z][\w-]+(?: et al\.| & [A-Z]\w+)? (?:19|20)\d\d")
    named = {m for path in NOTEBOOKS.glob("*.ipynb") for m in pattern.findall(path.read_text(encoding="utf-8"))}
    assert named
    assert named <= listed


def test_an_image_beside_a_remark_is_put_into_it_and_another_is_named(runs, pages, folder, capsys):
    from PIL import Image

    runs.p1()
    Image.new("RGB", (3, 2), "red").save(folder / "remarks" / "plot.png")
    secret = folder / "secret.png"
    Image.new("RGB", (3, 2), "blue").save(secret)
    others = ("../secret.png", "/etc/passwd", "http://x.invalid/y.png")
    write(folder, "![圖](plot.png)" + "".join(f" ![no]({name})" for name in others), "remarks/1-6.zh.md")
    page, said = pages(prose=folder), capsys.readouterr().out
    own = page[page.index('id="remark1_6"') :].partition("</aside>")[0]
    assert own.count("<img") == 1
    assert 'alt="圖"' in own
    for name in others:
        assert f"left out remarks/1-6.zh.md: image {name}: is no PNG or JPEG file beside the remark" in said


SHOWN = {
    "a space": "![C](my plot.png)",
    "a space and brackets": "![C](my plot (1).png)",
    "a space and a title": '![C](my plot.png "a title")',
    "an apostrophe": "![C](Tom's plot.png)",
    "angle brackets": "![C](<my plot.png>)",
    "angle brackets and a title": "![C](<my plot.png> 'a title')",
    "a title": '![C](plot.png "a title")',
    "a title in brackets": "![C](plot.png (a title))",
    "percent": "![C](my%20plot.png)",
    "a percent sign": "![C](50%.png)",
    "a name with an escape": "![C](a%20b.png)",
    "other letters": "![C](圖.png)",
    "decomposed letters": "![C](\u00e9.png)",
    "capitals": "![C](Plot.PNG)",
    "a reference": "![C][p]\n\n[p]: <my plot.png> 'a title'",
    "a short reference": "![C]\n\n[C]: plot.png",
    "a folder": "![C](./sub%20dir/p.jpg)",
    "a folder with a space": "![C](sub dir/p.jpg)",
    "a folder of Windows": "![C](sub dir\\p.jpg)",
    "a query": "![C](plot.png?raw=true)",
    "a size": "![C](plot.png =300x200)",
    "a wiki's": "![[my plot.png|C]]",
    "a wrong suffix": "![C](really.gif)",
    "in a link": "[![C](plot.png)](plot.png)",
    "in a list": "- one\n- ![C](my plot.png)",
    "in a table": "| a |\n| --- |\n| ![C](my plot.png) |",
    "between prices": "costs $5 ![C](my%20plot.png) and $6, with $x_1$",
    "html between prices": 'costs $5 <img src="plot.png" alt="C"> and $6',
    "html": '<img src="plot.png" alt="C" style="zoom:50%;" />',
    "html in a sentence": "see <IMG ALT=C width=40 SRC='my plot.png'> here",
    "html over lines": '<img\n  alt="C"\n  src="my%20plot.png"\n/>',
    "html in html": '<p align="center">\n  <b>bold</b> <img alt="C" src=plot.png>\n</p>',
}


@pytest.fixture
def drawn(folder):
    """The folder, with pictures beside the remarks."""
    from PIL import Image

    (folder / "remarks" / "sub dir").mkdir()
    names = ("plot.png", "my plot.png", "my plot (1).png", "Tom's plot.png", "50%.png", "a%20b.png", "圖.png")
    for name in (*names, "e\u0301.png", "sub dir/p.jpg"):
        Image.new("RGB", (3, 2), "red").save(folder / "remarks" / name)
    (folder / "remarks" / "really.gif").write_bytes((folder / "remarks" / "plot.png").read_bytes())
    return folder


@pytest.mark.parametrize("text", SHOWN.values(), ids=SHOWN)
def test_a_picture_is_shown_however_an_editor_writes_it(text, drawn):
    write(drawn, text, "remarks/1-6.zh.md")
    prose = load(drawn)
    assert prose.problems == ()
    shown = remark("1-6", prose.remarks["1-6"], prose.pictures)
    (image,) = re.findall(r"<img [^>]*>", shown)
    assert re.search(r'src="data:image/(png|jpeg);base64,[A-Za-z0-9+/=]+"', image)
    assert 'alt="C"' in image
    assert "![" not in shown
    assert "&lt;" not in shown
    assert ("title" in text) == ('title="a title"' in image)


def test_a_picture_keeps_the_size_that_an_editor_gave_it(drawn):
    sizes = {'style="zoom:50%;"': "zoom:50%", 'width="40"': "width:40px", 'style="a:b; width: 30%"': "width:30%"}
    for given, kept in sizes.items():
        write(drawn, f'<img src="plot.png" {given} onerror="e()" alt="C">', "remarks/1-6.zh.md")
        prose = load(drawn)
        shown = remark("1-6", prose.remarks["1-6"], prose.pictures)
        assert f'<img style="{kept}" src="data:' in shown
        assert "onerror" not in shown


def test_what_is_no_picture_of_the_text_is_not_looked_for(drawn):
    write(
        drawn, "`![a](gone.png)`\n\n```\n![a](my gone.png)\n```\n\n<!-- <img src='gone.png'> -->", "remarks/1-6.zh.md"
    )
    prose = load(drawn)
    assert prose.problems == ()
    assert "<!--" not in remark("1-6", prose.remarks["1-6"], prose.pictures)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("![a](gone.png)", "image gone.png: is no PNG or JPEG file beside the remark"),
        ("![a](my gone.png)", "image my gone.png: is no PNG or JPEG file beside the remark"),
        ('<img alt="a" src="../secret.png">', "image ../secret.png: is no PNG or JPEG file beside the remark"),
        ("![a](sub dir/../../secret.png)", "image sub dir/../../secret.png: is no PNG or JPEG"),
        ("![a](attachment:plot.png)", "image attachment:plot.png: is no PNG or JPEG"),
        ("![a](data:image/svg+xml;base64,AAAA)", "image an image in the text: is no PNG or JPEG"),
        ("![a](broken.png)", "image broken.png: is no PNG or JPEG file beside the remark that can be read"),
        ("![a](film.gif)", "image film.gif: is no PNG or JPEG file beside the remark that can be read"),
        ("![a](sub%20dir)", "image sub dir: is no PNG or JPEG"),
        ("![a] (plot.png)", "image ![a] (plot.png): is no image as it stands"),
        ("![a](plot.png", "image ![a](plot.png: is no image as it stands"),
        ("![a][nowhere]", "image ![a][nowhere]: is no image as it stands"),
        ('<img src="plot.png"alt="a">', 'image <img src="plot.png"alt="a">: is no image as it stands'),
    ],
)
def test_what_cannot_be_shown_is_named(text, named, drawn):
    from PIL import Image

    Image.new("RGB", (3, 2), "blue").save(drawn / "secret.png")
    Image.new("RGB", (3, 2), "blue").save(drawn / "remarks" / "film.gif")
    (drawn / "remarks" / "broken.png").write_bytes((drawn / "remarks" / "plot.png").read_bytes()[:40])
    write(drawn, text, "remarks/1-6.zh.md")
    prose = load(drawn)
    (line,) = prose.problems
    assert line.startswith(f"remarks/1-6.zh.md: {named}")
    shown = remark("1-6", prose.remarks["1-6"], prose.pictures)
    assert "<img" not in shown
    assert "a]" in shown or "a&quot;" in shown


def test_an_image_of_the_abstract_is_named(folder):
    write(folder, "An abstract. ![a](my plot.png)", "abstract.en.md")
    assert load(folder).problems == ("abstract.en.md: image my plot.png: an abstract shows none; a remark does",)


def test_what_systems_leave_among_the_remarks_is_passed_over(drawn):
    litter = (
        ".DS_Store",
        "._1-6.zh.md",
        "Thumbs.db",
        "desktop.ini",
        "Desktop.ini",
        "ehthumbs.db",
        "Icon\r",
        "~$1-6.zh.md",
    )
    for name in (*litter, "1-6.zh.md~", ".1-6.zh.md.swp", "plot.svg", "photo.HEIC"):
        (drawn / "remarks" / name).write_bytes(b"\0\1")
    for name in (".ipynb_checkpoints", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "images"):
        (drawn / "remarks" / name).mkdir()
        (drawn / "remarks" / name / "1-6.zh.md").write_bytes(b"\0\1")
    assert load(drawn).problems == ()
    assert load(drawn).remarks == {}


def test_a_byte_order_mark_and_an_aligned_formula_are_read(runs, pages, folder):
    runs.p1()
    (folder / "report.toml").write_bytes(b"\xef\xbb\xbf" + REPORT.encode())
    write(folder, "\ufeff# 標題\n\n$$\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}$$", "remarks/1-6.zh.md")
    own = pages(prose=folder).partition('id="remark1_6"')[2].partition("</aside>")[0]
    assert "<h4>標題</h4>" in own
    assert own.count("<mtr>") == 2
    assert "&amp;" not in own
