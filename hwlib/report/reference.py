"""The reference results, from their ledger alone: the report's section, and README's table."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hwlib.config import AUTO_METHOD, SCENARIOS
from hwlib.ledger import MODELS, SEEDS, Entry, complete
from hwlib.report import published, words
from hwlib.report.collect import Scenario
from hwlib.report.scores import signed
from hwlib.report.tables import both_or_one
from hwlib.report.words import both, esc, inline

Book = Mapping[str, Any]
Text = tuple[str, str]

TITLE = ("參考結果", "Reference results")
MARKERS = ("<!-- reference results: from report/reference/results.json -->", "<!-- end of the reference results -->")
"""Between these two lines README's table is written by `hw reference`."""
COMMAND = "hw reference --data FOLDER"


def section(book: Book) -> str:
    """The section `#reference`: the table, what it still lacks, and the ablation where there is one."""
    told = [*book["results"], *book["incomplete"]]
    table = _table(book, told) if told else ""
    return (
        f'<section id="reference"><h2>{inline(*TITLE)}</h2>{table}{_gaps_note(book, bool(told))}{_ablation(book)}'
        "</section>"
    )


def rows(book: Book) -> list[tuple[str, str, dict[Scenario, Entry]]]:
    """Model, profile and entries by pair, in the order of the tables; an empty profile where a model has no entry.

    A complete result stands before a newer one that is not complete.
    """
    told = [*book["results"], *book["incomplete"]]
    others = [e["model"] for e in told if e["model"] not in (*MODELS, AUTO_METHOD)]
    found = []
    for model in (*MODELS[:2], *dict.fromkeys(others), AUTO_METHOD, MODELS[2]):
        mine = [entry for entry in told if entry["model"] == model]
        for profile in sorted({entry["profile"] for entry in mine}) or [""]:
            cells: dict[Scenario, Entry] = {}
            for entry in mine:
                if entry["profile"] == profile:
                    cells.setdefault((entry["src"], entry["tgt"]), entry)
            found.append((model, profile, cells))
    return found


def gaps(book: Book) -> list[Text]:
    """What is still to be run, a line each: runs of which no seed is there first, then those with some."""
    lines, waiting = [], {}
    for entry in book["incomplete"]:
        run = "p3" if entry["problem"] == "p3" else f"p4 {entry['model']}"
        waiting.setdefault((run, entry["src"], entry["tgt"], entry["profile"]), entry["seeds"])
    for run, model in (("p3", "dann"), (f"p4 {AUTO_METHOD}", AUTO_METHOD)):
        there = {(e["src"], e["tgt"]) for e in (*book["results"], *book["incomplete"]) if e["model"] == model}
        if pairs := [f"{src} → {tgt}" for src, tgt in SCENARIOS if (src, tgt) not in there]:
            zh, en = f"{run}，{'、'.join(pairs)}", f"{run}, {', '.join(pairs)}"
            lines.append((f"{zh}：缺種子 {_seeds(SEEDS, '、')}", f"{en}: seeds {_seeds(SEEDS)} are missing"))
    for (run, src, tgt, profile), seeds in waiting.items():
        left = [seed for seed in SEEDS if seed not in seeds]
        zh, en = f"{run}，{src} → {tgt}，設定檔 {profile}", f"{run}, {src} → {tgt}, profile {profile}"
        zh += f"：已有種子 {_seeds(seeds, '、')}，缺 {_seeds(left, '、')}"
        lines.append((zh, f"{en}: {_plural(seeds)} there, {_plural(left)} missing"))
    return lines


def _plural(seeds: list[int]) -> str:
    return f"seed {seeds[0]} is" if len(seeds) == 1 else f"seeds {_seeds(seeds)} are"


def _seeds(seeds: Iterable[int], mark: str = ", ") -> str:
    return mark.join(map(str, seeds))


def _gaps_note(book: Book, some: bool) -> str:
    if not (lines := gaps(book)):
        return ""
    head = ("以下尚未完成", "Not complete yet") if some else ("目前沒有參考結果", "There are no reference results yet")
    code = f"<code>{esc(COMMAND)}</code>"
    told = both(
        f"{head[0]}；以課程資料夾執行 {code} 即可補上，中斷後再執行一次便會接續。",
        f"{head[1]}; {code} with a course folder fills this, and goes on where it was stopped.",
    )
    items = "".join(f"<li>{both(*map(esc, line))}</li>" for line in lines)
    return f'<div class="note">{told}<ul>{items}</ul></div>'


