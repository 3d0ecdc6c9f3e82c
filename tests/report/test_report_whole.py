"""The whole report of made-up records: its sentences turn with the outcome, and its Chinese is well set."""

import html as entities
import json
import re
import shutil

import pytest
from made_runs import DANN, PAIRS, UDA

from hwlib.paths import NOTEBOOKS
from hwlib.record import Record, records
from hwlib.report import build, statements, tables
from hwlib.report.collect import arrange, collect
from hwlib.report.statements_summary import sentences
from hwlib.report.summary import best

HAN = "㐀-鿿"


def words(page: str) -> str:
    """The text of a page without code, formulas and styles."""
    page = re.sub(r"<(style|script|pre|code|math|details)\b.*?</\1>", "`", page, flags=re.S)
    page = re.sub(r"</?(b|strong|em|a|span|small|time)\b[^>]*>", "", page)
    return re.sub(r"[^\S\n]+", " ", entities.unescape(re.sub(r"<[^>]+>", "\n", page)))


def section(page: str, name: str) -> str:
    """The text of one artefact or section."""
    start = page.index(f'id="{name}"')
    tag = re.search(r"<(\w+)[^>]*$", page[:start])[1]
    depth, end = 0, start
    for found in re.finditer(rf"<(/?){tag}\b", page[start - 1 :]):
        depth += -1 if found[1] else 1
        end = start - 1 + found.start()
        if depth < 0:
            break
    return words("<p " + page[start:end])


def swapped(accuracy):
    return accuracy | {"source_only": accuracy["dann"], "dann": accuracy["source_only"]}


def test_the_report_turns_when_the_outcome_does(runs, pages):
    """Everything reversed: who gains, which way the curves go, whose faces are nearer, which method is ahead."""
    runs.everything()
    before = {view: pages(view) for view in ("report.zh", "report.en")}
    runs.p1(falling=False, metrics={"frechet_distance": 20.0, "kernel_distance": 0.1})
    runs.p2(metrics={"discriminator_real": 0.41, "discriminator_fake": 0.58})
    for pair in PAIRS:
        runs.p3(pair, swapped(DANN[pair]))
        runs.p4(pair, 2 * DANN[pair]["source_only"] - UDA[pair])  # as far on the other side of what is now DANN
    after = {view: pages(view) for view in ("report.zh", "report.en")}

    def turned(view, name, first, then):
        told = section(before[view], name), section(after[view], name)
        assert first in told[0]
        assert first not in told[1]
        assert then in told[1]
        assert then not in told[0]

    turned("report.en", "txt1_6", "(MSE) fell from", "(MSE) rose from")
    turned("report.zh", "txt1_6", "重建誤差（MSE）平均由 0.0753 降至", "重建誤差（MSE）平均由 0.0247 升至")
    turned("report.en", "txt2_3", "both are near 0.5", "does not tell them apart")
    turned("report.en", "txt2_4", "so the GAN's faces are closer", "so the VAE's faces are closer")
    turned("report.zh", "txt2_4", "因此 GAN 的人臉離測試人臉較近", "因此 VAE 的人臉離測試人臉較近")
    turned("report.en", "txt3_6", "DANN gained in 2 and lost in 1", "DANN gained in 1 and lost in 2")
    turned("report.en", "txt3_6", "13.90 points above training on source", "13.90 points below training on source")
    turned("report.zh", "txt3_6", "有 2 組提高、1 組降低", "有 1 組提高、2 組降低")
    turned("report.en", "txt4_4", "3.10 points above the DANN", "points below the DANN of problem 3 (41.20%)")
    turned("report.en", "summary", "DANN gained in 2 and lost in 1", "DANN gained in 1 and lost in 2")
    turned("report.zh", "summary", "提高最多的是 usps", "降低最多的是 usps")
    turned("report.en", "summary", "so the GAN's faces are closer", "so the VAE's faces are closer")


def test_each_problem_has_three_sentences_in_each_language(runs):
    runs.everything()
    found = arrange(records(runs.folder))
    for problem in ("p1", "p2", "p3", "p4"):
        told = sentences(problem, found)
        assert len(told) == 3
        for zh, en in told:
            assert zh.endswith("。")
            assert en.endswith(".")
            assert re.search(rf"[{HAN}]", zh)
            assert not re.search(rf"[{HAN}]", en.replace("（替代資料）", ""))


def test_summary_says_sizes_budgets_and_what_is_missing(runs, pages):
    runs.p3(PAIRS[0])
    text = section(pages("report.en"), "summary")
    assert "One network (257,254 parameters) was trained in three ways in each of 1 scenario" in text
    assert "300 steps of 128 images each" in text
    assert text.count("No record yet") >= 3


def test_summary_with_seeds_calls_a_small_difference_none(runs):
    for seed, (source, dann) in enumerate(((40, 45), (50, 44), (45, 52))):
        runs.p3(PAIRS[0], {"source_only": source, "dann": dann, "target_only": 95.0}, seed=seed)
    (_, (zh, en), _) = sentences("p3", arrange(records(runs.folder)))
    assert "DANN showed no clear difference in the one scenario" in en
    assert "1 組情境中沒有明顯差異" in zh


