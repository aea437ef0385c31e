"""Server-sent events that a service sends to browsers."""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.sse_writer import (
    PING,
    done_event,
    failed_event,
    piece_events,
    piece_events_in_steps,
)

from ..support.browser import said, seen


def piece(text="", **fields):
    """Return a chunk that adds *text* to choice 0."""
    delta = asi1.Delta(content=text, reasoning=fields.pop("reasoning", ""))
    choices = (asi1.ChunkChoice(delta=delta),)
    return asi1.ChatCompletionChunk(choices=choices, **fields)


def last(answer):
    """Return the event that ends *answer*."""
    return in_steps(answer)[0]


def in_steps(answer):
    """Return the event that ends *answer*, and the number of steps in which it is
    written.
    """
    event, steps = done_event(answer), 1
    while True:
        try:
            next(event)
        except StopIteration as end:
            return end.value, steps
        steps += 1


def test_each_thought_and_text_of_a_stream_becomes_an_event_in_order():
    """
    Each thought and each text of a stream becomes one event, in order. A chunk with
    neither a thought nor a text becomes no event.
    """
    chunks = [
        piece(thought="Hm."),
        piece(reasoning="Well."),
        piece(),
        piece("one ", thought="So."),
        asi1.ChatCompletionChunk(),
        piece("two"),
    ]

    events = seen(piece_events(chunks))

    assert [
        ("thought", {"text": "Hm."}),
        ("thought", {"text": "Well."}),
        ("thought", {"text": "So."}),
        ("text", {"text": "one "}),
        ("text", {"text": "two"}),
    ] == events
    assert b"" == piece_events([piece(), piece()])


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\r\nc\rd",
        "\n\ndata: x\n\n",
        "\u2028 \x85 \0",
        "你好 🦦",
        "event:",
    ],
)
def test_text_with_line_ends_or_sse_syntax_is_read_back_unchanged(text):
    """
    A text with line ends or SSE syntax is sent in one event. A reader of the event gets
    the text unchanged.
    """
    data = piece_events([piece(text)])

    assert 3 == data.count(b"\n")
    assert text == said(data)


def test_events_have_the_documented_wire_format():
    """
    Each event is written as a line with its name and a line of JSON.
    """
    call = asi1.ToolCall(id="c1", function=asi1.FunctionCall(name="f", arguments="{}"))
    message = asi1.ChatMessage(tool_calls=(call,))
    answer = asi1.ChatCompletion(
        id="a1",
        model="asi1-mini",
        choices=(asi1.ChatChoice(message=message, finish_reason="tool_calls"),),
        usage=asi1.Usage(prompt_tokens=1, completion_tokens=2, total_tokens=3),
    )

    assert b'event: text\ndata: {"text":"Hi"}\n\n' == piece_events([piece("Hi")])
    [(name, data)] = seen(last(answer))
    assert ("done", "a1", "asi1-mini") == (name, data["id"], data["model"])
    assert {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "total_tokens": 3,
        "reasoning_tokens": None,
    } == data["usage"]
    assert "tool_calls" == data["finish_reason"]
    assert [
        {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ] == data["tool_calls"]
    assert data["refusal"] is None


def test_event_done_has_all_of_its_keys_even_if_values_are_missing():
    """
    The last event, "done", always has all of its keys. The finish reason, the usage and
    the refusal are null if the server did not send them.
    """
    [(name, data)] = seen(last(asi1.ChatCompletion()))

    assert "done" == name
    assert {
        "id": "",
        "model": "",
        "finish_reason": None,
        "usage": None,
        "tool_calls": [],
        "refusal": None,
    } == data


def test_only_thoughts_and_texts_of_choice_0_are_sent():
    """
    Only choice 0 of a chunk becomes events. Thoughts and texts of other choices are
    left out.
    """
    other = asi1.ChunkChoice(index=1, delta=asi1.Delta(content="a", reasoning="b"))
    first = asi1.ChunkChoice(delta=asi1.Delta(reasoning="c"))
    chunk = asi1.ChatCompletionChunk(choices=(other, first))

    assert b"" == piece_events([asi1.ChatCompletionChunk(choices=(other,))])
    assert [("thought", {"text": "c"})] == seen(piece_events([chunk]))


def test_chunks_of_the_fast_path_are_written_without_parsing_their_json():
    """
    A chunk that the fast path read has thoughts at the top level only. So its event is
    written without making its choices or parsing its JSON.
    """
    reader = FastChunkReader()
    data = b'{"id":"a","choices":[{"delta":{"content":"Sea"}}]}'
    reader.read(data)
    chunk = reader.read(data)

    assert b'event: text\ndata: {"text":"Sea"}\n\n' == piece_events([chunk])
    assert (data, None) == (chunk._data, chunk._choices)


def test_event_failed_has_the_public_message_of_the_error():
    """
    If an answer fails, its last event is named "failed", and has the message that
    callers of a service may see.
    """
    data = failed_event(asi1.ArgumentError("no otters"))

    assert data.startswith(b'event: failed\ndata: {"status":400,')
    assert b'"message":"no otters"' in data


def test_ping_is_a_comment_that_readers_ignore():
    """
    A ping is an SSE comment and a blank line. Readers of SSE ignore it.
    """
    assert b": ping\n\n" == PING
    assert [("text", {"text": "a"})] == seen(PING + piece_events([piece("a")]) + PING)


@pytest.mark.parametrize(
    ("count", "expected"), [(0, 1), (512, 1), (513, 2), (5000, 10)]
)
def test_last_event_with_many_tool_calls_is_written_in_steps(count, expected):
    """
    The last event of an answer has all tool calls in order, and is written in steps of
    512 tool calls each.
    """
    calls = tuple(asi1.ToolCall(id=f"c{number}") for number in range(count))
    message = asi1.ChatMessage(tool_calls=calls)
    answer = asi1.ChatCompletion(choices=(asi1.ChatChoice(message=message),))

    event, steps = in_steps(answer)

    assert expected == steps
    [(_, data)] = seen(event)
    assert [call.id for call in calls] == [call["id"] for call in data["tool_calls"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x" * 524_288, 0), ('"\u4f60\\\n' * 131_073, 2), ("\U0001f9a6" * 1_500_000, 3)],
)
def test_long_text_is_written_in_steps_of_524288_characters(text, expected):
    """
    The event of a text of more than 524,288 characters is written in several steps, and
    a reader of the event gets the text unchanged.
    """
    steps = piece_events_in_steps([piece(text)])
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            data = end.value
            break
        count += 1

    assert expected == count
    assert text == said(data)


@pytest.mark.parametrize("thought", ["", "why"])
@pytest.mark.parametrize("text", ["", "because"])
def test_writing_many_chunks_takes_several_steps(thought, text):
    """
    Other tasks may run after each 512 chunks that are written, whatever the chunks
    contain.
    """
    chunk = piece(text, thought=thought)

    assert 3 == len(list(piece_events_in_steps([chunk] * 1700)))
