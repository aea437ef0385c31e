"""When a call is tried again, and how long it waits before."""

from __future__ import annotations

import math

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

import asi1

from asi1 import ConfigurationError, ResponseInfo, RetryPolicy


POLICY = RetryPolicy()


def refused(status, *, cls=asi1.APIStatusError, **fields):
    """Return the error of a reply with this status."""
    said = fields.pop("said", None)
    headers = {} if said is None else {"x-should-retry": said}
    response = ResponseInfo(status=status, headers=headers)
    return cls("no", status_code=status, response=response, **fields)


def timed_out(phase):
    """Return the error of a time limit."""
    return asi1.APITimeoutError("slow", phase=phase)


HEALS = [
    *(
        pytest.param(refused(status), heals, id=f"{status}")
        for status, heals in {
            300: False,
            301: False,
            400: False,
            401: False,
            402: False,
            403: False,
            404: False,
            408: True,
            409: False,
            410: False,
            413: False,
            422: False,
            425: True,
            429: True,
            499: False,
            500: True,
            501: False,
            502: True,
            503: True,
            504: True,
            505: False,
            520: True,
            529: True,
            599: True,
        }.items()
    ),
    pytest.param(refused(429, cls=asi1.QuotaExceededError), False, id="429-quota"),
    pytest.param(asi1.APIConnectionError("lost"), True, id="connection"),
    pytest.param(
        asi1.APIConnectionError("bad certificate", retryable=False), False, id="tls"
    ),
    pytest.param(asi1.APIResponseError("html"), False, id="no-answer"),
    pytest.param(asi1.StreamTruncatedError("cut"), False, id="truncated"),
    pytest.param(asi1.StreamInterruptedError("lost"), False, id="interrupted"),
    pytest.param(asi1.ServerStreamError("busy"), False, id="error-in-stream"),
    pytest.param(asi1.APIError("other"), False, id="other"),
]


@pytest.mark.parametrize(("error", "heals"), HEALS)
def test_only_what_may_heal_is_tried_again(error, heals):
    """
    Tried again are lost connections, 408, 425, 429 and 5xx, save 501, 505, a quota that
    is used up, and what no other try can heal.
    """
    assert heals == POLICY.may_heal(error)
    assert (0.25 if heals else None) == POLICY.next_wait(error, 1, dice=0.5, left=9)


@pytest.mark.parametrize(
    ("phase", "by_default", "on_timeout"),
    [
        ("connect", True, True),
        ("write", False, True),
        ("first_token", False, True),
        ("idle", False, True),
        ("pool", False, False),
        ("total", False, False),
    ],
)
def test_a_timeout_is_tried_again_if_it_cannot_be_billed(phase, by_default, on_timeout):
    """
    A timeout before the request was sent is tried again; one that left the model at
    work only if asked for; one of the whole call never.
    """
    assert by_default == POLICY.may_heal(timed_out(phase))
    assert on_timeout == RetryPolicy(on_timeout=True).may_heal(timed_out(phase))


@pytest.mark.parametrize(
    ("error", "heals"),
    [
        pytest.param(refused(400, said="true"), True, id="400-true"),
        pytest.param(refused(409, said="true"), True, id="409-true"),
        pytest.param(refused(501, said="TRUE"), True, id="501-upper-case"),
        pytest.param(
            refused(429, said=" true ", cls=asi1.QuotaExceededError), True, id="quota"
        ),
        pytest.param(refused(503, said="false"), False, id="503-false"),
        pytest.param(refused(429, said="False"), False, id="429-false"),
        pytest.param(refused(503, said="maybe"), True, id="503-maybe"),
        pytest.param(refused(400, said=""), False, id="400-empty"),
    ],
)
def test_the_server_has_the_last_word(error, heals):
    """
    ``x-should-retry`` decides where it says true or false; other words are no word.
    """
    assert heals == POLICY.may_heal(error)


@pytest.mark.parametrize(
    ("policy", "tries"),
    [
        pytest.param(RetryPolicy(), 3, id="default"),
        pytest.param(RetryPolicy(attempts=1), 1, id="off"),
        pytest.param(RetryPolicy(attempts=10), 10, id="ten"),
    ],
)
def test_the_last_attempt_is_the_last(policy, tries):
    """
    As many tries are made as the policy says, the first included.
    """
    waits = [
        policy.next_wait(refused(503), n, dice=0.5, left=math.inf) for n in range(1, 12)
    ]

    assert tries - 1 == sum(wait is not None for wait in waits)
    assert all(wait is None for wait in waits[tries - 1 :])


