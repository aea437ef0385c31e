"""In an outage a client makes few retries; after the outage its calls succeed."""

from __future__ import annotations

import anyio
import httpx
import pytest

import asi1

from asi1.testing import FakeASI1

from .talk import CREATE_AND_STREAM, call, call_blocking


in_virtual_time = pytest.mark.virtual_time
both_forms = pytest.mark.parametrize(
    "stream", CREATE_AND_STREAM, ids=["create", "stream"]
)

CALLS = 200
# The maximum number of requests that 200 calls may send, including retries.
MOST = 220


class TimedTransport(httpx.AsyncBaseTransport):
    """A transport that records the time at which each request is sent."""

    def __init__(self, inner):
        self.inner = inner
        self.times = []

    async def handle_async_request(self, request):
        self.times.append(anyio.current_time())
        return await self.inner.handle_async_request(request)


def client_of(fake, **options):
    return asi1.AsyncASI1("key", fake.base_url, transport=fake.transport, **options)


async def at_once(client, count, **options):
    """Make *count* concurrent calls; return the answer or error of each."""
    results = []

    async def ask():
        results.append((await call(client, **options))[0])

    async with anyio.create_task_group() as tasks:
        for _ in range(count):
            tasks.start_soon(ask)
    return results


async def one_by_one(client, count, **options):
    return [(await call(client, **options))[0] for _ in range(count)]


@in_virtual_time
@both_forms
@pytest.mark.parametrize("calls", [at_once, one_by_one])
async def test_200_calls_in_an_outage_make_at_most_220_requests(calls, stream):
    """
    If a server answers 503 to every request, 200 calls make at most 220 requests in
    all, whether the calls are concurrent or one by one.
    """
    fake = FakeASI1(seed=5)
    fake.fail(503, times=None)

    async with client_of(fake) as client:
        results = await calls(client, CALLS, stream=stream)

    assert [True] * CALLS == [isinstance(r, asi1.InternalServerError) for r in results]
    assert MOST >= len(fake.requests) > CALLS


@in_virtual_time
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("rate_limit_429", {"retry_after": 2}),
        ("should_retry_409", {}),
        ("reset_before_headers", {}),
        ("stall_error_500", {"seconds": 1}),
    ],
)
async def test_retry_budget_applies_to_each_kind_of_outage(fault, options):
    """
    Whatever way the server fails, 200 calls make at most 220 requests, even if the
    server's replies request retries.
    """
    fake = FakeASI1(seed=5)
    fake.fault(fault, times=None, **options)

    async with client_of(fake) as client:
        results = await at_once(client, CALLS, stream=False)

    assert [True] * CALLS == [isinstance(r, asi1.APIError) for r in results]
    assert MOST >= len(fake.requests) > CALLS


