"""The section of reference results: made from the ledger alone, in both languages, and honest of what it lacks."""

import json
import re
import shutil

import pytest
from made_runs import PAIRS, Runs
from reference_runs import ENVIRONMENT, written
from test_report_whole import HAN, section

from hwlib import ledger, reference
from hwlib.config import INGREDIENTS
from hwlib.paths import PROSE
from hwlib.report import published, words
from hwlib.report.reference import markdown, rows

ABLATION = {
    "without": "teacher",
    "src": "svhn",
    "tgt": "mnist",
    "steps": 600,
    "seeds": [0, 1],
    "values": [50, 52],
    "runs": [{"seed": s, "parameters": {}, "sets": [], "finished": "2026-11-20T12:00:00+00:00"} for s in (0, 1)],
}


@pytest.fixture
def book(tmp_path):
    """Makes a ledger of reference runs of the given seeds, all three unless said."""

    def made(seeds=(0, 1, 2), skip=(), **run):
        folder = Runs(tmp_path / "reference_runs")
        found = ledger.empty()
        for config in reference.matrix("cpu"):
            if config.seed in seeds and config.run_id not in skip:
                record = reference.Record.load(written(folder, config, gain=config.seed, **run))
                found = ledger.merge(found, ledger.entries(record))
        return found

    return made


@pytest.fixture
def told(pages, tmp_path):
    """Builds the report with a ledger and returns the section's text in each language."""
    prose = tmp_path / "prose"
    shutil.copytree(PROSE, prose, ignore=shutil.ignore_patterns("build", "template", "reference"))

    def build(found=None, name="reference"):
        if found is not None:
            ledger.write(found, prose / "reference")
        return [section(pages(view, prose=prose), name) for view in ("report.zh", "report.en")]

    build.prose = prose
    return build


def test_without_a_ledger_a_line_says_how_to_make_it(told, pages):
    zh, en = told()
    assert "目前沒有參考結果" in zh
    assert "There are no reference results yet" in en
    assert "p4 adamatch, usps → mnistm, mnistm → svhn, svhn → usps: seeds 0, 1, 2 are missing" in en
    assert "hw reference --data FOLDER" in pages("report.en", prose=told.prose)
    assert told() == told(ledger.empty())


def test_a_complete_ledger_is_a_table_beside_the_numbers_of_others(told, book, pages):
    zh, en = told(book())
    assert en.count("71.00 ± 1.00 n = 3") == zh.count("71.00 ± 1.00 n = 3") == 3
    assert en.count("72.50 ± 1.00") == 3  # the oracle, in small print
    assert "best step by target labels (not a result)" in en
    assert "依目標域標籤選出的最佳步（不是結果）" in zh
    for pair in PAIRS:
        for text in (zh, en):
            assert f"{published.STUDENT['dann'][pair]:.2f}" in text
            assert f"{published.BEST['uda'][pair][0]:.2f}" in text
            assert f"{published.ADAMATCH[pair]:.1f}" in text
    assert "Profile cpu: AMD EPYC, 2 logical cores, float32, torch 2.14.1, threads 1." in en
    assert "mnistm train 59001 (course 60000)" in en
    assert "mnistm test 6000（課程 10000）" in zh
    assert "usps train" not in en  # as many as the course's
    assert "768,000 images of source and target" in en
    for text in ("Not complete", "no reference results", "code changed"):
        assert text not in en
    page = pages("report.en", prose=told.prose)
    assert '<a href="#reference">' in page
    assert '<a href="#ref-berthelot2021">Berthelot et al. 2021</a>' in page


def test_numbers_turn_with_the_ledger_and_not_with_the_reports_own_runs(told, book, runs):
    before = told(book())
    runs.everything()
    assert told() == before
    found = book(day=22, sha="cd")
    for entry in found["results"]:
        for run in entry["runs"]:
            run["accuracy"] /= 2
    zh, en = told(found)
    assert "35.50 ± 0.50" in en
    assert "71.00 ± 1.00" not in zh + en


def test_incomplete_results_say_their_seeds_and_the_command(told, book):
    skip = [f"p3_svhn_usps_s{seed}" for seed in range(3)]
    zh, en = told(book((0, 1), skip))
    assert "70.50 seeds 0, 1 only" in en
    assert "70.50 只有種子 0、1" in zh
    assert "p3, svhn → usps: seeds 0, 1, 2 are missing" in en
    assert "p3，svhn → usps：缺種子 0、1、2" in zh
    assert "p4 adamatch, usps → mnistm, profile cpu: seeds 0, 1 are there, seed 2 is missing" in en
    assert "p4 adamatch，usps → mnistm，設定檔 cpu：已有種子 0、1，缺 2" in zh
    assert " ± " not in en.partition("one run each.")[2]
    assert "n = " not in en


