"""The connection pools of a client that is used in several event loops in turn."""

import asyncio
import gc
import weakref

import anyio
import pytest

import asi1

from asi1 import AsyncASI1

from ..support.talk import until


def client_of(fake, **settings):
    return AsyncASI1("sk_lifetime", fake.base_url, **settings)


@pytest.mark.system
@pytest.mark.parametrize("rate_limit", [None, asi1.RateLimit(max_concurrency=9)])
def test_client_keeps_no_reference_to_ended_event_loops(fake, rate_limit):
    """
    A client references at most the event loop that it used last, so Python frees the
    others after they end.
    """
    client = client_of(fake, rate_limit=rate_limit)
    loops = []

    async def main():
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await client.chat.completions.create(messages="Hi")

    for _ in range(5):
        asyncio.run(main())
    gc.collect()

    assert 1 >= sum(loop() is not None for loop in loops)
    anyio.run(until, lambda: fake.open_connections == 0)


def test_client_works_in_one_event_loop_after_another(fake):
    """
    The same client works in several event loops in turn, on asyncio and on trio, and
    leaves no connection open when a loop has ended.
    """
    client = asi1.AsyncASI1("key", fake.base_url)

    async def call():
        created = await client.chat.completions.create(messages="Hi")
        async with client.chat.completions.stream(messages="Hi") as stream:
            streamed = await stream.get_final_completion()
        return created.text == streamed.text

    assert [True] * 3 == [asyncio.run(call()) for _ in range(3)]
    assert [True] * 2 == [anyio.run(call, backend="trio") for _ in range(2)]
    assert asyncio.run(call())
    assert 6 == len({request.connection for request in fake.requests})

    async def closed():
        await until(lambda: fake.open_connections == 0)

    asyncio.run(closed())
