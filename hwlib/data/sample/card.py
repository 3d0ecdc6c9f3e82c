"""The numbers and the pictures of the sample's data card: `python -m hwlib.data.sample.card --write` makes them anew.

Prose stands in `CARD.md` and is kept; only what lies between its markers is written here.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from hwlib.data import sample
from hwlib.data.imageset import ATTRIBUTES, ImageSet
from hwlib.data.sample.sheet import digits_sheet, faces_sheet
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

CARD = Path(__file__).with_name("CARD.md")
CELEBA = Path(__file__).with_name("celeba.json")
SHEETS = ROOT / "figures" / "reference"
COUNTS = ("<!-- counts and rates: by python -m hwlib.data.sample.card --write -->", "<!-- end of counts and rates -->")
PRINTS = ("<!-- fingerprints: by python -m hwlib.data.sample.card --write -->", "<!-- end of fingerprints -->")
"""The lines between which the card's tables stand."""
LISTED = 12
"""How many correlations the card lists: those of CelebA beyond 0.3."""

Key = tuple[str, str]
"""Name and split of a set."""
KEYS: tuple[Key, ...] = tuple((name, split) for name in (*sample.NAMES, "face") for split in sample.SPLITS)


def celeba() -> dict:
    """Return CelebA's `rates` (13,) and `correlations` (13, 13), and of how many `faces`."""
    return json.loads(CELEBA.read_text(encoding="utf-8"))


def counts(labels: Mapping[Key, torch.Tensor]) -> str:
    """Return the tables that follow from the labels alone: images by class, attribute rates, correlations."""
    lines = [f"| set | split | images | {' | '.join('0123456789')} |", "| --- | --- |" + " ---: |" * 11]
    for name, split in KEYS[:-2]:
        found = torch.bincount(labels[name, split], minlength=10).tolist()
        lines.append(f"| {name} | {split} | {sum(found)} | {' | '.join(map(str, found))} |")

    real, (train, test) = celeba(), (labels["face", split].double().numpy() for split in sample.SPLITS)
    heads = f"train ({len(train)} faces) | test ({len(test)}) | CelebA ({real['faces']})"
    lines += ["", f"| faces with, % | {heads} |", "| --- | ---: | ---: | ---: |"]
    for name, *shares in zip(ATTRIBUTES, train.mean(0), test.mean(0), real["rates"], strict=True):
        lines.append(f"| {name} | {' | '.join(f'{100 * share:.1f}' for share in shares)} |")

    ours, theirs = correlations(np.concatenate([train, test])), np.array(real["correlations"])
    pairs = [(i, j) for i in range(len(ATTRIBUTES)) for j in range(i)]
    strongest = sorted(pairs, key=lambda pair: -abs(theirs[pair]))[:LISTED]
    farthest = max(pairs, key=lambda pair: abs(ours[pair] - theirs[pair]))
    lines += ["", "| strongest correlations in CelebA | sample | CelebA |", "| --- | ---: | ---: |"]
    lines += [f"| {_names(pair)} | {ours[pair]:+.2f} | {theirs[pair]:+.2f} |" for pair in strongest]
    told = f"{ours[farthest]:+.2f} in the sample, {theirs[farthest]:+.2f} in CelebA"
    lines += ["", f"Of the {len(pairs)} correlations, that of {_names(farthest)} is farthest off: {told}."]
    return "\n".join(lines)


def prints(sets: Mapping[Key, ImageSet]) -> str:
    """Return the table of fingerprints, and below it what they were made with."""
    lines = ["| set | split | mean | deviation | sha256 |", "| --- | --- | ---: | ---: | --- |"]
    for name, split in KEYS:
        found = sets[name, split]
        pixels = found.images.double()
        lines.append(f"| {name} | {split} | {pixels.mean():.1f} | {pixels.std():.1f} | `{found.sha256}` |")
    return "\n".join([*lines, "", made_with()])


def made_with() -> str:
    """Say which packages the pixels depend on, in their versions here, and which processor computed them."""
    names = sorted({package for *_, packages in sample._MAKERS.values() for package in packages})
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    # NumPy picks its code by what the processor can do, and the last bit of an exponential depends on it.
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    found = " ".join([*simd.get("baseline", ()), *simd.get("found", ())])
    return f"Made with {versions} on {platform.machine()} ({found})."


def correlations(attributes: np.ndarray) -> np.ndarray:
    """Return the correlations (13, 13) of attributes (N, 13) of 0 and 1."""
    return np.corrcoef(attributes.T)


def between(markers: tuple[str, str], text: str) -> str:
    """Return what stands between two markers of the card; WorkbookError where one is missing."""
    return _parts(markers, text)[1].strip()


def write(sets: Mapping[Key, ImageSet]) -> None:
    """Put both tables into the card, and both contact sheets into `figures/reference/`."""
    text = CARD.read_text(encoding="utf-8")
    labels = {key: found.labels for key, found in sets.items()}
    for markers, body in ((COUNTS, counts(labels)), (PRINTS, prints(sets))):
        before, _, after = _parts(markers, text)
        text = f"{before}{markers[0]}\n\n{body}\n\n{markers[1]}{after}"
    pictures = {"sample_digits.png": digits_sheet(sets), "sample_faces.png": faces_sheet(sets["face", "test"])}
    for name, content in pictures.items():
        _put(SHEETS / name, content)
    _put(CARD, text.encode())


def measure(folder: str) -> None:
    """Keep the rates and correlations of the real faces in a folder, train and test together, as `celeba.json`."""
    from hwlib.data.source import open_source

    source = open_source(folder, "faces")
    if source.kind == "sample":
        raise WorkbookError("celeba: name a folder with real faces; the sample is what is compared with them")
    rows = np.concatenate([source.faces(split).labels.double().numpy() for split in sample.SPLITS])
    for name, column in zip(ATTRIBUTES, rows.T, strict=True):
        if column.min() == column.max():
            raise WorkbookError(f"celeba: {folder}: {name} is the same for all faces, so it correlates with nothing")
    rates, table = rows.mean(0).round(4).tolist(), correlations(rows).round(3).tolist()
    head = {"faces": len(rows), "attributes": ATTRIBUTES, "rates": rates}
    body = json.dumps(head, indent=1)[:-2] + ',\n "correlations": [\n  '
    body += ",\n  ".join(json.dumps(row) for row in table) + "\n ]\n}\n"
    _put(CELEBA, body.encode())


def _names(pair):
    return " and ".join(ATTRIBUTES[index] for index in sorted(pair))


def _parts(markers, text):
    before, first, rest = text.partition(markers[0])
    body, second, after = rest.partition(markers[1])
    if not (first and second):
        raise WorkbookError(f"{CARD}: the lines {markers[0]} and {markers[1]} are not there; restore them")
    return before, body, after


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, or write them; the exit status is 0, and 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m hwlib.data.sample.card", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write CARD.md's tables and the contact sheets")
    parser.add_argument("--celeba", metavar="DIR", help="measure celeba.json anew from the real faces in this folder")
    options = parser.parse_args(arguments)
    try:
        if options.celeba:
            measure(options.celeba)
        sets = {key: sample.load(*key) for key in KEYS}
        if options.write:
            write(sets)
        else:
            print(counts({key: found.labels for key, found in sets.items()}), prints(sets), sep="\n\n")
    except WorkbookError as error:
        print(f"card: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
