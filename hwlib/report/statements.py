"""The discussion, written by templates over the records: no sentence can say what its table does not.

Every paragraph is made in both languages from the same numbers. The wording of faces is here, that of digits in
`statements_digits`.
"""

from collections.abc import Iterable

import numpy as np

from hwlib.errors import WorkbookError
from hwlib.record import Record
from hwlib.report import published, words
from hwlib.report import statements_digits as digits
from hwlib.report.collect import Collection, arrange
from hwlib.report.scores import measured

Text = tuple[str, str]
CLOSE = 0.05  # relative difference below which two measurements are called about equal


def discussion(name: str, records: Record | Iterable[Record]) -> dict[str, str]:
    """Return the Markdown of `txt1_6`, `txt2_3`, `txt2_4`, `txt3_6` or `txt4_4` as {"zh": ..., "en": ...}.

    `txt2_4` compares the records of problems 1 and 2, `txt4_4` those of problem 4 with problem 3's DANN where given.
    Raises `WorkbookError` for another name, or when no record of the problem is given.
    """
    if name not in TEMPLATES:
        raise WorkbookError(f"discussion: {name!r} is not one of {', '.join(TEMPLATES)}")
    found = arrange([records] if isinstance(records, Record) else records)
    if not found.of(f"p{name[3]}"):
        raise WorkbookError(f"{name}: no record of problem {name[3]} is given")
    return joined(TEMPLATES[name](found))


def joined(paragraphs: list[list[Text]]) -> dict[str, str]:
    """Sentences to Markdown: each inner list is a paragraph, and bullets begin with "- "."""
    zh = "\n\n".join("".join(s[0] for s in sentences) for sentences in paragraphs)
    en = "\n\n".join(" ".join(s[1] for s in sentences) for sentences in paragraphs)
    return {"zh": zh, "en": en}


