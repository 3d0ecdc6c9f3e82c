"""The explorer of problem 2: truncation, the great circle, and its view without a browser."""

import asyncio
import io
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_faces import TEST, TRAIN, chinese, controls_of, mark_stand_ins, write_faces, write_run
from PIL import Image
from scipy import stats

from hwlib import explore
from hwlib.evaluation.networks import compute_on, load_decoder
from hwlib.evaluation.realness import mean_realness
from hwlib.evaluation.sampling import interpolate_gan, sample_gan
from hwlib.explore import generated
from hwlib.explore.gan_view import GANExplorer
from hwlib.explore.shown import Line, language


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with faces in `data` and a run of problem 2 with seed 3 on them in `runs`."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_CACHE", str(home / "cache"))
        write_run(home / "runs", "p2", write_faces(home / "data"), seed=3)
    return home


@pytest.fixture(autouse=True)
def cache(home, monkeypatch):
    monkeypatch.setenv("HW_CACHE", str(home / "cache"))


@pytest.fixture
def explorer(home):
    explorer = GANExplorer(home / "runs", language("en"))
    explorer.view()
    return explorer


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)))


def apart(a, b):
    """The largest difference of two pictures in grey levels."""
    return np.abs(np.asarray(a).astype(int) - np.asarray(b).astype(int)).max()


# From state to picture


def test_truncated_latents_follow_the_truncated_normal_and_keep_their_order():
    latents = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    cut = generated.truncated(latents, 0.75)
    assert cut.abs().max() <= 0.75
    assert stats.kstest(cut.numpy(), stats.truncnorm(-0.75, 0.75).cdf).pvalue > 0.01
    assert torch.equal(cut.argsort(), latents.argsort())
    torch.testing.assert_close(generated.truncated(latents, 6.0), latents, atol=1e-3, rtol=1e-3)
    assert torch.equal(generated.truncated(latents, math.inf), latents)


def test_the_grid_is_the_run_s_own_figure_and_its_scores_average_to_the_report_s(explorer):
    explorer.still()
    generator, compute = load_decoder(explorer.record), compute_on("cpu")
    expected = sample_gan(compute.place(generator), generated.COUNT, 3, compute)
    assert apart(explorer.grid.faces, expected) <= 1
    realness = mean_realness(explorer.pair.discriminator, explorer.grid.faces, compute)
    assert float(explorer.grid.scores.mean()) == pytest.approx(realness, abs=1e-5)
    assert len({f"{score:.6f}" for score in explorer.grid.scores.tolist()}) > 20


def test_the_way_is_that_of_the_report_s_figure(explorer):
    generator, compute = load_decoder(explorer.record), compute_on("cpu")
    expected = interpolate_gan(compute.place(generator), 3, compute)
    for i, way in enumerate(torch.linspace(0, 1, len(expected)).tolist()):
        latent = generated.between(explorer.grid.latents, generated.State(3, way=way))
        assert apart(generated.generate(explorer.pair, latent[None])[0], expected[i]) <= 1


def test_a_grid_made_in_parts_is_one_made_at_once(explorer):
    latents = generated.drawn(8)
    parts, whole = (generated.Grid(explorer.pair, latents) for _ in range(2))
    parts.make([5, 0, 9])
    assert sorted(set(range(32)) - set(parts.stale)) == [0, 5, 9]
    assert parts.texts([1]) == ["D –"]
    parts.make()
    whole.make()
    assert (parts.stale, apart(parts.faces, whole.faces) <= 1) == ([], True)


# The view


def test_clicks_choose_the_ends_of_the_way_and_bring_neighbours(explorer):
    controls = explorer.controls
    assert controls.tiles.marked == [0, 1]
    assert controls.near.layout.display == "none"
    for place in (12, 20):
        controls.tiles.click(place)
    assert (explorer.state.pair, controls.tiles.marked) == ((12, 20), [12, 20])
    assert controls.near.layout.display is None
    near = pixels(controls.near.value)
    assert near.shape[1] == (generated.SIDE + 4) * 6
    assert "Face 21 is at an MSE of" in controls.verdict.value
    assert f"Of {TEST} test faces" in controls.verdict.value
    controls.tiles.click(20)  # the same again changes nothing
    assert explorer.state.pair == (12, 20)


