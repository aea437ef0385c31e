"""The attempts of one call, without a clock and without a server."""

from __future__ import annotations

import logging

import anyio
import pytest

from anyio.lowlevel import checkpoint

import asi1

from asi1 import Attempt, ResponseInfo
from asi1._call.attempts import Attempts
from asi1._models.call_info import Wait
from asi1._models.response import NO_INFO
from asi1._settings.retry import RetryBudget
from asi1._transport.event_loop import finish_steps

from ..support.calls import chat


MINUTE = Wait(reason="requests_per_minute", limit=3, seconds=40.0)
BUSY = asi1.InternalServerError(
    "busy", status_code=503, response=ResponseInfo(status=503, request_id="r1")
)


@pytest.fixture
def attempts():
    """Return the attempts of a call whose first attempt is prepared."""
    made = Attempts(RetryBudget(), jitter=lambda: 0.5)
    made.prepare(chat(), 0)
    return made


def test_elapsed_time_of_an_attempt_is_counted_from_its_begin(attempts):
    """
    The ``elapsed`` of an attempt counts from the attempt's begin; the ``elapsed`` of
    the call is the time from the call's start to the end of the last attempt.
    """
    assert attempts.elapsed is None
    attempts.begin(2.0)
    attempts.succeeded(200, 5.0)

    assert [Attempt(number=1, status=200, elapsed=3.0)] == attempts.made
    assert 5.0 == attempts.elapsed


def test_failed_attempt_records_its_error_and_the_wait_before_the_retry(attempts):
    """
    A failed attempt records the status, the error's class and message, and the wait
    before the next attempt, whose number is one higher.
    """
    attempts.begin(0.0)
    failed = attempts.failed(BUSY, 7.0, 1.0)
    attempts.prepare(chat(), 1)
    attempts.begin(8.0)
    attempts.succeeded(200, 10.0)

    first = Attempt(
        number=1,
        status=503,
        cause="InternalServerError: 503: busy",
        elapsed=1.0,
        wait=7.0,
    )
    assert first == failed
    assert [first, Attempt(number=2, status=200, elapsed=2.0)] == attempts.made
    assert 10.0 == attempts.elapsed


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (BUSY, True),
        (asi1.APIConnectionError("lost"), True),
        (asi1.APIConnectionError("refused", sent=False), False),
        (asi1.APITimeoutError("late", phase="connect", sent=False), False),
    ],
)
def test_attempt_counts_as_sent_unless_its_error_says_unsent(attempts, error, sent):
    """
    An attempt counts as sent, and as maybe billed, unless its error is a connection
    error that says that the request never left this machine.
    """
    attempts.begin(0.0)

    attempts.failed(error, None, 1.0)

    assert [sent] == [attempt.sent for attempt in attempts.made]


def test_call_is_unsent_until_a_connection_takes_its_request(attempts):
    """
    A call is unsent until a connection begins to take the request of an attempt. Then
    the call stays sent, whatever later attempts do. Each later attempt is unsent, and
    so not billed, until a connection takes its own request.
    """
    attempts.begin(0.0)
    assert not attempts.sent

    attempts.failed(asi1.APIConnectionError("refused", sent=False), 1.0, 1.0)
    attempts.prepare(chat(), 1)
    assert not attempts.sent

    attempts.begin(2.0)
    attempts.sending()
    assert (True, True) == (attempts.sent, attempts.attempt_sent)
    attempts.failed(asi1.APIConnectionError("lost"), 1.0, 3.0)
    attempts.prepare(chat(), 2)
    assert (True, False) == (attempts.sent, attempts.attempt_sent)


@pytest.mark.parametrize("sending", [False, True])
def test_timed_out_attempt_counts_as_sent_if_a_connection_took_its_request(
    attempts, sending
):
    """
    An attempt that timed out before a connection took its request was not sent, even if
    the error says that an earlier attempt of the call was sent.
    """
    attempts.begin(0.0)
    if sending:
        attempts.sending()

    attempts.failed(asi1.APITimeoutError("late", phase="total"), None, 1.0)

    assert [sending] == [attempt.sent for attempt in attempts.made]


def test_error_of_a_call_is_marked_sent_if_an_earlier_attempt_was_sent(attempts):
    """
    If the last attempt could not connect, but an earlier attempt was sent, the call's
    error says that the request may have been processed. The last attempt itself is
    recorded as not sent.
    """
    attempts.begin(0.0)
    attempts.failed(asi1.APIConnectionError("lost"), 1.0, 1.0)
    attempts.prepare(chat(), 1)
    attempts.begin(2.0)
    error = asi1.APIConnectionError("refused", sent=False)
    attempts.failed(error, None, 3.0)

    assert error.sent
    assert [True, False] == [attempt.sent for attempt in attempts.made]


