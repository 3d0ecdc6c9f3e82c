"""Tables 1-3, 3-1, 3-4c, 4-1 and 4-2b as HTML with captions in both languages."""

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
from hwlib.report.scores import Score, accuracy, measured, of_all, oracle
from hwlib.report.words import both, esc

Group = Mapping[Scenario, Sequence[Record]]


def table(name: str, records: Record | Iterable[Record]) -> str:
    """Return `tbl1_3`, `tbl3_1`, `tbl3_4c`, `tbl4_1` or `tbl4_2b` of one or more records as an HTML `<table>`.

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


def picture(source: str, width: int, height: int, zh: str, en: str) -> str:
    """An `<img>` that tells its text in the language of the view; `source` is a data URI, sizes are CSS pixels."""
    return (
        f'<img src="{source}" width="{width}" height="{height}" alt="{esc(zh)}｜{esc(en)}" '
        f'data-zh="{esc(zh)}" data-en="{esc(en)}">'
    )


def png_uri(image: np.ndarray) -> str:
    """Return a (3, H, W) uint8 image as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def faces_table(found: Collection) -> str:
    """1-3: ten test images, their reconstructions and the MSE of each in two groups of five; below, the whole set."""
    record = found.p1[0]
    body = "".join(_five(record, first) for first in (0, 5))
    mse, kl = measured(found.p1, "test_mse"), measured(found.p1, "test_kl")
    seeds = "" if mse.sd is None else f" (n = {mse.n})"
    whole = both(f"MSE {mse.text(4)}、KL {kl.text(1)} nats{seeds}", f"MSE {mse.text(4)}, KL {kl.text(1)} nats{seeds}")
    notes = (
        f"MSE 為 [0, 1] 尺度上對像素與通道的平均；學生報告中十張影像的平均為 {published.STUDENT_MSE}、"
        f"KL 為 {published.STUDENT_KL} nats（課程真實資料）。",
        "MSE is the mean over pixels and channels on the [0, 1] scale. The student reported a mean of "
        f"{published.STUDENT_MSE} over ten images and a KL of {published.STUDENT_KL} nats (real course data).",
    )
    return (
        f'<table class="faces">{caption("tbl1_3", found.p1[:1], notes)}{body}'
        f'<tfoot><tr><th scope="row">{both("整個測試集", "Whole test set")}</th>'
        f'<td colspan="5">{whole}</td></tr></tfoot></table>'
    )


def _five(record: Record, first: int) -> str:
    """A row group of table 1-3: numbers, originals, reconstructions and errors of five images."""
    numbers = range(first, first + 5)
    head = "".join(f'<th scope="col">{i + 1}</th>' for i in numbers)
    rows = f'<tr class="head"><th scope="row">{both("影像", "Image")}</th>{head}</tr>'
    for key, zh, en in (("originals", "原圖", "Original"), ("reconstructions", "重建", "Reconstruction")):
        images = ""
        for i in numbers:
            alt = f"測試人臉 {i + 1}：{zh}", f"Test face {i + 1}: {en.lower()}"
            images += f"<td>{picture(png_uri(record.arrays[key][i]), 64, 64, *alt)}</td>"
        rows += f'<tr><th scope="row">{both(zh, en)}</th>{images}</tr>'
    errors = "".join(f"<td>{record.metrics['table_mse'][i]:.4f}</td>" for i in numbers)
    return f'<tbody>{rows}<tr><th scope="row">MSE</th>{errors}</tr></tbody>'


@dataclass(frozen=True)
class Row:
    """One method of an accuracy table: its records by scenario, the numbers of others, and the filling command."""

    model: str
    records: Group
    fill: Callable[[Scenario], str]

    @property
    def published(self) -> str:
        """Its name among the published numbers; a method that the student did not have is another improved one."""
        return self.model if self.model in published.STUDENT else "uda"


