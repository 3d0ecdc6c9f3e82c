"""The pages in a real browser: nothing is requested, nothing scrolls sideways on a phone, the switch switches."""

import json
import re

import pytest
from driving import needs_browser
from driving.browser import browsing
from made_runs import PAIRS, Runs

from hwlib.report import build
from hwlib.report.views import VIEWS

pytestmark = needs_browser
VISIBLE = "[...document.querySelectorAll('{}')].filter(e => e.getClientRects().length).length"
WIDE = """[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1
    && !e.closest("details, math, pre")).map(e => e.outerHTML.slice(0, 120))"""
HIDDEN = """[...document.querySelectorAll("pre.model, math")].filter(e => e.scrollWidth > e.clientWidth + 1
    && e.clientWidth).map(e => e.outerHTML.slice(0, 160))"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The three pages of a whole report, gaps and remarks among them, with the real figures."""
    runs = Runs(tmp_path_factory.mktemp("runs"))
    runs.everything()
    for pair in PAIRS:
        runs.p4(pair, method="adamatch")
    runs.p3(PAIRS[0], seed=1)
    runs.p3(PAIRS[1], kind="course", stand_in=False, profile="full")
    (runs.folder / "p4_svhn_usps_dann_resnet34_s0" / "run.json").unlink()
    out = tmp_path_factory.mktemp("out")
    build.build_report(runs.folder, out, pdf=False)
    return {view.name: out / f"{view.name}.html" for view in VIEWS}


@pytest.fixture(scope="module")
def browser():
    with browsing() as tab:
        yield tab


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_no_request_leaves_the_page_and_nothing_goes_wrong(pages, browser, name):
    browser.requests.clear()
    browser.faults.clear()
    browser.open(pages[name], 1280)
    asked = [url for url in browser.requests if not url.startswith("data:")]
    assert asked == [pages[name].resolve().as_uri()]
    assert browser.faults == []
    assert browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_nothing_scrolls_sideways(pages, browser, name, width):
    browser.open(pages[name], width)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(WIDE) == []
    assert browser.evaluate(HIDDEN) == []


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_pictures_are_shown_as_large_as_they_are_drawn(pages, browser, name):
    browser.open(pages[name], 1280)
    shown = browser.evaluate(
        "[...document.querySelectorAll('figure.artefact > .panels img')].map(i => i.width - i.getAttribute('width'))"
    )
    assert len(shown) > 15
    assert max(map(abs, shown)) <= 1


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_on_paper_every_figure_and_table_fits_a_page_and_is_kept_on_one(pages, browser, name):
    browser.send("Emulation.setEmulatedMedia", media="print")
    try:
        browser.open(pages[name], round((210 - 2 * 14) / 25.4 * 96))  # A4 less the margins of the style sheet
        kinds = "[...document.querySelectorAll('figure, table')]"
        heights = browser.evaluate(f"{kinds}.map(e => e.getBoundingClientRect().height)")
        assert len(heights) > 20
        assert max(heights) < (297 - 18 - 16) / 25.4 * 96
        assert set(browser.evaluate(f"{kinds}.map(e => getComputedStyle(e).breakInside)")) == {"avoid"}
        summary = browser.evaluate("document.getElementById('summary').getBoundingClientRect().height")
        assert summary < (297 - 18 - 16) / 25.4 * 96
    finally:
        browser.send("Emulation.setEmulatedMedia", media="")


def test_the_switch_shows_one_language_and_tells_machines(pages, browser):
    browser.open(pages["report"], 1280)
    zh, en = (VISIBLE.format(f'main [lang="{lang}"]:not([data-keep])') for lang in ("zh-Hant-TW", "en"))
    assert browser.evaluate(zh) > 50
    assert browser.evaluate(en) > 50
    browser.evaluate("document.getElementById('show-en').click()")
    assert browser.evaluate(zh) == 0
    assert browser.evaluate(en) > 50
    assert browser.evaluate("document.documentElement.lang") == "en"
    alts = browser.evaluate("[...document.images].map(i => i.alt)")
    assert all(alts)
    assert not any(re.search("[一-鿿]", alt) for alt in alts)
    browser.evaluate("document.getElementById('show-zh').click()")
    assert browser.evaluate(en) == 0
    assert all(re.search("[一-鿿]", alt) for alt in browser.evaluate("[...document.images].map(i => i.alt)"))
    browser.evaluate("document.getElementById('show-both').click()")
    assert browser.evaluate(zh) > 50
    assert browser.evaluate(en) > 50
    assert browser.evaluate("document.documentElement.lang") == "zh-Hant-TW"


def test_a_script_that_got_into_the_page_would_not_run(pages, browser, tmp_path):
    """The second lock: even if something were not escaped, the page's policy forbids it."""
    page = pages["report"].read_text("utf-8")
    evil = '<img src="data:," onerror="window.evil = 1"><script>window.evil = 1</script></main>'
    (tmp_path / "evil.html").write_text(page.replace("</main>", evil), encoding="utf-8")
    browser.open(tmp_path / "evil.html", 1280)
    assert browser.evaluate("window.evil === undefined")
    assert browser.evaluate("document.querySelector('.switch') !== null")
    browser.faults.clear()


def test_long_names_break_on_a_phone(browser, tmp_path):
    runs = Runs(tmp_path / "runs")
    runs.everything()
    for path in runs.folder.glob("*/run.json"):
        run = json.loads(path.read_text("utf-8"))
        long = "x" * 200
        run["profile"] = run["data"]["kind"] = run["environment"]["torch"] = run["params"]["weights"] = long
        for entry in run["data"]["sets"]:
            entry["name"] += long
        if "src" in run["params"]:
            run["params"] |= {"src": run["params"]["src"] + long, "tgt": run["params"]["tgt"] + long}
        path.write_text(json.dumps(run), encoding="utf-8")
    build.build_report(runs.folder, tmp_path / "out", pdf=False)
    browser.open(tmp_path / "out" / "report.html", 390)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.evaluate(WIDE) == []


def test_the_page_is_of_sensible_size(pages):
    assert all(path.stat().st_size < 6e6 for path in pages.values())