def test_peers_are_beaten_or_not_on_real_images_only(runs):
    runs.p4(PAIRS[0], 90.0)
    assert "do not compare" in sentences("p4", arrange(records(runs.folder)))[2][1]
    runs.p4(PAIRS[0], 90.0, stand_in=False, kind="course")
    assert "1 is above the student's report and 1 above" in sentences("p4", arrange(records(runs.folder)))[2][1]
    runs.p4(PAIRS[0], 50.0, stand_in=False, kind="course")
    assert "1 is above the student's report and 0 above" in sentences("p4", arrange(records(runs.folder)))[2][1]


def test_the_figure_of_the_summary_is_that_of_the_highest_accuracy(runs):
    runs.everything()
    record, method = best(arrange(records(runs.folder)))
    assert (record.params["src"], record.params["tgt"], method) == (*PAIRS[2], "dann")
    runs.p4(PAIRS[1], 99.0)
    record, method = best(arrange(records(runs.folder)))
    assert (record.params["tgt"], method) == ("svhn", "dann_resnet34")


@pytest.fixture
def chinese(runs, quick_figures, tmp_path):
    """The Chinese page as built from the committed notebooks, with seeds, gaps, mixed data and stand-ins."""
    runs.everything()
    runs.p3(PAIRS[0], seed=1)
    runs.p3(PAIRS[1], stand_in=False, kind="course", profile="full")
    build.build_report(runs.folder, tmp_path / "out", pdf=False)
    return words((tmp_path / "out" / "report.zh.html").read_text("utf-8"))


def test_chinese_is_punctuated_in_full_width(chinese):
    assert NOTEBOOKS.is_dir()
    wrong = re.findall(rf".{{0,12}}(?:[{HAN}][,;:?!()]|[,;?!()][{HAN}]).{{0,12}}", chinese)
    assert wrong == []
    assert not re.search(rf"[{HAN}]\.(?:\s|$)", chinese)


def test_han_and_latin_stand_apart(chinese):
    wrong = re.findall(rf".{{0,12}}(?:[{HAN}][A-Za-z0-9]|[A-Za-z0-9%][{HAN}]).{{0,12}}", chinese)
    assert wrong == []
    # A full-width mark brings its own space.
    assert (
        re.findall(
            r".{0,12}(?:[，。；：、（）「」] [A-Za-z0-9㐀-鿿]|[A-Za-z0-9㐀-鿿] [，。；：、（）「」]).{0,12}", chinese
        )
        == []
    )


def test_sections_stand_in_the_assignments_order(runs, quick_figures, tmp_path):
    runs.everything()
    build.build_report(runs.folder, tmp_path / "out", pdf=False)
    page = (tmp_path / "out" / "report.en.html").read_text("utf-8")
    numbers = re.findall(r"<h3>(\d-\d)", page)
    assert numbers == sorted(numbers)
    assert {"1-1", "1-6", "2-1", "2-4", "3-1", "3-4", "3-5", "3-6", "4-1", "4-2", "4-3", "4-4"} <= set(numbers)
    assert (
        page.index('id="tbl3_1"') < page.index('id="fig3_4"') < page.index('id="model3_5"') < page.index('id="txt3_6"')
    )


def test_faces_of_other_data_or_profiles_are_not_compared_in_silence(runs, pages):
    runs.p1()
    runs.p2()
    assert "differ in data, profile or settings" not in section(pages("report.en"), "summary")
    runs.p2(profile="smoke")
    assert "the two differ in data, profile or settings" in section(pages("report.en"), "summary")
    assert "trained under different profiles" in section(pages("report.en"), "txt2_4")


def test_a_table_says_that_settings_or_images_differ(runs, pages):
    runs.p3(PAIRS[0])
    runs.p3(PAIRS[1], params={"steps": 50})
    text = section(pages("report.en"), "tbl3_1")
    assert "cells differ in data, profile or settings" in text
    assert "quick, steps=50" in text
    other = [{"name": "mnistm", "split": "test", "count": 9, "sha256": "ff" * 32, "stand_in": True}]
    runs.p3(PAIRS[1], data={"kind": "sample", "sets": other})
    text = section(pages("report.en"), "tbl3_1")
    assert "cells differ in data, profile or settings" in text
    assert "ffffff" in text
    runs.p3(PAIRS[1])
    assert "cells differ" not in section(pages("report.en"), "tbl3_1")


