"""The view that Lab shows of a training: without a browser, and the stop button through a kernel that is busy."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from test_resume import PLAN, Averaged, assert_same, train

from hwlib.training import live
from hwlib.training.checkpoint import Keeper
from hwlib.training.live import Budget, View, hears_while_busy
from hwlib.training.preview import Samples
from hwlib.training.progress import Progress
from hwlib.training.stopping import Interruption, Stopped

SAMPLES = Samples(np.zeros((8, 1, 28, 28), np.uint8), "eight <digits>", ("1  99 %",) * 8)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def heard(monkeypatch):
    """As if in a kernel that hears a click while it is busy."""
    monkeypatch.setattr(live, "hears_while_busy", lambda button: True)


def history(rows):
    return [{"step": i, "epoch": i / 10, "loss": 1 / i} for i in range(1, rows + 1)]


def progress(step, steps=40, look=None):
    return Progress(step, steps, 0.5 * step, history(step), look)


def test_nothing_is_drawn_within_a_pause(clock):
    budget = Budget(share=0.5, pause=2.0, clock=clock)
    assert not budget.due()
    clock.now += 1.9
    assert not budget.due()
    clock.now += 0.1
    assert budget.due()
    with budget.spending():
        pass
    assert not budget.due()


@pytest.mark.parametrize("cost", [0.001, 0.05, 0.4])
def test_drawing_takes_no_more_than_its_share(clock, cost):
    budget = Budget(share=0.02, pause=1.0, clock=clock)
    drawn = []
    while clock.now < 400:
        clock.now += 0.1
        if budget.due():
            with budget.spending():
                clock.now += cost
            drawn.append(clock.now)
            # The first time nobody knows what it costs; from then on there is enough left for the last time.
            assert len(drawn) == 1 or budget.spent + cost <= 0.02 * (clock.now - 100) + 1e-9
    assert len(drawn) == pytest.approx(300 / max(1.1, cost / 0.02), rel=0.15)


def test_a_row_is_shown_when_its_time_has_come_and_the_last_in_any_case(clock):
    looks = []
    view = View("vae", lambda: None, clock)

    def look():
        looks.append(view.progress.step)
        clock.now += 0.001
        return SAMPLES

    assert view.text.value == "vae"
    assert view.image.layout.display == "none"
    pictures = set()
    for step in range(1, 41):
        clock.now += 0.25
        view.report(progress(step, look=look))
        pictures.add(bytes(view.image.value))
    assert looks == [4, 8, 12, 16, 20, 24, 28, 32, 36, 40]
    assert len(pictures) == 11  # none at first, and a new one each time
    assert view.text.value.startswith("vae: step 40/40  epoch 4.0  loss 0.025")
    assert bytes(view.image.value).startswith(b"\x89PNG")
    assert view.image.layout.display is None
    assert "step 40：eight &lt;digits&gt;" in view.caption.value


def test_the_time_left_goes_on_where_pictures_are_dear(clock):
    view = View("vae", lambda: None, clock)
    lines, pictures = set(), set()

    def look():
        clock.now += 1.0
        return SAMPLES

    for step in range(1, 21):
        clock.now += 1.5
        view.report(progress(step, look=look))
        lines.add(view.text.value)
        pictures.add(bytes(view.image.value))
    assert len(lines) == 20
    assert len(pictures - {b""}) == 1


def test_a_view_without_samples_shows_the_curves(clock):
    view = View("vae", lambda: None, clock)
    view.report(progress(40))
    assert bytes(view.image.value).startswith(b"\x89PNG")
    assert view.caption.value == ""


def test_what_stays_is_a_still_picture_of_the_last_row_without_widgets(clock, monkeypatch):
    stays = []
    handle = SimpleNamespace(update=stays.append)
    monkeypatch.setattr("IPython.display.display", lambda widget, display_id: handle)
    view = View("va<e", lambda: None, clock)
    view.show()
    asked = []
    clock.now += 1
    view.report(progress(1, look=lambda: asked.append(1) or SAMPLES))
    view.report(progress(2, look=lambda: asked.append(2) or SAMPLES))  # too early to be drawn
    view.close()
    assert asked == [1]  # the networks of a training that was interrupted are not asked
    assert "va&lt;e: step 2/40" in stays[0].data
    assert "step 1：eight &lt;digits&gt;" in stays[0].data  # so nobody takes them for those of step 2
    assert re.search(r'<img src="data:image/png;base64,\S+" style=\S.+ alt="[^"]*eight &lt;digits&gt;">', stays[0].data)
    assert view.widget.comm is view.button.comm is None


def test_a_training_without_a_row_leaves_nothing(clock):
    assert View("vae", lambda: None, clock).still().data == ""


def test_every_control_is_labelled_and_the_button_says_what_it_did(clock, heard):
    asked = []
    view = View("vae", lambda: asked.append("stop"), clock)
    assert view.widget.children == (view.text, view.image, view.caption, view.button)
    assert view.button.description
    assert view.button.tooltip
    view.button.click()
    assert asked == ["stop"]
    assert view.button.disabled
    assert view.button.description == live.STOPPING


def test_there_is_no_button_that_nobody_would_hear(clock, monkeypatch):
    kernel = SimpleNamespace(kernel_info={"supported_features": []})
    for shell in (None, SimpleNamespace(), SimpleNamespace(kernel=kernel)):
        monkeypatch.setattr("IPython.get_ipython", lambda shell=shell: shell)
        assert not hears_while_busy(SimpleNamespace(comm=None))
        assert View("vae", lambda: None, clock).widget.children[-1].__class__.__name__ == "HTML"


def test_clicks_are_left_to_the_thread_that_lab_chose(monkeypatch):
    shell = SimpleNamespace(kernel=SimpleNamespace(kernel_info={"supported_features": ["kernel subshells"]}))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    older, newer = SimpleNamespace(), SimpleNamespace(_reply_subshell_for=lambda data, default: None)
    assert all(hears_while_busy(SimpleNamespace(comm=comm)) for comm in (older, newer))
    assert vars(older) == {}
    assert newer._reply_subshell_for is None


def test_asking_twice_interrupts_nothing():
    with Interruption() as interruption:
        assert interruption.signum is None
        interruption.ask()
        interruption.ask()
        assert interruption.signum is not None


def test_the_button_keeps_a_checkpoint_and_the_training_goes_on_to_the_same_bits(tmp_path, monkeypatch, heard):
    whole = Averaged()
    fitted = train(whole)
    shown = []
    monkeypatch.setenv("HW_PROGRESS", "live")
    monkeypatch.setattr(View, "show", lambda self: shown.append(self))

    def click(history):
        if history[-1]["step"] == 9:
            shown[0].button.click()

    with pytest.raises(
        Stopped, match=r"^model: stopped at step 9/23; a checkpoint is kept, and running the same again"
    ):
        train(Averaged(), Keeper(tmp_path, 60), click)
    rule = Averaged()
    resumed = train(rule, Keeper(tmp_path, 60))
    assert_same(rule, resumed, whole, fitted)
    assert resumed.earlier > 0
    assert shown[1].progress.step == PLAN.steps
