"""AdaMatch's step against a plain float32 reference, and what it may and may not depend on."""

import inspect
import math

import pytest
import torch
from torch.nn import functional

from hwlib.config import INGREDIENTS
from hwlib.models import CompactCNN
from hwlib.training import adamatch, augment
from hwlib.training.adamatch import AdaMatchRule, Alignment
from hwlib.training.engine import Plan, fit
from hwlib.training.precision import choose

CPU = choose("cpu", "float32")


def digits(n=8, channels=3, seed=1):
    shape = (n, channels, 28, 28)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def made(seed=0):
    torch.manual_seed(seed)
    return CompactCNN()


def rule(grey_source=False, grey_target=False, **options):
    return AdaMatchRule(made(), CPU, lr=1e-3, grey_source=grey_source, grey_target=grey_target, **options)


def scaled(images):
    return (images.float() / 127.5 - 1).expand(-1, 3, -1, -1)


@pytest.mark.parametrize("blends", [False, True])
@pytest.mark.parametrize("progress", [0.1, 0.8])
def test_step(blends, progress):
    source, labels, target = digits(8, 1 if blends else 3), torch.arange(8), digits(8, seed=2)
    student, teacher = made(), made().eval()
    torch.manual_seed(7)
    x, u = scaled(source), scaled(target)
    if blends:
        x = augment.blend(x, augment.patches(u), 0.5)
    views = torch.cat((augment.weak(x[:4]), augment.strong(x[4:]), augment.strong(u)))
    scores = student(views)
    with torch.no_grad():
        answers = teacher(augment.weak(u)).exp()
    running = 0.98 * torch.arange(1, 11) / 55 + 0.02 * answers.mean(0)
    sure, best, entropy = [], [], 0.0
    for i in range(8):  # one image at a time
        weighted = [float(answers[i, k] / (running[k] + 0.01)) for k in range(10)]
        sure.append(max(weighted) / sum(weighted))
        best.append(weighted.index(max(weighted)))
        entropy -= sum(p * math.log(p) for p in answers[i].tolist()) / 8
    source_confidence = float(sum(scores[i].detach().exp().max() for i in range(4)) / 4)
    bar = sum(sorted(sure)[2:4]) / 2  # five of the eight pass
    target_loss = -sum(scores[8 + i, best[i]] for i in range(8) if sure[i] >= bar) / 8

    ours = rule(grey_source=blends)
    ours.threshold = bar / source_confidence
    ours.alignment.target.copy_(torch.arange(1, 11) / 55)
    torch.manual_seed(7)
    losses = ours.step(source, labels, target, progress=torch.tensor(progress))

    class_loss = functional.nll_loss(scores[:8], labels)
    ramp = (1 - math.cos(math.pi * min(1, progress / adamatch.RAMP))) / 2
    (class_loss + ramp * target_loss).backward()

    assert losses["class_loss"].item() == pytest.approx(class_loss.item(), rel=1e-4)
    assert losses["target_loss"].item() == pytest.approx(target_loss.item(), rel=1e-4)
    assert losses["mask_rate"].item() == pytest.approx(100 * 5 / 8)
    agreed = sum(int(scores[8 + i].argmax() == best[i]) for i in range(8))
    assert losses["agreement"].item() == pytest.approx(100 * agreed / 8)
    assert losses["target_entropy"].item() == pytest.approx(entropy, rel=1e-4)
    for (name, a), b in zip(ours.student.named_parameters(), student.parameters(), strict=True):
        assert (a.grad - b.grad).norm() <= 1e-2 * b.grad.norm() + 1e-6, name
    torch.testing.assert_close(ours.alignment.target, running)


def test_the_teacher_is_a_slow_average_and_what_is_reported():
    ours = rule()
    before = {name: value.clone() for name, value in ours.model.named_parameters()}
    for step in range(1, 4):
        ours.step(digits(), torch.arange(8), digits(seed=2), progress=torch.tensor(0.5))
        share = max(1 - ours.average, 1 - step / (step + 9))
        for name, value in ours.student.named_parameters():
            before[name] = (1 - share) * before[name] + share * value
            torch.testing.assert_close(ours.model.get_parameter(name), before[name])
    assert not any(p.requires_grad for p in ours.model.parameters())
    assert ours.modules["model"] is ours.model
    for (name, a), b in zip(ours.model.named_buffers(), ours.student.buffers(), strict=True):
        assert torch.equal(a, b), name
    assert ours.alignment.steps == 3


@pytest.mark.parametrize(("without", "share"), [("nothing", 0.01), ("teacher", 1.0)])
def test_later_the_teacher_follows_by_a_hundredth_or_as_a_copy(without, share):
    ours = rule(without=without)
    ours.alignment.steps.fill_(10_000)
    before = ours.model.classify_class.c_fc1.weight.clone()
    ours.step(digits(), torch.arange(8), digits(seed=2), progress=torch.tensor(0.5))
    student = ours.student.classify_class.c_fc1.weight
    torch.testing.assert_close(ours.model.classify_class.c_fc1.weight, before + share * (student - before))
    assert not torch.equal(student, before)


def test_the_setting_is_the_one_that_the_notebook_tells():
    ours = rule()
    assert (ours.threshold, ours.average, ours.alignment.momentum) == (0.8, 0.99, 0.98)
    assert (adamatch.WARM_UP, adamatch.RAMP) == (0.1, 0.5)
    group = ours.optimizers[0].param_groups[0]
    assert (group["weight_decay"], group["decoupled_weight_decay"]) == (0.01, True)


