"""The explorer of problems 3 and 4 without a browser: what its widgets hold, and what clicks and strokes do."""

import io
import json
import shutil
from dataclasses import replace

import made_digits
import numpy as np
import pytest
from PIL import Image

from hwlib import explore
from hwlib.explore import digits_view
from hwlib.explore.digits_models import IMPROVED, SOURCE, TARGET
from hwlib.explore.digits_view import DigitsExplorer
from hwlib.explore.picture import png
from hwlib.explore.shown import Line, language


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Images in the course layout, with the cache elsewhere than the user's."""
    folder = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_CACHE", str(folder / "cache"))
        made_digits.course(folder / "data", "usps", "mnistm")
        yield folder


@pytest.fixture(scope="module")
def made(place):
    """Runs of usps → mnistm: two of p3, one of p4; and one of p3 the other way round, older than those."""
    runs = place / "runs"
    made_digits.run(runs, place / "data", "p3", "mnistm", "usps", day=1)
    made_digits.run(runs, place / "data", "p3", day=2, seed=1)
    made_digits.run(runs, place / "data", "p3", day=3)
    made_digits.run(runs, place / "data", "p4", day=4)
    return runs


@pytest.fixture
def copied(made, tmp_path):
    """A copy of the runs, to be damaged."""
    shutil.copytree(made, tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture
def shown(made):
    """An explorer in English with its view built."""
    explorer = DigitsExplorer(made, language("en"))
    explorer.view()
    return explorer


def widgets(widget):
    """A widget and all that it contains."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from widgets(child)


def tab(explorer, number):
    explorer.tab.selected_index = number
    return explorer.tabs[number]


def test_the_newest_runs_of_the_newest_pair_are_shown_first(shown):
    assert shown.pairs.value == ("usps", "mnistm")
    assert [label for label, _ in shown.pairs.options] == ["usps → mnistm", "mnistm → usps"]
    assert list(shown.scene.networks) == ["source_only", "dann", IMPROVED, "target_only"]
    assert shown.scene.records["p3"].run["seed"] == 0
    assert len(shown.choosers["p3"].options) == 2
    assert shown.choosers["p4"].layout.display == "none"  # there is no choice
    assert shown.scene.notes == []


def test_another_run_brings_other_networks(shown):
    before, picture = shown.scene.answers, shown.still()
    shown.choosers["p3"].index = 1
    assert shown.scene.records["p3"].run["seed"] == 1
    assert not np.array_equal(shown.scene.answers.probabilities["dann"], before.probabilities["dann"])
    assert np.array_equal(shown.scene.answers.probabilities[IMPROVED], before.probabilities[IMPROVED])
    shown.choosers["p3"].index = 0
    assert shown.scene.answers is before  # what was loaded is kept
    assert shown.still() == picture


def test_another_scenario_has_its_own_images_and_says_what_it_lacks(shown):
    shown.pairs.value = ("mnistm", "usps")
    assert [test.name for test in shown.scene.tests] == ["mnistm", "usps"]
    assert list(shown.scene.networks) == ["source_only", "dann", "target_only"]
    assert "`hw run p4 -p src mnistm -p tgt usps --runs " in shown.notes.value
    assert shown.notes.layout.display is None
    assert "mnistm → usps" in shown.told()
    shown.pairs.value = ("usps", "mnistm")
    assert shown.notes.layout.display == "none"


def test_a_cell_of_the_confusion_matrix_opens_the_images_behind_it(shown):
    accuracy = shown.tabs[0]
    counts = shown.scene.answers.confusion(accuracy.model)
    assert accuracy.model == IMPROVED
    true, said = next(cell for cell in zip(*np.nonzero(counts), strict=True) if cell != accuracy.cell)
    before = accuracy.matrix.png, accuracy.images.png
    accuracy.matrix.click(11 * (true + 1) + said + 1)
    assert accuracy.cell == (true, said)
    assert accuracy.matrix.png != before[0]  # the frame moves
    assert accuracy.images.png != before[1]
    assert f"{counts[true, said]} images of {true}" in accuracy.caption.value
    answers = shown.scene.answers
    behind = np.flatnonzero((answers.labels == true) & (answers.said(IMPROVED) == said))
    assert sorted(accuracy.images.labels[: len(behind)]) == sorted(f"image {i}" for i in behind)
    assert set(accuracy.images.labels[len(behind) :]) <= {""}
    assert len(accuracy.images.labels) == accuracy.images.rows * accuracy.images.columns


def test_cells_without_images_and_heads_of_rows_cannot_be_chosen(shown):
    accuracy = shown.tabs[0]
    counts = shown.scene.answers.confusion(accuracy.model)
    named = [bool(label) for label in accuracy.matrix.labels]
    expected = np.zeros((11, 11), bool)
    expected[1:, 1:] = counts > 0
    assert named == expected.flatten().tolist()
    cell = accuracy.cell
    accuracy.matrix.click(3)
    assert accuracy.cell == cell


def test_the_matrix_of_another_network(shown):
    accuracy = shown.tabs[0]
    accuracy.models.value = "source_only"
    counts = shown.scene.answers.confusion("source_only")
    wrong = counts * ~np.eye(10, dtype=bool)
    assert counts[accuracy.cell] == wrong.max()
    assert "source only" in accuracy.caption.value


def test_the_table_tells_every_network(shown):
    told = shown.tabs[0].table.value
    for name, probabilities in shown.scene.answers.probabilities.items():
        percent = 100 * (probabilities.argmax(1) == shown.scene.answers.labels).mean()
        assert f"{percent:.2f}%" in told
        assert shown.scene.titles[name][1] in told


def test_an_image_behind_a_cell_is_opened_in_the_tab_of_one_image(shown):
    accuracy = shown.tabs[0]
    index = int(accuracy.images.labels[0].removeprefix("image "))
    accuracy.images.click(0)
    assert shown.tab.selected_index == shown.shown == 1
    image = shown.tabs[1]
    assert (image.domain, image.index, image.slider.value) == (TARGET, index, index)
    assert image.shown.value == png(image.picture())


def test_a_click_beside_the_images_is_told(shown):
    accuracy = shown.tabs[0]
    accuracy.images.click(accuracy.images.rows * accuracy.images.columns)
    assert "no image here" in shown.status.value
    assert shown.shown == 0


def test_moving_through_the_images(shown):
    image = tab(shown, 1)
    before = image.shown.value
    image.slider.value = 7
    assert image.index == 7
    assert image.shown.value != before
    label = int(shown.scene.tests[TARGET].labels[7])
    assert f"Image 7 (target, mnistm test), true digit {label}." in image.caption.value
    image.domains.value = SOURCE
    assert (image.domain, image.index) == (SOURCE, 0)
    assert "source, usps test" in image.caption.value
    image.slider.value = 5
    said = shown.scene.asked(shown.scene.image(SOURCE, 5))["dann"].argmax()
    assert f"DANN {said} (" in image.caption.value


def test_the_next_image_that_the_models_disagree_on(shown):
    image = tab(shown, 1)
    said = np.stack([shown.scene.answers.said(name) for name in shown.scene.networks])
    differ = np.flatnonzero((said != said[0]).any(axis=0))
    for expected in [i for i in differ if i > 0][:3]:
        image.differing.click()
        assert image.index == image.slider.value == expected
    image.slider.value = made_digits.COUNT - 1
    image.differing.click()
    assert image.index == differ[0]


def test_a_point_of_the_map_shows_its_image(shown):
    features = tab(shown, 2)
    assert features.on == IMPROVED
    assert features.chosen_image.layout.display == "none"
    arrays = shown.scene.records["p4"].arrays
    assert len(features.points.points) == 8 * len(arrays["tsne"])
    for point in (4, 80):  # of the source and of the target
        features.points.chosen = point
        domain, index = int(arrays["tsne_domain"][point]), int(shown.scene.maps[IMPROVED].indices[point])
        assert int(shown.scene.tests[domain].labels[index]) == arrays["tsne_labels"][point]
        assert f"Image {index} ({('source, usps', 'target, mnistm')[domain]} test)" in features.caption.value
        assert features.chosen_image.layout.display is None
    features.button.click()
    assert (shown.shown, shown.tabs[1].domain, shown.tabs[1].index) == (1, TARGET, index)


def test_a_map_can_be_coloured_three_ways(shown):
    features = tab(shown, 2)
    arrays = shown.scene.records["p4"].arrays
    assert list(features.points.groups) == arrays["tsne_labels"].tolist()
    assert features.points.names == [*map(str, range(10)), "source", "target"]  # a disc and a triangle
    assert features.points.triangles == [11]
    assert len(features.points.palette) == 12
    features.colours.value = "domain"
    assert list(features.points.groups) == arrays["tsne_domain"].tolist()
    assert features.points.names == ["source usps", "target mnistm"]
    assert features.points.triangles == [1]
    features.colours.value = "right"
    assert features.points.names == ["named wrongly", "named right", "source", "target"]
    assert features.points.triangles == [3]
    target = arrays["tsne_domain"] == 1
    indices = shown.scene.maps[IMPROVED].indices[target]
    right = shown.scene.answers.right(IMPROVED)[indices]
    groups = np.array(list(features.points.groups))
    assert groups[target].tolist() == right.astype(int).tolist()
    said = shown.scene.asked(shown.scene.image(SOURCE, int(shown.scene.maps[IMPROVED].indices[0])))[IMPROVED].argmax()
    assert groups[0] == (said == arrays["tsne_labels"][0])
    assert f"{100 * groups.mean():.1f}% of them are named right" in features.told()


def test_a_flat_map_takes_no_more_room_than_it_needs(shown):
    features = tab(shown, 2)
    points = shown.scene.maps[IMPROVED].points
    for aspect, height in ((0.1, 220), (0.75, 335), (1, 440), (9, 440)):  # 335: 0.75 of the 420 between the margins
        points[:] = np.linspace((0, 0), (5, 5 * aspect), len(points))
        features.refresh()
        assert features.points.height == height
        places = np.frombuffer(features.points.points, "<f4").reshape(-1, 2)
        assert places.min() >= 9.99
        assert (places <= np.array([430, height - 10]) + 0.01).all()
        steps = np.ptp(places, axis=0)
        assert steps[1] / steps[0] == pytest.approx(aspect, rel=0.01)  # distances keep their proportions
        assert places[0, 1] > places[-1, 1]  # upwards
    points[:] = 3  # all on one spot
    features.refresh()
    assert np.frombuffer(features.points.points, "<f4").tolist() == [220] * 2 * len(points)
    assert shown.still()


def test_the_map_of_another_network_has_other_points_and_none_chosen(shown):
    features = tab(shown, 2)
    features.points.chosen = 3
    before = features.points.points
    features.maps.value = "source_only"
    assert features.points.points != before
    assert features.chosen == features.points.chosen == -1
    features.button.click()
    assert "Click a point" in shown.status.value


def stroke(side=112):
    page = np.zeros((side, side), np.uint8)
    page[20:90, 50:60] = 255
    return page


def test_a_drawing_is_answered_by_every_network(shown):
    own = tab(shown, 3)
    assert own.shown.layout.display == "none"
    own.sketch.pixels = stroke().tobytes()
    assert own.image.shape == (1, 28, 28)
    assert own.shown.value == png(own.picture())
    for title in ("source only", "DANN", "AdaMatch", "target only"):
        assert title in own.caption.value
    own.sketch.pixels = bytes(112 * 112)  # all is wiped away
    assert own.image is None
    assert own.shown.layout.display == "none"


def test_a_drawing_stays_when_another_run_is_asked(shown):
    own = tab(shown, 3)
    own.sketch.pixels = stroke().tobytes()
    before = own.shown.value
    shown.choosers["p3"].index = 1
    assert own.image is not None
    assert own.shown.value != before


def test_an_upload_and_what_is_none(shown):
    own = tab(shown, 3)
    buffer = io.BytesIO()
    Image.fromarray(255 - stroke(200)).save(buffer, "PNG")
    own.files.upload("notes.txt", None)  # what the browser cannot read
    assert "cannot read notes.txt as an image" in shown.status.value
    own.files.upload("a.png", b"no image")
    assert "upload: this is no image" in shown.status.value
    assert own.image is None
    own.files.upload("a.png", buffer.getvalue())
    assert shown.status.value == ""
    assert own.image.shape == (1, 28, 28)
    assert "The models say" in own.caption.value
    first = own.image
    own.sketch.pixels = stroke().T.tobytes()
    assert not np.array_equal(own.image, first)
    own.files.upload("a.png", buffer.getvalue())  # the same file once more
    assert np.array_equal(own.image, first)


def test_an_upload_takes_the_drawing_away_and_a_failed_one_leaves_it(shown):
    own = tab(shown, 3)
    own.sketch.pixels = stroke().tobytes()
    drawn = own.image
    own.files.upload("a.png", b"no image")
    assert (own.sketch.wiped, own.image is drawn) == (0, True)
    assert own.sketch.image() is not None
    own.files.upload("a.png", png(np.dstack([255 - stroke(200).T] * 3)))
    assert (own.sketch.wiped, own.sketch.image()) == (1, None)
    assert not np.array_equal(own.image, drawn)
    own.sketch.pixels = stroke().tobytes()  # the same stroke again is a new drawing
    assert np.array_equal(own.image, drawn)


def test_stand_ins_are_called_so(made):
    explorer = DigitsExplorer(made, language("zh"))
    explorer.scene.tests = tuple(replace(test, stand_in=True) for test in explorer.scene.tests)
    explorer.view()
    assert "mnistm（替代資料）測試集" in explorer.told()
    assert "mnistm（替代資料）測試集" in explorer.tabs[0].table.value
    tab(explorer, 2).colours.value = "domain"
    assert explorer.tabs[2].points.names == ["來源域 usps（替代資料）", "目標域 mnistm（替代資料）"]


def test_the_still_picture_is_of_the_state_that_is_seen(made, shown):
    still = DigitsExplorer(made, language("en"))
    assert still.still() == shown.still()  # with and without widgets
    for number in range(4):
        tab(shown, number)
        still.select(number)
        assert still.still() == shown.still()
    features = tab(shown, 2)
    features.points.chosen = 5
    still.select(2)
    assert still.still() != shown.still()
    still.tabs[2].choose_point(5)
    assert still.still() == shown.still()


def test_the_picture_is_saved_as_it_is_seen(copied):
    explorer = DigitsExplorer(copied, language("en"))
    explorer.view()
    tab(explorer, 1).slider.value = 9
    path = explorer.save()
    assert path == copied / "figures" / "explore_digits_image.png"
    assert path.read_bytes() == explorer.still()
    assert str(path) in explorer.status.value
    paths = {path}
    for number in (0, 2, 3):  # no tab's picture takes the place of another's
        tab(explorer, number)
        paths.add(explorer.save())
    assert len(paths) == 4


@pytest.mark.parametrize(("lang", "other"), [("zh", "en"), ("en", "zh")])
def test_every_control_has_its_label_in_the_chosen_language(made, lang, other):
    def labels(language_):
        explorer = DigitsExplorer(made, language(language_))
        explorer.view()
        for number in range(4):
            tab(explorer, number)
        controls = [
            (type(each).__name__, each.description, getattr(each, "tooltip", None))
            for each in widgets(explorer.view())
            if type(each).__name__ in ("Dropdown", "IntSlider", "Button")
        ]
        files = explorer.tabs[3].files
        return [*controls, ("Upload", files.label, files.hint)], explorer.tab.titles

    (mine, titles), (theirs, _) = labels(lang), labels(other)
    assert len(mine) == 12
    for (kind, text, hint), (_, elsewhere, their_hint) in zip(mine, theirs, strict=True):
        assert text, kind
        assert text != elsewhere
        assert hint or kind == "Button"
        assert hint is None or hint != their_hint
    assert all(titles)


def test_every_element_has_a_label_for_those_who_cannot_see_it(shown):
    for number in range(4):
        tab(shown, number)
    elements = [each for each in widgets(shown.view()) if type(each).__name__ in ("Tiles", "Scatter", "Sketch")]
    assert len(elements) == 4
    assert all(each.label for each in elements)


def test_problem_3_alone_and_problem_4_alone(copied):
    shutil.rmtree(copied / "p4_usps_mnistm_adamatch_s0")
    explorer = DigitsExplorer(copied, language("en"))
    assert explorer.scene.best == "dann"
    assert "`hw run p4 -p src usps -p tgt mnistm --runs " in explorer.scene.notes[0]
    assert explorer.still()


def test_problem_4_alone(place, tmp_path):
    made_digits.run(tmp_path, place / "data", "p4")
    explorer = DigitsExplorer(tmp_path, language("zh"))
    assert list(explorer.scene.networks) == [IMPROVED]
    assert f"`hw run p3 -p src usps -p tgt mnistm --runs {tmp_path}`" in explorer.scene.notes[0]
    explorer.view()
    for number in range(4):
        tab(explorer, number)
        assert explorer.still()
        assert explorer.told()


def test_the_network_of_the_original_report(place, tmp_path):
    made_digits.run(tmp_path, place / "data", "p4", method="dann_resnet34")
    explorer = DigitsExplorer(tmp_path, language("en"))
    assert explorer.scene.titles == {IMPROVED: ("ResNet-34 DANN", "ResNet-34 DANN")}
    assert "ResNet-34 DANN" in explorer.told()


def test_a_run_without_a_part_of_its_method_is_no_choice(place, tmp_path):
    made_digits.run(tmp_path, place / "data", "p4", day=1)
    made_digits.run(tmp_path, place / "data", "p4", day=2, without="teacher")
    explorer = DigitsExplorer(tmp_path, language("en"))
    assert explorer.scene.records["p4"].params["without"] == "nothing"
    assert len(explorer.scene.scenario.p4) == 1


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_without_a_run_a_line_says_which_command_makes_one(tmp_path, folder):
    line = explore.digits(tmp_path / folder, lang="en")
    assert isinstance(line, Line)
    assert f"`hw run p3 --runs {tmp_path / folder}` makes one" in line.text
    assert "hw run p3" in explore.digits(tmp_path / folder, lang="zh").text


def test_damaged_weights_are_named_and_the_other_networks_shown(copied):
    path = copied / "p3_usps_mnistm_s0" / "dann.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    explorer = DigitsExplorer(copied, language("en"))
    assert list(explorer.scene.networks) == ["source_only", IMPROVED, "target_only"]
    assert list(explorer.scene.maps) == [IMPROVED, "source_only"]
    assert any(str(path) in note for note in explorer.scene.notes)


def test_a_run_whose_every_network_is_damaged_is_a_line(place, tmp_path):
    (made_digits.run(tmp_path, place / "data", "p4") / "model.safetensors").write_bytes(b"")
    line = explore.digits(tmp_path, lang="en")
    assert isinstance(line, Line)
    assert "model.safetensors" in line.text


def test_where_the_newest_pair_cannot_be_shown_the_next_one_is(copied, place):
    data = made_digits.course(copied.parent / "data", "usps", "mnistm")
    shutil.rmtree(copied / "p3_mnistm_usps_s0")
    folder = made_digits.run(copied, data, "p3", "mnistm", "usps", day=9)
    shutil.rmtree(data)
    explorer = DigitsExplorer(copied, language("en"))
    assert explorer.scene.scenario.pair == ("usps", "mnistm")
    explorer.view()
    assert explorer.pairs.value == ("usps", "mnistm")
    assert "the images of this run: data: " in explorer.notes.value
    assert explorer.notes.layout.display is None
    for path in folder.glob("*.safetensors"):
        path.write_bytes(b"")
    assert "source_only.safetensors" in DigitsExplorer(copied, language("zh")).passed[0]
    for path in copied.glob("*/*.safetensors"):
        path.write_bytes(b"")
    line = explore.digits(copied, lang="en")
    assert isinstance(line, Line)
    assert "p3_mnistm_usps_s0" in line.text  # what is wrong with the newest


def test_a_choice_that_takes_long_hides_the_numbers_of_the_one_before(shown, monkeypatch):
    seen = []

    def load(*given):
        seen.append((shown.status.value, shown.tab.layout.display, shown.notes.layout.display))
        return loaded(*given)

    loaded = digits_view.load_scene
    monkeypatch.setattr(digits_view, "load_scene", load)
    shown.pairs.value = ("mnistm", "usps")
    shown.choosers["p3"].index = 0
    ((told, *hidden),) = seen
    assert "Loading mnistm → usps" in told
    assert hidden == ["none", "none"]
    assert (shown.tab.layout.display, shown.status.value) == (None, "")
    shown.pairs.value = ("usps", "mnistm")  # it is loaded already
    assert len(seen) == 1


def test_a_damaged_run_that_is_chosen_leaves_all_as_it_was(copied):
    for path in (copied / "p3_mnistm_usps_s0").glob("*.safetensors"):
        path.write_bytes(b"")
    explorer = DigitsExplorer(copied, language("en"))
    explorer.view()
    before = explorer.still()
    explorer.pairs.value = ("mnistm", "usps")
    assert "source_only.safetensors" in explorer.status.value
    assert explorer.tab.layout.display is None
    assert explorer.pairs.value == ("usps", "mnistm")
    assert explorer.still() == before


def test_damaged_arrays_leave_the_other_tabs(copied):
    for run in ("p3_usps_mnistm_s0", "p4_usps_mnistm_adamatch_s0"):
        (copied / run / "arrays.npz").write_bytes(b"PK\x03\x04")
    explorer = DigitsExplorer(copied, language("en"))
    explorer.view()
    assert sum("arrays.npz" in note for note in explorer.scene.notes) == 2
    features = tab(explorer, 2)
    assert features.points.layout.display == "none"
    assert "no t-SNE" in features.about.value
    assert explorer.still()


@pytest.mark.parametrize("damaged", ["{", None])
def test_a_record_that_cannot_be_read_is_passed_over_and_told(copied, damaged):
    path = copied / "p4_usps_mnistm_adamatch_s0" / "run.json"
    path.write_text(damaged or json.dumps(json.loads(path.read_text()) | {"params": None}))
    explorer = DigitsExplorer(copied, language("en"))
    assert list(explorer.scene.networks) == ["source_only", "dann", "target_only"]
    explorer.view()
    assert "Passed over: " in explorer.notes.value
    assert "p4_usps_mnistm_adamatch_s0" in explorer.notes.value


def test_changed_images_are_told(place, copied):
    data = place / "changed"
    made_digits.course(data, "usps", "mnistm", seed=5)
    for name in ("p3_usps_mnistm_s0", "p4_usps_mnistm_adamatch_s0"):
        path = copied / name / "run.json"
        run = json.loads(path.read_text())
        run["params"]["data"] = str(data)
        path.write_text(json.dumps(run))
    explorer = DigitsExplorer(copied, language("en"))
    assert "the images of usps, mnistm are not those of this run" in explorer.scene.notes[0]
    made_digits.run(copied.parent / "other", data, "p4", day=9)
    shutil.copytree(copied.parent / "other", copied, dirs_exist_ok=True)
    path = copied / "p3_usps_mnistm_s0" / "run.json"
    run = json.loads(path.read_text())
    run["params"]["data"] = str(place / "data")
    path.write_text(json.dumps(run))
    explorer = DigitsExplorer(copied, language("en"))
    assert any("different images" in note for note in explorer.scene.notes)


def test_images_that_are_gone_are_a_line(place, tmp_path):
    data = made_digits.course(tmp_path / "data", "usps", "mnistm")
    made_digits.run(tmp_path / "runs", data, "p3")
    shutil.rmtree(data)
    line = explore.digits(tmp_path / "runs", lang="en")
    assert isinstance(line, Line)
    assert "data: " in line.text
