"""The engine: plans, histories, repeatability, and what it does when a loss is no number."""

import os

import pytest
import torch

from hwlib.config import read
from hwlib.errors import WorkbookError
from hwlib.training.engine import LearningRule, Plan, fit
from hwlib.training.precision import choose

CPU = choose("cpu", "float32")


class Line(LearningRule):
    """Least squares of one number; small enough to know the answer."""

    def __init__(self, lr=0.1):
        self.model = torch.nn.Linear(1, 1)
        self.modules = {"model": self.model}
        self.optimizers = [torch.optim.SGD(self.model.parameters(), lr)]
        self.seen = []

    def step(self, x, y, *, progress):
        loss = (self.model(x) - y).square().mean()
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        self.seen.append((float(progress), self.optimizers[0].param_groups[0]["lr"]))
        return {"loss": loss}

    def schedule(self, progress):
        return 1 - progress


def run(rule, steps=40, seed=0, **options):
    x = torch.linspace(-1, 1, 30)[:, None]
    plan = Plan(steps, 10)
    return fit(rule, [(x, 3 * x + 1)], plan, batch_size=8, seed=seed, compute=CPU, label="line", **options).history


def line(seed=0):
    torch.manual_seed(seed)
    return Line()


def test_it_learns_and_the_history_says_so():
    rule = line()
    history = run(rule, 400)
    assert history[-1]["loss"] < 1e-3 < history[0]["loss"]
    torch.testing.assert_close(rule.model.weight, torch.tensor([[3.0]]), atol=0.05, rtol=0)


def test_history_has_a_row_an_interval_and_one_for_the_last_step():
    history = run(line(), 250)  # an interval of 3
    assert [row["step"] for row in history] == [*range(3, 250, 3), 250]
    assert history[-1]["epoch"] == 25.0


def test_rows_are_means_over_their_steps():
    one_by_one = run(line(), 60)
    losses = torch.tensor([row["loss"] for row in one_by_one], dtype=torch.float64)
    rule = line()
    rule.schedule = lambda progress: 1 - (progress * 240) / 60  # the same first 60 rates in a run four times as long
    in_threes = run(rule, 240)[:20]
    torch.testing.assert_close(losses.view(20, 3).mean(1), torch.tensor([r["loss"] for r in in_threes]).double())


def test_the_engine_sets_progress_and_learning_rate():
    rule = line()
    run(rule, 4)
    assert rule.seen == [(0.0, 0.1), (0.25, pytest.approx(0.075)), (0.5, 0.05), (0.75, pytest.approx(0.025))]


def test_same_seed_same_bits_and_another_seed_others():
    rules = [line(0), line(0), line(0)]
    histories = [run(rule, seed=seed) for rule, seed in zip(rules, (5, 5, 6), strict=True)]
    assert histories[0] == histories[1] != histories[2]
    assert torch.equal(rules[0].model.weight, rules[1].model.weight)


def test_a_loss_that_is_no_number_stops_the_run_and_says_where():
    with pytest.raises(WorkbookError, match=r"^line: loss is (nan|inf) by step \d+ at lr .*lower lr") as error:
        run(Line(lr=1e20), 40)
    assert "\n" not in str(error.value)


def test_observations_come_ten_times_and_at_the_end():
    """And what they do to the networks' mode does not reach the next step."""
    rule = line()

    def observe():
        rule.model.eval()
        return rule.model.weight.detach().flatten().clone()

    plan = Plan(95, 10)
    x = torch.linspace(-1, 1, 30)[:, None]
    fitted = fit(rule, [(x, 3 * x + 1)], plan, batch_size=8, seed=0, compute=CPU, label="line", observe=observe)
    assert list(fitted.observations) == [*range(10, 95, 10), 95]
    assert fitted.observations[95].item() == rule.model.weight.item()
    assert len({value.item() for value in fitted.observations.values()}) == 10
    assert rule.model.training
    plain = line()
    assert run(plain, 95) == fitted.history  # being watched changes nothing


def test_watch_sees_the_history_grow():
    lengths = []
    run(line(), 5, watch=lambda history: lengths.append(len(history)))
    assert lengths == [1, 2, 3, 4, 5]


def test_an_epoch_passes_over_the_longest_set():
    config = read("p3", {"epochs": 2, "batch_size": 32, "profile": "smoke"})
    assert Plan.of(config, 100) == Plan(steps=8, steps_per_epoch=4)
    assert Plan.of(read("p3", {"steps": 7, "batch_size": 32, "profile": "smoke"}), 100) == Plan(7, 4)


def test_a_network_is_trained_once(tmp_path):
    """Trained twice it would have more steps behind it than its record says."""
    from hwlib.run import Run
    from hwlib.training.session import train

    config = read("p1", {"profile": "smoke", "runs": str(tmp_path)})
    run_in_the_making = Run(config, "sample", [], {})
    rule = line()
    x = torch.linspace(-1, 1, 64)[:, None]
    train(run_in_the_making, rule, [(x, x)], CPU)
    with pytest.raises(WorkbookError, match=r"^model: this network is trained already; run the cell that builds it"):
        train(run_in_the_making, rule, [(x, x)], CPU)
    train(run_in_the_making, line(), [(x, x)], CPU)
    assert len(run_in_the_making.record().history["step"]) == 6


def test_device_that_is_not_there():
    with pytest.raises(WorkbookError, match=r"^device: 'cuda:99' is not here"):
        choose("cuda:99")


@pytest.mark.parametrize(("device", "index"), [("cuda", None), ("cuda:1", 1)])
@pytest.mark.parametrize("deterministic", [False, True])
def test_what_is_set_for_cuda(monkeypatch, device, index, deterministic):
    """Held without CUDA: which device becomes the current one, and whether deterministic kernels are asked for."""
    asked = {"device": None}
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: True)
    monkeypatch.setattr(torch.cuda, "set_device", lambda chosen: asked.update(device=chosen.index))
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda mode: asked.update(mode=mode))
    compute = choose(device, "auto", deterministic)
    assert asked == {"device": index, "mode": deterministic}
    assert compute.dtype == torch.bfloat16
    assert (compute.graphs, compute.deterministic) == (True, deterministic)
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_the_cpu_is_deterministic_and_the_record_says_so():
    assert CPU.describe()["deterministic"] is True
    assert not CPU.graphs
