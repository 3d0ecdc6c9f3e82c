"""What stands before the four problems: title, authors, abstract, notes on the data, contents and summary."""

import re

from hwlib.report import reference, words
from hwlib.report.collect import Collection
from hwlib.report.markdown import render
from hwlib.report.prose import Prose
from hwlib.report.summary import summary
from hwlib.report.tables import both_or_one
from hwlib.report.words import both, esc, inline


def page(found: Collection, prose: Prose, titles: dict[str, tuple[str, str]]) -> str:
    """The front page and the summary. `titles` are the problems' headings (zh, en)."""
    zh, en = map(render, prose.abstract)
    passed = [*found.left_out, *zip(prose.problems, prose.problems, strict=True)]
    return (
        f'<header class="front"><h1>{inline(*map(esc, prose.title))}</h1>{_byline(found, prose)}'
        f'<div class="pair"><div lang="{words.ZH}">{zh}</div><div lang="{words.EN}">{en}</div></div>'
        f"{data_note(found)}{left_out(passed)}{contents(titles)}</header>{summary(found)}"
    )


def day(found: Collection, prose: Prose) -> str:
    """The report's day: as `report.toml` says, else that of the latest run."""
    days = [record.run["finished"][:10] for record in found.all]
    return prose.date or max(filter(re.compile(r"\d{4}-\d\d-\d\d").fullmatch, days), default="")


def _byline(found: Collection, prose: Prose) -> str:
    """Who hands it in, for which course, and when; what is not known is not printed."""
    lines = []
    if any(prose.course):
        lines.append(both_or_one(*map(esc, prose.course)))
    for author in prose.authors:
        lines.append(both_or_one(*(esc(" ".join(filter(None, (author.id, name)))) for name in author.name)))
    if date := day(found, prose):
        lines.append(f'<time datetime="{esc(date)}">{esc(date)}</time>')
    if prose.repository:
        shown = esc(prose.repository)
        link = prose.repository.startswith(("https://", "http://"))
        lines.append(f'<a href="{shown}">{shown}</a>' if link else shown)
    return f'<div class="byline">{"".join(f"<div>{line}</div>" for line in lines)}</div>' if lines else ""


BUILT = (
    "其中 mnistm 依原作法由 MNIST 與照片合成，影像與公開版本不同，數值比較時應留意。",
    "Its mnistm was built from MNIST and photographs by the release's recipe: other images than the release's, which "
    "a comparison of numbers should bear in mind.",
)


def data_note(found: Collection) -> str:
    """Which images the records used; stand-ins are said to be stand-ins before anything else is said."""
    sets: dict[str, None] = {}
    for record in found.all:
        sets |= dict.fromkeys(s["name"] for s in record.sets if s["stand_in"])
    origins = list(dict.fromkeys(words.origin(record) for record in found.all))
    if not origins:
        zh = "目前沒有任何可用的紀錄；執行 <code>hw run all</code> 即可產生。"
        en = "There are no usable records yet; <code>hw run all</code> makes them."
        return f'<div class="note">{both(zh, en)}</div>'
    where = [esc(mark.join(o[i] for o in origins)) for i, mark in ((0, "、"), (1, "; "))]
    if sets:
        names_zh, names = esc("、".join(sorted(sets))), esc(", ".join(sorted(sets)))
        zh = (
            f"<strong>本報告使用替代資料：{names_zh}。</strong>"
            "替代影像只有格式與課程資料相同，由此得到的數值不能與課程真實資料上的結果直接比較。"
        )
        en = (
            f"<strong>This report uses stand-in images: {names}.</strong> They only have the same form; "
            "numbers on them do not compare with results on the real course data."
        )
        return f'<div class="note warning">{both(f"{zh}<br>來源：{where[0]}。", f"{en}<br>Origin: {where[1]}.")}</div>'
    zh, en = f"資料來源：{where[0]}。", f"Data: {where[1]}."
    if any(r.run["data"]["kind"] == "fetched" and any(s["name"] == "mnistm" for s in r.sets) for r in found.all):
        zh, en = zh + BUILT[0], f"{en} {BUILT[1]}"
    return f'<div class="note">{both(zh, en)}</div>'


def left_out(lines: list[tuple[str, str]]) -> str:
    """Records and remarks that were not used, by name (zh, en)."""
    if not lines:
        return ""
    items = "".join(f"<li>{both_or_one(*map(esc, line))}</li>" for line in lines)
    return f'<div class="note">{both("未採用的紀錄與說明：", "Records and remarks left out:")}<ul>{items}</ul></div>'


APPENDIX = (
    ("reference", reference.TITLE),
    ("appendix", ("附錄", "Appendix")),
    ("references", ("參考文獻", "References")),
)


def contents(titles: dict[str, tuple[str, str]]) -> str:
    """The list of problems and artefacts."""
    items = f'<li><a href="#summary">{both("摘要", "Summary")}</a></li>'
    for problem, (zh, en) in titles.items():
        links = ""
        for name in words.ARTEFACTS[problem]:
            texts = (
                f"{esc(number)} {esc(text)}"
                for number, text in zip(words.label(name), words.CAPTIONS[name], strict=True)
            )
            links += f'<li><a href="#{name}">{words.inline(*texts)}</a></li>'
        items += f'<li><a href="#{problem}">{both(esc(zh), esc(en))}</a><ul>{links}</ul></li>'
    items += "".join(f'<li><a href="#{name}">{both(*text)}</a></li>' for name, text in APPENDIX)
    return f'<nav class="contents"><h2>{inline("目錄", "Contents")}</h2><ul>{items}</ul></nav>'
