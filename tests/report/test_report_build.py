"""The whole page: every artefact once, nothing loaded, nothing unescaped, the same bytes twice."""

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise

import nbformat
import pytest
from made_runs import PAIRS, notebook

from hwlib.cli import main
from hwlib.errors import WorkbookError
from hwlib.report import build
from hwlib.report.collect import collect
from hwlib.report.words import ARTEFACTS

ALL = [name for names in ARTEFACTS.values() for name in names]
SWITCH = (build.TEMPLATE / "hw" / "switch.js").read_text(encoding="utf-8")
VOID = {"meta", "img", "br", "input", "hr", "link", "col", "wbr", "source"}


class Page(HTMLParser):
    """Ids, headings, images, loads and open elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open, self.ids, self.headings, self.loads, self.images = [], [], [], [], []
        self.faults = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in attrs:
            self.ids.append(attrs["id"])
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img":
            self.images.append(attrs)
        for name in ("src", "srcset", "data", "poster", "background"):
            if name in attrs:
                self.loads.append(attrs[name])
        if tag in ("link", "iframe", "object", "embed", "base", "form"):
            self.faults.append(tag)
        self.faults += [name for name in attrs if name.startswith("on")]

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}>")


def test_every_artefact_is_an_element(runs, report):
    runs.everything()
    html = report()
    page = Page(html)
    assert [name for name in ALL if page.ids.count(name) != 1] == []
    assert len(set(page.ids)) == len(page.ids)
    assert page.faults == []
    assert page.open == []
    assert 'class="missing"' not in html
    assert html.count('<html lang="zh-Hant-TW">') == 1


def test_headings_are_in_order(runs, report):
    runs.everything()
    levels = Page(report()).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_nothing_is_loaded_and_every_image_has_a_text(runs, report):
    runs.everything()
    html = report()
    page = Page(html)
    assert all(load.startswith("data:image/png;base64,") for load in page.loads)
    assert page.images
    assert all(image["alt"].strip() for image in page.images)
    assert not re.search(r"url\(|@import", html)


def test_bookkeeping_cells_are_dropped_and_code_is_folded(runs, report):
    runs.everything()
    html = report()
    plain = re.sub(r"<[^>]+>", "", html)
    for dropped in ("VERSIONS", "PARAMETERS", "INJECTED", "RECORD"):
        assert dropped not in plain
    assert re.search(r'<details class="code"><summary>.*?train', html, re.DOTALL)
    assert "epoch 2\n&lt;b&gt;done" in html
    assert "epoch 1" not in html
    assert "<math" in html
    assert "<mfrac>" in html


def test_languages_are_marked_and_paired(runs, report):
    runs.everything()
    html = report()
    assert re.search(r'<div class="pair"><div lang="zh-Hant-TW">\s*<h2>題目 p1</h2>', html)
    assert re.search(r'<div lang="en">\s*<h2>Title of p1</h2>', html)


def test_same_records_same_bytes(runs, report):
    runs.everything()
    assert report() == report()


def test_executed_notebook_of_the_record_is_preferred(runs, report):
    runs.everything()
    book = notebook("p1", ARTEFACTS["p1"])
    book.cells[0].source = "# 執行過的筆記本"
    book.cells[5].source = "model = train(longer=True)"
    nbformat.write(book, runs.folder / "p1_s0" / "notebook.ipynb")
    (runs.folder / "p2_s0" / "notebook.ipynb").write_text("{not a notebook", encoding="utf-8")
    html = report()
    assert "執行過的筆記本" in html
    assert "題目 p1" not in html
    assert "題目 p2" in html


def test_prose_that_was_mended_since_needs_no_training(runs, report, notebooks):
    """The same code: outputs of the executed notebook, words of the present one."""
    runs.everything()
    book = notebook("p1", ARTEFACTS["p1"][:-1])
    book.cells[0].source = "# 舊的標題"
    book.cells[5].outputs[0].text = "from the executed notebook\n"
    nbformat.write(book, runs.folder / "p1_s0" / "notebook.ipynb")
    html = report()
    assert "舊的標題" not in html
    assert "題目 p1" in html
    assert "from the executed notebook" in html


def test_missing_problem_and_scenario_show_their_commands(runs, report):
    runs.p1()
    runs.p3(PAIRS[2])
    html = report()
    page = Page(html)
    assert [name for name in ALL if page.ids.count(name) != 1] == []
    for command in ("hw run p2", "hw run p4", "hw run p3 -p src usps -p tgt mnistm"):
        assert f"<code>{command}" in html


def test_what_cannot_be_drawn_is_named_and_the_page_is_written(runs, report, tmp_path, monkeypatch, capsys):
    from hwlib.figures.panel import Panel

    def fails(self):
        raise RuntimeError("no such\nlatex <b>")

    runs.p1()
    runs.p2()
    assert report()
    assert "could not draw" not in capsys.readouterr().out
    monkeypatch.setattr(Panel, "image", fails)
    arguments = ["report", "--runs", str(runs.folder), "--out", str(tmp_path / "out"), "--no-pdf"]
    assert main(arguments) == 1
    said = capsys.readouterr()
    named = [line for line in said.out.splitlines() if line.startswith("report: could not draw")]
    assert named == [
        f"report: could not draw {name} (no such latex <b>)"
        for name in ("fig1_2 of p1_s0", "fig1_5 of p1_s0", "fig2_1 of p2_s0")
    ]
    assert "3 of its drawings could not be made" in said.err
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "p1_s0: cannot be drawn (no such latex &lt;b&gt;)" in html
    assert 'id="fig1_4"' in html


def test_older_records_are_reported_and_what_they_lack_names_its_command(runs, report):
    for pair in PAIRS:
        runs.p3(pair, older=True)
        runs.p4(pair, older=True)
    html = report()
    page = Page(html)
    assert [name for name in ALL if page.ids.count(name) != 1] == []
    assert "cannot be drawn" not in html
    missing = {name for name in ALL if name[3] in "34" and 'class="missing"' in html.partition(f'id="{name}"')[2][:60]}
    assert missing == {"fig3_1c", "fig3_4b", "tbl3_4c", "fig4_1c", "tbl4_2b"}
    runs.p3(PAIRS[0])
    html = report()
    for name in ("fig3_1c", "fig3_4b"):  # one scenario is drawn, the others have their commands
        figure = html.partition(f'id="{name}"')[2].partition("</figure>")[0]
        assert "<img" in figure
        assert figure.count("hw run p3 -p src mnistm -p tgt svhn") == 2  # in both languages
        assert "hw run p3 -p src usps" not in figure


def test_each_method_has_a_figure_of_its_own_under_one_number(runs, report):
    runs.everything()
    for pair in PAIRS:
        runs.p4(pair, method="adamatch")
    html = report()
    page = Page(html)
    assert [name for name in ALL if page.ids.count(name) != 1] == []
    assert page.faults == []
    both = html.partition('<div id="fig4_1b">')[2].partition("</div><")[0]
    assert both
    assert "Confusion of the improved method on the target test set: AdaMatch" in html
    assert "Confusion of the improved method on the target test set: ResNet-34 DANN" in html


def test_curves_say_that_nothing_was_chosen_by_them_where_they_show_the_target(runs, report):
    told = "nothing was chosen by them, and the last step is the one reported"
    runs.p3(PAIRS[0], older=True)
    assert told not in report()
    runs.p3(PAIRS[0])
    assert told in report().partition('id="fig3_0"')[2].partition("</figure>")[0]


def test_no_records_at_all(runs, report):
    page = Page(report())
    assert [name for name in ALL if page.ids.count(name) != 1] == []
    assert page.faults == []


def test_corrupt_records_are_named_and_left_out(runs, report, capsys):
    runs.everything()
    for name, file, content in (
        ("p2_s0", "run.json", b"{"),
        ("p3_usps_mnistm_s0", "arrays.npz", b"PK\x03\x04 not a zip"),
        ("p4_usps_mnistm_dann_resnet34_s0", "run.json", b'{"schema": 1, "problem": "p4"}'),
    ):
        (runs.folder / name / file).write_bytes(content)
    html, said = report(), capsys.readouterr().out
    for name in ("p2_s0", "p3_usps_mnistm_s0", "p4_usps_mnistm_dann_resnet34_s0"):
        assert f"<li>{name}: " in html
        assert f"left out {name}: " in said
    assert str(runs.folder) not in html
    assert len(collect(runs.folder).all) == 5


@pytest.mark.parametrize(
    "metrics", [{"test_mse": None}, {"test_kl": "high"}, {"table_mse": [1, 2]}, {"table_mse": None}, {"test_mse": True}]
)
def test_wrong_metrics_are_corrupt(runs, metrics):
    runs.p1(metrics=metrics)
    found = collect(runs.folder)
    assert found.p1 == ()
    assert len(found.left_out) == 1


def test_stand_ins_are_announced(runs, report):
    runs.p3(PAIRS[0])
    html = report()
    assert "本報告使用替代資料" in html
    assert "This report uses stand-in images" in html
    assert "usps (stand-in)" in html
    shutil.rmtree(runs.folder)
    runs.p3(PAIRS[0], stand_in=False, kind="course")
    html = report()
    assert "本報告使用替代資料" not in html
    assert "(stand-in)" not in html
    assert "mnistm was built" not in html
    shutil.rmtree(runs.folder)
    runs.p3(PAIRS[0], stand_in=False, kind="fetched")
    html = report()
    assert "mnistm 依原作法由 MNIST 與照片合成" in html
    assert "mnistm was built from MNIST and photographs" in html


def test_hostile_text_stays_text(runs, report, pages, notebooks):
    bad = '"><script>alert(1)</script><img src="http://x.invalid/a.png" onerror="x()">'
    runs.everything()
    for path in runs.folder.glob("*/run.json"):
        run = json.loads(path.read_text(encoding="utf-8"))
        run["id"] = run["profile"] = run["data"]["kind"] = run["finished"] = bad
        run["environment"][bad] = run["seconds"][bad] = bad
        run["params"][bad] = run["params"]["weights"] = bad
        for entry in run["data"]["sets"]:
            entry |= {"name": entry["name"] + bad, "split": bad, "sha256": bad}
        if "src" in run["params"]:
            run["params"] |= {"src": run["params"]["src"] + bad, "tgt": run["params"]["tgt"] + bad}
        if "method" in run["params"]:
            run["params"]["method"] = bad
            run["metrics"]["accuracy"] = {bad: 12.5}
        path.write_text(json.dumps(run), encoding="utf-8")
        (path.parent / "model.txt").write_text(bad, encoding="utf-8")
    book = nbformat.read(notebooks / "p1_vae.ipynb", as_version=4)
    book.cells[
        0
    ].source += f"\n\n{bad}\n\n<script>evil()</script>\n\n![x](http://x.invalid/b.png) [y](javascript:evil())"
    nbformat.write(book, notebooks / "p1_vae.ipynb")
    html = report()
    page = Page(html)
    assert len(collect(runs.folder).all) == 8
    assert page.faults == []
    assert all(load.startswith("data:image/png;base64,") for load in page.loads)
    assert html.count("<script") == 1  # the switch's own, which the policy names by its hash
    assert f"<script>{SWITCH}</script>" in html
    assert "<script" not in pages("report.zh")
    assert 'href="javascript:' not in html


def test_several_seeds_are_summed_up(runs, report):
    for seed, value in enumerate((50.0, 54.0)):
        runs.p3(PAIRS[0], {"source_only": 40.0, "dann": value, "target_only": 95.0}, seed=seed)
    assert "52.00 ± 2.83" in report()


def test_out_that_cannot_be_written_is_one_line(runs, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbookError, match="out: "):
        build.build_report(runs.folder, tmp_path / "file" / "out", pdf=False)


@pytest.mark.parametrize(
    ("left_out", "change"),
    [
        (True, lambda run: run["metrics"].update(discriminator_train="high")),
        (True, lambda run: run["data"].update(sets=[])),
        (False, lambda run: run["metrics"].update(frechet_distance={"a": 1})),
        (False, lambda run: run["params"].update(batch_size=[[]], steps={})),
        (False, lambda run: run["seconds"].update(train=[1])),
        (False, lambda run: run.update(environment={"torch": {"deep": [None]}})),
    ],
)
def test_whatever_somebody_wrote_into_a_record_takes_no_report_along(runs, report, left_out, change):
    """Either the record is left out by its name, or it is shown; the others are there in any case."""
    runs.everything()
    path = runs.folder / "p2_s0" / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    change(run)
    path.write_text(json.dumps(run), encoding="utf-8")
    html = report()
    assert ("<li>p2_s0: " in html) == left_out
    assert ('<section class="artefact" id="fig2_2"><div class="missing">' in html) == left_out
    assert "55.10" in html
    assert Page(html).faults == []
