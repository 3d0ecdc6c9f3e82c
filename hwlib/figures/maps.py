"""Maps of latents and features in the plane."""

from functools import partial
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes

from hwlib.figures.panel import BLUE, HALF, ORANGE, Panel, Row, title_of
from hwlib.names import ATTRIBUTES

MARKERS = ("o", "^")


def _scatter(axes: Axes, points: np.ndarray, groups: np.ndarray, names: list[str], colours: list, markers) -> None:
    """Points by group, in the order in which they were drawn from the sets, so that no group hides another whole."""
    order = np.random.default_rng(0).permutation(len(points))
    kinds = [names[g] for g in groups[order]]
    seaborn.scatterplot(
        x=points[order, 0],
        y=points[order, 1],
        hue=kinds,
        style=kinds,
        hue_order=names,
        style_order=names,
        palette=dict(zip(names, colours, strict=True)),
        markers=dict(zip(names, markers, strict=True)),
        s=11,
        linewidth=0,
        alpha=0.75,
        ax=axes,
    )


def _bare(axes: Axes, title: str) -> None:
    axes.set(title=title, xticks=[], yticks=[], xlabel="", ylabel="")
    axes.grid(False)
    seaborn.despine(ax=axes, left=True, bottom=True)


def _legend(axes: Axes, columns: int = 2) -> None:
    """Names of the groups below the points, where they hide none."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, markerscale=1.8, handletextpad=0.2)


def attribute_map(record: Any) -> list[Row]:
    """1-5: t-SNE of test latents, coloured by the attribute that the run names."""
    name = record.params["attribute"]
    groups = record.arrays["tsne_labels"][:, ATTRIBUTES.index(name)].astype(int)

    def paint(axes: Axes) -> None:
        _scatter(axes, record.arrays["tsne"], groups, [f"not {name}", name], [BLUE, ORANGE], MARKERS)
        _bare(axes, f"Test latents by {name}")
        _legend(axes)

    zh = f"測試集潛在向量的 t-SNE，依屬性 {name} 上色：{len(groups)} 個點中有 {groups.sum()} 個具有該屬性"
    en = f"t-SNE of the test latents, coloured by {name}: {groups.sum()} of the {len(groups)} points have it"
    return [Row((Panel(paint, 4.6, 4.4, vector=False, zh=zh, en=en),))]


def domain_maps(*records: Any) -> list[Row]:
    """3-4, 4-2: t-SNE of test features of both domains, by digit class and by domain, a row a scenario."""
    return [domain_row(record) for record in records]


def maps_before(*records: Any) -> list[Row]:
    """3-4b: the same images in the features of the network trained on source only, a row a scenario."""
    return [domain_row(record, points="tsne_before") for record in records]


FEATURES = {
    "tsne": ("測試集特徵的 t-SNE", "t-SNE of the test features"),
    "tsne_before": ("只用來源域訓練的特徵的 t-SNE", "t-SNE of the features trained on source only"),
}


def domain_row(record: Any, size: float = HALF, headed: bool = True, points: str = "tsne") -> Row:
    """Two panels of the same points: by digit on the left, by domain on the right.

    points: the array that holds them, `tsne` or `tsne_before`.
    """
    zh, en = title_of(record, zh=True), title_of(record)
    what_zh, what = FEATURES[points]
    return Row(
        (
            Panel(
                partial(_digits, record, points, 10 if size > 3 else 5),
                size,
                size,
                vector=False,
                zh=f"{zh}：{what_zh}，依數字上色",
                en=f"{en}: {what} by digit",
            ),
            Panel(
                partial(_domains, record, points, 2 if size > 3 else 1),
                size,
                size,
                vector=False,
                zh=f"{zh}：同樣的點，依領域上色（圓為來源域，三角為目標域）",
                en=f"{en}: the same points by domain (circles source, triangles target)",
            ),
        ),
        *((zh, en) if headed else ()),
    )


def _digits(record: Any, name: str, columns: int, axes: Axes) -> None:
    points, labels = record.arrays[name], record.arrays["tsne_labels"]
    names, colours = [str(i) for i in range(10)], seaborn.color_palette("colorblind", 10)
    _scatter(axes, points, labels, names, colours, ["o"] * 10)
    _bare(axes, "By digit")
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, 0), ncols=columns, markerscale=1.6, handletextpad=0, columnspacing=0.5
    )
    for digit in np.unique(labels):
        x, y = densest(points[labels == digit])
        box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.8}
        axes.text(x, y, str(digit), weight="bold", ha="center", va="center", bbox=box)


def densest(points: np.ndarray, neighbours: int = 15) -> np.ndarray:
    """The point (2,) of (N, 2) whose nearest neighbours are nearest: where a label stands amid what it names, and not
    between two clusters as a median may."""
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    near = np.sort(distances, axis=1)[:, : neighbours + 1]
    return points[near.mean(axis=1).argmin()]


def _domains(record: Any, name: str, columns: int, axes: Axes) -> None:
    names = [record.title(record.params["src"]), record.title(record.params["tgt"])]
    _scatter(axes, record.arrays[name], record.arrays["tsne_domain"], names, [BLUE, ORANGE], MARKERS)
    _bare(axes, "By domain")
    _legend(axes, columns)
