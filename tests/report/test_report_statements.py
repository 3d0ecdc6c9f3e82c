"""The discussion turns when the outcome does."""

import re

import numpy as np
import pytest
from made_runs import PAIRS

from hwlib.errors import WorkbookError
from hwlib.record import records
from hwlib.report.statements import TEMPLATES, discussion
from hwlib.report.tables import table


def said(runs, name):
    return discussion(name, records(runs.folder))


def test_gain_and_loss(runs):
    runs.p3(PAIRS[0], {"source_only": 41.20, "dann": 55.10, "target_only": 95.10})
    text = said(runs, "txt3_6")
    assert "DANN 的準確率為 55.10%，比只用來源域訓練的 41.20% 高 13.90 個百分點" in text["zh"]
    assert "13.90 points above training on source only (41.20%)" in text["en"]
    assert "仍低 40.00 個百分點" in text["zh"]
    assert "DANN gained in the one scenario" in text["en"]
    assert "1 組情境中提高。" in text["zh"]
    runs.p3(PAIRS[0], {"source_only": 55.10, "dann": 41.20, "target_only": 95.10})
    text = said(runs, "txt3_6")
    assert "低 13.90 個百分點" in text["zh"]
    assert "13.90 points below training on source only (55.10%)" in text["en"]
    assert "DANN lost in the one scenario" in text["en"]
    assert "1 組情境中降低。" in text["zh"]
    assert "above" not in text["en"]
    assert " 高 " not in text["zh"]


def test_equal_and_above_the_ceiling(runs):
    runs.p3(PAIRS[0], {"source_only": 50.0, "dann": 50.0, "target_only": 48.5})
    text = said(runs, "txt3_6")
    assert "DANN reaches 50.00%, and training on source only 50.00%: no difference" in text["en"]
    assert "not below training with target labels" in text["en"]
    assert "showed no clear difference in the one scenario" in text["en"]


def test_a_difference_within_the_spread_is_called_that(runs):
    for seed, (source, dann) in enumerate(((40, 45), (50, 44), (45, 52))):
        runs.p3(PAIRS[0], {"source_only": source, "dann": dann, "target_only": 95.0}, seed=seed)
    text = said(runs, "txt3_6")
    assert "within the spread over seeds" in text["en"]
    assert "變動範圍之內" in text["zh"]
    assert "showed no clear difference in the one scenario" in text["en"]
    assert "are one seed (" not in text["en"]


def test_one_seed_is_said_to_be_one(runs):
    runs.p3(PAIRS[0])
    text = said(runs, "txt3_6")
    assert "come from one seed (0)" in text["en"]
    assert "只用了一個種子（0）" in text["zh"]


def test_confused_pair(runs):
    runs.p3(PAIRS[0])
    text = said(runs, "txt3_6")
    assert "4 read as 9 (26% of all 4s)" in text["en"]
    assert "把 4 認成 9（占所有 4 的 26%）" in text["zh"]


@pytest.mark.parametrize("kind", ["course", "fetched"])
def test_the_student_is_compared_on_real_data_only(runs, kind):
    runs.p3(PAIRS[0])
    text = said(runs, "txt3_6")
    assert "不能與學生在課程真實資料上的數值比較" in text["zh"]
    assert "+6.42" not in text["en"]
    runs.p3(PAIRS[0], stand_in=False, kind=kind)
    text = said(runs, "txt3_6")
    assert "usps → mnistm +6.42" in text["en"]
    assert "stand-in" not in text["en"]


def test_improved_method_against_dann(runs):
    runs.p3(PAIRS[0])
    runs.p4(PAIRS[0], 60.10)
    assert "5.00 points above the DANN of problem 3 (55.10%)" in said(runs, "txt4_4")["en"]
    runs.p4(PAIRS[0], 50.10)
    assert "5.00 points below the DANN of problem 3 (55.10%)" in said(runs, "txt4_4")["en"]


def test_improved_method_alone_names_the_command(runs):
    runs.p4(PAIRS[2], 60.10)
    assert "hw run p3 -p src svhn -p tgt usps" in said(runs, "txt4_4")["en"]


