"""Learning curves."""

from functools import partial
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes

from hwlib.figures.panel import BLUE, GREEN, HALF, ORANGE, PURPLE, THIRD, Panel, Row, label_ends, title_of

MODELS = {
    "source_only": ("on source", BLUE, (4, 1.5)),
    "dann": ("DANN", ORANGE, ""),
    "target_only": ("on target", GREEN, (1, 1)),
    "dann_resnet34": ("ResNet-34", PURPLE, ""),
    "adamatch": ("AdaMatch", PURPLE, ""),
}
"""Label, colour and dashes of each model's line."""


def _line(axes: Axes, history: dict[str, np.ndarray], name: str, colour: str, label: str = "", dashes="") -> None:
    keep = ~np.isnan(history[name])
    line = {"color": colour, "label": label or f"_{name}", "legend": False}
    if dashes:
        line["dashes"] = dashes
    if keep.sum() == 1:  # a line needs two points
        line["marker"] = "o"
    seaborn.lineplot(x=history["step"][keep], y=history[name][keep], ax=axes, **line)


def _finish(axes: Axes, title: str, ylabel: str, ylim: tuple) -> None:
    axes.set(title=title, xlabel="training step", ylabel=ylabel, ylim=ylim)
    label_ends(axes)


def vae_curve(record: Any) -> list[Row]:
    """1-2: reconstruction error and KL over the steps."""
    history = record.history

    def error(axes: Axes) -> None:
        _line(axes, history, "reconstruction", BLUE)
        _finish(axes, "Reconstruction error", "MSE on the [0, 1] scale", (0, None))

    def kl(axes: Axes) -> None:
        _line(axes, history, "kl", ORANGE)
        _finish(axes, "KL divergence", "nats an image", (0, None))

    return [
        Row(
            (
                Panel(error, zh="重建誤差（MSE）隨訓練步數的變化", en="Reconstruction error (MSE) over training steps"),
                Panel(kl, zh="KL 散度（nats）隨訓練步數的變化", en="KL divergence (nats) over training steps"),
            )
        )
    ]


def gan_curve(record: Any) -> list[Row]:
    """2-1: both losses, and the discriminator's mean answers."""
    history = record.history

    def losses(axes: Axes) -> None:
        _line(axes, history, "discriminator_loss", BLUE, "discriminator")
        _line(axes, history, "generator_loss", ORANGE, "generator", (4, 1.5))
        _finish(axes, "Losses", "nats", (0, None))

    def answers(axes: Axes) -> None:
        axes.axhline(0.5, color="grey", lw=0.8, ls=":")
        _line(axes, history, "discriminator_real", BLUE, "real faces")
        _line(axes, history, "discriminator_fake", ORANGE, "generated", (4, 1.5))
        _finish(axes, "The discriminator's answers", "mean probability of being real", (0, 1))

    return [
        Row(
            (
                Panel(losses, zh="鑑別器與生成器的損失", en="Losses of discriminator and generator"),
                Panel(
                    answers,
                    zh="鑑別器對真實人臉與生成人臉給出的平均機率",
                    en="Mean probability that the discriminator gives to real and to generated faces",
                ),
            )
        )
    ]


def adaptation_curves(*records: Any) -> list[Row]:
    """3-5b, 4-3b (`fig3_0`, `fig4_0`): a row a scenario, with the class loss of each model, the domain classifier or
    the pseudo-labels of a method that has those, and, where predictions were kept on the way, accuracy on the target's
    test set."""
    return [_adaptation(record) for record in records]


def watched(record: Any) -> bool:
    """Whether the record has accuracies of some model at steps on the way."""
    return any(name.startswith("target_accuracy_") for name in record.arrays)


def _adaptation(record: Any) -> Row:
    zh, en = title_of(record, zh=True), title_of(record)
    paints = [
        (partial(_class_loss, record.history), "各模型的類別損失", "class loss"),
        (
            partial(_pseudo_labels, record.history),
            "教師足夠確定而採用的偽標籤比例，以及學生與偽標籤一致的比例",
            "share of pseudo-labels that the teacher was sure enough of, and share that the student agrees with",
        )
        if "mask_rate" in record.history
        else (
            partial(_domain_accuracy, record.history),
            "領域分類器的準確率（50% 表示分不出領域）",
            "accuracy of the domain classifier (50%: it cannot tell)",
        ),
    ]
    if watched(record):
        paints.append(
            (
                partial(_target_accuracy, record),
                "訓練途中在目標域測試集的準確率；標籤在訓練結束之後才對上，沒有用來挑選任何東西",
                "accuracy on the target test set on the way; labels joined after the training, nothing chosen by them",
            )
        )
    width, height = (HALF, 2.45) if len(paints) == 2 else (THIRD, 2.05)
    panels = (Panel(p, width, height, zh=f"{zh}：{p_zh}", en=f"{en}: {p_en}") for p, p_zh, p_en in paints)
    return Row(tuple(panels), zh, en)


def _pseudo_labels(history: dict[str, np.ndarray], axes: Axes) -> None:
    _line(axes, history, "mask_rate", BLUE, "used")
    _line(axes, history, "agreement", ORANGE, "agreed", (4, 1.5))
    _finish(axes, "Pseudo-labels", "of the batch, %", (0, 101))


def _target_accuracy(record: Any, axes: Axes) -> None:
    for model in dict.fromkeys(record.history["model"]):
        if f"target_accuracy_{model}" in record.arrays:
            label, colour, dashes = _style(model)
            kept = {
                "step": record.arrays[f"observed_at_{model}"],
                "accuracy": record.arrays[f"target_accuracy_{model}"],
            }
            _line(axes, kept, "accuracy", colour, label, dashes)
    _finish(axes, "Target test set", "accuracy, %", (0, 101))


def _style(model: str) -> tuple[str, str, tuple | str]:
    return MODELS.get(model, (model, PURPLE, ""))


def _each(history: dict[str, np.ndarray]):
    for model in dict.fromkeys(history["model"]):
        yield {name: column[history["model"] == model] for name, column in history.items()}, _style(model)


def _class_loss(history: dict[str, np.ndarray], axes: Axes) -> None:
    for mine, (label, colour, dashes) in _each(history):
        _line(axes, mine, "class_loss", colour, label, dashes)
    _finish(axes, "Class loss", "nats", (0, None))


def _domain_accuracy(history: dict[str, np.ndarray], axes: Axes) -> None:
    axes.axhline(50, color="grey", lw=0.8, ls=":")
    for mine, (label, colour, dashes) in _each(history):
        if np.isfinite(mine["domain_accuracy"]).any():
            _line(axes, mine, "domain_accuracy", colour, label, dashes)
    _finish(axes, "Domain classifier", "accuracy, %", (0, 101))
