"""The report on one page: three sentences a problem in each language, the accuracies, and the best figures."""

from functools import partial

from hwlib.config import CONFIGS
from hwlib.record import Record
from hwlib.report import tables, words
from hwlib.report.artefacts import shown
from hwlib.report.collect import Collection
from hwlib.report.markdown import render
from hwlib.report.scores import accuracy, measured
from hwlib.report.statements_summary import sentences
from hwlib.report.words import both, esc, inline


def summary(found: Collection) -> str:
    """The section `#summary`."""
    table, mixed = _accuracies(found)
    return (
        f'<section id="summary"><h2>{inline("摘要", "Summary")}</h2>{_text(found)}'
        f'<div class="columns{" mixed" if mixed else ""}">{table}<div>{_faces(found)}{_figures(found)}</div></div>'
        "</section>"
    )


def _text(found: Collection) -> str:
    columns = ["", ""]
    for problem in CONFIGS:
        told = sentences(problem, found) if found.of(problem) else []
        for i, name in enumerate(words.PROBLEMS[problem]):
            line = words.command(problem)
            absent = (f"尚無紀錄；執行 `{line}` 即可補上。", f"No record yet; `{line}` fills this.")[i]
            text = ("" if i == 0 else " ").join(s[i] for s in told) or absent
            head = f"[{name}](#{problem})"
            columns[i] += f"- **{head}**{'：' if i == 0 else ':'} {text}\n".replace("： ", "：")
    zh, en = map(render, columns)
    return f'<div class="pair"><div lang="{words.ZH}">{zh}</div><div lang="{words.EN}">{en}</div></div>'


def _accuracies(found: Collection) -> tuple[str, bool]:
    """The table of all methods, and whether its cells say what they were made from, for then it takes more room."""
    content, used, mixed = tables.accuracy_rows(tables.all_rows(found))
    zh, en = map(esc, words.provenance(used))
    if mixed:
        zh, en = (f"{text}<br>{note}" for text, note in zip((zh, en), tables.MIXED, strict=True))
    caption = both(
        f"<b>準確率</b>：目標域測試集（%）；說明見表 3-1<br><small>{zh}</small>",
        f"<b>Accuracy</b> on the target test set, %; see Table 3-1<br><small>{en}</small>",
    )
    return f'<table class="numbers"><caption>{caption}</caption>{content}</table>', mixed


MEASURES = {
    "test_mse": ("測試集重建 MSE", "test reconstruction MSE", 4),
    "test_kl": ("測試集 KL（nats）", "test KL, nats", 1),
    "frechet_distance": ("Fréchet 距離（非 FID）", "Fréchet distance (not FID)", 2),
    "kernel_distance": ("核距離", "kernel distance", 4),
}


def _faces(found: Collection) -> str:
    """The two generative models in numbers, a row a measure."""
    if not (found.p1 or found.p2):
        return words.missing("p1") + words.missing("p2")
    rows = ""
    for name, (zh, en, digits) in MEASURES.items():
        values = [measured(group, name) for group in (found.p1, found.p2)]
        cells = "".join(f"<td>{value.text(digits) if value else '—'}</td>" for value in values)
        rows += f'<tr><th scope="row">{both(zh, en)}</th>{cells}</tr>'
    used = [*found.p1, *found.p2]
    zh, en = map(esc, words.provenance(used))
    if words.mixed(used):
        zh += "<br><strong>注意：兩者的資料、設定檔或參數不同。</strong>"
        en += "<br><strong>Note: the two differ in data, profile or settings.</strong>"
    caption = both(
        f"<b>人臉</b>：距離以屬性 CNN 的特徵量測<br><small>{zh}</small>",
        f"<b>Faces</b>: distances in features of an attribute CNN<br><small>{en}</small>",
    )
    absent = "".join(words.missing(problem) for problem in ("p1", "p2") if not found.of(problem))
    return (
        f'<table class="measures"><caption>{caption}</caption><thead><tr><th scope="col">{both("量測", "Measure")}</th>'
        f'<th scope="col">VAE</th><th scope="col">GAN</th></tr></thead><tbody>{rows}</tbody></table>{absent}'
    )


def best(found: Collection) -> tuple[Record, str] | None:
    """The adapted run with the highest accuracy on its target, and its method; None without one."""
    adapted = [(r, "dann") for r in found.p3.values()]
    adapted += [(r, method) for (method, _), r in found.p4.items()]
    ranked = [(accuracy(records, method).mean, records[0], method) for records, method in adapted]
    top = max(ranked, key=lambda entry: entry[0], default=None)
    return top and top[1:]


def _figures(found: Collection) -> str:
    """Eight faces of each generative model, and the map of the adaptation that came out best."""
    from hwlib.figures import faces, maps

    out = ""
    for records, zh, en in ((found.p1, "VAE 的人臉", "Faces of the VAE"), (found.p2, "GAN 的人臉", "Faces of the GAN")):
        if records:
            row = partial(faces.eight, records[0], zh, en)
            out += f'<div class="row">{both(zh, en)}</div>{shown("summary", records[:1], lambda row=row: [row()])}'
    if top := best(found):
        record, method = top
        zh, en = words.method(method)
        value = accuracy([record], method)
        pair = words.scenario([record], (record.params["src"], record.params["tgt"]))
        head = both(
            esc(f"目標域平均準確率最高的調適：{zh}，{pair[0]}；圖為種子 {record.run['seed']}，準確率 {value}%"),
            esc(
                f"The adaptation with the highest mean target accuracy: {en}, {pair[1]}; shown is seed "
                f"{record.run['seed']} ({value}%)"
            ),
        )
        row = partial(maps.domain_row, record, size=2.4, headed=False)
        out += f'<div class="row">{head}</div>{shown("summary", [record], lambda: [row()])}'
    return out
