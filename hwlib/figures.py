"""Every figure of the report, drawn from a record and nothing else.

`draw` takes an artefact's name and records (or a `Run` in the making, which reads alike), and returns a matplotlib
figure made without pyplot, so nothing is shown twice and nothing is kept.
"""

import io
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwlib.names import ATTRIBUTES

# Okabe and Ito's colours, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
MODELS = {
    "source_only": ("trained on source", BLUE),
    "dann": ("DANN", ORANGE),
    "target_only": ("trained on target", GREEN),
    "dann_resnet34": ("ResNet-34 DANN", ORANGE),
}
MARKERS = ("o", "^")
STYLE = seaborn.axes_style("ticks", {"axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.6}) | {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "hwlib",
}


def png(figure: Figure, dpi: int = 150) -> bytes:
    """Return the figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def draw(name: str, *records: Any) -> Figure:
    """Draw the artefact `name` (`fig1_2` … `fig4_2`) of one record; `fig2_4` takes problem 1's and problem 2's, and
    `fig3_4` and `fig4_2` one to three, a row each."""
    with matplotlib.rc_context(STYLE):
        return DRAWINGS[name](*records)


def _measured(history: dict[str, np.ndarray], name: str) -> tuple[np.ndarray, np.ndarray]:
    keep = ~np.isnan(history[name])
    return history["step"][keep], history[name][keep]


def _line(axes: Axes, history: dict[str, np.ndarray], name: str, colour: str, label: str | None = None) -> None:
    steps, values = _measured(history, name)
    seaborn.lineplot(x=steps, y=values, ax=axes, color=colour, label=label, lw=1.4, legend=False)
    axes.set_xlabel("step")
    axes.set_ylabel("")


def vae_curve(record: Any) -> Figure:
    """1-2: reconstruction error and KL over the steps."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _line(left, record.history, "reconstruction", BLUE)
    left.set(title="reconstruction: MSE on [0, 1]", ylim=(0, None))
    _line(right, record.history, "kl", ORANGE)
    right.set(title="KL in nats an image", ylim=(0, None))
    return figure


def gan_curve(record: Any) -> Figure:
    """2-1: both losses, and the discriminator's mean answers."""
    figure = Figure(figsize=(7, 2.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    _line(left, record.history, "discriminator_loss", BLUE, "discriminator")
    _line(left, record.history, "generator_loss", ORANGE, "generator")
    left.set(title="loss in nats")
    left.legend()
    _line(right, record.history, "discriminator_real", BLUE, "real faces")
    _line(right, record.history, "discriminator_fake", ORANGE, "generated faces")
    right.set(title="mean probability of being real", ylim=(0, 1))
    right.legend()
    return figure


def adaptation_curves(*records: Any) -> Figure:
    """3-0, 4-0: class loss of each model, and the domain classifier's accuracy, a row a scenario."""
    figure = Figure(figsize=(7, 2.7 * len(records)), layout="constrained")
    parts = np.atleast_1d(figure.subfigures(len(records), 1))
    for part, record in zip(parts, records, strict=True):
        part.suptitle(_pair(record), fontsize=10, weight="bold")
        left, right = part.subplots(1, 2)
        for model in dict.fromkeys(record.history["model"]):
            label, colour = MODELS.get(model, (model, ORANGE))
            mine = record.history["model"] == model
            history = {k: v[mine] for k, v in record.history.items()}
            _line(left, history, "class_loss", colour, label)
            if np.isfinite(history["domain_accuracy"]).any():
                _line(right, history, "domain_accuracy", colour, label)
        left.set(title="class loss in nats", ylim=(0, None))
        left.legend()
        right.axhline(50, color="grey", lw=0.8, ls="--")
        right.set(title="domain classifier right, % (50: cannot tell)", ylim=(0, 101))
    return figure


def _pair(record: Any) -> str:
    src, tgt = record.params["src"], record.params["tgt"]
    return f"{record.title(src)} → {record.title(tgt)}"


def mosaic(faces: np.ndarray, columns: int = 8, gap: int = 2) -> np.ndarray:
    """Lay images (N, 3, H, W) out in rows of `columns` with white gaps; returns uint8 (rows, width, 3)."""
    n, _, height, width = faces.shape
    rows = -(-n // columns)
    page = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, face in enumerate(faces):
        y, x = (height + gap) * (i // columns), (width + gap) * (i % columns)
        page[y : y + height, x : x + width] = face.transpose(1, 2, 0)
    return page


def _show(axes: Axes, faces: np.ndarray, title: str = "") -> None:
    axes.imshow(mosaic(faces), interpolation="nearest")
    axes.set_axis_off()
    axes.set_title(title)


def face_grid(record: Any) -> Figure:
    """1-4, 2-2: 32 faces from N(0, I)."""
    figure = Figure(figsize=(7, 3.55), layout="constrained")
    _show(figure.subplots(), record.arrays["faces"])
    return figure


def face_row(record: Any) -> Figure:
    """1-4b, 2-2b: faces on the way from one to another; in problem 1 between the two originals."""
    faces = record.arrays["interpolation"]
    if "originals" in record.arrays:
        first, last = record.arrays["originals"][:2]
        faces = np.concatenate([first[None], faces, last[None]])
    figure = Figure(figsize=(7, 0.8), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mosaic(faces, columns=len(faces)), interpolation="nearest")
    axes.set_axis_off()
    return figure


def side_by_side(vae: Any, gan: Any) -> Figure:
    """2-4: 32 faces of the VAE beside 32 of the GAN."""
    figure = Figure(figsize=(7, 2.1), layout="constrained")
    left, right = figure.subplots(1, 2)
    _show(left, vae.arrays["faces"], "VAE")
    _show(right, gan.arrays["faces"], "GAN")
    return figure


def _bare(axes: Axes, title: str) -> None:
    axes.set(title=title, xticks=[], yticks=[], xlabel="", ylabel="")
    axes.grid(False)
    seaborn.despine(ax=axes, left=True, bottom=True)


def _scatter(axes: Axes, points: np.ndarray, groups: np.ndarray, names: list[str], colours: list, markers) -> None:
    """Points by group. Groups are mixed in drawing order, so that none hides the other."""
    seaborn.scatterplot(
        x=points[:, 0],
        y=points[:, 1],
        hue=[names[g] for g in groups],
        style=[names[g] for g in groups],
        hue_order=names,
        style_order=names,
        palette=dict(zip(names, colours, strict=True)),
        markers=dict(zip(names, markers, strict=True)),
        s=12,
        linewidth=0,
        alpha=0.7,
        ax=axes,
    )


def attribute_map(record: Any) -> Figure:
    """1-5: t-SNE of test latents, coloured by the attribute that the run names."""
    name = record.params["attribute"]
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    groups = record.arrays["tsne_labels"][:, ATTRIBUTES.index(name)].astype(int)
    _scatter(axes, record.arrays["tsne"], groups, [f"not {name}", name], [BLUE, ORANGE], MARKERS)
    _bare(axes, f"t-SNE of test latents by {name}")
    axes.legend(loc="best", markerscale=1.8)
    return figure


def domain_maps(*records: Any) -> Figure:
    """3-4, 4-2: t-SNE of test features of both domains, by digit class and by domain, a row a scenario."""
    figure = Figure(figsize=(7, 3.6 * len(records)), layout="constrained")
    palette = seaborn.color_palette("tab10", 10)
    parts = np.atleast_1d(figure.subfigures(len(records), 1))
    for part, record in zip(parts, records, strict=True):
        part.suptitle(_pair(record), fontsize=10, weight="bold")
        left, right = part.subplots(1, 2)
        points = record.arrays["tsne"]
        labels, domains = record.arrays["tsne_labels"], record.arrays["tsne_domain"]
        _scatter(left, points, labels, [str(i) for i in range(10)], palette, ["o"] * 10)
        _bare(left, "by digit")
        left.get_legend().remove()
        for digit in np.unique(labels):
            x, y = np.median(points[labels == digit], axis=0)
            box = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75}
            left.text(x, y, str(digit), weight="bold", ha="center", va="center", bbox=box)
        names = [record.title(record.params["src"]), record.title(record.params["tgt"])]
        _scatter(right, points, domains, names, [BLUE, ORANGE], MARKERS)
        _bare(right, "by domain")
        right.legend(loc="best", markerscale=1.8)
    return figure


DRAWINGS: dict[str, Callable[..., Figure]] = {
    "fig1_2": vae_curve,
    "fig1_4": face_grid,
    "fig1_4b": face_row,
    "fig1_5": attribute_map,
    "fig2_1": gan_curve,
    "fig2_2": face_grid,
    "fig2_2b": face_row,
    "fig2_4": side_by_side,
    "fig3_0": adaptation_curves,
    "fig3_4": domain_maps,
    "fig4_0": adaptation_curves,
    "fig4_2": domain_maps,
}

ALT = {
    "fig1_2": (
        "VAE 的學習曲線：左為重建誤差，右為 KL 散度",
        "Learning curves of the VAE: reconstruction error and KL",
    ),
    "fig1_4": ("VAE 由 N(0, I) 解碼出的 32 張人臉", "32 faces that the VAE decoded from N(0, I)"),
    "fig1_4b": ("兩張測試人臉之間的內插", "Faces between two test faces"),
    "fig1_5": ("測試潛在向量的 t-SNE，依 {attribute} 上色", "t-SNE of the test latents, coloured by {attribute}"),
    "fig2_1": (
        "GAN 的學習曲線：左為兩個損失，右為鑑別器的平均輸出",
        "Learning curves of the GAN: both losses, and the discriminator's mean answers",
    ),
    "fig2_2": ("由生成器產生的 32 張人臉", "32 faces made by the generator"),
    "fig2_2b": ("兩個潛在向量之間的內插", "Faces between two latents"),
    "fig2_4": ("VAE（左）與 GAN（右）各 32 張人臉", "32 faces of the VAE (left) and of the GAN (right)"),
    "fig3_0": (
        "學習曲線：類別損失與領域分類器的準確率",
        "Learning curves: class loss, and accuracy of the domain classifier",
    ),
    "fig3_4": (
        "DANN 測試特徵的 t-SNE，左依數字、右依領域上色：{pairs}",
        "t-SNE of the DANN's test features by digit (left) and by domain (right): {pairs}",
    ),
    "fig4_0": (
        "學習曲線：類別損失與領域分類器的準確率",
        "Learning curves: class loss, and accuracy of the domain classifier",
    ),
    "fig4_2": (
        "改良方法測試特徵的 t-SNE，左依數字、右依領域上色：{pairs}",
        "t-SNE of the improved method's test features by digit (left) and by domain (right): {pairs}",
    ),
}


def alt(name: str, language: str, *records: Any) -> str:
    """Return the alternative text of a figure, in `zh` or `en`."""
    text = ALT[name][language == "en"]
    params = records[0].params
    zh = language == "zh"
    pairs = ("、" if zh else ", ").join(_pair(record) for record in records if "src" in record.params)
    if zh:
        pairs = pairs.replace(" (stand-in)", "（替代資料）").replace("） ", "）")
    return text.format(attribute=params.get("attribute", ""), pairs=pairs)
