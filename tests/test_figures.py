"""Figures are drawn from records alone, say what they show, and come out the same twice."""

import io
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from hwlib.config import read
from hwlib.figures import DRAWINGS, alt, draw, mosaic, png, rows
from hwlib.figures.maps import densest
from hwlib.figures.panel import STYLE, label_ends
from hwlib.names import ATTRIBUTES
from hwlib.record import Record
from hwlib.run import Run

RNG = np.random.default_rng(0)


def history(*names):
    return [{"step": i, "epoch": i / 2} | dict.fromkeys(names, 1 / i) for i in range(1, 9)]


@pytest.fixture
def made(tmp_path):
    """Records of every problem, in the making; p3's history has a column that only one of its trainings fills."""

    def run(problem, **params):
        config = read(problem, {"profile": "smoke", "runs": str(tmp_path)} | params)
        names = (config.src, config.tgt) if hasattr(config, "src") else ("face",)
        sets = [{"name": n, "split": "test", "count": 9, "sha256": "0", "stand_in": n == "usps"} for n in names]
        return Run(config, "sample", sets, {})

    p1, p2, p3 = run("p1"), run("p2"), run("p3")
    p4 = run("p4", src="svhn", tgt="usps", method="dann_resnet34")
    matched = run("p4", src="svhn", tgt="usps", method="adamatch")
    faces = RNG.integers(0, 256, (32, 3, 64, 64), np.uint8)
    p1.add_training("model", history("loss", "reconstruction", "kl"), 1)
    p1.save_arrays(faces=faces, originals=faces[:10], interpolation=faces[10:18])
    p1.save_arrays(tsne=RNG.normal(size=(60, 2)), tsne_labels=RNG.integers(0, 2, (60, len(ATTRIBUTES))))
    losses = ("discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake")
    p2.add_training("model", history(*losses), 1)
    p2.save_arrays(faces=faces, interpolation=faces[:8])
    columns = {"dann": ("domain_loss", "domain_accuracy"), "adamatch": ("mask_rate", "agreement")}
    for digits, models in (
        (p3, ("source_only", "dann", "target_only")),
        (p4, ("dann_resnet34",)),
        (matched, ("adamatch",)),
    ):
        for model in models:
            digits.add_training(model, history("class_loss", *columns.get(model.partition("_")[0], ())), 1)
            digits.save_arrays(**{f"confusion_{model}": 9 * np.eye(10, dtype=int)})
        labels, domains = np.tile(np.arange(10), 6), np.repeat([0, 1], 30)
        digits.save_arrays(tsne=RNG.normal(size=(60, 2)), tsne_labels=labels, tsne_domain=domains)
        digits.save_arrays(tsne_before=RNG.normal(size=(60, 2)), **wrong(12))
    # Predictions on the way: kept by those two, and by no older record.
    for digits, model, values in ((p3, "dann", (20, 60, 40)), (matched, "adamatch", (10, 80, 90))):
        digits.save_arrays(**{f"observed_at_{model}": [3, 6, 8], f"target_accuracy_{model}": values})
    made = {"p1": p1, "p2": p2, "p3": p3, "p4": p4, "adamatch": matched}
    return {name: run.record() for name, run in made.items()}


def wrong(count, channels=3):
    """The arrays of `count` errors, all of 99.97 percent confidence."""
    return {
        "wrong_images": RNG.integers(0, 256, (count, channels, 28, 28), np.uint8),
        "wrong_predicted": np.arange(count) % 10,
        "wrong_true": (np.arange(count) + 1) % 10,
        "wrong_confidence": np.full(count, 0.9997, np.float32),
    }


def with_arrays(record, **arrays):
    """The record with other arrays."""
    other = Record(record.folder, record.run)
    other.__dict__.update(history=record.history, arrays=record.arrays | arrays)
    return other


def needed(name, made):
    if name == "fig2_4":
        return made["p1"], made["p2"]
    return (made[f"p{name[3]}"],)


