"""The key, said back: errors that quote the server do not quote the key."""

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
# Characters that JSON or Python may write in another way.
ODD_KEY = "sk_canary/0123\"456\\789'<&>{}%41+~"


def said(template, key=KEY):
    """Return a piece of a body that says the key in each form that *template* names."""
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
    "message": (JSON_401, said('{"error": {"message": "Wrong key <KEY>."}}')),
    "escaped": (JSON_401, said('{"error": {"message": "Wrong key <ESCAPED>."}}')),
    "upper-escaped": (JSON_401, said('{"message": "<UPPER_ESCAPED>"}')),
    "code": (JSON_401, said('{"error": {"code": "<KEY>", "type": "<ESCAPED>"}}')),
    "param": (JSON_401, said('{"error": {"message": "no", "param": "<ESCAPED>"}}')),
    "name": (JSON_401, said('{"error": {"<ESCAPED>": [{"<KEY>": 1}]}}')),
    "deep": (JSON_401, said('{"a": [[{"b": ["<ESCAPED>", "<KEY>"]}]]}')),
    "detail": (JSON_401, said('{"detail": [{"loc": ["<ESCAPED>"], "msg": "<KEY>"}]}')),
    "no-json": (JSON_401, said('{"error": "<KEY>"')),
    "text": (TEXT_500, said("Bearer <KEY> is wrong")),
    "page": (HTML_502, said("<title><KEY></title><p><KEY>")),
    "long-page": (HTML_502, said("<p>" + "<KEY>" * 100)),
    "json-200": (JSON_200, said('{"error": {"message": "Wrong key <KEY>."}}')),
    "escaped-200": (JSON_200, said('{"error": {"message": "Wrong key <ESCAPED>."}}')),
    "no-choices-200": (JSON_200, said('{"id": "<KEY>", "<KEY>": ["<ESCAPED>"]}')),
    "text-200": (JSON_200, said('"<ESCAPED>"')),
    "page-200": (HTML_200, said("<title><KEY></title><p><KEY>")),
    "no-json-event": (SSE, said("data: <KEY>\n\n")),
    "error-event": (SSE, said('data: {"error": {"message": "<KEY>"}}\n\n')),
    "escaped-event": (SSE, said('data: {"error": {"message": "<ESCAPED>"}}\n\n')),
    "named-event": (SSE, said('event: error\ndata: {"code":"<KEY>","msg":"x"}\n\n')),
    "text-event": (SSE, said("event: error\ndata: <KEY>\n\n")),
    "late-error": (SSE, HALF, said('data: {"error": {"message": "<KEY>"}}\n\n')),
    "late-no-json": (SSE, HALF, said("data: {<KEY>\n\n")),
    "late-cut": (SSE, HALF, said('data: {"choices": "<KEY>'), Close()),
    "event-name": (SSE, said("event: <KEY>\ndata: no\n\n")),
    "status-line": (Raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode()), Close()),
    "no-http": (Raw(f"Bearer {KEY}\r\n\r\n".encode()), Close()),
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


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
@pytest.mark.parametrize("name", REPLIES)
async def test_a_key_that_is_said_back_is_not_shown(name, stream):
    """
    Wherever a server repeats the key, the error that tells of it has stars instead.
    """
    fake = FakeASI1(seed=5)
    fake.play(*REPLIES[name], times=None)

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
@pytest.mark.parametrize("form", ["JSON", "ESCAPED", "SLASHED"])
@pytest.mark.parametrize("head", [JSON_401, JSON_200], ids=["refused", "accepted"])
async def test_a_key_of_odd_characters_is_not_shown(head, form, stream):
    """
    A key that JSON has to escape is known again once the JSON is read.
    """
    fake = FakeASI1(seed=5)
    fake.play(head, said(f'{{"error": {{"message": "<{form}>"}}}}', ODD_KEY))

    async with asi1.AsyncASI1(
        ODD_KEY, fake.base_url, transport=fake.transport
    ) as client:
        error, _ = await call(client, stream=stream)

    assert "***" in str(error)
    assert [] == in_error(error, ODD_KEY)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
@pytest.mark.parametrize(
    ("head", "before"),
    [
        pytest.param(TEXT_500, 64 * 1024, id="kept-of-a-refusal"),
        pytest.param(TEXT_500, 200, id="message-of-a-refusal"),
        pytest.param(HTML_200, 200, id="message-of-a-page"),
        pytest.param(HTML_200, 64 * 1024, id="kept-of-a-page"),
    ],
)
async def test_no_cut_leaves_a_piece_of_the_key(head, before, stream):
    """
    Where a long text is shortened just before the end of a key, nothing of the key is
    left.
    """
    fake = FakeASI1(seed=5)
    fake.play(head, Data(b"-" * (before - len(CUT)) + KEY.encode()), times=None)

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error, CUT)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["plain", "stream"])
async def test_the_beginning_of_an_event_has_no_piece_of_the_key(stream):
    """
    The 200 characters that an error keeps of an event do not end in most of a key.
    """
    fake = FakeASI1(seed=5)
    fake.play(SSE, Data(b"data: " + b"-" * (200 - len(CUT)) + KEY.encode() + b"\n\n"))

    async with client_of(fake) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.StreamDecodeError)
    assert [] == in_error(error, CUT)
