"""Errors that quote a server's reply do not contain a key that the reply echoes."""

from __future__ import annotations

import html
import json

import pytest

import asi1

from asi1.testing import Close, Data, FakeASI1, Head, Raw

from ...support.talk import SSE, Event, chunk
from .search import KEY, in_error
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
async def test_echoed_key_is_not_in_the_error(name, stream):
    """
    Wherever a server's reply echoes the key, no part of the error contains the key.
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
async def test_echoed_key_that_json_escapes_is_replaced(head, form, stream):
    """
    A key that the JSON of a reply has to escape is still recognised, and replaced by
    asterisks in the error.
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
async def test_shortened_text_shows_no_part_of_an_echoed_key(head, before, stream):
    """
    If an error shortens a long text just before the last character of an echoed key,
    the error does not contain the rest of the key.
    """
    fake = FakeASI1(seed=5)
    fake.play(head, Data(b"-" * (before - len(CUT)) + KEY.encode()), times=None)

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error, CUT)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
async def test_shortened_event_shows_no_part_of_an_echoed_key(stream):
    """
    If an error quotes the first 200 characters of an event, which end just before the
    last character of an echoed key, the error does not contain the rest of the key.
    """
    fake = FakeASI1(seed=5)
    fake.play(SSE, Data(b"data: " + b"-" * (200 - len(CUT)) + KEY.encode() + b"\n\n"))

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.StreamDecodeError)
    assert [] == in_error(error, CUT)