def _table(book: Book, told: list[Entry]) -> str:
    head = f'<th scope="col">{both("方法", "Method")}</th>'
    head += "".join(f'<th scope="col">{esc(src)} → {esc(tgt)}</th>' for src, tgt in SCENARIOS)
    body, groups = "", rows(book)
    for number, (model, profile, cells) in enumerate(groups):
        first = number == 0 or groups[number - 1][0] != model
        final = number + 1 == len(groups) or groups[number + 1][0] != model
        body += "<tbody>" if first else ""
        budget = f" <small>{esc(profile)}</small>" if profile else ""
        title = both_or_one(*(esc(name) + budget for name in words.method(model)))
        body += _row(title, (_ours(cells.get(pair)) for pair in SCENARIOS), "ours")
        body += _oracle(cells) + ((_others(model) + "</tbody>") if final else "")
    caption = both(
        f"<b>{TITLE[0]}</b>：目標域測試集的準確率（%）",
        f"<b>{TITLE[1]}</b>: accuracy on the target test set, %",
    )
    return (
        f'{_notes(told)}<table class="numbers"><caption>{caption}</caption><thead><tr>{head}</tr></thead>{body}</table>'
    )


def _row(title: str, cells: Iterable[str], kind: str = "") -> str:
    opened = f'<tr class="{kind}">' if kind else "<tr>"
    return f'{opened}<th scope="row">{title}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _ours(entry: Entry | None) -> str:
    """Mean and deviation of a result; of an incomplete one the mean, and which seeds it is of."""
    if entry is None:
        return "—"
    if not complete(entry):
        seeds = entry["seeds"]
        zh, en = f"種子 {_seeds(seeds, '、')}", f"seed{'s' if len(seeds) > 1 else ''} {_seeds(seeds)}"
        return f"{entry['mean']:.2f} <small>{inline(f'只有{zh}', f'{en} only')}</small>"
    count = len(entry["seeds"])
    return f'<b>{_spread(entry)}</b> <small class="count">n = {count}</small>'


def _spread(entry: Mapping[str, Any], digits: int = 2) -> str:
    return f"{entry['mean']:.{digits}f}" + ("" if entry["sd"] is None else f" ± {entry['sd']:.{digits}f}")


def _oracle(cells: Mapping[Scenario, Entry]) -> str:
    """What choosing the step by the target's labels would have given, in small print; of complete results only."""
    entries = [entry if (entry := cells.get(pair)) and complete(entry) else {} for pair in SCENARIOS]
    values = [entry.get("oracle_not_a_result") for entry in entries]
    if not any(values):
        return ""
    title = both("依目標域標籤選出的最佳步（不是結果）", "best step by target labels (not a result)")
    return _row(f"<small>{title}</small>", (f"<small>{_spread(v)}</small>" if v else "—" for v in values))


def _others(model: str) -> str:
    """The student's number, that of the best public report, and for AdaMatch the paper's."""
    name = model if model in published.STUDENT else "uda"
    method = f" <small>{esc(published.STUDENT_SOURCE.method)}</small>" if name == "uda" else ""
    student, best = published.STUDENT[name], published.BEST[name]
    out = _row(both("學生", "student") + method, (f"{student[pair]:.2f}" for pair in SCENARIOS))
    cells = []
    for value, source in (best[pair] for pair in SCENARIOS):
        which = f"{esc(source.method)}, " if name == "uda" else ""
        cells.append(f'{value:.2f} <small>{which}<a href="#{source.key}">{esc(source.owner)}</a></small>')
    out += _row(both("同儕最佳", "best peer"), cells)
    if model == AUTO_METHOD == "adamatch":
        title = both(f"論文（{published.ADAMATCH_CITE}）", f"the paper ({published.ADAMATCH_CITE})")
        out += _row(title, (f"{published.ADAMATCH[pair]:.1f}" for pair in SCENARIOS))
    return out


def _notes(told: list[Entry]) -> str:
    """What the table's numbers are of: beside it and not in its caption, so that the table fits a page."""
    lines = [
        (
            "真實影像；取最後一步的模型，種子 0、1、2 的平均 ± 標準差。數值來自 "
            "report/reference/results.json，與本報告的執行紀錄無關；學生與同儕的數值來自課程真實資料，各為單次執行。",
            "Real images; model of the last step, mean ± standard deviation of seeds 0, 1 and 2. The numbers are those "
            "of report/reference/results.json, not of this report's runs; the student's and the peers' are on the real "
            "course data, one run each.",
        ),
        *_machines(told),
        counts(told),
        *_effort(told),
        *_sources(told),
    ]
    zh, en = ("".join(f"<p>{esc(line[i])}</p>" for line in lines) for i in (0, 1))
    return f'<div class="pair"><div lang="{words.ZH}">{zh}</div><div lang="{words.EN}">{en}</div></div>'


