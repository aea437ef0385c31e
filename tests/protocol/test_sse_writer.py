"""What a service tells its callers: events of an answer, and errors as statuses."""

from __future__ import annotations

import pytest

import asi1

from asi1._protocol.sse_writer import done_event, piece_events

from ..support.browser import said, seen


def piece(text="", **fields):
    """Return a chunk that adds *text* to choice 0."""
    delta = asi1.Delta(content=text, reasoning=fields.pop("reasoning", ""))
    choices = (asi1.ChunkChoice(delta=delta),)
    return asi1.ChatCompletionChunk(choices=choices, **fields)


def test_pieces_are_events_in_their_order():
    """
    Each thought and each text is an event; a chunk that adds nothing is none.
    """
    chunks = [
        piece(thought="Hm."),
        piece(reasoning="Well."),
        piece(),
        piece("one ", thought="So."),
        asi1.ChatCompletionChunk(),
        piece("two"),
    ]

    told = seen(piece_events(chunks))

    assert [
        ("thought", {"text": "Hm."}),
        ("thought", {"text": "Well."}),
        ("thought", {"text": "So."}),
        ("text", {"text": "one "}),
        ("text", {"text": "two"}),
    ] == told
    assert b"" == piece_events([piece(), piece()])


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\r\nc\rd",
        "\n\ndata: x\n\n",
        "\u2028 \x85 \0",
        "你好 🦦",
        "\ud83e",
        "event:",
    ],
)
def test_any_text_survives_its_event(text):
    """
    No text breaks out of its event: line ends, event syntax and half a surrogate pair
    come back as they were.
    """
    data = piece_events([piece(text)])

    assert 3 == data.count(b"\n")
    assert text == said(data)


def test_the_wire_format_is_as_documented():
    """
    The bytes of each event are a name and one line of JSON.
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
    [(name, data)] = seen(done_event(answer))
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


def test_an_answer_without_usage_says_null():
    """
    What the server did not tell is null in the last event, and never left out.
    """
    [(name, data)] = seen(done_event(asi1.ChatCompletion()))

    assert "done" == name
    assert {
        "id": "",
        "model": "",
        "finish_reason": None,
        "usage": None,
        "tool_calls": [],
        "refusal": None,
    } == data
