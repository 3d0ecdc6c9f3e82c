"""Tables say what the records say, with seeds, stand-ins, gaps and mixtures in plain sight."""

import re

import pytest
from made_runs import PAIRS

from hwlib.errors import WorkbookError
from hwlib.record import records
from hwlib.report.tables import table


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_faces_table_shows_ten_images_and_their_errors(runs):
    runs.p1()
    html = table("tbl1_3", records(runs.folder))
    assert html.count("<img ") == 20
    assert html.count('src="data:image/png;base64,') == html.count("alt=") == 20
    for i in range(10):
        assert f"<td>{0.01 + 0.002 * i:.4f}</td>" in html
    assert "MSE 0.0211, KL 44.3 nats" in text(html)


def test_seeds_are_averaged(runs):
    for seed, value in enumerate((50.0, 54.0, 58.0)):
        runs.p3(PAIRS[0], {"source_only": 40.0, "dann": value, "target_only": 95.0}, seed=seed)
    html = table("tbl3_1", records(runs.folder))
    assert "54.00 ± 4.00" in html
    assert "n = 3" in html


def test_one_seed_has_no_spread(runs):
    path = runs.p3(PAIRS[0])
    html = table("tbl3_1", [next(iter(records(path.parent)))])
    assert "55.10" in html
    assert "48.68" in html  # the student's, beside it
    assert re.search(r"\d ± \d", html) is None


def test_missing_scenarios_show_their_command_once(runs):
    runs.p3(PAIRS[1])
    html = table("tbl3_1", records(runs.folder))
    assert html.count("hw run p3 -p src usps -p tgt mnistm") == 1
    assert html.count("hw run p3 -p src svhn -p tgt usps") == 1
    assert "hw run p3 -p src mnistm" not in html
    assert html.count("—") == 8  # two scenarios, three methods and the oracle of one


def test_uda_takes_the_dann_of_problem_3(runs):
    runs.p3(PAIRS[0])
    runs.p4(PAIRS[0], 61.25)
    html = table("tbl4_1", records(runs.folder))
    assert html.index("55.10") < html.index("61.25") < html.index("95.10")
    assert "hw run p4 -p src mnistm -p tgt svhn -p method dann_resnet34" in html


def test_stand_ins_are_marked_in_both_languages(runs):
    runs.p3(PAIRS[0])
    runs.p3(PAIRS[1], stand_in=False)
    html = table("tbl3_1", records(runs.folder))
    assert "usps（替代資料）→ mnistm（替代資料）" in html
    assert "usps (stand-in) → mnistm (stand-in)" in html
    assert ">mnistm → svhn<" in html


@pytest.mark.parametrize("kind", ["course", "fetched"])
def test_mixtures_are_said(runs, kind):
    runs.p3(PAIRS[0])
    same = table("tbl3_1", records(runs.folder))
    assert "不宜直接比較" not in same
    runs.p3(PAIRS[1], kind=kind, stand_in=False, profile="full")
    html = table("tbl3_1", records(runs.folder))
    assert "不宜直接比較" in html
    assert "cells differ in data, profile or settings" in html
    assert "sample (stand-in), quick" in html
    assert f"{kind}, full" in html


def test_different_runs_of_one_scenario_are_not_averaged(runs):
    runs.p3(PAIRS[0], {"source_only": 1.0, "dann": 2.0, "target_only": 3.0}, seed=1, profile="smoke")
    runs.p3(PAIRS[0], finished="2026-11-24T00:00:00+00:00")
    html = table("tbl3_1", records(runs.folder))
    assert "55.10" in html
    assert "±" not in re.sub(r"<caption>.*</caption>", "", html)


def test_the_oracle_stands_in_small_print_beside_the_last_step(runs):
    for seed, value in enumerate((50.0, 54.0, 58.0)):
        runs.p3(PAIRS[0], {"source_only": 40.0, "dann": value, "target_only": 95.0}, seed=seed)
    html = table("tbl3_1", records(runs.folder))
    (row,) = re.findall(r'<tr class="oracle">.*?</tr>', html)
    assert "oracle (best step by target labels; not a result)" in row
    assert "oracle（依目標域標籤的最佳步，不是結果）" in row
    assert "<small>55.50 ± 4.00</small>" in row
    assert html.count("selection: last step") == 1  # of the adapted model alone
    assert "nothing was chosen by it" in text(html)
    runs.p4(PAIRS[0], 70.0)
    assert table("tbl4_1", records(runs.folder)).count('<tr class="oracle">') == 2


def test_without_an_oracle_of_every_seed_there_is_none(runs):
    runs.p3(PAIRS[0])
    runs.p3(PAIRS[0], seed=1, older=True)
    html = table("tbl3_1", records(runs.folder))
    assert "oracle" not in html
    assert "selection: last step" not in html


def test_distances_before_and_after_are_means_over_seeds(runs):
    runs.p3(PAIRS[0], metrics={"proxy_a_distance": {"before": 1.8, "after": 1.0}})
    runs.p3(PAIRS[0], seed=1, metrics={"proxy_a_distance": {"before": 1.9, "after": 1.2}})
    html = text(table("tbl3_4c", records(runs.folder)))
    assert re.search(r"before: trained on source 1\.85 ± 0\.07 n = 2", html)
    assert re.search(r"after: DANN 1\.10 ± 0\.14 n = 2", html)
    assert "2(1 − 2e)" in html
    runs.p4(PAIRS[0], method="adamatch", metrics={"proxy_a_distance": {"after": 0.75}})
    html = text(table("tbl4_2b", records(runs.folder)))
    assert re.search(r"AdaMatch 0\.75 — —", html)
    assert "before:" not in html
    assert "the rows do not compare" not in html
    runs.p4(PAIRS[0], 58.0, method="dann_resnet34")
    assert "Each row is another network" in text(table("tbl4_2b", records(runs.folder)))


def test_unknown_table_and_no_records_are_one_line(runs):
    runs.p1()
    with pytest.raises(WorkbookError, match="tbl9_9"):
        table("tbl9_9", records(runs.folder))
    with pytest.raises(WorkbookError, match="no record of problem 3"):
        table("tbl3_1", records(runs.folder))


def test_tables_have_captions_and_scopes(runs):
    runs.everything()
    for name in ("tbl1_3", "tbl3_1", "tbl3_4c", "tbl4_1", "tbl4_2b"):
        html = table(name, records(runs.folder))
        assert html.startswith("<table")
        caption = re.search(r"<caption>.*?</caption>", html, re.DOTALL)[0]
        assert 'lang="zh-Hant-TW"' in caption
        assert 'lang="en"' in caption
        assert all("scope=" in cell for cell in re.findall(r"<th\b[^>]*>", html))
