"""What stands behind the four problems: data, parameters, machines, commands, terms and references."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from hwlib.config import CONFIGS
from hwlib.record import Record
from hwlib.report import published, words
from hwlib.report.artefacts import drawn
from hwlib.report.collect import Collection
from hwlib.report.prose import Prose
from hwlib.report.tables import both_or_one
from hwlib.report.words import both, esc, inline

Text = tuple[str, str]


def appendix(found: Collection, prose: Prose) -> str:
    """The sections `#appendix` and `#references`."""
    parts = [_sets(found), _commands(found), _parameters(found), _machines(found), _runs(found), _named(found)]
    parts.append(_glossary(prose))
    return (
        f'<section id="appendix"><h2>{inline("附錄", "Appendix")}</h2>{"".join(parts)}</section>'
        f'<section id="references"><h2>{inline("參考文獻", "References")}</h2>{_references(prose)}</section>'
    )


def _table(caption: Text, head: Sequence[Text], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table whose cells are HTML; the first cell of a row is its heading. Nothing where there are no rows."""
    top = "".join(f'<th scope="col">{both_or_one(*text)}</th>' for text in head)
    body = ""
    for first, *rest in rows:
        body += f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
    if not body:
        return ""
    return (
        f'<table class="appendix {kind}"><caption>{both(*map(esc, caption))}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _sets(found: Collection) -> str:
    """Every set of images with its count and hash, stand-ins marked."""
    sets = {}
    for record in found.all:
        for s in record.sets:
            key = (s["name"], s["split"], s["count"], str(s["sha256"])[:12], bool(s["stand_in"]))
            sets.setdefault(key, words.title([record], s["name"]))
    rows = (
        (both_or_one(*map(esc, title)), esc(split), esc(count), f"<code>{esc(sha)}</code>")
        for (_, split, count, sha, _), title in sorted(sets.items(), key=lambda item: tuple(map(str, item[0])))
    )
    head = (
        ("資料集", "data set"),
        ("分割", "split"),
        ("影像數", "images"),
        ("SHA-256（前 12 位）", "SHA-256 (first 12)"),
    )
    return _table(("資料集", "Data sets"), head, rows)


def _commands(found: Collection) -> str:
    """The commands that make each figure, table and text again; artefacts of the same runs share a row."""
    rows: dict[str, list[Text]] = {}
    for problem, names in words.ARTEFACTS.items():
        for name in names if found.of(problem) else ():
            records = [record for group in drawn(name, found) for record in group]
            if lines := "".join(f"<li><code>{esc(line)}</code></li>" for line in reproduce(records)):
                rows.setdefault(lines, []).append(words.label(name))
    cells = (
        (both("、".join(zh for zh, _ in labels), ", ".join(en for _, en in labels)), f"<ul>{lines}</ul>")
        for lines, labels in rows.items()
    )
    caption = (
        "重現各圖表的指令；執行之後以 hw report 產生報告",
        "Commands that make each figure and table again; hw report then builds the report",
    )
    return _table(caption, (("圖表", "figure or table"), ("指令", "command")), cells, "commands")


def reproduce(records: Sequence[Record]) -> list[str]:
    """The commands that make these records again, one for those that differ by the seed only."""
    seeds: dict[str, list[int]] = {}
    for record in records:
        seeds.setdefault(_command(record), []).append(record.run["seed"])
    lines = []
    for line, values in seeds.items():
        values = sorted(set(values))
        lines.append(line if values == [0] else f"{line} --seeds {' '.join(map(str, values))}")
    return lines


def _command(record: Record) -> str:
    """Profile, pair and method, and whatever the profile does not already say; the seed is left to the caller."""
    params = record.params
    parts = ["hw", "run", record.problem, "-p", "profile", record.run["profile"]]
    named = [name for name in ("src", "tgt", "method") if name in params]
    beside = {"profile", "runs", "seed", "checkpoint_seconds", "resume", "force", *named}
    if params.get("data") == "auto":
        beside.add("data")
    changed = [name for name in words.changed(record) if name not in beside]
    for name in [*named, *changed]:
        parts += ["-p", name, str(params[name])]
    return shlex.join(parts)


def _parameters(found: Collection) -> str:
    """Every parameter, a column a problem; where runs of a problem differ, all of its values."""
    problems = [problem for problem in CONFIGS if found.of(problem)]
    names = dict.fromkeys(name for record in found.all for name in record.params if name not in ("runs", "force"))
    rows = ((f"<code>{esc(name)}</code>", *(_values(found.of(p), name) for p in problems)) for name in names)
    head = [("參數", "parameter"), *((f"問題{'一二三四'[int(p[1]) - 1]}", f"problem {p[1]}") for p in problems)]
    return _table(("各問題的參數", "Parameters of each problem"), head, rows, "parameters")


def _values(records: Sequence[Record], name: str) -> str:
    """The value of a parameter; those of several runs with the runs' names, but for what the names say already."""
    values: dict[str, list[str]] = {}
    for record in records:
        values.setdefault(str(record.params.get(name, "—")), []).append(record.run["id"])
    if len(values) == 1 or name in ("src", "tgt", "seed", "method"):
        return esc(", ".join(values))
    return "<br>".join(f"{esc(value)} <small>{esc(', '.join(ids))}</small>" for value, ids in values.items())


def _environments(found: Collection) -> list[dict[str, Any]]:
    known: list[dict[str, Any]] = []
    for record in found.all:
        if record.run["environment"] not in known:
            known.append(record.run["environment"])
    return known


def _letter(i: int) -> str:
    return chr(ord("A") + i) if i < 26 else f"M{i}"


def _machines(found: Collection) -> str:
    """Hardware and versions, a row for each that differs."""
    rows = (
        (_letter(i), esc("; ".join(f"{name} {value}" for name, value in known.items() if value is not None)))
        for i, known in enumerate(_environments(found))
    )
    return _table(("硬體與版本", "Hardware and versions"), (("機器", "machine"), ("內容", "what")), rows)


ROWS = 40
"""Rows of a table that fit on a printed page; a longer one is continued in another, for none is to be cut."""


def _runs(found: Collection) -> str:
    """Every run with its machine, its seconds and when it ended."""
    known = _environments(found)

    def cells(record: Record) -> tuple[str, ...]:
        seconds = ", ".join(f"{esc(k)} {esc(_rounded(v))}" for k, v in record.run["seconds"].items())
        return (
            f"<code>{esc(record.run['id'])}</code>",
            _letter(known.index(record.run["environment"])),
            seconds,
            esc(record.run["finished"]),
        )

    head = (("紀錄", "record"), ("機器", "machine"), ("秒數", "seconds"), ("完成時間", "finished"))
    parts = [found.all[i : i + ROWS] for i in range(0, len(found.all), ROWS)]
    out = ""
    for i, part in enumerate(parts, 1):
        count = f" {i}/{len(parts)}" if len(parts) > 1 else ""
        out += _table((f"各次執行{count}", f"Runs{count}"), head, map(cells, part), "runs")
    return out


def _named(found: Collection) -> str:
    """Runs with a name of their own, which stand beside the report's: what was set, and what came of it."""
    rows = (
        (
            f"<code>{esc(record.run['id'])}</code>",
            esc(", ".join((words.setting(record), *(f"{s['name']} {s['split']} {s['count']}" for s in record.sets)))),
            esc(", ".join(f"{name} {value:.4g}" for name, value in _results(record))),
        )
        for record in found.named
    )
    head = (("紀錄", "record"), ("設定", "settings"), ("結果", "result"))
    caption = (
        "另外命名的執行（`name`）；圖表與文字不採用",
        "Runs with a name of their own (`name`); no figure, table or text is made from them",
    )
    return _table(caption, head, rows, "named")


def _results(record: Record) -> list[tuple[str, float]]:
    """The numbers of a record, those of its models among them."""
    metrics = {name: value for name, value in record.metrics.items() if isinstance(value, (int, float))}
    return [*record.metrics.get("accuracy", metrics).items()]


def _rounded(value: Any) -> Any:
    return f"{value:.1f}" if isinstance(value, float) else value


def _glossary(prose: Prose) -> str:
    """Two pairs of terms a row, down the left half first."""
    pairs = sorted(prose.glossary, key=lambda term: term.en)
    cells = [(esc(term.en), f'<span lang="{words.ZH}" data-keep>{esc(term.zh)}</span>') for term in pairs]
    half = -(-len(cells) // 2)
    cells += [("", "")] * (2 * half - len(cells))
    rows = ((*left, *right) for left, right in zip(cells[:half], cells[half:], strict=True))
    return _table(("名詞對照", "Terms"), (("英文", "English"), ("中文", "Chinese")) * 2, rows, "glossary")


def _references(prose: Prose) -> str:
    """Works, then the public reports whose numbers stand in the tables."""
    items = ""
    for entry in prose.references:
        link = f' <a href="{esc(entry.url)}">{esc(entry.url)}</a>' if entry.url else ""
        items += f'<li id="ref-{entry.key}">{esc(entry.text)}{link}</li>'
    for source in published.SOURCES:
        zh, en = (
            ("學生的報告，即本報告重做的對象。", "The student's report, which this one rebuilds.")
            if source is published.STUDENT_SOURCE
            else ("同一份作業的公開報告。", "A public report of the same homework.")
        )
        items += (
            f'<li id="{source.key}">{esc(source.repository)}, {esc(source.term)}. '
            f'<a href="{esc(source.url)}">{esc(source.url)}</a> {words.inline(zh, en)}</li>'
        )
    return f'<ol class="references">{items}</ol>'
