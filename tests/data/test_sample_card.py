"""The data card tells the truth: its tables are those of the data, and its sheets show these sets."""

import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from hwlib.data import sample
from hwlib.data.imageset import ATTRIBUTES, DIGITS, ImageSet, fingerprint
from hwlib.data.sample import card, faces, street
from hwlib.errors import WorkbookError
from hwlib.paths import ROOT

TEXT = card.CARD.read_text(encoding="utf-8")
ROW = re.compile(r"\| (\w+) \| (train|test) \| ([\d.]+) \| ([\d.]+) \| `(\w{64})` \|")
PRINTED = {(name, split): rest for name, split, *rest in ROW.findall(card.between(card.PRINTS, TEXT))}
QUICK = [key for key in card.KEYS if key != ("face", "train")]
"""The sets that a test can afford to make; of the 4000 faces it has the attributes."""


@pytest.fixture
def sets():
    """Small sets of every name, without sense."""
    rng = np.random.default_rng(1)
    found = {}
    for name, split in card.KEYS:
        side, count = (64, 90) if name == "face" else (28, 40)
        images = torch.from_numpy(rng.integers(0, 256, (count, 3, 1, 1), np.uint8)).expand(-1, -1, side, side)
        labels = (
            torch.from_numpy(rng.integers(0, 2, (count, 13), np.uint8)) if name == "face" else torch.arange(40) % 10
        )
        names = ATTRIBUTES if name == "face" else DIGITS
        found[name, split] = ImageSet(name, split, images, labels, names, "sample", True, fingerprint(images, labels))
    return found


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the card that may be written to; the sheets go beside it."""
    path = tmp_path / "CARD.md"
    shutil.copy(card.CARD, path)
    monkeypatch.setattr(card, "CARD", path)
    monkeypatch.setattr(card, "SHEETS", tmp_path / "sheets")
    return path


def test_counts_and_rates_are_those_of_the_data(sample_load):
    labels = {key: sample_load(*key).labels for key in card.KEYS if key[0] != "face"}
    labels |= {("face", split): faces.attributes(split) for split in sample.SPLITS}
    assert card.counts(labels) == card.between(card.COUNTS, TEXT), "run `python -m hwlib.data.sample.card --write`"


@pytest.mark.parametrize("key", QUICK, ids="-".join)
def test_fingerprints_are_those_of_the_data(key, sample_load):
    found = sample_load(*key)
    mean, deviation, sha256 = PRINTED[key]
    assert found.images.double().mean().item() == pytest.approx(float(mean), abs=0.1)
    assert found.images.double().std().item() == pytest.approx(float(deviation), abs=0.1)
    if card.made_with() in TEXT:  # the same versions of the packages and the same kind of processor
        assert found.sha256 == sha256, "run `python -m hwlib.data.sample.card --write`"


def test_every_split_has_a_fingerprint():
    assert tuple(PRINTED) == card.KEYS


def test_card_says_what_the_sources_say():
    assert re.search(r"(\d+) fonts", TEXT)[1] == str(len(street.FONTS))
    assert f"The column CelebA is of {card.celeba()['faces']} of" in TEXT
    for _, _, sources, _ in sample._MAKERS.values():
        for pattern in sources:
            assert f"`{pattern}`" in TEXT or pattern == "face*.py"


def test_sheets_are_small_and_show_these_sets():
    size = 0
    for name, keys in (("sample_digits.png", card.KEYS[:-2]), ("sample_faces.png", card.KEYS[-1:])):
        path = card.SHEETS / name
        size += path.stat().st_size
        with Image.open(path) as sheet:
            shown = sheet.text["Sets"]
        assert shown == ", ".join(f"{n} {split} {PRINTED[n, split][2][:16]}" for n, split in keys)
        assert f"(../../../figures/reference/{name})" in TEXT
    assert size < 300_000


def test_links_lead_somewhere():
    for link in re.findall(r"\]\((?!http)([^)#]+)", TEXT):
        assert (card.CARD.parent / link).exists(), link
    assert "hwlib/data/sample/CARD.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_writing_keeps_the_prose_and_is_stable(copy, sets):
    card.write(sets)
    first = copy.read_text(encoding="utf-8")
    assert "| usps | train | 40 |" in card.between(card.COUNTS, first)
    assert sets["face", "test"].sha256 in card.between(card.PRINTS, first)
    pictures = {path.name: path.read_bytes() for path in card.SHEETS.iterdir()}
    assert sorted(pictures) == ["sample_digits.png", "sample_faces.png"]
    card.write(sets)
    assert copy.read_text(encoding="utf-8") == first
    assert {path.name: path.read_bytes() for path in card.SHEETS.iterdir()} == pictures

    def prose(text):
        for markers in (card.COUNTS, card.PRINTS):
            text = text.replace(card.between(markers, text), "")
        return text

    assert prose(first) == prose(TEXT)


@pytest.mark.parametrize("marker", [*card.COUNTS, *card.PRINTS])
def test_missing_marker_is_one_line_and_nothing_is_written(copy, sets, marker):
    damaged = TEXT.replace(marker, "")
    copy.write_text(damaged, encoding="utf-8")
    with pytest.raises(WorkbookError, match="restore them") as caught:
        card.write(sets)
    assert "\n" not in str(caught.value)
    assert copy.read_text(encoding="utf-8") == damaged
    assert not card.SHEETS.exists()


def test_table_of_celeba_is_a_table_of_correlations():
    table = card.celeba()
    both = np.array(table["correlations"])
    assert table["attributes"] == list(ATTRIBUTES)
    assert len(table["rates"]) == 13
    assert 0 < min(table["rates"]) < max(table["rates"]) < 1
    assert both.shape == (13, 13)
    assert np.array_equal(both, both.T)
    assert (np.diag(both) == 1).all()
    assert np.abs(both).max() == 1


def test_measuring_a_folder_of_faces(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(card, "CELEBA", tmp_path / "celeba.json")
    monkeypatch.setenv("HW_CACHE", str(tmp_path / "cache"))
    rows = np.random.default_rng(2).integers(0, 2, (40, 13))
    save_faces(tmp_path / "real", rows)
    card.measure(str(tmp_path / "real"))
    found = json.loads((tmp_path / "celeba.json").read_text())
    assert found["faces"] == 40
    assert found["rates"] == pytest.approx(rows.mean(0))
    assert np.array(found["correlations"]) == pytest.approx(np.corrcoef(rows.T), abs=0.001)

    rows[:, 3] = 0
    before = (tmp_path / "celeba.json").read_bytes()
    save_faces(tmp_path / "dark", rows)
    assert card.main(["--celeba", str(tmp_path / "dark")]) == 2
    assert "Blond_Hair is the same for all faces" in capsys.readouterr().err
    assert card.main(["--celeba", "sample"]) == 2
    assert "the sample is what is compared" in capsys.readouterr().err
    assert (tmp_path / "celeba.json").read_bytes() == before


def save_faces(folder, rows):
    for split, part in zip(sample.SPLITS, np.split(rows, 2), strict=True):
        (folder / "face" / split).mkdir(parents=True)
        lines = [",".join(("image_name", *ATTRIBUTES))]
        for number, row in enumerate(part):
            Image.new("RGB", (64, 64)).save(folder / "face" / split / f"{number:05}.png")
            lines.append(",".join((f"{number:05}.png", *map(str, row))))
        (folder / "face" / f"{split}.csv").write_text("\n".join(lines) + "\n")
