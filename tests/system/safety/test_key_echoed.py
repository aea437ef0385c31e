"""An error that quotes a server's reply contains no API key that the reply echoes."""

from __future__ import annotations

import base64
import html
import json
import pickle

import pytest

import asi1

from asi1.testing import Close, Data, FakeASI1, Head, Pause, Raw

from ...support.talk import SSE, Event, chunk
from .search import KEY, found, in_error
from .talk import CREATE_AND_STREAM, call, client_of


pytestmark = pytest.mark.virtual_time

JSON_401 = Head(401, (("content-type", "application/json"),))
JSON_200 = Head(200, (("content-type", "application/json"),))
HTML_200 = Head(200, (("content-type", "text/html"),))
HTML_502 = Head(502, (("content-type", "text/html"),))
TEXT_500 = Head(500, (("content-type", "text/plain"),))
HALF = Event(chunk("half of an ans"))
CUT = KEY[:-1]
# This key contains characters that JSON, HTML or Python may escape.
ODD_KEY = "sk_canary/0123\"456\\789'<&>{}%41+~"


def echo(template, key=KEY):
    """
    Return *template* as body data; each placeholder, such as ``<JSON>``, is replaced by
    *key*, escaped in the way that the placeholder names.
    """
    forms = {
        "KEY": key,
        "JSON": json.dumps(key)[1:-1],
        "ESCAPED": "".join(f"\\u{ord(char):04x}" for char in key),
        "UPPER_ESCAPED": "".join(f"\\u{ord(char):04X}" for char in key),
        "SLASHED": json.dumps(key)[1:-1].replace("/", "\\/"),
        "HTML": html.escape(key),
        "URL": "".join(f"%{ord(char):02x}" for char in key),
        "ENTITIES": "".join(f"&#{ord(char)};" for char in key),
        "NESTED": "".join(f"\\\\u{ord(char):04x}" for char in key),
        "BASE64": base64.b64encode(f"Bearer {key}".encode()).decode(),
        "HEX": key.encode().hex(),
        "UPPER": key.upper(),
    }
    for name, form in forms.items():
        template = template.replace(f"<{name}>", form)
    return Data(template.encode())


