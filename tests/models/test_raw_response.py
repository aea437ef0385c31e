"""The reply to a call of ``with_raw_response``, made of an answer or a stream."""

from __future__ import annotations

import json

import pytest

import asi1

from asi1._models.base import as_sent
from asi1._models.raw_response import DONE, event_of, lines_of


INFO = asi1.ResponseInfo(
    status=200,
    request_id="r1",
    headers={"x-a": "b"},
    attempts=(asi1.Attempt(number=1, status=500), asi1.Attempt(number=2, status=200)),
)
WIRE = {"id": "a", "choices": [], "stray": {"\u2028": "\u00fc"}}
ANSWER = as_sent(asi1.ChatCompletion(id="a", wire=WIRE, response=INFO))


def test_raw_response_has_its_metadata_and_all_data_of_the_server():
    """
    A raw response has the status, headers, request id and number of retries of its
    answer; its text, bytes and JSON have all that the server sent.
    """
    raw = asi1.RawResponse(ANSWER)

    assert ANSWER is raw.parse()
    assert (200, "r1", {"x-a": "b"}) == (raw.status_code, raw.request_id, raw.headers)
    assert 1 == raw.retries_taken
    assert INFO is raw.response
    assert raw is raw.http_response
    assert WIRE == raw.json() == json.loads(raw.text)
    assert raw.text.encode() == raw.content == raw.read()
    assert "<RawResponse [200] ChatCompletion>" == repr(raw)


def test_raw_response_of_an_answer_from_a_cache_was_not_retried():
    """
    The raw response of an answer from the cache, for which no request was sent, has no
    status, and 0 retries.
    """
    raw = asi1.RawResponse(asi1.ChatCompletion())

    assert (None, 0) == (raw.status_code, raw.retries_taken)


def test_event_is_the_chunk_on_one_line_and_an_empty_line():
    """
    An event is one line of JSON and an empty line, even if the text has line breaks.
    """
    chunk = as_sent(asi1.ChatCompletionChunk(id="\u2028", wire={"id": "\n\u2028"}))
    first, *rest = lines_of(event_of(chunk))

    assert {"id": "\n\u2028"} == json.loads(first.removeprefix("data: "))
    assert [""] == rest
    assert ["data: [DONE]", ""] == lines_of(DONE)
    assert ['{"a": "\u2028"}'] == lines_of('{"a": "\u2028"}')


def test_text_of_a_raw_response_with_a_stream_raises_an_error():
    """
    Reading the text of a raw response with a stream raises an error that says that
    `parse` returns the stream.
    """
    with pytest.raises(asi1.ASI1Error, match=r"parse\(\) returns it"):
        _ = asi1.RawResponse(object()).text
