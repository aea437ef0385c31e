"""The rate limiter: which calls it delays, and for how long."""

import logging

from functools import partial

import anyio
import pytest

import asi1

from asi1 import AsyncASI1, LimitOutcome, RateLimit, Timeouts, Usage
from asi1._call.rate_limiter import LocalLimiter
from asi1._call.rate_permit import UserLimiter, limiter_of
from asi1._settings.rate_limit import counted_tokens
from asi1.testing import FakeASI1


def limited(fake, limit, **settings):
    """Return a client whose rate limiter uses the virtual clock of the test."""
    limiter = LocalLimiter(limit, clock=anyio.current_time)
    return AsyncASI1(
        "k",
        "http://127.0.0.1",
        transport=fake.transport,
        rate_limit=limiter,
        **settings,
    )


@pytest.mark.virtual_time
async def test_calls_above_the_limit_are_sent_later_in_order():
    """
    Seven concurrent calls under a limit of three calls a minute are sent in order. No
    call fails, and at most three calls are sent in any minute.
    """
    fake, sent = FakeASI1(), []
    fake.reply(lambda request: request.json["messages"][0]["content"], times=None)

    async def ask(client, number):
        answer = await client.chat.completions.create(messages=str(number))
        sent.append((anyio.current_time() - began, int(answer.text)))

    async with limited(fake, RateLimit.free_plan()) as client:
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for number in range(7):
                group.start_soon(ask, client, number)
                await anyio.sleep(0.001)

    minutes = [round(at) // 60 for at, _ in sorted(sent)]
    assert [0, 0, 0, 1, 1, 1, 2] == minutes
    assert [str(n) for n in range(7)] == [
        request.json["messages"][0]["content"] for request in fake.requests
    ]


@pytest.mark.virtual_time
async def test_wait_for_the_limiter_counts_towards_the_total_timeout():
    """
    A call that waits for the rate limiter until its total timeout expires raises a
    timeout error, and is never sent.
    """
    fake = FakeASI1()
    limit = RateLimit(requests_per_minute=1)

    async with limited(fake, limit) as client:
        await client.chat.completions.create(messages="Hi")
        with pytest.raises(asi1.APITimeoutError) as caught:
            await client.chat.completions.create(messages="Hi", timeout=10)

        assert "total" == caught.value.phase
        assert 1 == len(fake.requests)


def busy(fake, limit, **settings):
    """Return a client limited by *limit*, and a list that its `on_wait` hook fills."""
    observed = []
    hooks = asi1.Hooks(on_wait=lambda call: observed.append(call.wait))
    return limited(fake, limit, hooks=hooks, **settings), observed


REACHED = [
    pytest.param(
        RateLimit(requests_per_minute=1),
        "1 requests per minute (requests_per_minute)",
        59,
        id="minute",
    ),
    pytest.param(
        RateLimit(requests_per_minute=60, requests_per_day=1),
        "1 requests per day (requests_per_day)",
        86_399,
        id="day",
    ),
    pytest.param(
        RateLimit(requests_per_minute=60, tokens_per_minute=1_000),
        "1,000 tokens per minute (tokens_per_minute)",
        59,
        id="tokens",
    ),
    pytest.param(
        RateLimit(max_concurrency=1), "1 calls at once (max_concurrency)", 0, id="slots"
    ),
]


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize("behind", [0, 2])
@pytest.mark.parametrize(("limit", "named", "seconds"), REACHED)
async def test_call_that_times_out_in_the_limiters_queue_was_not_sent(  # noqa: PLR0917 - a table
    limit, named, seconds, behind, stream, caplog
):
    """
    A call that times out while it waits for the client's rate limit makes no attempt
    and is not sent. Its error names the limit, as did the `on_wait` hook and the log
    when the wait began; the same is true of calls that wait behind other calls.
    """
    fake, errors = FakeASI1(), []
    if limit.max_concurrency:
        fake.fault("stall_before_headers")
    fake.reply("Hi", usage={"total_tokens": 990})
    caplog.set_level(logging.DEBUG, "asi1")
    client, observed = busy(fake, limit)

    async def reach():
        await client.chat.completions.create(messages="Hi", timeout=None)

    async def time_out():
        with pytest.raises(asi1.APITimeoutError) as caught:
            made = await client.chat.completions.create(
                messages="Hi", stream=stream, timeout=10
            )
            await made.get_final_completion()
        errors.append(caught.value)

    async with client, anyio.create_task_group() as first:
        first.start_soon(reach)
        await anyio.sleep(1)
        async with anyio.create_task_group() as group:
            for _ in range(1 + behind):
                group.start_soon(time_out)
        first.cancel_scope.cancel()

    assert 1 + behind == len(errors) == len(observed)
    for error in errors:
        assert ("total", False) == (error.phase, error.sent)
        assert () == error.response.attempts
        assert pytest.approx(10) == error.elapsed == error.response.elapsed
        assert error.partial is None
        assert str(error) == (
            "timed out: the whole call took longer than 10 s; the client was waiting"
            f" for its own rate limit of {named}"
        )
    assert [pytest.approx(seconds)] * (1 + behind) == [w.seconds for w in observed]
    lines = [record.getMessage() for record in caplog.records]
    assert 1 + behind == len(
        [line for line in lines if f"waits for its own rate limit of {named}" in line]
    )
    assert 1 == len(fake.requests)


@pytest.mark.virtual_time
async def test_each_waiting_call_reports_the_limit_that_delays_it():
    """
    If many calls begin at the same moment, each call that exceeds the limit reports its
    wait once, and the error of each call that times out names the limit.
    """
    fake, errors = FakeASI1(), []
    fake.reply("Hi", times=None)
    client, observed = busy(fake, RateLimit(requests_per_minute=1))

    async def ask():
        try:
            await client.chat.completions.create(messages="Hi", timeout=150)
        except asi1.APITimeoutError as error:
            errors.append(error)

    async with client, anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(ask)

    assert 3 == len(fake.requests) == len(errors)
    assert ["requests_per_minute"] * 5 == [wait.reason for wait in observed]
    for error in errors:
        assert not error.sent
        assert "(requests_per_minute)" in str(error)


@pytest.mark.virtual_time
async def test_retry_that_times_out_in_the_limiter_reports_the_first_attempt():
    """
    If a call times out in the limiter's queue before its second attempt, its error has
    the metadata of the first attempt, and says that a request was sent.
    """
    fake = FakeASI1()
    fake.fail(503)
    client, observed = busy(fake, RateLimit(requests_per_minute=1))

    async with client:
        with pytest.raises(asi1.APITimeoutError, match="requests_per_minute") as caught:
            await client.chat.completions.create(messages="Hi", timeout=10)

    (attempt,) = caught.value.response.attempts
    assert (503, True) == (attempt.status, caught.value.sent)
    assert pytest.approx(10) == caught.value.response.elapsed
    assert ["requests_per_minute"] == [wait.reason for wait in observed]


@pytest.mark.virtual_time
async def test_each_of_two_limits_that_delay_a_call_is_reported():
    """
    A call that waits first for one limit, then for another, reports both limits.
    """
    fake = FakeASI1()
    fake.reply("Hi", delay=20, times=None)
    limit = RateLimit(requests_per_minute=1, max_concurrency=1)
    client, observed = busy(fake, limit)

    async with client, anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(partial(client.chat.completions.create, messages="Hi"))

    assert ["max_concurrency", "requests_per_minute"] == [w.reason for w in observed]
    assert pytest.approx([0, 40]) == [wait.seconds for wait in observed]


@pytest.mark.virtual_time
async def test_call_behind_a_waiting_call_reports_how_long_that_call_waits():
    """
    A call that begins to wait behind another call reports how long the other call still
    waits. A call that begins when no call waits reports no wait.
    """
    fake = FakeASI1()
    client, observed = busy(fake, RateLimit(requests_per_minute=1))

    async def ask_at(seconds):
        await anyio.sleep(seconds)
        await client.chat.completions.create(messages="Hi")

    async with client, anyio.create_task_group() as group:
        for seconds in (0, 10, 30, 59.5, 400):
            group.start_soon(ask_at, seconds)

    assert 5 == len(fake.requests)
    assert pytest.approx([50, 30, 0.5]) == [wait.seconds for wait in observed]


@pytest.mark.virtual_time
async def test_each_attempt_reports_its_own_wait_for_the_limit():
    """
    A retry that waits for the same limit as the previous attempt reports its own wait.
    """
    fake = FakeASI1()
    client, observed = busy(fake, RateLimit(requests_per_minute=1))

    async with client:
        await client.chat.completions.create(messages="Hi")
        fake.fail(503)
        await client.chat.completions.create(messages="Hi")

    assert ["requests_per_minute"] * 2 == [wait.reason for wait in observed]


@pytest.mark.virtual_time
async def test_cancelled_call_reports_no_later_wait():
    """
    A waiting call reports its wait once; a call that was cancelled in the limiter's
    queue reports nothing when later calls wait.
    """
    limiter = LocalLimiter(RateLimit(requests_per_minute=1), anyio.current_time)
    gone, told = [], []

    with anyio.CancelScope() as scope:
        scope.cancel()
        await limiter.acquire(1, gone.append)
    await limiter.acquire(1, told.append)
    await limiter.acquire(1, told.append)

    assert [] == gone
    assert [60] == [wait.seconds for wait in told]


@pytest.mark.virtual_time
async def test_elapsed_of_an_attempt_excludes_the_wait_for_the_limiter():
    """
    The elapsed time of an attempt begins when the limiter permits the attempt; the wait
    in the limiter's queue counts only in the elapsed time of the call.
    """
    fake = FakeASI1()

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi")

    (attempt,) = answer.response.attempts
    assert pytest.approx(0, abs=1) == attempt.elapsed
    assert pytest.approx(60) == answer.response.elapsed


@pytest.mark.virtual_time
async def test_call_that_times_out_in_a_user_provided_limiter_was_not_sent():
    """
    A call that times out while it waits for a user-provided limiter was not sent.
    """

    class Slow:
        async def acquire(self, tokens):
            await anyio.sleep(tokens * 1000)

        def release(self, outcome):
            raise AssertionError(outcome)

    fake = FakeASI1()

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Slow()
    ) as client:
        with pytest.raises(
            asi1.APITimeoutError, match="for its rate limiter"
        ) as caught:
            await client.chat.completions.create(messages="Hi", timeout=10)

    assert not caught.value.sent
    assert () == caught.value.response.attempts
    assert [] == fake.requests


