"""The view that Lab shows of a training: without a browser, and the stop button through a kernel that is busy."""

import base64
import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from test_resume import PLAN, Averaged, assert_same, train

from hwlib.training import live
from hwlib.training.checkpoint import Keeper
from hwlib.training.live import View, hears_while_busy
from hwlib.training.panels import picture
from hwlib.training.preview import Samples
from hwlib.training.progress import Progress, reporter
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
    assert looks == [4, 16, 20, 24, 28, 32, 36, 40]  # the second 3 s after the first, then every second
    assert len(pictures) == 9  # none at first, and a new one each time
    assert view.text.value.startswith("vae: step 40/40  epoch 4.0  loss 0.025")
    assert bytes(view.image.value).startswith(b"\x89PNG")
    assert view.image.layout.display is None
    assert "step 40：eight &lt;digits&gt;" in view.caption.value


def test_the_time_left_goes_on_where_pictures_are_dear(clock):
    view = View("vae", lambda: None, clock)
    lines, pictures = [], set()

    def look():
        clock.now += 1.0
        return SAMPLES

    for step in range(1, 101):
        clock.now += 0.3
        view.report(progress(step, 400, look))
        lines.append((clock.now, view.text.value))
        pictures.add(bytes(view.image.value))
    assert len(pictures - {b""}) == 2
    moved = [now for i, (now, line) in enumerate(lines) if i and line != lines[i - 1][1]]
    # A line a second, which is every fourth row, however dear the pictures are, each of which takes a second itself.
    assert max(later - now for now, later in pairwise(moved)) <= 2.3 + 1e-6
    assert 20 < len(moved) <= (clock.now - 100) / 1.2 + 2


def test_the_line_and_the_picture_tell_of_the_same_step(clock):
    view = View("vae", lambda: None, clock)
    view.written = float("inf")  # never its own time
    drawn = 0
    for step in range(1, 41):
        clock.now += 0.7
        view.report(progress(step, look=lambda: SAMPLES))
        if view.drawn is view.progress:
            drawn += 1
            assert f"step {step}/40" in view.text.value
            assert f"step {step}：" in view.caption.value
            view.written = float("inf")
    assert drawn > 5


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
    assert asked == [1]  # the networks of a training that failed or was interrupted are not asked
    assert "va&lt;e: step 2/40" in stays[0].data
    assert "step 1：eight &lt;digits&gt;" in stays[0].data  # so nobody takes them for those of step 2
    assert re.search(r'<img src="data:image/png;base64,\S+" style=\S.+ alt="[^"]*eight &lt;digits&gt;">', stays[0].data)
    assert view.widget.comm is view.button.comm is None


def leaves(monkeypatch, clock, rows, error):
    """The still picture's HTML, and the rows at which the networks were asked, of a training that ends by an error."""
    stays, asked = [], []
    handle = SimpleNamespace(update=lambda still: stays.append(still.data))
    monkeypatch.setenv("HW_PROGRESS", "live")
    monkeypatch.setattr("IPython.display.display", lambda widget, display_id: handle)
    monkeypatch.setattr(live, "View", lambda label, stop: View(label, stop, clock))

    def train():
        with reporter("vae", 40, lambda: None) as report:
            for step in range(1, rows + 1):
                clock.now += 1.5
                report(progress(step, look=lambda: asked.append(1) or SAMPLES))
            asked.clear()
            raise error

    with pytest.raises(type(error)):
        train()
    return stays[0], len(asked)


def test_a_training_that_was_stopped_shows_its_samples_as_they_are(clock, monkeypatch):
    still, asked = leaves(monkeypatch, clock, 2, Stopped("model: stopped at step 2/40"))
    assert asked == 1
    assert "vae: step 2/40" in still
    assert "停止時 when it stopped：eight &lt;digits&gt;" in still
    assert "step 1：" not in still
    assert leaves(monkeypatch, clock, 0, Stopped("model: stopped before a row")) == ("", 0)
    assert leaves(monkeypatch, clock, 40, Stopped("model: stopped at the end"))[1] == 0  # they are drawn already


def test_the_still_picture_of_a_stopped_training_has_the_newer_samples(clock):
    view = View("vae", lambda: None, clock)
    newer = SAMPLES._replace(images=SAMPLES.images + 200)
    looks = iter([SAMPLES, newer])
    clock.now += 1.5
    view.report(progress(1, look=lambda: next(looks)))  # drawn, and then stopped before the next row
    view.stopped()
    assert base64.b64encode(picture(history(1), newer)).decode() in view.still().data


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt()])
def test_a_training_that_failed_keeps_the_samples_that_there_are(clock, monkeypatch, error):
    still, asked = leaves(monkeypatch, clock, 2, error)
    assert asked == 0
    assert "vae: step 2/40" in still
    assert "step 1：eight &lt;digits&gt;" in still


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
