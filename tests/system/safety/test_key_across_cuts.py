"""
If an error quotes only a part of a reply, and that part ends within an API key, the
error shows no part of the key.
"""

from __future__ import annotations

import json

import pytest

import asi1

from asi1.testing import Close, Data, FakeASI1, Head

from ...support.talk import SSE
from .search import KEY, in_error
from .talk import CREATE_AND_STREAM, call, client_of


pytestmark = pytest.mark.virtual_time

# Errors hide each part of the key of at least this many characters; a shorter part
# could as well be an ordinary word.
PART = 8
PARTS = [KEY[place : place + PART] for place in range(len(KEY) - PART + 1)]
ESCAPED = "".join(f"\\u{ord(char):04x}" for char in KEY)

SNIPPET, BODY, READ = 200, 64 * 1024, 512 * 1024


def head(status, kind):
    """
    Return a response head without Content-Length, so that the end of the data is the
    end of the body.
    """
    return Head(status, (("content-type", kind),))


def filler(size):
    """Return *size* characters that contain no part of the key."""
    return "-" * size


# For each kind of reply: the maximum number of characters that an error quotes, and a
# function that returns a reply with *before* characters, then the echoed key.
CUTS = {
    "snippet": (SNIPPET, lambda before: (SSE, f"data: {filler(before)}{KEY}\n\n")),
    "snippet-of-list": (
        SNIPPET,
        lambda before: (SSE, f'data: ["{filler(before - 2)}{KEY}"]\n\n'),
    ),
    "text": (
        SNIPPET,
        lambda before: (head(500, "text/plain"), filler(before) + KEY + filler(500)),
    ),
    "text-200": (
        SNIPPET,
        lambda before: (head(200, "text/plain"), filler(before) + KEY + filler(500)),
    ),
    "title": (
        SNIPPET,
        lambda before: (
            head(502, "text/html"),
            f"<title>{filler(before)}{KEY}</title>",
        ),
    ),
    "json-string": (
        SNIPPET,
        lambda before: (
            head(401, "application/json"),
            json.dumps(filler(before) + KEY),
        ),
    ),
    "escaped-json-string": (
        SNIPPET,
        lambda before: (head(401, "application/json"), f'"{filler(before)}{ESCAPED}"'),
    ),
    "escaped-json-string-200": (
        SNIPPET,
        lambda before: (head(200, "application/json"), f'"{filler(before)}{ESCAPED}"'),
    ),
    "escaped-title": (
        SNIPPET,
        lambda before: (
            head(401, "application/json"),
            f'{{"errors": ["<title>{filler(before)}{ESCAPED}"]}}',
        ),
    ),
    "escaped-error-event": (
        SNIPPET,
        lambda before: (SSE, f'event: error\ndata: "{filler(before)}{ESCAPED}"\n\n'),
    ),
    "body": (
        BODY,
        lambda before: (head(500, "text/plain"), filler(before) + KEY + filler(500)),
    ),
    "body-200": (
        BODY,
        lambda before: (head(200, "text/plain"), filler(before) + KEY + filler(500)),
    ),
    "json-body": (
        BODY,
        lambda before: (
            head(500, "application/json"),
            f'{{"message": "{filler(before - 13)}{KEY}"}}',
        ),
    ),
}


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("size", [PART, PART + 1, len(KEY) // 2, len(KEY) - 1])
@pytest.mark.parametrize("cut", CUTS)
async def test_api_key_at_the_end_of_a_shortened_quote_is_removed_from_the_error(
    cut, size, stream
):
    """
    If an error quotes a reply only up to *size* characters after the beginning of an
    echoed key, the error contains no part of the API key.
    """
    place, reply = CUTS[cut]
    start, body = reply(place - size)
    fake = FakeASI1(seed=5)
    fake.play(start, Data(body.encode()), times=None)

    async with client_of(fake, max_retries=0) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error, PARTS)


@pytest.mark.parametrize("stream", CREATE_AND_STREAM, ids=["create", "stream"])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("size", [PART, len(KEY) - 1])
async def test_api_key_cut_by_the_end_of_a_body_is_removed_from_the_error(
    size, status, stream
):
    """
    If a body with many echoed keys ends within an API key, or is read only up to a
    point within a key, the error contains no part of that last key.
    """
    keys = (KEY + " ") * (READ // (len(KEY) + 1) + 1)
    body = keys[: READ - READ % (len(KEY) + 1) + size]
    fake = FakeASI1(seed=5)
    fake.play(
        head(status, "text/plain"), Data(body.encode()), Data(b""), Close(), times=None
    )

    async with client_of(fake, max_retries=0) as client:
        error, _ = await call(client, stream=stream)

    assert isinstance(error, asi1.APIError)
    assert [] == in_error(error, PARTS)
