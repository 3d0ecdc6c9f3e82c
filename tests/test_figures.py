"""Figures are drawn from records alone, say what they show, and come out the same twice."""

import io

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

    p1, p2, p3, p4 = run("p1"), run("p2"), run("p3"), run("p4", src="svhn", tgt="usps")
    faces = RNG.integers(0, 256, (32, 3, 64, 64), np.uint8)
    p1.add_training("model", history("loss", "reconstruction", "kl"), 1)
    p1.save_arrays(faces=faces, originals=faces[:10], interpolation=faces[10:18])
    p1.save_arrays(tsne=RNG.normal(size=(60, 2)), tsne_labels=RNG.integers(0, 2, (60, len(ATTRIBUTES))))
    losses = ("discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake")
    p2.add_training("model", history(*losses), 1)
    p2.save_arrays(faces=faces, interpolation=faces[:8])
    for digits, models in ((p3, ("source_only", "dann", "target_only")), (p4, ("dann_resnet34",))):
        for model in models:
            domain = ("domain_loss", "domain_accuracy") if "dann" in model else ()
            digits.add_training(model, history("class_loss", *domain), 1)
        labels, domains = np.tile(np.arange(10), 6), np.repeat([0, 1], 30)
        digits.save_arrays(tsne=RNG.normal(size=(60, 2)), tsne_labels=labels, tsne_domain=domains)
    return {"p1": p1.record(), "p2": p2.record(), "p3": p3.record(), "p4": p4.record()}


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
    assert Image.open(io.BytesIO(first)).width > 200
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
    for name in ("fig1_2", "fig2_1", "fig3_0", "fig3_4"):
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
