"""What a figure is made of: panels, each drawn at the size at which it is shown."""

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from hwlib import letters

# Matplotlib's own defaults below ours: a matplotlibrc, `plt.style.use` and seaborn's themes reach no picture.
STYLE = matplotlib.rc_params_from_file(Path(__file__).with_name("workbook.mplstyle"), use_default_template=True)
BLUE, ORANGE, GREEN, PURPLE, *_ = STYLE["axes.prop_cycle"].by_key()["color"]

HALF = 3.45
"""Inches: two panels of this width stand beside each other on a page, and one fits a phone."""
THIRD = 2.28
"""Inches: three panels of this width stand beside each other on a page."""
CSS_DPI = 96
PALETTE = 128


@dataclass(frozen=True)
class Panel:
    """One drawing of a figure.

    paint: draws on empty axes. width, height: inches. vector: whether it is small as SVG. zh, en: what a reader who
    cannot see it is told; both may be empty where the figure's own text says all.
    """

    paint: Callable[[Axes], None]
    width: float = HALF
    height: float = 2.45
    vector: bool = True
    zh: str = ""
    en: str = ""

    def figure(self) -> Figure:
        """Draw this panel alone."""
        figure = Figure(figsize=(self.width, self.height))
        self.paint(figure.subplots())
        return figure

    def image(self) -> tuple[str, bytes]:
        """Return media type and content; the same panel gives the same bytes."""
        with matplotlib.rc_context(STYLE):
            figure = self.figure()
            return ("image/svg+xml", _svg(figure)) if self.vector else ("image/png", png(figure, colours=PALETTE))

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height in CSS pixels."""
        return round(self.width * CSS_DPI), round(self.height * CSS_DPI)


@dataclass(frozen=True)
class Picture:
    """Images laid out pixel for pixel, shown one to one. `pixels` is uint8 (height, width, 3)."""

    array: np.ndarray
    zh: str = ""
    en: str = ""
    title: str = ""

    def paint(self, axes: Axes) -> None:
        """Draw it on axes of a figure for the notebook."""
        axes.imshow(self.array, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(self.title)

    def image(self) -> tuple[str, bytes]:
        """Return media type and content."""
        buffer = io.BytesIO()
        Image.fromarray(self.array).save(buffer, "PNG", optimize=True)
        return "image/png", buffer.getvalue()

    @property
    def pixels(self) -> tuple[int, int]:
        return self.array.shape[1], self.array.shape[0]

    @property
    def width(self) -> float:
        return self.array.shape[1] / CSS_DPI

    @property
    def height(self) -> float:
        return self.array.shape[0] / CSS_DPI + (0.25 if self.title else 0)


@dataclass(frozen=True)
class Row:
    """Panels beside each other, under a heading that may be empty (zh, en); a heading may also stand alone."""

    panels: tuple[Panel | Picture, ...]
    zh: str = ""
    en: str = ""


def compose(rows: list[Row]) -> Figure:
    """Put all panels of a figure on one sheet, for a notebook or a file."""
    with matplotlib.rc_context(STYLE):
        width = max(sum(panel.width for panel in row.panels) for row in rows) or 2 * HALF
        heights = [max((panel.height for panel in row.panels), default=0) + (0.3 if row.en else 0) for row in rows]
        sheet = Figure(figsize=(width, sum(heights)))
        parts = np.atleast_1d(sheet.subfigures(len(rows), 1, height_ratios=heights))
        for part, row in zip(parts, rows, strict=True):
            if row.en:
                part.suptitle(row.en, fontsize=10, weight="bold")
            widths = [panel.width for panel in row.panels]
            beside = part.subplots(1, len(widths), width_ratios=widths) if widths else []
            for axes, panel in zip(np.atleast_1d(beside), row.panels, strict=True):
                panel.paint(axes)
        return sheet


def png(figure: Figure, dpi: int | None = None, colours: int | None = None) -> bytes:
    """Return the figure as PNG, in at most `colours` of them where given; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        _lettered(figure)
        figure.savefig(buffer, format="png", dpi=dpi or STYLE["savefig.dpi"], metadata={"Software": None})
    if colours is None:
        return buffer.getvalue()
    few = Image.open(buffer).convert("RGB").quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _svg(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    _lettered(figure)
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _lettered(figure: Figure) -> None:
    """Give texts with letters that our font lacks a font of the system beside it, where there is one."""
    for text in figure.findobj(Text):
        if path := letters.font_for(text.get_text()):
            logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it has one weight, which will do
            if str(path) not in {entry.fname for entry in fontManager.ttflist}:
                fontManager.addfont(path)
            text.set_fontfamily([*STYLE["font.sans-serif"], FontProperties(fname=path).get_name()])


def label_ends(axes: Axes, gap: float = 0.085) -> None:
    """Write every line's label behind its last point, in its colour, and move labels apart that would collide.

    gap: the least distance of two labels as a share of the axes' height.
    """
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        raise ValueError("labels are spaced on a linear axis")
    wanted = [((_end(line)[1] - low) / (high - low), line) for line in lines if len(line.get_xdata())]
    wanted.sort(key=lambda entry: entry[0])
    places: list[float] = []
    for share, _ in wanted:
        places.append(max(share, places[-1] + gap) if places else share)
    # What was pushed over the top comes back down, and takes its neighbours along.
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], 1.0 if i == len(places) - 1 else places[i + 1] - gap)
    for (_, line), share in zip(wanted, places, strict=True):
        axes.annotate(
            line.get_label(),
            xy=(_end(line)[0], low + share * (high - low)),
            xytext=(4, 0),
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            annotation_clip=False,
        )


def _end(line: Line2D) -> tuple[float, float]:
    x, y = np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)
    return float(x[-1]), float(y[-1])


def title_of(record: Any, zh: bool = False) -> str:
    """Source → target of a record, stand-ins marked."""
    src, tgt = (record.title(record.params[name]) for name in ("src", "tgt"))
    if zh:
        src, tgt = (name.replace(" (stand-in)", "（替代資料）") for name in (src, tgt))
        return f"{src}{'' if src.endswith('）') else ' '}→ {tgt}"
    return f"{src} → {tgt}"
