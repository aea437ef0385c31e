"""``with_raw_response`` and ``with_streaming_response`` of the async client."""

from __future__ import annotations

import json

from dataclasses import dataclass

import pytest

import asi1

from asi1._client.raw_calls import AsyncRawCompletions


@dataclass
class City:
    name: str


@pytest.fixture
def fake(fake):
    fake.reply("one two", times=None)
    return fake


async def test_raw_call_returns_status_headers_and_answer(fake_client):
    """
    A raw call sends the same request as `create`. It returns the status, the headers,
    which are found by a name in any case, the body as the server sent it, and the
    answer.
    """
    raw = await fake_client.chat.completions.with_raw_response.create(messages="Hi")

    assert "one two" == raw.parse().text
    assert 200 == raw.status_code
    assert "application/json" == raw.headers["Content-Type"]
    assert raw.parse().to_dict() == raw.json()
    assert raw.request_id == raw.headers.get("X-Request-Id")


async def test_raw_call_with_stream_returns_the_stream(fake_client):
    """
    With ``stream=True``, `parse` of the raw response returns the stream, whose call has
    already begun.
    """
    calls = fake_client.chat.completions.with_raw_response
    raw = await calls.create(messages="Hi", stream=True)

    assert (200, "text/event-stream") == (raw.status_code, raw.headers["content-type"])
    assert "one two" == "".join([chunk.text async for chunk in raw.parse()])


async def test_parse_and_image_calls_have_raw_calls(fake, fake_client):
    """
    Like `create`, the methods `parse`, `images.generate` and `images.edit` have raw
    calls.
    """
    fake.reply('{"name": "Rome"}')
    calls = fake_client.chat.completions.with_raw_response
    raw = await calls.parse(messages="Hi", response_format=City)
    fake.image()
    image = await fake_client.images.with_raw_response.generate("an otter")
    fake.image()
    edited = await fake_client.images.with_raw_response.edit(
        "a hat", images=[b"\x89PNG\r\n\x1a\n"]
    )

    assert City("Rome") == raw.parse().choices[0].message.parsed
    assert (200, 200) == (image.status_code, edited.status_code)
    assert image.parse().data[0].bytes == edited.parse().bytes
    assert image.parse().data[0].b64_json


async def test_raw_call_raises_the_same_error_as_create(fake, fake_client):
    """
    An error status of the server raises the same error in a raw call as in `create`.
    """
    fake.fail(429)
    calls = fake_client.chat.completions

    with pytest.raises(asi1.RateLimitError) as caught:
        await calls.with_raw_response.create(messages="Hi")
    fake.fail(401)
    with pytest.raises(asi1.AuthenticationError):
        async with calls.with_streaming_response.create(messages="Hi"):
            pass

    assert 429 == caught.value.response.status_code
    assert "application/json" == caught.value.response.headers.get("Content-Type")


def test_raw_calls_are_one_object_for_each_client():
    """
    ``with_raw_response`` is the same object each time, so tests can replace its
    methods.
    """
    completions = asi1.AsyncASI1("k").chat.completions

    assert isinstance(completions.with_raw_response, AsyncRawCompletions)
    assert completions.with_raw_response is completions.with_raw_response
    assert completions.with_streaming_response is completions.with_streaming_response


@pytest.mark.parametrize("stream", [False, True])
async def test_streaming_response_has_lines_text_and_bytes(fake_client, stream):
    """
    A reply can be read as lines, text or bytes. An answer is one line. A stream has the
    lines of all its events, and the last event is ``[DONE]``.
    """
    calls = fake_client.chat.completions.with_streaming_response
    async with calls.create(messages="Hi", stream=stream) as reply:
        lines = [line async for line in reply.iter_lines()]
    async with calls.create(messages="Hi", stream=stream) as reply:
        pieces = [piece async for piece in reply.iter_bytes()]
    async with calls.create(messages="Hi", stream=stream) as reply:
        text = await reply.text()

    assert 200 == reply.status_code
    assert text.count("\n") == b"".join(pieces).count(b"\n")
    if stream:
        assert ["data: [DONE]", ""] == lines[-2:]
        chunks = [json.loads(line[6:]) for line in lines[:-2] if line]
        texts = [each["choices"][0]["delta"].get("content") or "" for each in chunks]
        assert "one two" == "".join(texts)
    else:
        assert "one two" == json.loads(lines[0])["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
async def test_streaming_response_is_parsed_and_closed(fake_client, stream):
    """
    `parse` returns the answer or its stream; leaving the block closes the stream.
    """
    calls = fake_client.chat.completions.with_streaming_response
    async with calls.create(messages="Hi", stream=stream) as reply:
        result = await reply.parse()
        if not stream:
            assert "one two" == result.text
            assert result.to_dict() == await reply.json()
            assert json.loads(await reply.read()) == await reply.json()
        else:
            with pytest.raises(asi1.ASI1Error, match="a stream has no text"):
                await reply.json()

    if stream:
        with pytest.raises(asi1.StreamClosedError):
            await anext(result)
    assert "<AsyncAPIResponse [200]>" == repr(reply)


async def test_streaming_response_used_without_a_with_block_raises_an_error(
    fake, fake_client
):
    """
    A ``with_streaming_response`` call without its ``async with`` block sends nothing;
    reading the response raises an error that asks for the block.
    """
    reply = fake_client.chat.completions.with_streaming_response.create(messages="Hi")

    with pytest.raises(asi1.ASI1Error, match="needs `async with`"):
        await reply.parse()
    await reply.close()

    assert [] == fake.requests
    assert "<AsyncAPIResponse not begun>" == repr(reply)
