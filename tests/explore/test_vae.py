"""The explorer of problem 1: directions, edits, and its view without a browser."""

import io
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_faces import TEST, chinese, controls_of, mark_stand_ins, write_faces, write_run
from PIL import Image

from hwlib import explore
from hwlib.data.source import load_sets
from hwlib.evaluation.networks import compute_on, config_of, load_decoder
from hwlib.evaluation.reconstruction import reconstruct
from hwlib.evaluation.sampling import interpolate_vae
from hwlib.explore import faces
from hwlib.explore.shown import Line, language
from hwlib.explore.vae_view import VAEExplorer
from hwlib.names import ATTRIBUTES


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with faces in `data` and a run of problem 1 on them in `runs`."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_CACHE", str(home / "cache"))
        write_run(home / "runs", "p1", write_faces(home / "data"))
    return home


@pytest.fixture(autouse=True)
def cache(home, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(home / "cache"))


@pytest.fixture
def explorer(home):
    explorer = VAEExplorer(home / "runs", language("en"))
    explorer.view()
    return explorer


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


# Directions


def test_a_direction_is_named_by_what_goes_with_it_and_points_to_more_of_it():
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (400, 13), generator=generator)
    latents = 0.01 * torch.randn(400, 20, generator=generator)
    latents[:, 3] -= 5 * labels[:, 7]  # the widest: Male, and less along the axis
    latents[:, 8] += 2 * labels[:, 9]
    first, second, *rest = faces.principal_directions(latents, labels, ATTRIBUTES)
    assert (first.name, second.name) == ("Male", "Smiling")
    assert first.correlation == pytest.approx(1, abs=1e-3)
    deviations = latents.std(0)
    assert first.vector[3] == pytest.approx(-float(deviations[3]), rel=1e-2)
    assert second.vector[8] == pytest.approx(float(deviations[8]), rel=1e-2)
    assert len(rest) == faces.MOST - 2


def test_no_direction_where_nothing_varies_and_no_name_where_no_attribute_does():
    labels = torch.randint(0, 2, (30, 13), generator=torch.Generator().manual_seed(0))
    assert faces.principal_directions(torch.ones(30, 8), labels, ATTRIBUTES) == []
    varying = torch.randn(30, 8, generator=torch.Generator().manual_seed(0))
    assert {d.name for d in faces.principal_directions(varying, torch.ones(30, 13), ATTRIBUTES)} == {""}


def test_an_attribute_s_direction_is_the_difference_of_two_means():
    latents = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 8.0]])
    labels = torch.tensor([[1, 0, 1], [1, 0, 0], [1, 0, 0], [1, 0, 1]])
    found = faces.attribute_directions(latents, labels, ("all", "none", "some"))
    assert list(found) == ["some"]
    assert found["some"].tolist() == [0.0, 2.0]


def test_correlations_are_pearson_s():
    random = np.random.default_rng(0)
    places, labels = random.normal(size=50), random.integers(0, 2, (50, 13))
    expected = [np.corrcoef(places, column)[0, 1] for column in labels.T]
    np.testing.assert_allclose(faces.correlations(torch.tensor(places), torch.tensor(labels)), expected)


# Edits


def test_numbers_and_pictures_are_those_of_the_report(home, explorer):
    model, compute = load_decoder(explorer.record), compute_on("cpu")
    _, test = load_sets(config_of(explorer.record))
    pictures, mse, _ = reconstruct(compute.place(model), test.images, compute)
    picture, error = faces.reconstruction(explorer.space, 3)
    assert error == pytest.approx(float(mse[3]), rel=1e-4)
    assert np.abs(picture.astype(int) - pictures[3].numpy()).max() <= 1
    between = interpolate_vae(model, test.images[[3, 5]], compute).numpy()
    assert np.abs(faces.strip(explorer.space, 3, 5).astype(int) - between).max() <= 1


def test_an_edit_adds_up(explorer):
    space = explorer.space
    name = next(iter(space.attributes))
    edit = faces.Edit(2, 4, 0.25, (0.0, -1.5), {name: 2.0})
    expected = 0.75 * space.latents[2] + 0.25 * space.latents[4]
    expected = expected - 1.5 * space.directions[1].vector + 2 * space.attributes[name]
    torch.testing.assert_close(faces.edited_latent(space, edit), expected)


# The view


