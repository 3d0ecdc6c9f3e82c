"""What a person can move in each explorer, as a widget's change reaches the kernel."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Move = Callable[[int], object]
"""Called with 0, 1, 2, …; each call changes something, and returns when the kernel has answered."""


def of_vae(explorer: Any) -> dict[str, Move]:
    """A slider along a direction, the attribute's slider, the way between two faces, another face to start from."""
    c = explorer.controls
    steps = c.steps[: len(explorer.edit.steps)] or [c.amount]
    return {
        "slider": lambda i: _set(steps[i % len(steps)], _wave(i, -3, 3)),
        "attribute": lambda i: _set(c.amount, _wave(i, -3, 3)),
        "interpolation": lambda i: _set(c.way, _wave(i, 0, 1)),
        "face": lambda i: _set(c.first.box, (i + 1) % len(explorer.space.test)),
    }


def of_gan(explorer: Any) -> dict[str, Move]:
    """The walk between two faces, truncation and seed of the grid, and a click, with its neighbours."""
    c = explorer.controls
    thresholds = [value for _, value in c.threshold.options]
    return {
        "walk": lambda i: _set(c.way, _wave(i, 0, 1)),
        "truncation": lambda i: _set(c.threshold, thresholds[(i + 1) % len(thresholds)]),
        "seed": lambda i: _set(c.seed, i + 1),
        "click": lambda i: c.tiles.click(i % (c.tiles.rows * c.tiles.columns)),
    }


def of_digits(explorer: Any) -> dict[str, Move]:
    """A cell of the confusion matrix, the slider of one image, a point of the map, and a stroke."""
    accuracy, image, features, own = explorer.tabs
    explorer.view()
    for place in range(len(explorer.tabs)):
        explorer.select(place)  # their widgets are made when they come to the front
    cells = itertools.cycle([i for i, label in enumerate(accuracy.matrix.labels) if label])
    moves = {
        "confusion cell": lambda i: accuracy.matrix.click(next(cells)),
        "image": lambda i: _set(image.slider, (i + 1) % (image.slider.max + 1)),
    }
    if points := len(features.points.shapes):
        moves["scatter"] = lambda i: _set(features.points, (i * 37 + 1) % points, "chosen")
    return moves | {"stroke": lambda i: _set(own.sketch, _stroke(own.sketch.side, i), "pixels")}


MOVES = {"vae": of_vae, "gan": of_gan, "digits": of_digits}


def _set(widget: Any, value: Any, trait: str = "value") -> None:
    setattr(widget, trait, value)


def _wave(i: int, low: float, high: float) -> float:
    """Places between the ends of a slider in steps of 7 %, no two in a row the same."""
    return low + (high - low) * ((i + 1) * 7 % 100) / 100


def _stroke(side: int, i: int) -> bytes:
    """A thick vertical line, white on black, at another place each time."""
    drawn = np.zeros((side, side), np.uint8)
    left = side // 4 + i % (side // 2)
    drawn[side // 5 : -side // 5, left : left + side // 12] = 255
    return drawn.tobytes()