def fifths(values: np.ndarray) -> tuple[float, float]:
    """Means of the first and of the last fifth of a column, missing values left out."""
    values = values[~np.isnan(values)]
    if not len(values):
        return float("nan"), float("nan")
    width = max(1, len(values) // 5)
    return float(values[:width].mean()), float(values[-width:].mean())


def moved(first: float, last: float, digits: int = 4, unit: Text = ("", "")) -> Text:
    """How a quantity changed: fell, rose, or stayed."""
    a, b = f"{first:.{digits}f}", f"{last:.{digits}f}"
    if a == b or abs(last - first) <= 0.02 * max(abs(first), abs(last)):
        return f"大致持平（{a} → {b}{unit[0]}）", f"hardly moved ({a} → {b}{unit[1]})"
    if last < first:
        return f"由 {a} 降至 {b}{unit[0]}", f"fell from {a} to {b}{unit[1]}"
    return f"由 {a} 升至 {b}{unit[0]}", f"rose from {a} to {b}{unit[1]}"


def compared(ours: float, theirs: float, whom: str) -> Text:
    """Lower than, higher than, or about the same as; the Chinese takes its object, `whom`, along."""
    gap = " " if whom[0].isascii() else ""
    if abs(ours - theirs) <= CLOSE * max(abs(ours), abs(theirs)):
        return f"與{gap}{whom}{' ' if whom[-1].isascii() else ''}相當", "about the same as"
    return (f"低於{gap}{whom}", "lower than") if ours < theirs else (f"高於{gap}{whom}", "higher than")


def stands_in(records: Iterable[Record]) -> bool:
    return any(s["stand_in"] for record in records for s in record.sets)


def vae(found: Collection) -> list[list[Text]]:
    """1-6: the two curves, the test set, the student's numbers."""
    record = found.p1[0]
    (mse0, mse1), (kl0, kl1) = (fifths(record.history[name]) for name in ("reconstruction", "kl"))
    mse, kl = moved(mse0, mse1), moved(kl0, kl1, 1, (" nats", " nats"))
    curve = (
        f"比較訓練的前五分之一與最後五分之一，重建誤差（MSE）平均{mse[0]}，KL 散度{kl[0]}。",
        f"From the first to the last fifth of training the reconstruction error (MSE) {mse[1]}, and the KL {kl[1]}.",
    )
    table = np.array(record.metrics["table_mse"])
    best, worst = table.argmin() + 1, table.argmax() + 1
    test, nats = measured(found.p1, "test_mse"), measured(found.p1, "test_kl")
    whole = (
        f"整個測試集的 MSE 為 {test.text(4)}、KL 為 {nats.text(1)} nats；表中十張影像以第 {best} 張重建得最好"
        f"（{table.min():.4f}）、第 {worst} 張最差（{table.max():.4f}）。",
        f"Over the whole test set the MSE is {test.text(4)} and the KL {nats.text(1)} nats; of the ten "
        f"images in the table, number {best} is reconstructed best ({table.min():.4f}) and number {worst} worst "
        f"({table.max():.4f}).",
    )
    zh, en = compared(test.mean, mse1, f"訓練末段的 {mse1:.4f}")
    gap = (
        f"測試誤差{zh}，但兩者的量測方式不同：訓練時解碼的是抽樣得到的潛在向量，並使用批次統計量；測試時解碼的則是潛在分布的平均值。",
        f"The test error is {en} that of the end of training ({mse1:.4f}); the two are measured differently, for "
        "training decodes sampled latents with batch statistics, and the test decodes means.",
    )
    return [[curve, whole, gap], [_vae_student(record, float(table.mean()))]]


def _vae_student(record: Record, mean: float) -> Text:
    said_zh = f"學生報告中十張影像的平均 MSE 為 {published.STUDENT_MSE}、KL 為 {published.STUDENT_KL} nats"
    said_en = (
        f"The student's ten images have a mean MSE of {published.STUDENT_MSE} at a KL of {published.STUDENT_KL} nats"
    )
    if stands_in([record]):
        return (
            f"{said_zh}；本次使用替代資料，十張影像的平均 {mean:.4f} 不能與之比較。",
            f"{said_en}; this run used stand-in faces, so its mean of {mean:.4f} is not comparable.",
        )
    zh, en = compared(mean, published.STUDENT_MSE, "學生的數值")
    return (
        f"{said_zh}；本次十張影像的平均為 {mean:.4f}，{zh}。",
        f"{said_en}; ours have a mean of {mean:.4f}, {en} the student's.",
    )


def gan(found: Collection) -> list[list[Text]]:
    """2-3: balance of the game, losses, how far the discriminator knows its training faces."""
    record = found.p2[0]
    scores = measured(found.p2, "discriminator_real"), measured(found.p2, "discriminator_fake")
    real, fake = (s.mean for s in scores)
    numbers = (
        f"訓練結束時，鑑別器判定未參與訓練的人臉為真的機率平均為 {scores[0]}，"
        f"判定生成人臉為真的機率平均為 {scores[1]}：",
        f"At the end the discriminator gives held-out faces a mean probability of {scores[0]} of being real, and "
        f"generated ones {scores[1]}:",
    )
    verdict = balance(real, fake)
    d, g = (moved(*fifths(record.history[f"{who}_loss"]), 2) for who in ("discriminator", "generator"))
    losses = (
        f"比較訓練的前五分之一與最後五分之一，鑑別器的損失平均{d[0]}，生成器的損失{g[0]}。",
        f"From the first to the last fifth of training the discriminator's loss {d[1]}, and the generator's {g[1]}.",
    )
    modes = (
        "這些機率在評估模式下量測，批次正規化使用訓練期間累計的統計量；"
        "圖 2-1 的曲線則以當批的統計量計算，兩者不能直接比較。",
        "These are measured in evaluation mode, where batch normalisation uses the statistics gathered in training; "
        "the curves of Figure 2-1 use those of the batch at hand, so the two do not compare directly.",
    )
    if "discriminator_train" not in record.metrics:
        return [[numbers, verdict, modes, losses]]
    trained = measured(found.p2, "discriminator_train")
    known = trained.mean - real > 0.1
    memory = (
        f"鑑別器判定相同數量的訓練人臉為真的機率平均為 {trained}，"
        + ("明顯高於未參與訓練的人臉，可能記住了部分訓練影像。" if known else "並未明顯高於未參與訓練的人臉。"),
        f"To as many training faces it gives {trained}, "
        + (
            "well above held-out ones; it may remember some of its training images."
            if known
            else "not clearly above held-out ones."
        ),
    )
    return [[numbers, verdict, modes, losses, memory]]


def balance(real: float, fake: float) -> Text:
    """Who is ahead, by the discriminator's mean answers to held-out and to generated faces."""
    if real <= fake:
        return (
            "生成人臉的分數不低於未參與訓練的人臉，可見就平均而言，鑑別器在新影像上分不出真假。",
            "generated faces score no lower, so on average it does not tell them apart on new images.",
        )
    if abs(real - 0.5) <= 0.15 and abs(fake - 0.5) <= 0.15:
        return "兩者都接近 0.5，雙方大致勢均力敵。", "both are near 0.5, so the two players are close to balance."
    if max(real, fake) < 0.35:
        return (
            "兩者都低於 0.5，可見鑑別器連未看過的真實人臉也傾向判為生成。",
            "both are below 0.5, so it tends to take even real faces that it has not seen for generated ones.",
        )
    if min(real, fake) > 0.65:
        return (
            "兩者都高於 0.5，可見鑑別器連生成人臉也傾向判為真實。",
            "both are above 0.5, so it tends to take generated faces for real ones too.",
        )
    if real - fake >= 0.4:
        return "差距很大，鑑別器明顯占上風。", "the gap is wide, so the discriminator is clearly ahead."
    return (
        "前者較高，鑑別器較占上風。",
        "the former score higher, so the discriminator is ahead.",
    )


def faces(found: Collection) -> list[list[Text]]:
    """2-4: VAE against GAN in measured terms."""
    if not found.p1:
        line = words.command("p1")
        return [
            [
                (
                    f"尚無 VAE 的紀錄，無法比較；請先執行 `{line}`。",
                    f"There is no VAE record to compare with; run `{line}` first.",
                )
            ]
        ]
    pair = found.p1[0], found.p2[0]
    sentences = [distances(found), *_looks(*pair)]
    if pair[0].run["data"]["kind"] != pair[1].run["data"]["kind"] or pair[0].sets != pair[1].sets:
        sentences.append(
            ("注意：兩者使用的資料不同，數值不宜直接比較。", "Note: the two used different data; compare with care.")
        )
    if pair[0].run["profile"] != pair[1].run["profile"]:
        profiles = " / ".join(words.plain(record.run["profile"]) for record in pair)
        sentences.append(
            (
                f"注意：兩者的訓練設定檔不同（{profiles}）。",
                f"Note: the two were trained under different profiles ({profiles}).",
            )
        )
    return [sentences]


def distances(found: Collection) -> Text:
    """How far the faces of both are from test faces, and which are closer."""
    names = {"frechet_distance": ("Fréchet 距離方面", "Fréchet", 2), "kernel_distance": ("核距離方面", "kernel", 4)}
    if _other_extractor(found):
        return (
            "兩者的資料或特徵抽取器的訓練步數不同，距離不在同一個特徵空間，不能比較。",
            "The two used other data or trained the feature extractor for other numbers of steps, so their distances "
            "are of different feature spaces and do not compare.",
        )
    known = {n: (measured(found.p1, n), measured(found.p2, n)) for n in names}
    known = {n: (v[0].mean, v[1].mean) for n, v in known.items() if all(v)}
    if not known:
        return "兩者沒有共同量測的距離可供比較。", "No distance was measured for both of them."
    parts = []
    for n, (vae, gan) in known.items():
        zh, en, digits = names[n]
        vae, gan = f"{vae:.{digits}f}", f"{gan:.{digits}f}"
        parts.append((f"{zh}，VAE 為 {vae}、GAN 為 {gan}", f"{en} VAE {vae}, GAN {gan}"))
    wins = {_closer(*v) for v in known.values()}
    if len(wins) > 1:
        verdict = "兩種距離對何者較近的結論並不一致。", "and the distances do not agree on which is closer."
    else:
        verdict = {
            "vae": ("因此 VAE 的人臉離測試人臉較近。", "so the VAE's faces are closer to the test faces."),
            "gan": ("因此 GAN 的人臉離測試人臉較近。", "so the GAN's faces are closer to the test faces."),
            "": ("因此兩者與測試人臉的距離相當。", "so the two are about equally far from the test faces."),
        }[wins.pop()]
    what = "以在訓練集人臉上訓練的屬性 CNN 抽取特徵，量測生成人臉與測試人臉的距離（並非 FID）："
    what_en = (
        "Distance between sampled and test faces, in features of an attribute CNN trained on the training faces "
        "(not FID):"
    )
    zh, en = "；".join(p[0] for p in parts), "; ".join(p[1] for p in parts)
    return f"{what}{zh}。{verdict[0]}", f"{what_en} {en}, {verdict[1]}"


def _other_extractor(found: Collection) -> bool:
    one, other = found.p1[0], found.p2[0]
    return one.sets != other.sets or one.params.get("extractor_steps") != other.params.get("extractor_steps")


def _closer(vae: float, gan: float) -> str:
    if abs(vae - gan) <= CLOSE * max(abs(vae), abs(gan)):
        return ""
    return "vae" if vae < gan else "gan"


def _looks(one: Record, two: Record) -> list[Text]:
    """Sharpness and variety of the 32 faces, in pixels."""
    real = one.arrays["originals"]
    (s1, v1), (s2, v2) = sharpness_and_variety(one.arrays["faces"]), sharpness_and_variety(two.arrays["faces"])
    s0 = sharpness_and_variety(real)[0]
    sharp, varied = compared(s2, s1, "VAE"), compared(v2, v1, "VAE")
    same = f"GAN 的銳利度與多樣性都{sharp[0]}" if sharp == varied else f"GAN 的銳利度{sharp[0]}，多樣性則{varied[0]}"
    out = (
        f"32 張人臉的平均相鄰像素差（銳利度）為 VAE {s1:.3f}、GAN {s2:.3f}（十張測試人臉為 {s0:.3f}），"
        f"人臉之間的像素標準差（多樣性）為 VAE {v1:.3f}、GAN {v2:.3f}；"
        f"{same}。",
        f"The mean difference of neighbouring pixels (sharpness) in the 32 faces is {s1:.3f} for the VAE and {s2:.3f} "
        f"for the GAN ({s0:.3f} in ten test faces), and the standard deviation over faces (variety) {v1:.3f} and "
        f"{v2:.3f}: the GAN's sharpness is {sharp[1]} the VAE's, its variety {varied[1]} the VAE's.",
    )
    noisy = s2 > s0 * (1 + CLOSE)
    noise = (
        "GAN 的銳利度高於測試人臉，其中可能含有雜訊，不能視為細節。",
        "The GAN's sharpness exceeds that of test faces, so part of it may be noise and is not to be read as detail.",
    )
    if stands_in([one, two]):
        return [out, noise] if noisy else [out]
    agrees = sharp[1] == varied[1] == "higher than" and not noisy
    student = (
        "學生以目視判斷 GAN 較多樣、細節較多；這兩項量測" + ("與此一致。" if agrees else "並非都支持這個看法。"),
        "By eye the student found the GAN more varied and more detailed; these measurements "
        + ("agree." if agrees else "do not both support that."),
    )
    return [out, noise, student] if noisy else [out, student]


def sharpness_and_variety(faces: np.ndarray) -> tuple[float, float]:
    """Mean absolute difference of neighbours, and mean standard deviation over faces; (N, 3, H, W) uint8, [0, 1]."""
    x = faces.astype(np.float32) / 255
    edges = np.abs(np.diff(x, axis=2)).mean() + np.abs(np.diff(x, axis=3)).mean()
    return float(edges / 2), float(x.std(axis=0).mean())


TEMPLATES = {"txt1_6": vae, "txt2_3": gan, "txt2_4": faces, "txt3_6": digits.dann, "txt4_4": digits.uda}