def test_appendix_has_commands_hashes_parameters_hardware_and_seconds(runs, pages):
    runs.everything()
    runs.p3(PAIRS[0], seed=1, params={"data": "/a b/course"})
    text = words(re.sub("</?(code|pre)[^>]*>", "", pages("report.en").partition('id="appendix"')[2]))
    for told in (
        "hw run p1 -p profile quick",
        "hw run p3 -p profile quick -p src mnistm -p tgt svhn",
        "hw run p3 -p profile quick -p src usps -p tgt mnistm -p data '/a b/course' -p device cpu --seeds 1",
        "hw run p4 -p profile quick -p src svhn -p tgt usps -p method dann_resnet34",
        "ab12ab12ab12",
        "1797",
        "kl_weight",
        "torch 2.13.0",
        "train 61.5",
        "domain adaptation\n",
        "Domain-adversarial training of neural networks",
    ):
        assert told in text


def test_the_most_gained_is_one_that_gained(runs):
    """A larger mean within the spread is no gain, and is not named as the largest."""
    for seed, (source, dann) in enumerate(((28, 40), (31, 30), (34, 35))):
        runs.p3(PAIRS[0], {"source_only": source, "dann": dann, "target_only": 95.0}, seed=seed)
        runs.p3(PAIRS[1], {"source_only": 40.0, "dann": 41.0, "target_only": 95.0}, seed=seed)
    (_, (zh, en), _) = sentences("p3", arrange(records(runs.folder)))
    assert "it gained most in mnistm (stand-in) → svhn (stand-in) (+1.00 points)" in en
    assert "提高最多的是 mnistm" in zh


def test_runs_of_other_data_are_not_subtracted_and_keep_their_own_names(runs, pages):
    """Real runs of problem 3 beside stand-ins in problem 4."""
    for pair in PAIRS:
        runs.p3(pair, stand_in=False, kind="course")
        runs.p4(pair)
    text = section(pages("report.en"), "summary")
    assert "Problem 3 has no record of the same data, profile and settings to compare with" in text
    assert "gained most in usps → mnistm" in text
    assert "course, quick" in section(pages("report.en"), "tbl4_1")
    assert "sample (stand-in), quick" in section(pages("report.en"), "tbl4_1")


def test_a_run_without_its_json_is_named(runs, pages):
    runs.p1()
    (runs.p2() / "run.json").unlink()
    assert "p2_s0: there is no run.json" in pages("report.en")
    assert "p2_s0：沒有 run.json" in pages("report.zh")


def test_the_summary_speaks_of_the_method_chosen_beforehand_and_not_of_the_luckiest(runs):
    """Another method with a higher accuracy on the target does not take its place."""
    runs.p4(PAIRS[0], 50.0)
    lucky = runs.p4(PAIRS[0], 90.0)
    other = lucky.with_name("p4_usps_mnistm_other_s0")
    shutil.copytree(lucky, other)
    runs.p4(PAIRS[0], 50.0)
    run = json.loads((other / "run.json").read_text("utf-8"))
    run["params"]["method"], run["metrics"]["accuracy"] = "other", {"other": 90.0}
    (other / "run.json").write_text(json.dumps(run), encoding="utf-8")
    found = arrange(records(runs.folder))
    assert {method for method, _ in found.p4} == {"dann_resnet34", "other"}
    assert sentences("p4", found)[0][1].startswith("ResNet-34 DANN (")


def test_seeds_that_were_kept_otherwise_are_one_mean(runs):
    """How often a checkpoint is kept, or whether an attempt was discarded, is no other setting."""
    for seed, value in enumerate((50.0, 54.0)):
        params = {"resume": seed == 0, "checkpoint_seconds": 60.0 + seed}
        runs.p3(PAIRS[0], {"source_only": 40.0, "dann": value, "target_only": 95.0}, seed=seed, params=params)
    assert len(arrange(records(runs.folder)).p3[PAIRS[0]]) == 2


def test_a_run_without_an_ingredient_never_stands_for_the_method(runs):
    """However new it is; it is named among what was left out."""
    runs.p4(PAIRS[0], 58.0, method="adamatch")
    runs.p4(PAIRS[0], 90.0, method="adamatch", params={"without": "teacher"}, finished="2027-01-01T00:00:00+00:00")
    found = collect(runs.folder)
    assert [record.run["id"] for record in found.of("p4")] == ["p4_usps_mnistm_adamatch_s0"]
    ((zh, said),) = found.left_out
    assert zh.startswith("p4_usps_mnistm_adamatch_without_teacher_s0：去掉了方法的一個部分（teacher）")
    assert said.startswith("p4_usps_mnistm_adamatch_without_teacher_s0: the method without one of its parts (teacher)")


def test_the_notebook_of_an_ablated_run_shows_it_and_says_what_it_is(runs):
    folder = runs.p4(PAIRS[0], 90.0, method="adamatch", params={"without": "teacher"})
    for name in ("tbl4_1", "tbl4_2b"):
        page = tables.table(name, Record.load(folder))
        assert "ablation, left out: the mean teacher: the student labels for itself" in page
        assert "消融：去掉平均教師（改由學生自己給偽標籤）" in page
    assert statements.discussion("txt4_4", [Record.load(folder)])["en"]
