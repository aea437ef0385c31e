"""Optional packages that make asi1 faster and do not change its answers."""

from __future__ import annotations

import pytest

from httpx_aiohttp import AiohttpTransport

import asi1


TEXT = "one two three four five"


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def fake(fake):
    fake.reply(TEXT, chunk_words=1, times=None)
    return fake


@pytest.fixture
async def client(fake):
    async with (
        AiohttpTransport() as transport,
        asi1.AsyncASI1("sk-test", fake.base_url, transport=transport) as made,
    ):
        yield made


async def test_aiohttp_transport_gives_the_same_answers_and_streams(fake, client):
    """
    Over a transport of aiohttp, answers and streams are the same as over asi1's own
    transport, and all calls share one kept-alive connection.
    """
    answer = await client.chat.completions.create(messages="Hi")
    async with client.chat.completions.stream(messages="Hi") as stream:
        pieces = [piece async for piece in stream.text_stream]

    assert TEXT == answer.text == "".join(pieces)
    assert 5 == len(pieces)
    assert 1 == len({request.connection for request in fake.requests})


async def test_broken_stream_over_an_aiohttp_transport_raises_with_a_partial_answer(
    fake, client
):
    """
    If the connection breaks during a stream over an aiohttp transport, the error has
    the part of the answer that has arrived.
    """
    fake.clear()
    fake.fault("reset_mid_body")

    with pytest.raises(asi1.StreamError) as caught:
        await client.chat.completions.stream(messages="Hi").get_final_completion()

    assert caught.value.partial.text