async def test_error_of_a_user_provided_limiter_is_not_retried():
    """
    An exception that a user-provided limiter raises is raised by the call at once. No
    attempt is made, even if the exception is an asi1 error that a call would retry.
    """
    calls = []

    class Refusing:
        async def acquire(self, tokens):
            calls.append(tokens)
            raise asi1.RateLimitError("full", status_code=429)

        def release(self, outcome):
            raise AssertionError(outcome)

    fake = FakeASI1()

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Refusing()
    ) as client:
        with pytest.raises(asi1.RateLimitError, match="full") as caught:
            await client.chat.completions.create(messages="Hi")

    assert 1 == len(calls)
    assert () == caught.value.response.attempts


@pytest.mark.virtual_time
async def test_wait_for_the_limiter_is_not_part_of_the_first_token_timeout():
    """
    The wait for the rate limiter does not count towards the `first_token` timeout,
    which measures the time that the server takes.
    """
    fake = FakeASI1()
    timeouts = Timeouts(first_token=5)

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi", timeout=timeouts)

    assert answer.text
    assert answer.response.elapsed >= 59


@pytest.mark.virtual_time
async def test_retry_after_in_the_reply_to_one_call_delays_later_calls():
    """
    A Retry-After in the reply to one call delays all calls that are made after that
    call.
    """
    fake = FakeASI1()
    fake.fail(429, retry_after=30)
    limit = RateLimit(requests_per_minute=100)

    async with limited(fake, limit, max_retries=0) as client:
        with pytest.raises(asi1.RateLimitError):
            await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.response.elapsed >= 30


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("reply", "policy", "delay"),
    [
        pytest.param({"retry_after": 86_400_000}, {}, 120, id="header"),
        pytest.param({"retry_after": 121}, {}, 120, id="just-above"),
        pytest.param({"retry_after": 120}, {}, 120, id="at-the-cap"),
        pytest.param(
            {"headers": {"retry-after-ms": "9" * 15}}, {}, 120, id="milliseconds"
        ),
        pytest.param(
            {"retry_after": "Fri, 31 Dec 2100 23:59:59 GMT"}, {}, 120, id="date"
        ),
        pytest.param({"retry_after": "7, 86400000"}, {}, 120, id="several"),
        pytest.param({"message": "Please try again in 365 days."}, {}, 120, id="body"),
        pytest.param(
            {"body": {"error": {"retryDelay": "86400000s"}}}, {}, 120, id="delay"
        ),
        pytest.param(
            {"retry_after": "1e300", "code": "insufficient_quota"}, {}, 120, id="quota"
        ),
        pytest.param({"retry_after": 50}, {"max_retry_after": 4}, 4, id="own-cap"),
        pytest.param({"retry_after": 50}, {"max_retry_after": 0}, 0, id="no-waits"),
        pytest.param({"retry_after": 50}, {"max_retry_after": 900}, 50, id="higher"),
    ],
)
async def test_retry_after_delays_other_calls_by_at_most_max_retry_after(
    reply, policy, delay
):
    """
    However long a server asks one call to wait, by a header or in a body, other calls
    of the client are delayed by at most `max_retry_after`.
    """
    fake = FakeASI1()
    fake.fail(429, **reply)
    policy = asi1.RetryPolicy(attempts=1, **policy)
    client, observed = busy(fake, RateLimit(requests_per_minute=100), retry=policy)

    async with client:
        with pytest.raises(asi1.RateLimitError) as caught:
            await client.chat.completions.create(messages="Hi")
        answer = await client.chat.completions.create(messages="Hi")

    assert pytest.approx(delay, abs=1e-3) == answer.response.elapsed
    assert caught.value.retry_after >= delay
    assert ["retry_after"] * bool(delay) == [wait.reason for wait in observed]