def accuracy_rows(rows: Sequence[Row], oracles: bool = False) -> tuple[str, list[Record], bool]:
    """Head and body of an accuracy table, the records used, and whether their data, profiles or settings differ.

    Columns are scenarios; each method is a group of rows: ours, with `oracles` the best step of an adapted model, the
    student's where it had that method, and the best of its peers. Cells of mixed data, profiles or settings say so.
    """
    pairs = [*SCENARIOS, *sorted({pair for row in rows for pair in row.records} - set(SCENARIOS))]
    used = [record for row in rows for records in row.records.values() for record in records]
    mixed = words.mixed(used)
    head = f'<th scope="col">{both("方法", "Method")}</th>'
    for pair in pairs:
        mine = [record for row in rows for record in row.records.get(pair, ())]
        if words.mixed(mine):  # then the cells say whose images they are of
            mine = []
        head += f'<th scope="col">{both_or_one(*map(esc, words.scenario(mine, pair)))}</th>'
    body, told = "", set()
    for row in rows:
        title = both_or_one(*map(esc, words.method(row.model)))
        best_step = _oracle(row, pairs) if oracles else ""
        rule = f"<small>{both('選擇規則：最後一步', 'selection: last step')}</small>" if best_step else ""
        body += f'<tbody><tr class="ours"><th scope="row">{title}{rule}</th>'
        body += "".join(_ours(row, pair, mixed, told) for pair in pairs) + f"</tr>{best_step}"
        if row.published != "uda" or row.model == published.STUDENT_METHOD:
            student = published.STUDENT[row.published]
            cells = "".join(f"<td>{_number(student.get(pair))}</td>" for pair in pairs)
            body += f'<tr><th scope="row">{both("學生", "student")}</th>{cells}</tr>'
        best = published.BEST[row.published]
        cells = "".join(f"<td>{_best(best.get(pair), row.published)}</td>" for pair in pairs)
        body += f'<tr><th scope="row">{both("同儕最佳", "best peer")}</th>{cells}</tr></tbody>'
    return f"<thead><tr>{head}</tr></thead>{body}", used, mixed


def _oracle(row: Row, pairs: Sequence[Scenario]) -> str:
    """The row of what choosing the step by the target's labels would have given; "" for a model that is not adapted,
    and where no record knows it."""
    values = {pair: oracle(row.records.get(pair, ()), row.model) for pair in pairs}
    if row.model in SUPERVISED or not any(values.values()):
        return ""
    head = both("oracle（依目標域標籤的最佳步，不是結果）", "oracle (best step by target labels; not a result)")
    cells = "".join(f"<td><small>{values[pair] or '—'}</small></td>" for pair in pairs)
    return f'<tr class="oracle"><th scope="row"><small>{head}</small></th>{cells}</tr>'


SUPERVISED = ("source_only", "target_only")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def _best(entry: tuple[float, published.Source] | None, key: str) -> str:
    if entry is None:
        return "—"
    value, source = entry
    method = f"{source.method}, " if key == "uda" else ""
    return f'{value:.2f} <small>{method}<a href="#{source.key}">{esc(source.owner)}</a></small>'


MIXED = (
    "<strong>注意：各格的資料、設定檔或參數不同，已在格內標明，不宜直接比較。</strong>",
    "<strong>Note: cells differ in data, profile or settings, as marked in each; they do not compare "
    "directly.</strong>",
)
ABOUT = (
    "目標域測試集的準確率（%），取最後一步的模型；有多個種子時為平均 ± 標準差。每個方法的第一列是本次的結果，"
    "其下是學生的報告與同一份作業其他公開報告中最佳的數值，兩者都來自課程真實資料，各為單次執行。",
    "Accuracy in percent on the target test set, model of the last step; mean ± standard deviation where there are "
    "several seeds. The first row of each method is ours; below it stand the student's report and the best of the "
    "other public reports of this homework, both on the real course data and one run each.",
)


ORACLE = (
    "oracle：訓練途中存下的預測，在訓練結束之後才對上目標域標籤，取最高者（各種子的平均）；只供對照，"
    "沒有用它挑選任何東西。",
    "Oracle: of predictions saved on the way, joined with the target's labels after the training, the best (mean over "
    "seeds). It is there to be compared with; nothing was chosen by it.",
)


def accuracy_table(name: str, rows: Sequence[Row]) -> str:
    """A numbered accuracy table; see `accuracy_rows`."""
    content, used, mixed = accuracy_rows(rows, oracles=True)
    notes = [ABOUT, *([ORACLE] if 'class="oracle"' in content else []), *([MIXED] if mixed else [])]
    return f'<table class="numbers">{caption(name, used, *notes)}{content}</table>'


def both_or_one(zh: str, en: str) -> str:
    """What is the same in both languages needs no second block."""
    return zh if zh == en else both(zh, en)


def _ours(row: Row, pair: Scenario, mixed: bool, told: set[str]) -> str:
    """Our cell; an empty one says the command that fills it, each command once in a table."""
    records = row.records.get(pair, ())
    if not records:
        line = row.fill(pair)
        code = "" if line in told else f" <code>{esc(line)}</code>"
        told.add(line)
        return f'<td class="missing">—{code}</td>'
    value = accuracy(records, row.model)
    count = f' <small class="count">n = {value.n}</small>' if value.n > 1 else ""
    mark = f" <small>{esc(words.mark(records[0], pair))}</small>" if mixed else ""
    return f"<td><b>{value}</b>{count}{mark}</td>"


