"""Templates of the discussions 3-6 and 4-4; see `statements`."""

from collections.abc import Sequence

import numpy as np

from hwlib.config import SCENARIOS
from hwlib.record import Record
from hwlib.report import published, words
from hwlib.report.collect import Collection, Scenario
from hwlib.report.scores import Difference, Score, accuracy, difference, of_all, oracle, score, signed

Text = tuple[str, str]


def dann(found: Collection) -> list[list[Text]]:
    """3-6: for each scenario DANN against the two supervised models, and its commonest confusion."""
    paragraphs = []
    for pair, records in found.p3.items():
        source, ours, target = (accuracy(records, model) for model in ("source_only", "dann", "target_only"))
        paragraphs.append(
            [
                _head(records, pair),
                _against(ours, source, ("DANN", "DANN"), ("只用來源域訓練", "training on source only")),
                _ceiling(ours, target),
                *best_step(records, "dann"),
                *_on_source(records, "dann"),
                confused(records, "dann"),
                *domains_before_and_after(records),
            ]
        )
    pairs = tuple(found.p3)
    return [
        _ranking([difference(accuracy(r, "dann"), accuracy(r, "source_only")) for r in found.p3.values()]),
        *_bullets(paragraphs),
        [
            *_unfilled("p3", pairs),
            _seeds(found.of("p3"), ("這些結果", "These results")),
            *_student(found.p3, "dann", "dann"),
        ],
    ]


def uda(found: Collection) -> list[list[Text]]:
    """4-4: each improved method against problem 3's DANN where there is one, and its commonest confusion."""
    paragraphs = []
    for (name, pair), records in found.p4.items():
        ours, sentences = accuracy(records, name), [_head(records, pair)]
        title = tuple(map(words.plain, words.method(name)))
        if reference := found.p3.get(pair):
            sentences.append(
                _against(ours, accuracy(reference, "dann"), title, ("問題三的 DANN", "the DANN of problem 3"))
            )
            sentences.append(_ceiling(ours, accuracy(reference, "target_only")))
            sentences += _unlike(records, reference)
        else:
            line = words.command("p3", pair)
            sentences.append(
                (
                    f"{title[0]} 的準確率為 {ours}%；問題三尚無這組情境的紀錄可供比較（執行 {_code(line)} 即可補上）。",
                    f"{title[1]} reaches {ours}%; problem 3 has no record to compare with ({_code(line)}).",
                )
            )
        sentences += [*best_step(records, name), *_on_source(records, name), confused(records, name)]
        sentences += domains_after(records, title)
        paragraphs.append(sentences)
    ours = {pair: r for (name, pair), r in found.p4.items() if name == published.STUDENT_METHOD}
    student = _student(ours, published.STUDENT_METHOD, "uda") if ours else []
    pairs = tuple(pair for _, pair in found.p4)
    return [
        *_bullets(paragraphs),
        [
            *_unfilled("p4", pairs),
            _seeds(found.of("p4"), ("改良方法的結果", "The improved method's results")),
            *student,
        ],
    ]


def _bullets(paragraphs: list[list[Text]]) -> list[list[Text]]:
    return [[("- " + s[0][0], "- " + s[0][1]), *s[1:]] for s in paragraphs]


def _code(text: str) -> str:
    return "`" + text.replace("`", "'") + "`"


def _head(records: Sequence[Record], pair: Scenario) -> Text:
    zh, en = map(words.plain, words.scenario(records, pair))
    return f"**{zh}**：", f"**{en}**:"


def _points(value: float) -> str:
    return f"{abs(value):.2f}"


def _against(ours: Score, theirs: Score, who: Text, whom: Text) -> Text:
    """Gained, lost, equal, or within the spread over seeds."""
    gap = difference(ours, theirs)
    numbers = f"{ours}%", f"{theirs}%"
    if gap.sign == 0:
        return (
            f"{who[0]} 的準確率為 {numbers[0]}，{_space(whom[0]).lstrip()}為 {numbers[1]}，兩者相同。",
            f"{who[1]} reaches {numbers[0]}, and {whom[1]} {numbers[1]}: no difference.",
        )
    zh, en = ("高", "above") if gap.sign > 0 else ("低", "below")
    tail = (
        "，但差距在種子間的變動範圍之內（±{0:.2f} 個百分點）",
        ", a difference within the spread over seeds (±{0:.2f} points)",
    )
    tail = tuple(t.format(gap.spread) for t in tail) if gap.within_spread else ("", "")
    return (
        f"{who[0]} 的準確率為 {numbers[0]}，比{_space(whom[0])}的 {numbers[1]} {zh} {_points(gap.points)} 個百分點"
        f"{tail[0]}。",
        f"{who[1]} reaches {numbers[0]}, {_points(gap.points)} points {en} {whom[1]} ({numbers[1]}){tail[1]}.",
    )


def _space(word: str) -> str:
    """Latin words stand off from Han ones."""
    return f"{' ' if word[0].isascii() else ''}{word}{' ' if word[-1].isascii() else ''}"