@pytest.mark.virtual_time
async def test_timeout_of_a_call_that_a_retry_after_delays_names_retry_after():
    """
    If a call times out while the Retry-After in the reply to another call delays it,
    the timeout error names `retry_after`.
    """
    fake = FakeASI1()
    fake.fail(429, retry_after=30)

    async with limited(fake, RateLimit(requests_per_minute=100), max_retries=0) as c:
        with pytest.raises(asi1.RateLimitError):
            await c.chat.completions.create(messages="Hi")
        with pytest.raises(asi1.APITimeoutError, match=r"\(retry_after\)") as caught:
            await c.chat.completions.create(messages="Hi", timeout=10)

    assert not caught.value.sent


async def test_retry_after_of_a_limit_outcome_is_at_most_max_retry_after():
    """
    However long a wait the server asks for, a user-provided limiter gets a
    `LimitOutcome` whose `retry_after` is at most the retry policy's `max_retry_after`.
    """
    outcomes = []

    class Mine:
        async def acquire(self, tokens):
            """Permit each call at once."""

        def release(self, outcome):
            outcomes.append(outcome.retry_after)

    fake = FakeASI1()
    fake.fail(429, retry_after=86_400_000)

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Mine()
    ) as client:
        with pytest.raises(asi1.RateLimitError) as caught:
            await client.chat.completions.create(messages="Hi")

    assert [120] == outcomes
    assert 86_400_000 == caught.value.retry_after