def dann_rows(found: Collection) -> list[Row]:
    """The three methods of 3-1."""
    return [
        Row(model, found.p3, lambda pair: words.command("p3", pair)) for model in ("source_only", "dann", "target_only")
    ]


def uda_rows(found: Collection) -> list[Row]:
    """A row for each improved method that has a record; the student's own where there is none."""
    methods = list(dict.fromkeys(method for method, _ in found.p4)) or [published.STUDENT_METHOD]
    return [
        Row(
            method,
            {pair: records for (name, pair), records in found.p4.items() if name == method},
            lambda pair, method=method: words.command("p4", pair, method),
        )
        for method in methods
    ]


def all_rows(found: Collection) -> list[Row]:
    """Every method, from the one that knows least of the target to the one that knows its labels."""
    source, dann, target = dann_rows(found)
    return [source, dann, *uda_rows(found), target]


def _dann_table(found: Collection) -> str:
    return accuracy_table("tbl3_1", dann_rows(found))


def _uda_table(found: Collection) -> str:
    """The improved methods between problem 3's DANN and its upper bound, where those are on record."""
    reference = dann_rows(found)[1:] if found.p3 else []
    return accuracy_table("tbl4_1", [*reference[:1], *uda_rows(found), *reference[1:]])


DISTANCE = (
    "線性分類器以一半的測試特徵學習分辨領域，e 為它在另一半的錯誤率；距離為 2(1 − 2e)，低於 0 者記為 0。"
    "0 表示分不出領域，2 表示完全分得出（Ben-David et al. 2007；Ganin et al. 2016）。計算時不使用數字的標籤。",
    "A linear classifier learns to tell the domain from one half of the test features; e is its error on the other "
    "half, and the distance is 2(1 − 2e), or 0 where that is below 0. 0: the domains cannot be told apart, 2: always "
    "(Ben-David et al. 2007; Ganin et al. 2016). No digit's label is used.",
)


UNLIKE = (
    "各列為不同的網路，特徵的維度與尺度不同，不宜比較彼此的距離。",
    "Each row is another network, whose features differ in size and scale; the rows do not compare.",
)


def distance_table(name: str, rows: Sequence[tuple[tuple[str, str], Group, str]], *more: tuple[str, str]) -> str:
    """A numbered table of proxy A-distances: rows of a title, records by scenario, and `before` or `after`.

    more: further lines (zh, en) of its caption.
    """
    pairs = [*SCENARIOS, *sorted({pair for _, group, _ in rows for pair in group} - set(SCENARIOS))]
    used = list({id(r): r for _, group, _ in rows for records in group.values() for r in records}.values())
    mixed = words.mixed(used)
    head = f'<th scope="col">{both("特徵", "Features")}</th>'
    for pair in pairs:
        mine = [record for _, group, _ in rows for record in group.get(pair, ())]
        head += (
            f'<th scope="col">{both_or_one(*map(esc, words.scenario([] if words.mixed(mine) else mine, pair)))}</th>'
        )
    body = ""
    for title, group, when in rows:
        cells = (_distance(group.get(pair, ()), when, pair if mixed else None) for pair in pairs)
        body += f'<tr><th scope="row">{both_or_one(*map(esc, title))}</th>{"".join(cells)}</tr>'
    notes = [DISTANCE, *more, *([MIXED] if mixed else [])]
    content = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<table class="distances">{caption(name, used, *notes)}{content}</table>'


def _distance(records: Sequence[Record], when: str, pair: Scenario | None) -> str:
    value: Score | None = of_all(records, "proxy_a_distance", when)
    if value is None:
        return "<td>—</td>"
    count = f' <small class="count">n = {value.n}</small>' if value.n > 1 else ""
    mark = f" <small>{esc(words.mark(records[0], pair))}</small>" if pair else ""
    return f"<td>{value}{count}{mark}</td>"


def _dann_distances(found: Collection) -> str:
    rows = [
        (("調適之前：只用來源域訓練", "before: trained on source"), found.p3, "before"),
        (("調適之後：DANN", "after: DANN"), found.p3, "after"),
    ]
    return distance_table("tbl3_4c", rows)


def _uda_distances(found: Collection) -> str:
    rows = [(words.method(row.model), row.records, "after") for row in uda_rows(found)]
    return distance_table("tbl4_2b", rows, *([UNLIKE] if len(rows) > 1 else []))


TABLES = {
    "tbl1_3": faces_table,
    "tbl3_1": _dann_table,
    "tbl3_4c": _dann_distances,
    "tbl4_1": _uda_table,
    "tbl4_2b": _uda_distances,
}
