"""The course folder to measure on: one that is there, else the embedded sample written out as one."""

import csv
import os
from pathlib import Path

from hwlib.paths import anchored, here


def find(named: str | None) -> tuple[Path | None, str]:
    """Return the course folder and why it is this one; None for the folder where there is none.

    named: from the command line, relative to the working directory.
    """
    if named:
        return here("DATA", named), "as given"
    if folder := os.environ.get("HW_DATA"):
        return anchored(folder, "HW_DATA"), "from HW_DATA"
    if anchored("data").is_dir():
        return anchored("data"), "data/ of the project"
    return None, "the embedded sample (stand-ins), written out for this run"


def write_sample(folder: Path, limit: int | None = None) -> None:
    """Write the embedded sample's training images as PNG files into `folder`, in the course layout.

    limit: images of each set at most.
    """
    from PIL import Image

    from hwlib.data import open_source

    source = open_source("sample", "digits")
    for name in (*source.digit_names(), "face"):
        each = source.faces("train") if name == "face" else source.digits(name, "train")
        base = folder / ("face" if name == "face" else f"digits/{name}")
        (base / "train").mkdir(parents=True)
        columns = each.label_names if name == "face" else ("label",)
        with (base / "train.csv").open("w", newline="", encoding="utf-8") as table:
            writer = csv.writer(table)
            writer.writerow(["image_name", *columns])
            labels = each.labels.view(len(each), -1).tolist()
            for i, (image, label) in enumerate(zip(each.images[:limit], labels, strict=False)):
                file = f"{i:05d}.png"
                pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
                Image.fromarray(pixels.contiguous().numpy()).save(base / "train" / file)
                writer.writerow([file, *label])