def _machines(told: list[Entry]) -> list[Text]:
    """Profile, hardware, threads, precision and version of torch, a line for each that differs, with its seeds then."""
    lines: dict[tuple[str, str, str], set[int]] = {}
    for entry in told:
        for run in entry["runs"]:
            what = f"{run['hardware']}, {run['precision']}, torch {run['torch']}"
            lines.setdefault((entry["profile"], what, run["threads"]), set()).add(run["seed"])
    several = len(lines) > 1
    found = []
    for (profile, what, threads), numbers in lines.items():
        seeds = sorted(numbers)
        zh = f"，種子 {_seeds(seeds, '、')}" if several else ""
        en = f", seed{'s' if len(seeds) > 1 else ''} {_seeds(seeds)}" if several else ""
        found.append(
            (
                f"設定檔 {profile}{zh}：{what}，執行緒 {threads}。",
                f"Profile {profile}{en}: {what}, threads {threads}.",
            )
        )
    return found


def counts(told: Iterable[Entry]) -> Text:
    """Images of each set as the ledger has them, and where their number is not the course's."""
    found: dict[tuple[str, str], set[int]] = {}
    for entry in told:
        for s in entry["data"]["sets"]:
            found.setdefault((s["name"], s["split"]), set()).add(s["count"])
    names = dict.fromkeys(name for name, _ in found)

    def number(name: str, split: str) -> str:
        return "/".join(map(str, sorted(found.get((name, split), ())))) or "—"

    listed = [f"{name} {number(name, 'train')} + {number(name, 'test')}" for name in names]
    zh, en = f"影像數（訓練 + 測試）：{'、'.join(listed)}", f"Images (train + test): {', '.join(listed)}"
    other = [
        (name, split, number(name, split), course)
        for (name, split), course in published.COURSE_COUNTS.items()
        if found.get((name, split), {course}) != {course}
    ]
    if not other:
        return f"{zh}，與課程相同。", f"{en}, as many as the course's."
    said = [f"{name} {split} {count}（課程 {course}）" for name, split, count, course in other]
    said_en = [f"{name} {split} {count} (course {course})" for name, split, count, course in other]
    return (
        f"{zh}。與課程不同的有：{'、'.join(said)}。",
        f"{en}. Not as many as the course's: {', '.join(said_en)}.",
    )


def _effort(told: list[Entry]) -> list[Text]:
    """Beside the paper's labelled images, what our trainings drew."""
    drawn = sorted({run["images"] for e in told if e["model"] == "adamatch" for run in e["runs"]})
    if not drawn:
        return []
    span = " / ".join(f"{n:,}" for n in drawn)
    return [
        (
            "論文以 WideResNet-28-2 訓練，取用八百萬張有標籤的影像；本專案的 AdaMatch 每次訓練共取用來源域與目標域影像 "
            f"{span} 張（步數 × 批次 × 2）。",
            "The paper trained a WideResNet-28-2 on eight million labelled images; our AdaMatch draws "
            f"{span} images of source and target in a training (steps × batch × 2).",
        )
    ]


def _sources(told: list[Entry]) -> list[Text]:
    """Results whose seeds were computed by different sources, by name."""
    several = [e for e in told if len({run["source"] for run in e["runs"]}) > 1]
    if not several:
        return []
    names = [f"{e['model']} {e['src']} → {e['tgt']}" for e in several]
    return [
        (
            f"各種子之間程式碼有變動的結果：{'、'.join(names)}；版本見 results.json。",
            f"Results between whose seeds the code changed: {', '.join(names)}; results.json has the revisions.",
        )
    ]


