"""Where an adapted model errs: which digits it confuses, and the images of which it was surest."""

from functools import partial
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes

from hwlib.figures.panel import HALF, Panel, Row, title_of

COLUMNS, LINES = 4, 2
"""Images beside and below each other in a panel."""


def confusions(*records: Any) -> list[Row]:
    """3-1b, 4-1b: confusion of the adapted model on the target's test set in percent of each true digit, a panel a
    scenario."""
    panels = [
        Panel(
            partial(_confusion, record),
            height=HALF,
            zh=f"{title_of(record, zh=True)}：混淆矩陣，列為真實數字，欄為預測，各列合計 100%",
            en=f"{title_of(record)}: confusion matrix, rows true digits, columns predictions, each row 100%",
        )
        for record in records
    ]
    return [Row(tuple(panels[i : i + 2])) for i in range(0, len(panels), 2)]


def percent(counts: np.ndarray) -> np.ndarray:
    """Counts (10, 10) as percent of each row; the row of a digit that does not occur is not a number."""
    totals = counts.sum(axis=1, keepdims=True)
    return np.divide(100 * counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def _confusion(record: Any, axes: Axes) -> None:
    shares = percent(record.arrays[f"confusion_{record.adapted}"])
    # A share that rounds to 0 is left blank, so that the eye finds what is there.
    texts = np.where(np.nan_to_num(shares) >= 0.5, np.char.mod("%.0f", shares), "")
    seaborn.heatmap(
        shares,
        vmin=0,
        vmax=100,
        cmap="Blues",
        annot=texts,
        fmt="",
        annot_kws={"fontsize": 7},
        linewidths=0.5,
        cbar=False,
        square=True,
        ax=axes,
    )
    axes.tick_params(length=0, labelrotation=0)
    axes.set(title=title_of(record), xlabel="predicted digit", ylabel="true digit")


def surest_errors(*records: Any) -> list[Row]:
    """3-1c, 4-1c: the wrong test images that the adapted model was surest of, in two panels a scenario.

    A scenario without errors has a line that says so.
    """
    return [_surest(record) for record in records]


def _surest(record: Any) -> Row:
    zh, en = title_of(record, zh=True), title_of(record)
    n, most = len(record.arrays["wrong_images"]), COLUMNS * LINES
    if not n:
        return Row((), f"{zh}：目標域的測試影像沒有任何一張認錯", f"{en}: no target test image was named wrongly")
    parts = [range(first, min(first + most, n)) for first in range(0, n, most)]
    lines = -(-len(parts[0]) // COLUMNS)
    panels = []
    for part in parts:
        told_zh, told = _told(record, part)
        panels.append(
            Panel(
                partial(_strip, record, part, lines),
                height=1.12 * lines,
                vector=False,
                zh=f"{zh}：認錯而信心最高的測試影像：{told_zh}",
                en=f"{en}: wrong test images of the highest confidence: {told}",
            )
        )
    return Row(tuple(panels), zh, en)


def _errors(record: Any, part: range):
    """Image (H, W, 3), predicted digit, true digit and confidence in percent of each of a panel's errors."""
    for i in part:
        image, predicted, true, confidence = (
            record.arrays[f"wrong_{name}"][i] for name in ("images", "predicted", "true", "confidence")
        )
        yield np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0), predicted, true, sure(confidence)


def sure(confidence: float) -> str:
    """Confidence in percent; 100 is said only of certainty itself."""
    return f"{min(100 * float(confidence), 99.9) if confidence < 1 else 100:.3g}%"


def _told(record: Any, part: range) -> tuple[str, str]:
    errors = [(p, t, c) for _, p, t, c in _errors(record, part)]
    zh = "；".join(f"認成 {p}，實為 {t}（信心 {c}）" for p, t, c in errors)
    return zh, "; ".join(f"said {p}, is {t} (confidence {c})" for p, t, c in errors)


def _strip(record: Any, part: range, lines: int, axes: Axes) -> None:
    axes.set_axis_off()
    for i, (image, predicted, true, confidence) in enumerate(_errors(record, part)):
        line, column = divmod(i, COLUMNS)
        place = axes.inset_axes((column / COLUMNS, 1 - (line + 0.7) / lines, 1 / COLUMNS, 0.7 / lines))
        place.imshow(image, interpolation="nearest")
        place.set_axis_off()
        said = f"said {predicted}, is {true}\n{confidence}"
        place.text(0.5, -0.04, said, fontsize=7, transform=place.transAxes, ha="center", va="top")
