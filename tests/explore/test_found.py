"""Which runs an explorer has to choose from, and what it says of those that it cannot read."""

import json

import made_digits
import pytest

from hwlib import explore
from hwlib.errors import WorkbookError
from hwlib.explore.digits_view import DigitsExplorer
from hwlib.explore.found import missing, none_left, passed_over, read_runs, runs_of
from hwlib.explore.shown import Line, language
from hwlib.explore.vae_view import VAEExplorer

EN, ZH = language("en"), language("zh")


def write(runs, name, text=None, **run):
    (runs / name).mkdir(parents=True)
    run = {"schema": 1, "problem": name[:2], **run}
    (runs / name / "run.json").write_text(json.dumps(run) if text is None else text, encoding="utf-8")


def names(records):
    return [record.folder.name for record in records]


def test_the_newest_first_and_only_those_of_the_problems(tmp_path):
    for name, day in (("p1_s0", "02"), ("p1_s1", "03"), ("p2_s0", "04"), ("p1_s2", "01")):
        write(tmp_path, name, finished=f"2026-01-{day}")
    assert names(runs_of(tmp_path, "p1")) == ["p1_s1", "p1_s0", "p1_s2"]
    assert names(runs_of(tmp_path, "p1", "p2")) == ["p2_s0", "p1_s1", "p1_s0", "p1_s2"]
    assert read_runs(tmp_path / "none", "p1") == ([], [])


def test_a_damaged_record_is_told_where_it_may_belong(tmp_path):
    write(tmp_path, "p1_s0")
    for name in ("p1_s1", "p2_s0", "renamed"):
        write(tmp_path, name, text="{")
    found, wrong = read_runs(tmp_path, "p1")
    assert names(found) == ["p1_s0"]
    assert [any(str(tmp_path / name) in line for line in wrong) for name in ("p1_s1", "p2_s0", "renamed")] == [
        True,
        False,
        True,
    ]
    assert passed_over(EN, wrong)[0].startswith(f"Passed over: {tmp_path / 'p1_s1' / 'run.json'}: the record cannot")
    assert passed_over(ZH, wrong)[0].startswith("略過：")


def test_where_none_can_be_read_the_damaged_one_is_named_beside_the_command(tmp_path):
    for problem, explorer in (("p1", VAEExplorer), ("p3", DigitsExplorer)):
        write(tmp_path / problem, f"{problem}_s1", text="{")
        wanted = (
            rf"`hw run {problem} --runs {tmp_path / problem}` makes one. \(1 more cannot be used, first: .*{problem}_s1"
        )
        with pytest.raises(WorkbookError, match=wanted):
            explorer(tmp_path / problem, EN)
    assert none_left(ZH, ["a", "b", "c"]) == "a（另有 2 筆紀錄不能用，第一筆：b）"
    assert none_left(ZH, ["a"]) == "a"


def test_the_command_names_the_folder_where_it_is_not_the_project_s(tmp_path, monkeypatch):
    monkeypatch.setattr("hwlib.paths.ROOT", tmp_path)
    assert "`hw run p2` makes one" in missing(EN, tmp_path / "runs", "p2")
    wanted = f"`hw run p3 -p src usps -p tgt svhn --runs '{tmp_path / 'my runs'}'`"
    for say in (EN, ZH):
        assert wanted in missing(say, tmp_path / "my runs", "p3", src="usps", tgt="svhn")


def automatic(runs, data, kind):
    """Make a record one of `data auto` whose images were of this kind."""
    folder = made_digits.run(runs, data, "p3", "ours", "other")
    run = json.loads((folder / "run.json").read_text())
    run["params"]["data"], run["data"]["kind"] = "auto", kind
    (folder / "run.json").write_text(json.dumps(run))


def test_images_of_a_folder_that_hw_data_named_then(tmp_path, monkeypatch):
    monkeypatch.setattr("hwlib.paths.ROOT", tmp_path / "root")
    made_digits.course(tmp_path / "data", "ours", "other")
    automatic(tmp_path / "runs", tmp_path / "data", "course")
    shown = explore.digits(tmp_path / "runs", lang="en")
    assert "no digit set 'ours'" in shown.text
    assert "it had those of a folder, and now HW_DATA is not set: set HW_DATA to that folder" in shown.text

    made_digits.course(tmp_path / "others", "ours", "other", seed=5)
    monkeypatch.setenv("HW_DATA", str(tmp_path / "others"))
    for lang, says in (("en", "are not those of this run; it had"), ("zh", "當時的影像來自一個資料夾，現在 HW_DATA=")):
        notes = " ".join(explore.digits(tmp_path / "runs", lang=lang).scene.notes)
        assert says in notes
        assert f"HW_DATA={tmp_path / 'others'}" in notes

    monkeypatch.setenv("HW_DATA", str(tmp_path / "data"))
    assert not any("HW_DATA" in note for note in explore.digits(tmp_path / "runs", lang="en").scene.notes)


def test_images_of_the_sample_while_hw_data_names_a_folder(tmp_path, monkeypatch):
    made_digits.course(tmp_path / "data", "ours", "other")
    automatic(tmp_path / "runs", tmp_path / "data", "sample")
    made_digits.course(tmp_path / "others", "usps", "svhn")
    monkeypatch.setenv("HW_DATA", str(tmp_path / "others"))
    shown = explore.digits(tmp_path / "runs", lang="en")
    assert f"stand-ins, and now HW_DATA={tmp_path / 'others'}: unset that" in shown.text


@pytest.mark.parametrize("call", [explore.vae, explore.gan, explore.digits])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lang": "fr"}, "lang: 'fr' is not one of zh, en"),
        ({"runs": None}, "runs: None is no folder; give the path"),
        ({"runs": 3}, "runs: 3 is no folder; give the path"),
    ],
)
def test_a_call_that_cannot_be_understood_is_a_line(tmp_path, call, given, said):
    shown = call(**{"runs": tmp_path, **given})
    assert isinstance(shown, Line)
    assert said in shown.text
