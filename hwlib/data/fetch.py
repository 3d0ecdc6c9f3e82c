"""From nothing to the right images: get the files of a release, check them, and make the compact form from them.

A set is built in a neighbour of its folder, whose name begins with a dot, and renamed when it is whole; so a fetch that
was interrupted, however, leaves nothing that looks whole. Files are kept in `FOLDER/fetched/downloads`, where the next
fetch finds them, and where they can be put by hand on a machine without a network.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from tqdm import tqdm

from hwlib import __version__, paths
from hwlib.data import compact, registry
from hwlib.data.archive import lying_in
from hwlib.data.builders import celeba as faces
from hwlib.data.builders import digits, given, mnistm
from hwlib.data.download import RemoteFile, Unreachable, download, is_right
from hwlib.data.table import problem
from hwlib.errors import WorkbookError

CELEBA_BY_HAND = (
    "celeba: its files lie on Google Drive, whose download quota fails most people, so they are not fetched. Get "
    "img_align_celeba.zip, list_attr_celeba.txt and list_eval_partition.txt from {homepage} (or a copy that you have) "
    "into one folder, then `hw data fetch celeba --from FOLDER`"
)

Splits = Iterator[tuple[str, torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class _Made:
    """A set on its way: its splits, made as they are taken, and what the manifest says of it."""

    splits: Splits
    sources: list[dict[str, Any]]
    method: str
    seed: int | None = None
    lines: tuple[str, ...] = ()


def fetch(
    names: Sequence[str],
    to: Path,
    own: Path | None = None,
    photos: Path | None = None,
    *,
    force: bool = False,
    clean: bool = False,
) -> None:
    """Make the named sets in `to/fetched`, printing a line or two for each.

    names: of the registry; none means the course's digits, and celeba where a copy of it is given.
    own: the user's own copy, a folder or an archive: of celeba, of a release's files, or of digits as pictures.
    photos: photographs for mnistm in place of BSDS500's.
    force: make sets again that are there. clean: delete the downloaded files in the end.
    Sets that are there and whole are left alone. Where no server answers for some, the others are still made; then a
    WorkbookError says which files to get and where to put them. Raises WorkbookError for all else that is wrong.
    """
    names = _chosen(names, own, photos)
    base = to / compact.FOLDER
    with _writing(base), _alone(base):
        _sweep(base)
        absent, failed = [], []
        for name in names:
            folder = base / name
            if not force and folder.exists():
                if found := compact.whole(folder):
                    chosen = own or (photos if name == "mnistm" else None)
                    more = f"; {chosen} was not looked at, --force makes the set anew" if chosen else ""
                    print(f"{name}: there already, {_counts(found)}{more}")
                    continue
                print(f"{name}: what is there is not whole; it is made anew")
            try:
                _make(name, folder, own, photos, required="celeba" not in names)
            except Unreachable as error:
                print(f"{name}: {error}")
                absent.append(name)
            except WorkbookError as error:  # one set's trouble is not the others'
                failed.append(str(error))
                if name != names[-1]:
                    print(f"{name}: could not be made; the others follow, and what was wrong is said last")
        if clean and not absent and not failed:
            shutil.rmtree(base / compact.DOWNLOADS, ignore_errors=True)
    if len(absent) + len(failed) < len(names) and not _is_found(to):
        print(f"runs take these with `HW_DATA={to}`, or with `-p data {to}`")
    if absent:
        failed.append(_by_hand(absent, base / compact.DOWNLOADS, photos))
    if failed:
        raise WorkbookError("\n".join(failed))


def _is_found(to: Path) -> bool:
    """Whether `data auto` looks in this folder."""
    try:
        return paths.anchored(os.environ.get("HW_DATA") or "data").resolve() == to.resolve()
    except (OSError, RuntimeError, WorkbookError):
        return False


def _chosen(names: Sequence[str], own: Path | None, photos: Path | None) -> list[str]:
    if not names:
        names = [*registry.WITHOUT_A_WORD, *(["celeba"] if own else [])]
    names = list(dict.fromkeys(names))
    for name in names:
        registry.card(name)
    if "celeba" in names and own is None:
        raise WorkbookError(CELEBA_BY_HAND.format(homepage=registry.CARDS["celeba"].homepage))
    if photos is not None and "mnistm" not in names:
        raise WorkbookError("--photos: only mnistm is made from it; name mnistm too, or leave --photos out")
    for option, path in (("--from", own), ("--photos", photos)):
        if path is not None and not path.exists():
            raise WorkbookError(f"{option}: {path} does not exist")
    return names


def _make(name: str, folder: Path, own: Path | None, photos: Path | None, required: bool) -> None:
    downloads = folder.parent / compact.DOWNLOADS
    made = _celeba(own) if name == "celeba" else _pictures(name, own)
    if made is None:
        if own:
            _take(name, own, downloads, required)
        made = _digits(name, downloads, photos)
    part = folder.with_name(f".{name}.part")
    part.mkdir()
    try:
        facts = _facts(name, made)
        found = compact.write(part, facts, made.splits)
        compact.put_in_place(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    print(f"{name}: made, {_counts(found)}", *made.lines, sep="\n  ")


def _pictures(name: str, own: Path | None) -> _Made | None:
    """A digit set from the user's own pictures, None where there are none."""
    if own is None or (found := given.take_pictures(own, name)) is None:
        return None
    sources = [{"name": found.place.name} | _content(found.place)]
    lines = [f"{found.what}, from {found.place.name}"]
    for split, (_, labels) in found.splits.items():
        if lost := sorted(set(range(10)) - set(labels.tolist())):
            lines.append(f"{split}: no picture of {', '.join(map(str, lost))}")
    splits = ((split, *found.splits[split]) for split in compact.SPLITS)
    return _Made(splits, sources, f"{found.what}; 28x28, of MNIST-M's 32x32 the middle", None, tuple(lines))