def test_a_complete_result_stands_before_a_newer_incomplete_one(book):
    found = ledger.merge(book(), book((0,), day=25, sha="cd")["incomplete"])
    assert len(found["incomplete"]) == 12
    assert all(entry["sd"] is not None for _, _, cells in rows(found) for entry in cells.values())
    assert "**71.0 ± 1.0**" in markdown(found)


def test_seeds_of_different_code_are_named(told, book):
    found = book()
    found["results"][0]["runs"][1]["source"] = "other"
    zh, en = told(found)
    assert "Results between whose seeds the code changed: source_only usps → mnistm;" in en
    assert "各種子之間程式碼有變動的結果：source_only usps → mnistm；" in zh


def test_counts_like_the_courses_are_said_to_be(told, book):
    found = book()
    for entry in found["results"]:
        for s in entry["data"]["sets"]:
            s["count"] = published.COURSE_COUNTS[s["name"], s["split"]]
    zh, en = told(found)
    assert "svhn 73257 + 26032, as many as the course's." in en
    assert "，與課程相同。" in zh


def test_seeds_made_on_different_machines_are_told_apart(told, book):
    found = book((0, 1))
    other = ENVIRONMENT | {"hardware": "Intel Xeon, 2 logical cores", "precision": "bfloat16"}
    found = ledger.merge(found, book((2,), environment=other)["incomplete"])
    zh, en = told(found)
    assert "Profile cpu, seeds 0, 1: AMD EPYC, 2 logical cores, float32, torch 2.14.1, threads 1." in en
    assert "Profile cpu, seed 2: Intel Xeon, 2 logical cores, bfloat16, torch 2.14.1, threads 1." in en
    assert "設定檔 cpu，種子 2：Intel Xeon, 2 logical cores, bfloat16, torch 2.14.1，執行緒 1。" in zh
    assert "Profile cpu, seed 2: Intel Xeon" in markdown(found)


def test_the_ablation_is_a_table_when_there_is_one(told, book):
    assert "Ablation" not in told(book())[1]
    whole = ABLATION | {"without": "nothing", "mean": 60.5, "sd": None}
    zh, en = told(book() | {"ablation": [whole, ABLATION | {"mean": 51.0, "sd": 1.41}]})
    assert "消融實驗" in zh
    assert "AdaMatch, svhn → mnist, 600 steps" in en
    assert re.search(r"the whole method\s+60.50\s+0, 1", en)
    assert re.search(r"the mean teacher: the student labels for itself\s+51.00 ± 1.41\s+−9.50\s+0, 1", en)


def test_every_ingredient_has_a_name_in_both_languages():
    assert set(words.WITHOUT) == {"nothing", *INGREDIENTS}


def test_hostile_names_in_the_ledger_stay_text(told, book, pages):
    bad = '"><script>alert(1)</script>'
    found = book((0,)) | {"ablation": [ABLATION | {"mean": 51.0, "sd": None, "without": bad}]}
    for entry in found["incomplete"]:
        entry["profile"] = bad
        entry["runs"][0]["hardware"] = bad
    told(found)
    assert pages("report.zh", prose=told.prose).count("<script") == 0


def test_chinese_of_the_section_is_well_set(told, book):
    """As the whole report's (`test_report_whole`), with everything in it."""
    found = book((0, 1)) | {"ablation": [ABLATION | {"mean": 51.0, "sd": 1.41}]}
    found["incomplete"][0]["runs"][1]["source"] = "other"
    for zh in (told()[0], told(book())[0], told(found)[0]):
        assert re.findall(rf"(?:[{HAN}][,;:?!()]|[,;?!()][{HAN}])", zh) == []
        assert re.findall(rf".{{0,9}}(?:[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]).{{0,9}}", zh) == []
        assert re.findall(rf".{{0,9}}[，。；：、（）] [A-Za-z0-9{HAN}].{{0,9}}", zh) == []


def test_a_damaged_ledger_stops_the_report_with_one_line(told):
    (told.prose / "reference").mkdir()
    (told.prose / "reference" / "results.json").write_text(json.dumps({"schema": 9}))
    with pytest.raises(reference.WorkbookError, match=r"results\.json: not a ledger of schema 1"):
        told()
