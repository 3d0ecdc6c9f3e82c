"""The summary's sentences: three on each problem, made from the same numbers as its tables."""

import re

from hwlib.config import AUTO_METHOD
from hwlib.report import published, words
from hwlib.report.collect import Collection
from hwlib.report.scores import Difference, Score, accuracy, difference, measured, signed
from hwlib.report.statements import balance, compared, distances, sharpness_and_variety, stands_in
from hwlib.report.statements_digits import counted, plural, verdict

Text = tuple[str, str]
SIZE = re.compile(r"^(\w+): ([\d,]+) parameters$", re.MULTILINE)


def sentences(problem: str, found: Collection) -> list[Text]:
    """Three sentences (zh, en) on a problem with records: what was trained, what came out, and how that compares."""
    return {"p1": vae, "p2": gan, "p3": dann, "p4": uda}[problem](found)


def _size(record) -> dict[str, str]:
    """Number of parameters of each printed network."""
    try:
        return dict(SIZE.findall((record.folder / "model.txt").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _sized(record, network: str, name: str) -> Text:
    """The name with its number of parameters, where the record prints it."""
    count = _size(record).get(network)
    return (f"{name}（{count} 個參數）", f"{name} ({count} parameters)") if count else (f"{name} ", name)


def _budget(record) -> Text:
    """How long a model was trained."""
    params = record.params
    steps, epochs, size = params.get("steps"), params.get("epochs"), params.get("batch_size")
    zh, en = (f"{steps} 步", f"{steps} steps") if steps else (f"{epochs} 個 epoch", f"{epochs} epochs")
    return f"{zh}、每批 {size} 張", f"{en} of {size} images"


def _faces(record) -> Text:
    train = next((s for s in record.sets if s["split"] == "train"), record.sets[0])
    mark = ("（替代資料）", " stand-in") if train["stand_in"] else ("", "")
    return f"{train['count']} 張人臉{mark[0]}", f"{train['count']}{mark[1]} faces"


def vae(found: Collection) -> list[Text]:
    """Problem 1."""
    record = found.p1[0]
    name, (zh, en), faces = _sized(record, "VAE", "VAE"), _budget(record), _faces(record)
    trained = (
        f"{name[0]}以 {faces[0]}訓練 {zh}。",
        f"The {name[1]} was trained on {faces[1]} for {en}.",
    )
    mse, kl = measured(found.p1, "test_mse"), measured(found.p1, "test_kl")
    numbers = f"整個測試集的 KL 為 {kl.text(1)} nats、重建 MSE 為 {mse.text(4)}"
    numbers_en = f"Over the whole test set its KL is {kl.text(1)} nats and its reconstruction MSE {mse.text(4)}"
    if stands_in([record]):
        came = (
            f"{numbers}（替代資料，不能與學生的 {published.STUDENT_MSE} 比較）。",
            f"{numbers_en} (stand-ins, so not to be held against the student's {published.STUDENT_MSE}).",
        )
    else:
        ten = sum(record.metrics["table_mse"]) / len(record.metrics["table_mse"])
        than, than_en = compared(ten, published.STUDENT_MSE, f"學生的 {published.STUDENT_MSE}")
        came = (
            f"{numbers}；十張影像的平均 MSE 為 {ten:.4f}，{than}。",
            f"{numbers_en}; its ten images have a mean MSE of {ten:.4f}, {than_en} the student's "
            f"{published.STUDENT_MSE}.",
        )
    share = _sharpness(record, record)
    faces_of = (
        f"由 N(0, I) 抽樣並解碼的人臉，銳利度（相鄰像素差的平均）為測試人臉的 {share:.0f}%。",
        f"Faces decoded from draws of N(0, I) are {share:.0f}% as sharp as test faces (mean difference of neighbours).",
    )
    return [trained, came, faces_of]


def _sharpness(record, real) -> float:
    """Sharpness of a record's faces in percent of the test faces of `real`."""
    return (
        100
        * sharpness_and_variety(record.arrays["faces"])[0]
        / max(sharpness_and_variety(real.arrays["originals"])[0], 1e-9)
    )


def gan(found: Collection) -> list[Text]:
    """Problem 2."""
    record = found.p2[0]
    (zh, en), faces = _budget(record), _faces(record)
    generator, discriminator = _sized(record, "Generator", "生成器")[0], _sized(record, "Discriminator", "鑑別器")[0]
    pair = _sized(record, "Generator", "generator")[1], _sized(record, "Discriminator", "discriminator")[1]
    trained = (
        f"{generator.strip()}與{discriminator.strip()}以 {faces[0]}輪流訓練 {zh}。",
        f"A {pair[0]} and a {pair[1]} were trained in turn on {faces[1]} for {en}.",
    )
    real, fake = measured(found.p2, "discriminator_real"), measured(found.p2, "discriminator_fake")
    outcome = balance(real.mean, fake.mean)
    answers = (
        f"鑑別器判定未參與訓練的人臉為真的機率平均為 {real}，判定生成人臉為真的機率平均為 {fake}：{outcome[0]}",
        f"The discriminator gives held-out faces a mean probability of {real} of being real, and generated ones "
        f"{fake}: {outcome[1]}",
    )
    if not found.p1:
        line = words.command("p1")
        return [
            trained,
            answers,
            (f"尚無 VAE 的紀錄可供比較（`{line}`）。", f"There is no VAE on record to compare with (`{line}`)."),
        ]
    return [trained, answers, distances(found)]


def _against(groups: dict, gaps: dict, who: Text, whom: Text) -> Text:
    """In how many scenarios one gained on the other and in how many it lost, and where the most."""
    (zh, en), n = counted(tuple(gaps.values())), len(gaps)
    tails = ["", ""]
    for pick, kind, word in ((max, "up", ("提高最多", "gained")), (min, "down", ("降低最多", "lost"))):
        these = [item for item in gaps.items() if verdict(item[1]) == kind]
        if these and n > 1:
            pair, gap = pick(these, key=lambda item: item[1].points)
            title = tuple(map(words.plain, words.scenario(groups[pair], pair)))
            tails[0] += f"；{word[0]}的是 {title[0]}，幅度 {abs(gap.points):.2f} 個百分點"
            tails[1] += f"{', and' if tails[1] else '; it'} {word[1]} most in {title[1]} ({signed(gap.points)} points)"
    return (
        f"與{whom[0]}相比，{who[0]} 的準確率在 {n} 組情境中{zh}{tails[0]}。",
        f"Against {whom[1]}, {who[1]} {en}{tails[1]}.",
    )


def dann(found: Collection) -> list[Text]:
    """Problem 3."""
    records = next(iter(found.p3.values()))
    (zh, en), n = _budget(records[0]), len(found.p3)
    name, size = (_sized(records[0], "DANN", text)[i] for i, text in enumerate(("網路", "network")))
    trained = (
        f"同一個{name.strip()}在 {n} 組情境中以三種方式訓練：只用來源域、以 DANN 調適，以及用目標域標籤；每次 {zh}。",
        f"One {size} was trained in three ways in each of {n} scenario{plural(n)}: on the source, adapted by DANN, and "
        f"on the target with labels; {en} each.",
    )
    gaps = {p: difference(accuracy(r, "dann"), accuracy(r, "source_only")) for p, r in found.p3.items()}
    whom = ("只用來源域訓練", "training on the source alone")
    outcome = _against(found.p3, gaps, ("DANN", "DANN"), whom)
    ceiling = [difference(accuracy(r, "dann"), accuracy(r, "target_only")) for r in found.p3.values()]
    return [trained, outcome, _below(ceiling, [accuracy(r, "target_only") for r in found.p3.values()])]


def _below(gaps: list[Difference], tops: list[Score]) -> Text:
    points = sorted(-gap.points for gap in gaps)
    if points[0] <= 0:
        reached = sum(p <= 0 for p in points)
        return (
            f"DANN 在 {len(points)} 組中有 {reached} 組達到用目標域標籤訓練的準確率。",
            f"In {reached} of {len(points)} it reaches the accuracy of training with target labels.",
        )
    span = f"{points[0]:.2f}" if len(points) == 1 else f"{points[0]:.2f} 至 {points[-1]:.2f}"
    best = max(top.mean for top in tops)
    return (
        f"與各組用目標域標籤訓練的上限（其中最高為 {best:.2f}%）相比，仍低 {span} 個百分點。",
        f"Training with target labels, the upper bound (at best {best:.2f}%), is {span.replace('至', 'to')} points "
        "higher.",
    )


def uda(found: Collection) -> list[Text]:
    """Problem 4."""
    method = reported_method(found)
    groups = {pair: r for (name, pair), r in found.p4.items() if name == method}
    records, title = next(iter(groups.values())), tuple(map(words.plain, words.method(method)))
    size = next(iter(_size(records[0]).values()), None)
    sized = (f"（{size} 個參數）", f" ({size} parameters)") if size else (" ", "")
    (zh, en), n = _budget(records[0]), len(groups)
    trained = (
        f"{title[0]}{sized[0]}在 {n} 組情境中訓練，每次 {zh}。",
        f"{title[1]}{sized[1]} was trained in {n} scenario{plural(n)} for {en} each.",
    )
    gaps = {
        pair: difference(accuracy(r, method), accuracy(found.p3[pair], "dann"))
        for pair, r in groups.items()
        if pair in found.p3 and not words.mixed([*r, *found.p3[pair]])
    }
    if gaps:
        outcome = _against(groups, gaps, title, ("問題三的 DANN ", "the DANN of problem 3"))
    else:
        line = words.command("p3")
        outcome = (
            f"問題三沒有資料、設定檔與參數都相同的紀錄可供比較（`{line}`）。",
            f"Problem 3 has no record of the same data, profile and settings to compare with (`{line}`).",
        )
    return [trained, outcome, _peers(groups, method)]


def reported_method(found: Collection) -> str:
    """The improved method that `auto` stands for where it is on record, else the first that is.

    Not the one that came out best: that would be a choice by the target's labels.
    """
    methods = [name for name, _ in found.p4]
    return AUTO_METHOD if AUTO_METHOD in methods else methods[0]


def _peers(groups: dict, method: str) -> Text:
    """Against the student and the best peer, on real images only."""
    real = {pair: r for pair, r in groups.items() if not stands_in(r) and pair in published.STUDENT["uda"]}
    if not real:
        return (
            "這些結果來自替代資料或其他資料集，不能與學生及同儕的數值比較。",
            "These results are on stand-ins or other sets and do not compare with the student's and the peers'.",
        )
    over = sum(accuracy(r, method).mean > published.STUDENT["uda"][pair] for pair, r in real.items())
    beyond = sum(accuracy(r, method).mean > published.BEST["uda"][pair][0] for pair, r in real.items())
    n = len(real)
    return (
        f"在使用真實資料的 {n} 組情境中，高於學生報告的有 {over} 組，高於最佳同儕報告的有 {beyond} 組。",
        f"Of the {n} on real images, {over} {'is' if over == 1 else 'are'} above the student's report and {beyond} "
        "above the best of its peers.",
    )
