"""Errors that are retried, and how long a call waits before each attempt."""

from __future__ import annotations

import math

import pytest

from hypothesis import example, given
from hypothesis import strategies as st

import asi1

from asi1 import ConfigurationError, ResponseInfo, RetryPolicy
from asi1._settings.retry import read_retry


POLICY = RetryPolicy()


def status_error(status, *, cls=asi1.APIStatusError, **fields):
    """Return the error of a reply with *status*."""
    should_retry = fields.pop("should_retry", None)
    headers = {} if should_retry is None else {"x-should-retry": should_retry}
    response = ResponseInfo(status=status, headers=headers)
    return cls("no", status_code=status, response=response, **fields)


def advising(advice):
    """Return metadata of a reply with status 200 and *advice* as ``x-should-retry``."""
    return ResponseInfo(status=200, headers={"x-should-retry": advice})


def timed_out(phase):
    """Return the error of a timeout in *phase*."""
    return asi1.APITimeoutError("slow", phase=phase)


HEALS = [
    *(
        pytest.param(status_error(status), heals, id=f"{status}")
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
    pytest.param(status_error(429, cls=asi1.QuotaExceededError), False, id="429-quota"),
    pytest.param(asi1.APIConnectionError("lost"), True, id="connection"),
    pytest.param(
        asi1.APIConnectionError("bad certificate", retryable=False), False, id="tls"
    ),
    pytest.param(asi1.APIResponseError("html"), False, id="no-answer"),
    pytest.param(asi1.StreamTruncatedError("cut"), False, id="truncated"),
    pytest.param(
        asi1.StreamTruncatedError("empty", retryable=True), True, id="without-a-part"
    ),
    pytest.param(asi1.StreamInterruptedError("lost"), False, id="interrupted"),
    pytest.param(asi1.ServerStreamError("busy"), False, id="error-in-stream"),
    pytest.param(asi1.APIResponseError("429", retryable=True), True, id="429-in-200"),
    pytest.param(
        asi1.ServerStreamError("busy", retryable=True), True, id="passing-in-stream"
    ),
    pytest.param(asi1.APIError("other"), False, id="other-api-error"),
]


@pytest.mark.parametrize(("error", "heals"), HEALS)
def test_lost_connections_and_temporary_statuses_are_retried(error, heals):
    """
    Lost connections and the statuses 408, 425, 429 and 5xx are retried. The statuses
    501 and 505, a used-up quota, and other errors that would recur are not.
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
def test_timeout_is_retried_if_it_cannot_be_billed_twice(phase, by_default, on_timeout):
    """
    A connect timeout is retried; a write, first token or idle timeout only with
    ``on_timeout``, since a retry may be billed twice. Pool and total timeouts are not.
    """
    assert by_default == POLICY.may_heal(timed_out(phase))
    assert on_timeout == RetryPolicy(on_timeout=True).may_heal(timed_out(phase))


@pytest.mark.parametrize(
    ("error", "heals"),
    [
        pytest.param(status_error(400, should_retry="true"), True, id="400-true"),
        pytest.param(status_error(409, should_retry="true"), True, id="409-true"),
        pytest.param(status_error(501, should_retry="TRUE"), True, id="501-upper-case"),
        pytest.param(
            status_error(429, should_retry=" true ", cls=asi1.QuotaExceededError),
            True,
            id="429-quota-true",
        ),
        pytest.param(
            asi1.APIResponseError("no", response=advising("true")), True, id="200-true"
        ),
        pytest.param(
            asi1.ServerStreamError("no", response=advising("true")),
            True,
            id="event-true",
        ),
        pytest.param(
            asi1.APIConnectionError("no", retryable=False, response=advising("true")),
            False,
            id="no-reply-true",
        ),
        pytest.param(status_error(503, should_retry="false"), False, id="503-false"),
        pytest.param(status_error(429, should_retry="False"), False, id="429-false"),
        pytest.param(status_error(503, should_retry="maybe"), True, id="503-maybe"),
        pytest.param(status_error(400, should_retry=""), False, id="400-empty"),
    ],
)
def test_x_should_retry_decides_whether_an_error_is_retried(error, heals):
    """
    If the header ``x-should-retry`` is true or false, the header decides whether the
    error is retried; other values of the header are ignored.
    """
    assert heals == POLICY.may_heal(error)


@pytest.mark.parametrize(
    ("policy", "attempts"),
    [
        pytest.param(RetryPolicy(), 3, id="default"),
        pytest.param(RetryPolicy(attempts=1), 1, id="no-retries"),
        pytest.param(RetryPolicy(attempts=10), 10, id="ten"),
    ],
)
def test_no_wait_follows_the_last_attempt(policy, attempts):
    """
    ``attempts`` of a policy is the number of attempts, the first included; no wait
    follows the last attempt.
    """
    waits = [
        policy.next_wait(status_error(503), n, dice=0.5, left=math.inf)
        for n in range(1, 12)
    ]

    assert attempts - 1 == sum(wait is not None for wait in waits)
    assert all(wait is None for wait in waits[attempts - 1 :])


@pytest.mark.parametrize(
    ("attempt", "most"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 8), (60, 8)]
)
def test_longest_possible_wait_doubles_with_each_attempt_up_to_wait_max(attempt, most):
    """
    The longest possible wait doubles with each attempt, from ``wait_first`` to
    ``wait_max``.
    """
    policy = RetryPolicy(attempts=99)

    assert [0, most / 4, most / 2] == [
        policy.next_wait(status_error(503), attempt, dice=jitter, left=99)
        for jitter in (0, 0.25, 0.5)
    ]


def test_wait_after_a_thousand_attempts_is_bounded():
    """
    After very many attempts the longest possible wait is ``wait_max``; computing it
    does not overflow.
    """
    assert 4 == RetryPolicy(attempts=5000).next_wait(
        status_error(503), 1100, dice=0.5, left=99
    )


@given(
    first=st.floats(0, 1e3),
    most=st.floats(0, 1e3),
    attempt=st.integers(1, 60),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_jitter_spreads_waits_from_zero_to_the_longest(first, most, attempt, jitter):
    """
    The jitter is a factor between 0 and 1 by which the longest possible wait is
    multiplied.
    """
    policy = RetryPolicy(attempts=99, wait_first=first, wait_max=most)

    wait = policy.next_wait(status_error(503), attempt, dice=jitter, left=math.inf)

    assert 0 <= wait <= min(most, first * 2 ** (attempt - 1))
    assert pytest.approx(jitter * min(most, first * 2 ** (attempt - 1))) == wait


@given(
    hint=st.floats(1e-3, 200),
    cap=st.floats(0, 200),
    left=st.floats(0, 300) | st.just(math.inf),
    jitter=st.floats(0, 1, exclude_max=True),
)
@example(hint=120.0, cap=120.0, left=math.inf, jitter=0.0)
def test_retry_after_is_obeyed_or_ends_the_retries(hint, cap, left, jitter):
    """
    A wait that the server asks for is lengthened by 0 to 10 %. If the wait exceeds
    ``max_retry_after`` or the time left, the retries end at once.
    """
    policy = RetryPolicy(max_retry_after=cap)

    wait = policy.next_wait(
        status_error(429, retry_after=hint), 1, dice=jitter, left=left
    )

    if hint > cap or hint * 1.1 < left:
        assert (hint > cap) == (wait is None)
    if wait is not None:
        assert hint <= wait <= hint * 1.1
        assert wait < left


@pytest.mark.parametrize(("jitter", "wait"), [(0, 20), (0.5, 21), (0.75, 21.5)])
def test_jitter_lengthens_retry_after_by_at_most_a_tenth(jitter, wait):
    """
    Jitter lengthens a wait that the server asks for by at most a tenth.
    """
    error = status_error(429, retry_after=20)

    assert wait == POLICY.next_wait(error, 1, dice=jitter, left=99)


@pytest.mark.parametrize(
    ("error", "left", "wait"),
    [
        pytest.param(status_error(429, retry_after=120), 121, 120, id="at-the-cap"),
        pytest.param(status_error(429, retry_after=121), 999, None, id="above-the-cap"),
        pytest.param(status_error(429, retry_after=86400), math.inf, None, id="a-day"),
        pytest.param(status_error(429, retry_after=20), 19, None, id="no-time-left"),
        pytest.param(
            status_error(429, retry_after=20), 20, None, id="exactly-no-time-left"
        ),
        pytest.param(status_error(401, retry_after=1), 99, None, id="401"),
        pytest.param(status_error(503), 0, None, id="zero-time-left"),
        pytest.param(status_error(503), -1, None, id="total-timeout-passed"),
        pytest.param(status_error(503), 0.1, 0, id="little-time-left"),
    ],
)
def test_retries_end_if_a_wait_exceeds_the_rest_of_the_timeout(error, left, wait):
    """
    If a wait is longer than what is left of the call's total timeout, the retries end
    at once.
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
def test_policy_value_that_is_not_a_finite_number_is_refused(name, kind, lowest, value):
    """
    Each number in a retry policy must be finite and at least the field's minimum.
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
def test_attempts_must_be_a_positive_int(value):
    """
    ``attempts`` of a retry policy must be a whole number of at least 1.
    """
    with pytest.raises(ConfigurationError, match="attempts"):
        RetryPolicy(attempts=value)


@pytest.mark.parametrize(
    ("max_retries", "retry", "policy"),
    [
        pytest.param(None, None, RetryPolicy(), id="neither"),
        pytest.param(0, None, RetryPolicy(attempts=1), id="none"),
        pytest.param(2, None, RetryPolicy(attempts=3), id="two"),
        pytest.param(
            None, RetryPolicy(wait_max=1), RetryPolicy(wait_max=1), id="policy"
        ),
    ],
)
def test_max_retries_counts_attempts_after_the_first(max_retries, retry, policy):
    """
    ``max_retries`` is the number of attempts after the first; ``retry`` sets the whole
    retry policy.
    """
    assert policy == read_retry(max_retries, retry)


@pytest.mark.parametrize(
    ("max_retries", "retry", "problem"),
    [
        pytest.param(1, RetryPolicy(), "not both", id="both-given"),
        pytest.param(-1, None, "a whole number of at least 0, not -1", id="negative"),
        pytest.param(
            1.5, None, "a whole number of at least 0, not 1.5", id="not-whole"
        ),
        pytest.param(True, None, "a whole number of at least 0, not True", id="flag"),
        pytest.param("2", None, "a whole number of at least 0, not '2'", id="string"),
    ],
)
def test_wrong_max_retries_are_refused(max_retries, retry, problem):
    """
    ``max_retries`` must be a whole number of at least 0, and must not be set together
    with ``retry``.
    """
    with pytest.raises(ConfigurationError, match="max_retries") as caught:
        read_retry(max_retries, retry)

    assert problem in str(caught.value)
