"""Outages: a client does not add to the load, and is itself again afterwards."""

from __future__ import annotations

import anyio
import httpx
import pytest

import asi1

from asi1.testing import FakeASI1

from .talk import CREATE_AND_STREAM, call, call_blocking


in_virtual_time = pytest.mark.virtual_time
both_forms = pytest.mark.parametrize(
    "stream", CREATE_AND_STREAM, ids=["plain", "stream"]
)

CALLS = 200
MOST = 220  # requests that they may make


class Clocked(httpx.AsyncBaseTransport):
    """Another transport, and the times at which it was used."""

    def __init__(self, inner):
        self.inner = inner
        self.times = []

    async def handle_async_request(self, request):
        self.times.append(anyio.current_time())
        return await self.inner.handle_async_request(request)


def client_of(fake, **options):
    return asi1.AsyncASI1("key", fake.base_url, transport=fake.transport, **options)


async def at_once(client, count, **options):
    """Make *count* calls at once; return what each brought."""
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
async def test_an_outage_meets_no_storm(calls, stream):
    """
    200 calls of a server that answers 503 to all of them make at most 220 requests, at
    once or one by one.
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
async def test_no_kind_of_outage_meets_a_storm(fault, options):
    """
    The bound holds however the server refuses, and even if it asks to be tried again.
    """
    fake = FakeASI1(seed=5)
    fake.fault(fault, times=None, **options)

    async with client_of(fake) as client:
        results = await at_once(client, CALLS, stream=False)

    assert [True] * CALLS == [isinstance(r, asi1.APIError) for r in results]
    assert MOST >= len(fake.requests) > CALLS


@in_virtual_time
async def test_children_add_nothing_to_a_storm():
    """
    A client and its children, with more retries each, stay below the bound together.
    """
    fake = FakeASI1(seed=5)
    fake.fail(503, times=None)

    async with client_of(fake, max_retries=9) as client:
        children = [client.with_options(max_retries=9) for _ in range(9)]
        for one in (client, *children):
            await at_once(one, CALLS // 10, stream=False)

    assert MOST == len(fake.requests)


@in_virtual_time
async def test_calls_succeed_as_soon_as_the_outage_is_over():
    """
    After an outage the first call succeeds; after 200 good calls a second outage may
    cost as many retries as the first, and no more.
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
async def test_a_saved_call_gives_back_what_it_cost():
    """
    Where each first try fails and each second succeeds, every call succeeds, for as
    long as that goes on.
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
async def test_a_wait_that_is_asked_for_is_kept(stream):
    """
    After a 429 with Retry-After no try comes before that time, and none much later.
    """
    fake = FakeASI1(seed=5)
    fake.fail(429, retry_after=30, times=2)
    fake.reply("At last.")
    clocked = Clocked(fake.transport)

    async with asi1.AsyncASI1("key", fake.base_url, transport=clocked) as client:
        (answer,) = await one_by_one(client, 1, stream=stream)

    assert "At last." == answer.text
    first, second, third = clocked.times
    assert 30 <= second - first <= 33
    assert 30 <= third - second <= 33


@in_virtual_time
async def test_a_crowd_that_is_told_to_wait_does_not_come_back_at_once():
    """
    Of 20 calls that are told to wait for a minute none asks again before, and they do
    not all ask in the same moment.
    """
    fake = FakeASI1(seed=5)
    fake.fail(429, retry_after=60, times=20)
    fake.reply("Here.", times=20)
    clocked = Clocked(fake.transport)

    async with asi1.AsyncASI1("key", fake.base_url, transport=clocked) as client:
        results = await at_once(client, 20, stream=False)

    assert ["Here."] * 20 == [answer.text for answer in results]
    late = [time for time in clocked.times if time > 0]
    assert 20 == len(late)
    assert 60 <= min(late)
    assert max(late) <= 66
    assert 10 < len({round(time, 1) for time in late})


@in_virtual_time
@pytest.mark.parametrize("hint", [121, 86_400, 1e9, "1e300"])
async def test_no_server_can_put_a_call_to_sleep(hint):
    """
    A wait that is longer than anybody would sit through is an error, at once.
    """
    fake = FakeASI1(seed=5)
    fake.fault("rate_limit_429", retry_after=hint, times=None)

    async with client_of(fake) as client:
        (error,) = await one_by_one(client, 1, stream=False)

    assert isinstance(error, asi1.RateLimitError)
    assert (1, 0) == (len(fake.requests), anyio.current_time())


@in_virtual_time
@pytest.mark.parametrize("hint", ["inf", "nan", "-1", "0", "", "soon", "1e999", "1,5"])
async def test_a_wait_that_is_none_is_not_obeyed(hint):
    """
    What is no time to wait is as if nothing had been said: three tries, some seconds.
    """
    fake = FakeASI1(seed=5)
    fake.fault("rate_limit_429", retry_after=hint, times=None)

    async with client_of(fake) as client:
        (error,) = await one_by_one(client, 1, stream=False)

    assert isinstance(error, asi1.RateLimitError)
    assert 3 == len(fake.requests)
    assert 1.5 >= anyio.current_time()


async def test_a_storm_over_sockets():
    """
    The bound holds over real connections, and these are all good afterwards.
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


def test_blocking_callers_make_no_storm():
    """
    The bound holds for the blocking client.
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