def _ablation(book: Book) -> str:
    """Each part of the method left out in turn, and how far that is from the whole method."""
    body = ""
    for entry, gap in _gaps_to_whole(book["ablation"]):
        spread = _spread({"mean": entry["mean"], "sd": entry.get("sd")})
        name = both_or_one(*map(esc, words.WITHOUT.get(entry["without"], (entry["without"],) * 2)))
        body += _row(name, (f"<b>{spread}</b>", gap, _seeds(entry["seeds"])))
    if not body:
        return ""
    heads = (("去掉的部分", "left out"), ("準確率（%）", "accuracy, %"), ("差距", "gap"), ("種子", "seeds"))
    head = "".join(f'<th scope="col">{both(*text)}</th>' for text in heads)
    first = book["ablation"][0]
    pair, steps = f"{esc(first['src'])} → {esc(first['tgt'])}", esc(first["steps"])
    caption = both(
        f"<b>消融實驗</b>：AdaMatch，{pair}，{steps} 步<br><small>目標域測試集的準確率，取最後一步的模型。"
        "方法的設定都在這類不列入報告的情境上選定。</small>",
        f"<b>Ablation</b>: AdaMatch, {pair}, {steps} steps<br><small>Accuracy on the target test set, model of the "
        "last step. The method was settled on pairs of this kind, which are not reported.</small>",
    )
    top = f"<caption>{caption}</caption><thead><tr>{head}</tr></thead>"
    return f'<table class="numbers">{top}<tbody>{body}</tbody></table>'


def markdown(book: Book) -> str:
    """README's table and the lines below it; with nothing on record, what is missing."""
    pairs = [f"{src} → {tgt}" for src, tgt in SCENARIOS]
    lines = [f"| method | profile | {' | '.join(pairs)} |", f"| --- | --- |{' --- |' * len(pairs)}"]
    for model, profile, cells in rows(book):
        told = [_plain(cells.get(pair)) for pair in SCENARIOS]
        lines.append(f"| {words.method(model)[1]} | {f'`{profile}`' if profile else '–'} | {' | '.join(told)} |")
    student, best = published.STUDENT, published.BEST["uda"]
    theirs = {
        "the student's DANN": [f"{student['dann'][pair]:.1f}" for pair in SCENARIOS],
        f"the student's {published.STUDENT_SOURCE.method}": [f"{student['uda'][pair]:.1f}" for pair in SCENARIOS],
        "best improved method of other public reports": [
            f"{best[pair][0]:.1f} ({best[pair][1].method})" for pair in SCENARIOS
        ],
        f"AdaMatch, {published.ADAMATCH_CITE}, table 127": [f"{published.ADAMATCH[pair]:.1f}" for pair in SCENARIOS],
    }
    lines += [f"| {name} | – | {' | '.join(values)} |" for name, values in theirs.items()]
    told = [*book["results"], *book["incomplete"]]
    notes = [en for _, en in [*_machines(told), *([counts(told)] if told else []), *_effort(told), *_sources(told)]]
    left = [f"- {en}" for _, en in gaps(book)]
    parts = ["\n".join(lines), "\n".join(notes)]
    if left:
        parts.append("Not complete yet; `make reference DATA=folder` goes on with it:\n\n" + "\n".join(left))
    if book["ablation"]:
        parts.append(_ablation_markdown(book["ablation"]))
    return "\n" + "\n\n".join(filter(None, parts)) + "\n"


def _ablation_markdown(rows: list[Entry]) -> str:
    """README's table of the ablation."""
    first = rows[0]
    lines = [
        f"What each part of AdaMatch is worth, on {first['src']} → {first['tgt']}, which is not reported: "
        f"{first['steps']} steps, each part left out in turn (`make ablation`):\n",
        "| left out | accuracy, % | gap to the whole method | seeds |\n| --- | --- | --- | --- |",
    ]
    for entry, gap in _gaps_to_whole(rows):
        name = words.WITHOUT.get(entry["without"], (entry["without"],) * 2)[1]
        lines.append(f"| {name} | {_spread(entry, 1)} | {gap or '–'} | {_seeds(entry['seeds'])} |")
    return "\n".join(lines)


def _gaps_to_whole(rows: list[Entry]) -> Iterator[tuple[Entry, str]]:
    """Each row of an ablation with its distance from the whole method, where there is one."""
    whole = next((entry["mean"] for entry in rows if entry["without"] == "nothing"), None)
    for entry in rows:
        known = whole is not None and entry["without"] != "nothing"
        yield entry, signed(round(entry["mean"] - whole, 2)) if known else ""


def _plain(entry: Entry | None) -> str:
    if entry is None:
        return "–"
    if not complete(entry):
        return f"{entry['mean']:.1f} (seed {_seeds(entry['seeds'])})"
    return f"**{_spread(entry, 1)}**"