def test_cancelled_call_records_its_attempt_once(attempts):
    """
    A cancelled call records the attempt that was running, with the reason. If the
    answer was complete, the attempt is recorded as successful. No attempt is recorded
    twice.
    """
    attempts.begin(0.0)
    attempts.stopped(asi1.StreamClosedError("left"), 200, 1.0)
    attempts.stopped(asi1.StreamClosedError("left"), 200, 2.0)

    (attempt,) = attempts.made
    assert (200, "StreamClosedError: left", False) == (
        attempt.status,
        attempt.cause,
        attempt.sent,
    )
    assert not attempts.answered

    attempts.prepare(chat(), 1)
    attempts.begin(3.0)
    attempts.stopped(None, 200, 4.0)
    attempts.stopped(None, 200, 9.0)

    assert attempts.answered
    assert (2, 4.0) == (len(attempts.made), attempts.elapsed)


def test_attempt_that_failed_while_it_waited_for_a_rate_limit_is_not_recorded(attempts):
    """
    An attempt that failed while it waited for a rate limit is not recorded, but the
    call's ``elapsed`` is the time of this failure.
    """
    failed = attempts.failed(asi1.APITimeoutError("late", phase="total"), None, 9.0)

    assert failed is None
    assert ([], 9.0) == (attempts.made, attempts.elapsed)


def test_attempt_that_succeeds_before_begin_was_called_took_0_seconds(attempts):
    """
    An attempt that succeeds though `begin` was never called took 0 seconds.
    """
    attempts.succeeded(None, 9.0)

    assert [Attempt(number=1)] == attempts.made


def test_response_metadata_lists_all_ended_attempts_of_the_call(attempts):
    """
    The response metadata of a call has the data of the last reply, but lists all ended
    attempts. Its ``elapsed`` is the time at which the last attempt ended.
    """
    attempts.begin(0.0)
    attempts.failed(BUSY, None, 1.5)

    info = attempts.of(BUSY.response)

    assert ("r1", 503, 1.5) == (info.request_id, info.status, info.elapsed)
    assert tuple(attempts.made) == info.attempts
    assert () == BUSY.response.attempts


def test_metadata_of_a_call_that_has_succeeded_is_completed_not_copied(attempts):
    """
    When a call succeeds, its attempts and its time are set in the metadata of its
    reply, which is not copied: the metadata then equals the copy that `of` makes.
    """
    info = ResponseInfo(status=200, request_id="r2")
    attempts.begin(0.0)
    attempts.succeeded(200, 1.5)

    whole = attempts.complete(info)

    assert info is whole
    assert attempts.of(info) == whole
    assert (tuple(attempts.made), 1.5) == (whole.attempts, whole.elapsed)


def test_calls_without_a_reply_do_not_share_a_dict_of_headers(attempts):
    """The metadata of calls without a reply do not share one dict of headers."""
    one, two = attempts.of(NO_INFO), attempts.of(NO_INFO)

    assert {} == one.headers == two.headers
    assert one.headers is not two.headers
    assert one.headers is not NO_INFO.headers


def test_later_wait_of_an_attempt_is_reported_only_if_its_reason_is_new(attempts):
    """
    The first wait of each attempt is reported. A later wait of the same attempt is
    reported only if its reason differs from the reason of the wait before it.
    """
    tokens = Wait(reason="tokens_per_minute", limit=9, seconds=1.0)

    assert [True, False, True, True] == [
        attempts.wait(wait) for wait in (MINUTE, MINUTE, tokens, MINUTE)
    ]
    attempts.prepare(chat(), 1)
    assert attempts.wait(MINUTE)


def test_waiting_attempt_names_the_limit_that_delays_it(attempts):
    """
    Before an attempt begins, `awaited` names the limit of the attempt's last wait, or
    just the rate limiter if no wait was reported. Once the attempt has begun, `awaited`
    is None.
    """
    assert "its rate limiter" == attempts.awaited
    attempts.wait(MINUTE)
    assert str(MINUTE) == attempts.awaited
    attempts.begin(0.0)
    assert attempts.awaited is None

    attempts.prepare(chat(), 1)
    assert "its rate limiter" == attempts.awaited


@pytest.mark.parametrize(
    ("retries", "wait"), [(0, 0.25), (1, 0.5), (2, None)], ids=["first", "next", "last"]
)
def test_wait_before_a_retry_grows_with_each_retry(attempts, retries, wait):
    """
    The wait before a retry is what the request's retry policy computes for the number
    of earlier retries, with random jitter.
    """
    attempts.prepare(chat(), retries)

    assert wait == attempts.next_wait(BUSY, 60.0)


