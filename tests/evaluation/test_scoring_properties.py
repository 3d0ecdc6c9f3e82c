"""The scorer, whatever it is given: a naive count agrees, and no damage to the coverage is scored."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwlib.errors import WorkbookError
from hwlib.evaluation.scoring import score, score_files

DIGITS = st.integers(0, 9)
NAMES = st.from_regex(r"[A-Za-z0-9_]{1,6}\.png", fullmatch=True)
TRUTHS = st.dictionaries(NAMES, DIGITS, min_size=1, max_size=30)


@st.composite
def pairs(draw):
    """Predictions, in an order of their own, and the truth."""
    truth = draw(TRUTHS)
    names = draw(st.permutations(sorted(truth)))
    return dict(zip(names, draw(st.lists(DIGITS, min_size=len(names), max_size=len(names))), strict=True)), truth


@given(pairs())
def test_a_naive_count_agrees(pair):
    pred, truth = pair
    found = score(pred, truth)
    right = [name for name in truth if pred[name] == truth[name]]
    assert (found.correct, found.count) == (len(right), len(truth))
    assert found.accuracy == pytest.approx(100 * len(right) / len(truth))
    for digit in range(10):
        of_it = [name for name in truth if truth[name] == digit]
        percent = found.per_class[digit]
        assert (percent is None) == (not of_it)
        assert not of_it or percent == pytest.approx(100 * sum(name in right for name in of_it) / len(of_it))
        for other in range(10):
            assert found.confusion[digit, other] == sum(pred[name] == other for name in of_it)


@given(pairs())
def test_the_truth_itself_scores_everything_and_names_decide_not_rows(pair):
    pred, truth = pair
    assert score(truth, truth).accuracy == 100
    assert score(dict(sorted(pred.items())), truth).describe() == score(pred, truth).describe()


def write(folder, name, rows):
    path = Path(folder, name)
    path.write_text("image_name,label\n" + "".join(f"{image},{label}\n" for image, label in rows))
    return path


@given(pairs(), st.data())
def test_any_damage_to_the_coverage_is_refused(pair, data):
    """Rows lost, added or repeated, in any number and mixture: one line that names a file, never a score."""
    pred, truth = pair
    rows = list(pred.items())
    lost = data.draw(st.sets(st.sampled_from(sorted(pred))))
    unknown = data.draw(st.dictionaries(NAMES.filter(lambda name: name not in truth), DIGITS, max_size=3))
    twice = data.draw(st.lists(st.tuples(st.sampled_from(sorted(pred)), DIGITS), max_size=3))
    kept = [row for row in rows if row[0] not in lost]
    damaged = data.draw(st.permutations([*kept, *unknown.items(), *twice]))
    whole = sorted(name for name, _ in damaged) == sorted(truth)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = write(folder, "pred.csv", damaged), write(folder, "truth.csv", truth.items())
        if whole:  # what was lost may have been put back with another label
            assert score_files(ours, theirs).count == len(truth)
            return
        with pytest.raises(WorkbookError) as refused:
            score_files(ours, theirs)
        assert str(refused.value).startswith(f"{folder}{os.sep}pred.csv")
        assert len(str(refused.value).splitlines()) == 1
        if not twice and len(damaged):
            assert all(part in str(refused.value) for part in damage(lost, unknown, pred, truth))


def damage(lost, unknown, pred, truth):
    """What the line must count."""
    if lost:
        yield f"{len(lost)} of the {len(truth)} images"
    if unknown:
        yield f"{len(unknown)} of its {len(pred) - len(lost) + len(unknown)} names are unknown"


@given(pairs(), st.sampled_from(["10", "-1", "7.5", "seven", "", "nan", "1e0"]), st.data())
def test_any_label_that_is_no_digit_is_refused(pair, label, data):
    pred, truth = pair
    name = data.draw(st.sampled_from(sorted(pred)))
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = write(folder, "pred.csv", (pred | {name: label}).items()), write(folder, "t.csv", truth.items())
        with pytest.raises(WorkbookError, match=f"row {list(pred).index(name) + 2}: label is '{label}'"):
            score_files(ours, theirs)