def test_curves_of_the_vae(runs):
    runs.p1()
    text = said(runs, "txt1_6")
    assert "(MSE) fell from 0.0753 to 0.0247" in text["en"]
    assert "KL rose from" in text["en"]
    assert re.search(r"平均由 0\.\d+ 降至", text["zh"])
    runs.p1(falling=False)
    text = said(runs, "txt1_6")
    assert "(MSE) rose from" in text["en"]
    assert "KL fell from" in text["en"]
    assert re.search(r"平均由 0\.\d+ 升至", text["zh"])


@pytest.mark.parametrize(
    ("real", "fake", "words"),
    [(0.58, 0.41, "close to balance"), (0.95, 0.03, "clearly ahead"), (0.4, 0.6, "does not tell them apart")],
)
def test_balance_of_the_gan(runs, real, fake, words):
    runs.p2(metrics={"discriminator_real": real, "discriminator_fake": fake})
    text = said(runs, "txt2_3")
    assert words in text["en"]
    assert f"{real:.2f}" in text["zh"]


def test_faces_over_several_seeds_agree_with_their_table(runs):
    runs.p1(metrics={"test_mse": 0.02})
    runs.p1(metrics={"test_mse": 0.03}, seed=1)
    both = list(records(runs.folder))
    assert "0.0250 ± 0.0071" in discussion("txt1_6", both)["en"]
    assert "0.0250 ± 0.0071" in table("tbl1_3", both)


def test_vae_against_gan(runs):
    runs.p1()
    runs.p2()
    assert "the GAN's faces are closer" in said(runs, "txt2_4")["en"]
    runs.p2(metrics={"frechet_distance": 99.0, "kernel_distance": 1.0})
    assert "the VAE's faces are closer" in said(runs, "txt2_4")["en"]
    runs.p2(metrics={"frechet_distance": 99.0, "kernel_distance": 0.01})
    assert "do not agree" in said(runs, "txt2_4")["en"]
    runs.p2(metrics={"frechet_distance": None, "kernel_distance": None})
    assert "No distance was measured" in said(runs, "txt2_4")["en"]


def test_gan_without_vae_names_the_command(runs):
    runs.p2()
    assert "`hw run p1`" in said(runs, "txt2_4")["zh"]


def test_chinese_has_its_own_punctuation_and_spacing(runs):
    runs.everything()
    for name in TEMPLATES:
        zh = said(runs, name)["zh"]
        assert zh
        assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;?!()][\u4e00-\u9fff]", zh), name
        assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9%][\u4e00-\u9fff]", zh), name


def test_names_cannot_be_markup(runs):
    path = runs.p3(PAIRS[0])
    run = path / "run.json"
    run.write_text(run.read_text().replace('"usps"', '"<img src=x>*$x$`"'), encoding="utf-8")
    text = said(runs, "txt3_6")
    for language in text.values():
        shown = re.sub(r"`[^`]*`", "", language)
        assert "<img" not in shown
        assert "$" not in shown


def test_unknown_text_is_one_line(runs):
    runs.p1()
    with pytest.raises(WorkbookError, match="txt9_9"):
        said(runs, "txt9_9")


@pytest.mark.parametrize(("train", "words"), [(0.9, "well above held-out ones"), (0.6, "not clearly above")])
def test_memory_is_judged_on_answers_measured_alike(runs, train, words):
    runs.p2(metrics={"discriminator_real": 0.58, "discriminator_train": train})
    assert words in said(runs, "txt2_3")["en"]


def test_nothing_is_said_of_memory_where_it_was_not_measured(runs):
    runs.p2(metrics={"discriminator_real": 0.58})
    assert "training faces" not in said(runs, "txt2_3")["en"]


def test_all_scenarios_alike_are_said_so(runs):
    for pair in PAIRS:
        runs.p3(pair, {"source_only": 40.0, "dann": 50.0, "target_only": 90.0})
    text = said(runs, "txt3_6")
    assert "DANN gained in all 3 scenarios" in text["en"]
    assert "3 組情境中都提高" in text["zh"]