REPLIES = {
    "message": (JSON_401, echo('{"error": {"message": "Wrong key <KEY>."}}')),
    "escaped": (JSON_401, echo('{"error": {"message": "Wrong key <ESCAPED>."}}')),
    "upper-escaped": (JSON_401, echo('{"message": "<UPPER_ESCAPED>"}')),
    "code": (JSON_401, echo('{"error": {"code": "<KEY>", "type": "<ESCAPED>"}}')),
    "param": (JSON_401, echo('{"error": {"message": "no", "param": "<ESCAPED>"}}')),
    "name": (JSON_401, echo('{"error": {"<ESCAPED>": [{"<KEY>": 1}]}}')),
    "deep": (JSON_401, echo('{"a": [[{"b": ["<ESCAPED>", "<KEY>"]}]]}')),
    "detail": (JSON_401, echo('{"detail": [{"loc": ["<ESCAPED>"], "msg": "<KEY>"}]}')),
    "not-json": (JSON_401, echo('{"error": "<KEY>"')),
    "text": (TEXT_500, echo("Bearer <KEY> is wrong")),
    "page": (HTML_502, echo("<title><KEY></title><p><KEY>")),
    "long-page": (HTML_502, echo("<p>" + "<KEY>" * 100)),
    "json-200": (JSON_200, echo('{"error": {"message": "Wrong key <KEY>."}}')),
    "escaped-200": (JSON_200, echo('{"error": {"message": "Wrong key <ESCAPED>."}}')),
    "no-choices-200": (JSON_200, echo('{"id": "<KEY>", "<KEY>": ["<ESCAPED>"]}')),
    "text-200": (JSON_200, echo('"<ESCAPED>"')),
    "page-200": (HTML_200, echo("<title><KEY></title><p><KEY>")),
    "not-json-event": (SSE, echo("data: <KEY>\n\n")),
    "error-event": (SSE, echo('data: {"error": {"message": "<KEY>"}}\n\n')),
    "escaped-event": (SSE, echo('data: {"error": {"message": "<ESCAPED>"}}\n\n')),
    "named-event": (SSE, echo('event: error\ndata: {"code":"<KEY>","msg":"x"}\n\n')),
    "text-event": (SSE, echo("event: error\ndata: <KEY>\n\n")),
    "late-error": (SSE, HALF, echo('data: {"error": {"message": "<KEY>"}}\n\n')),
    "late-not-json": (SSE, HALF, echo("data: {<KEY>\n\n")),
    "late-cut": (SSE, HALF, echo('data: {"choices": "<KEY>'), Close()),
    "event-name": (SSE, echo("event: <KEY>\ndata: no\n\n")),
    "status-line": (Raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()), Close()),
    "not-http": (Raw(f"Bearer {KEY}\r\n\r\n".encode()), Close()),
    "header-line": (Raw(f"HTTP/1.1 200 OK\r\na b: {KEY}\r\n\r\n".encode()), Close()),
    "folded-line": (Raw(f"HTTP/1.1 200 OK\r\n {KEY}\r\n\r\n".encode()), Close()),
    "reason": (Raw(f"HTTP/1.1 418 {KEY}\r\ncontent-length: 0\r\n\r\n".encode()),),
    "chunk-size": (JSON_200, Raw(f"{KEY}\r\n".encode()), Close()),
    "length": (Head(200, (("content-length", KEY),), "none"), Close()),
    "header": (Head(401, (("x-request-id", KEY), ("x-echo", f"a {KEY} b")), "length"),),
    "location": (Head(307, (("location", f"https://otter.example/?k={KEY}"),)),),
    "encoding": (Head(200, (("content-encoding", KEY),)), Data(b"x")),
    "type": (Head(200, (("content-type", KEY),)), Data(b"x")),
    "retry-after": (Head(429, (("retry-after", KEY),), "length"),),
    "limits": (Head(429, (("x-ratelimit-reset-tokens", KEY),), "length"),),
}


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("name", REPLIES)
async def test_echoed_api_key_is_not_in_the_error(name, stream):
    """
    Wherever a server's reply echoes the API key, no part of the error contains the key.
    """
    fake = FakeASI1(seed=5)
    fake.play(*REPLIES[name], times=None)

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("form", ["JSON", "ESCAPED", "SLASHED"])
@pytest.mark.parametrize("head", [JSON_401, JSON_200], ids=["401", "200"])
async def test_echoed_api_key_that_json_escapes_is_replaced(head, form, stream):
    """
    An API key whose characters a reply's JSON escapes is still recognised, and is
    replaced by asterisks in the error.
    """
    fake = FakeASI1(seed=5)
    fake.play(head, echo(f'{{"error": {{"message": "<{form}>"}}}}', ODD_KEY))

    async with asi1.AsyncASI1(
        ODD_KEY, fake.base_url, transport=fake.transport
    ) as client:
        error, _ = await call(client, stream=stream)

    assert "***" in str(error)
    assert [] == in_error(error, ODD_KEY)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize(
    ("head", "before"),
    [
        pytest.param(TEXT_500, 64 * 1024, id="body-of-an-error"),
        pytest.param(TEXT_500, 200, id="message-of-an-error"),
        pytest.param(HTML_200, 200, id="message-of-a-page"),
        pytest.param(HTML_200, 64 * 1024, id="body-of-a-page"),
    ],
)
async def test_shortened_text_shows_no_part_of_an_echoed_api_key(head, before, stream):
    """
    If an error cuts off a long text just before the last character of an API key that
    the server echoes, the error does not contain the other characters of the key.
    """
    fake = FakeASI1(seed=5)
    fake.play(head, Data(b"-" * (before - len(CUT)) + KEY.encode()), times=None)

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error, CUT)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_shortened_event_shows_no_part_of_an_echoed_api_key(stream):
    """
    If an error cuts off an event after 200 characters, just before the last character
    of an API key that the server echoes, the error does not contain the other
    characters of the key.
    """
    fake = FakeASI1(seed=5)
    fake.play(SSE, Data(b"data: " + b"-" * (200 - len(CUT)) + KEY.encode() + b"\n\n"))

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.StreamDecodeError)
    assert [] == in_error(error, CUT)