@pytest.mark.parametrize(("saved", "wait", "left"), [(1, 0.25, 0), (0.9, None, 0.9)])
def test_each_retry_reduces_the_retry_budget_by_one(saved, wait, left):
    """
    A retry spends 1 of the client's retry budget; if less than 1 is left, no retry
    follows.
    """
    budget = RetryBudget(saved)
    attempts = Attempts(budget, jitter=lambda: 0.5)
    attempts.prepare(chat(), 0)

    assert wait == attempts.next_wait(BUSY, 60.0)
    assert left == budget.saved


def test_error_that_is_not_retried_leaves_the_retry_budget_unchanged(attempts):
    """
    An error that the retry policy does not retry leaves the retry budget unchanged.
    """
    assert attempts.next_wait(BUSY, 0.1) is None
    assert 20 == attempts.budget.saved


@pytest.mark.parametrize(("retries", "saved"), [(0, 10.1), (2, 12.0)])
def test_successful_call_refunds_its_retries_to_the_retry_budget(retries, saved):
    """
    A call that succeeds adds the number of its retries to the client's retry budget. If
    the call had no retries, it adds 0.1.
    """
    budget = RetryBudget()
    budget.saved = 10.0
    attempts = Attempts(budget)
    attempts.prepare(chat(), retries)

    attempts.succeeded(200, 1.0)

    assert saved == budget.saved


def test_log_names_method_and_url_but_not_the_query(attempts, caplog):
    """
    The log of waits and attempts names the method and the URL, but neither the URL's
    query nor the server's message, since both may hold secrets.
    """
    caplog.set_level(logging.DEBUG, "asi1")
    request = chat(extra_query={"key": "s3cret"})
    attempts.prepare(request, 0)

    attempts.wait(MINUTE)
    attempts.begin(0.0)
    attempts.failed(BUSY, 0.5, 1.25)

    url = request.url.partition("?")[0]
    assert "s3cret" in request.url
    ended = "status 503 (InternalServerError) after 1.250 s, next after 0.5 s"
    assert [
        f"POST {url} waits for {MINUTE}, at least 40.000 s",
        f"POST {url}, attempt 1: {ended}",
    ] == caplog.messages


@pytest.mark.parametrize(
    ("seconds", "level"), [(4.9, logging.DEBUG), (5.0, logging.INFO)]
)
def test_wait_of_five_seconds_is_logged_as_information(
    attempts, caplog, seconds, level
):
    """
    A wait of at least five seconds, before a retry or for a rate limit, is logged in a
    line of level INFO, which says how long and why; otherwise the program would seem to
    hang. A shorter wait, and an attempt without a wait after it, have the level DEBUG.
    """
    caplog.set_level(logging.DEBUG, "asi1")
    attempts.wait(Wait(reason="requests_per_minute", limit=9, seconds=seconds))
    attempts.begin(0.0)
    attempts.failed(BUSY, seconds, 1.25)
    attempts.begin(2.0)
    attempts.succeeded(200, 3.0)

    assert [level, level, logging.DEBUG] == [r.levelno for r in caplog.records]
    assert (
        f"requests per minute (requests_per_minute), at least {seconds:.3f} s"
        in (caplog.messages[0])
    )
    assert (
        f"status 503 (InternalServerError) after 1.250 s, next after {seconds} s"
        in (caplog.messages[1])
    )


async def test_removal_of_the_key_lets_other_tasks_run_and_is_completed_if_cancelled():
    """
    Other tasks run between the steps that remove the API key from an error. All steps
    run even if the task is cancelled, so that the key stays in no error.
    """
    turns = done = 0

    def steps():
        nonlocal done
        for _ in range(50):
            yield
        done = turns

    async def count():
        nonlocal turns
        while not done:
            turns += 1
            await checkpoint()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(count)
            await checkpoint()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await finish_steps(steps())

    assert 45 < done


async def test_removal_of_the_key_without_steps_returns_its_result_at_once():
    """
    If the removal of the API key needs no steps, its result is returned at once.
    """

    def steps():
        return "done"
        yield

    assert "done" == await finish_steps(steps())


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("a\nb\r\n\tc", "APIConnectionError: a b c"),
        ("a  b", "APIConnectionError: a  b"),
        ("a\u2028b", "APIConnectionError: a b"),
    ],
)
def test_cause_of_an_attempt_is_one_line(attempts, message, cause):
    """
    The ``cause`` of an attempt is one line, although a server's message may have more.
    """
    attempts.begin(0.0)

    made = attempts.failed(asi1.APIConnectionError(message), None, 1.0)

    assert cause == made.cause
    assert [cause] == cause.splitlines()
