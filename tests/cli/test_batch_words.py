"""The progress and the summary of a batch in words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from attrs import evolve

import asi1

from asi1.cli._batch_words import opening_lines, progress_words, summary_lines
from asi1.cli._view import dollars


BUSY = asi1.BatchSummary(
    total=12_000,
    done=2990,
    failed=10,
    earlier=1000,
    changed=1,
    errors={"APITimeoutError": 3, "RateLimitError": 7},
    prompt_tokens=1_000_000,
    completion_tokens=234_567,
    cost=Decimal("1.2345"),
    seconds=100.0,
)


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (
            None,
            "2,990/12,000 done, 10 failed, 1,234,567 tokens, $1.23, 20.0/s, 8 min left",
        ),
        (
            70,
            "2,990/12,000 done, 10 failed, 1,234,567 tokens, $1.23, 8 min left",
        ),
        (50, "2,990/12,000 done, 10 failed, $1.23, 8 min left"),
        (45, "2,990/12,000 done, 10 failed, 8 min left"),
        (30, "2,990/12,000 done, 10 failed"),
        (20, "2,990/12,000 done"),
        (5, "2,990"),
        (0, ""),
    ],
)
def test_progress_that_is_too_wide_leaves_out_the_least_important_parts(width, words):
    """
    The progress has as many parts as there is room for: first the count, then failures,
    time left, dollars, tokens and rate.
    """
    assert words == progress_words(BUSY, width)


FIELDS = {"total": 12_000, "done": 3000, "earlier": 1000}


@pytest.mark.parametrize(
    ("seconds", "left"),
    [(10.0, "45 s left"), (400.0, "30 min left"), (40_000.0, "50 h 00 min left")],
)
def test_time_left_is_estimated_from_the_rate_of_this_run(seconds, left):
    """
    The time left is estimated from the rate of this run; requests that earlier runs
    have answered do not count. The time left is shown in seconds, in minutes, or in
    hours and minutes.
    """
    words = progress_words(asi1.BatchSummary(**{**FIELDS, "seconds": seconds}))

    assert words.endswith(left)


def test_progress_before_the_first_answer_has_no_time_left():
    """
    Before the first answer, the rate is zero, so the progress has no time left.
    """
    words = progress_words(asi1.BatchSummary(total=3, cost=None))

    assert "0/3 done, 0 tokens, 0.0/s" == words


def test_summary_counts_failures_by_class_and_says_how_to_retry_them():
    """
    The summary counts failures by their class, the most frequent first, and says how to
    send them again; a cost that is not known is left out.
    """
    first, *others = summary_lines(evolve(BUSY, total=3000, cost=None))

    failures = "10 failed (7 RateLimitError, 3 APITimeoutError)"
    assert f"2,990 of 3,000 requests done, {failures}; 1,000 finished earlier" == first
    assert [
        "1,234,567 tokens (1,000,000 in, 234,567 out), 100.0 s",
        "to send the failed requests again, add --retry-failed",
    ] == others


def test_summary_of_a_stopped_batch_counts_what_is_left():
    """
    The summary of a batch that was stopped says how many requests are left; it offers
    to send failed requests again only once all have been sent.
    """
    first, second = summary_lines(BUSY)

    assert first.startswith("2,990 of 12,000 requests done, 10 failed (")
    assert first.endswith(", 9,000 not sent or not finished; 1,000 finished earlier")
    assert second.endswith(", $1.23, 100.0 s")


def test_first_lines_of_a_batch_count_the_finished_and_changed_requests():
    """
    The first lines of a batch say how many requests are to be sent, how many an earlier
    run has finished, and how many have changed since then.
    """
    assert [
        "12,000 requests, 9,000 to send, 1,000 finished earlier",
        "1 request changed since the last run: sent again",
    ] == opening_lines(BUSY)
    assert ["1 request, 1 to send"] == opening_lines(asi1.BatchSummary(total=1))


@pytest.mark.parametrize(
    ("cost", "shown"),
    [
        (None, ""),
        ("0", "$0.0000"),
        ("0.0000123456", "$0.000012"),
        ("0.0009999", "$0.00100"),
        ("0.00123", "$0.0012"),
        ("0.5", "$0.5000"),
        ("1234.567", "$1234.57"),
    ],
)
def test_small_cost_is_shown_with_two_significant_digits(cost, shown):
    """A small cost has as many decimals as two significant digits need, so that it is
    not shown as 0; a cost of None, which is unknown, is not shown.
    """
    assert shown == dollars(None if cost is None else Decimal(cost))
