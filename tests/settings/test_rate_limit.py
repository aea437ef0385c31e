"""The rate limits that a client applies to its own calls."""

import pytest

import asi1

from asi1 import RateLimit
from asi1._settings.rate_window import Window


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "3"])
def test_requests_per_minute_that_is_not_a_positive_int_is_refused(value):
    """
    ``requests_per_minute`` must be a whole number of at least 1.
    """
    with pytest.raises(asi1.ConfigurationError, match="requests_per_minute"):
        RateLimit(requests_per_minute=value)


def test_free_plan_allows_3_requests_a_minute_and_500_a_day():
    """
    The limits of the free plan are three requests a minute, 640,000 tokens a minute and
    500 requests a day.
    """
    plan = RateLimit.free_plan()

    assert (3, 500, 640_000) == (
        plan.requests_per_minute,
        plan.requests_per_day,
        plan.tokens_per_minute,
    )


@pytest.mark.parametrize(
    "name",
    [
        *("requests_per_minute", "requests_per_day", "tokens_per_minute"),
        "max_concurrency",
    ],
)
@pytest.mark.parametrize("value", [0, True, 1.5, "3"])
def test_each_limit_that_is_not_a_positive_int_is_refused(name, value):
    """
    Each limit of a `RateLimit` must be a whole number of at least 1, or None.
    """
    with pytest.raises(asi1.ConfigurationError, match=f"^rate_limit: {name} must be"):
        asi1.RateLimit(**{name: value})
    assert 1 == getattr(asi1.RateLimit(**{name: 1}), name)


def test_each_rate_limit_has_a_window_and_a_pace_of_its_own():
    """
    A `RateLimit` has three windows: requests per minute, requests per day, tokens per
    minute. A refusal lowers the pace of its own window only, and never below a
    sixteenth of the limit.
    """
    limit = asi1.RateLimit(
        requests_per_minute=1, requests_per_day=2, tokens_per_minute=3
    )
    minute, day, tokens = limit.windows()
    for _ in range(9):
        minute.refused()

    assert [(1, 60), (2, 86_400), (3, 60)] == [
        (window.limit, window.seconds) for window in (minute, day, tokens)
    ]
    assert Window(1, 60) != Window(1, 60)
    assert (1 / 16, 1) == (minute.pace, tokens.pace)


def test_attempt_outcome_defaults_to_not_refused_and_unknown_tokens():
    """
    A `LimitOutcome` says by default that the server did not refuse the attempt and sent
    no ``Retry-After``, and that the number of used tokens is unknown.
    """
    outcome = asi1.LimitOutcome(estimated=9)

    assert (9, None, False, None) == (
        outcome.estimated,
        outcome.used,
        outcome.refused,
        outcome.retry_after,
    )
