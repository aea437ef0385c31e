"""A stream whose answer becomes a value of a Python type."""

from __future__ import annotations

from typing import NamedTuple

import pytest

import asi1

from ..support.talk import DONE, SSE, Event, chunk


pytestmark = pytest.mark.virtual_time


class Point(NamedTuple):
    """A place on a map."""

    x: int
    y: int


def stream(client, response_format=Point):
    return client.chat.completions.stream(
        messages="Where?", response_format=response_format
    )


async def test_final_completion_of_a_stream_has_the_parsed_value(fake, fake_client):
    """
    With a type as *response_format*, a stream's chunks contain the JSON text, and the
    stream's final completion contains the parsed value.
    """
    fake.reply('{"x": 1, "y": 2}', chunk_words=1)

    async with stream(fake_client) as opened:
        text = "".join([each.text async for each in opened])
        answer = await opened.get_final_completion()

    assert '{"x": 1, "y": 2}' == text == answer.text
    assert Point(1, 2) == answer.parsed
    assert isinstance(opened, asi1.AsyncChatStream)
    form = fake.requests[0].json["response_format"]
    assert "Point" == form["json_schema"]["name"]


async def test_partial_of_a_stream_is_the_part_of_the_value_that_has_arrived(
    fake, fake_client
):
    """
    `partial` returns None before the value begins. Then it returns the part of the
    value that has arrived, as dicts, lists and strings.
    """
    texts = ["Here: ", '{"x": 1', ', "y', '": 2', "3}", " Bye."]
    events = [Event(chunk(text)) for text in texts]
    fake.play(SSE, *events, Event(chunk("", finish="stop")), DONE)

    async with stream(fake_client) as opened:
        seen = [opened.partial() async for _ in opened]
        answer = await opened.get_final_completion()

    assert {"x": 1, "y": 23} == seen[-1] == opened.partial()
    assert Point(1, 23) == answer.parsed
    assert ("text",) == answer.parsed_from


async def test_partial_of_a_list_omits_the_object_around_the_list(fake, fake_client):
    """
    If the JSON Schema wraps a value that is not an object, such as a list, in an
    object, `partial` returns the value without this object.
    """
    fake.reply('{"value": ["a", "b"]}', chunk_words=1)

    async with stream(fake_client, list[str]) as opened:
        answer = await opened.get_final_completion()

    assert ["a", "b"] == answer.parsed == opened.partial()


@pytest.mark.parametrize(
    ("text", "finish_reason", "error"),
    [
        ('{"x": 1, ', "length", asi1.OutputTruncatedError),
        ('{"x": 1}', "stop", asi1.OutputInvalidError),
    ],
)
async def test_streamed_answer_that_does_not_fit_raises_the_error_of_parse(
    fake, fake_client, text, finish_reason, error
):
    """
    A streamed answer that is cut off or does not fit the type raises the same error as
    `parse`; the stream's chunks and snapshot stay readable.
    """
    fake.reply(text, finish_reason=finish_reason)

    async with stream(fake_client) as opened:
        with pytest.raises(error) as caught:
            await opened.get_final_completion()

    assert text == caught.value.text == opened.snapshot().text


async def test_dict_as_response_format_of_a_stream_is_sent_unchanged(fake, fake_client):
    """
    A dict as *response_format* of `stream` is sent unchanged, and the final completion
    is a `ChatCompletion` without a value.
    """
    fake.reply("{}")

    async with stream(fake_client, {"type": "json_object"}) as opened:
        answer = await opened.get_final_completion()

    assert asi1.ChatCompletion is type(answer)
    assert {"type": "json_object"} == fake.requests[0].json["response_format"]
