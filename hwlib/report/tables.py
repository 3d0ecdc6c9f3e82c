"""Tables 1-3, 3-1 and 4-1 and the summary, as HTML with captions in both languages."""

import base64
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from hwlib.config import SCENARIOS
from hwlib.errors import WorkbookError
from hwlib.record import Record
from hwlib.report import published, words
from hwlib.report.collect import Collection, Scenario, arrange
from hwlib.report.scores import accuracy, measured
from hwlib.report.words import both, esc, inline

Group = Mapping[Scenario, Sequence[Record]]


def table(name: str, records: Record | Iterable[Record]) -> str:
    """Return `tbl1_3`, `tbl3_1` or `tbl4_1` of one or more records as an HTML `<table>`.

    Scenarios without a record show the command that fills them; `tbl4_1` takes problem 3's records too, for its DANN
    row. Raises `WorkbookError` for another name, or when no record of the problem is given.
    """
    found = arrange([records] if isinstance(records, Record) else records)
    if name not in TABLES:
        raise WorkbookError(f"table: {name!r} is not one of {', '.join(TABLES)}")
    if not found.of(f"p{name[3]}"):
        raise WorkbookError(f"{name}: no record of problem {name[3]} is given")
    return TABLES[name](found)


def caption(name: str, records: Iterable[Record], *notes: tuple[str, str]) -> str:
    """The `<caption>`: number and title, what it was made from, and further lines."""
    lines = [tuple(map(esc, words.provenance(records))), *notes]
    head = [f"<b>{esc(n)}</b> {esc(t)}" for n, t in zip(words.label(name), words.CAPTIONS[name], strict=True)]
    zh, en = ("".join(f"<br><small>{line[i]}</small>" for line in lines) for i in (0, 1))
    return f"<caption>{both(head[0] + zh, head[1] + en)}</caption>"


def png_uri(image: np.ndarray) -> str:
    """Return a (3, H, W) uint8 image as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def faces_table(found: Collection) -> str:
    """1-3: ten test images, their reconstructions, the MSE of each; below, the whole test set."""
    record = found.p1[0]
    cells = []
    for key, zh, en in (
        ("originals", "原圖", "Original"),
        ("reconstructions", "重建", "Reconstruction"),
    ):
        images = [
            f'<td><img width="64" height="64" src="{png_uri(image)}" '
            f'alt="測試人臉 {i}：{zh}｜test face {i}: {en.lower()}"></td>'
            for i, image in enumerate(record.arrays[key], 1)
        ]
        cells.append(f'<tr><th scope="row">{both(zh, en)}</th>{"".join(images)}</tr>')
    errors = "".join(f"<td>{value:.4f}</td>" for value in record.metrics["table_mse"])
    head = "".join(f'<th scope="col">{i}</th>' for i in range(1, 11))
    mse, kl = measured(found.p1, "test_mse"), measured(found.p1, "test_kl")
    seeds = "" if mse.sd is None else f" (n = {mse.n})"
    notes = (
        f"MSE 為 [0, 1] 尺度上對像素與通道的平均；學生報告中十張影像的平均為 {published.STUDENT_MSE}、"
        f"KL 為 {published.STUDENT_KL} nats（課程真實資料）。",
        "MSE is the mean over pixels and channels on the [0, 1] scale. The student reported a mean of "
        f"{published.STUDENT_MSE} over ten images and a KL of {published.STUDENT_KL} nats (real course data).",
    )
    return (
        f'<table class="faces">{caption("tbl1_3", found.p1[:1], notes)}'
        f'<thead><tr><th scope="col">{inline("影像", "Image")}</th>{head}</tr></thead>'
        f'<tbody>{"".join(cells)}<tr><th scope="row">MSE</th>{errors}</tr></tbody>'
        f'<tfoot><tr><th scope="row">{both("整個測試集", "Whole test set")}</th>'
        f'<td colspan="10">MSE {mse.text(4)}, KL {kl.text(1)} nats{seeds}</td></tr></tfoot></table>'
    )


@dataclass(frozen=True)
class Row:
    """One row of an accuracy table: a model, its records by scenario, the student's numbers, the filling command."""

    model: str
    records: Group
    student: Mapping[Scenario, float]
    fill: Callable[[Scenario], str]


def accuracy_table(name: str, rows: Sequence[Row], *notes: tuple[str, str]) -> str:
    """Rows are models, columns scenarios, ours beside the student's. Mixed data or profiles are said where they are."""
    pairs = [*SCENARIOS, *sorted({pair for row in rows for pair in row.records} - set(SCENARIOS))]
    used = [record for row in rows for records in row.records.values() for record in records]
    mixed = len({words.origin(record) for record in used}) > 1
    head = sub = ""
    for pair in pairs:
        mine = [record for row in rows for record in row.records.get(pair, ())] or used
        head += f'<th scope="colgroup" colspan="2">{both(*map(esc, words.scenario(mine, pair)))}</th>'
        sub += f'<th scope="col">{both("本次", "ours")}</th><th scope="col">{both("學生", "student")}</th>'
    body = ""
    for i, row in enumerate(rows):
        body += f'<tr><th scope="row">{_both_or_one(*map(esc, words.method(row.model)))}</th>'
        for pair in pairs:
            body += _ours(rows, i, pair, mixed) + f"<td>{row.student.get(pair, '—')}</td>"
        body += "</tr>"
    about = [
        (
            "目標域測試集的準確率（%），取最後一步的模型；有多個種子時為平均 ± 標準差。"
            "學生的數值來自課程真實資料，各為單次執行。",
            "Accuracy in percent on the target test set, model of the last step; mean ± standard deviation where there "
            "are several seeds. The student's numbers are from the real course data, one run each.",
        )
    ]
    if mixed:
        about.append(
            (
                "<strong>注意：各格的資料或設定檔不同，已在格內標明，不宜直接比較。</strong>",
                "<strong>Note: cells differ in data or profile, as marked in each; they do not compare directly."
                "</strong>",
            )
        )
    return (
        f'<table class="numbers">{caption(name, used, *about, *notes)}<thead><tr><th scope="col" rowspan="2">'
        f"{both('方法', 'Method')}</th>{head}</tr><tr>{sub}</tr></thead><tbody>{body}</tbody></table>"
    )