def test_alignment_makes_the_digits_as_frequent():
    """Answers that always prefer one digit are put right, and the whole of it by as much."""
    alignment = Alignment(momentum=0.5)
    biased = torch.full((64, 10), 0.05)
    biased[:, 3] = 0.55
    for _ in range(30):
        alignment.update(biased)
    aligned = alignment(biased)
    torch.testing.assert_close(aligned.sum(1), torch.ones(64))
    assert aligned.max() < 0.13
    torch.testing.assert_close(alignment.target, biased[0])


def seen(monkeypatch, without):
    """The loss terms of a step, the views that were asked for, and the rule."""
    asked = []
    for name in ("weak", "strong", "blend"):
        whole = getattr(adamatch, name)
        monkeypatch.setattr(adamatch, name, lambda *a, f=whole, n=name: (asked.append((n, *a[1:])), f(*a))[1])
    ours = rule(grey_source=True, without=without)
    ours.step(digits(8, 1), torch.arange(8), digits(8, seed=2), progress=torch.tensor(0.01))
    return ours, [(name, *(a for a in rest if isinstance(a, str))) for name, *rest in asked]


@pytest.mark.parametrize("without", ["nothing", *INGREDIENTS])
def test_each_ingredient_can_be_left_out_and_only_that(monkeypatch, without):
    ours, asked = seen(monkeypatch, without)
    weight = (1 - math.cos(math.pi * 0.01 / adamatch.RAMP)) / 2
    expected = {"pseudo_labels": 0.0, "ramp": 1.0}.get(without, pytest.approx(weight, rel=1e-4))
    assert ours._weight(torch.tensor(0.01)).item() == expected
    assert (ours.average == 0) is (without == "teacher")
    assert (ours.threshold == 0) is (without == "threshold")
    views = "weak" if without == "strong_views" else "strong"
    assert [name for name, *_ in asked] == [*(["blend"] if without != "blending" else []), "weak", views, views, "weak"]
    if views == "strong":
        assert {rest for name, *rest in map(tuple, asked) if name == "strong" for rest in [tuple(rest)]} == {(without,)}


PARTS = {
    "neighbours": ("beside",),
    "geometry": ("affine_matrices",),
    "intensity": ("flip_intensity", "recolour"),
    "noise": ("noisy", "random_cut"),
}


@pytest.mark.parametrize("without", ["nothing", *PARTS])
def test_strong_views_have_all_their_parts_but_the_one_left_out(monkeypatch, without):
    called = []
    for name in (name for names in PARTS.values() for name in names):
        whole = getattr(augment, name)

        def noted(*arguments, whole=whole, name=name, **options):
            called.append((name, arguments[1:], options))
            return whole(*arguments, **options)

        monkeypatch.setattr(augment, name, noted)
    x = scaled(digits(16))
    view = augment.strong(x, without)
    assert view.shape == x.shape
    assert [name for name, _, _ in called] == [
        name for part, names in PARTS.items() if part != without for name in names
    ]
    for name, (other, *_), _ in ((n, a, o) for n, a, o in called if n == "beside"):
        assert torch.equal(other, x.roll(1, 0)), name  # each image's neighbour in the batch, not itself


def test_without_alignment_the_answers_stand_as_they_are():
    aligned, plain = rule(), rule(without="alignment")
    u, scores = scaled(digits()), torch.full((4, 10), math.log(0.1))
    with torch.inference_mode():
        answers = plain.model.eval()(u).argmax(1)
    for ours in (aligned, plain):  # the answer that was given so often must not be given so easily any more
        ours.alignment.target.fill_(1e-4)[answers[0]] = 1.0
    labels, _, _ = plain._pseudo_labels(u, scores)
    assert torch.equal(labels, answers)
    others, _, _ = aligned._pseudo_labels(u, scores)
    assert not torch.equal(labels, others)


@pytest.mark.parametrize(
    ("grey_source", "grey_target", "blends"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_only_grey_digits_for_a_coloured_target_are_laid_over_its_patches(grey_source, grey_target, blends):
    assert rule(grey_source, grey_target).blends is blends


def test_no_target_labels_go_in():
    assert list(inspect.signature(AdaMatchRule.step).parameters) == ["self", "source", "labels", "target", "progress"]


def test_learning_rate_rises_and_falls_to_nothing():
    rates = [rule().schedule(p / 100) for p in range(101)]
    assert rates[0] == 0
    assert rates[100] == pytest.approx(0)
    assert rates == [*sorted(rates[:11]), *sorted(rates[11:], reverse=True)]
    assert max(rates) > 0.97


def bars(labels, dark=False):
    """Digits that a small network can tell at once: a bar whose height says which."""
    images = torch.zeros(len(labels), 1, 28, 28)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 2 * label : 6 + 2 * label] = 1.0
    images = 0.8 * images + 0.2 * torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    return ((1 - images if dark else images) * 255).to(torch.uint8)


def test_it_carries_labels_over_to_another_domain(monkeypatch):
    """Bright bars with labels, dark ones without: the source alone is no help, but polarity is among the views."""
    # Bars that move are other bars: keep them where they are.
    still = dict.fromkeys(("rotation", "scale", "shear", "shift"), 0.0)
    whole = augment.affine_matrices
    monkeypatch.setattr(augment, "affine_matrices", lambda n, device, **bounds: whole(n, device, **still))
    labels = torch.arange(400) % 10
    ours = rule()
    sets = [(bars(labels), labels), (bars(labels, dark=True),)]
    fitted = fit(ours, sets, Plan(60, 20), batch_size=32, seed=0, compute=CPU, label="adamatch")
    ours.model.eval()
    with torch.inference_mode():
        right = (ours.model(scaled(bars(labels, dark=True))).argmax(1) == labels).float().mean()
    assert right > 0.8
    assert fitted.history[-1]["class_loss"] < 0.5 * fitted.history[0]["class_loss"]