@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
async def test_max_concurrency_bounds_the_calls_under_way(stream):
    """
    No more than `max_concurrency` calls are under way at once; a stream counts as under
    way until its end.
    """
    fake, under_way, most = FakeASI1(), 0, 0
    fake.reply("one two three", delay=1, times=None)

    async def ask(client):
        nonlocal under_way, most
        async with client.chat.completions.stream(messages="Hi") as opened:
            under_way += 1
            most = max(most, under_way)
            await opened.get_final_completion()
            under_way -= 1

    async def plain(client):
        await client.chat.completions.create(messages="Hi")

    async with limited(fake, RateLimit(max_concurrency=2)) as client:
        began = anyio.current_time()
        async with anyio.create_task_group() as group:
            for _ in range(6):
                group.start_soon(ask if stream else plain, client)
        took = anyio.current_time() - began

    assert 2 >= most
    assert 6 == len(fake.requests)
    assert took >= 3


@pytest.mark.virtual_time
async def test_call_cancelled_in_the_limiters_queue_does_not_use_up_the_limit():
    """
    A call that is cancelled while it waits for the rate limiter is not sent, and does
    not count towards the rate limit.
    """
    fake = FakeASI1()

    async with limited(fake, RateLimit(requests_per_minute=1)) as client:
        await client.chat.completions.create(messages="Hi")
        with anyio.move_on_after(5):
            await client.chat.completions.create(messages="gone")
        answer = await client.chat.completions.create(messages="Hi")

    assert answer.text
    assert 2 == len(fake.requests)