def _ceiling(ours: Score, target: Score) -> Text:
    gap = difference(ours, target)
    if gap.sign >= 0:
        return (
            f"調適後的準確率不低於用目標域標籤訓練的 {target}%（相差 {_points(gap.points)} 個百分點）。",
            f"It is not below training with target labels ({target}%; {_points(gap.points)} points apart).",
        )
    return (
        f"與用目標域標籤訓練的 {target}% 相比，仍低 {_points(gap.points)} 個百分點。",
        f"Training with target labels ({target}%) is {_points(gap.points)} points higher.",
    )


def best_step(records: Sequence[Record], model: str) -> list[Text]:
    """The reported last step against the best observed one, which knows the target's labels and is no result."""
    best, last = oracle(records, model), accuracy(records, model)
    if best is None or last is None:
        return []
    gap = difference(best, last)
    if gap.sign == 0:
        return [
            (
                f"若依目標域標籤挑選步數（oracle，不是結果），同樣是 {best}%，與最後一步沒有差別。",
                f"Choosing the step by the target's labels (oracle, not a result) would give {best}% too, no more than "
                "the last step.",
            )
        ]
    zh, en = ("多", "more") if gap.sign > 0 else ("少", "less")
    return [
        (
            f"若依目標域標籤挑選步數（oracle，不是結果），會是 {best}%，比最後一步{zh} {_points(gap.points)} "
            "個百分點。",
            f"Choosing the step by the target's labels (oracle, not a result) would give {best}%, "
            f"{_points(gap.points)} points {en} than the last step.",
        )
    ]


def domains_before_and_after(records: Sequence[Record]) -> list[Text]:
    """3-6: whether the domains are harder to tell apart after adaptation; one network before and after."""
    before, after = (of_all(records, "proxy_a_distance", when) for when in ("before", "after"))
    if before is None or after is None:
        return []
    gap = difference(after, before)
    if gap.sign == 0 or gap.within_spread:
        zh, en = "沒有明顯差異", "showed no clear difference"
    else:
        zh, en = ("變小", "became smaller") if gap.sign < 0 else ("變大", "became larger")
    return [
        (
            f"調適之後，兩個領域的代理 A 距離{zh}（只用來源域訓練 {before}，DANN {after}；0 表示分不出領域，"
            "2 表示完全分得出）。",
            f"With adaptation the proxy A-distance of the domains {en} (trained on source {before}, DANN {after}; 0: "
            "they cannot be told apart, 2: always).",
        )
    ]


def domains_after(records: Sequence[Record], who: Text) -> list[Text]:
    """4-4: the distance alone; features of different networks do not compare."""
    after = of_all(records, "proxy_a_distance", "after")
    if after is None:
        return []
    return [
        (
            f"在{_space(who[0])}的特徵中，兩個領域的代理 A 距離為 {after}（0 表示分不出領域，2 表示完全分得出；"
            "不同網路之間不宜比較）。",
            f"In the features of {who[1]} the proxy A-distance of the domains is {after} (0: they cannot be told "
            "apart, 2: always; it does not compare between networks).",
        )
    ]


MOST = 3
ONE_ANSWER = 40  # percent of all images with one answer, from which on there is nothing to say about pairs


def _collapsed(counts: np.ndarray) -> Text | None:
    """What is said of a model that gives most images the same answer."""
    answers = counts.sum(axis=0)
    if not answers.sum() or (share := 100 * answers.max() / answers.sum()) < ONE_ANSWER:
        return None
    digit = answers.argmax()
    right, base = (100 * n / counts.sum() for n in (np.trace(counts), counts[digit].sum()))
    zh, en = "，分類明顯偏向這個數字。", "."
    if right <= base + 5:
        zh = f"，而一律回答 {digit} 就可得 {base:.1f}%，可以說幾乎沒有學會辨識目標域的數字。"
        en = f"; always answering {digit} would give {base:.1f}%, so it has hardly learned to read the target."
    return (
        f"模型把 {share:.0f}% 的目標域測試影像都認成 {digit}{zh}",
        f"The model answers {digit} to {share:.0f}% of the target's test images{en}",
    )


def _on_source(records: Sequence[Record], model: str) -> list[Text]:
    """How well the same model reads the source, where the record says it."""
    values = [record.metrics.get("source_accuracy", {}).get(model) for record in records]
    if not all(isinstance(value, (int, float)) for value in values):
        return []
    known = score(values)
    return [(f"同一個模型在來源域測試集上為 {known}%。", f"On the source's test set the same model reaches {known}%.")]


def confused(records: Sequence[Record], model: str) -> Text:
    """The pairs of digits that are confused most, as shares of the true digit; over all seeds."""
    tables = [r.arrays[f"confusion_{model}"] for r in records if f"confusion_{model}" in r.arrays]
    counts = np.sum(tables, axis=0, dtype=float) if tables else np.zeros((10, 10))
    if one_answer := _collapsed(counts):
        return one_answer
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100 * counts, totals, out=np.zeros_like(counts), where=totals > 0)
    np.fill_diagonal(shares, 0)
    worst = [np.unravel_index(i, shares.shape) for i in np.argsort(-shares, axis=None, kind="stable")[:MOST]]
    worst = [(true, said) for true, said in worst if shares[true, said] >= 0.5]
    if not worst:
        return "", ""
    zh = "、".join(f"把 {t} 認成 {s}（占所有 {t} 的 {shares[t, s]:.0f}%）" for t, s in worst)
    en = ", ".join(f"{t} read as {s} ({shares[t, s]:.0f}% of all {t}s)" for t, s in worst)
    if len(worst) == 1:
        return f"占比最高的混淆是{zh}。", f"The confusion with the largest share of its digit is {en}."
    return f"占比最高的混淆依序是{zh}。", f"The confusions with the largest shares of their digits are, in order, {en}."


