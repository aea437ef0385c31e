"""The timeouts of a call and of its phases."""

from __future__ import annotations

import math

import attrs
import httpx
import pytest

from hypothesis import given
from hypothesis import strategies as st

from asi1 import DEFAULT, ConfigurationError, Timeouts
from asi1._settings.timeouts import Deadline


UNLIMITED = Timeouts(
    total=None, connect=None, write=None, pool=None, first_token=None, idle=None
)
PHASES = [field.name for field in attrs.fields(Timeouts)]


@pytest.mark.parametrize(
    ("value", "timeouts"),
    [
        pytest.param(DEFAULT, Timeouts(), id="default"),
        pytest.param(None, UNLIMITED, id="none"),
        pytest.param(30, attrs.evolve(UNLIMITED, total=30.0), id="int"),
        pytest.param(0.5, attrs.evolve(UNLIMITED, total=0.5), id="float"),
        pytest.param(Timeouts(idle=3), Timeouts(idle=3), id="timeouts"),
        pytest.param(
            httpx.Timeout(7),
            Timeouts(connect=7, write=7, pool=7, first_token=7, idle=7),
            id="httpx-one-value",
        ),
        pytest.param(
            httpx.Timeout(connect=1, read=2, write=3, pool=4),
            Timeouts(connect=1, write=3, pool=4, first_token=2, idle=2),
            id="httpx-each-phase",
        ),
        pytest.param(
            httpx.Timeout(None),
            Timeouts(connect=None, write=None, pool=None, first_token=None, idle=None),
            id="httpx-none",
        ),
    ],
)
def test_timeout_may_be_a_number_none_or_an_httpx_timeout(value, timeouts):
    """
    As a timeout, a number limits the whole call, None means no limit, and an
    ``httpx.Timeout`` limits the phases of a call; its ``read`` limits each wait for
    data.
    """
    assert timeouts == Timeouts.of(value)


def test_default_timeouts_are_as_documented():
    """
    By default the timeout is 5 s for connecting, 120 s for the first token and 60 s for
    each later wait for data.
    """
    assert (DEFAULT, 5, 10, 30, 120, 60) == attrs.astuple(Timeouts())


@pytest.mark.parametrize(
    "value",
    [0, -1, 0.0, -0.5, math.nan, math.inf, "30", True, b"5", [5], {"total": 5}],
    ids=repr,
)
def test_timeout_that_is_not_a_positive_number_is_refused(value):
    """
    A timeout that is not a finite number above 0 is refused, both as total timeout and
    for a phase; the error names the phase.
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
def test_phase_timeout_of_none_means_no_limit(phase):
    """
    The timeout of each phase may be None, which means no limit.
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
def test_default_total_timeout_is_600_seconds_without_streaming(
    timeouts, plain, stream
):
    """
    By default a call without streaming has a total timeout of 600 s, and a stream has
    none, so that a stream lasts as long as chunks arrive.
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
            Timeouts(),
            "total",
            105,
            True,
            (math.inf, "total"),
            id="stream-without-total",
        ),
        pytest.param(Timeouts(), "total", 105, False, (700, "total"), id="plain-total"),
        pytest.param(
            Timeouts(), "idle", 639, False, (699, "idle"), id="idle-just-before-total"
        ),
        pytest.param(
            Timeouts(), "idle", 640, False, (700, "total"), id="idle-and-total-at-once"
        ),
        pytest.param(
            Timeouts(), "idle", 641, False, (700, "total"), id="total-before-idle"
        ),
        pytest.param(
            Timeouts(total=3), "first_token", 101, True, (103, "total"), id="number"
        ),
        pytest.param(
            Timeouts(total=3), "idle", 104, True, (103, "total"), id="total-passed"
        ),
        pytest.param(
            UNLIMITED, "idle", 105, True, (math.inf, "total"), id="none-at-all"
        ),
        pytest.param(
            Timeouts(connect=1), "connect", 105, False, (700, "total"), id="connect"
        ),
    ],
)
def test_deadline_is_the_earlier_end_of_phase_and_total_timeout(
    timeouts, phase, now, stream, deadline
):
    """
    The deadline of a phase is when the phase's timeout or the call's total timeout
    ends, whichever is earlier; the deadline names that timeout.
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
def test_deadline_is_never_later_than_the_phase_or_the_total_timeout(
    total, first, idle, waited, phase
):
    """
    A deadline is never later than the end of the call's total timeout, nor than the end
    of the phase's timeout.
    """
    timeouts = Timeouts(total=total, first_token=first, idle=idle)

    at = timeouts.deadline(phase, began=0, now=waited, stream=True).at

    assert at <= (math.inf if total is None else total)
    if phase != "total":
        limit = first if phase == "first_token" else idle
        assert at <= (math.inf if limit is None else waited + limit)


def test_repr_of_default_is_its_name():
    """
    The repr of `DEFAULT` is its name, as signatures and messages show it.
    """
    assert "DEFAULT" == repr(DEFAULT)


@pytest.mark.parametrize(
    ("timeouts", "phase", "stream", "explanation"),
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
def test_explanation_of_a_timeout_names_its_phase_and_its_seconds(
    timeouts, phase, stream, explanation
):
    """
    The explanation of a timeout names its phase and its seconds.
    """
    assert explanation == timeouts.explain(phase, stream=stream)