@pytest.mark.virtual_time
@pytest.mark.parametrize("how", ["cancelled", "timed-out"])
@pytest.mark.parametrize("ahead", [0, 1, 2])
async def test_calls_that_stop_waiting_do_not_delay_the_calls_behind_them(ahead, how):
    """
    A call that is cancelled or times out in the limiter's queue does not delay the
    calls behind it, wherever in the queue it waited. The same is true of a call that
    waited because `max_concurrency` calls were under way.
    """
    fake, sent = FakeASI1(), {}
    limit = RateLimit(requests_per_minute=1, max_concurrency=2)

    async def ask(client, name):
        await client.chat.completions.create(messages=name)
        sent[name] = round(anyio.current_time() - began)

    async def give_up(client):
        with anyio.move_on_after(5 if how == "cancelled" else 50) as scope:
            with pytest.raises(asi1.APITimeoutError):
                await client.chat.completions.create(messages="gone", timeout=9)
        assert (how == "cancelled") == scope.cancelled_caught

    async with limited(fake, limit) as client:
        began = anyio.current_time()
        await ask(client, "first")
        async with anyio.create_task_group() as group:
            for name in ["a", "b"][:ahead]:
                group.start_soon(ask, client, name)
                await anyio.sleep(0.001)
            for _ in range(2):  # two calls, as many as `max_concurrency` permits
                group.start_soon(give_up, client)
                await anyio.sleep(0.001)
            for name in ["a", "b", "c", "d"][ahead:]:
                group.start_soon(ask, client, name)
                await anyio.sleep(0.001)

    assert {"first": 0, "a": 60, "b": 120, "c": 180, "d": 240} == sent
    assert 5 == len(fake.requests)


@pytest.mark.virtual_time
async def test_estimated_token_count_is_replaced_by_the_reported_usage():
    """
    The rate limiter estimates the token count of a call before the call is sent, and
    afterwards replaces the estimate by the usage that the server reports.
    """
    fake = FakeASI1()
    usage = {"prompt_tokens": 10, "completion_tokens": 80, "total_tokens": 90}
    fake.reply("Hi", usage=usage, times=None)

    async with limited(fake, RateLimit(tokens_per_minute=150)) as client:
        first = await client.chat.completions.create(messages="Hi")
        second = await client.chat.completions.create(messages="Hi", max_tokens=80)

    assert first.response.elapsed < 1
    assert second.response.elapsed >= 59


@pytest.mark.system
@pytest.mark.virtual_time
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "usage",
    [
        {"total_tokens": 10**12},
        {"total_tokens": 2**63},
        {"total_tokens": 1e300},
        {"total_tokens": -(10**12)},
        {"total_tokens": "1000000000000"},
        {"total_tokens": None},
        {"total_tokens": [10**12]},
        {"prompt_tokens": 10**12},
        {"prompt_tokens": 5, "completion_tokens": 10**12},
        {"prompt_tokens": 10**12, "completion_tokens": -(10**12), "total_tokens": 0},
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {},
    ],
)
async def test_impossible_token_count_is_replaced_by_the_estimate(usage, stream):
    """
    If the server reports a token count that cannot be true, the rate limiter keeps its
    estimate: the next calls start when the estimates allow it.
    """
    fake = FakeASI1()
    fake.reply("Hi", usage=usage, times=None)
    elapsed = []

    async with limited(fake, RateLimit(tokens_per_minute=250)) as client:
        for _ in range(3):
            chat = client.chat.completions
            ask = {"messages": "Hi", "max_tokens": 80}
            if stream:
                answer = await chat.stream(**ask).get_final_completion()
            else:
                answer = await chat.create(**ask)
            elapsed.append(answer.response.elapsed)

    assert elapsed[0] < 1
    assert elapsed[1] < 1
    assert elapsed[2] >= 59


@pytest.mark.parametrize(
    ("usage", "used"),
    [
        (None, None),
        (Usage(total_tokens=90), 90),
        (Usage(prompt_tokens=10, completion_tokens=80), 90),
        (Usage(prompt_tokens=-5, completion_tokens=80), 80),
        (Usage(prompt_tokens=1, total_tokens=200_100), 200_100),
        (Usage(total_tokens=200_101), None),
        (Usage(total_tokens=10**400), None),
        (Usage(total_tokens=-1), None),
        (Usage(), None),
    ],
)
def test_token_count_that_is_impossible_for_the_request_is_ignored(usage, used):
    """
    A reported token count is used if it is above 0 and at most the request's size plus
    the largest model context. A missing total is computed as the prompt tokens plus the
    completion tokens.
    """
    assert used == counted_tokens(usage, 100)


