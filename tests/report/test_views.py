"""Three views of one page: each in its language and complete, nothing changed on the way."""

import re

from hwlib.report.prose import Reference
from hwlib.report.views import VIEWS, View, seen
from hwlib.report.words import ARTEFACTS

BOTH, ZH, EN = VIEWS
PAGE = (
    '<main><p lang="zh-Hant-TW">中<b>文</b><br>圖 1-2 &amp; 3</p>&lt;x&gt;'
    '<p lang="en">Eng<div>lish</div></p><br/>end</main>'
)


def visible(html: str, keep: bool = True) -> str:
    """The words of a page; without code, and without what is kept in its language on purpose."""
    html = re.sub(r"<(style|script|pre|code|math|details)\b.*?</\1>", " ", html, flags=re.S)
    if not keep:
        html = re.sub(r"<(\w+)[^>]* data-keep[^>]*>.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"<[^>]+>", " ", html)


def test_a_view_keeps_its_language_and_what_has_none():
    assert seen(PAGE, ZH) == (
        '<main><p lang="zh-Hant-TW">中<b>文</b><br><a href="#fig1_2">圖 1-2</a> &amp; 3</p>&lt;x&gt;<br/>end</main>'
    )
    assert seen(PAGE, EN) == '<main>&lt;x&gt;<p lang="en">Eng<div>lish</div></p><br/>end</main>'
    assert seen(PAGE, BOTH).replace('<a href="#fig1_2">圖 1-2</a>', "圖 1-2") == PAGE


def test_images_tell_their_text_in_the_language_of_the_view():
    image = '<img src="data:," alt="甲 &amp; 乙｜A &quot;b&quot;" data-zh="甲 &amp; 乙" data-en="A &quot;b&quot;">'
    assert seen(image, BOTH) == image
    assert seen(image, ZH) == '<img src="data:," alt="甲 &amp; 乙">'
    assert seen(image, EN) == '<img src="data:," alt="A &quot;b&quot;">'


def test_what_is_to_be_kept_is_kept():
    kept = '<td><span lang="zh-Hant-TW" data-keep>領域</span></td>'
    assert seen(kept, EN) == kept


def test_prose_is_linked_and_headings_code_and_formulas_are_not():
    references = [Reference("ganin2016", "Ganin & others 2016", "…")]
    text = "Table 3-1, figure 1-4b, Figure 9-9, Figure 1-2-3, Ganin &amp; others 2016"
    assert seen("<main>圖 3-5b</main>", BOTH) == '<main><a href="#fig3_0">圖 3-5b</a></main>'
    page = f"<main><p>{text}</p><h3>Table 3-1</h3></main>"
    assert seen(page, BOTH, references) == (
        '<main><p><a href="#tbl3_1">Table 3-1</a>, <a href="#fig1_4b">figure 1-4b</a>, Figure 9-9, Figure 1-2-3, '
        '<a href="#ref-ganin2016">Ganin &amp; others 2016</a></p><h3>Table 3-1</h3></main>'
    )
    for tag in ("a", "code", "pre", "math"):
        page = f"<main><{tag}>Table 3-1</{tag}></main>"
        assert seen(page, BOTH, references) == page


def test_a_page_is_in_the_language_of_its_view():
    assert View("x", None).lang == "zh-Hant-TW"
    assert EN.lang == "en"


def test_no_chinese_is_left_in_english_and_no_english_block_in_chinese(runs, pages):
    runs.everything()
    runs.p3(("usps", "mnistm"), seed=1)
    english, chinese = pages("report.en"), pages("report.zh")
    assert '<html lang="en">' in english
    assert '<html lang="zh-Hant-TW">' in chinese
    assert re.findall(r"[一-鿿，。：；（）、]+", visible(english, keep=False)) == []
    assert 'lang="en"' not in chinese.partition("<body")[2]
    assert not re.search(r'alt="[^"]*[一-鿿]', english)
    assert all(re.search("[一-鿿]", alt) for alt in re.findall(r'alt="([^"]*)"', chinese))
    assert "data-zh" not in english + chinese
    for page in (english, chinese):
        assert all(page.count(f'id="{name}"') == 1 for names in ARTEFACTS.values() for name in names)


def test_every_link_within_a_page_leads_somewhere(runs, pages):
    runs.everything()
    for view in VIEWS:
        page = pages(view.name)
        ids = set(re.findall(r'\bid="([^"]+)"', page))
        targets = set(re.findall(r'href="#([^"]+)"', page))
        assert targets
        assert targets <= ids


def test_the_switch_is_on_the_page_of_both_languages_alone(runs, pages):
    runs.everything()
    assert 'name="show"' in pages("report")
    for name in ("report.zh", "report.en"):
        assert "<input" not in pages(name)
        assert "script-src" not in pages(name)