def _take(name: str, own: Path, downloads: Path, required: bool) -> None:
    """Take what `own` has of the files that a set is made from; what it lacks is fetched."""
    files = registry.files(name)
    found, others = given.take_files(own, files, downloads)
    if found:
        for wanted, other in others.items():
            print(f"{name}: {other} is not the release's {wanted}, its content differs, so it is not taken")
        return
    if required:
        names = ", ".join(file.name for file in files)
        raise WorkbookError(
            f"--from: {own} holds nothing of {name}, neither its files by their content ({names}) nor pictures in "
            f"train/0 to test/9 or with mnist_m_train_labels.txt; {lying_in(own)}"
        )
    print(f"{name}: {own} holds nothing of it")


def _digits(name: str, downloads: Path, photos: Path | None) -> _Made:
    own = ("bsds500",) if photos else ()
    files = registry.files(name, without=own)
    sources = [_source(file, _got(file, downloads)) for file in files]
    if name != "mnistm":
        build = getattr(digits, name)
        return _Made(((split, *build(downloads, split)) for split in compact.SPLITS), sources, digits.METHODS[name])
    behind = mnistm.photographs(photos or downloads / registry.CARDS["bsds500"].files[0].name)
    what = f"{len(behind.images)} photographs of {photos.name if photos else 'BSDS500 (training)'}"
    if photos:
        sources.append({"name": photos.name, "photographs": len(behind.images), "sha256": behind.sha256})

    def splits() -> Splits:
        for split in compact.SPLITS:
            images, labels = digits.mnist(downloads, split)
            yield split, mnistm.mnistm(images, split, behind), labels

    method = f"|patch - 255 * (digit > 0)|, 28x28 patches drawn from {what} for both splits (Ganin et al. 2016)"
    return _Made(splits(), sources, method, mnistm.SEED, (f"digits over patches of {what}",))