def panels(name, *records):
    return [panel for row in rows(name, *records) for panel in row.panels]


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_is_drawn_from_its_record_and_repeats(name, made):
    records = needed(name, made)
    first = png(draw(name, *records), dpi=50)
    assert Image.open(io.BytesIO(first)).width > 150
    assert png(draw(name, *records), dpi=50) == first


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_panel_is_an_image_of_its_size_and_repeats(name, made):
    for panel, again in zip(panels(name, *needed(name, made)), panels(name, *needed(name, made)), strict=True):
        kind, content = panel.image()
        assert again.image() == (kind, content)
        width, height = panel.pixels
        if kind == "image/png":
            drawn = Image.open(io.BytesIO(content)).size
            scale = drawn[0] / width  # as large as it is shown, or that many times finer
            assert scale == pytest.approx(drawn[1] / height, rel=0.01)
            assert scale >= 0.99
        else:
            assert kind == "image/svg+xml"
            assert len(content) < 100_000
            assert b"<text" not in content  # its letters are in it: no font has to be there


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_panel_has_words_in_both_languages(name, made):
    for panel in panels(name, *needed(name, made)):
        assert any("一" <= c <= "鿿" for c in panel.zh)
        assert panel.en
        assert not any("一" <= c <= "鿿" for c in panel.en)
    assert alt(name, "zh", *needed(name, made)) != alt(name, "en", *needed(name, made))


def test_curves_are_vectors_and_many_points_are_not(made):
    assert {panel.image()[0] for panel in panels("fig1_2", made["p1"])} == {"image/svg+xml"}
    assert {panel.image()[0] for panel in panels("fig3_4", made["p3"])} == {"image/png"}


def test_two_panels_fit_beside_each_other_and_each_fits_a_phone(made):
    for name in ("fig1_2", "fig2_1", "fig4_0", "fig3_4", "fig3_4b", "fig3_1c"):
        one, other = panels(name, *needed(name, made))
        assert one.pixels[0] + other.pixels[0] <= 7 * 96
        assert max(one.pixels[0], other.pixels[0]) <= 358  # 390 less the margins


def test_stand_ins_are_named_so(made):
    (row,) = rows("fig3_4", made["p3"])
    assert row.en == "usps (stand-in) → mnistm"
    assert row.zh == "usps（替代資料）→ mnistm"
    assert "usps（替代資料）" in alt("fig3_4", "zh", made["p3"])


def test_three_scenarios_make_six_panels(made):
    figure = draw("fig3_4", made["p3"], made["p3"], made["p4"])
    drawn = [axes for part in figure.subfigs for axes in part.axes]
    assert len(drawn) == 6
    points = [axes.collections[0].get_offsets().data for axes in drawn[:2]]
    assert np.array_equal(*points)  # the same points in both panels


def test_domains_differ_in_marker_and_colour(made):
    figure = draw("fig3_4", made["p3"])
    axes = figure.subfigs[0].axes[1]
    shapes = {len(path.vertices) for path in axes.collections[0].get_paths()}
    colours = {tuple(c[:3]) for c in axes.collections[0].get_facecolors()}
    assert len(shapes) == len(colours) == 2
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"usps (stand-in)", "mnistm"}


def test_lines_are_labelled_where_they_end_and_not_in_a_legend(made):
    figure = draw("fig3_0", made["p3"])
    axes = figure.subfigs[0].axes[0]
    assert axes.get_legend() is None
    labels = {text.get_text(): text.get_color() for text in axes.texts}
    assert labels.keys() == {"on source", "DANN", "on target"}
    assert len(set(labels.values())) == 3


def test_accuracy_on_the_way_is_a_third_panel_and_older_records_have_two(made):
    assert len(panels("fig4_0", made["p4"])) == 2
    for record, model in ((made["p3"], "DANN"), (made["adamatch"], "AdaMatch")):
        name = f"fig{record.problem[1]}_0"
        assert sum(panel.pixels[0] for panel in panels(name, record)) <= 7 * 96
        axes = draw(name, record).subfigs[0].axes[2]
        (line,) = axes.get_lines()  # of the one model whose predictions were kept
        values = record.arrays[f"target_accuracy_{record.adapted}"]
        assert line.get_xydata().tolist() == [[3, values[0]], [6, values[1]], [8, values[2]]]
        assert [text.get_text() for text in axes.texts] == [model]
        assert "labels joined after the training, nothing chosen by them" in panels(name, record)[2].en
        assert "標籤在訓練結束之後才對上，沒有用來挑選任何東西" in panels(name, record)[2].zh


