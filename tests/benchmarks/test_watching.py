"""The form and arithmetic of what watching costs. Nothing here depends on how long anything takes."""

import pytest

from benchmarks import live


def test_shares_are_of_the_medians_and_sides_take_turns():
    calls = []

    def call(function, name, steps, shown):
        assert function == "train"
        calls.append((steps, shown))
        index = len(calls)
        if steps == 20:
            return {"s": 2.0, "cpu_s": 1.0}
        # One round of each side is disturbed.
        return {"s": (10.1 if shown else 10.0) + 50 * (index in (5, 6)), "cpu_s": 5.1 if shown else 5.0}

    row = live.measure("gan", 10, call)
    assert calls[:2] == [(20, True), (20, False)]
    assert calls[2:] == [(100, shown) for shown in (False, True, True, False, False, True)]
    assert (row["training"], row["steps"]) == ("gan", 100)
    assert (row["without_s"], row["with_s"], row["share_s_percent"]) == (10.0, 10.1, 1.0)
    assert row["share_cpu_s_percent"] == 2.0
    assert len(live.line(row)) == len(live.HEAD)


@pytest.mark.parametrize("name", live.TRAININGS)
def test_trainings_are_prepared_as_their_notebooks_do_and_the_view_is_drawn(name, monkeypatch):
    drawn = []
    monkeypatch.setattr("hwlib.training.live.View.show", lambda view: None)
    monkeypatch.setattr("hwlib.training.live.picture", lambda history, samples: drawn.append(samples) or b"")
    assert live.prepared(name)[0].problem == f"p{live.TRAININGS.index(name) + 1}"
    for shown in (False, True):
        assert set(live.train(name, 1, shown)) == {"s", "cpu_s"}
        assert len(drawn) == shown
    assert len(drawn[0].images) == (16 if name == "vae" else 8)


def test_a_kernel_answers_in_json():
    with live.Kernel() as kernel:
        assert kernel.call("environment")["device"]
