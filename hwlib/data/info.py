"""What each data set is, where it was looked for, what is there, and which images a run would take."""

import os
import textwrap
from collections.abc import Iterator
from pathlib import Path

from hwlib import paths
from hwlib.config import SCENARIOS
from hwlib.data import compact, course, registry, sample
from hwlib.data.registry import Card
from hwlib.data.source import DataSource, describe, open_source
from hwlib.errors import WorkbookError

SPLITS = compact.SPLITS


def lines(folder: Path | None = None) -> list[str]:
    """Return what there is to say, for people.

    folder: where to look; by default where `data auto` does. No image is decoded: numbers are those of manifests and
    tables, and a sha256 is said where it is known already, of a course folder after the first run on it.
    """
    if folder is not None and not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise WorkbookError(f"{folder}: {what}; `hw data info` alone looks where runs do")
    root, looked = _root(folder)
    found = ["looked in", *(f"  {line}" for line in looked), ""]
    own = [name for name in (course.digit_names(root) if root else ()) if name not in registry.CARDS]
    own += [name for name in (compact.digit_names(root) if root else ()) if name not in (*registry.CARDS, *own)]
    for name in (*registry.CARDS, *own):
        card = registry.CARDS.get(name)
        found += [f"{name}: {card.title if card else 'a digit set that the registry does not know'}"]
        found += _wrapped(_facts(card) if card else {})
        found += _wrapped(dict(_there(root, name)))
        found += [""]
    return [*found, *_runs("auto" if folder is None else str(folder.resolve()))]


def _root(folder: Path | None) -> tuple[Path | None, list[str]]:
    """The folder that counts, if it is there, and a line for each place."""
    always = "sample: always there, stand-ins made on the spot or from what the dependencies ship"
    if folder is not None:
        return folder, [f"{folder}, as given", always]
    named = os.environ.get("HW_DATA")
    places = [("HW_DATA", named), ("data/ of the project", None if named else "data")]
    root, found = None, []
    for what, where in places:
        if where is None:
            found.append(f"{what}: {'HW_DATA comes first' if named else 'not set'}")
            continue
        try:
            place = paths.anchored(where, what)
        except WorkbookError as error:  # no home folder, as in ~nobody/data, or no project
            found.append(str(error) if named else f"{what}: {error}")
            continue
        root = place if place.is_dir() else root
        found.append(f"{what}: {place}" + ("" if place.is_dir() else ", which is not there"))
    return root, [*found, always]


def _facts(card: Card) -> dict[str, str]:
    size = []
    if card.upstream:
        size.append("{} + {} images (training + test) as released".format(*card.upstream))
    if card.course:
        size.append("{} + {} in the course".format(*card.course))
    if card.name in registry.SETS and (files := registry.files(card.name)):
        known = sum(file.size or 0 for file in files)
        size.append(f"to fetch: {known / 1e6:.0f} MB" if all(file.size for file in files) else "to fetch: a few MB")
    facts = {"what": card.what, "licence": card.licence, "cite": card.citation, "home": card.homepage}
    return facts | ({"size": "; ".join(size)} if size else {})


def _there(root: Path | None, name: str) -> Iterator[tuple[str, str]]:
    """Where a set is, and what is there, by kind."""
    if name in registry.INGREDIENTS:
        for file in registry.CARDS[name].files:
            path = root and root / compact.FOLDER / compact.DOWNLOADS / file.name
            yield "here", str(path) if path and path.is_file() else "no; `hw data fetch mnistm` gets it"
        return
    folder = registry.CARDS[name].folder if name in registry.CARDS else f"digits/{name}"
    nowhere = True
    if root and (root / folder).is_dir():
        nowhere = False
        yield "course", f"{root / folder}: {_of_course(root / folder)}"
    if root and (root / compact.FOLDER / name).is_dir():
        nowhere = False
        yield "fetched", f"{root / compact.FOLDER / name}: {_of_fetched(root / compact.FOLDER / name)}"
    if nowhere:
        yield "here", f"no; `hw data fetch {name}{' --from PATH' if name == 'celeba' else ''}` makes it"
    if (stand_in := "face" if name == "celeba" else name) in (*sample.NAMES, "face"):
        made = [sample.known(stand_in, split) for split in SPLITS]
        yield "sample", f"stand-ins, {_counted(made)}" if all(made) else "stand-ins, made when they are first wanted"


def _of_course(base: Path) -> str:
    try:
        found = [course.known(base, split) for split in SPLITS]
    except WorkbookError as error:
        return f"cannot be used: {error}"
    return _counted(found) + (", marked as stand-ins" if course.is_stand_in(base) else "")


def _of_fetched(folder: Path) -> str:
    try:
        found = compact.manifest(folder)
        for split in SPLITS:
            path = folder / f"{split}.safetensors"
            if not path.is_file() or path.stat().st_size != found["splits"][split].get("bytes"):
                raise WorkbookError(f"{path.name} is missing or has another size than it was written with")
    except WorkbookError as error:
        return f"cannot be used: {error}"
    made = f", made on {str(found.get('date', ''))[:10]}: {found.get('method', '')}"
    return _counted([(found["splits"][split]["count"], found["splits"][split]["sha256"]) for split in SPLITS]) + made


def _counted(found: list[tuple[int, str | None]]) -> str:
    counts = " + ".join(str(count) for count, _ in found)
    hashes = [f"{sha256[:12]}…" if sha256 else "not known before the first run" for _, sha256 in found]
    return f"{counts} images, sha256 {' and '.join(dict.fromkeys(hashes))}"


def _runs(data: str) -> list[str]:
    """Which images the problems would take, and why."""
    found = [f"images of a run with `data {data}`"]
    for problems, need in (("p1, p2", "faces"), ("p3, p4", "digits")):
        try:
            source = open_source(data, need)
        except WorkbookError as error:
            found.append(f"  {problems} ({need}): none, they would stop: {error}")
            continue
        found.append(f"  {problems} ({need}): {describe(source, [])[0].removeprefix('data: ')}")
        if need == "digits":
            found += [f"    {line}" for line in _pairs(source)]
    return found


def _pairs(source: DataSource) -> list[str]:
    there = source.digit_names()
    found = []
    for pair in SCENARIOS:
        missing = [name for name in pair if name not in there]
        broken = [name for name in pair if name in there and _is_broken(source, name)]
        parts = [f"lacks {' and '.join(missing)}"] if missing else []
        parts += [f"{' and '.join(broken)} cannot be used"] if broken else []
        found.append(f"{' to '.join(pair)}: {', and '.join(parts) or 'both are there'}")
    return found


def _is_broken(source: DataSource, name: str) -> bool:
    if source.root is None:
        return False
    return any("cannot be used" in text for _, text in _there(source.root, name))


def _wrapped(facts: dict[str, str]) -> list[str]:
    found = []
    for name, text in facts.items():
        found += textwrap.wrap(
            text, 118, initial_indent=f"  {name:8s} ", subsequent_indent=" " * 11, break_on_hyphens=False
        )
    return found