def curves_of(name, record):
    """The lines over the steps of each axes of a figure of curves; the one that marks a level is none."""
    figure = draw(name, record)
    axes = [each for part in figure.subfigs for each in part.axes]
    return [[line for line in each.get_lines() if line.get_color() != "grey"] for each in axes]


@pytest.mark.parametrize(
    ("name", "which"), [("fig1_2", "p1"), ("fig2_1", "p2"), ("fig3_0", "p3"), ("fig4_0", "adamatch")]
)
def test_a_training_of_one_step_is_a_point_that_can_be_seen(name, which, made):
    whole = made[which]
    assert {line.get_marker() for lines in curves_of(name, whole) for line in lines} <= {"None", None, ""}
    first = whole.history["step"] == whole.history["step"].min()
    short = {key: values[:1] for key, values in whole.arrays.items() if key.startswith(("observed", "target_accuracy"))}
    record = with_arrays(whole, **short)
    record.__dict__["history"] = {column: values[first] for column, values in whole.history.items()}
    for lines in curves_of(name, record):
        assert lines
        assert {(len(line.get_xdata()), line.get_marker()) for line in lines} == {(1, "o")}
        assert all(line.get_markersize() >= 4 for line in lines)


def test_a_method_with_pseudo_labels_shows_those_and_another_its_domain_classifier(made):
    axes = draw("fig4_0", made["adamatch"]).subfigs[0].axes[1]
    assert {text.get_text() for text in axes.texts} == {"used", "agreed"}
    assert axes.get_lines()[0].get_ydata() == pytest.approx(made["adamatch"].history["mask_rate"])
    assert "domain classifier" in panels("fig4_0", made["p4"])[1].en


def test_confusion_is_in_percent_of_the_true_digit(made):
    counts = np.zeros((10, 10), int)
    counts[4, 9], counts[4, 4], counts[7, 7], counts[8, 1], counts[8, 8] = 30, 10, 5, 1, 999
    axes = draw("fig3_1b", with_arrays(made["p3"], confusion_dann=counts)).subfigs[0].axes[0]
    told = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in axes.texts if t.get_text()}
    assert told == {(4, 9): "75", (4, 4): "25", (7, 7): "100", (8, 8): "100"}  # less than half a percent is blank
    assert len(panels("fig4_1b", made["p4"], made["p4"], made["p4"])) == 3


def test_every_error_says_what_was_said_what_is_and_how_sure(made):
    figure = draw("fig3_1c", with_arrays(made["p3"], **wrong(11, channels=1)))
    places = [place for part in figure.subfigs for axes in part.axes for place in axes.child_axes]
    assert len(places) == 11
    assert places[0].texts[0].get_text() == "said 0, is 1\n99.9%"  # certainty is not said of what is a little less
    assert places[10].texts[0].get_text() == "said 0, is 1\n99.9%"
    assert all(place.images[0].get_array().shape == (28, 28, 3) for place in places)
    assert alt("fig3_1c", "zh", made["p3"]).count("實為") == 12


def test_a_model_without_errors_has_a_line_and_no_empty_picture(made):
    record = with_arrays(made["p3"], **wrong(0))
    (row,) = rows("fig3_1c", record)
    assert row.panels == ()
    assert row.en == "usps (stand-in) → mnistm: no target test image was named wrongly"
    assert "沒有任何一張認錯" in alt("fig3_1c", "zh", record)
    assert png(draw("fig3_1c", record, made["p3"]), dpi=50)


def test_maps_before_and_after_show_the_same_images_in_other_places(made):
    before, after = (draw(name, made["p3"]).subfigs[0].axes for name in ("fig3_4b", "fig3_4"))
    for one, other, points in ((before, after, "tsne_before"), (after, before, "tsne")):
        drawn = one[0].collections[0].get_offsets().data
        assert np.array_equal(np.sort(drawn, axis=0), np.sort(made["p3"].arrays[points], axis=0))
        assert not np.array_equal(drawn, other[0].collections[0].get_offsets().data)
    assert "trained on source only" in alt("fig3_4b", "en", made["p3"])


def test_labels_of_lines_that_end_together_do_not_collide():
    axes = Figure().subplots()
    for value in (0.500, 0.501, 0.502, 0.99, 1.0):
        axes.plot([0, 1], [0, value], label=f"line {value}")
    axes.set_ylim(0, 1)
    label_ends(axes, gap=0.1)
    heights = sorted(text.xy[1] for text in axes.texts)
    assert len(heights) == 5
    assert min(np.diff(heights)) >= 0.1 - 1e-9
    assert heights[-1] <= 1


