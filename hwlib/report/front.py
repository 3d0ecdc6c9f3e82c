"""What stands around the four problems: title page, contents, and the appendix of runs."""

import dataclasses
import shlex
from pathlib import Path

from hwlib.config import CONFIGS
from hwlib.errors import WorkbookError
from hwlib.paths import PROSE
from hwlib.record import Record
from hwlib.report import tables, words
from hwlib.report.collect import Collection
from hwlib.report.markdown import render
from hwlib.report.scores import measured
from hwlib.report.words import both, esc


def prose(name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return titles and bodies (zh, en) of `report/<name>.{zh,en}.md`, whose first line is a `#` heading."""
    found = []
    for code in ("zh", "en"):
        path = Path(PROSE) / f"{name}.{code}.md"
        try:
            head, _, body = path.read_text(encoding="utf-8").partition("\n")
        except OSError as error:
            raise WorkbookError(f"{path}: cannot be read ({error.strerror}); restore it from the repository") from None
        found.append((head.lstrip("# ").strip(), body.strip()))
    return tuple(zip(*found, strict=True))


def page(found: Collection, titles: dict[str, tuple[str, str]]) -> str:
    """The front page. `titles` are the problems' headings (zh, en)."""
    (title_zh, title), (zh, en) = prose("front")
    return (
        f'<header class="front"><h1>{both(esc(title_zh), esc(title))}</h1>'
        f'<div class="pair"><div lang="{words.ZH}">{render(zh)}</div><div lang="{words.EN}">{render(en)}</div></div>'
        f"{data_note(found)}{left_out(found)}{contents(titles)}</header>"
        f'<section id="summary"><h2>{both("摘要：準確率", "Summary: accuracy")}</h2>'
        f'<div class="scroll" tabindex="0">{tables.summary(found)}</div>{faces_summary(found)}</section>'
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
        titles = [words.title(found.all, name) for name in sorted(sets)]
        names_zh, names = esc("、".join(zh for zh, _ in titles)), esc(", ".join(en for _, en in titles))
        zh = (
            f"<strong>本報告使用替代資料：{names_zh}。</strong>"
            "替代影像只有形式相同，其數值不能與課程真實資料上的結果直接比較。"
        )
        en = (
            f"<strong>This report uses stand-in images: {names}.</strong> They only have the same form; "
            "numbers on them do not compare with results on the real course data."
        )
        return f'<div class="note warning">{both(f"{zh}<br>來源：{where[0]}。", f"{en}<br>Origin: {where[1]}.")}</div>'
    return f'<div class="note">{both(f"資料來源：{where[0]}。", f"Data: {where[1]}.")}</div>'


def left_out(found: Collection) -> str:
    """Records that were not used, by name."""
    if not found.left_out:
        return ""
    lines = "".join(f"<li>{esc(line)}</li>" for line in found.left_out)
    return f'<div class="note">{both("未採用的紀錄：", "Records left out:")}<ul>{lines}</ul></div>'


def contents(titles: dict[str, tuple[str, str]]) -> str:
    """The list of problems and artefacts."""
    items = ""
    for problem, (zh, en) in titles.items():
        links = []
        for name in words.ARTEFACTS[problem]:
            kind = name.rstrip("0123456789_")
            number, (text_zh, text) = name.removeprefix(kind).replace("_", "-"), words.CAPTIONS[name]
            link = f"{number} {words.inline(*words.LINKS[kind])}"
            links.append(f'<a href="#{name}" title="{esc(text_zh)}｜{esc(text)}">{link}</a>')
        items += f'<li><a href="#{problem}">{both(esc(zh), esc(en))}</a><p class="links">{" ".join(links)}</p></li>'
    items += f'<li><a href="#appendix">{both("附錄：執行紀錄", "Appendix: the runs")}</a></li>'
    return f'<nav class="contents"><h2>{both("目錄", "Contents")}</h2><ul>{items}</ul></nav>'


MEASURES = {
    "test_mse": ("測試集重建 MSE", "test reconstruction MSE", 4),
    "test_kl": ("測試集 KL（nats）", "test KL (nats)", 1),
    "discriminator_real": ("D（真實人臉）", "D(real faces)", 2),
    "discriminator_fake": ("D（生成人臉）", "D(generated faces)", 2),
    "frechet_distance": (
        "Fréchet 距離（屬性 CNN 特徵，非 FID）",
        "Fréchet distance (attribute-CNN features, not FID)",
        2,
    ),
    "kernel_distance": ("核距離（屬性 CNN 特徵）", "kernel distance (attribute-CNN features)", 4),
}


def faces_summary(found: Collection) -> str:
    """The two generative models in numbers, one row a measure."""
    if not (found.p1 or found.p2):
        return words.missing("p1") + words.missing("p2")
    rows = ""
    for name, (zh, en, digits) in MEASURES.items():
        cells = ""
        for group in (found.p1, found.p2):
            value = measured(group, name)
            cells += f"<td>{value.text(digits) if value else '—'}</td>"
        rows += f'<tr><th scope="row">{both(zh, en)}</th>{cells}</tr>'
    fill = "".join(words.missing(p) for p in ("p1", "p2") if not found.of(p))
    zh, en = words.provenance([*found.p1, *found.p2])
    caption = both(f"人臉生成<br><small>{esc(zh)}</small>", f"Faces<br><small>{esc(en)}</small>")
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{caption}</caption><thead>'
        f'<tr><th scope="col">{both("量測", "Measure")}</th><th scope="col">VAE</th>'
        f'<th scope="col">GAN</th></tr></thead><tbody>{rows}</tbody></table></div>{fill}'
    )


def appendix(found: Collection) -> str:
    """Every run with its command, parameters, machine, versions and seconds; and the data sets with their hashes."""
    runs = "".join(_run(record) for record in found.all)
    sets = {}
    for record in found.all:
        for s in record.sets:
            key = (s["name"], s["split"], s["count"], str(s["sha256"])[:12], bool(s["stand_in"]))
            sets.setdefault(key, words.title([record], s["name"]))
    rows = "".join(
        f'<tr><th scope="row">{_one(*title)}</th><td>{esc(split)}</td><td>{esc(count)}</td>'
        f"<td><code>{esc(sha)}</code></td></tr>"
        for (_, split, count, sha, _), title in sorted(sets.items(), key=lambda item: tuple(map(str, item[0])))
    )
    head = "".join(
        f'<th scope="col">{both(zh, en)}</th>'
        for zh, en in (
            ("紀錄與指令", "run and command"),
            ("參數", "parameters"),
            ("環境", "environment"),
            ("秒數", "seconds"),
        )
    )
    data_head = "".join(
        f'<th scope="col">{both(zh, en)}</th>'
        for zh, en in (
            ("資料集", "data set"),
            ("分割", "split"),
            ("影像數", "images"),
            ("SHA-256（前 12 位）", "SHA-256 (first 12)"),
        )
    )
    return (
        f'<section id="appendix"><h2>{both("附錄：執行紀錄", "Appendix: the runs")}</h2>'
        f'<div class="scroll" tabindex="0"><table class="runs"><caption>{both("資料集", "Data sets")}</caption>'
        f"<thead><tr>{data_head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<div class="scroll" tabindex="0"><table class="runs"><caption>'
        f"{both('各次執行的指令、參數與環境', 'Command, parameters and environment of each run')}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{runs}</tbody></table></div></section>"
    )


def _one(zh: str, en: str) -> str:
    return esc(zh) if zh == en else both(esc(zh), esc(en))


def _run(record: Record) -> str:
    run = record.run
    params = ", ".join(f"{k}={v}" for k, v in run["params"].items() if v is not None and k not in ("runs", "profile"))
    environment = ", ".join(f"{k} {v}" for k, v in run["environment"].items() if v is not None)
    seconds = "<br>".join(f"{esc(k)} {esc(v)}" for k, v in run["seconds"].items())
    return (
        f'<tr><th scope="row">{esc(run["id"])}<br><code>{esc(reproduce(record))}</code></th><td>{esc(params)}</td>'
        f"<td>{esc(environment)}<br>{esc(run['finished'])}</td><td>{seconds}</td></tr>"
    )


def reproduce(record: Record) -> str:
    """The command that makes this record again: its profile, and whatever the profile does not already say."""
    parts = ["hw", "run", record.problem]
    config = CONFIGS[record.problem]
    defaults = {f.name: f.default for f in dataclasses.fields(config)} | {"data": "auto"}
    budget = config.budgets.get(record.run["profile"], {})
    for name, value in (record.params | {"profile": record.run["profile"]}).items():
        if name != "runs" and value is not None and value != budget.get(name, defaults.get(name)):
            parts += ["-p", name, str(value)]
    return shlex.join(parts)
