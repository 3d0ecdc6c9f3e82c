"""What recording a step as a CUDA graph asks of the learning rules, held without CUDA.

`Tape` does on the CPU what a graph does: it notes every operation of one call with the very tensors that it read and
wrote, and a replay repeats those operations on those tensors, without running any Python of the rule. A rule that
bakes a number of one step into its operations, allocates anew what it should reuse, or reads a number from the device
comes out wrong here as it would there.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hwlib.models import DANN, VAE, AttributeCNN, CompactCNN, Discriminator, Generator
from hwlib.training import batches, engine
from hwlib.training.adamatch import AdaMatchRule
from hwlib.training.adaptation import DANNRule, SupervisedRule
from hwlib.training.attributes import AttributeRule
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.gan import GANRule
from hwlib.training.graph import Graph
from hwlib.training.precision import Compute
from hwlib.training.vae import VAERule

CPU = torch.device("cpu")
FACES = torch.randint(0, 256, (20, 3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
DIGITS = torch.randint(0, 256, (20, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(20) % 10


class Tape(TorchDispatchMode):
    """Notes operations while entered."""

    def __init__(self):
        super().__init__()
        self.operations = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(function), "a number is read from the device"
        result = function(*args, **(kwargs or {}))
        self.operations.append((function, args, kwargs or {}, result))
        return result

    def replay(self):
        with torch.no_grad():
            for function, args, kwargs, result in self.operations:
                again = function(*args, **kwargs)
                for old, new in zip(tensors(result), tensors(again), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)


def tensors(result):
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [part for part in parts if isinstance(part, torch.Tensor)]


class Taped(Graph):
    """`Graph` with a tape in place of a CUDA graph."""

    replays = 0

    def __init__(self, function):
        self.function, self.calls, self.graph = function, 0, None

    def __call__(self):
        self.calls += 1
        if self.graph is not None:
            Taped.replays += 1
            return self.graph.replay()
        if self.calls <= self.WARM_UP:
            return self.function()
        with Tape() as self.graph:  # a tape runs what it notes, a graph does not: this call counts as the first replay
            self.function()
        return None


class Device(Compute):
    """Like CUDA in what matters here: rates are tensors, and steps are recorded when `graphs` says so."""

    graphs = False

    def adam(self, module, lr, betas=(0.9, 0.999), weight_decay=0.0):
        trainable = [p for p in module.parameters() if p.requires_grad]
        settings = {"betas": betas, "weight_decay": weight_decay, "decoupled_weight_decay": True}
        return torch.optim.Adam(trainable, torch.tensor(lr), fused=True, **settings)


class Recorded(Device):
    graphs = True


def vae(compute):
    return VAERule(VAE(), compute, 1e-3), [(FACES,)]


def gan(compute):
    return GANRule(Generator(), Discriminator(), compute, 2e-4), [(FACES,)]


def attributes(compute):
    return AttributeRule(AttributeCNN(), compute, 1e-3), [(FACES, torch.randint(0, 2, (20, 13)))]


def supervised(compute):
    return SupervisedRule(DANN(), compute, 1e-3), [(DIGITS, LABELS)]


def dann(compute):
    return DANNRule(DANN(), compute, 1e-3), [(DIGITS, LABELS), (255 - DIGITS,)]


def mixed(compute):
    return DANNRule(DANN(), compute, 1e-3, batches="mixed"), [(DIGITS, LABELS), (255 - DIGITS,)]


def adamatch(compute):
    rule = AdaMatchRule(CompactCNN(), compute, 1e-3, grey_source=True, grey_target=False)
    rule.threshold = 0.9  # of an untrained network's confidence: masks differ from step to step
    return rule, [(DIGITS, LABELS), (255 - DIGITS,)]


def train(make, compute):
    torch.manual_seed(0)
    rule, sets = make(compute)
    fitted = fit(rule, sets, Plan(8, 4), batch_size=4, seed=0, compute=compute, label="a")
    return fitted.history, [value for m in rule.modules.values() for value in m.state_dict().values()]


@pytest.mark.parametrize("make", [vae, gan, attributes, supervised, dann, mixed, adamatch])
def test_replaying_a_recorded_step_is_training(monkeypatch, make):
    monkeypatch.setattr(engine, "Graph", Taped)
    monkeypatch.setattr(Taped, "replays", 0)
    eager, weights = train(make, Device(CPU, torch.float32))
    assert Taped.replays == 0
    replayed, others = train(make, Recorded(CPU, torch.float32))
    assert Taped.replays == 4
    assert [row["step"] for row in replayed] == list(range(1, 9))
    for one, other in zip(eager, replayed, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_the_tape_finds_a_number_that_is_baked_in(monkeypatch):
    """The test above can fail: a rule that takes progress as a Python number trains differently when replayed."""

    class Baked(LearningRule):
        def __init__(self):
            self.model = torch.nn.Linear(1, 1)
            self.modules, self.optimizers = {"model": self.model}, [torch.optim.SGD(self.model.parameters(), 0.1)]
            self.steps = 0

        def step(self, x, *, progress):
            self.steps += 1
            loss = (self.model(x) - self.steps).square().mean()
            loss.backward()
            return {"loss": loss}

    monkeypatch.setattr(engine, "Graph", Taped)
    x = torch.ones(8, 1)
    histories = [train(lambda compute: (Baked(), [(x,)]), kind(CPU, torch.float32))[0] for kind in (Device, Recorded)]
    assert histories[0][:4] == histories[1][:4]
    assert histories[0][-1] != histories[1][-1]


def test_a_set_that_does_not_fit_stays_in_host_memory_and_trains_the_same(monkeypatch, capsys):
    resident, weights = train(dann, Device(CPU, torch.float32))
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(batches, "fits", lambda tensors, device: tensors[0] is DIGITS)
    hosted, others = train(dann, Device(CPU, torch.float32))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("20 images (0 MB) stay in host memory: cpu has no room")
    assert hosted == resident
    assert all(torch.equal(a, b) for a, b in zip(weights, others, strict=True))


@pytest.mark.parametrize(("free", "expected"), [(1000, True), (640, True), (639, False)])
def test_a_set_may_take_half_of_the_free_memory(monkeypatch, free, expected):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10**9))
    images = (torch.zeros(10, 4, 4, dtype=torch.uint8), torch.zeros(20, dtype=torch.int64))
    assert batches.fits(images, torch.device("cuda")) == expected
    assert batches.fits(images, CPU)
