"""What a service tells its callers: events of an answer, and errors as statuses."""

from __future__ import annotations

import math

import pytest

import asi1

from asi1._protocol.public_error import failure
from asi1._protocol.sse_writer import done_event, failed_event, piece_events

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


def refused(status, cls=asi1.APIStatusError, **fields):
    return cls("no", status_code=status, **fields)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (refused(400, asi1.BadRequestError), 400, "bad_request"),
        (refused(413, asi1.RequestTooLargeError), 413, "request_too_large"),
        (refused(422, asi1.UnprocessableEntityError), 422, "unprocessable_entity"),
        (refused(429, asi1.RateLimitError), 429, "rate_limit"),
        (refused(429, asi1.QuotaExceededError), 429, "quota_exceeded"),
        (refused(401, asi1.AuthenticationError), 502, "authentication"),
        (refused(402, asi1.PaymentRequiredError), 502, "payment_required"),
        (refused(403, asi1.PermissionDeniedError), 502, "permission_denied"),
        (refused(404, asi1.NotFoundError), 502, "not_found"),
        (refused(409, asi1.ConflictError), 502, "conflict"),
        (refused(307), 502, "status"),
        (refused(408), 504, "status"),
        (refused(500, asi1.InternalServerError), 502, "internal_server"),
        (refused(504, asi1.InternalServerError), 504, "internal_server"),
        (asi1.APITimeoutError("no"), 504, "timeout"),
        (asi1.APIConnectionError("no"), 502, "connection"),
        (asi1.APIResponseError("no"), 502, "response"),
        (asi1.StreamTruncatedError("no"), 502, "stream_truncated"),
        (asi1.StreamInterruptedError("no"), 502, "stream_interrupted"),
        (asi1.StreamDecodeError("no"), 502, "stream_decode"),
        (asi1.ServerStreamError("no"), 502, "server_stream"),
        (asi1.ArgumentError("no"), 400, "argument"),
        (asi1.ConversationBusyError("no"), 409, "conversation_busy"),
        (asi1.ClientClosedError("no"), 503, "client_closed"),
        (asi1.StreamClosedError("no"), 503, "stream_closed"),
        (asi1.ConfigurationError("no"), 500, "configuration"),
        (asi1.StreamBusyError("no"), 500, "stream_busy"),
        (ZeroDivisionError("no"), 500, "internal"),
    ],
)
def test_each_error_has_a_status_and_a_word(error, status, code):
    """
    Callers are told of what they asked wrongly; all else is a failure in between.
    """
    told = failure(error)

    assert (status, code) == (told.status, told.code)
    assert [("failed", told.to_dict())] == seen(failed_event(error))


@pytest.mark.parametrize(
    ("wait", "told", "header"),
    [(3.2, 3.2, "4"), (0.0, 0.0, "0"), (None, None, None), (math.inf, None, None)],
)
def test_a_wait_is_passed_on(wait, told, header):
    """
    What the server asks to wait is passed on, as a header in whole seconds that are
    never too few.
    """
    error = refused(429, asi1.RateLimitError, retry_after=wait)

    assert told == failure(error).retry_after
    assert header == failure(error).headers.get("retry-after")


@pytest.mark.parametrize(
    "error",
    [
        asi1.ConfigurationError("the secret path"),
        ZeroDivisionError("the secret path"),
        asi1.APIConnectionError("secret.example:443: no connection"),
        asi1.StreamInterruptedError("[fe80::secret]:80: it broke"),
    ],
)
def test_the_services_own_matters_stay_inside(error):
    """
    Neither the hosts that a service speaks with nor its own mistakes are told.
    """
    assert b"secret" not in failed_event(error)
    assert failure(error).message


def test_a_message_has_an_end():
    """
    Of a long message the beginning is told.
    """
    error = refused(400, asi1.BadRequestError)
    error.message = "x" * 100_000

    assert "x" * 1000 == failure(error).message
