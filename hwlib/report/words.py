"""What the report says in both languages: names, captions, and the two ways of writing a pair as HTML."""

import dataclasses
import html
import re
import shlex
from collections.abc import Iterable
from typing import Any

from hwlib.config import CONFIGS
from hwlib.record import Record
from hwlib.sources import INCIDENTAL

ZH, EN = "zh-Hant-TW", "en"

METHODS = {
    "source_only": ("只用來源域訓練", "Trained on source"),
    "dann": ("DANN", "DANN"),
    "target_only": ("用目標域標籤訓練", "Trained on target"),
    "adamatch": ("AdaMatch", "AdaMatch"),
    "dann_resnet34": ("ResNet-34 DANN", "ResNet-34 DANN"),
}
WITHOUT = {
    "nothing": ("（完整的方法）", "nothing: the whole method"),
    "pseudo_labels": ("偽標籤（只用來源域訓練）", "pseudo-labels: the source alone"),
    "teacher": ("平均教師（改由學生自己給偽標籤）", "the mean teacher: the student labels for itself"),
    "threshold": ("信心門檻", "the confidence threshold"),
    "alignment": ("類別分布的對齊", "the alignment of class frequencies"),
    "ramp": ("偽標籤權重的漸增", "the slow rise of the pseudo-labels' weight"),
    "strong_views": ("強增強（只用弱增強）", "strong views: weak ones in their place"),
    "neighbours": ("強增強中旁邊數字的邊緣", "of strong views, edges of other digits"),
    "geometry": ("強增強中的幾何變形", "of strong views, the geometry"),
    "intensity": ("強增強中的明暗反轉與色彩", "of strong views, polarity and colours"),
    "noise": ("強增強中的雜訊與遮蓋", "of strong views, noise and holes"),
    "blending": ("以目標域影像為背景的合成", "digits laid over target patches"),
}
"""What an ablation leaves out, by the name that the parameter `without` takes."""
KINDS = {
    "sample": ("內附樣本資料", "embedded sample"),
    "course": ("課程資料夾", "course folder"),
    "fetched": ("下載的資料", "fetched data"),
}
PROBLEMS = {
    "p1": ("問題一：變分自編碼器（VAE）", "Problem 1: variational autoencoder (VAE)"),
    "p2": ("問題二：生成對抗網路（GAN）", "Problem 2: generative adversarial network (GAN)"),
    "p3": ("問題三：領域對抗訓練（DANN）", "Problem 3: domain-adversarial training (DANN)"),
    "p4": ("問題四：改良的領域調適", "Problem 4: improved adaptation"),
}
ARTEFACTS = {
    "p1": ("model1_1", "fig1_2", "tbl1_3", "fig1_4", "fig1_4b", "fig1_5", "txt1_6"),
    "p2": ("model2_1", "fig2_1", "fig2_2", "fig2_2b", "txt2_3", "fig2_4", "txt2_4"),
    "p3": ("tbl3_1", "fig3_1b", "fig3_1c", "fig3_4", "fig3_4b", "tbl3_4c", "model3_5", "fig3_0", "txt3_6"),
    "p4": ("tbl4_1", "fig4_1b", "fig4_1c", "fig4_2", "tbl4_2b", "model4_3", "fig4_0", "txt4_4"),
}
"""The artefacts of each problem, in the report's order where a notebook lacks one."""

