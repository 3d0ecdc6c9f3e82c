"""Learning curves."""

from functools import partial
from typing import Any

import numpy as np
import seaborn
from matplotlib.axes import Axes

from hwlib.figures.panel import BLUE, GREEN, ORANGE, PURPLE, Panel, Row, label_ends, title_of

MODELS = {
    "source_only": ("on source", BLUE, (4, 1.5)),
    "dann": ("DANN", ORANGE, ""),
    "target_only": ("on target", GREEN, (1, 1)),
    "dann_resnet34": ("ResNet-34 DANN", PURPLE, ""),
    "adamatch": ("AdaMatch", PURPLE, ""),
}
"""Label, colour and dashes of each model's line."""


def _line(axes: Axes, history: dict[str, np.ndarray], name: str, colour: str, label: str = "", dashes="") -> None:
    keep = ~np.isnan(history[name])
    line = {"color": colour, "label": label or f"_{name}", "legend": False}
    if dashes:
        line["dashes"] = dashes
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
    """3-5b, 4-3b (`fig3_0`, `fig4_0`): class loss of each model and accuracy on the domains, a row a scenario."""
    return [_adaptation(record) for record in records]


def _adaptation(record: Any) -> Row:
    zh, en = title_of(record, zh=True), title_of(record)
    if "mask_rate" in record.history:
        second = Panel(
            partial(_pseudo_labels, record),
            zh=f"{zh}：目標域測試準確率，與採用的偽標籤比例",
            en=f"{en}: accuracy on the target test set, and share of pseudo-labels used",
        )
    else:
        second = Panel(
            partial(_domain_accuracy, record.history),
            zh=f"{zh}：領域分類器的準確率（50% 表示分不出領域）",
            en=f"{en}: accuracy of the domain classifier (50%: it cannot tell)",
        )
    return Row(
        (Panel(partial(_class_loss, record.history), zh=f"{zh}：各模型的類別損失", en=f"{en}: class loss"), second),
        zh,
        en,
    )


def _pseudo_labels(record: Any, axes: Axes) -> None:
    """Accuracy on the target test set at some steps, labels joined after training, and the share of pseudo-labels that
    were sure enough to be used."""
    history, model = record.history, record.history["model"][0]
    _line(axes, history, "mask_rate", GREEN, "pseudo-labels used", (1, 1))
    if f"target_accuracy_{model}" in record.arrays:
        steps, values = (record.arrays[f"{name}_{model}"] for name in ("observed_at", "target_accuracy"))
        _line(axes, {"step": steps, "accuracy": values}, "accuracy", PURPLE, "target accuracy")
    _finish(axes, "Pseudo-labels and target accuracy", "%", (0, 101))


def _each(history: dict[str, np.ndarray]):
    for model in dict.fromkeys(history["model"]):
        style = MODELS.get(model, (model, PURPLE, ""))
        yield {name: column[history["model"] == model] for name, column in history.items()}, style


def _class_loss(history: dict[str, np.ndarray], axes: Axes) -> None:
    for mine, (label, colour, dashes) in _each(history):
        _line(axes, mine, "class_loss", colour, label, dashes)
    _finish(axes, "Class loss", "nats", (0, None))


def _domain_accuracy(history: dict[str, np.ndarray], axes: Axes) -> None:
    axes.axhline(50, color="grey", lw=0.8, ls=":")
    for mine, (label, colour, dashes) in _each(history):
        if np.isfinite(mine["domain_accuracy"]).any():
            _line(axes, mine, "domain_accuracy", colour, label, dashes)
    _finish(axes, "Domain classifier (50: cannot tell)", "accuracy, %", (0, 101))