def test_every_slider_moves_the_face(explorer):
    controls = explorer.controls
    assert len(controls.steps) == len(explorer.space.directions) == faces.MOST
    seen = {controls.picture.value}
    for slider in (*controls.steps, controls.amount, controls.way):
        slider.value = 1.0
        seen.add(controls.picture.value)
    assert len(seen) == 2 + len(controls.steps) + 1
    assert explorer.edit.steps == (1.0,) * faces.MOST
    assert (explorer.edit.way, explorer.edit.amounts) == (1.0, {controls.attribute.value: 1.0})


def test_amounts_of_several_attributes_stay(explorer):
    controls = explorer.controls
    controls.attribute.value, controls.amount.value = "Male", 1.5
    controls.attribute.value = "Smiling"
    assert controls.amount.value == 0
    controls.amount.value = -1.0
    controls.attribute.value = "Male"
    assert controls.amount.value == 1.5
    assert {name: amount for name, amount in explorer.edit.amounts.items() if amount} == {"Male": 1.5, "Smiling": -1.0}
    assert "Male +1.5" in controls.caption.value


def test_the_still_picture_is_the_live_one(explorer):
    controls = explorer.controls
    controls.first.box.value, controls.second.box.value = 6, 9
    controls.steps[2].value, controls.way.value = -2.0, 0.3
    still, top, row = map(pixels, (explorer.still(), controls.picture.value, controls.row.png))
    np.testing.assert_array_equal(still[: len(top), : top.shape[1]], top)
    np.testing.assert_array_equal(still[-len(row) :, : row.shape[1]], row)
    np.testing.assert_array_equal(still, faces.picture(explorer.space, explorer.edit))
    for said in ("6", "9", "-2.0", "0.30"):
        assert said in explorer.told()


def test_any_test_face_can_be_the_start(explorer):
    first = explorer.controls.first
    previous, following, other = first.buttons
    previous.click()
    assert explorer.edit.first == TEST - 1
    following.click()
    following.click()
    assert explorer.edit.first == 1
    other.click()
    assert 0 <= explorer.edit.first < TEST
    first.box.value = 10 * TEST
    assert explorer.edit.first == TEST - 1
    assert f"test face {TEST - 1}" in explorer.controls.caption.value


def test_a_click_on_the_strip_goes_there(explorer):
    controls = explorer.controls
    for cell, way in ((0, 0.0), (4, 0.43), (8, 1.0), (9, 1.0)):
        controls.row.click(cell)
        assert (controls.way.value, explorer.edit.way) == (way, way)


def test_a_model_without_directions_still_shows_faces(explorer):
    explorer.space = replace(explorer.space, directions=[], attributes={})
    explorer.edit = explorer.unedited(explorer.edit)
    explorer.refresh()
    controls = explorer.controls
    assert {slider.layout.display for slider in controls.steps} == {"none"}
    assert controls.attribute.disabled
    assert "no directions" in controls.note.value
    assert controls.legend.value == ""
    controls.way.value = 0.5
    assert explorer.edit.amounts == {}


def test_reset_undoes_all_but_the_choice_of_faces(explorer):
    controls = explorer.controls
    controls.first.box.value = 5
    before = controls.picture.value
    controls.steps[0].value, controls.way.value, controls.amount.value = 2.0, 0.5, -1.0
    assert controls.picture.value != before
    controls.reset.click()
    assert controls.picture.value == before
    assert {slider.value for slider in (*controls.steps, controls.way, controls.amount)} == {0.0}


def test_save_writes_the_present_picture(home, explorer):
    explorer.controls.steps[0].value = 1.0
    save = next(c for c in controls_of(explorer.view()) if getattr(c, "description", "") == "Save picture")
    save.click()
    path = home / "runs" / "figures" / "explore_vae.png"
    assert path.read_bytes() == explorer.still()
    assert str(path) in explorer.status.value


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_control_says_what_it_is(home, lang):
    explorer = VAEExplorer(home / "runs", language(lang))
    controls = controls_of(explorer.view())
    assert len(controls) > 15
    for control in controls:
        label = control.label if control is explorer.controls.row else control.description
        assert label, control
        if control not in explorer.controls.steps:
            assert chinese(label) == (lang == "zh"), label
        if control is not explorer.controls.row and not label.startswith(("儲存", "Save")):
            assert chinese(control.tooltip) == (lang == "zh"), control.tooltip
    assert len(explorer.controls.row.labels) == explorer.controls.row.columns
    assert chinese(explorer.told()) == chinese(explorer.controls.caption.value) == (lang == "zh")


