"""The parser of parameters, whatever it is given: a configuration, or one line that names the parameter."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hwlib.config import CONFIGS, Config, read
from hwlib.errors import WorkbookError

NAMES = sorted({field.name for cls in CONFIGS.values() for field in dataclasses.fields(cls)})
PROBLEMS = st.sampled_from(sorted(CONFIGS))

# What a shell, a notebook's cell or papermill's YAML may hold, and what is written by mistake.
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(max_size=20),
    st.complex_numbers(),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.builds(str, st.one_of(st.integers(), st.floats(), st.booleans(), st.none())),
    st.sampled_from(
        [
            *(
                "auto",
                "sample",
                "usps",
                "mnistm",
                "svhn",
                "adamatch",
                "dann_resnet34",
                "full",
                "cuda:0",
                "cuda:²",
                "cuda:٣",
            ),
            *(
                "1e3",
                "1_000",
                " 7 ",
                "0x10",
                "٣",
                "½",
                "+5",
                "--5",
                "5.0",
                "1e400",
                "-0",
                "NaN",
                "inf",
                "nothing",
                "\0",
            ),
            *(10**400, -(10**400), 2**64, 1e308, "9" * 5000, "a\nb", "\x85", "\ud800"),
            *(
                Path("data"),
                np.float32(0.5),
                np.int64(3),
                np.zeros((9, 9)),
                np.array([2]),
                np.bool_(True),
                object(),
                int,
            ),
        ]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(autouse=True, scope="module")
def _profile():
    """Without a name for `auto`, torch would be asked what machine this is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HW_PROFILE", "smoke")
        yield


def outcome(problem, params):
    """Return the configuration, or the line; anything else fails the test."""
    try:
        return read(problem, params)
    except WorkbookError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert message.isprintable()
        assert len(message) < 1000
        return message


@given(PROBLEMS, st.sampled_from(NAMES), VALUES)
@example("p1", "lr", 10**400)
@example("p3", "src", "mnistm")
@example("p1", "device", "cuda:²")
@example("p1", "seed", "9" * 5000)
def test_any_value_of_any_parameter(problem, name, value):
    got = outcome(problem, {name: value})
    if isinstance(got, str):
        # The other of a pair may be named: `src` that is also the default `tgt`.
        assert got.startswith((f"{name}:", "tgt:" if name == "src" else f"{name}:"))
        return
    check(got)
    kept = getattr(got, name)
    if value is not None and value != "None" and name not in ("profile", "method"):
        assert str(kept).lower() == str(value).lower() or kept == float(value)


@given(PROBLEMS, st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=8)), SCALARS, max_size=4))
def test_any_parameters(problem, params):
    got = outcome(problem, params)
    if isinstance(got, str):
        named = [each for name in ("tgt", *params) for each in (f"{name}:", f"{name!r}:")]
        assert got.startswith(tuple(named))
    else:
        check(got)
        assert params.keys() <= got.params().keys()


@pytest.mark.parametrize("name", NAMES)
def test_a_number_that_has_no_text(name):
    """Python refuses to write out ten thousand digits, so no message may try."""
    assert outcome("p4", {name: 10**10_000}).startswith(f"{name}: ")


def check(config: Config):
    """Of the types it promises, complete, fit for a record, and what reading it again gives."""
    params = config.params()
    assert type(config.seed) is int
    assert isinstance(config.resume, bool)
    assert type(config.batch_size) is int
    assert config.profile == "smoke" or config.profile in ("quick", "cpu", "full")
    assert (config.epochs is None) != (config.steps is None)
    assert all(math.isfinite(value) for value in params.values() if isinstance(value, float))
    assert json.loads(json.dumps(params)) == params
    again = {name: value for name, value in params.items() if value is not None}
    assert read(config.problem, again) == config