FORMS = [
    *("KEY", "JSON", "ESCAPED", "UPPER_ESCAPED", "SLASHED", "HTML", "URL"),
    *("ENTITIES", "NESTED", "BASE64", "HEX", "UPPER"),
]
# Replies that echo the key, and then break off or are invalid.
BROKEN = {
    "cut-json": (JSON_401, '{"error": {"message": "bad key <F>'),
    "cut-json-200": (JSON_200, '{"choices": [{"message": {"content": "<F>'),
    "invalid-json": (JSON_401, '{"error": "bad key <F>",}'),
    "page": (HTML_502, "<title>bad key <F></title>"),
    "text": (TEXT_500, "bad key <F>"),
    "cut-event": (SSE, 'data: {"choices": [{"delta": {"content": "<F>\n\n'),
    "error-event": (SSE, "event: error\ndata: bad key <F>\n\n"),
    "content": (SSE, 'data: {"choices": [{"delta": {"content": "<F>"}}]}\n\n'),
    "reasoning": (
        SSE,
        'data: {"choices": [{"delta": {"reasoning_content": "<F>"}}]}\n\n',
    ),
    "thought": (SSE, 'data: {"thought": ["<F>"], "choices": []}\n\n'),
    "refusal": (SSE, 'data: {"choices": [{"delta": {"refusal": "<F>"}}]}\n\n'),
    "arguments": (
        SSE,
        (
            'data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "<F>",'
            ' "<F>": "<F>", "function": {"name": "<F>", "arguments": "<F>",'
            ' "x": "<F>"}}]}}]}\n\n'
        ),
    ),
    "unknown": (
        SSE,
        (
            'data: {"id": "<F>", "<F>": {"a": ["<F>"]}, "choices":'
            ' [{"delta": {"b": "<F>", "content": "x"}, "c": "<F>"}]}\n\n'
        ),
    ),
}