# Runs


def test_no_run_says_which_command_makes_one(tmp_path):
    shown = explore.vae(tmp_path, lang="en")
    assert isinstance(shown, Line)
    assert f"`hw run p1 --runs {tmp_path}` makes one" in shown.text


def test_damaged_weights_are_named(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    weights = runs / "p1_s0" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    shown = explore.vae(runs, lang="zh")
    assert isinstance(shown, Line)
    assert str(weights) in shown.text


def test_a_record_without_its_images_says_so(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    path = runs / "p1_s0" / "run.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(run | {"data": {}}), encoding="utf-8")
    assert "does not say which images it had" in explore.vae(runs, lang="en").text


def test_images_that_changed_are_noted(home, tmp_path):
    write_run(tmp_path / "runs", "p1", write_faces(tmp_path / "data"))
    write_faces(tmp_path / "data", seed=1)
    explorer = VAEExplorer(tmp_path / "runs", language("en"))
    explorer.view()
    assert "not those of this run" in explorer.controls.note.value
    shutil.rmtree(tmp_path / "data")
    assert isinstance(explore.vae(tmp_path / "runs"), Line)


def test_another_run_can_be_chosen_and_a_damaged_one_leaves_all_as_it_is(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    for seed, day in ((1, "02"), (2, "03")):
        write_run(runs, "p1", home / "data", seed=seed, finished=f"2026-01-{day}T00:00:00")
    explorer = VAEExplorer(runs, language("en"))
    explorer.view()
    (chooser,) = explorer.controls.runs
    assert explorer.record.folder.name == "p1_s2"
    newest = explorer.controls.picture.value
    (runs / "p1_s1" / "model.safetensors").unlink()
    chooser.value = 1
    assert "no such weights" in explorer.status.value
    assert (chooser.value, explorer.controls.picture.value) == (0, newest)
    chooser.value = 2
    assert explorer.record.folder.name == "p1_s0"
    assert (explorer.status.value, explorer.controls.picture.value != newest) == ("", True)


def test_a_newest_run_that_is_damaged_is_passed_over_and_named(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    for seed, day in ((1, "02"), (2, "03")):
        write_run(runs, "p1", home / "data", seed=seed, finished=f"2026-01-{day}T00:00:00")
    (runs / "p1_s2" / "model.safetensors").unlink()
    (runs / "p1_s7").mkdir()
    (runs / "p1_s7" / "run.json").write_text("{", encoding="utf-8")
    explorer = VAEExplorer(runs, language("en"))
    explorer.view()
    assert explorer.record.folder.name == "p1_s1"
    about, newest, unread = explorer.controls.note.value.split("<br>")
    assert about == "Run p1_s1 (profile quick)"
    assert newest.startswith("Passed over: ")
    assert str(runs / "p1_s2") in newest
    assert str(runs / "p1_s7" / "run.json") in unread
    (chooser,) = explorer.controls.runs
    assert chooser.value == 1
    chooser.value = 0  # damaged: all stays as it is
    assert (chooser.value, explorer.record.folder.name) == (1, "p1_s1")
    assert "no such weights" in explorer.status.value

    for seed in (0, 1):
        (runs / f"p1_s{seed}" / "model.safetensors").unlink()
    shown = explore.vae(runs, lang="en")
    assert isinstance(shown, Line)
    assert str(runs / "p1_s2") in shown.text  # the newest
    assert "(3 more cannot be used" in shown.text


@pytest.mark.parametrize(
    ("lang", "said"), [("zh", "執行紀錄 p1_s0（設定檔 quick，替代資料）"), ("en", "stand-in data")]
)
def test_stand_ins_are_told_in_the_view_in_words_and_in_the_picture(tmp_path, lang, said):
    write_run(tmp_path / "runs", "p1", mark_stand_ins(write_faces(tmp_path / "data")))
    explorer = VAEExplorer(tmp_path / "runs", language(lang))
    explorer.view()
    assert said in explorer.controls.note.value
    assert said in explorer.told()
    above = pixels(explorer.still())[: -len(faces.picture(explorer.space, explorer.edit))]
    assert (above < 128).any()


def test_the_legend_explains_the_first_slider(explorer):
    controls = explorer.controls
    assert f"“{controls.steps[0].description}”" in controls.legend.value
    assert "r is that correlation" in controls.legend.value
    assert controls.way.description == "Interpolation"
