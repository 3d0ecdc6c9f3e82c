"""A folder of small image files, as one uint8 tensor."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from hwlib import pixels, processes
from hwlib.data.table import problem
from hwlib.progress import counter

Result = TypeVar("Result")

FORMATS = ("PNG", "JPEG", "BMP")
"""What the course's folders may hold, as Pillow names it."""

# Why processes, and why Pillow. Two thirds of the time for a 28x28 PNG is Python, so threads do not pay (two of them
# halved the speed). torchvision.io, which lets go of the interpreter's lock, takes 78 us of CPU time for a 28x28 RGB
# file against Pillow's 101, and 210 against 247 for a face: not worth a second judge of what a good file is, and
# torchvision 0.29 announces the end of its decoders.
_PARALLEL = 2**23
"""Pixels from which on processes pay: 10,000 digits or 2,000 faces, 1.3 s of decoding. To start one costs 0.2 s."""

_CHUNK = 2**19
"""Pixels that a process decodes at a time: 668 digits or 128 faces, less than 0.1 s, at most 1.5 MB."""

_PROCESSES = 16
"""More would soon wait for this one, which takes 3 % of their time to collect what they send."""


def decode_all(
    table: Path | None,
    folder: Path,
    names: dict[int, str],
    side: int,
    formats: tuple[str, ...] = FORMATS,
) -> torch.Tensor:
    """Return the images, uint8 (N, C, side, side), that `names` lists by their rows of `table`, or without a table.

    Many are decoded by several processes. The WorkbookError for a bad image is that of the first in order.
    """
    rows, files = list(names), list(names.values())
    images, done = np.empty((len(files), 1, side, side), np.uint8), 0
    label = f"decoding {'/'.join(folder.parts[-2:])}"
    with (
        counter(label, len(files), "images") as advance,
        closing(in_stretches(pixels.decode_some, folder, files, side, formats)) as parts,
    ):
        for part, wrong in parts:
            if part.shape[1] > images.shape[1]:
                grey, images = images, np.empty((len(files), 3, side, side), np.uint8)
                images[:done] = grey[:done]  # grey fills all three channels
            images[done : done + len(part)] = part
            done += len(part)
            if wrong is not None:
                file = folder / files[done]
                if table is None:
                    raise problem(file, wrong)
                raise problem(table, f"image {file} {wrong}", rows[done])
            advance(len(part))
    return torch.from_numpy(images)


def in_stretches(
    function: Callable[[str, list[str], int, tuple[str, ...]], Result],
    folder: Path,
    files: list[str],
    side: int,
    formats: tuple[str, ...] = FORMATS,
) -> Iterator[Result]:
    """Yield `function(folder, some of the files, side, formats)` for one stretch of the files after another.

    With many files several processes do it; what the function's module imports, each of them imports.
    """
    step = max(1, _CHUNK // side**2)
    tasks = [(str(folder), files[i : i + step], side, formats) for i in range(0, len(files), step)]
    done = 0
    count = min(processes.processors(), _PROCESSES) if len(files) * side**2 >= _PARALLEL else 1
    if count > 1:
        try:
            with closing(processes.results(function, tasks, count)) as found:
                for result in found:
                    yield result
                    done += 1
        except Exception:  # none could be started, or one was killed: what they can do, this one can
            pass
    for task in tasks[done:]:
        yield function(*task)
