"""What a live view shows of the networks, and that looking changes nothing."""

import pytest
import torch

from hwlib.evaluation.accuracy import predict
from hwlib.evaluation.reconstruction import reconstruct
from hwlib.evaluation.sampling import sample_gan
from hwlib.models import DANN, VAE, CompactCNN, Discriminator, Generator
from hwlib.training.adamatch import AdaMatchRule
from hwlib.training.adaptation import DANNRule, SupervisedRule
from hwlib.training.engine import Plan, fit
from hwlib.training.gan import GANRule
from hwlib.training.precision import choose
from hwlib.training.preview import COUNT, answers, generated, reconstructions, spread
from hwlib.training.vae import VAERule

CPU = choose("cpu", "float32")


def noise(n, side, channels=3):
    generator = torch.Generator().manual_seed(side)
    return torch.randint(256, (n, channels, side, side), dtype=torch.uint8, generator=generator)


FACES, DIGITS, GREY = noise(20, 64), noise(20, 28), noise(12, 28, channels=1)
LABELS = torch.arange(12) % 10


def seeded(make):
    torch.manual_seed(1)
    return make()


def test_images_are_spread_over_the_set_and_never_more_than_there_are():
    images = torch.arange(100)
    assert spread(images).tolist() == [0, 14, 28, 42, 56, 70, 84, 99]
    assert spread(images[:3]).tolist() == [0, 1, 2]


def test_reconstructions_are_those_of_the_evaluation():
    model = seeded(VAE)
    samples = reconstructions(model, FACES, CPU)()
    faces = spread(FACES)
    assert (samples.images[:COUNT] == faces.numpy()).all()
    assert (samples.images[COUNT:] == reconstruct(model, faces, CPU)[0].numpy()).all()


def test_generated_faces_are_the_first_of_the_sample():
    generator = seeded(Generator)
    preview = generated(generator, 7, CPU)
    assert (preview().images == sample_gan(generator, 32, 7, CPU)[:COUNT].numpy()).all()
    assert (preview().images == preview().images).all()


@pytest.mark.parametrize(("make", "images"), [(DANN, DIGITS), (CompactCNN, GREY)])
def test_answers_are_the_predictions_with_their_probabilities(make, images):
    model = seeded(make)
    samples = answers(model, images, CPU)()
    assert (samples.images == spread(images).numpy()).all()
    named, sure = zip(*(text.split(maxsplit=1) for text in samples.texts), strict=True)
    assert list(map(int, named)) == predict(model, spread(images), CPU).tolist()
    assert all(10 <= int(s.removesuffix(" %")) <= 100 for s in sure)


def vae():
    model = seeded(VAE)
    return VAERule(model, CPU, 1e-3), [(FACES,)], reconstructions(model, FACES, CPU)


def gan():
    generator = seeded(Generator)
    return GANRule(generator, Discriminator(), CPU, 1e-3), [(FACES,)], generated(generator, 0, CPU)


def dann():
    model = seeded(DANN)
    return DANNRule(model, CPU, 1e-3, augment="mild"), [(GREY, LABELS), (DIGITS,)], answers(model, DIGITS, CPU)


def source_only():
    model = seeded(DANN)
    return SupervisedRule(model, CPU, 1e-3), [(GREY, LABELS)], answers(model, DIGITS, CPU)


def adamatch():
    model = seeded(CompactCNN)
    rule = AdaMatchRule(model, CPU, 1e-3, grey_source=True, grey_target=False)
    return rule, [(GREY, LABELS), (DIGITS,)], answers(model, DIGITS, CPU)


@pytest.mark.parametrize("make", [vae, gan, dann, source_only, adamatch])
def test_a_training_that_is_looked_at_ends_with_the_same_bits(make, monkeypatch):
    """Drawn at every row, with no throttle, against nobody looking."""
    monkeypatch.setattr("hwlib.training.live.Budget.due", lambda self: True)
    monkeypatch.setattr("hwlib.training.live.View.show", lambda self: None)
    ends, looked = [], []
    for kind in ("none", "live"):
        monkeypatch.setenv("HW_PROGRESS", kind)
        rule, sets, preview = make()

        def noted(preview=preview):
            looked.append(kind)  # noqa: B023
            return preview()

        fitted = fit(rule, sets, Plan(4, 2), batch_size=6, seed=5, compute=CPU, label="model", preview=noted)
        state = [value for module in rule.modules.values() for value in module.state_dict().values()]
        ends.append((fitted.history, state, torch.randn(3)))
        assert all(module.training for module in rule.modules.values() if module is not getattr(rule, "model", None))
    assert looked == ["live"] * 4
    (history, state, drawn), (live_history, live_state, live_drawn) = ends
    assert history == live_history
    assert all(torch.equal(a, b) for a, b in zip(state, live_state, strict=True))
    assert torch.equal(drawn, live_drawn)