def _both_or_one(zh: str, en: str) -> str:
    return zh if zh == en else both(zh, en)


def _ours(rows: Sequence[Row], i: int, pair: Scenario, mixed: bool) -> str:
    """Our cell of row `i`. A run of empty cells with the same command becomes one, with the command once."""
    row = rows[i]
    records = row.records.get(pair, ())
    if not records:
        same = [not r.records.get(pair) and r.fill(pair) == row.fill(pair) for r in rows]
        if i and same[i - 1]:
            return ""
        span = next((k for k in range(i, len(rows)) if not same[k]), len(rows)) - i
        return f'<td class="missing" rowspan="{span}">— <code>{esc(row.fill(pair))}</code></td>'
    value = accuracy(records, row.model)
    marks = [f"n = {value.n}"] if value.n > 1 else []
    marks += [f"{records[0].run['data']['kind']}, {records[0].run['profile']}"] if mixed else []
    return f"<td><b>{value}</b>{''.join(f' <br><small>{esc(mark)}</small>' for mark in marks)}</td>"


def dann_rows(found: Collection) -> list[Row]:
    """The three rows of 3-1."""
    return [
        Row(model, found.p3, published.STUDENT[model], lambda pair: words.command("p3", pair))
        for model in ("source_only", "dann", "target_only")
    ]


def uda_rows(found: Collection) -> list[Row]:
    """A row for each improved method that has a record; the student's own where there is none."""
    methods = list(dict.fromkeys(method for method, _ in found.p4)) or [published.STUDENT_METHOD]
    return [
        Row(
            method,
            {pair: records for (name, pair), records in found.p4.items() if name == method},
            published.STUDENT["uda"] if method == published.STUDENT_METHOD else {},
            lambda pair, method=method: words.command("p4", pair, method),
        )
        for method in methods
    ]


def _dann_table(found: Collection) -> str:
    return accuracy_table("tbl3_1", dann_rows(found))


def _uda_table(found: Collection) -> str:
    reference = dann_rows(found)[1:] if found.p3 else []
    return accuracy_table("tbl4_1", [*reference[:1], *uda_rows(found), *reference[1:]])


TABLES = {"tbl1_3": faces_table, "tbl3_1": _dann_table, "tbl4_1": _uda_table}


def summary(found: Collection) -> str:
    """The front page's table: for each method ours, the student's, and the best published, three scenarios."""
    rows = dann_rows(found)
    rows = [*rows[:2], *uda_rows(found), rows[2]]
    used = [record for row in rows for records in row.records.values() for record in records]
    origins = {words.origin(record) for record in used}
    mine = {pair: [record for row in rows for record in row.records.get(pair, ())] for pair in SCENARIOS}
    head = "".join(f'<th scope="col">{both(*map(esc, words.scenario(mine[pair], pair)))}</th>' for pair in SCENARIOS)
    body = ""
    for row in rows:
        key = row.model if row.model in published.STUDENT else "uda"
        student = [f"<td>{published.STUDENT[key][pair]:.2f}</td>" for pair in SCENARIOS]
        best = [f"<td>{v:.2f} <small>{esc(who)}</small></td>" for v, who in map(published.BEST[key].get, SCENARIOS)]
        group = f'<th scope="rowgroup" rowspan="3">{_both_or_one(*map(esc, words.method(row.model)))}</th>'
        ours = "".join(_ours([row], 0, pair, len(origins) > 1) for pair in SCENARIOS)
        body += f'<tbody><tr class="ours">{group}<th scope="row">{both("本次", "ours")}</th>{ours}</tr>'
        for (zh, en), cells in ((("學生", "student"), student), (("同儕最佳", "best peer"), best)):
            body += f'<tr><th scope="row">{both(zh, en)}</th>{"".join(cells)}</tr>'
        body += "</tbody>"
    zh, en = words.provenance(used) if used else ("", "")
    note = (
        "目標域測試集的準確率（%）。學生與同儕（2019、2020 年同一份作業的公開報告）的數值來自課程真實資料；"
        "同儕的改良方法各異。",
        "Accuracy in percent on the target test set. The student's and the peers' numbers (public reports of the same "
        "homework, 2019 and 2020) are from the real course data; the peers' improved methods differ.",
    )
    lines = both(f"{note[0]}<br><small>{esc(zh)}</small>", f"{note[1]}<br><small>{esc(en)}</small>")
    return (
        f'<table class="summary"><caption>{lines}</caption>'
        f'<thead><tr><th scope="col" colspan="2">{both("方法", "Method")}</th>{head}</tr></thead>{body}</table>'
    )