@pytest.mark.parametrize(
    ("attempt", "most"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (60, 8)]
)
def test_waits_double_up_to_their_bound(attempt, most):
    """
    The bound of the wait doubles with each try, from ``wait_first`` to ``wait_max``.
    """
    policy = RetryPolicy(attempts=99)

    assert [0, most / 4, most / 2] == [
        policy.next_wait(refused(503), attempt, dice=dice, left=99)
        for dice in (0, 0.25, 0.5)
    ]


def test_waits_are_bounded_after_any_number_of_tries():
    """
    A policy of very many tries waits as long before the last as before the others.
    """
    assert 4 == RetryPolicy(attempts=5000).next_wait(
        refused(503), 1100, dice=0.5, left=99
    )


@given(
    first=st.floats(0, 1e3),
    most=st.floats(0, 1e3),
    attempt=st.integers(1, 60),
    dice=st.floats(0, 1, exclude_max=True),
)
def test_waits_are_drawn_from_zero_to_the_bound(first, most, attempt, dice):
    """
    The wait is an even share of its bound, from nothing to all of it.
    """
    policy = RetryPolicy(attempts=99, wait_first=first, wait_max=most)

    wait = policy.next_wait(refused(503), attempt, dice=dice, left=math.inf)

    assert 0 <= wait <= min(most, first * 2 ** (attempt - 1))
    assert pytest.approx(dice * min(most, first * 2 ** (attempt - 1))) == wait


@given(
    hint=st.floats(1e-3, 200),
    cap=st.floats(0, 200),
    left=st.floats(0, 300) | st.just(math.inf),
    dice=st.floats(0, 1, exclude_max=True),
)
@example(hint=120.0, cap=120.0, left=math.inf, dice=0.0)
def test_the_servers_wait_is_obeyed_or_ends_the_retries(hint, cap, left, dice):
    """
    A wait that the server asks for is never cut short and gets at most a tenth more; if
    it is above the cap, or the call has no time for it, the retries end at once.
    """
    policy = RetryPolicy(max_retry_after=cap)

    wait = policy.next_wait(refused(429, retry_after=hint), 1, dice=dice, left=left)

    if hint > cap or hint * 1.1 < left:
        assert (hint > cap) == (wait is None)
    if wait is not None:
        assert hint <= wait <= hint * 1.1
        assert wait < left


@pytest.mark.parametrize(
    ("error", "left", "wait"),
    [
        pytest.param(refused(429, retry_after=120), 121, 120, id="at-the-cap"),
        pytest.param(refused(429, retry_after=121), 999, None, id="above-the-cap"),
        pytest.param(refused(429, retry_after=86400), math.inf, None, id="a-day"),
        pytest.param(refused(429, retry_after=20), 19, None, id="no-time-left"),
        pytest.param(refused(429, retry_after=20), 20, None, id="just-no-time-left"),
        pytest.param(refused(401, retry_after=1), 99, None, id="401"),
        pytest.param(refused(503), 0, None, id="nothing-left"),
        pytest.param(refused(503), -1, None, id="overdue"),
        pytest.param(refused(503), 0.1, 0, id="a-moment-left"),
    ],
)
def test_no_wait_outlasts_the_call(error, left, wait):
    """
    A wait that the call's total timeout cannot hold is not begun.
    """
    assert wait == POLICY.next_wait(error, 1, dice=0, left=left)


@pytest.mark.parametrize(
    ("name", "kind", "lowest"),
    [
        ("attempts", "whole number", 1),
        ("wait_first", "number", 0),
        ("wait_max", "number", 0),
        ("max_retry_after", "number", 0),
    ],
)
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "3", None, True], ids=repr)
def test_a_policy_holds_numbers(name, kind, lowest, value):
    """
    The numbers of a policy are finite and not too small; the error names the one.
    """
    problem = f"retry: {name} must be a {kind} of at least {lowest}, not {value!r}"

    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**{name: value})

    assert problem == str(caught.value)
    assert lowest == getattr(RetryPolicy(**{name: lowest}), name)


@pytest.mark.parametrize(
    "value",
    [
        0,
        pytest.param(2.5),
    ],
)
def test_tries_are_counted(value):
    """
    A policy has a whole number of tries, at least one.
    """
    with pytest.raises(ConfigurationError, match="attempts"):
        RetryPolicy(attempts=value)