async def test_user_provided_limiter_gets_each_attempt_and_its_outcome():
    """
    For a user-provided object with the two methods of a `Limiter`, `acquire` is called
    before each attempt, and `release` after the attempt with its outcome.
    """
    calls = []

    class Mine:
        async def acquire(self, tokens):
            calls.append(tokens > 0)

        def release(self, outcome):
            calls.append(outcome)

    fake = FakeASI1()
    fake.fail(429, retry_after=0.01)
    fake.reply("Hi", usage={"total_tokens": 7})

    async with AsyncASI1(
        "k", "http://127.0.0.1", transport=fake.transport, rate_limit=Mine()
    ) as client:
        await client.chat.completions.create(messages="Hi")

    estimated = calls[1].estimated
    assert [
        True,
        LimitOutcome(estimated=estimated, refused=True, retry_after=0.01),
        True,
        LimitOutcome(estimated=estimated, used=7),
    ] == calls


async def allowed(limiter, **outcome):
    """Wait until *limiter* permits a call, end the call; return the seconds waited."""
    began = anyio.current_time()
    permit = await limiter.acquire(outcome["estimated"])
    limiter.release(permit, LimitOutcome(**outcome))
    return anyio.current_time() - began


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("used", "after", "wait"),
    [
        pytest.param(10, 90, 0, id="fewer"),
        pytest.param(10, 91, 60, id="fewer-but-not-enough"),
        pytest.param(80, 20, 0, id="more"),
        pytest.param(80, 21, 60, id="more-than-fits"),
        pytest.param(None, 40, 0, id="unknown"),
        pytest.param(None, 41, 60, id="unknown-and-estimated"),
    ],
)
async def test_used_tokens_replace_the_estimated_tokens(used, after, wait):
    """
    After a call, the limit counts the tokens that the call used. If their number is
    unknown, the limit counts the 60 tokens that were estimated before the call.
    """
    limiter = LocalLimiter(RateLimit(tokens_per_minute=100), anyio.current_time)
    await allowed(limiter, estimated=60, used=used)

    assert pytest.approx(wait) == await allowed(limiter, estimated=after)


@pytest.mark.virtual_time
async def test_refused_call_halves_the_request_rate_until_calls_succeed():
    """
    After the server has refused a call, half as many requests a minute are sent. Calls
    that succeed raise the rate to the full limit again.
    """
    limiter = LocalLimiter(RateLimit(requests_per_minute=4), anyio.current_time)

    await allowed(limiter, estimated=1, refused=True)
    waits = [await allowed(limiter, estimated=1) for _ in range(3)]
    for _ in range(8):
        await anyio.sleep(60)
        await allowed(limiter, estimated=1, used=1)
    await anyio.sleep(60)
    later = [await allowed(limiter, estimated=1) for _ in range(5)]

    assert pytest.approx([0, 60, 0]) == waits
    assert pytest.approx([0, 0, 0, 0, 60]) == later


@pytest.mark.virtual_time
@pytest.mark.parametrize(("later", "wait"), [(59.5, 0.5), (60, 0), (61, 0)])
async def test_call_over_a_limit_waits_even_for_a_fraction_of_a_second(later, wait):
    """
    A call that would exceed a limit waits, even if the wait is a fraction of a second.
    """
    limiter = LocalLimiter(RateLimit(requests_per_minute=1), anyio.current_time)
    await allowed(limiter, estimated=1)
    await anyio.sleep(later)

    assert pytest.approx(wait) == await allowed(limiter, estimated=1)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("name", "wait"), [("requests_per_minute", 60), ("requests_per_day", 86_400)]
)
async def test_each_call_counts_as_one_request(name, wait):
    """
    Under a limit of three requests, three calls are sent at once; the fourth waits.
    """
    limiter = LocalLimiter(RateLimit(**{name: 3}), anyio.current_time)

    waits = [await allowed(limiter, estimated=9) for _ in range(4)]

    assert pytest.approx([0, 0, 0, wait]) == waits


def test_rate_limit_argument_determines_the_class_of_the_limiter():
    """
    For a `RateLimit`, `limiter_of` makes a `LocalLimiter`. A limiter that asi1 created
    is used unchanged, and any other object is used as a user-provided limiter.
    """
    limit, mine = RateLimit(requests_per_minute=1), object()

    made = limiter_of(limit)

    assert (LocalLimiter, limit) == (type(made), made.limit)
    assert made is limiter_of(made)
    assert UserLimiter(mine) == limiter_of(mine)
