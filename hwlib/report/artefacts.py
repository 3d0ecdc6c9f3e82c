"""Every artefact of the assignment as an HTML element whose id is its name, made from records alone."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from hwlib.record import Record
from hwlib.report import statements, tables, words
from hwlib.report.collect import Collection
from hwlib.report.markdown import clamped, render
from hwlib.report.words import both, esc

if TYPE_CHECKING:  # matplotlib is imported when something is drawn
    from hwlib.figures import Row

PROBLEM = {name: problem for problem, names in words.ARTEFACTS.items() for name in names}


def element(name: str, found: Collection, headed: bool = False) -> str:
    """Return the artefact `name`; where there is no record, the same element with the command that makes one.

    `headed` puts a heading on a discussion, for a place where no prose has done so.
    """
    problem, found = PROBLEM[name], found.holding(name)
    if not found.of(problem):
        line = words.missing(problem, what=_title(name))
        return f'<section class="artefact" id="{name}">{line}</section>'
    kind, _ = words.split(name)
    if kind == "txt":
        return _discussion(name, found, headed)
    return {"fig": _figure, "tbl": _table, "model": _model}[kind](name, found)


def _title(name: str) -> tuple[str, str]:
    (number_zh, number), (zh, en) = words.label(name), words.CAPTIONS[name]
    return f"{number_zh} {zh}：".strip(), f"{number} {en}:".strip()


def _caption(
    name: str, records: Sequence[Record], tag: str = "figcaption", extra: str = "", method: str | None = None
) -> str:
    """Number and title, how it was made, and from what; `method` is named where figures of several share a number."""
    (zh_number, number), (zh, en) = words.label(name), words.CAPTIONS[name]
    if method:
        zh, en = f"{zh}：{words.method(method)[0]}", f"{en}: {words.method(method)[1]}"
    lines = [words.provenance(records), *words.notes(name, records)]
    small_zh, small = ("".join(f"<br><small>{esc(line[i])}</small>" for line in lines) for i in (0, 1))
    text = both(f"<b>{esc(zh_number)}</b> {esc(zh)}{small_zh}", f"<b>{esc(number)}</b> {esc(en)}{small}")
    return f"<{tag}>{text}{extra}</{tag}>"


def _table(name: str, found: Collection) -> str:
    return f'<figure class="artefact table" id="{name}">{tables.TABLES[name](found)}</figure>'


def drawn(name: str, found: Collection) -> list[tuple[Record, ...]]:
    """The records that an artefact is made from: for each drawing of a figure its own, for a table all.

    A figure shows the first seed: one drawing a problem, and one a method in problem 4. Records that lack what an
    artefact needs are not among them.
    """
    found = found.holding(name)
    if not name.startswith("fig"):
        return [found.of(PROBLEM[name])]
    if name == "fig2_4":
        return [(found.p1[0], found.p2[0])] if found.p1 and found.p2 else []
    if name.startswith("fig4"):
        methods = dict.fromkeys(method for method, _ in found.p4)
        return [tuple(r[0] for (m, _), r in found.p4.items() if m == method) for method in methods]
    if name.startswith("fig3"):
        return [tuple(records[0] for records in found.p3.values())]
    return [found.of(PROBLEM[name])[:1]]


def _figure(name: str, found: Collection) -> str:
    groups = drawn(name, found)
    if not groups:
        line = words.missing("p1", what=_title(name))
        return f'<section class="artefact" id="{name}">{line}</section>'
    if len(groups) == 1:
        return _one_figure(name, groups[0], _absent(name, groups[0]), f' id="{name}"')
    # A figure for each method, so that each fits a page.
    figures = [_one_figure(name, records, _absent(name, records), method=records[0].adapted) for records in groups]
    return f'<div id="{name}">{"".join(figures)}</div>'


def _one_figure(
    name: str, records: tuple[Record, ...], absent: str, attribute: str = "", method: str | None = None
) -> str:
    caption = _caption(name, records, extra=absent, method=method)
    return f'<figure class="artefact"{attribute}>{panels(name, records)}{caption}</figure>'


def panels(name: str, records: tuple[Record, ...]) -> str:
    """The panels of a figure as images of their own, which stand beside each other where there is room for it."""
    from hwlib import figures

    return shown(name, records, lambda: figures.rows(name, *records))


UNDRAWN = re.compile(r'<div class="missing" data-undrawn="([^"]*)">')
"""Where a page lacks a drawing; the group says which, and why."""


def shown(name: str, records: Sequence[Record], rows: Callable[[], Sequence["Row"]]) -> str:
    """What `rows` draws of the records for the artefact `name`, or a visible line that says which records cannot be
    drawn, and why; `UNDRAWN` finds it."""
    try:
        return "".join(map(row_html, rows()))
    except Exception as error:  # arrays of any kind may lie in a record, and matplotlib raises as many kinds
        names = esc(", ".join(record.folder.name for record in records))
        why = esc(" ".join(str(error).split())[:200] or type(error).__name__)
        told = both(f"{names}：無法繪製（{why}）", f"{names}: cannot be drawn ({why})")
        return f'<div class="missing" data-undrawn="{esc(name)} of {names} ({why})">{told}</div>'


def row_html(row: "Row") -> str:
    """One row of panels (`hwlib.figures.Row`), under its heading where it has one."""
    head = f'<div class="row">{tables.both_or_one(esc(row.zh), esc(row.en))}</div>' if row.en else ""
    images = ""
    for panel in row.panels:
        kind, content = panel.image()
        source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
        images += tables.picture(source, *panel.pixels, panel.zh, panel.en)
    return f'<div class="panels n{len(row.panels)}">{head}{images}</div>'


def _absent(name: str, records: Sequence[Record]) -> str:
    """The scenarios that a figure of problem 3, or of a method of problem 4, lacks, and the commands that make them."""
    from hwlib.config import SCENARIOS

    if name[3] not in "34":
        return ""
    method = records[0].params.get("method")
    known = {(record.params["src"], record.params["tgt"]) for record in records}
    return "".join(
        words.missing(PROBLEM[name], pair, (f"{pair[0]} → {pair[1]}：", f"{pair[0]} → {pair[1]}:"), method)
        for pair in SCENARIOS
        if pair not in known
    )


def _model(name: str, found: Collection) -> str:
    """The printed model of the first record, and the settings it was trained with; a second method follows."""
    records = found.of(PROBLEM[name])
    if PROBLEM[name] == "p4":
        records = tuple({r.params["method"]: r for r in reversed(records)}.values())[::-1]
    else:
        records = records[:1]
    parts, alone = [], len(records) == len(found.of(PROBLEM[name]))
    for record in records:
        try:
            text = esc((record.folder / "model.txt").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            text = "—"
        parts.append(f'<pre class="model" tabindex="0">{text}</pre>{_settings(record, alone)}')
    return (
        f'<section class="artefact model" id="{name}">'
        f'<div class="caption">{_caption(name, records, "div")}</div>{"".join(parts)}</section>'
    )


SETTINGS = {
    "epochs": ("epoch 數", "epochs"),
    "steps": ("訓練步數", "steps"),
    "batch_size": ("批次大小", "batch size"),
    "lr": ("學習率", "learning rate"),
    "kl_weight": ("KL 權重", "KL weight"),
    "weights": ("骨幹權重", "trunk weights"),
    "method": ("方法", "method"),
}


def _settings(record: Record, alone: bool) -> str:
    """The settings of a training; its seconds where it stands for itself, and not for several."""
    known = {"weights": record.params.get("method") == "dann_resnet34"}  # the others have no trunk
    cells = [
        (label, record.params[key])
        for key, label in SETTINGS.items()
        if record.params.get(key) is not None and known.get(key, True)
    ]
    seconds = record.run["seconds"].get("train")
    if alone and isinstance(seconds, (int, float)):
        cells.append((("訓練秒數", "training, s"), f"{seconds:.0f}"))
    cells.append((("裝置", "device"), record.run["environment"].get("device", "—")))
    rows = "".join(f"<div><dt>{both(*label)}</dt><dd>{esc(value)}</dd></div>" for label, value in cells)
    return f'<dl class="settings">{rows}</dl>'


def _discussion(name: str, found: Collection, headed: bool) -> str:
    """The two languages side by side, with a heading where the notebook gives none."""
    text = statements.joined(statements.TEMPLATES[name](found))
    _, number = words.split(name)
    zh, en = (f"<h3>{number} {esc(head)}</h3>" if headed else "" for head in words.CAPTIONS[name])
    parts = [
        f'<div lang="{code}">{head}{render(text[key])}</div>'
        for code, key, head in ((words.ZH, "zh", zh), (words.EN, "en", en))
    ]
    return f'<section class="artefact discussion" id="{name}"><div class="pair">{"".join(parts)}</div></section>'


def remark(number: str, texts: Mapping[str, str], pictures: Mapping[str, str]) -> str:
    """The author's own words on section `number`, marked as such, with their pictures; one language alone will do."""
    parts = ""
    for key, code, label in (("zh", words.ZH, "作者的說明"), ("en", words.EN, "The author's remarks")):
        if key in texts:
            # Headings of a remark stand below the section's own.
            body = render(clamped(texts[key], 0)[0], lowest=4, pictures=pictures)
            parts += f'<div lang="{code}"><p class="own">{label}</p>{body}</div>'
    kind = "pair" if len(texts) > 1 else "single"
    return f'<aside class="remark" id="remark{number.replace("-", "_")}"><div class="{kind}">{parts}</div></aside>'