def test_a_face_that_is_a_training_image_is_called_so(explorer):
    explorer.still()
    explorer.grid.faces[5] = explorer.loaded.train.images[7].flip(-1)
    explorer.controls.tiles.click(5)
    assert int(explorer.found.indices[0]) == 7
    assert "an MSE of 0.0000" in explorer.controls.verdict.value
    assert "it may be memorised" in explorer.controls.verdict.value
    explorer.say = language("zh")
    assert " " not in explorer.verdict().split("。", 1)[1]  # sentences in Chinese follow each other without a space
    explorer.say = language("en")
    explorer.usual = replace(explorer.usual, distances=torch.zeros(100))  # as if all test faces were kept ones
    explorer.controls.tiles.click(6)
    assert "nothing says that it is memorised" in explorer.controls.verdict.value


def test_the_slider_walks_the_way(explorer):
    controls = explorer.controls
    seen = {controls.picture.value}
    for way in (0.0, 0.26, 1.0):
        controls.way.value = way
        seen.add(controls.picture.value)
    assert len(seen) == 4
    side, gap = generated.LARGE, 4
    picture = pixels(controls.picture.value)[2 : 2 + side]  # at 1 the middle is the last face
    middle, last = (picture[:, i * (side + gap) + 2 :][:, :side] for i in (1, 2))
    assert apart(middle, last) <= 1


def test_seed_and_truncation_make_other_faces(explorer):
    controls = explorer.controls
    pictures = [controls.tiles.png]
    controls.seed.value = 4
    pictures.append(controls.tiles.png)
    controls.threshold.value = 0.5
    pictures.append(controls.tiles.png)
    controls.seed.value = 3
    controls.threshold.value = math.inf
    pictures.append(controls.tiles.png)
    assert len(set(pictures[:3])) == 3
    assert apart(pixels(pictures[3]), pixels(pictures[0])) <= 1
    assert not any("–" in label for label in controls.tiles.labels)


def test_a_part_comes_at_once_and_the_rest_when_the_slider_is_at_rest(explorer):
    controls = explorer.controls

    async def move():
        controls.threshold.value = 0.5
        early = list(explorer.grid.stale)
        controls.threshold.value = 0.25
        while explorer.rest.waiting:
            await asyncio.sleep(0.02)
        return early

    early = asyncio.run(move())
    assert 0 < len(early) <= 24
    assert not set(explorer.state.pair) & set(early)
    assert explorer.grid.stale == []
    assert not any("–" in label for label in controls.tiles.labels)
    expected = generated.generate(explorer.pair, generated.truncated(generated.drawn(3), 0.25))
    assert apart(explorer.grid.faces, expected) <= 1


def test_neighbours_follow_the_face_and_go_with_a_reset(explorer):
    controls = explorer.controls
    controls.tiles.click(7)
    before = controls.near.value
    controls.threshold.value = 0.5
    assert controls.near.value != before
    controls.reset.click()
    assert explorer.state == generated.State(3)
    assert (controls.threshold.value, controls.seed.value) == (math.inf, 3)
    assert (controls.tiles.marked, controls.near.layout.display) == ([0, 1], "none")


def test_the_still_picture_is_the_live_one(explorer):
    controls = explorer.controls
    controls.seed.value, controls.way.value = 9, 0.3
    controls.tiles.click(4)
    still = pixels(explorer.still())
    top = 0
    for png in (controls.tiles.png, controls.picture.value, controls.near.value):
        live = pixels(png)
        np.testing.assert_array_equal(still[top : top + len(live), : live.shape[1]], live)
        top += len(live) + 8
    for said in ("seed 9", "face 2 to face 5", "0.30"):
        assert said in explorer.told()


