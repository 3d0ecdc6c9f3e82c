"""When a live view may be drawn anew, by a clock that stands still but for what is drawn."""

import pytest
from test_live import Clock

from hwlib.training.live import SECOND, Budget


@pytest.fixture
def clock():
    return Clock()


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
            # Two times nobody asks what it costs; from then on there is enough left for the last time.
            assert len(drawn) <= 2 or cost * (len(drawn) + 1) <= 0.02 * (clock.now - 100) + 1e-9
    assert len(drawn) == pytest.approx(300 / max(1.1, cost / 0.02), rel=0.15)


def test_a_cold_first_time_does_not_keep_the_second_and_the_third_waiting(clock):
    budget = Budget(share=0.02, pause=1.0, clock=clock)
    drawn = []
    while len(drawn) < 20:
        clock.now += 0.1
        if budget.due():
            drawn.append(clock.now - 100)
            with budget.spending():
                clock.now += 0.02 if len(drawn) > 1 else 2.0
    assert drawn[0] == pytest.approx(1.0, abs=0.11)
    assert drawn[1] - (drawn[0] + 2.0) == pytest.approx(SECOND, abs=0.11)
    assert drawn[2] - drawn[1] < 2.5
    # No more than the share was spent, but for what the first took beyond the others.
    assert 0.02 * len(drawn) <= 0.02 * drawn[-1]
