"""Each learning rule against a plain float32 reference, written the slow and obvious way."""

import math

import pytest
import torch
from torch.nn import functional

from hwlib.models import DANN, VAE, Discriminator, Generator
from hwlib.training.adaptation import DANNRule, SupervisedRule, cosine, reversal_strength
from hwlib.training.attributes import AttributeRule
from hwlib.training.augment import mild
from hwlib.training.batches import normalise
from hwlib.training.engine import Plan, fit
from hwlib.training.gan import GANRule
from hwlib.training.precision import choose
from hwlib.training.vae import VAERule, kl_divergence, squared_error

CPU = choose("cpu", "float32")


def faces(n=4):
    return torch.randint(0, 256, (n, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def digits(n=8, channels=3):
    return torch.randint(0, 256, (n, channels, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def made(cls, seed=0):
    torch.manual_seed(seed)
    return cls()


def gradients(module):
    return {name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None}


def assert_same_gradients(ours, theirs):
    """Equal up to rounding. Weights after a step of Adam would not do: it makes full steps of gradients near zero."""
    assert ours.keys() == theirs.keys()
    whole = sum(g.square().sum() for g in theirs.values()).sqrt()
    for name, gradient in theirs.items():
        assert (ours[name] - gradient).norm() <= 1e-2 * gradient.norm() + 1e-5 * whole, name


def test_kl_is_that_of_the_distributions():
    mean, logvar = torch.randn(5, 7), torch.randn(5, 7)
    q = torch.distributions.Normal(mean, (0.5 * logvar).exp())
    expected = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_divergence(mean, logvar), expected)


def test_squared_error_is_on_the_unit_scale():
    black, white = -torch.ones(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert squared_error(black, white).tolist() == [48.0, 48.0]


def test_vae_step():
    rule = VAERule(made(VAE), CPU, lr=1e-3, kl_weight=0.5)
    torch.manual_seed(7)
    losses = rule.step(faces(), progress=torch.tensor(0.0))

    reference = made(VAE)
    torch.manual_seed(7)
    x = faces().float() / 127.5 - 1
    y, mean, logvar = reference(x)
    error = (((x - y) / 2) ** 2).sum() / len(x)
    kl = (-0.5 * (1 + logvar - mean**2 - logvar.exp())).sum() / len(x)
    (error + 0.5 * kl).backward()
    assert losses["reconstruction"].item() * 12288 == pytest.approx(error.item(), rel=1e-4)
    assert losses["kl"].item() == pytest.approx(kl.item(), rel=1e-4)
    assert_same_gradients(gradients(rule.model), gradients(reference))


def test_gan_step():
    rule = GANRule(made(Generator), made(Discriminator, 1), CPU, lr=2e-4)
    assert [optimizer.param_groups[0]["betas"] for optimizer in rule.optimizers] == [(0.5, 0.999)] * 2
    # Adam makes a full step of a gradient that is nothing but rounding; plain descent keeps the two paths together.
    rule.optimizers = [torch.optim.SGD(m.parameters(), 1e-3) for m in (rule.discriminator, rule.generator)]
    torch.manual_seed(7)
    losses = rule.step(faces(), progress=torch.tensor(0.0))

    generator, discriminator = made(Generator), made(Discriminator, 1)
    optimizers = [torch.optim.SGD(m.parameters(), 1e-3) for m in (discriminator, generator)]
    torch.manual_seed(7)
    flip = torch.rand(4, 1, 1, 1) < 0.5
    x = faces().float() / 127.5 - 1
    x = torch.stack([image.flip(2) if f else image for image, f in zip(x, flip.flatten(), strict=True)])
    fake = generator(torch.randn(4, 100))
    ones, zeros = torch.ones(4), torch.zeros(4)
    loss = functional.binary_cross_entropy(discriminator(x), ones)
    loss = loss + functional.binary_cross_entropy(discriminator(fake.detach()), zeros)
    loss.backward()
    of_discriminator = gradients(discriminator)
    optimizers[0].step()
    optimizers[1].zero_grad()
    loss_g = functional.binary_cross_entropy(discriminator(fake), ones)
    loss_g.backward()
    assert losses["discriminator_loss"].item() == pytest.approx(loss.item(), rel=1e-4)
    assert losses["generator_loss"].item() == pytest.approx(loss_g.item(), rel=1e-4)
    assert_same_gradients(gradients(rule.discriminator), of_discriminator)
    assert_same_gradients(gradients(rule.generator), gradients(generator))
    assert all(p.requires_grad for p in rule.discriminator.parameters())


@pytest.mark.parametrize("augment", ["none", "mild"])
def test_supervised_step_leaves_the_domain_classifier_alone(augment):
    rule = SupervisedRule(made(DANN), CPU, lr=1e-3, augment=augment)
    before = {k: v.clone() for k, v in rule.model.classify_domain.state_dict().items()}
    x, y = digits(), torch.arange(8)
    torch.manual_seed(7)
    rule.step(x, y, progress=torch.tensor(0.0))
    reference = made(DANN)
    torch.manual_seed(7)
    images = x.float() / 127.5 - 1
    functional.nll_loss(reference(mild(images) if augment == "mild" else images), y).backward()
    assert_same_gradients(gradients(rule.model), gradients(reference))
    assert all(torch.equal(v, before[k]) for k, v in rule.model.classify_domain.state_dict().items())


@pytest.mark.parametrize("augment", ["none", "mild"])
@pytest.mark.parametrize("batches", ["separate", "mixed"])
def test_dann_step(batches, augment):
    rule = DANNRule(made(DANN), CPU, lr=1e-3, batches=batches, reversal=0.5, augment=augment)
    source, labels, target = digits(), torch.arange(8), 255 - digits()
    torch.manual_seed(7)
    losses = rule.step(source, labels, target, progress=torch.tensor(0.3))

    reference = made(DANN)
    torch.manual_seed(7)
    images = torch.cat((source, target)).float() / 127.5 - 1
    if augment == "mild":
        images = torch.cat((mild(images[:8]), mild(images[8:])))
    parts = images.split(8 if batches == "separate" else 16)
    features = torch.cat([reference.features(part) for part in parts])
    class_loss = functional.nll_loss(reference.classify_class(features[:8]), labels)
    domains = torch.tensor([0] * 8 + [1] * 8)
    domain_loss = functional.nll_loss(reference.classify_domain(features), domains)
    extractor = list(reference.cnn_layer.parameters())
    heads = [*reference.classify_class.parameters(), *reference.classify_domain.parameters()]
    strength = 0.5 * (2 / (1 + math.exp(-3)) - 1)
    by_class = torch.autograd.grad(class_loss, extractor, retain_graph=True)
    by_domain = torch.autograd.grad(domain_loss, extractor, retain_graph=True)
    (class_loss + domain_loss).backward(inputs=heads)
    for parameter, a, b in zip(extractor, by_class, by_domain, strict=True):
        parameter.grad = a - strength * b
    assert losses["class_loss"].item() == pytest.approx(class_loss.item(), rel=1e-4)
    assert losses["domain_loss"].item() == pytest.approx(domain_loss.item(), rel=1e-4)
    assert_same_gradients(gradients(rule.model), gradients(reference))


def test_attribute_rule_learns_what_it_is_given():
    images = torch.zeros(64, 3, 64, 64, dtype=torch.uint8)
    images[::2] = 200
    attributes = (torch.arange(64) % 2 == 0).to(torch.uint8)[:, None].expand(-1, 13).contiguous()
    from hwlib.models import AttributeCNN

    rule = AttributeRule(made(AttributeCNN), CPU, lr=3e-3)
    history = fit(rule, [(images, attributes)], Plan(20, 2), batch_size=32, seed=0, compute=CPU, label="a").history
    assert history[-1]["attribute_loss"] < 0.3 * history[0]["attribute_loss"]


def test_reversal_grows_from_nothing_to_one():
    strengths = reversal_strength(torch.tensor([0, 0.5, 1], dtype=torch.float64)).tolist()
    assert strengths == pytest.approx([0, 2 / (1 + math.exp(-5)) - 1, 2 / (1 + math.exp(-10)) - 1])


def test_cosine_falls_from_one_to_nothing():
    assert [cosine(p) for p in (0, 0.5, 1)] == pytest.approx([1, 0.5, 0])


def test_grey_and_colour_domains_mix():
    rule = DANNRule(made(DANN), CPU, lr=1e-3)
    losses = rule.step(digits(channels=1), torch.arange(8), digits(), progress=torch.tensor(0.5))
    assert losses.keys() == {"class_loss", "domain_loss", "domain_accuracy"}
    assert all(torch.isfinite(value) for value in losses.values())


@pytest.mark.parametrize("name", ["vae", "dann"])
def test_bfloat16_follows_float32(name):
    """The fast path's loss curve stays within what eight bits of mantissa explain."""

    def curve(precision):
        compute = choose("cpu", precision)
        if name == "vae":
            rule, sets = VAERule(made(VAE), compute, 1e-3), [(faces(64),)]
        else:
            images, labels = digits(64), torch.arange(64) % 10
            rule, sets = DANNRule(made(DANN), compute, 1e-3), [(images, labels), (255 - images,)]
        history = fit(rule, sets, Plan(12, 4), batch_size=16, seed=0, compute=compute, label=name).history
        key = "loss" if name == "vae" else "class_loss"
        return torch.tensor([row[key] for row in history])

    slow, fast = curve("float32"), curve("bfloat16")
    torch.testing.assert_close(fast, slow, rtol=0.05, atol=0.02)
    assert slow[-1] < slow[0]


def test_normalised_batches_are_channels_last():
    assert normalise(digits()).is_contiguous(memory_format=torch.channels_last)