def test_the_still_picture_is_whole_before_anything_is_shown(home):
    explorer = GANExplorer(home / "runs", language("zh"))
    assert pixels(explorer.still()).shape[0] > 4 * generated.SIDE
    assert explorer.grid.stale == []


def test_save_writes_the_present_picture(home, explorer):
    save = next(c for c in controls_of(explorer.view()) if getattr(c, "description", "") == "Save picture")
    save.click()
    path = home / "runs" / "figures" / "explore_gan.png"
    assert path.read_bytes() == explorer.still()
    assert str(path) in explorer.status.value


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_control_says_what_it_is(home, lang):
    explorer = GANExplorer(home / "runs", language(lang))
    controls = controls_of(explorer.view())
    assert len(controls) == 6
    explorer.controls.tiles.click(3)
    assert explorer.controls.way.description == {"zh": "由 1 到 2（大圓）", "en": "From 1 to 2 (great circle)"}[lang]
    texts = [explorer.told(), explorer.controls.verdict.value, *explorer.controls.tiles.labels]
    texts += [explorer.controls.hint.value, explorer.controls.note.value]
    for control in controls:
        texts.append(control.label if control is explorer.controls.tiles else control.description)
        assert texts[-1], control
    for text in texts:
        assert chinese(text) == (lang == "zh"), text


# Runs


def test_no_run_says_which_command_makes_one(tmp_path):
    shown = explore.gan(tmp_path, lang="en")
    assert isinstance(shown, Line)
    assert f"`hw run p2 --runs {tmp_path}` makes one" in shown.text


def test_damaged_weights_are_named(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    weights = runs / "p2_s3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    shown = explore.gan(runs, lang="zh")
    assert isinstance(shown, Line)
    assert str(weights) in shown.text


def test_images_that_changed_are_noted(tmp_path):
    write_run(tmp_path / "runs", "p2", write_faces(tmp_path / "data"))
    write_faces(tmp_path / "data", seed=1)
    explorer = GANExplorer(tmp_path / "runs", language("zh"))
    explorer.view()
    assert "與這次執行當時的不同" in explorer.controls.note.value
    assert len(explorer.loaded.train) == TRAIN


def test_stand_ins_are_told_in_the_view_in_words_and_in_the_picture(tmp_path):
    write_run(tmp_path / "runs", "p2", mark_stand_ins(write_faces(tmp_path / "data")))
    explorer = GANExplorer(tmp_path / "runs", language("zh"))
    explorer.view()
    assert explorer.controls.note.value == "執行紀錄 p2_s0（設定檔 quick，替代資料）"
    assert explorer.told().startswith("執行紀錄 p2_s0（設定檔 quick，替代資料）：種子 0 的")
    above = pixels(explorer.still())[: -sum(len(part) + 8 for part in explorer.parts()) + 8]
    assert (above < 128).any()


def test_a_newest_run_that_is_damaged_is_passed_over_and_named(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    write_run(runs, "p2", home / "data", seed=5, finished="2026-01-02T00:00:00")
    (runs / "p2_s5" / "model.safetensors").write_bytes(b"")
    explorer = GANExplorer(runs, language("zh"))
    explorer.view()
    assert explorer.record.folder.name == "p2_s3"
    about, passed = explorer.controls.note.value.split("<br>")
    assert about == "執行紀錄 p2_s3（設定檔 quick）"
    assert passed.startswith(f"略過：{runs / 'p2_s5'}")


def test_another_run_can_be_chosen(home, tmp_path):
    runs = shutil.copytree(home / "runs", tmp_path / "runs")
    write_run(runs, "p2", home / "data", seed=5, finished="2026-01-02T00:00:00")
    explorer = GANExplorer(runs, language("en"))
    explorer.view()
    explorer.controls.tiles.click(3)
    (chooser,) = explorer.controls.runs
    newest = explorer.controls.tiles.png
    chooser.value = 1
    assert (explorer.record.folder.name, explorer.controls.seed.value) == ("p2_s3", 3)
    assert explorer.controls.tiles.png != newest
    assert explorer.controls.near.layout.display == "none"