@in_virtual_time
async def test_clients_made_by_with_options_share_the_retry_budget():
    """
    A client and the nine clients that its with_options creates, each with up to nine
    retries per call, make at most 220 requests together for 200 calls.
    """
    fake = FakeASI1(seed=5)
    fake.fail(503, times=None)

    async with client_of(fake, max_retries=9) as client:
        children = [client.with_options(max_retries=9) for _ in range(9)]
        for one in (client, *children):
            await at_once(one, CALLS // 10, stream=False)

    assert MOST == len(fake.requests)


@in_virtual_time
async def test_retry_budget_is_full_again_after_200_successful_calls():
    """
    After an outage calls succeed again; after 200 successful calls, a second outage has
    the same budget of retries as the first.
    """
    fake = FakeASI1(seed=5)

    async with client_of(fake) as client:
        for _ in range(2):
            fake.clear()
            fake.fail(503, times=None)
            await at_once(client, CALLS, stream=False)
            assert MOST == len(fake.requests)

            fake.clear()
            results = await one_by_one(client, CALLS, stream=False)
            assert [True] * CALLS == [bool(answer.text) for answer in results]
            assert CALLS == len(fake.requests)


@in_virtual_time
async def test_retries_that_succeed_do_not_use_up_the_retry_budget():
    """
    If the first attempt of each of fifty calls fails and the second succeeds, the retry
    budget is never used up, and all these calls succeed.
    """
    fake = FakeASI1(seed=5)

    async with client_of(fake) as client:
        for _ in range(50):
            fake.fail(503)
            fake.reply("There.")
            (answer,) = await one_by_one(client, 1, stream=False)
            assert "There." == answer.text


@in_virtual_time
@both_forms
async def test_next_attempt_waits_for_the_seconds_of_retry_after(stream):
    """
    After a 429 with ``Retry-After: 30`` the next attempt begins after 30 to 33 seconds.
    """
    fake = FakeASI1(seed=5)
    fake.fail(429, retry_after=30, times=2)
    fake.reply("At last.")
    timed = TimedTransport(fake.transport)

    async with asi1.AsyncASI1("key", fake.base_url, transport=timed) as client:
        (answer,) = await one_by_one(client, 1, stream=stream)

    assert "At last." == answer.text
    first, second, third = timed.times
    assert 30 <= second - first <= 33
    assert 30 <= third - second <= 33


@in_virtual_time
async def test_jitter_spreads_the_retries_of_calls_with_the_same_retry_after():
    """
    If 20 calls receive the same Retry-After, none is retried before that time, and
    jitter spreads the retries over the next six seconds.
    """
    fake = FakeASI1(seed=5)
    fake.fail(429, retry_after=60, times=20)
    fake.reply("Here.", times=20)
    timed = TimedTransport(fake.transport)

    async with asi1.AsyncASI1("key", fake.base_url, transport=timed) as client:
        results = await at_once(client, 20, stream=False)

    assert ["Here."] * 20 == [answer.text for answer in results]
    retried = [time for time in timed.times if time > 0]
    assert 20 == len(retried)
    assert 60 <= min(retried)
    assert max(retried) <= 66
    assert 10 < len({round(time, 1) for time in retried})


@in_virtual_time
@pytest.mark.parametrize("hint", [121, 86_400, 1e9, "1e300"])
async def test_retry_after_above_two_minutes_raises_an_error_at_once(hint):
    """
    If Retry-After is above 120 seconds, the call raises a RateLimitError at once, so
    that a server cannot make a call wait for long.
    """
    fake = FakeASI1(seed=5)
    fake.fault("rate_limit_429", retry_after=hint, times=None)

    async with client_of(fake) as client:
        (error,) = await one_by_one(client, 1, stream=False)

    assert isinstance(error, asi1.RateLimitError)
    assert (1, 0) == (len(fake.requests), anyio.current_time())


@in_virtual_time
@pytest.mark.parametrize("hint", ["inf", "nan", "-1", "0", "", "soon", "1e999", "1,5"])
async def test_invalid_retry_after_is_ignored(hint):
    """
    An invalid or zero Retry-After is ignored: the call makes three attempts within 1.5
    seconds.
    """
    fake = FakeASI1(seed=5)
    fake.fault("rate_limit_429", retry_after=hint, times=None)

    async with client_of(fake) as client:
        (error,) = await one_by_one(client, 1, stream=False)

    assert isinstance(error, asi1.RateLimitError)
    assert 3 == len(fake.requests)
    assert 1.5 >= anyio.current_time()


async def test_retry_budget_applies_over_sockets():
    """
    Over sockets, 200 calls to a server that answers 503 make at most 220 requests, and
    later calls of the client succeed.
    """
    with FakeASI1(seed=5) as fake:
        fake.fail(503, times=None)
        retry = asi1.RetryPolicy(wait_first=0.01)

        async with asi1.AsyncASI1("key", fake.base_url, retry=retry) as client:
            await at_once(client, CALLS, stream=False)
            assert MOST >= len(fake.requests) > CALLS

            fake.clear()
            results = await at_once(client, 20, stream=False)
            assert [True] * 20 == [bool(answer.text) for answer in results]


def test_retry_budget_applies_to_the_blocking_client():
    """
    If a server answers 503 to every request, 200 blocking calls make 220 requests in
    all.
    """
    fake = FakeASI1(seed=5)
    fake.fail(503, times=None)
    retry = asi1.RetryPolicy(wait_first=0)

    with asi1.ASI1(
        "key", fake.base_url, transport=fake.transport, retry=retry
    ) as client:
        for number in range(CALLS):
            error, _ = call_blocking(client, stream=bool(number % 2))
            assert isinstance(error, asi1.InternalServerError)

    assert MOST == len(fake.requests)
