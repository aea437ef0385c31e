"""
HTTP replies decoded as answers or errors, and events of a stream decoded as chunks.
"""

from __future__ import annotations

import json

import pytest

from hypothesis import example, given, settings
from hypothesis import strategies as st

import asi1

from asi1 import (
    APIResponseError,
    ChatCompletion,
    ChatCompletionChunk,
    ServerStreamError,
)
from asi1._models.json_text import load_json
from asi1._models.response import read_info
from asi1._protocol.chunk_event import is_done, read_event
from asi1._protocol.converter import decode
from asi1._protocol.error_body import ErrorBody, read_error_body
from asi1._protocol.fast_chunks import FastChunkReader
from asi1._protocol.normalise import HalfCharacters
from asi1._protocol.reply import (
    answer_value,
    body_kind,
    read_error,
)
from asi1._settings.secret import Secret


SECRET = Secret("sk_otter0123456789")

NOW = 1_800_000_000.0
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "code", "detail", "error", "errors", "message"])
            | st.sampled_from(["msg", "param", "type"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def error_of_reply(status=400, body=b"", **headers):
    """
    Return the error for a reply; header names are given with _ in place of -.
    """
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_error(read_info(status, named), data, SECRET, wall=NOW)


def read_answer(info, body):
    """Return the answer in a reply's body as a model."""
    return decode(ChatCompletion, answer_value(info, body, SECRET))


def answer_of_reply(body, status=200):
    """Return the answer of a reply with a success status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(read_info(status, {}), data)


ERROR_BODIES = [
    pytest.param(
        {"error": {"message": "no", "type": "t", "code": "c", "param": "p"}},
        ErrorBody("no", code="c", type="t", param="p"),
        id="object",
    ),
    pytest.param(
        {"error": {"message": "no", "code": 400}},
        ErrorBody("no", code="400"),
        id="code-number",
    ),
    pytest.param(
        {"error": {"message": "no", "code": None, "type": {}, "param": []}},
        ErrorBody("no"),
        id="wrong-types-beside-the-message",
    ),
    pytest.param({"error": {"msg": "no"}}, ErrorBody("no"), id="msg"),
    pytest.param({"error": {"detail": "no"}}, ErrorBody("no"), id="detail-in-error"),
    pytest.param(
        {"error": {"message": ["no"]}}, ErrorBody("['no']"), id="list-in-error"
    ),
    pytest.param({"error": "no"}, ErrorBody("no"), id="text"),
    pytest.param(
        {"error": "no", "code": 7}, ErrorBody("no", code="7"), id="text-with-code"
    ),
    pytest.param({"error": "", "message": "no"}, ErrorBody("no"), id="empty-text"),
    pytest.param({"error": None, "message": "no"}, ErrorBody("no"), id="null"),
    pytest.param(
        {"message": "no", "code": "c", "type": "t", "param": "p"},
        ErrorBody("no", code="c", type="t", param="p"),
        id="flat",
    ),
    pytest.param({"status": 0, "message": "no"}, ErrorBody("no"), id="status-0"),
    pytest.param({"detail": "no"}, ErrorBody("no"), id="detail"),
    pytest.param(
        {"detail": "no", "code": "c"}, ErrorBody("no", code="c"), id="detail-with-code"
    ),
    pytest.param(
        {"detail": {"message": "no", "code": "c"}},
        ErrorBody("no", code="c"),
        id="detail-object",
    ),
    pytest.param(
        {"detail": {"error": {"message": "no", "code": "c"}}},
        ErrorBody("no", code="c"),
        id="detail-error-object",
    ),
    pytest.param(
        {
            "detail": [
                {"loc": ["body", "messages", 0], "msg": "field required"},
                {"msg": "too long"},
                {"loc": [], "message": "too short"},
                "so there",
                {},
            ]
        },
        ErrorBody("body.messages.0: field required; too long; too short; so there; "),
        id="detail-list",
    ),
    pytest.param(
        {"detail": [{"loc": "body", "msg": "no"}]},
        ErrorBody("body: no"),
        id="location-string",
    ),
    pytest.param(
        {"detail": [{"loc": 5, "msg": "no"}]},
        ErrorBody("5: no"),
        id="location-number",
    ),
    pytest.param({"errors": [{"message": "no"}, 1]}, ErrorBody("no"), id="errors"),
    pytest.param({"errors": ["no"]}, ErrorBody("no"), id="errors-strings"),
    pytest.param({"errors": []}, ErrorBody(), id="errors-empty"),
    pytest.param({"errors": "no"}, ErrorBody("no"), id="errors-text"),
    pytest.param(
        {"errors": {"message": "no", "code": 7}},
        ErrorBody("no", code="7"),
        id="errors-object",
    ),
    pytest.param(
        {"errors": {"model": ["no", "so"], "stop": "too long"}},
        ErrorBody("model: no, so; stop: too long"),
        id="errors-by-field",
    ),
    pytest.param(
        {"message": "no", "errors": {"model": ["so"]}},
        ErrorBody("no"),
        id="errors-by-field-beside-a-message",
    ),
    pytest.param(
        {"errors": [{"status": "400", "title": "no"}]}, ErrorBody("no"), id="title"
    ),
    pytest.param("no", ErrorBody("no"), id="plain-text"),
    pytest.param("x" * 200, ErrorBody("x" * 200), id="200-characters"),
    pytest.param("x" * 201, ErrorBody("x" * 200 + "..."), id="long-text"),
    pytest.param(
        "<html><head><TITLE lang=en> Bad Gateway </TITLE></head>",
        ErrorBody("an HTML page (Bad Gateway)", passing=True),
        id="html-page",
    ),
    pytest.param(
        " \n<!doctype html><p>", ErrorBody("an HTML page"), id="html-page-without-title"
    ),
    pytest.param(
        f"<title>{'x' * 999}",
        ErrorBody(f"an HTML page ({'x' * 200})"),
        id="html-page-with-long-title",
    ),
    pytest.param({}, ErrorBody(), id="empty-object"),
    pytest.param({"a": 1}, ErrorBody(), id="unknown-object"),
    pytest.param([], ErrorBody(), id="list"),
    pytest.param(None, ErrorBody(), id="json-null"),
    pytest.param(42, ErrorBody(), id="number"),
]


@pytest.mark.parametrize(("body", "expected"), ERROR_BODIES)
def test_error_body_in_each_known_format_is_read(body, expected):
    """
    The message, code, type and parameter are read from an error body in each known
    format. The message of an HTML page is its title. A long message is cut.
    """
    assert expected == read_error_body(body, SECRET)


@pytest.mark.system
@settings(deadline=None)
@given(body=values)
@example(body={"detail": [{"loc": 5}]})
def test_any_json_is_read_as_an_error_body(body):
    """
    Any JSON value can be read as an error body.
    """
    error_body = read_error_body(body, SECRET)

    assert isinstance(error_body.message, str)
    assert all(
        isinstance(value, str | None)
        for value in (error_body.code, error_body.type, error_body.param)
    )


@pytest.mark.parametrize(
    ("body", "message", "kept"),
    [
        pytest.param(
            b'{"error":{"message":"no otters"}}',
            "no otters",
            {"error": {"message": "no otters"}},
            id="json",
        ),
        pytest.param(b'\xef\xbb\xbf{"error":"no"}', "no", {"error": "no"}, id="bom"),
        pytest.param(b"", "Bad Request", None, id="empty"),
        pytest.param(b" \r\n", "Bad Request", None, id="blank"),
        pytest.param(b"null", "Bad Request", None, id="null"),
        pytest.param(b"{}", "Bad Request", {}, id="empty-object"),
        pytest.param(b"[1]", "Bad Request", [1], id="list"),
        pytest.param(b" no otters\n", "no otters", "no otters", id="text"),
        pytest.param(b'"no otters"', "no otters", "no otters", id="json-text"),
        pytest.param(b'{"error":', '{"error":', '{"error":', id="broken-json"),
        pytest.param(b"\xffno", "\ufffdno", "\ufffdno", id="not-utf8"),
        pytest.param(b"[" * 100_000, "[" * 200 + "...", "[" * 65_536, id="deep"),
        pytest.param(
            b"<html><title>No</title>",
            "an HTML page (No)",
            "<html><title>No</title>",
            id="html-page",
        ),
        pytest.param(b"x" * 70_000, "x" * 200 + "...", "x" * 65_536, id="long"),
        pytest.param(
            ("x" + "é" * 40_000).encode(),
            "x" + "é" * 199 + "...",
            "x" + "é" * 32_767,
            id="character-cut",
        ),
    ],
)
def test_status_error_has_the_servers_message_and_body(body, message, kept):
    """
    The message of a status error is the server's, else the name of the status. ``body``
    is the decoded JSON, else up to 64 KiB of text, or None if the reply is empty.
    """
    error = error_of_reply(400, body)

    assert f"400: {message}" == str(error)
    assert kept == error.body


@pytest.mark.parametrize(("size", "kept"), [(65_536, dict), (65_537, str)])
def test_error_body_of_more_than_64_kib_is_kept_as_text(size, kept):
    """
    An error has a body of up to 64 KiB as JSON, and the beginning of a larger body as
    text; the message is the server's in both cases.
    """
    error = error_of_reply(400, json.dumps({"error": "no"}).encode().ljust(size))

    assert kept is type(error.body)
    assert "no" == error.message


def test_status_error_has_code_type_and_param_of_the_error_body():
    """
    A status error has the code, type and parameter that the error body contains.
    """
    error = error_of_reply(
        400,
        {"error": {"message": "no", "type": "t", "code": "unknown", "param": "stop"}},
    )

    assert ("unknown", "t", "stop") == (error.code, error.type, error.param)


@pytest.mark.parametrize(
    ("status", "message"),
    [(418, "I'm a Teapot"), (503, "Service Unavailable"), (529, "no reason given")],
)
def test_status_error_without_a_body_has_the_name_of_the_status_as_message(
    status, message
):
    """
    The message of an error without a body is the status's name, or "no reason given".
    """
    assert message == error_of_reply(status).message


@pytest.mark.parametrize(
    ("status", "code", "type_", "cls"),
    [
        (429, "insufficient_quota", None, asi1.QuotaExceededError),
        (429, None, "billing_error", asi1.QuotaExceededError),
        (429, "rate_limit_exceeded", "requests", asi1.RateLimitError),
        (429, None, None, asi1.RateLimitError),
        (403, "insufficient_quota", None, asi1.PermissionDeniedError),
    ],
)
def test_429_for_a_used_up_quota_becomes_a_quota_exceeded_error(
    status, code, type_, cls
):
    """
    A 429 whose code or type names a used-up quota becomes a `QuotaExceededError`, since
    waiting does not help. Any other 429 becomes a `RateLimitError`.
    """
    body = {"error": {"message": "no", "code": code, "type": type_}}

    assert cls is type(error_of_reply(status, body))


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"location": "/v2"}, "redirected to /v2; redirects are not followed"),
        ({}, "redirected to nowhere; redirects are not followed"),
        (
            {"location": "x" * 999},
            f"redirected to {'x' * 200}; redirects are not followed",
        ),
    ],
)
@pytest.mark.parametrize("status", [300, 301, 302, 307, 308, 399])
def test_redirect_is_not_followed_and_becomes_an_error(status, headers, message):
    """
    A redirect is not followed, but becomes an error that shows where the redirect
    leads.
    """
    error = error_of_reply(status, b"moved", **headers)

    assert asi1.APIStatusError is type(error)
    assert message == error.message


def test_status_error_has_retry_after_in_seconds():
    """
    ``retry_after`` of an error is the wait in seconds that the server asks for, or None
    if the server asks for none.
    """
    assert 20 == error_of_reply(429, retry_after="20").retry_after
    assert (
        30
        == error_of_reply(429, retry_after="Fri, 15 Jan 2027 08:00:30 GMT").retry_after
    )
    assert error_of_reply(429).retry_after is None


def test_status_error_has_response_metadata():
    """
    A status error has the response's metadata, including the request id.
    """
    error = error_of_reply(400, x_request_id="req_7")

    assert "req_7" == error.request_id
    assert 400 == error.status_code == error.response.status


@pytest.mark.parametrize(
    ("content_type", "head", "kind"),
    [
        ("text/event-stream", b"", "events"),
        ("TEXT/Event-Stream; charset=latin-1", b"{", "events"),
        ("application/json", b"data:", "json"),
        ("application/json; charset=utf-8", b"", "json"),
        ("application/problem+json", b"", "json"),
        ("", b'{"a"', "json"),
        ("text/plain", b"\xef\xbb\xbf\n [1", "json"),
        ("", b"data: x", "events"),
        ("text/plain", b"event: x", "events"),
        ("", b"id: 1", "events"),
        ("", b"retry: 1", "events"),
        ("", b": hi", "events"),
        ("text/html", b"<html>", "other"),
        ("application/jsonl", b"x", "other"),
        ("", b"", "other"),
    ],
)
def test_content_type_or_first_bytes_tell_sse_from_json(content_type, head, kind):
    """
    The content type says whether a body is a stream of server-sent events or JSON. If
    it names neither, the first bytes of the body decide.
    """
    assert kind == body_kind(content_type, head)


def test_json_body_with_at_least_one_choice_is_an_answer():
    """
    A JSON body with at least one choice is an answer, whatever other keys it has.
    """
    body = {"choices": [{"message": {"content": "Hi"}}], "error": None, "code": 0}

    assert "Hi" == answer_of_reply(body).text
    assert "Hi" == answer_of_reply(b"\xef\xbb\xbf" + json.dumps(body).encode()).text
    assert body == answer_of_reply(body).to_dict()


@pytest.mark.parametrize(
    ("body", "what", "kept"),
    [
        pytest.param(b"", "an empty body", None, id="empty"),
        pytest.param(b"\r\n", "an empty body", None, id="blank"),
        pytest.param(b"null", "null", None, id="null"),
        pytest.param(b"42", "JSON of another kind", 42, id="number"),
        pytest.param(b"[]", "JSON of another kind", [], id="list"),
        pytest.param(b'""', "JSON of another kind", "", id="empty-text"),
        pytest.param(b"true", "JSON of another kind", True, id="flag"),
        pytest.param(b"{}", "a JSON object without choices", {}, id="object"),
        pytest.param(
            b'{"choices":null}',
            "a JSON object without choices",
            {"choices": None},
            id="choices-null",
        ),
        pytest.param(
            b'{"choices":[]}',
            "a JSON object without choices",
            {"choices": []},
            id="choices-empty",
        ),
        pytest.param(
            b'{"choices":[null,1]}',
            "a JSON object without choices",
            {"choices": [None, 1]},
            id="choices-of-wrong-types",
        ),
        pytest.param(
            b'{"choices":{"index":0}}',
            "a JSON object without choices",
            {"choices": {"index": 0}},
            id="choices-object",
        ),
        pytest.param(
            b'{"error":{"message":"no"},"choices":[{}]}',
            "no",
            {"error": {"message": "no"}, "choices": [{}]},
            id="error-beside-choices",
        ),
        pytest.param(b'{"detail":"no"}', "no", {"detail": "no"}, id="detail"),
        pytest.param(b'{"message":"no"}', "no", {"message": "no"}, id="message"),
        pytest.param(
            b'{"code":7}',
            "a JSON object without choices",
            {"code": 7},
            id="code-without-message",
        ),
        pytest.param(
            b'{"code":7,"message":"no","choices":[]}',
            "no",
            {"code": 7, "message": "no", "choices": []},
            id="message-beside-empty-choices",
        ),
        pytest.param(b"no", "no", "no", id="text"),
        pytest.param(
            b"<html><title>Hi</title>",
            "an HTML page (Hi)",
            "<html><title>Hi</title>",
            id="html-page",
        ),
        pytest.param(
            b'{"choices":[{}]', '{"choices":[{}]', '{"choices":[{}]', id="cut"
        ),
        pytest.param(b'{"a":NaN}', '{"a":NaN}', '{"a":NaN}', id="nan"),
        pytest.param(b'{"a":1e999}', '{"a":1e999}', '{"a":1e999}', id="infinite"),
    ],
)
def test_success_status_without_an_answer_becomes_an_api_response_error(
    body, what, kept
):
    """
    A reply with a success status but without an answer becomes an `APIResponseError`.
    The error has the server's message, or says what the body is.
    """
    with pytest.raises(APIResponseError) as caught:
        answer_of_reply(body, 201)

    assert f"the reply (201) is not an answer: {what}" == str(caught.value)
    assert kept == caught.value.body
    assert 201 == caught.value.response.status


def test_error_in_a_reply_with_success_status_has_its_code_and_type():
    """
    The error for a reply with a success status has the error body's code and type.
    """
    with pytest.raises(APIResponseError) as caught:
        answer_of_reply({"error": {"message": "no", "code": 7, "type": "t"}})

    assert ("7", "t") == (caught.value.code, caught.value.type)


@pytest.mark.system
@settings(deadline=None)
@given(body=values.map(json.dumps).map(str.encode) | st.binary(max_size=30))
def test_any_body_is_an_answer_or_a_response_error(body):
    """
    Any sequence of bytes is read as an answer or raises an `APIResponseError`.
    """
    try:
        answer = answer_of_reply(body)
    except APIResponseError:
        pass
    else:
        assert load_json(body) == answer.to_dict()


@pytest.mark.parametrize(
    ("data", "done"),
    [
        ("[DONE]", True),
        (" [DONE] ", True),
        ("[DONE]\n", True),
        ("[DONE]x", False),
        ("x[DONE]", False),
        ("[done]", False),
        ('"[DONE]"', False),
        ("[DONE] [DONE]", False),
        ("", False),
    ],
)
def test_only_an_event_with_the_data_done_ends_a_stream(data, done):
    """
    Only an event with the data ``[DONE]`` ends a stream. White space around the data is
    ignored.
    """
    assert done == is_done(data.encode())


def test_event_whose_data_is_a_json_object_is_a_chunk():
    """
    An event whose data is a JSON object is a chunk, whatever the event's name is.
    """
    data = b'{"choices":[{"delta":{"content":"Hi"}}]}'

    assert "Hi" == read_event("message", data, SECRET).text
    assert "Hi" == read_event("chunk", b" %b\n" % data, SECRET).text
    assert (
        "\ufffd" == read_event("message", data.replace(b"Hi", b"\\ud800"), SECRET).text
    )
    assert "\ufffdi" == read_event("message", data.replace(b"H", b"\xff"), SECRET).text


def test_error_event_has_u_fffd_for_each_lone_surrogate():
    """
    An error that a stream event reports has U+FFFD for each lone surrogate. A high
    surrogate of an earlier chunk still waits for its other half.
    """
    halves = HalfCharacters()
    first = b'{"choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}'
    error = (
        b'{"error":{"message":"\\ude00"},"choices":[{"delta":{"content":"\\ude00"}}]}'
    )

    assert "" == read_event("message", first, SECRET, halves).text
    with pytest.raises(ServerStreamError) as caught:
        read_event("message", error, SECRET, halves)

    assert "\ufffd" == caught.value.message == caught.value.body["error"]["message"]
    assert ["\ud83d"] == list(halves.waiting.values())


@pytest.mark.parametrize(
    "choices", ["", '"choices":null', '"choices":[]', '"choices":[null]']
)
def test_chunk_without_choices_is_read(choices):
    """
    A chunk's ``choices`` may be missing, null, an empty list, or a list with null.
    """
    assert () == read_event("message", f"{{{choices}}}".encode(), SECRET).choices


@pytest.mark.parametrize("data", ["", " ", "\n"])
@pytest.mark.parametrize("name", ["message", "ping"])
def test_event_without_data_is_skipped(name, data):
    """
    An event without data is skipped: it is neither a chunk nor an error.
    """
    assert read_event(name, data.encode(), SECRET) is None


@pytest.mark.parametrize(
    ("data", "snippet", "what"),
    [
        pytest.param('{"choices":[{"del', None, "is not valid JSON", id="cut"),
        pytest.param("[DONE]x", None, "is not valid JSON", id="done-with-more-text"),
        pytest.param('{"a":NaN}', None, "is not valid JSON", id="nan"),
        pytest.param("[" * 100_000, "[" * 200, "is not valid JSON", id="deep"),
        pytest.param("9" * 5000, "9" * 200, "is not valid JSON", id="5000-digits"),
        pytest.param("42", None, "is not a JSON object", id="number"),
        pytest.param("null", None, "is not a JSON object", id="null"),
        pytest.param('"text"', None, "is not a JSON object", id="text"),
        pytest.param("[]", None, "is not a JSON object", id="list"),
        pytest.param('{"choices":"x"}', None, "has choices that", id="choices-text"),
        pytest.param('{"choices":{}}', None, "has choices that", id="choices-object"),
        pytest.param(
            '{"choices":[{},"x"]}', None, "has choices that", id="choice-of-wrong-type"
        ),
    ],
)
def test_event_that_is_not_a_chunk_raises_an_error_with_a_snippet(data, snippet, what):
    """
    An event that is not a chunk is never skipped: it raises an error. The error's
    snippet is the beginning of the event's data.
    """
    with pytest.raises(asi1.StreamDecodeError, match=what) as caught:
        read_event("message", data.encode(), SECRET)

    assert (snippet or data) == caught.value.snippet


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        pytest.param(
            "message",
            '{"error":{"message":"busy","code":529,"type":"overloaded"}}',
            ("busy", "529", "overloaded"),
            id="object",
        ),
        pytest.param("message", '{"error":"busy"}', ("busy", None, None), id="text"),
        pytest.param(
            "message",
            '{"error":{"code":"c"},"choices":[{}]}',
            ("an error without a message", "c", None),
            id="error-beside-choices",
        ),
        pytest.param(
            "message",
            '{"code":502,"message":"busy"}',
            ("busy", "502", None),
            id="flat",
        ),
        pytest.param(
            "error",
            '{"code":502,"message":"busy"}',
            ("busy", "502", None),
            id="named-error-flat",
        ),
        pytest.param(
            "error",
            '{"choices":[{}]}',
            ("an error without a message", None, None),
            id="named-error",
        ),
        pytest.param(
            "error", "busy", ("busy", None, None), id="named-error-plain-text"
        ),
        pytest.param(
            "error", "", ("an error without a message", None, None), id="empty"
        ),
        *(
            pytest.param(
                "error",
                data,
                (message, None, None),
                id=f"named-error-{data}",
            )
            for data, message in [
                ('"busy"', "busy"),
                ("null", "an error without a message"),
                ('["busy"]', "an error without a message"),
            ]
        ),
    ],
)
def test_error_event_raises_an_error_with_the_servers_message(name, data, expected):
    """
    An event that is named ``error``, or contains an error object, raises a
    `ServerStreamError`. The error has the server's message, code, type and body.
    """
    with pytest.raises(ServerStreamError) as caught:
        read_event(name, data.encode(), SECRET)

    error = caught.value
    assert expected == (error.message, error.code, error.type)
    assert error.param is None
    assert (json.loads(data) if data[:1] in tuple('{["n') else data) == error.body


def test_error_event_names_the_invalid_field_of_the_request():
    """
    The error of an event has the field of the request that the server names.
    """
    with pytest.raises(ServerStreamError) as caught:
        read_event("error", b'{"error": {"message": "no", "param": "stop"}}', SECRET)

    assert "stop" == caught.value.param


def test_invalid_utf_8_in_a_plain_text_error_event_becomes_u_fffd():
    """
    If the data of an event named ``error`` is plain text, invalid UTF-8 in it becomes
    U+FFFD.
    """
    with pytest.raises(ServerStreamError) as caught:
        read_event("error", b"went \xff away", SECRET)

    assert "went \ufffd away" == caught.value.message


def test_snippet_of_an_event_shows_invalid_utf_8_as_a_replacement_character():
    """
    If an event is not a chunk, the error shows a snippet of its data, in which invalid
    UTF-8 becomes U+FFFD.
    """
    with pytest.raises(asi1.StreamDecodeError) as caught:
        read_event("message", b"went \xff away", SECRET)

    assert "went \ufffd away" == caught.value.snippet


def content_event(text, more=b""):
    """
    Return the data of an event: JSON with this text as content, and with *more* after
    it.
    """
    return b'{"choices":[{"delta":{"content":"%b"}}]%b}' % (text, more)


@pytest.mark.parametrize("more", [b"", b',"id":"\xff"'], ids=["utf-8", "not-utf-8"])
def test_character_split_over_two_events_is_in_the_second_chunk(more):
    """
    If the two UTF-16 halves of a character come in two events, the character is in the
    chunk of the second event. Invalid UTF-8 elsewhere in the events does not matter.
    """
    halves = HalfCharacters()
    pieces = [rb"a\ud83e", rb"\udda6b"]

    chunks = [
        read_event("message", content_event(piece, more), SECRET, halves)
        for piece in pieces
    ]

    assert ["a", "\U0001f9a6b"] == [chunk.text for chunk in chunks]


def test_half_character_is_replaced_if_the_other_half_does_not_follow():
    """
    Half of a UTF-16 character waits for its other half. If the next event continues the
    text with another character, the half becomes U+FFFD.
    """
    halves = HalfCharacters()
    read_event("message", content_event(rb"a\ud83e"), SECRET, halves)

    chunk = read_event("message", content_event(b"b"), SECRET, halves)

    assert "\ufffdb" == chunk.text


def test_half_character_at_the_end_of_a_stream_becomes_one_more_chunk():
    """
    If half of a UTF-16 character still waits for its other half when the stream ends,
    one more chunk has U+FFFD for it.
    """
    halves = HalfCharacters()
    read_event("message", content_event(rb"a\ud83e"), SECRET, halves)

    assert "\ufffd" == decode(ChatCompletionChunk, halves.rest()).text


USED_UP = [
    *("account_limit_exceeded", "billing_error", "billing_hard_limit_reached"),
    *("billing_not_active", "credit_balance_exhausted", "daily_limit_exceeded"),
    *("insufficient_balance", "insufficient_credits", "insufficient_quota"),
    *("monthly_limit_exceeded", "quota_exceeded", "spend_limit_exceeded"),
    "usage_limit_exceeded",
]


@pytest.mark.parametrize("value", USED_UP)
@pytest.mark.parametrize("field", ["code", "type"])
def test_each_code_or_type_for_a_used_up_quota_is_known(value, field):
    """
    Servers have many codes and types for a used-up quota. An error with any of these
    codes or types is a `QuotaExceededError`.
    """
    body = json.dumps({"error": {"message": "no", field: value}}).encode()
    error = read_error(asi1.ResponseInfo(status=429), body, SECRET, wall=0.0)

    assert asi1.QuotaExceededError is type(error)


@pytest.mark.parametrize(("count", "read"), [(1000, True), (1001, False)])
def test_answer_or_chunk_with_more_than_a_thousand_choices_is_refused(count, read):
    """
    An answer or chunk may have up to a thousand choices. With more choices, it is
    refused.
    """
    answer = {"id": "a", "choices": [{"index": i} for i in range(count)]}
    body = json.dumps(answer).encode()
    info = asi1.ResponseInfo(status=200)
    if read:
        assert count == len(read_answer(info, body).choices)
        assert count == len(read_event("message", body, SECRET).choices)
        return

    with pytest.raises(asi1.APIResponseError):
        read_answer(info, body)
    with pytest.raises(asi1.StreamDecodeError):
        read_event("message", body, SECRET)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"code": 1, "message": "no", "id": "a"}, True),
        ({"code": 1, "id": "a"}, False),
        ({"message": "no", "id": "a"}, False),
        ({"message": "no"}, True),
        ({"detail": "no"}, True),
        ({"detail": "no", "choices": []}, False),
        ({"code": 1, "message": "no", "choices": []}, False),
        ({"code": 1, "message": "no", "usage": {"total_tokens": 3}}, False),
        ({"code": 1, "message": "no", "usage": None}, True),
    ],
)
def test_event_with_a_message_and_no_choices_or_usage_is_an_error(body, error):
    """
    An event with a code and a message is an error if it has neither choices nor usage.
    An event with only a message or a detail is an error if it has no id either.
    """
    if not error:
        assert read_event("message", json.dumps(body).encode(), SECRET) is not None
        return

    with pytest.raises(asi1.ServerStreamError):
        read_event("message", json.dumps(body).encode(), SECRET)


NO = {"message": "no", "code": "c", "type": "t"}
PLACES = [
    pytest.param({"error": NO}, id="top"),
    pytest.param({"error": [NO]}, id="list"),
    pytest.param({"error": NO, "choices": [{"finish_reason": "stop"}]}, id="beside"),
    pytest.param({"errors": [NO]}, id="errors-list"),
    pytest.param({"errors": NO}, id="errors-object"),
    pytest.param({"id": "a", "errors": [NO], "choices": []}, id="errors-beside"),
    pytest.param({"choices": [{"error": NO}]}, id="choice"),
    pytest.param({"choices": [{"errors": [NO]}]}, id="choice-errors"),
    pytest.param({"choices": [{"error": NO, "finish_reason": "error"}]}, id="finish"),
    pytest.param({"choices": [None, {"index": 1}, {"error": NO}]}, id="third-choice"),
    pytest.param({"choices": [{"delta": {"error": NO}}]}, id="delta"),
    pytest.param({"choices": [{"delta": {"errors": [NO]}}]}, id="delta-errors"),
    pytest.param({"choices": [{"message": {"error": NO}}]}, id="message"),
    pytest.param(
        {"choices": [{"delta": {"content": "Hi"}, "error": NO, "finish_reason": None}]},
        id="choice-with-text",
    ),
    pytest.param({"code": "c", "message": "no", "type": "t", "id": "a"}, id="flat"),
]


@pytest.mark.parametrize("body", PLACES)
def test_error_is_raised_wherever_it_is_in_a_reply_or_an_event(body):
    """
    An error in an event, or in a reply with a success status, is raised. The error may
    be at the top level, in a choice, or in the message or delta of a choice.
    """
    with pytest.raises(APIResponseError, match="is not an answer: no") as in_body:
        answer_of_reply(body)
    with pytest.raises(ServerStreamError, match="no") as in_event:
        read_event("message", json.dumps(body).encode(), SECRET)

    for error in (in_body.value, in_event.value):
        assert ("c", "t", body) == (error.code, error.type, error.body)
        assert not error.retryable


@pytest.mark.parametrize("part", ["choice", "delta", "top"])
@pytest.mark.parametrize("key", ["error", "errors"])
def test_fast_path_does_not_read_an_event_whose_error_is_a_string(part, key):
    """
    A string under ``error`` or ``errors``, beside a text that is not finished, is
    raised as an error at any level of an event. So the fast path does not read such an
    event.
    """
    body = {"id": "a", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    choice = body["choices"][0]
    {"choice": choice, "delta": choice["delta"], "top": body}[part][key] = "busy"
    data = json.dumps(body).encode()

    assert FastChunkReader().read(data) is None
    with pytest.raises(ServerStreamError, match="busy"):
        read_event("message", data, SECRET)


@pytest.mark.parametrize("empty", [None, "", [], {}, [{}], [None], {"code": None}])
@pytest.mark.parametrize("key", ["error", "errors"])
def test_empty_value_under_error_or_errors_is_not_an_error(key, empty):
    """
    An empty ``error`` or ``errors``, which servers may send with an answer, is not an
    error.
    """
    for part in ("message", "delta"):
        choice = {part: {"content": "Hi", key: empty}, key: empty}
        body = {"id": "a", "choices": [choice], key: empty}

        assert "Hi" == answer_of_reply(body).text
        assert "Hi" == read_event("message", json.dumps(body).encode(), SECRET).text


@pytest.mark.parametrize("code", [0, 200, "0", "200", "ok", "OK", "success"])
@pytest.mark.parametrize("key", ["error", "errors"])
def test_code_of_success_in_an_answer_is_not_an_error(code, key):
    """
    A code of success, such as 0 or "ok", is not an error. Servers may send it with an
    answer: at the top level, in ``error`` or in a choice.
    """
    success = {"code": code, "message": "success"}
    choice = {"message": {"content": "Hi"}, "delta": {"content": "Hi"}, key: success}
    body = {"id": "a", "choices": [choice], key: success, **success}
    ended = {"id": "a", "choices": [], "usage": {"total_tokens": 3}, **success}

    assert "Hi" == answer_of_reply(body).text
    assert "Hi" == read_event("message", json.dumps(body).encode(), SECRET).text
    for each in (ended, success):
        chunk = read_event("message", json.dumps(each).encode(), SECRET)
        assert () == chunk.choices


def test_error_object_whose_type_names_a_failure_is_an_error_despite_code_0():
    """
    An ``error`` object whose ``type`` names a failure, such as "server_error", is an
    error, even if its ``code`` is 0, which means success.
    """
    body = {"error": {"code": 0, "message": "no", "type": "server_error"}}

    with pytest.raises(ServerStreamError, match="no"):
        read_event("message", json.dumps(body).encode(), SECRET)


def test_number_under_errors_is_not_an_error():
    """
    A number under ``errors`` is a count of errors, and is not itself an error.
    """
    body = {"id": "a", "choices": [{"message": {"content": "Hi"}}], "errors": 1}

    assert "Hi" == answer_of_reply(body).text


def test_choice_with_the_finish_reason_error_is_an_error():
    """
    If the finish reason of a choice is "error", the reply or event is an error, even
    without an error object.
    """
    body = {"choices": [{"message": {"content": "Hi"}, "finish_reason": "error"}]}

    with pytest.raises(APIResponseError, match="the finish reason of a choice"):
        answer_of_reply(body)
    with pytest.raises(ServerStreamError, match="the finish reason of a choice"):
        read_event("message", json.dumps(body).encode(), SECRET)


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        *(({"code": code}, True) for code in (408, 425, 429, 500, 502, 503, 504, 529)),
        *(({"code": code}, False) for code in (400, 401, 404, 422, 501, 505, 20012)),
        ({"code": "429"}, True),
        ({"code": 429.0}, True),
        ({"code": "503", "type": "t"}, True),
        ({"status": 503}, True),
        ({"status_code": "500"}, True),
        ({"type": "429"}, True),
        ({"code": 400, "type": "overloaded_error"}, False),
        ({"code": 400, "message": "rate limit"}, False),
        ({"code": 429, "type": "insufficient_quota"}, False),
        ({"type": "insufficient_quota", "message": "rate limit"}, False),
        ({"type": "overloaded"}, True),
        ({"type": "overloaded_error"}, True),
        ({"code": "engine_overloaded"}, True),
        ({"code": "rate_limit_exceeded", "type": "requests"}, True),
        ({"type": "rate_limit_error"}, True),
        ({"type": "RateLimitError"}, True),
        ({"type": "too_many_requests"}, True),
        ({"type": "ServiceUnavailableError"}, True),
        ({"status": "RESOURCE_EXHAUSTED"}, True),
        ({"message": "Rate limit reached, try again in 2s"}, True),
        ({"message": "Overloaded"}, True),
        ({"message": "The server is busy"}, True),
        ({"type": "server_error"}, False),
        ({"type": "invalid_request_error"}, False),
        ({"message": "no"}, False),
    ],
)
def test_error_in_a_reply_with_status_200_is_retryable_by_its_own_status(
    error, passing
):
    """
    An error in a reply with status 200 is retryable if the error's own status is
    retryable. An error without a status is retryable if it names a rate limit, an
    overload or a failing gateway.
    """
    error = {"message": "no", **error}
    bodies = [{"error": error}, {"errors": [error]}, {"choices": [{"error": error}]}]
    for body in bodies:
        with pytest.raises(APIResponseError) as in_body:
            answer_of_reply(body)
        with pytest.raises(ServerStreamError) as in_event:
            read_event("message", json.dumps(body).encode(), SECRET)

        assert passing == in_body.value.retryable == in_event.value.retryable


@pytest.mark.parametrize(
    ("data", "passing"),
    [("Overloaded", True), ("upstream went away", False), ('"rate limit"', True)],
)
def test_plain_text_error_event_naming_a_temporary_error_is_retryable(data, passing):
    """
    If the plain text of an event named ``error`` names a temporary error, such as an
    overload, the error is retryable.
    """
    with pytest.raises(ServerStreamError) as caught:
        read_event("error", data.encode(), SECRET)

    assert passing == caught.value.retryable


@pytest.mark.parametrize("name", ["ping", "heartbeat", "keep-alive", "done"])
@pytest.mark.parametrize("data", ["ping", "ok", "1740000000", "null", '"alive"', "-"])
def test_named_event_whose_data_is_not_an_object_or_list_is_skipped(name, data):
    """
    An event with a name other than "message" is skipped if its data does not begin with
    "{" or "[".
    """
    assert read_event(name, data.encode(), SECRET) is None
    with pytest.raises(asi1.StreamDecodeError):
        read_event("message", data.encode(), SECRET)


@pytest.mark.parametrize("data", ['{"choices":[{"del', "[DONE]x", " {"])
def test_truncated_chunk_in_a_named_event_is_an_error(data):
    """
    A server may name the event of every chunk. So a truncated chunk in a named event
    raises an error: if it were skipped, a part of the answer would be lost.
    """
    with pytest.raises(asi1.StreamDecodeError):
        read_event("chunk", data.encode(), SECRET)


@pytest.mark.parametrize("name", ["error", "Error", "ERROR"])
def test_event_named_error_in_upper_or_lower_case_is_an_error(name):
    """
    An event whose name is ``error``, in upper or lower case, is an error that ends the
    stream.
    """
    with pytest.raises(ServerStreamError, match="went away"):
        read_event(name, b"upstream went away", SECRET)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("ping", {"message": "alive"}),
        ("message", {"type": "ping", "message": "alive"}),
        ("message", {"type": "keep-alive", "detail": "alive"}),
        ("message", {"event": "heartbeat", "message": "alive"}),
    ],
)
def test_message_of_a_ping_is_not_an_error(name, body):
    """
    A ``message`` in a ping event is not an error. An ``error`` in a ping event is an
    error.
    """
    assert () == read_event(name, json.dumps(body).encode(), SECRET).choices
    with pytest.raises(ServerStreamError, match="no"):
        read_event(name, json.dumps({**body, "error": "no"}).encode(), SECRET)


@pytest.mark.parametrize("key", ["message", "detail"])
def test_message_of_an_event_with_a_harmless_type_is_not_an_error(key):
    """
    The message of an event is not an error if the event has a harmless type, such as
    "status".
    """
    data = json.dumps({"type": "status", key: "Searching"}).encode()

    assert () == read_event("message", data, SECRET).choices


@pytest.mark.parametrize(
    "more",
    [
        {"type": "server_error"},
        {"type": "APIError"},
        {"type": "rate_limit_exceeded"},
        {"type": "overloaded"},
        {"type": "about:blank"},
        {"type": "status", "code": "c"},
        {"type": "status", "status": 500},
        {"type": "status", "error": "no"},
        {"type": ""},
        {"type": None},
        {"type": 1},
    ],
)
def test_message_of_an_event_without_a_harmless_type_or_with_a_code_is_an_error(more):
    """
    The message of an event is an error if the event has a code or an HTTP status, or if
    its ``type`` names a failure, such as "overloaded", or is empty or not a str.
    """
    data = json.dumps({**more, "message": "no"}).encode()

    with pytest.raises(ServerStreamError, match="no"):
        read_event("message", data, SECRET)