def test_the_style_is_of_one_file_and_its_colours_differ_for_all_eyes():
    colours = STYLE["axes.prop_cycle"].by_key()["color"]
    grey = sorted(np.dot(to_rgb(c), (0.299, 0.587, 0.114)) for c in colours[:3])
    assert min(np.diff(grey)) > 0.02
    with matplotlib.rc_context(STYLE):
        assert matplotlib.rcParams["svg.hashsalt"] == "hwlib"


def everything_turned():
    """Every setting of matplotlib that is a switch or a number, turned; text by LaTeX, black and tight."""
    turned = {"text.usetex": True, "axes.facecolor": "black", "text.color": "white", "savefig.bbox": "tight"}
    turned |= {"font.family": "serif", "image.interpolation": "bicubic", "axes.prop_cycle": "cycler('color', ['r'])"}
    for key, value in matplotlib.rcParamsDefault.items():
        if isinstance(value, bool) and key != "interactive":
            turned.setdefault(key, not value)
        elif isinstance(value, float):
            turned.setdefault(key, value / 2)
    return turned


def styled_by_others():
    import matplotlib.pyplot as plt
    import seaborn

    plt.style.use("dark_background")
    seaborn.set_theme(style="darkgrid", palette="pastel", font_scale=2)


@pytest.mark.parametrize("outside", [lambda: matplotlib.rcParams.update(everything_turned()), styled_by_others])
def test_no_setting_from_outside_reaches_a_picture(outside, made):
    def drawn():
        return [
            content
            for name in ("fig1_2", "fig1_5", "fig2_4", "fig3_1c")
            for content in (
                png(draw(name, *needed(name, made)), dpi=50),
                *(panel.image() for panel in panels(name, *needed(name, made))),
            )
        ]

    before = drawn()
    with matplotlib.rc_context():
        outside()
        set_outside = dict(matplotlib.rcParams.copy())
        assert drawn() == before
        assert dict(matplotlib.rcParams.copy()) == set_outside  # and none of ours stays


def test_no_settings_file_reaches_a_picture(tmp_path):
    """`matplotlibrc` is read when matplotlib is imported, so another process draws."""
    code = (
        "import hashlib; from hwlib.figures.panel import Panel; "
        "panel = Panel(lambda axes: axes.set(title='a title', xlabel='x') and axes.plot([1, 2], label='one')); "
        "print(hashlib.sha256(panel.image()[1]).hexdigest())"
    )
    digests = set()
    for text in ("", "text.usetex: True\naxes.facecolor: black\ntext.color: white\nfont.family: serif\n"):
        (tmp_path / "matplotlibrc").write_text(text, encoding="utf-8")
        environment = os.environ | {"MATPLOTLIBRC": str(tmp_path)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        digests.add(done.stdout)
    assert len(digests) == 1


def test_a_row_of_interpolation_has_the_two_faces_at_its_ends(made):
    record = made["p1"]
    (panel,) = panels("fig1_4b", record)
    assert panel.array.shape == (64, 10 * 66 - 2, 3)
    for i, face in ((0, record.arrays["originals"][0]), (1, record.arrays["interpolation"][0])):
        assert np.array_equal(panel.array[:, 66 * i : 66 * i + 64], face.transpose(1, 2, 0))
    assert np.array_equal(panel.array[:, -64:], record.arrays["originals"][1].transpose(1, 2, 0))


def test_mosaic_puts_images_in_reading_order():
    images = np.stack([np.full((3, 2, 2), i, np.uint8) for i in range(6)])
    page = mosaic(images, columns=4, gap=1)
    assert page.shape == (5, 11, 3)
    assert [page[0, 0, 0], page[0, 3, 0], page[3, 0, 0], page[3, 3, 0]] == [0, 1, 4, 5]
    assert (page[2] == 255).all()


def test_a_label_stands_in_a_cluster_and_not_between_two():
    left, right = RNG.normal(-10, 0.5, (50, 2)), RNG.normal(10, 1.5, (60, 2))
    assert np.linalg.norm(densest(np.concatenate([left, right])) - (-10, -10)) < 1.5
    assert densest(np.array([[1.0, 2.0]])).tolist() == [1, 2]
