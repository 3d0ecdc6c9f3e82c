"""A training that was stopped or killed ends with the bits of one that was not."""

import os
import signal

import pytest
import torch
from torch import nn

from hwlib.errors import WorkbookError
from hwlib.training.checkpoint import Keeper
from hwlib.training.engine import LearningRule, Loop, Plan, fit
from hwlib.training.precision import choose
from hwlib.training.stopping import Interruption, Stopped

CPU = choose("cpu", "float32")
PLAN = Plan(steps=23, steps_per_epoch=5)
X = torch.linspace(-1, 1, 37)[:, None]


class Averaged(LearningRule):
    """All that a rule can depend on: dropout, batch statistics, Adam, a moving average of the weights, a schedule."""

    def __init__(self):
        torch.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(1, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 1))
        self.average = torch.optim.swa_utils.AveragedModel(
            self.model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True
        )
        self.modules = {"model": self.model, "average": self.average}
        self.optimizers = [torch.optim.Adam(self.model.parameters(), 0.05)]

    def step(self, x, y, z, *, progress):
        noise = 0.1 * torch.randn_like(y) * (1 - progress)
        loss = (self.model(x) - y - noise).square().mean() + 0.1 * self.model(z).square().mean()
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        self.average.update_parameters(self.model)
        return {"loss": loss}

    def schedule(self, progress):
        return 1 - progress**2


def observer(rule):
    def observe():
        rule.model.eval()
        with torch.no_grad():
            return rule.model(X)

    return observe


def train(rule, keeper=None, watch=None, plan=PLAN):
    sets = [(X, X.sin()), (X[:11],)]
    options = {"keeper": keeper, "watch": watch, "observe": observer(rule)}
    return fit(rule, sets, plan, batch_size=4, seed=5, compute=CPU, label="model", **options)


def weights(rule):
    return [value for module in rule.modules.values() for value in module.state_dict().values()]


def assert_same(rule, fitted, other, other_fitted):
    assert fitted.history == other_fitted.history
    assert list(fitted.observations) == list(other_fitted.observations) != []
    assert all(torch.equal(value, other_fitted.observations[step]) for step, value in fitted.observations.items())
    assert len(weights(rule)) == len(weights(other)) > 10
    assert all(torch.equal(a, b) for a, b in zip(weights(rule), weights(other), strict=True))


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.fixture(scope="module")
def whole():
    rule = Averaged()
    fitted = train(rule)
    return rule, fitted, torch.randn(3)


@pytest.mark.parametrize("last", range(1, PLAN.steps))
def test_killed_after_any_step_it_ends_with_the_same_bits(tmp_path, whole, last):
    def kill(history):
        if history[-1]["step"] == last:
            raise Killed

    with pytest.raises(Killed):
        train(Averaged(), Keeper(tmp_path, 0), kill)
    rule = Averaged()
    fitted = train(rule, Keeper(tmp_path, 0))
    assert_same(rule, fitted, *whole[:2])
    assert torch.equal(torch.randn(3), whole[2])  # and so does whatever is drawn after it


def test_killed_in_the_middle_of_a_row_it_ends_with_the_same_bits(tmp_path):
    plan = Plan(steps=300, steps_per_epoch=7)  # rows of three steps
    whole = Averaged()
    fitted = train(whole, plan=plan)
    loop = Loop(Averaged(), [(X, X.sin()), (X[:11],)], plan, batch_size=4, seed=5, compute=CPU)
    for _ in range(140):
        loop.advance()
        if plan.observed(loop.step):
            loop.observe(observer(loop.rule))
        if loop.plan.row_ends(loop.step):
            loop.row()
    assert not plan.row_ends(loop.step)
    Keeper(tmp_path, 0).save("model", loop.state() | {"seconds": 1.5})
    rule = Averaged()
    resumed = train(rule, Keeper(tmp_path, 0), plan=plan)
    assert_same(rule, resumed, whole, fitted)
    assert resumed.earlier == 1.5 < resumed.seconds