def contains(error, key):
    """Return the places in *error* that contain *key*, unchanged or encoded."""
    forms = {echo(f"<{name}>", key).data.decode() for name in FORMS}
    # The ends of a base64 form also encode text beside the key, so they are left out.
    inner = [form[len(form) // 2 : -4] for form in forms]
    return found(error, pickle.dumps(error), text=inner)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("name", BROKEN)
async def test_api_key_echoed_in_any_form_is_not_in_the_error(name, stream):
    """
    If a reply that echoes the API key breaks off or is not valid, no part of the error
    contains the key in any form: neither the message, body, snippet and pickle, nor the
    partial answer.
    """
    head, text = BROKEN[name]
    for form in FORMS:
        fake = FakeASI1(seed=5)
        body = echo(text.replace("<F>", f"<{form}>"))
        fake.play(head, body, Data(b""), Close(), times=None)

        async with client_of(fake, max_retries=0) as client:
            error, _ = await call(client, stream=stream)

        assert isinstance(error, asi1.APIError)
        assert [] == contains(error, KEY)


@pytest.mark.parametrize("size", range(1, len(KEY), 5))
@pytest.mark.parametrize("member", ["content", "reasoning_content"])
async def test_api_key_split_over_two_deltas_is_not_in_the_partial_answer(member, size):
    """
    An API key that the server split over two deltas is replaced in the error's partial
    answer; the stream itself delivers the text unchanged.
    """
    fake = FakeASI1(seed=5)
    parts = [KEY[:size], f"{KEY[size:]} it is"]
    events = [
        Data(
            f"data: {json.dumps({'choices': [{'delta': {member: part}}]})}\n\n".encode()
        )
        for part in parts
    ]
    fake.play(SSE, *events, Close())

    async with client_of(fake) as client:
        stream = client.chat.completions.stream(messages="Hi")
        with pytest.raises(asi1.StreamInterruptedError) as caught:
            await stream.get_final_completion()

    partial = caught.value.partial.message
    assert "*** it is" == (partial.content or partial.reasoning)
    assert [] == contains(caught.value, KEY)
    whole = stream.snapshot().message
    assert "".join(parts) == (whole.content or whole.reasoning)


async def test_api_key_in_the_partial_answer_of_a_timeout_is_redacted():
    """
    The partial answer of a timeout does not contain an API key that the server echoes.
    """
    fake = FakeASI1(seed=5)
    fake.play(SSE, Event(chunk(f"the key {KEY}")), Pause(100))

    async with client_of(fake, timeout=5) as client:
        error, _ = await call(client, stream=True)

    assert isinstance(error, asi1.APITimeoutError)
    assert "the key ***" == error.partial.text
    assert [] == in_error(error)


async def test_complete_answer_that_contains_the_api_key_is_not_redacted():
    """
    An answer that is complete is never changed, even if it contains the API key.
    """
    fake = FakeASI1(seed=5)
    fake.reply(f"the key {KEY}", times=None)

    async with client_of(fake) as client:
        for stream in CREATE_AND_STREAM:
            answer, _ = await call(client, stream=stream)
            assert f"the key {KEY}" == answer.text


SECRET = "gateway-canary-0123456789"
LOGIN = base64.b64encode(f"otter:{SECRET}".encode()).decode()
OWN = {
    "authorization": {"default_headers": {"Authorization": f"Bearer {SECRET}"}},
    "api-key": {"default_headers": {"X-Api-Key": SECRET}},
    "api-key-of-call": {"extra_headers": {"api-key": SECRET}},
    "basic": {"extra_headers": {"Authorization": f"Basic {LOGIN}"}},
    "proxy": {"default_headers": {"Proxy-Authorization": f"Basic {LOGIN}"}},
    "cookie": {"extra_headers": {"Cookie": f"session={SECRET}; a=b"}},
    "query": {"default_query": {"api_key": SECRET}},
    "query-of-call": {"extra_query": {"token": SECRET}},
}


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize(
    "place", ["cut-json", "text", "cut-event", "content", "unknown", "page"]
)
@pytest.mark.parametrize("own", OWN)
async def test_other_secrets_of_the_request_are_not_in_the_error(own, place, stream):
    """
    Secrets that a caller puts into headers or the query are replaced in errors like the
    API key: in excerpts, partial answers and response headers.
    """
    options = dict(OWN[own])
    settings = {n: options.pop(n) for n in list(options) if n.startswith("default")}
    head, text = BROKEN[place]
    headers = (*head.headers, ("x-echo", f"a {SECRET}"), ("x-request-id", LOGIN))
    for form in ("KEY", "ESCAPED", "URL", "BASE64"):
        body = echo(f"{text.replace('<F>', f'<{form}>')}", SECRET)
        fake = FakeASI1(seed=5)
        fake.play(Head(head.status, headers), body, Data(b""), Close(), times=None)

        async with client_of(fake, max_retries=0, **settings) as client:
            error, _ = await call(client, stream=stream, **options)

        assert isinstance(error, asi1.APIError)
        assert [] == contains(error, SECRET)


@pytest.mark.parametrize("form", ["KEY", "ESCAPED", "URL"])
async def test_raw_reply_that_is_not_json_raises_an_error_without_the_api_key(form):
    """
    The error of `RawReply.json` does not contain an API key that the server echoes; the
    reply's content is not changed.
    """
    fake = FakeASI1(seed=5)
    body = echo(f"<html><{form}>")
    fake.play(HTML_200, body)

    async with client_of(fake) as client:
        reply = await client.request("GET", "/models")
    with pytest.raises(asi1.APIResponseError) as caught:
        reply.json()

    assert body.data == reply.content
    assert "<html>***" == caught.value.body
    assert [] == contains(caught.value, KEY)


UNSEEN = ["\r", "\u00ad", "\u200b", "\u2060", "\ufeff"]


@pytest.mark.parametrize("char", UNSEEN, ids=ascii)
@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param((JSON_401, '{"error": {"message": "bad <JSON>"}}'), id="401"),
        pytest.param((JSON_200, '{"error": {"message": "bad <JSON>"}}'), id="200"),
        pytest.param((HTML_502, "<title>bad <KEY></title>"), id="page"),
        pytest.param((SSE, 'data: {"error": {"message": "<JSON>"}}\n\n'), id="event"),
        pytest.param((SSE, HALF, 'data: {"error": "<JSON>"}\n\n'), id="late-event"),
    ],
)
async def test_echoed_api_key_with_an_invisible_character_inside_is_replaced(
    reply, stream, char
):
    """
    An API key that the server echoes with an invisible or control character inside is
    replaced by asterisks in the error's text, repr and attributes.
    """
    *head, body = reply
    fake = FakeASI1(seed=5)
    fake.play(*head, echo(body, f"{KEY[:5]}{char}{KEY[5:]}"), times=None)

    async with client_of(fake, max_retries=0) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    for shown in (
        str(error),
        repr(error),
        error.message,
        *map(str, vars(error).values()),
    ):
        assert KEY not in shown.translate(dict.fromkeys(map(ord, UNSEEN)))
    assert "***" in str(error)
