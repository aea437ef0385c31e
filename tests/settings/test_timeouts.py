"""How long each part of a call may take."""

from __future__ import annotations

import math

import attrs
import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1 import DEFAULT, ConfigurationError, Timeouts
from asi1._settings.timeouts import Deadline


NONE = Timeouts(
    total=None, connect=None, write=None, pool=None, first_token=None, idle=None
)
PHASES = [field.name for field in attrs.fields(Timeouts)]


@pytest.mark.parametrize(
    ("value", "timeouts"),
    [
        pytest.param(DEFAULT, Timeouts(), id="default"),
        pytest.param(None, NONE, id="none"),
        pytest.param(
            30, Timeouts(total=30.0, first_token=None, idle=None), id="whole-number"
        ),
        pytest.param(
            0.5, Timeouts(total=0.5, first_token=None, idle=None), id="number"
        ),
        pytest.param(Timeouts(idle=3), Timeouts(idle=3), id="timeouts"),
        pytest.param(
            httpx.Timeout(7),
            Timeouts(connect=7, write=7, pool=7, first_token=7, idle=7),
            id="httpx-one-number",
        ),
        pytest.param(
            httpx.Timeout(connect=1, read=2, write=3, pool=4),
            Timeouts(connect=1, write=3, pool=4, first_token=2, idle=2),
            id="httpx-each",
        ),
        pytest.param(
            httpx.Timeout(None),
            Timeouts(connect=None, write=None, pool=None, first_token=None, idle=None),
            id="httpx-none",
        ),
    ],
)
def test_a_timeout_may_be_given_in_many_forms(value, timeouts):
    """
    A number bounds the whole call, None bounds nothing, an ``httpx.Timeout`` bounds its
    phases, its ``read`` each wait for data.
    """
    assert timeouts == Timeouts.of(value)


def test_the_defaults_are_as_documented():
    """
    Without a word, connecting may take 5 s, the first token 120 s, the next 60 s.
    """
    assert (DEFAULT, 5, 10, 30, 120, 60) == attrs.astuple(Timeouts())


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.0, -0.5, math.nan, math.inf, "30", True, b"5", [5], {"total": 5}],
    ids=repr,
)
def test_a_timeout_is_a_number_above_0(value):
    """
    What is no finite number above 0 is refused, as a whole and in each phase; the error
    names the phase.
    """
    with pytest.raises(
        ConfigurationError, match=r"^timeout: the value must be a number"
    ):
        Timeouts.of(value)
    for phase in PHASES:
        with pytest.raises(ConfigurationError, match=rf"^timeout: {phase} must be"):
            Timeouts(**{phase: value})

    assert 1e-9 == Timeouts.of(1e-9).total


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_may_be_without_limit(phase):
    """
    None is no limit, in every phase.
    """
    assert getattr(Timeouts(**{phase: None}), phase) is None


@pytest.mark.parametrize(
    ("timeouts", "plain", "stream"),
    [
        pytest.param(Timeouts(), 600, None, id="default"),
        pytest.param(Timeouts(total=30), 30, 30, id="number"),
        pytest.param(Timeouts(total=None), None, None, id="none"),
    ],
)
def test_the_whole_call_has_600_seconds_and_a_stream_all_it_needs(
    timeouts, plain, stream
):
    """
    Unless told otherwise a plain call ends after 600 s, and a stream goes on as long as
    chunks come.
    """
    assert plain == timeouts.total_for(stream=False)
    assert stream == timeouts.total_for(stream=True)


@pytest.mark.parametrize(
    ("timeouts", "phase", "now", "stream", "deadline"),
    [
        pytest.param(
            Timeouts(), "first_token", 105, True, (225, "first_token"), id="first-token"
        ),
        pytest.param(Timeouts(), "idle", 105, True, (165, "idle"), id="idle"),
        pytest.param(
            Timeouts(), "total", 105, True, (math.inf, "total"), id="stream-no-total"
        ),
        pytest.param(Timeouts(), "total", 105, False, (700, "total"), id="plain-total"),
        pytest.param(
            Timeouts(), "idle", 639, False, (699, "idle"), id="idle-just-before"
        ),
        pytest.param(Timeouts(), "idle", 640, False, (700, "total"), id="both-at-once"),
        pytest.param(
            Timeouts(), "idle", 641, False, (700, "total"), id="total-before-idle"
        ),
        pytest.param(
            Timeouts(total=3), "first_token", 101, True, (103, "total"), id="number"
        ),
        pytest.param(
            Timeouts(total=3), "idle", 104, True, (103, "total"), id="already-over"
        ),
        pytest.param(NONE, "idle", 105, True, (math.inf, "total"), id="none-at-all"),
        pytest.param(
            Timeouts(connect=1), "connect", 105, False, (700, "total"), id="connect"
        ),
    ],
)
def test_a_phase_ends_with_the_call_at_the_latest(
    timeouts, phase, now, stream, deadline
):
    """
    A phase of a call that began at 100 is given up at its own end or at the call's,
    whichever is earlier, and the deadline says which it was.
    """
    assert Deadline(*deadline) == timeouts.deadline(
        phase, began=100, now=now, stream=stream
    )


limits = st.none() | st.floats(1e-3, 1e6)


@given(
    total=limits,
    first=limits,
    idle=limits,
    waited=st.floats(0, 1e6),
    phase=st.sampled_from(["first_token", "idle", "total"]),
)
def test_no_deadline_is_later_than_any_limit(total, first, idle, waited, phase):
    """
    A deadline is never after the call's end, nor after the phase's.
    """
    timeouts = Timeouts(total=total, first_token=first, idle=idle)

    at = timeouts.deadline(phase, began=0, now=waited, stream=True).at

    assert at <= (math.inf if total is None else total)
    if phase != "total":
        limit = first if phase == "first_token" else idle
        assert at <= (math.inf if limit is None else waited + limit)


def test_default_says_its_name():
    """
    `DEFAULT` shows as its name in signatures and messages.
    """
    assert "DEFAULT" == repr(DEFAULT)


@pytest.mark.parametrize(
    ("timeouts", "phase", "stream", "said"),
    [
        pytest.param(
            Timeouts(first_token=2),
            "first_token",
            True,
            "the first token did not come within 2 s",
            id="first-token",
        ),
        pytest.param(
            Timeouts(idle=0.5), "idle", True, "nothing more came for 0.5 s", id="idle"
        ),
        pytest.param(
            Timeouts(),
            "total",
            False,
            "the whole call took longer than 600 s",
            id="total-by-default",
        ),
        pytest.param(
            Timeouts(total=1.25),
            "total",
            True,
            "the whole call took longer than 1.25 s",
            id="total",
        ),
    ],
)
def test_the_limit_that_passed_is_said_for_people(timeouts, phase, stream, said):
    """
    Of the limit that passed, its name and its seconds are told.
    """
    assert said == timeouts.explain(phase, stream=stream)
