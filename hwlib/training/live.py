"""The live curve that Lab shows during a training."""

import io
from typing import Any

from matplotlib.figure import Figure


def curve(history: list[dict[str, Any]]) -> bytes:
    """Return a PNG of every logged number over the steps, one small panel each."""
    names = [name for name in history[-1] if name not in ("step", "epoch")]
    figure = Figure(figsize=(2.4 * max(3, len(names)), 2.0), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        axes.plot([row["step"] for row in history], [row[name] for row in history], color="#0072B2")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