CAPTIONS = {
    "model1_1": ("VAE 的架構與訓練設定", "The VAE as printed, with its training settings"),
    "fig1_2": ("學習曲線：重建誤差與 KL 散度", "Learning curves: reconstruction error and KL"),
    "tbl1_3": ("十張測試人臉、重建結果與各自的 MSE", "Ten test faces, their reconstructions and the MSE of each"),
    "fig1_4": ("由 N(0, I) 抽樣並解碼的 32 張人臉", "32 faces decoded from N(0, I)"),
    "fig1_4b": ("兩張測試人臉之間的內插（兩端為原圖）", "From one test face to another (originals at both ends)"),
    "fig1_5": ("測試集潛在向量的 t-SNE", "t-SNE of the test latents"),
    "txt1_6": ("討論", "Discussion"),
    "model2_1": ("生成器與鑑別器的架構與訓練設定", "Generator and discriminator as printed, with training settings"),
    "fig2_1": ("學習曲線：兩個損失與鑑別器的輸出", "Learning curves: both losses and the discriminator's answers"),
    "fig2_2": ("生成器產生的 32 張人臉", "32 faces made by the generator"),
    "fig2_2b": ("兩個潛在向量之間的內插", "From one latent to another"),
    "txt2_3": ("討論：對抗訓練", "Discussion: adversarial training"),
    "fig2_4": ("VAE 與 GAN 的人臉並列", "Faces of the VAE and of the GAN side by side"),
    "txt2_4": ("討論：VAE 與 GAN 的比較", "Discussion: VAE against GAN"),
    "fig3_0": (
        "學習曲線：類別損失、領域分類器的準確率與目標域準確率",
        "Learning curves: class loss, domain accuracy and target accuracy",
    ),
    "tbl3_1": ("目標域測試集的準確率", "Accuracy on the target test set"),
    "fig3_1b": ("DANN 的混淆矩陣（目標域測試集）", "Confusion of DANN on the target test set"),
    "fig3_1c": ("DANN 認錯而信心最高的測試影像", "Wrong test images of which DANN was surest"),
    "fig3_4": ("測試集特徵的 t-SNE：依數字、依領域", "t-SNE of test features, by digit and by domain"),
    "fig3_4b": ("調適之前：同樣的影像，只用來源域訓練的特徵", "Before adaptation: the same images, trained on source"),
    "tbl3_4c": ("代理 A 距離：調適之前與之後", "Proxy A-distance before and after adaptation"),
    "model3_5": ("DANN 的架構與訓練設定", "The DANN as printed, with its training settings"),
    "txt3_6": ("討論", "Discussion"),
    "fig4_0": (
        "學習曲線：類別損失，以及偽標籤或領域分類器",
        "Learning curves: class loss, and pseudo-labels or domains",
    ),
    "tbl4_1": ("改良方法在目標域測試集的準確率", "Accuracy of the improved method on the target test set"),
    "fig4_1b": ("改良方法的混淆矩陣（目標域測試集）", "Confusion of the improved method on the target test set"),
    "fig4_1c": ("改良方法認錯而信心最高的測試影像", "Wrong test images of which the improved method was surest"),
    "fig4_2": ("測試集特徵的 t-SNE：依數字、依領域", "t-SNE of test features, by digit and by domain"),
    "tbl4_2b": ("調適之後的代理 A 距離", "Proxy A-distance after adaptation"),
    "model4_3": ("改良方法的架構與訓練設定", "The improved model as printed, with its training settings"),
    "txt4_4": ("討論", "Discussion"),
}
WATCHED = (
    "「Target test set」一欄來自訓練途中存下的預測：當時只存預測、不看標籤，訓練結束之後才與標籤對上；"
    "沒有用它挑選任何東西，報告採用最後一步。",
    "Target test set: from predictions that were saved without labels on the way and joined with the labels after the "
    "training; nothing was chosen by them, and the last step is the one reported.",
)
SURE = (
    "取信心（softmax 機率）最高的錯誤，並非人工挑選；影像下方為預測（said）、真實數字（is）與信心。",
    "The errors of the highest confidence (softmax probability), none picked by hand; below each what was said, what "
    "it is, and the confidence.",
)
SHARES = (
    "各列為真實數字，以百分比表示，不足 0.5% 者留白。",
    "In percent of each true digit (row); less than 0.5% is blank.",
)
NOTES = {
    "fig3_1b": SHARES,
    "fig4_1b": SHARES,
    "fig3_1c": SURE,
    "fig4_1c": SURE,
}
"""What a caption says of how the figure was made."""
SECTIONS = tuple(f"{problem}-{i}" for problem, last in ((1, 6), (2, 4), (3, 6), (4, 4)) for i in range(1, last + 1))
"""The assignment's numbering."""

PREFIX = {"fig": ("圖", "Figure"), "tbl": ("表", "Table"), "model": ("模型", "Model"), "txt": ("", "")}


def esc(value: Any) -> str:
    """Escape anything for HTML text and attributes."""
    return html.escape(str(value))


def both(zh: str, en: str) -> str:
    """A block in each language. The arguments are HTML already."""
    return f'<div lang="{ZH}">{zh}</div><div lang="{EN}">{en}</div>'


def inline(zh: str, en: str) -> str:
    """A span in each language, where no block may stand, as in headings. The arguments are HTML already."""
    return f'<span lang="{ZH}">{zh}</span> <span lang="{EN}">{en}</span>'


def plain(text: str) -> str:
    """Text from data or parameters made safe inside Markdown: nothing in it is markup, math or HTML."""
    return "".join(c if c.isalnum() or c in " .,-()（）→" else f"&#{ord(c)};" for c in text)


BESIDE_MODEL = {"fig3_0": "3-5b", "fig4_0": "4-3b"}
"""The learning curves have no number in the assignment; they stand behind the model whose training they show."""


def split(name: str) -> tuple[str, str]:
    """Kind and number of an artefact: `fig1_4b` gives "fig" and "1-4b"."""
    kind, problem, part = re.fullmatch(r"([a-z]+)(\d)_(\w+)", name).groups()
    return kind, BESIDE_MODEL.get(name, f"{problem}-{part}")


def label(name: str) -> tuple[str, str]:
    """Label of an artefact: `fig1_2` gives "圖 1-2" and "Figure 1-2"."""
    kind, number = split(name)
    return tuple(f"{word} {number}".strip() for word in PREFIX[kind])


def method(name: str) -> tuple[str, str]:
    """Names of a method; one that is not known here keeps its own."""
    return METHODS.get(name, (name, name))


def title(records: Iterable[Record], name: str) -> tuple[str, str]:
    """Names of a data set, marked where any of the records used a stand-in for it."""
    stand_in = any(s["stand_in"] for record in records for s in record.sets if s["name"] == name)
    return (f"{name}（替代資料）", f"{name} (stand-in)") if stand_in else (name, name)