def test_sharper_than_test_faces_may_be_noise(runs):
    runs.p1()
    runs.p2()
    assert "may be noise" in said(runs, "txt2_4")["en"]
    path = runs.folder / "p2_s0" / "arrays.npz"
    flat = runs.faces(32, 20)
    np.savez_compressed(path, faces=flat, interpolation=flat[:8])
    assert "may be noise" not in said(runs, "txt2_4")["en"]


def test_a_model_with_one_answer_is_said_to_have_learned_nothing(runs):
    path = runs.p4(PAIRS[0], 11.0)
    arrays = dict(np.load(path / "arrays.npz"))
    table = np.zeros((10, 10), int)
    table[:, 1] = 90
    table += np.eye(10, dtype=int) * 2
    np.savez(path / "arrays.npz", **arrays | {"confusion_dann_resnet34": table})
    text = said(runs, "txt4_4")
    assert "answers 1 to 98% of the target's test images; always answering 1 would give 10.0%" in text["en"]
    assert "把 98% 的目標域測試影像都認成 1，而一律回答 1 就可得 10.0%" in text["zh"]
    assert "read as" not in text["en"]
    assert "On the source's test set the same model reaches 97.00%" in text["en"]


@pytest.mark.parametrize(
    ("after", "en", "zh"),
    [
        (1.2, "became smaller", "變小"),
        (1.95, "became larger", "變大"),
        (1.9, "showed no clear difference", "沒有明顯差異"),
    ],
)
def test_the_distance_of_the_domains_turns_with_its_numbers(runs, after, en, zh):
    runs.p3(PAIRS[0], metrics={"proxy_a_distance": {"before": 1.9, "after": after}})
    told = said(runs, "txt3_6")
    assert f"the proxy A-distance of the domains {en} (trained on source 1.90, DANN {after:.2f};" in told["en"]
    assert f"代理 A 距離{zh}（只用來源域訓練 1.90，DANN {after:.2f}；" in told["zh"]


def test_a_change_of_the_distance_within_the_spread_is_none(runs):
    for seed, (before, after) in enumerate(((1.9, 1.7), (1.5, 1.6), (1.8, 1.3))):
        runs.p3(PAIRS[0], seed=seed, metrics={"proxy_a_distance": {"before": before, "after": after}})
    assert "domains showed no clear difference (trained on source 1.73 ± 0.21" in said(runs, "txt3_6")["en"]


def test_the_distance_of_another_network_is_not_compared(runs):
    runs.p3(PAIRS[0])
    runs.p4(PAIRS[0], method="adamatch", metrics={"proxy_a_distance": {"after": 0.75}})
    told = said(runs, "txt4_4")
    assert "In the features of AdaMatch the proxy A-distance of the domains is 0.75" in told["en"]
    assert "在 AdaMatch 的特徵中，兩個領域的代理 A 距離為 0.75" in told["zh"]
    assert not re.search("smaller|larger|變小|變大", told["en"] + told["zh"])


@pytest.mark.parametrize(
    ("best", "en", "zh"),
    [
        (57.3, "would give 57.30%, 2.20 points more than the last step", "會是 57.30%，比最後一步多 2.20 個百分點"),
        (55.1, "would give 55.10% too, no more than the last step", "同樣是 55.10%，與最後一步沒有差別"),
    ],
)
def test_the_oracle_is_compared_with_the_last_step_and_called_no_result(runs, best, en, zh):
    runs.p3(PAIRS[0], metrics={"oracle": {"dann": best}})
    told = said(runs, "txt3_6")
    assert en in told["en"]
    assert zh in told["zh"]
    assert "(oracle, not a result)" in told["en"]
    assert "（oracle，不是結果）" in told["zh"]


def test_what_older_records_did_not_measure_is_not_spoken_of(runs):
    runs.p3(PAIRS[0], older=True)
    runs.p4(PAIRS[0], older=True)
    for name in ("txt3_6", "txt4_4"):
        assert not re.search("oracle|A-distance|A 距離", "".join(said(runs, name).values()))


def test_distances_in_different_features_are_not_compared(runs):
    runs.p1(params={"extractor_steps": 20})
    runs.p2()
    text = said(runs, "txt2_4")["en"]
    assert "do not compare" in text
    assert "closer to the test faces" not in text
