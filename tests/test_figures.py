"""Figures are drawn from records alone, say what they show, and come out the same twice."""

import io

import numpy as np
import pytest
from PIL import Image

from hwlib.config import read
from hwlib.figures import ALT, DRAWINGS, alt, draw, mosaic, png
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
    p1.save_arrays(faces=faces, tsne=RNG.normal(size=(60, 2)), tsne_labels=RNG.integers(0, 2, (60, len(ATTRIBUTES))))
    losses = ("discriminator_loss", "generator_loss", "discriminator_real", "discriminator_fake")
    p2.add_training("model", history(*losses), 1)
    p2.save_arrays(faces=faces)
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


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_is_drawn_from_its_record_and_repeats(name, made):
    records = needed(name, made)
    first = png(draw(name, *records), dpi=50)
    assert Image.open(io.BytesIO(first)).width > 200
    assert png(draw(name, *records), dpi=50) == first


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_figure_has_words_in_both_languages(name, made):
    zh, en = (alt(name, language, *needed(name, made)) for language in ("zh", "en"))
    assert "{" not in zh + en
    assert any("一" <= c <= "鿿" for c in zh)
    assert not any("一" <= c <= "鿿" for c in en)
    assert ALT.keys() == DRAWINGS.keys()


def test_stand_ins_are_named_so(made):
    text = [t.get_text() for part in draw("fig3_4", made["p3"]).subfigs for t in [part._suptitle]]
    assert text == ["usps (stand-in) → mnistm"]
    assert "usps（替代資料）" in alt("fig3_4", "zh", made["p3"])


def test_three_scenarios_make_six_panels(made):
    figure = draw("fig3_4", made["p3"], made["p3"], made["p4"])
    panels = [axes for part in figure.subfigs for axes in part.axes]
    assert len(panels) == 6
    points = [axes.collections[0].get_offsets().data for axes in panels[:2]]
    assert np.array_equal(*points)  # the same points in both panels


def test_mosaic_puts_images_in_reading_order():
    images = np.stack([np.full((3, 2, 2), i, np.uint8) for i in range(6)])
    page = mosaic(images, columns=4, gap=1)
    assert page.shape == (5, 11, 3)
    assert [page[0, 0, 0], page[0, 3, 0], page[3, 0, 0], page[3, 3, 0]] == [0, 1, 4, 5]
    assert (page[2] == 255).all()