def scenario(records: Iterable[Record], pair: tuple[str, str]) -> tuple[str, str]:
    """Source → target, stand-ins marked."""
    records = tuple(records)
    (src_zh, src), (tgt_zh, tgt) = (title(records, name) for name in pair)
    # A full-width bracket brings its own space.
    return f"{src_zh}{'' if src_zh.endswith('）') else ' '}→ {tgt_zh}", f"{src} → {tgt}"


BESIDE = INCIDENTAL | {"profile", "src", "tgt", "method", "attribute", "tsne_points"}
"""Parameters that are no setting of a training: the incidental ones, and those that say which run it is."""


def changed(record: Record) -> dict[str, Any]:
    """The parameters of a record that its profile would have set otherwise."""
    config = CONFIGS[record.problem]
    defaults = {f.name: f.default for f in dataclasses.fields(config)}
    budget = defaults | config.budget(record.run["profile"], record.params.get("method"))
    params = record.params
    if params.get("steps") is not None or params.get("epochs") is not None:
        budget |= {name: None for name in ("steps", "epochs") if params.get(name) is None}
    return {name: value for name, value in params.items() if value is not None and value != budget.get(name)}


def setting(record: Record) -> str:
    """Profile, and the parameters of the training that were set otherwise."""
    return ", ".join([record.run["profile"], *(f"{k}={v}" for k, v in changed(record).items() if k not in BESIDE)])


def notes(name: str, records: Iterable[Record]) -> list[tuple[str, str]]:
    """Lines of a figure's caption on how it was made."""
    if name in ("fig3_0", "fig4_0"):
        arrays = [array for record in records for array in record.arrays]
        return [WATCHED] if any(array.startswith("target_accuracy_") for array in arrays) else []
    return [NOTES[name]] if name in NOTES else []


def origin(record: Record) -> tuple[str, str]:
    """Kind of data and profile of a record."""
    zh, en = KINDS.get(record.run["data"]["kind"], (record.run["data"]["kind"],) * 2)
    return f"{zh}（設定檔 {setting(record)}）", f"{en}, profile {setting(record)}"


def mixed(records: Iterable[Record]) -> bool:
    """Whether numbers of these records do not compare at once: other data, other images of one name, other settings."""
    records = tuple(records)
    hashes = {(s["name"], s["split"], s["sha256"]) for record in records for s in record.sets}
    names = {(name, split) for name, split, _ in hashes}
    return len({origin(record) for record in records}) > 1 or len(hashes) > len(names)


def mark(record: Record, names: Iterable[str]) -> str:
    """What a cell says where a table mixes: kind of data, setting, and the hash of the test images of `names`."""
    tests = [s for s in record.sets if s["name"] in names and s["split"] == "test"]
    hashes = "/".join(str(s["sha256"])[:6] for s in tests)
    stand_in = " (stand-in)" if any(s["stand_in"] for s in tests) else ""
    return f"{record.run['data']['kind']}{stand_in}, {setting(record)}, {hashes}"


def provenance(records: Iterable[Record]) -> tuple[str, str]:
    """One line on what a figure or table was made from: sets, kind, profile, seeds, and what was left out."""
    records = tuple(records)
    if not records:
        return "尚無紀錄", "no record yet"
    names = dict.fromkeys(s["name"] for record in records for s in record.sets)
    sets = [title(records, name) for name in names]
    origins = dict.fromkeys(origin(record) for record in records)
    seeds = [str(seed) for seed in sorted({record.run["seed"] for record in records})]
    zh = f"資料：{'、'.join(z for z, _ in sets)}；來源：{'、'.join(z for z, _ in origins)}；種子 {'、'.join(seeds)}"
    en = f"Data: {', '.join(e for _, e in sets)} ({'; '.join(e for _, e in origins)}); seed {', '.join(seeds)}"
    # Only the notebook of such a run shows it: the report leaves it out.
    for without in dict.fromkeys(record.params.get("without", "nothing") for record in records):
        if without != "nothing":
            part = WITHOUT.get(without, (without, without))
            zh, en = f"{zh}；消融：去掉{part[0]}", f"{en}; ablation, left out: {part[1]}"
    return zh, en


def command(problem: str, pair: tuple[str, str] | None = None, name: str | None = None) -> str:
    """The command that makes the record of a problem, scenario and method."""
    words = ["hw", "run", problem]
    if pair:
        words += ["-p", "src", pair[0], "-p", "tgt", pair[1]]
    if name:
        words += ["-p", "method", name]
    return shlex.join(words)


def missing(
    problem: str,
    pair: tuple[str, str] | None = None,
    what: tuple[str, str] = ("", ""),
    method: str | None = None,
) -> str:
    """A visible line in place of what has no record yet."""
    code = f"<code>{esc(command(problem, pair, method))}</code>"
    zh = f"{esc(what[0])}尚無紀錄；執行 {code} 即可補上。"
    en = f"{esc(what[1])} No record yet; {code} fills this."
    return f'<div class="missing">{both(zh, en.strip())}</div>'
