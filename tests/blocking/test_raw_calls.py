"""``with_raw_response`` and ``with_streaming_response`` of the blocking client."""

from __future__ import annotations

import json

import pytest

import asi1


@pytest.fixture
def fake(fake):
    fake.reply("one two", times=None)
    return fake


def test_blocking_raw_calls_return_the_same_as_async_raw_calls(fake, blocking_client):
    """
    Each call of the blocking ``with_raw_response`` returns the same as the async call.
    """
    calls = blocking_client.chat.completions.with_raw_response
    raw = calls.create(messages="Hi")
    stream = calls.create(messages="Hi", stream=True)
    text = "".join(chunk.text for chunk in stream.parse())
    fake.reply("[1, 2]")
    parsed = calls.parse(messages="Hi", response_format=list[int])
    fake.image()
    image = blocking_client.images.with_raw_response.generate("an otter")
    fake.image()
    edited = blocking_client.images.with_raw_response.edit("a hat", images=[b"GIF89a"])

    assert calls is blocking_client.chat.completions.with_raw_response
    assert ("one two", "one two") == (raw.parse().text, text)
    assert [1, 2] == parsed.parse().choices[0].message.parsed
    assert [200] * 4 == [r.status_code for r in (raw, stream, image, edited)]


@pytest.mark.parametrize("stream", [False, True])
def test_blocking_streaming_response_is_read_in_its_with_block(blocking_client, stream):
    """
    Inside its ``with`` block, the reply of a blocking ``with_streaming_response`` call
    can be read as lines, as bytes, or as a parsed object.
    """
    calls = blocking_client.chat.completions.with_streaming_response
    with calls.create(messages="Hi", stream=stream) as reply:
        lines = list(reply.iter_lines())
    with calls.create(messages="Hi", stream=stream) as reply:
        size = len(reply.read())
    with calls.create(messages="Hi", stream=stream) as reply:
        pieces = len(list(reply.iter_bytes()))
    with calls.create(messages="Hi", stream=stream) as reply:
        result = reply.parse()
        found = None if stream else reply.json()

    assert calls is blocking_client.chat.completions.with_streaming_response
    assert size > len("one two")
    assert "<APIResponse [200]>" == repr(reply)
    if stream:
        assert "data: [DONE]" == lines[-2]
        assert 2 * pieces == len(lines)
        with pytest.raises(asi1.StreamClosedError):
            next(result)
    else:
        assert found == result.to_dict() == {**json.loads(lines[0]), "id": result.id}


def test_streaming_response_used_without_a_with_block_raises_an_error(
    fake, blocking_client
):
    """
    A ``with_streaming_response`` call without its ``with`` block sends nothing; reading
    the response raises an error that asks for the block.
    """
    reply = blocking_client.chat.completions.with_streaming_response.create(
        messages="Hi"
    )

    with pytest.raises(asi1.ASI1Error, match="needs `with`"):
        reply.parse()
    reply.close()

    assert [] == fake.requests
    assert "<APIResponse not begun>" == repr(reply)
