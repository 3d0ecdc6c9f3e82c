"""The benchmark of loading: its form. Nothing here depends on how long anything takes."""

import json

import numpy as np
import pytest
from PIL import Image

from benchmarks import loading
from hwlib.names import ATTRIBUTES


@pytest.fixture
def folder(tmp_path):
    """A course folder of noise: three usps digits and two faces, of each split."""
    rng = np.random.default_rng(0)
    for part, side, columns, count in (("digits/usps", 28, ["label"], 3), ("face", 64, list(ATTRIBUTES), 2)):
        for split in ("train", "test"):
            (tmp_path / part / split).mkdir(parents=True)
            rows = [",".join(["image_name", *columns])]
            for i in range(count):
                Image.fromarray(rng.integers(0, 256, (side, side), np.uint8)).save(tmp_path / part / split / f"{i}.png")
                rows.append(",".join([f"{i}.png", *["1"] * len(columns)]))
            (tmp_path / part / f"{split}.csv").write_text("\n".join(rows))
    return tmp_path


def test_a_row_for_each_set_and_all_of_them(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(loading, "AGAIN", 1)
    assert loading.main([str(folder), "--out", str(tmp_path / "out")]) == 0
    report = json.loads((tmp_path / "out/loading.json").read_text())
    assert [(row["set"], row["images"]) for row in report["sets"]] == [
        ("usps/train", 3),
        ("usps/test", 3),
        ("face/train", 2),
        ("face/test", 2),
    ]
    assert report["total"]["images"] == 10
    assert {"megabytes", "first_s", "first_cpu_s", "again_s", "again_cpu_s"} < set(report["total"])
    assert all(row.keys() == {"set", *report["total"]} for row in report["sets"])
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed[:6]] == [
        "set",
        "usps/train",
        "usps/test",
        "face/train",
        "face/test",
        "all",
    ]


def test_a_folder_without_sets_is_one_line(tmp_path, capsys):
    assert loading.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"loading: {tmp_path} has neither digits/ nor face/ in it\n"
