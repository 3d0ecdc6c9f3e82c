"""Write image sets out in the course layout, so that whatever reads that reads them."""

import csv
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from hwlib.data import compact, course
from hwlib.data.imageset import ImageSet
from hwlib.data.table import problem
from hwlib.errors import WorkbookError

SPLITS = compact.SPLITS
_STAND_IN = "These images are rendered or taken from elsewhere; they only stand in for the set whose name they bear.\n"


def export(source: Path | str, to: Path, names: Sequence[str] = (), *, force: bool = False) -> None:
    """Write sets as `to/digits/<name>` and `to/face`, printing a line for each.

    source: the folder in which `fetched/` lies, or `sample`. names: of digit sets, and `celeba` or `face` for the
    faces; none means all that are there. force: replace what is there. A set appears under its name when it is whole.

    PNG files are numbered from 00000; digits keep their channels. Sample sets stay marked as the stand-ins that they
    are, by a file `stand-in.txt` beside the tables. Raises WorkbookError for a name that is not there, for a set that
    the folder has already, and for whatever is wrong with the files.
    """
    load = _sample if source == "sample" else _fetched
    known = _known(source)
    if not known:
        raise WorkbookError(f"{source}: has no fetched sets; `hw data fetch --to {source}` makes some")
    names = list(dict.fromkeys("face" if name == "celeba" else name for name in names or known))
    for name in names:
        if name not in known:
            raise WorkbookError(f"there is no data set {name!r} in {source} to export; there are {', '.join(known)}")
    if source != "sample" and to.resolve() == source.resolve():
        text = f"{to} is where the fetched sets lie, and what is written there in the course layout would hide them"
        raise WorkbookError(f"{text}; give another folder")
    targets = {name: to / "face" if name == "face" else to / "digits" / name for name in names}
    for folder in targets.values():
        if os.path.lexists(folder) and not force:
            raise problem(folder, f"is there already; give another folder than {to}, or --force to replace it")
    for name, folder in targets.items():
        for left in folder.parent.glob(f".{folder.name}.*.part"):  # of an export that was killed
            shutil.rmtree(left, ignore_errors=True)
        part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
        try:
            part.mkdir(parents=True)
            counts = []
            for split in SPLITS:
                images = load(source, name, split)
                _write(part, images)
                counts.append(f"{len(images)} {split}")
            compact.put_in_place(part, folder)
        except OSError as error:
            raise problem(Path(error.filename or folder), f"cannot be written ({error.strerror or error})") from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
            with suppress(OSError):  # `digits/` without a set would pass for a course folder
                (to / "digits").rmdir()
        print(f"{images.title}: {' and '.join(counts)} images in {folder}")


def _known(source: Path | str) -> tuple[str, ...]:
    if source == "sample":
        from hwlib.data import sample

        return (*sorted(sample.NAMES), "face")
    if not source.is_dir():
        raise WorkbookError(f"{source}: does not exist or is no folder; give one in which fetched/ lies, or `sample`")
    return (*compact.digit_names(source), *(["face"] if compact.has_faces(source) else []))


def _fetched(source: Path, name: str, split: str) -> ImageSet:
    return compact.faces(source, split) if name == "face" else compact.digits(source, name, split)


def _sample(_: str, name: str, split: str) -> ImageSet:
    from hwlib.data import sample

    return sample.load(name, split)


def _write(folder: Path, images: ImageSet) -> None:
    """Write one split: the folder of images and the table beside it."""
    (folder / images.split).mkdir()
    if images.stand_in:
        (folder / course.STAND_IN).write_text(_STAND_IN, encoding="utf-8")
    is_face = images.labels.ndim == 2
    columns = images.label_names if is_face else ("label",)
    labels = (
        images.labels.float().tolist() if is_face else images.labels[:, None].tolist()
    )  # 0.0 and 1.0, as the course's
    with open(folder / f"{images.split}.csv", "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image_name", *columns])
        shown = tqdm(images.images, f"{images.name}, {images.split}", unit=" images", disable=None)
        for i, (image, label) in enumerate(zip(shown, labels, strict=True)):
            pixels = image[0] if len(image) == 1 else image.permute(1, 2, 0)
            name = f"{i:05d}.png"
            Image.fromarray(pixels.contiguous().numpy()).save(folder / images.split / name, compress_level=1)
            writer.writerow([name, *label])