def test_a_training_that_had_ended_is_only_loaded(tmp_path, whole, capsys):
    first = train(Averaged(), Keeper(tmp_path, 60))
    rule = Averaged()
    rule.step = None  # making a step would fail
    again = train(rule, Keeper(tmp_path, 60))
    assert_same(rule, again, *whole[:2])
    assert 0 < again.earlier <= first.seconds
    assert "model: all 23 steps are kept, not trained again" in capsys.readouterr().out
    assert torch.equal(torch.randn(3), whole[2])


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_after_the_step_and_keeps_it(tmp_path, whole, signum):
    def ask(history):
        if history[-1]["step"] == 9:
            os.kill(os.getpid(), signum)

    before = signal.getsignal(signum)
    with pytest.raises(
        Stopped, match=r"^model: stopped at step 9/23; a checkpoint is kept, and running the same again"
    ):
        train(Averaged(), Keeper(tmp_path, 60), ask)
    assert signal.getsignal(signum) is before
    rule = Averaged()
    assert_same(rule, train(rule, Keeper(tmp_path, 60)), *whole[:2])


def test_a_second_signal_does_not_wait():
    with Interruption() as interruption:
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.signum == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_checkpoints_come_at_ends_of_epochs_and_rows_when_their_time_has_come(tmp_path):
    """Rows of one step here: with no seconds between them each step is kept, with many only the end."""
    kept = []

    class Noted(Keeper):
        def save(self, label, state):
            kept.append(state["step"])
            super().save(label, state)

    train(Averaged(), Noted(tmp_path / "a", 0))
    assert kept == list(range(1, 24))
    kept.clear()
    train(Averaged(), Noted(tmp_path / "b", 3600))
    assert kept == [23]
    kept.clear()
    train(Averaged(), Noted(tmp_path / "c", 0), plan=Plan(steps=1000, steps_per_epoch=4))  # rows of ten steps
    assert kept == [step for step in range(1, 1001) if step % 10 == 0 or step % 4 == 0]


class Diverging(Averaged):
    """Its loss is no number from the twelfth step on."""

    made = 0

    def step(self, x, y, z, *, progress):
        losses = super().step(x, y, z, progress=progress)
        self.made += 1
        return losses if self.made < 12 else {"loss": losses["loss"] * float("nan")}


def test_a_loss_that_is_no_number_stops_and_the_last_checkpoint_is_good(tmp_path):
    with pytest.raises(
        WorkbookError, match=r"^model: loss is nan by step 12 at lr .* \(last finite value .* by step 11"
    ):
        train(Diverging(), Keeper(tmp_path, 0))
    kept = Keeper(tmp_path, 0).restore("model")
    assert kept["step"] == 11
    assert all(torch.isfinite(value).all() for value in kept["modules"]["model"].values())


def test_a_state_with_such_a_loss_is_not_kept_in_the_middle_of_a_row_either():
    loop = Loop(Diverging(), [(X, X), (X,)], Plan(2000, 500), batch_size=4, seed=0, compute=CPU)
    loop.advance(11)
    loop.state()
    loop.advance(1)
    with pytest.raises(WorkbookError, match="loss is nan by step 12"):
        loop.state()


def test_a_checkpoint_of_another_training_is_refused_and_stays(tmp_path):
    """In Lab a person may edit a cell between two attempts, which no hash of files can see."""

    def kill(history):
        if history[-1]["step"] == 9:
            raise Killed

    with pytest.raises(Killed):
        train(Averaged(), Keeper(tmp_path, 0), kill)
    before = (tmp_path / "model.ckpt").read_bytes()
    slower, wider, other = Averaged(), Averaged(), Averaged()
    slower.optimizers = [torch.optim.Adam(slower.model.parameters(), 0.01)]
    wider.model[0].out_features = 9
    torch.nn.init.zeros_(other.model[0].weight)
    other.strength = 2.0
    for rule, what in ((slower, "optimizers"), (wider, "networks"), (other, "initial weights, learning rule")):
        with pytest.raises(WorkbookError, match=rf"^model: a checkpoint is kept, but of another training \({what} ch"):
            train(rule, Keeper(tmp_path, 0))
    assert (tmp_path / "model.ckpt").read_bytes() == before