VERDICTS = {
    "up": ("提高", "gained"),
    "down": ("降低", "lost"),
    "even": ("沒有明顯差異", "showed no clear difference"),
}


def counted(gaps: Sequence[Difference]) -> Text:
    """In how many scenarios it gained, lost, or did neither: "有 1 組提高、2 組降低", "gained in 1 and lost in 2 …"."""
    found, n = [verdict(gap) for gap in gaps], len(gaps)
    kinds = [kind for kind in VERDICTS if kind in found]
    if len(kinds) == 1:
        zh, en = VERDICTS[kinds[0]]
        return (f"都{zh}", f"{en} in all {n} scenarios") if n > 1 else (zh, f"{en} in the one scenario on record")
    zh = "、".join(f"{found.count(kind)} 組{VERDICTS[kind][0]}" for kind in kinds)
    parts = [f"{VERDICTS[kind][1]} in {found.count(kind)}" for kind in kinds]
    return f"有 {zh}", f"{', '.join(parts[:-1])} and {parts[-1]} of the {n} scenarios"


def verdict(gap: Difference) -> str:
    """`up`, `down`, or `even` where there is no difference or it is within the spread over seeds."""
    if gap.sign == 0 or gap.within_spread:
        return "even"
    return "up" if gap.sign > 0 else "down"


def plural(n: int) -> str:
    """The English plural's ending."""
    return "" if n == 1 else "s"


def _ranking(gaps: Sequence[Difference]) -> list[Text]:
    """How many scenarios gained and how many lost."""
    (zh, en), n = counted(gaps), len(gaps)
    return [
        (
            f"與只用來源域訓練相比，DANN 的準確率在有紀錄的 {n} 組情境中{zh}。",
            f"Against training on source only, DANN {en}.",
        )
    ]


def _unlike(ours: Sequence[Record], theirs: Sequence[Record]) -> list[Text]:
    if words.origin(ours[0]) == words.origin(theirs[0]):
        return []
    return [("（注意：兩者的資料、設定檔或參數不同。）", "(Note: the two differ in data, profile or settings.)")]


def _unfilled(problem: str, pairs: Sequence[Scenario]) -> list[Text]:
    absent = [pair for pair in SCENARIOS if pair not in pairs]
    if not absent:
        return []
    zh, en = "、".join(f"{s} → {t}" for s, t in absent), ", ".join(f"{s} → {t}" for s, t in absent)
    return [(f"{zh} 尚無紀錄。", f"There is no record of {en} yet.")]


def _seeds(records: Sequence[Record], who: Text) -> Text:
    seeds = sorted({record.run["seed"] for record in records})
    if len(seeds) == 1:
        return (
            f"{who[0]}只用了一個種子（{seeds[0]}），小幅差距不足以作為定論。",
            f"{who[1]} come from one seed ({seeds[0]}), so small differences settle nothing.",
        )
    return (
        f"以上數值取自種子 {'、'.join(map(str, seeds))}（各組的種子數見表），± 為種子間的標準差；"
        "沒有 ± 者只用了一個種子。",
        f"Numbers are over seeds {', '.join(map(str, seeds))}; ± is the standard deviation, and those without it come "
        "from one seed.",
    )


def _student(groups: dict[Scenario, Sequence[Record]], model: str, key: str) -> list[Text]:
    """Against the student's reported numbers, where the images are the real ones."""
    real = {p: r for p, r in groups.items() if not any(s["stand_in"] for record in r for s in record.sets)}
    parts = [
        f"{pair[0]} → {pair[1]} {signed(round(accuracy(records, model).mean, 2) - published.STUDENT[key][pair])}"
        for pair, records in real.items()
        if pair in published.STUDENT[key]
    ]
    sentences = []
    if parts:
        sentences.append(
            (
                f"本次結果減去學生報告的數值（單位為百分點）：{'、'.join(parts)}。",
                f"Ours less the student's reported numbers, in points: {', '.join(parts)}.",
            )
        )
        sentences.append(
            (
                "學生訓練 100 個 epoch、使用課程的全部影像；本次的訓練量與影像數見附錄，未必相同。",
                "The student trained for 100 epochs on all of the course's images; how long and on how many we did is "
                "in the appendix, and may differ.",
            )
        )
    if len(real) < len(groups):
        sentences.append(
            (
                "使用替代資料的情境，其數值不能與學生在課程真實資料上的數值比較。",
                "Where stand-ins were used, the numbers do not compare with the student's on the real data.",
            )
        )
    return sentences