def _got(file: RemoteFile, downloads: Path) -> Path:
    try:
        return download(file, downloads)
    except Unreachable:
        raise  # told for all files together
    except WorkbookError as error:
        text = f"{error}; if you have {file.name} from elsewhere, put it into {downloads}: its sha256 is {file.sha256}"
        raise WorkbookError(text) from None


def _celeba(source: Path) -> _Made:
    found = faces.find(source)
    sources = [{"name": name, "sha256": sha256} for name, sha256 in found.tables.items()]
    sources.insert(0, {"name": found.images.name} | _content(found.images))

    def splits() -> Splits:
        for split in compact.SPLITS:
            total = len(found.chosen[split])

            def shown(images, split=split, total=total):
                return tqdm(images, f"celeba, {split}", total, unit=" images", disable=None)  # a terminal alone has it

            yield split, *faces.celeba(found, split, shown)

    lines = []
    if lost := sum(number not in found.names for number in found.attributes):
        lines.append(f"{lost} rows of list_attr_celeba have no image here, so others may stand in their places")
    for split, names in found.chosen.items():
        if len(names) < faces.COUNTS[split]:
            lines.append(f"{split}: {len(names)} images, as many as there are; the course has {faces.COUNTS[split]}")
    if not found.official:
        lines.append("list_eval_partition is not there; the official partition was told from the images' numbers")
    method = (
        f"the first {len(found.chosen['train'])} that are there of the official training partition and the first "
        f"{len(found.chosen['test'])} of the test partition; {faces.CROP}x{faces.CROP} in the middle brought to "
        f"{faces.SIDE}x{faces.SIDE}, bilinear"
    )
    return _Made(splits(), sources, method, None, tuple(lines))


def _facts(name: str, made: _Made) -> dict[str, Any]:
    card = registry.CARDS[name]
    return {
        "name": name,
        "title": card.title,
        "what": card.what,
        "licence": card.licence,
        "citation": card.citation,
        "homepage": card.homepage,
        "sources": made.sources,
        "method": made.method,
        "seed": made.seed,
        "hwlib": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _source(file: RemoteFile, path: Path) -> dict[str, Any]:
    return {"name": file.name, "urls": list(file.urls)} | _content(path)


def _content(path: Path) -> dict[str, Any]:
    """What identifies a file; of a folder, nothing does for little work."""
    return {"sha256": _sha256(path), "size": path.stat().st_size} if path.is_file() else {}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _counts(manifest: dict[str, Any]) -> str:
    return "{train} training and {test} test images".format(**{s: e["count"] for s, e in manifest["splits"].items()})


def _by_hand(names: Sequence[str], downloads: Path, photos: Path | None) -> str:
    """What to do without a network, as the lines of one error."""
    own = ("bsds500",) if photos else ()
    files = dict.fromkeys(file for name in names for file in registry.files(name, without=own))
    lines = [
        f"without a network {' and '.join(names)} cannot be made. Get these files where there is one (any address of a "
        f"file will do), put them into {downloads}, and give the same command again: it checks them and goes on"
    ]
    for file in files:
        path = downloads / file.name
        if path.is_file():
            if is_right(path, file):
                continue
            lines.append(f"  {file.name}, which is there already, is another file than the one wanted: replace it")
        size = f", {file.size / 1e6:.2f} MB" if file.size else ""
        lines.append(f"  {file.name}{size}, sha256 {file.sha256}")
        lines += [f"    {url}" for url in file.urls]
    return "\n".join(lines)


def _sweep(base: Path) -> None:
    """Delete what a fetch that was killed left; nobody else is at work here."""
    for path in base.glob(".*.part*"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _writing(base: Path) -> Iterator[None]:
    """Make the folder; whatever the disk refuses is one line."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise problem(Path(error.filename or base), f"cannot be read or written ({error.strerror or error})") from None


@contextmanager
def _alone(base: Path) -> Iterator[None]:
    lock = FileLock(base / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkbookError(f"{base}: another process is fetching into it; let it end") from None
    try:
        yield
    finally:
        lock.release()
